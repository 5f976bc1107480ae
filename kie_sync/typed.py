"""Structured answers: from what a caller asks for to `response_format`, and from an answer's text to the object.

A schema needs jsonschema; a class or a type hint needs pydantic (extra `typed`). Both are loaded when first used.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .definitions import UNSET
from .errors import KieConfigError, KieInputError, Problem
from .strict import as_strict, is_strict
from .values import show

_FORMATS = ("json_schema", "json_object", "text")
_SCHEMA_WORDS = ("type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "items", "$defs")
_NAME = "answer"
# What a schema that is no object is put under: the root must be one.
_VALUE = "value"
_FENCE = re.compile(r"\A\s*```(?:json)?[ \t]*\n(.*)\n```\s*\Z", re.DOTALL | re.IGNORECASE)
_MOST_FAULTS = 5


@dataclass(frozen=True)
class AnswerForm:
    """The form that an answer is asked for in.

    Attributes:
        wire: `response_format` in OpenAI's form.
        kind: the class or type hint that pydantic makes the object of.
        schema: the JSON Schema that the answer is held against, where there is no `kind`.
        is_wrapped: the object stands under `value`, for it is no object of JSON.
    """

    wire: Mapping[str, Any]
    kind: Any = UNSET
    schema: Any = field(default=UNSET, repr=False)
    is_wrapped: bool = False

    def read(self, text: str) -> Any:
        """The object in an answer's text.

        Raises:
            ValueError: it does not fit; the message says where.
        """
        fenced = _FENCE.match(text)
        text = fenced.group(1) if fenced else text
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not JSON: {error}") from error
        if self.kind is not UNSET:
            return self._read_kind(text, value)
        if self.schema is not UNSET:
            check_value(self.schema, value)
        return value

    def _read_kind(self, text: str, value: Any) -> Any:
        from pydantic import ValidationError

        if self.is_wrapped:
            if not isinstance(value, Mapping) or _VALUE not in value:
                raise ValueError(f'there is no "{_VALUE}" in it')
            text = json.dumps(value[_VALUE])
        try:
            # From JSON itself: there a strict type takes a date as text.
            return adapter_of(self.kind).validate_json(text)
        except ValidationError as error:
            raise ValueError(told(faults_of(error))) from error


def read_form(model: str, given: Any) -> Optional[AnswerForm]:
    """What `response_format` asks for; None where it is nothing that we know, and goes on as it is.

    Raises:
        KieInputError: the schema is none, or the class has none.
        KieConfigError: a class, and pydantic is not installed.
    """
    if isinstance(given, Mapping):
        if given.get("type") in _FORMATS:
            described = given.get("json_schema")
            schema = described.get("schema", UNSET) if isinstance(described, Mapping) else UNSET
            return None if given["type"] == "text" else AnswerForm(given, schema=_checked(model, schema))
        if not any(word in given for word in _SCHEMA_WORDS):
            return None
        schema = _checked(model, given)
        return AnswerForm(_wire(given.get("title"), given, is_strict(given)), schema=schema)
    if given is None or isinstance(given, (str, bytes, int, float, list, tuple)):
        return None
    return _form_of_kind(model, given)


def _form_of_kind(model: str, kind: Any) -> AnswerForm:
    # A type hint has a name in some versions of Python only.
    name = kind.__name__ if isinstance(kind, type) else None
    plain = _kind_schema(model, kind)
    is_wrapped = plain.get("type") != "object" and "$ref" not in plain
    if is_wrapped:
        shared = {"$defs": plain.pop("$defs")} if "$defs" in plain else {}
        plain = {"type": "object", "properties": {_VALUE: plain}, "required": [_VALUE], **shared}
    schema, strict = as_strict(_without_root_reference(plain))
    return AnswerForm(_wire(name, schema, strict), kind=kind, is_wrapped=is_wrapped)


def _without_root_reference(schema: Dict[str, Any]) -> Dict[str, Any]:
    """A class that holds itself is a reference at the root, which must be an object."""
    reference, defs = str(schema.get("$ref") or ""), schema.get("$defs") or {}
    target = defs.get(reference.rpartition("/")[2])
    return {**target, "$defs": defs} if reference and isinstance(target, Mapping) else schema


def _kind_schema(model: str, kind: Any) -> Dict[str, Any]:
    import_pydantic(f"response_format={kind!r}")
    from pydantic.errors import PydanticUserError

    try:
        return dict(adapter_of(kind).json_schema())
    except (PydanticUserError, TypeError, NameError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        sentence = (
            f"response_format must be a JSON Schema, a dataclass, a TypedDict, a pydantic class or a type hint; "
            f"pydantic makes no schema of {show(kind)}: {reason}"
        )
        raise KieInputError(model, [Problem("type", "response_format", sentence)]) from error


def adapter_of(kind: Any) -> Any:
    """pydantic's reader and writer of a type."""
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def import_pydantic(what: str) -> None:
    """See that pydantic is there.

    Raises:
        KieConfigError: it is not; the message says what wants it, and how to install it.
    """
    try:
        import pydantic  # noqa: F401
    except ImportError as error:
        raise KieConfigError(f"{what} needs pydantic; install it: pip install 'kie-sync[typed]'") from error


def faults_of(error: Any) -> List[Tuple[str, str]]:
    """What pydantic found: where, and what."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [(".".join(str(step) for step in each["loc"]), each["msg"]) for each in found]


def check_value(schema: Any, value: Any) -> None:
    """Hold a value against a JSON Schema. What a schema refers to elsewhere is not fetched: it may be a stranger's.

    Raises:
        ValueError: it does not fit, or the schema cannot be used.
    """
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import validator_for
    from referencing import Registry

    try:
        found: List[ValidationError] = list(validator_for(schema)(schema, registry=Registry()).iter_errors(value))
    except Exception as error:
        # Of many classes: a reference that leads nowhere or around, a type that there is not.
        reason = str(error).partition("\n")[0][:200]
        raise ValueError(f"the JSON Schema cannot be used: {type(error).__name__}: {reason}") from error
    if found:
        faults = sorted((each.json_path.lstrip("$."), each.message) for each in found)
        raise ValueError(told(faults))


def schema_fault(schema: Any) -> Optional[str]:
    """Where and what is wrong with a JSON Schema, to stand behind its name; None where it is one."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(schema)
    except (SchemaError, AttributeError, TypeError) as error:
        where = getattr(error, "json_path", "$").lstrip("$.")
        return f"{' at ' if where else ''}{where}: {getattr(error, 'message', error)}"
    return None


def told(faults: List[Tuple[str, str]]) -> str:
    """Faults in one line."""
    said = [f"{where}: {what}" if where else what for where, what in faults[:_MOST_FAULTS]]
    more = len(faults) - _MOST_FAULTS
    return "; ".join([*said, *([f"and {more} more"] if more > 0 else [])])


def _checked(model: str, schema: Any) -> Any:
    """A caller's schema, which must be one before it is paid for."""
    if schema is UNSET:
        return UNSET
    fault = schema_fault(schema)
    if fault is not None:
        sentence = f"response_format is no JSON Schema{fault}"
        raise KieInputError(model, [Problem("type", "response_format", sentence)])
    return schema


def _wire(name: Any, schema: Mapping[str, Any], strict: bool) -> Dict[str, Any]:
    # The wire's rule for names: letters, digits, _ and -, 64 at most.
    clean = re.sub(r"[^a-zA-Z0-9_-]+", "_", str(name or ""))[:64].strip("_") or _NAME
    return {"type": "json_schema", "json_schema": {"name": clean, "strict": strict, "schema": schema}}
