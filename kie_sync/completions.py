"""Chat in OpenAI's shape: answers, and pieces of a streamed answer.

Every piece has exactly one choice, so that `chunk.choices[0].delta.content` is always safe; the wire's own is in `raw`.
`kie_sync.shapes` makes them from what each maker's API sends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import KieAnswerError
from .messages import ChatMessage
from .pricing import CostEstimate
from .typed import AnswerForm

_ROUNDING = Decimal("0.01")


@dataclass(frozen=True)
class Usage:
    """Tokens as the platform counts them.

    Attributes:
        prompt_tokens: all that went in; `cached_tokens`, the cache writes and `audio_tokens` are among them.
        completion_tokens: all that came out and is charged.
        total_tokens: as it was told; hidden thinking can make it more than the sum.
        cached_tokens: read from the platform's cache.
        cache_write_tokens, cache_write_1h_tokens: written to it, for 5 minutes or for an hour.
        reasoning_tokens: thinking, as it was told; whether it is among `completion_tokens` depends on the shape.
        raw: the wire's own form.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_tokens: int = 0
    reasoning_tokens: int = field(default=0, compare=False)
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def quantities(self) -> Dict[str, int]:
        """The same under the names of `estimate_cost`: what has a price of its own is counted apart."""
        apart = {
            "cached_input_tokens": self.cached_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "cache_write_1h_tokens": self.cache_write_1h_tokens,
            "audio_input_tokens": self.audio_tokens,
        }
        plain = max(self.prompt_tokens - sum(apart.values()), 0)
        told = {name: number for name, number in apart.items() if number}
        return {"input_tokens": plain, "output_tokens": self.completion_tokens, **told}

    def to_dict(self) -> Dict[str, Any]:
        """In OpenAI's form."""
        inside = {
            "cached_tokens": self.cached_tokens,
            "cache_write_tokens": self.cache_write_tokens,
            "cache_write_1h_tokens": self.cache_write_1h_tokens,
            "audio_tokens": self.audio_tokens,
        }
        details = {name: number for name, number in inside.items() if number}
        thinking = {"reasoning_tokens": self.reasoning_tokens} if self.reasoning_tokens else {}
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
            **({"prompt_tokens_details": details} if details else {}),
            **({"completion_tokens_details": thinking} if thinking else {}),
        }


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
        form: what `response_format` asked for.
    """

    choices: Tuple[Choice, ...]
    id: str = ""
    model: str = ""
    created: int = 0
    usage: Optional[Usage] = None
    credits_consumed: Optional[Decimal] = None
    cost: Optional[CostEstimate] = None
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)
    form: Optional[AnswerForm] = field(default=None, compare=False, repr=False)

    @cached_property
    def parsed(self) -> Any:
        """The object that `response_format` asked for; None where it asked for none, or tools are called first.

        Raises:
            KieAnswerError: the text does not fit. It is paid, and stays in `text`.
        """
        if self.form is None or (self.tool_calls and not self.text):
            return None
        try:
            return self.form.read(self.text)
        except ValueError as error:
            raise KieAnswerError(_misfit(self, error), completion=self, model=self.model) from error

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
        return not self.text and not self.tool_calls

    @property
    def message(self) -> ChatMessage:
        """The answer as a message, to be put behind the others."""
        return self.choices[0].message

    @property
    def tool_calls(self) -> Tuple[Mapping[str, Any], ...]:
        """The tools that the model wants called."""
        return self.choices[0].message.tool_calls

    @property
    def unexplained_credits(self) -> Optional[Decimal]:
        """What the platform took beyond the catalog's price for the tokens used; None where one of them is unknown.

        Less than 0.01 either way is the platform's rounding, and counts as 0.
        """
        return unexplained(self.credits_consumed, self.cost)

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
            "usage": self.usage.to_dict() if self.usage else None,
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
        """In OpenAI's form; amounts are text."""
        choice = self.choices[0]
        delta = {
            "role": choice.delta.role,
            "content": choice.delta.content,
            "reasoning_content": choice.delta.reasoning_content,
            "tool_calls": [dict(call) for call in choice.delta.tool_calls] or None,
        }
        said = {name: value for name, value in delta.items() if value is not None}
        told = {
            "usage": self.usage.to_dict() if self.usage else None,
            "credits_consumed": None if self.credits_consumed is None else str(self.credits_consumed),
        }
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "model": self.model,
            "choices": [{"index": choice.index, "delta": said, "finish_reason": choice.finish_reason}],
            **{name: value for name, value in told.items() if value is not None},
        }


def unexplained(consumed: Optional[Decimal], cost: Optional[CostEstimate]) -> Optional[Decimal]:
    """The credits that were taken beyond a price; see `ChatCompletion.unexplained_credits`."""
    if consumed is None or cost is None or cost.platform_credits is None:
        return None
    difference = consumed - cost.platform_credits
    return Decimal(0) if abs(difference) < _ROUNDING else difference


def unexplained_warning(model: str, consumed: Decimal, cost: CostEstimate, source: str) -> str:
    """What to say where the platform took another sum than the catalog says."""
    return (
        f"{model}: the platform took {consumed:f} credits, and by the catalog the tokens used cost "
        f"{cost.platform_credits or 0:f}; the price may have changed since it was read ({source})"
    )


def _misfit(completion: ChatCompletion, why: ValueError) -> str:
    """What to say of an answer that is not in the form that was asked for."""
    reason = completion.finish_reason
    hint = "; it ends at its limit of length: raise max_tokens" if reason == "length" else ""
    hint = f"; it was stopped ({reason})" if reason == "content_filter" else hint
    return (
        f"{completion.model}: the answer does not fit response_format: {why}{hint}. "
        "It is paid, and stays in .text (.completion.text of this error)"
    )


def empty_answer(model: str, reason: Optional[str], consumed: Optional[Decimal], cost: CostEstimate) -> str:
    """What to say of an answer with nothing in it: hidden thoughts are charged (10,000 tokens of them were seen)."""
    known = "what it cost was not told"
    if consumed is not None:
        known = f"the platform took {consumed:f} credits"
    elif cost.credits is not None:
        known = f"its price is {cost.credits:f} credits"
    return f"{model}: the answer is empty (finish reason: {reason or 'none'}), and is charged all the same; {known}"
