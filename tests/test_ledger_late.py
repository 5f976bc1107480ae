"""What cannot be booked when it happens: the ledger is away, the user is impatient, or two are told at once."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional

import pytest
from wire import CREATED, IMAGE, Script, answer, client, success

from kie_sync import KieAdapter
from kie_sync.errors import KieLedgerError
from kie_sync.holds import Balance, Hold
from kie_sync.ledger import SqlLedger, open_ledger

GONE = KieLedgerError("the connection broke")


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    """Ann has 100 credits; a picture costs 5."""
    found = open_ledger(tmp_path / "ledger.sqlite")
    found.create("ann", bonus=100)
    return found


class Weak:
    """A ledger of which a method fails, once for each fault that stands under its name.

    A fault under `after hold` comes when it is held already.
    """

    def __init__(self, ledger: SqlLedger, **faults: BaseException) -> None:
        self._ledger, self._faults = ledger, {name.replace("_", " "): fault for name, fault in faults.items()}

    def _fail(self, name: str) -> None:
        if name in self._faults:
            raise self._faults.pop(name)

    def hold(self, account: str, credits: Decimal, *, key: str, ref: str = "") -> Hold:
        held = self._ledger.hold(account, credits, key=key, ref=ref)
        self._fail("after hold")
        return held

    def capture(self, key: str, credits: Decimal) -> None:
        self._fail("capture")
        self._ledger.capture(key, credits)

    def release(self, key: str) -> None:
        self._fail("release")
        self._ledger.release(key)

    def balance(self, account: str) -> Balance:
        return self._ledger.balance(account)

    def find(self, name: str) -> Optional[Hold]:
        self._fail("find")
        return self._ledger.find(name)


def has(ledger: SqlLedger) -> tuple[str, str]:
    balance = ledger.balance("ann")
    assert ledger.check() == []
    return str(balance.available), str(balance.held)


def picture(ledger: Any, *answers: Any, clock: Any = None, account: Optional[str] = "ann") -> KieAdapter:
    return KieAdapter(client(Script(*answers), clock, ledger=ledger, account=account), IMAGE)


@pytest.mark.parametrize("fault", [GONE, KeyboardInterrupt()])
def test_a_hold_whose_answer_is_lost_is_given_back_when_the_ledger_is_there_again(
    ledger: SqlLedger, fault: BaseException
) -> None:
    """The release does not reach it at once."""
    adapter = picture(Weak(ledger, after_hold=fault, release=OSError("still gone")), CREATED)
    with pytest.raises(type(fault)):
        adapter.submit("a cat")
    assert has(ledger) == ("95", "5")

    adapter.client.close()

    assert has(ledger) == ("100", "0")


def test_an_interrupt_while_it_is_booked_loses_no_capture(ledger: SqlLedger, clock: Any) -> None:
    adapter = picture(Weak(ledger, capture=KeyboardInterrupt()), CREATED, success(), clock=clock)
    task = adapter.submit("a cat")
    with pytest.raises(KeyboardInterrupt):
        task.wait()
    assert has(ledger) == ("95", "5")

    adapter.client.close()

    assert has(ledger) == ("95", "0")
    assert ledger.holds() == []


@pytest.mark.parametrize("fault", [GONE, OSError("gone")])
def test_an_end_whose_hold_could_not_be_looked_for_is_booked_later(
    ledger: SqlLedger, clock: Any, caplog: pytest.LogCaptureFixture, fault: Exception
) -> None:
    picture(ledger, CREATED).submit("a cat")

    later = picture(Weak(ledger, find=fault), success(), clock=clock, account=None)
    assert later.task("t1").wait().urls
    assert has(ledger) == ("95", "5")
    assert "of task t1" in caplog.text and "it is tried again with the next call" in caplog.text

    later.client.close()
    assert has(ledger) == ("95", "0")
    assert ledger.holds() == []


def test_a_success_whose_hold_was_given_back_is_told(
    ledger: SqlLedger, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Released by hand, or because the task was once seen as failed: nobody pays, and somebody should know."""
    picture(ledger, CREATED).submit("a cat")
    [hold] = ledger.holds()
    ledger.release(hold.key)

    picture(ledger, success(), clock=clock, account=None).task("t1").wait()

    assert f"task t1 has succeeded, and hold {hold.key} of account ann was released before" in caplog.text
    assert has(ledger) == ("100", "0")


def test_an_end_that_is_told_while_the_creation_is_told_is_booked(ledger: SqlLedger, clock: Any) -> None:
    """The callback's thread finds no hold of the task; before it can say so, the answer to the create call is there."""
    is_looking, is_created = threading.Event(), threading.Event()

    class Slow(Weak):
        def find(self, name: str) -> Optional[Hold]:
            found = super().find(name)
            is_looking.set()
            assert is_created.wait(10)
            return found

    def create(request: Any) -> Any:
        callback.start()
        assert is_looking.wait(10)
        return answer(CREATED)

    adapter = picture(Slow(ledger), create, success(), clock=clock)
    callback = threading.Thread(target=lambda: adapter.client.query_task("t1"))

    adapter.submit("a cat")
    is_created.set()
    callback.join()

    assert has(ledger) == ("95", "0")
    assert ledger.holds() == []
