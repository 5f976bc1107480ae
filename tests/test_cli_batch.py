"""`kie-sync batch`: the plan, the questions, the rows, and how it ends; against a sandbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from click.testing import Result
from conftest import ROOT
from test_cli_sandbox import IMAGE, QUICK, error_of, run

from kie_sync.batch import Progress
from kie_sync.cli.batch.shown import duration
from kie_sync.cli.batch.view import sentence
from kie_sync.journal import SqliteJournal
from kie_sync.sandbox import Sandbox


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def books(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A sandbox of the test's own, and an environment that leads to it."""
    with Sandbox(speed=1000) as running:
        for name, value in {**running.environment(), "KIE_JOURNAL": os.path.abspath("journal.sqlite")}.items():
            monkeypatch.setenv(name, value)
        yield running


def write(rows: List[str], name: str = "jobs.csv") -> str:
    Path(name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return name


def batch(*words: str, stdin: str = "") -> Result:
    return run("batch", *words, "--model", IMAGE, *QUICK, stdin=stdin)


def fifty() -> str:
    """Fifty rows, five of them wrong."""
    rows = ["prompt,aspect_ratio", *(f"picture {number},1:1" for number in range(45))]
    for line in (4, 11, 20):
        rows.insert(line - 1, "a cat,7:77")
    for line in (33, 50):
        rows.insert(line - 1, ",1:1")
    return write(rows)


def test_five_bad_rows_of_fifty_are_named_and_nothing_is_sent(books: Sandbox) -> None:
    result = batch(fifty(), "--yes")

    assert (result.exit_code, result.stdout, books.requests) == (2, "", ())
    lines = result.stderr.splitlines()
    assert lines[0] == "error: batch jobs: 5 things to put right:"
    assert [line.split(":")[0] for line in lines[1:6]] == [f"  - line {line}" for line in (4, 11, 20, 33, 50)]
    assert "aspect_ratio must be one of" in lines[1] and lines[4] == "  - line 33: prompt is required"
    assert lines[-1] == "nothing was sent; --skip-bad makes the other 45"


def test_the_other_forty_five_are_made_when_asked(books: Sandbox) -> None:
    result = batch(fifty(), "--yes", "--skip-bad", "-o", "out")

    assert result.exit_code == 0
    assert len(books.tasks) == len(result.stdout.splitlines()) == len(list(Path("out").glob("*.png"))) == 45
    assert "5 rows left out as bad: line 4, line 11, line 20, line 33, line 50" in result.stderr
    assert "batch jobs: 45 done, 5 bad; the platform took 180 credits" in result.stderr
    assert f"results: {Path('out/results.csv')}, {Path('out/index.html')}" in result.stderr


def test_nothing_is_bought_where_nobody_is_asked(books: Sandbox) -> None:
    result = batch(write(["prompt", "a cat"]))

    assert (result.exit_code, books.tasks) == (2, ())
    assert "batch jobs: 1 row to buy for 4 credits" in result.stderr
    assert "nothing was sent: there is nobody to ask; say --yes to buy these rows" in result.stderr


@pytest.mark.parametrize(("answer", "code", "bought"), [("y\n", 0, 1), ("n\n", 130, 0)])
def test_somebody_at_a_terminal_is_asked(
    books: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, bought: int
) -> None:
    monkeypatch.setattr("click.testing._NamedTextIOWrapper.isatty", lambda self: True, raising=False)

    result = batch(write(["prompt", "a cat"]), stdin=answer)

    assert (result.exit_code, len(books.tasks)) == (code, bought)
    assert "Buy them? [y/N]" in result.stderr


def test_a_dry_run_sends_nothing_and_needs_no_key(books: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KIE_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name)
    rows = write(["prompt,@model", "a,nano-banana-pro", "b,", "c,"])

    result = batch(rows, "--dry-run", "--max-credits", "20")

    assert (result.exit_code, books.requests) == (0, ())
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["model", "rows", "credits", "at", "most", "unknown", "price"],
        ["nano-banana-pro", "1", "24", "24"],
        [IMAGE, "2", "8", "8"],
    ]
    assert "batch jobs: 3 rows to buy for 32 credits" in result.stderr


def test_a_dry_run_by_a_journal_that_cannot_be_read(books: Sandbox, here: Path) -> None:
    """Not as if nothing were on record."""
    (here / "journal.sqlite").write_bytes(b"no database" * 100)

    result = batch(write(["prompt", "a"]), "--dry-run")

    assert result.exit_code == 2 and "cannot be read" in result.stderr


