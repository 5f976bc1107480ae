from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_completions import cost
from turns import assembled, called
from wire import Script, client, event, pieces

from kie_sync import KieChatAdapter
from kie_sync.completions import ChatCompletion, ChatCompletionChunk, Choice, ChunkChoice, Delta, Usage
from kie_sync.messages import ChatMessage
from kie_sync.shapes import StreamFault
from kie_sync.shapes.anthropic_messages import Reader, parse_completion
from kie_sync.shapes.reading import arguments_text

PRICE = cost("1")
STOP = {"type": "message_stop"}


def start(**message: Any) -> Any:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-x-1", "content": [], **message}}


def begins(index: Any, kind: str, **fields: Any) -> Any:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind, **fields}}


def grows(index: Any, kind: str, **fields: Any) -> Any:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def ends(index: Any) -> Any:
    return {"type": "content_block_stop", "index": index}


def stops(reason: Any, **usage: Any) -> Any:
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def read(events: List[Any]) -> List[ChatCompletionChunk]:
    reader = Reader(model="claude-x")
    return [chunk for event in events for chunk in reader.read(str(event.get("type") or ""), event)]


EVENTS = [
    start(usage={"input_tokens": 600, "output_tokens": 1, "cache_read_input_tokens": 100}),
    {"type": "ping"},
    begins(0, "thinking", thinking="", signature=""),
    grows(0, "thinking_delta", thinking="h"),
    grows(0, "thinking_delta", thinking="m"),
    grows(0, "signature_delta", signature="c2ln"),
    ends(0),
    begins(1, "redacted_thinking", data="eHg="),
    ends(1),
    begins(2, "text", text=""),
    grows(2, "text_delta", text="Let me "),
    grows(2, "text_delta", text="look."),
    grows(2, "citations_delta", citation={"cited_text": "x"}),
    ends(2),
    begins(3, "tool_use", id="a", name="weather", input={}),
    grows(3, "input_json_delta", partial_json=""),
    grows(3, "input_json_delta", partial_json='{"city":'),
    grows(3, "input_json_delta", partial_json='"Paris"}'),
    ends(3),
    begins(4, "tool_use", id="b", name="clock", input={}),
    ends(4),
    {**stops("tool_use", output_tokens=57, input_tokens=0), "credits_consumed": 0.25},
    STOP,
]


def test_a_stream_in_anthropics_order() -> None:
    reader = Reader(model="claude-x")

    found = assembled(reader, EVENTS, PRICE)

    message = ChatMessage("assistant", "Let me look.", "hm", (called("a"), called("b", "{}", "clock")))
    usage = Usage(700, 57, 757, 100)
    assert found == ChatCompletion(
        (Choice(message, 0, "tool_calls"),), "msg_1", "claude-x-1", 0, usage, Decimal("0.25"), PRICE
    )
    assert reader.is_over
    assert found.message.native == {
        "shape": "anthropic-messages",
        "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "eHg="},
            {"type": "text", "text": "Let me look.", "citations": [{"cited_text": "x"}]},
            {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "b", "name": "clock", "input": {}},
        ],
    }


def test_each_event_says_what_it_adds() -> None:
    def piece(raw: Any, finish: Any = None, usage: Any = None, **delta: Any) -> ChatCompletionChunk:
        return ChatCompletionChunk((ChunkChoice(Delta(**delta), finish_reason=finish),), "msg_1", "claude-x-1", usage)

    events = [EVENTS[0], EVENTS[1], EVENTS[3], EVENTS[9], EVENTS[10], EVENTS[14], EVENTS[17], EVENTS[21], STOP]

    found = read(events)

    opened = {"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": ""}}
    assert found == [
        piece(events[0], usage=Usage(700, 1, 701, 100), role="assistant"),
        piece(events[2], reasoning_content="h"),
        piece(events[4], content="Let me "),
        piece(events[5], tool_calls=(opened,)),
        piece(events[6], tool_calls=({"index": 0, "function": {"arguments": '"Paris"}'}},)),
        replace(piece(events[7], "tool_calls", Usage(700, 57, 757, 100)), credits_consumed=Decimal("0.25")),
    ]
    assert [chunk.raw for chunk in found] == [events[at] for at in (0, 2, 4, 5, 6, 7)]


