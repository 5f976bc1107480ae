"""The ledger: what may be held, what becomes of it, what happens twice, and the proof that the sums are right."""

from __future__ import annotations

import shutil
import threading
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Callable, List

import pytest
from wire import IMAGE, shipped

from kie_sync.errors import KieAccountError, KieConfigError, KieInputError, KieLedgerError
from kie_sync.holds import Balance, FindingLedger, Hold, Ledger, Purpose, booked, read_purpose
from kie_sync.ledger import SqlLedger, open_ledger
from kie_sync.ledger.charges import charge
from kie_sync.pricing import CostEstimate

NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def at_first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which Ann has 100 credits, and Bob none."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    made = open_ledger(path, now=lambda: NOW)
    made.create("ann", bonus=100)
    made.create("bob")
    made.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path, at_first: Path) -> SqlLedger:
    """A copy of it, for one test."""
    return open_ledger(shutil.copy(at_first, tmp_path), now=lambda: NOW)


def balance(name: str, available: Any, held: Any = 0) -> Balance:
    return Balance(name, Decimal(available), Decimal(held))


def test_it_fulfils_the_protocol(ledger: SqlLedger) -> None:
    assert isinstance(ledger, Ledger) and isinstance(ledger, FindingLedger)
    assert not isinstance(object(), Ledger)


# A hold and its end


def test_a_hold_sets_aside(ledger: SqlLedger) -> None:
    made = ledger.hold("ann", "30.5", key="k1", ref="- a/model plus")

    assert made == Hold("ann", Decimal("30.5"), "k1", "- a/model plus", "open", None, NOW)
    assert ledger.balance("ann") == balance("ann", "69.5", "30.5")
    assert ledger.balance("ann").total == 100


@pytest.mark.parametrize(
    ("used", "left"),
    [
        pytest.param("30", balance("ann", 70), id="all-of-it"),
        pytest.param("12.000001", balance("ann", "87.999999"), id="a-part"),
        pytest.param("0", balance("ann", 100), id="nothing"),
        pytest.param("100", balance("ann", 0), id="more-than-was-held"),
        pytest.param("130", balance("ann", -30), id="more-than-there-was"),
    ],
)
def test_a_capture_books_what_was_used(ledger: SqlLedger, used: str, left: Balance) -> None:
    ledger.hold("ann", 30, key="k1")

    ledger.capture("k1", used)

    assert ledger.balance("ann") == left
    assert ledger.balance("ann").is_overdrawn == (left.available < 0)
    assert ledger.find("k1") == Hold("ann", Decimal(30), "k1", "", "captured", Decimal(used), NOW)
    assert ledger.check() == []


def test_a_release_gives_all_of_it_back(ledger: SqlLedger) -> None:
    ledger.hold("ann", 30, key="k1")

    ledger.release("k1")

    assert ledger.balance("ann") == balance("ann", 100)
    assert ledger.find("k1") == Hold("ann", Decimal(30), "k1", "", "released", None, NOW)


def test_an_account_can_be_held_to_its_last_millionth_and_no_further(ledger: SqlLedger) -> None:
    ledger.hold("ann", "99.999999", key="k1")

    with pytest.raises(KieAccountError) as caught:
        ledger.hold("ann", "0.000002", key="k2")

    assert str(caught.value) == (
        'account "ann" has 0.000001 credits (99.999999 more are held for calls that have not ended), and 0.000002 are '
        "needed; top it up: `kie-sync account topup ann --plan PLAN` or `--credits N`"
    )
    error = caught.value
    assert (error.account, error.needed, error.available) == ("ann", Decimal("0.000002"), Decimal("0.000001"))
    assert ledger.hold("ann", "0.000001", key="k3").state == "open"
    assert ledger.balance("ann") == balance("ann", 0, 100)


def test_who_is_overdrawn_holds_nothing_until_topped_up(ledger: SqlLedger) -> None:
    ledger.hold("ann", 100, key="k1")
    ledger.capture("k1", 130)

    with pytest.raises(KieAccountError, match='account "ann" is overdrawn by 30 credits, and 0 are needed'):
        ledger.hold("ann", 0, key="k2")
    ledger.topup("ann", 31)

    assert ledger.hold("ann", 1, key="k2").state == "open"
    assert ledger.balance("ann") == balance("ann", 0, 1)


# Twice


def twice(work: Callable[[], Any]) -> Any:
    first = work()
    assert work() == first
    return first


