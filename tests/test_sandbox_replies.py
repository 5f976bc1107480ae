"""What a model of the sandbox answers to a neutral question: functions by name, arguments out of the question."""

from __future__ import annotations

import json

import pytest

from kie_sync.sandbox.question import (
    Call,
    Question,
    ToolAnswer,
    Turn,
    compact,
    kind_of_media,
    last_words,
    pairing_faults,
    tokens_of,
)
from kie_sync.sandbox.replies import fill_call, reply_to

SUM = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "number"}}}
CITY = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = {"add": SUM, "weather": CITY}


def ask(text, *turns, **fields):
    return Question((Turn("user", text), *turns), tools=TOOLS, **fields)


@pytest.mark.parametrize(
    ("text", "fields", "calls"),
    [
        ("add 2 and 3", {}, [("add", {"a": 2, "b": 3})]),
        ("add -2 and 3.5.", {}, [("add", {"a": -2, "b": 3.5})]),
        ("What does 7 + 8 make? Use ADD.", {}, [("add", {"a": 7, "b": 8})]),
        ("weather in Oslo", {}, [("weather", {"city": "Oslo"})]),
        (
            "Oslo weather, add 1 and 2",
            {},
            [("add", {"a": 1, "b": 2}), ("weather", {"city": "Oslo weather, add 1 and 2"})],
        ),
        ("my address", {}, []),
        ("hello", {}, []),
        ("用add计算 2 和 3", {}, [("add", {"a": 2, "b": 3})]),
        ("hello Rome", {"choice": "required"}, [("add", {"a": 1, "b": 1})]),
        ("hello Rome", {"choice": "weather"}, [("weather", {"city": "Rome"})]),
        ("hello", {"choice": "nobody"}, []),
        ("add 2 and 3", {"choice": "none"}, []),
        ("weather in Oslo, add 1 and 2", {"one_at_a_time": True}, [("add", {"a": 1, "b": 2})]),
        ("one at a time: weather in Oslo, add 1 and 2", {}, [("add", {"a": 1, "b": 2})]),
    ],
)
def test_functions_that_are_named_are_called(text, fields, calls):
    reply = reply_to(ask(text, **fields))

    assert [(call.name, json.loads(call.arguments)) for call in reply.calls] == calls
    assert reply.finish == ("tool_calls" if calls else "stop")
    assert bool(reply.text) == (not calls)


def test_answers_of_functions_are_told():
    one = reply_to(ask("add 2 and 2", Turn("tool", answers=(ToolAnswer("4", "add"),))))
    two = Turn("tool", answers=(ToolAnswer("4", id="x"), ToolAnswer("12", "weather")))
    named = reply_to(ask("add, weather", Turn("assistant", calls=(Call("add", "{}", "x"),)), two))
    chinese = reply_to(ask("天气 weather", Turn("tool", answers=(ToolAnswer("十二度", "weather"),))))

    assert (one.text, one.calls) == ("The tool answered: 4", ())
    assert named.text == "The tools answered: add: 4; weather: 12"
    assert chinese.text == "工具返回的结果是：十二度"


def test_one_function_follows_another_when_asked_to():
    question = "one at a time: add 1 and 2, then the weather in Oslo"
    first = (Turn("assistant", calls=(Call("add", "{}", "1"),)), Turn("tool", answers=(ToolAnswer("3", id="1"),)))
    second = (Turn("assistant", calls=(Call("weather", "{}", "2"),)), Turn("tool", answers=(ToolAnswer("12", id="2"),)))

    assert [call.name for call in reply_to(ask(question)).calls] == ["add"]
    assert [call.name for call in reply_to(ask(question, *first)).calls] == ["weather"]
    assert reply_to(ask(question, *first, *second)).text == "The tool answered: 12"


def test_thinking_can_be_turned_down_and_off():
    deep, low, off = (reply_to(Question((Turn("user", "hi"),), effort=effort)) for effort in ("", "low", "none"))

    assert deep.reasoning_tokens == 3 * low.reasoning_tokens > 0
    assert (off.reasoning_tokens, off.thoughts) == (0, "")


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"type": "object", "properties": {"n": {"type": "integer", "enum": [4]}}}, {"n": 4}),
        ({"type": "object", "properties": {"n": {"type": "integer", "minimum": 9}}}, {"n": 9}),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, {"n": 1}),
        (
            {"type": "object", "properties": {"start": {"type": "string"}, "to": {"type": "string"}}},
            {"start": "Rome", "to": "Oslo"},
        ),
        ({"type": "object"}, {}),
        (True, None),
    ],
)
def test_arguments_fit_their_schema(schema, arguments):
    assert fill_call(schema, "From Rome to Oslo for 2.5 days") == arguments


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("image/png", "image"),
        ("data:video/mp4;base64,aGk=", "video"),
        ("https://x/a.MP3?x=1", "audio"),
        ("application/pdf", "pdf"),
        ("data:application/pdf;base64,aGk=", "pdf"),
        ("https://x/a", "image"),
    ],
)
def test_a_files_kind_is_seen(name, kind):
    assert kind_of_media(name) == kind


def test_calls_and_answers_are_paired():
    asked = Turn("assistant", calls=(Call("f", "{}", "a"), Call("f", "{}", "b")))

    assert pairing_faults([asked, Turn("tool", answers=(ToolAnswer("", id="a"), ToolAnswer("", id="c")))]) == (
        ["b"],
        ["c"],
    )
    assert pairing_faults([asked]) == (["a", "b"], [])
    assert pairing_faults([Turn("user", "hi")]) == ([], [])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, ["a"]),
        ({"input": "a"}, ["a"]),
        ({"contents": [{"parts": [{"text": "a"}, {"inlineData": {}}]}]}, ["a"]),
        (
            {
                "messages": [
                    {"role": "user", "content": "a"},
                    {"role": "user", "content": [{"type": "tool_result", "content": "b"}]},
                ]
            },
            ["a"],
        ),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": [{"type": "image"}]}]}, []),
        ({"messages": 5}, []),
        ([], []),
    ],
)
def test_the_last_words_of_the_user(body, words):
    assert last_words(body) == words


def test_arguments_have_one_form():
    assert [compact(one) for one in ('{"a": 1}', {"a": 1}, "", None, "no json")] == [
        '{"a":1}',
        '{"a":1}',
        "{}",
        "{}",
        "no json",
    ]


def test_tokens_are_counted_by_width():
    assert (tokens_of("abcde"), tokens_of("你好"), tokens_of("")) == (2, 2, 0)
