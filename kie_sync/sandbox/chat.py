"""Chat over the wire: the OpenAI shape as KIE sends it, and as Google's compatible endpoint does."""

from __future__ import annotations

import time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Dict, Iterator, List, Mapping, Optional

from werkzeug.wrappers import Response

from ..definitions import Model
from ..errors import KieInputError
from ..params import Arguments
from ..pricing import quote
from .answers import CODE_TEXTS, Dropped, Refused, dumps, json_answer
from .checks import check_input, schema_fault
from .replies import Reply, reply_to, tokens_of
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


def check_chat(model: Model, body: Mapping[str, Any], *, is_google: bool) -> Arguments:
    """The arguments in a chat request's body.

    Raises:
        Refused: a field is missing or wrong, in the words of KIE or of Google.
    """
    known = model.input_schema.get("properties", {})
    own = {name: value for name, value in body.items() if name not in _COMMON}
    unknown = [name for name in own if name not in known]
    if is_google:
        for name in unknown:
            if name not in _ACCEPTED:
                raise Refused(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    # KIE passes over what it does not know; what it does not know here may well be something newer.
    own = {name: value for name, value in own.items() if name not in unknown}
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused(400 if is_google else 500, "contents is not specified" if is_google else "messages is required")
    fault = schema_fault(_MESSAGES, messages)
    if fault is not None:
        raise Refused(400 if is_google else 500, fault)
    try:
        return check_input(model, own)
    except Refused as refused:
        raise Refused(400, f"Invalid value: {refused.text}") if is_google else refused from None


_MESSAGES: Dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["role"],
        "properties": {
            "role": {"enum": ["developer", "system", "user", "assistant", "tool"]},
            "content": {
                "type": ["string", "array", "null"],
                "items": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
            },
        },
    },
}


