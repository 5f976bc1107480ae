"""Each page and its Chinese twin: the same parts in the same order; and every story of the terminal is told."""

from __future__ import annotations

import re
import runpy
from typing import Dict, List

import pytest
from conftest import ROOT

NAMES = ("README", "docs/catalog", "docs/guide", "docs/callbacks", "docs/reliability")
STORIES = runpy.run_path(str(ROOT / "docs" / "terminal.py"))["STORIES"]


def twins(name: str) -> Dict[str, str]:
    other = f"{name}.zh-CN" if name == "README" else name.replace("docs/", "docs/zh/")
    pages = {"en": (ROOT / f"{name}.md"), "zh": (ROOT / f"{other}.md")}
    texts = {lang: page.read_text(encoding="utf-8") for lang, page in pages.items()}
    # The words of the schema stand on the English page only.
    return {lang: re.split(r"\n## (?:Every word|所有的词)\n", text)[0] for lang, text in texts.items()}


def blocks(text: str) -> List[str]:
    return re.findall(r"^```\w*\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(params=NAMES)
def pages(request: pytest.FixtureRequest) -> Dict[str, str]:
    return twins(request.param)


def test_twins_have_the_same_blocks(pages: Dict[str, str]) -> None:
    assert blocks(pages["zh"]) == blocks(pages["en"])


def test_twins_have_the_same_chapters(pages: Dict[str, str]) -> None:
    levels = {lang: re.findall(r"^#+", without_blocks(text), re.MULTILINE) for lang, text in pages.items()}

    assert levels["zh"] == levels["en"]


def test_twins_have_the_same_rows_in_their_tables(pages: Dict[str, str]) -> None:
    """A row that one language lacks is a fact that it lacks; one that stands twice was merged badly."""
    rows = {lang: len(re.findall(r"^\|", without_blocks(text), re.MULTILINE)) for lang, text in pages.items()}

    assert rows["zh"] == rows["en"]


def test_twins_name_the_same_options_and_variables(pages: Dict[str, str]) -> None:
    """In their sentences: blocks are compared whole."""
    names = {
        lang: set(re.findall(r"`[^`\n]*?(--[a-z-]+|KIE_[A-Z_]+)", without_blocks(text))) for lang, text in pages.items()
    }

    assert names["zh"] == names["en"]


@pytest.mark.parametrize("page", ["docs/catalog.md", "docs/zh/catalog.md"])
def test_every_chapter_is_in_the_list_at_the_top(page: str) -> None:
    text = without_blocks((ROOT / page).read_text(encoding="utf-8"))
    listed = re.findall(r"^- \[(.+)\]\(#", text, re.MULTILINE)

    assert listed == re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_every_story_of_the_terminal_is_told() -> None:
    told = re.findall(r"<!-- generated: terminal ([\w-]+) -->", twins("docs/catalog")["en"])

    assert sorted(told) == sorted(STORIES)
