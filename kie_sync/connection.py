"""What every call of a client stands on: catalog, settings, sender, listeners and clock, in one hand."""

from __future__ import annotations

import sys
import time
import uuid
import warnings
from contextlib import contextmanager
from typing import Any, Dict, Iterator, Mapping, Optional, Set, Union

from .catalog import Catalog
from .clock import Clock
from .config import Settings
from .definitions import Endpoint, Model, Provider
from .errors import KieAPIError, KieError, KieOutcomeUnknownError
from .events import (
    CallDeferred,
    CallRefused,
    CallResubmitting,
    ChatSubmitting,
    Listeners,
    OutcomeUnknown,
    TaskSubmitting,
)
from .records import UNFINISHED, Journal, PaidCall, Record
from .request import Request
from .response import Response
from .sender import Sender

Context = Optional[Mapping[str, Any]]
_MOST_REMEMBERED = 4096
_warned_about: Set[str] = set()


class Connection:
    """Made by `KieClient` at its first call."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        sender: Sender,
        listeners: Listeners,
        clock: Clock,
        journal: Optional[Journal] = None,
    ) -> None:
        self.catalog, self.settings, self.sender = catalog, settings, sender
        self.listeners, self.clock, self.journal = listeners, clock, journal
        self._made_at: Dict[str, float] = {}

    def account(self, provider: Provider) -> str:
        """Which account calls to a provider are paid from: the fingerprint of its key."""
        return self.settings.key(provider).fingerprint

    def new_call(self, model: str, endpoint: Endpoint, given: Mapping[str, Any], **about: Any) -> PaidCall:
        """A paid call that is about to be made; `about` is what else is known of it."""
        entry = self.catalog.get(model)
        return PaidCall(
            uuid.uuid4().hex,
            model,
            kind="" if entry is None else entry.kind,
            provider=endpoint.provider.name,
            endpoint=endpoint.name,
            account=self.account(endpoint.provider),
            given=given,
            deadline_s=0.0 if entry is None else entry.waiting.deadline_s,
            **about,
        )

    def ask(self, event: Union[TaskSubmitting, ChatSubmitting]) -> None:
        """Tell of a paid call that is about to be sent; a listener may refuse it by raising."""
        if event.model in self.catalog:
            self._warn_if_retired(self.catalog[event.model])
        self.listeners.ask(event)

    def send_paid(self, request: Request, provider: Provider, call: PaidCall, context: Context) -> Response:
        """Send a call that costs money, and tell the listeners when it did not surely succeed."""
        refusal: Optional[KieAPIError] = None

        @contextmanager
        def pausing(error: KieAPIError, pause_s: float) -> Iterator[None]:
            nonlocal refusal
            refusal = error
            self.listeners.tell(CallDeferred(call.model, context or {}, error, pause_s, call.id))
            yield
            self.listeners.confirm(CallResubmitting(call.model, context or {}, call.id))
            refusal = None

        try:
            return self.sender.send(request, provider, pausing=pausing)
        except KieError as error:
            if isinstance(error, KieAPIError):
                error.model = call.model
            self.tell_failure(error, request, call, context)
            raise
        except BaseException:
            if refusal is not None:
                # Interrupted in the pause after it.
                self.listeners.tell(CallRefused(call.model, context or {}, refusal, call.id))
            else:
                # An interrupt, or a fault of a transport: the call may be out.
                self.listeners.tell(OutcomeUnknown(call.model, context or {}, request, call_id=call.id))
            raise

    def tell_failure(self, error: KieError, request: Request, call: PaidCall, context: Context) -> None:
        """Tell the listeners that a paid call was refused, or that its outcome is not known."""
        if isinstance(error, KieOutcomeUnknownError):
            self.listeners.tell(OutcomeUnknown(call.model, context or {}, request, error, call.id))
        else:
            self.listeners.tell(CallRefused(call.model, context or {}, error, call.id))

    def remember(self, task_id: str, *, age_s: float = 0.0) -> None:
        """Note when a task was made, seconds ago: the platform may not know it for a moment."""
        if len(self._made_at) >= _MOST_REMEMBERED:
            for old in list(self._made_at)[: _MOST_REMEMBERED // 2]:
                self._made_at.pop(old, None)
        self._made_at[task_id] = self.clock.now() - age_s

    def remember_record(self, record: Record) -> None:
        """Note when a task on record was made, perhaps by another process; what is over is not looked at again."""
        if record.task_id and record.state in UNFINISHED and record.task_id not in self._made_at:
            # By the date, which all processes share. Where the machine's was set back, the task counts as new.
            self.remember(record.task_id, age_s=max(time.time() - record.created_at, 0.0))

    def age_of(self, task_id: str) -> Optional[float]:
        """Seconds since a task was made here; None when it was not."""
        made_at = self._made_at.get(task_id)
        return None if made_at is None else self.clock.now() - made_at

    def _warn_if_retired(self, model: Model) -> None:
        """Say once that a model's maker has withdrawn it, unless the calls go to a sandbox."""
        is_real = self.settings.is_real(model.endpoint.provider)
        if not model.retired_on or model.id in _warned_about or not is_real:
            return
        _warned_about.add(model.id)
        instead = "" if model.replaced_by in ("", "none") else f"; use {model.replaced_by} instead"
        warnings.warn(
            f"{model.id} was withdrawn by its maker by {model.retired_on}; the call may be refused{instead}",
            FutureWarning,
            stacklevel=_level_of_caller(),
        )


def _level_of_caller() -> int:
    """The `stacklevel` of the first frame outside of this package, as seen from whoever calls this."""
    level, frame = 1, sys._getframe(1)
    own = __name__.partition(".")[0]
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == own:
        level, frame = level + 1, frame.f_back
    return level
