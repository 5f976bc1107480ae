"""What a chat answers: whole, or a stream of pieces that never ends as if all were well when it is not."""

from __future__ import annotations

import contextlib
import json
import logging
from decimal import Decimal
from typing import Any, Callable, Iterator, List, Mapping, Optional

from .completions import ChatCompletion, ChatCompletionChunk, Usage, parse_chunk, parse_completion
from .errors import KieAPIError, KieStreamError
from .pricing import CostEstimate
from .refusals import as_code, classify, unreadable
from .response import Response
from .sse import read_events
from .transport import Lost

logger = logging.getLogger("kie_sync")


def read_completion(response: Response, *, model: str) -> ChatCompletion:
    """The answer to a call that did not stream.

    Raises:
        KieOutcomeUnknownError: there is no answer in it; it may have been charged.
    """
    try:
        return parse_completion(response.json(), model=model)
    except ValueError as error:
        raise unreadable(response, is_paid=True, reason=str(error)) from error


class ChatStream:
    """The pieces of an answer, as they come. Iterate once; close early with `close` or `with`.

    After the end, `text`, `usage`, `credits_consumed` and `cost` hold the whole.

    Raises, while iterating:
        KieStreamError: it broke or ended early; `.partial` is the text so far, `.usage` what was told of it.
    """

    def __init__(
        self,
        response: Response,
        *,
        model: str,
        price: Callable[[Optional[Usage]], CostEstimate],
        on_end: Callable[[ChatStream, Optional[KieAPIError]], None],
    ) -> None:
        self._has_ended = self._is_whole = False
        self.is_dropped = False
        self._response, self._model, self._price, self._on_end = response, model, price, on_end
        # No generator of this object's own: a stream that is dropped half-read closes at once, not at some collection.
        self._events = None if response.chunks is None else read_events(response.chunks)
        self._text: List[str] = []
        self._has_answer = False
        self.usage: Optional[Usage] = None
        self.credits_consumed: Optional[Decimal] = None
        self.finish_reason: Optional[str] = None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer has come; not where it broke off, or was closed before its end."""
        return self._is_whole or self.finish_reason is not None

    @property
    def is_empty(self) -> bool:
        """Whether the answer is complete, with neither text nor a call of a tool in it."""
        return self.finish_reason is not None and not self._has_answer

    @property
    def cost(self) -> CostEstimate:
        """The price of the tokens that were told; unknown where none were."""
        return self._price(self.usage)

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        return self

    def __next__(self) -> ChatCompletionChunk:
        if self._has_ended:
            raise StopIteration
        try:
            chunk = self._read()
        except KieAPIError as error:
            self._end(error)
            raise
        if chunk is None:
            self._is_whole = True
            self._end(None)
            raise StopIteration
        return self._take(chunk)

    def close(self) -> None:
        """Close the connection; what was not read is not read, and is charged all the same."""
        self._end(None)

    def __enter__(self) -> ChatStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        # Listeners may hold locks here: the collector runs in the middle of anything.
        self.is_dropped = True
        with contextlib.suppress(Exception):
            self.close()

    def _end(self, error: Optional[KieAPIError]) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._response.close()
            self._on_end(self, error)

    def _read(self) -> Optional[ChatCompletionChunk]:
        """The next piece; None at the end."""
        if self._events is None:
            if self._has_answer:
                return None
            self._has_answer = True
            return self._as_chunk(read_completion(self._response, model=self._model))
        try:
            # An event without data is a sign of life.
            event = next((event for event in self._events if event.data.strip()), None)
        except Lost as error:
            if self.finish_reason is None:
                raise self._broken(f"the stream broke off: {error}") from error
            logger.warning("the stream broke off after its answer was complete: %s", error)
            return None
        if event is not None and event.data.strip() != "[DONE]":
            return parse_chunk(self._decode(event), model=self._model)
        if self.finish_reason is None and event is None:
            raise self._broken("the stream ended without a finish reason and without its end mark")
        if self.finish_reason is None and not self._has_answer:
            raise self._broken("the stream ended without an answer")
        return None

    def _take(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        choice = chunk.choices[0]
        if choice.delta.content:
            self._text.append(choice.delta.content)
        self._has_answer = self._has_answer or bool(choice.delta.content or choice.delta.tool_calls)
        self.finish_reason = choice.finish_reason or self.finish_reason
        # Google repeats running totals on every piece: the last one counts, they are never added up.
        self.usage = chunk.usage or self.usage
        if chunk.credits_consumed is not None:
            self.credits_consumed = chunk.credits_consumed
        return chunk

    def _decode(self, event: Any) -> Mapping[str, Any]:
        try:
            data = json.loads(event.data)
        except (ValueError, RecursionError) as error:
            raise self._broken("a piece of the stream is not JSON") from error
        if isinstance(data, list) and data:
            data = data[0]
        if not isinstance(data, Mapping):
            raise self._broken("a piece of the stream is not an object")
        fault = data.get("error")
        is_fault = (
            event.event == "error" or fault or ("choices" not in data and data.get("type") in ("error", "server_error"))
        )
        code = as_code(data.get("code"))
        if is_fault or ("choices" not in data and code not in (None, 200)):
            about = fault if isinstance(fault, Mapping) else data
            text = str(about.get("message") or about.get("msg") or fault or "no reason given")
            number = as_code(about.get("code"))
            raise self._broken(
                f"the platform broke the stream off: {text}",
                status_code=number,
                code=str(about.get("type") or "") or number,
            )
        return data

    def _as_chunk(self, whole: ChatCompletion) -> ChatCompletionChunk:
        message = whole.choices[0].message.to_dict()
        delta = {**message, "content": whole.text, "reasoning_content": whole.reasoning_content}
        raw = {**whole.raw, "choices": [{"index": 0, "delta": delta, "finish_reason": whole.finish_reason or "stop"}]}
        return parse_chunk(raw, model=self._model)

    def _broken(self, message: str, **about: Any) -> KieStreamError:
        kind = classify(about["status_code"], message) if about.get("status_code") else None
        hint = f" ({kind.__name__})" if kind is not None else ""
        return KieStreamError(
            f"{message}{hint}; {len(self.text):,} characters had come, and may be charged",
            partial=self.text,
            usage=self.usage,
            model=self._model,
            http_status=self._response.status,
            method=self._response.method,
            url=self._response.url,
            **about,
        )
