"""`catalog check`: everything wrong with catalog files, at once."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

import click

from ...catalog import Catalog, data_root, read_catalog, show_path
from ...catalog_check import model_faults
from ...catalog_places import layers
from ...clock import SystemClock
from ...errors import CatalogProblem
from ...yamlfile import mark_at
from ..exits import BAD_INPUT
from ..run import Run, common_options, print_json


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option("--strict", is_flag=True, help="Exit with 2 on warnings, too.")
@common_options
@click.pass_context
def check(ctx: click.Context, files: Tuple[str, ...], strict: bool) -> None:
    """Check catalog files: words, shapes, sources, and golden examples.

    Without FILE: the shipped catalog, with your own files laid over it (`kie-sync catalog files`). With
    FILE: only what these files add to it, broken examples of shipped models included. Exits with 2
    when something is wrong.
    """
    run = ctx.find_object(Run) or Run()
    shipped = str(data_root().joinpath("models.yaml"))
    if files:
        own = [file for file in files if Path(file).resolve() != Path(shipped).resolve()]
        before = () if len(own) < len(files) else _problems(read_catalog(check=True))
    else:
        in_force = layers(*run.catalogs, use_environment=not run.is_shipped_only)
        own, before = [str(layer.path) for layer in in_force], ()
    checked = read_catalog(*own, check=True)
    found = [problem for problem in _problems(checked) if problem not in before]
    errors = sum(not problem.is_warning for problem in found)
    if run.as_json:
        counts = {"models": len(checked), "errors": errors, "warnings": len(found) - errors}
        print_json({**counts, "problems": [vars(problem) for problem in found]})
    else:
        for problem in found:
            click.echo(str(problem))
    run.say(f"{len(checked)} models read; {errors} errors, {len(found) - errors} warnings")
    if errors or (strict and found):
        ctx.exit(BAD_INPUT)


def _problems(checked: Catalog) -> Tuple[CatalogProblem, ...]:
    found: List[CatalogProblem] = list(checked.problems)
    # A hidden model may still be named as the one to use instead.
    ids = [*checked, *checked.hidden]
    for model_id, model in checked.items():
        entry = checked.raw(model_id)
        for path, message, is_warning in model_faults(model, ids, SystemClock().date()):
            mark = mark_at(entry, path)
            shown = ": ".join(part for part in (model_id, show_path(path)) if part)
            found.append(CatalogProblem(mark.file, mark.line, mark.column, shown, message, model_id, is_warning))
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.file, problem.line, problem.column)))
