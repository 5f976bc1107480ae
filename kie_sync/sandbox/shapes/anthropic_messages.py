"""Answers of Anthropic's messages: blocks of content, and the named events that build them up.

Source: docs.anthropic.com, "Messages", "Streaming Messages"; `stream: true` as the default and `credits_consumed`
are KIE's (docs.kie.ai/market/claude).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ...definitions import Endpoint
from ..question import compact
from ..replies import Reply
from ..signatures import sign
from .anthropic_bodies import parameters, read, skeleton
from .form import Answer, Event

__all__ = ["charged", "events", "failure", "parameters", "read", "skeleton", "streams", "whole"]

_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal"}


def streams(body: Mapping[str, Any], endpoint: Endpoint, path: str) -> bool:
    return body.get("stream", True) is True


def charged(reply: Reply) -> int:
    return reply.completion_tokens + reply.reasoning_tokens


def _input_usage(reply: Reply) -> Dict[str, Any]:
    written, written_1h = reply.cache_write_tokens, reply.cache_write_1h_tokens
    return {
        "input_tokens": reply.fresh_tokens,
        "cache_creation_input_tokens": written + written_1h,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": written_1h},
        "service_tier": "standard",
    }


def _blocks(answer: Answer) -> List[Dict[str, Any]]:
    reply, found = answer.reply, []
    if answer.thoughts:
        found.append({"type": "thinking", "thinking": answer.thoughts, "signature": sign(answer.thoughts)})
    if reply.text:
        found.append({"type": "text", "text": reply.text})
    for number, call in enumerate(reply.calls):
        name = f"toolu_{answer.id[:23]}{number}"
        found.append({"type": "tool_use", "id": name, "name": call.name, "input": json.loads(call.arguments)})
    return found


def whole(answer: Answer) -> Dict[str, Any]:
    message = _message(answer, _blocks(answer), _STOPS[answer.reply.finish])
    if answer.has_usage:
        message["usage"] = {**_input_usage(answer.reply), "output_tokens": charged(answer.reply)}
        message["credits_consumed"] = answer.credits
    return message


def _message(answer: Answer, blocks: List[Dict[str, Any]], stop: Optional[str]) -> Dict[str, Any]:
    return {
        "id": f"msg_{answer.id[:24]}",
        "type": "message",
        "role": "assistant",
        "model": answer.slug,
        "content": blocks,
        "stop_reason": stop,
        "stop_sequence": None,
    }


def events(answer: Answer) -> List[Event]:
    message = _message(answer, [], None)
    if answer.has_usage:
        message["usage"] = {**_input_usage(answer.reply), "output_tokens": 1}
    found = [_event("message_start", message=message)]
    for index, block in enumerate(_blocks(answer)):
        found.append(_event("content_block_start", index=index, content_block=_begun(block)))
        found += [_event("ping")] if index == 0 else []
        for delta, is_delta in _deltas(answer, block):
            found.append(_event("content_block_delta", is_delta, index=index, delta=delta))
        found.append(_event("content_block_stop", index=index))
    last: Dict[str, Any] = {"delta": {"stop_reason": _STOPS[answer.reply.finish], "stop_sequence": None}}
    if answer.has_usage:
        counts = _input_usage(answer.reply)
        names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        last["usage"] = {**{name: counts[name] for name in names}, "output_tokens": charged(answer.reply)}
        last["credits_consumed"] = answer.credits
    return [*found, _event("message_delta", **last), _event("message_stop")]


def _begun(block: Mapping[str, Any]) -> Dict[str, Any]:
    """A block as its start shows it: without what the deltas bring."""
    empty: Dict[str, Any] = {"thinking": "", "signature": "", "text": "", "input": {}}
    return {name: empty.get(name, value) if name != "type" else value for name, value in block.items()}


def _deltas(answer: Answer, block: Mapping[str, Any]) -> List[Tuple[Dict[str, Any], bool]]:
    if block["type"] == "thinking":
        length = max(1, -(-len(block["thinking"]) // 3))
        pieces = [block["thinking"][at : at + length] for at in range(0, len(block["thinking"]), length)]
        told = [({"type": "thinking_delta", "thinking": piece}, False) for piece in pieces]
        return [*told, ({"type": "signature_delta", "signature": block["signature"]}, False)]
    if block["type"] == "text":
        return [({"type": "text_delta", "text": piece}, True) for piece in answer.pieces(block["text"])]
    pieces = ["", *answer.pieces(compact(block["input"]), 3)]
    return [({"type": "input_json_delta", "partial_json": piece}, True) for piece in pieces]


def failure(answer: Answer, sent: List[Event]) -> List[Event]:
    return [_event("error", error={"type": "overloaded_error", "message": "Overloaded"})]


def _event(kind: str, is_delta: bool = False, **fields: Any) -> Event:
    return Event({"type": kind, **fields}, kind, is_delta)
