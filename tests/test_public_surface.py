"""The names that people build on: listed, sorted, there, and seen alike by editors and at run time."""

from __future__ import annotations

import ast
import importlib
import re
import runpy
import subprocess
import sys
from typing import Any, Dict

import pytest
from conftest import ROOT

import kie_sync

INIT = ROOT / "kie_sync" / "__init__.py"


def names_for_editors() -> Dict[str, str]:
    """What `kie_sync/__init__.pyi` re-exports: name to module."""
    imports = [
        node
        for node in ast.parse(INIT.with_suffix(".pyi").read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
    ]
    return {
        alias.asname or alias.name: node.module or "" for node in imports if node.level == 1 for alias in node.names
    }


def test_all_is_sorted_and_without_repetition() -> None:
    assert list(kie_sync.__all__) == sorted(set(kie_sync.__all__))


@pytest.mark.parametrize("name", kie_sync.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(kie_sync, name) is not None


def test_dir_shows_every_name_before_it_is_used() -> None:
    """In a fresh process: here, other tests have used some already."""
    code = "import kie_sync; print(*(set(kie_sync.__all__) - set(dir(kie_sync))))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.split() == []


def test_star_import_gives_exactly_the_listed_names() -> None:
    namespace: Dict[str, Any] = {}

    exec("from kie_sync import *", namespace)

    assert sorted(set(namespace) - {"__builtins__"}) == list(kie_sync.__all__)


def test_an_unknown_name_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        kie_sync.no_such_name  # noqa: B018


def test_editors_see_the_same_names() -> None:
    """The stub re-exports `__all__`, from where the names really live."""
    stubbed = names_for_editors()

    different = [
        name
        for name, module in stubbed.items()
        if getattr(importlib.import_module(f"kie_sync.{module}"), name) is not getattr(kie_sync, name)
    ]

    assert sorted(stubbed) == sorted(set(kie_sync.__all__) - {"__version__"})
    assert different == []


def test_the_version_is_text_that_pip_understands() -> None:
    assert isinstance(kie_sync.__version__, str)
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?", kie_sync.__version__)


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "kie_sync" / "py.typed").is_file()


def test_the_init_is_short() -> None:
    assert len(INIT.read_text(encoding="utf-8").splitlines()) <= 60


def test_model_ids_for_editors_are_up_to_date(catalog: Any) -> None:
    """`make docs` writes them from the catalog."""
    written = (ROOT / "kie_sync" / "model_ids.pyi").read_text(encoding="utf-8")

    assert written == runpy.run_path(str(ROOT / "docs" / "model_ids.py"))["stub"](catalog)
