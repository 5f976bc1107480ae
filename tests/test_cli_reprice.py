"""`catalog price`: a new price beside the old one, in the right file, and only when it holds."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from test_cli import run, run_json

from kie_sync import load_catalog
from kie_sync.catalog import data_root, read_catalog
from kie_sync.catalog_places import own_file
from kie_sync.catalog_repricing import CannotReprice, cells, change
from kie_sync.pricing import estimate

MINE = """\
# mine
models:
  my/table:                  # aligned
    title:    Table
    kind:     image
    endpoint: kie-task
    source: a test
    checked: 2026-01-01
    parameters:
      prompt:     {required: true}
      resolution: {wire: q, values: [1K, 4K], default: 1K}
    # the price sheet
    price:
      unit: image
      by: resolution
      credits: {1K: 8, 4K: 24}   # seen
      source: a test
      checked: 2026-01-01
    examples:
      - {call: {prompt: a, q: 4K}, sends: {prompt: a, q: 4K}, price: {cost_plus_one: 25}}
      - {call: {prompt: a}, sends: {prompt: a}, price: {cost_plus_one: 9}}
"""
AFTER = """\
    # the price sheet
    price:
      - unit: image
        by: resolution
        credits: {1K: 8, 4K: 24}   # seen
        source: a test
        checked: 2026-01-01
      - unit: image
        by: resolution
        credits: {1K: 8, 4K: 30}
        valid_from: 2026-03-01
        source: the price list
        checked: TODAY
    examples:
      - {call: {prompt: a, q: 4K}, sends: {prompt: a, q: 4K}, price: {cost_plus_one: 25}, on: 2026-02-28}
      - {call: {prompt: a}, sends: {prompt: a}, price: {cost_plus_one: 9}}
