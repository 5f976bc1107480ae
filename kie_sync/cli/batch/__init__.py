"""`batch`: many calls as one piece of work. A module for each command, loaded when it is asked for."""

from __future__ import annotations

from typing import List, Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "batch"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "run": ("run", "Make every row of a table; the word `run` may be left out."),
    "status": ("status", "Say how batches stand, and what is left to do."),
    "report": ("report", "Say what was spent, by model, day or batch, and which prices are wrong."),
}
"""Each command: the module that holds it, and the first line of its help."""
_HELP = ("-h", "--help")


class _BatchGroup(LazyGroup):
    """`kie-sync batch jobs.csv` is `kie-sync batch run jobs.csv`; a file called as a command is `./status`."""

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        if args and args[0] not in self._table and args[0] not in _HELP:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_BatchGroup, commands_in=__name__, table=COMMANDS, subcommand_metavar="ROWS | COMMAND [ARGS]...")
def batch() -> None:
    """Make the rows of a table, each paid once; how batches stand, what they took.

    `kie-sync batch jobs.csv --model MODEL -o out/` is `kie-sync batch run jobs.csv ...`, whose help says
    all about it.
    """
