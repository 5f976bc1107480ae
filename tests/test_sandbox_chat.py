"""The sandbox's chat: KIE's form and Google's, whole and streamed, right and wrong."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from decimal import Decimal

import jsonschema
import pytest
import requests

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox.question import tokens_of
from kie_sync.sandbox.replies import fill, reply_to
from kie_sync.sandbox.shapes import chat_completions

CATALOG = read_catalog()
# The other shapes have pages of their own: tests/test_sandbox_shapes.py.
KIE = [model for model in CATALOG.values() if model.endpoint.name == "kie-chat"]
GOOGLE = [model for model in CATALOG.values() if model.kind == "chat" and model.endpoint.provider.name == "google"]


class Caller:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.key}"

    def chat(self, question="2+2?", *, model=KIE[0], name="", **fields):
        messages = [{"role": "user", "content": question}] if isinstance(question, str) else question
        body = {"messages": messages, **fields}
        if model.endpoint.model_in == "body":
            path = model.endpoint.path
            body["model"] = name or model.slug
        else:
            path = f"{model.endpoint.path_before_model}{model.slug}{model.endpoint.path}"
        return self.session.post(self.sandbox.url + path, json=body, timeout=10)

    def text(self, question, **fields):
        return self.chat(question, stream=False, **fields).json()["choices"][0]["message"]["content"]


@contextmanager
def calling(**settings):
    with Sandbox(**{"catalog": CATALOG, "speed": 100, "seed": 1, **settings}) as sandbox:
        caller = Caller(sandbox)
        with caller.session:
            yield caller


@pytest.fixture()
def caller():
    with calling() as caller:
        yield caller


def events(answer):
    """The data of each event, [DONE] as text."""
    parts = [part for part in answer.content.decode("utf-8").split("\n\n") if part]
    return [json.loads(part[6:]) if part[6:] != "[DONE]" else "[DONE]" for part in parts]


@pytest.mark.parametrize("model", KIE, ids=lambda model: model.id)
def test_kie_streams_unless_told_otherwise_in_the_order_of_its_page(caller, model):
    answer = caller.chat("2+2?", model=model)

    assert answer.headers["Content-Type"] == "text/event-stream;charset=UTF-8"
    assert answer.headers["Transfer-Encoding"] == "chunked"
    chunks = events(answer)
    common = {
        "id": chunks[0]["id"],
        "created": chunks[0]["created"],
        "model": model.slug,
        "object": "chat.completion.chunk",
    }
    assert chunks[0] == {"choices": [{"delta": {"role": "assistant", "content": ""}, "index": 0}], **common}
    thoughts = [chunk for chunk in chunks[1:] if "reasoning_content" in str(chunk)]
    texts = chunks[1 + len(thoughts) : -3]
    assert chunks[1 : 1 + len(thoughts)] == thoughts and len(thoughts) == 3
    assert all(set(chunk["choices"][0]) == {"delta", "index"} for chunk in texts)
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in texts) == "2 + 2 = 4"
    assert chunks[-3] == {"choices": [{"delta": {}, "index": 0, "finish_reason": "stop"}], **common}
    usage = chunks[-2]["usage"]
    assert chunks[-2] == {
        "choices": [],
        **common,
        "usage": usage,
        "system_fingerprint": "",
        "credits_consumed": chunks[-2]["credits_consumed"],
    }
    assert usage["total_tokens"] > usage["prompt_tokens"] + usage["completion_tokens"]
    assert chunks[-1] == "[DONE]"
    assert caller.sandbox.balance == 10000 - Decimal(str(chunks[-2]["credits_consumed"]))
    assert caller.sandbox.chats == 1


def test_kies_whole_answer(caller):
    answer = caller.chat("你好", stream=False).json()

    text = "你好！你说的是：“你好”。这是沙盒的回答，没有真正的模型参与；同样的问题总会得到同样的回答。"
    thoughts = "用户问的是：你好。我会简短、清楚地回答。"
    assert answer == {
        "id": answer["id"],
        "object": "chat.completion",
        "created": answer["created"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text, "reasoning_content": thoughts},
            }
        ],
        "usage": {
            "prompt_tokens": 5,
            "completion_tokens": 45,
            "total_tokens": 110,
            "completion_tokens_details": {"text_tokens": 45, "audio_tokens": 0, "reasoning_tokens": 60},
        },
        "credits_consumed": 0.03,
    }


def test_thoughts_can_be_left_out(caller):
    assert "reasoning_content" not in caller.chat(include_thoughts=False).text
    assert "reasoning_content" not in caller.chat(include_thoughts=False, stream=False).text


def test_the_stream_comes_bit_by_bit():
    with calling(speed=1) as caller:
        body = {"messages": [{"role": "user", "content": "2+2?"}]}
        url = f"{caller.sandbox.url}/{KIE[0].slug}{KIE[0].endpoint.path}"
        began = time.monotonic()
        with caller.session.post(url, json=body, stream=True, timeout=10) as answer:
            lines = answer.iter_lines()
            next(lines)
            first = time.monotonic() - began
            list(lines)
            whole = time.monotonic() - began

    assert first < whole / 2
    assert whole > 0.3


@pytest.mark.parametrize("model", GOOGLE, ids=lambda model: model.id)
def test_google_answers_whole_unless_asked_to_stream(caller, model):
    answer = caller.chat("what is 6 x 7?", model=model).json()

    assert answer == {
        "id": answer["id"],
        "object": "chat.completion",
        "created": answer["created"],
        "model": model.slug,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "6 x 7 = 42"}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": answer["usage"]["total_tokens"]},
    }
    assert caller.sandbox.balance == 10000


def test_google_gives_running_totals_on_every_chunk_when_asked(caller):
    plain = events(caller.chat("a long question", model=GOOGLE[0], stream=True))
    asked = events(caller.chat("a long question", model=GOOGLE[0], stream=True, stream_options={"include_usage": True}))

    assert not any("usage" in chunk for chunk in plain[:-1])
    counts = [chunk["usage"]["completion_tokens"] for chunk in asked[:-1]]
    assert counts == sorted(counts) and len(counts) > 3 and counts[-1] > 0
    assert asked[-2]["choices"][0]["finish_reason"] == "stop"
    assert asked[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("fields", "code", "text"),
    [
        (
            {"name": "nobody"},
            404,
            "models/nobody is not found for API version v1main, or is not supported for "
            "generateContent. Call ListModels to see the list of available models and their "
            "supported methods.",
        ),
        (
            {"include_thoughts": True},
            400,
            'Invalid JSON payload received. Unknown name "include_thoughts": Cannot find field.',
        ),
        ({"messages": []}, 400, "contents is not specified"),
        ({"temperature": 9}, 400, "Invalid value: temperature is not within the range of allowed options"),
    ],
)
def test_google_refuses_with_an_array_and_a_true_status(caller, fields, code, text):
    answer = caller.chat("hi", model=GOOGLE[0], **fields)

    assert answer.status_code == code
    status = "NOT_FOUND" if code == 404 else "INVALID_ARGUMENT"
    assert answer.json() == [{"error": {"code": code, "message": text, "status": status}}]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"messages": []}, "messages is required"),
        ({"messages": "hello"}, "messages is required"),
        ({"messages": [{"role": "nobody", "content": "a"}]}, "role is not within the range of allowed options"),
        ({"messages": [{"content": "a"}]}, "This field is required"),
        ({"include_thoughts": "yes"}, "include_thoughts it must be a boolean"),
        ({"reasoning_effort": "medium"}, "reasoning_effort is not within the range of allowed options"),
    ],
)
def test_kie_refuses_a_wrong_chat_with_an_envelope(caller, fields, text):
    answer = caller.chat("hi", **fields)

    assert (answer.status_code, answer.json()) == (200, {"code": 500, "msg": text, "data": None})


def test_a_chat_without_credits_is_refused():
    with calling(balance=Decimal(0)) as caller:
        assert caller.chat().json()["code"] == 402


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("2+2?", "2 + 2 = 4"),
        ("How much is 7.5 * 2", "7.5 * 2 = 15"),
        ("9 ÷ 2 等于多少？", "9 ÷ 2 = 4.5"),
        ("1/0=", "1/0 has no result: nothing can be divided by zero."),
    ],
)
def test_sums_are_worked_out(caller, question, answer):
    assert caller.text(question) == answer


@pytest.mark.parametrize("question", ["What happened on 2026-11-22?", "Which is wider, 16:9 or 4:3?", "see pages 3-4"])
def test_what_only_looks_like_a_sum_is_not_worked_out(caller, question):
    assert caller.text(question).startswith("You said: ")


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
            "required": ["city"],
        },
    },
}


def test_a_function_that_the_question_names_is_called(caller):
    question = "Please use get_weather for Paris"
    whole = caller.chat(question, tools=[TOOL], stream=False).json()["choices"][0]
    streamed = events(caller.chat(question, tools=[TOOL]))

    call = whole["message"]["tool_calls"][0]
    assert (whole["finish_reason"], whole["message"]["content"]) == ("tool_calls", None)
    assert call == {
        "id": call["id"],
        "type": "function",
        "function": {"name": "get_weather", "arguments": '{"city":"Paris","days":2}'},
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in streamed[:-2]]
    first, *others = [one for delta in deltas for one in delta.get("tool_calls", [])]
    function = {"name": "get_weather", "arguments": ""}
    assert first == {"id": first["id"], "type": "function", "index": 0, "function": function}
    assert [set(one) for one in others] == [{"index", "function"}] * len(others) and len(others) > 1
    assert "".join(one["function"]["arguments"] for one in others) == '{"city":"Paris","days":2}'
    assert streamed[-3]["choices"][0]["finish_reason"] == "tool_calls"


def test_google_calls_functions_in_its_own_form(caller):
    streamed = events(caller.chat("get_weather", model=GOOGLE[0], tools=[TOOL], stream=True))

    call = next(
        chunk["choices"][0]["delta"]["tool_calls"][0]
        for chunk in streamed
        if "tool_calls" in chunk["choices"][0]["delta"]
    )
    assert set(call) == {"id", "type", "function", "extra_content"}


@pytest.mark.parametrize(
    ("choice", "calls"),
    [("auto", 0), ("none", 0), ("required", 1), ({"type": "function", "function": {"name": "get_weather"}}, 1)],
)
def test_the_tool_choice_is_honoured(choice, calls):
    body = {"messages": [{"role": "user", "content": "hello"}], "tools": [TOOL], "tool_choice": choice}

    assert len(reply_to(chat_completions.read(body)).calls) == calls


def test_a_tools_answer_is_told(caller):
    messages = [
        {"role": "user", "content": "get_weather in Paris"},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "tool_call_id": "c", "content": "12 degrees"},
    ]

    assert caller.text(messages, tools=[TOOL]) == "The tool answered: 12 degrees"


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": "object",
            "properties": {
                "name": {"type": "string", "maxLength": 4},
                "n": {"type": "integer", "minimum": 3},
                "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
            },
            "required": ["name", "n", "tags"],
            "additionalProperties": False,
        },
        {
            "$defs": {
                "point": {"type": "object", "properties": {"x": {"type": "number", "maximum": -2}}, "required": ["x"]}
            },
            "type": "array",
            "items": {"$ref": "#/$defs/point"},
        },
        {"anyOf": [{"type": "null"}, {"type": "string"}]},
        {"allOf": [{"properties": {"a": {"const": 5}}}, {"required": ["a"]}]},
        {"type": ["string", "null"], "minLength": 30},
        {
            "type": "object",
            "properties": {
                "when": {"type": "string", "format": "date"},
                "ok": {"type": "boolean"},
                "step": {"type": "integer", "multipleOf": 5, "minimum": 7},
            },
        },
    ],
)
def test_a_schema_is_filled_in(caller, schema):
    form = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}

    value = json.loads(caller.text("Tell me about Rome", response_format=form))

    jsonschema.validate(value, schema)
    assert value == fill(schema, "Tell me about Rome", schema)


def test_max_tokens_cuts_the_answer(caller):
    choice = caller.chat("tell me everything", max_tokens=5, stream=False).json()["choices"][0]

    assert choice["finish_reason"] == "length"
    assert tokens_of(choice["message"]["content"]) <= 6


def test_media_are_seen(caller):
    parts = [{"type": "text", "text": "what is this?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}}]

    assert "I was given 1 file." in caller.text([{"role": "user", "content": parts}])


@pytest.mark.parametrize("stream", [True, False])
def test_an_envelope_can_come_instead_of_an_answer(caller, stream):
    answer = caller.chat("hi [[fault:envelope=401]]", stream=stream)

    assert (answer.status_code, answer.json()) == (200, {"code": 401, "msg": "You do not have access permissions"})
    assert caller.sandbox.balance == 10000


def test_googles_envelope_is_its_array(caller):
    answer = caller.chat("hi [[fault:envelope=429]]", model=GOOGLE[0])

    assert (answer.status_code, answer.json()[0]["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")


def test_google_says_when_to_come_back(caller):
    answer = caller.chat("hi [[fault:retry-after=34]]", model=GOOGLE[0])

    assert answer.json()[0]["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    ]


def test_an_error_can_come_in_the_middle(caller):
    text = caller.chat("tell me [[fault:event-error]]").content.decode()

    assert text.endswith(
        'event: error\ndata: {"type":"error","error":{"type":"upstream_error",'
        '"message":"Upstream generation error"}}\n\n'
    )
    assert '"content":"You said' in text


def test_a_stream_can_end_without_a_word(caller):
    chunks = events(caller.chat("tell me [[fault:silent-close]]"))

    assert all(chunk["choices"] and "finish_reason" not in chunk["choices"][0] for chunk in chunks)


def test_a_stream_can_break_off(caller):
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = caller.chat("tell me [[fault:cut]]").content


def test_a_stream_can_stall(caller):
    began = time.monotonic()
    caller.chat("tell me [[fault:stall=0.4]]")

    assert 0.4 <= time.monotonic() - began < 2


def test_the_answer_can_come_in_one_chunk(caller):
    chunks = events(caller.chat("tell me [[fault:one-delta]]", include_thoughts=False))

    assert len(chunks) == 5


def test_usage_can_be_missing(caller):
    assert "usage" not in caller.chat("hi [[fault:no-usage]]").text
    assert "usage" not in caller.chat("hi [[fault:no-usage]]", stream=False).text


def test_an_empty_answer_is_charged(caller):
    chunks = events(caller.chat("hi [[fault:empty]]"))

    assert [chunk["choices"] for chunk in chunks[1:-2]] == [[{"delta": {}, "index": 0, "finish_reason": "stop"}]]
    assert chunks[-2]["credits_consumed"] > 1
    assert caller.sandbox.balance == 10000 - Decimal(str(chunks[-2]["credits_consumed"]))
