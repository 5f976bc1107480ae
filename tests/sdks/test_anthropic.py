"""Anthropic's client against the sandbox."""

from __future__ import annotations

import json

import pytest

from .conftest import FUNCTIONS, call

anthropic = pytest.importorskip("anthropic", reason="needs Anthropic's client: pip install '.[sdks]'")
pydantic = pytest.importorskip("pydantic", reason="comes with the clients")

MODEL = "test-claude"
TOOLS = [{"name": name, "description": text, "input_schema": schema} for name, (text, schema) in FUNCTIONS.items()]
THINKING = {"thinkingFlag": True}


@pytest.fixture
def client(shapes):
    with anthropic.Anthropic(base_url=f"{shapes.url}/claude", api_key=shapes.key, max_retries=0) as client:
        yield client


def create(client, messages, **given):
    messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else messages
    # KIE streams unless it is told not to, which this client takes for granted.
    return client.messages.create(model=MODEL, max_tokens=4096, messages=messages, stream=False, **given)


def test_a_question_is_answered(client):
    message = create(client, "2+2?")

    assert [block.model_dump() for block in message.content] == [
        {"type": "text", "text": "2 + 2 = 4", "citations": None}
    ]
    assert (message.role, message.model, message.stop_reason) == ("assistant", MODEL, "end_turn")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, 3)
    # 4 x 10000 and 3 x 50000 credits a million: 0.19.
    assert message.credits_consumed == 0.19


def test_a_stream_ends_in_the_same_message(client):
    messages = [{"role": "user", "content": "Tell me about Rome"}]
    with client.messages.stream(model=MODEL, max_tokens=4096, messages=messages) as stream:
        pieces = list(stream.text_stream)
        streamed = stream.get_final_message()
    whole = create(client, messages)

    assert len(pieces) > 4
    assert "".join(pieces) == streamed.content[0].text == whole.content[0].text
    assert (streamed.stop_reason, streamed.stop_sequence) == ("end_turn", None)
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens


def test_every_event_is_one_that_the_client_knows(client, shapes):
    messages = [{"role": "user", "content": "get_weather in Paris and add 2 and 3"}]
    events = client.messages.create(
        model=MODEL, max_tokens=4096, messages=messages, tools=TOOLS, stream=True, extra_body=THINKING
    )
    with events:
        kinds = [
            pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent).validate_python(one.model_dump())
            for one in events
        ]

    called = ["content_block_start", *["content_block_delta"] * 4, "content_block_stop"]
    assert [kind.type for kind in kinds] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 4,
        "content_block_stop",
        *called,
        *called,
        "message_delta",
        "message_stop",
    ]


def test_thoughts_come_with_a_signature(client):
    messages = [{"role": "user", "content": "2+2?"}]
    whole = create(client, messages, extra_body=THINKING)
    with client.messages.stream(model=MODEL, max_tokens=4096, messages=messages, extra_body=THINKING) as stream:
        streamed = stream.get_final_message()

    thoughts = "The user asks: '2+2?'. A short, clear answer will do."
    assert [block.type for block in whole.content] == ["thinking", "text"]
    assert whole.content[0].thinking == thoughts
    assert [block.model_dump() for block in streamed.content] == [block.model_dump() for block in whole.content]
    assert streamed.usage.output_tokens == whole.usage.output_tokens == 45


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("thinking", [{}, THINKING], ids=["plain", "thinking"])
def test_functions_are_called_and_their_answers_used(client, is_streamed, thinking):
    messages = [{"role": "user", "content": "Use get_weather for Paris, and add 2 and 3"}]
    given = {"model": MODEL, "max_tokens": 4096, "tools": TOOLS, "extra_body": thinking}

    def ask():
        if not is_streamed:
            return client.messages.create(messages=messages, stream=False, **given)
        with client.messages.stream(messages=messages, **given) as stream:
            return stream.get_final_message()

    asked = ask()
    calls = [block for block in asked.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": one.id, "content": call(one.name, one.input)} for one in calls]
    messages += [{"role": "assistant", "content": asked.content}, {"role": "user", "content": results}]
    told = ask()

    assert asked.stop_reason == "tool_use"
    assert [(one.name, one.input) for one in calls] == [("get_weather", {"city": "Paris"}), ("add", {"a": 2, "b": 3})]
    assert len({one.id for one in calls}) == 2
    assert told.content[-1].text == "The tools answered: get_weather: 12 degrees in Paris; add: 5"
    assert told.stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda blocks: blocks[1:], "Expected `thinking` or `redacted_thinking`, but found `tool_use`"),
        (lambda blocks: [{**blocks[0], "signature": "bm8="}, *blocks[1:]], "Invalid `signature` in `thinking` block"),
        (lambda blocks: [{**blocks[0], "thinking": "No."}, *blocks[1:]], "Invalid `signature` in `thinking` block"),
        (lambda blocks: [*blocks[:1], {**blocks[1], "id": "x"}], "`tool_use` ids were found without `tool_result`"),
    ],
    ids=["no thoughts", "another signature", "other thoughts", "another id"],
)
def test_thoughts_have_to_come_back_as_they_were(client, change, text):
    question = {"role": "user", "content": "add 2 and 3"}
    asked = create(client, [question], tools=TOOLS, extra_body=THINKING)
    blocks = [block.model_dump(exclude_none=True) for block in asked.content]
    result = {"type": "tool_result", "tool_use_id": blocks[1]["id"], "content": "5"}
    messages = [question, {"role": "assistant", "content": change(blocks)}, {"role": "user", "content": [result]}]

    with pytest.raises(anthropic.BadRequestError, match=text.replace(" ", r"\s")):
        create(client, messages, tools=TOOLS, extra_body=THINKING, extra_headers={"X-Sandbox-Fault": "http-errors"})


