"""Anthropic's messages: bodies, and whole answers (docs.kie.ai, market/claude; Anthropic's own pages for the rest).

Roles alternate there: an answer of a tool is the user's, and what stands side by side is one message.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Sequence, Union

from ..completions import ChatCompletion, Choice
from ..definitions import Model
from ..errors import KieInputError, Problem
from ..messages import ChatMessage
from ..params import Arguments
from ..values import show
from .anthropic_answers import SHAPE, credits_in, finish_reason, native_of, parse_usage
from .anthropic_stream import Reader
from .body import call_input, native_content, put, split_arguments, split_system
from .media import medium_of
from .reading import arguments_text, object_in, objects_in, word_in

__all__ = ["Reader", "build_body", "parse_completion"]

_CHOICES = {"auto": "auto", "none": "none", "required": "any"}
_Content = Union[str, List[Any]]


def build_body(model: Model, arguments: Arguments) -> Dict[str, Any]:
    """The body of a call.

    Raises:
        KieInputError: the form of the answer is one that this shape does not have.
    """
    placed, body = split_arguments(model, arguments)
    before, said = split_system(placed.get("messages") or ())
    system = _system(before)
    if system:
        body["system"] = system
    body["messages"] = _merged([_message(message, model.slug) for message in said])
    if "tools" in placed:
        body["tools"] = [_tool(tool) for tool in placed["tools"]]
    if "tool_choice" in placed:
        body["tool_choice"] = _tool_choice(placed["tool_choice"])
    if "response_format" in placed:
        _put_form(model, body, placed["response_format"])
    return body


def _system(messages: Sequence[Mapping[str, Any]]) -> _Content:
    contents = [message.get("content") for message in messages]
    if len(contents) == 1 and isinstance(contents[0], str):
        return contents[0]
    return [block for content in contents for block in _blocks(content)]


def _message(message: Mapping[str, Any], slug: str) -> Dict[str, Any]:
    role, content = message.get("role"), message.get("content")
    if role == "tool":
        return {"role": "user", "content": [_tool_result(message)]}
    if role != "assistant":
        return {"role": "user", "content": content if isinstance(content, str) else _blocks(content)}
    calls = objects_in(message.get("tool_calls"))
    native = native_content(message, SHAPE, slug)
    if native is None and not calls and isinstance(content, str):
        return {"role": "assistant", "content": content}
    return {"role": "assistant", "content": native or [*_blocks(content), *map(_tool_use, calls)]}


def _merged(messages: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """One message for all that stand side by side with one role; an answer with nothing in it is left out."""
    merged: List[Dict[str, Any]] = []
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "assistant" and not content:
            continue
        if merged and merged[-1]["role"] == role:
            merged[-1]["content"] = [*_as_blocks(merged[-1]["content"]), *_as_blocks(content)]
        else:
            merged.append({"role": role, "content": content})
    return merged


def _as_blocks(content: _Content) -> List[Any]:
    return _blocks(content) if isinstance(content, str) else content


def _blocks(content: Any) -> List[Any]:
    """Content as blocks; an empty text is none, for the API refuses it."""
    if content is None or content == "":
        return []
    if not isinstance(content, list):
        return [{"type": "text", "text": content}]
    return [_block(part) for part in content]


def _block(part: Any) -> Any:
    medium = medium_of(part)
    if medium is None:
        return part
    # What stands beside it, such as `cache_control`, is the API's own. Video and audio have no block there: the
    # catalog's `media` keeps them out, and where it does not, a document is what the API can best say no to.
    beside = {name: value for name, value in part.items() if name not in ("type", "image_url")}
    source = {"type": "base64", "media_type": medium.media_type, "data": medium.data}
    return {
        "type": "image" if medium.kind == "image" else "document",
        "source": source if medium.data else {"type": "url", "url": medium.url},
        **beside,
    }


def _tool_use(call: Mapping[str, Any]) -> Dict[str, Any]:
    function = object_in(call.get("function"))
    given = call_input(function.get("arguments"))
    return {"type": "tool_use", "id": call.get("id"), "name": function.get("name"), "input": given}


def _tool_result(message: Mapping[str, Any]) -> Dict[str, Any]:
    content = message.get("content")
    if content is not None and not isinstance(content, (str, list)):
        content = json.dumps(content, ensure_ascii=False)
    told = content if isinstance(content, str) else _blocks(content)
    return {
        "type": "tool_result",
        "tool_use_id": message.get("tool_call_id"),
        **({"content": told} if told else {}),
        **({"is_error": message["is_error"]} if message.get("is_error") is not None else {}),
    }


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, Mapping):
        return tool
    beside = {name: value for name, value in tool.items() if name not in ("type", "function")}
    told = {name: value for name, value in function.items() if name != "parameters"}
    return {**told, "input_schema": function.get("parameters") or {"type": "object", "properties": {}}, **beside}


def _tool_choice(choice: Any) -> Any:
    if isinstance(choice, str):
        return {"type": _CHOICES.get(choice, choice)}
    function = object_in(choice).get("function")
    return {"type": "tool", "name": function.get("name")} if isinstance(function, Mapping) else choice


def _put_form(model: Model, body: Dict[str, Any], form: Mapping[str, Any]) -> None:
    """The form of the answer: a schema; its name and `strict` have no place in this shape."""
    kind = form.get("type")
    if kind == "text":
        return
    schema = object_in(form.get("json_schema")).get("schema")
    if kind == "json_schema" and isinstance(schema, Mapping):
        put(body, "output_config.format", {"type": "json_schema", "schema": schema})
        return
    text = f'response_format must be a JSON Schema here, of type "json_schema"; got type {show(kind)}'
    raise KieInputError(model.id, [Problem("values", "response_format", text)])


def parse_completion(raw: Any, *, model: str) -> ChatCompletion:
    """A whole answer.

    Raises:
        ValueError: there is no answer in it.
    """
    answer = object_in(raw)
    error = object_in(answer.get("error"))
    if error:
        raise ValueError(str(error.get("message") or error.get("type") or "an error without a reason"))
    blocks = objects_in(answer.get("content"))
    finish = finish_reason(answer.get("stop_reason"))
    if not blocks and finish is None:
        raise ValueError("an answer without content and without a stop reason")
    text, thoughts = _joined(blocks, "text"), _joined(blocks, "thinking")
    calls = tuple(_tool_call(block) for block in blocks if block.get("type") == "tool_use")
    message = ChatMessage(
        "assistant",
        text or (None if calls else ""),
        reasoning_content=thoughts or None,
        tool_calls=calls,
        native=native_of(model, blocks),
    )
    return ChatCompletion(
        (Choice(message, 0, finish),),
        id=str(answer.get("id") or ""),
        model=str(answer.get("model") or model),
        usage=parse_usage(answer.get("usage")),
        credits_consumed=credits_in(answer),
        raw=answer,
    )


def _joined(blocks: Sequence[Mapping[str, Any]], kind: str) -> str:
    return "".join(word_in(block.get(kind)) or "" for block in blocks if block.get("type") == kind)


def _tool_call(block: Mapping[str, Any]) -> Dict[str, Any]:
    function = {"name": word_in(block.get("name")) or "", "arguments": arguments_text(block.get("input"))}
    return {"id": word_in(block.get("id")) or "", "type": "function", "function": function}
