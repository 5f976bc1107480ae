"""The parameters of a model, from checked YAML: types, values, limits, casts."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from .catalog_lookup import FITTING, Faults, Path, allowed_words, build_source, decimal, names
from .definitions import FILE_TYPES, LIST_TYPES, UNSET, Choice, Parameter
from .params import accept, refusal
from .values import key_of


def check_names(parameters: Mapping[str, Parameter], where: Path, faults: Faults) -> None:
    """No name may mean two parameters."""
    taken: Dict[str, str] = {}
    for name, parameter in parameters.items():
        for position, spelling in enumerate((name, *parameter.aliases)):
            place = (*where, name, "aliases", position - 1) if position else (*where, name)
            if taken.setdefault(spelling, name) != name:
                said = f"the name {spelling} belongs to {taken[spelling]} already"
                faults.error(place, f"{said}; write another one, or remove it" if position else said)
            elif position and spelling in parameters and spelling != name:
                taken[spelling] = spelling
                faults.error(place, f"the name {spelling} is another parameter's own; write another one, or remove it")
        if name in ("any_of", "all_of", "not"):
            faults.error((*where, name), f"{name} is a word of conditions and cannot name a parameter")
    for name, parameter in parameters.items():
        other = taken.get(parameter.wire, name)
        if other != name and parameters[other].wire != parameter.wire:
            faults.error(
                (*where, name), f"its wire name {parameter.wire} is a name of {other}; a caller could mean either"
            )


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, Decimal) else "text" if isinstance(value, str) else "any"


def _key_type(keys: Iterable[str]) -> str:
    words = list(keys)
    if words and all(re.fullmatch(r"-?(0|[1-9][0-9]*)", word) for word in words):
        return "integer"
    if words and all(re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", word) for word in words):
        return "number"
    return "boolean" if words and all(word in ("true", "false") for word in words) else "text"


def _outline(text: str) -> str:
    """What a word looks like: 0:0 for 16:9, 0A for 2K."""
    return re.sub("[a-z]+", "a", re.sub("[A-Z]+", "A", re.sub("[0-9]+", "0", text)))


_NUMBER = Parameter("number", "number", "number")
_WORDS = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "any": "a structure",
}


class Parameters:
    """Builds parameters, with what is nested in them."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def build(self, name: str, raw: Mapping[str, Any], path: Path) -> Parameter:
        kind, values = self.values(raw, path)
        pattern = raw.get("pattern")
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                self.faults.error((*path, "pattern"), f"not a regular expression: {error}")
                pattern = None
        nested = raw.get("fields")
        media = dict(raw.get("media") or {})
        parameter = Parameter(
            name=name,
            wire=str(raw.get("wire", name)),
            type=kind,
            title=raw.get("title", ""),
            note=raw.get("note", ""),
            aliases=names(raw.get("aliases")),
            required=raw.get("required", False),
            send_always=raw.get("send_always", False),
            constant=raw.get("constant", UNSET),
            send_as=raw.get("send_as"),
            values=values,
            min=decimal(raw.get("min")),
            max=decimal(raw.get("max")),
            multiple_of=decimal(raw.get("multiple_of")),
            also=tuple(raw.get("also") or ()),
            min_length=raw.get("min_length"),
            max_length=raw.get("max_length"),
            pattern=pattern,
            min_items=raw.get("min_items"),
            max_items=1 if raw.get("send_as") == "single" else raw.get("max_items"),
            max_mb=decimal(raw.get("max_mb")),
            formats=names(raw.get("formats")),
            schemes=names(raw.get("schemes")) or ("http", "https"),
            media=media,
            items=self.build(name, raw["items"], (*path, "items")) if raw.get("items") else None,
            fields=None
            if nested is None
            else {key: self.build(key, part or {}, (*path, "fields", key)) for key, part in nested.items()},
            source=build_source(raw),
        )
        self.check(parameter, raw, path)
        if raw.get("default") is not None and parameter.constant is UNSET:
            default = [] if raw["default"] == [] and parameter.is_list else accept(parameter, raw["default"])
            if default is UNSET:
                allowed = allowed_words(parameter)
                joined = next((word for word in allowed if key_of(raw["default"]) in word.split()), None)
                options = (
                    f"; it allows {', '.join(allowed)}" if allowed else f": it {refusal(parameter, raw['default'])}"
                )
                if joined is not None:
                    message = f"{joined} is read as one value; a comma is missing: write {', '.join(joined.split())}"
                    self.faults.error((*path, "values", allowed.index(joined)), message)
                else:
                    message = f"{name} does not allow its own default {key_of(raw['default'])}{options}"
                    self.faults.error((*path, "default"), message)
            else:
                parameter = replace(parameter, default=default)
        return parameter

    def values(self, raw: Mapping[str, Any], path: Path) -> Tuple[str, Optional[Tuple[Choice, ...]]]:
        stated, values = raw.get("type"), raw.get("values")
        if values is None:
            return stated or ("any" if "constant" in raw else "text"), None
        if isinstance(values, Mapping):
            kind = stated or _key_type(values)
            return kind, tuple(
                Choice(self.typed(key, kind, (*path, "values", key)), wire) for key, wire in values.items()
            )
        kinds = [_type_of(value) for value in values]
        if None in values:
            self.faults.error(
                (*path, "values", values.index(None)),
                "an allowed value is empty; write it, or remove the dash or comma",
            )
        kind = stated or next((word for word in ("any", "text", "boolean", "number") if word in kinds), "integer")
        self.check_slips(values, path)
        for position, (value, found) in enumerate(zip(values, kinds)):
            if (
                kind in LIST_TYPES
                or found == kind
                or (kind == "number" and found == "integer")
                or kind == "any"
                or value is None
            ):
                continue
            write = f'"{key_of(value)}"' if kind == "text" else key_of(value)
            wants = "the wire wants text" if kind == "text" else f"the parameter is {_WORDS.get(kind, kind)}"
            self.faults.error(
                (*path, "values", position), f"{key_of(value)} is {_WORDS[found]}, {wants}; write {write}"
            )
        self.check_twice([key_of(value) for value in values], path)
        return kind, tuple(Choice(value, value) for value in values)

    def check_slips(self, values: Sequence[Any], path: Path) -> None:
        """A colon with a space after it, and a comma that is missing: YAML reads both as something else."""
        texts = [value for value in values if isinstance(value, str)]
        shapes = {_outline(text) for text in texts if " " not in text}
        for position, value in enumerate(values):
            where = (*path, "values", position)
            if isinstance(value, Mapping) and texts and len(value) == 1:
                ((before, after),) = value.items()
                self.faults.error(
                    where, f"this is read as a mapping; write {before}:{key_of(after)}, without the space, or quote it"
                )
            parts = value.split() if isinstance(value, str) else []
            if len(parts) > 1 and all(re.search("[0-9]", part) and _outline(part) in shapes for part in parts):
                self.faults.error(where, f"{value} is read as one value; a comma is missing: write {', '.join(parts)}")

    def check_twice(self, keys: Sequence[str], path: Path) -> None:
        for position, key in enumerate(keys):
            if key in keys[:position]:
                self.faults.error((*path, "values"), f"the value {key} stands twice")

    def typed(self, key: str, kind: str, where: Path) -> Any:
        """A key of a value map, which YAML gives as text, in the parameter's type."""
        if kind not in ("boolean", "integer", "number"):
            return key
        typed = accept(Parameter(key, key, kind), key)
        if typed is UNSET:
            self.faults.error(where, f"{key} is text, the parameter is {_WORDS[kind]}")
        return typed

    def check(self, parameter: Parameter, raw: Mapping[str, Any], path: Path) -> None:
        kind = parameter.type
        for word, kinds in (
            ("items", ("list",)),
            ("fields", ("object",)),
            ("max_mb", tuple(FILE_TYPES)),
            ("formats", tuple(FILE_TYPES)),
            ("schemes", tuple(FILE_TYPES)),
            ("media", (*FILE_TYPES, "list")),
            *((word, kinds) for word, kinds in FITTING.items() if word != "items"),
        ):
            if word in raw and kind not in kinds:
                self.faults.error(
                    (*path, word), f"{word} does not fit a parameter of type {kind}; it belongs to: {', '.join(kinds)}"
                )
        self.check_cast(parameter, raw, path)
        if parameter.also and (parameter.values is not None or parameter.is_list):
            self.faults.error(
                (*path, "also"), "also goes with a range; add these values to values (of the items, for a list)"
            )
        if parameter.values is not None and parameter.is_list:
            self.faults.error((*path, "values"), "a list's allowed values stand under items: {values: [...]}")
        if parameter.min is not None and parameter.max is not None and parameter.min > parameter.max:
            self.faults.error((*path, "min"), f"min {parameter.min} is above max {parameter.max}")
        if parameter.constant is not UNSET and (parameter.values is not None or "default" in raw):
            self.faults.error((*path, "constant"), "a constant is always sent; it needs neither values nor a default")
        if parameter.fields is not None:
            check_names(parameter.fields, (*path, "fields"), self.faults)

    def check_cast(self, parameter: Parameter, raw: Mapping[str, Any], path: Path) -> None:
        cast, place = parameter.send_as, (*path, "send_as")
        if cast == "single" and not parameter.is_list:
            self.faults.error(place, "single takes the one item out of a list; this parameter is no list")
        if cast == "single" and raw.get("max_items", 1) != 1:
            self.faults.error((*path, "max_items"), "one item at most can be sent as single")
        if cast == "list" and parameter.is_list:
            self.faults.error(place, "this parameter is a list already; leave send_as out")
        figures = [choice.wire for choice in parameter.values or () if choice.wire is not None]
        is_number = bool(figures) and all(accept(_NUMBER, figure) is not UNSET for figure in figures)
        if cast in ("integer", "number") and parameter.type not in ("integer", "number") and not is_number:
            self.faults.error(place, f"a parameter of type {parameter.type} cannot be sent as {cast}")
        if cast and parameter.type == "object" and cast != "list":
            self.faults.error(place, f"an object cannot be sent as {cast}")
