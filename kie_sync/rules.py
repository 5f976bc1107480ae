"""Demands over several parameters: does a condition hold, is a rule broken?

A path such as `shots[].duration` goes into every item of a list, `a.b` into an object.
Pure: takes canonical values, gives `Problem`s. `given` is what the caller gave; `values` has the
defaults as well.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .definitions import UNSET, Condition, Limits, Rule, Term
from .errors import Problem

Values = Mapping[str, Any]


def show(value: Any) -> str:
    """A value as a message shows it: text in quotes, shortened when long."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def show_all(values: Sequence[Any]) -> str:
    """Several values as a message shows them."""
    return ", ".join(show(value) for value in values)


def find(path: str, values: Values) -> List[Any]:
    """Everything that a path leads to; empty when it leads nowhere."""
    found: List[Any] = [values]
    for step in path.split("."):
        name = step[:-2] if step.endswith("[]") else step
        found = [item[name] for item in found if isinstance(item, Mapping) and item.get(name) is not None]
        if step.endswith("[]"):
            found = [item for items in found if isinstance(items, (list, tuple)) for item in items]
    return found


def holds(condition: Condition, given: Values, values: Values) -> bool:
    """Whether a condition holds."""
    if condition.all:
        return all(holds(part, given, values) for part in condition.all)
    if condition.any:
        return any(holds(part, given, values) for part in condition.any)
    if condition.negated is not None:
        return not holds(condition.negated, given, values)
    return _test(condition, given, values)


def _test(test: Condition, given: Values, values: Values) -> bool:
    found = find(test.path, values)
    if test.present is not None and bool(find(test.path, given)) is not test.present:
        return False
    if test.values is not None and not any(value in test.values for value in found):
        return False
    if test.not_values is not None and any(value in test.not_values for value in found):
        return False
    if test.count_min is not None or test.count_max is not None:
        count = count_of(test.path, values)
        if count < (test.count_min or 0) or (test.count_max is not None and count > test.count_max):
            return False
    if test.min is not None and not (found and all(_number(value) >= test.min for value in found)):
        return False
    if test.max is not None and not (found and all(_number(value) <= test.max for value in found)):
        return False
    return test.matches is None or any(re.search(test.matches, str(value)) for value in found)


def count_of(path: str, values: Values) -> int:
    """How many items a list parameter has, or how many values a path finds."""
    found = find(path, values)
    if len(found) == 1 and isinstance(found[0], (list, tuple)):
        return len(found[0])
    return len(found)


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return Decimal("NaN")
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return Decimal("NaN")


def describe(condition: Optional[Condition]) -> str:
    """A condition in words, for messages that have no sentence of their own."""
    if condition is None:
        return ""
    if condition.all:
        return " and ".join(describe(part) for part in condition.all)
    if condition.any:
        return " or ".join(describe(part) for part in condition.any)
    if condition.negated is not None:
        return f"not ({describe(condition.negated)})"
    words = []
    if condition.present is not None:
        words.append("is given" if condition.present else "is not given")
    if condition.values is not None:
        words.append(f"is {' or '.join(show(value) for value in condition.values)}")
    if condition.not_values is not None:
        words.append(f"is not {' or '.join(show(value) for value in condition.not_values)}")
    if condition.count_min is not None and condition.count_min == condition.count_max:
        words.append(f"has {condition.count_min} items")
    else:
        if condition.count_min is not None:
            words.append(f"has {condition.count_min} items or more")
        if condition.count_max is not None:
            words.append(f"has at most {condition.count_max} items")
    if condition.min is not None:
        words.append(f"is {show(condition.min)} or more")
    if condition.max is not None:
        words.append(f"is {show(condition.max)} or less")
    if condition.matches is not None:
        words.append(f"matches {condition.matches}")
    return f"{condition.path} {' and '.join(words)}"


def defaults_by_rule(rules: Sequence[Rule], given: Values, values: Values) -> Dict[str, Any]:
    """The defaults that depend on other values, for parameters that were not given."""
    changed: Dict[str, Any] = {}
    for rule in rules:
        for name, limits in rule.then.items():
            stated = limits.default is not UNSET and name not in given
            if stated and rule.when is not None and holds(rule.when, given, values):
                changed[name] = limits.default
    return changed


