"""What comes of a task: waiting for it, saving its files, saying what it cost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Callable, List, Optional, Sequence

import click

from .. import CostEstimate, Result
from .arguments import check_output
from .run import Command, Run, print_json
from .tables import amount, counted


def _checked(ctx: click.Context, parameter: click.Parameter, output: Optional[str]) -> Optional[str]:
    # Here, so that a place that cannot be written to stops the command before anything is bought.
    check_output(output)
    return output


def output_option(command: Command) -> Command:
    """`-o`."""
    text = (
        "Save to this file, into this folder, or to a pattern such as out/{model}-{task_id}-{n}.{ext}; "
        "nothing is overwritten."
    )
    return click.option("-o", "--output", metavar="PATH", callback=_checked, help=text)(command)


def waiting_options(command: Command) -> Command:
    """How often to look, and for how long."""
    seconds = click.FloatRange(min=0, min_open=True)
    often = click.option("--poll-interval", type=seconds, metavar="SECONDS", help="Time between two looks.")
    text = "Stop watching after so long; the task goes on."
    return often(click.option("--max-wait", type=seconds, metavar="SECONDS", help=text)(command))


def save(run: Run, fetch: Callable[[str], List[Path]], output: Optional[str]) -> List[str]:
    """Fetch files to where the user wants them; none when that is nowhere."""
    if output is None:
        return []
    run.is_unsaved = True
    paths = fetch(output)
    run.is_unsaved = False
    return [str(path) for path in paths]


def show_files(paths: Sequence[str]) -> None:
    """Files or URLs, a line each."""
    for path in paths:
        click.echo(path)


def deliver(run: Run, result: Result, output: Optional[str]) -> None:
    """Save a result's files where that was asked for, and say what there is."""
    run.is_over, run.task_id = True, result.task_id
    files: List[str] = []
    try:
        if result.urls:
            files = save(run, result.save, output)
    finally:
        # The URLs come out even when saving fails: what they point to is paid.
        if run.as_json:
            print_json({**result.to_dict(), "files": files})
        else:
            show_files(files or result.urls)
    if not result.urls and not run.as_json:
        print_json(result.data)
    run.say(f"task {result.task_id} done; {price_sentence(result.cost)}{took(result.credits_consumed)}")
    if result.urls and not output:
        run.say("links live about a day; -o saves the files")


def price_sentence(cost: Optional[CostEstimate]) -> str:
    """What the customer pays, in credits and dollars."""
    if cost is None or cost.credits is None:
        return f"the price is unknown ({cost.unknown if cost is not None and cost.unknown else 'no figure'})"
    dollars = f", US$ {amount(cost.usd)}" if cost.usd is not None else ""
    return f"price ({cost.tariff}): {counted(cost.credits, 'credit')}{dollars}"


def took(credits: Optional[Decimal]) -> str:
    """What the platform says it took, as the end of a sentence."""
    return "" if credits is None else f"; the platform took {counted(credits, 'credit')}"
