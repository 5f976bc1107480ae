"""What goes wrong on request, on every shape of chat: whole and streamed, by header and in the prompt."""

from __future__ import annotations

import json
import time

import pytest
import requests
from shapecalls import CHAT, CLAUDE, GEMINI, GPT, PATHS, SHAPES, body, calling, events

TOOLS = {
    CHAT: [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
    CLAUDE: [{"name": "weather", "input_schema": {"type": "object"}}],
    GPT: [{"type": "function", "name": "weather", "parameters": {"type": "object"}}],
    GEMINI: [{"functionDeclarations": [{"name": "weather"}]}],
}


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


def text_in(shape, told):
    """The text that these events of a stream carry."""
    if shape == CHAT:
        deltas = [choice["delta"] for event in told if event != "[DONE]" for choice in event.get("choices", [])]
        return "".join(delta.get("content") or "" for delta in deltas)
    if shape == CLAUDE:
        return "".join(event["delta"].get("text", "") for event in told if event["type"] == "content_block_delta")
    if shape == GPT:
        return "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    parts = [part for event in told for one in event.get("candidates", []) for part in one["content"]["parts"]]
    return "".join(part.get("text", "") for part in parts)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ("event-error", {"type": "error", "error": {"type": "upstream_error", "message": "Upstream generation error"}}),
        ("server-error", {"type": "server_error", "message": "The server is currently being maintained"}),
    ],
)
def test_kies_errors_come_in_the_middle(caller, shape, fault, last):
    whole = text_in(shape, caller.events(shape, "Tell me"))
    answer = caller.ask(shape, f"Tell me [[fault:{fault}]]")
    parts = answer.content.decode().split("\n\n")
    told = events_without_names(parts)

    assert told[-1] == last
    assert parts[-2].startswith("event: error\ndata: " if fault == "event-error" else "data: ")
    cut = text_in(shape, told[:-1])
    assert whole.startswith(cut) and 0 < len(cut) < len(whole)


def events_without_names(parts):
    return [json.loads(part.split("data: ", 1)[1]) for part in parts if part]


