"""What does not add up in a model that is well-formed: targets, dates, and golden examples that it does not keep."""

from __future__ import annotations

import json
from typing import Iterable, Iterator, Optional, Sequence, Tuple, Union

from .definitions import Model
from .errors import KieError, KieInputError
from .params import nearest, resolve
from .pricing import quote
from .request import wire_body
from .values import to_json


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
    except KieInputError as error:
        yield ("call",), "; ".join(map(str, error.problems))
        return
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
            yield ("price", tariff), "; ".join(map(str, error.problems))
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
