"""`catalog diff`: differences in meaning, between files, folders and git revisions."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, List

import pytest
from conftest import ROOT
from test_cli import run, run_json

OLD = """\
models:
  my/model:
    title: Mine
    kind: image
    endpoint: kie-task
    source: a test
    checked: 2026-01-01
    parameters:
      prompt:       {required: true, max_length: 5000}
      aspect_ratio: {values: [1:1, 16:9, 21:9], default: 1:1}
      resolution:   {values: {1K: small, 4K: large}, default: 1K}
      seed:         {type: integer}
      shots:        {type: list, items: {type: object, fields: {scene: {max_length: 100}, cut: {}}}}
    rules:
      - {when: {resolution: 4K}, then: {seed: {forbidden: true}}}
    price: {unit: image, by: resolution, credits: {1K: 8, 4K: 24}, source: a test, checked: 2026-01-01}
    tariffs:
      reference: {unit: image, credits: 9, source: a test, checked: 2026-01-01}
"""

ONE_MODEL = {
    "nothing": ("source: a test\n    checked: 2026-01-01\n    parameters", "source: b\n    parameters", []),
    "an amount": ("4K: 24}", "4K: 30}", ["price of resolution 4K +25 % (24 -> 30 credits per image)"]),
    "all amounts": ("1K: 8, 4K: 24", "1K: 4, 4K: 12", ["price -50 %, all amounts (8 -> 4, 24 -> 12)"]),
    "a third": ("4K: 24}", "4K: 32}", ["price of resolution 4K +33.3 % (24 -> 32 credits per image)"]),
    "no amount": ("4K: 24}", "4K: unknown}", ["price of resolution 4K: 24 credits per image -> unknown"]),
    "another unit": (
        "price: {unit: image",
        "price: {unit: request",
        [
            "price of resolution 1K: 8 credits per image -> 8 credits per request",
            "price of resolution 4K: 24 credits per image -> 24 credits per request",
        ],
    ),
    "no price": (
        "    price: {unit: image, by: resolution, credits: {1K: 8, 4K: 24}, source: a test, checked: 2026-01-01}\n",
        "",
        ["price gone: 8 credits per image (resolution 1K); 24 credits per image (resolution 4K)"],
    ),
    "a tariff's figure": ("credits: 9", "credits: 18", ["reference price +100 % (9 -> 18 credits per image)"]),
    "a value": ("16:9, 21:9]", "16:9, auto]", ["aspect_ratio 21:9 gone", "aspect_ratio auto new"]),
    "a value's word on the wire": ("4K: large", "4K: huge", ["resolution 4K on the wire large -> huge"]),
    "a limit": ("max_length: 5000", "max_length: 10000", ["prompt max length 5000 -> 10000"]),
    "a default": ("default: 1:1", "default: 16:9", ["aspect_ratio default 1:1 -> 16:9"]),
    "a parameter": (
        "seed:         {type: integer}",
        "seed: {type: integer}\n      style: {required: true}",
        ["parameter style new, required"],
    ),
    "a parameter inside": ("cut: {}", "pan: {}", ["parameter shots[].cut gone", "parameter shots[].pan new"]),
    "a limit inside": ("max_length: 100}", "max_length: 99}", ["shots[].scene max length 100 -> 99"]),
    "a whole list": (
        "      shots:        {type: list, items: {type: object, fields: {scene: {max_length: 100}, cut: {}}}}\n",
        "",
        ["parameter shots gone"],
    ),
    "a rule": (
        "{seed: {forbidden: true}}",
        "{seed: {required: true}}",
        [
            'rule gone: when resolution is "4K": seed is not allowed',
            'rule new: when resolution is "4K": seed is required',
        ],
    ),
    "its end": (
        "title: Mine",
        "title: Mine\n    retired_on: 2026-06-01\n    replaced_by: nano-banana-pro",
        ["model retired on 2026-06-01; use nano-banana-pro"],
    ),
    "a price to come": (
        "price: {unit: image, by: resolution, credits: {1K: 8, 4K: 24}, source: a test, checked: 2026-01-01}",
        "price:\n"
        "      - {unit: image, by: resolution, credits: {1K: 8, 4K: 24}, source: a test, checked: 2026-01-01}\n"
        "      - {unit: image, by: resolution, credits: {1K: 8, 4K: 12}, valid_from: 2999-01-01, source: a}",
        ["price from 2999-01-01 of resolution 4K -50 % (24 -> 12 credits per image)"],
    ),
    "a name": ("title: Mine", "title: Yours", ["title Mine -> Yours"]),
    "a fault": ("kind: image", "kind: imge", ["cannot be read: imge is not allowed"]),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.yaml").write_text(OLD, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("was", "is_now", "texts"), ONE_MODEL.values(), ids=ONE_MODEL)
def test_a_difference_in_words(was: str, is_now: str, texts: List[str], here: Path) -> None:
    assert was in OLD
    (here / "new.yaml").write_text(OLD.replace(was, is_now), encoding="utf-8")

    result = run("catalog", "diff", "old.yaml", "new.yaml")

    assert result.exit_code == (1 if texts else 0), result.stderr
    found = [line[2:] for line in result.stdout.splitlines()[1:]]
    assert [line.partition(";")[0] if "cannot be read" in line else line for line in found] == texts
    assert result.stdout.splitlines()[:1] == (["my/model"] if texts else [])


def test_models_come_and_go(here: Path) -> None:
    (here / "new.yaml").write_text(
        OLD.replace("my/model", "my/other") + "  google/nano-banana: null\n", encoding="utf-8"
    )

    found = run("catalog", "diff", "old.yaml", "new.yaml").stdout

    assert "my/model\n  model gone\n" in found
    assert "my/other\n  new model: Mine (image, 8 credits per image)\n" in found
    assert "google/nano-banana\n  hidden by new.yaml:19\n" in found


def test_what_models_share_is_compared(here: Path) -> None:
    (here / "new.yaml").write_text(
        OLD + "endpoints: {kie-task: {path: /v2}}\ntariffs: {reference: null}\n", encoding="utf-8"
    )

    found = run("catalog", "diff", "old.yaml", "new.yaml").stdout

    assert "endpoint kie-task\n  path /api/v1/jobs/createTask -> /v2\n" in found
    assert "tariff reference\n  gone\n" in found


def test_a_program_gets_the_figures(here: Path) -> None:
    (here / "new.yaml").write_text(OLD.replace("4K: 24}", "4K: 30}"), encoding="utf-8")

    result = run("catalog", "diff", "old.yaml", "new.yaml", "--json")

    assert (result.exit_code, result.stderr) == (1, "")
    text = "price of resolution 4K +25 % (24 -> 30 credits per image)"
    assert json.loads(result.stdout) == {"my/model": [{"sort": "price", "text": text, "old": "24", "new": "30"}]}
    assert run_json("catalog", "diff", "old.yaml", "old.yaml") == {}


def test_another_days_prices_can_be_compared(here: Path) -> None:
    dated = OLD.replace("price: {unit", "price:\n      - {unit").replace(
        "    tariffs:",
        "      - {unit: image, credits: 30, valid_from: 2999-01-01, source: a, checked: 2026-01-01}\n    tariffs:",
    )
    (here / "new.yaml").write_text(dated, encoding="utf-8")

    found = run("catalog", "diff", "old.yaml", "new.yaml", "--on", "2999-02-01").stdout

    assert "  price new (30 credits per image)\n" in found


def git(*words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_revisions_are_read_with_what_they_include(here: Path) -> None:
    shutil.copy(ROOT / "models.yaml", here)
    shutil.copytree(ROOT / "models", here / "models")
    git("init", "-q", ".")
    git("add", "models.yaml", "models", "old.yaml")
    git("commit", "-q", "-m", "one")
    git("tag", "v1")
    (here / "models" / "mine.yaml").write_text(OLD, encoding="utf-8")
    (here / "old.yaml").write_text(OLD.replace("4K: 24}", "4K: 30}"), encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "two")

    same, grown = run("catalog", "diff", "v1", "v1"), run("catalog", "diff", "v1", "HEAD")
    folder, file = run("catalog", "diff", "HEAD", "."), run("catalog", "diff", "HEAD~1:old.yaml", "old.yaml")
    missing = run("catalog", "diff", "v1:none.yaml", "HEAD")

    assert (same.exit_code, same.stderr) == (0, "no difference in meaning\n")
    assert (grown.exit_code, grown.stdout) == (1, "my/model\n  new model: Mine (image, 8 credits per image)\n")
    assert grown.stderr == "1 difference in 1 entry\n"
    assert (folder.exit_code, folder.stdout) == (0, "")
    assert "+25 %" in file.stdout
    assert "there is no file none.yaml in the revision v1; name it as v1:PATH" in missing.stderr


WRONG = {
    "nothing of the name": ("none.yaml", "there is no file, no folder and no git revision none.yaml"),
    "an option for git": ("--", "Missing argument 'OLD'"),
    "an empty folder": ("empty", "there is no catalog file in the folder empty"),
}


@pytest.mark.parametrize(("named", "message"), WRONG.values(), ids=WRONG)
def test_a_word_that_means_nothing_is_told(named: str, message: str, here: Path) -> None:
    (here / "empty").mkdir()

    result = run("catalog", "diff", named)

    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def test_without_new_it_is_the_catalog_in_force(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_CATALOG", "old.yaml")

    shipped = run("catalog", "diff", str(ROOT / "models.yaml"))
    same: Any = run("catalog", "diff", "old.yaml")

    assert (shipped.exit_code, shipped.stdout.splitlines()[0], same.exit_code) == (1, "my/model", 0)
