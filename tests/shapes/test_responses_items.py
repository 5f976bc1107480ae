"""OpenAI's Responses: whole answers."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal
from typing import Any, Dict

import pytest

from kie_sync.completions import ChatCompletion, Choice, Usage
from kie_sync.messages import ChatMessage
from kie_sync.shapes.openai_responses import parse_completion

REASONING = {
    "id": "rs_1",
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "gAAA",
}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 60},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 15},
    "total_tokens": 120,
}
WHOLE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 7,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "my-model-2026",
    "output": [REASONING, ANSWER],
    "usage": USAGE,
    "credits_consumed": 0.25,
}


def test_a_whole_answer() -> None:
    found = parse_completion(WHOLE, model="m")

    assert found == ChatCompletion(
        (Choice(ChatMessage("assistant", "Hi", "hm"), 0, "stop"),),
        "resp_1",
        "my-model-2026",
        7,
        Usage(100, 20, 120, cached_tokens=60),
        Decimal("0.25"),
    )
    assert found.usage is not None and found.usage.reasoning_tokens == 15
    assert found.usage.quantities == {"input_tokens": 40, "cached_input_tokens": 60, "output_tokens": 20}
    assert found.message.native == {"shape": "openai-responses", "model": "m", "content": [REASONING, ANSWER]}
    assert found.raw == WHOLE and pickle.loads(pickle.dumps(found)) == found
    json.dumps(found.message.to_dict())


def call(id: str = "call_1", name: str = "add", arguments: str = '{"a": 1}') -> Dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def call_item(call_id: Any = "call_1", name: str = "add", arguments: str = '{"a": 1}', **more: Any) -> Dict[str, Any]:
    return {"type": "function_call", **more, "call_id": call_id, "name": name, "arguments": arguments}


def message(*parts: Any) -> Dict[str, Any]:
    return {"type": "message", "content": list(parts)}


def output_text(said: Any) -> Dict[str, Any]:
    return {"type": "output_text", "text": said}


def thought(*summary: Any, content: Any = ()) -> Dict[str, Any]:
    return {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": each} for each in summary],
        "content": [{"type": "reasoning_text", "text": each} for each in content],
    }


EMPTY = ChatMessage("assistant", "")


@pytest.mark.parametrize(
    ("output", "said", "finish"),
    [
        (
            [message(output_text("a"), output_text("b")), message(output_text("c"))],
            ChatMessage("assistant", "abc"),
            "stop",
        ),
        ([call_item(id="fc_1")], ChatMessage("assistant", None, tool_calls=(call(),)), "tool_calls"),
        (
            [message(output_text("So:")), call_item(), call_item("call_2", "mul", "{}")],
            ChatMessage("assistant", "So:", tool_calls=(call(), call("call_2", "mul", "{}"))),
            "tool_calls",
        ),
        ([call_item("", id="fc_1")], ChatMessage("assistant", None, tool_calls=(call("fc_1"),)), "tool_calls"),
        ([message({"type": "refusal", "refusal": "No."})], ChatMessage("assistant", "No."), "content_filter"),
        ([thought("a", "", "b", content=["c"])], ChatMessage("assistant", "", "a\n\nb\n\nc"), "stop"),
        ([thought(content=["c"]), thought("d")], ChatMessage("assistant", "", "c\n\nd"), "stop"),
        ([{"type": "web_search_call", "id": "ws_1"}, message(output_text("a"))], ChatMessage("assistant", "a"), "stop"),
        ([], EMPTY, "stop"),
        # whatever came
        (["x", None, {"type": "message"}, {"type": 7}, {}], EMPTY, "stop"),
        (
            [message("x", output_text(7), {"type": "output_text"}, {"type": "refusal"})],
            ChatMessage("assistant", ""),
            "stop",
        ),
        (
            [{"type": "message", "content": "a"}, {"type": "reasoning", "summary": {}}],
            ChatMessage("assistant", ""),
            "stop",
        ),
        (
            [{"type": "function_call", "name": 7, "arguments": {"a": 1}}],
            ChatMessage("assistant", None, tool_calls=(call("", "", ""),)),
            "tool_calls",
        ),
    ],
)
def test_what_an_output_says(output: Any, said: ChatMessage, finish: str) -> None:
    found = parse_completion({"status": "completed", "output": output}, model="m")

    assert (found.message, found.finish_reason, found.model) == (said, finish, "m")


@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("completed", None, "stop"),
        (None, None, "stop"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "content_filter"),
        ("incomplete", {"reason": "Other"}, "other"),
        ("incomplete", None, "incomplete"),
        ("incomplete", {"reason": 7}, "incomplete"),
        ("in_progress", None, None),
        (7, None, "stop"),
    ],
)
def test_why_it_ends(status: Any, details: Any, finish: Any) -> None:
    raw = {**WHOLE, "status": status, "incomplete_details": details}

    assert parse_completion(raw, model="m").finish_reason == finish


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "no output"),
        ([], "no output"),
        ({}, "no output"),
        ({"output": None}, "no output"),
        ({"output": {}, "status": "completed"}, "no output"),
        ({"output": [], "status": "in_progress"}, "without text"),
        ({"output": [], "status": "failed", "error": {"code": "x", "message": "down"}}, "the answer failed: down"),
        ({"output": [ANSWER], "status": "failed", "error": "x"}, "the answer failed: x"),
        ({"output": [ANSWER], "status": "failed", "error": 7}, "the answer failed: the platform gave no reason"),
        ({"output": [], "status": "cancelled"}, "the answer cancelled"),
    ],
)
def test_no_answer_is_a_value_error(raw: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_completion(raw, model="m")


def test_odd_fields_do_no_harm() -> None:
    found = parse_completion({**WHOLE, "id": 7, "model": None, "created_at": "x", "credits_consumed": "y"}, model="m")

    assert (found.id, found.model, found.created, found.credits_consumed) == ("7", "m", 0, None)


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (USAGE, Usage(100, 20, 120, cached_tokens=60)),
        ({"input_tokens": 8, "output_tokens": 1}, Usage(8, 1, 9)),
        ({"input_tokens": 8, "total_tokens": 9}, Usage(8, 1, 9)),
        ({"output_tokens": 1, "total_tokens": 9}, Usage(8, 1, 9)),
        ({"input_tokens": 8.0, "output_tokens": 1, "input_tokens_details": None}, Usage(8, 1, 9)),
        ({"input_tokens": 8, "output_tokens": 1, "input_tokens_details": {"cached_tokens": -1}}, Usage(8, 1, 9)),
        (
            {
                "input_tokens": 8,
                "output_tokens": 1,
                "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 5},
            },
            Usage(8, 1, 9, cached_tokens=2, cache_write_tokens=5),
        ),
        ({"input_tokens": 8}, None),
        ({"output_tokens": 8}, None),
        ({"total_tokens": 9}, None),
        ({"input_tokens": True, "output_tokens": "1"}, None),
        ({}, None),
        ([], None),
        (None, None),
    ],
)
def test_tokens_are_counted_or_unknown_but_never_a_silent_nought(raw: Any, usage: Any) -> None:
    assert parse_completion({**WHOLE, "usage": raw}, model="m").usage == usage
