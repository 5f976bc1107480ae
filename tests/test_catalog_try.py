"""`catalog try` and `catalog preview`: what an entry sends, and one paid call that shows whether it is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any, Dict

import pytest
from test_cli_sandbox import run

import kie_sync
from kie_sync.cli.catalog.try_entry import _compare_input, _Findings
from kie_sync.journal import SqliteJournal
from kie_sync.sandbox import Sandbox

IMAGE, CHAT = "google/nano-banana", "gemini-3-flash"
QUICK = ("--poll-interval", "0.01")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


def entry(folder: Path, text: str) -> str:
    """A file that changes the shipped entry."""
    path = folder / "my.yaml"
    path.write_text(f"models:\n  {IMAGE}:\n{text}", encoding="utf-8")
    return str(path)


# try


def test_a_right_entry_is_found_right(sandbox: Sandbox, here: Path) -> None:
    before = len(sandbox.tasks)

    result = run("catalog", "try", IMAGE, "a cat", "--yes", "-o", "cat.png", *QUICK)

    assert (result.exit_code, result.stdout) == (0, "cat.png\n")
    assert len(sandbox.tasks) == before + 1
    lines = result.stderr.splitlines()
    assert lines[0] == f"{IMAGE}: one call to {sandbox.url}; by the catalog the platform takes 4 credits"
    assert lines[-2:] == ["- the price is right: 4 credits", "- the platform kept every field as it was sent: prompt"]


def test_it_asks_before_it_pays(sandbox: Sandbox) -> None:
    before = len(sandbox.tasks)

    no = run("catalog", "try", IMAGE, "a cat", *QUICK, stdin="n\n")
    # In a process of its own: at the end of its input the runner of click 8.1 gives an empty answer.
    command = [sys.executable, "-m", "kie_sync.cli", "catalog", "try", IMAGE, "a cat", *QUICK]
    environ = {**os.environ, "PYTHONPATH": str(Path(kie_sync.__file__).parent.parent)}
    nobody = subprocess.run(command, stdin=subprocess.DEVNULL, env=environ)

    assert (no.exit_code, "not made; nothing was paid" in no.stderr) == (0, True)
    assert nobody.returncode == 130
    assert len(sandbox.tasks) == before
    assert "4 credits" in no.stderr

    yes = run("catalog", "try", IMAGE, "a cat", *QUICK, stdin="y\n")
    assert (yes.exit_code, len(sandbox.tasks)) == (0, before + 1)


def test_a_wrong_price_is_told(here: Path) -> None:
    """The call is right, and the money is not: the exit code says so."""
    file = entry(here, "    price: {unit: image, credits: 7, source: t, checked: 2026-11-22}\n    examples: null\n")

    result = run("catalog", "try", IMAGE, "a cat", "--yes", "--catalog", file, *QUICK)

    assert result.exit_code == 1
    assert "- the price is wrong: 7 credits by the entry, 4 taken" in result.stderr.splitlines()
    assert result.stdout.startswith("http://127.0.0.1")


def test_a_price_that_is_not_known_is_shown_when_it_was_taken(here: Path) -> None:
    file = entry(here, "    price: {unit: image, credits: null, unknown: not published}\n    examples: null\n")

    result = run("catalog", "try", IMAGE, "a cat", "--yes", "--catalog", file, *QUICK)

    assert result.exit_code == 1
    assert "the platform takes an unknown number of credits (not published)" in result.stderr
    assert "- the platform took 4 credits; the entry knows no price" in result.stderr


def test_without_a_call_the_first_example_is_made(sandbox: Sandbox) -> None:
    result = run("catalog", "try", IMAGE, "--yes", *QUICK)

    assert result.exit_code == 0
    assert "every field as it was sent: prompt, image_size, output_format" in result.stderr


def test_it_is_on_record(sandbox: Sandbox, here: Path) -> None:
    run("catalog", "try", IMAGE, "a cat", "--yes", "--journal", "mine.sqlite", *QUICK)

    with closing(SqliteJournal("mine.sqlite")) as journal:
        assert [(record.model, record.state) for record in journal.records()] == [(IMAGE, "success")]


def test_a_call_that_does_not_fit_is_refused_before_the_question(sandbox: Sandbox) -> None:
    before = len(sandbox.tasks)

    result = run("catalog", "try", IMAGE, "a cat", "-p", "size=17:9", "--yes")
    limited = run("catalog", "try", IMAGE, "a cat", "--yes", "--max-credits", "1")

    assert (result.exit_code, limited.exit_code, len(sandbox.tasks)) == (2, 2, before)
    assert "one call to" not in result.stderr


def test_as_json_needs_a_yes() -> None:
    asked = run("catalog", "try", IMAGE, "a cat", "--json")
    done = run("catalog", "try", IMAGE, "a cat", "--json", "--yes", *QUICK)

    assert asked.exit_code == 2
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert json.loads(done.stdout)["state"] == "success"
    assert {"finding": "the price is right: 4 credits"} in told


def test_a_chat_model_is_pointed_to_chat() -> None:
    result = run("catalog", "try", CHAT, "hello", "--yes")

    assert (result.exit_code, f"kie-sync chat {CHAT}" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("sent", "kept", "sentence", "differs"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, "kept every field as it was sent: a", False),
        ({"a": 1, "b": "x"}, {"a": 1}, "b was sent, and the platform did not keep it", True),
        ({"a": 5}, {"a": "5"}, "a: 5 was sent, '5' was kept", True),
        ({"a": 1.0}, {"a": 1.0}, "kept every field", False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}, "kept every field", False),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, "a: [{'b': 1}] was sent, [{'b': 2}] was kept", True),
        ({"a": 1}, {}, "does not show what it kept", False),
    ],
)
def test_what_the_platform_kept_is_compared(
    sent: Dict[str, Any], kept: Dict[str, Any], sentence: str, differs: bool
) -> None:
    findings = _Findings()

    _compare_input(findings, sent, kept)

    assert sentence in findings.sentences[0]
    assert findings.differs is differs


# preview


def test_preview_shows_the_first_example_of_an_entry_that_is_being_edited(here: Path) -> None:
    file = entry(here, "    parameters: {aspect_ratio: {wire: aspect_ratio}}\n")

    result = run("catalog", "preview", IMAGE, "--catalog", file, "--json")

    assert result.exit_code == 0
    sent = json.loads(result.stdout)["json"]
    assert sent == {
        "model": IMAGE,
        "input": {"prompt": "一只可爱的橘猫", "aspect_ratio": "1:1", "output_format": "png"},
    }


def test_preview_is_the_same_as_the_other_preview() -> None:
    words = (IMAGE, "a cat", "-p", "size=16:9")

    assert run("catalog", "preview", *words).stdout == run("preview", *words).stdout != ""


def test_preview_of_another_example() -> None:
    result = run("catalog", "preview", IMAGE, "--example", "2", "--json")

    assert json.loads(result.stdout)["json"]["input"] == {"prompt": "a cat"}


def test_preview_of_an_example_that_is_not_there() -> None:
    for words in (("--example", "9"), ("a cat", "--example", "1")):
        assert run("catalog", "preview", IMAGE, *words).exit_code == 2
