"""docs/batch.md, in both languages: the same code, and commands that do what the page says."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT
from test_cli_sandbox import run
from test_docs import blocks

PAGES: Dict[str, str] = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("docs/batch.md", "docs/zh/batch.md")
}


def code(page: str) -> List[Any]:
    return [block[:2] for block in blocks(PAGES[page])]


def test_both_languages_have_the_same_code() -> None:
    assert code("docs/batch.md") == code("docs/zh/batch.md")


def test_the_two_commands_do_what_the_page_says(sandbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**sandbox.environment(), "KIE_JOURNAL": str(tmp_path / "journal.sqlite")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    table, commands = (next(blocks(PAGES["docs/batch.md"], language)).text for language in ("csv", "console"))
    Path("animals.csv").write_text(table, encoding="utf-8")
    dry, real = (shlex.split(line)[2:] for line in commands.splitlines())
    before = len(sandbox.tasks)

    planned = run(*dry)
    made = run(*real, "--yes", "--poll-interval", "0.01")

    assert (planned.exit_code, made.exit_code, len(sandbox.tasks)) == (0, 0, before + 2)
    assert "2 rows to buy for 48 credits" in planned.stderr
    assert sorted(made.stdout.splitlines()) == [os.path.abspath(f"out/c-{number}-1.png") for number in (1, 2)]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_option_of_its_own_is_on_the_page(page: str) -> None:
    """What all commands share is elsewhere."""
    shared = {"--json", "--catalog", "--no-user-catalog", "--journal", "--help", "--poll-interval", "--max-wait"}
    shared |= {"--hold", "--ledger"}
    words = {word.strip(",.;") for word in run("batch", "run", "--help").stdout.split() if word.startswith("--")}

    assert sorted(word for word in words - shared if word not in PAGES[page]) == ["--output"]
