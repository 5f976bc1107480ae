"""The engine: few threads send rows, look at all tasks in the air, and fetch what is done.

Each job comes out as one `RowResult`. Who sends waits in the limiter for its turn, so that nothing is refused for its
rate; who looks takes the task whose time has come. All is bounded: tasks in the air, files to be fetched, results to
be taken.
"""

from __future__ import annotations

import logging
import queue
import threading
from contextlib import suppress
from typing import Any, Callable, Dict, Generator, Iterable, Iterator, List, Optional, Tuple, Union

from .. import tasks
from ..adapter import KieAdapter
from ..client import KieClient
from ..errors import KieAPIError, KieAuthenticationError, KieError, KieTaskTimeoutError
from ..events import TaskStillRunning
from ..records import UNFINISHED, Record
from ..response import QueryTaskResponse
from .agenda import Agenda, Job, journal_of
from .looks import Air, Looks
from .outcomes import Shelf, result_of, unwritten
from .purchasing import Buyer
from .results import RowResult

logger = logging.getLogger("kie_sync")

SENDERS, LOOKERS, SAVERS = 6, 5, 3
# Where the provider states no limit of running tasks.
_MOST_IN_AIR = 1000
# Files that wait to be fetched, and results that wait to be taken.
_MOST_QUEUED = 64
_TICK_S = 0.25
_LONGEST_SENDING_S = 90.0


