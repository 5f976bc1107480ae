"""One place of a YAML file changed, and every other byte of it as it was."""

from __future__ import annotations

import difflib
from decimal import Decimal
from typing import Any, List

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from kie_sync.catalog_repricing import plain
from kie_sync.yamledit import CannotEdit, as_yaml, insert_item, make_list, put, rename_key
from kie_sync.yamlfile import read_yaml

TEXT = """\
# head
models:
  # one
  a/b:
    title: X   # a name
    price:
      # why
      unit: image
      credits: {1K: 8,  2K: 12}   # both
      source: >-
        a long
        text

  c/d: {kind: image,   price: {unit: image, credits: 3}}   # short

  e/f:
    price:
      - {unit: image, credits: 5}
      # second
      - unit: image
        credits: 4
    words:
# end
"""


def lines(old: str, new: str) -> List[str]:
    """What was added and taken away."""
    found = difflib.ndiff(old.splitlines(), new.splitlines())
    return [line for line in found if line[0] in "+-"]


PUT = {
    "a value": (("models", "a/b", "title"), "Y", ["-     title: X   # a name", "+     title: Y   # a name"]),
    "text that needs quotes": (
        ("models", "a/b", "title"),
        "5",
        ["-     title: X   # a name", "+     title: '5'   # a name"],
    ),
    "a value in braces": (
        ("models", "c/d", "kind"),
        "a, b",
        [
            "-   c/d: {kind: image,   price: {unit: image, credits: 3}}   # short",
            "+   c/d: {kind: 'a, b',   price: {unit: image, credits: 3}}   # short",
        ],
    ),
    "a new key": (("models", "a/b", "kind"), "image", ["+     kind: image"]),
    "a new key in braces": (
        ("models", "c/d", "title"),
        "T: u",
        [
            "-   c/d: {kind: image,   price: {unit: image, credits: 3}}   # short",
            "+   c/d: {kind: image,   price: {unit: image, credits: 3}, title: 'T: u'}   # short",
        ],
    ),
    "a cell": (
        ("models", "a/b", "price", "credits", "2K"),
        Decimal("2.10"),
        ["-       credits: {1K: 8,  2K: 12}   # both", "+       credits: {1K: 8,  2K: 2.10}   # both"],
    ),
    "an item's key": (("models", "e/f", "price", 1, "on"), "2026-01-01", ["+         on: 2026-01-01"]),
    "an item's key in braces": (
        ("models", "e/f", "price", 0, "on"),
        "2026-01-01",
        ["-       - {unit: image, credits: 5}", "+       - {unit: image, credits: 5, on: 2026-01-01}"],
    ),
    "into nothing": (("models", "e/f", "words", "a"), 1, ["-     words:", "+     words: {a: 1}"]),
    "a new entry": (("models", "g/h", "price", "credits"), 4, ["+", "+   g/h: {price: {credits: 4}}"]),
}


@pytest.mark.parametrize(("path", "value", "changes"), PUT.values(), ids=PUT)
def test_what_is_put_changes_nothing_else(path: Any, value: Any, changes: List[str]) -> None:
    edited = put(TEXT, path, value)

    found = read_yaml(edited, "")
    for step in path:
        found = found[step]
    assert found == value
    assert [line.rstrip() for line in lines(TEXT, edited)] == changes


def test_a_block_becomes_a_list_with_its_comments() -> None:
    edited = make_list(TEXT, ("models", "a/b", "price"))

    assert (
        "    price:\n      # why\n      - unit: image\n        credits: {1K: 8,  2K: 12}   # both\n"
        "        source: >-\n          a long\n          text\n\n  c/d:" in edited
    )
    meant = plain(read_yaml(TEXT, ""))
    meant["models"]["a/b"]["price"] = [meant["models"]["a/b"]["price"]]
    assert read_yaml(edited, "") == meant


