from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, List

import pytest
from test_completions import cost
from turns import assembled, called

from kie_sync.completions import ChatCompletion, ChatCompletionChunk, Choice, ChunkChoice, Delta, Usage
from kie_sync.messages import ChatMessage
from kie_sync.shapes import StreamFault
from kie_sync.shapes.gemini_contents import Reader, parse_completion

PRICE = cost("1")
USAGE = {"promptTokenCount": 252, "candidatesTokenCount": 18, "thoughtsTokenCount": 55, "totalTokenCount": 325}
# The parts that a stream brings, one list an event; some of them with a signature.
BROUGHT: List[List[Any]] = [
    [{"text": "h", "thought": True}],
    [{"text": "m", "thought": True}, {"text": "Let me "}],
    [{"text": "look."}],
    [{"text": "", "thoughtSignature": "c2ln"}],
    [{"functionCall": {"id": "a", "name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "Es8C"}],
    [{"functionCall": {"name": "clock"}}, {"text": ""}],
]
JOINED = [
    {"text": "hm", "thought": True},
    {"text": "Let me look."},
    *BROUGHT[3],
    *BROUGHT[4],
    {"functionCall": {"name": "clock"}},
]


def event(parts: Any = None, finish: Any = None, **more: Any) -> Any:
    candidate = {"content": {"role": "model", "parts": parts}, **({"finishReason": finish} if finish else {})}
    return {"candidates": [candidate], "responseId": "r-1", "modelVersion": "gemini-x-001", **more}


def whole(*parts: Any, finish: Any = "STOP", **more: Any) -> ChatCompletion:
    return parse_completion(event(list(parts), finish, **more), model="gemini-x")


EVENTS = [event(parts, usageMetadata={**USAGE, "candidatesTokenCount": at}) for at, parts in enumerate(BROUGHT)]
EVENTS += [event(None, "STOP", usageMetadata=USAGE, credits_consumed=0.01)]
EXPECTED = ChatCompletion(
    (
        Choice(
            ChatMessage("assistant", "Let me look.", "hm", (called("a"), called("call_r-1_1", "{}", "clock"))),
            0,
            "tool_calls",
        ),
    ),
    "r-1",
    "gemini-x-001",
    usage=Usage(252, 73, 325),
    credits_consumed=Decimal("0.01"),
)
NATIVE = {"shape": "gemini-contents", "model": "gemini-x", "content": JOINED}


def test_a_stream_in_googles_order() -> None:
    reader = Reader(model="gemini-x")

    found = assembled(reader, EVENTS, PRICE)

    assert (found, found.message.native) == (replace(EXPECTED, cost=PRICE), NATIVE)
    # There is no end mark; the stream is read to its end, for usage may come after the finish reason.
    assert not reader.is_over


@pytest.mark.parametrize("raw", [event(JOINED, "STOP", usageMetadata=USAGE, credits_consumed=0.01), EVENTS])
def test_a_whole_answer_and_one_that_comes_as_a_list(raw: Any) -> None:
    found = parse_completion(raw, model="gemini-x")

    assert (found, found.message.native) == (EXPECTED, NATIVE)
    assert found.raw == (raw if isinstance(raw, dict) else {"pieces": raw})


def test_each_event_says_what_it_adds() -> None:
    reader = Reader(model="gemini-x")

    found = [chunk for raw in (EVENTS[1], EVENTS[4], EVENTS[6]) for chunk in reader.read("", raw)]

    call = {"index": 0, **called("a")}
    deltas = [Delta("assistant", "Let me ", "m"), Delta(tool_calls=(call,)), Delta()]
    finishes = [None, None, "tool_calls"]
    usages = [Usage(252, 56, 325), Usage(252, 59, 325), Usage(252, 73, 325)]
    credits = [None, None, Decimal("0.01")]
    assert found == [
        ChatCompletionChunk((ChunkChoice(delta, 0, finish),), "r-1", "gemini-x-001", usage, told)
        for delta, finish, usage, told in zip(deltas, finishes, usages, credits)
    ]


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"),
        ("OTHER", "other"),
        ("FINISH_REASON_UNSPECIFIED", None),
        (7, None),
    ],
)
def test_why_it_ends(told: Any, finish: Any) -> None:
    assert whole({"text": "a"}, finish=told).finish_reason == finish


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "SAFETY"])
def test_a_call_in_an_answer_that_was_cut_is_not_why_it_ends(finish: str) -> None:
    assert whole({"functionCall": {"name": "f"}}, finish=finish).finish_reason in ("length", "content_filter")


BLOCKED = {
    "promptFeedback": {"blockReason": "OTHER"},
    "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
    "modelVersion": "gemini-x-001",
}


def test_a_prompt_that_was_blocked_is_not_a_silent_nothing() -> None:
    found = parse_completion(BLOCKED, model="gemini-x")
    streamed = assembled(Reader(model="gemini-x"), [BLOCKED], PRICE)

    message = ChatMessage("assistant", "")
    expected = ChatCompletion((Choice(message, 0, "content_filter"),), "", "gemini-x-001", usage=Usage(8, 0, 8))
    assert (found, streamed) == (expected, replace(expected, cost=PRICE))
    assert found.message.native is None


