"""What came back: `Response`, and the functions that read one.

The platform answers errors with HTTP 200 and a code in the body; a task's result is a JSON string
inside the JSON; any state may be skipped. Where things stand is the endpoint's data.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple

from .definitions import Endpoint
from .errors import KieOutcomeUnknownError, KieTaskError, KieTaskFailedError
from .records import Record


@dataclass(frozen=True)
class Response:
    """One HTTP answer. `chunks` is there instead of `body` while a stream is being read."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    url: str = ""
    chunks: Optional[Iterator[bytes]] = field(default=None, compare=False, repr=False)
    close: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)

    def json(self) -> Any:
        """The body as JSON, whatever its content type says; ValueError when it is none."""
        return self._decoded

    @functools.cached_property
    def _decoded(self) -> Any:
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), "")


def dig(data: Any, places: Tuple[str, ...]) -> Any:
    """What stands at the first of these dotted places that holds something."""
    for place in places:
        here = data
        for step in place.split("."):
            here = here.get(step) if isinstance(here, Mapping) else None
        if here is not None and here != "":
            return here
    return None


def as_credits(value: Any) -> Optional[Decimal]:
    """Credits as the platform writes them: a float, sometimes text. A figure beyond all measure is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and -30 < amount.adjusted() < 18 else None


@dataclass(frozen=True)
class CreateTaskResponse:
    """A task was made: `task_id` is all that counts. It is paid for."""

    task_id: str
    model: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class QueryTaskResponse:
    """A task's state, as the platform tells it.

    Attributes:
        state: the platform's own word.
        outcome: what the word means: `pending`, `success`, `failure`, or `unknown` for a new word.
        result_urls: the files, once there are some.
        result: the decoded result, of whatever shape.
        credits_consumed: in credits; None where the platform does not say.
        progress: 0 to 100, where the platform says.
        created_ms, completed_ms: Unix time in milliseconds.
    """

    task_id: str
    state: str
    outcome: str
    model: str = ""
    result_urls: Tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    fail_code: Optional[str] = None
    fail_msg: Optional[str] = None
    credits_consumed: Optional[Decimal] = None
    progress: Optional[float] = None
    created_ms: Optional[int] = None
    completed_ms: Optional[int] = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_success(self) -> bool:
        return self.outcome == "success"

    @property
    def is_failure(self) -> bool:
        return self.outcome == "failure"

    @property
    def is_final(self) -> bool:
        return self.is_success or self.is_failure

    @property
    def duration_s(self) -> Optional[float]:
        """Seconds from creation to completion; from the two times, for `costTime` has no certain unit."""
        if self.created_ms is None or self.completed_ms is None:
            return None
        return (self.completed_ms - self.created_ms) / 1000

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it."""
        return {
            "task_id": self.task_id,
            "model": self.model,
            "state": self.state,
            "outcome": self.outcome,
            "result_urls": list(self.result_urls),
            "fail_code": self.fail_code,
            "fail_msg": self.fail_msg,
            "credits_consumed": None if self.credits_consumed is None else str(self.credits_consumed),
            "progress": self.progress,
            "duration_s": self.duration_s,
        }


def parse_created(endpoint: Endpoint, response: Response, *, model: str = "") -> CreateTaskResponse:
    """The id of a new task.

    Raises:
        KieOutcomeUnknownError: the answer holds no id; the task may exist all the same.
    """
    data = response.json()
    for place in endpoint.task_id:
        task_id = dig(data, (place,))
        if isinstance(task_id, (str, int)) and not isinstance(task_id, bool) and str(task_id).strip():
            return CreateTaskResponse(str(task_id), model, data)
    raise KieOutcomeUnknownError(
        "the platform answered without a task id, so it is not known whether a task was made and paid; "
        "it was not sent again: look at the balance before you do",
        http_status=response.status,
        method=response.method,
        url=response.url,
        model=model or None,
    )


