"""A model's entry in words, for `kie-sync show`: limits, rules, prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Iterator, List, Mapping, Tuple, Union

from ..catalog_lookup import LIMITS
from ..conditions import describe
from ..definitions import NOT_OFFERED, UNSET, Limits, Model, Parameter, Price, Rule, Term
from ..values import show, show_all


def parameter_rows(parameters: Mapping[str, Parameter], prefix: str = "") -> Iterator[Tuple[str, Parameter]]:
    """All parameters with their paths, those inside lists and objects as well."""
    for name, parameter in parameters.items():
        yield prefix + name, parameter
        inner, path = parameter, prefix + name
        if parameter.items is not None:
            inner, path = parameter.items, path + "[]"
        if inner.fields:
            yield from parameter_rows(inner.fields, path + ".")


def parameter_facts(path: str, parameter: Parameter) -> Dict[str, Any]:
    """A parameter for a program: only what is stated."""
    facts: Dict[str, Any] = {name: getattr(parameter, name) for name in ("wire", "type", "required")}
    facts = {"name": path, **facts}
    if parameter.aliases:
        facts["aliases"] = parameter.aliases
    for name in ("default", "constant"):
        if getattr(parameter, name) is not UNSET:
            facts[name] = getattr(parameter, name)
    if parameter.values is not None:
        facts["values"] = [{"value": choice.value, "wire": choice.wire} for choice in parameter.values]
    for name in ("send_as", *LIMITS, "title", "note"):
        if getattr(parameter, name) not in (None, (), "", {}):
            facts[name] = getattr(parameter, name)
    return facts


def names_of(path: str, parameter: Parameter, model: Model) -> str:
    """The other names that a parameter answers to; that on the wire comes first."""
    shared = [alias for alias, name in model.aliases.items() if name == path]
    others = [name for name in (parameter.wire, *parameter.aliases, *shared) if name != parameter.name]
    return ", ".join(dict.fromkeys(others))


def allowed_of(parameter: Parameter) -> str:
    """What a parameter takes, in words."""
    if parameter.constant is not UNSET:
        return f"always {show(parameter.constant)}"
    words: List[str] = []
    if parameter.values is not None:
        words.append(", ".join(_choice(choice.value, choice.wire) for choice in parameter.values))
    words += _sizes(parameter)
    words += [f"or {show_all(parameter.also)}"] if parameter.also else []
    words += [f"sent as {parameter.send_as}"] if parameter.send_as else []
    words += [f"{parameter.max_mb} MB each at most"] if parameter.max_mb is not None else []
    words += ["/".join(parameter.formats)] if parameter.formats else []
    words += [f"{name.replace('_', ' ')} {_span(value)}" for name, value in parameter.media.items()]
    if parameter.items is not None and parameter.items.fields is None:
        inner = allowed_of(parameter.items)
        words += [f"each: {inner}"] if inner else []
    return "; ".join(words)


def _span(value: Any) -> str:
    """A limit of a file: a range, or one number."""
    return f"{value[0]:,} to {value[1]:,}" if isinstance(value, (list, tuple)) else f"{value:,}"


def _choice(value: Any, wire: Any) -> str:
    shown = _bare(value)
    if isinstance(wire, (list, dict)) or wire is None:
        return shown
    return shown if _bare(wire) == shown else f"{shown} ({_bare(wire)} on the wire)"


def _bare(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def _sizes(limits: Union[Parameter, Limits]) -> List[str]:
    words = []
    for low, high, unit in (
        (limits.min, limits.max, ""),
        (limits.min_length, limits.max_length, " characters"),
        (limits.min_items, limits.max_items, " items"),
    ):
        if low is not None and high is not None:
            exact = f"{low:,}{unit if low != 1 else unit[:-1]} exactly"
            words.append(exact if low == high else f"{low:,} to {high:,}{unit}")
        elif low is not None:
            words.append(f"{low:,}{unit if low != 1 else unit[:-1]} or more")
        elif high is not None:
            words.append(f"{high:,}{unit if high != 1 else unit[:-1]} at most")
    words += [f"a multiple of {show(limits.multiple_of)}"] if limits.multiple_of is not None else []
    words += [f"must match {limits.pattern}"] if limits.pattern is not None else []
    return words


def default_of(parameter: Parameter) -> str:
    """Whether a parameter must be given, or what holds when it is not."""
    if parameter.required:
        return "required"
    if parameter.default is UNSET:
        return ""
    return _bare(parameter.default) + (", always sent" if parameter.send_always else "")


def rule_sentence(rule: Rule) -> str:
    """A rule in words: its own sentence first, where it has one."""
    demand = _demand(rule)
    if rule.when is not None:
        demand = f"when {describe(rule.when)}: {demand}"
    if rule.each:
        demand = f"each of {rule.each}: {demand}"
    return f"{rule.say} ({demand})" if rule.say else demand


def _demand(rule: Rule) -> str:
    groups = [" with ".join(group) for group in rule.groups]
    if rule.kind == "when":
        return "; ".join(f"{path} {_limits(limits)}" for path, limits in rule.then.items())
    if rule.kind == "sum-max":
        total = " + ".join(_term(term) for term in rule.terms)
        return f"{total} {_between(rule.min, rule.max)}"
    if rule.kind == "less-than":
        apart = _between(rule.min, rule.max)
        return f"{rule.first} less than {rule.second}" + (f", apart {apart}" if apart else "")
    if rule.kind == "refers-to":
        return f"{rule.first} must be one of {rule.second}"
    if rule.kind == "requires":
        return f"{rule.first} needs {' and '.join(groups)}"
    sentences = {
        "at-least-one": f"at least one of {', '.join(groups)}",
        "exactly-one": f"exactly one of {', '.join(groups)}",
        "excludes": f"only one of {', '.join(groups)}",
        "same-length": f"{' and '.join(groups)} have the same number of items",
        "unique": f"each {', '.join(groups)} is different",
    }
    return sentences[rule.kind]


def _limits(limits: Limits) -> str:
    words = [
        word
        for is_so, word in (
            (limits.required, "is required"),
            (limits.forbidden, "is not allowed"),
            (limits.ignored, "has no effect"),
        )
        if is_so
    ]
    words += [f"must be one of {show_all(limits.values)}"] if limits.values is not None else []
    words += [f"must not be {show_all(limits.not_values)}"] if limits.not_values else []
    words += _sizes(limits)
    words += [f"defaults to {show(limits.default)}"] if limits.default is not UNSET else []
    return ", ".join(words)


def _term(term: Term) -> str:
    name = {"count": f"the number of {term.path}", "length": f"the length of {term.path}"}.get(term.measure, term.path)
    name += f" whose {describe(term.where)}" if term.where is not None else ""
    return name if term.times == 1 else f"{show(term.times)} x {name}"


def _between(low: Union[Decimal, str, None], high: Union[Decimal, str, None]) -> str:
    bounds = [("at least", low), ("at most", high)]
    return " and ".join(f"{word} {_bare(bound)}" for word, bound in bounds if bound is not None)


def price_lines(price: Price) -> List[Dict[str, Any]]:
    """Each figure that a price states: when it holds, and how much it is."""
    lines: List[Dict[str, Any]] = []
    for case in price.cases or (price,):
        condition = describe(case.when)
        if price.cases and case.when is None and case is not price.cases[0]:
            condition = "otherwise"
        for path, cell in _cells(case.amounts):
            steps = [f"{name} {key}" for name, key in zip(case.by, path)]
            steps += [f"{kind.replace('_', ' ')} tokens" for kind in path[len(case.by) :]]
            line: Dict[str, Any] = {"when": ", ".join([*([condition] if condition else []), *steps])}
            if case.unknown or not isinstance(cell, Decimal):
                line["text"] = case.unknown or ("not offered" if cell == NOT_OFFERED else "unknown")
            else:
                line.update(amount=cell, currency=case.currency, unit=case.unit)
                line["text"] = f"{_money(cell, case.currency)} per {_unit(case)}"
            lines.append(line)
        for surcharge in case.surcharges:
            free = f" beyond {surcharge.free}" if surcharge.free else ""
            extra = f"plus {surcharge.amount} credits"
            lines.append({"when": f"for each of {' and '.join(surcharge.per)}{free}", "text": extra})
    return lines


def _cells(table: Any, path: Tuple[str, ...] = ()) -> Iterator[Tuple[Tuple[str, ...], Any]]:
    if isinstance(table, Mapping):
        for key, inner in table.items():
            yield from _cells(inner, (*path, str(key)))
    else:
        yield path, table


def _money(number: Decimal, currency: str) -> str:
    return f"US$ {number}" if currency == "usd" else f"{number} credits"


def _unit(price: Price) -> str:
    named = {"1k_tokens": "1,000 tokens", "1m_tokens": "1M tokens", "1k_characters": "1,000 characters"}
    unit = named.get(price.unit, price.unit)
    if price.results != 1:
        unit = f"{price.results} {unit}s"
    if price.seconds is not None and price.seconds.media:
        own = [price.seconds.parameter] if price.seconds.parameter else []
        unit += f" of {' + '.join([*own, *price.seconds.media])}"
    return unit
