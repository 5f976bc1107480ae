"""Chat in OpenAI's shape: answers, and pieces of a streamed answer.

Every piece has exactly one choice, so that `chunk.choices[0].delta.content` is always safe; the wire's own is in `raw`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, Mapping, Optional, Tuple

from .messages import ChatMessage, Content
from .pricing import CostEstimate
from .response import as_credits


@dataclass(frozen=True)
class Usage:
    """Tokens as the platform counts them; hidden thinking makes the total more than the sum."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def quantities(self) -> Dict[str, int]:
        """The same under the names of `estimate_cost`."""
        return {"input_tokens": self.prompt_tokens, "output_tokens": self.completion_tokens}


@dataclass(frozen=True)
class Choice:
    """One answer."""

    message: ChatMessage
    index: int = 0
    finish_reason: Optional[str] = None


@dataclass(frozen=True)
class ChatCompletion:
    """A whole answer.

    Attributes:
        usage: tokens, None where the platform did not say.
        credits_consumed: what the platform says it took.
        cost: the price of the tokens used; unknown where there is no usage.
    """

    choices: Tuple[Choice, ...]
    id: str = ""
    model: str = ""
    created: int = 0
    usage: Optional[Usage] = None
    credits_consumed: Optional[Decimal] = None
    cost: Optional[CostEstimate] = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def text(self) -> str:
        """The answer's text; empty when it only calls tools."""
        content = self.choices[0].message.content
        if isinstance(content, str) or content is None:
            return content or ""
        return "".join(str(part.get("text") or "") for part in content)

    @property
    def finish_reason(self) -> Optional[str]:
        """Why the answer ends: `stop`, `length`, `tool_calls`, ..."""
        return self.choices[0].finish_reason

    @property
    def is_empty(self) -> bool:
        """Whether there is neither text nor a call of a tool in it."""
        return not self.text and not self.choices[0].message.tool_calls

    @property
    def reasoning_content(self) -> Optional[str]:
        return self.choices[0].message.reasoning_content

    def to_dict(self) -> Dict[str, Any]:
        """As JSON can hold it; amounts are text."""
        return {
            "id": self.id,
            "model": self.model,
            "choices": [
                {
                    "index": choice.index,
                    "finish_reason": choice.finish_reason,
                    "message": {**choice.message.to_dict(), "reasoning_content": choice.message.reasoning_content},
                }
                for choice in self.choices
            ],
            "usage": dict(self.usage.raw) if self.usage else None,
            "credits_consumed": None if self.credits_consumed is None else str(self.credits_consumed),
            "cost": None if self.cost is None else self.cost.to_dict(),
        }


@dataclass(frozen=True)
class Delta:
    """What a piece adds."""

    role: Optional[str] = None
    content: Optional[str] = None
    reasoning_content: Optional[str] = None
    tool_calls: Tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class ChunkChoice:
    """The one choice of a piece."""

    delta: Delta = Delta()
    index: int = 0
    finish_reason: Optional[str] = None


@dataclass(frozen=True)
class ChatCompletionChunk:
    """A piece of a streamed answer. Usage comes on its own piece, or as running totals on all of them."""

    choices: Tuple[ChunkChoice, ...] = (ChunkChoice(),)
    id: str = ""
    model: str = ""
    usage: Optional[Usage] = None
    credits_consumed: Optional[Decimal] = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def to_dict(self) -> Dict[str, Any]:
        """The wire's own form."""
        return dict(self.raw)


def parse_usage(raw: Any) -> Optional[Usage]:
    """Token counts, where there are some."""
    if not isinstance(raw, Mapping):
        return None
    prompt, completion, total = (
        _count(raw.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if prompt is None and completion is None:
        return None
    # Google leaves out what is zero.
    prompt = max((total or 0) - (completion or 0), 0) if prompt is None else prompt
    completion = max((total or 0) - prompt, 0) if completion is None else completion
    return Usage(prompt, completion, total or prompt + completion, raw)


def _count(value: Any) -> Optional[int]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value < float("inf") else None


def _content(value: Any) -> Content:
    """Text, or parts that are objects; None for what is neither."""
    if isinstance(value, list):
        return [part for part in value if isinstance(part, Mapping)]
    return value if isinstance(value, str) else None


def _word(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _calls(raw: Any) -> Tuple[Mapping[str, Any], ...]:
    return tuple(call for call in raw if isinstance(call, Mapping)) if isinstance(raw, list) else ()


def _first(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = raw.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, Mapping) else {}


def parse_completion(raw: Any, *, model: str) -> ChatCompletion:
    """A whole answer.

    Raises:
        ValueError: there is no answer in it.
    """
    listed = raw.get("choices") if isinstance(raw, Mapping) else None
    items = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    if not items:
        raise ValueError("no choices")
    choices = []
    for position, item in enumerate(items):
        message = item.get("message")
        message = message if isinstance(message, Mapping) else {}
        choices.append(
            Choice(
                ChatMessage(
                    role=str(message.get("role") or "assistant"),
                    content=_content(message.get("content")),
                    reasoning_content=_word(message.get("reasoning_content")),
                    tool_calls=_calls(message.get("tool_calls")),
                ),
                index=_count(item.get("index", position)) or position,
                finish_reason=_word(item.get("finish_reason")),
            )
        )
    first = choices[0]
    if not (first.message.content or first.message.tool_calls or first.finish_reason):
        raise ValueError("an answer without text and without a finish reason")
    return ChatCompletion(
        choices=tuple(choices),
        id=str(raw.get("id") or ""),
        model=str(raw.get("model") or model),
        created=_count(raw.get("created")) or 0,
        usage=parse_usage(raw.get("usage")),
        credits_consumed=as_credits(raw.get("credits_consumed")),
        raw=raw,
    )


def empty_answer(model: str, reason: Optional[str], consumed: Optional[Decimal], cost: CostEstimate) -> str:
    """What to say of an answer with nothing in it: hidden thoughts are charged (10,000 tokens of them were seen)."""
    known = "what it cost was not told"
    if consumed is not None:
        known = f"the platform took {consumed:f} credits"
    elif cost.credits is not None:
        known = f"its price is {cost.credits:f} credits"
    return f"{model}: the answer is empty (finish reason: {reason or 'none'}), and is charged all the same; {known}"


def parse_chunk(raw: Mapping[str, Any], *, model: str) -> ChatCompletionChunk:
    """A piece of a streamed answer."""
    first = _first(raw)
    delta = first.get("delta")
    delta = delta if isinstance(delta, Mapping) else {}
    content, thoughts = delta.get("content"), delta.get("reasoning_content")
    return ChatCompletionChunk(
        choices=(
            ChunkChoice(
                Delta(
                    role=_word(delta.get("role")),
                    content=content if isinstance(content, str) else None,
                    reasoning_content=thoughts if isinstance(thoughts, str) else None,
                    tool_calls=_calls(delta.get("tool_calls")),
                ),
                finish_reason=_word(first.get("finish_reason")),
            ),
        ),
        id=str(raw.get("id") or ""),
        model=str(raw.get("model") or model),
        usage=parse_usage(raw.get("usage")),
        credits_consumed=as_credits(raw.get("credits_consumed")),
        raw=raw,
    )
