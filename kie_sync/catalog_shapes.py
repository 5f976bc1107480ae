"""What the schema finds wrong with a catalog, in words for a person who edits YAML."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

from .params import nearest
from .values import key_of

Fault = Tuple[Tuple[Union[str, int], ...], str, bool]
_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}
_DATED = "^[0-9]{4}-"
# What people who know other notations write, and our word for it.
_MEANT = {
    "enum": "values",
    "options": "values",
    "choices": "values",
    "allowed": "values",
    "string": "text",
    "str": "text",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
    "array": "list",
    "dict": "object",
    "url": "file",
    "params": "parameters",
    "inputs": "parameters",
    "cost": "price",
    "if": "when",
    "amount": "credits",
    "name": "title",
    "description": "note",
    "optional": "required",
    "maximum": "max",
    "minimum": "min",
    "picture": "image",
    "photo": "image",
    "movie": "video",
    "film": "video",
    "clip": "video",
    "sound": "audio",
    "speech": "audio",
    "voice": "audio",
    "song": "music",
    "llm": "chat",
    "upscaler": "upscale",
    "seconds": "second",
    "images": "image",
    "videos": "video",
    "call": "request",
    "character": "1k_characters",
    "characters": "1k_characters",
    "tokens": "1m_tokens",
    "token": "1m_tokens",
}
# A list of more words than this helps nobody who only misspelt one of them.
_MOST_WORDS = 12


def shape_faults(root: Mapping[str, Any], touched: AbstractSet[str], schema: Mapping[str, Any]) -> List[Fault]:
    """What the schema finds wrong: path, sentence, and whether the fault is the key's.

    Of the models only those in `touched` are looked at.
    """
    from jsonschema import Draft202012Validator

    models = root.get("models")
    looked_at = dict(root)
    if isinstance(models, Mapping):
        looked_at["models"] = {name: entry for name, entry in models.items() if name in touched}
    faults: List[Fault] = []
    for error in Draft202012Validator(dict(schema), format_checker=_date_checker()).iter_errors(looked_at):
        faults.extend(_explain(error))
    return sorted(set(faults), key=lambda fault: [str(step) for step in fault[0]])


def _date_checker() -> Any:
    """Holds `format: date` to the calendar: 2026-02-30 is no day. What does not look like a date, the pattern finds."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())

    @checker.checks("date", raises=ValueError)
    @checker.checks("day-or-instant", raises=ValueError)
    def is_date(value: Any) -> bool:
        if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            datetime.date.fromisoformat(value[:10])
        return True

    return checker


def _explain(error: Any) -> Iterator[Fault]:
    path, found, allowed = tuple(error.absolute_path), error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties") or {})
        for key in found:
            if key not in known:
                yield (*path, key), _unknown_word(key, found[key], known, path), True
        return
    if error.validator == "required":
        name = next(name for name in allowed if name not in found and f"'{name}'" in error.message)
        meaning = error.schema.get("properties", {}).get(name, {}).get("description", "add it").rstrip(".")
        yield path, f"{name} is missing; {meaning}", True
        return
    at_key = "propertyNames" in error.absolute_schema_path
    sentence = _sentence(error, found, allowed)
    if error.validator == "type" and path[-2:-1] == ("then",):
        is_flag = found in ("required", "forbidden", "ignored")
        sentence += f"; write {{{found}: true}}" if is_flag else "; write {values: [...]}"
    if error.validator == "type" and isinstance(found, str) and "\uff1a" in f"{path[-1:]}{found}":
        sentence += "; the colon is full-width (\uff1a), YAML wants : and a space"
    yield (*path, found) if at_key else path, sentence, at_key


def _unknown_word(key: str, value: Any, known: Sequence[str], path: Sequence[Union[str, int]]) -> str:
    if not path and isinstance(value, dict) and "kind" in value:
        return f"{key} looks like a model; indent it under models:"
    if key.isdigit() and value is None:
        return f"there is no word {key} here; write figures without commas, such as 5000"
    meant = key if key in known else _MEANT.get(key, key)
    hint = f'; did you mean "{meant}"?' if meant in known else nearest(key, known)
    if hint and len(known) > _MOST_WORDS:
        return f"there is no word {key} here{hint}"
    return f"there is no word {key} here{hint or ';'} the words are: {', '.join(known)}"


def _sentence(error: Any, found: Any, allowed: Any) -> str:
    shown = _shown(found)
    if error.validator in ("enum", "const"):
        words = [str(word) for word in (allowed if isinstance(allowed, list) else [allowed])]
        choice = " or ".join(words) if len(words) < 3 else "one of " + ", ".join(words)
        meant = _MEANT.get(shown, shown)
        hint = f'; did you mean "{meant}"?' if meant in words else nearest(shown, words) or ";"
        return f"{shown} is not allowed{hint} it must be {choice}"
    if error.validator == "type":
        kinds = [_TYPES[kind] for kind in (allowed if isinstance(allowed, list) else [allowed])]
        write = ""
        if allowed == "boolean" and isinstance(found, str):
            write = "; write true or false"
        elif allowed == "string" and isinstance(found, (int, Decimal)):
            write = f'; write "{shown}"'
        elif allowed in ("number", "integer") and isinstance(found, str):
            write = "; write the figure alone, without quotes or a unit"
        what = (
            f"{shown} is {_kind(found)}, it" if isinstance(found, (str, int, Decimal)) else f"it is {_kind(found)}, and"
        )
        return f"{what} must be {' or '.join(kinds)}{write}"
    sentences: Dict[str, str] = {
        "minimum": f"{shown} is too small; at least {allowed}",
        "exclusiveMinimum": f"{shown} is too small; it must be more than {allowed}",
        "minItems": "the list is empty; fill it or remove it"
        if allowed == 1
        else f"the list must have {allowed} items or more",
        "maxItems": f"the list must have at most {allowed} items",
        "minProperties": "it is empty; fill it or remove it",
        "format": f"{shown} is no day of the calendar; {_date(shown)}",
        "pattern": f"{shown} does not look right; {_looks(str(allowed), shown)}",
    }
    return sentences.get(str(error.validator), str(error.message))


def _looks(pattern: str, shown: str) -> str:
    return _date(shown) if pattern.startswith(_DATED) else f"it must match {pattern}"


def _date(shown: str) -> str:
    """How to write a date: the one that was meant, where only one can be."""
    figures = [int(part) for part in re.findall(r"[0-9]+", shown)][:3]
    orders = [order for order in ((0, 1, 2), (2, 1, 0), (2, 0, 1)) if len(figures) == 3]
    days = {day for day in (_day(*(figures[at] for at in order)) for order in orders) if day}
    return f"write the date as {days.pop() if len(days) == 1 else 'year-month-day, such as 2026-11-22'}"


def _day(year: int, month: int, day: int) -> str:
    try:
        return datetime.date(year, month, day).isoformat() if year > 1900 else ""
    except ValueError:
        return ""


def _shown(found: Any) -> str:
    if found is None:
        return "nothing"
    return (
        _TYPES["object" if isinstance(found, dict) else "array"] if isinstance(found, (dict, list)) else key_of(found)
    )


def _kind(found: Any) -> str:
    if found is None:
        return "empty"
    if isinstance(found, bool):
        return "true or false"
    if isinstance(found, (int, Decimal)):
        return "a number"
    return "text" if isinstance(found, str) else "a mapping" if isinstance(found, dict) else "a list"
