"""Calls counted together: how many became what, what they were expected to cost, and what they took.

What nobody knows is counted apart and adds nothing: an unknown price, a consumption that was not said, a call of
unknown outcome.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from typing import Any, Dict, Mapping, Optional, Protocol

# The task exists, or the call was settled as paid; a failed task gives its credits back.
PAID = ("accepted", "running", "success", "charged")
_ZERO = Decimal(0)


class Counted(Protocol):
    """What can be counted: a `records.Record`, or a `RowResult`."""

    @property
    def state(self) -> str: ...
    @property
    def price(self) -> Optional[Decimal]: ...
    @property
    def consumed(self) -> Optional[Decimal]: ...
    @property
    def duration_s(self) -> Optional[float]: ...


@dataclass
class Tally:
    """The sums over some calls; all amounts are platform credits.

    Attributes:
        estimated: what the paid calls were expected to cost, where that was known.
        unpriced: paid calls whose price was not known.
        consumed: what the platform says it took.
        unsaid: paid calls of which nobody has said what they took.
        at_stake: what the calls of unknown outcome were expected to cost, of which nobody has said what they took.
        at_stake_unpriced: those of them whose price was not known.
        compared: successes with both figures; `compared_estimated` and `compared_consumed` are sums over these alone.
    """

    calls: int = 0
    states: Dict[str, int] = field(default_factory=Counter)
    estimated: Decimal = _ZERO
    unpriced: int = 0
    consumed: Decimal = _ZERO
    unsaid: int = 0
    at_stake: Decimal = _ZERO
    at_stake_unpriced: int = 0
    compared: int = 0
    compared_estimated: Decimal = _ZERO
    compared_consumed: Decimal = _ZERO
    _durations: array[float] = field(default_factory=lambda: array("d"))

    def add(self, call: Counted) -> None:
        """Count one more."""
        self.calls += 1
        self.states[call.state] += 1
        if call.consumed is not None:
            self.consumed += call.consumed
        if call.state in PAID:
            self.estimated += call.price or _ZERO
            self.unpriced += call.price is None
            self.unsaid += call.consumed is None
        elif call.state == "unknown" and call.consumed is None:
            self.at_stake += call.price or _ZERO
            self.at_stake_unpriced += call.price is None
        if call.state == "success":
            if call.price is not None and call.consumed is not None:
                self.compared += 1
                self.compared_estimated += call.price
                self.compared_consumed += call.consumed
            if call.duration_s is not None:
                self._durations.append(call.duration_s)

    def count(self, *states: str) -> int:
        """How many are in one of these states."""
        return sum(self.states.get(state, 0) for state in states)

    @property
    def difference(self) -> Optional[Decimal]:
        """Credits taken beyond the estimate, over the calls of which both are known; None where there are none."""
        return self.compared_consumed - self.compared_estimated if self.compared else None

    @property
    def success_rate(self) -> Optional[float]:
        """Successes among the tasks that have ended, 0 to 1; None where none has."""
        ended = self.count("success", "failed")
        return self.count("success") / ended if ended else None

    def duration(self, share: float) -> Optional[float]:
        """The seconds within which this share of the successes was done (nearest rank); None where none is known."""
        if not self._durations:
            return None
        rank = int((Decimal(str(share)) * len(self._durations)).to_integral_value(ROUND_CEILING))
        return sorted(self._durations)[max(rank, 1) - 1]

    def to_dict(self) -> Mapping[str, Any]:
        """As JSON can hold it."""
        return {
            "calls": self.calls,
            "states": dict(self.states),
            "success_rate": self.success_rate,
            "credits_estimated": self.estimated,
            "calls_without_estimate": self.unpriced,
            "credits_consumed": self.consumed,
            "calls_without_consumption": self.unsaid,
            "credits_at_stake": self.at_stake,
            "calls_at_stake_without_estimate": self.at_stake_unpriced,
            "calls_compared": self.compared,
            "difference": self.difference,
            "duration_p50_s": self.duration(0.5),
            "duration_p95_s": self.duration(0.95),
        }
