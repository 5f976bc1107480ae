"""Whose turn it is: from who waits, and which places are taken, to how long one of them has to wait.

A place in the window is taken from before the send until `per_s` after the answer: a create that was answered late
may have been counted late, and stamping it at the send draws 429s. A place among the running tasks is taken until
the task is seen to have ended, or is given up. First come, first served; but who has used up his own share is
passed over until he has room again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ContextManager, Iterable, List, Optional, Protocol, Sequence

# A create that nobody heard of for so long is over: five attempts of a minute, and the pauses between them.
LONGEST_SEND_S = 600.0


@dataclass(frozen=True)
class Rate:
    """What a provider allows: so many creates in so many seconds, and so many tasks at once; 0 is no limit.

    `user_share` is how much of both one user of the caller's may hold, above 0 and up to 1; he always gets one place.
    """

    creates: int
    per_s: float
    running: int
    user_share: Optional[float] = None

    def share_of(self, places: int) -> int:
        """How many of so many places one user may hold."""
        return places if self.user_share is None else max(1, int(places * self.user_share))


@dataclass(frozen=True)
class Slot:
    """A call that holds places. `at` is when it was answered, or, until then, when it began (seconds).

    `held_s` is how long after `at` it counts as running, at most; 0 once it is known not to run.
    """

    id: str
    user: str
    at: float
    is_answered: bool
    held_s: float


@dataclass(frozen=True)
class Waiter:
    """A call that waits for its places."""

    id: str
    user: str


@dataclass(frozen=True)
class Turn:
    """When a call may go: in so many seconds, 0 for now; the least that is known, for others may be slower.

    Attributes:
        position: how many wait before it.
        reason: what it waits for, as the end of a sentence.
        is_for_running: it waits for a task to end, which may be any time.
    """

    position: int
    seconds: float
    reason: str = ""
    is_for_running: bool = False


def is_over(slot: Slot, window_s: float, now: float) -> bool:
    """Whether a slot holds no place any more."""
    return _is_answered(slot, now) and now >= slot.at + max(window_s, slot.held_s)


def _is_answered(slot: Slot, now: float) -> bool:
    return slot.is_answered or now - slot.at >= LONGEST_SEND_S


class Places(Protocol):
    """Who waits, and who holds places, of one lane: a provider's account. Used inside `Store.open` only."""

    now: float

    def join(self, waiter: Waiter, pause_s: float) -> None:
        """Get into the queue, or stay there; look again within `pause_s`."""

    def leave(self, waiter_id: str) -> None: ...

    def waiters(self) -> List[Waiter]: ...

    def slots(self) -> List[Slot]: ...

    def take(self, slot: Slot, window_s: float) -> None: ...


class Store(Protocol):
    """Where places are kept."""

    def open(self, lane: str) -> ContextManager[Places]:
        """Look and change with nobody in between.

        Raises:
            KieConfigError: the file cannot be used.
        """

    def answer(self, call_id: str, *, task_id: str, is_running: bool) -> None:
        """A call was answered: from now on its place in the window lives."""

    def drop(self, call_id: str) -> None:
        """A call was not sent: it gives all places back, and leaves the queue."""

    def finish(self, task_id: str) -> None:
        """A task has ended, and runs no more."""

    def pause(self, seconds: float) -> None:
        """Wait, at most so long: until this process gives a place back."""


def find_turn(waiter_id: str, waiters: Sequence[Waiter], slots: Iterable[Slot], rate: Rate, now: float) -> Turn:
    """When a waiter's turn is; `waiters` stand in the order in which they came."""
    # One without an answer yet leaves no sooner than if the answer came now.
    begun = [(slot.user, slot.held_s, slot.at if _is_answered(slot, now) else now) for slot in slots]
    window = [(user, at + rate.per_s) for user, _, at in begun if at + rate.per_s > now]
    running = [(user, at + held_s) for user, held_s, at in begun if at + held_s > now]
    in_window, in_running = Counter(user for user, _ in window), Counter(user for user, _ in running)
    share, running_share = rate.share_of(rate.creates), rate.share_of(rate.running)

    def is_full(user: str) -> bool:
        if not user or rate.user_share is None:
            return False
        return bool((rate.creates and in_window[user] >= share) or (rate.running and in_running[user] >= running_share))

    position = [waiter.id for waiter in waiters].index(waiter_id)
    ahead: List[str] = []
    for waiter in waiters[:position]:
        if not is_full(waiter.user):
            ahead.append(waiter.user)
            in_window[waiter.user] += 1
            in_running[waiter.user] += 1
    user = waiters[position].user
    if is_full(user):
        before = ahead.count(user)
        seconds = _window_wait([end for name, end in window if name == user], share, before, rate.per_s, now)
        until_ended = _running_wait([end for name, end in running if name == user], running_share, before, now)
        return Turn(position, max(seconds, until_ended), f"the share of user {user}", until_ended > seconds)
    seconds = _window_wait([end for _, end in window], rate.creates, len(ahead), rate.per_s, now)
    until_ended = _running_wait([end for _, end in running], rate.running, len(ahead), now)
    if until_ended > seconds:
        return Turn(position, until_ended, f"{rate.running} running tasks", True)
    return Turn(position, seconds, f"{rate.creates} creates per {rate.per_s:g} s")


def _window_wait(ends: List[float], places: int, before: int, per_s: float, now: float) -> float:
    """Seconds until so many others, and then this one, have found a place; they give theirs back after `per_s`."""
    if not places or before < places - len(ends):
        return 0.0
    free = max(places - len(ends), 0)
    openings = sorted([*ends, *[now + per_s] * free])
    rounds, index = divmod(before - (places - len(ends)), len(openings))
    return openings[index] + rounds * per_s - now


def _running_wait(ends: List[float], places: int, before: int, now: float) -> float:
    """The same for running tasks: until they are given up, for it is not known when they end."""
    missing = before + 1 - (places - len(ends))
    if not places or missing <= 0:
        return 0.0
    return sorted(ends)[missing - 1] - now if missing <= len(ends) else float("inf")
