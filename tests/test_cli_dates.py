"""Prices in time on the command line, and an old journal that still adds up."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from conftest import CountingClock
from test_cli import run, run_json

from kie_sync import KieAdapter, KieClient
from kie_sync.catalog import read_catalog
from kie_sync.journal import SqliteJournal
from kie_sync.pricing import estimate
from kie_sync.sandbox import Sandbox

BEFORE = """\
models:
  my/dated:
    title: Dated
    kind: image
    endpoint: kie-task
    source: a test
    checked: 2026-01-10
    parameters:
      prompt:     {required: true}
      resolution: {values: [1K, 4K], default: 1K}
    price:
      - {unit: image, by: resolution, credits: {1K: 8, 4K: 16}, source: a test, checked: 2026-01-10}
"""
AFTER = (
    BEFORE
    + """\
      - {unit: image, by: resolution, credits: {1K: 10, 4K: 20}, valid_from: 2030-06-01, source: b, checked: 2030-05-01}
"""
)


@pytest.fixture(autouse=True)
def dated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(AFTER, encoding="utf-8")
    monkeypatch.setenv("KIE_CATALOG", "my.yaml")
    return "my.yaml"


@pytest.mark.parametrize(
    ("on", "credits"),
    [
        ([], "9"),
        (["--on", "2026-03-01"], "9"),
        (["--on", "2030-05-31"], "9"),
        (["--on", "2030-06-01"], "11"),
        (["--on", "2030-05-31T23:59:59Z"], "9"),
    ],
    ids=["now", "past", "the day before", "its first day", "its last second"],
)
def test_a_price_is_that_of_the_day(on: list[str], credits: str) -> None:
    assert run_json("price", "my/dated", *on)["credits"] == credits


def test_a_date_that_is_none_is_refused() -> None:
    result = run("price", "my/dated", "--on", "2026-13-01")

    assert result.exit_code == 2
    assert "2026-13-01 is no date; write 2026-12-01" in result.stderr


def test_show_lists_the_other_prices_with_their_dates() -> None:
    now, later = run("show", "my/dated").stdout, run("show", "my/dated", "--on", "2030-07-01").stdout

    line = "- from 2030-06-01: 10 credits per image (resolution 1K); 20 credits per image (resolution 4K)\n"
    assert line in now and "KIE.ai: 8 credits per image (resolution 1K)\n" in now
    assert "\nPrice on 2030-07-01\n" in later and "KIE.ai: 10 credits per image (resolution 1K)\n" in later
    assert "- before: 8 credits per image (resolution 1K); 16 credits per image (resolution 4K)\n" in later
    assert line not in later


def test_show_gives_a_program_every_price() -> None:
    dates = run_json("show", "my/dated", "--on", "2030-07-01")["price"]["dates"]

    assert [(each["from"], each["platform"][1]["amount"]) for each in dates] == [("", "16"), ("2030-06-01", "20")]


@pytest.mark.parametrize(("on", "price"), [("2026-03-01", "8 to 16 credits per image"), ("2031-01-01", "10 to 20")])
def test_the_list_of_models_says_what_each_cost(on: str, price: str) -> None:
    (line,) = (line for line in run("models", "--on", on).stdout.splitlines() if line.startswith("my/dated"))

    assert price in line
    (facts,) = run_json("models", "--on", on, "--search", "my/dated")
    assert facts["price"].startswith(price)


def test_an_old_journal_adds_up_after_a_price_has_changed(tmp_path: Path, sandbox: Sandbox) -> None:
    """What a call was expected to cost stays on record, and pricing it by its own day gives the same again."""
    (tmp_path / "old.yaml").write_text(BEFORE, encoding="utf-8")
    with Sandbox(catalog=read_catalog(tmp_path / "old.yaml"), speed=1000) as old_days:
        bought = datetime(2026, 3, 1, tzinfo=timezone.utc).timestamp()
        journal = SqliteJournal(tmp_path / "journal.sqlite")
        with KieClient(
            old_days.key, old_days.url, catalog=tmp_path / "old.yaml", journal=journal, clock=CountingClock(bought)
        ) as client:
            KieAdapter(client, "my/dated").submit(prompt="a cat", resolution="4K")
    (record,) = journal.records()

    new = read_catalog(tmp_path / "my.yaml")["my/dated"]
    day = datetime.fromtimestamp(record.created_at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    then = estimate(new, json.loads(record.given), on=day)
    later = estimate(new, json.loads(record.given), on="2030-06-01T00:00:00Z")

    assert (record.price, then.platform_credits, later.platform_credits) == (Decimal(16), Decimal(16), Decimal(20))
