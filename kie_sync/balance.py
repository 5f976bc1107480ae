"""The balance, watched: a warning when the account runs low, before the platform refuses for it."""

from __future__ import annotations

import logging
import threading
from decimal import Decimal
from typing import Any, Callable, Dict, Optional

from .clock import Clock
from .errors import KieError
from .events import BalanceLow, BalanceRead, ChatFinished, Event, TaskCreated
from .values import plain

logger = logging.getLogger("kie_sync")

# The balance is a question of its own; one a minute is little beside the looks at a task.
_EVERY_S = 60.0


class BalanceWatch:
    """A listener that asks the balance after paid calls, at most once a minute, and warns once each time it gets low.

    Args:
        limit: in credits; below it, and not at it, the balance is low.
        read: asks the balance; whoever does that tells `BalanceRead`, which is how it comes here.
        tell: tells the other listeners.
        is_charged: whether calls to a model are paid from that balance.
    """

    def __init__(
        self,
        limit: Decimal,
        read: Callable[[], object],
        tell: Callable[[Event], None],
        is_charged: Callable[[str], bool],
        clock: Clock,
    ) -> None:
        self._limit, self._read, self._tell, self._is_charged, self._clock = limit, read, tell, is_charged, clock
        self._lock = threading.RLock()
        self._asked_at: Optional[float] = None
        self._is_low: Dict[str, bool] = {}

    def __call__(self, event: Any) -> None:
        if isinstance(event, BalanceRead):
            self._judge(event)
        elif _is_reason(event) and self._is_charged(event.model) and self._is_due():
            try:
                self._read()
            except KieError as error:
                # The call is paid and goes on; the next one asks again.
                logger.info("the balance could not be read: %s", error)

    def _is_due(self) -> bool:
        with self._lock:
            now = self._clock.now()
            if self._asked_at is not None and now - self._asked_at < _EVERY_S:
                return False
            self._asked_at = now
            return True

    def _judge(self, event: BalanceRead) -> None:
        with self._lock:
            self._asked_at = self._clock.now()
            is_low, was_low = event.credits < self._limit, self._is_low.get(event.account, False)
            self._is_low[event.account] = is_low
        if is_low and not was_low:
            logger.warning(
                "the balance is low: %s credits are left, fewer than %s; top it up before calls are refused",
                plain(event.credits),
                plain(self._limit),
            )
            self._tell(BalanceLow("", {}, event.provider, event.account, event.credits, self._limit))


def _is_reason(event: Any) -> bool:
    """Whether something was bought; a stream that was closed early or dropped must not wait for an answer."""
    if isinstance(event, ChatFinished):
        return event.is_complete and not event.is_dropped
    return isinstance(event, TaskCreated)
