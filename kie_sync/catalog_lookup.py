"""What the builders of rules and prices share: faults, and finding parameters, values and conditions."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

from .definitions import FILE_TYPES, LIST_TYPES, UNSET, Condition, Parameter, Source
from .params import accept, find_name, nearest
from .values import key_of

Path = Tuple[Union[str, int], ...]


def show_path(path: Sequence[Union[str, int]]) -> str:
    """A path as a person writes it: parameters.duration.values[2]."""
    shown = ""
    for step in path:
        shown += f"[{step}]" if isinstance(step, int) else f".{step}" if shown else str(step)
    return shown


class Faults:
    """Collects what is wrong: a path inside the file's data, and a sentence."""

    def __init__(self) -> None:
        self.found: List[Tuple[Path, str, bool]] = []

    def error(self, path: Path, message: str) -> None:
        self.found.append((path, message, False))

    def warning(self, path: Path, message: str) -> None:
        self.found.append((path, message, True))


# The words that limit a value, in the order in which people are told of them.
LIMITS = (
    *("min", "max", "multiple_of", "also", "min_length", "max_length", "pattern"),
    *("min_items", "max_items", "max_mb", "formats", "media"),
)
# Which types the limits belong to; "any" takes all of them.
FITTING = {
    "max_length": ("text", "any"),
    "min_length": ("text", "any"),
    "pattern": ("text", *FILE_TYPES),
    "min": ("integer", "number"),
    "max": ("integer", "number"),
    "multiple_of": ("integer", "number"),
    "max_items": LIST_TYPES,
    "min_items": LIST_TYPES,
    "items": LIST_TYPES,
}


def names(value: Any) -> Tuple[str, ...]:
    """One word or a list of words, as a tuple."""
    if value is None:
        return ()
    return (str(value),) if not isinstance(value, (list, tuple)) else tuple(str(item) for item in value)


def decimal(value: Any) -> Optional[Decimal]:
    return None if value is None else Decimal(str(value))


def build_source(raw: Mapping[str, Any]) -> Source:
    return Source(str(raw.get("source") or ""), str(raw.get("checked") or ""))


def find_parameter(parameters: Mapping[str, Parameter], path: str) -> Tuple[str, Optional[Parameter]]:
    """The canonical form of a path, and the parameter at its end; None where it leads nowhere."""
    here: Optional[Mapping[str, Parameter]] = parameters
    parameter: Optional[Parameter] = None
    steps: List[str] = []
    for step in path.split("."):
        word = step[:-2] if step.endswith("[]") else step
        name = find_name(here, word) if here is not None else None
        if name is None or here is None:
            return path, None
        parameter = here[name]
        if step.endswith("[]"):
            if not parameter.is_list:
                return path, None
            parameter = parameter.items or Parameter(name, name, FILE_TYPES.get(parameter.type, "any"))
        steps.append(name + step[len(word) :])
        here = parameter.fields
    return ".".join(steps), parameter


Self = TypeVar("Self", bound="Lookup")


def allowed_words(parameter: Parameter) -> List[str]:
    """What a parameter allows, as the keys of a price table; nothing where it is not a closed set."""
    if parameter.values is None and parameter.type == "boolean":
        return ["true", "false"]
    return [key_of(choice.value) for choice in parameter.values or () if not isinstance(choice.value, (dict, list))]


class Lookup:
    """What rules and prices share: finding parameters, reading values and conditions."""

    def __init__(self, parameters: Mapping[str, Parameter], faults: Faults, *, is_open: bool = False) -> None:
        self.parameters, self.faults, self.is_open = parameters, faults, is_open

    def path(self, path: Any, where: Path) -> Tuple[str, Optional[Parameter]]:
        canonical, parameter = find_parameter(self.parameters, str(path))
        if parameter is None and not self.is_open:
            hint = nearest(str(path), self.parameters) or ";"
            self.faults.error(
                where, f"{path} is not a parameter of this model{hint} it has: {', '.join(self.parameters) or 'none'}"
            )
        return canonical, parameter

    def values(self, parameter: Optional[Parameter], values: Any, where: Path) -> Tuple[Any, ...]:
        listed = list(values) if isinstance(values, (list, tuple)) else [values]
        if parameter is None:
            return tuple(listed)
        taken = []
        for position, value in enumerate(listed):
            coerced = accept(parameter, value)
            if coerced is UNSET:
                place = (*where, position) if isinstance(values, list) else where
                allowed = allowed_words(parameter)
                options = f"; it allows {', '.join(allowed)}" if allowed else ""
                if parameter.is_list or parameter.type in FILE_TYPES:
                    options = f"; to ask whether it is given, write {parameter.name}: {{present: true}}"
                message = f"{parameter.name} does not allow {key_of(value)}{options}{nearest(str(value), allowed)}"
                self.faults.error(place, message)
            taken.append(value if coerced is UNSET else coerced)
        return tuple(taken)

    def condition(self, raw: Mapping[str, Any], where: Path) -> Condition:
        parts = []
        for word, test in raw.items():
            place = (*where, word)
            if word in ("any_of", "all_of"):
                inner = tuple(self.condition(part, (*place, position)) for position, part in enumerate(test))
                parts.append(Condition(any=inner) if word == "any_of" else Condition(all=inner))
            elif word == "not":
                parts.append(Condition(negated=self.condition(test, place)))
            else:
                parts.append(self.test(word, test, place))
        return parts[0] if len(parts) == 1 else Condition(all=tuple(parts))

    def test(self, path: str, raw: Any, where: Path) -> Condition:
        canonical, parameter = self.path(path, where)
        if not isinstance(raw, Mapping):
            return Condition(path=canonical, values=self.values(parameter, raw, where))
        if not raw:
            self.faults.error(where, f"say what {path} must be: a value, a list of values, or present: true")
        count = raw.get("count")
        span = count if isinstance(count, Mapping) else {"min": count, "max": count}
        present = raw.get("present")
        if raw.get("present") is not None and raw.get("absent") is not None:
            self.faults.error((*where, "absent"), "present and absent say the same thing; keep one of them")
        if raw.get("absent") is not None:
            present = not raw["absent"]
        return Condition(
            path=canonical,
            present=present,
            values=self.values(parameter, raw["values"], (*where, "values")) if "values" in raw else None,
            not_values=self.values(parameter, raw["not"], (*where, "not")) if "not" in raw else None,
            count_min=span.get("min"),
            count_max=span.get("max"),
            min=decimal(raw.get("min")),
            max=decimal(raw.get("max")),
            matches=self.pattern(raw.get("matches"), (*where, "matches")),
            where=self.inside(canonical, raw["where"], (*where, "where")) if "where" in raw else None,
        )

    def pattern(self, raw: Any, where: Path) -> Optional[str]:
        if raw is not None:
            try:
                re.compile(raw)
            except re.error as error:
                self.faults.error(where, f"not a regular expression: {error}")
        return None if raw is None else str(raw)

    def of_items(self: Self, path: str, where: Path) -> Self:
        """The same lookups inside the items of a list."""
        parameter = find_parameter(self.parameters, path[:-2] if path.endswith("[]") else path)[1]
        item = parameter.items if parameter is not None else None
        if parameter is not None and (item is None or item.type != "object"):
            self.faults.error(where, f"{path} is not a list of objects")
        fields = item.fields if item is not None else None
        return type(self)(fields or {}, self.faults, is_open=fields is None)

    def inside(self, path: str, raw: Mapping[str, Any], where: Path) -> Condition:
        return self.of_items(path, where).condition(raw, where)
