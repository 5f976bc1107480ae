"""`history`, `settle` and `reconcile`: what is on record of paid calls, and whether it is true."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Optional, Tuple

import click

from ..figures import tidy
from ..records import STATES, Record
from .payers import ledger_option, settle_accounts
from .progress import Progress
from .run import Run, common_options, journal_option, print_json
from .tables import amount, print_table

_COLUMNS = ("id", "when (UTC)", "state", "model", "credits", "key", "task", "files")


@click.command()
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="So many of the newest.")
@journal_option
@common_options
@click.pass_obj
def history(run: Run, states: Tuple[str, ...], limit: int) -> None:
    """List paid calls: what became of each.

    The oldest stands first. sending: on its way; refused: not paid; unknown: perhaps paid, see `settle`;
    accepted: paid, and not finished; running: the same after our deadline; failed; success; charged:
    settled as paid, without a task. Credits are those consumed, or the estimate with a ~ where nobody has said yet.
    """
    found = run.open_journal().records(states)
    if run.as_json:
        print_json([record_facts(record) for record in found[-limit:]])
        return
    print_table(_COLUMNS, [_row(record) for record in found[-limit:]], numbers=("credits",))
    if len(found) > limit:
        run.say(f"the newest {limit} of {len(found)} calls; --limit shows more")
    if not found:
        run.say(f"no {'such ' if states else ''}calls on record in {run.open_journal().path}")


def record_facts(record: Record) -> Dict[str, Any]:
    """A record as JSON holds it."""
    return {
        "id": record.id,
        "created_at": _time(record.created_at),
        "finished_at": None if record.finished_at is None else _time(record.finished_at),
        "model": record.model,
        "state": record.state,
        "key": record.key or None,
        "task_id": record.task_id,
        "credits_estimated": record.price,
        "credits_consumed": record.consumed,
        "message": record.fail_msg or record.message or None,
        "urls": record.urls,
        "files": record.files,
    }


def _row(record: Record) -> Tuple[str, ...]:
    credits = amount(record.consumed) if record.consumed is not None else f"~{amount(record.price)}"
    what = ", ".join(record.files.values()) or record.fail_msg or record.message
    when = _time(record.created_at)[:16].replace("T", " ")
    short = what if len(what) <= 60 else f"{what[:59]}…"
    return (record.id[:12], when, record.state, record.model, credits, record.key, record.task_id or "", short)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


@click.command()
@click.argument("call_id", metavar="ID")
@click.option("--charged", "is_charged", is_flag=True, help="It was paid.")
@click.option("--not-charged", "is_free", is_flag=True, help="It was not paid.")
@click.option("--task", "task_id", metavar="TASK", help="With --charged: the task that it made, to be waited for.")
@ledger_option
@journal_option
@common_options
@click.pass_obj
def settle(run: Run, call_id: str, is_charged: bool, is_free: bool, task_id: Optional[str]) -> None:
    """Say what became of a call whose outcome is unknown.

    ID is that of `kie-sync history`, or its beginning. The platform's log page (kie.ai/logs) lists what
    was charged; `kie-sync reconcile` compares balances. Then the call's key is free again; with --task it
    keeps it, and `kie-sync resume` goes on with the task. A task that is paid and can no longer be found
    is given up with --charged. What an account holds for the call is captured or released.
    """
    if is_charged == is_free:
        raise click.UsageError("say --charged or --not-charged, one of the two")
    if task_id and not is_charged:
        raise click.UsageError("a call with a task was charged: --task goes with --charged")
    journal = run.open_journal()
    if task_id:
        # A slip in the id would be waited for in vain.
        with Progress(run), run.open_client() as client:
            journal.get(call_id)
            client.query_task(task_id)
    record = journal.get(call_id)
    if not task_id or record.task_id != task_id:
        record = journal.settle(call_id, charged=is_charged, task_id=task_id)
    if run.as_json:
        print_json(record_facts(record))
    else:
        click.echo(f"call {record.id[:12]}: {record.state}")
        if task_id:
            run.say("`kie-sync resume` goes on with its task")
        elif record.key and is_charged:
            run.say(f"the key {record.key} is free: the same call under it is bought anew, and paid once more")
    settle_accounts(run, run.find_ledger())


_VERDICTS = {
    "first": "this is the first balance on record; run it again after some calls",
    "adds up": "it adds up: what was taken is what is on record as paid",
    "unknown were charged": "it adds up if every call of unknown outcome was charged",
    "some unknown were charged": "some of the calls of unknown outcome were charged, and some were not",
    "inconclusive": "inconclusive: the figures do not tell",
}


@click.command()
@journal_option
@common_options
@click.pass_obj
def reconcile(run: Run) -> None:
    """Compare the balance with what is on record.

    What was taken since an earlier balance is compared with the calls in between; this helps to settle
    calls of unknown outcome. It is only true where nobody else uses the same key, and no credits were
    bought in between; where the figures do not tell, it says so.
    """
    from ..recovery import reconcile as compare

    with Progress(run), run.open_client() as client:
        found = compare(client, run.open_journal())
    if run.as_json:
        unknown = [record_facts(record) for record in found.unknown]
        about = {"verdict": found.verdict, "since": None if found.since is None else _time(found.since)}
        figures = {name: tidy(getattr(found, name)) for name in ("before", "after", "taken", "sure", "unexplained")}
        print_json({**about, **figures, "unknown": unknown, "unpriced": [record.id for record in found.unpriced]})
        return
    if found.since is not None:
        click.echo(f"{amount(found.before)} credits on {_time(found.since)}, {amount(found.after)} now")
        click.echo(f"{amount(found.taken)} taken; {amount(found.sure)} on record as paid")
    click.echo(_VERDICTS[found.verdict])
    for record in found.unknown:
        flag = {"adds up": "--not-charged", "unknown were charged": "--charged"}.get(found.verdict, "--charged|...")
        click.echo(f"  kie-sync settle {record.id[:12]} {flag}   {record.model}, ~{amount(record.price)} credits")
    for record in found.unpriced:
        click.echo(f"  nobody knows what {record.id[:12]} cost ({record.model})")
    run.say("this holds only where nothing else used the key, and no credits were bought in between")