def test_a_word_about_the_prompt_beside_an_answer_blocks_nothing() -> None:
    assert whole({"text": "a"}, promptFeedback={"blockReason": "OTHER"}).finish_reason == "stop"


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        (USAGE, Usage(252, 73, 325)),
        ({"promptTokenCount": 8, "candidatesTokenCount": 2}, Usage(8, 2, 10)),
        # What is zero is left out.
        ({"promptTokenCount": 8, "totalTokenCount": 8}, Usage(8, 0, 8)),
        ({"promptTokenCount": 8, "thoughtsTokenCount": 5, "totalTokenCount": 13}, Usage(8, 5, 13)),
        ({"candidatesTokenCount": 2, "totalTokenCount": 10}, Usage(8, 2, 10)),
        ({"promptTokenCount": 8, "candidatesTokenCount": 2, "cachedContentTokenCount": 6}, Usage(8, 2, 10, 6)),
        # What tools of Google's read goes in as well.
        (
            {"promptTokenCount": 8, "toolUsePromptTokenCount": 30, "candidatesTokenCount": 2, "totalTokenCount": 40},
            Usage(38, 2, 40),
        ),
        ({"promptTokenCount": 8, "toolUsePromptTokenCount": 30, "totalTokenCount": 40}, Usage(38, 2, 40)),
        (
            {
                "promptTokenCount": 50,
                "candidatesTokenCount": 2,
                "cachedContentTokenCount": 20,
                "promptTokensDetails": [
                    {"modality": "TEXT", "tokenCount": 10},
                    {"modality": "AUDIO", "tokenCount": 40},
                ],
                "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 15}, "x"],
            },
            # Audio from the cache is cached, not audio a second time.
            Usage(50, 2, 52, 20, audio_tokens=25),
        ),
        ({"promptTokenCount": 8}, None),
        ({"candidatesTokenCount": 8}, None),
        ({"totalTokenCount": 8}, None),
        ({"promptTokenCount": "8", "candidatesTokenCount": True}, None),
        ({}, None),
        (None, None),
        ([], None),
    ],
)
def test_tokens_are_counted_or_unknown(raw: Any, usage: Any) -> None:
    assert whole({"text": "a"}, usageMetadata=raw).usage == usage


def test_tokens_of_thoughts_are_among_the_output() -> None:
    usage = whole({"text": "a"}, usageMetadata=USAGE).usage

    assert usage is not None and (usage.reasoning_tokens, usage.quantities["output_tokens"]) == (55, 73)


@pytest.mark.parametrize(
    ("answer_id", "ids"),
    [("xRS0aZC5_-x", ["call_xRS0aZC5_-x_0", "theirs", "call_xRS0aZC5_-x_2"]), ("", ["call_0", "theirs", "call_2"])],
)
def test_calls_without_an_id_get_one_that_other_makers_take(answer_id: str, ids: List[str]) -> None:
    parts = [{"functionCall": {"name": "f"}}, {"functionCall": {"id": "theirs"}}, {"functionCall": {"name": "f"}}]

    found = whole(*parts, responseId=answer_id)

    assert [call["id"] for call in found.tool_calls] == ids
    long = whole(*parts, responseId="ä/" * 9 + "x" * 90).tool_calls[2]["id"]
    assert long == "call_" + "x" * 24 + "_2" and len(long) <= 40


def test_the_answers_id_may_stand_in_its_first_event_only() -> None:
    later = {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}, "finishReason": "STOP"}]}

    found = assembled(Reader(model="gemini-x"), [event([{"text": "a"}]), later], PRICE)

    assert (found.id, found.model, found.tool_calls[0]["id"]) == ("r-1", "gemini-x-001", "call_r-1_0")


def test_texts_with_a_signature_and_files_stay_parts_of_their_own() -> None:
    parts = [
        {"text": "a"},
        {"text": "b", "thoughtSignature": "x"},
        {"text": "c"},
        {"text": "d"},
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        {"text": "e", "thought": True},
        {"text": "f"},
    ]

    found = whole(*parts)

    assert (found.text, found.reasoning_content) == ("abcdf", "e")
    assert found.message.native is not None
    assert found.message.native["content"] == [*parts[:2], {"text": "cd"}, *parts[4:]]


@pytest.mark.parametrize(
    ("event_name", "data", "text", "code"),
    [
        ("", {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}, "Overloaded", "UNAVAILABLE"),
        ("", {"error": {"code": 503}}, "no reason given", 503),
        ("", {"error": "broken"}, "broken", None),
        ("error", {}, "no reason given", None),
    ],
)
def test_an_event_that_says_failure(event_name: str, data: Any, text: str, code: Any) -> None:
    with pytest.raises(StreamFault) as caught:
        Reader(model="m").read(event_name, data)

    assert (caught.value.text, caught.value.code) == (text, code)


ODD: Any = [None, 7, "x", [], {}, [7], [{}], {"parts": 7}, {"args": 7, "id": [], "name": {}}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_wrong_types_never_crash(odd: Any) -> None:
    parts = [{name: odd} for name in ("text", "thought", "functionCall", "thoughtSignature")]
    events = [
        *({name: odd} for name in ("candidates", "usageMetadata", "promptFeedback", "responseId", "modelVersion")),
        *({"candidates": [{name: odd}]} for name in ("content", "finishReason")),
        event(odd),
        event([odd, *parts, {"text": "a"}]),
        event([{"text": "b"}], "STOP", credits_consumed=odd),
    ]

    found = assembled(Reader(model="m"), events, PRICE)

    assert "ab" in found.text
    json.dumps(found.to_dict())
    assert parse_completion(events, model="m").text == found.text


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        "x",
        {},
        [7],
        [{}],
        {"candidates": []},
        {"candidates": [{}]},
        {"candidates": [{"content": {"parts": []}}]},
        {"promptFeedback": {}},
        {"code": 200, "msg": "success", "data": None},
        {"error": {"code": 503, "message": "Overloaded"}},
        [{"error": {"code": 503, "message": "Overloaded"}}],
    ],
    ids=repr,
)
def test_no_answer_is_a_value_error(raw: Any) -> None:
    with pytest.raises(ValueError):
        parse_completion(raw, model="m")
