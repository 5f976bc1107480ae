"""Turns of conversations that the codecs' tests share, and what they need of a catalog."""

from __future__ import annotations

import functools
import json
from typing import Any, Dict, Iterable, List, Mapping

from conftest import ROOT

from kie_sync.assembly import Assembly
from kie_sync.catalog import read_catalog
from kie_sync.completions import ChatCompletion
from kie_sync.params import resolve
from kie_sync.pricing import CostEstimate
from kie_sync.shapes import codec_for

PICTURE = "https://a.example/x.png"
PAPER = "data:application/pdf;base64,JVBERg=="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": WEATHER}}


@functools.lru_cache(maxsize=1)
def models() -> Mapping[str, Any]:
    return read_catalog(ROOT / "tests" / "cases" / "chats.yaml")


def body(model: str, messages: List[Any], **given: Any) -> Dict[str, Any]:
    """The body of a call, from what a caller gives."""
    entry = models()[model]
    return codec_for(entry.endpoint.shape).build_body(entry, resolve(entry, {**given, "messages": messages}))


def said(role: str, content: Any = None, **more: Any) -> Dict[str, Any]:
    return {"role": role, "content": content, **more}


def shown(url: str, **more: Any) -> Dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, **more}


def called(call_id: str, arguments: Any = '{"city":"Paris"}', name: str = "weather") -> Dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def answered(call_id: str, content: Any = "22 degrees", **more: Any) -> Dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content, **more}


def assembled(reader: Any, events: Iterable[Mapping[str, Any]], cost: CostEstimate) -> ChatCompletion:
    """What a stream of these events comes to."""
    found = Assembly()
    for event in events:
        for chunk in reader.read(str(event.get("type", "")), event):
            found.take(chunk)
    return found.completion(native=reader.native, cost=cost)


def same(value: Any) -> Any:
    """A value as it comes back from a file of JSON, as a saved conversation does."""
    return json.loads(json.dumps(value))
