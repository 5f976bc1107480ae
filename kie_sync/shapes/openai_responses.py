"""OpenAI's Responses, as KIE serves GPT, Grok, Kimi and DeepSeek: items go in, items come out.

An item is a message, a call of a function, the answer to one, or reasoning; that may be encrypted, and goes back as it
came. `responses_items` reads one item, `responses_stream` a stream.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ..completions import ChatCompletion, Choice
from ..definitions import Model
from ..messages import ChatMessage
from ..params import Arguments
from ..response import as_credits
from .body import native_content, split_arguments
from .media import medium_of, text_of
from .reading import count_in, object_in, objects_in, word_in
from .responses_items import (
    FAILED,
    PARAGRAPH,
    SHAPE,
    THOUGHTS,
    call_in,
    failure_of,
    finish_of,
    native_of,
    parse_usage,
    said_in,
)
from .responses_stream import Reader

__all__ = ["Reader", "build_body", "parse_completion"]

# Items of their own here, or unknown to this API, which refuses what it does not know.
_NOT_IN_A_MESSAGE = ("content", "tool_calls", "tool_call_id", "name", "native", "reasoning_content")


def build_body(model: Model, arguments: Arguments) -> Dict[str, Any]:
    """The body of a call."""
    placed, body = split_arguments(model, arguments)
    body["input"] = [item for message in placed.get("messages") or () for item in _items(message, model.slug)]
    if "tools" in placed:
        body["tools"] = [_tool(tool) for tool in placed["tools"]]
    if "tool_choice" in placed:
        body["tool_choice"] = _flat(placed["tool_choice"], "function")
    if "response_format" in placed:
        body["text"] = {**object_in(body.get("text")), "format": _flat(placed["response_format"], "json_schema")}
    return body


def _items(message: Any, model: str) -> List[Any]:
    """The items that a message becomes; what has no role is an item already."""
    if not isinstance(message, Mapping) or "role" not in message:
        return [message]
    native = native_content(message, SHAPE, model)
    if native is not None:
        return native
    role, content = message["role"], message.get("content")
    if role == "tool":
        return [
            {"type": "function_call_output", "call_id": message.get("tool_call_id"), "output": _tool_output(content)}
        ]
    calls = [_call_item(call) for call in message.get("tool_calls") or () if isinstance(call, Mapping)]
    if calls and not content:
        return calls
    others = {name: value for name, value in message.items() if name not in _NOT_IN_A_MESSAGE}
    return [{**others, "content": _content(content, "output_text" if role == "assistant" else "input_text")}, *calls]


def _content(content: Any, text_type: str) -> Any:
    """Text as it is, parts one by one."""
    if isinstance(content, (list, tuple)):
        return [_part(part, text_type) for part in content]
    return "" if content is None else content


def _tool_output(content: Any) -> Any:
    """Text, which every model takes, unless a file is shown."""
    if isinstance(content, (list, tuple)) and any(medium_of(part) for part in content):
        return _content(content, "input_text")
    return text_of(content)


def _part(part: Any, text_type: str) -> Any:
    if isinstance(part, Mapping) and part.get("type") == "text":
        return {"type": text_type, "text": part.get("text")}
    medium = medium_of(part)
    if medium is None:
        return part
    if medium.kind == "image":
        detail = object_in(part.get("image_url")).get("detail")
        return {"type": "input_image", "image_url": medium.url, **({"detail": detail} if detail else {})}
    if medium.data:
        # A file without a name is refused; the end of the name says what it is.
        name = f"file.{medium.media_type.rpartition('/')[2]}"
        return {"type": "input_file", "filename": name, "file_data": medium.url}
    return {"type": "input_file", "file_url": medium.url}


def _call_item(call: Mapping[str, Any]) -> Dict[str, Any]:
    function = object_in(call.get("function"))
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments or {}, ensure_ascii=False)
    return {"type": "function_call", "call_id": call.get("id"), "name": function.get("name"), "arguments": text}


def _tool(tool: Any) -> Any:
    """A function without the envelope that chat completions put around it; other tools as they are."""
    flat = _flat(tool, "function")
    if flat is tool:
        return tool
    # Left out, it means strict here, and no in chat completions: every argument with a default would be demanded.
    return {"strict": False, **flat}


def _flat(value: Any, kind: str) -> Any:
    """`{"type": kind, kind: {...}}` with what is inside beside its type; anything else as it is."""
    if isinstance(value, Mapping) and value.get("type") == kind and isinstance(value.get(kind), Mapping):
        return {"type": kind, **value[kind]}
    return value


def parse_completion(raw: Any, *, model: str) -> ChatCompletion:
    """A whole answer.

    Raises:
        ValueError: there is no answer in it.
    """
    response = object_in(raw)
    if response.get("status") in FAILED:
        raise ValueError(f"the answer {response['status']}: {failure_of(response)['message']}")
    if not isinstance(response.get("output"), list):
        raise ValueError("no output")
    output = objects_in(response["output"])
    said = [each for item in output for each in said_in(item)]
    text = "".join(each.text for each in said if each.channel in ("text", "refusal"))
    thoughts = PARAGRAPH.join(each.text for each in said if each.channel in THOUGHTS and each.text)
    calls = tuple(
        call_in(item, word_in(item.get("arguments")) or "") for item in output if item.get("type") == "function_call"
    )
    is_refused = any(each.channel == "refusal" and each.text for each in said)
    finish = finish_of(response, has_calls=bool(calls), is_refused=is_refused)
    if not (text or calls or finish):
        raise ValueError("an answer without text and without a finish reason")
    message = ChatMessage(
        "assistant",
        text or (None if calls else ""),
        reasoning_content=thoughts or None,
        tool_calls=calls,
        native=native_of(output, model),
    )
    return ChatCompletion(
        (Choice(message, 0, finish),),
        id=str(response.get("id") or ""),
        model=str(response.get("model") or model),
        created=count_in(response.get("created_at")) or 0,
        usage=parse_usage(response.get("usage")),
        credits_consumed=as_credits(response.get("credits_consumed")),
        raw=response,
    )
