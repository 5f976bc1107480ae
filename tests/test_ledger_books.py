"""The books: statements, open holds, plans, and the proof that the sums are right."""

from __future__ import annotations

import shutil
import sqlite3
from decimal import Decimal
from pathlib import Path
from typing import List

import pytest
from wire import shipped

from kie_sync.errors import KieInputError
from kie_sync.ledger import Finding, Line, SqlLedger, open_ledger, opening_bonus, plan_for


@pytest.fixture(scope="module")
def at_first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which Ann has 100 credits, and Bob none."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    made = open_ledger(path)
    made.create("ann", bonus=100)
    made.create("bob")
    made.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path, at_first: Path) -> SqlLedger:
    """A copy of it, for one test."""
    return open_ledger(shutil.copy(at_first, tmp_path))


# Statements


def test_a_statement_tells_everything_in_order(tmp_path: Path) -> None:
    times = iter(range(100))
    ledger = open_ledger(tmp_path / "l.sqlite", now=lambda: float(next(times)))
    ledger.create("ann", bonus=100)
    ledger.create("bob")
    ledger.hold("ann", 5, key="k1", ref="t1 m plus")
    ledger.capture("k1", 4)
    ledger.transfer("ann", "bob", 6, key="x", ref="a present")

    def line(at: float, kind: str, key: str, ref: str, *amounts: int, other: str = "") -> Line:
        return Line(at, kind, key, ref, *(Decimal(amount) for amount in amounts), other=other)

    assert ledger.statement("ann") == [
        line(0, "bonus", "ann", "", 100, 0, 100),
        line(2, "hold", "k1", "t1 m plus", -5, 5, 95),
        line(3, "capture", "k1", "t1 m plus", 1, -5, 96),
        line(4, "transfer", "x", "a present", -6, 0, 90, other="bob"),
    ]
    assert ledger.statement("bob") == [line(4, "transfer", "x", "a present", 6, 0, 6, other="ann")]
    assert [entry.kind for entry in ledger.statement("ann", since=3)] == ["capture", "transfer"]


def test_open_holds_are_listed(ledger: SqlLedger) -> None:
    ledger.topup("bob", 10)
    for name, key in (("ann", "k1"), ("bob", "k2"), ("ann", "k3")):
        ledger.hold(name, 1, key=key)
    ledger.release("k3")

    assert [hold.key for hold in ledger.holds()] == ["k1", "k2"]
    assert [hold.key for hold in ledger.holds("ann")] == ["k1"]
    assert [hold.key for hold in ledger.holds("ann", states=("open", "released"))] == ["k1", "k3"]
    assert ledger.find("k9") is None


# The proof


@pytest.mark.parametrize(
    ("tampering", "found"),
    [
        pytest.param(
            "UPDATE kie_accounts SET available = 1000000 WHERE name = 'ann'",
            [
                Finding("account ann", "1 credits are available, and its entries sum to 70"),
                Finding("account ann", "its last entry leaves 70 credits"),
            ],
            id="a-balance-was-changed",
        ),
        pytest.param(
            "UPDATE kie_entries SET micro = micro + 1 WHERE move_key = 'create/ann' AND leg = 0",
            [Finding("create/ann", "its entries sum to 0.000001, not to 0")],
            id="an-entry-was-changed",
        ),
        pytest.param(
            "DELETE FROM kie_entries WHERE move_key = 'create/ann'",
            [
                Finding("create/ann", "it has no entries"),
                Finding("account ann", "70 credits are available, and its entries sum to -30"),
                Finding("account ann", "it counts 3 entries, and there are 2"),
            ],
            id="entries-were-deleted",
        ),
        pytest.param(
            "DELETE FROM kie_movements WHERE kind = 'bonus'",
            [Finding("create/ann", "there are entries of it, and no such movement")],
            id="a-movement-was-deleted",
        ),
        pytest.param(
            "UPDATE kie_holds SET state = 'released'",
            [
                Finding("hold k1", "its movements do not fit its state"),
                Finding("account ann", "30 credits are held, and its open holds sum to 0"),
            ],
            id="a-hold-was-ended-by-hand",
        ),
        pytest.param(
            "DELETE FROM kie_holds",
            [
                Finding("hold/k1", "there is no such hold"),
                Finding("account ann", "30 credits are held, and its open holds sum to 0"),
            ],
            id="a-hold-was-deleted",
        ),
        pytest.param(
            "UPDATE kie_entries SET balance = -1 WHERE move_key = 'hold/k1' AND part = 'available'",
            [
                Finding("hold/k1", "this hold took its account below 0"),
                Finding("account ann", "its last entry leaves -0.000001 credits"),
            ],
            id="below-zero",
        ),
    ],
)
def test_what_does_not_add_up_is_found(ledger: SqlLedger, tmp_path: Path, tampering: str, found: List[Finding]) -> None:
    ledger.hold("ann", 30, key="k1")
    assert ledger.check() == []
    ledger.close()
    connection = sqlite3.connect(tmp_path / "ledger.sqlite")
    with connection:
        connection.execute(tampering)
    connection.close()

    assert ledger.check() == found


# Plans


def test_the_opening_bonus_is_the_catalogs() -> None:
    bonus = opening_bonus(shipped())

    assert bonus is not None and (bonus.name, bonus.credits) == ("new-user", Decimal(100))


def test_plans_are_those_that_customers_buy() -> None:
    assert plan_for(shipped(), "standard").credits == 5000


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("standrad", "ledger: standrad is no plan of the catalog, did you mean"),
        ("kie-pro", "ledger: kie-pro is what the platform sells to you"),
    ],
)
def test_another_plan_is_refused(name: str, said: str) -> None:
    with pytest.raises(KieInputError) as caught:
        plan_for(shipped(), name)

    assert str(caught.value).startswith(said.split(",")[0])
    assert "new-user, trial, basic, standard, pro" in str(caught.value)
