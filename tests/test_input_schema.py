"""A model's wire input as JSON Schema: valid itself, and true to what `resolve` sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from wire import placed

from kie_sync.catalog import Catalog, read_catalog
from kie_sync.definitions import UNSET, Choice, Parameter
from kie_sync.input_schema import build_input_schema
from kie_sync.params import resolve


@pytest.fixture(scope="module")
def all_models() -> Catalog:
    return read_catalog(ROOT / "tests" / "cases" / "grammar.yaml")


def test_every_model_has_a_valid_schema_that_json_can_hold(all_models: Catalog) -> None:
    for model in all_models.values():
        Draft202012Validator.check_schema(model.input_schema)

        assert json.loads(json.dumps(model.input_schema)) == model.input_schema


def test_whatever_an_example_sends_fits_the_schema(all_models: Catalog) -> None:
    faults = {
        (model.id, fault.message)
        for model in all_models.values()
        for example in model.examples
        for fault in Draft202012Validator(model.input_schema).iter_errors(placed(resolve(model, example.call).wire))
    }

    assert faults == set()


def test_the_schema_of_a_model_is_written_out_whole(catalog: Any) -> None:
    image = {"type": "string", "format": "uri"}
    ratios = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "auto"]

    assert catalog["nano-banana-pro"].input_schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nano Banana Pro",
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "maxLength": 10000},
            "image_input": {"type": "array", "maxItems": 8, "items": image},
            "aspect_ratio": {"enum": ratios},
            "resolution": {"enum": ["1K", "2K", "4K"]},
            "output_format": {"enum": ["png", "jpg"]},
        },
        "additionalProperties": False,
        "required": ["prompt"],
    }


def one(parameter: Parameter) -> Dict[str, Any]:
    schema = build_input_schema("t", {parameter.name: parameter})
    found: Dict[str, Any] = schema["properties"][parameter.wire]
    return found


def a(kind: str, **words: Any) -> Parameter:
    return Parameter("a", "a", kind, **words)


CASES = {
    "constant": (a("any", constant="xl"), {"const": "xl"}),
    "values as sent": (a("integer", values=(Choice(5, 5), Choice(10, 10)), send_as="text"), {"enum": ["5", "10"]}),
    "what is not sent is no value": (a("text", values=(Choice("C", "C"), Choice("any", None))), {"enum": ["C"]}),
    "a range and single values": (
        a("integer", min=2, max=30, also=(-1,)),
        {"anyOf": [{"type": "integer", "minimum": 2, "maximum": 30}, {"enum": [-1]}]},
    ),
    "a number as text, with a sentinel": (
        a("integer", min=2, also=(-1,), send_as="text"),
        {"anyOf": [{"type": "string", "pattern": "^-?[0-9]+$"}, {"enum": ["-1"]}]},
    ),
    "a number as text": (a("number", min=2, send_as="text"), {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}),
    "a short range as text": (a("integer", min=4, max=10, multiple_of=3, send_as="text"), {"enum": ["6", "9"]}),
    "a boolean as text": (a("boolean", send_as="text"), {"enum": ["true", "false"]}),
    "wrapped": (
        a("image", send_as="list"),
        {"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 1, "maxItems": 1},
    ),
    "unwrapped": (a("images", send_as="single", max_items=1), {"type": "string", "format": "uri"}),
    "a pattern of URLs": (
        a("files", pattern="mp4$", max_items=2),
        {"type": "array", "maxItems": 2, "items": {"type": "string", "format": "uri", "pattern": "mp4$"}},
    ),
    "numbers of a list as text": (
        a("list", items=a("integer"), send_as="text"),
        {"type": "array", "items": {"type": "string"}},
    ),
    "a list of anything, unwrapped": (a("list", send_as="single"), {}),
    "anything": (a("any"), {}),
    "in words": (a("boolean", title="Sound", note="off"), {"type": "boolean", "description": "Sound; off"}),
    "an object": (
        a("object", fields={"n": Parameter("n", "N", "number", required=True)}),
        {"type": "object", "properties": {"N": {"type": "number"}}, "additionalProperties": False, "required": ["N"]},
    ),
}


@pytest.mark.parametrize(("parameter", "schema"), CASES.values(), ids=CASES)
def test_each_kind_of_parameter(parameter: Parameter, schema: Dict[str, Any]) -> None:
    assert one(parameter) == schema


def test_two_parameters_under_one_wire_name_are_alternatives() -> None:
    parameters = {
        "search": Parameter("search", "tools", "boolean", values=(Choice(True, ["google"]), Choice(False, None))),
        "tools": Parameter("tools", "tools", "list"),
    }

    schema = build_input_schema("t", parameters)

    assert schema["properties"] == {"tools": {"anyOf": [{"enum": [["google"]]}, {"type": "array"}]}}


def test_an_open_model_takes_further_names() -> None:
    assert build_input_schema("t", {}, True)["additionalProperties"] is True


def test_unset_is_falsy_and_prints() -> None:
    assert (bool(UNSET), repr(UNSET)) == (False, "UNSET")


def test_a_chats_wire_names_are_places_in_the_body() -> None:
    parameters = {
        "reasoning_effort": Parameter("reasoning_effort", "reasoning.effort", "text", values=(Choice("low", "low"),)),
        "summary": Parameter("summary", "reasoning.summary", "text", required=True),
        "level": Parameter("level", "a.b.level", "integer"),
        "stop": Parameter("stop", "stop", "text"),
    }

    text = {"type": "string"}

    assert build_input_schema("t", parameters, has_places=True) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "t",
        "type": "object",
        "properties": {
            "reasoning": {
                "type": "object",
                "properties": {"effort": {"enum": ["low"]}, "summary": text},
                "additionalProperties": False,
                "required": ["summary"],
            },
            "a": {
                "type": "object",
                "properties": {
                    "b": {"type": "object", "properties": {"level": {"type": "integer"}}, "additionalProperties": False}
                },
                "additionalProperties": False,
            },
            "stop": text,
        },
        "additionalProperties": False,
        "required": ["reasoning"],
    }


def test_a_tasks_wire_names_are_names() -> None:
    assert list(build_input_schema("t", {"a": Parameter("a", "b.c", "text")})["properties"]) == ["b.c"]


def test_a_place_that_holds_others_is_no_parameter_itself(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    parameters = "{effort: {wire: reasoning.effort}, reasoning: {type: object}}"
    path.write_text(f"models: {{my/x: {{kind: chat, endpoint: kie-chat, parameters: {parameters}}}}}\n")

    said = [str(problem).rpartition("my.yaml:")[2] for problem in read_catalog(path).problems]

    assert said == [
        "1:107: my/x: parameters.reasoning: effort is sent inside reasoning; "
        "a place that holds others cannot be a parameter itself"
    ]