def test_a_dry_run_as_json(books: Sandbox) -> None:
    found = json.loads(batch(fifty(), "--dry-run", "--skip-bad", "--json").stdout)

    assert (found["batch"], found["rows"], found["to_buy"], found["seconds"]) == ("jobs", 45, 45, 20.0)
    assert found["models"] == [{"model": IMAGE, "rows": 45, "credits": "180", "most": "180", "unpriced": 0}]
    assert [bad["line"] for bad in found["bad"]] == [4, 11, 20, 33, 50]


def test_the_same_command_again_buys_what_is_missing(books: Sandbox) -> None:
    first = batch(write(["prompt", "a", "b"]), "-o", "out", "--yes")
    second = batch(write(["prompt", "a", "b", "c"]), "-o", "out", "--yes")
    third = batch(write(["prompt", "a", "b", "c"]), "-o", "out")

    assert [result.exit_code for result in (first, second, third)] == [0, 0, 0], "nothing to buy, nobody to ask"
    assert len(books.tasks) == 3
    assert "on record: 2 done" in second.stderr and "1 row to buy for 4 credits; 2 s" in second.stderr
    assert "batch jobs: nothing is left to buy" in third.stderr


def test_a_key_that_came_later_is_told_before_all_is_bought_again(books: Sandbox) -> None:
    table = write(["sku,prompt", "1,a cat", "2,a dog"])
    batch(table, "--ignore", "sku", "--yes")

    result = batch(table, "--key", "sku", "--dry-run")

    assert (
        "on record under this name, and not in this table as it stands: 2 rows; a row that was changed" in result.stderr
    )
    assert "2 rows to buy for 8 credits" in result.stderr


def test_a_template_constants_and_a_key(books: Sandbox) -> None:
    rows = write(["sku,colour,animal,note", "s-1,red,cat,x", "s-2,blue,dog,"])

    result = batch(
        rows, "--prompt", "a {colour} {animal}", "--key", "sku", "--ignore", "note", "-p", "aspect_ratio=1:1",
        "-o", "out", "--yes",
    )  # fmt: skip

    assert sorted(result.stdout.splitlines()) == [os.path.abspath(f"out/{name}-1.png") for name in ("s-1", "s-2")]
    assert sorted(str(task.input["prompt"]) for task in books.tasks) == ["a blue dog", "a red cat"]
    assert {task.input["image_size"] for task in books.tasks} == {"1:1"}


def test_json_is_a_line_for_each_row_and_a_summary(books: Sandbox) -> None:
    rows = write(["prompt", "a", "b [[fault:fail=no luck]]"])

    result = batch(rows, "--yes", "--json")

    *found, last = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == last["summary"]["exit_code"] == 4
    assert {line["row"]: line["state"] for line in found} == {1: "success", 2: "failed"}
    assert last["summary"]["states"] == {"success": 1, "failed": 1}
    assert last["summary"]["credits_consumed"] == "4.0"


def test_rows_from_standard_input(books: Sandbox) -> None:
    lines = '{"prompt": "a"}\n{"words": "b"}\n'

    nameless = batch("-", "--yes", stdin=lines)
    result = batch("-", "--yes", "--name", "piped", "--map", "words=prompt", stdin=lines)

    assert nameless.exit_code == 2 and "rows from standard input need a name" in nameless.stderr
    assert (result.exit_code, len(books.tasks)) == (0, 2)
    assert all(line.startswith("http") for line in result.stdout.splitlines()), "without -o the URLs"
    assert batch("-", "--name", "other", "--map", "words=prompt", stdin=lines).exit_code == 2, "there is nobody to ask"


def test_the_word_run_and_files_called_like_commands(books: Sandbox) -> None:
    Path("status").write_text("prompt\na\n", encoding="utf-8")

    assert batch("run", write(["prompt", "a"]), "--yes").exit_code == 0
    assert run("batch", "--model", IMAGE, *QUICK, "jobs.csv").exit_code == 0
    assert batch("./status", "--format", "csv", "--yes").exit_code == 0
    assert run("batch", "status").stdout.splitlines()[0].split()[:1] == ["batch"]
    assert run("batch", "--help").exit_code == run("batch", "run", "--help").exit_code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jobs.csv", "--journal", "off"], "a batch needs the journal, by which no row is paid twice"),
        (["none.csv"], "none.csv cannot be read: No such file or directory"),
        (["jobs.csv", "--map", "colour"], "write it as NAME=VALUE, as in colour=style"),
        (["jobs.csv", "--limit", "0"], "0 is not in the range x>=1"),
        (["jobs.csv", "--max-credits", "much"], "'much' is not a number of credits"),
        (["jobs.csv", "-o", "jobs.csv"], "nothing can be written there"),
        (["jobs.csv", "--prompt", "a {x.y}"], "got {x.y}"),
        (["jobs.csv", "--name", "a b"], "name (--name) is what the journal knows the batch by"),
    ],
)
def test_bad_input(books: Sandbox, words: List[str], message: str) -> None:
    write(["prompt", "a"])

    result = batch(*words, "--yes", "--json")

    assert (result.exit_code, books.requests) == (2, ())
    assert message in error_of(result)["message"]


