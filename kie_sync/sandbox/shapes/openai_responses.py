"""Answers of OpenAI's Responses: items, and numbered events for each step of each item.

Source: platform.openai.com, "Responses", "Streaming events"; `credits_consumed` is KIE's.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ...definitions import Endpoint
from ..replies import Reply
from .form import FAILED_TEXT, Answer, Event, mapping
from .responses_bodies import SHAPE, parameters, read, skeleton

__all__ = ["charged", "events", "failure", "parameters", "read", "skeleton", "streams", "whole"]

# KIE's pages give `stream: false` as the default for its Codex models, and true for these.
_STREAMING = ("/grok/", "/openai/")
_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def streams(body: Mapping[str, Any], endpoint: Endpoint, path: str) -> bool:
    return body.get("stream", endpoint.path.startswith(_STREAMING)) is True


def charged(reply: Reply) -> int:
    return reply.completion_tokens + reply.reasoning_tokens


def _usage(reply: Reply) -> Dict[str, Any]:
    written = reply.cache_write_tokens + reply.cache_write_1h_tokens
    return {
        "input_tokens": reply.prompt_tokens,
        "input_tokens_details": {"cached_tokens": reply.cached_tokens, "cache_write_tokens": written},
        "output_tokens": charged(reply),
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": reply.prompt_tokens + charged(reply),
    }


def _items(answer: Answer) -> List[Dict[str, Any]]:
    reply, name = answer.reply, answer.id
    found: List[Dict[str, Any]] = []
    if reply.thoughts:
        summary = [{"type": "summary_text", "text": answer.thoughts}] if answer.thoughts else []
        thinking = {"id": f"rs_{name}", "type": "reasoning", "summary": summary}
        found.append({**thinking, "encrypted_content": answer.signature})
    if answer.question.wants_search:
        action = {"type": "search", "query": answer.question.text, "queries": [answer.question.text]}
        found.append({"id": f"ws_{name}", "type": "web_search_call", "status": "completed", "action": action})
    for number, call in enumerate(reply.calls):
        ids = {"id": f"fc_{name[:31]}{number}", "call_id": _call_id(answer, number)}
        function = {"name": call.name, "arguments": call.arguments, "status": "completed"}
        found.append({"type": "function_call", **ids, **function})
    if reply.text:
        content = [{"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}]
        status = "incomplete" if reply.finish in _REASONS else "completed"
        message = {"id": f"msg_{name}", "type": "message", "role": "assistant"}
        found.append({**message, "status": status, "content": content})
    return found


def _call_id(answer: Answer, number: int) -> str:
    return f"call_{answer.signed_id(number, SHAPE)}" if answer.reply.thoughts else f"call_{answer.id[:23]}{number}"


def _response(answer: Answer, status: str, output: List[Dict[str, Any]]) -> Dict[str, Any]:
    body = answer.body
    reasoning = mapping(body.get("reasoning"))
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": {"code": "server_error", "message": FAILED_TEXT} if status == "failed" else None,
        "incomplete_details": {"reason": _REASONS[answer.reply.finish]} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": answer.slug,
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "store": False,
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []),
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": None,
        "metadata": body.get("metadata", {}),
    }


def whole(answer: Answer) -> Dict[str, Any]:
    status = "failed" if answer.fails else "incomplete" if answer.reply.finish in _REASONS else "completed"
    found = _response(answer, status, [] if answer.fails else _items(answer))
    if answer.has_usage and not answer.fails:
        found.update(usage=_usage(answer.reply), credits_consumed=answer.credits)
    return found


class _Script:
    """The events, each with its number."""

    def __init__(self) -> None:
        self.events: List[Event] = []

    def add(self, kind: str, is_delta: bool = False, **fields: Any) -> None:
        number = len(self.events)
        name = kind if kind == "error" else f"response.{kind}"
        self.events.append(Event({"type": name, "sequence_number": number, **fields}, name, is_delta))


def events(answer: Answer) -> List[Event]:
    script, items = _Script(), _items(answer)
    for kind in ("created", "in_progress"):
        script.add(kind, response=_response(answer, "in_progress", []))
    for index, item in enumerate(items):
        place = {"output_index": index, "item_id": item["id"]}
        script.add("output_item.added", output_index=index, item=_begun(item))
        if item["type"] == "reasoning":
            _tell_thoughts(script, answer, place)
        elif item["type"] == "web_search_call":
            for step in ("in_progress", "searching", "completed"):
                script.add(f"web_search_call.{step}", **place)
        elif item["type"] == "function_call":
            for piece in answer.pieces(item["arguments"], 3):
                script.add("function_call_arguments.delta", True, **place, delta=piece)
            ended = {"name": item["name"], "arguments": item["arguments"]}
            script.add("function_call_arguments.done", **place, **ended)
        else:
            _tell_text(script, answer, place, item["content"][0])
        script.add("output_item.done", output_index=index, item=item)
    last = whole(answer)
    # Beside the usage, which stands in the response, and on the event: where KIE puts it is not on record.
    credits = {"credits_consumed": last["credits_consumed"]} if "credits_consumed" in last else {}
    script.add(last["status"], response=last, **credits)
    return script.events


def _begun(item: Mapping[str, Any]) -> Dict[str, Any]:
    """An item as its start shows it: without what the deltas bring."""
    empty: Dict[str, Any] = {"arguments": "", "content": [], "summary": [], "status": "in_progress"}
    return {name: empty.get(name, value) for name, value in item.items()}


def _tell_thoughts(script: _Script, answer: Answer, place: Mapping[str, Any]) -> None:
    if not answer.thoughts:
        return
    at = {**place, "summary_index": 0}
    script.add("reasoning_summary_part.added", **at, part={"type": "summary_text", "text": ""})
    length = max(1, -(-len(answer.thoughts) // 3))
    for start in range(0, len(answer.thoughts), length):
        script.add("reasoning_summary_text.delta", **at, delta=answer.thoughts[start : start + length])
    script.add("reasoning_summary_text.done", **at, text=answer.thoughts)
    script.add("reasoning_summary_part.done", **at, part={"type": "summary_text", "text": answer.thoughts})


def _tell_text(script: _Script, answer: Answer, place: Mapping[str, Any], part: Mapping[str, Any]) -> None:
    at = {**place, "content_index": 0}
    script.add("content_part.added", **at, part={**part, "text": ""})
    for piece in answer.pieces(part["text"]):
        script.add("output_text.delta", True, **at, delta=piece, logprobs=[])
    script.add("output_text.done", **at, text=part["text"], logprobs=[])
    script.add("content_part.done", **at, part=part)


def failure(answer: Answer, sent: List[Event]) -> List[Event]:
    numbers = {"sequence_number": len(sent)}
    if answer.fails:
        response = _response(answer, "failed", [])
        return [Event({"type": "response.failed", **numbers, "response": response}, "response.failed")]
    error: Dict[str, Optional[str]] = {"code": "server_error", "message": FAILED_TEXT, "param": None}
    return [Event({"type": "error", **numbers, **error}, "error")]
