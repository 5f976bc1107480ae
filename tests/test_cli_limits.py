"""Limits of money on the command line, and the balance watched."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, List

import pytest
from conftest import ROOT
from test_cli_sandbox import CHAT, IMAGE, QUICK, error_of, run

from kie_sync.cli.credits import watch
from kie_sync.cli.progress import Progress
from kie_sync.cli.run import Run
from kie_sync.errors import KieAuthenticationError, KieRateLimitError, KieServerError
from kie_sync.events import CallDeferred, CallRefused, TaskSubmitting
from kie_sync.sandbox import Sandbox


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


# --max-credits


@pytest.mark.parametrize("words", [("generate", IMAGE, "a cat"), ("chat", CHAT, "2+2?", "-p", "max_tokens=1000")])
def test_a_call_over_its_limit_buys_nothing(words: Any, sandbox: Sandbox) -> None:
    before = (len(sandbox.tasks), sandbox.chats)

    result = run(*words, "--max-credits", "0.1", "--json")

    assert (result.exit_code, len(sandbox.tasks), sandbox.chats) == (2, *before)
    told = error_of(result)
    assert (told["type"], told["limit"]) == ("KieBudgetError", "0.1")
    assert Decimal(told["credits"]) > Decimal("0.1")


def test_a_call_within_its_limit_is_made() -> None:
    assert run("generate", IMAGE, "a cat", "--max-credits", "4", *QUICK).exit_code == 0
    assert run("chat", CHAT, "2+2?", "--max-credits", "4", "-p", "max_tokens=1000").exit_code == 0


def test_a_chat_without_an_end_needs_leave() -> None:
    refused = run("chat", CHAT, "2+2?", "--max-credits", "4")

    assert refused.exit_code == 2
    assert "--allow-unknown-price" in refused.stderr
    assert run("chat", CHAT, "2+2?", "--max-credits", "4", "--allow-unknown-price").exit_code == 0


@pytest.mark.parametrize("value", ["many", "-1", "nan", ""])
def test_a_limit_is_a_number(value: str) -> None:
    result = run("generate", IMAGE, "a cat", "--max-credits", value)

    assert result.exit_code == 2
    assert f"{value!r} is not a number of credits, 0 or more" in result.stderr


def test_a_call_that_was_refused_is_not_on_its_way() -> None:
    """Ctrl-C while it waits for its turn: the other listeners are told that nothing was sent."""
    run = Run()
    progress = Progress(run)
    progress(TaskSubmitting(IMAGE))
    assert run.is_buying

    progress(CallRefused(IMAGE))

    assert not run.is_buying


def test_a_call_that_waits_to_be_sent_again_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(Run())(CallDeferred(IMAGE, {}, KieRateLimitError("too many calls"), 4.6))

    assert capsys.readouterr().err == "not accepted: too many calls; again in 5 s\n"


# credits --watch


class Balances:
    """Tells these in turn, raises what is an error, and is interrupted at the end."""

    def __init__(self, *given: Any) -> None:
        self.given = list(given)

    def __call__(self) -> Decimal:
        if not self.given:
            raise KeyboardInterrupt
        found = self.given.pop(0)
        if isinstance(found, Exception):
            raise found
        return Decimal(str(found))


def follow(clock: Any, given: List[Any], **settings: Any) -> List[Decimal]:
    """What a watch shows before it is interrupted."""
    shown: List[Decimal] = []
    with pytest.raises(KeyboardInterrupt):
        watch(Run(), Balances(*given), shown.append, clock, **{"every_s": 30.0, "below": None, "words": [], **settings})
    return shown


def test_it_shows_what_changes(clock: Any) -> None:
    assert follow(clock, [100, 100, 96.5, 96.5, 100]) == [100, Decimal("96.5"), 100]
    assert clock.sleeps == [30.0] * 5


def test_it_tells_once_each_time_it_gets_low(clock: Any, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import os; print('low', os.environ['KIE_CREDITS'], '$HOME')"

    follow(clock, [100, 49.5, 40, 50, 12], below=Decimal(50), words=[sys.executable, "-c", code])

    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "warning: the balance is low: 49.5 credits, fewer than 50",
        "low 49.5 $HOME",
        "warning: the balance is low: 12 credits, fewer than 50",
        "low 12 $HOME",
    ]


def test_a_balance_that_is_low_from_the_beginning_is_told(clock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    follow(clock, [7], below=Decimal(50))

    assert capsys.readouterr().err == "warning: the balance is low: 7 credits, fewer than 50\n"


def test_it_outlives_what_passes(clock: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert follow(clock, [100, KieServerError("maintenance"), 99]) == [100, 99]
    assert capsys.readouterr().err == ("warning: the balance could not be read: maintenance; looking again in 30 s\n")


def test_it_ends_with_what_does_not_pass(clock: Any) -> None:
    with pytest.raises(KieAuthenticationError):
        watch(Run(), Balances(KieAuthenticationError("no")), print, clock, every_s=1.0, below=None, words=[])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param([sys.executable, "-c", "raise SystemExit(3)"], "it ended with 3", id="fails"),
        pytest.param(["./folder"], "Permission denied", id="cannot-be-run"),
    ],
)
def test_a_command_that_fails_is_told_and_the_watch_goes_on(
    words: List[str], said: str, clock: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("folder").mkdir()

    assert follow(clock, [7, 60], below=Decimal(50), words=words) == [7, 60]
    assert capsys.readouterr().err.splitlines()[1:] == [f"warning: --command {words[0]}: {said}"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--below", "5"], "--below goes with --watch"),
        (["--command", "true"], "--command goes with --watch"),
        (["--every", "5"], "--every goes with --watch"),
        (["--watch", "--command", "true"], "--command needs --below"),
        (["--watch", "--below", "5", "--command", "no-such-program x"], "there is no such program"),
        (["--watch", "--below", "5", "--command", "'"], "--command ': No closing quotation"),
        (["--watch", "--below", "5", "--command", ""], "there is no such program"),
        (["--watch", "--below", "few"], "'few' is not a number of credits"),
        (["--watch", "--every", "0"], "0"),
    ],
)
def test_options_that_do_not_fit(words: List[str], said: str) -> None:
    result = run("credits", *words)

    assert result.exit_code == 2
    assert said in result.stderr


def test_one_look_as_json(sandbox: Sandbox) -> None:
    found = json.loads(run("credits", "--json").stdout)

    assert Decimal(found["usd"]) == Decimal(found["credits"]) * Decimal("0.005")


@pytest.mark.parametrize(
    ("options", "read"),
    [([], lambda line: Decimal(line)), (["--json"], lambda line: Decimal(json.loads(line)["credits"]))],
)
def test_ctrl_c_ends_a_watch(options: List[str], read: Callable[[str], Decimal]) -> None:
    with Sandbox(balance=Decimal(77)) as own:
        environ = {**os.environ, **own.environment(), "PYTHONPATH": str(ROOT)}
        words = [sys.executable, "-m", "kie_sync.cli", "credits", "--watch", *options]
        with subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert read(process.stdout.readline()) == 77

            process.send_signal(signal.SIGINT)

            assert process.wait(timeout=20) == 130
