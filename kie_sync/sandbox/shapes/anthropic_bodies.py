"""Bodies of Anthropic's messages, read.

Source: docs.anthropic.com, "Messages", "Extended thinking", "Tool use"; `thinkingFlag` is KIE's
(docs.kie.ai/market/claude).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from ..question import Call, Question, ToolAnswer, Turn, compact, kind_of_media, pairing_faults, tokens_of
from ..signatures import fits, is_genuine
from .form import mapping, mappings, refused, whole_number


def skeleton() -> Dict[str, Any]:
    text = {"type": "string"}
    block = {"type": "object", "required": ["type"], "properties": {"type": text}}
    own = {"if": {"properties": {"type": {"enum": ["custom"]}}}, "then": {"required": ["name", "input_schema"]}}
    return {
        "type": "object",
        "required": ["messages"],
        "properties": {
            "messages": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["role", "content"],
                    # The system prompt is a field of its own.
                    "properties": {
                        "role": {"enum": ["user", "assistant"]},
                        "content": {"type": ["string", "array"], "items": block},
                    },
                    "additionalProperties": False,
                },
            },
            "system": {"type": ["string", "array"], "items": block},
            "max_tokens": {"type": "integer", "minimum": 1},
            "thinkingFlag": {"type": "boolean"},
            "stream": {"type": "boolean"},
            "tools": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"name": text, "description": text, "input_schema": {"type": "object"}},
                    **own,
                },
            },
            "tool_choice": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": {"enum": ["auto", "any", "tool", "none"]}},
            },
        },
    }


def read(body: Mapping[str, Any]) -> Question:
    turns: List[Turn] = []
    marks: List[Tuple[int, bool]] = []
    system = body.get("system") or ""
    so_far = tokens_of(_text(system)) + 3 if system else 0
    _note_marks(system, so_far, marks)
    thinks = _thinks(body)
    messages = mappings(body["messages"])
    for number, message in enumerate(messages):
        for turn in _turns(message, f"messages.{number}"):
            turns.append(turn)
            so_far += turn.tokens
        _note_marks(message["content"], so_far, marks)
    _check_pairs(turns)
    if thinks:
        _check_thinking(messages)
    choice = mapping(body.get("tool_choice"))
    kind = choice.get("type", "auto")
    form = mapping(mapping(body.get("output_config")).get("format") or body.get("output_format"))
    cached = [place for place, _ in marks[:-1]][-1:] or [0]
    written = marks[-1][0] - cached[0] if marks else 0
    is_long = bool(marks) and marks[-1][1]
    return Question(
        tuple(turns),
        _text(system),
        tools={
            str(tool["name"]): tool["input_schema"] for tool in mappings(body.get("tools")) if "input_schema" in tool
        },
        choice=str(choice.get("name")) if kind == "tool" else {"any": "required"}.get(kind, kind),
        one_at_a_time=choice.get("disable_parallel_tool_use") is True,
        schema=mapping(form.get("schema")) if form.get("type") == "json_schema" else None,
        wants_search=any(str(tool.get("type", "")).startswith("web_search") for tool in mappings(body.get("tools"))),
        counts_thoughts=True,
        max_tokens=whole_number(body.get("max_tokens")) or 4096,
        effort="" if thinks else "none",
        shows_thoughts=thinks,
        cached_tokens=cached[0],
        cache_write_tokens=0 if is_long else written,
        cache_write_1h_tokens=written if is_long else 0,
    )


def _thinks(body: Mapping[str, Any]) -> bool:
    return body.get("thinkingFlag") is True or mapping(body.get("thinking")).get("type") in ("enabled", "adaptive")


def _note_marks(content: Any, so_far: int, marks: List[Tuple[int, bool]]) -> None:
    """Where the caller marked the end of something to cache: the mark before the last one was written earlier."""
    for block in mappings(content):
        control = block.get("cache_control")
        if isinstance(control, Mapping):
            marks.append((so_far, control.get("ttl") == "1h"))


def _turns(message: Mapping[str, Any], where: str) -> List[Turn]:
    content = message["content"]
    blocks = mappings([{"type": "text", "text": content}] if isinstance(content, str) else content)
    if not blocks:
        raise refused(
            f"{where}: all messages must have non-empty content except for the optional final assistant message"
        )
    texts: List[str] = []
    media: List[str] = []
    calls: List[Call] = []
    answers: List[ToolAnswer] = []
    for number, block in enumerate(blocks):
        kind, place = block["type"], f"{where}.content.{number}"
        if kind == "text":
            if not block.get("text"):
                raise refused("messages: text content blocks must be non-empty")
            texts.append(str(block["text"]))
        elif kind in ("image", "document"):
            media.append(_media(block, place))
        elif kind == "tool_use":
            if not isinstance(block.get("input"), Mapping):
                raise refused(f"{place}.tool_use.input: Input should be a valid dictionary")
            calls.append(Call(str(block.get("name")), compact(block["input"]), str(block.get("id"))))
        elif kind == "tool_result":
            if len(answers) < number:
                raise refused(f"{place}: `tool_result` blocks must come before other content of the message")
            answers.append(ToolAnswer(_text(block.get("content")), id=str(block.get("tool_use_id"))))
        elif kind == "thinking":
            if not fits(block.get("signature"), str(block.get("thinking"))):
                raise refused(f"{place}: Invalid `signature` in `thinking` block")
        elif kind == "redacted_thinking":
            if not is_genuine(block.get("data")):
                raise refused(f"{place}: Invalid `data` in `redacted_thinking` block")
        elif kind not in ("server_tool_use", "web_search_tool_result"):
            known = "'document', 'image', 'redacted_thinking', 'text', 'thinking', 'tool_result', 'tool_use'"
            raise refused(
                f"{place}: Input tag '{kind}' found using 'type' does not match any of the expected tags: {known}"
            )
    found = [Turn("tool", answers=tuple(answers))] if answers else []
    if texts or media or not answers:
        found.append(Turn(message["role"], "\n".join(texts), tuple(media), tuple(calls)))
    return found


def _media(block: Mapping[str, Any], place: str) -> str:
    source = mapping(block.get("source"))
    kind = source.get("type")
    if kind == "url" and str(source.get("url", "")).startswith(("http://", "https://")):
        return "pdf" if block["type"] == "document" else "image"
    if kind == "base64" and source.get("data") and source.get("media_type"):
        return kind_of_media(str(source["media_type"]))
    if kind == "text" and block["type"] == "document":
        return "pdf"
    raise refused(
        f"{place}.{block['type']}.source: Input should be a valid source: base64 (media_type, data) or url (url)"
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(block.get("text", "")) for block in mappings(content) if block.get("type") == "text")


def _check_pairs(turns: List[Turn]) -> None:
    if turns[0].role != "user":
        raise refused('messages: first message must use the "user" role')
    unanswered, unasked = pairing_faults(turns)
    if unanswered:
        raise refused(
            "messages: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(unanswered)}. "
            "Each `tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    if unasked:
        raise refused(
            f"messages: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(unasked)}. "
            "Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
        )


def _check_thinking(messages: List[Mapping[str, Any]]) -> None:
    """While functions are answered, the message that called them has to begin with its thoughts."""
    if len(messages) < 2 or not any(block.get("type") == "tool_result" for block in mappings(messages[-1]["content"])):
        return
    first = str(mappings(messages[-2]["content"])[0].get("type"))
    if first not in ("thinking", "redacted_thinking"):
        raise refused(
            f"messages.{len(messages) - 2}.content.0.type: Expected `thinking` or `redacted_thinking`, "
            f"but found `{first}`. "
            "When `thinking` is enabled, a final `assistant` message must start with a thinking block "
            "(preceeding the lastmost set of `tool_use` and `tool_result` blocks)."
        )


def parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    form = mapping(body.get("output_config")).get("format") or body.get("output_format")
    return {**body, "response_format": form} if form else body
