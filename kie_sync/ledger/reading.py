"""What an `SqlLedger` has on record; nothing here writes."""

from __future__ import annotations

from typing import List, Optional, Sequence

from ..holds import Balance, Hold
from .books import balance_of, hold_of, unknown_account
from .statements import Finding, Line, check_books, read_statement
from .store import Store
from .tables import check_text


class Reader:
    """The part of `SqlLedger` that looks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def name(self) -> str:
        """Where it is kept; no password is in it."""
        return self._store.name

    def balance(self, account: str) -> Balance:
        """What an account has.

        Raises:
            KieAccountError: there is none of that name.
        """
        name = check_text("account", account)
        with self._store.reading() as transaction:
            rows = transaction.rows("SELECT * FROM kie_accounts WHERE name = :name", name=name)
        if not rows:
            raise unknown_account(name)
        return balance_of(rows[0])

    def find(self, name: str) -> Optional[Hold]:
        """The hold of this key, or the newest whose `ref` begins with this word, as that of a task does."""
        if not name:
            return None
        with self._store.reading() as transaction:
            rows = transaction.rows(
                "SELECT * FROM kie_holds WHERE hold_key = :name OR subject = :name ORDER BY at_ms DESC", name=name
            )
        return hold_of(rows[0]) if rows else None

    def holds(self, account: Optional[str] = None, *, states: Sequence[str] = ("open",)) -> List[Hold]:
        """Holds, the oldest first: the open ones of all accounts, or of one."""
        where = "" if account is None else " AND account = :account"
        about = {} if account is None else {"account": account}
        with self._store.reading() as transaction:
            rows = [
                row
                for state in states
                for row in transaction.rows(
                    f"SELECT * FROM kie_holds WHERE state = :state{where}", state=state, **about
                )
            ]
        return [hold_of(row) for row in sorted(rows, key=lambda row: (row["at_ms"], row["hold_key"]))]

    def accounts(self) -> List[Balance]:
        """Every account, by name."""
        with self._store.reading() as transaction:
            return [balance_of(row) for row in transaction.rows("SELECT * FROM kie_accounts ORDER BY name")]

    def statement(self, account: str, *, since: float = 0.0) -> List[Line]:
        """What happened to an account, the oldest first; `since` is Unix time in seconds."""
        self.balance(account)
        with self._store.reading() as transaction:
            return read_statement(transaction, account, since)

    def check(self) -> List[Finding]:
        """Prove that the books are right: what is wrong, which should be nothing."""
        with self._store.reading() as transaction:
            return check_books(transaction)