def parse_state(endpoint: Endpoint, data: Any, task_id: str) -> QueryTaskResponse:
    """A task's state from the decoded answer."""
    word = dig(data, endpoint.state)
    state = word if isinstance(word, str) else ""
    if state in endpoint.success:
        outcome = "success"
    elif state in endpoint.failure:
        outcome = "failure"
    else:
        outcome = "pending" if state in endpoint.pending else "unknown"
    result = _decode(dig(data, endpoint.result))
    facts = {name: dig(data, places) for name, places in endpoint.places.items()}
    model = dig(data, ("data.model",))
    return QueryTaskResponse(
        task_id=task_id,
        state=state,
        outcome=outcome,
        model=model if isinstance(model, str) else "",
        result_urls=_urls(dig(result, endpoint.urls)),
        result=result,
        fail_code=_text(facts.get("fail_code")),
        fail_msg=_text(facts.get("fail_message")),
        credits_consumed=as_credits(facts.get("credits")),
        progress=_number(facts.get("progress")),
        created_ms=_whole(facts.get("created_ms")),
        completed_ms=_whole(facts.get("completed_ms")),
        raw=data if isinstance(data, Mapping) else {},
    )


def read_param(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A task's input as the platform kept it: JSON text inside JSON text, or plain objects."""
    value: Any = (raw.get("data") or {}).get("param") if isinstance(raw.get("data"), Mapping) else None
    for step in ("", "input"):
        if step:
            value = value.get(step) if isinstance(value, Mapping) else None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                return {}
    return value if isinstance(value, Mapping) else {}


def state_of(record: Record) -> QueryTaskResponse:
    """A finished task as it is on record: the platform forgets tasks, a journal does not."""
    return QueryTaskResponse(
        task_id=record.task_id or "",
        state=record.state,
        outcome="success" if record.state == "success" else "failure",
        model=record.model,
        result_urls=record.urls,
        result=record.result,
        fail_code=record.fail_code,
        fail_msg=record.fail_msg,
        credits_consumed=record.consumed,
        created_ms=int(record.created_at * 1000),
        completed_ms=None if record.duration_s is None else int((record.created_at + record.duration_s) * 1000),
    )


def _decode(result: Any) -> Mapping[str, Any]:
    """A result that is a JSON string, an object, or a list of URLs."""
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except (ValueError, RecursionError):
            # Plain text is a result of its own; JSON that is cut or broken is none.
            return {} if result.lstrip()[:1] in ("{", "[") else {"text": result}
    if isinstance(result, list):
        return {"resultUrls": result}
    return result if isinstance(result, Mapping) else {}


def _urls(found: Any) -> Tuple[str, ...]:
    listed = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return tuple(url for url in listed if isinstance(url, str) and url)


def _text(value: Any) -> Optional[str]:
    return None if value is None else str(value)


def _number(value: Any) -> Optional[float]:
    amount = as_credits(value)
    return None if amount is None else float(amount)


def _whole(value: Any) -> Optional[int]:
    amount = as_credits(value)
    return None if amount is None else int(amount)


def check_finished(state: QueryTaskResponse, *, model: str, wants_files: bool = False) -> None:
    """Whether a final state is a success with something in it.

    Args:
        wants_files: the model makes files, so that a success without one is none, unless it holds objects instead.

    Raises:
        KieTaskFailedError: the platform says that the task failed.
        KieTaskError: it says success, and there is nothing.
    """
    if state.is_failure:
        reason = state.fail_msg or "the platform gave no reason"
        raise KieTaskFailedError(
            f"the task failed: {reason}",
            fail_code=state.fail_code,
            fail_msg=state.fail_msg,
            task_id=state.task_id,
            model=model or state.model,
        )
    values = [value for value in state.result.values() if value]
    if wants_files:
        values = [value for value in values if isinstance(value, Mapping)]
    if state.is_success and not state.result_urls and not values:
        said = f"; it says {str(dict(state.result))[:200]}" if any(state.result.values()) else ""
        raise KieTaskError(
            f"the platform says success, but there is no file and nothing else in its result{said}",
            task_id=state.task_id,
            model=model or state.model,
        )
