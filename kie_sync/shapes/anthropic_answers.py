"""What whole and streamed answers of Anthropic's messages have in common: words, tokens, credits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..completions import Usage
from ..response import as_credits
from .reading import count_in, object_in, word_in

SHAPE = "anthropic-messages"
_FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def finish_reason(stop_reason: Any) -> Optional[str]:
    """Why the answer ends, in OpenAI's words; other words stay as they are."""
    word = word_in(stop_reason)
    return None if word is None else _FINISHES.get(word, word.lower())


def native_of(model: str, blocks: Sequence[Mapping[str, Any]]) -> Optional[Dict[str, Any]]:
    """The content in the shape's own form, for `ChatMessage.native`; without empty texts, which the API refuses."""
    content: List[Mapping[str, Any]] = [block for block in blocks if block.get("type") != "text" or block.get("text")]
    return {"shape": SHAPE, "model": model, "content": content} if content else None


def credits_in(*places: Any) -> Optional[Decimal]:
    """The credits that an answer or an event tells: KIE's own field, wherever it stands."""
    for place in places:
        for where in (place, object_in(place).get("message"), object_in(place).get("usage")):
            found = as_credits(object_in(where).get("credits_consumed"))
            if found is not None:
                return found
    return None


def parse_usage(raw: Any) -> Optional[Usage]:
    """Token counts; None unless both sides were told: half of them would give too low a price.

    `input_tokens` there is what is left beside the cache. Where the writes are not split, they live for 5 minutes.
    """
    told = object_in(raw)
    fresh, completion = count_in(told.get("input_tokens")), count_in(told.get("output_tokens"))
    if fresh is None or completion is None:
        return None
    split = object_in(told.get("cache_creation"))
    hour = count_in(split.get("ephemeral_1h_input_tokens")) or 0
    minutes = count_in(split.get("ephemeral_5m_input_tokens")) or 0
    written = count_in(told.get("cache_creation_input_tokens")) or hour + minutes
    hour = min(hour, written)
    cached = count_in(told.get("cache_read_input_tokens")) or 0
    prompt = fresh + cached + written
    return Usage(
        prompt,
        completion,
        prompt + completion,
        cached_tokens=cached,
        cache_write_tokens=written - hour,
        cache_write_1h_tokens=hour,
        reasoning_tokens=count_in(object_in(told.get("output_tokens_details")).get("thinking_tokens")) or 0,
        raw=told,
    )
