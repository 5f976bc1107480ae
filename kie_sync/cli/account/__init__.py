"""`account`: your customers' credits. A module for each kind of command, loaded when it is asked for."""

from __future__ import annotations

from typing import Mapping, Tuple

import click

from ..lazy import LazyGroup

__all__ = ["COMMANDS", "account"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "create": ("bookings", "Open an account, with the opening bonus of the catalog."),
    "topup": ("bookings", "Add the credits of a plan, or any number, to an account."),
    "transfer": ("bookings", "Move credits from one account to another."),
    "show": ("books", "Show what accounts have."),
    "statement": ("books", "List what happened to an account."),
    "check": ("books", "Prove that all sums are right."),
    "holds": ("open_holds", "List what is held for calls that have not ended."),
    "settle": ("open_holds", "End holds: by what the journal knows, or by hand."),
}
"""Each command: the module that holds it, and the first line of its help."""


@click.group(cls=LazyGroup, commands_in=__name__, table=COMMANDS)
def account() -> None:
    """Keep accounts of credits for your own customers."""
