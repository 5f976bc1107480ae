"""`catalog drift`: what the platform's pages say now, against what the catalog says; nothing is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from conftest import ROOT
from test_cli_sandbox import run

PAGES = ROOT / "tests" / "pages"
CLIP, PICTURE = PAGES / "clip.md", PAGES / "picture-edit.md"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog file that agrees with the test pages."""
    monkeypatch.chdir(tmp_path)
    done = run("catalog", "import", str(PAGES), "--file", "my.yaml")
    assert done.exit_code == 0, done.stderr
    return tmp_path / "my.yaml"


def drift(page: Path, mine: Path, *more: str) -> Tuple[int, str, str]:
    result = run("catalog", "drift", str(page), "--catalog", str(mine), *more)
    return result.exit_code, result.stdout, result.stderr


def changed(source: Path, folder: Path, *swaps: Tuple[str, str]) -> Path:
    """A page as it may read next month."""
    text = source.read_text(encoding="utf-8")
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new)
    page = folder / source.name
    page.write_text(text, encoding="utf-8")
    return page


def test_entries_made_of_pages_agree_with_them(mine: Path) -> None:
    before = mine.read_bytes()

    code, out, err = drift(PAGES, mine)

    assert (code, out) == (0, "")
    assert err == "3 pages read; 3 models agree, 0 differ in 0 points, 0 are new\n"
    assert mine.read_bytes() == before


def test_what_differs_is_counted(mine: Path) -> None:
    page = changed(PICTURE, mine.parent, ("maxLength: 5000", "maxLength: 20000"))

    code, _, err = drift(page, mine)

    assert (code, err) == (1, "1 page read; 0 models agree, 1 differs in 1 point, 0 are new\n")


NOT_REQUIRED = ("                    - image_urls\n                  x-apidog", "                  x-apidog")
BOOLEAN = "type: boolean\n                      description: Whether"
CHANGES: List[Tuple[Path, List[Tuple[str, str]], str]] = [
    (PICTURE, [("- auto\n", "- '21:9'\n")], "aspect_ratio: new value 21:9"),
    (PICTURE, [("- auto\n", "- '21:9'\n")], "aspect_ratio: value auto is gone"),
    (PICTURE, [("maxLength: 5000", "maxLength: 20000")], "prompt: max_length: 5000 -> 20000"),
    (PICTURE, [("default: 1K", "default: 2K")], "resolution: default: 1K -> 2K"),
    (PICTURE, [("up to 8 images", "up to 14 images")], "images: max_items: 8 -> 14 (by the page's words)"),
    (PICTURE, [("Max size: 30.0MB", "Max size: 10.0MB")], "images: max_mb: 30 -> 10 (by the page's words)"),
    (PICTURE, [(", image/webp", "")], "images: formats: jpeg, png, webp -> jpeg, png (by the page's words)"),
    (PICTURE, [NOT_REQUIRED], "images: required: true -> false"),
    (PICTURE, [("enable_safety_checker:", "safety:")], "safety_checker: gone (enable_safety_checker on the wire)"),
    (PICTURE, [("enable_safety_checker:", "safety:")], "safety: new (boolean; default true)"),
    (PICTURE, [("deprecated: false", "deprecated: true")], "the page calls it deprecated"),
    (
        PICTURE,
        [("/jobs/createTask:", "/jobs/createTask2:")],
        "it is called by /api/v1/jobs/createTask; on the page: /api/v1/jobs/createTask2",
    ),
    (CLIP, [("default: '5'", "default: '10'")], "duration: default: 5 -> 10"),
    (CLIP, [("maximum: 12", "maximum: 10")], "shots[].duration: max: 12 -> 10"),
    (CLIP, [("maxLength: 500", "maxLength: 400")], "shots[].prompt: max_length: 500 -> 400"),
    (CLIP, [(BOOLEAN, BOOLEAN.replace("boolean", "string"))], "sound: type: boolean -> text"),
    (
        CLIP,
        [("2-10\n                        seconds", "2-15\n                        seconds")],
        "videos: media: 2, 10 -> 2, 15 (by the page's words)",
    ),
]


@pytest.mark.parametrize(("source", "swaps", "sentence"), CHANGES, ids=[sentence for _, _, sentence in CHANGES])
def test_a_difference_is_told_in_meaning(
    source: Path, swaps: List[Tuple[str, str]], sentence: str, mine: Path, tmp_path: Path
) -> None:
    code, out, _ = drift(changed(source, tmp_path, *swaps), mine)

    assert code == 1
    assert f"  {sentence}" in out.splitlines()


@pytest.mark.parametrize(
    "swap",
    [
        ("                      maxLength: 5000\n", ""),
        ("(supports up to 8 images)", ""),
        ("                      default: 1K\n", ""),
        ("image/jpeg, image/png, image/webp", "image/png, image/jpg, image/webp"),
    ],
)
def test_what_a_page_does_not_state_is_no_difference(swap: Tuple[str, str], mine: Path, tmp_path: Path) -> None:
    """The entry may know it from elsewhere; and jpg is jpeg."""
    assert drift(changed(PICTURE, tmp_path, swap), mine)[:2] == (0, "")


def test_as_json(mine: Path, tmp_path: Path) -> None:
    code, out, _ = drift(changed(PICTURE, tmp_path, ("maxLength: 5000", "maxLength: 20000")), mine, "--json")

    told: Dict[str, Any] = json.loads(out)
    assert code == 1
    assert told == {
        "pages": 1,
        "models": {
            "acme/picture-edit": [
                {
                    "parameter": "prompt",
                    "what": "max_length",
                    "catalog": 5000,
                    "page": 20000,
                    "text": "prompt: max_length: 5000 -> 20000",
                    "is_guess": False,
                }
            ]
        },
        "unknown": {},
        "faults": [],
    }


def test_a_model_that_the_catalog_lacks_is_told(tmp_path: Path) -> None:
    result = run("catalog", "drift", str(CLIP))

    assert result.exit_code == 1
    assert result.stdout == f"acme/clip-2\n  not in the catalog; to enter it: kie-sync catalog import {CLIP}\n"


def test_pages_about_other_things_are_passed_over_in_a_folder_and_told_alone(mine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "quickstart.md").write_text("# Quick start\n", encoding="utf-8")
    changed(CLIP, folder)

    assert drift(folder, mine)[0] == 0
    code, _, err = drift(folder / "quickstart.md", mine)
    assert (code, "there is no OpenAPI block in it" in err) == (2, True)


def test_a_fault_of_one_page_does_not_hide_the_others(mine: Path, tmp_path: Path) -> None:
    page = changed(PICTURE, tmp_path, ("maxLength: 5000", "maxLength: 20000"))
    result = run("catalog", "drift", str(tmp_path / "none.md"), str(page), "--catalog", str(mine))

    assert result.exit_code == 2
    assert "none.md: the page cannot be read" in result.stderr
    assert "  prompt: max_length: 5000 -> 20000" in result.stdout


def test_no_page_is_a_question_of_usage() -> None:
    result = run("catalog", "drift")

    assert (result.exit_code, "name a page" in result.stderr) == (2, True)


def test_the_network_is_only_asked_by_name(mine: Path) -> None:
    code, _, err = drift(Path("nano-banana-pro"), mine)

    assert (code, "add --fetch" in err) == (2, True)
