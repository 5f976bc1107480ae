"""Bodies of Gemini's own API, read: camel and snake case alike, as the API does.

Source: ai.google.dev, "Generating content", "Function calling", "Thinking", "Structured output"; the flag `stream`
in the body is KIE's (docs.kie.ai/market/gemini).
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..question import Call, Question, ToolAnswer, Turn, compact, kind_of_media
from ..signatures import is_genuine, is_signed_id
from .form import mapping, mappings, refused, whole_number

SHAPE = "gemini-contents"
# What is the caller's own, and keeps its spelling.
_OWN = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema")
# Google documents these two for calls that another model made.
_SKIPS = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")
_NO_SIGNATURE = (
    "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "
    "and missing thought_signature may lead to degraded model performance. "
    "Additional data, function call `default_api:{}` , position {}."
)
_UNEQUAL = (
    "Please ensure that the number of function response parts is equal to the number of function call parts "
    "of the function call turn."
)
# The words of Google's own `Schema`; anything else of JSON Schema has to go in as `...JsonSchema`.
_SCHEMA_WORDS = {
    *("type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "anyOf"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example"),
    *("propertyOrdering", "default", "minimum", "maximum", "any_of", "min_items", "max_items", "property_ordering"),
    *("min_length", "max_length", "min_properties", "max_properties"),
}


def skeleton() -> Dict[str, Any]:
    text, item = {"type": "string"}, {"type": "object"}
    return {
        "type": "object",
        "required": ["contents"],
        "properties": {
            "contents": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["parts"],
                    "properties": {
                        "role": {"enum": ["user", "model", "function"]},
                        "parts": {"type": "array", "minItems": 1, "items": {**item, "properties": {"text": text}}},
                    },
                    "additionalProperties": False,
                },
            },
            "systemInstruction": {"type": ["object", "string"]},
            "system_instruction": {"type": ["object", "string"]},
            "generationConfig": item,
            "generation_config": item,
            "tools": {"type": "array", "items": item},
            "stream": {"type": "boolean"},
        },
    }


def read(given: Mapping[str, Any]) -> Question:
    body = _camel(given)
    contents = _merged(mappings(body["contents"]))
    turns = [turn for content in contents for turn in _turns(content)]
    _check_calls(contents)
    settings = mapping(body.get("generationConfig"))
    thinking = mapping(settings.get("thinkingConfig"))
    calling = mapping(mapping(body.get("toolConfig")).get("functionCallingConfig"))
    tools, wants_search = _tools(mappings(body.get("tools")))
    allowed = calling.get("allowedFunctionNames")
    if isinstance(allowed, list):
        tools = {name: schema for name, schema in tools.items() if name in allowed}
    effort = str(thinking.get("thinkingLevel") or "").lower()
    return Question(
        tuple(turns),
        _system(body.get("systemInstruction")),
        tools=tools,
        choice={"ANY": "required", "NONE": "none"}.get(str(calling.get("mode", "")).upper(), "auto"),
        schema=_schema(settings),
        wants_search=wants_search,
        counts_thoughts=True,
        max_tokens=whole_number(settings.get("maxOutputTokens")),
        effort="none" if thinking.get("thinkingBudget") == 0 else effort,
        shows_thoughts=thinking.get("includeThoughts") is True,
    )


def parameters(given: Mapping[str, Any]) -> Mapping[str, Any]:
    body = _camel(given)
    found = {**body, "messages": body.get("contents")}
    if "toolConfig" in body:
        found["tool_choice"] = body["toolConfig"]
    if mapping(body.get("generationConfig")).get("responseMimeType", "text/plain") != "text/plain":
        found["response_format"] = {"type": "json_schema"}
    return found


def _camel(value: Any) -> Any:
    """The same with camel-case names, but for what is the caller's own."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), str(name)): inner for name, inner in value.items()}
    return {name: inner if name in _OWN else _camel(inner) for name, inner in named.items()}


def _merged(contents: List[Mapping[str, Any]]) -> List[Mapping[str, Any]]:
    """What one side said in a row is one content: Google's client sends each chunk of a stream back by itself."""
    found: List[Mapping[str, Any]] = []
    for content in contents:
        role, parts = content.get("role", "user"), mappings(content["parts"])
        if found and found[-1]["role"] == role:
            found[-1] = {"role": role, "parts": [*found[-1]["parts"], *parts]}
        else:
            found.append({"role": role, "parts": parts})
    return found


