"""What a batch says: its plan, its rows as they come, and what it all came to."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

import click

from ...batch import Agenda, BatchResult, ModelTotal, Plan, RowResult
from ...batch.course import INTERRUPTED, SHEET_NAME
from ...batch.outcomes import Shelf
from ...batch.tables import CSV_NAME, flat
from ...records import STATES, UNFINISHED
from ..exits import BAD_INPUT, FAILED, REFUSED, RUNNING, UNKNOWN, UNSAVED, exit_code
from ..run import Run, as_json, print_json
from ..tables import amount, counted, plain_lines, print_table

_COLUMNS = ("model", "rows", "credits", "at most", "unknown price")
_INTERRUPTED_CODE = 130
# Done first; what was not sent last.
_ORDER = ("success", *(state for state in STATES if state != "success"), "skipped", "bad", "waiting")


def show_plan(run: Run, plan: Plan, agenda: Agenda, limit: Optional[Decimal], *, is_all: bool) -> None:
    """What is to be bought, and what that costs and takes; on stdout where nothing else comes (`is_all`)."""
    totals = agenda.totals or (plan.totals if is_all and not agenda.on_record else ())
    if run.as_json:
        print_json(_plan_facts(plan, agenda, totals))
        return
    cells = [_cells(total) for total in totals]
    if is_all and cells:
        print_table(_COLUMNS, cells, numbers=_COLUMNS[1:])
    elif cells:
        for line in plain_lines([_COLUMNS, *cells], [False, True, True, True, True]):
            run.say(line)
    for sentence in _sentences(plan, agenda, totals, limit):
        run.say(sentence)


def _cells(total: ModelTotal) -> Tuple[str, ...]:
    has_price = total.unpriced < total.rows
    known = (amount(total.credits), amount(total.most)) if has_price else ("unknown", "unknown")
    return (total.model, f"{total.rows:,}", *known, f"{total.unpriced:,}" if total.unpriced else "")


def _sentences(plan: Plan, agenda: Agenda, totals: Tuple[ModelTotal, ...], limit: Optional[Decimal]) -> List[str]:
    rows, unpriced = sum(total.rows for total in totals), sum(total.unpriced for total in totals)
    most = sum((total.most for total in totals), Decimal(0))
    found = []
    if agenda.states:
        found.append(f"on record: {_listed(agenda.states)}")
    if agenda.others:
        # As where only --key was added, or a constant: all of it would be paid a second time.
        found.append(
            f"on record under this name, and not in this table as it stands: {_rows(agenda.others)}; a row that was "
            "changed is a new row, by its arguments, --key, -p or --prompt"
        )
    if plan.bad:
        found.append(f"{_rows(len(plan.bad))} left out as bad: " + ", ".join(bad.place for bad in plan.bad))
    if rows:
        price = counted(sum((total.credits for total in totals), Decimal(0)), "credit")
        unknown = f", and {_rows(unpriced)} of unknown price" if unpriced else ""
        price = f"{_rows(unpriced)} of unknown price" if unpriced == rows else f"{price}{unknown}"
        least = "at least " if agenda.is_least else ""
        time = f"; {least}{duration(agenda.seconds)}" if agenda.seconds else ""
        found.append(f"batch {plan.name}: {_rows(rows)} to buy for {price}{time}")
    else:
        found.append(f"batch {plan.name}: nothing is left to buy")
    if limit is not None and agenda.spent + most > limit:
        found.append(f"the batch stops before it passes --max-credits {amount(limit)}")
    return found


def _listed(states: Mapping[str, int]) -> str:
    """In one order, whichever row came first."""
    found = [(state, states[state]) for state in _ORDER if states.get(state)]
    return ", ".join(f"{count:,} {'done' if state == 'success' else state}" for state, count in found)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """A span of time for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"


def _plan_facts(plan: Plan, agenda: Agenda, totals: Tuple[ModelTotal, ...]) -> Dict[str, Any]:
    return {
        "batch": plan.name,
        "rows": len(plan.rows),
        "to_buy": sum(total.rows for total in totals),
        "models": [vars(total) for total in totals],
        "on_record": dict(agenda.states),
        "on_record_of_other_rows": agenda.others,
        "spent": agenda.spent,
        "seconds": agenda.seconds,
        "is_least": agenda.is_least,
        "bad": [
            {"row": bad.number, "line": bad.line, "problems": [vars(each) for each in bad.problems]} for bad in plan.bad
        ],
    }


def show_result(run: Run, result: RowResult) -> None:
    """A row that is dealt with."""
    if run.as_json:
        click.echo(json.dumps(as_json(flat(result)), ensure_ascii=False, default=str))
        return
    for place in result.files or result.urls:
        click.echo(place)
    if result.data:
        click.echo(json.dumps(as_json(result.data), ensure_ascii=False, default=str))
    name = f"row {result.number}" if result.line is None else f"line {result.line}"
    if result.state == "failed":
        run.say(f"{name}: failed: {result.error}")
    elif result.state in ("bad", "unknown", "refused", "skipped", "sending", *UNFINISHED):
        run.warn(f"{name}: {result.state}: {result.error}")
    elif result.state == "success" and result.error:
        run.warn(f"{name}: {result.error}")


def say_end(run: Run, done: BatchResult, output: Optional[str]) -> None:
    """What it all came to, and what can be done about the rest."""
    states, taken = done.states, done.credits_consumed
    unsaid = sum(row.consumed is None for row in done if row.state in ("success", *UNFINISHED))
    if run.as_json:
        summary = {"batch": done.name, "rows": len(done), "states": states, "credits_consumed": taken}
        more = {"unsaid": unsaid, "stopped": done.stopped, "exit_code": code_of(done)}
        click.echo(json.dumps({"summary": as_json({**summary, **more})}, ensure_ascii=False))
        return
    listed = _listed(states)
    unknown = f", and {_rows(unsaid)} of which it has not said" if unsaid else ""
    run.say(f"batch {done.name}: {listed}; the platform took {counted(taken, 'credit')}{unknown}")
    for sentence in _what_next(done, states):
        run.say(sentence)
    if output is not None:
        folder = Shelf(output, is_keyed=False).folder
        run.say(f"results: {Path(folder) / CSV_NAME}, {Path(folder) / SHEET_NAME}")


def _what_next(done: BatchResult, states: Dict[str, int]) -> List[str]:
    found = []
    if done.stopped:
        found.append(f"stopped: {done.stopped}; the same command goes on")
    elif states.get("waiting"):
        found.append("the same command goes on with the rows that wait")
    if any(states.get(state) for state in UNFINISHED):
        found.append("what still runs is paid: the same command, or `kie-sync resume`, waits for it")
    if states.get("failed"):
        found.append("--retry-failed buys failed rows anew")
    if states.get("unknown"):
        found.append(
            "`kie-sync reconcile` and `kie-sync settle` find out about unknown ones; --rebuy-unknown buys them anew, "
            "and may pay twice"
        )
    return found


def code_of(done: BatchResult) -> int:
    """The exit code of a batch: that of what stopped it, else of its worst row."""
    states = done.states
    if done.stopped == INTERRUPTED:
        return _INTERRUPTED_CODE
    if done.error is not None:
        return exit_code(done.error)
    if states.get("unknown"):
        return UNKNOWN
    if any(states.get(state) for state in (*UNFINISHED, "sending")):
        return RUNNING
    if states.get("failed"):
        return FAILED
    if states.get("refused"):
        return REFUSED
    if states.get("skipped"):
        return BAD_INPUT
    return UNSAVED if any(row.state == "success" and row.error for row in done) else 0
