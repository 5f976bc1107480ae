"""`kie-sync account`, and the commands that spend an account's credits: whole outputs, and exit codes."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from pathlib import Path
from typing import Any, Dict, List

import pytest
from click.testing import Result
from test_cli import run, run_json
from wire import CHAT, IMAGE

from kie_sync import KieAdapter, KieClient
from kie_sync.errors import KieOutcomeUnknownError
from kie_sync.ledger import open_ledger
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Path:
    """A folder with a ledger and a journal of its own, and a sandbox to buy from."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("KIE_LEDGER", str(tmp_path / "ledger.sqlite"))
    monkeypatch.setenv("KIE_JOURNAL", str(tmp_path / "journal.sqlite"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def done(*words: str) -> str:
    """What a command that goes well prints."""
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: str) -> Result:
    result = run(*words)
    assert result.exit_code == 2, result.output
    return result


def one(name: str) -> Dict[str, Any]:
    [row] = run_json("account", "show", name)
    return {key: row[key] for key in ("available", "held", "state")}


# By hand


def test_an_account_begins_with_the_catalogs_bonus() -> None:
    assert done("account", "create", "ann") == "ann: 100 credits\n"
    assert done("account", "create", "ann") == "ann: 100 credits\n"
    assert done("account", "create", "bob", "--no-bonus") == "bob: 0 credits\n"
    assert done("account", "create", "eve", "--bonus", "12.5") == "eve: 12.5 credits\n"


def test_credits_are_added_by_plan_or_by_number() -> None:
    done("account", "create", "ann", "--no-bonus")

    assert done("account", "topup", "ann", "--plan", "trial", "--key", "payment 1") == "ann: 500 credits\n"
    assert done("account", "topup", "ann", "--plan", "trial", "--key", "payment 1") == "ann: 500 credits\n"
    assert done("account", "topup", "ann", "--credits", "0.5") == "ann: 500.5 credits\n"
    assert [line["ref"] for line in run_json("account", "statement", "ann")] == ["plan trial", ""]


def test_credits_are_moved() -> None:
    done("account", "create", "ann")
    done("account", "create", "bob", "--no-bonus")

    assert done("account", "transfer", "ann", "bob", "30", "--ref", "a present") == "ann: 70 credits\nbob: 30 credits\n"
    assert run_json("account", "transfer", "bob", "ann", "10")[0] == {
        "account": "bob",
        "available": "20",
        "held": "0",
        "total": "20",
        "state": "",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["topup", "ann"], "say what to add: --plan PLAN or --credits N"),
        (["topup", "ann", "--plan", "pro", "--credits", "1"], "say what to add: --plan PLAN or --credits N"),
        (["topup", "ann", "--plan", "kie-pro"], "kie-pro is what the platform sells to you"),
        (["topup", "ann", "--credits", "many"], "'many' is not a number of credits"),
        (["topup", "zoe", "--credits", "1"], 'there is no account "zoe"; `kie-sync account create zoe` opens it'),
        (["create", "ann", "--bonus", "1", "--no-bonus"], "--bonus and --no-bonus: choose one"),
        (["transfer", "ann", "bob", "101"], 'account "ann" has 100 credits, and 101 are needed'),
        (["show", "zoe"], 'there is no account "zoe"'),
        (["show", "--csv", "--json"], "--csv and --json: choose one"),
        (["settle", "--release"], "--release and --capture end one hold: name it"),
        (["settle", "abc", "--release", "--capture", "1"], "say what became of it: --release, or --capture N"),
        (["settle", "abc", "--release"], "no open hold of abc; `kie-sync account holds` lists what there is"),
        (["show", "--ledger", "off"], "the ledger is switched off"),
        (["show", "--ledger", " "], 'name a file or a URL, or say "off"'),
    ],
)
def test_what_cannot_be_done_is_told(words: List[str], said: str) -> None:
    done("account", "create", "ann")
    done("account", "create", "bob")

    assert said in refused("account", *words).stderr


def test_a_number_of_credits_is_positive() -> None:
    done("account", "create", "ann")

    assert "credits must be more than 0 for a topup" in refused("account", "topup", "ann", "--credits", "0").stderr


# What is shown


def test_accounts_are_shown_as_a_table_as_csv_and_as_json(here: Path) -> None:
    ledger = open_ledger(here / "ledger.sqlite")
    ledger.create("ann", bonus=100)
    ledger.create("bob", bonus=5)
    ledger.hold("ann", 30, key="k1")
    ledger.hold("bob", 5, key="k2")
    ledger.capture("k2", 7)

    assert done("account", "show") == (
        "account  available  held  total  state\n"
        "ann             70    30    100\n"
        "bob             -2     0     -2  overdrawn\n"
    )
    assert done("account", "show", "--csv") == (
        "account,available,held,total,state\nann,70,30,100,\nbob,-2,0,-2,overdrawn\n"
    )
    assert run_json("account", "show", "bob") == [
        {"account": "bob", "available": "-2", "held": "0", "total": "-2", "state": "overdrawn"}
    ]


def test_without_accounts_it_says_so(here: Path) -> None:
    result = run("account", "show")

    assert result.stderr == f"no accounts in {here / 'ledger.sqlite'}; `kie-sync account create NAME` opens one\n"


