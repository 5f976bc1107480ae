"""docs/catalog.md and its Chinese twin: the same parts in the same order; every story of the terminal is told."""

from __future__ import annotations

import re
import runpy
from typing import List

import pytest
from conftest import ROOT

ENGLISH = (ROOT / "docs" / "catalog.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "docs" / "zh" / "catalog.md").read_text(encoding="utf-8")
# The words of the schema stand on the English page only.
PAGES = {"en": ENGLISH.partition("\n## Every word\n")[0], "zh": CHINESE.partition("\n## 所有的词\n")[0]}
STORIES = runpy.run_path(str(ROOT / "docs" / "terminal.py"))["STORIES"]


def blocks(text: str) -> List[str]:
    return re.findall(r"^```\w*\n.*?^```$", text, re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def test_both_pages_have_the_same_blocks() -> None:
    assert blocks(PAGES["zh"]) == blocks(PAGES["en"])


def test_both_pages_have_the_same_chapters() -> None:
    levels = {lang: re.findall(r"^#+", without_blocks(text), re.MULTILINE) for lang, text in PAGES.items()}

    assert levels["zh"] == levels["en"]


def test_both_pages_have_the_same_rows_in_their_tables() -> None:
    """A row that one language lacks is a fact that it lacks."""
    rows = {lang: re.findall(r"^\|", without_blocks(text), re.MULTILINE) for lang, text in PAGES.items()}

    assert len(rows["zh"]) == len(rows["en"])


def test_both_pages_name_the_same_options_and_variables() -> None:
    """In their sentences: blocks are compared whole."""
    names = {
        lang: set(re.findall(r"`[^`\n]*?(--[a-z-]+|KIE_[A-Z_]+)", without_blocks(text))) for lang, text in PAGES.items()
    }

    assert names["zh"] == names["en"]


@pytest.mark.parametrize("lang", PAGES)
def test_every_chapter_is_in_the_list_at_the_top(lang: str) -> None:
    text = without_blocks(ENGLISH if lang == "en" else CHINESE)
    listed = re.findall(r"^- \[(.+)\]\(#", text, re.MULTILINE)

    assert listed == re.findall(r"^## (.+)$", text, re.MULTILINE)


@pytest.mark.parametrize("lang", PAGES)
def test_every_story_of_the_terminal_is_told(lang: str) -> None:
    assert sorted(re.findall(r"<!-- generated: terminal ([\w-]+) -->", PAGES[lang])) == sorted(STORIES)
