"""The writing of movements: what is locked, what is found, and the entries that sum to zero."""

from __future__ import annotations

import shlex
from typing import NamedTuple, Optional, Sequence

from ..errors import KieAccountError, KieInputError, Problem
from ..holds import Balance, Hold
from ..values import plain, show
from .store import Row, Store, Transaction
from .tables import to_credits


class Movement(NamedTuple):
    """What is written of a movement beside its entries; `at_ms` is Unix time in milliseconds."""

    name: str
    kind: str
    at_ms: int
    ref: str = ""
    hold_key: Optional[str] = None


class Leg(NamedTuple):
    """An entry: so many millionths of a credit more in a part of an account."""

    account: str
    part: str
    micro: int


def book(transaction: Transaction, movement: Movement, legs: Sequence[Leg], rows: Sequence[Row]) -> None:
    """Write a movement with its entries, and bring the accounts (`rows`, locked) up to it."""
    if sum(leg.micro for leg in legs):
        raise AssertionError(f"the entries of {movement} do not sum to zero: {legs}")
    transaction.run(
        "INSERT INTO kie_movements (move_key, kind, hold_key, ref, at_ms) "
        "VALUES (:name, :kind, :hold_key, :ref, :at_ms)",
        **movement._asdict(),
    )
    accounts = {row["name"]: row for row in rows}
    for position, leg in enumerate(legs):
        row = accounts.get(leg.account)
        if row is not None:
            row[leg.part] += leg.micro
            row["entries"] += 1
        transaction.run(
            "INSERT INTO kie_entries (move_key, leg, account, part, micro, number, balance) "
            "VALUES (:name, :position, :account, :part, :micro, :number, :balance)",
            name=movement.name,
            position=position,
            **leg._asdict(),
            number=None if row is None else row["entries"],
            balance=None if row is None else row[leg.part],
        )
    for row in rows:
        transaction.run(
            "UPDATE kie_accounts SET available = :available, held = :held, entries = :entries WHERE name = :name",
            name=row["name"],
            available=row["available"],
            held=row["held"],
            entries=row["entries"],
        )


def lock(transaction: Transaction, store: Store, name: str) -> Row:
    """An account's row, which no other writer changes until the transaction ends.

    Raises:
        KieAccountError: there is none of that name.
    """
    found = transaction.rows(f"SELECT * FROM kie_accounts WHERE name = :name{store.locked}", name=name)
    if not found:
        raise unknown_account(name)
    return found[0]


def find_hold(transaction: Transaction, key: str) -> Optional[Row]:
    """The row of a hold."""
    found = transaction.rows("SELECT * FROM kie_holds WHERE hold_key = :key", key=key)
    return found[0] if found else None


def hold_of(row: Row) -> Hold:
    """A row of the holds as a value."""
    used = None if row["used"] is None else to_credits(row["used"])
    at = row["at_ms"] / 1000
    return Hold(row["account"], to_credits(row["micro"]), row["hold_key"], row["ref"], row["state"], used, at)


def balance_of(row: Row) -> Balance:
    """A row of the accounts as a value."""
    return Balance(row["name"], to_credits(row["available"]), to_credits(row["held"]))


def subject_of(ref: str) -> str:
    """The first word of a ref, by which a hold can be found."""
    word = ref.partition(" ")[0]
    return "" if word == "-" else word[:200]


def too_little(row: Row, micro: int) -> KieAccountError:
    """An account that has not so much."""
    available, needed = to_credits(row["available"]), to_credits(micro)
    name, held = row["name"], row["held"]
    has = f"is overdrawn by {plain(-available)} credits" if available < 0 else f"has {plain(available)} credits"
    more = f" ({plain(to_credits(held))} more are held for calls that have not ended)" if held else ""
    message = (
        f"account {show(name)} {has}{more}, and {plain(needed)} are needed; top it up: "
        f"`kie-sync account topup {shlex.quote(name)} --plan PLAN` or `--credits N`"
    )
    return KieAccountError(message, account=name, needed=needed, available=available)


def unknown_account(name: str) -> KieAccountError:
    """There is no such account."""
    message = f"there is no account {show(name)}; `kie-sync account create {shlex.quote(name)}` opens it"
    return KieAccountError(message, account=name)


def conflict(where: str, message: str) -> KieInputError:
    """What was asked does not fit what is in the books."""
    return KieInputError("ledger", [Problem("conflict", where, message)])
