from __future__ import annotations

import builtins
import datetime
import json
import pickle
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, List, Literal, Optional, Union

import pytest
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from kie_sync import ChatCompletion, ChatMessage, KieAnswerError
from kie_sync.completions import Choice
from kie_sync.errors import KieConfigError, KieInputError
from kie_sync.pricing import CostEstimate
from kie_sync.strict import is_strict
from kie_sync.typed import AnswerForm, read_form


@dataclass
class City:
    name: str
    people: Optional[int] = None


class Trip(BaseModel):
    model_config = ConfigDict(extra="allow")
    to: City = Field(description="where")
    on: datetime.date
    price: Decimal
    then: Optional[Trip] = None


class Row(TypedDict, total=False):
    name: str


class Node(BaseModel):
    parts: List[Node] = []


CITY = {
    "type": "object",
    "properties": {"name": {"type": "string"}},
    "required": ["name"],
    "additionalProperties": False,
}


def wire_of(form: Optional[AnswerForm]) -> Any:
    assert form is not None
    return form.wire["json_schema"]


@pytest.mark.parametrize(
    ("kind", "name", "strict", "text", "expected"),
    [
        (City, "City", True, '{"name": "Oslo", "people": 7}', City("Oslo", 7)),
        (City, "City", True, '{"name": "Oslo"}', City("Oslo")),
        (Row, "Row", True, '{"name": "Oslo"}', {"name": "Oslo"}),
        (
            Trip,
            "Trip",
            True,
            '{"to": {"name": "Oslo"}, "on": "2026-11-22", "price": 1.10, "then": null}',
            Trip(to=City("Oslo"), on=datetime.date(2026, 11, 22), price=Decimal("1.10")),
        ),
        (Node, "Node", True, '{"parts": [{"parts": []}]}', Node(parts=[Node()])),
        (List[City], "answer", True, '{"value": [{"name": "Oslo"}]}', [City("Oslo")]),
        (Literal["a", "b"], "answer", True, '{"value": "b"}', "b"),
        (Union[int, City], "answer", True, '{"value": {"name": "Oslo"}}', City("Oslo")),
        (Dict[str, int], "answer", False, '{"a": 1}', {"a": 1}),
        (int, "int", True, '{"value": 4}', 4),
    ],
    ids=["dataclass", "left out", "TypedDict", "pydantic", "recursive", "list", "Literal", "Union", "open", "int"],
)
def test_classes_and_type_hints(kind: Any, name: str, strict: bool, text: str, expected: Any) -> None:
    form = read_form("m", kind)

    about = wire_of(form)
    assert (about["name"], about["strict"], about["schema"]["type"]) == (name, strict, "object")
    assert is_strict(about["schema"]) is strict
    assert form is not None and form.read(text) == expected


def test_the_wire_of_a_dataclass() -> None:
    assert read_form("m", City).wire == {  # type: ignore[union-attr]
        "type": "json_schema",
        "json_schema": {
            "name": "City",
            "strict": True,
            "schema": {
                "title": "City",
                "type": "object",
                "properties": {
                    "name": {"title": "Name", "type": "string"},
                    "people": {"anyOf": [{"type": "integer"}, {"type": "null"}], "title": "People"},
                },
                "required": ["name", "people"],
                "additionalProperties": False,
            },
        },
    }


def test_a_schema_goes_as_it_is() -> None:
    """What is optional in it stays optional, so that it is strict only where it was written so."""
    loose = {"title": "a city!", "type": "object", "properties": {"name": {"type": "string"}}}

    assert wire_of(read_form("m", CITY)) == {"name": "answer", "strict": True, "schema": CITY}
    assert wire_of(read_form("m", loose)) == {"name": "a_city", "strict": False, "schema": loose}


@pytest.mark.parametrize(
    "given", [CITY, {"type": "json_schema", "json_schema": {"name": "x", "schema": CITY}}], ids=["bare", "OpenAI"]
)
def test_a_schema_is_held_against_the_answer(given: Any) -> None:
    form = read_form("m", given)

    assert form is not None
    assert form.read('{"name": "Oslo"}') == {"name": "Oslo"}
    with pytest.raises(ValueError, match="name: 4 is not of type 'string'"):
        form.read('{"name": 4}')


