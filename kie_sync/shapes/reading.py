"""Single values of an answer, whatever the wire holds in their places."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Optional


def count_in(value: Any) -> Optional[int]:
    """A number of tokens; None for what is none."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < float("inf") else None


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
