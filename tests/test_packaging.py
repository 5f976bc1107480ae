"""Built, installed and run as its users do it: outside the checkout, in environments of its own.

Asks pip for packages; `.ci/run` runs it in a step of its own (`pytest -m packaging`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Dict, List, NamedTuple

import pytest
from conftest import OUTER_ENVIRON, ROOT

from kie_sync.catalog_load import STORED_FILE
from kie_sync.catalog_stored import unpack

pytestmark = pytest.mark.packaging

_NOT_SOURCE = shutil.ignore_patterns(
    ".git",
    ".venv",
    "venv",
    "build",
    "dist",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
    "_data",
    "kie-demo",
)
# What pip needs stays (its settings, a proxy, a home with its cache); what would change the answers goes.
_ENVIRON = {
    name: value
    for name, value in OUTER_ENVIRON.items()
    if not name.startswith(("KIE_", "GEMINI_", "GOOGLE_", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "COV"))
}


class Built(NamedTuple):
    """A clean copy of the checkout, and what was built from it."""

    source: Path
    sdist: Path
    wheel: Path


def run(*command: object, cwd: Path) -> str:
    """Run a program as a user's shell would; its output on failure."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=_ENVIRON,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def programs(environment: Path) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin")


def new_environment(folder: Path) -> Path:
    run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
    return programs(folder)


def install(bin_folder: Path, *what: object, cwd: Path) -> None:
    run(bin_folder / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what, cwd=cwd)


def data_files(folder: Path) -> Dict[str, bytes]:
    """The catalog's files, as they must be shipped: path to content."""
    found: List[Path] = [folder / "models.yaml", *folder.glob("models/**/*.yaml"), *folder.glob("schemas/**/*.json")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An sdist from a clean copy, and the wheel that the sdist (not the checkout) gives."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=_NOT_SOURCE)
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", source, cwd=folder)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    (wheel,) = (folder / "dist").glob("*.whl")
    return Built(source, sdist, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment that has the wheel and its dependencies, no extras."""
    folder = tmp_path_factory.mktemp("installed")
    bin_folder = new_environment(folder / "env")
    install(bin_folder, built.wheel, cwd=folder)
    return bin_folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder that has nothing to do with the checkout."""
    return tmp_path


def preview(bin_folder: Path, model: str, *arguments: str, cwd: Path) -> Dict[str, object]:
    request: Dict[str, object] = json.loads(
        run(bin_folder / "kie-sync", "preview", model, "a cat", *arguments, "--json", cwd=cwd)
    )
    body = request["json"]
    assert isinstance(body, dict)
    return body.get("input", body)  # type: ignore[no-any-return]


def test_the_wheel_carries_the_catalog_byte_for_byte(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        prefix = "kie_sync/_data/"
        shipped = {name[len(prefix) :]: wheel.read(name) for name in wheel.namelist() if name.startswith(prefix)}
    stored = shipped.pop(STORED_FILE)

    assert shipped == data_files(ROOT)
    assert unpack(stored) is not None


def test_the_sdist_carries_the_catalog_byte_for_byte(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as sdist:
        top = sdist.getnames()[0].split("/")[0]
        sdist.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))  # type: ignore[arg-type]

    assert data_files(tmp_path / top) == data_files(ROOT)


def test_the_wheel_carries_every_module_and_nothing_else(built: Built) -> None:
    """No tests, no docs, no forgotten subpackage."""
    sources = {
        path.relative_to(built.source).as_posix()
        for path in (built.source / "kie_sync").rglob("*")
        if path.suffix in (".py", ".pyi", ".typed") or path.name == "py.typed"
    }

    with zipfile.ZipFile(built.wheel) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
    packaged = {name for name in names if "/_data/" not in name and ".dist-info/" not in name}

    assert packaged == sources


def test_the_wheel_has_the_version_of_the_code(built: Built) -> None:
    version = re.search(
        r'^__version__ = "(.+)"$', (ROOT / "kie_sync" / "__init__.py").read_text(encoding="utf-8"), re.M
    )

    assert version is not None
    assert built.wheel.name == f"kie_sync-{version[1]}-py3-none-any.whl"


def test_the_installed_program_says_its_version(installed: Path, built: Built, elsewhere: Path) -> None:
    said = run(installed / "kie-sync", "--version", cwd=elsewhere)

    assert built.wheel.name.split("-")[1] in said


def test_the_installed_program_previews(installed: Path, elsewhere: Path) -> None:
    body = preview(installed, "google/nano-banana", "-p", "size=16:9", cwd=elsewhere)

    assert body == {"prompt": "a cat", "image_size": "16:9"}


def test_the_installed_catalog_is_read_without_yaml(installed: Path, elsewhere: Path) -> None:
    """The wheel brings its stored form along."""
    code = (
        "import sys, kie_sync; catalog = kie_sync.load_catalog(); catalog['google/nano-banana'];"
        "print(type(catalog).__name__, 'yaml' in sys.modules, 'jsonschema' in sys.modules)"
    )

    assert run(installed / "python", "-c", code, cwd=elsewhere).split() == ["StoredCatalog", "False", "False"]


def test_the_installed_program_finds_its_catalog_sound(installed: Path, elsewhere: Path) -> None:
    run(installed / "kie-sync", "catalog", "check", cwd=elsewhere)


def test_the_package_works_without_its_extras(installed: Path, elsewhere: Path) -> None:
    """The sandbox's pictures and fonts are asked for by those who want a sandbox."""
    run(
        installed / "python",
        "-c",
        "import kie_sync; [getattr(kie_sync, name) for name in kie_sync.__all__]",
        cwd=elsewhere,
    )


def test_an_editable_install_sees_edits_at_once(built: Built, tmp_path: Path) -> None:
    source = tmp_path / "checkout"
    shutil.copytree(built.source, source, ignore=_NOT_SOURCE)
    bin_folder = new_environment(tmp_path / "env")
    install(bin_folder, "-e", source, cwd=tmp_path)
    image = ("google/nano-banana", "-p", "size=16:9")
    chat = ("claude-haiku-4-5", "-p", "include_thoughts=true")
    edits = {"models.yaml": ("wire: image_size", "edited_size"), "models/claude.yaml": ("wire: thinkingFlag", "edited")}

    before = [preview(bin_folder, *call, cwd=tmp_path) for call in (image, chat)]
    for name, (found, word) in edits.items():
        text = (source / name).read_text(encoding="utf-8")
        (source / name).write_text(text.replace(found, f"wire: {word}"), encoding="utf-8")
    after = [preview(bin_folder, *call, cwd=tmp_path) for call in (image, chat)]

    assert not (source / "kie_sync" / "_data").exists()
    assert [body.get(name) for body, name in zip(before, ("image_size", "thinkingFlag"))] == ["16:9", True]
    assert [body.get(name) for body, name in zip(after, ("edited_size", "edited"))] == ["16:9", True]
