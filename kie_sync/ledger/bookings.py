"""What is booked after a call is paid: it costs nobody the result where the ledger cannot be written just now."""

from __future__ import annotations

import logging
from collections import deque
from typing import Any, Callable, Deque, NamedTuple

logger = logging.getLogger("kie_sync")
HOW_TO_END = "`kie-sync account settle` ends it"
_MOST_LATE = 10_000


class _Booking(NamedTuple):
    what: str
    key: str
    book: Callable[[], Any]


class Bookings:
    """Books at once what can be, and keeps the rest for later. Safe between threads."""

    def __init__(self) -> None:
        self._late: Deque[_Booking] = deque(maxlen=_MOST_LATE)

    def __len__(self) -> int:
        return len(self._late)

    def add(self, what: str, key: str, book: Callable[[], Any], *, now: bool = True) -> None:
        """Book something of a hold.

        Args:
            what: it, in words for the log.
            now: False in a finalizer, where nothing may be asked of a database: the next call books it.
        """
        booking = _Booking(what, key, book)
        if not now:
            self._late.append(booking)
        elif self._try(booking):
            self.flush()

    def flush(self) -> None:
        """Book what could not be booked when it happened; what still cannot be stays for the next time."""
        for _ in range(len(self._late)):
            try:
                booking = self._late.popleft()
            except IndexError:
                # Another thread has it.
                return
            if not self._try(booking):
                return

    def _try(self, booking: _Booking) -> bool:
        try:
            booking.book()
        except LookupError:
            # A ledger that cannot be asked beforehand: the call was paid by nobody in it.
            logger.info("%s of hold %s: there is no such hold", booking.what, booking.key)
        except ValueError as error:
            # It was ended otherwise meanwhile, as by hand: to try again would not change that.
            logger.warning("%s of hold %s: %s", booking.what, booking.key, error)
        except Exception as error:
            self._late.append(booking)
            logger.error(
                "%s of hold %s is not in the ledger (%s); it is tried again with the next call, and where this process "
                "ends before that, %s",
                booking.what,
                booking.key,
                error,
                HOW_TO_END,
            )
            return False
        except BaseException:
            # Ctrl-C: it may be booked or not, and to book it once more does no harm.
            self._late.append(booking)
            raise
        return True
