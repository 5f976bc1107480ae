"""The calls about tasks: create one, look at one, wait for one."""

from __future__ import annotations

import logging
import re
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

from .catalog import Catalog
from .config import is_loopback
from .connection import Connection, Context
from .definitions import FILE_RESULTS, Endpoint, Model, Waiting
from .errors import (
    KieAPIError,
    KieError,
    KieInputError,
    KieNotFoundError,
    KieOutcomeUnknownError,
    KieTaskError,
    KieTaskTimeoutError,
    Problem,
)
from .events import TaskCreated, TaskFinished, TaskStillRunning, TaskSubmitting
from .pricing import CostEstimate
from .records import PaidCall, Record
from .refusals import REFUSED
from .request import Request, build_status
from .response import CreateTaskResponse, QueryTaskResponse, check_finished, dig, parse_created, parse_state, state_of
from .values import show
from .waiter import Watch, check_times

logger = logging.getLogger("kie_sync")

_IS_CHAT = "this is a chat model; chat with it (`KieChatAdapter.chat`, `kie-sync chat`)"
# A look at the very deadline still gets so many seconds for its answer.
_SHORTEST_LOOK_S = 5.0


def endpoint_of(catalog: Catalog, model: Optional[str] = None) -> Endpoint:
    """The endpoint of a model; the catalog's first one for tasks where the model is not known.

    Raises:
        KieInputError: it is a chat model.
    """
    if model is not None and model in catalog:
        endpoint = catalog[model].endpoint
        if endpoint.shape != "task":
            raise KieInputError(model, [Problem("kind", "model", _IS_CHAT)])
        return endpoint
    return next(endpoint for endpoint in catalog.endpoints.values() if endpoint.shape == "task")


def check_callback(connection: Connection, model: str, endpoint: Endpoint, url: Any) -> None:
    """A URL that the platform can call when a task ends, or None.

    Raises:
        KieInputError: it is none, or this endpoint calls nobody.
    """
    if url is None:
        return
    fault = "this endpoint has no callbacks" if not endpoint.callback else _fault_of_url(url)
    if fault:
        raise KieInputError(model, [Problem("url", "callback_url", fault, endpoint.callback)])
    if connection.settings.is_real(endpoint.provider) and is_loopback(urlsplit(url).hostname or ""):
        logger.warning(
            "%s: callback_url %s is this machine itself, which %s cannot reach; only a sandbox on it can",
            model,
            url,
            endpoint.provider.title,
        )


def _fault_of_url(url: Any) -> str:
    wanted = "callback_url must be an http(s) URL with a host"
    if not isinstance(url, str) or not url.isascii() or re.search(r"[\s\\\x00-\x1f\x7f]", url):
        return f"{wanted}, as text without spaces; got {show(url)}"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"{wanted}: {error}"
    if parts.username is not None or parts.password is not None:
        # Not shown: a password may stand in it.
        return f"{wanted}, without a user or a password in it: the platform keeps it; callbacks are signed instead"
    if parts.scheme.lower() not in ("http", "https") or not host or port == 0:
        return f"{wanted}, such as https://example.com/kie; got {show(url)}"
    return ""


def create(
    connection: Connection,
    request: Request,
    endpoint: Endpoint,
    call: PaidCall,
    *,
    price: Optional[CostEstimate],
    context: Context,
    last_check: Optional[Callable[[], None]] = None,
) -> CreateTaskResponse:
    """Send a create call. Listeners may refuse it before; the task id is told before anything else can fail.

    Args:
        last_check: asked when it is the call's turn, which may be long after its caller agreed; raises to refuse it.
    """
    connection.ask(TaskSubmitting(call.model, context or {}, request, price, call))
    if last_check is not None:
        try:
            last_check()
        except KieError as error:
            connection.tell_failure(error, request, call, context)
            raise
    response = connection.send_paid(request, endpoint.provider, call, context)
    try:
        created = parse_created(endpoint, response, model=call.model)
    except KieOutcomeUnknownError as error:
        connection.tell_failure(error, request, call, context)
        raise
    connection.listeners.tell(TaskCreated(call.model, context or {}, created.task_id, call.id))
    connection.remember(created.task_id)
    return created


def query(
    connection: Connection,
    task_id: str,
    *,
    model: Optional[str] = None,
    attempts: Optional[int] = None,
    longest_s: float = float("inf"),
) -> QueryTaskResponse:
    """One look at a task.

    Raises:
        KieNotFoundError: the platform does not know it.
    """
    endpoint = endpoint_of(connection.catalog, model)
    provider = endpoint.provider
    request = build_status(endpoint, task_id, connection.settings.base_url(provider))
    try:
        data = connection.sender.send(request, provider, attempts=attempts, longest_s=longest_s).json()
        if dig(data, ("data",)) is None:
            raise KieNotFoundError("no data", status_code=200, method="GET", url=request.url)
    except KieAPIError as error:
        if error.http_status == 200 and error.status_code in endpoint.failure_codes:
            reason = error.message[len(REFUSED) :]
            return QueryTaskResponse(
                task_id, endpoint.failure[0], "failure", model or "", fail_code=str(error.code), fail_msg=reason
            )
        is_missing = isinstance(error, KieNotFoundError)
        message = f"the platform knows no task {task_id} (ids are kept about 2 months)" if is_missing else ""
        error.about_task(task_id, model, message)
        raise
    return parse_state(endpoint, data, task_id)


