"""The limiter: keeps what the provider allows before a create is sent, so that nothing is refused for its rate.

It hangs on the events: a create waits at `TaskSubmitting`, and its places are counted from the answer. All threads of
a process share one set of places; all processes that name the same file share that file's (`limiter_file`).

pyrate-limiter 4.5 and limits 5.8 were tried (`benchmarks/limiter.py --compare`): both count a call when it is let
through, not when it is answered, which draws 429s where answers take unlike times, and neither knows running tasks,
shares, or an order between processes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Union
from urllib.parse import urlsplit

from .clock import Clock, SystemClock
from .config import Settings, is_loopback, read_variable
from .definitions import Provider
from .errors import KieAPIError, KieConfigError
from .events import CallRefused, OutcomeUnknown, TaskCreated, TaskFinished, TaskSubmitting
from .limiter_memory import MemoryStore
from .places import Rate, Slot, Store, Waiter, find_turn
from .records import PaidCall

logger = logging.getLogger("kie_sync")

LIMITER_VARIABLE = "KIE_LIMITER"
# The deadline where the kind of a model is not known: that of the slowest kind.
_LONGEST_TASK_S = 1800.0
# Another process may see a task end at any time: whoever is first looks so often, the second half as often, and so on,
# so that a queue of 200 makes 24 looks a second, all together.
_LOOK_S = 0.25
# The window opens when it opens; it is sooner only where somebody left the queue, or was refused before the send.
_LOOK_AT_WINDOW_S = 2.0
_TOLD_FROM_S = 1.0


_lock = threading.Lock()
_stores: Dict[str, Store] = {}


def shared_store(path: str) -> Store:
    """The places of this process, or of a file, the same for all clients."""
    with _lock:
        if path not in _stores:
            if path:
                from .limiter_file import FileStore

                _stores[path] = FileStore(path)
            else:
                _stores[path] = MemoryStore()
        return _stores[path]


def _after_fork() -> None:
    global _lock
    # The parent's lock may be held by a thread that is not here; its places are not ours, and its file handle is
    # left alone: SQLite forbids to use, or to close, a connection across a fork.
    _lock = threading.Lock()
    _left_alone.append(dict(_stores))
    _stores.clear()


_left_alone: List[Dict[str, Store]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Limiter:
    """A listener that lets a create through when it is its turn.

    Args:
        asked: None for every host but this machine itself, True for all, False for none; a path, for all, with the
            places in that file.
        user_share: how much of the places one user may hold.
        clock: with a clock of its own a client has places of its own.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        settings: Settings,
        asked: Union[bool, str, Path, None],
        *,
        user_share: Optional[float] = None,
        clock: Optional[Clock] = None,
    ) -> None:
        self._providers, self._settings = providers, settings
        self._asked = asked if isinstance(asked, bool) else None if asked is None else True
        named = read_variable(LIMITER_VARIABLE) if asked in (None, True) else asked
        self._path = os.path.abspath(os.path.expanduser(named)) if isinstance(named, (str, Path)) and named else ""
        self._user_share = user_share
        is_own = not self._path and clock is not None and not isinstance(clock, SystemClock)
        self._own = MemoryStore(clock) if is_own else None

    def __call__(self, event: Any) -> None:
        if isinstance(event, TaskSubmitting):
            provider = self._providers.get(event.call.provider)
            if provider is not None and self._limits(provider):
                self._enter(event.call, provider)
        elif isinstance(event, TaskCreated):
            self._tell(lambda store: store.answer(event.call_id, task_id=event.task_id, is_running=True))
        elif isinstance(event, OutcomeUnknown):
            self._tell(lambda store: store.answer(event.call_id, task_id="", is_running=True))
        elif isinstance(event, CallRefused):
            self._tell(lambda store: _refuse(store, event))
        elif isinstance(event, TaskFinished):
            self._tell(lambda store: store.finish(event.task_id))

    def _limits(self, provider: Provider) -> bool:
        if not (provider.creates or provider.running) or self._asked is False:
            return False
        return self._asked is True or not is_loopback(urlsplit(self._settings.base_url(provider)).hostname or "")

    def _tell(self, change: Callable[[Store], None]) -> None:
        if any(self._limits(provider) for provider in self._providers.values()):
            change(self._store())

    def _store(self) -> Store:
        return self._own or shared_store(self._path)

    def _enter(self, call: PaidCall, provider: Provider) -> None:
        store = self._store()
        rate = Rate(provider.creates, float(provider.per_seconds), provider.running, self._user_share)
        try:
            self._wait(store, call, f"{provider.name}:{call.account}", rate)
        except BaseException:
            # Ctrl-C among others: who leaves must not hold up the queue. What went wrong first is what is told.
            with contextlib.suppress(KieConfigError):
                store.drop(call.id)
            raise

    def _wait(self, store: Store, call: PaidCall, lane: str, rate: Rate) -> None:
        me, is_told = Waiter(call.id, call.user), False
        while True:
            with store.open(lane) as places:
                waiters = places.waiters()
                if me not in waiters:
                    places.join(me, _LOOK_S)
                    waiters = places.waiters()
                turn = find_turn(me.id, waiters, places.slots(), rate, places.now)
                if turn.seconds <= 0:
                    places.leave(me.id)
                    held_s = call.deadline_s or _LONGEST_TASK_S
                    places.take(Slot(call.id, call.user, places.now, False, held_s), rate.per_s)
                    return
                look_s = _LOOK_S if turn.is_for_running else _LOOK_AT_WINDOW_S
                pause_s = min(turn.seconds, look_s * (turn.position + 1))
                places.join(me, pause_s)
            if turn.seconds >= _TOLD_FROM_S and not is_told:
                is_told = True
                about = f" {turn.seconds:.0f} s" if turn.seconds < rate.per_s * 1000 else ""
                logger.info("%s: waiting%s for a free place: %s", call.model, about, turn.reason)
            store.pause(pause_s)


def _refuse(store: Store, event: CallRefused) -> None:
    """What was refused by an answer was counted by whoever answered; what was never sent was not."""
    if isinstance(event.error, KieAPIError) and event.error.http_status is not None:
        store.answer(event.call_id, task_id="", is_running=False)
    else:
        store.drop(event.call_id)


def check_limiter(asked: Union[bool, str, Path, None]) -> Union[bool, str, Path, None]:
    """Whether to limit, or in which file, as the caller gave it.

    Raises:
        KieConfigError: it is neither.
    """
    if asked is None or isinstance(asked, (bool, Path)) or (isinstance(asked, str) and asked.strip()):
        return asked
    raise KieConfigError(f"limiter must be True, False, None or the path of a file; got {asked!r}")


def check_user_share(share: Optional[float]) -> Optional[float]:
    """A user's share of the places, as the caller gave it.

    Raises:
        KieConfigError: it is no number above 0 and up to 1.
    """
    if share is None:
        return None
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise KieConfigError(f"user_share must be a number above 0 and up to 1, such as 0.25; got {share!r}")
    return float(share)
