"""Values as the caller gave them: how messages show them, when two are the same, where a path leads.

A path such as `shots[].duration` goes into every item of a list, `a.b` into an object.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, List, Optional, Sequence

Values = Mapping[str, Any]
# JSON readers hold numbers up to 1.8e308.
LARGEST = 307


def show(value: Any) -> str:
    """A value as a message shows it: text in quotes, shortened when long."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if isinstance(value, bool):
        return "true" if value else "false"
    text = plain(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def plain(number: Decimal) -> str:
    """A number without exponent and without trailing zeros, all its digits kept."""
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def show_all(values: Sequence[Any]) -> str:
    """Several values as a message shows them."""
    return ", ".join(show(value) for value in values)


def find(path: str, values: Values) -> List[Any]:
    """Everything that a path leads to; empty when it leads nowhere."""
    if "." not in path and path[-2:] != "[]":
        value = values.get(path)
        return [] if value is None else [value]
    found: List[Any] = [values]
    for step in path.split("."):
        name = step[:-2] if step.endswith("[]") else step
        found = [item[name] for item in found if isinstance(item, Mapping) and item.get(name) is not None]
        if step.endswith("[]"):
            found = [item for items in found if isinstance(items, (list, tuple)) for item in items]
    return found


def unsendable(value: Any, path: str = "") -> Optional[str]:
    """Where a value holds text that UTF-8 cannot, as a path from the value; None when it holds none.

    Half of a surrogate pair is what Python makes of bytes that it reads in another encoding than they have, such as a
    command line under a locale without UTF-8. JSON takes it, and a model would be paid to draw it.
    """
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return path
        return None
    if isinstance(value, Mapping):
        items = [(f"{path}.{ascii(name)[1:-1]}", part) for name, each in value.items() for part in (name, each)]
    elif isinstance(value, (list, tuple)):
        items = [(f"{path}[{position}]", each) for position, each in enumerate(value)]
    else:
        return None
    return next((found for place, each in items for found in [unsendable(each, place)] if found is not None), None)


def whole_text(value: Any) -> Any:
    """A value, with what answers hold of surrogate pairs mended: two halves become a character, a lone one U+FFFD.

    Gateways cut text into pieces of so many UTF-16 units. Such text could be neither printed nor sent again.
    """
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return value
    if isinstance(value, Mapping):
        return {whole_text(name): whole_text(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(whole_text, value))
    return value


NOT_UTF8 = "holds characters that are no text (half of a surrogate pair); was it read in another encoding than UTF-8?"


def is_given(path: str, given: Values) -> bool:
    """Whether a path leads to something that is not empty."""
    return any(value not in ("", [], (), {}) for value in find(path, given))


def number_of(value: Any) -> Optional[Decimal]:
    """A value as a number; None when it is none, or not a finite one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _as_text(value: Any) -> str:
    """`5`, `5.0`, `"5"` and `Decimal("5.00")` are the same choice."""
    number = number_of(value)
    return str(value) if number is None or abs(number.adjusted()) > LARGEST else plain(number)


def key_of(value: Any) -> str:
    """A value as the key of a price table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _as_text(value) if isinstance(value, (int, float, Decimal)) else str(value)


def same(allowed: Any, value: Any) -> bool:
    if isinstance(allowed, bool) or isinstance(value, bool):
        if isinstance(allowed, bool) and isinstance(value, str):
            return value.lower() == ("true" if allowed else "false")
        return allowed is value
    if isinstance(allowed, (int, Decimal)) or (isinstance(allowed, str) and isinstance(value, (int, float, Decimal))):
        return _as_text(allowed) == _as_text(value)
    return bool(allowed == value)


def to_json(value: Any) -> Any:
    """A value as JSON can hold it: a Decimal becomes the number that it is."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def numbers_of(values: Sequence[Any]) -> List[Decimal]:
    """The numbers among these values."""
    numbers = (number_of(value) for value in values)
    return [number for number in numbers if number is not None]
