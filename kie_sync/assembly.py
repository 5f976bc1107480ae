"""From the pieces of a streamed answer to the whole one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional

from .completions import ChatCompletion, ChatCompletionChunk, Choice, Usage
from .messages import ChatMessage
from .pricing import CostEstimate
from .response import as_credits
from .values import whole_text


class Halves:
    """Puts together the characters that a gateway has cut in two, where one piece ends and the next one begins."""

    def __init__(self) -> None:
        self._halves = {"content": "", "reasoning_content": ""}

    def joined(self, chunk: ChatCompletionChunk) -> ChatCompletionChunk:
        """The piece in whole characters; half a character at its end waits for the other half."""
        choice = chunk.choices[0]
        mended: Dict[str, Any] = {}
        for name, half in self._halves.items():
            given = getattr(choice.delta, name)
            text = half + (given or "")
            if not text or (not given and choice.finish_reason is None):
                continue
            self._halves[name] = text[-1] if "\ud800" <= text[-1] <= "\udbff" and choice.finish_reason is None else ""
            whole = whole_text(text[:-1] if self._halves[name] else text)
            if whole != given:
                mended[name] = whole
        if not mended:
            return chunk
        return replace(chunk, choices=(replace(choice, delta=replace(choice.delta, **mended)),))


class Assembly:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.id = self.model = ""
        self.finish_reason: Optional[str] = None
        self.usage: Optional[Usage] = None
        self._is_usage_old = False
        self.credits_consumed: Optional[Decimal] = None
        self._text: List[str] = []
        self._thoughts: List[str] = []
        self._calls: List[_Call] = []

    def take(self, chunk: ChatCompletionChunk) -> None:
        """Add a piece."""
        choice = chunk.choices[0]
        self.id, self.model = chunk.id or self.id, chunk.model or self.model
        if choice.delta.content:
            self._text.append(choice.delta.content)
        if choice.delta.reasoning_content:
            self._thoughts.append(choice.delta.reasoning_content)
        for call in choice.delta.tool_calls:
            self._take_call(call)
        self.finish_reason = choice.finish_reason or self.finish_reason
        # Google repeats running totals on every piece: the last one counts, they are never added up.
        adds = choice.delta.content or choice.delta.reasoning_content or choice.delta.tool_calls
        self._is_usage_old = chunk.usage is None and (self._is_usage_old or (bool(adds) and self.usage is not None))
        self.usage = chunk.usage or self.usage
        if chunk.credits_consumed is not None:
            self.credits_consumed = chunk.credits_consumed

    def take_credits(self, event: Mapping[str, Any]) -> None:
        """What an event that ends the answer with a fault says that it took."""
        told = as_credits(event.get("credits_consumed"))
        self.credits_consumed = self.credits_consumed if told is None else told

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def is_usage_whole(self) -> bool:
        """Whether the tokens are those of all that came: Anthropic tells some before there is an answer."""
        return self.usage is not None and not self._is_usage_old

    @property
    def has_answer(self) -> bool:
        """Whether there is text, or a call of a tool."""
        return bool(self._text or self._calls)

    def completion(self, *, native: Optional[Mapping[str, Any]], cost: CostEstimate) -> ChatCompletion:
        """The whole answer; half of it while pieces are still to come."""
        message = ChatMessage(
            "assistant",
            self.text or (None if self._calls else ""),
            reasoning_content="".join(self._thoughts) or None,
            tool_calls=tuple(call.to_dict() for call in self._calls),
            native=native,
        )
        return ChatCompletion(
            (Choice(message, 0, self.finish_reason),),
            id=self.id,
            model=self.model,
            usage=self.usage,
            credits_consumed=self.credits_consumed,
            cost=cost,
        )

    def _take_call(self, part: Mapping[str, Any]) -> None:
        call = next((call for call in reversed(self._calls) if call.goes_on_with(part)), None)
        if call is None:
            call = _Call()
            self._calls.append(call)
        call.take(part)


class _Call:
    """One call of a tool, in pieces."""

    def __init__(self) -> None:
        self._about: Dict[str, Any] = {"id": "", "type": "function"}
        self._index: Any = None
        self._name: List[str] = []
        self._arguments: List[str] = []

    def goes_on_with(self, part: Mapping[str, Any]) -> bool:
        """Google gives whole calls, without an index and mostly with an id; OpenAI's parts have the call's index."""
        function = part.get("function")
        is_whole = part.get("index") is None and isinstance(function, Mapping) and bool(function.get("name"))
        is_other = part.get("id") not in (None, "", self._about["id"]) or (is_whole and bool(self._name))
        return not is_other and part.get("index") == self._index

    def take(self, part: Mapping[str, Any]) -> None:
        function = part.get("function")
        function = function if isinstance(function, Mapping) else {}
        self._index = part.get("index")
        self._about.update({key: value for key, value in part.items() if key not in ("function", "index") and value})
        for key, texts in (("name", self._name), ("arguments", self._arguments)):
            if isinstance(function.get(key), str):
                texts.append(function[key])

    def to_dict(self) -> Dict[str, Any]:
        function = {"name": "".join(self._name), "arguments": "".join(self._arguments)}
        return {**self._about, "function": whole_text(function)}
