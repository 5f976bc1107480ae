"""OpenAI's Responses as a stream: however it is cut, and whatever a gateway leaves out, the answer is the whole one."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, Callable, List, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from responses_wire import Events, call, message, stream, thought, whole
from test_completions import cost

from kie_sync.assembly import Assembly
from kie_sync.completions import ChatCompletion, ChatCompletionChunk, ChunkChoice, Delta, Usage
from kie_sync.shapes import StreamFault
from kie_sync.shapes.openai_responses import Reader, parse_completion

PRICE = cost("1")


def read(events: Events) -> ChatCompletion:
    reader, found = Reader(model="m"), Assembly()
    for number, event in enumerate(events):
        assert not reader.is_over, f"it was over before event {number}"
        for chunk in reader.read(event["type"], event):
            found.take(chunk)
    assert reader.is_over
    return found.completion(native=reader.native, cost=PRICE)


def expected(response: Mapping[str, Any]) -> ChatCompletion:
    return replace(parse_completion(response, model="m"), cost=PRICE)


def same(found: ChatCompletion, response: Mapping[str, Any]) -> bool:
    wanted = expected(response)
    return (found, found.message.native) == (wanted, wanted.message.native)


CUT = {"reason": "max_output_tokens"}
ANSWERS = {
    "text": whole(message("msg_1", "Hello there, 橘猫🐈")),
    "thoughts": whole(thought("rs_1", "First this.", "Then that."), message("msg_1", "4")),
    "raw thoughts": whole(thought("rs_1", raw=["deep", "er"]), thought("rs_2", "deeper"), message("msg_1", "4")),
    "a call": whole(thought("rs_1"), call("call_1", "add", '{"a": 2, "b": 2}')),
    "a call without arguments": whole(call("call_1", "now", "")),
    "two calls and a text": whole(
        message("msg_1", "So:"), call("call_1", "add", "{}"), call("call_2", "add", '{"a":1}')
    ),
    "parts and messages": whole(message("msg_1", "a", "b"), message("msg_2", "c")),
    "a refusal": whole(message("msg_1", "Well. ", refusal="No, not that.")),
    "cut at its length": whole(
        message("msg_1", "Once upon"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    ),
    "a search": whole({"id": "ws_1", "type": "web_search_call", "status": "completed"}, message("msg_1", "found")),
    "nothing": whole(),
}
DELTAS = [
    "response.output_text.delta",
    "response.refusal.delta",
    "response.reasoning_summary_text.delta",
    "response.reasoning_text.delta",
    "response.function_call_arguments.delta",
]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_stream_gives_the_whole_answer(answer: str, size: int) -> None:
    assert same(read(stream(ANSWERS[answer], size)), ANSWERS[answer])


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "without",
    [
        DELTAS,
        ["response.created"],
        ["response.output_item.added"],
        ["response.output_item.done"],
        ["response.output_item.added", "response.output_item.done"],
        [*DELTAS, "response.output_item.added"],
        [*DELTAS, "response.output_item.added", "response.output_item.done"],
    ],
    ids=["deltas", "created", "added", "done", "added and done", "deltas and added", "all but the end"],
)
def test_what_a_gateway_leaves_out_is_taken_from_a_later_event(answer: str, without: List[str]) -> None:
    assert same(read(stream(ANSWERS[answer], without=without)), ANSWERS[answer])


def other_ids(events: Events) -> None:
    for number, event in enumerate(events):
        event.update({"item_id": f"id_{number}"} if "item_id" in event else {})


def no_places(events: Events) -> None:
    for event in events:
        event.pop("output_index", None)


def no_places_and_ids(events: Events) -> None:
    for event in events:
        event.pop("output_index", None)
        event.pop("item_id", None)
        if "item" in event:
            event["item"] = {name: value for name, value in event["item"].items() if name != "id"}


def deltas_of_no_item(events: Events) -> None:
    for event in events:
        if event["type"] in DELTAS:
            event.pop("output_index")
            event.pop("item_id")


def no_thoughts_at_the_end(events: Events) -> None:
    output = [item for item in events[-1]["response"]["output"] if item["type"] != "reasoning"]
    events[-1] = {**events[-1], "response": {**events[-1]["response"], "output": output}}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("habit", [other_ids, no_places, no_places_and_ids, deltas_of_no_item, no_thoughts_at_the_end])
def test_nothing_comes_twice_whatever_ids_and_places_say(answer: str, habit: Callable[[Events], None]) -> None:
    """Gateways give an item another id in each event, leave ids and places out, or shift the places at the end."""
    events = stream(ANSWERS[answer])
    habit(events)

    assert read(events) == expected(ANSWERS[answer])


def test_the_items_are_kept_where_the_end_does_not_repeat_them() -> None:
    answer = ANSWERS["thoughts"]
    events = stream(answer)
    events[-1] = {"type": "response.completed", "response": {**answer, "output": []}}

    assert same(read(events), answer)


def test_items_that_were_only_begun_do_not_go_back() -> None:
    answer = ANSWERS["thoughts"]
    events = stream(answer, without=["response.output_item.done"])
    events[-1] = {"type": "response.completed", "response": {**answer, "output": []}}

    assert read(events).message.native is None


def test_what_has_come_stays_where_a_later_event_says_otherwise() -> None:
    events = stream(ANSWERS["text"])
    events[-2]["item"] = message("msg_1", "Something else, and longer than before")

    assert read(events).text == "Hello there, 橘猫🐈"


@given(st.text(), st.text(min_size=1), st.text(min_size=1), st.text(), st.integers(1, 9))
def test_however_it_is_cut_it_is_the_same(first: str, second: str, thoughts: str, arguments: str, size: int) -> None:
    answer = whole(
        thought("rs_1", thoughts, second),
        message("msg_1", first, second),
        call("call_1", "f", arguments),
        call("call_2", "g", ""),
    )

    assert same(read(stream(answer, size)), answer)


def test_each_piece_comes_with_its_event() -> None:
    output = thought("rs_1", "hm"), message("msg_1", "Hi you"), call("call_1", "add", "{}")
    events = stream(whole(*output, credits_consumed=0.5))
    reader = Reader(model="m")
    pieces = [(event["type"].rpartition("response.")[2], reader.read("", event)) for event in events]

    def piece(**delta: Any) -> List[ChatCompletionChunk]:
        return [ChatCompletionChunk((ChunkChoice(Delta(**delta)),), "resp_1", "my-model")]

    begun = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "add", "arguments": ""}}
    last = ChatCompletionChunk(
        (ChunkChoice(finish_reason="tool_calls"),), "resp_1", "my-model", Usage(100, 20, 120), Decimal("0.5")
    )
    assert pieces == [
        ("created", piece(role="assistant")),
        ("output_item.added", []),
        ("reasoning_summary_text.delta", piece(reasoning_content="hm")),
        ("output_item.done", []),
        ("output_item.added", []),
        ("output_text.delta", piece(content="Hi ")),
        ("output_text.delta", piece(content="you")),
        ("output_text.done", []),
        ("output_item.done", []),
        ("output_item.added", piece(tool_calls=(begun,))),
        ("function_call_arguments.delta", piece(tool_calls=({"index": 0, "function": {"arguments": "{}"}},))),
        ("output_item.done", []),
        ("completed", [last]),
    ]
    assert [chunk.raw for _, chunks in pieces for chunk in chunks] == [e for e, p in zip(events, pieces) if p[1]]


@pytest.mark.parametrize(
    ("event", "text", "code"),
    [
        (
            {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "down"}}},
            "down",
            "server_error",
        ),
        ({"type": "response.failed", "response": {"error": None}}, "the platform gave no reason", None),
        ({"type": "response.failed"}, "the platform gave no reason", None),
        ({"type": "response.cancelled", "response": {}}, "the platform gave no reason", None),
        ({"type": "response.completed", "response": {"status": "failed", "error": {"message": "down"}}}, "down", None),
        ({"type": "error", "code": "rate", "message": "too fast", "param": None}, "too fast", "rate"),
        ({"type": "error", "error": {"code": 7, "message": "down"}}, "down", 7),
        ({"type": "error", "error": "down"}, "down", None),
        ({"type": "error", "error": ["down"]}, "the platform gave no reason", None),
    ],
)
def test_a_failure_is_told(event: Any, text: str, code: Any) -> None:
    reader = Reader(model="m")

    with pytest.raises(StreamFault) as caught:
        reader.read("", event)

    assert (caught.value.text, caught.value.code, reader.is_over, reader.native) == (text, code, False, None)


@pytest.mark.parametrize(
    ("ending", "finish", "credits"),
    [
        ({"type": "response.completed", "response": {"status": "in_progress"}}, "stop", None),
        ({"type": "response.completed", "response": {"status": "incomplete"}}, "incomplete", None),
        ({"type": "response.incomplete"}, "incomplete", None),
        ({"type": "response.completed", "credits_consumed": 0.5}, "stop", Decimal("0.5")),
        ({"type": "response.completed", "response": {"credits_consumed": "0.5"}}, "stop", Decimal("0.5")),
        (
            {"type": "response.completed", "credits_consumed": None, "response": {"credits_consumed": 1}},
            "stop",
            Decimal(1),
        ),
        ({"response": None}, "stop", None),
    ],
)
def test_an_end(ending: Any, finish: str, credits: Any) -> None:
    """The event's name counts where its data does not say the type."""
    reader = Reader(model="m")

    found = reader.read("response.completed", ending)

    assert found == [ChatCompletionChunk((ChunkChoice(finish_reason=finish),), "", "m", None, credits)]
    assert (reader.is_over, reader.native) == (True, None)


ODD: List[Any] = [None, 7, "x", [], {}, [7], {"type": 7}, {"id": []}, True, float("inf")]


KINDS = [*DELTAS, "response.created", "response.output_item.added", "response.output_item.done", "response.completed"]
NAMES = "type response item delta output_index item_id content_index summary_index credits_consumed id model status"
NAMES += " output usage content summary arguments call_id name text"


@pytest.mark.parametrize("kind", [*KINDS, "response.new", ""])
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_whatever_came_does_no_harm(kind: str, odd: Any) -> None:
    reader = Reader(model="m")

    for name in NAMES.split():
        for types in ("message", "reasoning", "function_call", odd):
            item = {"type": types, "id": "x", "content": [{"type": "output_text", "text": "a"}], name: odd}
            response = {"output": [item, odd], name: odd}
            event = {"type": kind, "item": item, "response": response, "delta": "a", "output_index": 0, name: odd}
            found = reader.read(kind, event)
            json.dumps([chunk.to_dict() for chunk in found])
            deltas = [chunk.choices[0].delta for chunk in found]
            assert all(isinstance(d.content or d.reasoning_content or "", str) for d in deltas)

    assert reader.is_over == (kind == "response.completed")
