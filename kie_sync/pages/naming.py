"""Guessing our name for one of the platform's, by the catalog's table of names."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Mapping, Optional

from .fields import Field

Names = Mapping[str, Mapping[str, Any]]

_RATIO = re.compile(r"\d+:\d+|auto|square(?:_hd)?|(?:portrait|landscape)(?:_\d+_\d+)?", re.IGNORECASE)
_TIER = re.compile(r"\d+p|\d+(?:\.\d+)?k", re.IGNORECASE)
_PRESET = re.compile(r"(portrait|landscape)_(\d+)_(\d+)", re.IGNORECASE)


def _all_match(field: Field, pattern: re.Pattern[str]) -> bool:
    return bool(field.values) and all(pattern.fullmatch(str(value)) for value in field.values or ())


LOOKS: Mapping[str, Callable[[Field], bool]] = {
    "ratio": lambda field: _all_match(field, _RATIO),
    "tier": lambda field: _all_match(field, _TIER),
    "number": lambda field: field.type in ("integer", "number") or _all_match(field, re.compile(r"\d+")),
    "flag": lambda field: field.type == "boolean",
}
"""How the values of a field may look, by the catalog's word for it."""


def guess_name(names: Names, field: Field) -> str:
    """The canonical name that a field most likely has; its own where the table knows none."""
    if field.wire in names:
        return field.wire
    for name, about in names.items():
        if field.wire in (about.get("wires") or ()) and _looks_right(about, field):
            return name
    return field.wire


def guess_names(names: Names, fields: Mapping[str, Field]) -> Dict[str, str]:
    """Canonical names by wire name. Where two fields would have one name, the second keeps its own."""
    found: Dict[str, str] = {}
    for wire, field in fields.items():
        name = guess_name(names, field)
        is_taken = name in found.values() or (name != wire and name in fields)
        found[wire] = wire if is_taken else name
    return found


def canonical_value(name: str, value: Any) -> Any:
    """Our word for one of the platform's values: `4k` is 4K, `portrait_4_3` is 3:4; others stay as they are."""
    text = str(value)
    if name == "resolution" and _TIER.fullmatch(text):
        return text.lower() if text[-1:] in "pP" else text.upper()
    if name == "aspect_ratio":
        return _ratio_of(text) or value
    return value


def _ratio_of(text: str) -> Optional[str]:
    if text.lower() == "square_hd":
        return "1:1"
    if text.lower() in ("portrait", "landscape"):
        return {"portrait": "9:16", "landscape": "16:9"}[text.lower()]
    preset = _PRESET.fullmatch(text)
    if preset is None:
        return None
    sides = sorted((int(preset[2]), int(preset[3])))
    low, high = (sides[0], sides[1])
    return f"{low}:{high}" if preset[1].lower() == "portrait" else f"{high}:{low}"


def _looks_right(about: Mapping[str, Any], field: Field) -> bool:
    looks = about.get("looks")
    return looks is None or LOOKS[looks](field)
