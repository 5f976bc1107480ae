"""What listeners are told, and how.

A listener is a function of one event. It may refuse a call by raising when told `TaskSubmitting` or
`ChatSubmitting`: nothing has been sent then. Later it only observes: its errors are logged, and never
cost the caller a task id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, Optional, Tuple, Union

from .completions import Usage
from .errors import KieError
from .pricing import CostEstimate
from .request import Request
from .response import QueryTaskResponse

logger = logging.getLogger("kie_sync")


@dataclass(frozen=True)
class Event:
    """The root of the events. `context` is what the caller gave with the call, handed on untouched."""

    model: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSubmitting(Event):
    """A create call is about to be sent; raise to refuse it."""

    request: Optional[Request] = None
    price: Optional[CostEstimate] = None


@dataclass(frozen=True)
class ChatSubmitting(Event):
    """A chat call is about to be sent; raise to refuse it."""

    request: Optional[Request] = None


@dataclass(frozen=True)
class TaskCreated(Event):
    """The task exists and is paid; told before anything else can fail."""

    task_id: str = ""


@dataclass(frozen=True)
class TaskPolled(Event):
    """A look at a task that goes on. `elapsed_s` counts from the start of the wait."""

    task_id: str = ""
    state: str = ""
    progress: Optional[float] = None
    elapsed_s: float = 0.0
    is_known_state: bool = True


@dataclass(frozen=True)
class TaskFinished(Event):
    """The task reached a final state."""

    task_id: str = ""
    state: Optional[QueryTaskResponse] = None
    cost: Optional[CostEstimate] = None


@dataclass(frozen=True)
class CallRefused(Event):
    """A paid call was surely not accepted; `error` is None where another listener refused with an error of its own."""

    error: Optional[KieError] = None


@dataclass(frozen=True)
class OutcomeUnknown(Event):
    """A paid call may or may not have been accepted; `error` is None where it was interrupted from outside."""

    request: Optional[Request] = None
    error: Optional[KieError] = None


@dataclass(frozen=True)
class ChatFinished(Event):
    """A chat's answer is complete; or broke off, then `error` says how."""

    usage: Optional[Usage] = None
    cost: Optional[CostEstimate] = None
    error: Optional[KieError] = None


Listener = Callable[[Any], None]


class Listeners:
    """Whom to tell, in order."""

    def __init__(self, listeners: Union[Listener, Iterable[Listener], None]) -> None:
        if listeners is None:
            self._all: Tuple[Listener, ...] = ()
        else:
            self._all = (listeners,) if callable(listeners) else tuple(listeners)

    def ask(self, event: Event) -> None:
        """Tell before a send; what a listener raises stops the call, and those who had agreed are told."""
        for position, listener in enumerate(self._all):
            try:
                listener(event)
            except BaseException as error:
                refused = CallRefused(event.model, event.context, error if isinstance(error, KieError) else None)
                Listeners(self._all[:position]).tell(refused)
                raise

    def tell(self, event: Event) -> None:
        """Tell after a send; what a listener raises is logged."""
        for listener in self._all:
            try:
                listener(event)
            except Exception:
                logger.exception("a listener failed on %s", type(event).__name__)
