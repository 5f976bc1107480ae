"""The shapes through the client: what the codec and the stream make of an answer together."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List

import pytest
from turns import called, models, said
from wire import Script, answer, client, event, pieces

from kie_sync.completions import Usage
from kie_sync.errors import KieOutcomeUnknownError, KieRateLimitError, KieStreamError

CLAUDE, GEMINI = "test/anthropic", "test/gemini"
HI = [said("user", "hi")]


def kie(script: Script, **settings: Any) -> Any:
    return client(script, catalog=models(), **settings)


def claude(*more: Any) -> List[bytes]:
    """A stream of Anthropic's up to its text, and what follows."""
    usage = {"input_tokens": 600, "output_tokens": 1}
    begun = [
        {"type": "message_start", "message": {"id": "msg_1", "model": "x-1", "usage": usage}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi "}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "there"}},
    ]
    return [event(each, each["type"]) for each in [*begun, *more]]


STOPPED = [
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 57}},
]
OVER = {"type": "message_stop", "credits_consumed": 0.1}


def gemini(text: str, **more: Any) -> Any:
    usage = {"promptTokenCount": 600, "candidatesTokenCount": 57, "totalTokenCount": 657}
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, **more}
    return {"candidates": [candidate], "responseId": "r-1", "usageMetadata": usage}


def test_a_stream_of_anthropics() -> None:
    script = Script(pieces(claude(*STOPPED, OVER, {"type": "error", "error": {"message": "too late"}})))

    found = kie(script).chat_completions_stream(CLAUDE, HI)
    texts = [chunk.choices[0].delta.content for chunk in found]

    assert [text for text in texts if text] == ["Hi ", "there"]
    assert (found.usage, found.finish_reason, found.credits_consumed) == (Usage(600, 57, 657), "stop", Decimal("0.1"))
    assert found.cost.platform_credits == Decimal("0.0885")
    assert found.completion.message.native["content"] == [{"type": "text", "text": "Hi there"}]
    assert script.requests[0].json == {"model": CLAUDE, "messages": HI, "stream": True}
    assert script.requests[0].url == "https://api.kie.ai/claude/v1/messages"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "the stream ended without a finish reason and without its end mark"),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}], "Overloaded"),
        ([{"code": 500, "msg": "The server is currently being maintained"}], "being maintained"),
    ],
)
def test_a_stream_of_anthropics_that_fails(more: Any, message: str) -> None:
    found = kie(Script(pieces([*claude(), *(event(each) for each in more)]))).chat_completions_stream(CLAUDE, HI)

    with pytest.raises(KieStreamError, match=message) as caught:
        list(found)

    assert (caught.value.partial, caught.value.usage) == ("Hi there", Usage(600, 1, 601))
    assert caught.value.cost is not None and caught.value.cost.credits is None


def test_a_whole_answer_where_a_stream_was_asked_for() -> None:
    whole = {"content": [{"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Paris"}}]}
    script = Script({**whole, "stop_reason": "tool_use", "usage": {"input_tokens": 600, "output_tokens": 57}})

    found = kie(Script(pieces([answer(script.answers[0]).body]))).chat_completions_stream(CLAUDE, HI)
    list(found)

    assert found.completion.tool_calls == (called("a"),)
    assert kie(script).chat_completions(CLAUDE, HI).message.native == found.completion.message.native


def test_a_stream_of_geminis() -> None:
    chunks = [gemini("Hi "), gemini("there"), {**gemini("", finishReason="STOP"), "credits_consumed": 0.1}]
    script = Script(pieces([event(each) for each in chunks]))

    found = kie(script).chat_completions_stream(GEMINI, HI)

    assert [chunk.choices[0].delta.content for chunk in found] == ["Hi ", "there", None]
    assert (found.text, found.usage, found.finish_reason) == ("Hi there", Usage(600, 57, 657), "stop")
    assert script.requests[0].url == "https://api.kie.ai/gemini/v1/models/test/gemini:streamGenerateContent"
    assert script.requests[0].json == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "stream": True}


def test_a_blocked_prompt_is_said() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8}}

    found = kie(Script(pieces([event(blocked)]))).chat_completions_stream(GEMINI, HI)

    assert [chunk.choices[0].finish_reason for chunk in found] == ["content_filter"]
    assert (found.is_empty, found.completion.finish_reason) == (True, "content_filter")


@pytest.mark.parametrize("more", [[], [{"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}]])
def test_a_stream_of_geminis_that_fails(more: Any) -> None:
    sent = [event(each) for each in [gemini("Hi"), *more]]

    with pytest.raises(KieStreamError) as caught:
        list(kie(Script(pieces(sent))).chat_completions_stream(GEMINI, HI))

    assert caught.value.partial == "Hi"


LIST = [gemini("Hi "), gemini("there", finishReason="STOP")]


def test_geminis_answer_may_be_a_list() -> None:
    whole = kie(Script(answer(LIST))).chat_completions(GEMINI, HI)
    stream = kie(Script(pieces([answer(LIST).body]))).chat_completions_stream(GEMINI, HI)

    assert (whole.text, "".join(chunk.choices[0].delta.content for chunk in stream)) == ("Hi there", "Hi there")
    assert whole.raw == {"pieces": LIST}


@pytest.mark.parametrize("raw", [[], [7], ["x"], {}, {"candidates": []}])
def test_an_answer_without_an_answer_is_an_unknown_outcome(raw: Any) -> None:
    with pytest.raises(KieOutcomeUnknownError):
        kie(Script(answer(raw))).chat_completions(GEMINI, HI)


@pytest.mark.parametrize("model", [CLAUDE, GEMINI])
def test_a_call_that_does_not_stream_waits_as_long_as_a_chat(model: str) -> None:
    """A body without messages was taken for a new task's."""
    script = Script({**gemini("a"), "content": [{"type": "text", "text": "a"}]})

    kie(script, timeout_s=7, chat_timeout_s=70).chat_completions(model, HI)

    assert script.timeouts[0][1] == 70


def test_a_limit_of_new_tasks_is_no_chats(clock: Any) -> None:
    script = Script(answer({"code": 429, "msg": "slow down"}))

    with pytest.raises(KieRateLimitError) as caught:
        kie(script, clock=clock).chat_completions(GEMINI, HI)

    assert "new tasks" not in str(caught.value)