def _system(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(str(part.get("text", "")) for part in mappings(mapping(value).get("parts")))


def _turns(content: Mapping[str, Any]) -> List[Turn]:
    texts, media, calls, answers = [], [], [], []
    for part in mappings(content["parts"]):
        signature = part.get("thoughtSignature")
        if signature is not None and signature not in _SKIPS and not is_genuine(signature):
            raise refused("Thought signature is not valid.")
        if isinstance(part.get("functionCall"), Mapping):
            call = part["functionCall"]
            calls.append(Call(str(call.get("name")), compact(call.get("args")), str(call.get("id") or "")))
        elif isinstance(part.get("functionResponse"), Mapping):
            answer = part["functionResponse"]
            if not isinstance(answer.get("response"), Mapping):
                raise refused("Invalid value at 'contents.parts.function_response.response': it must be an object")
            name = str(answer.get("name") or "")
            if not name:
                raise refused("* GenerateContentRequest.contents.parts.function_response.name: Name cannot be empty.")
            answers.append(ToolAnswer(_told(answer["response"]), name, str(answer.get("id") or "")))
        elif isinstance(part.get("inlineData"), Mapping) or isinstance(part.get("fileData"), Mapping):
            media.append(_media(part))
        elif isinstance(part.get("text"), str):
            texts.append("" if part.get("thought") is True else part["text"])
        elif signature is None:
            raise refused(
                "* GenerateContentRequest.contents.parts.data: "
                "required oneof field 'data' must have one initialized field"
            )
    role = "assistant" if content["role"] == "model" else "user"
    found = [Turn("tool", answers=tuple(answers))] if answers else []
    if texts or media or not answers:
        found.append(Turn(role, "\n".join(filter(None, texts)), tuple(media), tuple(calls)))
    return found


def _told(response: Mapping[str, Any]) -> str:
    """A function's answer, out of the object that it has to be wrapped in."""
    if len(response) == 1:
        (name, value), *_ = response.items()
        if name in ("result", "output", "content", "error"):
            return value if isinstance(value, str) else compact(value)
    return compact(response)


def _media(part: Mapping[str, Any]) -> str:
    inline, file = mapping(part.get("inlineData")), mapping(part.get("fileData"))
    if inline and not (inline.get("data") and inline.get("mimeType")):
        raise refused("Unable to process input image: inline_data needs data and mime_type")
    if file and not file.get("fileUri"):
        raise refused("* GenerateContentRequest.contents.parts.file_data.file_uri: must not be empty")
    return kind_of_media(str(inline.get("mimeType") or file.get("mimeType") or file.get("fileUri")))


def _check_calls(contents: List[Mapping[str, Any]]) -> None:
    """As many answers as calls right after them; and in this turn of the user's, signatures on the calls."""
    asked, since = 0, 0
    for number, content in enumerate(contents):
        parts = mappings(content["parts"])
        answered = sum("functionResponse" in part for part in parts)
        if asked != answered:
            raise refused(_UNEQUAL)
        if content["role"] == "user" and any("text" in part for part in parts):
            since = number
        asked = sum("functionCall" in part for part in parts)
    if asked:
        raise refused(_UNEQUAL)
    for number, content in enumerate(contents[since:], since):
        calls = [part for part in mappings(content["parts"]) if "functionCall" in part]
        # Of several calls in one answer, only the first carries one.
        if not calls or calls[0].get("thoughtSignature") is not None:
            continue
        call = mapping(calls[0]["functionCall"])
        if not call.get("id") or is_signed_id(call["id"], SHAPE):
            raise refused(_NO_SIGNATURE.format(call.get("name"), number + 1))


def _tools(tools: List[Mapping[str, Any]]) -> Tuple[Dict[str, Any], bool]:
    functions: Dict[str, Any] = {}
    for tool in tools:
        for one in mappings(tool.get("functionDeclarations")):
            if not re.fullmatch(r"[A-Za-z_][\w.:-]{0,63}", str(one.get("name", ""))):
                raise refused(
                    "* GenerateContentRequest.tools[0].function_declarations[0].name: "
                    "Invalid function name. Must start with a letter or an underscore."
                )
            if one.get("parameters") is not None:
                _check_schema(one["parameters"], "tools[0].function_declarations[0].parameters")
            schema = one.get("parameters") or one.get("parametersJsonSchema") or {"type": "object"}
            functions[str(one["name"])] = lowered(schema)
    return functions, any("googleSearch" in tool or "googleSearchRetrieval" in tool for tool in tools)


def _schema(settings: Mapping[str, Any]) -> Optional[Any]:
    if settings.get("responseMimeType") != "application/json":
        return None
    if settings.get("responseSchema") is not None:
        _check_schema(settings["responseSchema"], "generation_config.response_schema")
        return lowered(settings["responseSchema"])
    return settings.get("responseJsonSchema") or {}


def _check_schema(schema: Any, where: str) -> None:
    """Google's `Schema` is a part of JSON Schema; the rest is refused by name."""
    for name, inner in mapping(schema).items():
        if name not in _SCHEMA_WORDS:
            raise refused(f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")
        if name == "items":
            _check_schema(inner, f"{where}.items")
        elif name == "properties":
            for number, one in enumerate(mapping(inner).values()):
                _check_schema(one, f"{where}.properties[{number}].value")
        elif name in ("anyOf", "any_of"):
            for number, one in enumerate(mappings(inner)):
                _check_schema(one, f"{where}.any_of[{number}]")


def lowered(schema: Any) -> Any:
    """Google's schema as JSON Schema: its types are upper case, what may be null says so."""
    if isinstance(schema, list):
        return [lowered(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    is_type = isinstance(schema.get("type"), str)
    found = {name: lowered(inner) for name, inner in schema.items() if name != "nullable"}
    return {**found, "type": schema["type"].lower()} if is_type else found