class Conversation:
    """One chat request that was accepted: its answer, its cost, and how it goes over the wire."""

    def __init__(
        self,
        model: Model,
        body: Mapping[str, Any],
        arguments: Arguments,
        faults: Mapping[str, str],
        state: State,
        *,
        is_google: bool,
    ) -> None:
        self.model, self.body, self.faults, self.state = model, body, faults, state
        self.is_google = is_google
        self.reply = _emptied(reply_to(body)) if "empty" in faults else reply_to(body)
        self.shows_thoughts = not is_google and body.get("include_thoughts", True) is not False
        self.id = f"chatcmpl-{state.new_id()}"
        self.created = int(time.time())
        self.credits = Decimal(0) if is_google else self._price(arguments)

    def answer(self) -> Response:
        """The response, whole or as a stream; takes the credits.

        Raises:
            Refused: as the fault `envelope` asks.
        """
        if "envelope" in self.faults:
            code = int(float(self.faults["envelope"] or 500))
            raise Refused(code, CODE_TEXTS.get(code, "Server exception, please try again later"), with_data=False)
        if not self.is_google:
            self.state.charge_chat(self.credits)
        if self.body.get("stream", not self.is_google) is not True:
            return json_answer(self._whole())
        answer = Response(self._events(), content_type="text/event-stream;charset=UTF-8")
        answer.headers["Cache-Control"] = "no-cache"
        return answer

    def _price(self, arguments: Arguments) -> Decimal:
        reply = self.reply
        # Hidden thinking is not charged: a recorded answer (8 in, 1 out, 115 in all) took 0.01 credits.
        used = {"input_tokens": reply.prompt_tokens, "output_tokens": reply.completion_tokens}
        try:
            credits = quote(self.model, arguments, quantities=used).platform_credits
        except KieInputError:
            credits = None
        return max((credits or Decimal(0)).quantize(_CENT, ROUND_HALF_UP), _CENT)

    def _usage(self, done: float = 1.0) -> Dict[str, Any]:
        reply = self.reply
        completion = int(reply.completion_tokens * done)
        usage: Dict[str, Any] = {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": completion,
            # Hidden thinking counts here and nowhere else, so the total is no sum of the two.
            "total_tokens": reply.prompt_tokens + completion + reply.reasoning_tokens,
        }
        if not self.is_google:
            usage["completion_tokens_details"] = {
                "text_tokens": completion,
                "audio_tokens": 0,
                "reasoning_tokens": reply.reasoning_tokens,
            }
        return usage

    def _calls(self, *, in_stream: bool) -> List[Dict[str, Any]]:
        calls: List[Dict[str, Any]] = []
        for number, call in enumerate(self.reply.calls):
            one: Dict[str, Any] = {
                "id": f"call_{self.id[-12:]}{number}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            if in_stream and not self.is_google:
                one["index"] = number
            if self.is_google:
                one["extra_content"] = {"google": {"thought_signature": self.id[-16:]}}
            calls.append(one)
        return calls

    def _whole(self) -> Dict[str, Any]:
        message: Dict[str, Any] = {"role": "assistant", "content": self.reply.text}
        if self.reply.calls:
            message["content"] = None
            message["tool_calls"] = self._calls(in_stream=False)
        if self.shows_thoughts and self.reply.thoughts:
            message["reasoning_content"] = self.reply.thoughts
        whole: Dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "choices": [{"index": 0, "finish_reason": self.reply.finish, "message": message}],
        }
        if "no-usage" not in self.faults:
            whole["usage"] = self._usage()
        if self.is_google:
            whole["model"] = self.model.slug
        elif "no-usage" not in self.faults:
            whole["credits_consumed"] = float(self.credits)
        return whole

    def _chunk(self, delta: Mapping[str, Any], *, finish: Optional[str] = None, done: float = 0.0) -> str:
        choice: Dict[str, Any] = {"delta": {**delta, "role": "assistant"} if self.is_google else delta, "index": 0}
        if finish is not None:
            choice["finish_reason"] = finish
        chunk = self._frame([choice])
        if self.is_google and self._wants_usage():
            chunk["usage"] = self._usage(done)
        return _event(chunk)

    def _frame(self, choices: List[Dict[str, Any]]) -> Dict[str, Any]:
        return {
            "choices": choices,
            "id": self.id,
            "created": self.created,
            "model": self.model.slug,
            "object": "chat.completion.chunk",
        }

    def _wants_usage(self) -> bool:
        options = self.body.get("stream_options")
        return "no-usage" not in self.faults and isinstance(options, dict) and options.get("include_usage") is True

    def _events(self) -> Iterator[bytes]:
        for number, event in enumerate(self._paced()):
            if number:
                self.state.sleep(PACE_S / self.state.clock.speed)
            yield event.encode("utf-8")

    def _paced(self) -> Iterator[str]:
        faults, reply = self.faults, self.reply
        if not self.is_google:
            yield self._chunk({"role": "assistant", "content": ""})
            if self.shows_thoughts:
                for piece in _pieces(reply.thoughts, 3):
                    yield self._chunk({"reasoning_content": piece})
        texts = [reply.text] if "one-delta" in faults else _pieces(reply.text, 8)
        deltas: List[Dict[str, Any]] = [{"content": text} for text in texts if text]
        deltas += [{"tool_calls": [call]} for call in self._calls(in_stream=True)]
        for number, delta in enumerate(deltas):
            if number == (len(deltas) + 1) // 2 or len(deltas) == 1:
                yield from self._break()
                if "event-error" in faults:
                    return
            yield self._chunk(delta, done=(number + 1) / len(deltas))
        if "silent-close" in faults:
            return
        yield self._chunk({}, finish=reply.finish, done=1.0)
        if not self.is_google and "no-usage" not in faults:
            last = self._frame([])
            last.update(usage=self._usage(), credits_consumed=float(self.credits), system_fingerprint="")
            yield _event(last)
        yield "data: [DONE]\n\n"

    def _break(self) -> Iterator[str]:
        """What goes wrong in the middle, if that was asked for."""
        if "stall" in self.faults:
            self.state.sleep(float(self.faults["stall"]))
        if "cut" in self.faults:
            raise Dropped
        if "event-error" in self.faults:
            error = {"type": "upstream_error", "message": "Upstream generation error"}
            yield "event: error\n" + _event({"type": "error", "error": error})


def _event(value: Any) -> str:
    return f"data: {dumps(value)}\n\n"


def _pieces(text: str, count: int) -> List[str]:
    """A text in about so many pieces of equal length."""
    length = max(1, -(-len(text) // count))
    return [text[at : at + length] for at in range(0, len(text), length)]


def _emptied(reply: Reply) -> Reply:
    """The same without a word in it, though its thinking was long."""
    return Reply("", "", (), "stop", reply.prompt_tokens, tokens_of("thinking ") * 3000, 0)
