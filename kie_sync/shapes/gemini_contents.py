"""Gemini's own API: bodies, and whole answers (docs.kie.ai, market/gemini; ai.google.dev for the rest).

Roles alternate there, and an answer of a function is the user's. KIE hands fields on that its own pages do not list:
clients were seen using `systemInstruction`, `inlineData` and more of `generationConfig` (2026-09).
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, TypeVar

from ..completions import ChatCompletion, Choice
from ..definitions import Model
from ..errors import KieInputError, Problem
from ..messages import ChatMessage
from ..params import Arguments
from ..values import show
from .body import call_input, native_content, put, split_arguments, split_system
from .gemini_answers import SHAPE, Reader
from .gemini_schema import fits_schema
from .media import medium_of, text_of
from .reading import object_in, objects_in

__all__ = ["Reader", "build_body", "parse_completion"]

_Value = TypeVar("_Value")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
# Gemini 3 refuses a call without the signature of its thoughts; this word stands for one where another model made the
# call (ai.google.dev, "Thought signatures"). Of the calls of one answer only the first has a signature.
_NO_SIGNATURE = "skip_thought_signature_validator"


def build_body(model: Model, arguments: Arguments) -> Dict[str, Any]:
    """The body of a call.

    Raises:
        KieInputError: a tool's answer belongs to no call, or the form of the answer is one that Gemini does not have.
    """
    placed, body = split_arguments(model, arguments)
    messages = placed.get("messages") or ()
    system = [part for message in split_system(messages)[0] for part in _parts(message.get("content"))]
    if system:
        body["systemInstruction"] = {"parts": system}
    body["contents"] = _Contents(model).read(messages)
    if "tools" in placed:
        body["tools"] = _tools(placed["tools"])
    if "tool_choice" in placed:
        body["toolConfig"] = _tool_config(placed["tool_choice"])
    if "response_format" in placed:
        _put_form(model, body, placed["response_format"])
    return body


class _Contents:
    """A conversation as contents: what stands side by side with one role is one of them."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._names: Dict[str, str] = {}
        # The calls' ids that the API knows: an id that was made up here is not to go back.
        self._known: Set[str] = set()
        self._found: List[Dict[str, Any]] = []

    def read(self, messages: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
        for place, message in enumerate(messages):
            role = message.get("role")
            if role == "assistant":
                self._add("model", self._answer(message))
            elif role == "tool":
                self._add("user", [self._tool_answer(message, f"messages[{place}].tool_call_id")])
            elif role not in ("system", "developer"):
                content = message.get("content")
                self._add("user", [{"text": ""}] if content == "" else _parts(content))
        return self._found

    def _add(self, role: str, parts: List[Any]) -> None:
        if self._found and self._found[-1]["role"] == role:
            self._found[-1]["parts"] += parts
        elif parts:
            self._found.append({"role": role, "parts": parts})

    def _answer(self, message: Mapping[str, Any]) -> List[Any]:
        native = native_content(message, SHAPE, self._model.slug)
        calls = objects_in(message.get("tool_calls"))
        ids = {_id(call) for call in calls}
        for call in calls:
            self._names[_id(call)] = object_in(call.get("function")).get("name") or ""
        if native is None:
            self._known |= ids
            return [*_parts(message.get("content")), *_function_calls(calls)]
        self._known = (self._known - ids) | {_id(object_in(object_in(part).get("functionCall"))) for part in native}
        return native

    def _tool_answer(self, message: Mapping[str, Any], where: str) -> Dict[str, Any]:
        call_id, content = str(message.get("tool_call_id") or ""), message.get("content")
        name = message.get("name") or self._names.get(call_id)
        if not name:
            text = f"{where} must be the id of a call in an earlier message, or the message must have a name"
            raise KieInputError(self._model.id, [Problem("unknown", where, f"{text}; got {show(call_id)}")])
        media = [_medium_part(part) for part in content if medium_of(part)] if isinstance(content, list) else []
        response = {
            **({"id": call_id} if call_id and call_id in self._known else {}),
            "name": name,
            "response": _response(content, is_error=message.get("is_error") is True),
            **({"parts": media} if media else {}),
        }
        return {"functionResponse": response}


def _id(call: Mapping[str, Any]) -> str:
    return str(call.get("id") or "")


def _parts(content: Any) -> List[Any]:
    if content is None or content == "":
        return []
    if not isinstance(content, list):
        return [{"text": content}]
    return [_part(part) for part in content]


def _part(part: Any) -> Any:
    if medium_of(part) is not None:
        return _medium_part(part)
    return {"text": part.get("text")} if isinstance(part, Mapping) and part.get("type") == "text" else part


def _medium_part(part: Mapping[str, Any]) -> Dict[str, Any]:
    medium = medium_of(part)
    assert medium is not None
    # What stands beside it, such as `videoMetadata`, is the API's own.
    beside = {name: value for name, value in part.items() if name not in ("type", "image_url")}
    kind = {"mimeType": medium.media_type} if medium.media_type else {}
    if medium.data:
        return {"inlineData": {**kind, "data": medium.data}, **beside}
    return {"fileData": {**kind, "fileUri": medium.url}, **beside}


def _function_calls(calls: Sequence[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    parts: List[Dict[str, Any]] = []
    for call in calls:
        function = object_in(call.get("function"))
        called = {"name": function.get("name"), "args": call_input(function.get("arguments"))}
        own_id = {"id": call["id"]} if call.get("id") else {}
        parts.append({"functionCall": {**own_id, **called}})
    if parts:
        parts[0]["thoughtSignature"] = _NO_SIGNATURE
    return parts


def _response(content: Any, *, is_error: bool) -> Dict[str, Any]:
    """A tool's answer as the object that it has to be."""
    text = text_of(content) if isinstance(content, list) else content
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, Mapping):
        return dict(found)
    return {"error" if is_error else "result": text}


def _tools(tools: Sequence[Mapping[str, Any]]) -> List[Any]:
    """Functions in one list, as the API wants them; tools of its own as they are."""
    functions, others = [], []
    for tool in tools:
        function = tool.get("function")
        if tool.get("type") == "function" and isinstance(function, Mapping):
            functions.append(_declaration(function))
        else:
            others.append(tool)
    return [*([{"functionDeclarations": functions}] if functions else []), *others]


def _declaration(function: Mapping[str, Any]) -> Dict[str, Any]:
    told = {name: value for name, value in function.items() if name not in ("parameters", "strict")}
    schema = function.get("parameters")
    is_empty = isinstance(schema, Mapping) and schema.get("type") == "object" and not schema.get("properties")
    if not schema or is_empty:
        # An object without properties is refused there; no parameters at all are allowed.
        return told
    return {**told, "parameters" if fits_schema(schema) else "parametersJsonSchema": schema}


def _tool_config(choice: Any) -> Any:
    if isinstance(choice, str):
        return {"functionCallingConfig": {"mode": _MODES.get(choice, choice.upper())}}
    function = object_in(choice).get("function")
    if not isinstance(function, Mapping):
        return choice
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [function.get("name")]}}


