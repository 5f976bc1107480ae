"""One chat request from body to bytes, whatever its shape: checked, answered, priced, paced, and broken on request."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Iterator, List, Mapping

from werkzeug.wrappers import Response

from ..definitions import Model
from ..errors import KieInputError
from ..params import Arguments
from ..pricing import quote
from .answers import CODE_TEXTS, Dropped, Refused, json_answer
from .checks import check_body, schema_fault
from .question import tokens_of
from .replies import Reply, reply_to
from .shapes import SHAPES, Answer, Event, Shape
from .shapes.form import FAILED_TEXT, MAINTAINED_TEXT
from .state import State

# Sandbox seconds between chunks.
PACE_S = 0.04
# What every OpenAI client may send beside the model's own parameters.
_COMMON = ("model", "stream", "stream_options")
_ACCEPTED = (
    "top_p",
    "n",
    "stop",
    "seed",
    "user",
    "presence_penalty",
    "frequency_penalty",
    "max_completion_tokens",
    "parallel_tool_calls",
    "extra_body",
    "modalities",
    "store",
    "metadata",
)
_CENT = Decimal("0.01")
# What ends a stream in the middle, in the place of the rest.
_ENDINGS = ("event-error", "server-error", "maker-error", "failed")


class Conversation:
    """One chat request that was accepted: its answer, its cost, and how it goes over the wire.

    Raises:
        Refused: a field is missing or wrong, in the words of KIE or of the model's maker.
    """

    def __init__(
        self, model: Model, body: Mapping[str, Any], faults: Mapping[str, str], state: State, path: str
    ) -> None:
        self.faults, self.state = faults, state
        self.shape: Shape = SHAPES[model.endpoint.shape]
        self.is_google = model.endpoint.provider.name == "google"
        arguments = _check(model, self.shape, body, is_google=self.is_google)
        question = self.shape.read(body)
        if not self.is_google and question.wants_search and question.tools:
            raise Refused(500, "Search and function calling cannot be used together")
        self.streams = self.shape.streams(body, model.endpoint, path)
        reply = _as_asked(reply_to(question), faults)
        self.credits = Decimal(0) if self.is_google else _price(model, arguments, reply, self.shape.charged(reply))
        self.written = Answer(
            reply,
            question,
            body,
            model.slug,
            id=state.new_id(),
            created=int(time.time()),
            credits=None if self.is_google else float(self.credits),
            is_google=self.is_google,
            in_one="one-delta" in faults,
            has_usage="no-usage" not in faults,
            fails="failed" in faults,
        )

    def answer(self) -> Response:
        """The response, whole or as a stream; takes the credits.

        Raises:
            Refused: as the faults `envelope` and `failed` ask.
        """
        if "envelope" in self.faults:
            code = int(float(self.faults["envelope"] or 500))
            raise Refused(code, CODE_TEXTS.get(code, "Server exception, please try again later"), with_data=False)
        if not self.streams:
            whole = self.shape.whole(self.written)
            if "failed" in self.faults and whole.get("status") != "failed":
                raise Refused(500, FAILED_TEXT, with_data=False)
        if not self.is_google:
            self.state.charge_chat(self.credits)
        if not self.streams:
            return json_answer(whole)
        answer = Response(self._paced(), content_type="text/event-stream;charset=UTF-8")
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    def _paced(self) -> Iterator[bytes]:
        pace = float(self.faults["pace"]) if "pace" in self.faults else PACE_S / self.state.clock.speed
        for number, event in enumerate(self._events()):
            if number:
                self.state.sleep(pace)
            yield str(event).encode("utf-8")

    def _events(self) -> Iterator[Event]:
        """The events; in the middle of the answer goes wrong what was asked for."""
        events = self.shape.events(self.written)
        deltas = [number for number, event in enumerate(events) if event.is_delta]
        middle = -1
        if deltas:
            middle = deltas[(len(deltas) + 1) // 2] if len(deltas) > 1 else deltas[0]
        for number, event in enumerate(events):
            if number == middle:
                if "stall" in self.faults:
                    self.state.sleep(float(self.faults["stall"]))
                if "cut" in self.faults:
                    raise Dropped
                if any(name in self.faults for name in _ENDINGS):
                    yield from self._ending(events[:number])
                    return
            yield event
            if "silent-close" in self.faults and number == (deltas[-1] if deltas else 0):
                return

    def _ending(self, sent: List[Event]) -> List[Event]:
        if "event-error" in self.faults:
            error = {"type": "upstream_error", "message": "Upstream generation error"}
            return [Event({"type": "error", "error": error}, "error")]
        if "server-error" in self.faults:
            return [Event({"type": "server_error", "message": MAINTAINED_TEXT})]
        return self.shape.failure(self.written, sent)


def _check(model: Model, shape: Shape, body: Mapping[str, Any], *, is_google: bool) -> Arguments:
    """The arguments in a body."""
    if is_google:
        known = {parameter.wire for parameter in model.parameters.values()}
        for name in body:
            if name not in known and name not in _COMMON and name not in _ACCEPTED:
                raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    for name in ("messages", "contents"):
        given = body.get(name)
        if name in shape.skeleton()["properties"] and (not isinstance(given, list) or not given):
            raise Refused(400, "contents is not specified") if is_google else Refused(500, f"{name} is required")
    # KIE passes over what it does not know; what it does not know here may well be something newer.
    fault = schema_fault(shape.skeleton(), body)
    if fault is not None:
        raise Refused(400 if is_google else 500, fault)
    try:
        return check_body(model, shape.parameters(body))
    except Refused as refused:
        raise Refused(400, f"Invalid value: {refused.text}") if is_google else refused from None


def _as_asked(reply: Reply, faults: Mapping[str, str]) -> Reply:
    """The reply as the faults want it."""
    if "empty" in faults:
        # Without a word in it, though its thinking was long.
        hidden = tokens_of("thinking ") * 3000
        reply = replace(
            reply, text="", thoughts="", calls=(), finish="stop", reasoning_tokens=0, completion_tokens=hidden
        )
    if "blocked" in faults:
        reply = replace(
            reply, text="", thoughts="", calls=(), finish="content_filter", reasoning_tokens=0, completion_tokens=0
        )
    left = reply.prompt_tokens
    cached = min(left, _count(faults, "cached", reply.cached_tokens))
    written = min(left - cached, _count(faults, "cache-write", reply.cache_write_tokens))
    written_1h = min(left - cached - written, _count(faults, "cache-write-1h", reply.cache_write_1h_tokens))
    return replace(
        reply,
        cached_tokens=cached,
        cache_write_tokens=written,
        cache_write_1h_tokens=written_1h,
        audio_tokens=min(reply.audio_tokens, left - cached - written - written_1h),
    )


def _count(faults: Mapping[str, str], name: str, otherwise: int) -> int:
    return int(float(faults[name])) if name in faults else otherwise


def _price(model: Model, arguments: Arguments, reply: Reply, output: int) -> Decimal:
    used = {
        "input_tokens": reply.fresh_tokens - reply.audio_tokens,
        "cached_input_tokens": reply.cached_tokens,
        "cache_write_tokens": reply.cache_write_tokens,
        "cache_write_1h_tokens": reply.cache_write_1h_tokens,
        "audio_input_tokens": reply.audio_tokens,
        "output_tokens": output,
    }
    kept = {name: count for name, count in used.items() if count or name in ("input_tokens", "output_tokens")}
    try:
        credits = quote(model, arguments, quantities=kept).platform_credits
    except KieInputError:
        credits = None
    return max((credits or Decimal(0)).quantize(_CENT, ROUND_HALF_UP), _CENT)
