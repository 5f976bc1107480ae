"""One turn of a conversation that streams: the pieces of its answer, over all rounds of tools that it takes."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Callable, Iterator, List, Optional

from .chat_stream import ChatStream
from .completions import ChatCompletion, ChatCompletionChunk, Usage
from .errors import KieError
from .pricing import CostEstimate
from .tool_run import ToolLoop, ToolRun
from .totals import total_cost, total_usage


class TurnStream:
    """The pieces of a turn, as they come. Iterate once; close early with `close` or `with`.

    Where functions are called, the pieces of all answers come one after another; `text` and `completion` are those of
    the last one, `usage` and `cost` those of all.

    Args:
        ask: sends the next question.
        on_answer: told of each stream when no more comes of it.
        on_end: told once, when the turn is over: the stream that was closed half-way, if one was, and the error, if
            there was one.
    """

    def __init__(
        self,
        loop: ToolLoop,
        ask: Callable[[], ChatStream],
        on_answer: Callable[[ChatStream], None],
        on_end: Callable[[Optional[ChatStream], Optional[BaseException]], None],
    ) -> None:
        self._has_ended = True
        self._loop, self._ask, self._on_answer, self._on_end = loop, ask, on_answer, on_end
        self._streams: List[ChatStream] = []
        self._is_reading = False
        # The first question is sent here, so that a refusal comes where the turn is asked for.
        self._next_round()
        self._has_ended = False

    @property
    def run(self) -> ToolRun:
        """What has come of the turn so far, round by round."""
        return self._loop.run

    @property
    def text(self) -> str:
        """The text of the last answer so far."""
        return self._streams[-1].text

    @property
    def completion(self) -> ChatCompletion:
        """The last answer; what has come of it before its end."""
        return self._streams[-1].completion

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the last answer ends; None before its end."""
        return self._streams[-1].finish_reason

    @property
    def is_complete(self) -> bool:
        """Whether the last answer has come whole; not where it broke off, or was closed before its end."""
        return self._streams[-1].is_complete

    @property
    def usage(self) -> Optional[Usage]:
        """The tokens of all answers; None where one did not tell."""
        return total_usage([stream.usage for stream in self._streams])

    @property
    def cost(self) -> Optional[CostEstimate]:
        """The price of all answers; its figures are None where one is unknown, as that of an answer closed early is."""
        return total_cost([stream.cost for stream in self._streams])

    @property
    def credits_consumed(self) -> Optional[Decimal]:
        """What the platform says that it took in all; None where it did not say so of one answer."""
        told = [stream.credits_consumed for stream in self._streams]
        known = [credits for credits in told if credits is not None]
        return sum(known, Decimal(0)) if len(known) == len(told) else None

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        return self

    def __next__(self) -> ChatCompletionChunk:
        while not self._has_ended:
            try:
                chunk = self._read()
            except KieError as error:
                self._end(None, error)
                raise
            if chunk is not None:
                return chunk
        raise StopIteration

    def close(self) -> None:
        """Close the connection. What came of the answer stays in the conversation, and is charged as a whole."""
        if self._has_ended:
            return
        stream = self._streams[-1]
        if not self._is_reading:
            self._end(None, GeneratorExit())
            return
        stream.close()
        self._end(stream, None)

    def __enter__(self) -> TurnStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _read(self) -> Optional[ChatCompletionChunk]:
        with self._loop.kept():
            if not self._is_reading:
                self._next_round()
            chunk = next(self._streams[-1], None)
            if chunk is not None:
                return chunk
            self._is_reading = False
            self._on_answer(self._streams[-1])
            if not self._loop.take(self._streams[-1].completion):
                self._end(None, None)
        return None

    def _next_round(self) -> None:
        self._streams.append(self._ask())
        self._is_reading = True

    def _end(self, closed: Optional[ChatStream], error: Optional[BaseException]) -> None:
        self._has_ended = True
        self._on_end(closed, error)
