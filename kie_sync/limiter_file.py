"""The limiter's places in an SQLite file: those of all processes that name it.

Each look is one short transaction. Times are those of the machine since it was started, which no change of its date
moves; a row of another machine, or from before a restart, is read by the wall clock, and one that seems to lie in the
future is taken to be of now. Nobody who died holds up others: a process of this machine is known by its number and
its start; any waiter that does not look again when it said it would has gone.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Optional

from .places import Places, Slot, Waiter, is_over
from .processes import boot_id, is_alive, link_of, own_name
from .sqlitefile import SqliteFile

_TABLES = """
CREATE TABLE waiters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, lane TEXT NOT NULL, user TEXT NOT NULL,
    owner TEXT NOT NULL, clock TEXT NOT NULL, skew REAL NOT NULL, at REAL NOT NULL, pause_s REAL NOT NULL);
CREATE TABLE slots (
    id TEXT PRIMARY KEY, lane TEXT NOT NULL, user TEXT NOT NULL, task_id TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL,
    clock TEXT NOT NULL, skew REAL NOT NULL, at REAL NOT NULL, is_answered INTEGER NOT NULL, held_s REAL NOT NULL,
    window_s REAL NOT NULL);
CREATE INDEX slots_task ON slots (task_id)
"""
_VERSION = 1
# Who was seen alive is not looked for again so soon: there may be many looks in a second.
_SEEN_S = 1.0
# A waiter may be late by so much before it is taken to have gone: a busy machine, a suspended process.
_LATE_S = 30.0


@dataclass(frozen=True)
class FileClock:
    """Seconds that processes can compare: those with the same `id` directly, others by `skew`, wall minus `now`."""

    id: str
    now: Callable[[], float]
    wall: Callable[[], float] = time.time


def machine_clock() -> FileClock:
    """The time since this machine was started, where that can be known; else the wall clock."""
    booted = boot_id()
    if not booted or not hasattr(time, "CLOCK_BOOTTIME"):
        return FileClock("wall", time.time)
    return FileClock(f"{booted} {link_of('/proc/self/ns/time')}", lambda: time.clock_gettime(time.CLOCK_BOOTTIME))


class FileStore:
    """A `Store` in a file."""

    def __init__(self, path: str, clock: Optional[FileClock] = None) -> None:
        # Nothing here needs to survive a power cut, so that no transaction waits for the disk.
        self._file = SqliteFile(Path(path), "the limiter's file", _TABLES, _VERSION, is_durable=False)
        self._clock = clock or machine_clock()
        self._owner = own_name()
        self._changed = threading.Condition()
        # The numbers of this process's waiters: who was taken to have gone comes back to his old place.
        self._numbers: Dict[str, int] = {}
        self._seen: Dict[str, float] = {}

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    @contextlib.contextmanager
    def open(self, lane: str) -> Iterator[Places]:
        with self._file.writing() as connection:
            yield _FilePlaces(connection, lane, self._clock, self._owner, self._numbers, self._seen)

    def answer(self, call_id: str, *, task_id: str, is_running: bool) -> None:
        with self._file.writing() as connection:
            now = self._clock.now()
            connection.execute(
                "UPDATE slots SET task_id = ?, clock = ?, skew = ?, at = ?, is_answered = 1,"
                " held_s = CASE WHEN ? THEN held_s ELSE 0 END WHERE id = ?",
                (task_id, self._clock.id, self._clock.wall() - now, now, is_running, call_id),
            )
        self._wake()

    def drop(self, call_id: str) -> None:
        with self._file.writing() as connection:
            connection.execute("DELETE FROM slots WHERE id = ?", (call_id,))
            connection.execute("DELETE FROM waiters WHERE id = ?", (call_id,))
            self._numbers.pop(call_id, None)
        self._wake()

    def finish(self, task_id: str) -> None:
        with self._file.writing() as connection:
            connection.execute("UPDATE slots SET held_s = 0 WHERE task_id = ?", (task_id,))
        self._wake()

    def pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait(seconds)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()


class _FilePlaces:
    """One transaction's view of one lane."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        lane: str,
        clock: FileClock,
        owner: str,
        numbers: Dict[str, int],
        seen: Dict[str, float],
    ) -> None:
        self._connection, self._lane, self._clock, self._owner = connection, lane, clock, owner
        self._numbers, self._seen = numbers, seen
        self.now = clock.now()
        self._skew = clock.wall() - self.now
        self._stamp = (clock.id, self._skew, self.now)

    def join(self, waiter: Waiter, pause_s: float) -> None:
        row = self._connection.execute(
            "INSERT INTO waiters (number, id, lane, user, owner, clock, skew, at, pause_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET"
            " clock = excluded.clock, skew = excluded.skew, at = excluded.at, pause_s = excluded.pause_s",
            (self._numbers.get(waiter.id), waiter.id, self._lane, waiter.user, self._owner, *self._stamp, pause_s),
        )
        if waiter.id not in self._numbers and row.lastrowid is not None:
            self._numbers[waiter.id] = row.lastrowid

    def leave(self, waiter_id: str) -> None:
        self._connection.execute("DELETE FROM waiters WHERE id = ?", (waiter_id,))
        self._numbers.pop(waiter_id, None)

    def waiters(self) -> List[Waiter]:
        found, gone = [], []
        for call_id, user, owner, clock, skew, at, pause_s in self._connection.execute(
            "SELECT id, user, owner, clock, skew, at, pause_s FROM waiters WHERE lane = ? ORDER BY number",
            (self._lane,),
        ):
            age_s = self.now - self._here(at, clock, skew)
            # A wall clock that was set back must not keep somebody in the queue who left it.
            if not -_LATE_S <= age_s <= pause_s + _LATE_S or self._has_gone(owner):
                gone.append((call_id,))
            else:
                found.append(Waiter(call_id, user))
        self._connection.executemany("DELETE FROM waiters WHERE id = ?", gone)
        return found

    def slots(self) -> List[Slot]:
        found, over, stamped = [], [], []
        for call_id, user, owner, clock, skew, at, is_answered, held_s, window_s in self._connection.execute(
            "SELECT id, user, owner, clock, skew, at, is_answered, held_s, window_s FROM slots WHERE lane = ?",
            (self._lane,),
        ):
            here = self._here(at, clock, skew)
            slot = Slot(call_id, user, min(here, self.now), bool(is_answered), held_s)
            if not slot.is_answered and self._has_gone(owner):
                # It may have been sent just before its process died.
                slot = Slot(call_id, user, self.now, True, held_s)
            if is_over(slot, window_s, self.now):
                over.append((call_id,))
                continue
            if slot.at != here or slot.is_answered != bool(is_answered):
                stamped.append((*self._stamp, slot.is_answered, call_id))
            found.append(slot)
        self._connection.executemany("DELETE FROM slots WHERE id = ?", over)
        self._connection.executemany(
            "UPDATE slots SET clock = ?, skew = ?, at = ?, is_answered = ? WHERE id = ?", stamped
        )
        return found

    def take(self, slot: Slot, window_s: float) -> None:
        self._connection.execute(
            "INSERT INTO slots (id, lane, user, owner, clock, skew, at, is_answered, held_s, window_s)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (slot.id, self._lane, slot.user, self._owner, *self._stamp, slot.is_answered, slot.held_s, window_s),
        )

    def _here(self, at: float, clock: str, skew: float) -> float:
        """A time that some process wrote, by this one's clock."""
        return at if clock == self._clock.id else at + skew - self._skew

    def _has_gone(self, owner: str) -> bool:
        if owner == self._owner or self.now - self._seen.get(owner, -_SEEN_S) < _SEEN_S:
            return False
        if is_alive(owner) is False:
            return True
        self._seen[owner] = self.now
        return False
