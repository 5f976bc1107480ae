"""The limiter's places in memory: those of one process, for all its threads."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from typing import Dict, Iterator, List, Optional, Tuple

from .clock import Clock, SystemClock
from .places import Places, Slot, Waiter, is_over


class MemoryStore:
    """A `Store` of this process."""

    def __init__(self, clock: Optional[Clock] = None) -> None:
        self._clock: Clock = clock or SystemClock()
        self._changed = threading.Condition(threading.RLock())
        self._lanes: Dict[str, _MemoryPlaces] = {}

    @contextlib.contextmanager
    def open(self, lane: str) -> Iterator[Places]:
        with self._changed:
            places = self._lanes.setdefault(lane, _MemoryPlaces())
            places.now = self._clock.now()
            yield places

    def answer(self, call_id: str, *, task_id: str, is_running: bool) -> None:
        with self._changed:
            for places in self._lanes.values():
                if call_id in places.taken:
                    slot, window_s = places.taken[call_id]
                    held_s = slot.held_s if is_running else 0.0
                    answered = replace(slot, at=self._clock.now(), is_answered=True, held_s=held_s)
                    places.taken[call_id] = answered, window_s
                    if task_id:
                        places.tasks[task_id] = call_id
            self._changed.notify_all()

    def drop(self, call_id: str) -> None:
        with self._changed:
            for places in self._lanes.values():
                places.taken.pop(call_id, None)
                places.queue.pop(call_id, None)
            self._changed.notify_all()

    def finish(self, task_id: str) -> None:
        with self._changed:
            for places in self._lanes.values():
                call_id = places.tasks.pop(task_id, "")
                if call_id in places.taken:
                    slot, window_s = places.taken[call_id]
                    places.taken[call_id] = replace(slot, held_s=0.0), window_s
            self._changed.notify_all()

    def pause(self, seconds: float) -> None:
        if not isinstance(self._clock, SystemClock):
            self._clock.sleep(seconds)
            return
        with self._changed:
            self._changed.wait(seconds)


class _MemoryPlaces:
    def __init__(self) -> None:
        self.now = 0.0
        self.queue: Dict[str, Waiter] = {}
        self.taken: Dict[str, Tuple[Slot, float]] = {}
        self.tasks: Dict[str, str] = {}

    def join(self, waiter: Waiter, pause_s: float) -> None:
        self.queue.setdefault(waiter.id, waiter)

    def leave(self, waiter_id: str) -> None:
        self.queue.pop(waiter_id, None)

    def waiters(self) -> List[Waiter]:
        return list(self.queue.values())

    def slots(self) -> List[Slot]:
        self.taken = {name: held for name, held in self.taken.items() if not is_over(*held, self.now)}
        self.tasks = {task_id: name for task_id, name in self.tasks.items() if name in self.taken}
        return [slot for slot, _ in self.taken.values()]

    def take(self, slot: Slot, window_s: float) -> None:
        self.taken[slot.id] = slot, window_s
