"""OpenAI's client against the sandbox: chat completions, and Responses."""

from __future__ import annotations

import json

import pytest

from .conftest import FUNCTIONS, call

openai = pytest.importorskip("openai", reason="needs OpenAI's client: pip install '.[sdks]'")
pydantic = pytest.importorskip("pydantic", reason="comes with the clients")

CHAT, RESPONSES = "test-chat", "test-gpt"
NESTED = [
    {"type": "function", "function": {"name": name, "description": text, "parameters": schema}}
    for name, (text, schema) in FUNCTIONS.items()
]
FLAT = [
    {"type": "function", "name": name, "description": text, "parameters": schema, "strict": False}
    for name, (text, schema) in FUNCTIONS.items()
]
QUESTION = "Use get_weather for Paris, and add 2 and 3"
CALLED = [("get_weather", {"city": "Paris"}), ("add", {"a": 2, "b": 3})]
TOLD = "The tools answered: get_weather: 12 degrees in Paris; add: 5"
THOUGHTS = "The user asks: '2+2?'. A short, clear answer will do."
ALOUD = {"effort": "low", "summary": "auto"}


class City(pydantic.BaseModel, extra="forbid"):
    name: str
    people: int


@pytest.fixture
def chat(shapes):
    with openai.OpenAI(base_url=f"{shapes.url}/{CHAT}/v1", api_key=shapes.key, max_retries=0) as client:
        yield client


@pytest.fixture
def responses(shapes):
    with openai.OpenAI(base_url=f"{shapes.url}/codex/v1", api_key=shapes.key, max_retries=0) as client:
        yield client.responses


def said(text):
    return [{"role": "user", "content": text}]


# Chat completions


def complete(client, messages, **given):
    # KIE streams unless it is told not to, which this client takes for granted.
    messages = said(messages) if isinstance(messages, str) else messages
    return client.chat.completions.create(model=CHAT, messages=messages, **{"stream": False, **given})


def test_chat_answers(chat):
    completion = complete(chat, "2+2?")

    assert completion.choices[0].message.content == "2 + 2 = 4"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.choices[0].message.reasoning_content == THOUGHTS
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (4, 3)
    assert completion.credits_consumed == 0.19


def test_chat_streams_the_same(chat):
    with complete(chat, "2+2?", stream=True) as stream:
        chunks = list(stream)

    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == "2 + 2 = 4"
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == THOUGHTS
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 3
    assert chunks[-1].credits_consumed == 0.19


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
def test_chat_calls_functions(chat, is_streamed):
    def ask(messages):
        if not is_streamed:
            return complete(chat, messages, tools=NESTED).choices[0]
        # The client's own helper puts the pieces together.
        with chat.chat.completions.stream(model=CHAT, messages=messages, tools=NESTED) as stream:
            return stream.get_final_completion().choices[0]

    asked = ask(said(QUESTION))
    calls = [(one.function.name, json.loads(one.function.arguments)) for one in asked.message.tool_calls]
    answers = [
        {"role": "tool", "tool_call_id": one.id, "content": call(name, given)}
        for one, (name, given) in zip(asked.message.tool_calls, calls)
    ]
    message = asked.message.model_dump(include={"role", "content", "tool_calls"})
    told = ask([*said(QUESTION), message, *answers])

    assert (asked.finish_reason, calls) == ("tool_calls", CALLED)
    assert (told.finish_reason, told.message.content) == ("stop", TOLD)


def test_chat_fills_in_a_class(chat):
    completion = chat.chat.completions.parse(
        model=CHAT, messages=said("Tell me about Rome"), response_format=City, extra_body={"stream": False}
    )

    assert completion.choices[0].message.parsed == City(name="Rome", people=1)


def test_chat_errors_are_those_of_the_client(chat):
    with pytest.raises(openai.RateLimitError):
        complete(chat, "hi", extra_headers={"X-Sandbox-Fault": "rate-limit"})
    with pytest.raises(openai.AuthenticationError):
        complete(chat, "hi", extra_headers={"X-Sandbox-Fault": "code=401;http-errors"})


@pytest.mark.parametrize(
    ("fault", "text"), [("event-error", "Upstream generation error"), ("maker-error", "The server had an error")]
)
def test_a_chat_error_in_the_middle_is_raised(chat, fault, text):
    with (
        complete(chat, f"Tell me [[fault:{fault}]]", stream=True) as stream,
        pytest.raises(openai.APIError, match=text),
    ):
        list(stream)


# Responses


def test_responses_answer(responses):
    answer = responses.create(model=RESPONSES, input="2+2?", instructions="Be brief.")

    assert answer.output_text == "2 + 2 = 4"
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert (answer.status, answer.error, answer.incomplete_details) == ("completed", None, None)
    assert answer.usage.model_dump() == {
        "input_tokens": 10,
        "input_tokens_details": {
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            **{
                name: None
                for name in answer.usage.input_tokens_details.model_dump()
                if name not in ("cached_tokens", "cache_write_tokens")
            },
        },
        "output_tokens": 45,
        "output_tokens_details": {"reasoning_tokens": 42},
        "total_tokens": 55,
    }
    # 10 x 10000 and 45 x 50000 credits a million: 2.35.
    assert answer.credits_consumed == 2.35


