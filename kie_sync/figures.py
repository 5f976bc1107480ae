"""Amounts that may be a range, or not known: a sum with something unknown in it is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from operator import add, mul
from typing import Callable, NamedTuple, Optional, Union

from .values import plain

_SHORT = Context(prec=20)


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
        return Figure(likely, low, high, _together(self.why, other.why))


def _together(*whys: str) -> str:
    """Reasons as one sentence, each once."""
    return "; ".join(dict.fromkeys(why for listed in whys for why in listed.split("; ") if why))


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
    if amount is None:
        return None
    # 100 / 30 of a second leaves no end of nines; nobody charges for the twentieth digit.
    return Decimal(plain(_SHORT.plus(amount)))
