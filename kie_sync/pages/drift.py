"""Where an entry and a page say different things: in meaning, on the wire's terms.

Only what the page states is compared. Where it is silent, the entry may know more, from elsewhere; and rules, advice
and prices stand on no page in a form that can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Set, Tuple

from ..content import format_named
from ..definitions import FILE_TYPES, UNSET, Model, Parameter
from ..values import key_of, number_of, to_json
from ..wire import choose
from .fields import Field, read_fields
from .reading import Page

_LIMITS = ("min", "max", "multiple_of", "min_length", "max_length", "pattern", "min_items", "max_items", "max_mb")


@dataclass(frozen=True)
class Difference:
    """One thing that an entry and a page do not agree on.

    Attributes:
        parameter: its path by our names; by the platform's where the entry has none; "" for the whole model.
        what: new, gone, type, required, default, values, formats, media, deprecated, endpoint, or the name of a limit.
        catalog, page: what the two say; None where one says nothing.
        text: the same as a sentence.
        is_guess: the page says it in words only, and they may have been misread.
    """

    parameter: str
    what: str
    catalog: Any
    page: Any
    text: str
    is_guess: bool = False


def find_differences(model: Model, page: Page) -> List[Difference]:
    """Everything that differs, in the order of the page."""
    found: List[Difference] = []
    if page.path != model.endpoint.path:
        text = f"it is called by {model.endpoint.path}; on the page: {page.path}"
        found.append(Difference("", "endpoint", model.endpoint.path, page.path, text))
    if page.is_deprecated and not model.retired_on:
        found.append(Difference("", "deprecated", False, True, "the page calls it deprecated"))
    if not page.fields:
        return found
    return found + list(_compare(model.parameters, read_fields(page.fields, page.required), ""))


def _compare(parameters: Mapping[str, Parameter], fields: Mapping[str, Field], prefix: str) -> Iterator[Difference]:
    by_wire: Dict[str, List[Tuple[str, Parameter]]] = {}
    for name, parameter in parameters.items():
        by_wire.setdefault(parameter.wire, []).append((name, parameter))
    for wire, field in fields.items():
        ours = by_wire.get(wire, [])
        if not ours:
            yield _difference(prefix + wire, "new", None, field.type, f"new ({_described(field)})")
        # Two of ours that share a field each say a part of what the page says of it.
        elif len(ours) == 1:
            yield from _compare_one(prefix + ours[0][0], ours[0][1], field)
    for wire, found in by_wire.items():
        if wire not in fields:
            for name, parameter in found:
                shown = "gone" if name == wire else f"gone ({wire} on the wire)"
                yield _difference(prefix + name, "gone", parameter.type, None, shown)


def _compare_one(path: str, ours: Parameter, field: Field) -> Iterator[Difference]:
    mine = _wire_type(ours)
    if not _types_agree(mine, field.type):
        yield _changed(path, "type", mine, field.type)
        return
    if ours.constant is UNSET:
        yield from _compare_need(path, ours, field)
        yield from _compare_default(path, ours, field)
    yield from _compare_values(path, ours, field)
    yield from _compare_limits(path, ours, field)
    if ours.items is not None and field.item is not None:
        if ours.items.fields and field.item.fields:
            yield from _compare(ours.items.fields, field.item.fields, f"{path}[].")
        elif not ours.items.fields and not field.item.fields and not field.sort:
            yield from _compare_values(f"{path}[]", ours.items, field.item)
            yield from _compare_limits(f"{path}[]", ours.items, field.item)
    if ours.fields and field.fields:
        yield from _compare(ours.fields, field.fields, f"{path}.")


def _compare_need(path: str, ours: Parameter, field: Field) -> Iterator[Difference]:
    is_always_there = ours.required or ours.send_always
    if field.is_required and not is_always_there:
        yield _changed(path, "required", False, True)
    elif ours.required and not field.is_required:
        yield _changed(path, "required", True, False)


def _compare_default(path: str, ours: Parameter, field: Field) -> Iterator[Difference]:
    # What a page calls the default of a text or a list is most often a sample.
    if field.default is UNSET or isinstance(field.default, (list, dict)):
        return
    if field.type == "text" and field.values is None:
        return
    mine = None if ours.default is UNSET else _on_wire(ours, ours.default)
    if mine is None or key_of(mine) != key_of(field.default):
        yield _changed(path, "default", mine, field.default)


def _compare_values(path: str, ours: Parameter, field: Field) -> Iterator[Difference]:
    if field.values is None or field.type == "boolean":
        return
    theirs = {key_of(value): value for value in field.values}
    mine = _allowed_on_wire(ours)
    if mine is None:
        shown = ", ".join(theirs)
        yield _difference(path, "values", None, list(field.values), f"values: any -> only {shown}")
        return
    for value in theirs:
        if value not in mine:
            yield _difference(path, "values", None, to_json(theirs[value]), f"new value {value}")
    for value in mine:
        if value not in theirs:
            yield _difference(path, "values", value, None, f"value {value} is gone")


def _compare_limits(path: str, ours: Parameter, field: Field) -> Iterator[Difference]:
    for word in _LIMITS:
        theirs = field.limits.get(word)
        if theirs is None or (ours.values is not None and not ours.is_list):
            continue
        # The length of an address is no limit that a caller can break, and which addresses are taken is `schemes`.
        if ours.type in FILE_TYPES and word in ("min_length", "max_length", "pattern"):
            continue
        if word in ("min", "max") and any(key_of(theirs) == key_of(value) for value in ours.also):
            continue
        if word.endswith("_items") and (not ours.is_list or ours.send_as == "single"):
            continue
        mine = getattr(ours, word)
        if mine is None or _plain(mine) != _plain(theirs):
            yield _changed(path, word, mine, theirs, is_guess=word in field.guessed)
    theirs = field.limits.get("formats")
    if theirs is not None and _known(theirs) != _known(ours.formats):
        yield _changed(path, "formats", list(ours.formats) or None, theirs, is_guess=True)
    seconds = (field.limits.get("media") or {}).get("seconds")
    mine = ours.media.get("seconds")
    if seconds is not None and mine is not None and [_plain(x) for x in seconds] != [_plain(x) for x in mine]:
        yield _changed(path, "media", mine, seconds, is_guess=True)


def _known(formats: Iterable[str]) -> Set[str]:
    """Formats by one name each: jpg is jpeg."""
    return {format_named(name) or name for name in formats}


def _wire_type(ours: Parameter) -> str:
    """Our word for the JSON type that is sent."""
    if ours.send_as in ("text", "integer", "number") and not ours.is_list:
        return str(ours.send_as)
    if ours.send_as == "list":
        return "list"
    if ours.is_list:
        return "list" if ours.send_as != "single" else "any"
    if ours.constant is not UNSET:
        return _type_of_value(ours.constant)
    if ours.values is not None:
        kinds = {_type_of_value(choice.wire) for choice in ours.values if choice.wire is not None}
        return kinds.pop() if len(kinds) == 1 else "number" if kinds <= {"integer", "number"} else "any"
    return "text" if ours.type in FILE_TYPES else ours.type


def _type_of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, Decimal, float)):
        return "integer" if value == int(value) else "number"
    return "text" if isinstance(value, str) else "list" if isinstance(value, list) else "object"


def _types_agree(mine: str, theirs: str) -> bool:
    return mine == theirs or "any" in (mine, theirs) or (mine, theirs) == ("integer", "number")


def _allowed_on_wire(ours: Parameter) -> Optional[List[str]]:
    """What the entry lets through, as the wire has it; None where anything is."""
    also = [key_of(value) for value in ours.also]
    if ours.constant is not UNSET:
        return [key_of(ours.constant)]
    if ours.values is not None:
        return [key_of(_on_wire(ours, choice.value)) for choice in ours.values if choice.wire is not None] + also
    low, high = number_of(ours.min), number_of(ours.max)
    if low is not None and high is not None and high - low <= 1000:
        step = ours.multiple_of or Decimal(1)
        return [key_of(low + step * place) for place in range(int((high - low) / step) + 1)] + also
    return None


def _on_wire(ours: Parameter, value: Any) -> Any:
    choice = choose(ours, value)
    wired = value if choice is None else choice.wire
    return key_of(wired) if ours.send_as == "text" and not isinstance(wired, (list, dict)) else wired


def _described(field: Field) -> str:
    words = [field.type if not field.sort else f"{field.sort}s" if field.is_list else field.sort]
    words += ["required"] if field.is_required else []
    words += [", ".join(key_of(value) for value in field.values)] if field.values else []
    words += [f"{word} {_shown(value)}" for word, value in field.limits.items()]
    words += [f"default {_shown(field.default)}"] if field.default is not UNSET else []
    return "; ".join(words)


def _changed(path: str, what: str, mine: Any, theirs: Any, *, is_guess: bool = False) -> Difference:
    text = f"{what}: {_shown(mine)} -> {_shown(theirs)}" + (" (by the page's words)" if is_guess else "")
    return _difference(path, what, mine, theirs, text, is_guess=is_guess)


def _difference(path: str, what: str, mine: Any, theirs: Any, text: str, *, is_guess: bool = False) -> Difference:
    return Difference(path, what, _plain(mine), _plain(theirs), f"{path}: {text}", is_guess)


def _plain(value: Any) -> Any:
    return to_json(value)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(key_of(item) for item in value) if isinstance(value, (list, tuple)) else key_of(value)
