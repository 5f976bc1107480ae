"""Waiting on a task: when to look, when to stop. Knows nothing of HTTP; it is given a function that looks."""

from __future__ import annotations

import logging
from typing import Any, Callable, Mapping, Optional

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


def wait(
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
) -> QueryTaskResponse:
    """Look until the state is final.

    Args:
        look: one look at the task, given the seconds that are left; what it raises in passing is waited out.
        age_s: how old the task is, where that is known: a new one may be unknown for a moment, and looking at once
            is vain.
        poll_interval: seconds between two looks, instead of the kind's own pace.
        max_wait_time: seconds of wall clock in all, instead of the kind's own deadline.

    Raises:
        KieTaskTimeoutError: the deadline passed; the task goes on.
        KieNotFoundError: the platform does not know the task, and the grace for new ones is over.
    """
    start = clock.now()
    deadline_s = waiting.deadline_s if max_wait_time is None else max_wait_time
    state = ""
    trouble: Optional[KieAPIError] = None
    warned = set()
    if age_s is not None:
        first_s = min(_interval(waiting, 0.0, poll_interval) - age_s, deadline_s)
        if first_s > 0:
            clock.sleep(first_s)
    while True:
        try:
            seen = look(deadline_s - (clock.now() - start))
        except KieNotFoundError as error:
            if age_s is None or age_s + clock.now() - start >= waiting.missing_grace_s:
                raise _with_task(error, task_id, model) from error.__cause__
            trouble = error
        except (KieConnectionError, KieServerError, KieRateLimitError) as error:
            trouble = error
        except KieAPIError as error:
            raise _with_task(error, task_id, model) from error.__cause__
        else:
            if seen.is_final:
                return seen
            state, trouble = seen.state, None
            elapsed_s = clock.now() - start
            if seen.outcome == "unknown" and seen.state not in warned:
                warned.add(seen.state)
                logger.warning(
                    "task %s is in a state that the catalog does not know: %r; still waiting", task_id, seen.state
                )
            listeners.tell(
                TaskPolled(
                    model, context or {}, task_id, seen.state, seen.progress, elapsed_s, seen.outcome != "unknown"
                )
            )
        elapsed_s = clock.now() - start
        if elapsed_s >= deadline_s:
            raise _timeout(task_id, model, deadline_s, state, trouble) from trouble
        pause = _interval(waiting, elapsed_s, poll_interval)
        if trouble is not None and trouble.retry_after is not None:
            pause = max(pause, trouble.retry_after)
        clock.sleep(min(pause, deadline_s - elapsed_s))


def _interval(waiting: Waiting, elapsed_s: float, poll_interval: Optional[float]) -> float:
    if poll_interval is not None:
        return poll_interval
    return next(
        (pace.every_s for pace in waiting.paces if pace.until_s is None or elapsed_s < pace.until_s),
        waiting.paces[-1].every_s,
    )


def _with_task(error: KieAPIError, task_id: str, model: str) -> KieAPIError:
    error.task_id, error.model = task_id, model
    return error


def _timeout(task_id: str, model: str, deadline_s: float, state: str, trouble: Optional[KieAPIError]) -> KieTaskError:
    last = f"it was {state!r} when last seen" if state else "its state was never seen"
    why = f" ({trouble.message})" if trouble is not None else ""
    return KieTaskTimeoutError(
        f"the task is not finished after {deadline_s:g} s; {last}{why}. It goes on and is paid: wait again with "
        f"adapter.task({task_id!r}).wait(), or `kie-sync task {task_id} --wait`",
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
