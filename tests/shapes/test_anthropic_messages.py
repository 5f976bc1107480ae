from __future__ import annotations

from typing import Any, List

import pytest
from turns import PAPER, PICTURE, TOOL, WEATHER, answered, body, called, said, same, shown

from kie_sync.completions import ChatCompletion, Choice, Usage
from kie_sync.errors import KieInputError
from kie_sync.messages import ChatMessage
from kie_sync.shapes.anthropic_messages import parse_completion

MODEL = "test/anthropic"
HI = said("user", "hi")
IMAGE = {"type": "image", "source": {"type": "url", "url": PICTURE}}
OTHER = {"type": "search_result"}
USE = {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Paris"}}
BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "eHg="},
    {"type": "text", "text": "Let me look."},
    {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Paris"}, "caller": {"type": "direct"}},
]


def text(words: str) -> Any:
    return {"type": "text", "text": words}


def result(call_id: str, **more: Any) -> Any:
    return {"type": "tool_result", "tool_use_id": call_id, **more}


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        pytest.param([HI], {"messages": [HI]}, id="text stays text"),
        pytest.param([said("system", "Be brief."), HI], {"system": "Be brief.", "messages": [HI]}, id="system"),
        pytest.param([said("system", ""), HI, said("system")], {"messages": [HI]}, id="an empty system"),
        pytest.param(
            [said("system", "a"), HI, said("developer", [text("b")])],
            {"system": [text("a"), text("b")], "messages": [HI]},
            id="several of the system's",
        ),
        pytest.param(
            [said("user", "a"), said("user", ""), said("user", [text("b"), shown(PICTURE)])],
            {"messages": [said("user", [text("a"), text("b"), IMAGE])]},
            id="side by side",
        ),
        pytest.param(
            [said("user", [shown("data:image/png;base64,AAAA"), shown(PAPER), shown("https://a.example/x.pdf")])],
            {
                "messages": [
                    said(
                        "user",
                        [
                            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                            {
                                "type": "document",
                                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERg=="},
                            },
                            {"type": "document", "source": {"type": "url", "url": "https://a.example/x.pdf"}},
                        ],
                    )
                ]
            },
            id="files",
        ),
        pytest.param(
            [said("user", [shown(PICTURE, cache_control={"type": "ephemeral"}), OTHER])],
            {
                "messages": [
                    said("user", [{**IMAGE, "cache_control": {"type": "ephemeral"}}, {"type": "search_result"}])
                ]
            },
            id="the API's own",
        ),
        pytest.param(
            [HI, said("assistant", "Hello."), said("user", "bye")],
            {"messages": [HI, said("assistant", "Hello."), said("user", "bye")]},
            id="an answer",
        ),
        pytest.param([HI, said("assistant", ""), said("assistant")], {"messages": [HI]}, id="an empty answer"),
        pytest.param(
            [
                HI,
                said("assistant", None, tool_calls=[called("a"), called("b", "")]),
                answered("a"),
                answered("b", [text("wet"), shown(PICTURE)], is_error=True),
                said("user", "so?"),
            ],
            {
                "messages": [
                    HI,
                    said("assistant", [USE, {**USE, "id": "b", "input": {}}]),
                    said(
                        "user",
                        [
                            result("a", content="22 degrees"),
                            result("b", content=[text("wet"), IMAGE], is_error=True),
                            text("so?"),
                        ],
                    ),
                ]
            },
            id="calls and answers",
        ),
        pytest.param(
            [said("assistant", "Hm.", tool_calls=[called("a", '["x"'), called("b", "[1]")]), answered("a", {"t": 1})],
            {
                "messages": [
                    said(
                        "assistant",
                        [
                            text("Hm."),
                            {**USE, "input": {"arguments": '["x"'}},
                            {**USE, "id": "b", "input": {"arguments": "[1]"}},
                        ],
                    ),
                    said("user", [result("a", content='{"t": 1}')]),
                ]
            },
            id="arguments that are no object are not lost",
        ),
        pytest.param(
            [HI, answered("a", "")], {"messages": [said("user", [text("hi"), result("a")])]}, id="an empty tool answer"
        ),
    ],
)
def test_a_conversation_as_anthropic_wants_it(messages: List[Any], sent: Any) -> None:
    assert body(MODEL, messages) == sent


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"tools": [TOOL]}, {"tools": [{"name": "weather", "description": "The weather.", "input_schema": WEATHER}]}),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "f", "strict": True}, "cache_control": {"type": "x"}},
                    {"type": "bash_20250124", "name": "bash"},
                ]
            },
            {
                "tools": [
                    {
                        "name": "f",
                        "strict": True,
                        "input_schema": {"type": "object", "properties": {}},
                        "cache_control": {"type": "x"},
                    },
                    {"type": "bash_20250124", "name": "bash"},
                ]
            },
        ),
        ({"tool_choice": "auto"}, {"tool_choice": {"type": "auto"}}),
        ({"tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        ({"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "tool", "name": "f"}},
        ),
        (
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
            {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "n", "strict": True, "schema": WEATHER},
                },
                "reasoning_effort": "low",
            },
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": WEATHER}}},
        ),
        ({"response_format": {"type": "text"}}, {}),
        ({"web_search": True}, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ({"include_thoughts": True, "max_tokens": 9, "top_k": 3}, {"thinkingFlag": True, "max_tokens": 9, "top_k": 3}),
    ],
)
def test_the_rest_of_a_call(given: Any, sent: Any) -> None:
    assert body(MODEL, [HI], **given) == {"messages": [HI], **sent}


@pytest.mark.parametrize("form", [{"type": "json_object"}, {"type": "json_schema"}, {}])
def test_a_form_that_anthropic_does_not_have(form: Any) -> None:
    with pytest.raises(KieInputError, match=r"response_format must be a JSON Schema here.*; got type"):
        body(MODEL, [HI], response_format=form)


WHOLE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x-20251101",
    "content": BLOCKS,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 600, "output_tokens": 57, "cache_read_input_tokens": 0},
    "credits_consumed": 0.25,
}


def test_a_whole_answer() -> None:
    found = parse_completion(WHOLE, model="claude-x")

    message = ChatMessage("assistant", "Let me look.", "hm", (called("a"),))
    assert found == ChatCompletion(
        (Choice(message, 0, "tool_calls"),),
        "msg_1",
        "claude-x-20251101",
        usage=Usage(600, 57, 657),
        credits_consumed=found.credits_consumed,
    )
    assert (str(found.credits_consumed), found.raw) == ("0.25", WHOLE)
    assert found.message.native == {"shape": "anthropic-messages", "model": "claude-x", "content": BLOCKS}


def test_an_answer_goes_back_with_its_signatures_to_the_model_that_gave_it() -> None:
    first = same(parse_completion(WHOLE, model=MODEL).message.to_dict())
    conversation = [HI, first, answered("a")]
    answers = said("user", [result("a", content="22 degrees")])

    kept = body(MODEL, conversation)
    first["native"]["model"] = "another"
    converted = body(MODEL, conversation)

    assert kept == {"messages": [HI, said("assistant", BLOCKS), answers]}
    assert converted == {"messages": [HI, said("assistant", [text("Let me look."), USE]), answers]}


def test_thoughts_go_back_with_a_text_too() -> None:
    raw = {"content": [BLOCKS[0], text("Hello.")], "stop_reason": "end_turn"}

    first = same(parse_completion(raw, model=MODEL).message.to_dict())

    assert body(MODEL, [HI, first]) == {"messages": [HI, said("assistant", raw["content"])]}
