"""The ledger's tables, in words that SQLite, PostgreSQL and MySQL share.

Amounts are whole millionths of a credit, so that databases add them up exactly. `kie_movements` and `kie_entries` are
only ever added to; the entries of a movement sum to zero. `kie_accounts` and `kie_holds` say where things stand: what
the entries sum to, and which holds are open. A row of `kie_accounts` is the lock of its account.

The ledger's own side of each movement (`system:...`) has no row there: it would be one lock for all.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Tuple

from ..errors import KieInputError, Problem
from ..holds import EXACT
from ..values import number_of, plain, show, unsendable

VERSION = 1
HOW_TO_WRITE = "write it as postgresql://user:password@host/name, and in the password write @ as %40, / as %2F"
# Only words that need no index of their own: MySQL has no CREATE INDEX IF NOT EXISTS, PostgreSQL none inside a table.
TABLES: Tuple[str, ...] = (
    """CREATE TABLE IF NOT EXISTS kie_accounts (
    name VARCHAR(100) NOT NULL PRIMARY KEY, available BIGINT NOT NULL, held BIGINT NOT NULL,
    entries BIGINT NOT NULL, opened_ms BIGINT NOT NULL
)""",
    """CREATE TABLE IF NOT EXISTS kie_holds (
    hold_key VARCHAR(200) NOT NULL PRIMARY KEY, account VARCHAR(100) NOT NULL, micro BIGINT NOT NULL, used BIGINT,
    state VARCHAR(10) NOT NULL, ref VARCHAR(400) NOT NULL, subject VARCHAR(200) NOT NULL, at_ms BIGINT NOT NULL,
    UNIQUE (subject, hold_key), UNIQUE (state, account, hold_key)
)""",
    """CREATE TABLE IF NOT EXISTS kie_movements (
    move_key VARCHAR(220) NOT NULL PRIMARY KEY, kind VARCHAR(10) NOT NULL, hold_key VARCHAR(200),
    ref VARCHAR(400) NOT NULL, at_ms BIGINT NOT NULL, UNIQUE (hold_key, kind)
)""",
    """CREATE TABLE IF NOT EXISTS kie_entries (
    move_key VARCHAR(220) NOT NULL, leg SMALLINT NOT NULL, account VARCHAR(100) NOT NULL, part VARCHAR(10) NOT NULL,
    micro BIGINT NOT NULL, number BIGINT, balance BIGINT,
    PRIMARY KEY (move_key, leg), UNIQUE (account, number)
)""",
    "CREATE TABLE IF NOT EXISTS kie_ledger (version INTEGER NOT NULL PRIMARY KEY)",
)
AVAILABLE, HELD = "available", "held"
# Where credits come from and go to.
TOPUPS, BONUS, PLATFORM = "system:topups", "system:bonus", "system:platform"
_SYSTEM = "system:"
# Beyond it, sums of many would not fit a whole number of 64 bits.
_MOST = Decimal(10**9)
_LENGTHS = {"account": 100, "key": 200, "ref": 400}


def to_micro(credits: object, name: str = "credits") -> int:
    """An amount in millionths of a credit.

    Raises:
        KieInputError: it is no amount, is below 0, is finer than a millionth, or is beyond a billion.
    """
    number = number_of(credits)
    if number is None or not number.is_finite() or not 0 <= number <= _MOST:
        message = f"{name} must be a number of credits from 0 to {plain(_MOST)}, such as 12.5; got {show(credits)}"
        raise KieInputError("ledger", [Problem("type", name, message)])
    exponent = Decimal(plain(number)).as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -6:
        message = f"{name} may have six digits after the point, and has more: {show(number)}; round it first"
        raise KieInputError("ledger", [Problem("multiple_of", name, message)])
    return int(number.scaleb(6, EXACT))


def to_credits(micro: object) -> Decimal:
    """Millionths as credits, without trailing zeros."""
    return Decimal(plain(Decimal(str(micro)).scaleb(-6, EXACT)))


def check_text(name: str, text: object, *, may_be_empty: bool = False) -> str:
    """A name, a key or a ref as the tables can hold it.

    Raises:
        KieInputError: it is no text, is empty, is too long, or is one of the ledger's own names.
    """
    most = _LENGTHS[name]
    fault = ""
    if not isinstance(text, str):
        fault = f"must be text; got {show(text)}"
    elif not text.strip() and not (may_be_empty and not text):
        fault = f"must not be empty; got {show(text)}"
    elif len(text) > most:
        fault = f"may have {most} characters; it has {len(text):,}"
    elif not text.isprintable() or unsendable(text) is not None or text != text.strip():
        fault = f"must be plain text on one line, without spaces around it; got {show(text)}"
    elif name == "account" and text.startswith(_SYSTEM):
        fault = f'must not begin with "{_SYSTEM}": those are the ledger\'s own; got {show(text)}'
    if fault:
        raise KieInputError("ledger", [Problem("type", name, f"{name} {fault}")])
    return str(text)