def _put_form(model: Model, body: Dict[str, Any], form: Mapping[str, Any]) -> None:
    """The form of the answer; a schema's name and `strict` have no place in this shape."""
    kind = form.get("type")
    schema = object_in(form.get("json_schema")).get("schema")
    if kind not in ("text", "json_object") and not (kind == "json_schema" and isinstance(schema, Mapping)):
        text = f'response_format must be of type "text", "json_object" or "json_schema" with a schema; got {show(kind)}'
        raise KieInputError(model.id, [Problem("values", "response_format", text)])
    if kind == "text":
        return
    put(body, "generationConfig.responseMimeType", "application/json")
    if kind == "json_schema":
        place = "responseSchema" if fits_schema(schema) else "responseJsonSchema"
        put(body, f"generationConfig.{place}", schema)


def parse_completion(raw: Any, *, model: str) -> ChatCompletion:
    """A whole answer; also one in pieces, as the list that Google sends where no events were asked for.

    Raises:
        ValueError: there is no answer in it.
    """
    reader = Reader(model=model)
    pieces = objects_in(raw) if isinstance(raw, list) else [object_in(raw)]
    chunks = [chunk for piece in pieces for chunk in reader.read("", piece)]
    finish = _last(chunk.choices[0].finish_reason for chunk in chunks)
    if not chunks or (reader.native is None and finish is None):
        raise ValueError("an answer without parts and without a finish reason")
    deltas = [chunk.choices[0].delta for chunk in chunks]
    text = "".join(delta.content or "" for delta in deltas)
    calls = tuple(_without_index(call) for delta in deltas for call in delta.tool_calls)
    message = ChatMessage(
        "assistant",
        text or (None if calls else ""),
        reasoning_content="".join(delta.reasoning_content or "" for delta in deltas) or None,
        tool_calls=calls,
        native=reader.native,
    )
    return ChatCompletion(
        (Choice(message, 0, finish),),
        id=chunks[-1].id,
        model=chunks[-1].model,
        usage=_last(chunk.usage for chunk in chunks),
        credits_consumed=_last(chunk.credits_consumed for chunk in chunks),
        raw=raw if isinstance(raw, Mapping) else {"pieces": raw},
    )


def _last(values: Iterable[Optional[_Value]]) -> Optional[_Value]:
    return next((value for value in reversed(list(values)) if value is not None), None)


def _without_index(call: Mapping[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in call.items() if name != "index"}
