"""A task in the caller's hands: look at it, or wait for its result, here or in another process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Protocol

from .errors import KieInputError, Problem
from .pricing import CostEstimate
from .records import Record
from .request import check_task_id
from .response import QueryTaskResponse
from .result import Result


class _Home(Protocol):
    """What a task needs of the adapter that made it."""

    def query_task(self, task_id: str) -> QueryTaskResponse: ...

    def finish(self, task: Task, poll_interval: Optional[float], max_wait_time: Optional[float]) -> Result: ...


@dataclass(frozen=True)
class Task:
    """A task on the platform; it is paid.

    Attributes:
        price: the customer's price, where the task was made here.
        arguments: what was given, under canonical names, where the task was made here.
        poll_interval, max_wait_time: seconds, as given to `submit`; `wait` may say otherwise.
        record: what the journal had on record, where the task was bought before under the same key.
    """

    task_id: str
    model: str
    price: Optional[CostEstimate] = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    poll_interval: Optional[float] = None
    max_wait_time: Optional[float] = None
    record: Optional[Record] = field(default=None, compare=False, repr=False)
    context: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _home: Optional[_Home] = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_task_id(self.task_id, self.model)

    def query(self) -> QueryTaskResponse:
        """One look at its state."""
        return self._get_home().query_task(self.task_id)

    @property
    def state(self) -> str:
        """The platform's word for its state, asked for now."""
        return self.query().state

    def wait(self, poll_interval: Optional[float] = None, max_wait_time: Optional[float] = None) -> Result:
        """Block until it has succeeded.

        Raises:
            KieTaskFailedError: it failed.
            KieTaskTimeoutError: it is not finished; it goes on, and can be waited for again.
        """
        interval = self.poll_interval if poll_interval is None else poll_interval
        longest = self.max_wait_time if max_wait_time is None else max_wait_time
        return self._get_home().finish(self, interval, longest)

    def _get_home(self) -> _Home:
        if self._home is None:
            message = "this task came without a connection; use adapter.task(task_id)"
            raise KieInputError(self.model, [Problem("task", "task", message)])
        return self._home

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "_home": None}
