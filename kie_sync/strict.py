"""JSON Schema as OpenAI's strict mode wants it.

Every object is closed and all its properties are required; a `$ref` stands alone; `oneOf` is not known there (OpenAI's
guide to structured outputs; openai-python issues 2740 and 2557). What strict mode has no words for stays as it is.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

# Words of JSON Schema without a place in strict mode.
_UNKNOWN = (
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "unevaluatedItems",
    "unevaluatedProperties",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "uniqueItems",
)
# Beside a `$ref` they only describe.
_REMARKS = ("title", "description", "default", "examples")


def as_strict(schema: Mapping[str, Any]) -> Tuple[Dict[str, Any], bool]:
    """A schema of a class made strict, and whether it could be: else it comes back as it was.

    What strict mode demands beyond the schema is narrower, so that each answer still fits the schema as it was.
    """
    found = _Found()
    strict = found.close(schema)
    is_strict = not found.faults and strict.get("type") == "object" and "anyOf" not in strict
    return (strict, True) if is_strict else (dict(schema), False)


def is_strict(schema: Any) -> bool:
    """Whether strict mode takes a schema as it is."""
    return isinstance(schema, Mapping) and as_strict(schema) == (schema, True)


class _Found:
    """One walk through a schema."""

    def __init__(self) -> None:
        self.faults: List[str] = []

    def close(self, schema: Any) -> Any:
        if not isinstance(schema, Mapping):
            self.faults += ["a schema that is true or false"] if isinstance(schema, bool) else []
            return schema
        if "$ref" in schema:
            self.faults += [word for word in schema if word not in ("$ref", "$defs", *_REMARKS)]
            defs = {name: self._each(schema[name]) for name in ("$defs",) if name in schema}
            reference = {"$ref": schema["$ref"], **defs}
            # Nothing may stand beside it, but a choice of one may be described.
            says = {"description": schema["description"]} if "description" in schema else {}
            return {**says, "anyOf": [reference]} if says else reference
        self.faults += [word for word in _UNKNOWN if word in schema]
        done: Dict[str, Any] = {}
        for word, part in schema.items():
            if word in ("properties", "$defs", "definitions"):
                done[word] = self._each(part)
            elif word == "items":
                done[word] = self.close(part)
            elif word in ("anyOf", "oneOf") and isinstance(part, (list, tuple)):
                done["anyOf"] = [self.close(one) for one in part]
            elif word not in ("default", "discriminator"):
                done[word] = part
        kinds = schema.get("type")
        if kinds == "object" or "properties" in schema or (isinstance(kinds, list) and "object" in kinds):
            self._close_object(schema, done)
        return done

    def _close_object(self, schema: Mapping[str, Any], done: Dict[str, Any]) -> None:
        names = list(done.get("properties") or {})
        # An object of any names has no strict form; one that merely allows more is closed.
        if not names and schema.get("additionalProperties", True) is not False:
            self.faults.append("an object of any names")
        if isinstance(schema.get("additionalProperties"), Mapping):
            self.faults.append("an object of more names")
        done.update(additionalProperties=False, required=names)
        done.setdefault("type", "object")

    def _each(self, parts: Any) -> Any:
        return {name: self.close(part) for name, part in parts.items()} if isinstance(parts, Mapping) else parts
