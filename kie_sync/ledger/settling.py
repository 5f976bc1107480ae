"""Holds that were left open, as by a crash: what the journal knows of their ends is booked."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import List, Optional, Tuple

from ..catalog import Catalog
from ..errors import KieInputError
from ..holds import Hold, booked, read_purpose
from ..journal import SqliteJournal
from ..records import Record
from ..response import state_of
from ..usage import has_open_count
from .charges import charge, cost_of_task
from .sql import SqlLedger

_RELEASED = ("refused", "failed")
_CHARGED = ("success", "charged")


@dataclass(frozen=True)
class Settled:
    """What came of one open hold.

    Attributes:
        hold: as it was.
        state: `captured`, `released`, or `open` where it stays so.
        used: what was captured, in credits.
        why: why it stays open.
        record: what the journal knows of its call.
    """

    hold: Hold
    state: str
    used: Optional[Decimal] = None
    why: str = ""
    record: Optional[Record] = None


def settle_holds(
    ledger: SqlLedger, journal: SqliteJournal, catalog: Catalog, *, account: Optional[str] = None
) -> List[Settled]:
    """End every open hold whose call has ended, as the journal says; the others are told, with the reason.

    A call that the journal does not know is left alone: it may be on its way to another journal, or wait for its turn.
    """
    return [_settle(ledger, journal, catalog, hold) for hold in ledger.holds(account)]


def _settle(ledger: SqlLedger, journal: SqliteJournal, catalog: Catalog, hold: Hold) -> Settled:
    record = _record_of(journal, hold)
    if record is None:
        why = "the journal does not know this call: it was not sent, or is in another journal"
        return Settled(hold, "open", why=why)
    try:
        if record.state in _RELEASED:
            ledger.release(hold.key)
            return Settled(hold, "released", record=record)
        if record.state not in _CHARGED:
            why = "it is not known whether it was paid" if record.state == "unknown" else f"the call is {record.state}"
            return Settled(hold, "open", why=why, record=record)
        used, why = _used(catalog, hold, record)
        if used is None:
            return Settled(hold, "open", why=why, record=record)
        ledger.capture(hold.key, used)
    except KieInputError as error:
        # Another process was faster.
        return Settled(hold, "open", why=str(error.problems[0]), record=record)
    return Settled(hold, "captured", used, record=record)


def _record_of(journal: SqliteJournal, hold: Hold) -> Optional[Record]:
    task_id = read_purpose(hold.ref).task_id
    with suppress(KieInputError):
        record = journal.get(hold.key)
        # The journal takes the beginning of an id, too, and a hold of one's own may be called anything.
        if record.id == hold.key:
            return record
    return journal.find_task(task_id) if task_id else None


def _used(catalog: Catalog, hold: Hold, record: Record) -> Tuple[Optional[Decimal], str]:
    """What a call is charged for, and why that is not known."""
    model = catalog.get(record.model)
    if model is None:
        return None, f"the catalog has no model {record.model}"
    if model.endpoint.shape != "task":
        return None, "the journal does not keep how many tokens a chat took"
    if record.state == "charged" and has_open_count(model):
        return None, "its task was not found, so that its results cannot be counted"
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    tariff = read_purpose(hold.ref).tariff
    cost = cost_of_task(model, state_of(record), None, record, tariff=tariff, on=now)
    credits = charge(model, cost, record.consumed)
    if credits is None:
        return None, (cost.unknown if cost is not None else "") or "no price is known"
    return booked(credits), ""
