"""OpenAI's Responses: what the items of an answer say, whole or as a stream tells of them."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional

from ..completions import Usage
from .reading import both_ways, count_in, object_in, objects_in, word_in

SHAPE = "openai-responses"
THOUGHTS = ("summary", "reasoning")
# Between the parts of a summary, which are paragraphs of their own.
PARAGRAPH = "\n\n"
FAILED = ("failed", "cancelled")
_FINISHES = {"max_output_tokens": "length"}


class Said(NamedTuple):
    """A text in an item: `text`, `refusal`, `summary`, `reasoning` or `arguments`, and which part of the item it is."""

    channel: str
    part: int
    text: str


def said_in(item: Mapping[str, Any]) -> Iterator[Said]:
    """The texts of an item; none in one of a type that has no place in a conversation."""
    kind = item.get("type")
    if kind == "message":
        for place, part in enumerate(objects_in(item.get("content"))):
            if part.get("type") == "output_text":
                yield Said("text", place, word_in(part.get("text")) or "")
            elif part.get("type") == "refusal":
                yield Said("refusal", place, word_in(part.get("refusal")) or "")
    elif kind == "reasoning":
        for channel, name in zip(THOUGHTS, ("summary", "content")):
            for place, part in enumerate(objects_in(item.get(name))):
                yield Said(channel, place, word_in(part.get("text")) or "")
    elif kind == "function_call":
        yield Said("arguments", 0, word_in(item.get("arguments")) or "")


def call_in(item: Mapping[str, Any], arguments: str) -> Dict[str, Any]:
    """A call of a function as OpenAI's chat completions have it. Its `id` is what the answer must name."""
    return {
        "id": word_in(item.get("call_id")) or word_in(item.get("id")) or "",
        "type": "function",
        "function": {"name": word_in(item.get("name")) or "", "arguments": arguments},
    }


def native_of(output: List[Mapping[str, Any]], model: str) -> Optional[Dict[str, Any]]:
    """What `ChatMessage.native` keeps."""
    return {"shape": SHAPE, "model": model, "content": output} if output else None


def parse_usage(raw: Any) -> Optional[Usage]:
    """Token counts; None where one side was told neither by itself nor by the total.

    Thinking is among what came out, and what was read from the cache or written to it among what went in.
    """
    told = object_in(raw)
    counts = both_ways(told, "input_tokens", "output_tokens")
    if counts is None:
        return None
    details = object_in(told.get("input_tokens_details"))
    return Usage(
        *counts,
        cached_tokens=count_in(details.get("cached_tokens")) or 0,
        cache_write_tokens=count_in(details.get("cache_write_tokens")) or 0,
        reasoning_tokens=count_in(object_in(told.get("output_tokens_details")).get("reasoning_tokens")) or 0,
        raw=told,
    )


def finish_of(response: Mapping[str, Any], *, has_calls: bool, is_refused: bool) -> Optional[str]:
    """Why the answer ends, in OpenAI's words for chat completions; None where it has not ended."""
    status = word_in(response.get("status"))
    if status == "incomplete":
        reason = word_in(object_in(response.get("incomplete_details")).get("reason")) or status
        return _FINISHES.get(reason, reason.lower())
    if status not in (None, "completed"):
        return None
    return "tool_calls" if has_calls else "content_filter" if is_refused else "stop"


def failure_of(response: Mapping[str, Any]) -> Mapping[str, Any]:
    """Why there is no answer: `message`, and mostly `code`."""
    error = response.get("error")
    error = {"message": error} if isinstance(error, str) else object_in(error)
    return error if word_in(error.get("message")) else {**error, "message": "the platform gave no reason"}
