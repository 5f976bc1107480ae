"""From canonical values to the wire: value maps, casts, constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Dict, Optional

from .definitions import UNSET, Choice, Parameter
from .values import key_of, number_of, same, to_json

_NONE: Mapping[str, Any] = {}


def choose(parameter: Parameter, value: Any, *, wire_only: bool = False) -> Optional[Choice]:
    """The allowed value meant by the caller's word, or by the wire's."""
    choices = parameter.values or ()
    for choice in choices:
        if not wire_only and same(choice.value, value):
            return choice
    for choice in choices:
        if same(choice.wire, value):
            return choice
    return None


def wire_object(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any], values: Mapping[str, Any] = _NONE
) -> Dict[str, Any]:
    sent: Dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.constant is not UNSET:
            value = parameter.constant
        elif name in given:
            value = given[name]
        elif parameter.send_always and (name in values or parameter.default is not UNSET):
            value = values.get(name, parameter.default)
        else:
            continue
        wired = _to_wire(parameter, value)
        if wired is not None:
            sent[parameter.wire] = wired
    return sent


def _to_wire(parameter: Parameter, value: Any) -> Any:
    if parameter.values is not None and not parameter.is_list:
        choice = choose(parameter, value)
        return _cast(parameter.send_as, choice.wire if choice is not None else value)
    if isinstance(value, list) and parameter.items is not None:
        value = [_to_wire(parameter.items, item) for item in value]
    elif isinstance(value, Mapping) and parameter.fields is not None:
        value = wire_object(parameter.fields, value)
    return _cast(parameter.send_as, value)


def _cast(cast: Optional[str], value: Any) -> Any:
    if cast == "list":
        return value if isinstance(value, list) else [to_json(value)]
    if cast == "single":
        value = value[0] if isinstance(value, list) and value else value
    elif cast == "text":
        return [key_of(item) for item in value] if isinstance(value, list) else key_of(value)
    elif cast in ("integer", "number") and isinstance(value, str):
        number = number_of(value)
        value = value if number is None else number
    return to_json(value)
