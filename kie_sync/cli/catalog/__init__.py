"""`catalog`: work on catalog files. A module for each command, loaded when it is asked for."""

from __future__ import annotations

from typing import Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "catalog"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "check": ("check", "Check catalog files: words, shapes, sources, and golden examples."),
    "files": ("files", "List the catalog files in force, in order; the last one wins."),
    "diff": ("diff", "Say what differs between two catalogs, in meaning."),
    "migrate": ("migrate", "Bring catalog files of an older version up to this one."),
    "new": ("new", "Write a new model into a catalog file."),
    "price": ("price", "Change a price, by adding a new one with its date."),
}
"""Each command: the module that holds it, and the first line of its help."""


@click.group(cls=LazyGroup, commands_in=__name__, table=COMMANDS)
def catalog() -> None:
    """Work on catalog files."""