def test_the_end_of_the_money(books: Sandbox) -> None:
    result = batch(write(["prompt", *"abcd"]), "--yes", "--max-credits", "9")

    assert (result.exit_code, len(books.tasks)) == (2, 2)
    assert "the batch stops before it passes --max-credits 9" in result.stderr
    assert "batch jobs: 2 done, 2 waiting; the platform took 8 credits" in result.stderr
    assert "stopped: the next row can cost 4 credits, over the 9 of the batch (--max-credits)" in result.stderr


def test_what_became_of_the_rows_is_told_in_one_order(books: Sandbox) -> None:
    """Which of two rows is sent is a matter of threads: the one that waits may come before the one that is done."""
    rows = write(["prompt,size", "a,no such size", "b,", "c [[fault:fail=no luck]],"])

    result = batch(rows, "--yes", "--skip-bad", "--map", "size=aspect_ratio")

    assert "batch jobs: 1 done, 1 failed, 1 bad; " in result.stderr


def test_what_failed_and_what_is_unknown_is_told_with_the_next_step(books: Sandbox) -> None:
    rows = write(["prompt", "a [[fault:fail=no luck*1]]", "b [[fault:accept-then-drop*1]]"])

    first = batch(rows, "--yes")
    second = batch(rows, "--yes", "--retry-failed", "--rebuy-unknown")

    assert (first.exit_code, second.exit_code, len(books.tasks)) == (5, 0, 4)
    assert "line 2: failed: no luck" in first.stderr
    assert "warning: line 3: unknown: " in first.stderr
    assert "--retry-failed buys failed rows anew" in first.stderr and "--rebuy-unknown buys them anew" in first.stderr


def test_what_still_runs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(speed=0.01) as slow:
        for name, value in {**slow.environment(), "KIE_JOURNAL": os.path.abspath("journal.sqlite")}.items():
            monkeypatch.setenv(name, value)

        result = batch(write(["prompt", "a"]), "--yes", "--max-wait", "0.05")

    assert result.exit_code == 6
    assert "what still runs is paid: the same command, or `kie-sync resume`, waits for it" in result.stderr


def test_a_wrong_key_ends_as_everywhere(books: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "wrong")

    result = batch(write(["prompt", "a"]), "--yes")

    assert (result.exit_code, books.tasks) == (3, ())
    assert "stopped: " in result.stderr


def test_a_single_refusal_is_the_exit_code(books: Sandbox) -> None:
    books.add_fault("create:code=422*1")

    result = batch(write(["prompt", "a"]), "--yes")

    assert (result.exit_code, books.tasks) == (3, ())
    assert "warning: line 2: refused: " in result.stderr


def test_files_that_cannot_be_fetched_end_with_seven(books: Sandbox) -> None:
    books.add_fault("expired")

    result = batch(write(["prompt", "a"]), "--yes", "-o", "out")

    assert result.exit_code == 7 and "warning: line 2: " in result.stderr
    assert result.stdout.startswith("http"), "the URL of what is paid"


@pytest.mark.skipif(sys.platform == "win32", reason="no terminal of this kind")
def test_a_moving_line_on_a_terminal(books: Sandbox) -> None:
    import pty

    terminal, inner = pty.openpty()
    command = [sys.executable, "-m", "kie_sync.cli", "batch", many(3), "--model", IMAGE, "--yes", *QUICK]
    environment = {**environment_of(books), "TERM": "xterm", "COLUMNS": "200"}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=inner, text=True)
    os.close(inner)
    shown = b""
    with suppress(OSError):
        # Linux says so where the other end has closed.
        while piece := os.read(terminal, 4096):
            shown += piece
    output, _ = child.communicate(timeout=60)
    os.close(terminal)

    assert (child.returncode, len(output.splitlines())) == (0, 3), shown
    assert b"of 3 done" in shown and b"batch jobs: 3 done" in shown


# A process that is interrupted, or killed


def environment_of(books: Sandbox) -> Dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    return {**kept, "PYTHONPATH": str(ROOT), "KIE_JOURNAL": os.path.abspath("journal.sqlite"), **books.environment()}


def start(books: Sandbox, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "kie_sync.cli", "batch", *words, "--model", IMAGE, "--yes", *QUICK]
    return subprocess.Popen(
        command, env=environment_of(books), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until(is_so: Callable[[], bool], child: Optional[subprocess.Popen[str]] = None) -> None:
    """Wait for something that surely comes."""
    limit = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < limit, "it has not come in a minute"
        assert child is None or child.poll() is None, child.communicate()[1] if child else ""
        time.sleep(0.01)


def said(child: subprocess.Popen[str], text: str) -> str:
    """What a process says on stderr up to the line with this text, which surely comes."""
    lines: List[str] = []
    assert child.stderr is not None
    for line in child.stderr:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))


