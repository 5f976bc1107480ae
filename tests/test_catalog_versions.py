"""Files of an older version: read as before, with a warning; and rewritten on request."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from test_cli import run, run_json

from kie_sync.catalog import read_catalog, read_schema
from kie_sync.catalog_versions import RENAMED, VERSION
from kie_sync.yamlfile import read_yaml

OLD = """\
# the rate of our bank
schema_version: 1   # of the first release
money:
  # yuan for a dollar
  usd_cny:    7.3   # by hand
  credit_usd: 0.005
models: {}
"""
NEW = """\
# the rate of our bank
schema_version: 2   # of the first release
money:
  # yuan for a dollar
  cny_per_usd:    7.3   # by hand
  usd_per_credit: 0.005
models: {}
"""


@pytest.fixture(autouse=True)
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(OLD, encoding="utf-8")
    return tmp_path / "my.yaml"


def test_the_schema_and_the_shipped_file_are_of_this_version() -> None:
    shipped = read_yaml((ROOT / "models.yaml").read_text(encoding="utf-8"), "")

    assert (shipped["schema_version"], read_schema()["properties"]["schema_version"]["const"]) == (VERSION, VERSION)
    words = json.dumps(read_schema())
    for _, _, old, new in RENAMED:
        assert (f'"{old}"' in words, f'"{new}"' in words) == (False, True)


@pytest.mark.parametrize("text", [OLD, OLD.replace("schema_version: 1", "# none:")], ids=["version 1", "no version"])
def test_an_old_file_means_what_it_meant(text: str, mine: Path) -> None:
    mine.write_text(text, encoding="utf-8")

    catalog = read_catalog("my.yaml")

    assert (catalog.money.cny_per_usd, catalog.money.usd_per_credit) == (Decimal("7.3"), Decimal("0.005"))
    assert [str(problem) for problem in catalog.problems] == [
        "my.yaml:6:3: warning: money.credit_usd: credit_usd is called usd_per_credit since version 2; "
        "`kie-sync catalog migrate my.yaml` changes it",
        "my.yaml:5:3: warning: money.usd_cny: usd_cny is called cny_per_usd since version 2; "
        "`kie-sync catalog migrate my.yaml` changes it",
    ]
    assert run("catalog", "check", "my.yaml").exit_code == 0


def test_an_old_file_is_rewritten(mine: Path) -> None:
    before = read_catalog("my.yaml").money

    result = run("catalog", "migrate", "my.yaml")

    assert (result.exit_code, result.stderr) == (0, "my.yaml: is at version 2 now\n")
    assert mine.read_text(encoding="utf-8") == NEW
    after = read_catalog("my.yaml")
    assert (after.money, after.problems) == (before, ())


def test_a_new_file_stays_as_it_is(mine: Path) -> None:
    mine.write_text(NEW, encoding="utf-8")

    result = run("catalog", "migrate", "my.yaml")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "my.yaml: nothing to change for version 2\n")
    assert mine.read_text(encoding="utf-8") == NEW


def test_a_dry_run_writes_nothing(mine: Path) -> None:
    (found,) = run_json("catalog", "migrate", "my.yaml", "--dry-run")["files"]

    assert ("+  cny_per_usd:    7.3   # by hand\n" in found["diff"], found["is_written"]) == (True, False)
    assert mine.read_text(encoding="utf-8") == OLD


def test_old_words_in_a_file_of_this_version_are_a_fault(mine: Path) -> None:
    mine.write_text("schema_version: 2\nmoney: {usd_cny: 7.3}\n", encoding="utf-8")

    (problem,) = read_catalog("my.yaml").errors

    assert "there is no word usd_cny here" in problem.message


WRONG: Any = {
    "a newer version": ("schema_version: 3\n", "my.yaml is of version 3; this kie-sync knows up to 2; upgrade it"),
    "no mapping": ("- a\n", "my.yaml is no catalog file"),
    "no YAML": ("a: [\n", "my.yaml:2:1"),
    "an alias": ("x: &m {usd_cny: 7}\nmoney: *m\n", "my.yaml: money is an alias"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_rewritten_is_told(text: str, message: str, mine: Path) -> None:
    mine.write_text(text, encoding="utf-8")

    result = run("catalog", "migrate", "my.yaml")

    assert (result.exit_code, mine.read_text(encoding="utf-8")) == (2, text)
    assert message in result.stderr


def test_a_file_that_is_not_there_is_told() -> None:
    assert "there is no file none.yaml" in run("catalog", "migrate", "none.yaml").stderr