@pytest.mark.parametrize(
    ("usages", "usage"),
    [
        # Running totals: the later figure counts, field by field.
        ([{"input_tokens": 5, "output_tokens": 1}, {"output_tokens": 9}], Usage(5, 9, 14)),
        ([{"input_tokens": 5, "output_tokens": 1}, {"input_tokens": 7, "output_tokens": 9}], Usage(7, 9, 16)),
        ([{"input_tokens": 0, "output_tokens": 0}, {"input_tokens": 7, "output_tokens": 9}], Usage(7, 9, 16)),
        # A total does not fall: a nought, or nothing, says nothing.
        ([{"input_tokens": 5, "output_tokens": 1}, {"input_tokens": 0, "output_tokens": 9}], Usage(5, 9, 14)),
        ([{"input_tokens": 5, "output_tokens": 1}, {"input_tokens": None, "output_tokens": 9}], Usage(5, 9, 14)),
        ([{"input_tokens": 5, "cache_creation_input_tokens": 3}, {"output_tokens": 9}], Usage(8, 9, 17, 0, 3)),
        ([{}, {"output_tokens": 9}], None),
    ],
)
def test_tokens_are_told_in_two_places(usages: List[Dict[str, Any]], usage: Any) -> None:
    before, after = usages

    assert assembled(Reader(model="m"), [start(usage=before), stops("end_turn", **after)], PRICE).usage == usage


@pytest.mark.parametrize(
    "event",
    [
        {**stops("end_turn"), "credits_consumed": 0.5},
        stops("end_turn", credits_consumed=0.5),
        {**STOP, "credits_consumed": "0.5"},
        start(credits_consumed=0.5),
    ],
)
def test_credits_wherever_they_stand(event: Any) -> None:
    assert assembled(Reader(model="m"), [event], PRICE).credits_consumed == Decimal("0.5")


def test_arguments_that_came_with_the_start() -> None:
    events = [begins(0, "tool_use", id="a", name="weather", input={"city": "Paris"}), stops("tool_use")]
    reader = Reader(model="m")

    found = assembled(reader, events, PRICE)

    assert found.tool_calls == (called("a"),)
    assert reader.native is not None and reader.native["content"][0]["input"] == {"city": "Paris"}


def test_of_half_an_answer_only_what_can_go_back_is_native() -> None:
    """A thought without its signature and a call without its arguments would be refused."""
    reader = Reader(model="m")
    found = assembled(
        reader,
        [
            begins(0, "thinking", thinking="whole"),
            ends(0),
            begins(1, "text", text="ha"),
            begins(2, "thinking", thinking="hal"),
            begins(3, "tool_use", id="a", name="f", input={}),
            grows(3, "input_json_delta", partial_json='{"ci'),
        ],
        PRICE,
    )

    assert (found.text, found.reasoning_content) == ("ha", "wholehal")
    assert reader.native is not None
    assert reader.native["content"] == [{"type": "thinking", "thinking": "whole"}, {"type": "text", "text": "ha"}]


@pytest.mark.parametrize(
    ("event", "data", "text", "code"),
    [
        (
            "error",
            {"type": "error", "error": {"type": "overloaded_error", "message": "Over"}},
            "Over",
            "overloaded_error",
        ),
        ("", {"error": {"type": "api_error"}}, "no reason given", "api_error"),
        ("error", {"message": "Under repair"}, "Under repair", None),
        ("error", {}, "no reason given", None),
    ],
)
def test_an_event_that_says_failure(event: str, data: Any, text: str, code: Any) -> None:
    with pytest.raises(StreamFault) as caught:
        Reader(model="m").read(event, data)

    assert (caught.value.text, caught.value.code) == (text, code)


