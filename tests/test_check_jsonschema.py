"""Another tool agrees with the schema: `check-jsonschema`, with YAML as ruamel.yaml reads it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("check_jsonschema") is None,
    reason="check-jsonschema is not installed; `pip install check-jsonschema` lets it look at the catalog, too",
)
SCHEMA = ROOT / "schemas" / "catalog.schema.json"
OWN_SCHEMA = ROOT / "schemas" / "own.schema.json"


def check(*words: str) -> subprocess.CompletedProcess[str]:
    command: List[str] = [sys.executable, "-m", "check_jsonschema", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_the_schemas_are_such() -> None:
    done = check("--check-metaschema", str(SCHEMA), str(OWN_SCHEMA))

    assert done.returncode == 0, done.stdout


def test_every_shipped_file_keeps_to_it() -> None:
    files = [ROOT / "models.yaml", *sorted((ROOT / "models").rglob("*.yaml"))]

    done = check("--schemafile", str(SCHEMA), *map(str, files))

    assert done.returncode == 0, done.stdout


def test_a_misspelt_word_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("models: {my/x: {kind: image, endpoint: kie-task, paramters: {}}}\n", encoding="utf-8")

    done = check("--schemafile", str(SCHEMA), str(wrong))

    assert done.returncode == 1
    assert "paramters" in done.stdout