def test_items_are_added_where_they_belong() -> None:
    where = ("models", "e/f", "price")

    last, middle = insert_item(TEXT, where, 2, {"unit": "video"}), insert_item(TEXT, where, 1, {"unit": "video"})
    short = insert_item(make_list(TEXT, ("models", "c/d", "price")), ("models", "c/d", "price"), 1, {"unit": "a"})
    first = insert_item(short, ("models", "c/d", "price"), 0, {"unit": "b"})

    assert "        credits: 4\n      - {unit: video}\n    words:\n" in last
    assert "      # second\n      - {unit: video}\n      - unit: image\n" in middle
    assert "price: [{unit: b}, {unit: image, credits: 3}, {unit: a}]}   # short\n" in first


def test_a_key_is_renamed() -> None:
    assert lines(TEXT, rename_key(TEXT, ("models", "a/b", "title"), "name")) == [
        "-     title: X   # a name",
        "+     name: X   # a name",
    ]


@pytest.mark.parametrize("text", ["", "# only this\n", "models:\n", "models: {}\n", "models: null\n", "a: 1"])
def test_an_empty_place_is_filled(text: str) -> None:
    assert read_yaml(put(text, ("models", "x"), {"a": [1, {"b": None}]}), "")["models"] == {
        "x": {"a": [1, {"b": None}]}
    }


CANNOT = {
    "an alias": ("a: &x {b: 1}\nc: *x\n", lambda text: put(text, ("c",), 2), "c is an alias"),
    "inside an alias": ("a: &x {b: 1}\nc: *x\n", lambda text: make_list(text, ("c",)), "c is an alias"),
    "no mapping": ("a: [1]\n", lambda text: put(text, ("a", "b"), 2), "b cannot be added"),
    "no list": ("a: 1\n", lambda text: insert_item(text, ("a",), 0, 2), "there is no list"),
    "not there": ("a: 1\n", lambda text: make_list(text, ("b",)), "there is no b"),
}


@pytest.mark.parametrize(("text", "edit", "message"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_changed_is_told(text: str, edit: Any, message: str) -> None:
    with pytest.raises(CannotEdit, match=message):
        edit(text)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.decimals(-1000, 1000, places=2),
    st.sampled_from(
        ["on", "16:9", "2026-01-01", "- a", "a: b", "a #b", "{a}", "5", "null", "*x", "猫", "", " ", "'", "?"]
    ),
    st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("aK5:9 /#é", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_whatever_is_written_reads_as_it_was_meant(value: Any) -> None:
    assert read_yaml(as_yaml({"a": value, "b": [value]}), "") == {"a": value, "b": [value]}
    assert read_yaml(put(TEXT, ("models", "e/f", "words"), value), "")["models"]["e/f"]["words"] == value
    assert read_yaml(put(TEXT, ("models", "c/d", "price"), value), "")["models"]["c/d"]["price"] == value


@pytest.mark.parametrize(
    "file", sorted([ROOT / "models.yaml", *ROOT.glob("models/*.yaml")]), ids=lambda file: file.name
)
def test_every_price_of_the_shipped_files_can_become_a_list(file: Any) -> None:
    """Bytes stay, whatever the layout: what differs is the price that was asked for."""
    text = file.read_text(encoding="utf-8")
    data = plain(read_yaml(text, ""))
    for name, entry in data["models"].items():
        if isinstance(entry.get("price"), dict):
            edited = make_list(text, ("models", name, "price"))
            edited = insert_item(edited, ("models", name, "price"), 1, {"unit": "image"})
            meant = {**entry, "price": [entry["price"], {"unit": "image"}]}
            assert plain(read_yaml(edited, ""))["models"] == {**data["models"], name: meant}
            kept = [line.strip(" -") for line in text.splitlines() if line.lstrip().startswith("#")]
            assert [line.strip(" -") for line in edited.splitlines() if line.lstrip().startswith("#")] == kept