def look(connection: Connection, task_id: str, *, model: Optional[str] = None) -> QueryTaskResponse:
    """One look at a task; when it has ended, the listeners are told, who may have waited for that."""
    state = query(connection, task_id, model=model)
    if state.is_final:
        account = connection.account(endpoint_of(connection.catalog, model).provider)
        connection.listeners.tell(TaskFinished(model or state.model, {}, task_id, state, account=account))
    return state


def watch(
    connection: Connection,
    task_id: str,
    poll_interval: Optional[float],
    max_wait_time: Optional[float],
    *,
    model: Optional[str],
    context: Context,
    is_ours: bool = False,
) -> Watch:
    """A task to be looked at until it has ended; the arguments are `wait_for`'s. `conclude` comes after."""
    check_times(poll_interval, max_wait_time)

    def look(left_s: float) -> QueryTaskResponse:
        seen = query(connection, task_id, model=model, attempts=1, longest_s=max(left_s, _SHORTEST_LOOK_S))
        if not is_ours and connection.age_of(task_id) is None:
            _check_model(connection.catalog, seen, model)
        return seen

    return Watch(
        look,
        task_id=task_id,
        model=model or "",
        waiting=_waiting(connection.catalog, model),
        clock=connection.clock,
        listeners=connection.listeners,
        age_s=connection.age_of(task_id),
        poll_interval=poll_interval,
        max_wait_time=max_wait_time,
        context=context,
    )


def wait_for(
    connection: Connection,
    task_id: str,
    poll_interval: Optional[float],
    max_wait_time: Optional[float],
    *,
    model: Optional[str],
    cost: Optional[CostEstimate],
    context: Context,
    is_ours: bool = False,
) -> QueryTaskResponse:
    """Block until a task has succeeded.

    Args:
        is_ours: the task is known to have been made for `model`, by this process or by what is on record; else the
            platform's own word for its model counts.
    """
    watched = watch(connection, task_id, poll_interval, max_wait_time, model=model, context=context, is_ours=is_ours)
    try:
        state = watched.wait()
    except KieTaskTimeoutError:
        connection.listeners.tell(TaskStillRunning(model or "", context or {}, task_id))
        raise
    return conclude(connection, task_id, state, model=model, cost=cost, context=context)


def conclude(
    connection: Connection,
    task_id: str,
    state: QueryTaskResponse,
    *,
    model: Optional[str],
    cost: Optional[CostEstimate],
    context: Context,
) -> QueryTaskResponse:
    """Tell the listeners of a final state; it is a success, with what the model makes in it.

    Raises:
        KieTaskFailedError: it is a failure.
    """
    account = connection.account(endpoint_of(connection.catalog, model).provider)
    connection.listeners.tell(TaskFinished(model or state.model, context or {}, task_id, state, cost, account))
    return _checked(connection, state, model)


def recall(connection: Connection, record: Record, *, model: str) -> QueryTaskResponse:
    """A task that has succeeded, as it is on record; the platform is not asked.

    Raises:
        KieTaskError: it has succeeded, and there was nothing in it.
    """
    return _checked(connection, state_of(record), model)


def _checked(connection: Connection, state: QueryTaskResponse, model: Optional[str]) -> QueryTaskResponse:
    """A final state, which is a success with what the model makes in it."""
    entry = connection.catalog.get(model) if model else find_model(connection.catalog, state.model)
    try:
        check_finished(state, model=model or "", wants_files=entry is not None and entry.result in FILE_RESULTS)
    except KieTaskError as error:
        connection.sender.hide_key(error, endpoint_of(connection.catalog, model).provider)
        raise
    return state


def find_model(catalog: Catalog, name: str) -> Optional[Model]:
    """The model that the platform calls `name`; None where the catalog has none."""
    return catalog.get(name) or next((entry for entry in catalog.values() if entry.slug == name), None)


def model_on_record(catalog: Catalog, record: Optional[Record]) -> Optional[str]:
    """The model of a call on record; None where nothing is on record, or the catalog has it no more."""
    return record.model if record is not None and record.model in catalog else None


def _check_model(catalog: Catalog, seen: QueryTaskResponse, model: Optional[str]) -> None:
    """A result read by another model's entry has another price, and may have another shape.

    Raises:
        KieInputError: the platform names another model of the catalog than the caller.
    """
    if model is None or model not in catalog or seen.model in ("", model, catalog[model].slug):
        return
    other = find_model(catalog, seen.model)
    if other is not None:
        text = f"task {seen.task_id} is of {other.id}, as the platform says: use KieAdapter(client, {other.id!r})"
        raise KieInputError(model, [Problem("model", "model", text)])


def _waiting(catalog: Catalog, model: Optional[str]) -> Waiting:
    """The pace of the model's kind; of the slowest kind where the model is not known."""
    if model is not None and model in catalog:
        return catalog[model].waiting
    return max((entry.waiting for entry in catalog.values()), key=lambda waiting: waiting.deadline_s)