def check_rules(rules: Sequence[Rule], given: Values, values: Values, *, partial: bool) -> Iterator[Problem]:
    """Everything that the rules forbid here. `partial` leaves out what is merely still missing."""
    for rule in rules:
        if rule.when is not None and not holds(rule.when, given, values):
            continue
        if rule.kind == "when":
            for path, limits in rule.then.items():
                for kind, text in check_limits(path, limits, given, values, partial=partial):
                    yield _problem(rule, kind, path, text)
            continue
        for kind, path, text in _KINDS[rule.kind](rule, given, values):
            if not (partial and kind == "required"):
                yield _problem(rule, kind, path, text)


def ignored(rules: Sequence[Rule], given: Values, values: Values) -> Iterator[str]:
    """Sentences about arguments that the platform will take and not use."""
    for rule in rules:
        if rule.when is None or not holds(rule.when, given, values):
            continue
        for path, limits in rule.then.items():
            if limits.ignored and find(path, given):
                yield f"{path} has no effect when {describe(rule.when)}" + (f": {rule.say}" if rule.say else "")


def _problem(rule: Rule, kind: str, path: str, text: str) -> Problem:
    because = f" when {describe(rule.when)}" if rule.when is not None else ""
    sentence = f"{text}{because}" + (f": {rule.say}" if rule.say else "")
    return Problem(kind if kind in ("required", "forbidden") else "rule", path, sentence)


def check_limits(
    path: str, limits: Limits, given: Values, values: Values, *, partial: bool
) -> Iterator[Tuple[str, str]]:
    """What `limits` find wrong at a path: the kind of fault, and a sentence."""
    found = find(path, values)
    if limits.required and not partial and not find(path, given):
        yield "required", f"{path} is required"
    if limits.forbidden and find(path, given):
        yield "forbidden", f"{path} is not allowed"
    for value in found:
        if limits.values is not None and value not in limits.values:
            yield "values", f"{path} must be one of {show_all(limits.values)}; got {show(value)}"
        if value in limits.not_values:
            yield "values", f"{path} must not be {show(value)}"
        yield from ((kind, f"{path} {text}") for kind, text in check_size(limits, value))


