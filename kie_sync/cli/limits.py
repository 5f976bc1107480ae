"""What a call on the command line may cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

import click

from ..budget import parse_credits
from .run import Command


def read_credits(ctx: click.Context, parameter: click.Parameter, value: Optional[str]) -> Optional[Decimal]:
    """An option's number of credits."""
    credits = parse_credits(value)
    if value is not None and credits is None:
        raise click.BadParameter(f"{value!r} is not a number of credits, 0 or more, such as 12.5.", ctx, parameter)
    return credits


def limit_options(command: Command) -> Command:
    """What the call may cost, and whether that must be known."""
    text = "Refuse the call where it can cost more on the platform."
    most = click.option("--max-credits", metavar="N", callback=read_credits, help=text)
    text = "Let a price that is not known pass --max-credits and other limits."
    return most(click.option("--allow-unknown-price", is_flag=True, help=text)(command))
