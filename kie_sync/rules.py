"""Demands over several parameters: does a condition hold, is a rule broken?

A path such as `shots[].duration` goes into every item of a list, `a.b` into an object.
Pure: takes canonical values, gives `Problem`s. `given` is what the caller gave; `values` has the
defaults as well.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import AbstractSet, Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple, Union

from .definitions import UNSET, Condition, Limits, Rule, Term
from .errors import Problem

Values = Mapping[str, Any]


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
    found: List[Any] = [values]
    for step in path.split("."):
        name = step[:-2] if step.endswith("[]") else step
        found = [item[name] for item in found if isinstance(item, Mapping) and item.get(name) is not None]
        if step.endswith("[]"):
            found = [item for items in found if isinstance(items, (list, tuple)) for item in items]
    return found


def is_given(path: str, given: Values) -> bool:
    """Whether a path leads to something that is not empty."""
    return any(value not in ("", [], (), {}) for value in find(path, given))


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
    if test.where is not None:
        number = len(_kept(test.path, test.where, values))
        open_below = test.present is False or test.count_max is not None
        least = test.count_min if test.count_min is not None else 0 if open_below else 1
        most = 0 if test.present is False else test.count_max
        return number >= least and (most is None or number <= most)
    found = find(test.path, values)
    if test.present is not None and is_given(test.path, given) is not test.present:
        return False
    if test.values is not None and not any(value in test.values for value in found):
        return False
    if test.not_values is not None and any(value in test.not_values for value in found):
        return False
    if test.count_min is not None or test.count_max is not None:
        count = count_of(test.path, values)
        if count < (test.count_min or 0) or (test.count_max is not None and count > test.count_max):
            return False
    if test.min is not None or test.max is not None:
        numbers = _numbers(found)
        if not numbers or len(numbers) < len(found):
            return False
        if (test.min is not None and min(numbers) < test.min) or (test.max is not None and max(numbers) > test.max):
            return False
    return test.matches is None or any(re.search(test.matches, str(value)) for value in found)


def _kept(path: str, where: Condition, values: Values) -> List[Any]:
    """The items of a list for which `where` holds."""
    items = find(path if path.endswith("[]") else path + "[]", values)
    return [item for item in items if isinstance(item, Mapping) and holds(where, item, item)]


def count_of(path: str, values: Values) -> int:
    """How many items the lists have that a path leads to; a path that ends with [] counts what it finds."""
    found = find(path, values)
    if path.endswith("[]"):
        return len(found)
    return sum(len(value) if isinstance(value, (list, tuple)) else 1 for value in found)


def number_of(value: Any) -> Optional[Decimal]:
    """A value as a number; None when it is none, or not a finite one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def _numbers(values: Sequence[Any]) -> List[Decimal]:
    numbers = (number_of(value) for value in values)
    return [number for number in numbers if number is not None]


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
    if condition.where is not None:
        words.append(
            f"has an item whose {describe(condition.where)}"
            if condition.present is not False
            else f"has no item whose {describe(condition.where)}"
        )
    elif condition.present is not None:
        words.append("is given" if condition.present else "is not given")
    if condition.values is not None:
        words.append(f"is {' or '.join(show(value) for value in condition.values)}")
    if condition.not_values is not None:
        words.append(f"is not {' or '.join(show(value) for value in condition.not_values)}")
    if condition.count_min is not None and condition.count_min == condition.count_max:
        words.append(f"has {_items(condition.count_min)}")
    else:
        if condition.count_min is not None:
            words.append(f"has {_items(condition.count_min)} or more")
        if condition.count_max is not None:
            words.append(f"has at most {_items(condition.count_max)}")
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
        for place, its_given, _ in _scopes(rule, given, values):
            for path, limits in rule.then.items():
                if limits.ignored and is_given(path, its_given):
                    where = f"{place}: " if place else ""
                    yield f"{where}{path} has no effect when {describe(rule.when)}" + (
                        f": {rule.say}" if rule.say else ""
                    )


def _problem(rule: Rule, kind: str, place: str, path: str, text: str) -> Problem:
    because = f" when {describe(rule.when)}" if rule.when is not None else ""
    sentence = (f"{place}: " if place else "") + text + because + (f": {rule.say}" if rule.say else "")
    return Problem(
        kind if kind in ("required", "forbidden") else "rule", f"{place}.{path}" if place else path, sentence
    )


def mentions(rule: Rule) -> Set[str]:
    """The parameters that a rule speaks of."""
    if rule.each:
        return {_root(rule.each)}
    paths = [*rule.then, *(path for group in rule.groups for path in group), *(term.path for term in rule.terms)]
    paths += [path for path in (rule.first, rule.second, rule.min, rule.max) if isinstance(path, str) and path]
    return {_root(path) for path in paths} | _condition_mentions(rule.when)


def _condition_mentions(condition: Optional[Condition]) -> Set[str]:
    if condition is None:
        return set()
    parts = [*condition.all, *condition.any, *([condition.negated] if condition.negated else [])]
    own = {_root(condition.path)} if condition.path else set()
    return own.union(*(_condition_mentions(part) for part in parts))


def _root(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


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
            yield "min_items", f"must have exactly {_items(limits.min_items)}; it has {len(value)}"
        elif limits.min_items is not None and len(value) < limits.min_items:
            yield "min_items", f"must have {_items(limits.min_items)} or more; it has {len(value)}"
        elif limits.max_items is not None and len(value) > limits.max_items:
            yield "max_items", f"must have at most {_items(limits.max_items)}; it has {len(value)}"


def _items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


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
        total = Decimal(len(_kept(term.path, term.where, values)))
    elif term.measure == "count":
        total = Decimal(count_of(term.path, values))
    elif term.measure == "length":
        total = Decimal(sum(len(str(text)) for text in found))
    else:
        numbers = _numbers(found)
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
    lengths = [count_of(path, values) for path in paths if is_given(path, values)]
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
