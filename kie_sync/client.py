"""`KieClient`: the platform's own calls, one method each; what adapters stand on."""

from __future__ import annotations

import warnings
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from . import chat, files
from .catalog import Catalog
from .clock import Clock, SystemClock
from .completions import ChatCompletion, Usage, plain_messages
from .config import Settings, Timeouts, load_catalog
from .definitions import Endpoint, Model, Provider
from .errors import KieAPIError, KieConfigError, KieConnectionError, KieInputError, KieNotFoundError, KieOutcomeUnknownError, Problem
from .events import CallRefused, ChatFinished, ChatSubmitting, Listener, Listeners, OutcomeUnknown, TaskCreated, TaskFinished, TaskSubmitting
from .params import Arguments, resolve
from .pricing import CostEstimate, quote
from .request import Request, build_chat, build_credits, build_download_url, build_raw_create, build_status
from .response import CreateTaskResponse, QueryTaskResponse, as_credits, check_finished, dig, parse_created, parse_state
from .sender import Sender
from .transport import HttpTransport, Transport
from .waiter import check_times, wait

_warned_about: set[str] = set()


class KieClient:
    """A blocking client. Share it between threads; it survives a fork; close it, or use it in a `with`.

    Args:
        api_key: the key of KIE.ai; without it `KIE_API_KEY` is read at the first call.
        base_url: replaces KIE.ai's API and upload host; without it `KIE_BASE_URL` does.
        api_keys: keys of other providers by name, such as `{"google": ...}`.
        catalog: a `Catalog`, or paths of YAML files to lay over the shipped one.
        on_event: a listener, or several; see `kie_sync.events`.
        transport: another way to send a request; see `kie_sync.transport.Transport`.
        clock: another clock; see `kie_sync.transport.Clock`.
        timeout_s: seconds to wait for an answer to anything but a chat (60).
        chat_timeout_s: seconds to wait for a chat's answer, or for its next piece (300).

    Nothing is read or opened before it is needed.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        api_keys: Optional[Mapping[str, str]] = None,
        catalog: Union[Catalog, str, Path, Iterable[Union[str, Path]], None] = None,
        on_event: Union[Listener, Iterable[Listener], None] = None,
        transport: Optional[Transport] = None,
        clock: Optional[Clock] = None,
        timeout_s: float = 60.0,
        chat_timeout_s: float = 300.0,
    ) -> None:
        self._catalog = catalog if isinstance(catalog, Catalog) else None
        self._catalog_paths: Tuple[Union[str, Path], ...] = ()
        if isinstance(catalog, (str, Path)):
            self._catalog_paths = (catalog,)
        elif catalog is not None and not isinstance(catalog, Catalog):
            self._catalog_paths = tuple(catalog)
        self._own = {"api_key": api_key, "base_url": base_url}
        self._keys, self._timeouts = dict(api_keys or {}), Timeouts(read_s=timeout_s, chat_s=chat_timeout_s)
        self.listeners = Listeners(on_event)
        self.clock: Clock = clock or SystemClock()
        self._transport: Transport = transport or HttpTransport()
        self._settings: Optional[Settings] = None

    def __repr__(self) -> str:
        return "KieClient()"

    def __enter__(self) -> KieClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        close = getattr(self._transport, "close", None)
        if close is not None:
            close()

    @property
    def catalog(self) -> Catalog:
        """The models, read when first needed."""
        if self._catalog is None:
            self._catalog = load_catalog(*self._catalog_paths)
        return self._catalog

    @property
    def settings(self) -> Settings:
        """Keys, URLs and timeouts. A bare `api_key` and `base_url` belong to the catalog's first provider."""
        if self._settings is None:
            first = next(iter(self.catalog.providers))
            key, url = self._own["api_key"], self._own["base_url"]
            self._settings = Settings(
                {**self._keys, **({first: key} if key else {})}, {first: url} if url else {}, self._timeouts
            )
        return self._settings

    @property
    def sender(self) -> Sender:
        return Sender(self._transport, self.settings, self.clock)

    # Chat

    def chat_completions(
        self, model: str, messages: Any, *, context: Optional[Mapping[str, Any]] = None, tariff: Optional[str] = None, **parameters: Any
    ) -> ChatCompletion:
        """One chat call that blocks until the whole answer is there.

        Args:
            messages: a list of messages (mappings or `ChatMessage`), or text.
            parameters: what the model's catalog entry lists.
        """
        entry, arguments = self._chat_arguments(model, messages, parameters)
        response = self._send_chat(entry, arguments, stream=False, context=context)
        try:
            completion = chat.read_completion(response, model=entry.slug)
        except KieOutcomeUnknownError as error:
            self.listeners.tell(OutcomeUnknown(model, context or {}, None, error))
            raise
        cost = self._chat_cost(entry, arguments, completion.usage, tariff)
        self.listeners.tell(ChatFinished(model, context or {}, completion.usage, cost))
        return replace(completion, cost=cost)

    def chat_completions_stream(
        self, model: str, messages: Any, *, context: Optional[Mapping[str, Any]] = None, tariff: Optional[str] = None, **parameters: Any
    ) -> chat.ChatStream:
        """The same, in pieces as they come."""
        entry, arguments = self._chat_arguments(model, messages, parameters)
        response = self._send_chat(entry, arguments, stream=True, context=context)

        def price(usage: Optional[Usage]) -> CostEstimate:
            return self._chat_cost(entry, arguments, usage, tariff)

        def on_end(stream: chat.ChatStream, error: Optional[KieAPIError]) -> None:
            self.listeners.tell(ChatFinished(model, context or {}, stream.usage, price(stream.usage), error))

        return chat.ChatStream(response, model=entry.slug, price=price, on_end=on_end)

    def _chat_arguments(self, model: str, messages: Any, parameters: Mapping[str, Any]) -> Tuple[Model, Arguments]:
        entry = self.catalog[model]
        if entry.endpoint.shape == "task":
            raise KieInputError(model, [Problem("kind", "model", f"this is a model of kind {entry.kind}; use generate()")])
        return entry, resolve(entry, {"messages": plain_messages(messages), **parameters})

    def _send_chat(self, entry: Model, arguments: Arguments, *, stream: bool, context: Optional[Mapping[str, Any]]) -> Any:
        provider = entry.endpoint.provider
        request = build_chat(entry, arguments, self.settings.base_url(provider), stream=stream)
        self.listeners.ask(ChatSubmitting(entry.id, context or {}, request))
        self.warn_if_retired(entry)
        return self._send_paid(request, provider, entry.id, context)

    def _chat_cost(self, entry: Model, arguments: Arguments, usage: Optional[Usage], tariff: Optional[str]) -> CostEstimate:
        quantities = usage.quantities if usage is not None else {}
        return quote(entry, arguments, tariff=tariff, quantities=quantities, on=self.clock.date())

    # Tasks

    def create_task(
        self, model: str, input: Mapping[str, Any], *, callback_url: Optional[str] = None, context: Optional[Mapping[str, Any]] = None
    ) -> CreateTaskResponse:
        """The platform's bare create call: `input` goes out as it is. `KieAdapter` checks and prices first.

        Raises:
            KieOutcomeUnknownError: the task may or may not exist; it was not sent again.
        """
        endpoint = self.task_endpoint(model)
        slug = self.catalog[model].slug if model in self.catalog else model
        base_url = self.settings.base_url(endpoint.provider)
        request = build_raw_create(endpoint, slug, input, base_url, callback_url=callback_url)
        return self.submit_request(request, endpoint, model, price=None, context=context)

    def submit_request(
        self, request: Request, endpoint: Endpoint, model: str, *, price: Optional[CostEstimate], context: Optional[Mapping[str, Any]]
    ) -> CreateTaskResponse:
        """Send a create call that is built already; listeners are asked before and told after."""
        self.listeners.ask(TaskSubmitting(model, context or {}, request, price))
        if model in self.catalog:
            self.warn_if_retired(self.catalog[model])
        response = self._send_paid(request, endpoint.provider, model, context)
        try:
            created = parse_created(endpoint, response, model=model)
        except KieOutcomeUnknownError as error:
            self.listeners.tell(OutcomeUnknown(model, context or {}, request, error))
            raise
        self.listeners.tell(TaskCreated(model, context or {}, created.task_id))
        return created

    def _send_paid(self, request: Request, provider: Provider, model: str, context: Optional[Mapping[str, Any]]) -> Any:
        try:
            return self.sender.send(request, provider)
        except KieOutcomeUnknownError as error:
            error.model = model
            self.listeners.tell(OutcomeUnknown(model, context or {}, request, error))
            raise
        except KieAPIError as error:
            error.model = model
            self.listeners.tell(CallRefused(model, context or {}, error))
            raise

    def query_task(self, task_id: str, *, model: Optional[str] = None, attempts: Optional[int] = None) -> QueryTaskResponse:
        """One look at a task.

        Raises:
            KieNotFoundError: the platform does not know it (a new one may be unknown for a moment).
        """
        endpoint = self.task_endpoint(model)
        provider = endpoint.provider
        request = build_status(endpoint, task_id, self.settings.base_url(provider))
        try:
            response = self.sender.send(request, provider, attempts=attempts)
            data = response.json()
            if dig(data, ("data",)) is None:
                raise KieNotFoundError("the platform has no record of the task", status_code=200, method="GET", url=request.url)
        except KieAPIError as error:
            error.task_id, error.model = task_id, model
            raise
        return parse_state(endpoint, data, task_id)

    def wait_for_task(
        self,
        task_id: str,
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        *,
        model: Optional[str] = None,
        is_new: bool = False,
        cost: Optional[CostEstimate] = None,
        context: Optional[Mapping[str, Any]] = None,
    ) -> QueryTaskResponse:
        """Block until a task has succeeded.

        Args:
            poll_interval: seconds between two looks; the catalog's pace for the model's kind when not given.
            max_wait_time: seconds to wait in all; the catalog's deadline for the kind when not given.
            model: its model, where it is known; without it the pace is that of the slowest kind.

        Raises:
            KieTaskFailedError: the task failed.
            KieTaskTimeoutError: it is not finished; it goes on, and can be waited for again.
        """
        check_times(poll_interval, max_wait_time)
        waitings = [self.catalog[known].waiting for known in ([model] if model in self.catalog else list(self.catalog))]
        state = wait(
            lambda: self.query_task(task_id, model=model, attempts=1),
            task_id=task_id, model=model or "", waiting=max(waitings, key=lambda waiting: waiting.deadline_s), clock=self.clock,
            listeners=self.listeners, is_new=is_new, poll_interval=poll_interval, max_wait_time=max_wait_time, context=dict(context or {}),
        )
        self.listeners.tell(TaskFinished(model or state.model, context or {}, task_id, state, cost))
        check_finished(state, model=model or "")
        return state

    def create_and_wait(
        self,
        model: str,
        input: Mapping[str, Any],
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        *,
        callback_url: Optional[str] = None,
        context: Optional[Mapping[str, Any]] = None,
    ) -> QueryTaskResponse:
        """`create_task`, then `wait_for_task`."""
        check_times(poll_interval, max_wait_time)
        created = self.create_task(model, input, callback_url=callback_url, context=context)
        return self.wait_for_task(created.task_id, poll_interval, max_wait_time, model=model, is_new=True, context=context)

    def task_endpoint(self, model: Optional[str] = None) -> Endpoint:
        """The endpoint of a model; the catalog's first one for tasks where the model is not known."""
        if model is not None and model in self.catalog:
            endpoint = self.catalog[model].endpoint
            if endpoint.shape != "task":
                raise KieInputError(model, [Problem("kind", "model", "this is a chat model; use chat()")])
            return endpoint
        return next(endpoint for endpoint in self.catalog.endpoints.values() if endpoint.shape == "task")

    # The account, and files

    def credits(self) -> Decimal:
        """The balance in credits."""
        provider = self._provider_with("credits")
        request = build_credits(provider, self.settings.base_url(provider))
        data = self.sender.send(request, provider).json()
        balance = as_credits(dig(data, ("data", "data.credits", "data.balance")))
        if balance is None:
            raise KieConnectionError("the platform answered without a balance", method="GET", url=request.url)
        return balance

    def download_url(self, url: str) -> str:
        """A fresh link to a result of the platform; it lives 20 minutes."""
        provider = self._provider_with("download_url")
        request = build_download_url(provider, self.settings.base_url(provider), url)
        fresh = dig(self.sender.send(request, provider).json(), ("data",))
        if not isinstance(fresh, str):
            raise KieConnectionError("the platform answered without a link", method="POST", url=request.url)
        return fresh

    def upload(self, path: Union[str, Path]) -> str:
        """Send a local file to the platform, for a parameter that wants a URL; returns the URL. Free."""
        provider = self._provider_with("upload_stream")
        return files.upload(self.sender, provider, self.settings.upload_url(provider), path)

    def download(self, urls: Union[str, Iterable[str]], path: Union[str, Path], *, name: str = "result") -> List[Path]:
        """Fetch result files, without the key: to a file, or into a folder. Nothing is overwritten."""
        listed = [urls] if isinstance(urls, str) else list(urls)
        return files.save_all(self.sender, self.clock, listed, path, stem=name)

    def _provider_with(self, call: str) -> Provider:
        for provider in self.catalog.providers.values():
            if call in provider.paths:
                return provider
        raise KieConfigError(f"no provider of the catalog has a path for {call}")

    def warn_if_retired(self, model: Model) -> None:
        """Say once that a model's maker has withdrawn it, unless the calls go to a sandbox."""
        if not model.retired_on or model.id in _warned_about or not self.settings.is_real(model.endpoint.provider):
            return
        _warned_about.add(model.id)
        instead = "" if model.replaced_by in ("", "none") else f"; use {model.replaced_by} instead"
        warnings.warn(f"{model.id} was withdrawn by its maker by {model.retired_on}; the call may be refused{instead}", FutureWarning, stacklevel=4)