def test_openais_own_forms() -> None:
    any_json = read_form("m", {"type": "json_object"})

    assert any_json is not None and any_json.wire == {"type": "json_object"}
    assert any_json.read("[1]") == [1]
    assert read_form("m", {"type": "text"}) is None
    assert read_form("m", {"grammar": "x"}) is None
    assert read_form("m", None) is None
    assert read_form("m", "json") is None


def test_json_in_a_fence_is_json() -> None:
    form = read_form("m", CITY)

    assert form is not None and form.read('```json\n{"name": "Oslo"}\n```\n') == {"name": "Oslo"}


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (City, "Oslo", "it is not JSON: "),
        (City, "", "it is not JSON: "),
        (City, '{"people": "many"}', "name: Field required; people: Input should be a valid integer"),
        (List[int], "[1]", 'there is no "value" in it'),
        (List[int], '{"value": ["a"]}', "0: Input should be a valid integer"),
        (List[int], json.dumps({"value": ["a"] * 9}), "; and 4 more"),
        (City, "[" * 100_000, "it is not JSON: "),
    ],
)
def test_what_does_not_fit_says_where(kind: Any, text: str, message: str) -> None:
    form = read_form("m", kind)

    assert form is not None
    with pytest.raises(ValueError) as raised:
        form.read(text)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "strin"}, "response_format is no JSON Schema at type: 'strin' is not valid"),
        (
            {"type": "json_schema", "json_schema": {"schema": {"required": 1}}},
            "response_format is no JSON Schema at required: 1 is not of type 'array'",
        ),
        (object(), "response_format must be a JSON Schema, a dataclass, a TypedDict, a pydantic class or a type hint"),
    ],
    ids=["type", "OpenAI", "object"],
)
def test_what_is_no_form_is_refused(given: Any, message: str) -> None:
    with pytest.raises(KieInputError) as raised:
        read_form("m", given)
    assert message in str(raised.value)
    assert raised.value.problems[0].where == "response_format"


def test_without_pydantic_a_class_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "pydantic":
            raise ImportError(name)
        return real(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)

    with pytest.raises(KieConfigError, match=r"needs pydantic; install it: pip install 'kie-sync\[typed\]'"):
        read_form("m", City)
    assert read_form("m", CITY) is not None


# parsed


def completion(text: Optional[str], kind: Any, reason: str = "stop", **more: Any) -> ChatCompletion:
    message = ChatMessage("assistant", text, **more)
    cost = CostEstimate("m", "t", *[Decimal(1)] * 6)
    return ChatCompletion((Choice(message, 0, reason),), model="m", cost=cost, form=read_form("m", kind))


def test_parsed_is_the_object() -> None:
    answer = completion('{"name": "Oslo"}', City)

    assert answer.parsed == City("Oslo")
    assert answer.parsed is answer.parsed
    assert ChatCompletion(answer.choices).parsed is None


def test_a_call_of_a_tool_comes_before_the_object() -> None:
    assert completion(None, City, tool_calls=({"id": "1"},)).parsed is None


@pytest.mark.parametrize(
    ("reason", "hint"),
    [("length", "raise max_tokens"), ("content_filter", "it was stopped (content_filter)"), ("stop", "it is not JSON")],
)
def test_an_answer_that_does_not_fit_is_an_error_with_all_that_was_paid(reason: str, hint: str) -> None:
    answer = completion('{"name": "Os', City, reason)

    with pytest.raises(KieAnswerError) as raised:
        answer.parsed  # noqa: B018
    again = pickle.loads(pickle.dumps(raised.value))

    assert hint in str(raised.value)
    assert "It is paid" in str(raised.value)
    assert (again.text, again.completion, again.cost) == ('{"name": "Os', answer, answer.cost)
    assert answer.text == '{"name": "Os'


@pytest.mark.parametrize(
    "reference", ["#/$defs/nowhere", "http://127.0.0.1:9/schema.json", "file:///etc/hostname", "#/properties/x"]
)
def test_a_reference_that_leads_nowhere_costs_no_answer_and_fetches_nothing(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: List[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda *given, **_: fetched.append(given))
    form = read_form("m", {"type": "object", "properties": {"x": {"$ref": reference}}})

    assert form is not None
    with pytest.raises(ValueError, match="the JSON Schema cannot be used"):
        form.read('{"x": 1}')
    assert fetched == []
