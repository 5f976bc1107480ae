"""What the sandbox refuses in each shape of chat, in the words of the shape's maker, inside KIE's envelope."""

from __future__ import annotations

import pytest
from shapecalls import CLAUDE, GEMINI, GPT, SHAPES, body, calling

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {
    CLAUDE: {"tools": [{"name": "weather", "input_schema": CITY}]},
    GPT: {"tools": [{"type": "function", "name": "weather", "parameters": CITY}]},
    GEMINI: {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": CITY}]}]},
}


@pytest.fixture(scope="module")
def caller():
    with calling() as caller:
        yield caller


def claude(*messages):
    return {"messages": [{"role": role, "content": content} for role, content in messages]}


def gemini(*contents):
    return {"contents": [{"role": role, "parts": parts} for role, parts in contents]}


USE = {"type": "tool_use", "id": "t1", "name": "weather", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "12"}
ASK = {"type": "text", "text": "hi"}
CALL = {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "12"}
GEMINI_CALL = {"functionCall": {"id": "g1", "name": "weather", "args": {}}}
GEMINI_ANSWER = {"functionResponse": {"id": "g1", "name": "weather", "response": {"result": "12"}}}

CLAUDE_FAULTS = {
    "no messages": ({"messages": []}, "messages is required"),
    "a system message": (claude(("system", "x"), ("user", "hi")), "role is not within the range of allowed options"),
    "a tool message": (claude(("user", "hi"), ("tool", "12")), "role is not within the range of allowed options"),
    "a foreign field": (
        {"messages": [{"role": "user", "content": "hi", "tool_call_id": "x"}]},
        "tool_call_id is not a supported field",
    ),
    "the model first": (claude(("assistant", "hi")), 'messages: first message must use the "user" role'),
    "an empty text": (
        claude(("user", [{"type": "text", "text": ""}])),
        "messages: text content blocks must be non-empty",
    ),
    "no content": (
        claude(("user", "hi"), ("assistant", []), ("user", "?")),
        "messages.1: all messages must have non-empty content except for the optional final assistant message",
    ),
    "an OpenAI picture": (
        claude(("user", [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}])),
        "messages.0.content.0: Input tag 'image_url' found using 'type' does not match any of the expected tags: "
        "'document', 'image', 'redacted_thinking', 'text', 'thinking', 'tool_result', 'tool_use'",
    ),
    "a picture from nowhere": (
        claude(("user", [{"type": "image", "source": {"type": "url", "url": "data:image/png;base64,aGk="}}])),
        "messages.0.content.0.image.source: Input should be a valid source: base64 (media_type, data) or url (url)",
    ),
    "arguments as text": (
        claude(("user", "hi"), ("assistant", [{**USE, "input": "{}"}])),
        "messages.1.content.0.tool_use.input: Input should be a valid dictionary",
    ),
    "a call without an answer": (
        claude(("user", "hi"), ("assistant", [USE]), ("user", "well?")),
        "messages: `tool_use` ids were found without `tool_result` blocks immediately after: t1. "
        "Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
    ),
    "an answer without a call": (
        claude(("user", "hi"), ("assistant", "x"), ("user", [RESULT])),
        "messages: unexpected `tool_use_id` found in `tool_result` blocks: t1. "
        "Each `tool_result` block must have a corresponding `tool_use` block in the previous message.",
    ),
    "an answer after a text": (
        claude(("user", "hi"), ("assistant", [USE]), ("user", [ASK, RESULT])),
        "messages.2.content.1: `tool_result` blocks must come before other content of the message",
    ),
    "thoughts without their signature": (
        claude(("user", "hi"), ("assistant", [{"type": "thinking", "thinking": "Hm."}, ASK]), ("user", "so?")),
        "messages.1.content.0: Invalid `signature` in `thinking` block",
    ),
    "hidden thoughts made up": (
        claude(("user", "hi"), ("assistant", [{"type": "redacted_thinking", "data": "Hm."}, ASK]), ("user", "so?")),
        "messages.1.content.0: Invalid `data` in `redacted_thinking` block",
    ),
    "no thoughts before a call": (
        {**claude(("user", "hi"), ("assistant", [USE]), ("user", [RESULT])), "thinkingFlag": True},
        "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block "
        "(preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
    ),
    "OpenAI's tools": (
        {**claude(("user", "hi")), "tools": [{"type": "custom", "function": {}}]},
        "This field is required",
    ),
    "OpenAI's tool choice": (
        {**claude(("user", "hi")), "tool_choice": {"type": "function"}},
        "type is not within the range of allowed options",
    ),
    "a limit of the entry": ({**claude(("user", "hi")), "temperature": 1.5}, "temperature is not within the range"),
    "a flag that is none": ({**claude(("user", "hi")), "thinkingFlag": "yes"}, "thinkingFlag it must be a boolean"),
}

