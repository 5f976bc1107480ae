"""Tasks over the wire: create one, ask for its record, and find its files."""

from __future__ import annotations

import logging
import re
from decimal import Decimal
from typing import Any, Iterable, List, Mapping, Optional, Tuple

from werkzeug.wrappers import Request, Response

from ..definitions import Endpoint, Model
from ..errors import KieInputError
from ..params import Arguments
from ..pricing import quote
from .answers import MODEL_TEXT, Dropped, Refused, kie_success
from .callbacks import Callbacks
from .checks import check_input
from .faults import TASK, FaultBook, faults_in
from .state import State
from .tasks import DURATIONS, OTHER_DURATION, Task
from .uploads import fields_of
from .works import count_of, ending_of, words_of

_log = logging.getLogger("kie_sync.sandbox")

# Charged where the catalog knows no price; made up.
UNKNOWN_PRICE = Decimal(10)
_FILE_PATH = re.compile(r"/files/([0-9a-f]{32})/(\d+)\.(\w+)")


class Jobs:
    """The endpoints of shape `task`, all on one account."""

    def __init__(self, models: Iterable[Model], state: State, book: FaultBook, callbacks: Callbacks) -> None:
        self._state, self._book, self._callbacks = state, book, callbacks
        self._models = {(model.endpoint.path, model.slug): model for model in models}

    def magic_of_create(self, request: Request) -> List[str]:
        """The faults that a create's prompt asks for."""
        fields = request.get_json(force=True, silent=True)
        return faults_in(fields.get("input")) if isinstance(fields, dict) else []

    def magic_of_query(self, request: Request, endpoint: Endpoint) -> List[str]:
        """The faults that the prompt of the task asked for."""
        task = self._state.tasks.get(request.args.get(endpoint.status_query, ""))
        return list(task.magic) if task else []

    def create(self, request: Request, endpoint: Endpoint, faults: Mapping[str, str], header: str) -> Response:
        """Accept a task and answer with its id.

        Raises:
            Refused, Dropped: as the platform would, or as a fault asks.
        """
        fields = fields_of(request)
        self._state.count_create(endpoint.provider)
        model = self._models.get((endpoint.path, str(fields.get("model"))))
        if model is None:
            raise Refused(422, MODEL_TEXT)
        given = fields.get("input")
        if not isinstance(given, dict):
            raise Refused(500, "input is required")
        arguments = check_input(model, given)
        magic = faults_in(given)
        variants = self._book.take(TASK, header=header, magic=magic, owner=str(given))
        task = self._task(model, given, arguments, variants, str(fields.get(endpoint.callback or "callBackUrl") or ""))
        self._state.accept(task)
        self._callbacks.expect(task)
        _log.info("task %s: %s, %s credits", task.id, task.model, task.credits)
        if "accept-then-drop" in faults:
            raise Dropped
        return kie_success({"taskId": task.id, "recordId": task.id}, faults)

    def query(self, request: Request, endpoint: Endpoint, faults: Mapping[str, str], base_url: str) -> Response:
        """The record of a task as it is now.

        Raises:
            Refused: no id was given, or there is no such task, or not yet.
        """
        task_id = request.args.get(endpoint.status_query, "")
        if not task_id:
            raise Refused(400, f"{endpoint.status_query} parameter is required")
        task, now = self._state.tasks.get(task_id), self._state.clock.now()
        if task is None or not task.is_known_at(now):
            raise Refused(422, "recordInfo is null")
        record = task.record_at(now, {**task.variants, **faults}, base_url, self._state.clock.unix_ms)
        return kie_success(record, faults)

    def result_at(self, path: str) -> Optional[Tuple[Task, int]]:
        """The task and number of a result file; None when there is none, or it is not done yet."""
        found = _FILE_PATH.fullmatch(path)
        task = self._state.tasks.get(found[1]) if found else None
        if found is None or task is None or task.ending != found[3] or not 1 <= int(found[2]) <= task.files:
            return None
        return (task, int(found[2])) if self._state.clock.now() >= task.ends else None

    def _task(
        self, model: Model, given: Mapping[str, Any], arguments: Arguments, variants: Mapping[str, str], callback: str
    ) -> Task:
        return Task(
            id=self._state.new_id(),
            model=model.slug,
            input=given,
            credits=_price(model, arguments),
            created=self._state.clock.now(),
            duration=DURATIONS.get(model.result, OTHER_DURATION),
            result=model.result,
            words=words_of(arguments.values, given),
            values=arguments.values,
            files=count_of(model, arguments.values),
            ending=ending_of(model, arguments.values),
            callback=callback,
            variants=variants,
            magic=tuple(faults_in(given)),
        )


def _price(model: Model, arguments: Arguments) -> Decimal:
    """What the platform takes for a task.

    Raises:
        Refused: the platform does not sell this combination.
    """
    try:
        estimate = quote(model, arguments)
    except KieInputError as err:
        raise Refused(500, str(err.problems[0])) from err
    if estimate.platform_credits is None:
        _log.warning("%s: no price is known (%s); %s credits are charged", model.id, estimate.unknown, UNKNOWN_PRICE)
        return UNKNOWN_PRICE
    return estimate.platform_credits
