"""What a crash left open, or nobody knew: a kill at each place, another process, and the journal's word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict

import pytest
from conftest import ROOT
from wire import CHAT, CREATED, IMAGE, Script, client, shipped, success

from kie_sync import KieAdapter, KieClient
from kie_sync.errors import KieOutcomeUnknownError
from kie_sync.journal import SqliteJournal
from kie_sync.ledger import SqlLedger, open_ledger, settle_holds
from kie_sync.recovery import resume
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

ANSWER = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}


@pytest.fixture
def ledger(tmp_path: Path) -> SqlLedger:
    found = open_ledger(tmp_path / "ledger.sqlite")
    found.create("ann", bonus=100)
    return found


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.sqlite")


def has(ledger: SqlLedger) -> tuple[Decimal, Decimal]:
    balance = ledger.balance("ann")
    assert ledger.check() == []
    return balance.available, balance.held


def settle(ledger: SqlLedger, journal: SqliteJournal) -> Dict[str, Any]:
    """Settle; what came of the one hold."""
    [settled] = settle_holds(ledger, journal, shipped())
    return {"state": settled.state, "used": settled.used, "why": settled.why}


def unknown(ledger: SqlLedger, journal: SqliteJournal, **given: Any) -> str:
    """A call of unknown outcome; its id."""
    buyer = client(Script(Lost("gone")), ledger=ledger, account="ann", journal=journal)
    with pytest.raises(KieOutcomeUnknownError):
        KieAdapter(buyer, IMAGE).submit("a cat", **given)
    return journal.records()[0].id


def test_what_is_not_known_stays_held(ledger: SqlLedger, journal: SqliteJournal) -> None:
    unknown(ledger, journal)

    assert settle(ledger, journal) == {"state": "open", "used": None, "why": "it is not known whether it was paid"}
    assert has(ledger) == (95, 5)


def test_settled_as_not_charged_it_is_released(ledger: SqlLedger, journal: SqliteJournal) -> None:
    journal.settle(unknown(ledger, journal), charged=False)

    assert settle(ledger, journal) == {"state": "released", "used": None, "why": ""}
    assert has(ledger) == (100, 0)


def test_settled_as_charged_it_is_captured_at_its_price(ledger: SqlLedger, journal: SqliteJournal) -> None:
    journal.settle(unknown(ledger, journal, hold=50), charged=True)

    assert settle(ledger, journal) == {"state": "captured", "used": Decimal(5), "why": ""}
    assert has(ledger) == (95, 0)


def test_settled_with_its_task_the_end_of_the_task_counts(
    ledger: SqlLedger, journal: SqliteJournal, clock: Any
) -> None:
    journal.settle(unknown(ledger, journal), charged=True, task_id="t1")

    later = client(Script(success(creditsConsumed=6.0)), clock, ledger=ledger, journal=journal)
    list(resume(later, journal))

    assert (has(ledger), settle_holds(ledger, journal, shipped())) == ((93, 0), [])


def test_a_task_that_shows_up_is_adopted_and_charged(ledger: SqlLedger, journal: SqliteJournal, clock: Any) -> None:
    """The journal finds by its input which call made it."""
    unknown(ledger, journal)
    made = int(journal.records()[0].created_at * 1000)
    model = shipped()[IMAGE].slug
    shown = success(model=model, createTime=made, param=f'{{"model": "{model}", "input": {{"prompt": "a cat"}}}}')

    client(Script(shown), clock, ledger=ledger, journal=journal).query_task("t1")

    assert (journal.records()[0].state, has(ledger)) == ("success", (95, 0))


def test_an_end_that_only_the_journal_heard_of_is_booked(ledger: SqlLedger, journal: SqliteJournal, clock: Any) -> None:
    """As after a kill between the two."""
    KieAdapter(client(Script(CREATED), ledger=ledger, account="ann", journal=journal), IMAGE).submit("a cat")
    list(resume(client(Script(success(creditsConsumed=6.0)), clock, journal=journal), journal))
    assert has(ledger) == (95, 5)

    assert settle(ledger, journal) == {"state": "captured", "used": Decimal(7), "why": ""}
    assert has(ledger) == (93, 0)


def test_a_chat_is_not_settled_without_its_tokens(ledger: SqlLedger, journal: SqliteJournal) -> None:
    """Its answer told nothing of tokens, so that its price is not known."""
    adapter = KieAdapter(client(Script(ANSWER), ledger=ledger, account="ann", journal=journal), CHAT)

    adapter.chat("2+2?", max_tokens=100)

    assert ledger.balance("ann").held > 0
    assert settle(ledger, journal) == {
        "state": "open",
        "used": None,
        "why": "the journal does not keep how many tokens a chat took",
    }


def test_a_hold_of_another_journal_is_left_alone(ledger: SqlLedger, journal: SqliteJournal) -> None:
    ledger.hold("ann", 5, key="k" * 32)

    assert settle(ledger, journal) == {
        "state": "open",
        "used": None,
        "why": "the journal does not know this call: it was not sent, or is in another journal",
    }


def test_a_hold_whose_key_begins_like_a_calls_id_is_not_that_call(ledger: SqlLedger, journal: SqliteJournal) -> None:
    """A number of somebody's order, which is the beginning of an id by chance."""
    call = unknown(ledger, journal)
    journal.settle(call, charged=True)
    ledger.hold("ann", 7, key=call[:6])

    ended = {settled.hold.key: settled.state for settled in settle_holds(ledger, journal, shipped())}

    assert ended == {call: "captured", call[:6]: "open"}
    assert has(ledger) == (88, 7)


