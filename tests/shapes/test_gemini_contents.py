from __future__ import annotations

from typing import Any, List

import pytest
from turns import PAPER, PICTURE, TOOL, WEATHER, answered, body, called, models, said, same, shown

from kie_sync.errors import KieInputError
from kie_sync.params import resolve
from kie_sync.shapes.gemini_contents import build_body, parse_completion
from kie_sync.shapes.gemini_schema import fits_schema

MODEL = "test/gemini"
HI = said("user", "hi")
BARE = "https://a.example/x"
FILE = {"fileData": {"mimeType": "image/png", "fileUri": PICTURE}}
NO_SIGNATURE = "skip_thought_signature_validator"
CALL = {"functionCall": {"id": "a", "name": "weather", "args": {"city": "Paris"}}}
PARTS = [
    {"text": "hm", "thought": True},
    {"text": "Let me look."},
    {"functionCall": {"id": "gp737npz", "name": "weather", "args": {"city": "Paris"}}, "thoughtSignature": "Es8C"},
    {"functionCall": {"name": "clock", "args": {}}},
]


def user(*parts: Any) -> Any:
    return {"role": "user", "parts": list(parts)}


def model(*parts: Any) -> Any:
    return {"role": "model", "parts": list(parts)}


def response(name: str, told: Any, **more: Any) -> Any:
    return {"functionResponse": {**more, "name": name, "response": told}}


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        pytest.param([said("system", ""), HI], {"contents": [user({"text": "hi"})]}, id="text"),
        pytest.param(
            [said("system", "a"), HI, said("developer", [{"type": "text", "text": "b"}])],
            {"systemInstruction": {"parts": [{"text": "a"}, {"text": "b"}]}, "contents": [user({"text": "hi"})]},
            id="system",
        ),
        pytest.param(
            [HI, said("assistant", "Hello."), said("user", "so"), said("user", [{"type": "text", "text": "bye"}])],
            {"contents": [user({"text": "hi"}), model({"text": "Hello."}), user({"text": "so"}, {"text": "bye"})]},
            id="side by side",
        ),
        pytest.param(
            [HI, said("assistant", ""), said("assistant"), said("user", "")],
            {"contents": [user({"text": "hi"}, {"text": ""})]},
            id="an empty answer",
        ),
        pytest.param(
            [
                said(
                    "user", [shown(PICTURE), shown(PAPER), shown("https://a.example/x", videoMetadata={"fps": 1}), FILE]
                )
            ],
            {
                "contents": [
                    user(
                        FILE,
                        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
                        {"fileData": {"fileUri": BARE}, "videoMetadata": {"fps": 1}},
                        FILE,
                    )
                ]
            },
            id="files",
        ),
        pytest.param(
            [
                HI,
                said("assistant", "Hm.", tool_calls=[called("a"), called("b", '["x"', "clock"), called("c", "")]),
                answered("a"),
                answered("b", '{"t": 1}'),
                answered("c", "cold", is_error=True),
                said("user", "so?"),
            ],
            {
                "contents": [
                    user({"text": "hi"}),
                    model(
                        {"text": "Hm."},
                        {**CALL, "thoughtSignature": NO_SIGNATURE},
                        {"functionCall": {"id": "b", "name": "clock", "args": {"arguments": '["x"'}}},
                        {"functionCall": {"id": "c", "name": "weather", "args": {}}},
                    ),
                    user(
                        response("weather", {"result": "22 degrees"}, id="a"),
                        response("clock", {"t": 1}, id="b"),
                        response("weather", {"error": "cold"}, id="c"),
                        {"text": "so?"},
                    ),
                ]
            },
            id="calls and answers",
        ),
        pytest.param(
            [
                answered("x", [{"type": "text", "text": "[1]"}, shown(PICTURE)], name="look"),
                answered("y", None, name="wait"),
                answered("z", {"a": 1}, name="find"),
            ],
            {
                "contents": [
                    user(
                        {"functionResponse": {"name": "look", "response": {"result": "[1]"}, "parts": [FILE]}},
                        response("wait", {"result": None}),
                        response("find", {"a": 1}),
                    )
                ]
            },
            id="answers of all kinds, with names of their own",
        ),
        pytest.param(
            [
                said("assistant", None, tool_calls=[called("a")]),
                answered("a", "1"),
                said("assistant", None, tool_calls=[called("a", "{}", "clock")]),
                answered("a", "2"),
            ],
            {
                "contents": [
                    model({**CALL, "thoughtSignature": NO_SIGNATURE}),
                    user(response("weather", {"result": "1"}, id="a")),
                    model({"functionCall": {"id": "a", "name": "clock", "args": {}}, "thoughtSignature": NO_SIGNATURE}),
                    user(response("clock", {"result": "2"}, id="a")),
                ]
            },
            id="an id that is used again",
        ),
    ],
)
def test_a_conversation_as_gemini_wants_it(messages: List[Any], sent: Any) -> None:
    assert body(MODEL, messages) == sent


@pytest.mark.parametrize("call_id", ["x", "", None, ["a"]])
def test_an_answer_to_no_call_is_told_at_once(call_id: Any) -> None:
    with pytest.raises(KieInputError) as caught:
        body(MODEL, [HI, {"role": "tool", "tool_call_id": call_id, "content": "22"}])

    assert [problem.where for problem in caught.value.problems] == ["messages[1].tool_call_id"]
    assert "must be the id of a call in an earlier message, or the message must have a name; got" in str(caught.value)


