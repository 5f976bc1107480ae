"""Which JSON Schemas Gemini's own `Schema` can hold; the others go into the fields that take all of JSON Schema.

KIE's pages show `parameters` (docs.kie.ai, market/gemini), and clients were seen using `responseSchema` there.
Google refuses words in them that it does not know, and has `parametersJsonSchema` and `responseJsonSchema` for those.
"""

from __future__ import annotations

from typing import Any, Mapping

# Of ai.google.dev, api/caching#Schema, those that every version of it has had; `title` and `default` came later.
_WORDS = {
    *("type", "format", "title", "description", "nullable", "enum", "default", "items", "properties", "required"),
    *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern", "anyOf", "propertyOrdering"),
}
_FORMATS = ("enum", "date-time", "float", "double", "int32", "int64")


def fits_schema(schema: Any) -> bool:
    """Whether Google's `Schema` can hold a JSON Schema as it is."""
    if not isinstance(schema, Mapping) or not _WORDS.issuperset(schema):
        return False
    enum, properties, options = schema.get("enum", []), schema.get("properties", {}), schema.get("anyOf", [])
    is_plain = (
        isinstance(schema.get("type", ""), str)
        and schema.get("format", _FORMATS[0]) in _FORMATS
        and isinstance(enum, list)
        and all(isinstance(value, str) for value in enum)
        and isinstance(properties, Mapping)
        and isinstance(options, list)
    )
    items = [schema["items"]] if "items" in schema else []
    return is_plain and all(map(fits_schema, [*items, *options, *properties.values()]))
