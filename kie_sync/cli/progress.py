"""A listener that shows how a task gets on: a moving line on a terminal, plain lines anywhere else."""

from __future__ import annotations

import logging
import sys
from typing import Any, Optional

from ..events import (
    CallDeferred,
    CallRefused,
    ChatFinished,
    ChatSubmitting,
    OutcomeUnknown,
    TaskCreated,
    TaskFinished,
    TaskPolled,
    TaskSubmitting,
)
from .run import Run


class Progress:
    """Tells of one run's tasks; keeps `run` up to date, so that an interrupted run can say what exists.

    A context manager: what the library logs goes where warnings go, and the moving line ends.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._last = ""
        self._status: Optional[Any] = None
        self._logged = LoggedWarnings(run)

    def __enter__(self) -> Progress:
        self._logged.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._logged.__exit__()
        self._stop()

    def __call__(self, event: Any) -> None:
        run = self._run
        if isinstance(event, (TaskSubmitting, ChatSubmitting)):
            run.is_buying, run.task_id, run.is_known, run.is_over = True, None, False, False
        elif isinstance(event, (ChatFinished, CallRefused)):
            run.is_buying = False
        elif isinstance(event, CallDeferred):
            run.say(f"not accepted: {event.error}; again in {event.pause_s:.0f} s")
        elif isinstance(event, OutcomeUnknown):
            run.call_id = event.call_id
        elif isinstance(event, TaskCreated):
            run.is_buying, run.is_known, run.task_id = False, True, event.task_id
            if run.as_json:
                run.tell("task", {"task_id": event.task_id, "model": event.model, "state": "created"})
            else:
                run.say(f"task {event.task_id} created")
        elif isinstance(event, TaskPolled):
            self._show(event)
        elif isinstance(event, TaskFinished):
            run.is_over = True
            self._stop()

    def _show(self, event: TaskPolled) -> None:
        percent = f" {event.progress:g} %" if event.progress else ""
        text = f"{event.state or 'not listed yet'}{percent}"
        if self._run.as_json:
            return
        if sys.stderr.isatty():
            self._spin(f"{text}, {event.elapsed_s:.0f} s")
        elif text != self._last:
            self._run.say(f"{text}, {event.elapsed_s:.0f} s")
        self._last = text

    def _spin(self, text: str) -> None:
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(text)
            self._status.start()
        self._status.update(text)

    def _stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


class LoggedWarnings(logging.Handler):
    """The library's log, as warnings of the run, as long as it is entered."""

    def __init__(self, run: Run) -> None:
        super().__init__(logging.WARNING)
        self._run = run

    def emit(self, record: logging.LogRecord) -> None:
        self._run.warn(record.getMessage())

    def __enter__(self) -> LoggedWarnings:
        logging.getLogger("kie_sync").addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger("kie_sync").removeHandler(self)
