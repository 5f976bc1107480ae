"""`resume` and `collect`: go on with what was paid for."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any, Dict, List, Optional

import click

from .. import KieClient
from ..errors import KieTaskFailedError
from ..journal import SqliteJournal
from ..records import UNFINISHED, Record
from ..recovery import Step, left_alone, unsaved
from ..recovery import collect as fetch_all
from ..recovery import resume as wait_for_all
from .delivery import waiting_options
from .exits import FAILED, RUNNING, UNKNOWN, facts
from .history import record_facts
from .payers import ledger_option, settle_accounts
from .progress import Progress
from .run import Run, common_options, journal_option, print_json
from .tables import counted


@click.command()
@click.option("-o", "--output", metavar="PATH", help="Also fetch the files, as `collect` does.")
@waiting_options
@ledger_option
@journal_option
@common_options
@click.pass_obj
def resume(run: Run, output: Optional[str], poll_interval: Optional[float], max_wait: Optional[float]) -> int:
    """Go on waiting for every paid task that is not finished.

    After a crash, a deadline or Ctrl-C: nothing is bought, and nothing is lost. Calls of unknown outcome
    are listed; see `settle`. Exits with 6 when something still runs, with 5 when only such calls are left.
    """
    journal = run.open_journal()
    done: List[Dict[str, Any]] = []
    code = 0
    ledger = run.find_ledger()
    with Progress(run), run.open_client(ledger=ledger) as client:
        for step in wait_for_all(client, journal, output, poll_interval=poll_interval, max_wait_time=max_wait):
            done.append(_facts(step))
            _say(run, client, step)
            if step.record.state in UNFINISHED:
                code = RUNNING
            elif step.error is not None and step.record.state == "success":
                code = code or FAILED
        left = len(unsaved(client, journal))
        _say_left_alone(run, client, journal)
    settle_accounts(run, ledger)
    unknown = journal.records(["unknown"])
    if run.as_json:
        print_json({"tasks": done, "unknown": [record_facts(record) for record in unknown]})
    elif not done and not unknown:
        run.say("nothing is left to wait for")
    code = code or (UNKNOWN if unknown else 0)
    for record in unknown:
        run.say(
            f"call {record.id[:12]} ({record.model}): it is not known whether it was paid ({record.message}); "
            f"`kie-sync settle {record.id[:12]} --charged` or `--not-charged`"
        )
    if left:
        run.say(f"{counted(Decimal(left), 'result')} not on disk; `kie-sync collect` fetches what still lives")
    return code


@click.command()
@click.option("-o", "--output", metavar="PATH", default=".", show_default=True, help="A folder, or a pattern.")
@ledger_option
@journal_option
@common_options
@click.pass_obj
def collect(run: Run, output: str) -> int:
    """Fetch everything that is paid and not on disk.

    What expires first comes first: links to results live about a day. Nothing is overwritten, and nothing
    is bought. Exits with 4 when something could not be fetched.
    """
    done: List[Dict[str, Any]] = []
    journal = run.open_journal()
    with Progress(run), run.open_client(ledger=run.find_ledger()) as client:
        for step in fetch_all(client, journal, output):
            done.append(_facts(step))
            _say(run, client, step)
        _say_left_alone(run, client, journal)
    if run.as_json:
        print_json(done)
    elif not done:
        run.say("everything that is done is on disk")
    return FAILED if any(entry.get("error") for entry in done) else 0


def _say_left_alone(run: Run, client: KieClient, journal: SqliteJournal) -> None:
    if others := left_alone(client, journal):
        run.say(
            f"{counted(Decimal(len(others)), 'call')} of other API keys left alone, not finished or not on disk: "
            "run it again with the key that paid (`kie-sync history` lists them)"
        )


def _facts(step: Step) -> Dict[str, Any]:
    paths = [str(path) for path in step.paths]
    error = {} if step.error is None else {"error": facts(step.error)}
    return {**record_facts(step.record), "saved": paths, **error}


def _say(run: Run, client: KieClient, step: Step) -> None:
    record = step.record
    name = f"task {record.task_id}" if record.task_id else f"call {record.id[:12]}"
    if run.as_json:
        return
    for path in step.paths:
        click.echo(str(path))
    if step.error is None:
        left = _countdown(client, record) if step.paths else ""
        run.say(f"{name}: {record.state} ({record.model}){left}")
    elif isinstance(step.error, KieTaskFailedError):
        run.say(f"{name}: failed ({record.model}): {record.fail_msg or step.error.message}")
    else:
        run.warn(f"{name}: {step.error.message}")


def _countdown(client: KieClient, record: Record) -> str:
    """How long a result's link still lives."""
    provider = client.catalog.providers.get(record.provider)
    if provider is None or not provider.results_live_hours or record.finished_at is None:
        return ""
    hours = float(provider.results_live_hours) - (time.time() - record.finished_at) / 3600
    return f"; its link lives about {hours:.0f} more hours" if hours > 0 else "; its link is past its time"
