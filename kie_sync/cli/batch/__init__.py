"""`batch`: many calls as one piece of work. A module for each command, loaded when it is asked for."""

from __future__ import annotations

from typing import Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "batch"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "status": ("status", "Say how batches stand, and what is left to do."),
    "report": ("report", "Say what was spent, by model, day or batch, and which prices are wrong."),
}
"""Each command: the module that holds it, and the first line of its help."""


@click.group(cls=LazyGroup, commands_in=__name__, table=COMMANDS)
def batch() -> None:
    """Many calls as one piece of work: how they stand, and what they took."""
