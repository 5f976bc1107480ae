"""An answer in OpenAI's Responses, built item by item, and its stream of events."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

Events = List[Dict[str, Any]]
USAGE = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
EMPTY: Dict[str, Dict[str, Any]] = {
    "message": {"content": []},
    "reasoning": {"summary": [], "content": []},
    "function_call": {"arguments": ""},
}


def texts(kind: str, *said: str) -> List[Dict[str, Any]]:
    return [{"type": kind, "text": each} for each in said]


def thought(id: str, *summary: str, raw: Sequence[str] = ()) -> Dict[str, Any]:
    content = texts("reasoning_text", *raw)
    return {"id": id, "type": "reasoning", "summary": texts("summary_text", *summary), "content": content}


def message(id: str, *said: str, refusal: str = "") -> Dict[str, Any]:
    parts = [*texts("output_text", *said), *([{"type": "refusal", "refusal": refusal}] if refusal else [])]
    return {"id": id, "type": "message", "role": "assistant", "content": parts}


def call(id: str, name: str, arguments: str) -> Dict[str, Any]:
    return {"id": f"fc_{id}", "type": "function_call", "call_id": id, "name": name, "arguments": arguments}


def whole(*output: Any, status: str = "completed", **more: Any) -> Dict[str, Any]:
    return {"id": "resp_1", "model": "my-model", "status": status, "output": list(output), "usage": USAGE, **more}


def in_pieces(said: str, size: int) -> List[str]:
    return [said[at : at + size] for at in range(0, len(said), size)]


def stream(response: Mapping[str, Any], size: int = 3, *, without: Sequence[str] = ()) -> Events:
    """A response as OpenAI streams it, its texts cut, without the events of some types."""
    found: Events = [{"type": "response.created", "response": {**response, "output": [], "status": "in_progress"}}]
    for index, item in enumerate(response["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        begun = {**item, **EMPTY.get(item["type"], {})}
        found.append({"type": "response.output_item.added", "output_index": index, "item": begun})
        for part, each in enumerate(item.get("content") or () if item["type"] == "message" else ()):
            kind = "refusal" if each["type"] == "refusal" else "output_text"
            for piece in in_pieces(each.get("text") or each.get("refusal") or "", size):
                found.append({"type": f"response.{kind}.delta", **at, "content_index": part, "delta": piece})
            found.append({"type": f"response.{kind}.done", **at, "content_index": part, "said": each})
        for name, kind, place in (
            ("summary", "reasoning_summary_text", "summary_index"),
            ("content", "reasoning_text", "content_index"),
        ):
            for part, each in enumerate(item[name] if item["type"] == "reasoning" else ()):
                for piece in in_pieces(each["text"], size):
                    found.append({"type": f"response.{kind}.delta", **at, place: part, "delta": piece})
        for piece in in_pieces(item.get("arguments") or "", size):
            found.append({"type": "response.function_call_arguments.delta", **at, "delta": piece})
        found.append({"type": "response.output_item.done", "output_index": index, "item": item})
    found.append({"type": f"response.{response['status']}", "response": response})
    for number, event in enumerate(found):
        event["sequence_number"] = number
    return [event for event in found if event["type"] not in without]
