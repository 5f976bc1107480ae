"""Answers of Gemini's own API: parts, upper-case words, running totals on every chunk, and no end mark.

Source: ai.google.dev, "Generating content", "Thought signatures"; `credits_consumed` is KIE's.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ...definitions import Endpoint
from ..question import MEDIA_TOKENS
from ..replies import Reply
from .form import Answer, Event
from .gemini_bodies import SHAPE, parameters, read, skeleton

__all__ = ["charged", "events", "failure", "parameters", "read", "skeleton", "streams", "whole"]

_FINISHES = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}
_MODALITIES = {"image": "IMAGE", "video": "VIDEO", "audio": "AUDIO", "pdf": "DOCUMENT"}


def streams(body: Mapping[str, Any], endpoint: Endpoint, path: str) -> bool:
    # KIE's flag counts where it is given; Google's own client does not know it, and says what it wants by the path.
    return not path.endswith(":generateContent") and body.get("stream", True) is True


def charged(reply: Reply) -> int:
    return reply.completion_tokens + reply.reasoning_tokens


def _usage(answer: Answer, done: float = 1.0) -> Dict[str, Any]:
    reply = answer.reply
    candidates = int(reply.completion_tokens * done)
    media = answer.question.media
    by_kind = {word: MEDIA_TOKENS * media.count(kind) for kind, word in _MODALITIES.items() if kind in media}
    text = reply.prompt_tokens - sum(by_kind.values())
    usage: Dict[str, Any] = {
        "promptTokenCount": reply.prompt_tokens,
        "candidatesTokenCount": candidates,
        "totalTokenCount": reply.prompt_tokens + candidates + reply.reasoning_tokens,
        "promptTokensDetails": [
            {"modality": word, "tokenCount": count} for word, count in {"TEXT": text, **by_kind}.items()
        ],
    }
    if reply.reasoning_tokens:
        usage["thoughtsTokenCount"] = reply.reasoning_tokens
    if reply.cached_tokens:
        usage["cachedContentTokenCount"] = reply.cached_tokens
    return usage


def _calls(answer: Answer) -> List[Dict[str, Any]]:
    parts = []
    for number, call in enumerate(answer.reply.calls):
        function = {"id": _call_id(answer, number), "name": call.name, "args": json.loads(call.arguments)}
        parts.append({"functionCall": function, **({"thoughtSignature": answer.signature} if number == 0 else {})})
    return parts


def _call_id(answer: Answer, number: int) -> str:
    # Only the first of several calls carries a signature, and has an id that says so.
    return answer.signed_id(number, SHAPE) if number == 0 else f"{answer.id[:23]}{number}"


def whole(answer: Answer) -> Dict[str, Any]:
    parts: List[Dict[str, Any]] = []
    if answer.thoughts:
        parts.append({"text": answer.thoughts, "thought": True})
    if answer.reply.text:
        parts.append({"text": answer.reply.text, **_vouched(answer)})
    finish = _FINISHES.get(answer.reply.finish)
    return _chunk(answer, [*parts, *_calls(answer)], finish=finish, is_last=True)


def _vouched(answer: Answer) -> Dict[str, Any]:
    """The signature on a text; it may be left out when the text goes back."""
    return {"thoughtSignature": answer.signature} if answer.reply.thoughts else {}


def events(answer: Answer) -> List[Event]:
    length = max(1, -(-len(answer.thoughts) // 3))
    told = [answer.thoughts[at : at + length] for at in range(0, len(answer.thoughts), length)]
    found = [Event(_chunk(answer, [{"text": piece, "thought": True}], done=0.0)) for piece in told]
    deltas: List[Dict[str, Any]] = [{"text": piece} for piece in answer.pieces(answer.reply.text)]
    deltas += _calls(answer)
    for number, part in enumerate(deltas):
        found.append(Event(_chunk(answer, [part], done=(number + 1) / len(deltas)), is_delta=True))
    last = [{"text": "", **(_vouched(answer) if answer.reply.text else {})}]
    finish = _FINISHES.get(answer.reply.finish)
    return [*found, Event(_chunk(answer, last, finish=finish, is_last=True))]


def _chunk(
    answer: Answer, parts: List[Dict[str, Any]], *, done: float = 1.0, finish: Any = None, is_last: bool = False
) -> Dict[str, Any]:
    chunk: Dict[str, Any] = {"modelVersion": answer.slug, "responseId": answer.id[:22]}
    if answer.reply.finish == "content_filter":
        chunk = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **chunk}
    else:
        candidate: Dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = finish
        chunk = {"candidates": [candidate], **chunk}
    if answer.has_usage:
        chunk["usageMetadata"] = _usage(answer, done)
        if is_last:
            chunk["credits_consumed"] = answer.credits
    return chunk


def failure(answer: Answer, sent: List[Event]) -> List[Event]:
    text = "The model is overloaded. Please try again later."
    return [Event({"error": {"code": 503, "message": text, "status": "UNAVAILABLE"}})]
