"""A plain caller of the sandbox in each shape of chat, for tests: what is sent and read is written out by hand."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Mapping

import requests
from conftest import ROOT

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox.signatures import sign

CATALOG = read_catalog(ROOT / "tests/cases/chat_shapes.yaml")
CHAT, CLAUDE, GPT, GEMINI = "chat-completions", "anthropic-messages", "openai-responses", "gemini-contents"
PATHS = {
    CHAT: "/test-chat/v1/chat/completions",
    CLAUDE: "/claude/v1/messages",
    GPT: "/codex/v1/responses",
    GEMINI: "/gemini/v1/models/test-gemini:streamGenerateContent",
}
MODELS = {CLAUDE: "test-claude", GPT: "test-gpt"}
SHAPES = tuple(PATHS)
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
PNG = "data:image/png;base64,aGk="


def body(shape: str, question: str, **fields: Any) -> Dict[str, Any]:
    """A question in this shape."""
    plain = [{"role": "user", "content": question}]
    asked: Dict[str, Any] = {
        CHAT: {"messages": plain},
        CLAUDE: {"messages": plain},
        GPT: {"input": question},
        GEMINI: {"contents": [{"role": "user", "parts": [{"text": question}]}]},
    }[shape]
    named = {"model": MODELS[shape]} if shape in MODELS else {}
    return {**named, "stream": True, **asked, **fields}


class Caller:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.key}"

    def post(self, shape: str, sent: Any, *, path: str = "", fault: str = "", **given: Any) -> requests.Response:
        headers = {"X-Sandbox-Fault": fault} if fault else {}
        return self.session.post(self.sandbox.url + (path or PATHS[shape]), json=sent, headers=headers, **given)

    def ask(self, shape: str, question: str, *, fault: str = "", **fields: Any) -> requests.Response:
        return self.post(shape, body(shape, question, **fields), fault=fault, timeout=10)

    def whole(self, shape: str, question: str, **fields: Any) -> Any:
        return self.ask(shape, question, stream=False, **fields).json()

    def events(self, shape: str, question: str, **fields: Any) -> List[Any]:
        return events(self.ask(shape, question, **fields))


@contextmanager
def calling(**settings: Any) -> Iterator[Caller]:
    with Sandbox(**{"catalog": CATALOG, "speed": 1000, "seed": 1, **settings}) as sandbox:
        caller = Caller(sandbox)
        with caller.session:
            yield caller


def events(answer: requests.Response) -> List[Any]:
    """The data of each event; its name, where it has one, has to be its type."""
    found = []
    for part in answer.content.decode("utf-8").split("\n\n")[:-1]:
        *names, data = part.split("\n")
        value = json.loads(data[len("data: ") :]) if data != "data: [DONE]" else "[DONE]"
        assert names in ([], [f"event: {value['type']}"] if "type" in value else [])
        found.append(value)
    return found


# One conversation, four times: a picture, two calls and their answers, a function, a demand for a form.
CONVERSATION: Mapping[str, Any] = {
    CHAT: {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PNG}}],
            },
            {"role": "assistant", "content": "A cat."},
            {"role": "user", "content": "And the weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}},
                    {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "12"},
            {"role": "tool", "tool_call_id": "c2", "content": "-3"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": CITY}}],
        "tool_choice": "required",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": FORM}},
        "max_tokens": 9,
        "include_thoughts": True,
    },
    CLAUDE: {
        "system": "Be brief.",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is it?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
                ],
            },
            {"role": "assistant", "content": "A cat."},
            {"role": "user", "content": "And the weather?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": sign("Hm.")},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}},
                    {"type": "tool_use", "id": "c2", "name": "weather", "input": {"city": "Oslo"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "12"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "-3"}]},
                ],
            },
        ],
        "tools": [{"name": "weather", "input_schema": CITY}],
        "tool_choice": {"type": "any"},
        "output_config": {"format": {"type": "json_schema", "schema": FORM}},
        "max_tokens": 9,
        "thinkingFlag": True,
    },
    GPT: {
        "instructions": "Be brief.",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "What is it?"}, {"type": "input_image", "image_url": PNG}],
            },
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "A cat.", "annotations": []}],
            },
            {"role": "user", "content": "And the weather?"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": sign("Hm.")},
            {"type": "function_call", "call_id": "c1", "name": "weather", "arguments": '{"city": "Rome"}'},
            {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "12"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "-3"}]},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": CITY}],
        "tool_choice": "required",
        "text": {"format": {"type": "json_schema", "name": "n", "schema": FORM}},
        "max_output_tokens": 9,
        "reasoning": {"summary": "auto"},
    },
    GEMINI: {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {
                "role": "user",
                "parts": [{"text": "What is it?"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}],
            },
            {"role": "model", "parts": [{"text": "A cat."}]},
            {"role": "user", "parts": [{"text": "And the weather?"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Hm.", "thought": True},
                    {
                        "functionCall": {"id": "c1", "name": "weather", "args": {"city": "Rome"}},
                        "thoughtSignature": sign("Hm."),
                    },
                    {"functionCall": {"id": "c2", "name": "weather", "args": {"city": "Oslo"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "c1", "name": "weather", "response": {"result": "12"}}},
                    {"functionResponse": {"id": "c2", "name": "weather", "response": {"result": -3}}},
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "weather",
                        "parameters": {
                            "type": "OBJECT",
                            "properties": {"city": {"type": "STRING"}},
                            "required": ["city"],
                        },
                    }
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
        "generationConfig": {
            "responseMimeType": "application/json",
            "responseJsonSchema": FORM,
            "maxOutputTokens": 9,
            "thinkingConfig": {"includeThoughts": True},
        },
    },
}
