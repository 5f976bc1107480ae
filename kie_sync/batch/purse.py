"""What a batch may spend: reserved before a row is sent, settled when it is known what the row took."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Callable, Dict, NamedTuple, Optional

from ..values import plain

# Somebody may stop the batch meanwhile.
_LOOK_S = 0.25


class Refusal(NamedTuple):
    """Why a row may not be bought; `is_final`: nor may any that comes after it."""

    text: str
    is_final: bool


class Purse:
    """Platform credits of one batch, safe between threads.

    Args:
        limit: the most that the batch may take, earlier runs included; None for no limit.
        spent: what earlier runs took.
    """

    def __init__(self, limit: Optional[Decimal], spent: Decimal, *, allow_unknown_price: bool) -> None:
        self.limit, self._allow_unknown_price = limit, allow_unknown_price
        self._lock = threading.Condition()
        self._spent, self._held = spent, Decimal(0)
        self._reserved: Dict[int, Decimal] = {}

    @property
    def spent(self) -> Decimal:
        """What finished rows took, those of earlier runs too."""
        with self._lock:
            return self._spent

    @property
    def reserved(self) -> Decimal:
        """What rows may take that have not ended, or of which that is not known."""
        with self._lock:
            return self._held

    def reserve(self, number: int, most: Optional[Decimal], is_over: Callable[[], bool]) -> Optional[Refusal]:
        """Put aside what a row can cost; or say why not.

        Where it would fit if rows on their way took less than was put aside for them, it waits for these to end.

        Args:
            is_over: whether there is nothing left to wait for, because the batch was stopped.
        """
        with self._lock:
            if self.limit is not None and most is None and not self._allow_unknown_price:
                return Refusal(
                    f"it is not known what it costs, which counts as over the {plain(self.limit)} credits of the "
                    "batch; allow_unknown_price=True (--allow-unknown-price) lets it pass",
                    is_final=False,
                )
            wanted = most or Decimal(0)
            while self.limit is not None and self._spent + self._held + wanted > self.limit:
                if self._spent + wanted > self.limit or not self._held or is_over():
                    gone = self._spent + self._held
                    return Refusal(
                        f"the next row can cost {plain(wanted)} credits, over the {plain(self.limit)} of the batch "
                        f"(--max-credits), {plain(gone)} of which are spent or reserved",
                        is_final=True,
                    )
                self._lock.wait(_LOOK_S)
            self._reserved[number] = wanted
            self._held += wanted
            return None

    def settle(self, number: int, taken: Optional[Decimal]) -> None:
        """A row's end: what it took, 0 where it took nothing; where nobody says, the estimate counts."""
        with self._lock:
            reserved = self._reserved.pop(number, None)
            if reserved is not None:
                self._held -= reserved
                self._spent += reserved if taken is None else taken
                self._lock.notify_all()
