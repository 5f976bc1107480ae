"""`account holds` and `settle`: what is set aside for calls that have not ended, and its end."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any, Dict, List, Optional

import click

from ...holds import Hold, read_purpose
from ..limits import read_credits
from ..payers import ledger_option
from ..run import Run, common_options, journal_option
from .showing import csv_option, show_rows, time_of


@click.command()
@click.argument("name", metavar="[NAME]", required=False)
@csv_option
@ledger_option
@common_options
@click.pass_obj
def holds(run: Run, name: Optional[str], is_csv: bool) -> None:
    """List what is held for calls that have not ended.

    Those of one account with NAME. The key is the call's id in `kie-sync history`.
    """
    ledger = run.open_ledger()
    if name is not None:
        ledger.balance(name)
    rows = [_facts(hold) for hold in ledger.holds(name)]
    show_rows(run, rows, ("at", "account", "credits", "task", "model", "key"), is_csv=is_csv, numbers=("credits",))
    if not rows:
        run.say("nothing is held")


@click.command()
@click.argument("key", metavar="[HOLD]", required=False)
@click.option("--release", "is_unused", is_flag=True, help="With HOLD: nothing was used.")
@click.option("--capture", "used", metavar="N", callback=read_credits, help="With HOLD: so many credits were used.")
@csv_option
@ledger_option
@journal_option
@common_options
@click.pass_obj
def settle(run: Run, key: Optional[str], is_unused: bool, used: Optional[Decimal], is_csv: bool) -> None:
    """End holds: by what the journal knows, or by hand.

    Without HOLD, every open hold whose call has ended by the journal is captured or released, and the others
    are listed with the reason why they stay. HOLD is a key of `kie-sync account holds`, its beginning, or a task.
    """
    if key is None:
        if is_unused or used is not None:
            raise click.UsageError("--release and --capture end one hold: name it")
        _settle_all(run, is_csv)
        return
    if is_unused == (used is not None):
        raise click.UsageError("say what became of it: --release, or --capture N")
    ledger = run.open_ledger()
    hold = _find(ledger.holds(), key)
    if used is None:
        ledger.release(hold.key)
    else:
        ledger.capture(hold.key, used)
    found = ledger.find(hold.key)
    show_rows(run, [_facts(found or hold)], ("account", "credits", "state", "used", "key"), is_csv=is_csv)


def _settle_all(run: Run, is_csv: bool) -> None:
    from ...ledger import settle_holds

    settled = settle_holds(run.open_ledger(), run.open_journal(), run.load_catalog())
    rows = [{**_facts(each.hold), "state": each.state, "used": each.used, "why": each.why} for each in settled]
    columns = ("account", "credits", "state", "used", "task", "model", "key", "why")
    show_rows(run, rows, columns, is_csv=is_csv, numbers=("credits", "used"))
    if not rows:
        run.say("nothing is held")


def _find(holds: List[Hold], key: str) -> Hold:
    found = [hold for hold in holds if key in (hold.key, read_purpose(hold.ref).task_id)]
    if not found and len(key) >= 6:
        found = [hold for hold in holds if hold.key.startswith(key)]
    if len(found) != 1:
        what = "no open hold" if not found else f"{len(found)} open holds"
        raise click.UsageError(f"{what} of {key}; `kie-sync account holds` lists what there is")
    return found[0]


def _facts(hold: Hold) -> Dict[str, Any]:
    purpose = read_purpose(hold.ref)
    more = {"task": purpose.task_id, "model": purpose.model, "tariff": purpose.tariff}
    return {**asdict(hold), "at": time_of(hold.at), **more}