def many(count: int) -> str:
    return write(["prompt", *(f"picture {number}" for number in range(count))])


def test_ctrl_c_once_sends_no_row_more_and_waits() -> None:
    with Sandbox(speed=2, faults=["create:slow=0.2"]) as books:
        child = start(books, many(500), "-o", "out")
        until(lambda: len(books.tasks) >= 3, child)
        child.send_signal(signal.SIGINT)
        errors = said(child, "waiting for ")
        sent = len(books.tasks)
        output, rest = child.communicate(timeout=60)
        errors += rest

        assert child.returncode == 130, errors
        assert 3 <= len(books.tasks) <= sent + 6, "six calls at a time, at most, were on their way"
        assert len(output.splitlines()) == len(list(Path("out").glob("*.png"))) == len(books.tasks)
        assert f"{len(books.tasks)} done" in errors and "stopped: interrupted; the same command goes on" in errors


def test_ctrl_c_twice_leaves_at_once_and_all_is_on_record() -> None:
    with Sandbox(speed=0.01) as books:
        child = start(books, many(10))
        until(lambda: len(books.tasks) == 10, child)
        child.send_signal(signal.SIGINT)
        errors = said(child, "waiting for ")
        child.send_signal(signal.SIGINT)
        errors += child.communicate(timeout=60)[1]

        assert child.returncode == 130, errors
        assert (
            "waiting for 10; Ctrl-C again leaves them" in errors
            and "left; what is on its way goes on, and is on record" in errors
        )
        records = SqliteJournal("journal.sqlite").records(["accepted"])
        assert {record.task_id for record in records} == {task.id for task in books.tasks}


def test_killed_twice_and_started_again_no_row_is_paid_twice() -> None:
    """With calls on their way each time; those few are of unknown outcome, and listed."""
    with Sandbox(speed=1000, faults=["create:slow=0.05"]) as books:
        for count in (5, 20):
            child = start(books, many(40), "-o", "out")
            until(lambda count=count: len(books.tasks) >= count, child)  # type: ignore[misc]
            child.kill()
            child.communicate(timeout=60)
        output, errors = start(books, "jobs.csv", "-o", "out", "--json").communicate(timeout=60)

        assert errors.count("\n") <= 12, errors
        *found, summary = [json.loads(line) for line in output.splitlines()]
        paid = [str(task.input["prompt"]) for task in books.tasks]
        states = {line["prompt"]: line["state"] for line in found}
        assert len(paid) == len(set(paid)), "no row is paid twice"
        assert len(states) == 40 and set(states.values()) <= {"success", "unknown"}
        unknown = [prompt for prompt, state in states.items() if state == "unknown"]
        assert len(unknown) <= 12, "six calls at a time, at most"
        assert summary["summary"]["exit_code"] == (5 if unknown else 0)
        assert all(Path(path).stat().st_size for line in found for path in line["files"])
        records = SqliteJournal("journal.sqlite").records()
        known = {record.task_id for record in records if record.task_id}
        lost = [str(task.input["prompt"]) for task in books.tasks if task.id not in known]
        assert set(lost) <= set(unknown), "what was paid and is on no record is listed as unknown"


def test_two_processes_with_the_same_batch_pay_once() -> None:
    """Each row is made by one of them, and both have it in the end."""
    with Sandbox(speed=1000, faults=["create:slow=0.02"]) as books:
        children = [start(books, many(30), "-o", folder) for folder in ("one", "other")]
        said = [child.communicate(timeout=60) for child in children]

        assert [child.returncode for child in children] == [0, 0], said
        assert sorted(str(task.input["prompt"]) for task in books.tasks) == sorted(f"picture {n}" for n in range(30))
        assert [len(list(Path(folder).glob("*.png"))) for folder in ("one", "other")] == [30, 30]


# How it looks


def test_how_far_it_is_in_a_line() -> None:
    progress = Progress(
        rows=500,
        states={"success": 120, "failed": 1, "waiting": 3},
        in_air=14,
        spent=480,  # type: ignore[arg-type]
        reserved=56,  # type: ignore[arg-type]
        limit=2000,  # type: ignore[arg-type]
        bought=121,
        to_buy=497,
        stopped="",
    )

    assert sentence(progress, 190.0) == (
        "120 of 500 done, 14 running, 1 failed, 480 credits of 2000 spent, 56 reserved, about 3 min left"
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (7100, "118 min"), (7500, "2 h 05 min")]
)
def test_spans_of_time(seconds: float, text: str) -> None:
    assert duration(seconds) == text
