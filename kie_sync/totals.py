"""Sums over several answers: tokens, and what they cost. A sum with something unknown in it is unknown."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any, Optional, Sequence

from .completions import ChatCompletion, Usage
from .pricing import CostEstimate


def total_usage(counts: Sequence[Optional[Usage]]) -> Optional[Usage]:
    """All tokens together; None where one answer did not tell."""
    told = [usage for usage in counts if usage is not None]
    if len(told) < len(counts) or not told:
        return None
    names = [each.name for each in fields(Usage) if each.name != "raw"]
    return Usage(**{name: sum(getattr(usage, name) for usage in told) for name in names})


def total_cost(costs: Sequence[Optional[CostEstimate]]) -> Optional[CostEstimate]:
    """One price for several calls to a model, with the items of all of them; None where there is none."""
    told = [cost for cost in costs if cost is not None]
    if len(told) < len(costs) or not told:
        return None

    def total(name: str) -> Any:
        return _sum([getattr(cost, name) for cost in told])

    amounts = ("credits", "credits_min", "credits_max", "platform_credits", "platform_credits_max", "usd", "cny")
    return replace(
        told[0],
        **{name: total(name) for name in amounts},
        items=tuple(item for cost in told for item in cost.items),
        unknown=next((cost.unknown for cost in told if cost.unknown), None),
        notes=tuple(dict.fromkeys(note for cost in told for note in cost.notes)),
    )


def total_consumed(completions: Sequence[ChatCompletion]) -> Optional[Decimal]:
    """What the platform says that it took in all; None where it did not say so of one answer."""
    return _sum([completion.credits_consumed for completion in completions])


def taken(completion: Any) -> Optional[Decimal]:
    """What an answer took on the platform: as it says, else by the catalog's price; None where neither is known."""
    if completion.credits_consumed is not None:
        credits: Decimal = completion.credits_consumed
        return credits
    return None if completion.cost is None else completion.cost.platform_credits


def _sum(amounts: Sequence[Optional[Decimal]]) -> Optional[Decimal]:
    told = [amount for amount in amounts if amount is not None]
    return sum(told, Decimal(0)) if told and len(told) == len(amounts) else None
