"""What is wrong with a catalog, in words for a person who edits YAML.

`shape_faults` turns the schema's findings into sentences; `example_faults` runs the golden examples.
"""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from .definitions import Model
from .errors import KieError, KieInputError
from .params import nearest, resolve
from .pricing import quote
from .request import wire_body
from .values import key_of, to_json

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
}


def shape_faults(root: Mapping[str, Any], touched: Set[str], schema: Mapping[str, Any]) -> List[Fault]:
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
    """Holds days to the calendar: 2026-02-30 is none. `day-or-instant` is ours; editors know no such format."""
    from jsonschema import FormatChecker

    checker = FormatChecker(formats=())

    @checker.checks("day-or-instant", raises=ValueError)
    @checker.checks("date", raises=ValueError)
    def is_date(value: Any) -> bool:
        if isinstance(value, str):
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
    meant = _MEANT.get(key, key)
    hint = f'; did you mean "{meant}"?' if meant in known else nearest(key, known) or ";"
    return f"there is no word {key} here{hint} the words are: {', '.join(known)}"


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
        "minItems": f"the list must have {allowed} items or more",
        "maxItems": f"the list must have at most {allowed} items",
        "minProperties": "it is empty; fill it or remove it",
        "format": f"{shown} is no day of the calendar",
        "pattern": f"{shown} does not look right; {_looks(str(allowed))}",
    }
    return sentences.get(str(error.validator), str(error.message))


def _looks(pattern: str) -> str:
    return "write the date as 2026-11-22" if pattern.startswith("^[0-9]{4}-") else f"it must match {pattern}"


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


def model_faults(
    model: Model, ids: Sequence[str], on: Optional[str] = None
) -> Iterator[Tuple[Tuple[Union[str, int], ...], str, bool]]:
    """What does not add up in one model beyond its shape: path, sentence, whether it is only a warning.

    `on` is the instant whose prices the examples mean, where they do not say a day themselves.
    """
    if model.retired_on and not model.replaced_by:
        yield ("retired_on",), "say replaced_by as well: the model to use instead, or none", False
    if model.replaced_by not in ("", "none") and model.replaced_by not in ids:
        hint = nearest(model.replaced_by, ids)
        yield ("replaced_by",), f"there is no model {model.replaced_by}{hint}", False
    if not model.prices:
        yield (), "it has no price; write price: {unit: ..., unknown: why} when none is published", True
    if not model.source.source or not model.source.checked:
        yield (), "it has no source and checked for its limits", True
    if not model.examples:
        yield (), "it has no example; write one: call, sends, price", True
    for position in range(len(model.examples)):
        for path, message in example_faults(model, position, on):
            yield ("examples", position, *path), message, False


def _no(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    return f"there is no {what} {name}{nearest(name, names) or ';'} there are: {', '.join(names)}"


def example_faults(model: Model, position: int, on: Optional[str] = None) -> Iterator[Tuple[Tuple[str, ...], str]]:
    """What a golden example does not get right."""
    example = model.examples[position]
    try:
        arguments = resolve(model, example.call)
    except KieError as error:
        yield ("call",), str(error)
        return
    sent = wire_body(model, arguments)
    if sent != to_json(example.sends):
        yield ("sends",), f"the call sends {json.dumps(sent, ensure_ascii=False)}"
    for tariff, stated in example.price.items():
        if tariff not in model.all_tariffs:
            yield ("price", tariff), _no("tariff", tariff, model.all_tariffs)
            continue
        try:
            day = f"{example.on}T00:00:00Z" if example.on else on
            quoted = quote(model, arguments, tariff=tariff, quantities=example.quantities, on=day).credits
        except KieInputError as error:
            yield ("price", tariff), str(error)
            continue
        if quoted != stated:
            yield (
                ("price", tariff),
                f"the price is {'unknown' if quoted is None else quoted}{_dated(model, example.on)}",
            )


def _dated(model: Model, on: str) -> str:
    """When the price is meant, where it changes with time."""
    if not any(price.valid_from or price.valid_until for price in model.prices):
        return ""
    return f" on {on}" if on else " now; on: says which day's price is meant"
