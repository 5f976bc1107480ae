"""What the commands that change catalog files share: which file, the difference, the check before, the writing."""

from __future__ import annotations

import difflib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Iterator, List, Optional, Sequence, Tuple

import click

from ...catalog import Catalog, data_root, read_catalog
from ...catalog_check import model_faults
from ...catalog_files import read_with_includes
from ...catalog_places import is_off, layers, own_file, user_folder
from ...catalog_shipped import read_shipped
from ...clock import SystemClock
from ...errors import KieConfigError
from ...targets import whole_file
from ...yamledit import as_yaml
from ...yamlfile import YamlMap
from ..run import Run

HEADER = (
    "# Models and prices of your own, laid over the shipped ones. `kie-sync catalog check` checks it.\nmodels: {}\n"
)


@dataclass(frozen=True)
class Entry:
    """An entry as one file has it: the file, and what stands there."""

    file: Path
    raw: Any


@dataclass(frozen=True)
class Draft:
    """A file as it is, and as it is to be."""

    file: Path
    before: str
    after: str

    def show(self) -> str:
        """The difference, as `diff -u` shows it."""
        old, new = self.before.splitlines(keepends=True), self.after.splitlines(keepends=True)
        return "".join(difflib.unified_diff(old, new, str(self.file), str(self.file), n=2))

    def write(self) -> None:
        """Write it in one step: a reader sees the old file or the new one.

        Raises:
            KieConfigError: it cannot be written, or it was changed in the meantime.
        """
        if read_text(self.file) != self.before and self.before != HEADER:
            raise KieConfigError(f"{self.file} was changed in the meantime; nothing was written, run it again")
        try:
            # A link stays a link: what it leads to is replaced.
            _replace(self.file.resolve(), self.after)
        except OSError as error:
            raise KieConfigError(f"{self.file} cannot be written: {error.strerror or error}") from error


def _replace(file: Path, text: str) -> None:
    is_dos = file.exists() and b"\r\n" in file.read_bytes()
    mode = file.stat().st_mode & 0o777 if file.exists() else None
    with whole_file(file, mode=mode, newline="\r\n" if is_dos else "\n") as stream:
        stream.write(text)


def read_text(file: Path) -> str:
    """What stands in a file; a new one's beginning where there is none.

    Raises:
        KieConfigError: it cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8") if file.exists() else HEADER
    except (OSError, UnicodeDecodeError) as error:
        raise KieConfigError(f"{file} cannot be read: {error}") from error


def is_installed(file: Path) -> bool:
    """Whether a file belongs to an installed package: what is written there is gone with the next upgrade."""
    parts = file.resolve().parts
    return "site-packages" in parts or "dist-packages" in parts or "_data" in parts


def target(run: Run, named: Optional[str], found: Optional[Path]) -> Path:
    """The file to write into: the named one, else where the fact stands, else the user's own.

    Raises:
        click.UsageError: the named file belongs to an installed package.
    """
    if named is not None:
        if is_installed(Path(named)):
            message = f"{named} belongs to the installed package, and an upgrade would undo the change"
            raise click.UsageError(f"{message}; leave --file out to write into {own_file()}")
        return Path(named)
    if found is None:
        return own_file()
    if is_installed(found):
        run.say(f"{found} belongs to the installed package; writing into your own file {own_file()}")
        return own_file()
    return found


def entries(run: Run, model_id: str) -> List[Entry]:
    """Each file in force that has an entry of this model, the last one, which wins, first."""
    root = data_root()
    over = [Path(layer.path) for layer in layers(*run.catalogs, use_environment=not run.is_shipped_only)]
    roots = [read_shipped(root.joinpath("models.yaml"), root).root]
    roots += [read_with_includes(path, str(path), path.parent)[0] for path in over]
    found = []
    for at, read in enumerate(roots):
        models = read.get("models")
        if isinstance(models, YamlMap) and models.get(model_id) is not None:
            file = Path(models.key_marks[model_id].file)
            found.append(Entry(Path(str(root.joinpath(str(file)))) if at == 0 else file, models[model_id]))
    return found[::-1]


def lay_over(run: Run, named: Optional[str]) -> None:
    """Let the file that is to be written into count in this run, with a warning where it does not count in others."""
    if named is None or Path(named).resolve() in {each.resolve() for each in files_in_force(run)}:
        return
    run.warn(f"{named} is not in force by itself: give it with --catalog or KIE_CATALOG, or move it to {user_folder()}")
    if Path(named).exists() and not is_installed(Path(named)):
        run.catalogs.append(named)


def files_in_force(run: Run) -> List[Path]:
    """The files that count in this run, without what they include; the user's own counts before it is there."""
    over = [Path(layer.path) for layer in layers(*run.catalogs, use_environment=not run.is_shipped_only)]
    own = [] if run.is_shipped_only or is_off() else [own_file()]
    return [Path(str(data_root().joinpath("models.yaml"))), *own, *over]


def read_with(run: Run, changes: Any = None) -> Catalog:
    """The catalog in force; with `changes` laid over it, to see what they would do before they are written."""
    paths = [layer.path for layer in layers(*run.catalogs, use_environment=not run.is_shipped_only)]
    if changes is None:
        return read_catalog(*paths, check=True)
    with tempfile.TemporaryDirectory(prefix="kie-catalog-") as folder:
        file = Path(folder, "changes.yaml")
        file.write_text(as_yaml(changes), encoding="utf-8")
        return read_catalog(*paths, file, check=True)


def faults(catalog: Catalog, ids: Iterable[str]) -> Iterator[Tuple[str, bool]]:
    """What is wrong with these models, in sentences; whether it is only a warning."""
    known = [*catalog, *catalog.hidden]
    wanted = set(ids)
    for problem in catalog.problems:
        if problem.model in wanted:
            yield f"{problem.path}: {problem.message}", problem.is_warning
    for model_id in sorted(wanted & set(catalog)):
        for path, message, is_warning in model_faults(catalog[model_id], known, SystemClock().date()):
            place = ".".join(str(step) for step in path)
            yield f"{model_id}: {place + ': ' if place else ''}{message}", is_warning


def new_errors(before: Catalog, after: Catalog, ids: Sequence[str]) -> List[str]:
    """What a change would break."""
    old = {text for text, is_warning in faults(before, ids) if not is_warning}
    return [text for text, is_warning in faults(after, ids) if not is_warning and text not in old]
