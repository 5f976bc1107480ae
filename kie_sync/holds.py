"""Credit accounts of the user's own customers, as the core sees them: the values, and the ledger as a protocol.

A ledger of one's own needs the four methods of `Ledger`. Amounts are the customers' credits, by a tariff of the
catalog; they are not the platform's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Context, Decimal
from typing import NamedTuple, Optional, Protocol, runtime_checkable

from .values import plain

# The smallest amount that is booked: a millionth of a credit.
SMALLEST = Decimal("0.000001")
# Sums of credits keep every digit, however the program around them has set its own.
EXACT = Context(prec=60)
STATES = ("open", "captured", "released")
_NO_TASK = "-"


@dataclass(frozen=True)
class Hold:
    """An amount of an account that is set aside for one call.

    Attributes:
        credits: how much was set aside.
        key: names it; the id of the call.
        ref: what it is for; see `Purpose`.
        state: `open`, `captured` (used, at `used` credits) or `released` (given back).
        at: when it was made, Unix time in seconds.
    """

    account: str
    credits: Decimal
    key: str
    ref: str = ""
    state: str = "open"
    used: Optional[Decimal] = None
    at: float = 0.0


@dataclass(frozen=True)
class Balance:
    """What an account has: `available` may be spent, `held` is set aside for calls that have not ended."""

    account: str
    available: Decimal
    held: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.available, self.held)

    @property
    def is_overdrawn(self) -> bool:
        """Whether more was used than was held, so that nothing can be held before it is topped up."""
        return self.available < 0


@runtime_checkable
class Ledger(Protocol):
    """Who has how many credits. Safe between threads and processes.

    Every method may be called twice with the same words, by two processes or after a crash: the second call has no
    second effect. The same key with other facts is an error.
    """

    def hold(self, account: str, credits: Decimal, *, key: str, ref: str = "") -> Hold:
        """Set an amount aside; called again with another `ref`, it notes that (the task has got its id).

        Raises:
            KieAccountError: the account has not that much, or is overdrawn, or there is none of that name.
        """

    def capture(self, key: str, credits: Decimal) -> None:
        """End a hold: so much of it was used, and the rest is given back.

        More than was held is booked all the same, even where the account goes below zero by it.

        Raises:
            LookupError: there is no such hold.
            ValueError: it ended otherwise.
        """

    def release(self, key: str) -> None:
        """End a hold: nothing of it was used; raises as `capture` does."""

    def balance(self, account: str) -> Balance:
        """What an account has.

        Raises:
            KieAccountError: there is none of that name.
        """


@runtime_checkable
class FindingLedger(Ledger, Protocol):
    """A ledger that also finds its holds: what another process ends then needs no journal."""

    def find(self, name: str) -> Optional[Hold]:
        """The hold of this key, or the one whose `ref` begins with this word; None when there is none."""


class Purpose(NamedTuple):
    """What a hold is for, as its `ref` says it: `TASK MODEL TARIFF`, `-` for a task that is not there (yet).

    The tariff stands there for the process that ends the hold, which may be another one.
    """

    task_id: str = ""
    model: str = ""
    tariff: str = ""

    def __str__(self) -> str:
        return " ".join((self.task_id or _NO_TASK, self.model, self.tariff)).rstrip()


def read_purpose(ref: str) -> Purpose:
    """The other way around; what somebody else wrote gives what it can."""
    words = [*ref.split(" ", 2), "", "", ""][:3]
    return Purpose("" if words[0] == _NO_TASK else words[0], words[1], words[2])


def booked(credits: Decimal) -> Decimal:
    """An amount as it is booked: a price can have more digits than an account; it is rounded up."""
    return Decimal(plain(credits.quantize(SMALLEST, ROUND_CEILING, EXACT)))