class Engine:
    """One run of an agenda.

    Args:
        buyer: sends rows.
        shelf: where files go; None to fetch none.
        poll_interval, max_wait_time: seconds, for each task; the catalog's figures for its kind when not given.
    """

    def __init__(
        self,
        client: KieClient,
        agenda: Agenda,
        buyer: Buyer,
        shelf: Optional[Shelf],
        *,
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
    ) -> None:
        self._client, self._agenda, self._buyer, self._shelf = client, agenda, buyer, shelf
        self._times = (poll_interval, max_wait_time)
        self._journal = journal_of(client)
        running = max((provider.running for provider in client.catalog.providers.values()), default=0)
        self._air = Air(running or _MOST_IN_AIR)
        self._looks: Looks[Tuple[Job, str]] = Looks(client.connection.clock.now)
        self._to_save: queue.Queue[Optional[Tuple[Job, Record]]] = queue.Queue(_MOST_QUEUED)
        self._results: queue.Queue[Union[RowResult, BaseException]] = queue.Queue(_MOST_QUEUED)
        self._lock, self._has_left = threading.Lock(), threading.Event()
        self._adapters: Dict[str, KieAdapter] = {}

    @property
    def in_air(self) -> int:
        """How many tasks are on the platform just now."""
        return self._air.count

    def stop(self, reason: str) -> None:
        """Send no row more; what is in the air is waited for."""
        self._buyer.stop(reason)
        self._air.close()

    def leave(self) -> None:
        """Let go of everything at once: what is in the air stays on record, and goes on."""
        self._has_left.set()
        self.stop("left")
        self._looks.close()

    def run(self) -> Generator[Optional[RowResult], None, None]:
        """Begin, and give each job's result as it comes; None from time to time where none has come.

        Raises:
            BaseException: what a thread ended with that was no matter of a row.
        """
        left = len(self._agenda.to_buy) + len(self._agenda.on_record)
        jobs = iter(self._agenda.to_buy)
        bodies: List[Callable[[], None]] = [lambda: self._recall_all(self._agenda.on_record)]
        bodies += [lambda: self._send_all(jobs)] * min(SENDERS, len(self._agenda.to_buy))
        bodies += [self._look_all] * LOOKERS + [self._save_all] * SAVERS
        try:
            for number, body in enumerate(bodies):
                # Daemons: who leaves at once does not wait for a call that is on its way.
                name = f"kie-batch-{number}"
                threading.Thread(target=self._guarded, args=(body,), name=name, daemon=True).start()
            while left:
                try:
                    came = self._results.get(timeout=_TICK_S)
                except queue.Empty:
                    yield None
                    continue
                if isinstance(came, BaseException):
                    raise came
                left -= 1
                yield came
        finally:
            self._looks.close()
            self._air.close()
            if left:
                self.leave()
            for _ in range(SAVERS):
                self._offer(self._to_save, None)

    # Each thread

    def _guarded(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:
            self._offer(self._results, error)

    def _offer(self, line: queue.Queue[Any], item: Any) -> None:
        """Put something where there may be no room for it, unless everybody has left."""
        while not self._has_left.is_set():
            with suppress(queue.Full):
                line.put(item, timeout=_TICK_S)
                return

    def _recall_all(self, jobs: Iterable[Job]) -> None:
        # One that another process is sending, or a thread of a run that was broken off, is soon told of; one whose
        # process ended on another machine, nobody can tell for an hour.
        until = self._client.connection.clock.now() + _LONGEST_SENDING_S
        for job in jobs:
            record = self._journal.get(job.call_id)
            while record.state == "sending" and self._client.connection.clock.now() < until:
                if self._has_left.wait(_TICK_S):
                    return
                record = self._journal.get(job.call_id)
            if self._has_left.is_set():
                return
            self._recall(job, record)

    def _recall(self, job: Job, record: Record) -> None:
        """Go on with a row that is on record: wait, fetch, or leave it as it is."""
        if record.state in UNFINISHED:
            self._air.join()
            self._client.connection.remember_record(record)
            self._watch(job, record.task_id or "")
        elif record.state == "success":
            self._keep(job, record)
        elif record.state in ("refused", "charged"):
            # It has given its key up since the agenda was made.
            self._send(job)
        elif record.state == "sending":
            self._deliver(job, record, "another process was sending it, and has said nothing since")
        else:
            self._deliver(job, record)

    def _send_all(self, jobs: Iterator[Job]) -> None:
        while not self._has_left.is_set():
            with self._lock:
                job = next(jobs, None)
            if job is None:
                return
            self._send(job)

    def _send(self, job: Job) -> None:
        if not self._air.enter():
            self._offer(self._results, self._buyer.waiting(job))
            return
        task_id, result = self._buyer.buy(job)
        if self._buyer.reason:
            self._air.close()
        if result is not None:
            self._air.leave()
            self._offer(self._results, result)
        else:
            self._watch(job, task_id)

    def _watch(self, job: Job, task_id: str) -> None:
        watch = tasks.watch(
            self._client.connection, task_id, *self._times, model=job.row.model, context=None, is_ours=True
        )
        self._looks.add((job, task_id), watch)

    def _look_all(self) -> None:
        while (found := self._looks.take()) is not None:
            (job, task_id), watch = found
            connection, model = self._client.connection, job.row.model
            try:
                state = watch.look()
                if state is None:
                    self._looks.add((job, task_id), watch)
                    continue
                self._buyer.settle(job, state)
                tasks.conclude(connection, task_id, state, model=model, cost=None, context=None)
            except KieTaskTimeoutError as error:
                connection.listeners.tell(TaskStillRunning(model, {}, task_id))
                self._land(job, task_id, None, error)
            except KieAPIError as error:
                if isinstance(error, KieAuthenticationError):
                    self.stop(error.message)
                self._land(job, task_id, None, error)
            else:
                self._land(job, task_id, state, None)

    def _land(self, job: Job, task_id: str, state: Optional[QueryTaskResponse], error: Optional[KieError]) -> None:
        """A task has ended, or is not watched any more; `state` is how it has succeeded."""
        self._air.leave()
        self._buyer.let_be(job)
        record = self._journal.find_task(task_id)
        if record is None or (state is not None and record.state != "success"):
            # As on a full disk; it is written as soon as it can be.
            self._offer(self._results, unwritten(job.row, task_id, state, error))
        elif error is None:
            self._keep(job, record)
        else:
            self._deliver(job, record, "" if record.state == "failed" else error.message)

    def _keep(self, job: Job, record: Record) -> None:
        """Fetch the files of a success, where somebody wants them."""
        if self._shelf is None or not record.urls or self._shelf.holds(record):
            self._deliver(job, record)
        else:
            self._offer(self._to_save, (job, record))

    def _save_all(self) -> None:
        while not self._has_left.is_set():
            try:
                found = self._to_save.get(timeout=_TICK_S)
            except queue.Empty:
                continue
            if found is None:
                return
            job, record = found
            error = ""
            try:
                assert self._shelf is not None
                task = self._adapter(job.row.model).task(record.task_id or "")
                task.wait(*self._times).save(self._shelf.target(job.row))
            except KieError as trouble:
                error = trouble.message
            except Exception as trouble:
                # Such as of a URL that is none: on record comes first, so that it would end every run to come.
                logger.info("row %d could not be saved", job.row.number, exc_info=True)
                error = f"the files could not be saved: {trouble!r}; the result is paid, and stays on record"
            self._deliver(job, self._journal.get(record.id), error)

    def _adapter(self, model: str) -> KieAdapter:
        if model not in self._adapters:
            self._adapters[model] = KieAdapter(self._client, model)
        return self._adapters[model]

    def _deliver(self, job: Job, record: Record, error: str = "") -> None:
        self._offer(self._results, result_of(self._client, job.row, record, error))
