"""A catalog to compare with: a file, a folder, or a revision of git."""

from __future__ import annotations

import fnmatch
import subprocess
import tempfile
from pathlib import Path, PurePosixPath
from typing import List, Optional

import click

from ...catalog import Catalog, data_root, read_catalog
from ...yamlfile import YamlMap, read_yaml
from ..run import Run
from .writing import read_with

_WHOLE = ("kinds", "providers", "endpoints", "tariffs")


def read_side(run: Run, named: Optional[str]) -> Catalog:
    """The catalog that a word on the command line means; without one, that in force.

    A file or folder that is no whole catalog counts laid over the shipped one.

    Raises:
        click.UsageError: it means nothing.
    """
    if named is None:
        return read_with(run)
    path = Path(named)
    if path.is_dir():
        entry = path / "models.yaml"
        files = [entry] if entry.is_file() else sorted([*path.glob("*.yaml"), *path.glob("*.yml")])
        if not files:
            raise click.UsageError(f"there is no catalog file in the folder {named}")
        return _read(*files)
    return _read(path) if path.is_file() else _read_revision(named)


def _read(*files: Path) -> Catalog:
    root = read_yaml(files[0].read_text(encoding="utf-8"), str(files[0])) if len(files) == 1 else None
    if isinstance(root, YamlMap) and all(section in root for section in _WHOLE):
        return read_catalog(check=True, shipped=files[0])
    return read_catalog(*files, check=True)


def _read_revision(named: str) -> Catalog:
    """`REVISION`, for its models.yaml, or `REVISION:PATH`, with the files that it includes."""
    revision, colon, path = named.partition(":")
    for folder in (Path.cwd(), Path(str(data_root()))):
        top = _git(folder, "rev-parse", "--show-toplevel") if not named.startswith("-") else None
        if top is None or _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
            continue
        root = Path(top.strip())
        wanted = PurePosixPath(path if colon else "models.yaml")
        listed = (_git(root, "ls-tree", "-r", "--name-only", "-z", revision) or "").split("\0")
        if str(wanted) not in listed:
            raise click.UsageError(f"there is no file {wanted} in the revision {revision}; name it as {revision}:PATH")
        with tempfile.TemporaryDirectory(prefix="kie-catalog-") as place:
            return _read(_take_out(root, revision, wanted, listed, Path(place)))
    raise click.UsageError(f"there is no file, no folder and no git revision {named}")


def _take_out(root: Path, revision: str, wanted: PurePosixPath, listed: List[str], place: Path) -> Path:
    text = _git(root, "show", f"{revision}:{wanted}") or ""
    file = place / wanted.name
    file.write_text(text, encoding="utf-8")
    read = read_yaml(text, str(wanted))
    patterns = read.get("include") if isinstance(read, YamlMap) else None
    for pattern in patterns if isinstance(patterns, list) else ():
        parts = (*wanted.parent.parts, *PurePosixPath(str(pattern)).parts)
        for name in listed:
            steps = PurePosixPath(name).parts
            if len(steps) == len(parts) and all(map(fnmatch.fnmatchcase, steps, parts)):
                copy = place.joinpath(*steps[len(wanted.parent.parts) :])
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_text(_git(root, "show", f"{revision}:{name}") or "", encoding="utf-8")
    return file


def _git(folder: Path, *words: str) -> Optional[str]:
    """What git says; None where it refuses, or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.decode("utf-8", "replace")
