"""What is wrong with a catalog, in words for a person who edits YAML.

`shape_faults` turns the schema's findings into sentences; `example_faults` runs the golden examples.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Iterator, List, Mapping, Sequence, Set, Tuple, Union

from .definitions import Model
from .errors import KieError
from .params import key_of, nearest, resolve, to_json
from .pricing import quote
from .request import wire_body

Fault = Tuple[Tuple[Union[str, int], ...], str, bool]
_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "object": "a mapping", "array": "a list", "null": "nothing"}


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
    for error in Draft202012Validator(dict(schema)).iter_errors(looked_at):
        faults.extend(_explain(error))
    return sorted(set(faults), key=lambda fault: [str(step) for step in fault[0]])


def _explain(error: Any) -> Iterator[Fault]:
    path, found, allowed = tuple(error.absolute_path), error.instance, error.validator_value
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties") or {})
        for key in found:
            if key not in known:
                hint = nearest(key, known) or ";"
                yield (*path, key), f"there is no word {key} here{hint} the words are: {', '.join(known)}", True
        return
    if error.validator == "required":
        name = next(name for name in allowed if name not in found and f"'{name}'" in error.message)
        yield path, f"{name} is missing; {error.schema.get('properties', {}).get(name, {}).get('description', 'add it')}".rstrip("."), True
        return
    yield path, _sentence(error, found, allowed), "propertyNames" in error.absolute_schema_path


def _sentence(error: Any, found: Any, allowed: Any) -> str:
    shown = "nothing" if found is None else key_of(found) if not isinstance(found, (dict, list)) else _TYPES["object" if isinstance(found, dict) else "array"]
    if error.validator in ("enum", "const"):
        words = [str(word) for word in (allowed if isinstance(allowed, list) else [allowed])]
        return f"{shown} is not allowed{nearest(str(shown), words) or ';'} it must be {' or '.join(words) if len(words) < 3 else 'one of ' + ', '.join(words)}"
    if error.validator == "type":
        kinds = [_TYPES[kind] for kind in (allowed if isinstance(allowed, list) else [allowed])]
        write = ""
        if allowed == "boolean" and isinstance(found, str):
            write = "; write true or false"
        elif allowed == "string" and isinstance(found, (int, Decimal)):
            write = f'; write "{shown}"'
        elif allowed in ("number", "integer") and isinstance(found, str):
            write = "; write the figure alone, without quotes or a unit"
        return f"{shown} is {_kind(found)}, it must be {' or '.join(kinds)}{write}"
    sentences = {
        "minimum": f"{shown} is too small; at least {allowed}",
        "exclusiveMinimum": f"{shown} is too small; it must be more than {allowed}",
        "minItems": f"the list must have {allowed} items or more",
        "maxItems": f"the list must have at most {allowed} items",
        "minProperties": "it is empty; fill it or remove it",
        "pattern": f"{shown} does not look right; {error.schema.get('description', '')} It must match {allowed}",
    }
    return sentences.get(error.validator, error.message)


def _kind(found: Any) -> str:
    if found is None:
        return "empty"
    for kind, name in ((bool, "true or false"), (int, "a number"), (Decimal, "a number"), (str, "text"), (dict, "a mapping"), (list, "a list")):
        if isinstance(found, kind):
            return name
    return type(found).__name__


def model_faults(model: Model, ids: Sequence[str]) -> Iterator[Tuple[Tuple[Union[str, int], ...], str, bool]]:
    """What does not add up in one model beyond its shape: path, sentence, whether it is only a warning."""
    if model.retired_on and not model.replaced_by:
        yield ("retired_on",), "say replaced_by as well: the model to use instead, or none", False
    if model.replaced_by not in ("", "none") and model.replaced_by not in ids:
        yield ("replaced_by",), f"there is no model {model.replaced_by}{nearest(model.replaced_by, ids)}", False
    if not model.prices:
        yield (), "it has no price; write price: {unit: ..., unknown: why} when none is published", True
    if not model.source.source or not model.source.checked:
        yield (), "it has no source and checked for its limits", True
    if not model.examples:
        yield (), "it has no example; write one: call, sends, price", True
    for position, example in enumerate(model.examples):
        for path, message in example_faults(model, position):
            yield ("examples", position, *path), message, False


def example_faults(model: Model, position: int) -> Iterator[Tuple[Tuple[str, ...], str]]:
    """What a golden example does not get right."""
    example = model.examples[position]
    try:
        arguments = resolve(model, example.call)
    except KieError as error:
        yield ("call",), str(error)
        return
    sent = wire_body(model, arguments)
    if sent != to_json(example.sends):
        yield ("sends",), f"the call sends {sent}"
    for tariff, stated in example.price.items():
        if tariff not in model.all_tariffs:
            yield ("price", tariff), f"there is no tariff {tariff}{nearest(tariff, model.all_tariffs)}"
            continue
        quoted = quote(model, arguments, tariff=tariff, quantities=example.tokens).credits
        if quoted != stated:
            yield ("price", tariff), f"the price is {'unknown' if quoted is None else quoted}"
