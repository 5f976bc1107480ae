"""What we would read from a real answer of the platform, and what in it nobody reads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..chat_stream import ChatStream
from ..completions import Usage
from ..definitions import Model
from ..errors import KieAPIError, KieConfigError, KieError
from ..pricing import CostEstimate, estimate
from ..refusals import read_refusal
from ..response import Response, check_finished, dig, parse_created, parse_state
from ..shapes import codec_for

# Fields of the platform's envelope that say nothing more: kept out of what nobody reads. (Recorded answers of 2026.)
_PLAIN = {"code", "msg", "message", "success", "data.taskId", "data.recordId", "data.model", "data.param"}
# Its unit differs between documentation and traffic, so that the two times are read instead.
_PLAIN |= {"data.costTime", "data.updateTime"}
_STREAM = re.compile(r"^(?:data|event|id|retry)?:", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """What an answer comes to.

    Attributes:
        what: what sort of answer it is.
        facts: what we would read, by name, in the order that matters.
        doubts: sentences about what is odd in it.
        unread: dotted paths that nobody reads.
    """

    what: str
    facts: Dict[str, Any]
    doubts: Tuple[str, ...] = ()
    unread: Tuple[str, ...] = ()


def read_answer(model: Model, text: str, where: str) -> Reading:
    """Read the text of an answer as a call of this model would.

    Raises:
        KieConfigError: it is no answer: neither JSON nor a stream of events.
    """
    status, body = _without_headers(text.lstrip("\ufeff").strip())
    if not body:
        raise KieConfigError(f"{where}: it is empty; paste the body of the answer")
    if not body.startswith(("{", "[")) and _STREAM.match(body):
        return _read_stream(model, body, where)
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KieConfigError(
            f"{where}: it is neither JSON nor a stream of events ({error}); paste the body of the answer as it came"
        ) from error
    if not isinstance(raw, (dict, list)):
        raise KieConfigError(f"{where}: an answer is an object; this is {str(raw)[:40]}")
    refusal = read_refusal(Response(status, body.encode()))
    if refusal is not None:
        return _refused(model, refusal)
    return _read_task(model, raw) if model.endpoint.shape == "task" else _read_chat(model, raw, status, body)


def _without_headers(text: str) -> Tuple[int, str]:
    """HTTP's status and the body, where the headers were pasted as well."""
    if not text.startswith("HTTP/"):
        return 200, text
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    found = re.match(r"HTTP/\S+ (\d{3})", head)
    return int(found[1]) if found else 200, body.strip()


def _refused(model: Model, refusal: KieAPIError) -> Reading:
    doubts = []
    if refusal.status_code in model.endpoint.failure_codes:
        doubts.append("as the answer to a status question, this code says that the task itself failed")
    facts = {"error": type(refusal).__name__, "code": refusal.status_code, "message": refusal.message}
    return Reading("a refusal: nothing was bought, where it answers a create", facts, tuple(doubts))


def _read_task(model: Model, raw: Any) -> Reading:
    endpoint = model.endpoint
    seen = _watched(_with_result(model, raw))
    if dig(raw, endpoint.state) is None:
        try:
            created = parse_created(endpoint, _Given(seen), model=model.id)
        except KieError as error:
            return Reading("no answer that we know", {}, (str(error),), _unread(seen))
        return Reading(
            "the answer to a create: a task was made, and is paid", {"task_id": created.task_id}, (), _unread(seen)
        )
    task_id = dig(raw, endpoint.task_id)
    state = parse_state(endpoint, seen, str(task_id or ""))
    unread = _unread(seen)
    told = {name: value for name, value in state.to_dict().items() if value not in (None, "", [])}
    urls = told.pop("result_urls", [])
    data = {key: value for key, value in state.result.items() if value != urls and value not in (None, "", [])}
    facts = {**told, **({"files": urls} if urls else {}), **({"data": _plain(data)} if data else {})}
    doubts: List[str] = []
    if not task_id:
        doubts.append(f"there is no task id at {' or '.join(endpoint.task_id)}")
    if state.outcome == "unknown":
        words = ", ".join((*endpoint.pending, *endpoint.success, *endpoint.failure))
        doubts.append(f'the state "{state.state}" is none of {words}: it would be waited on, and never be success')
    if state.model and state.model != model.slug:
        doubts.append(f"it is about the model {state.model}, not {model.slug}")
    if state.is_success:
        try:
            check_finished(state, model=model.id, wants_files=model.result in ("image", "video", "audio"))
        except KieError as error:
            doubts.append(str(error))
        if state.credits_consumed is None:
            doubts.append("it does not say how many credits were taken")
    return Reading("a task's state: recordInfo, or a callback", facts, tuple(doubts), unread)


