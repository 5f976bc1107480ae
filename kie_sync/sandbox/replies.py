"""What a chat model of the sandbox answers: always the same to the same question.

Sums are worked out, functions that are named are called, a JSON Schema is filled in, and anything else is
echoed; in Chinese to Chinese.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any, Dict, Mapping, Sequence, Tuple

from .answers import dumps
from .faults import without_faults

# Not a date, a range of pages or a ratio: nothing of that sort may stand beside it.
_SUM = re.compile(r"(?<![\w./:-])(-?\d+(?:\.\d+)?)\s*([-+*/x×÷])\s*(-?\d+(?:\.\d+)?)(?![\w/:-]|\.\d)")
_ASKS_FOR_SUM = re.compile(r"[=?？]|what is|how much|calculate|compute|多少|等于|计算|几", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_WIDE = re.compile(r"[\u2e80-\uffef]")


@dataclass(frozen=True)
class Call:
    """One function that the model wants called; `arguments` is JSON text."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Reply:
    """A whole answer, before it is put on the wire; the tokens are estimates from the length of the text."""

    text: str
    thoughts: str
    calls: Tuple[Call, ...]
    finish: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int


def tokens_of(text: str) -> int:
    """One for each wide character, one for each four others."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


def text_of(content: Any) -> str:
    """The text of a message's content, which is a text or a list of parts."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(str(part.get("text", "")) for part in texts)


def question_of(messages: Sequence[Any]) -> str:
    """The text of the last message of the user, as it was sent."""
    asked = [message for message in messages if isinstance(message, dict) and message.get("role") == "user"]
    return text_of(asked[-1].get("content")) if asked else ""


def reply_to(body: Mapping[str, Any]) -> Reply:
    """The answer to a request's body."""
    messages = [message for message in body.get("messages", []) if isinstance(message, dict)]
    question = without_faults(question_of(messages))
    calls = _calls(body, messages, question)
    text = "" if calls else _text(body, messages, question)
    finish = "tool_calls" if calls else "stop"
    completion = tokens_of(text) + sum(tokens_of(call.name + call.arguments) for call in calls)
    limit = body.get("max_tokens") or body.get("max_completion_tokens")
    if isinstance(limit, int) and completion > limit and not calls:
        text, completion, finish = text[: max(1, len(text) * limit // completion)], limit, "length"
    media = sum(_media_in(message.get("content")) for message in messages)
    prompt = sum(tokens_of(text_of(message.get("content"))) + 3 for message in messages) + media * 258
    thoughts = _thoughts(question)
    deep = 1 if body.get("reasoning_effort") == "low" else 3
    return Reply(text, thoughts, calls, finish, prompt, completion, tokens_of(thoughts) * deep)


def _media_in(content: Any) -> int:
    parts = content if isinstance(content, list) else []
    return sum(1 for part in parts if isinstance(part, dict) and part.get("type") not in ("text", None))


def _thoughts(question: str) -> str:
    if _CHINESE.search(question):
        return "用户问的是：" + question[:40] + "。我会简短、清楚地回答。"
    return f"The user asks: {question[:60]!r}. A short, clear answer will do."


def _text(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], question: str) -> str:
    form = body.get("response_format")
    if isinstance(form, dict) and form.get("type") == "json_schema":
        described = form.get("json_schema") or {}
        schema = described.get("schema", {}) if isinstance(described, dict) else {}
        return dumps(fill(schema, question, schema))
    if isinstance(form, dict) and form.get("type") == "json_object":
        return dumps({"answer": _plain_text(messages, question)})
    return _plain_text(messages, question)


def _plain_text(messages: Sequence[Mapping[str, Any]], question: str) -> str:
    chinese = bool(_CHINESE.search(question))
    if messages and messages[-1].get("role") == "tool":
        told = text_of(messages[-1].get("content"))
        return f"工具返回的结果是：{told}" if chinese else f"The tool answered: {told}"
    solved = _solve(question)
    if solved:
        return solved
    media = sum(_media_in(message.get("content")) for message in messages)
    if chinese:
        seen = f"我收到了 {media} 个附件。" if media else ""
        return f"你好！你说的是：“{question}”。{seen}这是沙盒的回答，没有真正的模型参与；同样的问题总会得到同样的回答。"
    seen = f" I was given {media} file{'s' if media > 1 else ''}." if media else ""
    return (
        f"You said: \u201c{question}\u201d{seen} This answer comes from the sandbox, where no real model is at work; "
        "the same question always gets the same answer."
    )


def _solve(question: str) -> str:
    found = _SUM.search(question)
    if not found or not (_ASKS_FOR_SUM.search(question) or len(question) < len(found[0]) + 4):
        return ""
    left, sign, right = Decimal(found[1]), found[2], Decimal(found[3])
    try:
        result = (
            left + right
            if sign == "+"
            else left - right
            if sign == "-"
            else (left / right if sign in "/÷" else left * right)
        )
    except (DivisionByZero, InvalidOperation):
        return f"{found[0]} has no result: nothing can be divided by zero."
    shown = format(result.normalize(), "f")
    return f"{found[1]} {sign} {found[3]} = {shown}"


def _calls(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]], question: str) -> Tuple[Call, ...]:
    """The functions to call: those that the choice demands, else those that the question names."""
    functions = _functions(body.get("tools"))
    choice = body.get("tool_choice")
    if not functions or choice == "none" or (messages and messages[-1].get("role") == "tool"):
        return ()
    if isinstance(choice, dict):
        named = [str((choice.get("function") or {}).get("name"))]
    else:
        named = [name for name in functions if name.lower() in question.lower()]
        if choice == "required" and not named:
            named = list(functions)[:1]
    return tuple(
        Call(name, dumps(fill(functions[name], question, functions[name]))) for name in named if name in functions
    )


