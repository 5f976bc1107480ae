"""The listener between a client and a ledger: holds before the send, and ends the hold when the end is known.

A call is held at the most that it can cost by its tariff, or at `hold=`. A success is captured at its charge (see
`charges`), a refusal or a failed task released. Where the outcome or the charge is not known, the hold stays open;
`settle_holds`, or a person, ends it.

What cannot be booked after the call is paid costs nobody the result: it is logged, kept, and tried again.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Callable, Mapping, Optional, Tuple, Union

from ..budget import has_known_end
from ..catalog import Catalog
from ..errors import KieAccountError, KieError, KieLedgerError
from ..events import (
    CallRefused,
    ChatFinished,
    ChatSubmitting,
    OutcomeUnknown,
    TaskCreated,
    TaskFinished,
    TaskSubmitting,
)
from ..holds import FindingLedger, Ledger, Purpose, booked, read_purpose
from ..pricing import CostEstimate
from ..records import Journal, Record
from ..response import QueryTaskResponse
from ..values import plain
from .bookings import HOW_TO_END, Bookings
from .charges import charge, cost_of_task

logger = logging.getLogger("kie_sync")
_MOST_KEPT = 10_000
# Whole answers of the platform: only the seconds between a callback and the answer to the create call are bridged.
_MOST_EARLY = 256


@dataclass(frozen=True)
class _Call:
    """A hold that this process made, and has not ended."""

    key: str
    account: str
    credits: Decimal
    price: Optional[CostEstimate]
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tariff(self) -> str:
        return "" if self.price is None else self.price.tariff


class LedgerGuard:
    """A listener, told by `KieClient`.

    Args:
        ledger: who has how many credits.
        account: who pays where a call does not say it.
        catalog: prices what another process ends.
        journal: tells which call made a task that this process does not know.
        date: the instant whose prices count, in UTC.
    """

    def __init__(
        self, ledger: Ledger, account: str, catalog: Catalog, journal: Optional[Journal], date: Callable[[], str]
    ) -> None:
        self._ledger, self._account, self._catalog, self._journal, self._date = ledger, account, catalog, journal, date
        # A stream that is collected as garbage is told of in the middle of anything, this lock held or not.
        self._lock = threading.RLock()
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._tasks: OrderedDict[str, str] = OrderedDict()
        # A callback can be faster than the answer to the create call.
        self._ended: OrderedDict[str, TaskFinished] = OrderedDict()
        self._bookings = Bookings()

    def __repr__(self) -> str:
        return f"LedgerGuard({self._ledger!r}, {self._account!r})"

    def __call__(self, event: Any) -> None:
        if isinstance(event, (TaskSubmitting, ChatSubmitting)):
            self.flush()
            self._hold(event)
        elif isinstance(event, TaskCreated):
            self._created(event)
        elif isinstance(event, CallRefused):
            call = self._pop(event.call_id)
            if call is not None:
                self._end(call.key, None)
        elif isinstance(event, OutcomeUnknown):
            # It stays held; what is learned of it later goes by the journal.
            self._pop(event.call_id)
        elif isinstance(event, TaskFinished) and event.state is not None and event.state.is_final:
            self._task_finished(event, event.state)
        elif isinstance(event, ChatFinished):
            self._chat_finished(event)

    def flush(self) -> None:
        """Book what could not be booked when it happened; what still cannot be stays for the next time."""
        self._bookings.flush()

    # What listeners are told

    def _hold(self, event: Union[TaskSubmitting, ChatSubmitting]) -> None:
        call, price = event.call, event.price
        account = call.payer or self._account
        if not account:
            raise KieAccountError(
                f"{event.model}: this client has a ledger, and nobody is named who pays; nothing was sent. Say "
                'account="..." with the call or KieClient(account=...); calls of your own go through a client '
                "without a ledger"
            )
        most = call.hold if call.hold is not None else _most(price)
        if most is None:
            why = f" ({price.unknown})" if price is not None and price.unknown else ""
            raise KieAccountError(
                f"{event.model}: it is not known beforehand what this call costs{why}, so that nothing can be held of "
                f"account {account}; nothing was sent. hold=N (--hold N) says how many credits to hold",
                account=account,
            )
        credits, ref = booked(most), str(Purpose("", event.model, price.tariff if price is not None else ""))
        try:
            hold = self._ledger.hold(account, credits, key=call.id, ref=ref)
            if hold.state != "open":
                raise KieLedgerError(f"hold {call.id} was {hold.state} already, so that nothing is held")
        except KieAccountError as error:
            raise KieAccountError(
                f"{event.model}: {error.message}; nothing was sent",
                account=error.account or account,
                needed=credits,
                available=error.available,
            ) from error
        except BaseException as error:
            self._give_back(call.id)
            if isinstance(error, KieLedgerError):
                raise KieLedgerError(f"{error.message}; nothing was sent") from error
            raise
        with self._lock:
            given = call.given if isinstance(event, TaskSubmitting) else {}
            self._keep(self._calls, call.id, _Call(call.id, account, credits, price, given))

    def _give_back(self, key: str) -> None:
        """After Ctrl-C, or a connection that broke: it may be held all the same, and nobody else would give it back."""

        def release() -> None:
            # Mostly there is none.
            with suppress(LookupError, ValueError):
                self._ledger.release(key)

        try:
            release()
        except Exception:
            self._bookings.add("the release", key, release, now=False)

    def _created(self, event: TaskCreated) -> None:
        with self._lock:
            call = self._calls.get(event.call_id)
            if call is None:
                return
            self._keep(self._tasks, event.task_id, call.key)
            ended = self._ended.pop(event.task_id, None)
        ref = str(Purpose(event.task_id, event.model, call.tariff))

        def note() -> None:
            self._ledger.hold(call.account, call.credits, key=call.key, ref=ref)

        self._bookings.add("the task's id", call.key, note)
        if ended is not None:
            self(ended)

    def _task_finished(self, event: TaskFinished, state: QueryTaskResponse) -> None:
        with self._lock:
            call = self._pop(self._tasks.pop(event.task_id, ""))
        record = self._record(event.task_id)
        if call is not None:
            key, purpose = call.key, Purpose(event.task_id, event.model, call.tariff)
        else:
            try:
                key, purpose = self._find(event.task_id, record, is_paid=state.is_success)
            except Exception as error:
                logger.error(
                    "the hold of task %s cannot be looked for (%s); it is tried again with the next call, and where "
                    "this process ends before that, %s",
                    event.task_id,
                    error,
                    HOW_TO_END,
                )
                self._bookings.add("the end", event.task_id, lambda: self(event), now=False)
                return
        if not key:
            with self._lock:
                is_created = event.task_id in self._tasks
                if not is_created:
                    self._keep(self._ended, event.task_id, event, most=_MOST_EARLY)
            if is_created:
                # By another thread, since it was looked for.
                self(event)
            return
        if not state.is_success:
            self._end(key, None)
            return
        model = purpose.model or event.model
        price, given = (None, None) if call is None else (call.price, call.given)
        entry, day = self._catalog.get(model), self._date()
        cost = cost_of_task(entry, state, price, record, given=given, tariff=purpose.tariff, on=day)
        self._capture(key, model, cost, state.credits_consumed)

    def _chat_finished(self, event: ChatFinished) -> None:
        call = self._pop(event.call_id)
        if call is None:
            return
        if not has_known_end(event):
            logger.warning(
                "%s: it is not known what an answer that broke off, or was closed early, took; %s credits of account "
                "%s stay held; %s",
                event.model,
                plain(call.credits),
                call.account,
                HOW_TO_END,
            )
            return
        self._capture(call.key, event.model, event.cost, event.credits_consumed, is_dropped=event.is_dropped)

    def _capture(
        self,
        key: str,
        model: str,
        cost: Optional[CostEstimate],
        consumed: Optional[Decimal],
        *,
        is_dropped: bool = False,
    ) -> None:
        credits = charge(self._catalog.get(model), cost, consumed)
        if credits is None:
            why = cost.unknown if cost is not None and cost.unknown else "no price is known"
            logger.warning("%s: hold %s stays open, for what it took is not known: %s; %s", model, key, why, HOW_TO_END)
            return
        self._end(key, credits, is_dropped=is_dropped)

    # Booking

    def _end(self, key: str, credits: Optional[Decimal], *, is_dropped: bool = False) -> None:
        """Capture, or release where nothing was used."""
        if credits is None:
            self._bookings.add("the release", key, lambda: self._ledger.release(key))
        else:
            amount = booked(credits)
            what = f"the capture of {plain(amount)} credits"
            self._bookings.add(what, key, lambda: self._ledger.capture(key, amount), now=not is_dropped)

    @staticmethod
    def _keep(kept: OrderedDict[str, Any], name: str, value: Any, *, most: int = _MOST_KEPT) -> None:
        """Remember, and forget the oldest of very many: the ledger and the journal know them, too."""
        kept[name] = value
        if len(kept) > most:
            kept.popitem(last=False)

    def _pop(self, call_id: str) -> Optional[_Call]:
        with self._lock:
            return self._calls.pop(call_id, None)

    def _record(self, task_id: str) -> Optional[Record]:
        """What the journal knows of a task; a journal that cannot be read just now costs nobody the booking."""
        with suppress(KieError):
            return None if self._journal is None else self._journal.find_task(task_id)
        return None

    def _find(self, task_id: str, record: Optional[Record], *, is_paid: bool) -> Tuple[str, Purpose]:
        """The open hold of a task that another process made; its key is "" where there is none."""
        names = [task_id] if record is None else [task_id, record.id]
        if not isinstance(self._ledger, FindingLedger):
            return (record.id, Purpose(task_id, record.model)) if record is not None else ("", Purpose())
        for name in names:
            hold = self._ledger.find(name)
            if hold is not None and hold.state == "released" and is_paid:
                text = "task %s has succeeded, and hold %s of account %s was released before: nobody has paid for it"
                logger.warning(text, task_id, hold.key, hold.account)
            if hold is not None:
                return (hold.key, read_purpose(hold.ref)) if hold.state == "open" else ("", Purpose())
        return "", Purpose()


def _most(price: Optional[CostEstimate]) -> Optional[Decimal]:
    """The most that a call can cost by its tariff, where that is known."""
    return None if price is None else price.credits_max
