"""`credits`: how much is left, once, or watched until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from decimal import Decimal
from typing import Callable, Dict, List, Optional

import click

from ..clock import Clock, SystemClock
from ..errors import KieConnectionError, KieRateLimitError, KieServerError
from ..figures import tidy
from .limits import read_credits
from .progress import Progress
from .run import Run, common_options, journal_option, print_json, print_line
from .tables import amount, counted

# These pass, and a watch that ends at the first of them would watch nothing.
PASSING = (KieConnectionError, KieServerError, KieRateLimitError)


@click.command()
@click.option("--watch", "is_watch", is_flag=True, help="Go on looking; print when it changes, until Ctrl-C.")
@click.option("--below", metavar="N", callback=read_credits, help="With --watch: the balance is low below N credits.")
@click.option(
    "--command",
    metavar="CMD",
    help="With --below: run this each time the balance gets low, with KIE_CREDITS in its environment; no shell.",
)
@click.option("--every", type=click.FloatRange(min=1), metavar="SECONDS", help="Time between two looks; 60 without it.")
@journal_option
@common_options
@click.pass_obj
def credits(run: Run, is_watch: bool, below: Optional[Decimal], command: Optional[str], every: Optional[float]) -> None:
    """Print how many credits are left.

    With --watch it looks again and again, and prints a line when the number has changed; with --json each
    line is an object. What CMD prints goes to stderr.
    """
    for option, value in (("--below", below), ("--command", command), ("--every", every)):
        if value is not None and not is_watch:
            raise click.UsageError(f"{option} goes with --watch")
    if command is not None and below is None:
        raise click.UsageError("--command needs --below, which says when to run it")
    words = _read_command(command)
    catalog = run.load_catalog()

    def show(left: Decimal) -> None:
        if not run.as_json:
            click.echo(amount(left))
            return
        about = {"credits": tidy(left), "usd": tidy(left * catalog.money.usd_per_credit)}
        if is_watch:
            print_line(about)
        else:
            print_json(about)

    with Progress(run), run.open_client(catalog=catalog) as client:
        if is_watch:
            watch(run, client.credits, show, SystemClock(), every_s=every or 60.0, below=below, words=words)
        else:
            show(client.credits())


def _read_command(command: Optional[str]) -> List[str]:
    if command is None:
        return []
    try:
        # Windows has backslashes in its paths.
        words = shlex.split(command, posix=os.name != "nt")
    except ValueError as error:
        raise click.UsageError(f"--command {command}: {error}") from error
    if not words or shutil.which(words[0]) is None:
        raise click.UsageError(f"--command {command}: there is no such program")
    return words


def watch(
    run: Run,
    read: Callable[[], Decimal],
    show: Callable[[Decimal], None],
    clock: Clock,
    *,
    every_s: float,
    below: Optional[Decimal],
    words: List[str],
) -> None:
    """Look at the balance for ever; say what changes, and run the command each time that it gets low."""
    last: Optional[Decimal] = None
    while True:
        try:
            left = read()
        except PASSING as error:
            run.warn(f"the balance could not be read: {error}; looking again in {every_s:g} s")
        else:
            if left != last:
                show(left)
            if below is not None and left < below and (last is None or last >= below):
                run.warn(f"the balance is low: {counted(left, 'credit')}, fewer than {amount(below)}")
                _run_command(run, words, left)
            last = left
        clock.sleep(every_s)


def _run_command(run: Run, words: List[str], left: Decimal) -> None:
    if not words:
        return
    environ: Dict[str, str] = {**os.environ, "KIE_CREDITS": amount(left)}
    try:
        code = subprocess.run(words, env=environ, stdin=subprocess.DEVNULL, stdout=2, check=False).returncode
    except OSError as error:
        run.warn(f"--command {words[0]}: {error.strerror or error}")
        return
    if code:
        run.warn(f"--command {words[0]}: it ended with {code}")
