"""Answers of Gemini's own API: parts, which a stream brings one by one, and running totals of tokens.

The parts are kept as they came, so that the signatures of thoughts go back with the next call.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..completions import ChatCompletionChunk, ChunkChoice, Delta, Usage
from ..response import as_credits
from . import StreamFault
from .reading import arguments_text, count_in, object_in, objects_in, word_in

SHAPE = "gemini-contents"
_FINISHES = {"STOP": "stop", "MAX_TOKENS": "length", "FINISH_REASON_UNSPECIFIED": None}
# Google has a word for each reason to hold an answer back.
_FILTERS = {
    *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
}


def finish_reason(candidate: Mapping[str, Any], *, has_calls: bool) -> Optional[str]:
    """Why the answer ends, in OpenAI's words; other words stay as they are."""
    word = word_in(candidate.get("finishReason"))
    if word is None:
        return None
    if word in _FILTERS:
        return "content_filter"
    finish = _FINISHES.get(word, word.lower())
    return "tool_calls" if finish == "stop" and has_calls else finish


def is_blocked(raw: Mapping[str, Any]) -> bool:
    """Whether the prompt was refused: then there are no candidates."""
    return not raw.get("candidates") and bool(object_in(raw.get("promptFeedback")).get("blockReason"))


def parse_usage(raw: Any) -> Optional[Usage]:
    """Token counts; None where one side was not told and the total does not tell it.

    What tools of Google's read counts as input, and thoughts as output: both are charged so.
    """
    told = object_in(raw)
    prompt, total = count_in(told.get("promptTokenCount")), count_in(told.get("totalTokenCount"))
    read = count_in(told.get("toolUsePromptTokenCount")) or 0
    written = [count_in(told.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")]
    completion = None if written == [None, None] else sum(count or 0 for count in written)
    # Google leaves out what is zero.
    if completion is None and prompt is not None and total is not None:
        completion = max(total - prompt - read, 0)
    if prompt is None and completion is not None and total is not None:
        prompt = max(total - completion - read, 0)
    if prompt is None or completion is None:
        return None
    # Audio that was read from the cache has the price of the cache.
    audio = _audio_in(told.get("promptTokensDetails")) - _audio_in(told.get("cacheTokensDetails"))
    return Usage(
        prompt + read,
        completion,
        total or prompt + read + completion,
        cached_tokens=count_in(told.get("cachedContentTokenCount")) or 0,
        audio_tokens=max(audio, 0),
        reasoning_tokens=written[1] or 0,
        raw=told,
    )


def _audio_in(details: Any) -> int:
    return sum(count_in(each.get("tokenCount")) or 0 for each in objects_in(details) if each.get("modality") == "AUDIO")


class Parts:
    """The parts of an answer so far. Neighbouring texts are one part, unless a signature is bound to one of them."""

    def __init__(self) -> None:
        self._parts: List[Tuple[Mapping[str, Any], Optional[List[str]]]] = []
        self._calls = 0

    @property
    def has_calls(self) -> bool:
        return self._calls > 0

    def add(self, parts: Sequence[Mapping[str, Any]], answer_id: str) -> Delta:
        """Take more of them.

        Returns:
            What they add to the answer; calls without an id of Google's get one of ours, from the answer's.
        """
        text: List[str] = []
        thoughts: List[str] = []
        calls: List[Mapping[str, Any]] = []
        for part in parts:
            self._keep(part)
            piece = word_in(part.get("text"))
            if piece is not None:
                (thoughts if part.get("thought") is True else text).append(piece)
            if isinstance(part.get("functionCall"), Mapping):
                calls.append(self._call(part["functionCall"], answer_id))
        return Delta(None, "".join(text) or None, "".join(thoughts) or None, tuple(calls))

    def native(self, model: str) -> Optional[Dict[str, Any]]:
        """The content in the shape's own form, for `ChatMessage.native`."""
        content = [part if text is None else {**part, "text": "".join(text)} for part, text in self._parts]
        return {"shape": SHAPE, "model": model, "content": content} if content else None

    def _keep(self, part: Mapping[str, Any]) -> None:
        text = part.get("text")
        if not isinstance(text, str) or set(part) - {"text", "thought"}:
            self._parts.append((part, None))
            return
        about = {name: value for name, value in part.items() if name != "text"}
        last, pieces = self._parts[-1] if self._parts else ({}, None)
        if pieces is not None and last == about:
            pieces.append(text)
        elif text:
            self._parts.append((about, [text]))

    def _call(self, call: Mapping[str, Any], answer_id: str) -> Dict[str, Any]:
        position, self._calls = self._calls, self._calls + 1
        function = {"name": word_in(call.get("name")) or "", "arguments": arguments_text(call.get("args"))}
        own = word_in(call.get("id")) or made_up_id(answer_id, position)
        return {"index": position, "id": own, "type": "function", "function": function}


def made_up_id(answer_id: str, position: int) -> str:
    """An id for a call that has none: of letters that every other maker's API takes, and not longer than they allow."""
    return "_".join(filter(None, ("call", re.sub(r"[^A-Za-z0-9_-]", "", answer_id)[:24], str(position))))


class Reader:
    """Reads a streamed answer. There is no end mark: the finish reason ends it, and usage may come after that."""

    is_over = False

    def __init__(self, *, model: str) -> None:
        self._slug = self._model = model
        self._id = ""
        self._parts = Parts()
        self._has_begun = False

    @property
    def native(self) -> Optional[Mapping[str, Any]]:
        return self._parts.native(self._slug)

    def read(self, event: str, data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        if event == "error" or data.get("error"):
            error = object_in(data.get("error"))
            text = word_in(error.get("message")) or word_in(data.get("error")) or "no reason given"
            raise StreamFault(text, error.get("status") or error.get("code"))
        self._id = str(data.get("responseId") or self._id)
        self._model = str(data.get("modelVersion") or self._model)
        candidate = object_in(next(iter(objects_in(data.get("candidates"))), None))
        delta = self._parts.add(objects_in(object_in(candidate.get("content")).get("parts")), self._id)
        finish = finish_reason(candidate, has_calls=self._parts.has_calls)
        if is_blocked(data):
            finish = "content_filter"
        role = None if self._has_begun else "assistant"
        self._has_begun = True
        choice = ChunkChoice(
            Delta(role, delta.content, delta.reasoning_content, delta.tool_calls), finish_reason=finish
        )
        usage, credits = parse_usage(data.get("usageMetadata")), as_credits(data.get("credits_consumed"))
        return [ChatCompletionChunk((choice,), self._id, self._model, usage, credits, data)]
