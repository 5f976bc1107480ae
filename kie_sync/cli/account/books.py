"""`account show`, `statement` and `check`: what the books say, and whether they are right."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Tuple

import click

from ..exits import FAILED
from ..payers import ledger_option
from ..run import Run, common_options, print_json
from ..tables import counted
from .showing import balance_facts, csv_option, show_rows, time_of

_AMOUNTS = ("available", "held", "total", "balance")


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@csv_option
@ledger_option
@common_options
@click.pass_obj
def show(run: Run, names: Tuple[str, ...], is_csv: bool) -> None:
    """Show what accounts have.

    All of them without a NAME. Available may be spent; held is set aside for calls that have not ended; an
    overdrawn account used more than was held, and is refused until it is topped up.
    """
    ledger = run.open_ledger()
    balances = [ledger.balance(name) for name in names] if names else ledger.accounts()
    rows = [balance_facts(balance) for balance in balances]
    show_rows(run, rows, ("account", "available", "held", "total", "state"), is_csv=is_csv, numbers=_AMOUNTS)
    if not rows:
        run.say(f"no accounts in {ledger.name}; `kie-sync account create NAME` opens one")


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--since", metavar="DATE", type=click.DateTime(["%Y-%m-%d"]), help="From this day on (UTC).")
@csv_option
@ledger_option
@common_options
@click.pass_obj
def statement(run: Run, name: str, since: object, is_csv: bool) -> None:
    """List what happened to an account.

    The oldest stands first: what was added to the available and to the held credits, and what was available then.
    A capture gives back what was held, less what was used.
    """
    from datetime import datetime, timezone

    start = since.replace(tzinfo=timezone.utc).timestamp() if isinstance(since, datetime) else 0.0
    lines = run.open_ledger().statement(name, since=start)
    rows = [{**asdict(line), "at": time_of(line.at)} for line in lines]
    columns = ("at", "kind", "available", "held", "balance", "ref", "other", "key")
    show_rows(run, rows, columns, is_csv=is_csv, numbers=_AMOUNTS)


@click.command()
@ledger_option
@common_options
@click.pass_obj
def check(run: Run) -> int:
    """Prove that all sums are right.

    Every movement sums to zero; every account has what its entries sum to; what is held is what its open holds
    sum to. Exits with 4 when something is wrong, and says what.
    """
    ledger = run.open_ledger()
    found = ledger.check()
    if run.as_json:
        print_json([asdict(finding) for finding in found])
    for finding in found if not run.as_json else ():
        click.echo(str(finding))
    if not found:
        run.say(f"{counted(Decimal(len(ledger.accounts())), 'account')} in {ledger.name}: all sums are right")
    return FAILED if found else 0
