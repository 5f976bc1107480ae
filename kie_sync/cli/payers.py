"""Who pays for a call on the command line: a ledger of accounts, one of them, and how much of it is held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional

import click

from .limits import read_credits
from .run import Command, Run
from .tables import counted

if TYPE_CHECKING:
    from ..ledger import SqlLedger


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


def settle_accounts(run: Run, ledger: Optional[SqlLedger]) -> None:
    """End the holds whose calls have ended by the journal, and say so; the others wait for `account settle`."""
    if ledger is None:
        return
    from ..errors import KieLedgerError
    from ..ledger import settle_holds

    try:
        found = settle_holds(ledger, run.open_journal(), run.load_catalog())
    except KieLedgerError as error:
        # What the command was asked for is done, and is not to be lost for this.
        run.warn(f"{error}; `kie-sync account settle` ends the holds later")
        return
    for settled in found:
        if settled.state != "open":
            used = "" if settled.used is None else f", {counted(settled.used, 'credit')}"
            run.say(f"account {settled.hold.account}: hold {settled.hold.key[:12]} {settled.state}{used}")
