"""One field of an input as the platform tells it: type, limits and default in the wire's own terms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..definitions import UNSET
from ..values import key_of, number_of
from . import prose

# Schema word: ours, where a figure is stated as one.
_STATED = {
    "minimum": "min",
    "maximum": "max",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_items",
    "maxItems": "max_items",
}
_URL_NAME = re.compile(r"(?:^|_)urls?(?:_list)?$|(?<=[a-z])Urls?$")
_IS_CALLBACK = re.compile(r"call_?back|webhook", re.IGNORECASE)
_IS_FILE = re.compile(r"file url|accepted types|\bURLs? of (?:the |an? )?(?:\w+ )?(?:image|video|audio|file)", re.I)
_SORTS = (
    ("image", re.compile(r"image|picture|photo|frame|mask", re.IGNORECASE)),
    ("video", re.compile(r"video|clip", re.IGNORECASE)),
    ("audio", re.compile(r"audio|voice|sound|music|speech", re.IGNORECASE)),
)


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        wire: its name.
        type: text, integer, number, boolean, list, object or any: the JSON type, by our word.
        sort: image, video, audio or file, where it is the URL of one, or a list of them; else "".
        values: what alone is allowed; None where anything is.
        limits: by our words, such as `max_length`, `max_mb`, `formats`.
        guessed: those of `limits` that only the page's words state.
        item: what a list holds.
        fields: the parts of an object.
        words: the page's description.
        doubts: what could not be read for sure.
    """

    wire: str
    type: str
    sort: str = ""
    is_required: bool = False
    default: Any = UNSET
    values: Optional[Tuple[Any, ...]] = None
    limits: Mapping[str, Any] = field(default_factory=dict)
    guessed: Tuple[str, ...] = ()
    item: Optional[Field] = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    words: str = ""
    doubts: Tuple[str, ...] = ()

    @property
    def is_list(self) -> bool:
        return self.type == "list"


def read_fields(schemas: Mapping[str, Mapping[str, Any]], required: Any) -> Dict[str, Field]:
    """The fields of an input, or of an object, by wire name."""
    needed = {str(name).strip() for name in required or []}
    return {name: read_field(name, schema, is_required=name in needed) for name, schema in schemas.items()}


def read_field(wire: str, schema: Mapping[str, Any], *, is_required: bool = False) -> Field:
    """One field from its JSON schema and its description."""
    words = " ".join(str(schema.get(word) or "") for word in ("title", "description")).strip()
    schema, doubts = _one_shape(schema)
    words = " ".join(f"{words} {schema.get('description') or ''}".split()) if not words else " ".join(words.split())
    kind = _type_of(schema)
    values = _values_of(schema)
    item = None
    if kind == "list":
        item = read_field(wire, _mapping(schema.get("items")))
    sort = _sort_of(wire, schema, words, kind, item, values)
    limits: Dict[str, Any] = {
        our: _whole(schema[word]) for word, our in _STATED.items() if schema.get(word) is not None
    }
    limits = {name: value for name, value in limits.items() if not _says_nothing(name, value)}
    told = _told_in(words, kind, sort, values, item)
    guessed = {
        name: value for name, value in told.items() if name not in limits and not _is_stated_otherwise(name, limits)
    }
    default = schema.get("default", UNSET)
    default = default if default is UNSET else _of_kind(_whole(default), kind)
    if default in ("", None) or (sort and default is not UNSET) or default == []:
        # Samples: pages put one where a form needs something to show.
        default = UNSET
    if default is not UNSET and values is not None and str(default) not in [str(value) for value in values]:
        doubts.append(f"the page's default, {default}, is not among its own values")
        default = UNSET
    return Field(
        wire=wire,
        type=kind,
        sort=sort,
        is_required=is_required,
        default=default,
        values=values,
        limits={**limits, **guessed},
        guessed=tuple(guessed),
        item=item,
        fields=read_fields(
            {str(name).strip(): _mapping(part) for name, part in _mapping(schema.get("properties")).items()},
            schema.get("required"),
        ),
        words=words,
        doubts=tuple(doubts),
    )


