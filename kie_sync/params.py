"""From what a caller gave to what goes on the wire: names, types, limits, rules.

`resolve` takes canonical names, wire names and aliases alike, finds everything wrong in one go, and
gives `Arguments`. Nothing here knows any one model.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from .definitions import FILE_TYPES, UNSET, Model, Parameter
from .errors import KieInputError, Problem
from .readers import READERS, Wrong, is_json, read_any, read_file
from .rules import check_rules, check_size, defaults_by_rule, ignored
from .values import NOT_UTF8, key_of, same, show, show_all, to_json, unsendable
from .wire import choose, wire_object

_NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Arguments:
    """A caller's arguments, checked.

    Attributes:
        given: canonical names and values of what was given; what only the platform knows stands there by its own name.
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
    other = to_json(reader.other)
    return Arguments(
        model=model.id,
        given={**canonical, **other},
        values=values,
        wire={**wire_object(model.parameters, canonical, values), **other},
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


def accept(parameter: Parameter, value: Any) -> Any:
    """One value as the parameter's own canonical value; UNSET when the parameter does not allow it."""
    reader = _Reader(wire_only=False, partial=False)
    try:
        taken = reader.value(parameter, value, parameter.name)
    except Wrong:
        return UNSET
    return UNSET if reader.problems else taken


def refusal(parameter: Parameter, value: Any) -> str:
    """Why the parameter does not allow a value, as a sentence without its name; nothing when it does."""
    reader = _Reader(wire_only=False, partial=False)
    try:
        reader.value(parameter, value, parameter.name)
    except Wrong as wrong:
        return wrong.text
    return "; ".join(problem.message for problem in reader.problems)


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
                place = unsendable({str(name): value})
                if place is not None:
                    self.report("text", ascii(name)[1:-1], f"{place[1:]} {NOT_UTF8}")
                elif is_open and is_json(value):
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
        # The name of a local file may hold such characters; it is not sent.
        is_local = parameter.type in FILE_TYPES and not (isinstance(value, str) and "://" in value)
        place = None if is_local else unsendable(value, where)
        if place is not None:
            self.report("text", where, f"{place} {NOT_UTF8}", parameter.wire)
            return False
        try:
            taken = self.value(parameter, value, where)
        except Wrong as wrong:
            self.report(wrong.kind, where, f"{where} {wrong.text}", parameter.wire)
            return False
        if len(self.problems) > before:
            return False
        found[parameter.name] = taken
        return True

    def value(self, parameter: Parameter, value: Any, where: str) -> Any:
        if parameter.constant is not UNSET:
            if self.wire_only and same(parameter.constant, value):
                return parameter.constant
            raise Wrong("constant", f"is always {show(parameter.constant)} for this model and cannot be set")
        if parameter.is_list:
            return self.list(parameter, value, where)
        is_wrapped = isinstance(value, (list, tuple)) and len(value) == 1
        if is_wrapped and (parameter.send_as == "list" or (parameter.type in FILE_TYPES and not self.wire_only)):
            value = value[0]
        for option in parameter.also:
            if same(option, value):
                return option
        if parameter.values is not None:
            choice = choose(parameter, value, wire_only=self.wire_only)
            if choice is None:
                allowed = [choice.wire if self.wire_only else choice.value for choice in parameter.values]
                hint = nearest(value, [key_of(option) for option in allowed]) if isinstance(value, str) else ""
                raise Wrong("values", f"must be one of {show_all(allowed)}; got {show(value)}{hint}")
            return choice.value
        if parameter.type == "object":
            return self.nested(parameter, value, where)
        taken = READERS[parameter.type](parameter, value)
        for kind, text in check_size(parameter, taken):
            also = f", or {show_all(parameter.also)}" if parameter.also else ""
            raise Wrong(kind, text.replace("; ", f"{also}; ", 1) if also else text)
        return taken

    def list(self, parameter: Parameter, value: Any, where: str) -> List[Any]:
        items = list(value) if isinstance(value, (list, tuple)) else [value]
        if isinstance(value, (set, frozenset, dict)) and not (parameter.items and parameter.items.type == "object"):
            raise Wrong("type", f"must be a list; got {show(value)}")
        if parameter.required and not items:
            raise Wrong("required", "is required; it is empty")
        for kind, text in check_size(parameter, items):
            raise Wrong(kind, text)
        item = parameter.items
        if item is None:
            read = read_file if parameter.type in FILE_TYPES else read_any
            return [read(parameter, entry) for entry in items]
        taken: List[Any] = []
        for position, entry in enumerate(items):
            place = f"{where}[{position}]"
            try:
                taken.append(self.value(item, entry, place))
            except Wrong as wrong:
                self.report(wrong.kind, place, f"{place} {wrong.text}", parameter.wire)
        return taken

    def nested(self, parameter: Parameter, value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise Wrong("type", f"must be an object (a mapping); got {show(value)}")
        if parameter.fields is None:
            return dict(read_any(parameter, value))
        return self.object(parameter.fields, value, f"{where}.")


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
