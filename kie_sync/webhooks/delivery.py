"""What a callback comes to: the task, read again. The callback's own words about it are not used."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Optional, Tuple, Union
from weakref import WeakKeyDictionary

from .. import tasks
from ..catalog import Catalog
from ..client import KieClient
from ..connection import Connection
from ..errors import KieConfigError, KieNotFoundError
from ..events import Listeners, TaskFinished
from ..records import UNFINISHED, Record
from ..response import QueryTaskResponse, state_of
from .signature import MAX_AGE_S, Headers, Secret, read_task_id, verify

logger = logging.getLogger("kie_sync")

# Ends that are remembered for each client. Platforms repeat a callback within minutes; a journal remembers for ever.
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Delivery:
    """One callback, and the truth about its task.

    Attributes:
        task_id: the task.
        model: its model, "" where nobody knows.
        state: the task as the platform told it when asked; None where the platform has no record of it (yet).
        is_duplicate: this end was known before: an earlier delivery told it, or it is in the journal.
        record: what the journal knows of the call, such as `key` and `user`; None without a journal, and for tasks that
            were made elsewhere.
    """

    task_id: str
    model: str = ""
    state: Optional[QueryTaskResponse] = None
    is_duplicate: bool = False
    record: Optional[Record] = None

    @property
    def is_known(self) -> bool:
        """Whether the platform knows the task."""
        return self.state is not None

    @property
    def is_final(self) -> bool:
        """Whether the task has really ended, well or badly."""
        return self.state is not None and self.state.is_final

    @property
    def is_success(self) -> bool:
        return self.state is not None and self.state.is_success

    @property
    def urls(self) -> Tuple[str, ...]:
        """The result files; they live about a day."""
        return () if self.state is None else self.state.result_urls

    @property
    def credits_consumed(self) -> Optional[Decimal]:
        return None if self.state is None else self.state.credits_consumed

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it."""
        told = {} if self.state is None else self.state.to_dict()
        flags = {name: getattr(self, name) for name in ("is_known", "is_final", "is_duplicate")}
        key = {} if self.record is None else {"key": self.record.key, "user": self.record.user}
        return {**told, "task_id": self.task_id, "model": self.model, **flags, **key}


def handle(
    client: KieClient,
    body: Union[bytes, str],
    headers: Headers,
    secret: Secret = None,
    *,
    unsigned: bool = False,
    max_age_s: float = MAX_AGE_S,
    now: Optional[float] = None,
) -> Delivery:
    """Take a callback: check its signature, and read its task again.

    Args:
        body, headers, secret, max_age_s, now: as for `verify`.
        unsigned: there is no secret, and callbacks are not signed. The task is read again all the same, so that a
            forgery tells nothing; but anybody who finds the address can make us ask.

    Raises:
        WebhookError: the callback is refused.
        KieAPIError: the task could not be read; let the platform call again, or wait for the task.
    """
    task_id = check(body, headers, secret, unsigned=unsigned, max_age_s=max_age_s, now=now)
    return reread(client, task_id)


def check(
    body: Union[bytes, str],
    headers: Headers,
    secret: Secret,
    *,
    unsigned: bool,
    max_age_s: float,
    now: Optional[float] = None,
) -> str:
    """The task id of a callback, signed or, when that was asked for by name, not."""
    check_choice(secret, unsigned=unsigned)
    return read_task_id(body) if unsigned else verify(body, headers, secret, max_age_s=max_age_s, now=now)


def check_choice(secret: Secret, *, unsigned: bool) -> None:
    """Signed or not: one of the two.

    Raises:
        KieConfigError: both were asked for.
    """
    if unsigned and secret:
        raise KieConfigError("unsigned=True and a secret: give one of the two")


def reread(client: KieClient, task_id: str) -> Delivery:
    """Look at a task because a callback named it, and tell the client's listeners of its end, once.

    Raises:
        KieAPIError: it could not be read.
    """
    connection = client.connection
    record = _find_record(connection, task_id)
    ends = _ends_of(connection)
    known = ends.get(task_id)
    if known is None and record is not None and record.state in ("success", "failed"):
        known = state_of(record)
    if known is not None:
        name = _name(connection.catalog, known, record)
        if record is not None and record.state in UNFINISHED:
            # A callback can be faster than the answer to the create call: the journal did not know the task then.
            Listeners(connection.journal).tell(TaskFinished(name, {}, task_id, known))
            record = _find_record(connection, task_id)
        return Delivery(task_id, name, known, True, record)
    model = tasks.model_on_record(connection.catalog, record)
    try:
        state = tasks.query(connection, task_id, model=model)
    except KieNotFoundError:
        logger.warning("a callback named task %s, of which the platform has no record", task_id)
        return Delivery(task_id, model or "", record=record)
    name = _name(connection.catalog, state, record)
    if not state.is_final:
        logger.warning("a callback named task %s, which has not ended: it is %s", task_id, state.state or "not listed")
        return Delivery(task_id, name, state, False, record)
    is_first = ends.add(task_id, state)
    if is_first:
        account = connection.account(tasks.endpoint_of(connection.catalog, model).provider)
        connection.listeners.tell(TaskFinished(name, {}, task_id, state, account=account))
        record = _find_record(connection, task_id)
    return Delivery(task_id, name, state, not is_first, record)


def _find_record(connection: Connection, task_id: str) -> Optional[Record]:
    return None if connection.journal is None else connection.journal.find_task(task_id)


def _name(catalog: Catalog, state: QueryTaskResponse, record: Optional[Record]) -> str:
    """The catalog's id of a task's model; the platform's word where the catalog has none."""
    if record is not None and record.model:
        return record.model
    found = tasks.find_model(catalog, state.model)
    return state.model if found is None else found.id


class _Ends:
    """The ends that were told, the newest ones. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: OrderedDict[str, QueryTaskResponse] = OrderedDict()

    def get(self, task_id: str) -> Optional[QueryTaskResponse]:
        with self._lock:
            return self._states.get(task_id)

    def add(self, task_id: str, state: QueryTaskResponse) -> bool:
        """Whether it is new."""
        with self._lock:
            if task_id in self._states:
                return False
            self._states[task_id] = state
            if len(self._states) > MOST_REMEMBERED:
                self._states.popitem(last=False)
            return True


_ends: WeakKeyDictionary[Connection, _Ends] = WeakKeyDictionary()
_ends_lock = threading.Lock()


def _ends_of(connection: Connection) -> _Ends:
    """Each client has its own: the same task id may be another's task."""
    with _ends_lock:
        return _ends.setdefault(connection, _Ends())
