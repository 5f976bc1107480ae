"""One SQLite file that many threads and processes share.

WAL, so that readers and a writer do not wait for each other.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Iterator, List, Optional, Sequence

from .errors import KieJournalError

# How long to wait for another process that writes.
_BUSY_S = 30.0
# Connections of a parent that was forked without Python's knowledge: not ours to use, nor to close.
_inherited: List[sqlite3.Connection] = []
# A file is made by one thread at a time: to close it while it is new would end the locks of another connection.
_birth = threading.RLock()


class _Connection(sqlite3.Connection):
    """Ends with whoever holds it: Python 3.13 warns of one that nobody closed.

    By its own finalizer: in a ring of garbage the holder's may come too late.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.process = os.getpid()

    def let_go(self) -> None:
        if self.process == os.getpid():
            self.close()
        else:
            _inherited.append(self)

    def __del__(self) -> None:
        try:  # noqa: SIM105  (at the end of a program this module's own names may be gone, `suppress` among them)
            self.let_go()
        except Exception:
            pass


class SqliteFile:
    """The file, opened when it is first needed, and anew after a fork.

    Args:
        what: how messages call it, such as "the journal".
        tables: the statements that make its tables.
        version: of the tables; a file of another version is refused.
        is_durable: whether a commit must survive a power cut: it returns when it is on disk.
    """

    def __init__(self, path: Path, what: str, tables: str, version: int, *, is_durable: bool = True) -> None:
        self.path, self._what, self._tables, self._version = path, what, tables, version
        self._is_durable = is_durable
        self._lock = threading.RLock()
        self._connection: Optional[_Connection] = None
        _files.add(self)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, to read from.

        Raises:
            KieJournalError: the file cannot be read.
        """
        with self.alone(), self._explained("read"):
            yield self._open()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that no other writer can come between; on disk when the block ends.

        Raises:
            KieJournalError: the file cannot be written; nothing of the block is in it.
        """
        with self.alone(), self._explained("written"):
            connection = self._open()
            # A finalizer may come in the middle of another block of this thread: that one is not its to end.
            is_inner = connection.in_transaction
            try:
                # In here, too: Ctrl-C in its wait is seen when it has begun, and would leave everybody locked out.
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.commit()
            except BaseException:
                if not is_inner:
                    connection.rollback()
                raise

    def close(self) -> None:
        """Close it; the next use opens it again."""
        with self.alone():
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.let_go()

    def alone(self) -> threading.RLock:
        """What keeps the other threads of this process away from the file; may be held again by its holder."""
        return self._lock

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            broken = "malformed" in reason or "not a database" in reason
            hint = ""
            if broken and self._is_durable:
                hint = f"; move it away, and save what is in it with `sqlite3 {self.path} .recover`"
            elif broken:
                hint = "; delete it: it is made anew"
            raise KieJournalError(f"{self._what} {self.path} cannot be {done}: {reason}{hint}") from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._connection.process != os.getpid():
            self.close()
        if self._connection is None:
            with _birth:
                self._connection = self._connect()
        return self._connection

    def _connect(self) -> _Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # For its owner's eyes only: prompts are in it. SQLite gives its side files the same rights.
        # Only where there is none: to close it would end the locks of another connection of this process, and another
        # process would remove the log that it writes to (sqlite.org/howtocorrupt.html, 2.2).
        with suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        # Its own lock keeps threads apart; autocommit, so that only `writing` begins transactions.
        connection = _Connection(str(self.path), timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._is_durable else 'NORMAL'}")
            _want_wal(connection)
            self._make_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        if self._found_version(connection) == self._version:
            return
        try:
            connection.execute("BEGIN IMMEDIATE")
            found = self._found_version(connection)
            if found not in (0, self._version):
                raise KieJournalError(
                    f"{self._what} {self.path} is of version {found}, and this kie_sync knows version {self._version}; "
                    "use the kie_sync that made it, or name another file"
                )
            if found == 0:
                for statement in self._tables.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {self._version}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise

    @staticmethod
    def _found_version(connection: sqlite3.Connection) -> int:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


# SQLite keeps the locks of a process in its memory, which a fork copies: a child would believe that it holds them
# (sqlite.org/howtocorrupt.html, 2.6). So every file is closed before a fork, and opened anew on both sides.
_files: weakref.WeakSet[SqliteFile] = weakref.WeakSet()
_fork_lock = threading.Lock()
_held: List[SqliteFile] = []


def _before_fork() -> None:
    _fork_lock.acquire()
    for file in list(_files):
        file.alone().acquire()
        _held.append(file)
        # Forked by whoever writes just now: his transaction goes on in the parent.
        if file._connection is not None and not file._connection.in_transaction:
            file.close()
    _birth.acquire()


def _after_fork() -> None:
    _birth.release()
    while _held:
        _held.pop().alone().release()
    _fork_lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def _want_wal(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; SQLite does not wait by itself where another process does the same just now."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)


def rows(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> List[sqlite3.Row]:
    """What a statement finds, by the columns' names."""
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    return cursor.execute(statement, list(values)).fetchall()