"""
SET = ("catalog", "price", "my/table", "--set", "4K=30", "--from", "2026-03-01", "--source", "the price list")


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KIE_CATALOG", "my.yaml")
    path = tmp_path / "my.yaml"
    path.write_text(MINE, encoding="utf-8")
    return path


def today() -> str:
    from kie_sync.clock import SystemClock

    return SystemClock().date()[:10]


def test_a_new_price_stands_beside_the_old_one(mine: Path) -> None:
    """Comments, order and columns stay; the example of the old price says its day; the check passes."""
    result = run(*SET)

    assert (result.exit_code, result.stderr) == (0, "my/table: 4K 24 -> 30, from 2026-03-01; my.yaml\n")
    assert result.stdout.startswith("--- my.yaml\n+++ my.yaml\n@@ ")
    head = MINE[: MINE.index("    # the price sheet")]
    assert mine.read_text(encoding="utf-8") == head + AFTER.replace("TODAY", today())
    model = read_catalog(mine)["my/table"]
    costs = [estimate(model, {"resolution": "4K"}, on=day).platform_credits for day in ("2026-02-28", "2026-03-01")]
    assert costs == [Decimal(24), Decimal(30)]
    assert run("catalog", "check", "--strict", "my.yaml").exit_code == 0


def test_a_tariff_with_a_price_of_its_own_is_told(mine: Path) -> None:
    """Nobody shall sell below the new cost without knowing it."""
    stated = "    tariffs: {reference: {by: resolution, unit: image, credits: {1K: 8, 4K: 24}}}\n    examples:\n"
    mine.write_text(MINE.replace("    examples:\n", stated), encoding="utf-8")

    result = run(*SET)

    assert result.stderr == (
        "my/table: 4K 24 -> 30, from 2026-03-01; my.yaml\n"
        "what the tariff reference asks for it stays as it is; `tariffs` in its entry states that\n"
    )


def test_a_dry_run_writes_nothing(mine: Path) -> None:
    found = run_json(*SET, "--dry-run")

    assert found["changes"] == [{"name": "4K", "old": 24, "new": 30}]
    assert (found["file"], found["from"], found["is_written"]) == ("my.yaml", "2026-03-01", False)
    assert "+        credits: {1K: 8, 4K: 30}\n" in found["diff"]
    assert mine.read_text(encoding="utf-8") == MINE


def test_a_price_of_the_same_day_is_put_right(mine: Path) -> None:
    run(*SET)
    again = run(*SET[:4], "1K=9", "--from", "2026-03-01")

    model = read_catalog(mine)["my/table"]
    assert again.exit_code == 0, again.stderr
    assert [price.amounts for price in model.prices] == [{"1K": 8, "4K": 24}, {"1K": 9, "4K": 30}]


def test_a_price_between_two_others_keeps_its_place(mine: Path) -> None:
    run(*SET)
    result = run("catalog", "price", "my/table", "--set", "1K=9", "--from", "2026-02-01")

    assert result.exit_code == 0, result.stderr
    assert [(price.valid_from, price.amounts) for price in read_catalog(mine)["my/table"].prices] == [
        ("", {"1K": 8, "4K": 24}),
        ("2026-02-01", {"1K": 9, "4K": 24}),
        ("2026-03-01", {"1K": 8, "4K": 30}),
    ]


def test_an_example_that_says_otherwise_stops_the_change(mine: Path) -> None:
    run(*SET)
    before = mine.read_text(encoding="utf-8")

    result = run("catalog", "price", "my/table", "--set", "4K=27", "--from", "2026-02-01")

    assert (result.exit_code, mine.read_text(encoding="utf-8")) == (2, before)
    assert "examples.0.price.cost_plus_one: the price is 28 on 2026-02-28" in result.stderr


def test_without_set_the_amounts_are_listed(mine: Path) -> None:
    result = run("catalog", "price", "my/table")

    assert result.stdout == "name  amount\n1K         8\n4K        24\n"
    assert result.stderr == "`kie-sync catalog price my/table --set 1K=...` changes one\n"


WRONG = {
    "no such cell": (["--set", "8K=3"], "--set 8K=3: the price has no 8K; its amounts are: 1K (8), 4K (24)"),
    "no figure": (["--set", "4K=3,5"], "--set 4K=3,5: write a figure, such as 4K=20"),
    "no name": (["--set", "30"], "30: write a figure, such as 30=20"),
    "both at once": (
        ["--set", "8K=3", "--set", "4K=x"],
        "8K=3: the price has no 8K; its amounts are: 1K (8), 4K (24); 4K=x: ",
    ),
    "a table taken for one figure": (
        ["--set", "credits=3"],
        "the price has no credits; its amounts are: 1K (8), 4K (24)",
    ),
    "no date": (["--set", "4K=3", "--from", "tomorrow"], "tomorrow is no date; write 2026-12-01"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_told_and_nothing_is_written(words: Any, message: str, mine: Path) -> None:
    result = run("catalog", "price", "my/table", *words)

    assert (result.exit_code, mine.read_text(encoding="utf-8")) == (2, MINE)
    assert message in result.stderr


def test_what_would_break_another_model_is_not_written(mine: Path) -> None:
    heir = (
        "  my/heir:\n    extends: my/table\n    title: Heir\n    price: {credits: {1K: 1}}\n"
        "    examples: [{call: {prompt: a}, sends: {prompt: a}, price: {cost_plus_one: 2}}]\n"
    )
    mine.write_text(MINE + heir, encoding="utf-8")

    result = run(*SET)

    assert (result.exit_code, mine.read_text(encoding="utf-8")) == (2, MINE + heir)
    assert "my/heir" in result.stderr
    assert "the new price does not pass the check, so nothing was written" in result.stderr


def test_amounts_that_hold_already_are_not_written(mine: Path) -> None:
    result = run("catalog", "price", "my/table", "--set", "4K=24")

    assert (result.exit_code, result.stderr) == (0, "my/table: these amounts hold already; nothing to write\n")


# ---- which file ----


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped files as an installation has them."""
    root = tmp_path / "site-packages" / "kie_sync" / "_data"
    shutil.copytree(data_root() / "models", root / "models")
    shutil.copytree(data_root() / "schemas", root / "schemas")
    shutil.copy(data_root() / "models.yaml", root)
    # Those that hold the function first: they are loaded by being named, and must not keep what stands in for it.
    for holder in ("cli.catalog.writing", "cli.catalog.files", "catalog"):
        monkeypatch.setattr(f"kie_sync.{holder}.data_root", lambda: root)
    return root


