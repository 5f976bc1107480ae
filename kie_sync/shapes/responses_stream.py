"""OpenAI's Responses as a stream: each item by its place, and the whole response at the end.

Gateways leave some of it out: deltas, the items at the end, or their announcement. What a later event repeats is taken
from there where it has not come yet, and never twice.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Set, Tuple, Union

from ..completions import ChatCompletionChunk, ChunkChoice, Delta
from ..response import as_credits
from . import StreamFault
from .reading import count_in, object_in, objects_in, word_in
from .responses_items import (
    FAILED,
    PARAGRAPH,
    THOUGHTS,
    Said,
    call_in,
    failure_of,
    finish_of,
    native_of,
    parse_usage,
    said_in,
)

# The event, what it adds to, and what names the part of the item.
_DELTAS = {
    "response.output_text.delta": ("text", "content_index"),
    "response.refusal.delta": ("refusal", "content_index"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index"),
    "response.reasoning_text.delta": ("reasoning", "content_index"),
    "response.function_call_arguments.delta": ("arguments", ""),
}
_ENDS = ("response.completed", "response.incomplete")
_FAILURES = tuple(f"response.{status}" for status in FAILED)
_Place = Union[int, str]


class Reader:
    """Reads a streamed answer; its end mark is the event that carries the whole response."""

    def __init__(self, *, model: str) -> None:
        self.is_over = False
        self._slug = self._model = model
        self._id = ""
        self._said: Dict[Tuple[_Place, str, int], List[str]] = {}
        # What came without saying which item it is of, so that no item can be held against it.
        self._unplaced: Set[str] = set()
        self._calls: Dict[_Place, int] = {}
        self._thought: Optional[Tuple[_Place, str, int]] = None
        self._done: Dict[_Place, Mapping[str, Any]] = {}
        self._output: List[Mapping[str, Any]] = []

    @property
    def native(self) -> Optional[Mapping[str, Any]]:
        """Only of a whole answer: half an item would be refused when it goes back."""
        return native_of(self._output, self._slug) if self.is_over else None

    def read(self, event: str, data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        kind = word_in(data.get("type")) or event
        if kind in _DELTAS:
            channel, part = _DELTAS[kind]
            said = Said(channel, count_in(data.get(part)) or 0, word_in(data.get("delta")) or "")
            place = _place(data, data.get("item_id"))
            if place == "" and channel != "arguments":
                self._unplaced.add(_group(channel))
            return self._chunks(self._add(place, said), data)
        if kind in ("response.output_item.added", "response.output_item.done"):
            item = object_in(data.get("item"))
            place = _place(data, item.get("id") or item.get("call_id"))
            if kind.endswith("done") and item:
                self._done[place] = item
            return self._chunks(self._catch_up(place, item), data)
        if kind == "response.created":
            response = object_in(data.get("response"))
            self._id, self._model = str(response.get("id") or ""), str(response.get("model") or self._model)
            return self._chunks([Delta("assistant")], data)
        if kind in _ENDS:
            return self._end(kind, data)
        if kind in _FAILURES:
            raise self._fault(object_in(data.get("response")), data)
        if kind == "error":
            raise self._fault({"error": data.get("error") or data}, data)
        return []

    def _add(self, place: _Place, said: Said) -> List[Delta]:
        """What a further piece of text means; the arguments of a call wait until its name has come."""
        if not said.text:
            return []
        key = (place, said.channel, said.part)
        self._said.setdefault(key, []).append(said.text)
        if said.channel in THOUGHTS:
            is_next = self._thought not in (None, key)
            self._thought = key
            return [Delta(reasoning_content=PARAGRAPH + said.text if is_next else said.text)]
        if said.channel != "arguments":
            return [Delta(content=said.text)]
        if place not in self._calls:
            return []
        return [Delta(tool_calls=({"index": self._calls[place], "function": {"arguments": said.text}},))]

    def _catch_up(self, place: _Place, item: Mapping[str, Any]) -> List[Delta]:
        """What an item says beyond what has come of it."""
        found: List[Delta] = []
        if item.get("type") == "function_call" and place not in self._calls:
            index = self._calls[place] = len(self._calls)
            so_far = "".join(self._said.get((place, "arguments", 0), ()))
            found.append(Delta(tool_calls=({"index": index, **call_in(item, so_far)},)))
        for said in said_in(item):
            so_far = "".join(self._said.get((place, said.channel, said.part), ()))
            if said.text.startswith(so_far) and _group(said.channel) not in self._unplaced:
                found += self._add(place, said._replace(text=said.text[len(so_far) :]))
        return found

    def _end(self, kind: str, data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        response = object_in(data.get("response"))
        status = word_in(response.get("status"))
        if status in FAILED:
            raise self._fault(response, data)
        self.is_over = True
        output = objects_in(response.get("output"))
        deltas = self._catch_up_at_the_end(output)
        self._output = output or list(self._done.values())
        # Some end every answer with the same event; and the status inside may be that of the beginning.
        told = {**response, "status": status if status == "incomplete" else kind.rpartition(".")[2]}
        is_refused = any(channel == "refusal" for _, channel, _ in self._said)
        finish = finish_of(told, has_calls=bool(self._calls), is_refused=is_refused)
        self._id, self._model = str(response.get("id") or self._id), str(response.get("model") or self._model)
        return [*self._chunks(deltas, data), self._last(ChunkChoice(finish_reason=finish), response, data)]

    def _last(self, choice: ChunkChoice, response: Mapping[str, Any], data: Mapping[str, Any]) -> ChatCompletionChunk:
        """How an answer ends, and what it took."""
        credits, own = (as_credits(each.get("credits_consumed")) for each in (data, response))
        usage = parse_usage(response.get("usage"))
        return ChatCompletionChunk((choice,), self._id, self._model, usage, own if credits is None else credits, data)

    def _fault(self, response: Mapping[str, Any], data: Mapping[str, Any]) -> StreamFault:
        failure = failure_of(response)
        last = self._last(ChunkChoice(), response, data)
        return StreamFault(str(failure["message"]), failure.get("code"), last=last)

    def _catch_up_at_the_end(self, output: List[Mapping[str, Any]]) -> List[Delta]:
        """What nothing at all has come of: the places in the last list need not be those of the events."""
        seen: Set[str] = {_group(channel) for _, channel, _ in self._said if channel != "arguments"}
        if self._calls:
            seen.add("arguments")
        found: List[Delta] = []
        for place, item in enumerate(output):
            groups = {_group(said.channel) for said in said_in(item)}
            if groups and not groups & seen:
                found += self._catch_up(f"end {place}", item)
        return found

    def _chunks(self, deltas: List[Delta], data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        return [ChatCompletionChunk((ChunkChoice(delta),), self._id, self._model, raw=data) for delta in deltas]


def _place(data: Mapping[str, Any], id: Any) -> _Place:
    """Which item an event is about: by its place, for some gateways give an item another id in each event."""
    place = count_in(data.get("output_index"))
    return str(id or "") if place is None else place


def _group(channel: str) -> str:
    """What counts as the same: an answer, thoughts, or calls."""
    return "thoughts" if channel in THOUGHTS else "arguments" if channel == "arguments" else "text"
