"""What a chat model of the sandbox answers: always the same to the same question.

Sums are worked out, functions that are named are called, a JSON Schema is filled in, and anything else is
echoed; in Chinese to Chinese.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any, Mapping, Tuple

from .answers import dumps
from .faults import without_faults
from .question import Call, Question, tokens_of

# Not a date, a range of pages or a ratio: nothing of that sort may stand beside it.
_SUM = re.compile(r"(?<![\w./:-])(-?\d+(?:\.\d+)?)\s*([-+*/x×÷])\s*(-?\d+(?:\.\d+)?)(?![\w/:-]|\.\d)")
_ASKS_FOR_SUM = re.compile(r"[=?？]|what is|how much|calculate|compute|多少|等于|计算|几", re.IGNORECASE)
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_IN_TURN = re.compile(r"one at a time|step by step|one after the other|依次|逐一", re.IGNORECASE)
# Not the first word of all, which says nothing by its capital letter.
_NAME = re.compile(r"(?<!^)\b[A-Z][a-z]+\b")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
# A value taken from the question may break these.
_LIMITED = {"enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format"}


@dataclass(frozen=True)
class Reply:
    """A whole answer, before it is put on the wire; the tokens are estimates from the length of the text.

    `completion_tokens` are those of text and calls; `cached_tokens`, both kinds of cache writes and
    `audio_tokens` are among `prompt_tokens`.
    """

    text: str
    thoughts: str
    calls: Tuple[Call, ...]
    finish: str
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0
    audio_tokens: int = 0

    @property
    def fresh_tokens(self) -> int:
        """The input tokens that no cache had, and none took."""
        return self.prompt_tokens - self.cached_tokens - self.cache_write_tokens - self.cache_write_1h_tokens


def reply_to(asked: Question) -> Reply:
    """The answer to a question."""
    question = without_faults(asked.text)
    calls = _calls(asked, question)
    text = "" if calls else _text(asked, question)
    finish = "tool_calls" if calls else "stop"
    completion = tokens_of(text) + sum(tokens_of(call.name + call.arguments) for call in calls)
    thinks = asked.effort != "none"
    thoughts = _thoughts(question) if thinks else ""
    thinking = tokens_of(thoughts) * (1 if asked.effort in ("low", "minimal") else 3)
    limit = asked.max_tokens
    if limit is not None and asked.counts_thoughts:
        thinking = min(thinking, limit // 2)
        limit -= thinking
    if limit is not None and completion > limit and not calls:
        text, completion, finish = text[: max(1, len(text) * limit // completion)], limit, "length"
    return Reply(
        text,
        thoughts,
        calls,
        finish,
        asked.prompt_tokens,
        completion,
        thinking,
        cached_tokens=asked.cached_tokens,
        cache_write_tokens=asked.cache_write_tokens,
        cache_write_1h_tokens=asked.cache_write_1h_tokens,
        audio_tokens=asked.audio_tokens,
    )


def _thoughts(question: str) -> str:
    if _CHINESE.search(question):
        return "用户问的是：" + question[:40] + "。我会简短、清楚地回答。"
    return f"The user asks: {question[:60]!r}. A short, clear answer will do."


def _text(asked: Question, question: str) -> str:
    if asked.schema is not None:
        return dumps(
            fill(asked.schema, question, asked.schema) if asked.schema else {"answer": _plain(asked, question)}
        )
    return _plain(asked, question)


def _plain(asked: Question, question: str) -> str:
    chinese = bool(_CHINESE.search(question))
    if asked.answers:
        told = asked.answers[0].text
        if len(asked.answers) > 1:
            told = "; ".join(
                f"{answer.name}: {answer.text}" if answer.name else answer.text for answer in asked.answers
            )
            return f"这些工具返回的结果是：{told}" if chinese else f"The tools answered: {told}"
        return f"工具返回的结果是：{told}" if chinese else f"The tool answered: {told}"
    solved = _solve(question)
    if solved:
        return solved
    media = len(asked.media)
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


def _calls(asked: Question, question: str) -> Tuple[Call, ...]:
    """The functions to call: those that the choice demands, else those that the question names."""
    functions, choice = asked.tools, asked.choice
    one_at_a_time = asked.one_at_a_time or bool(_IN_TURN.search(question))
    if choice == "none" or (asked.answers and not one_at_a_time):
        return ()
    if choice in ("auto", "required"):
        named = [name for name in functions if _names(question, name)]
        if choice == "required" and not named:
            named = list(functions)[:1]
    else:
        named = [choice]
    done = [answer.name for answer in asked.answered_since]
    named = [name for name in named if name in functions and name not in done]
    return tuple(
        Call(name, dumps(fill_call(functions[name], question))) for name in (named[:1] if one_at_a_time else named)
    )


def _names(question: str, name: str) -> bool:
    """Whether a function is named: `add` is not, in `address`."""
    return bool(re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", question, re.IGNORECASE))


def fill_call(schema: Any, question: str) -> Any:
    """Arguments for a function: the numbers of the question in their order, else values that fit.

    Raises nothing: what cannot be filled in sensibly gets a small value that fits.
    """
    filled = fill(schema, question, schema)
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(filled, dict) or not isinstance(properties, dict):
        return filled
    numbers = [Decimal(found) for found in _NUMBER.findall(question)]
    words = _NAME.findall(question)
    texts = [name for name, one in properties.items() if _is_plain(one, ("string",))]
    for name, one in properties.items():
        if name in filled and numbers and _is_plain(one, ("integer", "number")):
            value = numbers.pop(0)
            whole = value == value.to_integral_value()
            if whole or one.get("type") == "number":
                filled[name] = int(value) if whole else float(value)
        elif name in filled and len(texts) > 1 and len(words) >= len(texts) and name in texts:
            filled[name] = words[texts.index(name)]
    return filled


def _is_plain(schema: Any, kinds: Tuple[str, ...]) -> bool:
    """Whether any value of these kinds fits."""
    return isinstance(schema, dict) and schema.get("type") in kinds and not set(schema) & _LIMITED


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
    names = _NAME.findall(question)
    text = _solve(question) or (names[-1] if names else "") or question or "text"
    text += "." * max(0, int(schema.get("minLength", 0)) - len(text))
    return text[: int(schema["maxLength"])] if "maxLength" in schema else text
