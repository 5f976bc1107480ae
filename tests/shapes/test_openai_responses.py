"""OpenAI's Responses: bodies. Whole answers are in test_responses_items, streams in test_responses_stream."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from kie_sync.catalog import read_catalog
from kie_sync.definitions import Model
from kie_sync.messages import ChatMessage, plain_messages
from kie_sync.params import resolve
from kie_sync.request import wire_body

ENTRY = """
models:
  my-model:
    title: Mine
    kind: chat
    endpoint: kie-codex
    source: this test
    checked: 2026-11-22
    parameters:
      messages:         {type: list, required: true, min_items: 1, items: {type: object}}
      reasoning_effort: {wire: reasoning.effort, values: [low, high]}
      max_tokens:       {wire: max_output_tokens, type: integer}
      text:             {type: any}
      tools:            {type: list, items: {type: object}}
      tool_choice:      {type: any}
      response_format:  {type: any}
    price: {unit: 1m_tokens, credits: {input: 1, output: 2}, source: this test, checked: 2026-11-22}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("catalog") / "mine.yaml"
    path.write_text(ENTRY, encoding="utf-8")
    return read_catalog(path)["my-model"]


def body(model: Model, messages: Any, **given: Any) -> Dict[str, Any]:
    return wire_body(model, resolve(model, {"messages": plain_messages(messages), **given}))


def sent(model: Model, *messages: Any) -> Any:
    return body(model, list(messages))["input"]


def call(id: str = "call_1", name: str = "add", arguments: str = '{"a": 1}') -> Dict[str, Any]:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def call_item(call_id: str = "call_1", name: Any = "add", arguments: str = '{"a": 1}', **more: Any) -> Dict[str, Any]:
    return {"type": "function_call", **more, "call_id": call_id, "name": name, "arguments": arguments}


def shown(url: str, **more: Any) -> Dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def text(said: str) -> Dict[str, Any]:
    return {"type": "text", "text": said}


PDF = "data:application/pdf;base64,AAAA"


@pytest.mark.parametrize(
    ("message", "items"),
    [
        ({"role": "user", "content": "2+2?"}, [{"role": "user", "content": "2+2?"}]),
        ({"role": "system", "content": "Be brief."}, [{"role": "system", "content": "Be brief."}]),
        ({"role": "developer", "content": "Be brief."}, [{"role": "developer", "content": "Be brief."}]),
        ({"role": "user", "name": "ann", "content": "hi"}, [{"role": "user", "content": "hi"}]),
        ({"role": "user", "content": None}, [{"role": "user", "content": ""}]),
        (
            {
                "role": "user",
                "content": [text("a"), shown("https://a.example/x.png"), shown("https://a.example/x.pdf")],
            },
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "a"},
                        {"type": "input_image", "image_url": "https://a.example/x.png"},
                        {"type": "input_file", "file_url": "https://a.example/x.pdf"},
                    ],
                }
            ],
        ),
        (
            {"role": "user", "content": [shown("data:image/png;base64,AA", detail="low"), shown(PDF)]},
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "low"},
                        {"type": "input_file", "filename": "file.pdf", "file_data": PDF},
                    ],
                }
            ],
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA"}}]},
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA"}}]}],
        ),
        (
            {"role": "system", "content": [text("a")]},
            [{"role": "system", "content": [{"type": "input_text", "text": "a"}]}],
        ),
        ({"role": "assistant", "content": "4"}, [{"role": "assistant", "content": "4"}]),
        (
            {"role": "assistant", "content": [text("4")], "reasoning_content": "hm"},
            [{"role": "assistant", "content": [{"type": "output_text", "text": "4"}]}],
        ),
        (
            {"role": "assistant", "content": "So:", "tool_calls": [call(), call("call_2", "mul", "{}")]},
            [{"role": "assistant", "content": "So:"}, call_item(), call_item("call_2", "mul", "{}")],
        ),
        ({"role": "assistant", "content": None, "tool_calls": [call()]}, [call_item()]),
        ({"role": "assistant", "tool_calls": [call(arguments={"é": 1})]}, [call_item(arguments='{"é": 1}')]),
        ({"role": "assistant", "content": ""}, [{"role": "assistant", "content": ""}]),
        (
            {"role": "tool", "tool_call_id": "call_1", "content": "3"},
            [{"type": "function_call_output", "call_id": "call_1", "output": "3"}],
        ),
        (
            {"role": "tool", "tool_call_id": "call_1", "content": [text("3"), text("4")]},
            [{"type": "function_call_output", "call_id": "call_1", "output": "3\n4"}],
        ),
        (
            {"role": "tool", "tool_call_id": "call_1", "content": [text("3"), shown("https://a.example/x.png")]},
            [
                {
                    "type": "function_call_output",
                    "call_id": "call_1",
                    "output": [
                        {"type": "input_text", "text": "3"},
                        {"type": "input_image", "image_url": "https://a.example/x.png"},
                    ],
                }
            ],
        ),
        # whatever a history holds
        (
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://a.example/x.png"}, "x"]},
            [{"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/x.png"}, "x"]}],
        ),
        (
            {"role": "assistant", "tool_calls": [{"id": "call_1", "function": None}, "x"]},
            [call_item(name=None, arguments="{}")],
        ),
        ({"type": "item_reference", "id": "msg_1"}, [{"type": "item_reference", "id": "msg_1"}]),
    ],
)
def test_a_message_becomes_items(model: Model, message: Any, items: Any) -> None:
    assert sent(model, message) == items


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


