"""The command line `kie-sync`: the list of commands, and how each of them ends.

A command is loaded when it is asked for; `--help` reads the table below, so that it stays quick.
"""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any, Mapping, NoReturn, Optional, Sequence, Tuple

import click

from ..errors import KieError
from .exits import FAILED, REFUSED, UNSAVED, exit_code, facts, report
from .lazy import LazyGroup
from .run import Run, catalog_option

__all__ = ["COMMANDS", "main"]

COMMANDS: Mapping[str, Tuple[str, str]] = {
    "demo": ("demo", "Make a picture, a video and a chat answer in a sandbox."),
    "generate": ("generate", "Make a picture, a video or another file, and wait for it."),
    "chat": ("chat", "Ask a chat model, or talk with it; the answer is shown as it comes."),
    "preview": ("generate", "Show the exact HTTP request of a call; nothing is sent."),
    "price": ("price", "Say what a call costs; no key, no prompt."),
    "models": ("models", "List the models."),
    "show": ("models", "Show all that the catalog knows about a model."),
    "schema": ("models", "Print a model's wire input as JSON Schema."),
    "upload": ("upload", "Send files to the platform, and print their URLs."),
    "task": ("task", "Look at a task, or wait for it."),
    "batch": ("batch", "Make the rows of a table, each paid once; how batches stand, what they took."),
    "history": ("history", "List paid calls: what became of each."),
    "resume": ("resume", "Go on waiting for every paid task that is not finished."),
    "collect": ("resume", "Fetch everything that is paid and not on disk."),
    "settle": ("history", "Say what became of a call whose outcome is unknown."),
    "reconcile": ("history", "Compare the balance with what is on record."),
    "listen": ("listen", "Receive callbacks, and look at each task that they name, until Ctrl-C."),
    "account": ("account", "Keep accounts of credits for your own customers."),
    "credits": ("credits", "Print how many credits are left."),
    "plans": ("price", "List the packages of credits that are sold."),
    "catalog": ("catalog", "Work on catalog files."),
    "sandbox": ("sandbox", "Play KIE.ai on this machine until Ctrl-C."),
}
"""Each command: the module that holds it, and the first line of its help."""

_INTERRUPTED = 130


class _Commands(LazyGroup):
    def main(  # type: ignore[override]  # click's own overloads only tell when it returns; this never does.
        self, args: Optional[Sequence[str]] = None, prog_name: Optional[str] = None, **extra: Any
    ) -> NoReturn:
        """Run, and leave the process with the exit code that `kie-sync --help` promises."""
        given = list(sys.argv[1:] if args is None else args)
        run = Run(as_json="--json" in given)
        with warnings.catch_warnings():
            # The library warns of models that were withdrawn; a filter that makes errors of it must not stop a call.
            warnings.simplefilter("always", FutureWarning)
            warnings.showwarning = lambda message, *place: run.warn(str(message))
            try:
                code = super().main(given, prog_name, **{**extra, "standalone_mode": False, "obj": run})
            except click.UsageError as error:
                _leave(_report_usage(run, error))
            except click.ClickException as error:
                _leave(report(run, error.exit_code, {"type": "UsageError", "message": error.format_message()}))
            except KieError as error:
                _leave(report(run, UNSAVED if run.is_unsaved else exit_code(error, run), facts(error)))
            except click.Abort:
                _leave(_report_interrupt(run))
        _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has gone (`| head`); Python must not complain about it once more while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _report_usage(run: Run, error: click.UsageError) -> int:
    if not run.as_json and error.ctx is not None:
        click.echo(error.ctx.get_usage(), err=True)
    return report(run, error.exit_code, {"type": "UsageError", "message": error.format_message()})


def _report_interrupt(run: Run) -> int:
    message = "interrupted"
    if run.is_answering:
        message += "; the answer so far may be charged"
    elif run.task_id is None and run.is_buying:
        message += " while the call was on its way: whether it was accepted, and paid, is not known"
    about = {"type": "Interrupted", "message": message}
    if run.task_id is not None:
        about["task_id"] = run.task_id
    return report(run, _INTERRUPTED, about)


def _print_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from .. import __version__

        click.echo(f"kie-sync {__version__}")
        ctx.exit()


@click.command(
    cls=_Commands,
    commands_in=__name__,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"""\b
Exit codes:
    0  done
    2  bad input, a bad setting or catalog, a limit of your own, a place that cannot be written to
    {REFUSED}  refused by the platform (key, balance, validation, rate, not found, server), or not reached:
       nothing was bought
    {FAILED}  the task failed
    5  the outcome is unknown: a paid call may have been accepted, or a stream broke off
    6  the task is still running, at the deadline or when a look at it was refused; it is paid,
       and `kie-sync task ID --wait` goes on
    7  made and paid, but not saved; the URLs are printed, and `kie-sync task ID -o PLACE` fetches the files
  130  interrupted with Ctrl-C

\b
With --json, stdout holds one JSON document (of listen, chat, batch run and credits --watch: one a line), and each
line on stderr is a JSON object:
{{"warning": ...}}, {{"task": ...}}, {{"listening": URL}} or {{"error": {{"type", "message", "exit_code", ...}}}}.

\b
Environment: KIE_API_KEY and KIE_BASE_URL; GOOGLE_API_KEY or GEMINI_API_KEY, and GEMINI_BASE_URL;
KIE_CATALOG (catalog files of your own, as --catalog; "off" leaves your own folder aside); KIE_CATALOG_CACHE
(where read catalogs are stored, or "off"); KIE_JOURNAL (the file of paid calls, or "off");
KIE_MAX_CREDITS_PER_DAY (what may be spent in a day, UTC); KIE_LIMITER (a file in which all processes
together keep the platform's rate); KIE_LEDGER (the file or URL of your customers' accounts);
KIE_WEBHOOK_SECRET (what signs callbacks).
""",
)
@catalog_option
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def main() -> None:
    """Pictures, videos and chat from KIE.ai, model by model.

    Results go to stdout; progress, warnings and errors go to stderr. Start with `kie-sync demo`: it
    needs no key and spends nothing.
    """
