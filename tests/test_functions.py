from __future__ import annotations

import builtins
import functools
import logging
from dataclasses import dataclass
from typing import Any, List, Optional

import pytest
from pydantic import BaseModel, Field
from typing_extensions import Annotated

from kie_sync.errors import KieConfigError, KieInputError
from kie_sync.functions import Tool, plain_tools, read_tools, text_of, unknown_name


@dataclass
class Place:
    lat: float
    lon: float


class Report(BaseModel):
    city: str
    celsius: int


def weather(city: Annotated[str, Field(description="Where")], days: int = 3, at: Optional[Place] = None) -> Report:
    """The weather of a city.

    For some days.
    """
    return Report(city=f"{city} at {at}" if at else city, celsius=days)


class Thermometer:
    def read(self, room: str, *, unit: str = "C") -> str:
        return f"{room}: 20 {unit}"


WIRE = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "required": ["a"]}}}


def tool(function: Any) -> Tool:
    return read_tools("m", [function])[0]


def untitled(schema: Any) -> Any:
    """Without titles, which pydantic puts at other places from version to version."""
    if isinstance(schema, dict):
        return {name: untitled(part) for name, part in schema.items() if name != "title"}
    return [untitled(part) for part in schema] if isinstance(schema, list) else schema


def test_a_function_becomes_a_tool() -> None:
    assert untitled(tool(weather).wire) == {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a city.\n\nFor some days.",
            "parameters": {
                "type": "object",
                "properties": {
                    "city": {"description": "Where", "type": "string"},
                    "days": {"default": 3, "type": "integer"},
                    "at": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}], "default": None},
                },
                "required": ["city"],
                "additionalProperties": False,
                "$defs": {
                    "Place": {
                        "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
                        "required": ["lat", "lon"],
                        "type": "object",
                    }
                },
            },
        },
    }


def greet(name, **more):  # type: ignore[no-untyped-def]  # Hints are not demanded.
    return f"hi {name} {more}"


def doubled(number: int) -> int:
    return number * 2


@functools.wraps(doubled)
def wrapped(*all: Any, **named: Any) -> int:
    return doubled(*all, **named)


@pytest.mark.parametrize(
    ("function", "arguments", "answer"),
    [
        (weather, '{"city": "Oslo"}', '{"city": "Oslo", "celsius": 3}'),
        (
            weather,
            '{"city": "Oslo", "days": "2", "at": {"lat": 1, "lon": 2}}',
            '{"city": "Oslo at Place(lat=1.0, lon=2.0)", "celsius": 2}',
        ),
        (weather, {"city": "Oslo"}, '{"city": "Oslo", "celsius": 3}'),
        (Thermometer().read, '{"room": "hall"}', "hall: 20 C"),
        (greet, '{"name": "Li", "title": "Dr"}', "hi Li {'title': 'Dr'}"),
        (wrapped, '{"number": 21}', "42"),
        ({**WIRE, "call": lambda a, b=1: a + b}, '{"a": 2}', "3"),
        ({**WIRE, "call": lambda **all: sorted(all)}, '{"a": 2, "b": 3}', '["a", "b"]'),
    ],
    ids=["default", "given", "not text", "method", "no hints", "wrapped", "mapping", "mapping with anything"],
)
def test_a_call(function: Any, arguments: Any, answer: str) -> None:
    assert tool(function).answer(arguments) == answer


def no_arguments() -> str:
    return "done"


@pytest.mark.parametrize("arguments", ["", "{}"])
def test_a_call_without_arguments(arguments: str) -> None:
    assert tool(no_arguments).answer(arguments) == "done"


def fails(city: str) -> str:
    raise KeyError(f"no {city}")


def gives_a_socket() -> Any:
    return object()


@pytest.mark.parametrize(
    ("function", "arguments", "told"),
    [
        (
            weather,
            '{"days": "many", "when": 1}',
            "the arguments of weather do not fit: city: Missing required argument",
        ),
        (weather, '{"city": "a", "when": 1}', "when: Unexpected keyword argument"),
        (weather, "{", "the arguments of weather do not fit: they are not JSON: "),
        (weather, '["Oslo"]', "the arguments of weather do not fit: they are not a JSON object"),
        ({**WIRE, "call": print}, "{}", "the arguments of add do not fit: 'a' is a required property"),
        (fails, '{"city": "Ys"}', "fails failed: KeyError: 'no Ys'"),
        (gives_a_socket, "{}", "gives_a_socket failed: "),
    ],
)
def test_a_fault_is_told_to_the_model_in_few_words(
    function: Any, arguments: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "kie_sync"):
        answer = tool(function).answer(arguments)

    assert answer.startswith("error: ") and told in answer
    assert "Traceback" not in answer
    assert len(caplog.records) == 1


