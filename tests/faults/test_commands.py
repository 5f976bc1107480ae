"""`kie-sync generate` while something goes wrong: exit codes, what is told, and what is on record."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any, List, Tuple

import pytest
from click.testing import CliRunner, Result
from wire import IMAGE

from faults.table import FAULTS, Fault
from faults.world import KEY, World
from kie_sync.cli import main

CREATE, LOOKS, FILES = "createTask", "recordInfo", "/files/"
BY_NAME = {fault.name: fault for fault in FAULTS}


@pytest.fixture
def command(world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`kie-sync` with an environment that leads to the proxy, and pauses that are short."""
    for name, value in world.sandbox.environment().items():
        monkeypatch.setenv(name, world.proxy.url if value == world.sandbox.url else value)
    monkeypatch.setenv("KIE_JOURNAL", str(world.journal_path))
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: real(min(seconds, 0.01)))
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}

    def run(*words: str) -> Result:
        done = CliRunner(**apart).invoke(main, list(words), catch_exceptions=False)
        assert KEY not in done.stdout + done.stderr
        return done

    return run


# Where it goes wrong, what goes wrong, which exit code tells it, what was paid, and what is on record.
Row = Tuple[str, str, int, int, List[str]]
ROWS: List[Row] = [
    (CREATE, "reset after the request, not passed on", 5, 0, ["unknown"]),
    (CREATE, "reset after the platform had it", 5, 1, ["unknown"]),
    (CREATE, "closed in the answer's body", 5, 1, ["unknown"]),
    (CREATE, "HTML with HTTP 502, passed on", 5, 1, ["unknown"]),
    (CREATE, "JSON that is {}", 5, 1, ["unknown"]),
    (CREATE, "HTTP 302 to another host", 5, 0, ["unknown"]),
    (CREATE, "gzip that is none", 5, 1, ["unknown"]),
    (CREATE, "HTTP 200 with code 401", 3, 0, ["refused"]),
    (CREATE, "HTTP 200 with code 402", 3, 0, ["refused"]),
    (CREATE, "HTTP 200 with code 422", 3, 0, ["refused"]),
    (CREATE, "HTTP 200 with code 429", 3, 0, ["refused"]),
    (CREATE, "HTTP 200 with code 500", 3, 0, ["refused"]),
    (CREATE, "HTTP 200 with code 504", 5, 0, ["unknown"]),
    (CREATE, "HTTP 504 with code 504", 5, 0, ["unknown"]),
    (CREATE, "slow bytes", 0, 1, ["success"]),
    # A task is known: it goes on, and says how.
    (LOOKS, "reset before the request", 6, 1, ["running"]),
    (LOOKS, "HTML with HTTP 502, not passed on", 6, 1, ["running"]),
    (LOOKS, "HTTP 200 with code 500", 6, 1, ["running"]),
    (LOOKS, "HTTP 200 with code 401", 6, 1, ["accepted"]),
    (LOOKS, "HTTP 200 with code 402", 6, 1, ["accepted"]),
    (LOOKS, "HTTP 200 with code 501", 4, 1, ["failed"]),
    (LOOKS, "data that is an empty object", 6, 1, ["running"]),
    # It is made and paid; its files are not here.
    (FILES, "reset in the answer's body", 7, 1, ["success"]),
    (FILES, "HTML with HTTP 404", 7, 1, ["success"]),
    (FILES, "HTTP 500 without JSON", 7, 1, ["success"]),
    (FILES, "HTTP 302 to another host", 0, 1, ["success"]),
]


@pytest.mark.parametrize(("where", "name", "code", "count", "states"), ROWS, ids=[f"{r[0]}: {r[1]}" for r in ROWS])
def test_generate_says_what_is_known(
    world: World, command: Any, where: str, name: str, code: int, count: int, states: List[str]
) -> None:
    fault: Fault = BY_NAME[name]
    prompt = f"command, {where}: {name}"
    out = world.folder / "out"
    words = ("generate", IMAGE, prompt, "--key", "row-1", "-o", f"{out}/", "--poll-interval", "0.01", "--max-wait", "2")
    world.proxy.arm(fault.act, where=where)

    done = command(*words)
    world.proxy.disarm()

    assert done.exit_code == code, done.stderr
    assert len(world.paid(prompt)) == count
    assert [record.state for record in world.on_record()] == states
    if states != ["unknown"]:
        assert [record.task_id for record in world.on_record() if record.task_id] == world.paid(prompt)
        # A paid task is told to whoever looks at the screen.
        assert all(task_id in done.stderr for task_id in world.paid(prompt))
    assert world.leaks(None, done.stdout, done.stderr) == []
    # The same words again, with all well: nothing is paid twice, and what can be finished is.
    again = command(*words)
    assert len(world.paid(prompt)) == {"unknown": count, "refused": 1}.get(states[0], 1)
    assert again.exit_code == {"unknown": 5, "failed": 4}.get(states[0], 0), again.stderr
    if again.exit_code == 0:
        assert any(whole_pictures(out))


def test_a_task_on_record_goes_on_when_a_look_at_it_is_refused(world: World, command: Any) -> None:
    """It ended with 3, which says that nothing was bought."""
    prompt = "command, on record"
    buy = ("generate", IMAGE, prompt, "--key", "row-1", "--poll-interval", "0.01")
    world.proxy.arm(BY_NAME["HTTP 200 with code 401"].act, where=LOOKS)
    command(*buy)
    (task_id,) = world.paid(prompt)

    refused = {words: command(*words) for words in (buy, ("task", task_id), ("task", task_id, "--wait"))}
    strangers = [command("task", task_id, "--journal", "off"), command("task", "0" * 32)]
    world.proxy.disarm()

    assert {words[0]: done.exit_code for words, done in refused.items()} == {"generate": 6, "task": 6}
    assert all(f"  kie-sync task {task_id} --wait" in done.stderr for done in refused.values())
    assert [done.exit_code for done in strangers] == [3, 3]
    assert world.paid(prompt) == [task_id]


def test_a_failed_task_on_record_does_not_go_on(world: World, command: Any) -> None:
    prompt = "command, failed [[fault:fail=500|no luck]]"
    command("generate", IMAGE, prompt, "--poll-interval", "0.01")
    (record,) = world.on_record()
    world.proxy.arm(BY_NAME["HTTP 200 with code 401"].act, where=LOOKS)

    done = command("task", str(record.task_id))
    world.proxy.disarm()

    assert (record.state, done.exit_code) == ("failed", 3)
    assert "goes on" not in done.stderr


def whole_pictures(folder: Path) -> List[Path]:
    return [path for path in folder.glob("*") if path.read_bytes().startswith(b"\x89PNG")]
