"""Demands over several parameters: which rule is broken, and by what? Gives `Problem`s.

`given` is what the caller gave; `values` has the defaults as well.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import AbstractSet, Any, Callable, Dict, Iterator, Optional, Sequence, Set, Tuple, Union

from .conditions import count_items, count_of, describe, holds, kept, mentioned, root_of
from .definitions import UNSET, Limits, Rule, Term
from .errors import Problem
from .values import Values, find, is_given, number_of, numbers_of, show, show_all


def defaults_by_rule(rules: Sequence[Rule], given: Values, values: Values) -> Dict[str, Any]:
    """The defaults that depend on other values, for parameters that were not given."""
    changed: Dict[str, Any] = {}
    for rule in rules:
        if rule.each:
            continue
        for name, limits in rule.then.items():
            stated = limits.default is not UNSET and name not in given
            if stated and rule.when is not None and holds(rule.when, given, values):
                changed[name] = limits.default
    return changed


def check_rules(
    rules: Sequence[Rule], given: Values, values: Values, *, partial: bool, broken: AbstractSet[str] = frozenset()
) -> Iterator[Problem]:
    """Everything that the rules forbid here.

    `partial` leaves out what is merely still missing. Rules that speak of a parameter in `broken` say nothing.
    """
    for rule in rules:
        if broken and broken & mentions(rule):
            continue
        for place, its_given, its_values in _scopes(rule, given, values):
            if rule.kind == "when":
                found = [
                    (kind, path, text)
                    for path, limits in rule.then.items()
                    for kind, text in check_limits(path, limits, its_given, its_values)
                ]
            else:
                found = list(_KINDS[rule.kind](rule, its_given, its_values))
            for kind, path, text in found:
                if not (partial and kind == "required"):
                    yield _problem(rule, kind, place, path, text)


def _scopes(rule: Rule, given: Values, values: Values) -> Iterator[Tuple[str, Values, Values]]:
    """Where a rule is to be held: the whole arguments, or each item; only where its condition holds."""
    scopes = [("", given, values)]
    if rule.each:
        both = zip(find(rule.each + "[]", given), find(rule.each + "[]", values))
        scopes = [(f"{rule.each}[{position}]", *pair) for position, pair in enumerate(both)]
    for scope in scopes:
        if rule.when is None or holds(rule.when, *scope[1:]):
            yield scope


def ignored(rules: Sequence[Rule], given: Values, values: Values) -> Iterator[str]:
    """Sentences about arguments that the platform will take and not use."""
    for rule in rules:
        unused = [path for path, limits in rule.then.items() if limits.ignored]
        for place, its_given, _ in _scopes(rule, given, values) if unused else ():
            for path in unused:
                if is_given(path, its_given):
                    where, why = f"{place}: " if place else "", f": {rule.say}" if rule.say else ""
                    yield f"{where}{path} has no effect when {describe(rule.when)}{why}"


def _problem(rule: Rule, kind: str, place: str, path: str, text: str) -> Problem:
    because = f" when {describe(rule.when)}" if rule.when is not None else ""
    sentence = (f"{place}: " if place else "") + text + because + (f": {rule.say}" if rule.say else "")
    return Problem(
        kind if kind in ("required", "forbidden") else "rule", f"{place}.{path}" if place else path, sentence
    )


def mentions(rule: Rule) -> Set[str]:
    """The parameters that a rule speaks of."""
    if rule.each:
        return {root_of(rule.each)}
    paths = [*rule.then, *(path for group in rule.groups for path in group), *(term.path for term in rule.terms)]
    paths += [path for path in (rule.first, rule.second, rule.min, rule.max) if isinstance(path, str) and path]
    return {root_of(path) for path in paths} | mentioned(rule.when)


def check_limits(path: str, limits: Limits, given: Values, values: Values) -> Iterator[Tuple[str, str]]:
    """What `limits` find wrong at a path: the kind of fault, and a sentence."""
    found = find(path, values)
    if limits.required and not is_given(path, given):
        yield "required", f"{path} is required"
    if limits.forbidden and is_given(path, given):
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
        number = number_of(value)
        if number is None:
            return
        if limits.min is not None and number < limits.min:
            yield "min", f"must be {show(limits.min)} or more; got {show(value)}"
        if limits.max is not None and number > limits.max:
            yield "max", f"must be {show(limits.max)} or less; got {show(value)}"
        if limits.multiple_of is not None and (Fraction(number) / Fraction(limits.multiple_of)).denominator != 1:
            yield "multiple_of", f"must be a multiple of {show(limits.multiple_of)}; got {show(value)}"
    elif isinstance(value, str):
        if limits.min_length is not None and len(value) < limits.min_length:
            yield "min_length", f"must have {limits.min_length} characters or more; it has {len(value)}"
        if limits.max_length is not None and len(value) > limits.max_length:
            yield "max_length", f"must have at most {limits.max_length:,} characters; it has {len(value):,}"
        if limits.pattern is not None and not re.search(limits.pattern, value):
            yield "pattern", f"must look like {limits.pattern}; got {show(value)}"
    elif isinstance(value, (list, tuple)):
        if limits.min_items is not None and limits.min_items == limits.max_items != len(value):
            yield "min_items", f"must have exactly {count_items(limits.min_items)}; it has {len(value)}"
        elif limits.min_items is not None and len(value) < limits.min_items:
            yield "min_items", f"must have {count_items(limits.min_items)} or more; it has {len(value)}"
        elif limits.max_items is not None and len(value) > limits.max_items:
            yield "max_items", f"must have at most {count_items(limits.max_items)}; it has {len(value)}"


Finding = Tuple[str, str, str]


def _group(names: Sequence[str]) -> str:
    return " with ".join(names)


def _any_given(group: Sequence[str], given: Values) -> bool:
    return any(is_given(name, given) for name in group)


def _all_given(group: Sequence[str], given: Values) -> bool:
    return all(is_given(name, given) for name in group)


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
    touched = [[name for name in group if is_given(name, given)] for group in rule.groups]
    touched = [group for group in touched if group]
    if len(touched) > 1:
        yield "rule", touched[1][0], f"{' and '.join(', '.join(group) for group in touched)} exclude each other"


def _requires(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    missing = [name for name in rule.groups[0] if not is_given(name, given)]
    if missing and is_given(rule.first, given):
        yield "required", missing[0], f"{rule.first} needs {' and '.join(missing)} as well"


def _measure(term: Term, values: Values) -> Optional[Decimal]:
    """What a term adds; None where it finds something that is no number."""
    found = find(term.path, values)
    if term.where is not None:
        total = Decimal(len(kept(term.path, term.where, values)))
    elif term.measure == "count":
        total = Decimal(count_of(term.path, values))
    elif term.measure == "length":
        total = Decimal(sum(len(str(text)) for text in found))
    else:
        numbers = numbers_of(found)
        if len(numbers) < len(found):
            return None
        total = sum(numbers, Decimal(0))
    return total * term.times


def _name_term(term: Term) -> str:
    name = {"count": f"the number of {term.path}", "length": f"the length of {term.path}"}.get(term.measure, term.path)
    name += f" whose {describe(term.where)}" if term.where is not None else ""
    return name if term.times == 1 else f"{show(term.times)} x {name}"


def _bound(bound: Union[Decimal, str, None], values: Values) -> Optional[Decimal]:
    if isinstance(bound, str):
        found = find(bound, values)
        return number_of(found[0]) if found else None
    return bound


def _sum_max(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    measured = [_measure(term, values) for term in rule.terms]
    if None in measured:
        return
    total = sum((amount for amount in measured if amount is not None), Decimal(0))
    names = " + ".join(_name_term(term) for term in rule.terms)
    for bound, word, sign in ((rule.min, "at least", -1), (rule.max, "at most", 1)):
        limit = _bound(bound, values)
        if limit is not None and (total - limit) * sign > 0:
            named = f" ({bound})" if isinstance(bound, str) else ""
            yield "rule", rule.terms[0].path, f"{names} must be {word} {show(limit)}{named}; it is {show(total)}"


def _same_length(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    paths = [name for group in rule.groups for name in group]
    lengths = {count_of(path, values) for path in paths if is_given(path, values)}
    if len(lengths) > 1:
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
            yield from _pairs(first[len(parent) + 3 :], second[len(parent) + 3 :], item)
        return
    yield from zip(find(first, values), find(second, values))


def _less_than(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    for first, second in _pairs(rule.first, rule.second, values):
        smaller, larger = number_of(first), number_of(second)
        smallest, largest = _bound(rule.min, values), _bound(rule.max, values)
        if smaller is None or larger is None:
            continue
        difference = larger - smaller
        if difference <= 0:
            yield (
                "rule",
                rule.first,
                f"{rule.first} must be less than {rule.second}; got {show(first)} and {show(second)}",
            )
        elif (smallest is not None and difference < smallest) or (largest is not None and difference > largest):
            span = " and ".join(
                text
                for text in (
                    f"at least {show(smallest)}" if smallest is not None else "",
                    f"at most {show(largest)}" if largest is not None else "",
                )
                if text
            )
            yield "rule", rule.first, f"{rule.second} minus {rule.first} must be {span}; it is {show(difference)}"


def _refers_to(rule: Rule, given: Values, values: Values) -> Iterator[Finding]:
    known = find(rule.second, values)
    lost = [value for value in find(rule.first, values) if value not in known]
    if lost:
        yield (
            "rule",
            rule.first,
            (f"{rule.first} {show(lost[0])} is not among the {rule.second}: {show_all(known) or 'there are none'}"),
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
