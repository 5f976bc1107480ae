"""YAML as people mean it: what a word becomes, where it stands, and what is said of each slip."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kie_sync.errors import KieCatalogError
from kie_sync.yamlfile import Mark, mark_at, merge, read_yaml

SCALARS = {
    "16:9": "16:9",
    "9:16": "9:16",
    "on": "on",
    "off": "off",
    "yes": "yes",
    "no": "no",
    "007": "007",
    "1K": "1K",
    "2026-01-21": "2026-01-21",
    "2026-10-07T06:00:00Z": "2026-10-07T06:00:00Z",
    "0x10": "0x10",
    "1_000": "1_000",
    "1,000": "1,000",
    ".inf": ".inf",
    ".nan": ".nan",
    "5s": "5s",
    "=": "=",
    "true": True,
    "True": True,
    "FALSE": False,
    "~": None,
    "null": None,
    "Null": None,
    "": None,
    "0": 0,
    "12": 12,
    "-3": -3,
    "+5": 5,
    "9007199254740993": 9007199254740993,
    "2.10": Decimal("2.10"),
    ".5": Decimal("0.5"),
    "-0.5": Decimal("-0.5"),
    "5.": Decimal("5"),
    "1e3": Decimal("1E+3"),
    "'5'": "5",
    '"true"': "true",
    "''": "",
    "!!str 5": "5",
    "'16:9'": "16:9",
    "9" * 101: "9" * 101,
    "1e9999": "1e9999",
}


@pytest.mark.parametrize(("written", "meant"), SCALARS.items(), ids=[text[:24] or "nothing" for text in SCALARS])
def test_a_scalar_is_what_it_looks_like(written: str, meant: Any) -> None:
    found = read_yaml(f"a: {written}\n", "f.yaml")["a"]

    assert (found, type(found), str(found)) == (meant, type(meant), str(meant))


@pytest.mark.parametrize(
    "text", ["{16:9: a, 5: b, true: c, 2.10: d, on: e}", "16:9: a\n5: b\nTrue: c\n2.10: d\non: e\n"]
)
def test_keys_are_text(text: str) -> None:
    assert read_yaml(text, "f.yaml") == {"16:9": "a", "5": "b", "true": "c", "2.10": "d", "on": "e"}


def test_a_quoted_key_keeps_its_letters() -> None:
    assert read_yaml("'True': 1", "f.yaml") == {"True": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff"], ids=["empty", "comment", "mark"])
def test_a_file_without_content_is_an_empty_mapping(text: str) -> None:
    assert read_yaml(text, "f.yaml") == {}


def test_block_text_stays_text() -> None:
    assert read_yaml("a: >-\n  5\nb: |\n  true\n", "f.yaml") == {"a": "5", "b": "true\n"}


def test_a_byte_order_mark_is_no_part_of_the_first_key() -> None:
    assert read_yaml("\ufeffa: 1", "f.yaml") == {"a": 1}


def test_an_anchor_gives_the_same_value_again() -> None:
    assert read_yaml("a: &x {b: [1]}\nc: *x\n", "f.yaml") == {"a": {"b": [1]}, "c": {"b": [1]}}


FAULTS = {
    "duplicate key": (
        "a: 1\nb:\n  c: 1\n  c: 2\n",
        4,
        3,
        "the key c stands twice; the first is in line 3; remove one of them",
    ),
    "duplicate true": (
        "{true: 1, True: 2}",
        1,
        11,
        "the key true stands twice; the first is in line 1; remove one of them",
    ),
    "tab": ("a:\n\tb: 1\n", 2, 1, "a tab stands where YAML wants spaces; begin this line with 2 spaces"),
    "tab further down": (
        "a:\n  b: 1\n\tc: 2\n",
        3,
        1,
        "a tab stands where YAML wants spaces; begin this line with 2 spaces",
    ),
    "@ at the start": ("a: @cat", 1, 4, "text that begins with @ needs quotes"),
    "` at the start": ("a: `cat`", 1, 4, "text that begins with ` needs quotes"),
    "% at the start": ("a: %5", 1, 4, "text that begins with % needs quotes"),
    "tag": ("a: !foo 1", 1, 4, "the tag !foo is not allowed here; remove it"),
    "python tag": (
        "a: !!python/object:os.system x",
        1,
        4,
        "the tag tag:yaml.org,2002:python/object:os.system is not allowed here; remove it",
    ),
    "list as key": ("? [1]\n: 2", 1, 3, "a key must be plain text"),
    "merge key": (
        "<<: {a: 1}",
        1,
        1,
        "<< does not merge here; write the words out, or give a whole value by its anchor",
    ),
    "no space after a colon": (
        "{16:9:landscape}",
        1,
        2,
        "16:9:landscape has no value; between braces a space must follow the colon",
    ),
    "anchor in itself": ("a: &x [*x]", 1, 4, "this anchor contains itself"),
    "unknown anchor": ("a: *x", 1, 4, "text that begins with * needs quotes"),
    "two documents": (
        "---\na: 1\n---\nb: 2\n",
        3,
        1,
        "expected a single document in the stream but found another document",
    ),
    "control character": ("a: 1\nb: \x01", 2, 4, "control characters are not allowed (character 1)"),
    "too many brackets": ("a:\n  " + "[" * 250, 2, 3, "the brackets stand too deep inside each other"),
    "too deep": ("- " * 5000, 1, 1, "lists and mappings stand too deep inside each other"),
    "full-width colon": (
        "models：\n  a: 1\n",
        2,
        4,
        "a full-width colon (：) stands here or in the line above; YAML wants : and a space",
    ),
}


@pytest.mark.parametrize(("text", "line", "column", "message"), FAULTS.values(), ids=FAULTS)
def test_a_slip_is_told_in_one_sentence_at_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(KieCatalogError) as raised:
        read_yaml(text, "f.yaml")

    error = raised.value
    assert (error.file, error.line, error.column, str(error)) == (
        "f.yaml",
        line,
        column,
        f"f.yaml:{line}:{column}: {message}",
    )


TEXT = "a:\n  b: 1\n  c: [x, {d: 2}]\n"


@pytest.mark.parametrize(
    ("path", "at_key", "place"),
    [
        ((), False, (1, 1)),
        (("a",), True, (1, 1)),
        (("a", "b"), False, (2, 6)),
        (("a", "b"), True, (2, 3)),
        (("a", "c", 1), False, (3, 10)),
        (("a", "c", 1, "d"), False, (3, 14)),
        (("a", "c", 7), False, (3, 6)),
        (("a", "nothing", "deeper"), False, (2, 3)),
    ],
)
def test_every_part_knows_its_place(path: Tuple[Any, ...], at_key: bool, place: Tuple[int, int]) -> None:
    assert mark_at(read_yaml(TEXT, "f.yaml"), path, key=at_key) == Mark("f.yaml", *place)


def test_what_is_no_tree_stands_at_the_start() -> None:
    assert mark_at(5, ("a",)) == Mark("", 1, 1)


MERGES = {
    "mappings merge": ("a: {b: 1, c: 2}", "a: {c: 3, d: 4}", {"a": {"b": 1, "c": 3, "d": 4}}),
    "lists replace": ("a: [1, 2]", "a: [3]", {"a": [3]}),
    "a value replaces a mapping": ("a: {b: 1}", "a: 5", {"a": 5}),
    "null removes": ("a: {b: 1, c: 2}", "a: {b: null}", {"a": {"c": 2}}),
    "null of what is not there stays": ("a: {b: 1}", "a: {c: null}", {"a": {"b": 1, "c": None}}),
}


@pytest.mark.parametrize(("base", "over", "merged"), MERGES.values(), ids=MERGES)
def test_one_file_is_laid_on_another(base: str, over: str, merged: Any) -> None:
    assert merge(read_yaml(base, "base"), read_yaml(over, "over")) == merged


def test_a_merged_tree_remembers_both_files() -> None:
    merged = merge(read_yaml("a:\n  b: 1\n  c: 2\n", "base"), read_yaml("a: {c: 3}", "over"))

    assert (mark_at(merged, ("a", "b")).file, mark_at(merged, ("a", "c")).file) == ("base", "over")


@given(st.text(alphabet="ab:-[]{},'\"#&*!|> \n\t0159.e~", max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    try:
        read_yaml(text, "f.yaml")
    except KieCatalogError as error:
        assert error.line >= 1
        assert error.column >= 1
