"""`catalog schema`: the words and shapes that a catalog file may have, for editors and other tools."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ...catalog_data import OWN_SCHEMA_FILE, SCHEMA_FILE, data_root
from ...errors import KieConfigError
from ..run import Run, common_options, print_json


@click.command()
@click.option("--own", is_flag=True, help="The one for files that are laid over the shipped ones, as yours are.")
@click.option(
    "--path", "wants_path", is_flag=True, help="Print where the schema's file is, for line 1 of your own file."
)
@common_options
@click.pass_context
def schema(ctx: click.Context, own: bool, wants_path: bool) -> None:
    """Print the schema of catalog files.

    An editor that knows YAML schemas completes and explains the words when line 1 of your file is
    "# yaml-language-server: $schema=" and the path that --path prints. With --own nothing is required, and
    null removes, for your own file need not say what stands below it.
    """
    file = data_root().joinpath(OWN_SCHEMA_FILE if own else SCHEMA_FILE)
    if not wants_path:
        print_json(json.loads(file.read_text(encoding="utf-8")))
        return
    path = file
    if not isinstance(path, Path):
        raise KieConfigError("the schema stands in an archive, not in a file; save what `catalog schema` prints")
    if (ctx.find_object(Run) or Run()).as_json:
        print_json({"path": str(path)})
    else:
        click.echo(str(path))
