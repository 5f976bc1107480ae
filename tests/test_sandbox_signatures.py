"""Signatures on thoughts and calls: they prove themselves, and have to come back where the makers want them."""

from __future__ import annotations

import pytest
from shapecalls import CHAT, GEMINI, calling

from kie_sync.sandbox.signatures import fits, is_genuine, is_signed_id, sign, signed_id

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": CITY}]}]}
GEMINI_CALL = {"functionCall": {"id": "g1", "name": "weather", "args": {}}}
GEMINI_ANSWER = {"functionResponse": {"id": "g1", "name": "weather", "response": {"result": "12"}}}


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


def gemini(*contents):
    return {"contents": [{"role": role, "parts": parts} for role, parts in contents]}


def test_a_signature_belongs_to_one_text():
    signature = sign("a")

    assert sign("a") == signature != sign("b")
    assert (fits(signature, "a"), fits(signature, "b"), fits(None, "a"), fits("é", "a")) == (True, False, False, False)


@pytest.mark.parametrize(
    ("signature", "genuine"),
    [
        (sign("a"), True),
        (sign("a").replace("+", "-").replace("/", "_"), True),
        (sign("a")[:-4], False),
        (sign("a")[::-1], False),
        ("é", False),
        ("", False),
        (None, False),
        (5, False),
    ],
)
def test_a_signature_proves_itself(signature, genuine):
    assert is_genuine(signature) is genuine


def test_an_id_says_that_there_was_a_signature():
    call_id = signed_id("x/0", "a")

    assert (len(call_id), signed_id("x/0", "a") == call_id, signed_id("x/1", "a") == call_id) == (24, True, False)
    assert is_signed_id(f"call_{call_id}", "a") and is_signed_id(call_id, "a") and not is_signed_id(call_id, "b")
    assert not any(is_signed_id(other, "a") for other in (call_id[:-1], call_id[:-1] + "é", "", None, "0" * 24))


def test_calls_of_another_model_need_no_signature(caller):
    contents = gemini(("user", [{"text": "weather?"}]), ("model", [GEMINI_CALL]), ("user", [GEMINI_ANSWER]))
    marked = [{**GEMINI_CALL, "thoughtSignature": "skip_thought_signature_validator"}]
    skipped = gemini(("user", [{"text": "weather?"}]), ("model", marked), ("user", [GEMINI_ANSWER]))

    for sent in (contents, skipped):
        answer = caller.post(GEMINI, {**sent, **TOOLS, "stream": False}, timeout=10).json()
        assert answer["candidates"][0]["content"]["parts"][0]["text"] == "The tool answered: 12"


def test_signatures_of_earlier_turns_may_be_left_out(caller):
    contents = gemini(
        ("user", [{"text": "weather?"}]),
        ("model", [{"functionCall": {"name": "weather", "args": {}}}]),
        ("user", [GEMINI_ANSWER]),
        ("model", [{"text": "12."}]),
        ("user", [{"text": "2+2?"}]),
    )

    answer = caller.post(GEMINI, {**contents, "stream": False}, timeout=10).json()

    assert answer["candidates"][0]["content"]["parts"][0]["text"] == "2 + 2 = 4"


def test_google_wants_its_signature_back_in_chat_completions():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": CITY}}]
    question = {"role": "user", "content": "weather in Oslo"}
    with calling() as caller:
        path = "/v1beta/openai/chat/completions"

        def ask(*messages):
            sent = {"model": "gemini-3-flash-preview", "messages": [question, *messages], "tools": tools}
            return caller.post(CHAT, sent, path=path, timeout=10)

        message = ask().json()["choices"][0]["message"]
        call = message["tool_calls"][0]
        told = {"role": "tool", "tool_call_id": call["id"], "content": "12"}
        right = ask(message, told)
        bare = {name: value for name, value in call.items() if name != "extra_content"}
        without = ask({**message, "tool_calls": [bare]}, told)
        altered = ask(
            {**message, "tool_calls": [{**bare, "extra_content": {"google": {"thought_signature": "x"}}}]}, told
        )

    assert right.json()["choices"][0]["message"]["content"] == "The tool answered: 12"
    assert without.status_code == altered.status_code == 400
    assert without.json()[0]["error"]["message"].startswith("Function call is missing a thought_signature")
    assert altered.json()[0]["error"]["message"] == "Thought signature is not valid."