def test_nothing_happens_twice(ledger: SqlLedger) -> None:
    twice(lambda: ledger.create("ann", bonus=100))
    twice(lambda: ledger.topup("ann", 50, key="payment 7"))
    twice(lambda: ledger.transfer("ann", "bob", 20, key="gift 1"))
    twice(lambda: ledger.hold("ann", 30, key="k1"))
    twice(lambda: ledger.hold("ann", 30, key="k2"))
    twice(lambda: ledger.capture("k1", 10))
    twice(lambda: ledger.release("k2"))

    assert ledger.accounts() == [balance("ann", 120), balance("bob", 20)]
    assert [line.kind for line in ledger.statement("ann")] == [
        "bonus",
        "topup",
        "transfer",
        "hold",
        "hold",
        "capture",
        "release",
    ]


def test_a_hold_again_notes_what_it_is_for_by_now(ledger: SqlLedger) -> None:
    ledger.hold("ann", 30, key="k1", ref="- a/model plus")

    ledger.hold("ann", 30, key="k1", ref="t1 a/model plus")

    assert ledger.find("t1") == ledger.find("k1") == Hold("ann", Decimal(30), "k1", "t1 a/model plus", at=NOW)
    assert ledger.balance("ann") == balance("ann", 70, 30)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        pytest.param(
            lambda it: it.hold("ann", 31, key="k1"), 'key "k1" holds 30 credits of "ann" already', id="amount"
        ),
        pytest.param(
            lambda it: it.hold("bob", 30, key="k1"), 'key "k1" holds 30 credits of "ann" already', id="account"
        ),
        pytest.param(lambda it: it.capture("k2", 6), 'key "k2" was captured already at 5 credits', id="captured-anew"),
        pytest.param(lambda it: it.release("k2"), 'key "k2" was captured already at 5 credits', id="release-captured"),
        pytest.param(lambda it: it.capture("k3", 1), 'key "k3" was released already', id="capture-released"),
        pytest.param(lambda it: it.capture("k9", 1), 'there is no hold of key "k9"', id="no-such-hold"),
        pytest.param(lambda it: it.release("k9"), 'there is no hold of key "k9"', id="release-of-nothing"),
        pytest.param(lambda it: it.topup("ann", 2, key="p"), 'key "p" was used for another topup', id="topup"),
        pytest.param(lambda it: it.topup("bob", 1, key="p"), 'key "p" was used for another topup', id="topup-of-other"),
        pytest.param(lambda it: it.transfer("ann", "ann", 1), "to must be another account", id="to-itself"),
        pytest.param(lambda it: it.topup("ann", 0), "credits must be more than 0 for a topup", id="topup-of-nothing"),
    ],
)
def test_the_same_key_with_other_facts_is_refused(ledger: SqlLedger, work: Any, said: str) -> None:
    for key in ("k1", "k2", "k3"):
        ledger.hold("ann", 30, key=key)
    ledger.capture("k2", 5)
    ledger.release("k3")
    ledger.topup("ann", 1, key="p")
    before = ledger.accounts()

    with pytest.raises(KieInputError) as caught:
        work(ledger)

    assert said in str(caught.value)
    assert (ledger.accounts(), ledger.check()) == (before, [])


def test_a_topup_without_a_key_is_one_of_its_own(ledger: SqlLedger) -> None:
    ledger.topup("bob", 1)
    ledger.topup("bob", 1)

    assert ledger.balance("bob") == balance("bob", 2)


# Transfers


def test_only_what_is_available_can_be_moved(ledger: SqlLedger) -> None:
    ledger.hold("ann", 60, key="k1")

    with pytest.raises(KieAccountError, match=r"has 40 credits .60 more are held.*, and 41 are needed"):
        ledger.transfer("ann", "bob", 41)

    assert ledger.transfer("ann", "bob", 40) == (balance("ann", 0, 60), balance("bob", 40))


@pytest.mark.parametrize(
    "work",
    [
        lambda it: it.hold("zoe", 1, key="k"),
        lambda it: it.topup("zoe", 1),
        lambda it: it.transfer("ann", "zoe", 1),
        lambda it: it.balance("zoe"),
        lambda it: it.statement("zoe"),
    ],
    ids=["hold", "topup", "transfer", "balance", "statement"],
)
def test_an_account_that_is_not_there_is_told(ledger: SqlLedger, work: Any) -> None:
    with pytest.raises(KieAccountError) as caught:
        work(ledger)

    assert str(caught.value) == 'there is no account "zoe"; `kie-sync account create zoe` opens it'


# What may be given


@pytest.mark.parametrize("credits", [True, None, "many", -1, "-0.000001", float("nan"), "Infinity", 10**9 + 1, []])
def test_an_amount_is_a_number_of_credits(ledger: SqlLedger, credits: Any) -> None:
    with pytest.raises(KieInputError, match=r"credits must be a number of credits from 0 to 1000000000, such as 12\.5"):
        ledger.hold("ann", credits, key="k")


