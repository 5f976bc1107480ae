"""`kie-sync chat`: one question, and a conversation that is fed with lines."""

from __future__ import annotations

import inspect
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest
from click.testing import CliRunner, Result
from conftest import ROOT
from wire import CHAT, TALKERS, chunk, event, pieces

from kie_sync.cli import main
from kie_sync.sandbox import Sandbox

USED = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}


def run(*args: str, stdin: str = "") -> Result:
    """Run a command in this process, stdout and stderr apart (click before 8.2 mixes them unless told)."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**apart).invoke(main, list(args), input=stdin, catch_exceptions=False)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


# One question


@pytest.mark.parametrize("model", TALKERS)
def test_a_question_from_stdin(model: str) -> None:
    result = run("chat", model, stdin="2+2?")

    assert (result.exit_code, result.stdout) == (0, "2 + 2 = 4\n")
    assert " tokens in, " in result.stderr


def test_stdin_below_a_prompt(here: Path) -> None:
    """Asked for only: a shell's loop, or a pipe that stays open, is left alone."""
    result = run("chat", CHAT, "Sum it up:", "--stdin", "--save", "talk.json", stdin="a diff\n")

    assert result.exit_code == 0
    assert json.loads((here / "talk.json").read_text())["messages"][0]["content"] == "Sum it up:\n\na diff\n"
    assert "--stdin: nothing came on stdin" in run("chat", CHAT, "Sum it up:", "--stdin").stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes tell how much waits in them only on POSIX")
def test_what_waits_in_a_pipe_is_told_and_not_read() -> None:
    """The pipe stays open all the while: reading on would wait for ever."""
    code = "import sys; from kie_sync.cli import main; main(sys.argv[1:])"
    words = [sys.executable, "-c", code, "chat", CHAT, "2+2?"]
    reader, writer = os.pipe()
    with open(reader) as stdin, open(writer, "w"):
        os.write(writer, b"a diff")
        done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, cwd=ROOT, timeout=100)
        left = os.read(reader, 100)

    assert (done.returncode, done.stdout, left) == (0, "2 + 2 = 4\n", b"a diff")
    assert "what came on stdin is not read, for there is a PROMPT; --stdin puts it below PROMPT\n" in done.stderr


@pytest.mark.parametrize("model", TALKERS)
def test_json_is_a_line_for_each_piece_and_the_whole_at_last(model: str) -> None:
    result = run("chat", model, "2+2?", "--json")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    *some, whole = lines
    assert "".join(line["choices"][0]["delta"].get("content") or "" for line in some) == "2 + 2 = 4"
    assert whole["choices"][0]["message"]["content"] == "2 + 2 = 4"
    assert (whole["usage"]["prompt_tokens"] > 0, "cost" in whole, "credits_consumed" in whole) == (True, True, True)
    assert "unexplained_credits" not in whole
    alone = run("chat", model, "2+2?", "--json", "--no-stream").stdout.splitlines()
    assert [json.loads(line)["choices"][0]["message"]["content"] for line in alone] == ["2 + 2 = 4"]


def test_options_of_the_model() -> None:
    result = run("chat", CHAT, "Tell me a long story", "--max-tokens", "3", "--reasoning-effort", "low", "--json")

    assert json.loads(result.stdout.splitlines()[-1])["choices"][0]["finish_reason"] == "length"
    assert "reasoning_effort must be one of" in run("chat", CHAT, "hi", "--reasoning-effort", "huge").stderr


@pytest.mark.parametrize("flag", [(), ("--no-stream",)])
def test_thoughts_go_to_stderr(flag: Any) -> None:
    result = run("chat", CHAT, "2+2?", "--thoughts", *flag)

    assert result.stdout == "2 + 2 = 4\n"
    assert result.stderr.startswith("The user asks: '2+2?'. A short, clear answer will do.\n")
    assert "The user asks" not in run("chat", CHAT, "2+2?").stderr


def test_a_conversation_from_command_to_command(here: Path) -> None:
    assert run("chat", CHAT, "2+2?", "--system", "Be brief.", "--save", "talk.json").exit_code == 0
    assert run("chat", CHAT, "3+3?", "--load", "talk.json", "--save", "talk.json").exit_code == 0

    saved = json.loads((here / "talk.json").read_text())
    assert [message["role"] for message in saved["messages"]] == ["user", "assistant"] * 2
    assert saved["system"] == "Be brief."
    assert stat.S_IMODE((here / "talk.json").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["hi", "--save", "there.json"], "--save there.json: there is something already; load it to go on with it"),
        (["hi", "--save", "no/talk.json"], "--save no/talk.json: nothing can be written there"),
        (["hi", "--load", "gone.json"], "gone.json: the conversation cannot be read: No such file or directory"),
        (["hi", "--load", "there.json"], "there.json: this is no saved conversation"),
        (
            ["-p", 'messages=[{"role": "user"}]', "--load", "x"],
            "leave out PROMPT, --stdin, --system, --image and --load",
        ),
        (["hi", "--max-tokens", "4", "-p", "max_tokens=5"], "max_tokens stands there twice: as --max-tokens and as -p"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_bought(
    words: List[str], message: str, here: Path, sandbox: Sandbox
) -> None:
    (here / "there.json").write_text("hello")
    before = sandbox.chats

    result = run("chat", CHAT, *words)

    assert (result.exit_code, sandbox.chats) == (2, before)
    assert message in result.stderr


def test_what_the_platform_took_beyond_the_price_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    end = chunk(None, "stop", usage=USED, credits_consumed=1.5)
    answers = lambda *_, **about: pieces([event(chunk("hi")), event(end), event("[DONE]")])  # noqa: E731
    monkeypatch.setattr("kie_sync.transport.HttpTransport.__call__", answers)

    plain = run("chat", CHAT, "hello", "--journal", "off")
    as_json = run("chat", CHAT, "hello", "--journal", "off", "--json")

    assert (
        f"warning: {CHAT}: the platform took 1.5 credits, and by the catalog the tokens used cost 0.048" in plain.stderr
    )
    assert "the price sheet that this project was given" in plain.stderr
    assert json.loads(as_json.stdout.splitlines()[-1])["unexplained_credits"] == "1.452"
    assert "the platform took 1.5 credits" in json.loads(as_json.stderr.splitlines()[0])["warning"]
