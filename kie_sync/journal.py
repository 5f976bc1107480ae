"""The journal: a durable record of each paid call, in an SQLite file.

A row is on disk before the call leaves, and the task's id before anything else happens with it. Many
threads and processes may share one file. No API key is in it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import deque
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Union

from . import events, journal_rows
from .budget import check_day
from .config import journal_path
from .errors import KieInputError, KieJournalError, Problem
from .journal_notes import AccountNotes
from .journal_rows import COLUMNS, TABLES, VERSION, as_written, find_maker, new_row, read_row, what_it_took
from .records import SETTLED, UNFINISHED, KeyTaken, Record
from .sqlitefile import SqliteFile, rows
from .values import to_json


class SqliteJournal(AccountNotes):
    """A journal in a file, made when it is first needed.

    Args:
        path: the file; the user's own when not given.
        max_credits_per_day: refuse a call that would bring an account's UTC day above so many platform credits.
        now: Unix time in seconds.
    """

    def __init__(
        self,
        path: Union[str, Path, None] = None,
        *,
        max_credits_per_day: Optional[Decimal] = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = journal_path() if path is None else Path(path).expanduser()
        self.max_credits_per_day = max_credits_per_day
        super().__init__(SqliteFile(self.path, "the journal", TABLES, VERSION), now)
        self._late: Deque[Any] = deque(maxlen=10_000)

    def __repr__(self) -> str:
        return f"SqliteJournal({str(self.path)!r})"

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        self._file.close()

    # What listeners are told

    def __call__(self, event: Any) -> None:
        if isinstance(event, (events.TaskSubmitting, events.ChatSubmitting)):
            self._begin(event)
        elif isinstance(event, events.CallResubmitting):
            self._resume(event)
        elif not isinstance(event, events.TaskPolled):
            with self._file.alone():
                self._late.append(event)
                self._write_late()

    def _write_late(self) -> None:
        """Write what could not be written when it happened, as on a full disk."""
        with self._file.alone():
            while self._late:
                event = self._late.popleft()
                try:
                    self._write(event)
                except KieJournalError:
                    self._late.appendleft(event)
                    raise

    def _write(self, event: Any) -> None:
        if isinstance(event, events.TaskCreated):
            self._note(event.call_id, state="accepted", task_id=event.task_id)
        elif isinstance(event, events.CallDeferred):
            self._note(event.call_id, message=f"{journal_rows.DEFERRED}: {event.error}")
        elif isinstance(event, events.CallRefused):
            self._note(event.call_id, state="refused", message=str(event.error or "refused"), owns_key=False)
        elif isinstance(event, events.OutcomeUnknown):
            reason = "interrupted" if event.error is None else event.error.message.partition(": it is not known")[0]
            self._note(event.call_id, state="unknown", message=reason)
        elif isinstance(event, events.ChatFinished):
            self._chat_finished(event)
        elif isinstance(event, events.TaskFinished) and event.state is not None:
            self._task_finished(event.task_id, event.state, event.account)
        elif isinstance(event, events.TaskStillRunning):
            self._set({"state": "running"}, "task_id = ? AND state = 'accepted'", event.task_id)
        elif isinstance(event, events.FilesSaved):
            self._files_saved(event.task_id, event.files)
        elif isinstance(event, events.BalanceRead):
            self.keep_balance(event)

    def _begin(self, event: Union[events.TaskSubmitting, events.ChatSubmitting]) -> None:
        call, row = event.call, new_row(event, self.now())
        try:
            with self._file.writing() as connection:
                self._check_day(connection, event)
                if call.replaces:
                    connection.execute("UPDATE calls SET owns_key = 0 WHERE id = ?", [call.replaces])
                marks = ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO calls ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        except sqlite3.IntegrityError as error:
            owner = self.find(model=call.model, account=call.account, key=call.key) if call.key else None
            # Without an owner, whoever had the key has given it up since.
            if "calls.key" in str(error) and (owner is None or owner.id != call.replaces):
                raise KeyTaken(call.key) from error
            raise KieJournalError(f"the call cannot be written down ({error}); nothing was sent") from error
        except KieJournalError as error:
            raise KieJournalError(f"{error}; nothing was sent") from error

    def _resume(self, event: events.CallResubmitting) -> None:
        """A deferred call goes out again: from now on its outcome is open, which must be on disk before."""
        try:
            self._write_late()
            self._note(event.call_id, message="")
        except KieJournalError as error:
            raise KieJournalError(f"{error}; the call was refused before, and was not sent again") from error

    def _check_day(
        self, connection: sqlite3.Connection, event: Union[events.TaskSubmitting, events.ChatSubmitting]
    ) -> None:
        if self.max_credits_per_day is not None:
            spent = self._spent(connection, event.call.account)
            check_day(spent, event.price, self.max_credits_per_day, event.call)

    def _chat_finished(self, event: events.ChatFinished) -> None:
        # A stream that broke off may have been charged, and nobody says how much.
        is_whole, consumed = event.error is None and event.is_complete, event.credits_consumed
        state, message = ("success", "") if is_whole else ("unknown", str(event.error or "closed before its end"))
        if is_whole and consumed is None and event.cost is not None:
            consumed = event.cost.platform_credits
        self._note(event.call_id, state=state, message=message, finished_at=self.now(), **what_it_took(consumed))

    def _task_finished(self, task_id: str, state: Any, account: str) -> None:
        self._adopt(task_id, state, account)
        # Its own end, where the platform tells: links live from then on. Clocks differ: it is not after now.
        now = self.now()
        ended = now if state.completed_ms is None else min(now, state.completed_ms / 1000)
        values: Dict[str, Any] = {
            "state": "failed" if state.is_failure else "success",
            "finished_at": ended,
            "fail_code": state.fail_code,
            "fail_msg": state.fail_msg,
            "urls": json.dumps(list(state.result_urls)),
            "result": json.dumps(to_json(state.result)),
            "duration_s": state.duration_s,
            **what_it_took(Decimal(0) if state.is_failure else state.credits_consumed),
        }
        self._set(values, "task_id = ? AND state IN ('accepted', 'running')", task_id)

    def _adopt(self, task_id: str, state: Any, account: str) -> None:
        """Give a task that nobody knows to the call of unknown outcome that made it, as input and time say."""
        if self.find_task(task_id) is None:
            where = "account = ? AND task_id IS NULL AND state IN ('sending', 'unknown')"
            with self._file.reading() as connection:
                found = rows(connection, f"SELECT * FROM calls WHERE {where}", [account])
            maker = find_maker(found, state, self.now())
            if maker is not None:
                values = {"state": "accepted", "task_id": task_id, "message": ""}
                self._set(values, "id = ? AND task_id IS NULL AND state IN ('sending', 'unknown')", maker)

    def _files_saved(self, task_id: str, files: Mapping[str, str]) -> None:
        with self._file.writing() as connection:
            for found in rows(connection, "SELECT id, files FROM calls WHERE task_id = ?", [task_id]):
                merged = {**json.loads(found["files"]), **files}
                connection.execute("UPDATE calls SET files = ? WHERE id = ?", [json.dumps(merged), found["id"]])

    # What is on record

    def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
        """The call that owns a key."""
        found = self._select("owns_key AND account = ? AND model = ? AND key = ?", account, model, key)
        return found[0] if found else None

    def find_task(self, task_id: str) -> Optional[Record]:
        """The call that made a task."""
        found = self._select("task_id = ?", task_id)
        return found[-1] if found else None

    def records(self, states: Iterable[str] = (), *, since: float = 0.0) -> List[Record]:
        """What is on record, the oldest first.

        Args:
            states: of `kie_sync.records.STATES`; all when empty.
            since: Unix time in seconds.
        """
        wanted = set(states)
        # A row that is being sent is read as unknown, or as refused, where its sender has ended.
        stored = sorted(wanted | ({"sending"} if wanted & {"unknown", "refused"} else set()))
        where = f" AND state IN ({', '.join('?' * len(stored))})" if stored else ""
        found = self._select(f"created_at >= ?{where}", since, *stored)
        return [record for record in found if not wanted or record.state in wanted]

    def scan(self, *, since: float = 0.0, prefix: str = "") -> Iterator[Record]:
        """What is on record in the order in which it was written down, however much it is.

        Args:
            since: Unix time in seconds.
            prefix: only calls whose key begins so.
        """
        with suppress(KieJournalError):
            self._write_late()
        after: Optional[int] = 0
        while after is not None:
            # A page at a time: who writes meanwhile does not wait for the reader.
            with self._file.reading() as connection:
                page, after = journal_rows.read_page(connection, after, since, prefix, self.now())
            yield from page

    def get(self, name: str) -> Record:
        """One call, by its id, by the beginning of its id, or by its task's id.

        Raises:
            KieInputError: there is none, or several.
        """
        found = self._select("id = ? OR task_id = ?", name, name)
        if not found and len(name) >= 6:
            found = self._select("substr(id, 1, ?) = ?", len(name), name)
        if len(found) != 1:
            what = "no call" if not found else f"{len(found)} calls"
            message = f"{what} of the id {name!r} on record in {self.path}; `kie-sync history` lists what there is"
            raise KieInputError("journal", [Problem("unknown", "id", message)])
        return found[0]

    def settle(self, name: str, *, charged: bool, task_id: Optional[str] = None) -> Record:
        """Say what became of a call whose outcome is unknown, or give up a task that is paid; its key is free then.

        Args:
            charged: whether it was paid.
            task_id: the task that it made, where a person found it: it can then be waited for, and keeps the key.

        Raises:
            KieInputError: there is no such call, or its outcome is known.
        """
        record = self.get(name)
        if record.state != "unknown" and not (record.state in UNFINISHED and charged and not task_id):
            what = "its task is paid, and goes on" if record.state in UNFINISHED else "there is nothing to settle"
            message = f"call {record.id[:12]} is on record as {record.state}: {what}"
            raise KieInputError("journal", [Problem("state", "id", message)])
        if charged and task_id:
            self._note(record.id, state="accepted", task_id=task_id, message="")
        elif charged:
            self._note(record.id, state="charged", message=f"{SETTLED}: it was paid", owns_key=False)
        else:
            self._note(record.id, state="refused", message=f"{SETTLED}: it was not paid", owns_key=False)
        return self.get(record.id)

    def _spent(self, connection: sqlite3.Connection, account: str) -> Decimal:
        """Platform credits of this UTC day: consumed where that is known, else estimated; unknown prices count 0."""
        midnight = self.now() // 86400 * 86400
        where = "account = ? AND created_at >= ? AND state NOT IN ('refused', 'failed')"
        total = connection.execute(f"SELECT sum(micro_credits) FROM calls WHERE {where}", [account, midnight])
        return Decimal(total.fetchone()[0] or 0) / 1_000_000

    def _note(self, call_id: str, **values: Any) -> None:
        self._set(values, "id = ?", call_id)

    def _set(self, values: Mapping[str, Any], where: str, *about: str) -> None:
        changes = ", ".join(f"{name} = ?" for name in values)
        with self._file.writing() as connection:
            connection.execute(
                f"UPDATE calls SET {changes} WHERE {where}", [as_written(each) for each in (*values.values(), *about)]
            )

    def _select(self, where: str, *values: Any) -> List[Record]:
        with suppress(KieJournalError):
            self._write_late()
        with self._file.reading() as connection:
            found = rows(connection, f"SELECT {COLUMNS} FROM calls WHERE {where} ORDER BY created_at, rowid", values)
        return [read_row(row, self.now()) for row in found]