def test_a_statement_is_a_table_csv_and_json(here: Path) -> None:
    times = iter((0.0, 86400.0, 172800.0))
    ledger = open_ledger(here / "ledger.sqlite", now=lambda: next(times))
    ledger.create("ann", bonus=100)
    ledger.hold("ann", 5, key="k1", ref="- a/model plus")
    ledger.capture("k1", 4)

    assert done("account", "statement", "ann") == (
        "at                    kind     available  held  balance  ref             other  key\n"
        "1970-01-01T00:00:00Z  bonus          100     0      100                         ann\n"
        "1970-01-02T00:00:00Z  hold            -5     5       95  - a/model plus         k1\n"
        "1970-01-03T00:00:00Z  capture          1    -5       96  - a/model plus         k1\n"
    )
    rows = list(csv.DictReader(io.StringIO(done("account", "statement", "ann", "--csv", "--since", "1970-01-03"))))
    assert rows == run_json("account", "statement", "ann", "--since", "1970-01-03")
    assert [row["kind"] for row in rows] == ["capture"]


def test_the_proof(here: Path) -> None:
    done("account", "create", "ann")

    assert run("account", "check").stderr == f"1 account in {here / 'ledger.sqlite'}: all sums are right\n"
    assert run_json("account", "check", "--ledger", "ledger.sqlite") == []


def test_books_that_do_not_add_up_end_with_4(here: Path) -> None:
    done("account", "create", "ann")
    connection = sqlite3.connect(here / "ledger.sqlite")
    with connection:
        connection.execute("UPDATE kie_accounts SET held = 1000000")
    connection.close()

    result = run("account", "check")

    assert (result.exit_code, result.stdout) == (
        4,
        "account ann: 1 credits are held, and its entries sum to 0\n"
        "account ann: 1 credits are held, and its open holds sum to 0\n",
    )


# Calls that an account pays


def test_a_picture_is_paid_by_the_account(here: Path) -> None:
    done("account", "create", "ann")

    done("generate", IMAGE, "a cat", "--account", "ann", "-o", "cat.png")

    assert one("ann") == {"available": "95", "held": "0", "state": ""}
    assert (here / "cat.png").exists()


def test_without_an_account_nobodys_credits_are_touched() -> None:
    done("account", "create", "ann")

    done("generate", IMAGE, "a cat")

    assert one("ann")["available"] == "100"


def test_an_account_that_cannot_pay_is_refused_with_2() -> None:
    done("account", "create", "bob", "--bonus", "4")

    result = run("generate", IMAGE, "a cat", "--account", "bob", "--json")

    error = json.loads(result.stderr.splitlines()[-1])["error"]
    assert (result.exit_code, error["type"]) == (2, "KieAccountError")
    assert {name: error[name] for name in ("account", "needed", "available")} == {
        "account": "bob",
        "needed": "5",
        "available": "4",
    }
    assert run_json("history") == []


def test_a_chat_is_paid_by_the_account() -> None:
    done("account", "create", "ann")

    asked = refused("chat", "gemini-2.5-flash", "2+2?", "--account", "ann")
    assert "hold=N (--hold N) says how many credits to hold" in asked.stderr
    done("chat", CHAT, "2+2?", "--account", "ann", "--hold", "3")
    done("chat", CHAT, "2+2?", "--account", "ann", "--max-tokens", "50")

    found = one("ann")
    assert found["held"] == "0" and 99 < float(found["available"]) < 100


def test_another_command_ends_the_hold() -> None:
    done("account", "create", "ann")
    with KieClient(journal=True, ledger=True, account="ann") as client:
        task = KieAdapter(client, IMAGE).submit("a cat")
    held = done("account", "holds")
    assert re.search(rf"ann +5 +{task.task_id} +{IMAGE} +[0-9a-f]{{32}}\n$", held)

    done("task", task.task_id, "--wait")

    assert one("ann") == {"available": "95", "held": "0", "state": ""}
    assert run("account", "holds").stderr == "nothing is held\n"


def test_settle_ends_the_hold_of_an_unknown_call() -> None:
    """The journal is told, and the account with it."""
    done("account", "create", "ann")
    client = KieClient(journal=True, ledger=True, account="ann", transport=_lose)
    with client, pytest.raises(KieOutcomeUnknownError):
        KieAdapter(client, IMAGE).submit("a cat")
    [hold] = run_json("account", "holds", "ann")
    assert one("ann") == {"available": "95", "held": "5", "state": ""}

    result = run("settle", hold["key"][:12], "--not-charged")

    assert result.stderr == f"account ann: hold {hold['key'][:12]} released\n"
    assert one("ann") == {"available": "100", "held": "0", "state": ""}


def test_a_ledger_that_cannot_be_read_costs_no_command_its_result(here: Path) -> None:
    (here / "ledger.sqlite").write_bytes(b"not a database, but text" * 100)

    result = run("resume", "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (0, {"tasks": [], "unknown": []})
    assert "`kie-sync account settle` ends the holds later" in json.loads(result.stderr)["warning"]


def _lose(request: Any, **about: Any) -> Any:
    raise Lost("gone")


def test_holds_are_settled_by_hand_and_by_the_journal(here: Path) -> None:
    ledger = open_ledger(here / "ledger.sqlite")
    ledger.create("ann", bonus=100)
    for number in range(3):
        ledger.hold("ann", 10, key=f"{number}" * 32, ref=f"t{number} a/model plus")

    rows = run_json("account", "settle")
    assert [(row["state"], row["why"]) for row in rows] == [
        ("open", "the journal does not know this call: it was not sent, or is in another journal")
    ] * 3
    assert done("account", "settle", "000000", "--release") == (
        "account  credits  state     used  key\n" + f"ann      10       released        {'0' * 32}\n"
    )
    assert run_json("account", "settle", "t1", "--capture", "12.5")[0]["used"] == "12.5"
    assert [row["key"][0] for row in run_json("account", "holds")] == ["2"]
    assert one("ann") == {"available": "77.5", "held": "10", "state": ""}
