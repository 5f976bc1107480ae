"""Waiting on a task: when to look, when to stop. Knows nothing of HTTP; it is given a function that looks."""

from __future__ import annotations

import logging
from typing import Any, Callable, Mapping, Optional, Set

from .clock import Clock
from .definitions import Waiting
from .errors import (
    KieAPIError,
    KieConnectionError,
    KieInputError,
    KieNotFoundError,
    KieRateLimitError,
    KieServerError,
    KieTaskError,
    KieTaskTimeoutError,
    Problem,
)
from .events import Listeners, TaskPolled
from .response import QueryTaskResponse

logger = logging.getLogger("kie_sync")

# Looks that fail for so long are no hiccup any more; whoever watches should hear the reason.
_LONG_TROUBLE_S = 30.0


class Watch:
    """A task that is watched, one look at a time: until it has ended, or by whoever watches many, and sleeps for all.

    Args:
        look: one look at the task, given the seconds that are left; what it raises in passing is waited out.
        age_s: how old the task is, where that is known: a new one may be unknown for a moment, and looking at once
            is vain.
        poll_interval: seconds between two looks, instead of the kind's own pace.
        max_wait_time: seconds of wall clock in all, instead of the kind's own deadline.

    Attributes:
        pause_s: how long to wait before the next look, in seconds.
    """

    def __init__(
        self,
        look: Callable[[float], QueryTaskResponse],
        *,
        task_id: str,
        model: str,
        waiting: Waiting,
        clock: Clock,
        listeners: Listeners,
        age_s: Optional[float],
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        context: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.task_id, self._model, self._waiting = task_id, model, waiting
        self._look, self._clock, self._listeners, self._context = look, clock, listeners, context
        self._poll_interval, self._age_s = poll_interval, age_s
        self._start = clock.now()
        self._deadline_s = waiting.deadline_s if max_wait_time is None else max_wait_time
        self._state = ""
        self._stretch, self._is_known = _Stretch(task_id), age_s is not None
        self._warned: Set[str] = set()
        first_s = 0.0 if age_s is None else _interval(waiting, 0.0, poll_interval) - age_s
        self.pause_s = max(min(first_s, self._deadline_s), 0.0)

    def wait(self) -> QueryTaskResponse:
        """Look until the state is final.

        Raises:
            KieTaskTimeoutError: the deadline passed; the task goes on.
            KieNotFoundError: the platform does not know the task, and the grace for new ones is over.
            KieAPIError: a look was refused, which says nothing about the task: it goes on; `task_id` is set.
        """
        seen: Optional[QueryTaskResponse] = None
        if self.pause_s <= 0:
            seen = self.look()
        while seen is None:
            self._clock.sleep(self.pause_s)
            seen = self.look()
        return seen

    def look(self) -> Optional[QueryTaskResponse]:
        """One look: the final state, or None where the task goes on, and is to be looked at after `pause_s`.

        Raises:
            KieAPIError: as `wait` does.
        """
        trouble: Optional[KieAPIError] = None
        try:
            seen = self._look(self._deadline_s - self._elapsed_s())
        except KieNotFoundError as error:
            if self._age_s is None or self._age_s + self._elapsed_s() >= self._waiting.missing_grace_s:
                raise self._refused(error) from error.__cause__
            trouble = error
        except (KieConnectionError, KieServerError, KieRateLimitError) as error:
            trouble = error
        except KieAPIError as error:
            raise self._refused(error) from error.__cause__
        else:
            if seen.is_final:
                return seen
            self._note(seen)
        if trouble is None:
            self._stretch.began = None
        else:
            self._stretch.note(trouble, self._clock.now())
        elapsed_s = self._elapsed_s()
        if elapsed_s >= self._deadline_s:
            raise _timeout(self.task_id, self._model, self._deadline_s, self._state, trouble) from trouble
        pause = _interval(self._waiting, elapsed_s, self._poll_interval)
        if trouble is not None and trouble.retry_after is not None:
            pause = max(pause, trouble.retry_after)
        self.pause_s = min(pause, self._deadline_s - elapsed_s)
        return None

    def _elapsed_s(self) -> float:
        return self._clock.now() - self._start

    def _note(self, seen: QueryTaskResponse) -> None:
        self._state, self._is_known = seen.state, True
        if seen.outcome == "unknown" and seen.state not in self._warned:
            self._warned.add(seen.state)
            logger.warning(
                "task %s is in a state that the catalog does not know: %r; still waiting", self.task_id, seen.state
            )
        about = (seen.state, seen.progress, self._elapsed_s(), seen.outcome != "unknown")
        self._listeners.tell(TaskPolled(self._model, self._context or {}, self.task_id, *about))

    def _refused(self, error: KieAPIError) -> KieAPIError:
        return _refused(error, self.task_id, self._model, is_known=self._is_known)


def _interval(waiting: Waiting, elapsed_s: float, poll_interval: Optional[float]) -> float:
    if poll_interval is not None:
        return poll_interval
    return next(
        (pace.every_s for pace in waiting.paces if pace.until_s is None or elapsed_s < pace.until_s),
        waiting.paces[-1].every_s,
    )


class _Stretch:
    """How long looks at a task have failed; says it once, when that is long."""

    def __init__(self, task_id: str) -> None:
        self._task_id, self._has_warned = task_id, False
        self.began: Optional[float] = None

    def note(self, trouble: KieAPIError, now: float) -> None:
        self.began = now if self.began is None else self.began
        lasted_s = now - self.began
        if lasted_s > _LONG_TROUBLE_S and not self._has_warned:
            self._has_warned = True
            logger.warning(
                "no look at task %s has succeeded for %.0f s (%s); still waiting",
                self._task_id,
                lasted_s,
                trouble.message,
            )


def _refused(error: KieAPIError, task_id: str, model: str, *, is_known: bool) -> KieAPIError:
    """A look that was refused. Told bare, it reads as if the task had been, and somebody would buy it anew."""
    if isinstance(error, KieNotFoundError):
        more = f". It was made, and is paid all the same: {_how_to_wait(task_id)}" if is_known else ""
    else:
        exists = "the task exists and is paid, and goes on" if is_known else "a task that exists is paid, and goes on"
        more = f". Only this look was refused; {exists}. Put that right, then {_how_to_wait(task_id)}"
    return error.about_task(task_id, model, error.message + more)


def _how_to_wait(task_id: str) -> str:
    return f"wait again with adapter.task({task_id!r}).wait(), or `kie-sync task {task_id} --wait`"


def _timeout(task_id: str, model: str, deadline_s: float, state: str, trouble: Optional[KieAPIError]) -> KieTaskError:
    last = f"it was {state!r} when last seen" if state else "its state was never seen"
    why = f" ({trouble.message})" if trouble is not None else ""
    return KieTaskTimeoutError(
        f"the task is not finished after {deadline_s:g} s; {last}{why}. It goes on and is paid: "
        f"{_how_to_wait(task_id)}",
        task_id=task_id,
        model=model,
    )


def check_times(poll_interval: Optional[float], max_wait_time: Optional[float]) -> None:
    """Times that can be waited: seconds, finite, not negative.

    Raises:
        KieInputError: they are not.
    """
    problems = []
    for name, value, floor in (
        ("poll_interval", poll_interval, "above 0"),
        ("max_wait_time", max_wait_time, "0 or more"),
    ):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is None or (is_number and 0 <= value < float("inf") and (value > 0 or floor == "0 or more")):
            continue
        problems.append(Problem("type", name, f"{name} must be a number of seconds, {floor}; got {value!r}"))
    if problems:
        raise KieInputError("wait", problems)
