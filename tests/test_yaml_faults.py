"""Slips that YAML itself only calls ungrammatical: where they were made, and what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from kie_sync.catalog import read_catalog
from kie_sync.errors import CatalogProblem, KieCatalogError
from kie_sync.yaml_faults import entry_at
from kie_sync.yamlfile import read_yaml

SLIPS: Dict[str, Tuple[str, str]] = {
    "one space too few": (
        "m:\n  x:\n   title: a\n    kind: b\n    of: c\n",
        "3:4: this line begins with 3 spaces; write 4, as the lines that it belongs with",
    ),
    "one space too many": (
        "m:\n  x:\n    title: a\n     kind: b\n    of: c\n",
        "4:6: this line begins with 5 spaces; write 4, as the lines that it belongs with",
    ),
    "noticed at the next entry": (
        "m:\n  x:\n    a: 1\ny:\n    a: 1\n  z:\n    a: 1\n",
        "4:1: this line begins with no spaces; write 2, as the lines that it belongs with",
    ),
    "two ways to mend": (
        "a:\n  b: 1\n c: 2\n",
        "3:2: this line begins with 1 space; write 2 or 0, as the lines that it belongs with",
    ),
    "the line above is gone": (
        "x:\n  title: a\n      prompt: b\n      images: c\n",
        "3:7: this line stands deeper than line 2, which has its value already; write it as deep as that one, "
        "or put back the line that it belongs under",
    ),
    "a tab": (
        "x:\n  a: 1\n\tb: 2\n  c: 3\n",
        "3:1: a tab stands where YAML wants spaces; begin this line with 2 spaces",
    ),
    "a tab after spaces": (
        "x:\n  a:\n  \tb: 2\n    c: 3\n",
        "3:3: a tab stands where YAML wants spaces; begin this line with 4 spaces",
    ),
    "tabs everywhere": ("x:\n\ta: 1\n\tb: 2\n", "2:1: a tab stands where YAML wants spaces; indent with spaces"),
    "no comma in a mapping": ("a: {b: 1 c: 2}\n", "1:9: a comma is missing here; write 1, c"),
    "no comma in a list": ("a: ['x' 'y']\n", "1:8: a comma is missing here; write 'x', 'y'"),
    "a bracket not closed before another": (
        "a: {b: [1, 2}\n",
        "1:8: the [ that opens here is not closed; write ] where what belongs to it ends",
    ),
    "a bracket not closed at all": (
        "a: [1, 2\nb: 3\n",
        "1:4: the [ that opens here is not closed; write ] where the line ends",
    ),
    "a quote not closed": (
        "a: 'x\nb: 1\n",
        "1:4: the quote that opens here is not closed; write ' where the text ends",
    ),
    "a colon in text": (
        "a:\n  b: Note: it's new\n",
        "2:6: text that holds a colon and a space needs quotes; write b: 'Note: it''s new'",
    ),
    "no colon": ("a: 1\nb\nc: 2\n", "2:1: a colon, or the space after it, is missing; write b:"),
    "a space for a colon": (
        "a:\n  kind image\n  b: 2\n",
        "2:3: a colon, or the space after it, is missing; write kind: image",
    ),
    "no space after a colon": (
        "a:\n  kind:image\n  b: 2\n",
        "2:3: a colon, or the space after it, is missing; write kind: image",
    ),
    "no space between braces": ("a: {b: 1, c:}", "1:12: between braces a space must follow the colon"),
}


@pytest.mark.parametrize(("text", "said"), SLIPS.values(), ids=SLIPS)
def test_a_slip_is_told_where_it_was_made_with_what_to_write(text: str, said: str) -> None:
    with pytest.raises(KieCatalogError) as raised:
        read_yaml(text, "f.yaml")

    assert str(raised.value) == f"f.yaml:{said}"


def test_what_nothing_mends_is_told_in_the_words_of_yaml() -> None:
    with pytest.raises(KieCatalogError, match=r"2:1: .*did not find expected key: is this line, or the one above, "):
        read_yaml("a: 1\n- b\n", "f.yaml")


def test_slips_that_leave_the_rest_readable_are_told_together() -> None:
    found: List[CatalogProblem] = []

    read = read_yaml("a: {b: 1, b: 2, c: !x 3}\nd: {1:2, e: 5}\n? [1]\n: 2\n<<: 5\n", "f.yaml", found)

    assert dict(read) == {"a": {"b": 1, "c": 3}, "d": {"e": 5}}
    assert [(problem.line, problem.message) for problem in found] == [
        (1, "the tag !x is not allowed here; remove it"),
        (1, "the key b stands twice; the first is in line 1; remove one of them"),
        (2, "1:2 has no value; between braces a space must follow the colon"),
        (3, "a key must be plain text"),
        (5, "<< does not merge here; write the words out, or give a whole value by its anchor"),
    ]


def test_keys_that_stand_twice_together_are_one_fault() -> None:
    """The first line of an entry was deleted: all of it now belongs to the entry above."""
    found: List[CatalogProblem] = []

    read_yaml("x:\n  a: 1\n  b: 1\n  c: 1\n  a: 2\n  b: 2\n  c: 2\n", "f.yaml", found)

    assert [str(problem) for problem in found] == [
        "f.yaml:5:3: the keys a, b and c stand twice; the first is in line 2; "
        "is the line missing that another entry begins with?"
    ]


ENTRIES = "# x\nmodels:\n\n  a/b:\n    kind: x\n    more:\n      - y: 1\n   'c':\n    kind: z\nother: {}\n"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (0, None),
        (1, None),
        (3, ("models", "a/b", 3, 7)),
        (6, ("models", "a/b", 3, 7)),
        (7, ("models", "c", 7, 9)),
        (8, ("models", "c", 7, 9)),
        (9, None),
    ],
)
def test_every_line_belongs_to_an_entry_or_to_none(line: int, found: Any) -> None:
    assert entry_at(ENTRIES, line) == found


def test_an_entry_that_is_no_yaml_hides_itself_alone(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    entry = "  my/{}:\n    kind: image\n    endpoint: kie-task\n    title: {}\n"
    texts = {"a": "a", "b": "[b", "c": "c: c", "d": "d", "e": "e\n    kind: image"}
    file.write_text("models:\n" + "".join(entry.format(*each) for each in texts.items()), encoding="utf-8")

    catalog = read_catalog(file)

    assert [model_id for model_id in catalog if model_id.startswith("my/")] == ["my/a", "my/d"]
    assert [str(problem).replace(f"{file}:", "") for problem in catalog.errors] == [
        "9:12: my/b: the [ that opens here is not closed; write ] where the line ends",
        "13:12: my/c: text that holds a colon and a space needs quotes; write title: 'c: c'",
        "22:5: my/e: the key kind stands twice; the first is in line 19; remove one of them",
    ]
    with pytest.raises(KieCatalogError, match="my/c: text that holds a colon"):
        catalog["my/c"]


def test_a_base_with_a_key_twice_breaks_what_extends_it(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(
        "bases:\n  b:\n    kind: image\n    endpoint: kie-task\n    kind: video\nmodels:\n  my/a: {extends: b}\n",
        encoding="utf-8",
    )

    catalog = read_catalog(file)

    assert "my/a" not in catalog
    assert [str(problem).replace(f"{file}:", "") for problem in catalog.errors] == [
        "5:5: bases.b: the key kind stands twice; the first is in line 3; remove one of them"
    ]
    with pytest.raises(KieCatalogError, match=r"my/a: bases\.b: the key kind stands twice"):
        catalog["my/a"]


def test_what_is_not_found_may_stand_in_what_could_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("models: {my/a: {extends: gone}}\nbases: {other: {kind: image}\n", encoding="utf-8")
    other = tmp_path / "other.yaml"
    other.write_text("models: {my/a: {extends: gone}}\n", encoding="utf-8")

    catalog = read_catalog(file, other)

    assert catalog.errors[-1].message.endswith(f"(not read, because of faults: {file})")