GPT_FAULTS = {
    "no input": ({}, "This field is required"),
    "an unknown part": (
        {"input": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
        "Invalid value: 'text'. Supported values are: 'input_text', 'input_image', 'output_text', 'refusal', "
        "'input_file', 'summary_text'.",
    ),
    "the model's part as input": (
        {"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "hi"}]}]},
        "Invalid value: 'input_text'. Supported values are: 'output_text', 'refusal'.",
    ),
    "a picture as an object": (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": {"url": "https://x/y"}}]}]},
        "Invalid type for 'input[0].content[0].image_url': expected an image URL, but got an object instead.",
    ),
    "a file without its place": (
        {"input": [{"role": "user", "content": [{"type": "input_file", "filename": "a.pdf"}]}]},
        "Missing required parameter: 'input[0].content[0].file_url'.",
    ),
    "a tool's message": (
        {"input": [{"role": "tool", "content": "12"}]},
        "Invalid value: 'tool'. Supported values are: 'user', 'assistant', 'system', 'developer'.",
    ),
    "an unknown item": (
        {"input": [{"type": "tool_use"}]},
        "Invalid value: 'tool_use'. Supported values are: 'message', 'function_call', 'function_call_output', "
        "'reasoning', 'web_search_call'.",
    ),
    "arguments as an object": (
        {"input": [{**CALL, "arguments": {}}, OUTPUT]},
        "Missing required parameter: 'input[0].arguments'.",
    ),
    "an answer of nothing": (
        {"input": [CALL, {**OUTPUT, "output": None}]},
        "Missing required parameter: 'input[1].output'.",
    ),
    "a call without an answer": ({"input": [CALL]}, "No tool output found for function call c1."),
    "an answer without a call": ({"input": [OUTPUT]}, "No tool call found for function call output with call_id c1."),
    "an earlier answer by id": (
        {"input": "hi", "previous_response_id": "resp_1"},
        "Previous response with id 'resp_1' not found.",
    ),
    "nested tools": (
        {"input": "hi", "tools": [{"type": "function", "function": {"name": "x"}}]},
        "This field is required",
    ),
    "a nested form": (
        {"input": "hi", "text": {"format": {"type": "json_schema", "json_schema": {"schema": {}}}}},
        "Missing required parameter: 'text.format.name'.",
    ),
    "an unknown effort": (
        {"input": "hi", "reasoning": {"effort": "much"}},
        "effort is not within the range of allowed options",
    ),
    "search and functions": (
        {"input": "hi", "tools": [*TOOLS[GPT]["tools"], {"type": "web_search"}]},
        "Search and function calling cannot be used together",
    ),
}

GEMINI_FAULTS = {
    "no contents": ({"contents": []}, "contents is required"),
    "messages": ({"messages": [{"role": "user", "content": "hi"}]}, "contents is required"),
    "another role": (gemini(("assistant", [{"text": "hi"}])), "role is not within the range of allowed options"),
    "no parts": (gemini(("user", [])), "parts is required"),
    "an OpenAI part": (
        gemini(("user", [{"type": "image_url", "image_url": {"url": "https://x/y"}}])),
        "* GenerateContentRequest.contents.parts.data: required oneof field 'data' must have one initialized field",
    ),
    "a file without its type": (
        gemini(("user", [{"inlineData": {"data": "aGk="}}])),
        "Unable to process input image: inline_data needs data and mime_type",
    ),
    "a file without its place": (
        gemini(("user", [{"fileData": {"mimeType": "image/png"}}])),
        "* GenerateContentRequest.contents.parts.file_data.file_uri: must not be empty",
    ),
    "an answer that is a text": (
        gemini(("user", [{"functionResponse": {"name": "weather", "response": "12"}}])),
        "Invalid value at 'contents.parts.function_response.response': it must be an object",
    ),
    "an answer without a name": (
        gemini(("user", [{"functionResponse": {"response": {}}}])),
        "* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.",
    ),
    "a call without an answer": (
        gemini(("user", [{"text": "hi"}]), ("model", [GEMINI_CALL]), ("user", [{"text": "so?"}])),
        "Please ensure that the number of function response parts is equal to the number of function call parts "
        "of the function call turn.",
    ),
    "an answer without a call": (
        gemini(("user", [GEMINI_ANSWER])),
        "Please ensure that the number of function response parts is equal to the number of function call parts "
        "of the function call turn.",
    ),
    "a call without a signature": (
        gemini(
            ("user", [{"text": "hi"}]),
            ("model", [{"functionCall": {"name": "weather", "args": {}}}]),
            ("user", [GEMINI_ANSWER]),
        ),
        "Function call is missing a thought_signature in functionCall parts. This is required for tools to work "
        "correctly, and missing thought_signature may lead to degraded model performance. "
        "Additional data, function call `default_api:weather` , position 2.",
    ),
    "a signature made up": (
        gemini(("user", [{"text": "hi"}]), ("model", [{"text": "x", "thoughtSignature": "aGk="}])),
        "Thought signature is not valid.",
    ),
    "JSON Schema as Google's": (
        {
            **gemini(("user", [{"text": "hi"}])),
            "tools": [
                {
                    "functionDeclarations": [
                        {
                            "name": "f",
                            "parameters": {
                                "type": "object",
                                "properties": {"a": {"type": "object", "additionalProperties": False}},
                            },
                        }
                    ]
                }
            ],
        },
        'Invalid JSON payload received. Unknown name "additionalProperties" at '
        "'tools[0].function_declarations[0].parameters.properties[0].value': Cannot find field.",
    ),
    "a form as JSON Schema": (
        {
            **gemini(("user", [{"text": "hi"}])),
            "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"$defs": {}}},
        },
        "Invalid JSON payload received. Unknown name \"$defs\" at 'generation_config.response_schema': "
        "Cannot find field.",
    ),
    "a name with a space": (
        {**gemini(("user", [{"text": "hi"}])), "tools": [{"functionDeclarations": [{"name": "a b"}]}]},
        "* GenerateContentRequest.tools[0].function_declarations[0].name: "
        "Invalid function name. Must start with a letter or an underscore.",
    ),
    "an unknown level": (
        {**gemini(("user", [{"text": "hi"}])), "generationConfig": {"thinkingConfig": {"thinkingLevel": "medium"}}},
        "thinkingLevel is not within the range of allowed options",
    ),
    "search and functions": (
        {**gemini(("user", [{"text": "hi"}])), "tools": [*TOOLS[GEMINI]["tools"], {"googleSearch": {}}]},
        "Search and function calling cannot be used together",
    ),
}

CASES = [
    pytest.param(shape, fields, text, id=f"{shape}: {name}")
    for shape, faults in ((CLAUDE, CLAUDE_FAULTS), (GPT, GPT_FAULTS), (GEMINI, GEMINI_FAULTS))
    for name, (fields, text) in faults.items()
]


@pytest.mark.parametrize(("shape", "fields", "text"), CASES)
def test_what_is_wrong_is_refused(caller, shape, fields, text):
    named = {key: value for key, value in body(shape, "").items() if key == "model"}
    before = caller.sandbox.chats

    answer = caller.post(shape, {**named, **fields}, timeout=10)

    told = answer.json()
    assert (answer.status_code, told["code"] in (400, 500), told["msg"][: len(text)]) == (200, True, text)
    assert caller.sandbox.chats == before


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sent", [[], "text", {"model": 5}, {"messages": 5, "input": 5, "contents": 5}], ids=str)
def test_any_nonsense_is_refused_with_an_envelope(caller, shape, sent):
    answer = caller.post(shape, sent, timeout=10)

    assert answer.status_code == 200
    assert answer.json()["code"] in (400, 422, 500)
