"""What a chat answers: whole, or a stream of pieces that never ends as if all were well when it is not."""

from __future__ import annotations

import contextlib
import json
import logging
from collections import deque
from dataclasses import replace
from decimal import Decimal
from typing import Any, Callable, Deque, Iterator, Mapping, Optional

from .assembly import Assembly, Halves
from .completions import ChatCompletion, ChatCompletionChunk, ChunkChoice, Delta, Usage, unexplained
from .errors import KieAPIError, KieStreamError
from .pricing import CostEstimate
from .refusals import as_code, classify, unreadable
from .response import Response
from .shapes import Codec, StreamFault
from .sse import read_events
from .transport import Lost
from .typed import AnswerForm
from .values import whole_text

logger = logging.getLogger("kie_sync")
# OpenAI's end mark; gateways put it behind other shapes, too.
_DONE = "[DONE]"


def read_completion(response: Response, codec: Codec, *, model: str) -> ChatCompletion:
    """The answer to a call that did not stream.

    Raises:
        KieOutcomeUnknownError: there is no answer in it; it may have been charged.
    """
    try:
        return _in_whole_text(codec.parse_completion(response.json(), model=model))
    except ValueError as error:
        raise unreadable(response, is_paid=True, reason=str(error)) from error


def _in_whole_text(completion: ChatCompletion) -> ChatCompletion:
    choices = [
        replace(each, message=replace(each.message, **whole_text(vars(each.message)))) for each in completion.choices
    ]
    return replace(completion, choices=tuple(choices))


class ChatStream:
    """The pieces of an answer, as they come. Iterate once; close early with `close` or `with`.

    After the end, `text`, `usage`, `credits_consumed`, `cost` and `completion` (with its `parsed`) hold the whole.

    Raises, while iterating:
        KieStreamError: it broke or ended early; `.partial` is the text so far, `.usage` what was told of it, and
            `.cost` its price, unknown where the end was not told.
    """

    def __init__(
        self,
        response: Response,
        codec: Codec,
        *,
        model: str,
        price: Callable[[Optional[Usage]], CostEstimate],
        on_end: Callable[[ChatStream, Optional[KieAPIError]], None],
        form: Optional[AnswerForm] = None,
    ) -> None:
        self._has_ended = self._is_whole = False
        self.is_dropped = False
        self._form = form
        self._response, self._codec, self._model, self._price, self._on_end = response, codec, model, price, on_end
        # No generator of this object's own: a stream that is dropped half-read closes at once, not at some collection.
        self._events = None if response.chunks is None else read_events(response.chunks)
        self._reader = codec.Reader(model=model)
        self._waiting: Deque[ChatCompletionChunk] = deque()
        self._so_far, self._halves = Assembly(), Halves()
        self._whole: Optional[ChatCompletion] = None

    @property
    def text(self) -> str:
        """The text so far."""
        return self._so_far.text

    @property
    def usage(self) -> Optional[Usage]:
        """The tokens, as last told."""
        return self._so_far.usage

    @property
    def credits_consumed(self) -> Optional[Decimal]:
        """What the platform says it took."""
        return self._so_far.credits_consumed

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the answer ends; None before its end."""
        return self._so_far.finish_reason

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer has come; not where it broke off, or was closed before its end."""
        return self._is_whole or self.finish_reason is not None

    @property
    def is_empty(self) -> bool:
        """Whether the answer is complete, with neither text nor a call of a tool in it."""
        return self.finish_reason is not None and not self._so_far.has_answer

    @property
    def cost(self) -> CostEstimate:
        """The price of the tokens that were told; unknown where none were, or not all yet."""
        is_known = self.is_complete and self._so_far.is_usage_whole
        return self._price(self.usage if is_known else None)

    @property
    def unexplained_credits(self) -> Optional[Decimal]:
        """As `ChatCompletion.unexplained_credits`."""
        return unexplained(self.credits_consumed, self.cost)

    @property
    def completion(self) -> ChatCompletion:
        """The whole answer, as `chat` without `stream` gives it; what has come of it before its end."""
        if self._whole is not None:
            return replace(self._whole, cost=self.cost, form=self._form)
        native = whole_text(self._reader.native)
        return replace(self._so_far.completion(native=native, cost=self.cost), form=self._form)

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
        chunk = self._halves.joined(chunk)
        self._so_far.take(chunk)
        return chunk

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
            return self._read_whole()
        while not self._waiting:
            if self._reader.is_over:
                break
            try:
                # An event without data is a sign of life.
                event = next((event for event in self._events if event.data.strip()), None)
            except Lost as error:
                if self.finish_reason is None:
                    raise self._broken(f"the stream broke off: {error}") from error
                logger.warning("the stream broke off after its answer was complete: %s", error)
                return None
            if event is None and self.finish_reason is None:
                raise self._broken("the stream ended without a finish reason and without its end mark")
            if event is None or event.data.strip() == _DONE:
                break
            data = self._decode(event)
            try:
                self._waiting.extend(self._reader.read(event.event, data))
            except StreamFault as fault:
                self._so_far.take_credits(data)
                if fault.last is not None:
                    self._so_far.take(fault.last)
                raise self._refused(fault.text, fault.code) from fault
        if self._waiting:
            return self._waiting.popleft()
        if self.finish_reason is None and not self._so_far.has_answer:
            raise self._broken("the stream ended without an answer")
        return None

    def _read_whole(self) -> Optional[ChatCompletionChunk]:
        """A whole answer where a stream was asked for, as one piece."""
        if self._whole is not None:
            return None
        whole = read_completion(self._response, self._codec, model=self._model)
        message = whole.message
        delta = Delta(message.role, whole.text, message.reasoning_content, message.tool_calls)
        choice = ChunkChoice(delta, finish_reason=whole.finish_reason or "stop")
        chunk = ChatCompletionChunk(
            (choice,), whole.id, whole.model, whole.usage, whole.credits_consumed, {**whole.raw, "choices": [{}]}
        )
        self._whole = whole
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
            self._so_far.take_credits(data)
            raise self._refused(text, about.get("type") or number, number)
        return data

    def _refused(self, text: str, code: Any, number: Optional[int] = None) -> KieStreamError:
        return self._broken(
            f"the platform broke the stream off: {text}", status_code=number, code=str(code or "") or None
        )

    def _broken(self, message: str, **about: Any) -> KieStreamError:
        kind = classify(about["status_code"], message) if about.get("status_code") else None
        hint = f" ({kind.__name__})" if kind is not None else ""
        return KieStreamError(
            f"{message}{hint}; {len(self.text):,} characters had come, and may be charged",
            partial=self.text,
            usage=self.usage,
            cost=self.cost,
            credits_consumed=self.credits_consumed,
            model=self._model,
            http_status=self._response.status,
            method=self._response.method,
            url=self._response.url,
            **about,
        )
