"""What a call is charged for, once it has ended: one rule, for the client that made it and for whoever finds its end.

The charge is the tariff's price of what was really made or said. Where the tariff follows the platform's cost (cost
plus a margin, or a provider that it does not concern) and the platform said what it took, that takes the place of the
catalog's figure for it: charge = what it took + margin, and the margin is the tariff's price less the catalog's figure
(of the most that it can cost, where the price is a range). A tariff that states prices of its own is charged as it
states them, whatever the platform took.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Mapping, Optional

from ..definitions import Model
from ..holds import EXACT
from ..pricing import CostEstimate
from ..records import Record
from ..response import QueryTaskResponse
from ..usage import arguments_of, cost_afterwards, has_open_count


def charge(model: Optional[Model], cost: Optional[CostEstimate], consumed: Optional[Decimal]) -> Optional[Decimal]:
    """The customer's credits for a call.

    Args:
        cost: the tariff's price of what was used.
        consumed: what the platform said that it took, in its credits; None where it did not say.

    Returns:
        None where it is not known.
    """
    if cost is None:
        return None
    margin = _margin(cost)
    if consumed is None or margin is None or model is None or not _follows_platform(model, cost.tariff):
        return cost.credits
    return max(EXACT.add(consumed, margin), Decimal(0))


def _margin(cost: CostEstimate) -> Optional[Decimal]:
    """What the tariff adds to the platform's cost."""
    for charged, taken in ((cost.credits, cost.platform_credits), (cost.credits_max, cost.platform_credits_max)):
        if charged is not None and taken is not None:
            return EXACT.subtract(charged, taken)
    return None


def cost_of_task(
    model: Optional[Model],
    state: QueryTaskResponse,
    price: Optional[CostEstimate],
    record: Optional[Record],
    *,
    given: Optional[Mapping[str, Any]] = None,
    tariff: str = "",
    on: str,
) -> Optional[CostEstimate]:
    """The tariff's price of a task that has succeeded.

    Args:
        price: what it was said to cost before; None in another process.
        given: its arguments; without them those of the record count, else what the platform kept.
        tariff: whose price, where `price` does not say it; "" for the catalog's first.
        on: now, in UTC; a task is priced by the day of its creation, where that is known.
    """
    if model is None:
        return price
    if price is not None and not has_open_count(model):
        return price
    made = record.created_at if record is not None else None if state.created_ms is None else state.created_ms / 1000
    at = on if made is None else datetime.fromtimestamp(made, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    name = (price.tariff if price is not None else tariff) or None
    return cost_afterwards(model, given or _arguments(model, state, record), len(state.result_urls), tariff=name, on=at)


def _arguments(model: Model, state: QueryTaskResponse, record: Optional[Record]) -> Mapping[str, Any]:
    given = {} if record is None or record.model != model.id else json.loads(record.given)
    return given or arguments_of(model, state)


def _follows_platform(model: Model, tariff: str) -> bool:
    rules = model.all_tariffs.get(tariff)
    return rules is not None and (rules.margins is not None or model.endpoint.provider.name not in rules.providers)
