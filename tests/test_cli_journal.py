"""The commands of the journal, against a sandbox: what is on record, and what is done with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest
from test_cli_sandbox import IMAGE, QUICK, error_of, run

from kie_sync import load_catalog, tasks
from kie_sync.cli.run import Run
from kie_sync.journal import SqliteJournal
from kie_sync.limiter import Limiter
from kie_sync.sandbox import Sandbox


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> SqliteJournal:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "journal.sqlite"
    for name, value in {**sandbox.environment(), "KIE_JOURNAL": str(path)}.items():
        monkeypatch.setenv(name, value)
    return SqliteJournal(path)


def shown(*args: str) -> Any:
    return json.loads(run(*args, "--json").stdout)


def test_a_paid_call_is_on_record_by_itself(journal: SqliteJournal) -> None:
    run("generate", IMAGE, "a cat", *QUICK)

    (record,) = shown("history")
    assert (record["state"], record["model"], record["credits_consumed"], record["key"]) == (
        "success",
        IMAGE,
        "4.0",
        None,
    )
    assert record["id"] == journal.records()[0].id


def test_the_same_key_is_paid_once(sandbox: Sandbox) -> None:
    before = len(sandbox.tasks)

    first = run("generate", IMAGE, "a cat", "--key", "row-1", *QUICK)
    second = run("generate", IMAGE, "a cat", "--key", "row-1", *QUICK)

    assert (first.exit_code, second.exit_code, second.stdout) == (0, 0, first.stdout)
    assert "was bought before under this key; nothing is paid again" in second.stderr
    assert "bought before" not in first.stderr
    assert len(sandbox.tasks) == before + 1


def test_a_key_with_other_arguments_is_bad_input() -> None:
    run("generate", IMAGE, "a cat", "--key", "row-1", *QUICK)

    result = run("generate", IMAGE, "a dog", "--key", "row-1", "--json")

    assert result.exit_code == 2 and 'prompt: "a cat" then, "a dog" now' in error_of(result)["message"]


def test_a_failed_key_is_bought_anew_when_asked_for() -> None:
    prompt = "a cat [[fault:fail=no luck*1]]"
    codes = [
        run("generate", IMAGE, prompt, "--key", "row-1", *more, *QUICK).exit_code
        for more in ([], [], ["--retry-failed"])
    ]

    assert codes == [4, 4, 0]


def test_history_as_a_table() -> None:
    run("generate", IMAGE, "a cat", "--key", "row-1", *QUICK)
    run("generate", IMAGE, "b [[fault:fail=no luck]]", *QUICK)

    lines = run("history").stdout.splitlines()

    assert [line.split()[3:5] for line in lines[1:]] == [["success", IMAGE], ["failed", IMAGE]]
    assert lines[0].split()[:3] == ["id", "when", "(UTC)"] and "no luck" in lines[2]
    assert [entry["state"] for entry in shown("history", "--state", "failed")] == ["failed"]
    assert len(shown("history", "--limit", "1")) == 1


def test_an_empty_history_says_where_it_looked(journal: SqliteJournal) -> None:
    result = run("history")

    assert result.exit_code == 0 and str(journal.path) in result.stderr


def test_an_unknown_outcome_is_listed_and_settled() -> None:
    bought = run("generate", IMAGE, "a [[fault:accept-then-drop]]", "--key", "row-1", "--json")
    call_id = error_of(bought)["call_id"]

    again = run("generate", IMAGE, "a [[fault:accept-then-drop]]", "--key", "row-1")
    resumed = run("resume")
    reconciled = shown("reconcile")
    settled = run("settle", call_id[:12], "--charged")

    assert (bought.exit_code, again.exit_code, resumed.exit_code) == (5, 5, 5)
    assert f"kie-sync settle {call_id}" in again.stderr
    assert f"kie-sync settle {call_id[:12]} --charged" in resumed.stderr
    assert (reconciled["verdict"], reconciled["unexplained"]) == ("unknown were charged", "4")
    assert settled.stdout == f"call {call_id[:12]}: charged\n"
    assert settled.stderr.startswith("the key row-1 is free: the same call under it is bought anew")
    assert shown("history")[0]["state"] == "charged"


def test_a_settled_task_is_gone_on_with(sandbox: Sandbox) -> None:
    run("generate", IMAGE, "a [[fault:accept-then-drop]]")
    call_id = shown("history")[0]["id"]

    run("settle", call_id, "--charged", "--task", sandbox.tasks[-1].id)
    run("resume", *QUICK)

    assert shown("history")[0]["state"] == "success"


def test_a_task_that_nobody_knows_settles_nothing() -> None:
    run("generate", IMAGE, "a [[fault:accept-then-drop]]")

    result = run("settle", shown("history")[0]["id"], "--charged", "--task", "typo")

    assert result.exit_code == 3 and shown("history")[0]["state"] == "unknown"


@pytest.mark.parametrize("flags", [[], ["--charged", "--not-charged"], ["--not-charged", "--task", "t"]])
def test_settling_needs_an_answer(flags: Any) -> None:
    assert run("settle", "nosuch", *flags).exit_code == 2


def test_after_a_deadline_resume_and_collect_finish_it(tmp_path: Path) -> None:
    timed_out = run("generate", IMAGE, "a [[fault:null-first=500]]", "--max-wait", "0.01", *QUICK)
    history = shown("history")[0]["state"]
    resumed = run("resume", *QUICK)
    collected = run("collect", "-o", "out/")

    assert (timed_out.exit_code, history, resumed.exit_code, collected.exit_code) == (6, "running", 0, 0)
    assert "1 result not on disk" in resumed.stderr and "not on disk" not in run("resume").stderr
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".png"]
    assert "everything that is done is on disk" in run("collect").stderr


def test_what_is_done_is_on_disk_before_the_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("generate", IMAGE, "a", "--journal", "journal.sqlite", *QUICK)
    run("generate", IMAGE, "b [[fault:null-first=100000]]", "--max-wait", "0.01", *QUICK)
    there: List[int] = []
    wait_for = tasks.wait_for

    def waiting(*args: Any, **more: Any) -> Any:
        there.append(len(list((tmp_path / "out").glob("*.png"))))
        return wait_for(*args, **more)

    monkeypatch.setattr(tasks, "wait_for", waiting)
    resumed = run("resume", "-o", "out", "--max-wait", "0.05", *QUICK)

    assert (resumed.exit_code, there) == (6, [1])
    assert resumed.stdout.count(".png") == 1


def test_calls_of_another_key_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    run("generate", IMAGE, "a", *QUICK)
    monkeypatch.setenv("KIE_API_KEY", "sk-another-0123456789")

    for command in ("resume", "collect"):
        assert "1 call of other API keys left alone" in run(command).stderr


def test_what_still_runs_is_an_exit_code() -> None:
    run("generate", IMAGE, "a [[fault:null-first=100000]]", "--max-wait", "0.01", *QUICK)

    assert run("resume", "--max-wait", "0.05", *QUICK).exit_code == 6


def test_nothing_to_resume() -> None:
    result = run("resume", "--json")

    assert (result.exit_code, json.loads(result.stdout)) == (0, {"tasks": [], "unknown": []})


def test_the_journal_can_be_switched_off(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    run("generate", IMAGE, "a", "--journal", "off", *QUICK)
    monkeypatch.setenv("KIE_JOURNAL", "off")
    run("generate", IMAGE, "a", *QUICK)

    assert not journal.path.exists() and run("history").exit_code == 2


def test_a_journal_of_ones_own(tmp_path: Path, journal: SqliteJournal) -> None:
    run("generate", IMAGE, "a", "--journal", "mine.sqlite", *QUICK)

    assert len(SqliteJournal(tmp_path / "mine.sqlite").records()) == 1 and not journal.path.exists()


def test_a_journal_that_cannot_be_written_stops_the_purchase(tmp_path: Path, sandbox: Sandbox) -> None:
    before = len(sandbox.tasks)

    result = run("generate", IMAGE, "a", "--journal", str(tmp_path), *QUICK)

    assert result.exit_code == 2 and "cannot be" in result.stderr and len(sandbox.tasks) == before


def test_commands_keep_the_rate_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: SqliteJournal
) -> None:
    """Each is a process of its own: together they would draw 429s. A sandbox is not slowed."""
    catalog = load_catalog()
    played = Run().open_client(catalog=catalog).connection

    monkeypatch.delenv("KIE_BASE_URL")
    real = Run().open_client(catalog=catalog).connection
    monkeypatch.setenv("KIE_LIMITER", str(tmp_path / "own"))
    own = Run().open_client(catalog=catalog).connection

    assert [_limiter_of(connection) for connection in (played, real, own)] == [
        "",
        str(journal.path.with_name("limiter.sqlite")),
        str(tmp_path / "own"),
    ]


def _limiter_of(connection: Any) -> str:
    (found,) = [listener for listener in connection.listeners._asked if isinstance(listener, Limiter)]
    return found._path
