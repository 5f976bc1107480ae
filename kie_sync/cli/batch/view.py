"""How a running batch is seen: a line that moves on a terminal, a plain line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from typing import Any, Callable, Optional

from ...batch import Agenda, Progress, RowResult
from ...batch.course import INTERRUPTED
from ..progress import LoggedWarnings
from ..run import Run
from ..tables import amount, counted
from .shown import duration, show_result

# Between two plain lines.
_EVERY_S = 15.0
# Before that, what is forecast says more than what has been seen.
_SEEN_S = 20.0


class View(ExitStack):
    """Shows one run's batch. What the library logs comes as warnings."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._live: Optional[Any] = None
        self._last = 0.0

    def __enter__(self) -> View:
        super().__enter__()
        self.enter_context(LoggedWarnings(self._run))
        return self

    def take(self, result: RowResult) -> None:
        """A row that is dealt with."""
        show_result(self._run, result)

    def watch(self, agenda: Agenda) -> Optional[Callable[[Progress], None]]:
        """Who is told how far the run is; None where nobody looks."""
        if self._run.as_json:
            return None
        began = self._last = time.monotonic()
        is_live = sys.stderr.isatty()
        if is_live:
            self._live = self._open()

        is_stopped = False

        def show(progress: Progress) -> None:
            nonlocal is_stopped
            now = time.monotonic()
            is_news, is_stopped = bool(progress.stopped) and not is_stopped, bool(progress.stopped)
            if self._live is not None:
                from rich.text import Text

                # As `Text`, so that a reason such as [image] is not taken for markup.
                self._live.update(Text(sentence(progress, _left_s(progress, agenda, now - began))))
            elif is_news or now - self._last >= _EVERY_S:
                self._last = now
                self._run.say(sentence(progress, _left_s(progress, agenda, now - began)))

        return show

    def _open(self) -> Any:
        from rich.console import Console
        from rich.live import Live

        # Files go to stdout above the moving line, where that is the same terminal.
        live = Live(
            "", console=Console(stderr=True), redirect_stdout=sys.stdout.isatty(), refresh_per_second=4, transient=True
        )
        return self.enter_context(live)


def sentence(progress: Progress, left_s: Optional[float]) -> str:
    """How far a batch is, in a line."""
    states = progress.states
    ended = sum(count for state, count in states.items() if state not in ("waiting", "bad"))
    others = [
        f"{states[word]:,} {word}" for word in ("failed", "unknown", "refused", "skipped", "bad") if word in states
    ]
    limit = "" if progress.limit is None else f" of {amount(progress.limit)}"
    reserved = f", {amount(progress.reserved)} reserved" if progress.reserved else ""
    parts = [
        f"{progress.done:,} of {progress.rows:,} done",
        f"{progress.in_air:,} running",
        *others,
        f"{counted(progress.spent, 'credit')}{limit} spent{reserved}",
    ]
    if progress.stopped:
        again = "; Ctrl-C again leaves them" if progress.stopped == INTERRUPTED else ""
        parts.append(f"no row more is sent ({progress.stopped}); waiting for {progress.in_air:,}{again}")
    elif left_s is not None and ended < progress.rows:
        parts.append(f"about {duration(left_s)} left")
    return ", ".join(parts)


def _left_s(progress: Progress, agenda: Agenda, elapsed_s: float) -> Optional[float]:
    """Seconds that are left: by what was seen, once that is enough; before, by the forecast."""
    if progress.bought and elapsed_s >= _SEEN_S:
        return elapsed_s / progress.bought * (progress.to_buy - progress.bought)
    return max(agenda.seconds - elapsed_s, 0.0) if agenda.to_buy and not agenda.is_least else None
