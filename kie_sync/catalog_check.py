"""What does not add up in a catalog whose files are well-formed: examples, targets, defaults, prices, ages.

`check_catalog` finds everything, with its place; `model_faults` looks at one model.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

from .catalog import Catalog
from .catalog_cases import uncovered
from .catalog_files import unread
from .catalog_lookup import show_path
from .conditions import root_of
from .definitions import UNSET, Model
from .errors import CatalogProblem, KieError, KieInputError, Problem
from .params import nearest, resolve
from .pricing import estimate, quote
from .request import wire_body
from .values import to_json
from .yamlfile import mark_at

Fault = Tuple[Tuple[Union[str, int], ...], str, bool]


def check_catalog(catalog: Catalog, on: str, *, older_than: Optional[int] = None) -> Tuple[CatalogProblem, ...]:
    """Everything wrong with a catalog, by file and line.

    Args:
        on: the instant whose prices the examples mean, as `2026-11-22T00:00:00Z`.
        older_than: warn of prices that nobody has looked at for more than so many days.
    """
    found: List[CatalogProblem] = list(catalog.problems)
    # A hidden model may still be named as the one to use instead.
    ids, lost = [*catalog, *catalog.hidden], unread(catalog.problems)
    for model_id, model in catalog.items():
        entry = catalog.raw(model_id)
        faults = list(model_faults(model, ids, on))
        if older_than is not None:
            faults += old_prices(model, on, older_than)
        for path, message, is_warning in faults:
            mark = mark_at(entry, path)
            shown = ": ".join(part for part in (model_id, show_path(path)) if part)
            message += lost if path == ("replaced_by",) and not is_warning else ""
            found.append(CatalogProblem(mark.file, mark.line, mark.column, shown, message, model_id, is_warning))
    return tuple(sorted(_once(found), key=lambda problem: (problem.file, problem.line, problem.column)))


def _once(problems: Iterable[CatalogProblem]) -> Iterator[CatalogProblem]:
    """Each problem once; of one that several models take over, the first, with how many others there are."""
    same: Dict[Tuple[str, int, int, str], List[CatalogProblem]] = {}
    for problem in dict.fromkeys(CatalogProblem(**vars(each)) for each in problems):
        same.setdefault((problem.file, problem.line, problem.column, problem.message), []).append(problem)
    for first, *others in same.values():
        more = f" (and so for {len(others)} more)" if others else ""
        yield replace(first, message=first.message + more)


def model_faults(model: Model, ids: Sequence[str], on: Optional[str] = None) -> Iterator[Fault]:
    """What does not add up in one model beyond its shape: path, sentence, whether it is only a warning.

    `on` is the instant whose prices the examples mean, where they do not say a day themselves.
    """
    if model.retired_on and not model.replaced_by:
        yield ("retired_on",), "say replaced_by as well: the model to use instead, or none", False
    if model.replaced_by and not model.retired_on:
        yield ("replaced_by",), "say retired_on as well: when it was withdrawn, or the latest possible date", True
    if model.replaced_by == model.id:
        yield ("replaced_by",), "a model cannot replace itself; write another model's id, or none", False
    elif model.replaced_by not in ("", "none") and model.replaced_by not in ids:
        hint = nearest(model.replaced_by, ids)
        yield ("replaced_by",), f"there is no model {model.replaced_by}{hint}", False
    if not model.prices:
        yield (), "it has no price; write price: {unit: ..., unknown: why} when none is published", True
    if not model.source.source or not model.source.checked:
        yield (), "it has no source and checked for its limits", True
    if not model.examples:
        yield (), "it has no example; write one: call, sends, price", True
    yield from _default_faults(model, on)
    for position, price in enumerate(model.prices):
        where = ("price", position) if len(model.prices) > 1 else ("price",)
        yield from (((*where, "cases"), message, False) for message in uncovered(model, price))
    for position in range(len(model.examples)):
        for path, message in example_faults(model, position, on):
            yield ("examples", position, *path), message, False


def _default_faults(model: Model, on: Optional[str]) -> Iterator[Fault]:
    """Defaults that the model's own rules, or its own price, refuse: whoever leaves all out gets an error."""
    bare = [{}, *({name: example.call[name] for name in _required(model, example.call)} for example in model.examples)]
    told = set()
    for given in bare:
        try:
            resolve(model, given, partial=True)
            estimate(model, given, on=on)
        except KieInputError as error:
            for problem in error.problems:
                path = _default_of(model, problem)
                if path and path not in told:
                    told.add(path)
                    message = f"a call that gives only what is required is refused: {problem}"
                    yield path, f"{message}; change the default, the rule, or add a rule with a default", False


def _required(model: Model, call: Iterable[str]) -> List[str]:
    return [name for name in call if name in model.parameters and model.parameters[name].required]


def _default_of(model: Model, problem: Problem) -> Optional[Tuple[str, ...]]:
    """Where the default stands that a problem is about; None where it is about something that was given."""
    name = root_of(problem.where)
    parameter = model.parameters.get(name)
    if parameter is None or parameter.default is UNSET or problem.kind in ("required", "forbidden"):
        return None
    return ("parameters", name, "default")


def old_prices(model: Model, on: str, days: int) -> Iterator[Fault]:
    """The prices in force, or still to come, that were last checked more than so many days before `on`."""
    today = datetime.date.fromisoformat(on[:10])
    for position, price in enumerate(model.prices):
        following = model.prices[position + 1 : position + 2]
        is_over = any(later.valid_from[:10] <= on[:10] for later in following)
        if model.retired_on or is_over or not price.source.checked:
            continue
        age = (today - datetime.date.fromisoformat(price.source.checked)).days
        if age > days:
            where = ("price", position) if len(model.prices) > 1 else ("price",)
            message = f"nobody has looked at this price for {age} days; look it up, and write the new date"
            yield (*where, "checked"), message, True


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
