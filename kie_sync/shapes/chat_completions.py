"""OpenAI's chat completions: as KIE sends them (docs, market/gemini), and as Google's compatible endpoint does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Mapping, Optional

from ..completions import ChatCompletion, ChatCompletionChunk, Choice, ChunkChoice, Delta, Usage
from ..definitions import Model
from ..messages import ChatMessage, Content
from ..params import Arguments
from ..response import as_credits
from .body import split_arguments
from .reading import both_ways, count_in, object_in, objects_in, word_in

_REFUSED = "content_filter"


def build_body(model: Model, arguments: Arguments) -> Dict[str, Any]:
    """The body of a call; the conversation goes as it is."""
    placed, body = split_arguments(model, arguments)
    messages = [_without_native(message) for message in placed.get("messages") or ()]
    return {**body, **placed, "messages": messages}


def _without_native(message: Any) -> Any:
    if isinstance(message, Mapping):
        return {name: value for name, value in message.items() if name != "native"}
    return message


class Reader:
    """Reads a streamed answer; its end mark, `[DONE]`, is no event of JSON and is seen before."""

    native = None

    def __init__(self, *, model: str) -> None:
        self.is_over = self._is_refused = False
        self._model = model

    def read(self, event: str, data: Mapping[str, Any]) -> List[ChatCompletionChunk]:
        chunk = parse_chunk(data, model=self._model)
        choice = chunk.choices[0]
        self._is_refused = self._is_refused or bool(_refusal(object_in(_first(data).get("delta"))))
        if self._is_refused and choice.finish_reason == "stop":
            return [replace(chunk, choices=(replace(choice, finish_reason=_REFUSED),))]
        return [chunk]


def parse_usage(raw: Any) -> Optional[Usage]:
    """Token counts, where there are some."""
    counts = both_ways(raw, "prompt_tokens", "completion_tokens") if isinstance(raw, Mapping) else None
    if counts is None:
        return None
    details = object_in(raw.get("prompt_tokens_details"))
    return Usage(
        *counts,
        cached_tokens=count_in(details.get("cached_tokens")) or 0,
        cache_write_tokens=count_in(details.get("cache_write_tokens")) or 0,
        # No platform's word, but that of `Usage.to_dict`.
        cache_write_1h_tokens=count_in(details.get("cache_write_1h_tokens")) or 0,
        audio_tokens=count_in(details.get("audio_tokens")) or 0,
        reasoning_tokens=count_in(object_in(raw.get("completion_tokens_details")).get("reasoning_tokens")) or 0,
        raw=raw,
    )


def _refusal(said: Mapping[str, Any]) -> Optional[str]:
    """What a model says in place of an answer, in a field of its own."""
    return None if said.get("content") else word_in(said.get("refusal"))


def _first(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    return object_in(next(iter(objects_in(raw.get("choices"))), None))


def _content(value: Any) -> Content:
    """Text, or parts that are objects; None for what is neither."""
    if isinstance(value, list):
        return objects_in(value)
    return value if isinstance(value, str) else None


def parse_completion(raw: Any, *, model: str) -> ChatCompletion:
    """A whole answer.

    Raises:
        ValueError: there is no answer in it.
    """
    items = objects_in(object_in(raw).get("choices"))
    if not items:
        raise ValueError("no choices")
    choices = []
    for position, item in enumerate(items):
        message = object_in(item.get("message"))
        refusal, finish = _refusal(message), word_in(item.get("finish_reason"))
        choices.append(
            Choice(
                ChatMessage(
                    role=str(message.get("role") or "assistant"),
                    content=refusal or _content(message.get("content")),
                    reasoning_content=word_in(message.get("reasoning_content")),
                    tool_calls=tuple(objects_in(message.get("tool_calls"))),
                ),
                index=count_in(item.get("index", position)) or position,
                finish_reason=_REFUSED if refusal and finish == "stop" else finish,
            )
        )
    first = choices[0]
    if not (first.message.content or first.message.tool_calls or first.finish_reason):
        raise ValueError("an answer without text and without a finish reason")
    return ChatCompletion(
        choices=tuple(choices),
        id=str(raw.get("id") or ""),
        model=str(raw.get("model") or model),
        created=count_in(raw.get("created")) or 0,
        usage=parse_usage(raw.get("usage")),
        credits_consumed=as_credits(raw.get("credits_consumed")),
        raw=raw,
    )


def parse_chunk(raw: Mapping[str, Any], *, model: str) -> ChatCompletionChunk:
    """A piece of a streamed answer."""
    first = _first(raw)
    delta = object_in(first.get("delta"))
    content, thoughts = _refusal(delta) or delta.get("content"), delta.get("reasoning_content")
    if isinstance(content, list):
        content = "".join(word_in(part.get("text")) or "" for part in objects_in(content))
    return ChatCompletionChunk(
        choices=(
            ChunkChoice(
                Delta(
                    role=word_in(delta.get("role")),
                    content=content if isinstance(content, str) else None,
                    reasoning_content=thoughts if isinstance(thoughts, str) else None,
                    tool_calls=tuple(objects_in(delta.get("tool_calls"))),
                ),
                finish_reason=word_in(first.get("finish_reason")),
            ),
        ),
        id=str(raw.get("id") or ""),
        model=str(raw.get("model") or model),
        usage=parse_usage(raw.get("usage")),
        credits_consumed=as_credits(raw.get("credits_consumed")),
        raw=raw,
    )
