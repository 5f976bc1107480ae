"""`catalog diff`: what differs between two catalogs, in meaning."""

from __future__ import annotations

from typing import Optional

import click

from ...clock import SystemClock
from ..dates import on_option
from ..run import Run, common_options, print_json
from .meaning import differences
from .revisions import read_side

DIFFERENT = 1


@click.command()
@click.argument("old")
@click.argument("new", required=False)
@on_option
@common_options
@click.pass_context
def diff(ctx: click.Context, old: str, new: Optional[str], on: Optional[str]) -> None:
    """Say what differs between two catalogs, in meaning.

    OLD and NEW are a file, a folder, a git revision (HEAD~3, v0.2) or a file of one (HEAD~3:my.yaml); without
    NEW it is the catalog in force. A file that is no whole catalog counts laid over the shipped one.
    Exits with 0 when nothing differs, and with 1 when something does. Words that change nothing (their
    order, comments, sources) are left out.
    """
    run = ctx.find_object(Run) or Run()
    now = on or SystemClock().date()
    found = differences(read_side(run, old), read_side(run, new), now)
    if run.as_json:
        print_json({name: [vars(change) for change in changes] for name, changes in found.items()})
    for name, changes in found.items() if not run.as_json else ():
        click.echo(name)
        for change in changes:
            click.echo(f"  {change.text}")
    number = sum(map(len, found.values()))
    many = f"{number} difference{'' if number == 1 else 's'} in {len(found)} entr{'y' if len(found) == 1 else 'ies'}"
    run.say(many if found else "no difference in meaning")
    if found:
        ctx.exit(DIFFERENT)
