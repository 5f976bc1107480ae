"""A golden example for an entry, out of the page's own sample: the call in our words, and what must go on the wire."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ..definitions import FILE_TYPES, Model, Parameter
from ..errors import KieInputError
from ..params import resolve
from ..values import number_of, to_json
from ..wire import choose

_FILES = {"image": "a.png", "video": "a.mp4", "audio": "a.mp3", "file": "a.bin"}
_SHORT_WORDS = "a cat by the window"
_LONGEST = 40


def example_for(model: Model, sample: Mapping[str, Any]) -> Tuple[Dict[str, Any], List[str]]:
    """An item of `examples`, and what to look at; {} where none could be made.

    The sample is the platform's own, so that an entry that names a field wrongly cannot agree with it. Long texts and
    addresses are shortened.
    """
    sends = _shortened(model.parameters, to_json(sample))
    call = _call(model.parameters, sends)
    fault = _fault(model, call, sends)
    if not fault and sends:
        return {"call": call, "sends": sends}, []
    said = [f"the page's own sample is not what this entry sends: {fault}"] if sends else ["the page has no sample"]
    call = {name: _made_up(parameter) for name, parameter in model.parameters.items() if parameter.required}
    try:
        sends = dict(resolve(model, call).wire)
    except KieInputError as error:
        return {}, [*said, f"write an example; one of the required parameters alone is refused: {error}"]
    return {"call": call, "sends": sends}, [*said, "this example is made up: compare what it sends with the page"]


def _fault(model: Model, call: Mapping[str, Any], sends: Mapping[str, Any]) -> str:
    try:
        wire = to_json(resolve(model, call).wire)
    except KieInputError as error:
        return str(error)
    differing = [name for name in dict.fromkeys((*wire, *sends)) if wire.get(name) != sends.get(name)]
    return f"{', '.join(differing)} would be sent otherwise" if differing else ""


def _shortened(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> Dict[str, Any]:
    by_wire = {parameter.wire: parameter for parameter in parameters.values()}
    return {
        wire: _shorten(by_wire[wire], value) if wire in by_wire else value
        for wire, value in values.items()
        if value not in ("", [], None)
    }


def _shorten(parameter: Parameter, value: Any) -> Any:
    if parameter.type in FILE_TYPES:
        address = f"https://example.com/{_FILES[FILE_TYPES[parameter.type]]}"
        return [address for _ in value] if isinstance(value, list) else address
    if isinstance(value, list) and parameter.items is not None:
        return [_shorten(parameter.items, item) for item in value]
    if isinstance(value, Mapping) and parameter.fields is not None:
        return _shortened(parameter.fields, value)
    if isinstance(value, str) and parameter.values is None and len(value) > max(_LONGEST, parameter.min_length or 0):
        return _SHORT_WORDS
    return value


def _call(parameters: Mapping[str, Parameter], sends: Mapping[str, Any]) -> Dict[str, Any]:
    """The same in our words."""
    by_wire = {parameter.wire: (name, parameter) for name, parameter in parameters.items()}
    call: Dict[str, Any] = {}
    for wire, value in sends.items():
        name, parameter = by_wire.get(wire, (wire, None))
        call[name] = value if parameter is None else _our_value(parameter, value)
    return call


def _our_value(parameter: Parameter, value: Any) -> Any:
    if parameter.values is not None and not isinstance(value, (list, dict)):
        choice = choose(parameter, value, wire_only=True)
        return value if choice is None else choice.value
    if isinstance(value, list) and parameter.items is not None:
        return [_our_value(parameter.items, item) for item in value]
    if isinstance(value, Mapping) and parameter.fields is not None:
        return _call(parameter.fields, value)
    number = number_of(value) if parameter.send_as == "text" else None
    return value if number is None else to_json(number)


def _made_up(parameter: Parameter) -> Any:
    """The plainest value that a parameter may take."""
    if parameter.values:
        return parameter.values[0].value
    if parameter.type in FILE_TYPES:
        address = f"https://example.com/{_FILES[FILE_TYPES[parameter.type]]}"
        return [address] * max(parameter.min_items or 1, 1) if parameter.is_list else address
    if parameter.is_list:
        item = "a" if parameter.items is None else _made_up(parameter.items)
        return [item] * max(parameter.min_items or 1, 1)
    if parameter.type == "object":
        inner = parameter.fields or {}
        return {name: _made_up(part) for name, part in inner.items() if part.required}
    if parameter.type in ("integer", "number"):
        return to_json(parameter.min if parameter.min is not None else 1)
    return True if parameter.type == "boolean" else _SHORT_WORDS
