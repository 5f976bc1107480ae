"""OpenAI's client against Google's compatible endpoint, whose signatures it hands back without knowing them."""

from __future__ import annotations

import json

import pytest

from .conftest import FUNCTIONS, call

openai = pytest.importorskip("openai", reason="needs OpenAI's client: pip install '.[sdks]'")

TOOLS = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}
    for name, (text, schema) in FUNCTIONS.items()
]


@pytest.fixture
def model(catalog):
    """Google's own model of the shipped catalog that is still there."""
    found = [one for one in catalog.values() if one.endpoint.provider.name == "google" and not one.retired_on]
    return found[0].slug


@pytest.fixture
def completions(shapes):
    with openai.OpenAI(base_url=f"{shapes.url}/v1beta/openai", api_key=shapes.key, max_retries=0) as client:
        yield client.chat.completions


@pytest.mark.parametrize("with_signature", [True, False], ids=["with its signature", "without"])
def test_a_signature_has_to_come_back(completions, model, with_signature):
    question = {"role": "user", "content": "add 2 and 3"}
    asked = completions.create(model=model, messages=[question], tools=TOOLS).choices[0].message
    message = asked.model_dump(include={"role", "content", "tool_calls"})
    (one,) = message["tool_calls"]
    answer = {
        "role": "tool",
        "tool_call_id": one["id"],
        "content": call("add", json.loads(one["function"]["arguments"])),
    }
    if not with_signature:
        del one["extra_content"]

    def tell():
        return completions.create(model=model, messages=[question, message, answer], tools=TOOLS)

    if with_signature:
        assert tell().choices[0].message.content == "The tool answered: 5"
    else:
        # Its errors are a list, in which this client finds no words.
        with pytest.raises(openai.BadRequestError) as raised:
            tell()
        assert "missing a thought_signature" in raised.value.response.text


def test_a_stream_with_running_totals_is_read(completions, model):
    options = {"include_usage": True}
    messages = [{"role": "user", "content": "2+2?"}]
    with completions.create(model=model, messages=messages, stream=True, stream_options=options) as stream:
        chunks = list(stream)

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "2 + 2 = 4"
    assert [chunk.usage.completion_tokens for chunk in chunks] == [0, 1, 1, 2, 3, 3]
