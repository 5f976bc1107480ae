"""What listeners are told, and how.

A listener is a function of one event. It may refuse a call by raising when told `TaskSubmitting`, `ChatSubmitting`
or `CallResubmitting`: nothing that could be accepted has been sent then. Else it only observes: its errors are
logged, and never cost the caller a task id.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Tuple, Union

from .completions import Usage
from .errors import KieError
from .pricing import CostEstimate
from .records import PaidCall
from .request import Request
from .response import QueryTaskResponse

logger = logging.getLogger("kie_sync")
NO_CALL = PaidCall("", "")


@dataclass(frozen=True)
class Event:
    """The root of the events. `context` is what the caller gave with the call, handed on untouched."""

    model: str
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskSubmitting(Event):
    """A create call is about to be sent; raise to refuse it. `call.id` names it in what is told later."""

    request: Optional[Request] = None
    price: Optional[CostEstimate] = None
    call: PaidCall = field(default=NO_CALL, compare=False)


@dataclass(frozen=True)
class ChatSubmitting(Event):
    """A chat call is about to be sent; raise to refuse it. The price is unknown where the answer's length is."""

    request: Optional[Request] = None
    price: Optional[CostEstimate] = None
    call: PaidCall = field(default=NO_CALL, compare=False)


@dataclass(frozen=True)
class TaskCreated(Event):
    """The task exists and is paid; told before anything else can fail."""

    task_id: str = ""
    call_id: str = field(default="", compare=False)


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
    account: str = field(default="", compare=False)


@dataclass(frozen=True)
class TaskStillRunning(Event):
    """We stopped watching at our deadline; the task goes on."""

    task_id: str = ""


@dataclass(frozen=True)
class FilesSaved(Event):
    """Result files are on disk: where each is, by its URL."""

    task_id: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BalanceRead(Event):
    """The platform told an account's balance; `model` is empty. `account` is the fingerprint of its key."""

    provider: str = ""
    account: str = ""
    credits: Decimal = Decimal(0)


@dataclass(frozen=True)
class BalanceLow(Event):
    """The balance has come below the `limit` that `KieClient(low_balance_warning=)` set; told once each time."""

    provider: str = ""
    account: str = ""
    credits: Decimal = Decimal(0)
    limit: Decimal = Decimal(0)


@dataclass(frozen=True)
class CallDeferred(Event):
    """A paid call was surely not accepted, and is sent again after `pause_s` seconds; `error` says why."""

    error: Optional[KieError] = None
    pause_s: float = field(default=0.0, compare=False)
    call_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class CallResubmitting(Event):
    """A paid call that was deferred is about to be sent again; raise to refuse it."""

    call_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class CallRefused(Event):
    """A paid call was surely not accepted; `error` is None where another listener refused with an error of its own."""

    error: Optional[KieError] = None
    call_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class OutcomeUnknown(Event):
    """A paid call may or may not have been accepted; `error` is None where it was interrupted from outside."""

    request: Optional[Request] = None
    error: Optional[KieError] = None
    call_id: str = field(default="", compare=False)


@dataclass(frozen=True)
class ChatFinished(Event):
    """A chat's answer is complete; or broke off, then `error` says how; or was closed early, and not `is_complete`.

    `is_dropped`: told from a finalizer, so that a listener must neither wait nor ask anything.
    """

    usage: Optional[Usage] = None
    cost: Optional[CostEstimate] = None
    error: Optional[KieError] = None
    call_id: str = field(default="", compare=False)
    credits_consumed: Optional[Decimal] = None
    is_complete: bool = True
    is_dropped: bool = field(default=False, compare=False)


Listener = Callable[[Any], None]


class Listeners:
    """Whom to tell, in order.

    Args:
        listeners: the user's own.
        before: asked before those, told after them: what refuses cheaply.
        after: asked last, and told first, in the opposite order: what must be the last before a send, and the first
            to know what came of it.
    """

    def __init__(
        self,
        listeners: Union[Listener, Iterable[Listener], None],
        *,
        before: Sequence[Listener] = (),
        after: Sequence[Listener] = (),
    ) -> None:
        if listeners is None:
            own: Tuple[Listener, ...] = ()
        else:
            own = (listeners,) if callable(listeners) else tuple(listeners)
        self._asked = (*before, *own, *after)
        self._told = (*reversed(after), *own, *reversed(before))

    def ask(self, event: Union[TaskSubmitting, ChatSubmitting]) -> None:
        """Tell before a send; what a listener raises stops the call, and those who had agreed are told."""
        for position, listener in enumerate(self._asked):
            try:
                listener(event)
            except BaseException as error:
                known = error if isinstance(error, KieError) else None
                refused = CallRefused(event.model, event.context, known, event.call.id)
                Listeners(tuple(reversed(self._asked[:position]))).tell(refused)
                raise

    def confirm(self, event: CallResubmitting) -> None:
        """Tell before a call is sent again; what a listener raises stops it."""
        for listener in self._asked:
            listener(event)

    def tell(self, event: Event) -> None:
        """Tell after a send; what a listener raises is logged."""
        for listener in self._told:
            try:
                listener(event)
            except Exception:
                task_id = getattr(event, "task_id", "")
                about = f" of task {task_id}" if task_id else ""
                logger.exception("a listener failed on %s%s", type(event).__name__, about)
