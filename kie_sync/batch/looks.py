"""Tasks in the air, and which of them is to be looked at next: one queue for all, so that few threads watch many."""

from __future__ import annotations

import heapq
import threading
from itertools import count
from typing import Callable, Generic, List, Optional, Tuple, TypeVar

from ..waiter import Watch

Item = TypeVar("Item")


class Looks(Generic[Item]):
    """Watches by the time of their next look.

    Args:
        now: the clock's seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._heap: List[Tuple[float, int, Item, Watch]] = []
        # Of two that are due at once the one comes first that was put here first; items need no order of their own.
        self._order = count()
        self._is_closed = False

    def add(self, item: Item, watch: Watch) -> None:
        """Have it looked at when its pause is over."""
        with self._changed:
            heapq.heappush(self._heap, (self._now() + watch.pause_s, next(self._order), item, watch))
            self._changed.notify()

    def take(self) -> Optional[Tuple[Item, Watch]]:
        """The next one to look at, when it is due; None when there will be no more."""
        with self._changed:
            while not self._is_closed:
                if not self._heap:
                    self._changed.wait()
                    continue
                due_s = self._heap[0][0] - self._now()
                if due_s <= 0:
                    _, _, item, watch = heapq.heappop(self._heap)
                    return item, watch
                self._changed.wait(due_s)
            return None

    def close(self) -> None:
        """Let everybody go who waits here."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Air:
    """How many tasks are on the platform at once.

    Args:
        most: 0 for no limit.
    """

    def __init__(self, most: int) -> None:
        self._most, self._changed, self._count, self._is_open = most, threading.Condition(), 0, True

    @property
    def count(self) -> int:
        return self._count

    def enter(self) -> bool:
        """Wait for a place, and take it; False where none is given out any more."""
        with self._changed:
            while self._is_open and self._most and self._count >= self._most:
                self._changed.wait()
            self._count += self._is_open
            return self._is_open

    def join(self) -> None:
        """Count one that is there already."""
        with self._changed:
            self._count += 1

    def leave(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify()

    def close(self) -> None:
        """Give out no more places."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()