FAILED = "The server had an error while processing your request. Sorry about that!"
MAKERS = {
    CHAT: {
        "error": {
            "message": "The server had an error while processing your request.",
            "type": "server_error",
            "code": None,
            "param": None,
        }
    },
    CLAUDE: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    GPT: {"type": "error", "code": "server_error", "message": FAILED, "param": None},
    GEMINI: {
        "error": {"code": 503, "message": "The model is overloaded. Please try again later.", "status": "UNAVAILABLE"}
    },
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("fault", ["maker-error", "failed"])
def test_the_makers_errors_come_in_the_middle(caller, shape, fault):
    *before, last = caller.events(shape, f"Tell me [[fault:{fault}]]")

    assert 0 < len(text_in(shape, before)) < 100
    if shape != GPT:
        assert last == MAKERS[shape]
    elif fault == "maker-error":
        assert last == {**MAKERS[GPT], "sequence_number": len(before)}
    else:
        response = last["response"]
        assert (last["type"], last["sequence_number"]) == ("response.failed", len(before))
        assert (response["status"], response["usage"]) == ("failed", None)
        assert response["error"] == {"code": "server_error", "message": FAILED}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_whole_answer_can_fail(caller, shape):
    before = caller.sandbox.balance
    answer = caller.whole(shape, "Tell me [[fault:failed]]")

    if shape == GPT:
        assert (answer["status"], answer["output"], answer["error"]["code"]) == ("failed", [], "server_error")
    else:
        assert answer == {"code": 500, "msg": FAILED}
        assert caller.sandbox.balance == before


ENDS = {
    CHAT: lambda event: event == "[DONE]" or event["choices"][:1] == [] or "finish_reason" in event["choices"][0],
    CLAUDE: lambda event: event["type"] in ("content_block_stop", "message_delta", "message_stop"),
    GPT: lambda event: event["type"].endswith((".done", ".completed")) and "reasoning" not in str(event),
    GEMINI: lambda event: "finishReason" in event["candidates"][0],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_can_end_without_a_word(caller, shape):
    whole = caller.events(shape, "Tell me")
    told = caller.events(shape, "Tell me [[fault:silent-close]]")

    assert any(ENDS[shape](event) for event in whole)
    assert not any(ENDS[shape](event) for event in told)
    assert text_in(shape, told) == text_in(shape, whole)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("question", ["Tell me", "weather in Oslo"], ids=["text", "call"])
def test_a_stream_can_break_off(caller, shape, question):
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = caller.ask(shape, f"{question} [[fault:cut]]", tools=TOOLS[shape]).content


@pytest.mark.parametrize("shape", SHAPES)
def test_a_stream_can_stall_and_be_slow(caller, shape):
    for fault in ("stall=0.3", "slow=0.3"):
        began = time.monotonic()
        _ = caller.ask(shape, "2+2?", fault=fault).content
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("shape", SHAPES)
def test_a_request_can_set_the_pace(caller, shape):
    answer = caller.ask(shape, "2+2?", fault="pace=0.03")
    count = len(events(answer))

    began = time.monotonic()
    _ = caller.ask(shape, "2+2?", fault="pace=0.03").content
    assert time.monotonic() - began >= 0.03 * (count - 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_event_leaves_by_itself(caller, shape):
    """One chunk of HTTP for each event, so that nobody measures the sandbox's own hold-back."""
    url = caller.sandbox.url + PATHS[shape]
    with caller.session.post(url, json=body(shape, "Tell me"), stream=True, timeout=10) as answer:
        chunks = list(answer.raw.read_chunked())

    assert all(chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1 for chunk in chunks)
    assert len(chunks) > 8


@pytest.mark.parametrize("shape", SHAPES)
def test_the_answer_can_come_in_one_piece(caller, shape):
    whole = caller.events(shape, "Tell me")
    told = caller.events(shape, "Tell me [[fault:one-delta]]")

    assert text_in(shape, told) == text_in(shape, whole)
    assert len(told) == len(whole) - 7


@pytest.mark.parametrize("shape", SHAPES)
def test_usage_can_be_missing(caller, shape):
    for stream in (True, False):
        text = caller.ask(shape, "hi [[fault:no-usage]]", stream=stream).text
        told = text.replace('"usage":null', "")
        assert '"usage"' not in told and "usageMetadata" not in told and "credits_consumed" not in told


@pytest.mark.parametrize("shape", SHAPES)
def test_an_empty_answer_is_charged(caller, shape):
    told = caller.events(shape, "hi [[fault:empty]]")
    whole = caller.whole(shape, "hi [[fault:empty]]")

    assert text_in(shape, told) == ""
    # 9,000 tokens of hidden thinking, at 50,000 credits a million.
    assert whole["credits_consumed"] > 400


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
def test_an_envelope_or_a_page_can_come_instead(caller, shape, stream):
    envelope = caller.ask(shape, "hi [[fault:envelope=402]]", stream=stream)
    page = caller.ask(shape, "hi [[fault:html=502]]", stream=stream)

    assert (envelope.status_code, envelope.json()["code"]) == (200, 402)
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html; charset=UTF-8")


@pytest.mark.parametrize(
    ("shape", "place"),
    [
        (CHAT, lambda whole: whole["choices"][0]["finish_reason"] == "content_filter"),
        (CLAUDE, lambda whole: (whole["stop_reason"], whole["content"]) == ("refusal", [])),
        (GPT, lambda whole: whole["incomplete_details"] == {"reason": "content_filter"}),
        (
            GEMINI,
            lambda whole: (
                whole["promptFeedback"] == {"blockReason": "PROHIBITED_CONTENT"} and "candidates" not in whole
            ),
        ),
    ],
    ids=SHAPES,
)
def test_the_makers_filter_can_block(caller, shape, place):
    assert place(caller.whole(shape, "hi [[fault:blocked]]"))
    assert text_in(shape, caller.events(shape, "hi [[fault:blocked]]")) == ""


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fault_lasts_over_the_answer_of_a_function(caller, shape):
    """The user's last words count, not what a function answered since."""
    sent = {
        CHAT: {
            "messages": [
                {"role": "user", "content": "weather [[fault:envelope=402]]"},
                {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "weather"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "12"},
            ]
        },
        CLAUDE: {
            "model": "test-claude",
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "weather [[fault:envelope=402]]"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "weather", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "12"}]},
            ],
        },
        GPT: {
            "model": "test-gpt",
            "input": [
                {"role": "user", "content": "weather [[fault:envelope=402]]"},
                {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": "12"},
            ],
        },
        GEMINI: {
            "contents": [
                {"role": "user", "parts": [{"text": "weather [[fault:envelope=402]]"}]},
                {"role": "model", "parts": [{"functionCall": {"id": "a", "name": "weather"}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {}}}]},
            ]
        },
    }[shape]

    assert caller.post(shape, sent, timeout=10).json()["code"] == 402
