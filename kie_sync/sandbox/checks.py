"""Is a request's input what the model accepts? First by its JSON Schema, then by the rules between fields.

What is wrong is told in the platform's own few words, of which only the first fault is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional

import jsonschema

from ..definitions import Model, Parameter
from ..errors import KieInputError, Problem
from ..input_schema import build_input_schema
from ..params import Arguments, resolve
from .answers import Refused

# The documentation says 422; the platform was seen to answer 500 to most of these.
CODE = 500
_TYPE_WORDS = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "array": "an array",
    "object": "an object",
}
_RANGES = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "enum",
    "const",
    "anyOf",
    "oneOf",
)


def check_input(model: Model, given: Mapping[str, Any]) -> Arguments:
    """The input as arguments.

    Raises:
        Refused: with the first fault.
    """
    text = schema_fault(model.input_schema, given)
    if text is not None:
        raise Refused(CODE, text)
    try:
        return resolve(model, given, wire_only=True)
    except KieInputError as err:
        raise Refused(CODE, _problem_text(err.problems[0])) from err


def check_body(model: Model, body: Mapping[str, Any]) -> Arguments:
    """A chat body's fields that the model's entry knows, by their places in it (`reasoning.effort`), as arguments.

    Raises:
        Refused: with the first fault.
    """
    given: Dict[str, Any] = {}
    sharing: Dict[str, List[Parameter]] = {}
    for parameter in model.parameters.values():
        sharing.setdefault(parameter.wire, []).append(parameter)
    for wire, parameters in sharing.items():
        place: Any = body
        *outer, name = wire.split(".")
        for step in outer:
            place = place.get(step) if isinstance(place, Mapping) else None
        if not isinstance(place, Mapping) or name not in place:
            continue
        given[wire] = place[name]
        named = {one.name: replace(one, wire=name, required=False) for one in parameters}
        fault = schema_fault(build_input_schema(model.id, named), {name: place[name]})
        if fault is not None:
            raise Refused(CODE, fault)
    try:
        return resolve(model, given, wire_only=True)
    except KieInputError as err:
        raise Refused(CODE, _problem_text(err.problems[0])) from err


def schema_fault(schema: Dict[str, Any], given: Any) -> Optional[str]:
    """What the platform would say of the first thing that breaks the schema; None when nothing does."""
    faults = sorted(jsonschema.Draft202012Validator(schema).iter_errors(given), key=_order)
    return _fault_text(faults[0]) if faults else None


def _order(fault: jsonschema.ValidationError) -> Any:
    """Missing fields first, then in the order of the fields, then unknown ones."""
    weight = {"required": 0, "additionalProperties": 2}.get(str(fault.validator), 1)
    return weight, [str(step) for step in fault.absolute_path]


def _fault_text(fault: jsonschema.ValidationError) -> str:
    path = [str(step) for step in fault.absolute_path if not isinstance(step, int)]
    name, word = path[-1] if path else "input", str(fault.validator)
    if word == "required":
        return "This field is required"
    if word == "additionalProperties":
        schema: Any = fault.schema
        given: Any = fault.instance
        unknown = sorted(set(given) - set(schema.get("properties", {})))
        return f"{unknown[0] if unknown else name} is not a supported field"
    if word == "type":
        return f"{name} it must be {_TYPE_WORDS.get(str(fault.validator_value), fault.validator_value)}"
    if (word == "minLength" and not fault.instance) or (word == "minItems" and not fault.instance):
        return f"{name} is required"
    if word == "maxLength":
        return f"The length of {name} must be less than or equal to {fault.validator_value}"
    if word == "maxItems":
        return f"{name} must be at most {fault.validator_value} items"
    if word == "minItems":
        return f"{name} must be at least {fault.validator_value} items"
    if word in _RANGES:
        return f"{name} is not within the range of allowed options"
    return f"{name} must be a valid value"


def _problem_text(problem: Problem) -> str:
    name = problem.wire or problem.where
    if problem.kind == "required":
        return "This field is required"
    if problem.kind in ("values", "min", "max", "multiple_of"):
        return f"{name} is not within the range of allowed options"
    if problem.kind == "url":
        return f"{name} must be a valid URL"
    if problem.kind == "type":
        return f"{name} must be a value of another type"
    return problem.message
