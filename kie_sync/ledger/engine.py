"""A ledger in PostgreSQL, MySQL or MariaDB, by URL, through SQLAlchemy Core. Loaded only when a URL is given."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, List

from ..errors import KieConfigError, KieLedgerError
from .store import Collision, Row, Transaction
from .tables import HOW_TO_WRITE, TABLES, VERSION

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_BACKENDS = ("postgresql", "mysql", "mariadb")
# Names of accounts are told apart by their letters' case, too; MySQL by itself would not.
_MYSQL_TABLES = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
# 64 threads of one process share so many connections; the others wait for their turn.
_CONNECTIONS, _WAIT_S = 20, 60.0


class EngineStore:
    """A database on a server.

    Args:
        url: as SQLAlchemy writes it, such as `postgresql://user:password@host/name`.

    Raises:
        KieConfigError: it is no such URL, or what it needs is not installed.
    """

    locked = " FOR UPDATE"

    def __init__(self, url: str) -> None:
        try:
            import sqlalchemy
        except ImportError as error:
            raise KieConfigError(
                "a ledger by URL needs SQLAlchemy, which is not installed; install `kie-sync[sql]` and your database's "
                "driver, such as psycopg, or name a file"
            ) from error
        try:
            parsed = sqlalchemy.make_url(url)
        except (sqlalchemy.exc.ArgumentError, ValueError):
            parsed = None
        if parsed is None or "@" in (parsed.host or ""):
            # Without the text, and without SQLAlchemy's error, which may quote it: a password may stand in it.
            raise KieConfigError(f"the ledger's URL cannot be read; {HOW_TO_WRITE}")
        if parsed.get_backend_name() not in _BACKENDS:
            raise KieConfigError(
                f"a ledger is kept in {', '.join(_BACKENDS)}, or in an SQLite file named by its path; "
                f"got {parsed.drivername}; {HOW_TO_WRITE}"
            )
        # Drivers take a password behind the question mark, too.
        self.name = parsed.set(query={}).render_as_string(hide_password=True)
        given = [str(value) for name, value in parsed.query.items() if "pass" in name.lower()]
        self._secrets = [word for word in (str(parsed.password or ""), *given) if word]
        self._is_mysql = parsed.get_backend_name() != "postgresql"
        self._process = os.getpid()
        self._has_tables = False
        self._engine = self._create(parsed)

    def _create(self, parsed: Any) -> Engine:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import ArgumentError

        tried: List[str] = []
        # SQLAlchemy's own choice for PostgreSQL is psycopg2; who has its successor need not say so.
        drivers = [parsed.drivername] + (["postgresql+psycopg"] if parsed.drivername == "postgresql" else [])
        for driver in drivers:
            try:
                return create_engine(
                    parsed.set(drivername=driver),
                    isolation_level="READ COMMITTED",
                    pool_size=_CONNECTIONS,
                    max_overflow=0,
                    pool_timeout=_WAIT_S,
                    pool_pre_ping=True,
                    hide_parameters=True,
                )
            except ImportError as error:
                tried.append(error.name or driver)
            except ArgumentError:
                tried.append(driver)
        raise KieConfigError(
            f"the driver of {self.name} is not installed (looked for {', '.join(tried)}); for PostgreSQL install "
            "psycopg[binary], for MySQL pymysql, and write mysql+pymysql://"
        )

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with self._explained("written"):
            self._make_tables()
            with self._engine.begin() as connection:
                yield _EngineTransaction(connection)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        with self._explained("read"):
            self._make_tables()
            with self._engine.connect() as connection:
                connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield _EngineTransaction(connection)

    def close(self) -> None:
        self._engine.dispose()

    def _make_tables(self) -> None:
        if self._process != os.getpid():
            # The parent's connections are its own: they are let go of, and not closed.
            self._engine.dispose(close=False)
            self._process = os.getpid()
        if self._has_tables:
            return
        from sqlalchemy.exc import DBAPIError

        for attempt in range(5):
            try:
                found = self._found_version()
                break
            except DBAPIError:
                # There are none; or another process makes them just now, and PostgreSQL lets only one of the two.
                try:
                    self._create_tables()
                except DBAPIError:
                    if attempt == 4:
                        raise
                    time.sleep(0.1 * (attempt + 1))
        else:
            found = self._found_version()
        if found != VERSION:
            raise KieLedgerError(
                f"the ledger {self.name} is of version {found}, and this kie_sync knows version {VERSION}; use the "
                "kie_sync that made it"
            )
        self._has_tables = True

    def _found_version(self) -> int:
        with self._engine.connect() as connection:
            found = _EngineTransaction(connection).rows("SELECT version FROM kie_ledger")
        return int(found[0]["version"]) if found else self._note_version()

    def _note_version(self) -> int:
        with self._engine.begin() as connection:
            _EngineTransaction(connection).run("INSERT INTO kie_ledger (version) VALUES (:version)", version=VERSION)
        return VERSION

    def _create_tables(self) -> None:
        with self._engine.begin() as connection:
            transaction = _EngineTransaction(connection)
            for statement in TABLES:
                transaction.run(statement + (_MYSQL_TABLES if self._is_mysql else ""))

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        from sqlalchemy.exc import IntegrityError, SQLAlchemyError

        try:
            yield
        except IntegrityError as error:
            raise Collision("a key was taken") from error
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip()
            for secret in self._secrets:
                reason = reason.replace(secret, "***")
            raise KieLedgerError(f"the ledger {self.name} cannot be {done}: {reason}") from error


class _EngineTransaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, **values: Any) -> List[Row]:
        from sqlalchemy import text

        return [dict(row) for row in self._connection.execute(text(statement), values).mappings()]

    def run(self, statement: str, **values: Any) -> int:
        from sqlalchemy import text

        return int(self._connection.execute(text(statement), values).rowcount)
