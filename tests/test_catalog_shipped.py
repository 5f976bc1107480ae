"""The shipped files are read and checked once, and anew as soon as something in them has changed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, List

import pytest
from conftest import ROOT

from kie_sync import catalog as module
from kie_sync.catalog import read_catalog
from kie_sync.catalog_shipped import read_shipped

MODEL = "\n  my/cat: {title: Cat, kind: image, endpoint: kie-task}\n"


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """The first file of a catalog of one's own: what models share, and a model in a file beside it."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "my.yaml").write_text("models:" + MODEL, encoding="utf-8")
    return Path(shutil.copy(ROOT / "models.yaml", tmp_path))


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> List[int]:
    """How many entries each look of the schema was about."""
    looks: List[int] = []
    real = module.shape_faults

    def look(root: Any, touched: Any, schema: Any) -> Any:
        looks.append(len(touched))
        return real(root, touched, schema)

    monkeypatch.setattr(module, "shape_faults", look)
    return looks


def test_what_has_not_changed_is_what_was_read(first: Path) -> None:
    assert read_shipped(first, first.parent) is read_shipped(first, first.parent)


@pytest.mark.parametrize("changed", ["models.yaml", "models/my.yaml", "models/more.yaml"])
def test_a_change_is_read(first: Path, changed: str) -> None:
    before = read_shipped(first, first.parent)
    file = first.parent / changed
    file.write_text((file.read_text(encoding="utf-8") if file.exists() else "") + "\n# new\n", encoding="utf-8")

    after = read_shipped(first, first.parent)

    assert after is not before
    assert (after.root["models"], after.is_sound) == (before.root["models"], False)


def test_a_file_that_is_gone_is_told(first: Path) -> None:
    read_shipped(first, first.parent)
    (first.parent / "models" / "my.yaml").unlink()

    assert "my/cat" not in read_shipped(first, first.parent).root["models"]


def test_sound_entries_are_checked_once(first: Path, tmp_path: Path, checked: List[int]) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("models:\n  my/cat: {title: Tom}\n", encoding="utf-8")

    read_catalog(shipped=first, check=True)
    every = max(checked)
    del checked[:]
    over = read_catalog(own, shipped=first, check=True)

    assert (every > 1, checked, over.problems) == (True, [1], ())
    assert (over["my/cat"].title, read_catalog(shipped=first)["my/cat"].title) == ("Tom", "Cat")


def test_what_nothing_touches_is_built_once(first: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("models:\n  my/cat: {title: Tom}\n", encoding="utf-8")
    alone = read_catalog(shipped=first, check=True)

    over = read_catalog(own, shipped=first, check=True)

    assert read_catalog(shipped=first, check=True) is alone
    assert (over["nano-banana-pro"] is alone["nano-banana-pro"], over["my/cat"].title) == (True, "Tom")


def test_what_models_share_touches_each_but_not_its_shape(first: Path, tmp_path: Path, checked: List[int]) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("kinds: {image: {result: none}}\n", encoding="utf-8")
    alone = read_catalog(shipped=first, check=True)
    del checked[:]

    over = read_catalog(own, shipped=first, check=True)

    assert (checked, over.problems) == ([0], ())
    assert (alone["my/cat"].result, over["my/cat"].result) == ("image", "none")


def test_a_fault_that_comes_with_what_models_share_is_told_at_once(first: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("endpoints: {kie-task: null}\n", encoding="utf-8")
    read_catalog(shipped=first, check=True)

    assert "my/cat" in {problem.model for problem in read_catalog(own, shipped=first, check=True).errors}


def test_a_fault_is_told_each_time(first: Path, tmp_path: Path) -> None:
    (tmp_path / "models" / "my.yaml").write_text("models:" + MODEL.replace("image", "film"), encoding="utf-8")
    own = tmp_path / "own.yaml"
    own.write_text("models:\n  my/dog: {extends: my/cat, title: Dog}\n", encoding="utf-8")

    alone = read_catalog(shipped=first, check=True)

    assert [problem.model for problem in alone.errors] == ["my/cat"]
    assert read_catalog(shipped=first, check=True).problems == alone.problems
    assert {problem.model for problem in read_catalog(own, shipped=first, check=True).errors} >= {"my/cat"}
