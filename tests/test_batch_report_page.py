"""The report as a page: bars as high as what they show, a table beside each plot, and nothing that runs."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, List
from xml.etree import ElementTree

import pytest
from test_batch_report import DAY, NOW, record

from kie_sync.batch import plots
from kie_sync.batch.report import Report, read_records
from kie_sync.batch.report_page import write_report


def page_of(tmp_path: Path, report: Report, **more: Any) -> str:
    return write_report(tmp_path / "report.html", report, title="spent", **more).read_text(encoding="utf-8")


def drawings(page: str) -> List[ElementTree.Element]:
    """The plots of a page; that they are read as XML is a test of its own."""
    return [ElementTree.fromstring(text) for text in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_the_bars_are_as_high_as_what_they_show() -> None:
    series = [("a", [Decimal(1), Decimal(0)]), ("b", [Decimal(3), Decimal(2)])]

    (drawn,) = drawings(plots.stacked(["d1", "d2"], series, name="n", title="t", about="w"))

    bars = {(bar.findtext("title"), bar.get("fill")): float(bar.get("height", "")) for bar in drawn.iter("rect")}
    assert list(bars) == [
        ("d1, a: 1 credits", "var(--s0)"),
        ("d1, b: 3 credits", "var(--s1)"),
        ("d2, b: 2 credits", "var(--s1)"),
    ]
    one, three, two = bars.values()
    assert (round(three / one, 2), round(two / one, 2)) == (3.0, 2.0)
    bottoms = {
        bar.findtext("title"): float(bar.get("y", "")) + float(bar.get("height", "")) for bar in drawn.iter("rect")
    }
    tops = {bar.findtext("title"): float(bar.get("y", "")) for bar in drawn.iter("rect")}
    assert bottoms["d1, b: 3 credits"] == pytest.approx(tops["d1, a: 1 credits"], abs=0.11)


@pytest.mark.parametrize(
    ("value", "top"), [("0", "1"), ("0.07", "0.08"), ("1", "1"), ("1.1", "1.2"), ("9.5", "10"), ("42195", "60000")]
)
def test_the_scale_ends_in_a_round_figure(value: str, top: str) -> None:
    assert plots.nice(Decimal(value)) == Decimal(top)


def test_the_page_has_a_plot_and_a_table_for_each_question(tmp_path: Path) -> None:
    report = read_records(
        [
            record(1, duration_s=3.0, key="batch/b/1"),
            record(2, consumed=Decimal(5), duration_s=9.0, created_at=NOW + 2 * DAY),
            record(3, "unknown"),
        ]
    )

    page = page_of(tmp_path, report, stale=["my/model is <wrong>"])

    spend, estimates, durations = drawings(page)
    assert [bar.findtext("title") for bar in spend.iter("rect")] == [
        "2026-11-18, my/model: 4 credits",
        "2026-11-20, my/model: 5 credits",
    ]
    assert [text.text for text in spend.iter("text")][-3:] == ["2026-11-18", "2026-11-19", "2026-11-20"]
    assert estimates.findtext("desc") == "my/model: 8 expected, 9 taken"
    assert durations.findtext("desc") == "my/model: half within 3.0 s, 95 % within 9.0 s"
    assert all(drawn.get("role") == "img" and drawn.findtext("title") for drawn in (spend, estimates, durations))
    assert "my/model is &lt;wrong&gt;" in page and re.findall("table by (.*?)<", page) == ["day", "model", "batch"]
    cells = re.findall(r"<td>(.*?)</td>", page.partition("table by model")[2].partition("</table>")[0])
    assert cells == ["3", "2", "0", "0", "1", "100.0 %", "8", "9", "0", "1", "3.0 s", "9.0 s"]


def test_names_on_the_page_stay_text(tmp_path: Path) -> None:
    evil = '</title><script>alert(1)</script>"&'
    report = read_records([record(1, model=evil, duration_s=1.0, consumed=Decimal(5))])

    page = write_report(tmp_path / "r.html", report, title=evil, stale=[evil]).read_text(encoding="utf-8")

    assert "<script" not in page and len(drawings(page)) == 3


def test_models_without_a_colour_of_their_own_are_one(tmp_path: Path) -> None:
    calls = [record(number, model=f"m{number:02}", consumed=Decimal(100 - number)) for number in range(12)]

    (spend, *_) = drawings(page_of(tmp_path, read_records(calls)))

    bars = [(bar.findtext("title"), bar.get("fill")) for bar in spend.iter("rect")]
    assert len(bars) == 9 and bars[0] == ("2026-11-18, m00: 100 credits", "var(--s0)")
    assert bars[-1] == (f"2026-11-18, other models: {sum(100 - each for each in range(8, 12))} credits", "var(--s8)")


def test_a_long_time_is_drawn_by_months(tmp_path: Path) -> None:
    calls = [record(1), record(2), record(3, created_at=NOW - 200 * DAY)]

    (spend, *_) = drawings(page_of(tmp_path, read_records(calls)))

    assert [bar.findtext("title") for bar in spend.iter("rect")] == [
        "2026-05, my/model: 4 credits",
        "2026-11, my/model: 8 credits",
    ]


def test_an_empty_report_is_a_page_too(tmp_path: Path) -> None:
    page = page_of(tmp_path, read_records([]))

    assert drawings(page) == [] and "Nothing was consumed." in page
