"""Streamed answers of Anthropic's messages: blocks that begin, grow by deltas, and end.

The blocks are kept as they came, so that the signatures of thoughts go back with the next call.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional

from ..completions import ChatCompletionChunk, ChunkChoice, Delta
from . import StreamFault
from .anthropic_answers import credits_in, finish_reason, native_of, parse_usage
from .body import call_input
from .reading import arguments_text, count_in, object_in, word_in

# The kind of block that grows by a delta, and the field of both that holds the text.
_TEXTS = {"text_delta": "text", "thinking_delta": "thinking"}


class Reader:
    """Reads a streamed answer; its end mark is `message_stop`."""

    def __init__(self, *, model: str) -> None:
        self.is_over = False
        self._slug = self._model = model
        self._id = ""
        self._blocks: List[_Block] = []
        self._open: Dict[Optional[int], _Block] = {}
        self._usage: Dict[str, Any] = {}

    @property
    def native(self) -> Optional[Mapping[str, Any]]:
        # Half a thought has no signature yet, and half a call no arguments: neither can go back.
        return native_of(self._slug, [block.content() for block in self._blocks if block.is_whole or block.is_text])

    def read(self, event: str, data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        kind = data.get("type") or event
        if kind == "error" or data.get("error"):
            error = object_in(data.get("error"))
            text = word_in(error.get("message")) or word_in(data.get("message")) or "no reason given"
            raise StreamFault(text, error.get("type"))
        deltas: List[Delta] = []
        finish = None
        if kind == "message_start":
            message = object_in(data.get("message"))
            self._id = str(message.get("id") or self._id)
            self._model = str(message.get("model") or self._model)
            deltas = [Delta(role="assistant")]
        elif kind == "content_block_start":
            deltas = self._begin(count_in(data.get("index")), object_in(data.get("content_block")))
        elif kind == "content_block_delta":
            deltas = self._grow(count_in(data.get("index")), object_in(data.get("delta")))
        elif kind == "content_block_stop":
            deltas = self._end(count_in(data.get("index")))
        elif kind == "message_delta":
            finish = finish_reason(object_in(data.get("delta")).get("stop_reason"))
        self.is_over = self.is_over or kind == "message_stop"
        if finish is not None or self.is_over:
            deltas = [delta for index in list(self._open) for delta in self._end(index)]
        return self._chunks(data, deltas, finish)

    def _chunks(self, data: Mapping[str, Any], deltas: List[Delta], finish: Optional[str]) -> List[ChatCompletionChunk]:
        told = [object_in(place.get("usage")) for place in (object_in(data.get("message")), data)]
        for counts in told:
            # Running totals: the later figure counts. They do not fall, so that a later nought says nothing.
            self._usage.update({name: value for name, value in counts.items() if value or name not in self._usage})
        usage = parse_usage(self._usage) if any(told) else None
        credits = credits_in(data)
        if not deltas and finish is None and usage is None and credits is None:
            return []
        *before, last = deltas or [Delta()]
        return [
            *(self._chunk(data, ChunkChoice(delta)) for delta in before),
            replace(self._chunk(data, ChunkChoice(last, finish_reason=finish)), usage=usage, credits_consumed=credits),
        ]

    def _chunk(self, data: Mapping[str, Any], choice: ChunkChoice) -> ChatCompletionChunk:
        return ChatCompletionChunk((choice,), self._id, self._model, raw=data)

    def _begin(self, index: Optional[int], start: Mapping[str, Any]) -> List[Delta]:
        calls = sum(block.kind == "tool_use" for block in self._blocks)
        block = _Block(start, calls)
        self._blocks.append(block)
        self._open[index] = block
        return block.begin()

    def _grow(self, index: Optional[int], delta: Mapping[str, Any]) -> List[Delta]:
        block = self._open.get(index)
        field = _TEXTS.get(str(delta.get("type")))
        if block is None and field is not None:
            # No start came: the text must not be lost for it.
            self._begin(index, {"type": field, field: ""})
            block = self._open[index]
        return [] if block is None else block.grow(delta)

    def _end(self, index: Optional[int]) -> List[Delta]:
        block = self._open.pop(index, None)
        return [] if block is None else block.end()


class _Block:
    """One block of content, in pieces."""

    def __init__(self, start: Mapping[str, Any], position: int) -> None:
        self._start = start
        self._position = position
        self._texts: Dict[str, List[str]] = {}
        self._json: List[str] = []
        self._signature: Any = None
        self._citations: List[Any] = []
        self.is_whole = False

    @property
    def kind(self) -> Any:
        return self._start.get("type")

    @property
    def is_text(self) -> bool:
        return bool(self.kind == "text")

    def begin(self) -> List[Delta]:
        if self.kind == "tool_use":
            name = word_in(self._start.get("name")) or ""
            about = {"id": word_in(self._start.get("id")) or "", "type": "function"}
            return [self._call({"name": name, "arguments": ""}, **about)]
        text = word_in(self._start.get(str(self.kind)))
        return self._add(str(self.kind), text) if self.kind in _TEXTS.values() and text is not None else []

    def grow(self, delta: Mapping[str, Any]) -> List[Delta]:
        kind = delta.get("type")
        field = _TEXTS.get(str(kind))
        piece = word_in(delta.get(field or "partial_json"))
        if kind == "signature_delta":
            self._signature = delta.get("signature")
        elif kind == "citations_delta":
            self._citations.append(delta.get("citation"))
        elif field is not None and field == self.kind and piece is not None:
            return self._add(field, piece)
        elif kind == "input_json_delta" and piece is not None:
            self._json.append(piece)
            return [self._call({"arguments": piece})] if self.kind == "tool_use" else []
        return []

    def end(self) -> List[Delta]:
        self.is_whole = True
        if self.kind != "tool_use" or self._json:
            return []
        # The arguments came with the start, or there are none.
        return [self._call({"arguments": arguments_text(self._start.get("input"))})]

    def content(self) -> Dict[str, Any]:
        """The block as a whole answer would hold it."""
        found = dict(self._start)
        found.update({field: "".join(pieces) for field, pieces in self._texts.items()})
        if self._json:
            found["input"] = call_input("".join(self._json))
        if self._signature is not None:
            found["signature"] = self._signature
        if self._citations:
            found["citations"] = [*(found.get("citations") or ()), *self._citations]
        return found

    def _add(self, field: str, piece: str) -> List[Delta]:
        self._texts.setdefault(field, []).append(piece)
        return [Delta(content=piece) if field == "text" else Delta(reasoning_content=piece)]

    def _call(self, function: Mapping[str, str], **about: Any) -> Delta:
        return Delta(tool_calls=({"index": self._position, **about, "function": function},))