def test_responses_stream_ends_in_the_same(responses):
    given = {"model": RESPONSES, "input": "2+2?", "reasoning": ALOUD}
    with responses.stream(**given) as stream:
        events = list(stream)
        streamed = stream.get_final_response()
    whole = responses.create(**given)

    kinds = [event.type for event in events]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.completed",
    ]
    assert streamed.output_text == whole.output_text == "2 + 2 = 4"
    assert streamed.output[0].summary[0].text == whole.output[0].summary[0].text == THOUGHTS
    assert streamed.usage == whole.usage
    assert streamed.credits_consumed == whole.credits_consumed


def test_every_event_of_responses_is_one_that_the_client_knows(responses):
    given = {"model": RESPONSES, "tools": [{"type": "web_search"}], "reasoning": ALOUD}
    events = [*responses.create(input="Tell me", stream=True, **given)]
    events += [*responses.create(input=QUESTION, model=RESPONSES, tools=FLAT, stream=True)]

    adapter = pydantic.TypeAdapter(openai.types.responses.ResponseStreamEvent)
    for event in events:
        adapter.validate_python(event.model_dump(by_alias=True, warnings=False))
    assert "response.web_search_call.completed" in [event.type for event in events]


@pytest.mark.parametrize("is_streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("reasoning", [{"effort": "none"}, ALOUD], ids=["plain", "thinking"])
def test_responses_call_functions(responses, is_streamed, reasoning):
    def ask(items):
        given = {"model": RESPONSES, "input": items, "tools": FLAT, "reasoning": reasoning}
        if not is_streamed:
            return responses.create(**given)
        with responses.stream(**given) as stream:
            return stream.get_final_response()

    asked = ask(said(QUESTION))
    calls = [item for item in asked.output if item.type == "function_call"]
    given = [(one.name, json.loads(one.arguments)) for one in calls]
    answers = [
        {"type": "function_call_output", "call_id": one.call_id, "output": call(*what)}
        for one, what in zip(calls, given)
    ]
    told = ask([*said(QUESTION), *(item.model_dump(exclude={"parsed_arguments"}) for item in asked.output), *answers])

    assert given == CALLED
    assert told.output_text == TOLD


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda items: items[1:], "was provided without its required 'reasoning' item"),
        (lambda items: [{**items[0], "encrypted_content": "bm8="}, items[1]], "could not be verified"),
        (lambda items: [{**items[0], "encrypted_content": None}, items[1]], "Items are not persisted"),
        (lambda items: [items[0], {**items[1], "call_id": "call_x"}], "No tool output found for function call call_x"),
        (lambda items: items[:1], "No tool call found for function call output"),
    ],
    ids=["no reasoning", "altered", "without its content", "another id", "no call"],
)
def test_reasoning_has_to_come_back_as_it_was(responses, change, text):
    asked = responses.create(model=RESPONSES, input="add 2 and 3", tools=FLAT)
    items = [item.model_dump() for item in asked.output]
    answer = {"type": "function_call_output", "call_id": items[1]["call_id"], "output": "5"}

    with pytest.raises(openai.BadRequestError) as raised:
        responses.create(
            model=RESPONSES,
            input=[*said("add 2 and 3"), *change(items), answer],
            tools=FLAT,
            extra_headers={"X-Sandbox-Fault": "http-errors"},
        )

    # KIE's envelope has its words under `msg`, where this client does not look for them.
    assert text in raised.value.response.json()["msg"]


def test_responses_fill_in_a_class(responses):
    whole = responses.parse(model=RESPONSES, input="Tell me about Rome", text_format=City)
    with responses.stream(model=RESPONSES, input="Tell me about Rome", text_format=City) as stream:
        streamed = stream.get_final_response()

    assert whole.output_parsed == streamed.output_parsed == City(name="Rome", people=1)


@pytest.mark.parametrize(
    ("choice", "names"),
    [("auto", []), ("none", []), ("required", ["get_weather"]), ({"type": "function", "name": "add"}, ["add"])],
)
def test_responses_honour_the_tool_choice(responses, choice, names):
    answer = responses.create(model=RESPONSES, input="hello", tools=FLAT, tool_choice=choice)

    assert [item.name for item in answer.output if item.type == "function_call"] == names


def test_max_output_tokens_cut_the_answer(responses):
    whole = responses.create(model=RESPONSES, input="Tell me", max_output_tokens=5)
    with responses.stream(model=RESPONSES, input="Tell me", max_output_tokens=5) as stream:
        last = list(stream)[-1]

    assert (whole.status, whole.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert (last.type, last.response.output_text) == ("response.incomplete", whole.output_text)


def test_responses_errors_are_those_of_the_client(responses):
    with pytest.raises(openai.InternalServerError):
        responses.create(model=RESPONSES, input="hi", extra_headers={"X-Sandbox-Fault": "code=500;http-errors"})


def test_responses_tell_of_a_failure(responses):
    whole = responses.create(model=RESPONSES, input="hi [[fault:failed]]")
    events = [*responses.create(model=RESPONSES, input="hi [[fault:failed]]", stream=True)]
    errors = [*responses.create(model=RESPONSES, input="hi [[fault:maker-error]]", stream=True)]

    assert (whole.status, whole.error.code, whole.output) == ("failed", "server_error", [])
    assert (events[-1].type, events[-1].response.error.code) == ("response.failed", "server_error")
    assert (errors[-1].type, errors[-1].code) == ("error", "server_error")
    assert [event.sequence_number for event in errors] == list(range(len(errors)))
