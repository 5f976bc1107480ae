"""Who pays for a call on the command line: a ledger of accounts, one of them, and how much of it is held."""

from __future__ import annotations

from typing import Any, Dict, Optional

import click

from .limits import read_credits
from .run import Command, Run


def _set_ledger(ctx: click.Context, parameter: click.Parameter, place: Optional[str]) -> None:
    if place is not None:
        if not place.strip():
            raise click.BadParameter('name a file or a URL, or say "off"')
        ctx.ensure_object(Run).ledger = place


def ledger_option(command: Command) -> Command:
    """`--ledger`."""
    return click.option(
        "--ledger",
        metavar="PLACE",
        expose_value=False,
        callback=_set_ledger,
        help="Where your customers' accounts are: a file, or a URL. Without it what KIE_LEDGER names, or a file of "
        "your own.",
    )(command)


def account_options(command: Command) -> Command:
    """`--account`, `--hold` and `--ledger`."""
    text = "So many credits of --account are held, where the call's price is not known beforehand."
    held = click.option("--hold", metavar="N", callback=read_credits, help=text)
    text = "Which of your customers' accounts pays; it is refused where it cannot. See `kie-sync account`."
    return click.option("--account", metavar="NAME", help=text)(held(ledger_option(command)))


def payer(run: Run, account: Optional[str]) -> Dict[str, Any]:
    """The ledger and the account for a client that buys; without an account nobody's credits are touched."""
    return {} if account is None else {"ledger": run.open_ledger(), "account": account}
