"""Time: a seam, so that tests do not wait."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Time that passes, in seconds, and the date."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def date(self) -> str: ...


class SystemClock:
    """The machine's own clock. `now` does not jump when the machine's date is set."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def date(self) -> str:
        """This instant in UTC, as prices in time are compared."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