def _with_result(model: Model, raw: Any) -> Any:
    """The answer with its result decoded, so that what nobody reads in there is seen, too."""
    place = model.endpoint.result[0] if model.endpoint.result else ""
    result = dig(raw, (place,)) if place else None
    if not isinstance(result, str):
        return raw
    try:
        decoded = json.loads(result)
    except (ValueError, RecursionError):
        return raw
    return _placed(raw, place.split("."), decoded) if isinstance(decoded, dict) else raw


def _placed(raw: Any, steps: List[str], value: Any) -> Any:
    return {**raw, steps[0]: value if len(steps) == 1 else _placed(raw[steps[0]], steps[1:], value)}


def _read_chat(model: Model, raw: Any, status: int, body: str) -> Reading:
    seen = _watched(raw)
    try:
        completion = codec_for(model.endpoint.shape).parse_completion(seen, model=model.id)
    except ValueError as error:
        return Reading("no answer that we know", {}, (str(error),), _unread(seen))
    facts = _chat_facts(model, completion.text, completion.finish_reason, completion.usage, completion.credits_consumed)
    if completion.tool_calls:
        facts["tool_calls"] = _plain(list(completion.tool_calls))
    doubts = () if completion.usage is not None else ("it tells no tokens, so that its price stays unknown",)
    return Reading("a chat's answer", facts, doubts, _unread(seen))


def _read_stream(model: Model, body: str, where: str) -> Reading:
    if model.endpoint.shape == "task":
        raise KieConfigError(f"{where}: it is a stream of events, and {model.id} answers with JSON")
    response = Response(200, b"", chunks=iter([body.encode() + b"\n\n"]))

    def price(usage: Optional[Usage]) -> CostEstimate:
        return estimate(model, usage.quantities if usage is not None else {})

    stream = ChatStream(
        response, codec_for(model.endpoint.shape), model=model.id, price=price, on_end=lambda ended, error: None
    )
    doubts: List[str] = []
    count = 0
    try:
        for _ in stream:
            count += 1
    except KieError as error:
        doubts.append(str(error))
    facts = _chat_facts(model, stream.text, stream.finish_reason, stream.usage, stream.credits_consumed)
    if stream.usage is None:
        doubts.append("it tells no tokens, so that its price stays unknown")
    return Reading(f"a chat's answer in {count} pieces", facts, tuple(doubts))


def _chat_facts(model: Model, text: str, finish: Optional[str], usage: Optional[Usage], credits: Any) -> Dict[str, Any]:
    facts: Dict[str, Any] = {"text": text, "finish_reason": finish}
    if usage is not None:
        facts["usage"] = usage.quantities
        facts["platform_credits"] = estimate(model, usage.quantities).platform_credits
    facts["credits_consumed"] = credits
    return {name: value for name, value in facts.items() if value is not None}


class _Given(Response):
    """An answer whose JSON is there already."""

    def __init__(self, data: Any) -> None:
        super().__init__(200)
        object.__setattr__(self, "_data", data)

    def json(self) -> Any:
        return self.__dict__["_data"]


class _Watched(Dict[str, Any]):
    """A mapping that remembers which of its keys somebody asked for."""

    def __init__(self, items: Any) -> None:
        super().__init__(items)
        self.asked: Dict[str, bool] = {}

    def __getitem__(self, key: str) -> Any:
        self.asked[key] = True
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.asked[key] = True
        return super().get(key, default)

    def items(self) -> Any:
        self.asked.update(dict.fromkeys(self, True))
        return super().items()

    def values(self) -> Any:
        self.asked.update(dict.fromkeys(self, True))
        return super().values()


def _watched(value: Any) -> Any:
    if isinstance(value, dict):
        return _Watched({key: _watched(item) for key, item in value.items()})
    return [_watched(item) for item in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(dict.__getitem__(value, key)) for key in list(value)}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _unread(seen: Any) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(path for path in _never_asked(seen, "") if path not in _PLAIN))


def _never_asked(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _never_asked(item, f"{path}[]")
        return
    if not isinstance(value, _Watched):
        return
    for key in list(value):
        here = f"{path}.{key}" if path else str(key)
        inner = dict.__getitem__(value, key)
        if key not in value.asked:
            if inner not in (None, "", [], {}):
                yield here
        else:
            yield from _never_asked(inner, here)