def test_an_exception_is_logged_whole(caplog: pytest.LogCaptureFixture) -> None:
    tool(fails).answer('{"city": "Ys"}')

    assert caplog.records[0].exc_info is not None
    assert isinstance(caplog.records[0].exc_info[1], KeyError)


def long_story(city: str) -> str:
    raise ValueError("x" * 10_000)


def test_a_long_fault_is_cut() -> None:
    assert len(tool(long_story).answer('{"city": "a"}')) <= 310


def test_ctrl_c_is_no_answer() -> None:
    def stopped() -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tool(stopped).answer("{}")


def by_position(a: int, /) -> int:
    return a


def several(*numbers: int) -> int:
    return sum(numbers)


def of_a_module(module: NoSuchName) -> str:  # type: ignore[name-defined]  # noqa: F821
    return ""


async def later(a: int) -> int:
    return a


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda a: a, "has no name of letters, digits, _ and - (64 at most); give it a name with `def`"),
        (functools.partial(weather, days=1), "has no name of letters"),
        (later, "later is asynchronous, and would never be awaited"),
        (by_position, "by_position takes arguments by position alone"),
        (several, "several takes arguments by position alone"),
        (of_a_module, "of_a_module: pydantic makes no schema of its type hints: name 'NoSuchName' is not defined"),
        (dict, "a tool is a Python function, or a mapping in OpenAI's form; got <class 'dict'>"),
        ("weather", 'a tool is a Python function, or a mapping in OpenAI\'s form; got "weather"'),
        ({**WIRE, "call": "add"}, 'call must be a Python function; got "add"'),
        ({"type": "function", "call": print}, "a tool with a function needs a name"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(given: Any, message: str) -> None:
    with pytest.raises(KieInputError) as raised:
        read_tools("m", [no_arguments, given])

    assert message in str(raised.value)
    assert raised.value.problems[0].where == "tools[1]"


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(KieInputError, match="tools: two have the name weather; give each its own"):
        read_tools("m", [weather, {"type": "function", "function": {"name": "weather"}}])


def test_on_the_wire_there_is_no_function() -> None:
    search = {"type": "web_search"}

    assert plain_tools("m", [{**WIRE, "call": print}, search]) == [WIRE, search]
    assert [each["function"]["name"] for each in plain_tools("m", weather)] == ["weather"]
    assert plain_tools("m", [WIRE]) == [WIRE]
    assert plain_tools("m", "weather") == "weather"


def test_without_pydantic_a_function_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hide_pydantic(monkeypatch)

    with pytest.raises(KieConfigError, match=r"a Python function among the tools \(tools\[0\]\) needs pydantic"):
        read_tools("m", [weather])
    assert tool({**WIRE, "call": lambda a: Place(a, a)}).answer('{"a": 2}') == '{"lat": 2, "lon": 2}'
    assert tool({**WIRE, "call": lambda a: object()}).answer('{"a": 2}').startswith("error: add failed: TypeError")


def hide_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("pydantic", "pydantic_core"):
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)


def test_a_tool_of_somebody_else_has_no_answer() -> None:
    with pytest.raises(LookupError):
        tool(WIRE).answer("{}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a": [1, 2.5, true]}'),
        ([Place(1, 2), Report(city="Oslo", celsius=1)], '[{"lat": 1, "lon": 2}, {"city": "Oslo", "celsius": 1}]'),
        ({"北": "京"}, '{"北": "京"}'),
    ],
)
def test_what_a_function_gives_back_becomes_text(value: Any, text: str) -> None:
    assert text_of(value) == text


def test_a_name_that_is_not_there() -> None:
    known: List[str] = ["weather", "add"]

    assert unknown_name("wether", known) == 'error: there is no function "wether"; there are: weather, add'


def test_parameters_that_are_no_schema_are_found_before_anything_is_paid() -> None:
    """The run ended with jsonschema's own error, after the first answer was paid."""
    function = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"type": "str"}}}}

    with pytest.raises(KieInputError, match=r"the parameters of f are no JSON Schema at properties\.x\.type"):
        read_tools("m", [{"type": "function", "function": function, "call": print}])


def test_a_reference_that_leads_nowhere_is_told_to_the_model() -> None:
    function = {"name": "f", "parameters": {"type": "object", "properties": {"x": {"$ref": "#/$defs/nowhere"}}}}
    (tool,) = read_tools("m", [{"type": "function", "function": function, "call": print}])

    assert tool.answer('{"x": 1}').startswith("error: the arguments of f do not fit: the JSON Schema cannot be used")
