"""`batch status`: how the batches stand that the journal knows."""

from __future__ import annotations

import shlex
from typing import Any, Dict, List, Optional, Tuple

import click

from ...batch.page import instant
from ...batch.standing import Standing, read_standings
from ...figures import tidy
from ...records import STATES, UNFINISHED
from ..run import Run, common_options, journal_option, print_json
from ..tables import amount, print_table
from .recorded import no_such_batch, records_of

_COLUMNS = ("batch", "since (UTC)", "rows", "done", "running", "failed", "unknown", "left", "estimated", "consumed")
_NUMBERS = _COLUMNS[2:]


@click.command()
@click.argument("name", required=False)
@journal_option
@common_options
@click.pass_obj
def status(run: Run, name: Optional[str]) -> None:
    """Say how batches stand, and what is left to do.

    \b
    kie-sync batch status            each batch on record, a line each
    kie-sync batch status NAME       one of them: its rows by state, its credits, and the next command

    Read from the journal alone: nothing is asked of the platform. A row that was never sent is on no record;
    `kie-sync batch` with the same rows finds it. A row counts once, however often it was bought; credits are
    those of all its calls. Running means paid and not finished; left counts rows on record that are not done
    and on disk.
    """
    journal = run.open_journal()
    found = read_standings(records_of(journal, name))
    if name is not None and name not in found:
        raise no_such_batch(journal, name)
    if run.as_json:
        facts = [_facts(standing, run) for standing in found.values()]
        print_json(facts if name is None else facts[0])
    elif name is None:
        if found:
            print_table(_COLUMNS, [_row(standing) for standing in found.values()], numbers=_NUMBERS)
            run.say("`kie-sync batch status NAME` says what is left to do; `kie-sync batch report` what was spent")
        else:
            run.say(f"no batches on record in {journal.path}")
    else:
        _show(run, found[name])


def _row(standing: Standing) -> Tuple[str, ...]:
    rows, calls = standing.rows, standing.calls
    counts = (rows.calls, rows.count("success"), rows.count(*UNFINISHED), rows.count("failed"), rows.count("unknown"))
    figures = (*counts, standing.left)
    taken = amount(calls.consumed) + (f" +{calls.unsaid}?" if calls.unsaid else "")
    estimated = amount(calls.estimated) + (f" +{calls.unpriced}?" if calls.unpriced else "")
    return (standing.name, instant(standing.first_at)[:16], *map(str, figures), estimated, taken)


def _show(run: Run, standing: Standing) -> None:
    rows, calls = standing.rows, standing.calls
    click.echo(
        f"{standing.name}: {rows.calls} rows on record, {instant(standing.first_at)} to {instant(standing.last_at)}"
    )
    listed = [(state, str(rows.states[state])) for state in STATES if rows.states.get(state)]
    print_table(("state", "rows"), listed, numbers=("rows",))
    click.echo(f"{amount(calls.consumed)} credits consumed" + _without(calls.unsaid, "nobody has said it"))
    click.echo(f"{amount(calls.estimated)} credits estimated" + _without(calls.unpriced, "the price was not known"))
    for what, command in _steps(standing, run):
        click.echo(f"{what}:\n  {command}")
    if standing.unsaved or rows.count(*UNFINISHED):
        run.say(
            "the same `kie-sync batch` command fetches and waits, too, names files after their rows, and writes "
            "results.csv and index.html; resume and collect take all that is on record"
        )
    if not standing.left:
        run.say("every row on record is done and on disk")


def _without(count: int, why: str) -> str:
    return f", without {count} of which {why}" if count else ""


def _steps(standing: Standing, run: Run) -> List[Tuple[str, str]]:
    """What is left to do, and the command for it."""
    rows = standing.rows
    flags = _flags(run)
    folder = f"-o {shlex.quote(standing.folder)}" if standing.folder else "-o FOLDER"
    again = f"kie-sync batch ROWS --name {standing.name}"
    steps = []
    if rows.count(*UNFINISHED):
        steps.append((f"{rows.count(*UNFINISHED)} paid and not finished", f"kie-sync resume {folder}{flags}"))
    if standing.unsaved:
        steps.append((f"{standing.unsaved} done and not on disk", f"kie-sync collect {folder}{flags}"))
    if standing.unknown:
        first = standing.unknown[0][:12]
        settle = f"kie-sync reconcile{flags}; kie-sync settle {first} --charged|--not-charged{flags}"
        more = _without(standing.calls.at_stake_unpriced, "the price was not known")
        at_stake = f"perhaps paid, {amount(standing.calls.at_stake)} credits{more}"
        steps.append((f"{len(standing.unknown)} of unknown outcome, {at_stake}", settle))
    if rows.count("failed"):
        steps.append((f"{rows.count('failed')} failed", f"{again} --retry-failed{flags}"))
    if rows.count("refused"):
        steps.append((f"{rows.count('refused')} refused, and not paid", f"{again}{flags}"))
    return steps


def _flags(run: Run) -> str:
    return f" --journal {shlex.quote(run.journal)}" if run.journal is not None else ""


def _facts(standing: Standing, run: Run) -> Dict[str, Any]:
    rows, calls = standing.rows, standing.calls
    return {
        "name": standing.name,
        "first_at": _time(standing.first_at),
        "last_at": _time(standing.last_at),
        "rows": rows.calls,
        "states": {state: rows.states[state] for state in STATES if rows.states.get(state)},
        "unsaved": standing.unsaved,
        "left": standing.left,
        "unknown": standing.unknown,
        "credits_estimated": tidy(calls.estimated),
        "calls_without_estimate": calls.unpriced,
        "credits_consumed": tidy(calls.consumed),
        "calls_without_consumption": calls.unsaid,
        "credits_at_stake": tidy(calls.at_stake),
        "calls_at_stake_without_estimate": calls.at_stake_unpriced,
        "next": [{"what": what, "command": command} for what, command in _steps(standing, run)],
    }


def _time(seconds: float) -> str:
    return instant(seconds).replace(" UTC", "Z").replace(" ", "T")
