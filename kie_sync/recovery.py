"""After a crash, a deadline or a night: go on with everything that a journal has on record.

Nothing here buys anything. Calls that were paid with another API key are left alone.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Iterator, List, Optional, Tuple, Union

from . import tasks
from .account import peek_at_balance
from .adapter import KieAdapter
from .client import KieClient
from .errors import KieAPIError, KieAuthenticationError, KieError
from .events import FilesSaved
from .journal import SqliteJournal
from .journal_notes import SAME_BALANCE_S
from .records import SETTLED, UNFINISHED, Record
from .saving import saving

logger = logging.getLogger("kie_sync")
# The platform rounds what it takes: differences below this are no differences.
_ROUNDING = Decimal("0.01")
_SETTLED_COUNTS_S = 7 * 86400.0


@dataclass(frozen=True)
class Step:
    """What came of one call on record: the record as it is now, and what went wrong, if something did."""

    record: Record
    error: Optional[KieError] = None
    paths: Tuple[Path, ...] = ()


def resume(
    client: KieClient,
    journal: SqliteJournal,
    target: Union[str, Path, None] = None,
    *,
    poll_interval: Optional[float] = None,
    max_wait_time: Optional[float] = None,
) -> Iterator[Step]:
    """Go on waiting for every task that is not finished, the oldest first; what is done already comes before the waits.

    Args:
        target: also fetch the files, as `collect` does, each as soon as it is there; what could not be fetched is
            logged, and tried once more at the end.
        poll_interval, max_wait_time: seconds, for each task; the catalog's figures for its kind when not given.

    Raises:
        KieAuthenticationError: the key is refused; nothing more can be learned with it.
    """
    # Links expire, and the waits may be long.
    for record in unsaved(client, journal) if target is not None else ():
        fetched = _fetch_early(client, journal, Step(record), target)
        if fetched.paths:
            yield fetched
    for step in _wait(client, journal, poll_interval, max_wait_time):
        yield _fetch_early(client, journal, step, target)
    if target is not None:
        yield from collect(client, journal, target)


def _wait(
    client: KieClient, journal: SqliteJournal, poll_interval: Optional[float], max_wait_time: Optional[float]
) -> Iterator[Step]:
    connection = client.connection
    unfinished = own_records(client, journal, UNFINISHED)
    look(client, journal)
    seen = [journal.get(record.id) for record in unfinished]
    for record in sorted(seen, key=lambda record: record.state in UNFINISHED):
        if record.state == "success":
            yield Step(record)
            continue
        connection.remember_record(record)
        model, error = tasks.model_on_record(client.catalog, record), None
        try:
            tasks.wait_for(
                connection,
                record.task_id or "",
                poll_interval,
                max_wait_time,
                model=model,
                cost=None,
                context=None,
                is_ours=True,
            )
        except KieAuthenticationError:
            raise
        except KieAPIError as trouble:
            error = trouble
        yield Step(journal.get(record.id), error)


def look(client: KieClient, journal: SqliteJournal) -> None:
    """Look once at every task that is not finished, and note those that are; one that cannot be seen stops no other.

    Raises:
        KieAuthenticationError: the key is refused; nothing more can be learned with it.
    """
    for record in own_records(client, journal, UNFINISHED):
        try:
            client.query_task(record.task_id or "", model=tasks.model_on_record(client.catalog, record))
        except KieAuthenticationError:
            raise
        except KieAPIError as error:
            logger.info("task %s could not be looked at: %s", record.task_id, error)


def unsaved(client: KieClient, journal: SqliteJournal) -> List[Record]:
    """What is done and paid, and not whole on disk; what expires first comes first."""
    found = [record for record in own_records(client, journal, ("success",)) if _is_unsaved(record)]
    return sorted(found, key=lambda record: record.finished_at or 0.0)


def left_alone(client: KieClient, journal: SqliteJournal) -> List[Record]:
    """What was paid with other API keys, and is not finished, or not whole on disk."""
    own = {record.id for record in own_records(client, journal, (*UNFINISHED, "success"))}
    others = (record for record in journal.records((*UNFINISHED, "success")) if record.id not in own)
    return [record for record in others if record.state in UNFINISHED or _is_unsaved(record)]


def _is_unsaved(record: Record) -> bool:
    return any(not os.path.exists(record.files.get(url, "")) for url in record.urls)


def collect(client: KieClient, journal: SqliteJournal, target: Union[str, Path]) -> Iterator[Step]:
    """Fetch everything that is paid and not on disk, what expires first first; then what has become done meanwhile.

    Args:
        target: a folder, or a pattern of names, as for `Result.save`.
    """
    known = unsaved(client, journal)
    for record in known:
        yield _fetch(client, journal, record, target)
    # Looks take their time, and may end in an error; what is known to be done does not wait for them.
    look(client, journal)
    tried = {record.id for record in known}
    for record in unsaved(client, journal):
        if record.id not in tried:
            yield _fetch(client, journal, record, target)


def _fetch_early(client: KieClient, journal: SqliteJournal, step: Step, target: Union[str, Path, None]) -> Step:
    """The step with its files, where there is something to fetch, and somewhere to put it."""
    if target is None or step.record.state != "success" or not step.record.urls:
        return step
    fetched = _fetch(client, journal, step.record, target)
    if fetched.error is None:
        return fetched
    logger.warning("task %s: %s", step.record.task_id, fetched.error.message)
    return step


def _fetch(client: KieClient, journal: SqliteJournal, record: Record, target: Union[str, Path]) -> Step:
    # A folder even where it is not there yet: one name could not hold what many tasks made.
    target = target if "{" in str(target) else os.path.join(target, "")
    try:
        paths = _save(client, record, target)
    except KieError as error:
        return Step(record, error)
    return Step(journal.get(record.id), None, tuple(paths))


def _save(client: KieClient, record: Record, target: Union[str, Path]) -> List[Path]:
    task_id = record.task_id or ""
    if record.model in client.catalog:
        return KieAdapter(client, record.model).task(task_id).wait().save(target)
    with saving(task_id, record.model):
        paths = client.download(record.urls, target, name=record.model, task_id=task_id)
    saved = {url: str(path) for url, path in zip(record.urls, paths)}
    client.connection.listeners.tell(FilesSaved(record.model, {}, task_id, saved))
    return paths


def own_records(client: KieClient, journal: SqliteJournal, states: Tuple[str, ...]) -> List[Record]:
    """The records in these states that were paid with this client's keys."""
    accounts = {}
    for provider in client.catalog.providers.values():
        try:
            accounts[provider.name] = client.connection.account(provider)
        except KieError:
            # No key for a provider: none of its calls are ours.
            continue
    return [record for record in journal.records(states) if accounts.get(record.provider) == record.account]


