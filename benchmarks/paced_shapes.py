"""A paced answer in the wire form of each shape of chat: what comes before its pieces, a piece, and what ends it.

A further shape is a function in `SHAPES` and the end of its path in `PATHS`.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, NamedTuple, Optional


class Answer(NamedTuple):
    """Server-sent events: `piece` makes one of text, `ending` those after the last, given the whole text."""

    opening: List[bytes]
    piece: Callable[[str], bytes]
    ending: Callable[[str], List[bytes]]


def event(data: Any, name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


def chat_completions() -> Answer:
    about = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: Any, reason: Optional[str] = None) -> bytes:
        return event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    usage = {"prompt_tokens": 10, "completion_tokens": 100, "total_tokens": 110}
    last = event({**about, "choices": [], "usage": usage, "credits_consumed": 0.5})
    return Answer(
        [chunk({"role": "assistant", "content": ""})],
        lambda text: chunk({"content": text}),
        lambda text: [chunk({}, "stop"), last, event("[DONE]")],
    )


def anthropic_messages() -> Answer:
    def typed(kind: str, **data: Any) -> bytes:
        return event({"type": kind, **data}, kind)

    usage = {"input_tokens": 10, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    return Answer(
        [
            typed("message_start", message=message),
            typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            typed("ping"),
        ],
        lambda text: typed("content_block_delta", index=0, delta={"type": "text_delta", "text": text}),
        lambda text: [
            typed("content_block_stop", index=0),
            typed("message_delta", delta=stop, usage={"output_tokens": 100}, credits_consumed=0.5),
            typed("message_stop"),
        ],
    )


def openai_responses() -> Answer:
    numbers = iter(range(1_000_000))

    def typed(kind: str, **data: Any) -> bytes:
        return event({"type": kind, "sequence_number": next(numbers), **data}, kind)

    response = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}

    def item(text: str) -> Any:
        parts = [{"type": "output_text", "text": text, "annotations": []}] if text else []
        return {"id": "msg_1", "type": "message", "role": "assistant", "content": parts}

    def ending(text: str) -> List[bytes]:
        usage = {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110}
        whole = {**response, "status": "completed", "output": [item(text)], "usage": usage, "credits_consumed": 0.5}
        return [
            typed("response.output_text.done", **at, text=text),
            typed("response.output_item.done", output_index=0, item=item(text)),
            typed("response.completed", response=whole),
        ]

    return Answer(
        [
            typed("response.created", response={**response, "status": "in_progress"}),
            typed("response.output_item.added", output_index=0, item=item("")),
        ],
        lambda text: typed("response.output_text.delta", **at, delta=text),
        ending,
    )


def gemini_contents() -> Answer:
    def chunk(text: str, **more: Any) -> bytes:
        candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0, **more}
        usage = {"promptTokenCount": 10, "candidatesTokenCount": 100, "totalTokenCount": 110}
        about = {"usageMetadata": usage, "modelVersion": "m", "responseId": "r1", "credits_consumed": 0.5}
        return event({"candidates": [candidate], **about})

    return Answer([], chunk, lambda text: [chunk("", finishReason="STOP")])


SHAPES: Dict[str, Callable[[], Answer]] = {
    "chat-completions": chat_completions,
    "anthropic-messages": anthropic_messages,
    "openai-responses": openai_responses,
    "gemini-contents": gemini_contents,
}
PATHS = {
    "chat-completions": "/v1/chat/completions",
    "anthropic-messages": "/v1/messages",
    "openai-responses": "/v1/responses",
    "gemini-contents": ":streamGenerateContent",
}


def shape_of(path: str) -> str:
    """The shape that a path is of; "" for none."""
    return next((shape for shape, end in PATHS.items() if path.endswith(end)), "")
