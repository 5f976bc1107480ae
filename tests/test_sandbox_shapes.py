"""The four shapes of chat in the sandbox: one question in all of them, paths, keys and limits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from shapecalls import CATALOG, CHAT, CITY, CLAUDE, CONVERSATION, FORM, GEMINI, GPT, MODELS, SHAPES, body, calling

from kie_sync.sandbox import shapes
from kie_sync.sandbox.question import Call, Question, ToolAnswer, Turn
from kie_sync.sandbox.replies import reply_to


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


@pytest.mark.parametrize("shape", SHAPES)
def test_a_question_is_the_same_in_every_shape(shape):
    asked = shapes.SHAPES[shape].read(CONVERSATION[shape])

    unnamed = tuple(replace(turn, answers=tuple(replace(one, name="") for one in turn.answers)) for turn in asked.turns)
    assert replace(asked, turns=unnamed) == Question(
        turns=(
            Turn("user", "What is it?", ("image",)),
            Turn("assistant", "A cat."),
            Turn("user", "And the weather?"),
            Turn(
                "assistant", calls=(Call("weather", '{"city":"Rome"}', "c1"), Call("weather", '{"city":"Oslo"}', "c2"))
            ),
            Turn("tool", answers=(ToolAnswer("12", id="c1"), ToolAnswer("-3", id="c2"))),
        ),
        system="Be brief.",
        tools={"weather": CITY},
        choice="required",
        schema=FORM,
        max_tokens=9,
        shows_thoughts=True,
    )
    assert [one.name for one in asked.answers] == ["weather", "weather"]


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        (CHAT, {"response_format": {"type": "json_object"}}),
        (GPT, {"text": {"format": {"type": "json_object"}}}),
        (GEMINI, {"generationConfig": {"responseMimeType": "application/json"}}),
    ],
    ids=[CHAT, GPT, GEMINI],
)
def test_an_object_can_be_asked_for_without_a_schema(shape, fields):
    asked = shapes.SHAPES[shape].read({**body(shape, "2+2?"), **fields})

    assert reply_to(asked).text == '{"answer":"2 + 2 = 4"}'


def test_googles_schema_is_read_as_json_schema():
    schema = {
        "type": "OBJECT",
        "properties": {
            "n": {"type": "INTEGER", "nullable": True},
            "list": {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}},
        },
        "propertyOrdering": ["n", "list"],
    }
    settings = {"responseMimeType": "application/json", "responseSchema": schema}

    assert shapes.SHAPES[GEMINI].read({**body(GEMINI, "hi"), "generationConfig": settings}).schema == {
        "type": "object",
        "properties": {
            "n": {"type": "integer"},
            "list": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}},
        },
        "propertyOrdering": ["n", "list"],
    }


def test_other_forms_of_the_same_are_understood():
    claude = shapes.SHAPES[CLAUDE].read(
        {
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "hi"},
                        {"type": "document", "source": {"type": "url", "url": "https://x/a"}},
                        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}},
                    ],
                }
            ],
            "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        }
    )
    gpt = shapes.SHAPES[GPT].read(
        {
            "input": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "hi"},
                        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="},
                        {"type": "input_file", "file_url": "https://x/b.pdf"},
                    ],
                },
            ],
            "tools": [{"type": "web_search"}],
        }
    )
    gemini = shapes.SHAPES[GEMINI].read(
        {
            "systemInstruction": "Be brief.",
            "contents": [
                {
                    "parts": [
                        {"text": "hi"},
                        {"fileData": {"fileUri": "https://x/b.pdf"}},
                        {"inlineData": {"mimeType": "application/pdf", "data": "aGk="}},
                    ]
                }
            ],
            "tools": [{"googleSearch": {}}],
        }
    )

    asked = Question((Turn("user", "hi", ("pdf", "pdf")),), "Be brief.", wants_search=True)
    assert replace(claude, max_tokens=None, effort="") == gpt == gemini == asked
    assert (claude.max_tokens, claude.effort) == (4096, "none")


def test_gemini_takes_snake_case_too():
    snake = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"parts": [{"text": "hi"}, {"file_data": {"file_uri": "https://x/a.mp3"}}]}],
        "tools": [{"function_declarations": [{"name": "f", "parameters": FORM}]}],
        "tool_config": {"function_calling_config": {"mode": "none"}},
        "generation_config": {"max_output_tokens": 3, "thinking_config": {"include_thoughts": True}},
    }

    assert shapes.SHAPES[GEMINI].read(snake) == Question(
        turns=(Turn("user", "hi", ("audio",)),),
        system="Be brief.",
        tools={"f": FORM},
        choice="none",
        max_tokens=3,
        shows_thoughts=True,
    )


@pytest.mark.parametrize(
    ("path", "fields", "is_stream"),
    [
        (":streamGenerateContent", {}, True),
        (":streamGenerateContent", {"stream": True}, True),
        (":streamGenerateContent", {"stream": False}, False),
        (":streamGenerateContent?alt=sse", {}, True),
        (":generateContent", {}, False),
        (":generateContent", {"stream": True}, False),
    ],
)
def test_geminis_two_paths_and_kies_flag(caller, path, fields, is_stream):
    sent = {"contents": [{"parts": [{"text": "2+2?"}]}], **fields}

    answer = caller.post(GEMINI, sent, path=f"/gemini/v1/models/test-gemini{path}", timeout=10)

    assert answer.headers["Content-Type"].startswith("text/event-stream" if is_stream else "application/json")


@pytest.mark.parametrize(("shape", "streams"), [(CHAT, True), (CLAUDE, True), (GPT, False), (GEMINI, True)])
def test_without_the_field_each_streams_or_not_as_kies_pages_say(caller, shape, streams):
    sent = {name: value for name, value in body(shape, "hi").items() if name != "stream"}

    answer = caller.post(shape, sent, timeout=10)

    assert answer.headers["Content-Type"].startswith("text/event-stream") == streams


@pytest.mark.parametrize(
    ("shape", "limit", "place"),
    [
        (CHAT, {"max_tokens": 5}, lambda answer: answer["choices"][0]["finish_reason"] == "length"),
        (CLAUDE, {"max_tokens": 5}, lambda answer: answer["stop_reason"] == "max_tokens"),
        (GPT, {"max_output_tokens": 5}, lambda answer: answer["incomplete_details"]["reason"] == "max_output_tokens"),
        (
            GEMINI,
            {"generationConfig": {"maxOutputTokens": 5}},
            lambda answer: answer["candidates"][0]["finishReason"] == "MAX_TOKENS",
        ),
    ],
    ids=SHAPES,
)
def test_a_limit_cuts_the_answer(caller, shape, limit, place):
    assert place(caller.whole(shape, "Tell me everything", **limit))


@pytest.mark.parametrize(
    ("shape", "header"),
    [(CLAUDE, "x-api-key"), (GEMINI, "x-goog-api-key"), (CHAT, ""), (GPT, "")],
    ids=SHAPES[1:] + SHAPES[:1],
)
def test_the_key_may_come_as_the_maker_sends_it(shape, header):
    with calling() as caller:
        right = caller.whole(shape, "2+2?")
        del caller.session.headers["Authorization"]
        without = caller.whole(shape, "2+2?")
        caller.session.headers[header or "x-api-key"] = caller.sandbox.key
        own = caller.whole(shape, "2+2?")

    assert "credits_consumed" in right
    assert (without["code"], "data" in without) == (401, False)
    assert ("credits_consumed" in own) == bool(header)


@pytest.mark.parametrize(("path", "streams"), [("/grok/v1/responses", True), ("/openai/v1/responses", True)])
def test_other_responses_stream_without_the_field(path, streams):
    endpoint = replace(CATALOG[MODELS[GPT]].endpoint, path=path)

    assert shapes.SHAPES[GPT].streams({"input": "hi"}, endpoint, path) is streams


@pytest.mark.parametrize("path", ["/gemini/v1/models/nobody:generateContent", "/nobody/v1/chat/completions"])
def test_a_model_that_is_not_there_has_no_page(caller, path):
    answer = caller.post(CHAT, {}, path=path, timeout=10)

    assert (answer.status_code, answer.json()) == (200, {"code": 500, "msg": "The page does not exist"})


def test_a_model_of_another_path_is_not_there(caller):
    answer = caller.post(GPT, {"model": MODELS[CLAUDE], "input": "hi"}, timeout=10).json()

    assert (answer["code"], answer["msg"][:32]) == (422, "The model name you specified is ")
