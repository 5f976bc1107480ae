"""`catalog check`: everything wrong with catalog files, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import click

from ...catalog import Catalog, data_root, read_catalog
from ...catalog_check import check_catalog, old_prices
from ...catalog_places import layers
from ...clock import SystemClock
from ...errors import CatalogProblem, KieConfigError
from ...yamlfile import mark_at
from ..exits import BAD_INPUT
from ..run import Run, common_options, print_json
from ..tables import plain_lines

# A price that nobody has looked at for so long is counted even when nobody asks.
_LONG_DAYS = 180
_FIRST_FILE = "models.yaml"
_COLUMNS = ("file", "models", "errors", "warnings")

Problems = Tuple[CatalogProblem, ...]


@click.command()
@click.argument("files", metavar="[FILE|FOLDER]...", nargs=-1)
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings, too.")
@click.option(
    "--older-than",
    metavar="DAYS",
    type=click.IntRange(min=0),
    help="Warn of prices that nobody has looked at for more than so many days.",
)
@common_options
@click.pass_context
def check(ctx: click.Context, files: Tuple[str, ...], strict: bool, older_than: Optional[int]) -> None:
    """Check catalog files: words, shapes, sources, and golden examples.

    Without FILE: the shipped catalog, with your own files laid over it (`kie-sync catalog files`). With
    FILE: only what these files add to it, broken examples of shipped models included; of a file that
    belongs to the shipped catalog, what is wrong in it. With FOLDER: the whole catalog in it, from its
    models.yaml, in place of the shipped one.

    A problem is a line: FILE:LINE:COLUMN, the entry, what is wrong, what to write. Exits with 2 when
    something is wrong. How old a price is counts only with --older-than, so that --strict fails by what
    was changed, and never by the calendar alone.
    """
    run = ctx.find_object(Run) or Run()
    now = SystemClock().date()
    folder, own = _sorted_out(files)
    aside: Set[str] = set()
    if files and own:
        checked, found, aside = _of_files(own, folder, now, older_than)
    else:
        named = () if files else layers(*run.catalogs, use_environment=not run.is_shipped_only)
        checked = read_catalog(*(layer.path for layer in named), check=True, shipped=folder and folder / _FIRST_FILE)
        found = check_catalog(checked, now, older_than=older_than)
    errors = sum(not problem.is_warning for problem in found)
    rows = _by_file(checked, found)
    if run.as_json:
        counts = {"models": len(checked), "errors": errors, "warnings": len(found) - errors}
        print_json({**counts, "files": rows, "problems": [vars(problem) for problem in found]})
    else:
        _print(run, found, rows)
        if older_than is None:
            _say_old(run, checked, now, aside)
    run.say(f"{_counted(len(checked), 'model')} read; {_counted(errors, 'error')}, {_warnings(found)}")
    if errors or (strict and found):
        ctx.exit(BAD_INPUT)


def _sorted_out(names: Sequence[str]) -> Tuple[Optional[Path], List[str]]:
    """The folder of a whole catalog, if one is named, and the files."""
    folders: List[Optional[Path]] = [Path(name) for name in names if Path(name).is_dir()]
    for folder in folders:
        if folder is not None and not folder.joinpath(_FIRST_FILE).is_file():
            raise KieConfigError(
                f"there is no {_FIRST_FILE} in {folder}; name a catalog file, or a whole catalog's folder"
            )
    if len(folders) > 1:
        raise KieConfigError(f"one folder at a time; got {' and '.join(map(str, folders))}")
    return (folders or [None])[0], [name for name in names if not Path(name).is_dir()]


def _of_files(
    names: Sequence[str], folder: Optional[Path], now: str, older_than: Optional[int]
) -> Tuple[Catalog, Problems, Set[str]]:
    """What is wrong in these files, or comes from them; some may belong to the catalog that they are laid over.

    The files of that catalog that were not named come last: what is wrong in them is another matter.
    """
    shipped = folder and folder / _FIRST_FILE
    below = read_catalog(check=True, shipped=shipped)
    before = check_catalog(below, now, older_than=older_than)
    known = {below.raw(model_id).mark.file for model_id in below} | {problem.file for problem in before}
    known.add(_FIRST_FILE)
    places = {name: _place(Path(name), folder) for name in names}
    own = [name for name in names if places[name] not in known]
    parts = {place for place in places.values() if place in known}
    checked = read_catalog(*own, check=True, shipped=shipped) if own else below
    found = check_catalog(checked, now, older_than=older_than) if own else before
    told = tuple(problem for problem in found if problem.file in parts or problem not in before)
    return checked, told, known - parts


def _place(file: Path, folder: Optional[Path]) -> str:
    """A file's name inside the catalog's folder; nothing where it stands elsewhere."""
    root = folder or data_root()
    try:
        return file.resolve().relative_to(Path(str(root)).resolve()).as_posix()
    except ValueError:
        return ""


def _by_file(checked: Catalog, found: Problems) -> List[Dict[str, Any]]:
    """How many models each file holds, and how much is wrong in it."""
    rows: Dict[str, Dict[str, Any]] = {}

    def row(file: str) -> Dict[str, Any]:
        return rows.setdefault(file, {"file": file, "models": 0, "errors": 0, "warnings": 0})

    for model_id in checked:
        row(checked.raw(model_id).mark.file)["models"] += 1
    for problem in found:
        row(problem.file)["warnings" if problem.is_warning else "errors"] += 1
    return list(rows.values())


def _print(run: Run, found: Problems, rows: Sequence[Mapping[str, Any]]) -> None:
    """The problems, file by file; then, as chatter, how many there are in which file."""
    for problem in found:
        click.echo(str(problem))
    if found:
        touched = [row for row in rows if row["errors"] or row["warnings"]]
        table = [_COLUMNS, *([str(row[column]) for column in _COLUMNS] for row in touched)]
        run.say("\n".join(["", *plain_lines(table, [column != "file" for column in _COLUMNS]), ""]))


def _say_old(run: Run, checked: Catalog, now: str, aside: Set[str]) -> None:
    places = {
        mark_at(checked.raw(model.id), path)
        for model in checked.values()
        for path, _, _ in old_prices(model, now, _LONG_DAYS)
    }
    number = sum(place.file not in aside for place in places)
    if number:
        were = "price was" if number == 1 else "prices were"
        run.say(f"{number} {were} last looked at more than {_LONG_DAYS} days ago; --older-than {_LONG_DAYS} lists them")


def _warnings(found: Problems) -> str:
    return _counted(sum(problem.is_warning for problem in found), "warning")


def _counted(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
