"""`account create`, `topup` and `transfer`: what a person books."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional, Tuple

import click

from ...holds import Balance
from ..limits import read_credits
from ..payers import ledger_option
from ..run import Run, common_options, print_json
from ..tables import amount, counted
from .showing import balance_facts


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--bonus", metavar="N", callback=read_credits, help="So many credits in place of the catalog's bonus.")
@click.option("--no-bonus", is_flag=True, help="Nothing at the start.")
@ledger_option
@common_options
@click.pass_obj
def create(run: Run, name: str, bonus: Optional[Decimal], no_bonus: bool) -> None:
    """Open an account, with the opening bonus of the catalog.

    One that is there already gets nothing more, so that the command can be run again.
    """
    from ...ledger import opening_bonus

    if no_bonus and bonus is not None:
        raise click.UsageError("--bonus and --no-bonus: choose one")
    if bonus is None:
        plan = None if no_bonus else opening_bonus(run.load_catalog())
        bonus = Decimal(0) if plan is None else plan.credits
    _show(run, run.open_ledger().create(name, bonus=bonus))


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--plan", "plan_name", metavar="PLAN", help="A plan of the catalog; `kie-sync plans` lists them.")
@click.option("--credits", "credits", metavar="N", callback=read_credits, help="So many credits.")
@click.option("--key", metavar="KEY", help="A name for this payment: the same key adds only once.")
@click.option("--ref", metavar="TEXT", default="", help="What it was, for the statement.")
@ledger_option
@common_options
@click.pass_obj
def topup(
    run: Run, name: str, plan_name: Optional[str], credits: Optional[Decimal], key: Optional[str], ref: str
) -> None:
    """Add the credits of a plan, or any number, to an account."""
    from ...ledger import plan_for

    if (plan_name is None) == (credits is None):
        raise click.UsageError("say what to add: --plan PLAN or --credits N")
    if plan_name is not None:
        credits, ref = plan_for(run.load_catalog(), plan_name).credits, ref or f"plan {plan_name}"
    _show(run, run.open_ledger().topup(name, credits or 0, key=key, ref=ref))


@click.command()
@click.argument("name", metavar="FROM")
@click.argument("to", metavar="TO")
@click.argument("credits", metavar="N", callback=read_credits)
@click.option("--key", metavar="KEY", help="A name for this transfer: the same key moves only once.")
@click.option("--ref", metavar="TEXT", default="", help="What it was for, for the statements.")
@ledger_option
@common_options
@click.pass_obj
def transfer(run: Run, name: str, to: str, credits: Decimal, key: Optional[str], ref: str) -> None:
    """Move credits from one account to another.

    Only what is available can be moved; what is held stays.
    """
    _show(run, *run.open_ledger().transfer(name, to, credits, key=key, ref=ref))


def _show(run: Run, *balances: Balance) -> None:
    if run.as_json:
        facts: Tuple[object, ...] = tuple(balance_facts(balance) for balance in balances)
        print_json(facts[0] if len(facts) == 1 else facts)
        return
    for balance in balances:
        held = f", {amount(balance.held)} held" if balance.held else ""
        click.echo(f"{balance.account}: {counted(balance.available, 'credit')}{held}")