RICH = {**WEATHER, "additionalProperties": False}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            {"tools": [TOOL, {"urlContext": {}}, {"type": "function", "function": {"name": "f", "strict": True}}]},
            {
                "tools": [
                    {
                        "functionDeclarations": [
                            {"name": "weather", "description": "The weather.", "parameters": WEATHER},
                            {"name": "f"},
                        ]
                    },
                    {"urlContext": {}},
                ]
            },
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": RICH}}]},
            {"tools": [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": RICH}]}]},
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
            {"tools": [{"functionDeclarations": [{"name": "f"}]}]},
        ),
        ({"tools": [{"codeExecution": {}}]}, {"tools": [{"codeExecution": {}}]}),
        ({"google_search": True}, {"tools": [{"googleSearch": {}}]}),
        ({"tool_choice": "auto"}, {"toolConfig": {"functionCallingConfig": {"mode": "AUTO"}}}),
        ({"tool_choice": "none"}, {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
        ({"tool_choice": "required"}, {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}),
        ({"tool_choice": "validated"}, {"toolConfig": {"functionCallingConfig": {"mode": "VALIDATED"}}}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}},
        ),
        (
            {"tool_choice": {"functionCallingConfig": {"mode": "ANY"}}},
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        ),
        (
            {
                "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": WEATHER}},
                "reasoning_effort": "low",
                "include_thoughts": False,
                "max_tokens": 9,
            },
            {
                "generationConfig": {
                    "thinkingConfig": {"includeThoughts": False, "thinkingLevel": "low"},
                    "maxOutputTokens": 9,
                    "responseMimeType": "application/json",
                    "responseSchema": WEATHER,
                }
            },
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": RICH}}},
            {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": RICH}},
        ),
        ({"response_format": {"type": "json_object"}}, {"generationConfig": {"responseMimeType": "application/json"}}),
        ({"response_format": {"type": "text"}}, {}),
        ({"safetySettings": [1]}, {"safetySettings": [1]}),
    ],
)
def test_the_rest_of_a_call(given: Any, sent: Any) -> None:
    assert body(MODEL, [HI], **given) == {"contents": [user({"text": "hi"})], **sent}


@pytest.mark.parametrize("form", [{"type": "grammar"}, {"type": "json_schema"}, {"type": []}, {}])
def test_a_form_that_gemini_does_not_have(form: Any) -> None:
    with pytest.raises(KieInputError, match="response_format must be of type"):
        body(MODEL, [HI], response_format=form)


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        (WEATHER, True),
        ({"type": "OBJECT", "properties": {"a": {"type": "STRING", "enum": ["x"], "nullable": True}}}, True),
        ({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "array", "items": {"type": "number"}}]}, True),
        (RICH, False),
        ({"$ref": "#/$defs/a", "$defs": {}}, False),
        ({"type": ["string", "null"]}, False),
        ({"type": "integer", "enum": [1, 2]}, False),
        ({"type": "string", "format": "uri"}, False),
        ({"type": "array", "items": {"const": 1}}, False),
        ({"properties": {"a": {"oneOf": []}}}, False),
        ({"anyOf": [{"not": {}}]}, False),
        ({"enum": 3}, False),
        ({"properties": []}, False),
        ({"anyOf": {}}, False),
        ({"items": 3}, False),
        (None, False),
    ],
)
def test_what_googles_schema_can_hold(schema: Any, fits: bool) -> None:
    assert fits_schema(schema) is fits


def test_an_answer_goes_back_with_its_signatures_to_the_model_that_gave_it() -> None:
    raw = {"candidates": [{"content": {"role": "model", "parts": PARTS}, "finishReason": "STOP"}], "responseId": "r-1"}
    first = same(parse_completion(raw, model=MODEL).message.to_dict())
    conversation = [HI, first, answered("gp737npz"), answered("call_r-1_1", "noon")]
    asked = user({"text": "hi"})

    kept = body(MODEL, conversation)
    first["native"]["model"] = "another"
    converted = body(MODEL, conversation)

    # The second call had no id of Google's: the one that was made up here stays here.
    answers = user(response("weather", {"result": "22 degrees"}, id="gp737npz"), response("clock", {"result": "noon"}))
    assert kept == {"contents": [asked, model(*PARTS), answers]}
    calls = [
        {"functionCall": PARTS[2]["functionCall"], "thoughtSignature": NO_SIGNATURE},
        {"functionCall": {"id": "call_r-1_1", "name": "clock", "args": {}}},
    ]
    answers = user(
        response("weather", {"result": "22 degrees"}, id="gp737npz"),
        response("clock", {"result": "noon"}, id="call_r-1_1"),
    )
    assert converted == {"contents": [asked, model({"text": "Let me look."}, *calls), answers]}


def test_what_the_caller_gave_is_not_written_into() -> None:
    """A body is built more than once: for the price, and for the call."""
    entry = models()[MODEL]
    given = {"messages": [HI, said("user", "so")], "generationConfig": {"topP": 0.5}}
    arguments = resolve(entry, {**given, "response_format": {"type": "json_object"}})
    before = same(arguments.wire)

    found = build_body(entry, arguments)

    assert found["generationConfig"] == {"topP": 0.5, "responseMimeType": "application/json"}
    assert (arguments.wire, build_body(entry, arguments)) == (before, found)
