"""OpenAI's Responses through the whole client: a call, a stream, a tool's answer, and what goes wrong."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from responses_wire import call, message, stream, thought, whole
from wire import Script, answer, client, event, pieces

from kie_sync.adapter import KieAdapter
from kie_sync.catalog import Catalog, read_catalog
from kie_sync.completions import Usage
from kie_sync.errors import KieOutcomeUnknownError, KieStreamError

ENTRY = """
models:
  my-model:
    title: Mine
    kind: chat
    endpoint: kie-codex
    source: this test
    checked: 2026-11-22
    parameters:
      messages: {type: list, required: true, min_items: 1, items: {type: object}}
      tools:    {type: list, items: {type: object}}
    price: {unit: 1m_tokens, credits: {input: 100, output: 1000}, source: this test, checked: 2026-11-22}
"""
ENCRYPTED = {**thought("rs_1", "hm"), "encrypted_content": "gAAA"}
TEXT = whole(ENCRYPTED, message("msg_1", "It is 4."), credits_consumed=0.03)
CALLED = whole(ENCRYPTED, call("call_1", "add", '{"a": 2, "b": 2}'))
ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path: Path = tmp_path_factory.mktemp("catalog") / "mine.yaml"
    path.write_text(ENTRY, encoding="utf-8")
    return read_catalog(path)


def streamed(response: Any, *, events: slice = slice(None)) -> Any:
    return pieces([event(data, data["type"]) for data in stream(response)[events]])


def test_whole_and_streamed_are_the_same(catalog: Catalog) -> None:
    script = Script(answer(TEXT), streamed(TEXT))
    adapter = KieAdapter(client(script, catalog=catalog), "my-model")

    found = adapter.chat("2+2?", system="Be brief.")
    parts = adapter.chat("2+2?", system="Be brief.", stream=True)
    text = "".join(part.choices[0].delta.content or "" for part in parts)

    assert (found.text, found.reasoning_content, found.usage) == ("It is 4.", "hm", Usage(100, 20, 120))
    assert (found.cost.platform_credits, found.credits_consumed) == (Decimal("0.03"), Decimal("0.03"))
    assert (text, parts.completion) == (found.text, found)
    assert parts.completion.message.native == found.message.native
    said = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    assert [(request.url.partition("://")[2].partition("/")[2], request.json) for request in script.requests] == [
        ("codex/v1/responses", {"model": "my-model", "input": said, "stream": is_stream}) for is_stream in (False, True)
    ]


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_tools_answer_goes_back_with_the_reasoning_as_it_came(catalog: Catalog, is_stream: bool) -> None:
    script = Script(streamed(CALLED) if is_stream else answer(CALLED), answer(TEXT))
    adapter = KieAdapter(client(script, catalog=catalog), "my-model")
    found = adapter.chat("2+2?", is_stream, tools=[ADD])
    if is_stream:
        list(found)
        found = found.completion

    history = [{"role": "user", "content": "2+2?"}, found.message.to_dict()]
    adapter.chat([*history, {"role": "tool", "tool_call_id": found.tool_calls[0]["id"], "content": "4"}], tools=[ADD])

    assert script.requests[1].json == {
        "model": "my-model",
        "input": [
            {"role": "user", "content": "2+2?"},
            ENCRYPTED,
            call("call_1", "add", '{"a": 2, "b": 2}'),
            {"type": "function_call_output", "call_id": "call_1", "output": "4"},
        ],
        "tools": [{"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": False}],
        "stream": False,
    }


FAILED = {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "down"}}}
ERROR = {"type": "error", "code": "server_error", "message": "down", "param": None}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ([*stream(TEXT)[:-3], FAILED], "broke the stream off: down"),
        ([*stream(TEXT)[:-3], ERROR], "broke the stream off: down"),
        (stream(TEXT)[:-3], "without a finish reason and without its end mark"),
        (stream(TEXT)[:-1], "without a finish reason and without its end mark"),
    ],
    ids=["failed", "error", "cut", "no end"],
)
def test_a_stream_that_breaks_says_what_had_come(catalog: Catalog, given: Any, reason: str) -> None:
    script = Script(pieces([event(data, data["type"]) for data in given]))
    found = KieAdapter(client(script, catalog=catalog), "my-model").chat("2+2?", stream=True)

    with pytest.raises(KieStreamError, match=reason) as caught:
        list(found)

    assert caught.value.partial and "It is 4.".startswith(caught.value.partial)
    assert (caught.value.usage, caught.value.cost.credits) == (None, None)
    assert len(script.requests) == 1 and found.completion.message.native is None


@pytest.mark.parametrize(
    ("failed", "kind", "reason"),
    [
        # It was accepted, and may be charged: no refusal.
        ({"status": "failed", "error": {"code": "server_error", "message": "down"}}, KieOutcomeUnknownError, "down"),
        ({"status": "cancelled", "error": None}, KieOutcomeUnknownError, "the answer cancelled"),
        ({"status": "in_progress", "output": []}, KieOutcomeUnknownError, "without a finish reason"),
    ],
)
def test_an_answer_that_is_none_is_an_error(catalog: Catalog, failed: Any, kind: Any, reason: str) -> None:
    script = Script(answer({**TEXT, **failed}))

    with pytest.raises(kind, match=reason):
        KieAdapter(client(script, catalog=catalog), "my-model").chat("2+2?")

    assert len(script.requests) == 1