ODD: Any = [None, 7, "x", [], {}, [7], {"type": 7}, {"type": "tool_use", "input": 7, "id": [], "name": {}}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_wrong_types_never_crash(odd: Any) -> None:
    names = ("message", "content_block", "delta", "usage", "index", "credits_consumed", "error" if not odd else "more")
    kinds = ("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", odd)
    events = [{"type": kind, name: odd} for name in names for kind in kinds]
    texts = [{"text": odd, "thinking": odd, "partial_json": odd, "signature": odd, "citation": odd, "stop_reason": odd}]
    deltas = ("text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta")
    events += [grows(index, kind, **fields) for index in (0, odd) for kind in deltas for fields in texts]
    blocks = [begins(0, kind, text=odd, thinking=odd, input=odd, id=odd, name=odd) for kind in ("text", "tool_use")]

    found = assembled(Reader(model="m"), [*events, *blocks, grows(0, "text_delta", text="a"), *events, STOP], PRICE)

    json.dumps(found.to_dict())


def test_text_without_a_start_is_not_lost() -> None:
    reader = Reader(model="m")

    found = assembled(reader, [grows(None, "text_delta", text="a"), grows(None, "text_delta", text="b"), STOP], PRICE)

    assert (found.text, reader.native) == (
        "ab",
        {"shape": "anthropic-messages", "model": "m", "content": [{"type": "text", "text": "ab"}]},
    )


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
values = st.dictionaries(words, st.one_of(st.none(), st.booleans(), st.integers(), words), max_size=3)
blocks = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, words),
    st.builds(lambda text, mark: {"type": "thinking", "thinking": text, "signature": mark}, words, words),
    st.builds(lambda data: {"type": "redacted_thinking", "data": data}, words),
    st.builds(lambda key, name, x: {"type": "tool_use", "id": key, "name": name, "input": x}, words, words, values),
    st.builds(lambda x: {"type": "server_tool_use", "id": "s", "name": "web_search", "input": x}, values),
)


@st.composite
def answers(draw: Any) -> Any:
    """A whole answer, and a stream that brings it: each block cut anywhere."""
    content = draw(st.lists(blocks, max_size=5))
    for number, block in enumerate(content):
        if block["type"] == "tool_use":
            block["id"] = f"{number}{block['id']}"
    usage = {"input_tokens": draw(st.integers(1, 99)), "output_tokens": draw(st.integers(1, 99))}
    stop = draw(st.sampled_from(["end_turn", "tool_use", "max_tokens"]))
    whole = {"id": "msg_1", "model": "claude-x-1", "content": content, "stop_reason": stop, "usage": usage}

    def cut(text: str) -> List[str]:
        places = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
        return [text[a:b] for a, b in zip(places, places[1:])] or [""]

    events = [start(usage={"input_tokens": 1, "output_tokens": 1})]
    for index, block in enumerate(content):
        kind = block["type"]
        empty = {"text": "", "thinking": "", "input": {}, "signature": ""}
        events.append(begins(index, **{"kind": kind, **{k: empty.get(k, v) for k, v in block.items() if k != "type"}}))
        if kind in ("text", "thinking"):
            events += [grows(index, f"{kind}_delta", **{kind: piece}) for piece in cut(block[kind])]
        if kind == "thinking":
            events.append(grows(index, "signature_delta", signature=block["signature"]))
        if "input" in block:
            pieces = cut(arguments_text(block["input"]))
            events += [grows(index, "input_json_delta", partial_json=piece) for piece in pieces]
        events.append(ends(index))
    return whole, [*events, stops(stop, **usage), STOP]


@given(answers())
def test_however_it_is_cut_it_is_the_whole_answer(case: Any) -> None:
    whole, events = case
    reader = Reader(model="claude-x")

    found = assembled(reader, events, PRICE)

    expected = parse_completion(whole, model="claude-x")
    assert found == replace(expected, cost=PRICE)
    assert found.message.native == expected.message.native


def test_tokens_told_at_the_start_alone_have_no_price() -> None:
    """The first event tells one token of output, whatever comes: that was the price of a whole answer."""
    start = {"id": "m", "usage": {"input_tokens": 10, "output_tokens": 1}}
    events = [
        {"type": "message_start", "message": start},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a long answer"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ]
    adapter = KieChatAdapter(client(Script(pieces([event(each, each["type"]) for each in events]))), "claude-haiku-4-5")

    with adapter.chat("2+2?", stream=True) as stream:
        list(stream)

    assert (stream.text, stream.usage, stream.cost.credits) == ("a long answer", Usage(10, 1, 11), None)
