"""`SqlLedger`: accounts in double entry, in an SQLite file or, by URL, in PostgreSQL or MySQL.

Every change is one transaction that first locks the account's row, so that no two holds see the same balance. What was
done before under the same key is found, and not done again.
"""

from __future__ import annotations

import re
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Callable, Optional, Sequence, Tuple, TypeVar, Union

from ..config import ledger_place
from ..errors import KieConfigError, KieLedgerError
from ..holds import Balance, Hold
from ..values import plain, show
from .books import Leg, Movement, book, conflict, find_hold, hold_of, lock, subject_of, too_little
from .reading import Reader
from .store import Collision, SqliteStore, Store, Transaction
from .tables import AVAILABLE, BONUS, HELD, HOW_TO_WRITE, PLATFORM, TOPUPS, check_text, to_credits, to_micro

Credits = Union[Decimal, int, float, str]
_Done = TypeVar("_Done")
# Two that write the same key at once: the loser looks again, and finds what the winner wrote.
_ATTEMPTS = 5
# A URL that lost a slash, as in a `Path`.
_IS_URL = re.compile(r"(postgres\w*|mysql|mariadb)(\+\w+)?:", re.IGNORECASE)


class SqlLedger(Reader):
    """Accounts of customers, in credits. Share it between threads; it survives a fork.

    Args:
        store: where it is kept; `open_ledger` makes one.
        now: Unix time in seconds.
    """

    def __init__(self, store: Store, *, now: Callable[[], float] = time.time) -> None:
        super().__init__(store)
        self._now = now

    def close(self) -> None:
        """Close it; the next use opens it again."""
        self._store.close()

    # Three of the four methods; `balance` is the reader's

    def hold(self, account: str, credits: Credits, *, key: str, ref: str = "") -> Hold:
        """Set an amount aside; the same key again has no second effect, and may bring another `ref`.

        Raises:
            KieAccountError: the account has not that much, or is overdrawn, or there is none of that name.
            KieInputError: the key was used for another account or amount.
        """
        name, micro, key = check_text("account", account), to_micro(credits), check_text("key", key)
        ref = check_text("ref", ref, may_be_empty=True)

        def work(transaction: Transaction) -> Hold:
            row = lock(transaction, self._store, name)
            found = find_hold(transaction, key)
            if found is not None:
                if (found["account"], found["micro"]) != (name, micro):
                    then = f"{plain(to_credits(found['micro']))} credits of {show(found['account'])}"
                    raise conflict("key", f"key {show(key)} holds {then} already; use another key")
                if ref and ref != found["ref"]:
                    found["ref"] = ref
                    statement = "UPDATE kie_holds SET ref = :ref, subject = :subject WHERE hold_key = :key"
                    transaction.run(statement, key=key, ref=ref, subject=subject_of(ref))
                return hold_of(found)
            if row["available"] < 0 or micro > row["available"]:
                raise too_little(row, micro)
            at_ms = self._at_ms()
            transaction.run(
                "INSERT INTO kie_holds (hold_key, account, micro, used, state, ref, subject, at_ms) "
                "VALUES (:key, :name, :micro, NULL, 'open', :ref, :subject, :at_ms)",
                key=key,
                name=name,
                micro=micro,
                ref=ref,
                subject=subject_of(ref),
                at_ms=at_ms,
            )
            legs = [Leg(name, AVAILABLE, -micro), Leg(name, HELD, micro)]
            book(transaction, Movement(f"hold/{key}", "hold", at_ms, ref, key), legs, [row])
            return Hold(name, to_credits(micro), key, ref, "open", None, at_ms / 1000)

        return self._write(work)

    def capture(self, key: str, credits: Credits) -> None:
        """End a hold, by its key: so much was used, and the rest is available again.

        More than was held is booked all the same; the account may then be overdrawn.

        Raises:
            KieInputError: there is no such hold, or it ended otherwise.
        """
        self._end(check_text("key", key), "captured", to_micro(credits))

    def release(self, key: str) -> None:
        """End a hold, by its key: all of it is available again.

        Raises:
            KieInputError: there is no such hold, or it was captured.
        """
        self._end(check_text("key", key), "released", 0)

    # Accounts

    def create(self, account: str, *, bonus: Credits = 0) -> Balance:
        """Open an account, with what it is given at the start. One that is there already gets nothing more."""
        name, micro, at_ms = check_text("account", account), to_micro(bonus, "bonus"), self._at_ms()

        def work(transaction: Transaction) -> None:
            if transaction.rows("SELECT name FROM kie_accounts WHERE name = :name", name=name):
                return
            transaction.run(
                "INSERT INTO kie_accounts (name, available, held, entries, opened_ms) VALUES (:name, 0, 0, 0, :at_ms)",
                name=name,
                at_ms=at_ms,
            )
            if micro:
                legs = [Leg(BONUS, AVAILABLE, -micro), Leg(name, AVAILABLE, micro)]
                book(
                    transaction,
                    Movement(f"create/{name}", "bonus", at_ms),
                    legs,
                    [lock(transaction, self._store, name)],
                )

        self._write(work)
        return self.balance(name)

    def topup(self, account: str, credits: Credits, *, key: Optional[str] = None, ref: str = "") -> Balance:
        """Add credits, such as those of a plan that was paid.

        Args:
            key: names this purchase, such as the payment's number: the same key adds only once.
            ref: what it was, for the statement.

        Raises:
            KieInputError: the key was used for another account or amount.
        """
        name, micro = check_text("account", account), to_micro(credits)
        legs = [Leg(TOPUPS, AVAILABLE, -micro), Leg(name, AVAILABLE, micro)]
        self._add("topup", key, ref, legs)
        return self.balance(name)

    def transfer(
        self, account: str, to: str, credits: Credits, *, key: Optional[str] = None, ref: str = ""
    ) -> Tuple[Balance, Balance]:
        """Move credits from one account to another; what is held stays where it is.

        Raises:
            KieAccountError: the account has not that much available.
            KieInputError: the key was used for something else.
        """
        name, other, micro = check_text("account", account), check_text("account", to), to_micro(credits)
        if name == other:
            raise conflict("to", f"to must be another account; got {show(other)} twice")
        self._add("transfer", key, ref, [Leg(name, AVAILABLE, -micro), Leg(other, AVAILABLE, micro)])
        return self.balance(name), self.balance(other)

    # Writing

    def _write(self, work: Callable[[Transaction], _Done]) -> _Done:
        for _ in range(_ATTEMPTS):
            try:
                with self._store.writing() as transaction:
                    return work(transaction)
            except Collision as error:
                collision = error
        raise KieLedgerError(f"the ledger {self.name} cannot be written: {collision}") from collision

    def _end(self, key: str, state: str, used: int) -> None:
        def work(transaction: Transaction) -> None:
            found = find_hold(transaction, key)
            if found is None:
                raise conflict("key", f"there is no hold of key {show(key)} in {self.name}")
            row = lock(transaction, self._store, found["account"])
            # Once more, now that nobody else can end it.
            found = find_hold(transaction, key) or found
            if found["state"] != "open":
                if (found["state"], found["used"] or 0) != (state, used):
                    what = f" at {plain(to_credits(found['used']))} credits" if found["state"] == "captured" else ""
                    raise conflict("key", f"the hold of key {show(key)} was {found['state']} already{what}")
                return
            transaction.run(
                "UPDATE kie_holds SET state = :state, used = :used WHERE hold_key = :key",
                key=key,
                state=state,
                used=used if state == "captured" else None,
            )
            legs = [
                Leg(row["name"], HELD, -found["micro"]),
                Leg(row["name"], AVAILABLE, found["micro"] - used),
                Leg(PLATFORM, AVAILABLE, used),
            ]
            kind = "capture" if state == "captured" else "release"
            book(transaction, Movement(f"end/{key}", kind, self._at_ms(), found["ref"], key), legs, [row])

        self._write(work)

    def _add(self, kind: str, key: Optional[str], ref: str, legs: Sequence[Leg]) -> None:
        """A movement that stands for itself, such as a top-up."""
        if not any(leg.micro for leg in legs):
            raise conflict("credits", f"credits must be more than 0 for a {kind}")
        ref = check_text("ref", ref, may_be_empty=True)
        name = f"{kind}/{uuid.uuid4().hex if key is None else check_text('key', key)}"
        own = sorted({leg.account for leg in legs if leg.account != TOPUPS})

        def work(transaction: Transaction) -> None:
            # In the order of their names, so that no two transfers wait for each other.
            rows = [lock(transaction, self._store, account) for account in own]
            found = transaction.rows("SELECT account, micro FROM kie_entries WHERE move_key = :name", name=name)
            if found:
                if {(row["account"], row["micro"]) for row in found} != {(leg.account, leg.micro) for leg in legs}:
                    raise conflict("key", f"key {show(key)} was used for another {kind}; use another key")
                return
            for row, leg in ((row, leg) for row in rows for leg in legs if leg.account == row["name"]):
                if leg.micro < 0 and row["available"] + leg.micro < 0:
                    raise too_little(row, -leg.micro)
            book(transaction, Movement(name, kind, self._at_ms(), ref), legs, rows)

        self._write(work)

    def _at_ms(self) -> int:
        return int(self._now() * 1000)


def open_ledger(place: Union[str, Path, None] = None, *, now: Callable[[], float] = time.time) -> SqlLedger:
    """The ledger at a place: a file, or a URL such as `postgresql://user:password@host/name`.

    Args:
        place: without it, what `KIE_LEDGER` names, else a file of the user's own.
    """
    place = ledger_place() if place is None else place
    text = str(place)
    if "://" not in text:
        if _IS_URL.match(text):
            # Not shown: a password may stand in it.
            raise KieConfigError(f"the ledger's place is neither a file nor a URL; {HOW_TO_WRITE}")
        return SqlLedger(SqliteStore(Path(place).expanduser()), now=now)
    if text.startswith("sqlite:///"):
        return SqlLedger(SqliteStore(Path(text[len("sqlite:///") :]).expanduser()), now=now)
    from .engine import EngineStore

    return SqlLedger(EngineStore(text), now=now)
