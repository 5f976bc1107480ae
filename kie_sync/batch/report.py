"""What was spent, by model, day and batch; where the catalog's prices were wrong; how long it took. Pure.

report = read_records(journal.scan())
report.by_model["google/nano-banana"].consumed
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from decimal import Decimal
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from ..pricing import CostEstimate
from ..records import Record
from .results import batch_of
from .tally import Tally

# The platform rounds what it takes: differences up to this are none.
ROUNDING = Decimal("0.01")
# A model whose price is a range can have as many pairs of figures as calls; these many are kept.
_MOST_PAIRS = 1000


@dataclass
class Difference:
    """Calls of one model that were expected to cost one amount, and took another; both are platform credits."""

    estimated: Decimal
    consumed: Decimal
    calls: int
    last: Record


@dataclass(frozen=True)
class StalePrice:
    """A model whose price in the catalog is not what the platform takes.

    Attributes:
        differences: the pairs of figures that do not agree, the most frequent first.
    """

    model: str
    differences: Tuple[Difference, ...]

    @property
    def calls(self) -> int:
        return sum(each.calls for each in self.differences)

    @property
    def ratio(self) -> Optional[Decimal]:
        """By how much every amount is off; None where that differs, or the estimate was 0."""
        ratios = {each.consumed / each.estimated if each.estimated else None for each in self.differences}
        return ratios.pop() if len(ratios) == 1 else None


def _tallies() -> Dict[str, Tally]:
    return defaultdict(Tally)


@dataclass
class Report:
    """Everything on record, counted; days are UTC, and calls outside batches have the batch "".

    Attributes:
        spent: credits consumed by day and model.
    """

    total: Tally = field(default_factory=Tally)
    by_model: Dict[str, Tally] = field(default_factory=_tallies)
    by_day: Dict[str, Tally] = field(default_factory=_tallies)
    by_batch: Dict[str, Tally] = field(default_factory=_tallies)
    spent: Dict[Tuple[str, str], Decimal] = field(default_factory=dict)
    _differences: Dict[str, Dict[Tuple[Decimal, Decimal], Difference]] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Count one call more."""
        day = day_of(record.created_at)
        self.total.add(record)
        self.by_model[record.model].add(record)
        self.by_day[day].add(record)
        self.by_batch[batch_of(record.key)].add(record)
        if record.consumed:
            place = (day, record.model)
            self.spent[place] = self.spent.get(place, Decimal(0)) + record.consumed
        # What a chat takes is known when it has answered; its estimate is no promise.
        if record.state == "success" and record.kind != "chat":
            self._compare(record)

    def _compare(self, record: Record) -> None:
        if record.price is None or record.consumed is None or abs(record.consumed - record.price) <= ROUNDING:
            return
        pairs = self._differences.setdefault(record.model, {})
        pair = (record.price, record.consumed)
        if pair in pairs:
            pairs[pair].calls += 1
            pairs[pair].last = record
        elif len(pairs) < _MOST_PAIRS:
            pairs[pair] = Difference(*pair, 1, record)

    def differences(self, model: str) -> List[Difference]:
        """Where estimate and consumption of a model do not agree, the most frequent pair of figures first."""
        return sorted(self._differences.get(model, {}).values(), key=lambda each: -each.calls)

    def tallies(self, by: str) -> List[Tuple[str, Tally]]:
        """The sums by "model", "day" or "batch": what took most first, days and batches in their order."""
        found = list({"model": self.by_model, "day": self.by_day, "batch": self.by_batch}[by].items())
        if by == "day":
            return sorted(found)
        return sorted(found, key=lambda each: (-each[1].consumed, each[0])) if by == "model" else found


def read_records(records: Iterable[Record]) -> Report:
    """Count records, one after the other."""
    report = Report()
    for record in records:
        report.add(record)
    return report


def stale_prices(report: Report, is_explained: Callable[[Record], bool]) -> List[StalePrice]:
    """The models whose price is still wrong, those with the most calls first.

    Args:
        is_explained: whether the catalog by now expects what a call took; then it has been put right since.
    """
    found = []
    for model in report.by_model:
        wrong = tuple(each for each in report.differences(model) if not is_explained(each.last))
        if wrong:
            found.append(StalePrice(model, wrong))
    return sorted(found, key=lambda each: (-each.calls, each.model))


def explains(cost: CostEstimate, consumed: Decimal) -> bool:
    """Whether a price agrees with what was taken; one that is a range need only reach so far."""
    likely, most = cost.platform_credits, cost.platform_credits_max
    if likely is None:
        return False
    return most is None or (consumed <= most + ROUNDING if most != likely else abs(consumed - likely) <= ROUNDING)


def day_of(seconds: float) -> str:
    """The UTC day of a Unix time."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d")
