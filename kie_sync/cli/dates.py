"""Days and instants on the command line."""

from __future__ import annotations

import datetime
from typing import Optional

import click

from .run import Command


def read_instant(ctx: click.Context, parameter: click.Parameter, text: Optional[str]) -> Optional[str]:
    """A day (its beginning, UTC) or an instant in UTC, as text that compares with the dates of prices.

    Raises:
        click.BadParameter: it is neither.
    """
    if text is None:
        return None
    try:
        day = datetime.date.fromisoformat(text.strip()[:10])
        if len(text.strip()) == 10:
            return f"{day}T00:00:00Z"
        datetime.datetime.strptime(text.strip(), "%Y-%m-%dT%H:%M:%SZ")
    except ValueError as error:
        message = f"{text} is no date; write 2026-12-01, or 2026-12-01T08:00:00Z (UTC)"
        raise click.BadParameter(message, ctx, parameter) from error
    return text.strip()


def on_option(command: Command) -> Command:
    """`--on DATE`: which day's prices count."""
    text = "The prices of this day, past or announced (from its beginning, UTC); without it those in force now."
    return click.option("--on", metavar="DATE", callback=read_instant, help=text)(command)
