"""What a model costs in every tariff, for each choice that changes its price."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..clock import SystemClock
from ..definitions import Condition, Model, Price
from ..errors import KieInputError
from ..pricing import CostEstimate, estimate, price_on
from ..values import key_of
from .tables import span

MILLION_TOKENS = 1_000_000
# More rows than this tell nobody anything; `kie-sync price` answers for one call.
MOST_ROWS = 60
TOKEN_UNITS = ("1k_tokens", "1m_tokens")

Line = Tuple[str, Mapping[str, Any], Mapping[str, CostEstimate]]


def price_at(model: Model, on: Optional[str] = None) -> Optional[Price]:
    """The platform's price that is in force at an instant; without one, now."""
    return price_on(model.prices, on or SystemClock().date())


def is_by_tokens(model: Model, on: Optional[str] = None) -> bool:
    """Whether a call's price goes by tokens."""
    price = price_at(model, on)
    return price is not None and any(case.unit in TOKEN_UNITS for case in (price, *price.cases))


def price_table(model: Model, on: Optional[str] = None) -> List[Line]:
    """A line for each combination: in words, the arguments, the estimate by tariff; empty when there are too many."""
    price = price_at(model, on)
    if price is None:
        return []
    if is_by_tokens(model, on):
        return list(token_rates(model, on))
    choices = {name: values for name, values in _choices(model, price).items() if values}
    total = 1
    for values in choices.values():
        total *= len(values)
    if total > MOST_ROWS:
        return []
    lines: List[Line] = []
    for combination in itertools.product(*choices.values()):
        given = dict(zip(choices, combination))
        estimates = _estimates(model, given, on)
        if estimates:
            text = ", ".join(f"{name} {key_of(value)}" for name, value in given.items())
            lines.append((text or f"one {price.unit}", given, estimates))
    return lines


def token_rates(model: Model, on: Optional[str] = None) -> Iterator[Line]:
    """What a million tokens cost, each way and sort that has a price."""
    for name in _token_kinds(model, on):
        given = {f"{name}_tokens": MILLION_TOKENS}
        yield f"1M {name.replace('_', ' ')} tokens", given, _estimates(model, given, on)


def notes_of(estimates: Iterable[CostEstimate]) -> List[str]:
    """Each note once; one that does not concern all the tariffs says which it does."""
    found: Dict[str, List[str]] = {}
    tariffs = set()
    for each in estimates:
        tariffs.add(each.tariff)
        for note in each.notes:
            found.setdefault(note, []).append(each.tariff)
    return [
        note if set(names) == tariffs else f"{', '.join(dict.fromkeys(names))}: {note}" for note, names in found.items()
    ]


def show_credits(found: CostEstimate) -> str:
    """An estimate as a cell of a table."""
    return span(found.credits, found.credits_min, found.credits_max)


def _estimates(model: Model, given: Mapping[str, Any], on: Optional[str]) -> Dict[str, CostEstimate]:
    try:
        now = on or SystemClock().date()
        return {tariff: estimate(model, given, tariff=tariff, on=now) for tariff in model.all_tariffs}
    except KieInputError:
        # A rule, or the platform, does not offer this combination.
        return {}


def _token_kinds(model: Model, on: Optional[str]) -> List[str]:
    price = price_at(model, on)
    found: List[str] = []
    for case in (price, *price.cases) if price is not None else ():
        if case.unit in TOKEN_UNITS:
            found += _leaf_keys(case.amounts, len(case.by))
    return list(dict.fromkeys(found)) or ["input", "output"]


def _leaf_keys(table: Any, depth: int) -> List[str]:
    if not isinstance(table, Mapping):
        return []
    return list(table) if depth == 0 else [key for inner in table.values() for key in _leaf_keys(inner, depth - 1)]


def _choices(model: Model, price: Price) -> Dict[str, Sequence[Any]]:
    """The parameters that a price goes by, and the values worth a line."""
    found: Dict[str, Sequence[Any]] = {}
    for case in price.cases or (price,):
        for depth, name in enumerate(case.by):
            keys = [*found.get(name, ()), *_leaf_keys(case.amounts, depth)]
            found[name] = list(dict.fromkeys(keys))
        for name in _conditions(case.when):
            found.setdefault(name, _finite(model, name))
        if case.seconds is not None and case.seconds.parameter is not None:
            found.setdefault(case.seconds.parameter, _lengths(model, case.seconds.parameter))
    return found


def _conditions(condition: Optional[Condition]) -> Iterator[str]:
    if condition is None:
        return
    if condition.path and (condition.values is not None or condition.not_values is not None):
        yield condition.path
    for part in (*condition.all, *condition.any, *([condition.negated] if condition.negated else [])):
        yield from _conditions(part)


def _finite(model: Model, name: str) -> Sequence[Any]:
    parameter = model.parameters.get(name)
    if parameter is None:
        return []
    if parameter.values is not None:
        return [choice.value for choice in parameter.values]
    return [False, True] if parameter.type == "boolean" else []


def _lengths(model: Model, name: str) -> Sequence[Any]:
    """All lengths where they are listed, else the shortest, the usual and the longest."""
    parameter = model.parameters.get(name)
    if parameter is None or parameter.values is not None:
        return _finite(model, name)
    stated = (parameter.min, parameter.default, parameter.max)
    return list({key_of(length): length for length in stated if isinstance(length, (int, float, Decimal))}.values())
