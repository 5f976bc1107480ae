"""A plain caller of the sandbox in each shape of chat, for tests: what is sent and read is written out by hand."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List

import requests
from conftest import ROOT

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox

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
