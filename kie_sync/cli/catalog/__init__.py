"""`catalog`: work on catalog files. A module for each command, loaded when it is asked for."""

from __future__ import annotations

from typing import Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "catalog"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "check": ("check", "Check catalog files: words, shapes, sources, and golden examples."),
    "explain": ("explain", "Say in sentences what an entry means, and where it stands."),
    "docs": ("docs", "Print the guide of catalog words: what each may say, where."),
    "schema": ("schema", "Print the schema of catalog files."),
    "import": ("import_pages", "Write catalog entries from the platform's own documentation pages."),
    "answer": ("answer", "Say what we would read from a real answer of the platform."),
    "try": ("try_entry", "Try a catalog entry with one real, paid call."),
    "preview": ("preview", "Show the exact HTTP request of an entry; nothing is sent."),
    "drift": ("drift", "Compare catalog entries with the platform's own pages."),
}
"""Each command: the module that holds it, and the first line of its help."""


@click.group(cls=LazyGroup, commands_in=__name__, table=COMMANDS)
def catalog() -> None:
    """Work on catalog files."""
