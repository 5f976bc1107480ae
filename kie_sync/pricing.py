"""From arguments to a price: what it costs on the platform, and what the customer's tariff makes of it.

All amounts are `Decimal`. What is not known is None with a reason, never 0, and a sum with something
unknown in it is unknown. What is known only as a range keeps its two ends beside the likely figure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Tuple

from .definitions import UNKNOWN, Model, Price
from .errors import KieInputError, Problem
from .figures import CostItem, tidy, unknown
from .params import Arguments, find_name, nearest, resolve
from .quoting import COUNTS, SECONDS, TOKENS, Quoter


@dataclass(frozen=True)
class CostEstimate:
    """What a call costs, before it is made.

    Attributes:
        credits: the customer's price in credits; None when it is unknown.
        credits_min, credits_max: its range; both equal `credits` when it is exact.
        platform_credits: what the platform takes; None when unknown, or not sold in credits.
        platform_credits_max: the most that it can take; None when there is no such figure.
        usd, cny: the customer's price in US dollars and in yuan.
        items: how the price adds up.
        unknown: why a figure is not known, or None.
        notes: what else is known about the price, such as newer figures that were seen.
    """

    model: str
    tariff: str
    credits: Optional[Decimal]
    credits_min: Optional[Decimal]
    credits_max: Optional[Decimal]
    platform_credits: Optional[Decimal]
    usd: Optional[Decimal]
    cny: Optional[Decimal]
    items: Tuple[CostItem, ...] = ()
    unknown: Optional[str] = None
    notes: Tuple[str, ...] = ()
    platform_credits_max: Optional[Decimal] = None

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it; amounts are text, so that no digit is lost."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True)
class UsageRecord(CostEstimate):
    """What a call cost, from what was really used.

    Attributes:
        used: the quantities: tokens, images, seconds.
        credits_consumed: what the platform itself reported, None if nothing.
        task_id: the task concerned, if one.
    """

    used: Mapping[str, Any] = field(default_factory=dict)
    credits_consumed: Optional[Decimal] = None
    task_id: Optional[str] = None


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, CostItem):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def split_quantities(model: Model, given: Mapping[str, Any]) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Arguments of the model, and quantities that are not parameters of it."""
    asked = {name for price in (*model.prices, *model.tariffs.values()) for name in price.asks}
    arguments: Dict[str, Any] = {}
    quantities: Dict[str, Any] = {}
    for name, value in given.items():
        is_parameter = find_name(model.parameters, name, model.aliases) is not None
        is_quantity = name in COUNTS or name in TOKENS or name in SECONDS or name in asked
        (quantities if is_quantity and not is_parameter else arguments)[name] = value
    return arguments, quantities


def estimate(
    model: Model, given: Mapping[str, Any], *, tariff: Optional[str] = None, on: Optional[str] = None
) -> CostEstimate:
    """The price of a call that need not be complete: what is not given is not asked for."""
    arguments, quantities = split_quantities(model, given)
    return quote(model, resolve(model, arguments, partial=True), tariff=tariff, quantities=quantities, on=on)


def quote(
    model: Model,
    arguments: Arguments,
    *,
    tariff: Optional[str] = None,
    quantities: Optional[Mapping[str, Any]] = None,
    on: Optional[str] = None,
) -> CostEstimate:
    """The price of checked arguments.

    Args:
        tariff: a name from the catalog; its first tariff when not given.
        quantities: what is no parameter: tokens, `image_count`, `input_seconds`, facts that a price asks for.
        on: the instant (UTC, ISO 8601) whose prices count; without it the latest.

    Raises:
        KieInputError: no such tariff, a bad quantity, or a combination that the platform does not offer.
    """
    name = tariff or next(iter(model.all_tariffs))
    if name not in model.all_tariffs:
        hint = nearest(name, model.all_tariffs) or ";"
        message = f"there is no tariff {name}{hint} there are: {', '.join(model.all_tariffs)}"
        raise KieInputError(model.id, [Problem("tariff", "tariff", message)])
    quoter = Quoter(model, arguments, _numbers(model, quantities or {}))
    rules = model.all_tariffs[name]
    own = price_on(model.prices, on)
    platform = quoter.price(own)
    applies = model.endpoint.provider.name in rules.providers
    if not applies:
        charged = platform
    elif rules.margins is not None:
        charged = platform.plus(quoter.margin(rules, own))
    elif name in model.tariffs:
        quoter.items = []
        charged = quoter.price(model.tariffs[name])
    else:
        charged, quoter.items = unknown(f"the tariff {name} states no price for {model.id}"), []
    case = None if own is None else quoter.case(own)
    in_credits = case is None or case.currency == "credits"
    usd = None if charged.likely is None else charged.likely * model.money.usd_per_credit
    return CostEstimate(
        model=model.id,
        tariff=name,
        credits=tidy(charged.likely),
        credits_min=tidy(charged.low),
        credits_max=tidy(charged.high),
        platform_credits=tidy(platform.likely) if in_credits else None,
        usd=tidy(usd),
        cny=tidy(None if usd is None else usd * model.money.cny_per_usd),
        items=tuple(quoter.items),
        unknown=charged.why or (platform.why if in_credits else "") or None,
        notes=tuple(dict.fromkeys([*arguments.notices, *quoter.notes])),
        platform_credits_max=tidy(platform.high) if in_credits else None,
    )


def unknown_cost(model: Model, tariff: Optional[str], why: str) -> CostEstimate:
    """A price that cannot be told, with the reason."""
    return CostEstimate(
        model.id, tariff or next(iter(model.all_tariffs)), None, None, None, None, None, None, unknown=why
    )


def price_on(prices: Tuple[Price, ...], on: Optional[str]) -> Optional[Price]:
    """The price in force at an instant: the last one that has begun; the last of all without an instant."""
    begun = [price for price in prices if on is None or not price.valid_from or price.valid_from <= on]
    if not begun:
        return None
    last = begun[-1]
    over = (
        on is not None
        and last.valid_until
        and (on[: len(last.valid_until)] > last.valid_until if "T" not in last.valid_until else on >= last.valid_until)
    )
    if over:
        return Price(
            last.unit,
            UNKNOWN,
            currency=last.currency,
            unknown=f"the price was valid until {last.valid_until}",
            source=last.source,
        )
    return last


def _numbers(model: Model, quantities: Mapping[str, Any]) -> Dict[str, Any]:
    numbers: Dict[str, Any] = {}
    problems = []
    for name, value in quantities.items():
        if value is None:
            continue
        if name not in (*COUNTS, *TOKENS, *SECONDS):
            numbers[name] = value
            continue
        try:
            number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
        except ArithmeticError:
            number = Decimal("NaN")
        whole = name in SECONDS or number == number.to_integral_value() if number.is_finite() else False
        if not number.is_finite() or number < 0 or not whole:
            problems.append(
                Problem(
                    "type",
                    name,
                    f"{name} must be a {'' if name in SECONDS else 'whole '}number, 0 or more; got {value!r}",
                )
            )
        numbers[name] = number
    if problems:
        raise KieInputError(model.id, problems)
    return numbers
