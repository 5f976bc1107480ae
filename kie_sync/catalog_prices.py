"""The prices of a model, from checked YAML: amounts, tables keyed by parameters, quantities."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import AbstractSet, Any, Dict, Mapping, Optional, Sequence

from .catalog_lookup import Lookup, Path, allowed_words, build_source, decimal, find_parameter, names
from .definitions import (
    NOT_OFFERED,
    TOKEN_KINDS,
    UNKNOWN,
    UNSET,
    Count,
    Observation,
    Parameter,
    Price,
    Seconds,
    Surcharge,
)
from .params import accept, nearest
from .values import key_of

_TOKEN_UNITS = ("1k_tokens", "1m_tokens")
_NUMBER = Parameter("number", "number", "number")
_AMOUNTS = ("credits", "usd", "unknown")
_COUNTED = ("image", "video", "audio", "request", "second", "megapixel")
# Words that go with some units only.
_ONLY_WITH = {
    "seconds": ("second",),
    "pixels": ("megapixel",),
    "characters": ("1k_characters",),
    "count": _COUNTED,
    "results": _COUNTED,
    "surcharges": (*_COUNTED, "1k_characters"),
}


class Prices(Lookup):
    """Builds prices. `settled` names the parameters that get their default from a rule."""

    settled: AbstractSet[str] = frozenset()

    def build(self, raw: Mapping[str, Any], where: Path) -> Price:
        for word in ("source", "checked"):
            if not raw.get(word):
                self.faults.warning(where, f"the price has no {word}; write where it was read and when")
        shared = {word: value for word, value in raw.items() if word != "cases"}
        listed = raw.get("cases") or []
        if not listed:
            price = self.one(shared, where, stated=shared)
        else:
            cases = [self.case(shared, case, (*where, "cases", position)) for position, case in enumerate(listed)]
            for position, case in enumerate(cases[:-1]):
                if case.when is None:
                    self.faults.error(
                        (*where, "cases", position), "a case without when hides those after it; put it last"
                    )
            if cases[-1].when is not None and any(word in raw for word in _AMOUNTS):
                cases.append(self.one(shared, where, stated=shared))
            asks = {name: text for case in cases for name, text in case.asks.items()}
            price = self.one({**shared, "unknown": "no case fits"}, where, stated={})
            price = replace(price, unknown="", cases=tuple(cases), asks={**price.asks, **asks})
        for name in price.asks:
            if not any(name in case.by for case in (price, *price.cases)):
                self.faults.error((*where, "asks", name), f"{name} is asked for and not used; put it into by")
            if find_parameter(self.parameters, name)[1] is not None:
                self.faults.error((*where, "asks", name), f"{name} is a parameter already; take it out of asks")
        return price

    def case(self, shared: Mapping[str, Any], raw: Mapping[str, Any], where: Path) -> Price:
        has_amount = any(word in raw for word in _AMOUNTS)
        kept = {word: value for word, value in shared.items() if not (has_amount and word in _AMOUNTS)}
        return self.one({**kept, **raw}, where, stated=raw)

    def one(self, raw: Mapping[str, Any], where: Path, *, stated: Mapping[str, Any]) -> Price:
        """One price; `stated` is the part of `raw` that stands at this place, the rest is inherited."""
        unit, asks = raw["unit"], dict(raw.get("asks") or {})
        self.check_words(unit, stated, where)
        by = tuple(name if name in asks else self.factor(name, (*where, "by")) for name in names(raw.get("by")))
        currency = "usd" if "usd" in raw else "credits"
        amounts, why_not = raw.get(currency), raw.get("unknown") or ""
        if amounts is None and not why_not:
            self.faults.error(where, "a price needs credits, usd, or unknown: why")
        if "by" in stated and currency in stated and not self.is_table(amounts, unit):
            self.faults.warning((*where, "by"), "by has no effect: the amount is one figure for all")
        table = UNKNOWN if amounts is None or why_not else self.table(amounts, by, unit, asks, (*where, currency))
        pixels = raw.get("pixels") or {} if unit == "megapixel" else {}
        if unit == "megapixel" and not pixels and not why_not:
            self.faults.error(where, "a price per megapixel needs pixels: {by: ..., sizes: {...}}")
        if unit == "1k_characters" and not raw.get("characters") and not why_not:
            self.faults.error(where, "a price per 1,000 characters needs characters: the parameter that holds the text")
        extras, seen = raw.get("surcharges") or [], raw.get("observed") or []
        return Price(
            unit=unit,
            amounts=table,
            currency=currency,
            by=by,
            when=self.condition(raw["when"], (*where, "when")) if raw.get("when") else None,
            count=self.count(raw.get("count"), (*where, "count")),
            results=raw.get("results", 1),
            seconds=self.seconds(raw, where) if unit == "second" and not why_not else None,
            pixels_by=self.path(pixels["by"], (*where, "pixels", "by"))[0] if pixels else "",
            pixels=self.sizes(pixels, (*where, "pixels", "sizes")) if pixels else {},
            characters=tuple(self.text(name, (*where, "characters")) for name in names(raw.get("characters"))),
            surcharges=tuple(self.surcharge(part, (*where, "surcharges", at)) for at, part in enumerate(extras)),
            asks=asks,
            unknown=why_not,
            note=raw.get("note", ""),
            valid_from=raw.get("valid_from", ""),
            valid_until=raw.get("valid_until", ""),
            observed=tuple(Observation(_figures(part["credits"]), str(part["seen"]), part["source"]) for part in seen),
            source=build_source(raw),
        )

    def check_words(self, unit: str, stated: Mapping[str, Any], where: Path) -> None:
        found = [word for word in _AMOUNTS if stated.get(word) is not None]
        if len(found) > 1:
            self.faults.error((*where, found[1]), f"{' and '.join(found)} stand side by side; keep one of them")
        for word, units in _ONLY_WITH.items():
            if word in stated and unit not in units:
                message = f"{word} has no effect on a price per {unit}; it belongs to: {', '.join(units)}"
                self.faults.error((*where, word), message)

    def factor(self, name: str, where: Path) -> str:
        path, parameter = self.path(name, where)
        if parameter is not None and (parameter.is_list or parameter.type == "object"):
            self.faults.error(
                where,
                f"a price cannot go by {name}, which holds several values; cases with when can ask whether it is given",
            )
        return path

    def may_be_missing(self, name: str) -> bool:
        """Whether a call may leave a parameter without any value, not even a default, and no note says why."""
        path, parameter = find_parameter(self.parameters, name)
        if parameter is None or path in self.settled or parameter.note:
            return False
        return not parameter.required and parameter.default is UNSET and parameter.constant is UNSET

    def number(self, name: str, where: Path) -> str:
        """A parameter whose value can be read as a number."""
        path, parameter = self.path(name, where)
        if parameter is not None:
            figures = [choice.value for choice in parameter.values or ()]
            is_number = parameter.type in ("integer", "number", "any") or (
                bool(figures) and all(accept(_NUMBER, figure) is not UNSET for figure in figures)
            )
            if not is_number:
                wanted = "values: {5: 5s, 10: 10s} gives numbers for words" if figures else "give it type: integer"
                self.faults.error(where, f"{name} is not a number; {wanted}")
        return path

    def length(self, name: str, stated: Mapping[str, Any], where: Path) -> str:
        """The parameter that holds seconds; what `unknown_at` lists need be no number."""
        parameter = find_parameter(self.parameters, name)[1]
        open_at = [key_of(value) for value in stated.get("unknown_at") or ()]
        if parameter is not None and parameter.values is not None:
            words = [key_of(choice.value) for choice in parameter.values]
            if all(accept(_NUMBER, word) is not UNSET or word in open_at for word in words):
                return self.path(name, where)[0]
        return self.number(name, where)

    def text(self, name: str, where: Path) -> str:
        path, parameter = self.path(name, where)
        if parameter is not None and parameter.type not in ("text", "any"):
            self.faults.error(where, f"{name} is not text, so its characters cannot be counted")
        return path

    def amount(self, raw: Any, where: Path) -> Decimal:
        if isinstance(raw, bool) or not isinstance(raw, (int, Decimal)):
            self.faults.error(where, f"the amount is missing; write a number, {NOT_OFFERED} or {UNKNOWN}")
            return Decimal(0)
        if raw < 0:
            self.faults.error(where, f"an amount cannot be below 0; got {key_of(raw)}")
        return Decimal(str(raw))

    def table(self, raw: Any, by: Sequence[str], unit: str, asks: Mapping[str, str], where: Path) -> Any:
        if isinstance(raw, str):
            if raw not in (NOT_OFFERED, UNKNOWN):
                figure = re.sub(r"\s*credits?\Z", "", raw.strip())
                write = f"{figure}, without quotes or a unit" if accept(_NUMBER, figure) is not UNSET else "a number"
                self.faults.error(where, f'"{raw}" is not an amount; write {write}, {NOT_OFFERED} or {UNKNOWN}')
                return UNKNOWN
            return raw
        if not by or not isinstance(raw, Mapping):
            if unit in _TOKEN_UNITS:
                return self.tokens(raw, where)
            if isinstance(raw, Mapping):
                self.faults.error(where, "a table of amounts needs `by`: the parameter that it goes by")
                return UNKNOWN
            return self.amount(raw, where)
        if not self.is_table(raw, unit):
            return self.tokens(raw, where)
        keyed: Dict[str, Any] = {}
        before = len(self.faults.found)
        for word, part in raw.items():
            key = self.key(word, by[0], asks, (*where, word))
            if key in keyed:
                self.faults.error((*where, word), f"{word} means {by[0]} {key}, which stands above already")
            keyed[key] = self.table(part, by[1:], unit, asks, (*where, word))
        if len(self.faults.found) == before:
            self.holes(keyed, by[0], asks, where)
        return keyed

    def is_table(self, raw: Any, unit: str) -> bool:
        """Whether amounts go by parameters; a map of token kinds does not."""
        return isinstance(raw, Mapping) and not (unit in _TOKEN_UNITS and bool(raw) and set(raw) <= set(TOKEN_KINDS))

    def key(self, key: str, name: str, asks: Mapping[str, str], where: Path) -> str:
        parameter = None if name in asks else find_parameter(self.parameters, name)[1]
        return key if parameter is None else key_of(self.values(parameter, key, where)[0])

    def holes(self, keyed: Mapping[str, Any], name: str, asks: Mapping[str, str], where: Path) -> None:
        parameter = None if name in asks else find_parameter(self.parameters, name)[1]
        if parameter is None:
            return
        missing = [value for value in allowed_words(parameter) if value not in keyed]
        if missing:
            self.faults.error(
                where,
                f"the price table has no {name} {', '.join(missing)}; add the amount, or {NOT_OFFERED} or {UNKNOWN}",
            )
        if self.may_be_missing(name):
            self.faults.warning(
                where, f"the price goes by {name}, which has no default: without it the price is a range"
            )

    def tokens(self, raw: Any, where: Path) -> Any:
        if not isinstance(raw, Mapping):
            self.faults.error(where, f"a price for tokens is a map of token kinds: {', '.join(TOKEN_KINDS)}")
            return UNKNOWN
        for kind in raw:
            if kind not in TOKEN_KINDS:
                self.faults.error(
                    (*where, kind),
                    f"{kind} is not a kind of token{nearest(kind, TOKEN_KINDS) or ';'} kinds: {', '.join(TOKEN_KINDS)}",
                )
        kinds = raw.items()
        return {kind: UNKNOWN if cell == UNKNOWN else self.amount(cell, (*where, kind)) for kind, cell in kinds}

    def surcharge(self, raw: Mapping[str, Any], where: Path) -> Surcharge:
        per = tuple(self.path(name, (*where, "per"))[0] for name in names(raw["per"]))
        return Surcharge(per, self.amount(raw["credits"], (*where, "credits")), raw.get("free", 0))

    def sizes(self, raw: Mapping[str, Any], where: Path) -> Dict[str, Decimal]:
        sizes = {self.key(key, raw["by"], {}, (*where, key)): _area(size) for key, size in raw["sizes"].items()}
        parameter = find_parameter(self.parameters, raw["by"])[1]
        missing = [value for value in allowed_words(parameter) if value not in sizes] if parameter is not None else []
        if missing:
            self.faults.warning(where, f"no size is given for {', '.join(missing)}: there the price is unknown")
        return sizes

    def count(self, raw: Any, where: Path) -> Optional[Count]:
        if raw is None:
            return None
        if isinstance(raw, str):
            if self.may_be_missing(raw):
                self.faults.warning(where, f"{raw} has no default: without it the price is that of one result")
            return Count(parameter=self.number(raw, where))
        least, most = (
            self.number(raw[word], (*where, word)) if isinstance(raw.get(word), str) else decimal(raw.get(word))
            for word in ("min", "max")
        )
        return Count(min=Decimal(1) if least is None else least, max=most, likely=decimal(raw.get("likely")))

    def seconds(self, raw: Mapping[str, Any], where: Path) -> Seconds:
        stated, place = raw.get("seconds") or {}, (*where, "seconds")
        if isinstance(stated, str):
            return Seconds(parameter=self.number(stated, place))
        named, media = stated.get("parameter"), names(stated.get("media"))
        if named is None and not media:
            if "duration" not in self.parameters:
                self.faults.error(
                    where, "a price per second needs seconds: the parameter (or the media) that says how many"
                )
                return Seconds()
            named = "duration"
        held = find_parameter(self.parameters, named)[1] if named else None
        return Seconds(
            parameter=self.length(named, stated, place) if named else None,
            divided_by=self.number(stated["divided_by"], (*place, "divided_by")) if stated.get("divided_by") else None,
            media=tuple(self.path(name, (*place, "media"))[0] for name in media),
            unknown_at=self.values(held, stated.get("unknown_at") or (), (*place, "unknown_at")),
            min=decimal(stated.get("min")),
            max=decimal(stated.get("max")),
        )


def _area(size: str) -> Decimal:
    width, height = size.split("x")
    return Decimal(width) * Decimal(height)


def _figures(credits: Any) -> str:
    if isinstance(credits, Mapping):
        return ", ".join(f"{key}: {_figures(value)}" for key, value in credits.items())
    return f"{credits}"
