"""What the journal keeps of an account besides its calls: its balances, and where its files were uploaded."""

from __future__ import annotations

from decimal import Decimal
from typing import Callable, List, Optional, Tuple

from .events import BalanceRead
from .journal_rows import as_text
from .sqlitefile import SqliteFile, rows

# A balance that has not changed is noted again after so long, and holds so long for who asks before a purchase.
SAME_BALANCE_S = 3600.0


class AccountNotes:
    """The part of a journal for these.

    Args:
        file: with the journal's tables.
        now: Unix time in seconds.
    """

    def __init__(self, file: SqliteFile, now: Callable[[], float]) -> None:
        self._file, self.now = file, now

    def keep_balance(self, event: BalanceRead) -> None:
        """Note a balance, where it is news."""
        with self._file.writing() as connection:
            last = "SELECT at, credits FROM balances WHERE account = ? ORDER BY at DESC LIMIT 1"
            known = connection.execute(last, [event.account]).fetchone()
            # A watch looks for ever, and mostly finds what it found before.
            is_known = known is not None and Decimal(known[1]) == event.credits
            if not is_known or self.now() - known[0] >= SAME_BALANCE_S:
                values = [self.now(), event.provider, event.account, as_text(event.credits)]
                connection.execute("INSERT INTO balances VALUES (?, ?, ?, ?)", values)

    def balances(self, account: str) -> List[Tuple[float, Decimal]]:
        """The balances that were read, the oldest first: Unix time in seconds, and credits."""
        with self._file.reading() as connection:
            found = rows(connection, "SELECT at, credits FROM balances WHERE account = ? ORDER BY at", [account])
        return [(row["at"], Decimal(row["credits"])) for row in found]

    def find_upload(self, *, account: str, content: str) -> Optional[str]:
        """Where a file of this content was uploaded, while that lives."""
        where = "account = ? AND content = ? AND expires_at > ?"
        with self._file.reading() as connection:
            found = rows(connection, f"SELECT url FROM uploads WHERE {where}", [account, content, self.now()])
        return str(found[0]["url"]) if found else None

    def keep_upload(self, *, account: str, content: str, url: str, lives_s: float) -> None:
        """Note where a file of this content was uploaded."""
        with self._file.writing() as connection:
            connection.execute("DELETE FROM uploads WHERE expires_at <= ?", [self.now()])
            values = [account, content, url, self.now() + lives_s]
            connection.execute("INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", values)
