"""`catalog`: work on catalog files. A module for each command, loaded when it is asked for."""

from __future__ import annotations

from typing import Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "catalog"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "check": ("check", "Check catalog files: words, shapes, sources, and golden examples."),
    "explain": ("explain", "Say in sentences what an entry means, and where it stands."),
    "new": ("new", "Write a new model into a catalog file."),
    "price": ("price", "Change a price, by adding a new one with its date."),
    "diff": ("diff", "Say what differs between two catalogs, in meaning."),
    "preview": ("preview", "Show the exact HTTP request of an entry; nothing is sent."),
    "try": ("try_entry", "Try a catalog entry with one real, paid call."),
    "answer": ("answer", "Say what we would read from a real answer of the platform."),
    "import": ("import_pages", "Write catalog entries from the platform's own documentation pages."),
    "drift": ("drift", "Compare catalog entries with the platform's own pages."),
    "files": ("files", "List the catalog files in force, in order; the last one wins."),
    "migrate": ("migrate", "Bring catalog files of an older version up to this one."),
    "docs": ("docs", "Print the guide of catalog words: what each may say, where."),
    "schema": ("schema", "Print the schema of catalog files."),
}
"""Each command: the module that holds it, and the first line of its help."""


@click.group(cls=LazyGroup, commands_in=__name__, table=COMMANDS)
def catalog() -> None:
    """Work on catalog files."""
