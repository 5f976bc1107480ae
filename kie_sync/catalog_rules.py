"""The rules of a model, from checked YAML."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Mapping, Optional, Tuple, Union

from .catalog_lookup import FITTING, Lookup, Path, decimal, names
from .definitions import UNSET, Limits, Parameter, Rule, Term

# The words that each kind of rule uses, beside kind, say, when and each.
_WORDS = {
    "when": ("then",),
    "at-least-one": ("of",),
    "exactly-one": ("of",),
    "excludes": ("of",),
    "requires": ("parameter", "needs"),
    "sum-max": ("of", "min", "max"),
    "same-length": ("of",),
    "unique": ("of",),
    "less-than": ("first", "second", "min", "max"),
    "refers-to": ("from", "to"),
}


class Rules(Lookup):
    def build(self, raw: Mapping[str, Any], where: Path) -> Rule:
        kind = raw.get("kind", "when")
        for word in raw:
            if word not in (*_WORDS[kind], "kind", "say", "when", "each"):
                self.faults.error(
                    (*where, word),
                    f"{word} does not belong to a rule of kind {kind}; it takes: {', '.join(_WORDS[kind])}",
                )
        if "each" in raw:
            stated = raw["each"]
            path, _ = self.path(stated[:-2] if stated.endswith("[]") else stated, (*where, "each"))
            rule = self.of_items(path, (*where, "each")).build(
                {word: part for word, part in raw.items() if word != "each"}, where
            )
            for name, limits in rule.then.items():
                if limits.default is not UNSET:
                    self.faults.error((*where, "then", name, "default"), "a default does not work inside each")
            return replace(rule, each=path)
        if kind == "sum-max" and "min" not in raw and "max" not in raw:
            self.faults.error(where, "max is missing; sum-max needs min or max, or both")
        when = self.condition(raw["when"], (*where, "when")) if raw.get("when") else None
        then = {}
        for word, limits in (raw.get("then") or {}).items():
            canonical, parameter = self.path(word, (*where, "then", word))
            then[canonical] = self.limits(parameter, limits, (*where, "then", word))
        groups: Tuple[Tuple[str, ...], ...] = ()
        terms: Tuple[Term, ...] = ()
        of = raw.get("of")
        listed = of if isinstance(of, list) else [] if of is None else [of]
        if kind == "sum-max":
            terms = tuple(self.term(term, (*where, "of", position)) for position, term in enumerate(listed))
        elif kind == "requires":
            groups = (self.group(raw["needs"], (*where, "needs")),)
        else:
            groups = tuple(self.group(item, (*where, "of", position)) for position, item in enumerate(listed))
        first, second = (raw.get(word, raw.get(other)) for word, other in (("first", "from"), ("second", "to")))
        first = raw.get("parameter", first)
        if kind in ("at-least-one", "exactly-one", "excludes", "same-length") and sum(map(len, groups)) < 2:
            self.faults.error((*where, "of"), f"a rule of kind {kind} needs two parameters or more")
        if kind == "unique" and len(groups) > 1:
            self.faults.error((*where, "of"), "a rule of kind unique takes one path")
        return Rule(
            kind=kind,
            say=raw.get("say", ""),
            then=then,
            groups=groups,
            terms=terms,
            when=when,
            first=self.path(first, where)[0] if first else "",
            second=self.path(second, where)[0] if second else "",
            min=self.bound(raw.get("min"), (*where, "min")),
            max=self.bound(raw.get("max"), (*where, "max")),
        )

    def group(self, raw: Any, where: Path) -> Tuple[str, ...]:
        return tuple(self.path(name, where)[0] for name in names(raw))

    def bound(self, raw: Any, where: Path) -> Union[Decimal, str, None]:
        return self.path(raw, where)[0] if isinstance(raw, str) else decimal(raw)

    def term(self, raw: Any, where: Path) -> Term:
        if not isinstance(raw, Mapping):
            return Term(self.path(raw, where)[0])
        measures = [word for word in ("count", "length", "value") if word in raw]
        if len(measures) != 1:
            self.faults.error(where, "say one of count, length or value: the parameter or path")
            return Term("")
        measure = measures[0]
        if "where" in raw and measure != "count":
            self.faults.error((*where, "where"), "where goes with count")
        path = self.path(raw[measure], where)[0]
        kept = self.inside(path, raw["where"], (*where, "where")) if "where" in raw else None
        return Term(path, measure, Decimal(str(raw.get("times", 1))), kept)

    def limits(self, parameter: Optional[Parameter], raw: Mapping[str, Any], where: Path) -> Limits:
        items = raw.get("items")
        flags = [word for word in ("required", "forbidden", "ignored") if raw.get(word)]
        if len(flags) > 1:
            self.faults.error(where, f"{' and '.join(flags)} contradict each other; keep one")
        for word in raw:
            fitting = FITTING.get(word)
            if parameter is not None and fitting and parameter.type not in (*fitting, "any"):
                message = f"{word} does not fit {parameter.name}, which is of type {parameter.type}"
                self.faults.error((*where, word), f"{message}; it belongs to: {', '.join(fitting)}")
        return Limits(
            required=raw.get("required", False),
            forbidden=raw.get("forbidden", False),
            ignored=raw.get("ignored", False),
            values=self.values(parameter, raw["values"], (*where, "values")) if "values" in raw else None,
            not_values=self.values(parameter, raw["not"], (*where, "not")) if "not" in raw else (),
            min=decimal(raw.get("min")),
            max=decimal(raw.get("max")),
            multiple_of=decimal(raw.get("multiple_of")),
            min_length=raw.get("min_length"),
            max_length=raw.get("max_length"),
            pattern=self.pattern(raw.get("pattern"), (*where, "pattern")),
            min_items=raw.get("min_items", items),
            max_items=raw.get("max_items", items),
            default=self.values(parameter, (raw["default"],), (*where, "default"))[0] if "default" in raw else UNSET,
        )
