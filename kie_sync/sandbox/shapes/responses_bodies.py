"""Bodies of OpenAI's Responses, read: text or items, and tools in their flat form.

Source: platform.openai.com, "Responses", "Reasoning models", "Function calling".
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from ..question import Call, Question, ToolAnswer, Turn, compact, joined, kind_of_media, pairing_faults
from ..signatures import is_genuine, is_signed_id
from .form import mapping, mappings, refused, whole_number

SHAPE = "openai-responses"
_ROLES = ("user", "assistant", "system", "developer")
_PARTS = ("input_text", "input_image", "output_text", "refusal", "input_file", "summary_text")
_ITEMS = ("message", "function_call", "function_call_output", "reasoning", "web_search_call")


def skeleton() -> Dict[str, Any]:
    text, item = {"type": "string"}, {"type": "object"}
    function = {"if": {"properties": {"type": {"const": "function"}}}, "then": {"required": ["name", "parameters"]}}
    return {
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": {"type": ["string", "array"], "minLength": 1, "minItems": 1, "items": item},
            "instructions": text,
            "stream": {"type": "boolean"},
            "tools": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type"],
                    "properties": {"type": text, "name": text},
                    **function,
                },
            },
            "reasoning": item,
            "text": item,
            "max_output_tokens": {"type": "integer", "minimum": 1},
        },
    }


def read(body: Mapping[str, Any]) -> Question:
    if body.get("previous_response_id"):
        raise refused(f"Previous response with id '{body['previous_response_id']}' not found.")
    given = body["input"]
    items = [{"role": "user", "content": given}] if isinstance(given, str) else mappings(given)
    system = [str(body["instructions"])] if body.get("instructions") else []
    turns: List[Turn] = []
    vouched = False
    for number, item in enumerate(items):
        vouched = _check_reasoning(item, number, vouched)
        turn = _turn(item, f"input[{number}]")
        if turn is not None and turn.role in ("system", "developer"):
            system.append(turn.text)
        elif turn is not None:
            turns.append(turn)
    turns = list(joined(turns))
    unanswered, unasked = pairing_faults(turns)
    if unanswered:
        raise refused(f"No tool output found for function call {unanswered[0]}.")
    if unasked:
        raise refused(f"No tool call found for function call output with call_id {unasked[0]}.")
    tools = mappings(body.get("tools"))
    reasoning = mapping(body.get("reasoning"))
    effort = str(reasoning.get("effort") or "")
    is_off = mapping(body.get("thinking")).get("type") == "disabled"
    return Question(
        tuple(turns),
        "\n".join(system),
        tools={str(one["name"]): one["parameters"] or {"type": "object"} for one in tools if one["type"] == "function"},
        choice=_choice(body.get("tool_choice")),
        one_at_a_time=body.get("parallel_tool_calls") is False,
        schema=_schema(body),
        wants_search=any(str(tool["type"]).startswith("web_search") for tool in tools),
        counts_thoughts=True,
        max_tokens=whole_number(body.get("max_output_tokens")),
        effort="none" if is_off else effort,
        shows_thoughts=reasoning.get("summary") not in (None, "none"),
    )


def parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    given = body.get("input")
    messages = [{"role": "user", "content": given}] if isinstance(given, str) else given
    form = mapping(body.get("text")).get("format")
    wants_form = mapping(form).get("type") in ("json_schema", "json_object")
    return {**body, "messages": messages, **({"response_format": form} if wants_form else {})}


def _choice(choice: Any) -> str:
    if isinstance(choice, Mapping):
        return str(choice.get("name") or choice.get("mode") or "auto")
    return str(choice or "auto")


def _schema(body: Mapping[str, Any]) -> Optional[Any]:
    form = mapping(mapping(body.get("text")).get("format"))
    if form.get("type") == "json_object":
        return {}
    if form.get("type") != "json_schema":
        return None
    if not form.get("name") or not isinstance(form.get("schema"), Mapping):
        raise refused(f"Missing required parameter: 'text.format.{'schema' if form.get('name') else 'name'}'.")
    return form["schema"]


def _check_reasoning(item: Mapping[str, Any], number: int, vouched: bool) -> bool:
    """Whether the calls that follow have their thoughts with them, unaltered."""
    kind = item.get("type", "message")
    if kind == "reasoning":
        if not item.get("encrypted_content"):
            raise refused(
                f"Item with id '{item.get('id')}' not found. Items are not persisted when `store` is set to false. "
                "Try again with `store` set to true, or remove this item from your input."
            )
        if not is_genuine(item["encrypted_content"]):
            raise refused(
                f"The encrypted content for item {item.get('id')} could not be verified. "
                "Reason: Encrypted content could not be decrypted or parsed."
            )
        return True
    if kind == "function_call":
        if not vouched and is_signed_id(item.get("call_id"), SHAPE):
            raise refused(
                f"Item '{item.get('id') or item.get('call_id')}' of type 'function_call' was provided without its "
                "required 'reasoning' item."
            )
        return vouched
    return False


def _turn(item: Mapping[str, Any], where: str) -> Optional[Turn]:
    kind = item.get("type", "message")
    if kind == "function_call":
        for name in ("call_id", "name", "arguments"):
            if not isinstance(item.get(name), str):
                raise refused(f"Missing required parameter: '{where}.{name}'.")
        return Turn("assistant", calls=(Call(item["name"], compact(item["arguments"]), item["call_id"]),))
    if kind == "function_call_output":
        for name in ("call_id", "output"):
            if item.get(name) is None:
                raise refused(f"Missing required parameter: '{where}.{name}'.")
        return Turn("tool", answers=(ToolAnswer(_texts(item["output"], where)[0], id=str(item["call_id"])),))
    if kind == "message":
        role = item.get("role")
        if role not in _ROLES:
            known = ", ".join(f"'{one}'" for one in _ROLES)
            raise refused(f"Invalid value: '{role}'. Supported values are: {known}.")
        text, media = _texts(item.get("content"), where, str(role))
        return Turn(str(role), text, media)
    if kind not in _ITEMS:
        raise refused(f"Invalid value: '{kind}'. Supported values are: {', '.join(repr(one) for one in _ITEMS)}.")
    return None


def _texts(content: Any, where: str, role: str = "user") -> Tuple[str, Tuple[str, ...]]:
    """The text and the kinds of files of a content."""
    if isinstance(content, str):
        return content, ()
    texts, media = [], []
    for number, part in enumerate(mappings(content)):
        kind, place = part.get("type"), f"{where}.content[{number}]"
        known = ("output_text", "refusal") if role == "assistant" else _PARTS
        if kind not in known or (role != "assistant" and kind in ("output_text", "refusal")):
            raise refused(f"Invalid value: '{kind}'. Supported values are: {', '.join(repr(one) for one in known)}.")
        if kind == "input_image":
            if not isinstance(part.get("image_url"), str) and not part.get("file_id"):
                raise refused(
                    f"Invalid type for '{place}.image_url': expected an image URL, but got an object instead."
                )
            media.append("image")
        elif kind == "input_file":
            named = part.get("file_url") or part.get("file_data") or part.get("file_id")
            if not isinstance(named, str):
                raise refused(f"Missing required parameter: '{place}.file_url'.")
            media.append("pdf" if part.get("filename", "").endswith(".pdf") else kind_of_media(named))
        else:
            texts.append(str(part.get("text", part.get("refusal", ""))))
    return "\n".join(texts), tuple(media)
