"""From what a caller gave to what goes on the wire: names, types, limits, rules.

`resolve` takes canonical names, wire names and aliases alike, finds everything wrong in one go, and
gives `Arguments`. Nothing here knows any one model.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .definitions import FILE_TYPES, UNSET, Choice, Model, Parameter
from .errors import KieInputError, Problem
from .rules import check_rules, check_size, defaults_by_rule, ignored, number_of, plain, show, show_all

_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Arguments:
    """A caller's arguments, checked.

    Attributes:
        given: canonical names and values of what was given.
        values: the same with the defaults that the platform will take.
        wire: exactly what goes on the wire.
        notices: sentences worth telling, such as an argument that will have no effect.
    """

    model: str
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    wire: Mapping[str, Any]
    notices: Tuple[str, ...] = field(default=(), compare=False)


def resolve(model: Model, given: Mapping[str, Any], *, partial: bool = False, wire_only: bool = False) -> Arguments:
    """Check arguments against a model and map them to the wire.

    Args:
        given: arguments by canonical name, wire name or alias; None counts as not given.
        partial: do not ask for what is missing (a price needs no prompt).
        wire_only: accept the wire's names and values only, as the platform does.

    Raises:
        KieInputError: with every problem that was found.
    """
    reader = _Reader(wire_only=wire_only, partial=partial)
    canonical = reader.object(model.parameters, given, "", aliases=model.aliases, is_open=model.accepts_other)
    values = _with_defaults(model.parameters, canonical)
    if not wire_only:
        values.update({name: p.constant for name, p in model.parameters.items() if p.constant is not UNSET})
    values.update(defaults_by_rule(model.rules, canonical, values))
    problems = reader.problems
    told = {problem.where for problem in problems}
    found = check_rules(model.rules, canonical, values, partial=partial, broken=reader.broken)
    problems += [problem for problem in found if problem.where not in told]
    if problems:
        raise KieInputError(model.id, problems)
    return Arguments(
        model=model.id,
        given=canonical,
        values=values,
        wire={**_wire_object(model.parameters, canonical, values), **to_json(reader.other)},
        notices=tuple(ignored(model.rules, canonical, values)),
    )


def nearest(name: str, allowed: Iterable[str]) -> str:
    """A `did you mean` sentence, or nothing."""
    names = list(allowed)
    folded = {known.casefold(): known for known in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)
    return f'; did you mean "{folded[close[0]]}"?' if close else ""


def find_name(parameters: Mapping[str, Parameter], name: str, aliases: Mapping[str, str] = _NONE) -> Optional[str]:
    """The canonical name behind a canonical name, a wire name or an alias; in this order."""
    if name in parameters:
        return name
    for canonical, parameter in parameters.items():
        if parameter.wire == name:
            return canonical
    for canonical, parameter in parameters.items():
        if name in parameter.aliases:
            return canonical
    behind = aliases.get(name)
    return behind if behind in parameters else None


def choose(parameter: Parameter, value: Any, *, wire_only: bool = False) -> Optional[Choice]:
    """The allowed value meant by the caller's word, or by the wire's."""
    choices = parameter.values or ()
    for choice in choices:
        if not wire_only and _same(choice.value, value):
            return choice
    for choice in choices:
        if _same(choice.wire, value):
            return choice
    return None


def _same(allowed: Any, value: Any) -> bool:
    if isinstance(allowed, bool) or isinstance(value, bool):
        if isinstance(allowed, bool) and isinstance(value, str):
            return value.lower() == ("true" if allowed else "false")
        return allowed is value
    if isinstance(allowed, (int, Decimal)) or (isinstance(allowed, str) and isinstance(value, (int, float, Decimal))):
        return _as_text(allowed) == _as_text(value)
    return bool(allowed == value)


def _as_text(value: Any) -> str:
    """`5`, `5.0`, `"5"` and `Decimal("5.00")` are the same choice."""
    number = number_of(value)
    return str(value) if number is None or abs(number.adjusted()) > _LARGEST else plain(number)


def key_of(value: Any) -> str:
    """A value as the key of a price table."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _as_text(value) if isinstance(value, (int, float, Decimal)) else str(value)


def accept(parameter: Parameter, value: Any) -> Any:
    """One value as the parameter's own canonical value; UNSET when the parameter does not allow it."""
    reader = _Reader(wire_only=False, partial=False)
    try:
        taken = reader.value(parameter, value, parameter.name)
    except _Wrong:
        return UNSET
    return UNSET if reader.problems else taken


# JSON readers hold numbers up to 1.8e308.
_LARGEST = 307


class _Wrong(Exception):
    """A value that does not fit: the kind of fault, and a sentence without the name."""

    def __init__(self, kind: str, text: str) -> None:
        self.kind, self.text = kind, text


