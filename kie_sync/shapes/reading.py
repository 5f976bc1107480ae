"""Single values of an answer, whatever the wire holds in their places."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Optional, Tuple


def count_in(value: Any) -> Optional[int]:
    """A number of tokens; None for what is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < float("inf") else None


def both_ways(told: Mapping[str, Any], way_in: str, way_out: str) -> Optional[Tuple[int, int, int]]:
    """Tokens that went in, that came out, and the total; any two of the three words tell the third.

    None where only one was told: Google leaves out what is zero, but without the total it could be anything, and half
    of a usage has no price.
    """
    went_in, came_out, total = (count_in(told.get(name)) for name in (way_in, way_out, "total_tokens"))
    if [went_in, came_out, total].count(None) > 1:
        return None
    went_in = max((total or 0) - (came_out or 0), 0) if went_in is None else went_in
    came_out = max((total or 0) - went_in, 0) if came_out is None else came_out
    return went_in, came_out, total or went_in + came_out


def word_in(value: Any) -> Optional[str]:
    """A text that is not empty; None for anything else."""
    return value if isinstance(value, str) and value else None


def object_in(value: Any) -> Mapping[str, Any]:
    """An object; an empty one in place of anything else."""
    return value if isinstance(value, Mapping) else {}


def objects_in(value: Any) -> List[Mapping[str, Any]]:
    """The objects of a list; none of anything else."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def arguments_text(value: Any) -> str:
    """A call's arguments as JSON text, as OpenAI's models write them; those of anything but an object are none."""
    return json.dumps(object_in(value), ensure_ascii=False, separators=(",", ":"))