class City(pydantic.BaseModel):
    name: str
    people: int


def test_a_structured_answer_fits_its_schema(client):
    form = {"format": {"type": "json_schema", "schema": {**City.model_json_schema(), "additionalProperties": False}}}

    message = create(client, "Tell me about Rome", extra_body={"output_config": form})

    assert json.loads(message.content[0].text) == {"name": "Rome", "people": 1}


@pytest.mark.parametrize(
    ("choice", "stop", "names"),
    [
        ({"type": "auto"}, "end_turn", []),
        ({"type": "none"}, "end_turn", []),
        ({"type": "any"}, "tool_use", ["get_weather"]),
        ({"type": "tool", "name": "add"}, "tool_use", ["add"]),
    ],
)
def test_the_tool_choice_is_honoured(client, choice, stop, names):
    message = create(client, "hello", tools=TOOLS, tool_choice=choice)

    assert message.stop_reason == stop
    assert [block.name for block in message.content if block.type == "tool_use"] == names


def test_marked_prompts_are_cached(client):
    marked = [{"type": "text", "text": "x" * 400, "cache_control": {"type": "ephemeral"}}]
    messages = [{"role": "user", "content": [{"type": "text", "text": "2+2?", "cache_control": {"type": "ephemeral"}}]}]

    usage = create(client, messages, system=marked).usage

    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (0, 103, 4)
    assert usage.cache_creation.ephemeral_5m_input_tokens == 4


def test_max_tokens_cuts_the_answer(client):
    message = client.messages.create(
        model=MODEL, max_tokens=5, messages=[{"role": "user", "content": "Tell me"}], stream=False
    )

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("code=401", anthropic.AuthenticationError),
        ("rate-limit", anthropic.RateLimitError),
        ("code=500", anthropic.InternalServerError),
    ],
)
def test_errors_are_those_of_the_client(client, fault, error):
    with pytest.raises(error):
        create(client, "hi", extra_headers={"X-Sandbox-Fault": f"{fault};http-errors"})


@pytest.mark.parametrize(("fault", "text"), [("event-error", "upstream_error"), ("maker-error", "overloaded_error")])
def test_an_error_in_the_middle_is_raised(client, fault, text):
    messages = [{"role": "user", "content": f"Tell me [[fault:{fault}]]"}]

    stream = client.messages.stream(model=MODEL, max_tokens=4096, messages=messages)
    with stream as events, pytest.raises(anthropic.APIStatusError, match=text):
        list(events.text_stream)


def test_a_wrong_key_is_refused(shapes):
    stranger = anthropic.Anthropic(base_url=f"{shapes.url}/claude", api_key="wrong", max_retries=0)
    with stranger as client, pytest.raises(anthropic.AuthenticationError, match="Authentication failed"):
        create(client, "hi", extra_headers={"X-Sandbox-Fault": "http-errors"})