@pytest.mark.parametrize(
    ("shape", "slug", "items"),
    [
        ("openai-responses", "my-model", [REASONING, ANSWER, call_item(id="fc_1")]),
        ("openai-responses", "other", [{"role": "assistant", "content": "Hi"}, call_item()]),
        ("anthropic-messages", "my-model", [{"role": "assistant", "content": "Hi"}, call_item()]),
    ],
)
def test_an_answer_goes_back_as_it_came_to_the_model_that_gave_it(
    model: Model, shape: str, slug: str, items: Any
) -> None:
    native = {"shape": shape, "model": slug, "content": [REASONING, ANSWER, call_item(id="fc_1")]}
    said = ChatMessage("assistant", "Hi", "hm", (call(),), native=native)

    assert sent(model, said, {"role": "tool", "tool_call_id": "call_1", "content": "3"}) == [
        *items,
        {"type": "function_call_output", "call_id": "call_1", "output": "3"},
    ]


ADD = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}
SCHEMA = {"name": "sum", "schema": {"type": "object"}, "strict": True}


@pytest.mark.parametrize(
    ("given", "sends"),
    [
        ({"reasoning_effort": "low", "max_tokens": 5}, {"reasoning": {"effort": "low"}, "max_output_tokens": 5}),
        # Left out, `strict` means yes to this API, and no to chat completions.
        ({"tools": [{"type": "function", "function": ADD}]}, {"tools": [{"type": "function", "strict": False, **ADD}]}),
        (
            {"tools": [{"type": "function", "function": {**ADD, "strict": True}}]},
            {"tools": [{"type": "function", "strict": True, **ADD}]},
        ),
        (
            {"tools": [{"type": "web_search"}, {"type": "function", **ADD}]},
            {"tools": [{"type": "web_search"}, {"type": "function", **ADD}]},
        ),
        ({"tool_choice": "required"}, {"tool_choice": "required"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "add"}}},
            {"tool_choice": {"type": "function", "name": "add"}},
        ),
        ({"tool_choice": {"type": "web_search"}}, {"tool_choice": {"type": "web_search"}}),
        (
            {"response_format": {"type": "json_schema", "json_schema": SCHEMA}},
            {"text": {"format": {"type": "json_schema", **SCHEMA}}},
        ),
        ({"response_format": {"type": "json_object"}}, {"text": {"format": {"type": "json_object"}}}),
        (
            {"response_format": {"type": "text"}, "text": {"verbosity": "low"}},
            {"text": {"verbosity": "low", "format": {"type": "text"}}},
        ),
    ],
)
def test_a_body(model: Model, given: Any, sends: Any) -> None:
    before = json.dumps(given)

    found = body(model, "2+2?", **given)

    assert found == {"model": "my-model", "input": [{"role": "user", "content": "2+2?"}], "stream": False, **sends}
    assert json.dumps(given) == before