def test_an_installed_file_is_left_alone(installed: Path) -> None:
    """The price goes into the user's own file, which is in force from then on."""
    before = (installed / "models.yaml").read_bytes()

    result = run("catalog", "price", "google/nano-banana", "--set", "credits=9")

    assert result.exit_code == 0, result.stderr
    assert f"belongs to the installed package; writing into your own file {own_file()}" in result.stderr
    assert (installed / "models.yaml").read_bytes() == before
    assert [price.amounts for price in load_catalog()["google/nano-banana"].prices] == [4, 9]
    assert run("catalog", "check").exit_code == 0


def test_an_installed_file_cannot_be_named(installed: Path) -> None:
    file = str(installed / "models.yaml")
    result = run("catalog", "price", "google/nano-banana", "--set", "credits=9", "--file", file)

    assert result.exit_code == 2
    assert f"leave --file out to write into {own_file()}" in result.stderr


def test_a_file_that_is_not_in_force_is_told(tmp_path: Path) -> None:
    result = run("catalog", "price", "google/nano-banana", "--set", "credits=9", "--file", "new.yaml")

    assert result.exit_code == 0
    assert "warning: new.yaml is not in force by itself: give it with --catalog or KIE_CATALOG" in result.stderr
    assert read_catalog(tmp_path / "new.yaml")["google/nano-banana"].prices[-1].amounts == 9


def test_a_model_of_a_file_that_is_not_in_force_is_found_there(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--file` is enough: nobody has to name it with --catalog as well."""
    monkeypatch.delenv("KIE_CATALOG")

    result = run(*SET, "--file", "my.yaml")

    assert result.exit_code == 0, result.output
    assert "warning: my.yaml is not in force by itself: give it with --catalog or KIE_CATALOG" in result.stderr
    assert mine.read_text(encoding="utf-8").endswith(AFTER.replace("TODAY", today()))


def test_a_later_file_that_wins_is_told(mine: Path) -> None:
    (mine.parent / "later.yaml").write_text("models: {my/table: {price: {source: later}}}\n", encoding="utf-8")

    result = run(*SET, "--catalog", "later.yaml", "--file", "my.yaml", "--dry-run")

    assert "warning: later.yaml comes later, states a price as well, and wins" in result.stderr


def test_the_line_ends_of_windows_stay(mine: Path) -> None:
    mine.write_bytes(MINE.replace("\n", "\r\n").encode())

    assert run(*SET).exit_code == 0
    found = mine.read_bytes()
    assert found.count(b"\n") == found.count(b"\r\n") > 20


@pytest.mark.parametrize("model", ["nano-banana-pro", "grok-4-5"])
def test_shipped_prices_can_be_changed(model: str) -> None:
    """A table, and tokens of a model that takes its unit over from a base."""
    name = run_json("catalog", "price", model)["amounts"][0]["name"]
    result = run("catalog", "price", model, "--set", f"{name}=7", "--dry-run")

    assert (result.exit_code, result.stdout.count("valid_from")) == (0, 1), result.stderr


# ---- amounts by name ----

CASES = {
    "unit": "second",
    "by": "resolution",
    "cases": [
        {"when": {"a": True}, "credits": {"720p": {"5": 1, "10": 2}, "1080p": "unknown"}},
        {"credits": 5, "surcharges": [{"per": "images", "credits": Decimal("0.5")}]},
    ],
}


def test_every_amount_has_a_name() -> None:
    names = {cell.name: cell.amount for cell in cells(CASES)}

    assert names == {
        "case1/720p/5": 1,
        "case1/720p/10": 2,
        "case1/1080p": "unknown",
        "case2": 5,
        "case2/surcharge": Decimal("0.5"),
    }


def test_amounts_are_found_by_as_much_of_the_name_as_is_needed() -> None:
    changed = change(CASES, ["720p/10=3", "1080p=not_offered", "surcharge=1.25", "case2=6"])

    assert [cell.amount for cell in cells(changed)] == [1, 3, "not_offered", 6, Decimal("1.25")]
    with pytest.raises(CannotReprice, match="several amounts fit 720p: case1/720p/5, case1/720p/10"):
        change(CASES, ["720p=3"])


def test_a_price_that_was_unknown_gets_an_amount() -> None:
    assert change({"unit": "image", "unknown": "no page"}, ["credits=4"]) == {"unit": "image", "credits": 4}
    with pytest.raises(CannotReprice, match="write `unknown: why` by hand"):
        change({"unit": "image", "credits": 4}, ["credits=unknown"])
