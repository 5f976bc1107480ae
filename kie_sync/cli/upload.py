"""`upload`: files to the platform, for programs that want their URLs."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import click

from .. import KieClient
from ..errors import KieInputError, Problem
from ..file_sources import Unreadable, is_local, open_local
from ..uploads import WAYS
from .progress import Progress
from .run import Run, common_options, print_json


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--way",
    type=click.Choice(WAYS),
    default="stream",
    show_default=True,
    help="How: as a stream, as Base64 (up to 10 MB), or as a URL that the platform fetches.",
)
@common_options
@click.pass_obj
def upload(run: Run, files: Tuple[str, ...], way: str) -> None:
    """Send files to the platform, and print their URLs.

    It is free; the files live about a day. generate uploads by itself: this is for other programs, and for files
    that several calls use. --way url takes URLs, and has the platform fetch them.
    """
    catalog = run.load_catalog()
    if way != "url":
        _check_all(files)
    found: List[Dict[str, Any]] = []
    with Progress(run), KieClient(catalog=catalog) as client:
        try:
            for file in files:
                found.append({"file": file, "url": client.upload(file, way=way)})
                if not run.as_json:
                    click.echo(found[-1]["url"])
        finally:
            if run.as_json:
                print_json(found)


def _check_all(files: Tuple[str, ...]) -> None:
    """Every file is looked at before the first is sent.

    Raises:
        KieInputError: with each that cannot be read.
    """
    problems = []
    for file in files:
        try:
            if is_local(file):
                open_local(file)
        except Unreadable as error:
            problems.append(Problem("file", file, f"FILE {error}"))
    if problems:
        raise KieInputError("upload", problems)