def check_size(limits: Any, value: Any) -> Iterator[Tuple[str, str]]:
    """What the ranges of `limits` (a `Limits` or a `Parameter`) find wrong with one value."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = _number(value)
        if limits.min is not None and number < limits.min:
            yield "min", f"must be {show(limits.min)} or more; got {show(value)}"
        if limits.max is not None and number > limits.max:
            yield "max", f"must be {show(limits.max)} or less; got {show(value)}"
        if limits.multiple_of is not None and number % limits.multiple_of != 0:
            yield "multiple_of", f"must be a multiple of {show(limits.multiple_of)}; got {show(value)}"
    elif isinstance(value, str):
        if limits.min_length is not None and len(value) < limits.min_length:
            yield "min_length", f"must have {limits.min_length} characters or more; it has {len(value)}"
        if limits.max_length is not None and len(value) > limits.max_length:
            yield "max_length", f"must have at most {limits.max_length:,} characters; it has {len(value):,}"
        if limits.pattern is not None and not re.search(limits.pattern, value):
            yield "pattern", f"must look like {limits.pattern}; got {show(value)}"
    elif isinstance(value, (list, tuple)):
        if limits.min_items is not None and len(value) < limits.min_items:
            yield "min_items", f"must have {limits.min_items} items or more; it has {len(value)}"
        if limits.max_items is not None and len(value) > limits.max_items:
            yield "max_items", f"must have at most {limits.max_items} items; it has {len(value)}"


Finding = Tuple[str, str, str]


def _group(names: Sequence[str]) -> str:
    return " with ".join(names)


def _any_given(group: Sequence[str], given: Values) -> bool:
    return any(find(name, given) for name in group)


def _all_given(group: Sequence[str], given: Values) -> bool:
    return all(find(name, given) for name in group)


def _at_least_one(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    if not any(_all_given(group, given) for group in rule.groups):
        names = " or ".join(_group(group) for group in rule.groups)
        yield "required", rule.groups[0][0], f"give at least one of {names}"


def _exactly_one(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    names = " or ".join(_group(group) for group in rule.groups)
    touched = [group for group in rule.groups if _any_given(group, given)]
    if len(touched) > 1:
        both = " and ".join(_group(group) for group in touched)
        yield "rule", touched[1][0], f"give exactly one of {names}; got {both}"
    elif not any(_all_given(group, given) for group in rule.groups):
        yield "required", rule.groups[0][0], f"give exactly one of {names}"


def _excludes(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    touched = [[name for name in group if find(name, given)] for group in rule.groups]
    touched = [group for group in touched if group]
    if len(touched) > 1:
        yield "rule", touched[1][0], f"{' and '.join(', '.join(group) for group in touched)} exclude each other"


def _requires(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    missing = [name for name in rule.groups[0] if not find(name, given)]
    if missing and find(rule.first, given):
        yield "required", missing[0], f"{rule.first} needs {' and '.join(missing)} as well"


def _measure(term: Term, values: Values) -> Decimal:
    if term.measure == "count":
        total = Decimal(count_of(term.path, values))
    elif term.measure == "length":
        total = Decimal(sum(len(str(text)) for text in find(term.path, values)))
    else:
        total = sum((_number(value) for value in find(term.path, values)), Decimal(0))
    return total * term.times


def _name_term(term: Term) -> str:
    name = {"count": f"the number of {term.path}", "length": f"the length of {term.path}"}.get(term.measure, term.path)
    return name if term.times == 1 else f"{show(term.times)} x {name}"


def _bound(bound: Union[Decimal, str, None], values: Values) -> Optional[Decimal]:
    if isinstance(bound, str):
        found = find(bound, values)
        return _number(found[0]) if found else None
    return bound


def _sum_max(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    total = sum((_measure(term, values) for term in rule.terms), Decimal(0))
    if total.is_nan():
        return
    names = " + ".join(_name_term(term) for term in rule.terms)
    for bound, word, wrong in ((rule.min, "at least", lambda limit: total < limit), (rule.max, "at most", lambda limit: total > limit)):
        limit = _bound(bound, values)
        if limit is not None and not limit.is_nan() and wrong(limit):
            named = f" ({bound})" if isinstance(bound, str) else ""
            yield "rule", rule.terms[0].path, f"{names} must be {word} {show(limit)}{named}; it is {show(total)}"


def _same_length(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    paths = [name for group in rule.groups for name in group]
    lengths = [count_of(path, values) for path in paths if find(path, values)]
    if len(set(lengths)) > 1:
        counted = ", ".join(f"{path} has {count_of(path, values)}" for path in paths)
        yield "rule", paths[0], f"{' and '.join(paths)} must have the same number of items; {counted}"


def _unique(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    path = rule.groups[0][0]
    found = find(path, values)
    if len(found) == 1 and isinstance(found[0], (list, tuple)):
        found = list(found[0])
    twice = [value for position, value in enumerate(found) if value in found[:position]]
    if twice:
        yield "rule", path, f"each {path} must be different; {show(twice[0])} stands more than once"


def _pairs(first: str, second: str, values: Values) -> Iterator[Tuple[Any, Any]]:
    """The two values of each common item, or of the whole when the paths share no list."""
    parent = first.rpartition("[].")[0]
    if parent and second.startswith(parent + "[]."):
        for item in find(parent + "[]", values):
            yield from _pairs(first[len(parent) + 3:], second[len(parent) + 3:], item)
        return
    yield from zip(find(first, values), find(second, values))


def _less_than(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    for first, second in _pairs(rule.first, rule.second, values):
        difference = _number(second) - _number(first)
        smallest, largest = _bound(rule.min, values), _bound(rule.max, values)
        if difference.is_nan():
            continue
        if difference <= 0:
            yield "rule", rule.first, f"{rule.first} must be less than {rule.second}; got {show(first)} and {show(second)}"
        elif (smallest is not None and difference < smallest) or (largest is not None and difference > largest):
            span = " and ".join(
                text for text in (
                    f"at least {show(smallest)}" if smallest is not None else "",
                    f"at most {show(largest)}" if largest is not None else "",
                ) if text
            )
            yield "rule", rule.first, f"{rule.second} minus {rule.first} must be {span}; it is {show(difference)}"


def _refers_to(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    known = find(rule.second, values)
    lost = [value for value in find(rule.first, values) if value not in known]
    if lost:
        yield "rule", rule.first, (
            f"{rule.first} {show(lost[0])} is not among the {rule.second}: {show_all(known) or 'there are none'}"
        )


_KINDS: Dict[str, Callable[[Rule, Values, Values], Iterator[Finding]]] = {
    "at-least-one": _at_least_one,
    "exactly-one": _exactly_one,
    "excludes": _excludes,
    "requires": _requires,
    "sum-max": _sum_max,
    "same-length": _same_length,
    "unique": _unique,
    "less-than": _less_than,
    "refers-to": _refers_to,
}
