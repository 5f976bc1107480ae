from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any

import pytest

from kie_sync.completions import ChatCompletion, ChatCompletionChunk, Choice, ChunkChoice, Delta, Usage
from kie_sync.messages import ChatMessage
from kie_sync.shapes.chat_completions import Reader, parse_chunk, parse_completion, parse_usage

WHOLE = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 115},
    "credits_consumed": 0.01,
}


def whole(**message: Any) -> Any:
    return {"choices": [{"finish_reason": "stop", "message": message}]}


def test_a_whole_answer() -> None:
    found = parse_completion(WHOLE, model="m")

    assert found == ChatCompletion(
        (Choice(ChatMessage("assistant", "Hi"), 0, "stop"),), "chatcmpl-1", "m", 7, Usage(8, 1, 115), Decimal("0.01")
    )
    assert (found.text, found.reasoning_content, found.raw) == ("Hi", None, WHOLE)
    assert json.loads(json.dumps(found.to_dict()))["usage"] == WHOLE["usage"]
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "a"}, "a"),
        ({"content": None}, ""),
        ({}, ""),
        ({"content": 7}, ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, {"type": "image_url"}, "x"]}, "ab"),
        ({"content": [{"text": None}]}, ""),
    ],
)
def test_the_text_is_text_whatever_came(message: Any, text: str) -> None:
    found = parse_completion(whole(**message), model="m")

    assert found.text == text
    json.dumps(found.to_dict())


def test_thoughts_and_calls() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}

    found = parse_completion(whole(reasoning_content="hm", tool_calls=[call, "x"]), model="m")

    assert (found.reasoning_content, found.choices[0].message.tool_calls) == ("hm", (call,))
    assert found.choices[0].message.to_dict() == {"role": "assistant", "tool_calls": [call]}


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{}]},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": ""}}]},
    ],
    ids=json.dumps,
)
def test_no_answer_is_a_value_error(raw: Any) -> None:
    with pytest.raises(ValueError):
        parse_completion(raw, model="m")


def test_odd_fields_do_no_harm() -> None:
    raw = {"id": 7, "created": "x", "choices": ["x", {"index": None, "finish_reason": 3, "message": {"content": "a"}}]}

    found = parse_completion(raw, model="m")

    assert (found.id, found.created, found.choices[0].index, found.choices[0].finish_reason) == ("7", 0, 0, None)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"prompt_tokens": 8, "completion_tokens": 1, "total_tokens": 115}, Usage(8, 1, 115)),
        ({"prompt_tokens": 8, "completion_tokens": 1}, Usage(8, 1, 9)),
        ({"prompt_tokens": 8, "total_tokens": 8}, Usage(8, 0, 8)),
        ({"completion_tokens": 3, "total_tokens": 11}, Usage(8, 3, 11)),
        ({"prompt_tokens": 8.0, "completion_tokens": 1.0}, Usage(8, 1, 9)),
        ({"prompt_tokens": 8}, None),
        ({"completion_tokens": 1}, None),
        ({"prompt_tokens": -5, "completion_tokens": 1}, None),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "prompt_tokens_details": {"cache_write_tokens": 4}},
            Usage(9, 1, 10, cache_write_tokens=4),
        ),
        (Usage(9, 1, 10, 1, 2, 3, 2).to_dict(), Usage(9, 1, 10, 1, 2, 3, 2)),
        ({}, None),
        ({"total_tokens": 9}, None),
        ({"prompt_tokens": True}, None),
        (None, None),
        ([], None),
        ({"prompt_tokens": float("inf"), "completion_tokens": None}, None),
    ],
)
def test_tokens_are_counted_or_unknown_but_never_a_silent_nought(raw: Any, usage: Any) -> None:
    """Counts as floats, or an empty usage, gave a price of nothing."""
    assert parse_usage(raw) == usage


@pytest.mark.parametrize(
    ("raw", "chunk"),
    [
        (
            {"choices": [{"delta": {"role": "assistant", "content": ""}, "index": 0}], "id": "c", "model": "x"},
            ChatCompletionChunk((ChunkChoice(Delta("assistant", "")),), "c", "x"),
        ),
        (
            {"choices": [{"delta": {"reasoning_content": "hm"}}]},
            ChatCompletionChunk((ChunkChoice(Delta(None, None, "hm")),), "", "m"),
        ),
        (
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
            ChatCompletionChunk((ChunkChoice(finish_reason="stop"),), "", "m"),
        ),
        (
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}, "credits_consumed": 0.5},
            ChatCompletionChunk((ChunkChoice(),), "", "m", Usage(1, 2, 3), Decimal("0.5")),
        ),
        ({"choices": [None]}, ChatCompletionChunk((ChunkChoice(),), "", "m")),
        ({"choices": [{"delta": None}]}, ChatCompletionChunk((ChunkChoice(),), "", "m")),
        (
            {"choices": [{"delta": {"content": 7, "role": 3, "reasoning_content": []}}]},
            ChatCompletionChunk((ChunkChoice(),), "", "m"),
        ),
        ({}, ChatCompletionChunk((ChunkChoice(),), "", "m")),
    ],
)
def test_a_piece_has_one_choice_whatever_came(raw: Any, chunk: Any) -> None:
    found = parse_chunk(raw, model="m")

    assert found == chunk
    assert (found.raw, pickle.loads(pickle.dumps(found))) == (raw, found)


def test_a_refusal_is_an_answer() -> None:
    """OpenAI's models give it in a field of its own, with no content: that looked like an empty answer."""
    said = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    found = parse_completion({"choices": [{"message": said, "finish_reason": "stop"}]}, model="m")
    reader = Reader(model="m")
    deltas = [{"role": "assistant", "content": "", "refusal": None}, {"refusal": "I cannot "}, {"refusal": "help."}]
    events = [{"choices": [{"delta": delta}]} for delta in deltas] + [{"choices": [{"finish_reason": "stop"}]}]
    chunks = [chunk for each in events for chunk in reader.read("", each)]

    assert (found.text, found.finish_reason) == ("I cannot help with that.", "content_filter")
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "I cannot help."
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_a_piece_whose_content_is_in_parts() -> None:
    delta = {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}

    assert parse_chunk({"choices": [{"delta": delta}]}, model="m").choices[0].delta.content == "ab"
