from __future__ import annotations

from typing import Any

import pytest

from kie_sync.completions import Usage
from kie_sync.shapes.anthropic_messages import parse_completion

MODEL = "test/anthropic"


def text(words: str) -> Any:
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause_turn"),
        ("NEW_WORD", "new_word"),
        (None, None),
        (7, None),
    ],
)
def test_why_it_ends(stop: Any, finish: Any) -> None:
    assert parse_completion({"content": [text("a")], "stop_reason": stop}, model="m").finish_reason == finish


SPLIT = {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"input_tokens": 5, "output_tokens": 3}, Usage(5, 3, 8)),
        ({"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 100}, Usage(105, 3, 108, 100)),
        ({"input_tokens": 5, "output_tokens": 3, "cache_creation_input_tokens": 30}, Usage(35, 3, 38, 0, 30)),
        (
            {"input_tokens": 5, "output_tokens": 3, "cache_creation_input_tokens": 30, "cache_creation": SPLIT},
            Usage(35, 3, 38, 0, 20, 10),
        ),
        (
            {"input_tokens": 5, "output_tokens": 3, "cache_creation_input_tokens": 8, "cache_creation": SPLIT},
            Usage(13, 3, 16, 0, 0, 8),
        ),
        ({"input_tokens": 5, "output_tokens": 3, "cache_creation": SPLIT}, Usage(35, 3, 38, 0, 20, 10)),
        ({"input_tokens": 0, "output_tokens": 0}, Usage(0, 0, 0)),
        ({"output_tokens": 3}, None),
        ({"input_tokens": 5}, None),
        ({"input_tokens": "5", "output_tokens": 3}, None),
        (None, None),
    ],
)
def test_all_input_counts_and_half_of_the_counts_is_none(raw: Any, usage: Any) -> None:
    assert parse_completion({"content": [text("a")], "usage": raw}, model="m").usage == usage


def test_tokens_of_thoughts_are_among_the_output() -> None:
    raw = {"input_tokens": 5, "output_tokens": 30, "output_tokens_details": {"thinking_tokens": 20}}

    usage = parse_completion({"content": [text("a")], "usage": raw}, model="m").usage

    assert usage is not None and (usage.completion_tokens, usage.reasoning_tokens) == (30, 20)
    assert usage.quantities == {"input_tokens": 5, "output_tokens": 30}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ({"content": [text("a"), text("b"), 7, {"type": "text", "text": 7}], "stop_reason": "end_turn"}, ("ab", 0)),
        ({"content": [], "stop_reason": "end_turn"}, ("", 0)),
        ({"content": None, "stop_reason": "refusal"}, ("", 0)),
        ({"content": [{"type": "tool_use", "id": 7, "name": None, "input": "x"}]}, ("", 1)),
        ({"content": [{"type": "new_kind", "text": "not shown"}]}, ("", 0)),
    ],
)
def test_odd_fields_do_no_harm(raw: Any, found: Any) -> None:
    answer = parse_completion(raw, model="m")

    assert (answer.text, len(answer.tool_calls)) == found


def test_an_empty_text_does_not_go_back() -> None:
    """The API refuses it, also where it is its own."""
    found = parse_completion({"content": [text(""), text("a")], "stop_reason": "end_turn"}, model=MODEL)

    assert found.message.native == {"shape": "anthropic-messages", "model": MODEL, "content": [text("a")]}
    assert parse_completion({"content": [text("")], "stop_reason": "end_turn"}, model=MODEL).message.native is None


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "x",
        {},
        {"content": []},
        {"content": "x"},
        {"content": [7]},
        {"code": 200, "msg": "success", "data": None},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
    ids=repr,
)
def test_no_answer_is_a_value_error(raw: Any) -> None:
    with pytest.raises(ValueError):
        parse_completion(raw, model="m")
