"""What the books say of an account, and whether they are right."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List

from ..values import plain
from .store import Row, Transaction
from .tables import AVAILABLE, HELD, to_credits


@dataclass(frozen=True)
class Line:
    """A movement of an account, with what the account had after it.

    Attributes:
        at: Unix time in seconds.
        kind: `bonus`, `topup`, `transfer`, `hold`, `capture` or `release`.
        available, held: what was added to either part; below 0 where it was taken.
        balance: what was available afterwards.
        other: the other account of a transfer.
    """

    at: float
    kind: str
    key: str
    ref: str
    available: Decimal
    held: Decimal
    balance: Decimal
    other: str = ""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with the books: `where` it is, and what is the matter."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def read_statement(transaction: Transaction, account: str, since: float) -> List[Line]:
    """Every movement of an account, the oldest first."""
    found = transaction.rows(
        "SELECT m.at_ms, m.kind, m.ref, e.move_key, e.part, e.micro, e.number, e.balance FROM kie_entries e "
        "JOIN kie_movements m ON m.move_key = e.move_key "
        "WHERE e.account = :account AND m.at_ms >= :since_ms ORDER BY e.number",
        account=account,
        since_ms=int(since * 1000),
    )
    movements: Dict[str, List[Row]] = {}
    for row in found:
        movements.setdefault(row["move_key"], []).append(row)
    lines = []
    for name, rows in movements.items():
        first = rows[0]
        added = {part: sum(row["micro"] for row in rows if row["part"] == part) for part in (AVAILABLE, HELD)}
        after = [row["balance"] for row in rows if row["part"] == AVAILABLE]
        other = _other(transaction, name, account) if first["kind"] == "transfer" else ""
        lines.append(
            Line(
                first["at_ms"] / 1000,
                first["kind"],
                name.partition("/")[2],
                first["ref"],
                to_credits(added[AVAILABLE]),
                to_credits(added[HELD]),
                to_credits(after[-1]),
                other,
            )
        )
    return lines


def _other(transaction: Transaction, name: str, account: str) -> str:
    found = transaction.rows("SELECT account FROM kie_entries WHERE move_key = :name", name=name)
    return next((row["account"] for row in found if row["account"] != account), "")


def check_books(transaction: Transaction) -> List[Finding]:
    """Hold everything that is written twice against each other.

    Each movement sums to zero, and so do all entries; an account has what its entries sum to, its last entry says the
    same, and its entries are numbered without a gap; what is held is what its open holds sum to; every hold has one
    movement that made it, and one that ended it where it has ended; no hold took an account below zero.
    """
    found: List[Finding] = []

    def ask(statement: str, say: Any) -> None:
        found.extend(Finding(*say(row)) for row in transaction.rows(statement))

    ask(
        "SELECT move_key, SUM(micro) AS total FROM kie_entries GROUP BY move_key HAVING SUM(micro) <> 0",
        lambda row: (row["move_key"], f"its entries sum to {_amount(row['total'])}, not to 0"),
    )
    ask(
        "SELECT m.move_key FROM kie_movements m LEFT JOIN kie_entries e ON e.move_key = m.move_key "
        "WHERE e.move_key IS NULL",
        lambda row: (row["move_key"], "it has no entries"),
    )
    ask(
        "SELECT DISTINCT e.move_key FROM kie_entries e LEFT JOIN kie_movements m ON m.move_key = e.move_key "
        "WHERE m.move_key IS NULL",
        lambda row: (row["move_key"], "there are entries of it, and no such movement"),
    )
    ask(
        "SELECT e.move_key FROM kie_entries e JOIN kie_movements m ON m.move_key = e.move_key "
        "WHERE m.kind = 'hold' AND e.part = 'available' AND e.balance < 0",
        lambda row: (row["move_key"], "this hold took its account below 0"),
    )
    ask(
        "SELECT h.hold_key FROM kie_holds h WHERE "
        "(SELECT COUNT(*) FROM kie_movements m WHERE m.hold_key = h.hold_key) "
        "<> CASE WHEN h.state = 'open' THEN 1 ELSE 2 END",
        lambda row: (f"hold {row['hold_key']}", "its movements do not fit its state"),
    )
    ask(
        "SELECT m.move_key FROM kie_movements m LEFT JOIN kie_holds h ON h.hold_key = m.hold_key "
        "WHERE m.hold_key IS NOT NULL AND h.hold_key IS NULL",
        lambda row: (row["move_key"], "there is no such hold"),
    )
    for row in transaction.rows(
        "SELECT a.name, a.available, a.held, a.entries, "
        "COALESCE(SUM(CASE WHEN e.part = 'available' THEN e.micro ELSE 0 END), 0) AS sum_available, "
        "COALESCE(SUM(CASE WHEN e.part = 'held' THEN e.micro ELSE 0 END), 0) AS sum_held, "
        "COUNT(e.number) AS counted, COALESCE(MAX(e.number), 0) AS last "
        "FROM kie_accounts a LEFT JOIN kie_entries e ON e.account = a.name "
        "GROUP BY a.name, a.available, a.held, a.entries"
    ):
        found += _check_account(transaction, row)
    return found


def _check_account(transaction: Transaction, row: Row) -> List[Finding]:
    where, found = f"account {row['name']}", []
    for part in (AVAILABLE, HELD):
        total = int(row[f"sum_{part}"])
        if total != row[part]:
            message = f"{_amount(row[part])} credits are {part}, and its entries sum to {_amount(total)}"
            found.append(Finding(where, message))
    if not row["entries"] == row["counted"] == row["last"]:
        found.append(Finding(where, f"it counts {row['entries']} entries, and there are {row['counted']}"))
    last = transaction.rows(
        "SELECT balance FROM kie_entries WHERE account = :name AND part = 'available' ORDER BY number DESC LIMIT 1",
        name=row["name"],
    )
    if last and last[0]["balance"] != row[AVAILABLE]:
        found.append(Finding(where, f"its last entry leaves {_amount(last[0]['balance'])} credits"))
    held = transaction.rows(
        "SELECT COALESCE(SUM(micro), 0) AS total FROM kie_holds WHERE state = 'open' AND account = :name",
        name=row["name"],
    )
    if int(held[0]["total"]) != row[HELD]:
        message = f"{_amount(row[HELD])} credits are held, and its open holds sum to {_amount(held[0]['total'])}"
        found.append(Finding(where, message))
    return found


def _amount(micro: Any) -> str:
    return plain(to_credits(micro))
