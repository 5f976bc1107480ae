"""The platform's models as tests/cases/market.jsonl has them: wire names, types, limits and prices, one model a line.

A line has the `model`, its `params` and `prices` (calls, and what the platform takes for each), and where needed:
`least`: what the smallest call holds beside what is required, because a rule wants it.
`seen`: figures for what no call can ask for.
`most`: what must change so that all parameters can stand together; null takes one out.
`with`: what must stand beside a value of a parameter; `*` is any value.
`refused`: changes of the smallest call that break one rule, and words of the message; `@name` is our name for it.
In a parameter, `try` is the one value to try, where rules leave no room for others.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from conftest import ROOT

Request = Dict[str, Any]
MARKET: Dict[str, Mapping[str, Any]] = {
    facts["model"]: facts
    for line in (ROOT / "tests" / "cases" / "market.jsonl").read_text(encoding="utf-8").splitlines()
    for facts in [json.loads(line)]
}
_URLS = {
    "image": "https://example.com/a.png",
    "video": "https://example.com/a.mp4",
    "audio": "https://example.com/a.mp3",
}
_LINK = "https://example.com/a"
# A text for each pattern of the market.
_TEXTS = {r"^.*\S.*$": "a cat", "^#[0-9A-Fa-f]{6}$": "#a1b2c3", r"^\d{1,3}\.\d{2}%$": "25.00%"}


def sample(param: Mapping[str, Any]) -> Any:
    """A value that the platform takes."""
    kind, default = param["type"], param.get("try", param.get("default"))
    if default is not None and default != [] and default in param.get("enum", [default]):
        return default
    if kind.startswith("array"):
        return _items(param, param.get("min_items", 1))
    if "enum" in param:
        return param["enum"][0]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return param.get("min", param.get("max", 1))
    if "min" in param:
        return str(param["min"])
    if "media" in param or "format" in param:
        return _URLS.get(param.get("media", ""), _LINK)
    return _TEXTS.get(param.get("pattern", ""), "a" * max(1, param.get("min_length", 1)))


def _item(param: Mapping[str, Any]) -> Any:
    kind = param["type"]
    if kind == "array<object>":
        return {name: sample(field) for name, field in param["items"].items() if field.get("required")}
    if kind == "array<array<array<integer>>>":
        return [[0, 0, 10, 10]]
    if kind == "array<integer>":
        return 1
    return _URLS.get(param.get("media", ""), _LINK)


def _items(param: Mapping[str, Any], count: int) -> List[Any]:
    """So many items; their names differ, where they have one."""
    item, numbers = _item(param), range(max(1, count))
    return [{**item, "name": f"a{n}"} if isinstance(item, dict) and "name" in item else item for n in numbers]


def least(facts: Mapping[str, Any]) -> Request:
    """The smallest call: what is required, and what a rule wants beside it."""
    call = {name: sample(param) for name, param in facts["params"].items() if param.get("required")}
    return changed(call, facts.get("least", {}))


def most(facts: Mapping[str, Any]) -> Iterator[Request]:
    """Calls with all parameters that can stand together."""
    for change in facts.get("most", [{}]):
        yield changed({name: sample(param) for name, param in facts["params"].items()}, change)


def changed(call: Mapping[str, Any], change: Mapping[str, Any]) -> Request:
    return {name: value for name, value in {**call, **change}.items() if value is not None}


def with_value(facts: Mapping[str, Any], name: str, value: Any) -> Request:
    """The smallest call that has this value."""
    companions = facts.get("with", {}).get(name, {})
    key = value if isinstance(value, str) else json.dumps(value)
    return changed(changed(least(facts), companions.get(key, companions.get("*", {}))), {name: value})


def allowed(param: Mapping[str, Any]) -> List[Any]:
    """The values at the ends of what is allowed, and each value of a closed set."""
    kind = param["type"]
    if "try" in param:
        return [param["try"]]
    if kind == "array<object>":
        counts = _counts(param)
        items = [{**_item(param), name: value} for name, field in param["items"].items() for value in allowed(field)]
        return [_items(param, count) for count in counts] + [[item] * max(1, counts[0]) for item in items]
    if kind.startswith("array"):
        return [_items(param, count) for count in _counts(param)]
    if "enum" in param:
        return list(param["enum"])
    if kind == "boolean":
        return [True, False]
    if kind in ("integer", "number"):
        ends = [param[end] for end in ("min", "max") if end in param]
        return [*(ends or [1]), *param.get("special", [])]
    if "min" in param:
        return [str(param["min"]), str(param["max"])]
    if "media" in param or "format" in param or "pattern" in param:
        return [sample(param)]
    return ["a" * length for length in dict.fromkeys((max(1, param.get("min_length", 1)), param.get("max_length", 3)))]


def _counts(param: Mapping[str, Any]) -> List[int]:
    first = max(1, param.get("min_items", 1))
    return list(dict.fromkeys((first, param.get("max_items", first))))


def forbidden(param: Mapping[str, Any]) -> Iterator[Tuple[Any, List[str]]]:
    """Values that break one limit, each with what a message must name."""
    kind = param["type"]
    if kind.startswith("array"):
        if "max_items" in param:
            yield _items(param, param["max_items"] + 1), [str(param["max_items"])]
        if param.get("required") and "default" not in param:
            yield [], ["is required"]
        elif param.get("min_items") == 1:
            yield [], ["1 item"]
        if param.get("min_items", 0) > 1:
            yield _items(param, param["min_items"] - 1), [str(param["min_items"])]
        for name, field in param.get("items", {}).items():
            for value, words in forbidden(field):
                yield [{**_item(param), name: value}] * max(1, param.get("min_items", 1)), words
            if field.get("required"):
                item = {key: value for key, value in _item(param).items() if key != name}
                yield [item] * max(1, param.get("min_items", 1)), ["is required"]
        return
    if kind == "boolean":
        yield "perhaps", ["true or false"]
    elif "enum" in param and all(str(value).isdigit() for value in param["enum"]):
        # A closed set of numbers may be written as a range.
        for end, step in ((min(param["enum"], key=int), -1), (max(param["enum"], key=int), 1)):
            yield type(end)(int(end) + step), [str(end)]
    elif "enum" in param:
        yield "none of these", [str(value) for value in param["enum"]]
    elif kind in ("integer", "number") or "min" in param:
        for end, step in (("min", -1), ("max", 1)):
            if end in param:
                value = param[end] + step
                yield (value if kind != "string" else str(value)), [str(param[end])]
        if kind == "integer":
            yield param.get("min", 0) + 0.5, ["whole number"]
        yield "many", ["number"]
    elif "media" in param or "format" in param:
        yield "no address", ["URL"]
    else:
        if "max_length" in param:
            yield "a" * (param["max_length"] + 1), [f"{param['max_length']:,}"]
        if param.get("min_length", 0) > 1:
            yield "a" * (param["min_length"] - 1), [str(param["min_length"])]
        if "pattern" in param and not re.search(param["pattern"], "!"):
            yield "!", [param["pattern"]]
        if param.get("required"):
            yield "", ["is required"]
        yield 7, ["text"]