@dataclass(frozen=True)
class Reconciliation:
    """What the balance says, against what the journal expected; all in platform credits.

    Attributes:
        since: when the balance was read before, Unix seconds; None where it never was.
        before, after: the two balances.
        sure: what the journal knows was taken in between.
        unknown: calls of which it is not known whether they were charged.
        unpriced: calls that were taken, and nobody knows for how much.
    """

    since: Optional[float]
    before: Decimal
    after: Decimal
    sure: Decimal = Decimal(0)
    unknown: Tuple[Record, ...] = ()
    unpriced: Tuple[Record, ...] = ()
    calls: int = 0

    @property
    def taken(self) -> Decimal:
        return self.before - self.after

    @property
    def unexplained(self) -> Decimal:
        """What was taken beyond what is sure; below 0 where less was taken."""
        return self.taken - self.sure

    @property
    def perhaps(self) -> Decimal:
        """What the calls of unknown outcome would have cost, where their price is known."""
        return sum((record.price or Decimal(0) for record in self.unknown), Decimal(0))

    @property
    def verdict(self) -> str:
        """`first`, `adds up`, `unknown were charged`, `some unknown were charged`, or `inconclusive`."""
        if self.since is None:
            return "first"
        tolerance = _ROUNDING * max(self.calls, 1)
        if self.unpriced or any(record.price is None for record in self.unknown):
            return "inconclusive"
        if abs(self.unexplained) <= tolerance:
            return "adds up"
        if not self.unknown or not 0 < self.unexplained <= self.perhaps + tolerance:
            return "inconclusive"
        return "unknown were charged" if self.perhaps - self.unexplained <= tolerance else "some unknown were charged"


def note_balance(client: KieClient, journal: SqliteJournal, *, max_age_s: float = SAME_BALANCE_S) -> None:
    """Read the balance before something is bought, where the last one on record is old: `reconcile` needs it.

    It never fails: the call at hand must not depend on it.
    """
    try:
        known = journal.balances(client.connection.account(client.home_provider))
        if not known or journal.now() - known[-1][0] > max_age_s:
            peek_at_balance(client.connection)
    except KieError as error:
        logger.info("the balance could not be read beforehand: %s", error)


def reconcile(client: KieClient, journal: SqliteJournal) -> Reconciliation:
    """Read the balance, and compare it with an earlier one and with what the journal expected in between.

    The earlier one is the last before the oldest call of unknown outcome, or settled by hand in the last week, else the
    last of all. It can only tell
    what it sees: where others use the same key, or credits were bought, nothing adds up.
    """
    account = client.connection.account(client.home_provider)
    records = [record for record in journal.records() if record.account == account]
    known = journal.balances(account)
    after = client.credits()
    if not known:
        return Reconciliation(None, after, after)
    # What a person has settled may be settled wrongly: for a while it is held against the balance as well.
    recent = journal.now() - _SETTLED_COUNTS_S
    open_calls = [
        record.created_at
        for record in records
        if record.state == "unknown" or (record.message.startswith(SETTLED) and record.created_at > recent)
    ]
    oldest = min(open_calls, default=float("inf"))
    since, before = next((seen for seen in reversed(known) if seen[0] <= oldest), known[-1])
    between = [record for record in records if record.created_at > since]
    sure, unpriced, unknown = Decimal(0), [], []
    for record in between:
        if record.state in ("unknown", "sending"):
            unknown.append(record)
        elif record.state not in ("refused", "failed"):
            amount = record.price if record.consumed is None else record.consumed
            if amount is None:
                unpriced.append(record)
            sure += amount or Decimal(0)
    # Credits are taken at the creation, and come back when a task fails.
    sure -= sum(
        (record.price or Decimal(0))
        for record in records
        if record.state == "failed" and record.created_at <= since < (record.finished_at or 0.0)
    )
    return Reconciliation(since, before, after, sure, tuple(unknown), tuple(unpriced), len(between))
