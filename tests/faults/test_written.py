"""After all the others: the pages say what was found, and the key is in nothing that the suite printed or kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import List

import pytest

from faults import board, report
from faults.table import CASES
from faults.test_kill import STEPS
from faults.world import KEY


def files_with(folder: Path, text: str) -> List[Path]:
    """The files below a folder that hold this text."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if text.encode() in path.read_bytes()]


def test_the_pages_say_what_was_found() -> None:
    """`PYTHONPATH=.:tests python -m faults.report` writes them."""
    missing = {(fault.name, name) for fault, name in CASES} - set(board.FOUND)
    missing |= {("kill", step[0]) for step in STEPS if step[0] not in board.KILLED}
    if missing:
        pytest.skip(f"only a part of the suite ran, or some of it failed: {len(missing)} cases are not there")
    if os.environ.get(report.VARIABLE):
        report.write()

    assert report.stale() == []


def test_the_key_is_in_nothing_that_the_suite_printed_logged_or_stored(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    everything = tmp_path_factory.getbasetemp()
    planted = tmp_path / "planted"
    planted.write_text(f"x{KEY}x", encoding="utf-8")
    # The search sees a key that is there.
    assert files_with(everything, KEY) == [planted]
    planted.unlink()

    assert files_with(everything, KEY) == []