@pytest.mark.parametrize("credits", ["0.0000001", "1.00000000000000000000000000000000000001", 1e-7])
def test_what_is_finer_than_a_millionth_is_refused_and_not_rounded(ledger: SqlLedger, credits: Any) -> None:
    with pytest.raises(KieInputError, match="six digits after the point, and has more"):
        ledger.hold("ann", credits, key="k")


@pytest.mark.parametrize("credits", ["0.1", 0.1, Decimal("0.100000000000"), "1e-1"])
def test_an_amount_is_kept_to_the_digit(ledger: SqlLedger, credits: Any) -> None:
    for number in range(10):
        ledger.hold("ann", credits, key=f"k{number}")

    assert ledger.balance("ann") == balance("ann", 99, 1)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (None, "account must be text; got None"),
        ("", "account must not be empty"),
        ("  ", "account must not be empty"),
        ("a" * 101, "account may have 100 characters; it has 101"),
        ("a\nb", "account must be plain text on one line"),
        (" ann", "account must be plain text on one line, without spaces around it"),
        ("system:bonus", "those are the ledger's own"),
    ],
)
def test_an_account_has_a_name(ledger: SqlLedger, name: Any, said: str) -> None:
    with pytest.raises(KieInputError) as caught:
        ledger.create(name)

    assert said in str(caught.value)


def test_names_are_told_apart_to_the_letter(ledger: SqlLedger) -> None:
    ledger.create("Ann", bonus=7)
    ledger.create("安娜", bonus=8)

    assert [each.account for each in ledger.accounts()] == ["Ann", "ann", "bob", "安娜"]
    assert ledger.balance("ann").available == 100


@pytest.mark.parametrize(
    ("purpose", "ref"),
    [
        (Purpose("t1", "a/model", "plus one"), "t1 a/model plus one"),
        (Purpose("", "a/model", "plus"), "- a/model plus"),
        (Purpose("t1", "a/model"), "t1 a/model"),
        (Purpose(), "-"),
    ],
)
def test_what_a_hold_is_for_is_written_and_read(purpose: Purpose, ref: str) -> None:
    assert (str(purpose), read_purpose(ref)) == (ref, purpose)


@pytest.mark.parametrize(
    ("price", "amount"), [("5", "5"), ("0.0000301", "0.000031"), ("100.000000", "100"), ("0", "0")]
)
def test_a_price_is_booked_rounded_up_to_a_millionth(price: str, amount: str) -> None:
    assert str(booked(Decimal(price))) == amount


def test_threads_do_not_take_what_another_holds(ledger: SqlLedger) -> None:
    """Forty want 5 of 100 credits: twenty get them."""
    got: List[bool] = []

    def work(number: int) -> None:
        try:
            ledger.hold("ann", 5, key=f"k{number}")
            got.append(True)
        except KieAccountError:
            got.append(False)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (got.count(True), got.count(False)) == (20, 20)
    assert (ledger.balance("ann"), ledger.check()) == (balance("ann", 0, 100), [])


# Where it is


def test_it_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_LEDGER", str(tmp_path / "named.sqlite"))

    assert open_ledger().name == str(tmp_path / "named.sqlite")
    assert open_ledger(f"sqlite:///{tmp_path}/url.sqlite").name == f"{tmp_path}/url.sqlite"
    assert repr(open_ledger("x.sqlite")) == "SqlLedger('x.sqlite')"


@pytest.mark.parametrize("value", ["", "off", " OFF "])
def test_a_place_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KIE_LEDGER", value)

    with pytest.raises(KieConfigError, match="KIE_LEDGER"):
        open_ledger()


def test_a_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, but text" * 100)

    with pytest.raises(KieLedgerError, match=r"the ledger .*ledger\.sqlite cannot be written: .*not a database"):
        open_ledger(path).create("ann")


def test_the_books_do_not_go_by_the_callers_rounding(ledger: SqlLedger) -> None:
    """A program may set how many digits its own sums have."""
    with localcontext() as context:
        context.prec = 4
        ledger.topup("ann", Decimal("12345.678901"))
        ledger.hold("ann", booked(Decimal("1234.5678901")), key="k")
        ledger.capture("k", Decimal("1234.567890"))
        found = ledger.balance("ann")

    assert found == balance("ann", "11211.111011")
    assert ledger.check() == []


def test_a_charge_does_not_go_by_the_callers_rounding() -> None:
    cost = CostEstimate("m", "cost_plus_one", Decimal("100.000015"), None, None, Decimal(100), None, None)

    with localcontext() as context:
        context.prec = 4
        charged = charge(shipped()[IMAGE], cost, Decimal("101.25"))

    assert charged == Decimal("101.250015")