def test_two_who_settle_book_once(ledger: SqlLedger, journal: SqliteJournal) -> None:
    journal.settle(unknown(ledger, journal), charged=True)
    [first] = settle_holds(ledger, journal, shipped())

    assert (first.state, settle_holds(ledger, journal, shipped())) == ("captured", [])
    assert has(ledger) == (95, 0)


# Killed

_BUYER = """
import os, signal, sys
from kie_sync import KieAdapter, KieClient
from kie_sync.events import TaskCreated, TaskFinished, TaskSubmitting
from kie_sync.ledger import open_ledger

def kill(event):
    if type(event).__name__ == place:
        os.kill(os.getpid(), signal.SIGKILL)

place, ledger, journal, model = sys.argv[1:]
found = open_ledger(ledger)
if place.startswith("before "):
    place, name = "", place.partition(" ")[2]
    setattr(found, name, lambda *words, **more: os.kill(os.getpid(), signal.SIGKILL))
with KieClient(ledger=found, account="ann", journal=journal, on_event=kill) as client:
    KieAdapter(client, model).generate("a cat")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize(
    ("place", "after"),
    [
        pytest.param("before hold", (100, 0), id="before-the-hold"),
        pytest.param("TaskCreated", (95, 0), id="when-the-task-has-its-id"),
        pytest.param("before capture", (95, 0), id="between-journal-and-ledger"),
        pytest.param("TaskFinished", (95, 0), id="when-it-is-booked"),
    ],
)
def test_whoever_is_killed_loses_no_credits(
    ledger: SqlLedger, journal: SqliteJournal, sandbox: Sandbox, place: str, after: Any
) -> None:
    """What the dead process held is ended by `resume` and `settle_holds`, once."""
    environment = {**os.environ, **sandbox.environment(), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", _BUYER, place, ledger.name, str(journal.path), IMAGE]

    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == -signal.SIGKILL, ended.stderr
    for _ in range(2):
        with KieClient(sandbox.key, sandbox.url, catalog=shipped(), ledger=ledger, journal=journal) as later:
            list(resume(later, journal))
        settle_holds(ledger, journal, shipped())
    assert has(ledger) == after
    assert ledger.holds() == []
