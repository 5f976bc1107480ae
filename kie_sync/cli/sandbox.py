"""`sandbox`: KIE.ai played on this machine."""

from __future__ import annotations

import os
import shlex
import tempfile
from decimal import Decimal
from typing import TYPE_CHECKING, Tuple

import click

from .. import sandbox as sandboxes
from .run import Run, common_options, print_json

if TYPE_CHECKING:
    from ..sandbox import Sandbox

_FAULTS = "\n".join(
    f"  {name}{'' if text.startswith(('=', '[')) else ': '}{text}" for name, text in sandboxes.FAULTS.items()
)
_OWN_FILES = {"KIE_JOURNAL": "journal.sqlite", "KIE_LEDGER": "ledger.sqlite"}
_EPILOG = f"""\b
Faults, each written [WHERE:]NAME[=ARGUMENT][*TIMES]
(WHERE is create, query, chat, credits, upload or files; TIMES is for how many requests):
{_FAULTS}"""


@click.command(epilog=_EPILOG)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port to listen on; without it a free one.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="How much faster than real time tasks run. At high speed a task passes some states before the first look.",
)
@click.option("--balance", type=click.FloatRange(min=0), default=10000, show_default=True, help="Credits at the start.")
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    help="Something that goes wrong, from the list below; may be repeated.",
)
@click.option("--webhook-secret", metavar="TEXT", default="", help="Sign callbacks with it; without it they are not.")
@common_options
@click.pass_obj
def sandbox(run: Run, port: int, speed: float, balance: float, faults: Tuple[str, ...], webhook_secret: str) -> None:
    """Play KIE.ai on this machine until Ctrl-C.

    Prints lines to paste into another terminal: there, kie-sync and every program that uses kie_sync
    then talk to the sandbox and to no real host, with credits that cost nothing, and keep a journal and
    accounts that go with it. Callback URLs on this machine are called when a task ends.
    """

    def announce(ready: Sandbox) -> None:
        # What is only played is not mixed with what was really paid, and goes with the sandbox.
        own = {name: os.path.join(folder, file) for name, file in _OWN_FILES.items()}
        environment = {**ready.environment(), **own}
        if run.as_json:
            print_json({"url": ready.url, "key": ready.key, "environment": environment})
        for name, value in environment.items() if not run.as_json else ():
            click.echo(f"export {name}={shlex.quote(value)}")
        run.say(f"KIE.ai is played on {ready.url}; Ctrl-C stops it. Paste the lines above into another terminal.")

    catalog = run.load_catalog()
    with tempfile.TemporaryDirectory(prefix="kie-sandbox-") as folder:
        sandboxes.serve(
            catalog=catalog,
            port=port,
            balance=Decimal(str(balance)),
            speed=speed,
            faults=faults,
            webhook_secret=webhook_secret,
            on_ready=announce,
        )
