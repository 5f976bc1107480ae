"""Amounts that may be a range, or not known: a sum with something unknown in it is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from operator import add, mul
from typing import Callable, NamedTuple, Optional, Union

from .values import plain


class Figure(NamedTuple):
    """An amount, or a range with a likely figure; `why` says why something is not known."""

    likely: Optional[Decimal]
    low: Optional[Decimal]
    high: Optional[Decimal]
    why: str = ""

    def plus(self, other: Figure) -> Figure:
        return self._joined(other, add)

    def times(self, other: Figure) -> Figure:
        return self._joined(other, mul)

    def each(self, change: Callable[[Decimal], Decimal]) -> Figure:
        """The same with all three amounts changed."""
        likely, low, high = (None if part is None else change(part) for part in self[:3])
        return Figure(likely, low, high, self.why)

    def _joined(self, other: Figure, join: Callable[[Decimal, Decimal], Decimal]) -> Figure:
        pairs = zip(self[:3], other[:3])
        likely, low, high = (None if mine is None or its is None else join(mine, its) for mine, its in pairs)
        return Figure(likely, low, high, "; ".join(dict.fromkeys(why for why in (self.why, other.why) if why)))


def exactly(amount: Union[Decimal, int]) -> Figure:
    number = Decimal(amount)
    return Figure(number, number, number)


def unknown(why: str) -> Figure:
    return Figure(None, None, None, why)


@dataclass(frozen=True)
class CostItem:
    """A line of an estimate: so much of a unit, at an amount each (None: unknown), in credits."""

    text: str
    quantity: Optional[Decimal]
    unit: str
    credits: Optional[Decimal]


def tidy(amount: Optional[Decimal]) -> Optional[Decimal]:
    """Without trailing zeros and without an exponent: 37, 0.185."""
    return None if amount is None else Decimal(plain(amount))
