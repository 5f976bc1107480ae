from __future__ import annotations

from decimal import Decimal
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_completions import cost

from kie_sync.assembly import Assembly, Halves
from kie_sync.completions import ChatCompletion, ChatCompletionChunk, Choice, ChunkChoice, Delta, Usage
from kie_sync.messages import ChatMessage

PRICE = cost("1")


def assembled(*chunks: ChatCompletionChunk) -> ChatCompletion:
    found = Assembly()
    for chunk in chunks:
        found.take(chunk)
    return found.completion(native=None, cost=PRICE)


def adds(*, finish: Any = None, usage: Any = None, credits: Any = None, **delta: Any) -> ChatCompletionChunk:
    return ChatCompletionChunk((ChunkChoice(Delta(**delta), finish_reason=finish),), "c1", "m", usage, credits)


def part(index: Any = None, id: Any = None, name: Any = None, arguments: Any = None, **more: Any) -> Any:
    function = {"name": name, "arguments": arguments}
    told = {key: value for key, value in {"index": index, "id": id, **more}.items() if value is not None}
    return {**told, "function": {key: value for key, value in function.items() if value is not None}}


def call(id: str, name: str, arguments: str, **more: Any) -> Any:
    return {"id": id, "type": "function", **more, "function": {"name": name, "arguments": arguments}}


def test_a_whole_answer_from_its_pieces() -> None:
    found = assembled(
        adds(role="assistant", content=""),
        adds(reasoning_content="h"),
        adds(reasoning_content="m"),
        adds(content="Hi "),
        adds(content="there", usage=Usage(1, 1, 2)),
        adds(finish="stop"),
        adds(usage=Usage(1, 2, 3), credits=Decimal("0.01")),
    )

    message = ChatMessage("assistant", "Hi there", "hm")
    assert found == ChatCompletion(
        (Choice(message, 0, "stop"),), "c1", "m", 0, Usage(1, 2, 3), Decimal("0.01"), cost=PRICE
    )


def test_nothing_yet() -> None:
    assert assembled() == ChatCompletion((Choice(ChatMessage("assistant", "")),), cost=PRICE)


@pytest.mark.parametrize(
    ("parts", "calls"),
    [
        # OpenAI's: the id and the name come first, the arguments in pieces, by index.
        (
            [
                part(0, "a", "f", ""),
                part(0, arguments='{"x"'),
                part(1, "b", "g", ""),
                part(0, arguments=":1}"),
                part(1, arguments="{}"),
            ],
            [call("a", "f", '{"x":1}'), call("b", "g", "{}")],
        ),
        # Google's: whole calls, without an index, with a signature that must go back.
        (
            [part(None, "a", "f", "{}", extra_content={"s": 1}), part(None, "b", "f", "{}")],
            [call("a", "f", "{}", extra_content={"s": 1}), call("b", "f", "{}")],
        ),
        # An index that is used again for a call with another id.
        ([part(0, "a", "f", "{}"), part(0, "b", "g", "{}")], [call("a", "f", "{}"), call("b", "g", "{}")]),
        # An id that every part repeats.
        ([part(0, "a", "f", "{"), part(0, "a", arguments="}")], [call("a", "f", "{}")]),
        ([part(None, None, "f", "{"), part(None, None, arguments="}")], [call("", "f", "{}")]),
        ([{"index": 0, "function": 7}, {"index": 0, "function": {"name": 3}}], [call("", "", "")]),
    ],
)
def test_calls_of_tools_come_in_parts(parts: List[Any], calls: List[Any]) -> None:
    found = assembled(*(adds(tool_calls=(each,)) for each in parts))

    assert list(found.tool_calls) == calls
    assert found.message.content is None
    assert list(assembled(adds(tool_calls=tuple(parts))).tool_calls) == calls


@given(st.text(), st.lists(st.integers(0, 40)), st.text(min_size=1))
def test_however_it_is_cut_it_is_the_same(text: str, cuts: List[int], arguments: str) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [adds(content=text[start:end]) for start, end in zip(places, places[1:])]
    letters = [adds(tool_calls=(part(0, arguments=letter),)) for letter in arguments]

    found = assembled(adds(tool_calls=(part(0, "a", "f"),)), *pieces, *letters)

    assert (found.text, found.tool_calls) == (text, (call("a", "f", arguments),))


def test_whole_calls_without_ids_stay_apart() -> None:
    """Google's calls are whole, have no index, and once had an empty id."""
    found = assembled(
        adds(tool_calls=(part(id="", name="weather", arguments="{}"),)),
        adds(tool_calls=(part(id="", name="time", arguments="{}"),)),
    )

    assert found.tool_calls == (call("", "weather", "{}"), call("", "time", "{}"))


@pytest.mark.parametrize(
    ("pieces", "is_whole"),
    [
        ((adds(usage=Usage(9, 1, 10)), adds(content="Hi"), adds(finish="stop")), False),
        ((adds(usage=Usage(9, 1, 10)), adds(reasoning_content="hm"), adds(finish="stop")), False),
        ((adds(usage=Usage(9, 1, 10)), adds(tool_calls=(part(0, "c1", "f", "{}"),)), adds(finish="stop")), False),
        ((adds(content="Hi", usage=Usage(9, 1, 10)), adds(finish="stop")), True),
        ((adds(content="Hi"), adds(finish="stop"), adds(usage=Usage(9, 1, 10))), True),
        ((adds(content="Hi"), adds(finish="stop")), False),
    ],
)
def test_usage_is_of_the_whole_where_nothing_came_after_it(pieces: Any, is_whole: bool) -> None:
    found = Assembly()
    for piece in pieces:
        found.take(piece)

    assert found.is_usage_whole is is_whole


def contents(*chunks: ChatCompletionChunk) -> List[Any]:
    halves = Halves()
    return [halves.joined(chunk).choices[0].delta.content for chunk in chunks]


@pytest.mark.parametrize(
    ("given", "got"),
    [
        (["Hi \ud83d", "\ude00!"], ["Hi ", "😀!"]),
        (["\ud83d", None, "\ude00"], ["", None, "😀"]),
        (["\ud83d", "\ud83d", "\ude00"], ["", "\ufffd", "😀"]),
        (["\ud83d", "x"], ["", "\ufffdx"]),
        (["\ude00"], ["\ufffd"]),
        (["猫", ""], ["猫", ""]),
    ],
)
def test_a_character_that_was_cut_in_two_comes_whole(given: List[Any], got: List[Any]) -> None:
    assert contents(*(adds(content=text) for text in given)) == got


def test_half_a_character_at_the_end_is_told() -> None:
    assert contents(adds(content="a\ud83d"), adds(finish="stop")) == ["a", "\ufffd"]
    assert contents(adds(content="a\ud83d", finish="stop")) == ["a\ufffd"]


def test_halves_of_text_and_of_thoughts_are_kept_apart() -> None:
    halves = Halves()
    halves.joined(adds(reasoning_content="\ud83d"))
    said = halves.joined(adds(content="4")).choices[0].delta
    thought = halves.joined(adds(reasoning_content="\ude00")).choices[0].delta

    assert (said, thought) == (Delta(content="4"), Delta(reasoning_content="😀"))


def test_halves_in_the_arguments_of_a_call() -> None:
    found = assembled(
        adds(tool_calls=(part(0, "c1", "f", '{"a": "\ud83d'),)), adds(tool_calls=(part(0, arguments='\ude00"}'),))
    )

    assert found.tool_calls == (call("c1", "f", '{"a": "😀"}'),)
