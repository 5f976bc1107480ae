"""How a command ends: exit codes, and what is said about an error."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import click

from ..errors import (
    KieAnswerError,
    KieAPIError,
    KieCatalogError,
    KieError,
    KieInputError,
    KieOutcomeUnknownError,
    KieSaveError,
    KieStreamError,
    KieTaskError,
    KieTaskTimeoutError,
)
from .run import Run

_PAYER = ("account", "needed", "available")
BAD_INPUT, REFUSED, FAILED, UNKNOWN, RUNNING, UNSAVED = 2, 3, 4, 5, 6, 7


def exit_code(error: KieError, run: Optional[Run] = None) -> int:
    """The exit code that an error ends in; `run` knows whether there is a task that goes on."""
    if isinstance(error, KieSaveError):
        return UNSAVED
    if isinstance(error, KieTaskError):
        # A success with nothing in it is a failure, too: the task is over, and there is no result.
        return RUNNING if isinstance(error, KieTaskTimeoutError) else FAILED
    if isinstance(error, KieAnswerError):
        return FAILED
    if isinstance(error, KieAPIError) and run is not None and run.is_known and not run.is_over:
        # Whatever a look at it came to: "refused" would say that nothing was bought.
        return RUNNING
    if isinstance(error, (KieOutcomeUnknownError, KieStreamError)):
        return UNKNOWN
    return REFUSED if isinstance(error, KieAPIError) else BAD_INPUT


def facts(error: KieError) -> Dict[str, Any]:
    """What a program wants to know about an error."""
    about: Dict[str, Any] = {"type": type(error).__name__, "message": str(error)}
    if isinstance(error, (KieInputError, KieCatalogError)):
        about["problems"] = [vars(problem) for problem in error.problems]
    for name in (
        "status_code",
        "retry_after",
        "task_id",
        "fail_code",
        "fail_msg",
        "partial",
        "credits",
        "limit",
        *_PAYER,
    ):
        if getattr(error, name, None) not in (None, ""):
            about[name] = getattr(error, name)
    return about


def report(run: Run, code: int, about: Mapping[str, Any]) -> int:
    """Say on stderr what went wrong, and how to go on with a task that exists; gives the exit code back."""
    task_id = about.get("task_id") or run.task_id
    told = {**about, "exit_code": code, **({"task_id": task_id} if task_id else {})}
    sentence = _how_to_go_on(run, code) if task_id else ""
    if sentence:
        told["go_on"] = run.resume_line(str(task_id))
    elif run.call_id is not None and run.has_journal:
        told["call_id"] = run.call_id
        sentence = "the call is on record; compare the balance, and say what became of it:"
        told["go_on"] = f"kie-sync reconcile; kie-sync settle {run.call_id[:12]} --charged|--not-charged"
    if run.as_json:
        run.tell("error", told)
        return code
    click.echo(f"error: {about['message']}", err=True)
    if sentence:
        click.echo(f"{sentence}\n  {told['go_on']}", err=True)
    return code


def _how_to_go_on(run: Run, code: int) -> str:
    if code == FAILED or not run.is_known:
        return ""
    if run.is_over:
        return "the task is done; fetch its files with:" if run.output else ""
    return "the task goes on, and is paid; wait for it with:"