def _functions(tools: Any) -> Dict[str, Any]:
    """The caller's own functions and their parameters' schemas; the platform's search is none of them."""
    found: Dict[str, Any] = {}
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str) and function["name"] != "googleSearch":
            found[function["name"]] = function.get("parameters") or {"type": "object"}
    return found


def fill(schema: Any, question: str, root: Any, depth: int = 0) -> Any:
    """A small value that fits a JSON Schema (the usual parts of one)."""
    if not isinstance(schema, dict) or depth > 12:
        return None
    if "$ref" in schema:
        return fill(_follow(str(schema["$ref"]), root), question, root, depth + 1)
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if schema.get(word):
            parts = schema[word]
            merged = {**schema, **(parts[0] if word != "allOf" else {k: v for part in parts for k, v in part.items()})}
            merged.pop(word, None)
            return fill(merged, question, root, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = kind[0] if kind else "null"
    if kind == "object":
        properties = schema.get("properties") or {}
        names = list(properties) if depth < 4 else [name for name in schema.get("required", []) if name in properties]
        return {name: fill(properties[name], question, root, depth + 1) for name in names}
    if kind == "array":
        count = max(int(schema.get("minItems", 1)), 0)
        item = schema.get("items", {"type": "string"})
        return [fill(item, question, root, depth + 1) for _ in range(count)]
    return _scalar(kind, schema, question)


def _follow(reference: str, root: Any) -> Any:
    place = root
    for step in reference.lstrip("#/").split("/") if reference.startswith("#") else ():
        place = place.get(step) if isinstance(place, dict) else None
    return place


def _scalar(kind: str, schema: Mapping[str, Any], question: str) -> Any:
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1 if "exclusiveMinimum" in schema else None)
        high = schema.get("maximum", schema.get("exclusiveMaximum"))
        solved = _solve(question).rpartition("= ")[2]
        value: Any = int(solved) if solved.lstrip("-").isdigit() else 1
        if (low is not None and value < low) or (high is not None and value > high):
            value = low if low is not None else high
        step = schema.get("multipleOf")
        return -(-value // step) * step if step else value
    formats = {
        "date": "2026-11-22",
        "date-time": "2026-11-22T00:00:00Z",
        "email": "cat@example.com",
        "uri": "https://example.com/",
        "uuid": "00000000-0000-4000-8000-000000000000",
    }
    if schema.get("format") in formats:
        return formats[schema["format"]]
    names = re.findall(r"\b[A-Z][a-z]+\b", question)[1:]
    text = _solve(question) or (names[-1] if names else "") or question or "text"
    text += "." * max(0, int(schema.get("minLength", 0)) - len(text))
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text