class _Reader:
    def __init__(self, *, wire_only: bool, partial: bool) -> None:
        self.wire_only, self.partial = wire_only, partial
        self.problems: List[Problem] = []
        self.broken: Set[str] = set()
        self.other: Dict[str, Any] = {}

    def report(self, kind: str, where: str, message: str, wire: str = "") -> None:
        self.problems.append(Problem(kind, where, message, wire))

    def object(
        self,
        parameters: Mapping[str, Parameter],
        given: Mapping[str, Any],
        prefix: str,
        *,
        aliases: Mapping[str, str] = _NONE,
        is_open: bool = False,
    ) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        spelled: Dict[str, str] = {}
        for name, value in given.items():
            if value is None:
                continue
            canonical = self.name(parameters, str(name), value, aliases)
            if canonical is None:
                if is_open and _is_json(value):
                    self.other[str(name)] = value
                elif is_open:
                    text = f"{name} must be something that JSON can hold; got {show(value)}"
                    self.report("type", str(name), text, str(name))
                else:
                    self.unknown(parameters, str(name), prefix, aliases)
            elif canonical in spelled:
                self.report(
                    "twice",
                    f"{prefix}{name}",
                    f"{prefix}{spelled[canonical]} and {prefix}{name} are two names for one parameter; "
                    "give one of them",
                )
            else:
                spelled[canonical] = str(name)
                if not self.take(parameters[canonical], value, f"{prefix}{name}", found) and not prefix:
                    self.broken.add(canonical)
        for canonical, parameter in parameters.items():
            fixed = parameter.constant is not UNSET and not self.wire_only
            if parameter.required and canonical not in spelled and not self.partial and not fixed:
                called = f" ({parameter.wire} on the wire)" if parameter.wire != canonical else ""
                self.report(
                    "required", f"{prefix}{canonical}", f"{prefix}{canonical} is required{called}", parameter.wire
                )
        return {name: found[name] for name in parameters if name in found}

    def name(
        self, parameters: Mapping[str, Parameter], name: str, value: Any, aliases: Mapping[str, str]
    ) -> Optional[str]:
        if not self.wire_only:
            return find_name(parameters, name, aliases)
        sharing = [key for key, parameter in parameters.items() if parameter.wire == name]
        fitting = [key for key in sharing if choose(parameters[key], value, wire_only=True)]
        return next(iter(fitting or sharing[-1:]), None)

    def unknown(self, parameters: Mapping[str, Parameter], name: str, prefix: str, aliases: Mapping[str, str]) -> None:
        settable = [key for key, parameter in parameters.items() if parameter.constant is UNSET]
        spellings = settable + [parameters[key].wire for key in settable]
        spellings += [alias for alias, canonical in aliases.items() if canonical in settable]
        # A name that means something, and not here, is no slip of the pen: images is not "image_size".
        hint = "" if name in aliases or name in aliases.values() else nearest(name, spellings)
        known = ", ".join(settable) or "none"
        message = f"{prefix}{name} is not a parameter of this model{hint or ';'} it has: {known}"
        self.report("unknown", f"{prefix}{name}", message, name)

    def take(self, parameter: Parameter, value: Any, where: str, found: Dict[str, Any]) -> bool:
        before = len(self.problems)
        try:
            taken = self.value(parameter, value, where)
        except _Wrong as wrong:
            self.report(wrong.kind, where, f"{where} {wrong.text}", parameter.wire)
            return False
        if len(self.problems) > before:
            return False
        found[parameter.name] = taken
        return True

    def value(self, parameter: Parameter, value: Any, where: str) -> Any:
        if parameter.constant is not UNSET:
            if self.wire_only and _same(parameter.constant, value):
                return parameter.constant
            raise _Wrong("constant", f"is always {show(parameter.constant)} for this model and cannot be set")
        if parameter.is_list:
            return self.list(parameter, value, where)
        is_wrapped = isinstance(value, (list, tuple)) and len(value) == 1
        if is_wrapped and (parameter.send_as == "list" or (parameter.type in FILE_TYPES and not self.wire_only)):
            value = value[0]
        for option in parameter.also:
            if _same(option, value):
                return option
        if parameter.values is not None:
            choice = choose(parameter, value, wire_only=self.wire_only)
            if choice is None:
                allowed = [choice.wire if self.wire_only else choice.value for choice in parameter.values]
                hint = nearest(value, [key_of(option) for option in allowed]) if isinstance(value, str) else ""
                raise _Wrong("values", f"must be one of {show_all(allowed)}; got {show(value)}{hint}")
            return choice.value
        if parameter.type == "object":
            return self.nested(parameter, value, where)
        taken = _READERS[parameter.type](parameter, value)
        for kind, text in check_size(parameter, taken):
            also = f", or {show_all(parameter.also)}" if parameter.also else ""
            raise _Wrong(kind, text.replace("; ", f"{also}; ", 1) if also else text)
        return taken

    def list(self, parameter: Parameter, value: Any, where: str) -> List[Any]:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        if isinstance(value, (set, frozenset, dict)) and not (parameter.items and parameter.items.type == "object"):
            raise _Wrong("type", f"must be a list; got {show(value)}")
        if parameter.required and not items:
            raise _Wrong("required", "is required; it is empty")
        for kind, text in check_size(parameter, items):
            raise _Wrong(kind, text)
        item = parameter.items
        if item is None:
            read = _read_file if parameter.type in FILE_TYPES else _read_any
            return [read(parameter, entry) for entry in items]
        taken: List[Any] = []
        for position, entry in enumerate(items):
            place = f"{where}[{position}]"
            try:
                taken.append(self.value(item, entry, place))
            except _Wrong as wrong:
                self.report(wrong.kind, place, f"{place} {wrong.text}", parameter.wire)
        return taken

    def nested(self, parameter: Parameter, value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _Wrong("type", f"must be an object (a mapping); got {show(value)}")
        if parameter.fields is None:
            return dict(_read_any(parameter, value))
        return self.object(parameter.fields, value, f"{where}.")


def _read_text(parameter: Parameter, value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("type", f"must be text; got {show(value)}")
    if parameter.required and not value.strip():
        raise _Wrong("required", "is required; it is empty")
    return value


def _read_number(parameter: Parameter, value: Any) -> Decimal:
    number = number_of(value)
    if number is None or abs(number.adjusted()) > _LARGEST:
        raise _Wrong("type", f"must be a number; got {show(value)}")
    return number


def _read_integer(parameter: Parameter, value: Any) -> int:
    number = _read_number(parameter, value)
    if number != number.to_integral_value():
        raise _Wrong("type", f"must be a whole number; got {show(value)}")
    return int(number)


def _read_boolean(parameter: Parameter, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _Wrong("type", f"must be true or false; got {show(value)}")


def _read_file(parameter: Parameter, value: Any) -> str:
    if isinstance(value, (list, tuple)):
        raise _Wrong("type", f"takes one URL; got {len(value)}")
    scheme, colon, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not (colon and rest and scheme.lower() in parameter.schemes):
        schemes = " or ".join(f"{scheme}://" for scheme in parameter.schemes)
        hint = ""
        if isinstance(value, str) and "://" not in value:
            hint = "; the platform fetches files itself: upload a local file first (KieClient.upload) and give its URL"
        raise _Wrong("url", f"must be a URL that begins with {schemes}; got {show(value)}{hint}")
    if parameter.is_list and parameter.pattern is not None and not re.search(parameter.pattern, value):
        raise _Wrong("pattern", f"must look like {parameter.pattern}; got {show(value)}")
    return str(value)


def _read_any(parameter: Parameter, value: Any) -> Any:
    if not _is_json(value):
        raise _Wrong("type", f"must be something that JSON can hold; got {show(value)}")
    return value


def _is_json(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_json(item) for item in value)
    return value is None or isinstance(value, (str, bool)) or number_of(value) is not None


_READERS = {
    "text": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "any": _read_any,
    **dict.fromkeys(("image", "video", "audio", "file"), _read_file),
}


def _with_defaults(parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for name, parameter in parameters.items():
        value = given.get(name, parameter.default)
        if value is UNSET:
            continue
        if parameter.fields is not None and isinstance(value, Mapping):
            value = _with_defaults(parameter.fields, value)
        elif parameter.items is not None and parameter.items.fields is not None and isinstance(value, list):
            fields = parameter.items.fields
            value = [_with_defaults(fields, item) if isinstance(item, Mapping) else item for item in value]
        found[name] = value
    return found


def _wire_object(
    parameters: Mapping[str, Parameter], given: Mapping[str, Any], values: Mapping[str, Any] = _NONE
) -> Dict[str, Any]:
    sent: Dict[str, Any] = {}
    for name, parameter in parameters.items():
        if parameter.constant is not UNSET:
            value = parameter.constant
        elif name in given:
            value = given[name]
        elif parameter.send_always and (name in values or parameter.default is not UNSET):
            value = values.get(name, parameter.default)
        else:
            continue
        wired = _to_wire(parameter, value)
        if wired is not None:
            sent[parameter.wire] = wired
    return sent


def _to_wire(parameter: Parameter, value: Any) -> Any:
    if parameter.values is not None and not parameter.is_list:
        choice = choose(parameter, value)
        return _cast(parameter.send_as, choice.wire if choice is not None else value)
    if isinstance(value, list) and parameter.items is not None:
        value = [_to_wire(parameter.items, item) for item in value]
    elif isinstance(value, Mapping) and parameter.fields is not None:
        value = _wire_object(parameter.fields, value)
    return _cast(parameter.send_as, value)


def _cast(cast: Optional[str], value: Any) -> Any:
    if cast == "list":
        return value if isinstance(value, list) else [to_json(value)]
    if cast == "single":
        value = value[0] if isinstance(value, list) and value else value
    elif cast == "text":
        return [key_of(item) for item in value] if isinstance(value, list) else key_of(value)
    elif cast in ("integer", "number") and isinstance(value, str):
        number = number_of(value)
        value = value if number is None else number
    return to_json(value)


def to_json(value: Any) -> Any:
    """A value as JSON can hold it: a Decimal becomes the number that it is."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value
