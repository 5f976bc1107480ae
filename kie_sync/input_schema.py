"""A model's wire input as JSON Schema 2020-12, from its parameters.

Rules over several parameters are not in it; `params.resolve` checks them. What a chat's codec puts into its shape's
own form (messages, tools, tool_choice, response_format) stands in it as the caller gives it.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

from .definitions import FILE_TYPES, UNSET, Parameter
from .values import key_of, to_json

_TYPES = {
    "text": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "object": "object",
    "list": "array",
}
# So many values of a range are listed one by one.
_LISTED = 100
_LIMITS = {
    "min": "minimum",
    "max": "maximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "min_items": "minItems",
    "max_items": "maxItems",
}


def build_input_schema(
    title: str, parameters: Mapping[str, Parameter], accepts_other: bool = False, *, has_places: bool = False
) -> Dict[str, Any]:
    """The schema of what goes on the wire.

    With `has_places`, as in a chat, a wire name is a dotted place in the body, such as `reasoning.effort`.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **_object(parameters, accepts_other, has_places),
    }


def _object(parameters: Mapping[str, Parameter], is_open: bool, has_places: bool = False) -> Dict[str, Any]:
    whole = _empty(is_open)
    for parameter in parameters.values():
        *steps, last = parameter.wire.split(".") if has_places else [parameter.wire]
        here = whole
        for step in steps:
            _require(here, step, parameter)
            here = here["properties"].setdefault(step, _empty(is_open))
        schema = _parameter(parameter)
        if last in here["properties"]:
            here["properties"][last] = {"anyOf": [here["properties"][last], schema]}
        else:
            here["properties"][last] = schema
        _require(here, last, parameter)
    return whole


def _empty(is_open: bool) -> Dict[str, Any]:
    return {"type": "object", "properties": {}, "additionalProperties": is_open}


def _require(schema: Dict[str, Any], name: str, parameter: Parameter) -> None:
    if parameter.required and name not in schema.get("required", ()):
        schema.setdefault("required", []).append(name)


def _parameter(parameter: Parameter) -> Dict[str, Any]:
    schema = _value(parameter)
    words = "; ".join(text for text in (parameter.title, parameter.note) if text)
    if words:
        schema["description"] = words
    return schema


def _value(parameter: Parameter) -> Dict[str, Any]:
    if parameter.constant is not UNSET:
        return {"const": to_json(parameter.constant)}
    if parameter.values is not None:
        wires = [_cast(parameter, choice.wire) for choice in parameter.values if choice.wire is not None]
        return _wrap(parameter, {"enum": to_json(wires)})
    if parameter.is_list:
        return _list(parameter)
    if parameter.type in FILE_TYPES:
        schema: Dict[str, Any] = {"type": "string", "format": "uri", **_limits(parameter)}
    elif parameter.send_as == "text" and parameter.type == "boolean":
        schema = {"enum": ["true", "false"]}
    elif parameter.send_as == "text" and parameter.type in ("integer", "number"):
        schema = _number_as_text(parameter)
    else:
        schema = {"type": _TYPES[parameter.type], **_limits(parameter)} if parameter.type in _TYPES else {}
    if parameter.fields is not None:
        schema.update(_object(parameter.fields, False))
    if parameter.also:
        schema = {"anyOf": [schema, {"enum": [_cast(parameter, value) for value in parameter.also]}]}
    return _wrap(parameter, schema)


def _list(parameter: Parameter) -> Dict[str, Any]:
    schema = {"type": "array", **_limits(parameter)}
    pattern = schema.pop("pattern", None)
    if parameter.type in FILE_TYPES:
        schema["items"] = {"type": "string", "format": "uri", **({} if pattern is None else {"pattern": pattern})}
    elif parameter.items is not None:
        schema["items"] = _parameter(parameter.items)
    if parameter.send_as == "text":
        schema["items"] = {"type": "string"}
    return dict(schema.get("items", {})) if parameter.send_as == "single" else schema


def _limits(parameter: Parameter) -> Dict[str, Any]:
    found = {word: getattr(parameter, name) for name, word in _LIMITS.items()}
    return {word: to_json(limit) for word, limit in found.items() if limit is not None}


def _wrap(parameter: Parameter, schema: Dict[str, Any]) -> Dict[str, Any]:
    return {"type": "array", "items": schema, "minItems": 1, "maxItems": 1} if parameter.send_as == "list" else schema


def _cast(parameter: Parameter, wire: Any) -> Any:
    if parameter.send_as == "text":
        return key_of(wire)
    return to_json(wire)


def _number_as_text(parameter: Parameter) -> Dict[str, Any]:
    """JSON Schema has no range of text: a short one is listed, of a longer one only the form is told."""
    low, high = parameter.min, parameter.max
    if parameter.type == "integer" and low is not None and high is not None and high - low <= _LISTED:
        step = parameter.multiple_of or 1
        whole = [number for number in range(int(low), int(high) + 1) if number % step == 0]
        return {"enum": [str(number) for number in whole] or [str(int(low))]}
    return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$" if parameter.type == "number" else "^-?[0-9]+$"}
