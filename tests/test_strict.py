from __future__ import annotations

from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import validator_for

from kie_sync.strict import as_strict, is_strict

TEXT = {"type": "string"}


def closed(**properties: Any) -> Dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}, "required": ["a"]}, None),
        ({"properties": {"a": TEXT, "b": {"type": "integer"}}}, None),
        ({"type": "object", "additionalProperties": True, "properties": {"a": TEXT, "b": {"type": "integer"}}}, None),
        (
            {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": {**TEXT, "default": "x"}}}}},
            closed(a=closed(b=TEXT)),
        ),
        (
            {"type": "object", "properties": {"a": {"type": "array", "items": {"properties": {"b": TEXT}}}}},
            closed(a={"type": "array", "items": closed(b=TEXT)}),
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"oneOf": [{"properties": {"b": TEXT}}, TEXT], "discriminator": {}}},
            },
            closed(a={"anyOf": [closed(b=TEXT), TEXT]}),
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/A", "title": "A", "default": None}, "b": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"type": "object", "properties": {"b": TEXT}}},
            },
            {**closed(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}), "$defs": {"A": closed(b=TEXT)}},
        ),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/A", "description": "which"}},
                "$defs": {"A": {"enum": ["x"]}},
            },
            {**closed(a={"description": "which", "anyOf": [{"$ref": "#/$defs/A"}]}), "$defs": {"A": {"enum": ["x"]}}},
        ),
        (
            {"type": "object", "properties": {"a": {"type": ["object", "null"], "properties": {"b": TEXT}}}},
            closed(a={**closed(b=TEXT), "type": ["object", "null"]}),
        ),
    ],
    ids=["optional", "no type", "open", "nested", "items", "oneOf", "reference", "described reference", "nullable"],
)
def test_objects_are_closed_and_whole(schema: Any, strict: Any) -> None:
    assert as_strict(schema) == (strict or closed(a=TEXT, b={"type": "integer"}), True)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "object"},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": {"type": "integer"}},
        {"type": "object", "properties": {"a": {"type": "array", "prefixItems": [TEXT]}}},
        {"type": "object", "properties": {"a": {"allOf": [TEXT]}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A", "minLength": 2}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "array", "items": TEXT},
        {"anyOf": [closed(a=TEXT), closed(b=TEXT)]},
        {"type": "object", "anyOf": [closed(a=TEXT)], "properties": {"a": TEXT}},
    ],
    ids=str,
)
def test_what_strict_mode_has_no_words_for_stays_as_it_was(schema: Any) -> None:
    assert as_strict(schema) == (schema, False)
    assert not is_strict(schema)


def test_what_is_strict_already_is_known() -> None:
    assert is_strict(closed(a=TEXT, b=closed(c=TEXT)))
    assert not is_strict({**closed(a=TEXT), "required": []})
    assert not is_strict(True)


schemas = st.recursive(
    st.sampled_from([TEXT, {"type": "integer"}, {"type": "null"}, {"enum": ["x", "y"]}]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1).map(
            lambda parts: {"type": "object", "properties": parts, "required": sorted(parts)[:1]}
        ),
        inner.map(lambda item: {"type": "array", "items": item}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"anyOf": parts}),
    ),
    max_leaves=6,
)
values = st.recursive(
    st.sampled_from([None, 1, "x", "z", True]),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abcd"), inner, max_size=3)),
    max_leaves=6,
)


@given(schema=schemas, value=values)
def test_what_fits_the_strict_form_fits_the_schema(schema: Any, value: Any) -> None:
    """Whatever a model answers within it is what the caller asked for; and it is strict itself."""
    strict, could_be = as_strict(schema)

    if validator_for(strict)(strict).is_valid(value):
        assert validator_for(schema)(schema).is_valid(value)
    if could_be:
        assert is_strict(strict)