def _one_shape(schema: Mapping[str, Any]) -> Tuple[Mapping[str, Any], List[str]]:
    """Of a field that takes this or that, the first; with a word about it."""
    shapes = [_mapping(shape) for word in ("oneOf", "anyOf") for shape in schema.get(word) or []]
    shapes = [shape for shape in shapes if shape.get("type") != "null"]
    if not shapes:
        return schema, []
    chosen = {**shapes[0], **{key: value for key, value in schema.items() if key not in ("oneOf", "anyOf")}}
    kinds = [_type_of(shape) for shape in shapes]
    doubts = [f"the page takes {' or '.join(kinds)}; this is the first"] if len(set(kinds)) > 1 else []
    return chosen, doubts


def _type_of(schema: Mapping[str, Any]) -> str:
    stated = schema.get("type")
    if isinstance(stated, list):
        stated = next((one for one in stated if one != "null"), None)
    known = {
        "string": "text",
        "integer": "integer",
        "number": "number",
        "boolean": "boolean",
        "array": "list",
        "object": "object",
    }
    if stated in known:
        return known[str(stated)]
    if "items" in schema:
        return "list"
    if "properties" in schema:
        return "object"
    values = _values_of(schema)
    if values:
        return "text" if all(isinstance(value, str) for value in values) else "number"
    return "any"


def _values_of(schema: Mapping[str, Any]) -> Optional[Tuple[Any, ...]]:
    listed = schema.get("enum")
    if listed is None and schema.get("const") is not None:
        listed = [schema["const"]]
    if not isinstance(listed, list):
        return None
    if _type_of({key: value for key, value in schema.items() if key != "enum"}) == "boolean":
        return None
    # A reader of YAML 1.1 takes 16:9 for a number where a page forgot its quotes; ours does not.
    kind = _type_of({key: value for key, value in schema.items() if key != "enum"})
    found = [_of_kind(_whole(value), kind) for value in listed if value is not None and value != ""]
    return tuple(dict.fromkeys(found)) or None


def _of_kind(value: Any, kind: str) -> Any:
    """A value as the field's own type has it: pages write 5 for "5", and "true" for true."""
    if kind == "text" and isinstance(value, (bool, int, Decimal)):
        return key_of(value)
    if kind in ("integer", "number") and isinstance(value, str):
        number = number_of(value)
        return value if number is None else _whole(number)
    if kind == "boolean" and str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    return value


def _sort_of(
    wire: str,
    schema: Mapping[str, Any],
    words: str,
    kind: str,
    item: Optional[Field],
    values: Optional[Tuple[Any, ...]],
) -> str:
    """What sort of file it is the URL of; "" for what is none."""
    if values is not None or _IS_CALLBACK.search(wire):
        return ""
    if kind == "list":
        if item is None or item.type != "text" or item.values is not None:
            return ""
        if item.sort and item.sort != "file":
            return item.sort
        is_file = bool(item.sort)
    elif kind != "text":
        return ""
    else:
        is_file = False
    is_url = schema.get("format") in ("uri", "url", "uri-reference") or _URL_NAME.search(wire) is not None
    named = prose.sorts_in(words)
    if not (is_file or is_url or _IS_FILE.search(words)):
        return ""
    if len(named) == 1:
        return named[0]
    by_name = [sort for sort, pattern in _SORTS if pattern.search(wire)]
    if not by_name and not named:
        by_name = [sort for sort, pattern in _SORTS if pattern.search(words)]
    return by_name[0] if len(by_name) == 1 else "file"


def _told_in(
    words: str, kind: str, sort: str, values: Optional[Tuple[Any, ...]], item: Optional[Field]
) -> Dict[str, Any]:
    """What the description states."""
    if values is not None or not words:
        return {}
    found: Dict[str, Any] = {}
    if sort:
        found.update(prose.file_limits(words, sort))
    if kind == "list":
        found.update(prose.list_limits(words))
    elif kind == "text" and not sort:
        found.update(prose.text_limits(words))
    elif kind in ("integer", "number"):
        found.update(prose.number_limits(words))
    return found


def _is_stated_otherwise(name: str, limits: Mapping[str, Any]) -> bool:
    """Words and schema are not mixed: half of a range from each of them would be a third thing."""
    return name in ("min", "max") and ("min" in limits or "max" in limits)


def _says_nothing(name: str, value: Any) -> bool:
    return (name in ("min_length", "min_items") and value in (0, 1)) or (name == "pattern" and value in ("", ".*"))


def _whole(value: Any) -> Any:
    if isinstance(value, float):
        value = Decimal(str(value))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
