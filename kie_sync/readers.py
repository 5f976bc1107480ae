"""One value by its type: text, number, true or false, a file's URL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from .definitions import Parameter
from .values import LARGEST, number_of, show


class Wrong(Exception):
    """A value that does not fit: the kind of fault, and a sentence without the name."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text


def _read_text(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong("type", f"must be text; got {show(value)}")
    if parameter.required and not value.strip():
        raise Wrong("required", "is required; it is empty")
    return value


def _read_number(parameter: Parameter, value: Any) -> Decimal:
    number = number_of(value)
    if number is None or abs(number.adjusted()) > LARGEST:
        raise Wrong("type", f"must be a number; got {show(value)}")
    return number


def _read_integer(parameter: Parameter, value: Any) -> int:
    number = _read_number(parameter, value)
    if number != number.to_integral_value():
        raise Wrong("type", f"must be a whole number; got {show(value)}")
    return int(number)


def _read_boolean(parameter: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Wrong("type", f"must be true or false; got {show(value)}")


def read_file(parameter: Parameter, value: Any) -> str:
    if isinstance(value, (list, tuple)):
        raise Wrong("type", f"takes one URL; got {len(value)}")
    scheme, colon, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not (colon and rest and scheme.lower() in parameter.schemes):
        schemes = " or ".join(f"{scheme}://" for scheme in parameter.schemes)
        hint = ""
        if isinstance(value, str) and "://" not in value:
            hint = "; KieAdapter and kie-sync generate take local files and upload them, as KieClient.upload does"
        elif isinstance(value, str) and scheme.lower() == "file":
            hint = "; give a local file by its path"
        raise Wrong("url", f"must be a URL that begins with {schemes}; got {show(value)}{hint}")
    if parameter.is_list and parameter.pattern is not None and not re.search(parameter.pattern, value):
        raise Wrong("pattern", f"must look like {parameter.pattern}; got {show(value)}")
    return str(value)


def read_any(parameter: Parameter, value: Any) -> Any:
    if not is_json(value):
        raise Wrong("type", f"must be something that JSON can hold; got {show(value)}")
    return value


def is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_json(item) for item in value)
    return value is None or isinstance(value, (str, bool)) or number_of(value) is not None


READERS = {
    "text": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "any": read_any,
    **dict.fromkeys(("image", "video", "audio", "file"), read_file),
}
