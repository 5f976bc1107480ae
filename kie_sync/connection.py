"""What every call of a client stands on: catalog, settings, sender, listeners and clock, in one hand."""

from __future__ import annotations

import warnings
from typing import Any, Mapping, Optional, Set

from .catalog import Catalog
from .clock import Clock
from .config import Settings
from .definitions import Model, Provider
from .errors import KieAPIError, KieOutcomeUnknownError
from .events import CallRefused, Listeners, OutcomeUnknown
from .request import Request
from .response import Response
from .sender import Sender

Context = Optional[Mapping[str, Any]]
_warned_about: Set[str] = set()


class Connection:
    """Made by `KieClient` at its first call."""

    def __init__(
        self, catalog: Catalog, settings: Settings, sender: Sender, listeners: Listeners, clock: Clock
    ) -> None:
        self.catalog, self.settings, self.sender = catalog, settings, sender
        self.listeners, self.clock = listeners, clock

    def send_paid(self, request: Request, provider: Provider, model: str, context: Context) -> Response:
        """Send a call that costs money, and tell the listeners when it did not surely succeed."""
        if model in self.catalog:
            self._warn_if_retired(self.catalog[model])
        try:
            return self.sender.send(request, provider)
        except KieAPIError as error:
            error.model = model
            self.tell_failure(error, request, model, context)
            raise

    def tell_failure(self, error: KieAPIError, request: Request, model: str, context: Context) -> None:
        """Tell the listeners that a paid call was refused, or that its outcome is not known."""
        if isinstance(error, KieOutcomeUnknownError):
            self.listeners.tell(OutcomeUnknown(model, context or {}, request, error))
        else:
            self.listeners.tell(CallRefused(model, context or {}, error))

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
            stacklevel=6,
        )
