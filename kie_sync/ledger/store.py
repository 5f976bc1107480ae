"""Where a ledger is kept, as one small interface: transactions that run statements with named values."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Protocol

from ..errors import KieJournalError, KieLedgerError
from ..sqlitefile import SqliteFile
from .tables import TABLES, VERSION

Row = Dict[str, Any]


class Collision(Exception):
    """Another transaction wrote the same key first; look again."""


class Transaction(Protocol):
    """Statements that come into force together, or not at all. Values stand in them as `:name`."""

    def rows(self, statement: str, **values: Any) -> List[Row]:
        """What a statement finds, by column."""

    def run(self, statement: str, **values: Any) -> int:
        """How many rows a statement changed."""


class Store(Protocol):
    """A database.

    Attributes:
        name: how messages call it; no password is in it.
        locked: what a SELECT ends with that keeps other writers away from its rows.
    """

    name: str
    locked: str

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction that writes; what it reads with `locked` stays so until its end.

        Raises:
            Collision: a key was taken meanwhile.
            KieLedgerError: it cannot be written; nothing of the block is in it.
        """

    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one moment, however many statements it has.

        Raises:
            KieLedgerError: it cannot be read.
        """

    def close(self) -> None:
        """Close it; the next use opens it again."""


class SqliteStore:
    """A file. Its writers take turns, so that no row needs a lock."""

    locked = ""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        tables = ";".join((*TABLES, f"INSERT INTO kie_ledger VALUES ({VERSION})"))
        self._file = SqliteFile(path, "the ledger", tables, VERSION)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with _explained(), self._file.writing() as connection:
            yield _SqliteTransaction(connection)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with _explained(), self._file.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield _SqliteTransaction(connection)
            finally:
                connection.rollback()

    def close(self) -> None:
        self._file.close()


class _SqliteTransaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Any) -> List[Row]:
        cursor = self._connection.cursor()
        cursor.row_factory = sqlite3.Row
        return [dict(row) for row in cursor.execute(statement, values).fetchall()]

    def run(self, statement: str, **values: Any) -> int:
        return self._connection.execute(statement, values).rowcount


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise Collision(str(error)) from error
    except KieJournalError as error:
        raise KieLedgerError(error.message) from error
