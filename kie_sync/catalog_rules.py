"""The rules of a model, from checked YAML."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Tuple, Union
from decimal import Decimal

from .catalog_lookup import Lookup, Path, decimal, names
from .definitions import UNSET, Limits, Parameter, Rule, Term


class Rules(Lookup):
    def build(self, raw: Mapping[str, Any], where: Path) -> Rule:
        then = {}
        for word, limits in (raw.get("then") or {}).items():
            canonical, parameter = self.path(word, (*where, "then", word))
            then[canonical] = self.limits(parameter, limits, (*where, "then", word))
        groups: Tuple[Tuple[str, ...], ...] = ()
        terms: Tuple[Term, ...] = ()
        kind = raw.get("kind", "when")
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
        return Rule(
            kind=kind, say=raw.get("say", ""), then=then, groups=groups, terms=terms,
            when=self.condition(raw["when"], (*where, "when")) if raw.get("when") else None,
            first=self.path(first, where)[0] if first else "", second=self.path(second, where)[0] if second else "",
            min=self.bound(raw.get("min"), (*where, "min")), max=self.bound(raw.get("max"), (*where, "max")),
        )

    def group(self, raw: Any, where: Path) -> Tuple[str, ...]:
        return tuple(self.path(name, where)[0] for name in names(raw))

    def bound(self, raw: Any, where: Path) -> Union[Decimal, str, None]:
        return self.path(raw, where)[0] if isinstance(raw, str) else decimal(raw)

    def term(self, raw: Any, where: Path) -> Term:
        if not isinstance(raw, Mapping):
            return Term(self.path(raw, where)[0])
        measure = next((word for word in ("count", "length", "value") if word in raw), "value")
        times = Decimal(str(raw.get("times", 1)))
        return Term(self.path(raw.get(measure, ""), where)[0], measure, times)

    def limits(self, parameter: Optional[Parameter], raw: Mapping[str, Any], where: Path) -> Limits:
        items = raw.get("items")
        return Limits(
            required=raw.get("required", False), forbidden=raw.get("forbidden", False), ignored=raw.get("ignored", False),
            values=self.values(parameter, raw["values"], (*where, "values")) if "values" in raw else None,
            not_values=self.values(parameter, raw["not"], (*where, "not")) if "not" in raw else (),
            min=decimal(raw.get("min")), max=decimal(raw.get("max")), multiple_of=decimal(raw.get("multiple_of")),
            min_length=raw.get("min_length"), max_length=raw.get("max_length"), pattern=raw.get("pattern"),
            min_items=raw.get("min_items", items), max_items=raw.get("max_items", items),
            default=self.values(parameter, raw["default"], (*where, "default"))[0] if "default" in raw else UNSET,
        )
