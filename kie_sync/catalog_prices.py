"""The prices of a model, from checked YAML: amounts, tables keyed by parameters, quantities."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Mapping, Optional, Sequence

from .catalog_lookup import Lookup, Path, build_source, decimal, find_parameter, names
from .definitions import NOT_OFFERED, TOKEN_KINDS, UNKNOWN, UNSET, Count, Observation, Price, Seconds, Surcharge
from .params import key_of, nearest

_TOKEN_UNITS = ("1k_tokens", "1m_tokens")


class Prices(Lookup):
    def build(self, raw: Mapping[str, Any], where: Path) -> Price:
        for word in ("source", "checked"):
            if not raw.get(word):
                self.faults.warning(where, f"the price has no {word}; write where it was read and when")
        cases = tuple(
            self.one({**{key: value for key, value in raw.items() if key != "cases"}, **case}, (*where, "cases", position))
            for position, case in enumerate(raw.get("cases") or [])
        )
        price = self.one(raw, where, has_cases=bool(cases))
        return replace(price, cases=cases)

    def one(self, raw: Mapping[str, Any], where: Path, *, has_cases: bool = False) -> Price:
        unit, asks = raw["unit"], dict(raw.get("asks") or {})
        by = tuple(name if name in asks else self.path(name, (*where, "by"))[0] for name in names(raw.get("by")))
        currency = "usd" if "usd" in raw else "credits"
        amounts = raw.get("credits", raw.get("usd"))
        if amounts is None and not raw.get("unknown") and not has_cases:
            self.faults.error(where, "a price needs credits, usd, or unknown: why")
        table: Any = UNKNOWN
        if amounts is not None and not raw.get("unknown"):
            table = self.table(amounts, by, unit, asks, (*where, currency))
        seconds = self.seconds(raw, where) if unit == "second" and not has_cases else None
        if unit == "megapixel" and not raw.get("pixels") and not has_cases:
            self.faults.error(where, "a price per megapixel needs pixels: {by: ..., sizes: {...}}")
        if unit == "1k_characters" and not raw.get("characters") and not has_cases:
            self.faults.error(where, "a price per 1,000 characters needs characters: the parameter that holds the text")
        pixels = raw.get("pixels") or {}
        return Price(
            unit=unit, amounts=table, currency=currency, by=by,
            when=self.condition(raw["when"], (*where, "when")) if raw.get("when") else None,
            count=self.count(raw.get("count"), (*where, "count")), results=raw.get("results", 1), seconds=seconds,
            pixels_by=self.path(pixels["by"], (*where, "pixels", "by"))[0] if pixels else "",
            pixels={key: _area(size) for key, size in (pixels.get("sizes") or {}).items()},
            characters=tuple(self.path(name, (*where, "characters"))[0] for name in names(raw.get("characters"))),
            surcharges=tuple(
                Surcharge(self.path(part["per"], (*where, "surcharges", position, "per"))[0], Decimal(str(part["credits"])), part.get("free", 0))
                for position, part in enumerate(raw.get("surcharges") or [])
            ),
            asks=asks, unknown=raw.get("unknown", ""), note=raw.get("note", ""), valid_from=raw.get("valid_from", ""),
            valid_until=raw.get("valid_until", ""),
            observed=tuple(
                Observation(_figures(part["credits"]), str(part["seen"]), part["source"]) for part in raw.get("observed") or []
            ),
            source=build_source(raw),
        )

    def table(self, raw: Any, by: Sequence[str], unit: str, asks: Mapping[str, str], where: Path) -> Any:
        if isinstance(raw, str):
            if raw not in (NOT_OFFERED, UNKNOWN):
                self.faults.error(where, f'"{raw}" is not an amount; write a number, {NOT_OFFERED} or {UNKNOWN}')
            return raw
        if not by:
            if unit in _TOKEN_UNITS:
                return self.tokens(raw, where)
            if isinstance(raw, Mapping):
                self.faults.error(where, "a table of amounts needs `by`: the parameter that it goes by")
                return UNKNOWN
            return Decimal(str(raw))
        if not isinstance(raw, Mapping):
            return self.table(raw, (), unit, asks, where)
        keyed = {self.key(key, by[0], asks, (*where, key)): self.table(part, by[1:], unit, asks, (*where, key)) for key, part in raw.items()}
        self.holes(keyed, by[0], asks, where)
        return keyed

    def key(self, key: str, name: str, asks: Mapping[str, str], where: Path) -> str:
        parameter = None if name in asks else find_parameter(self.parameters, name)[1]
        if parameter is None:
            return key
        value = self.values(parameter, key, where)[0]
        return key_of(value)

    def holes(self, keyed: Mapping[str, Any], name: str, asks: Mapping[str, str], where: Path) -> None:
        parameter = None if name in asks else find_parameter(self.parameters, name)[1]
        if parameter is None:
            return
        allowed = [key_of(choice.value) for choice in parameter.values or ()]
        if parameter.type == "boolean" and not allowed:
            allowed = ["true", "false"]
        missing = [value for value in allowed if value not in keyed]
        if missing:
            self.faults.error(where, f"the price table has no {name} {', '.join(missing)}; add the amount, or {NOT_OFFERED} or {UNKNOWN}")
        if not parameter.required and parameter.default is UNSET and parameter.type != "boolean":
            self.faults.warning(where, f"the price goes by {name}, which has no default: without it the price is a range")

    def tokens(self, raw: Any, where: Path) -> Any:
        if not isinstance(raw, Mapping):
            self.faults.error(where, f"a price for tokens is a map of token kinds: {', '.join(TOKEN_KINDS)}")
            return UNKNOWN
        for kind in raw:
            if kind not in TOKEN_KINDS:
                self.faults.error((*where, kind), f"{kind} is not a kind of token{nearest(kind, TOKEN_KINDS) or ';'} kinds: {', '.join(TOKEN_KINDS)}")
        return {kind: amount if isinstance(amount, str) else Decimal(str(amount)) for kind, amount in raw.items()}

    def count(self, raw: Any, where: Path) -> Optional[Count]:
        if raw is None:
            return None
        if isinstance(raw, str):
            return Count(parameter=self.path(raw, where)[0])
        least, most = (
            self.path(raw[word], (*where, word))[0] if isinstance(raw.get(word), str) else decimal(raw.get(word)) for word in ("min", "max")
        )
        return Count(min=Decimal(1) if least is None else least, max=most, likely=decimal(raw.get("likely")))

    def seconds(self, raw: Mapping[str, Any], where: Path) -> Seconds:
        stated = raw.get("seconds")
        if stated is None:
            if "duration" not in self.parameters:
                self.faults.error(where, "a price per second needs seconds: the parameter (or the media) that says how many")
            return Seconds(parameter="duration")
        if isinstance(stated, str):
            return Seconds(parameter=self.path(stated, (*where, "seconds"))[0])
        place = (*where, "seconds")
        parameter, divisor = (
            self.path(stated[word], (*place, word))[0] if stated.get(word) else None for word in ("parameter", "divided_by")
        )
        media = tuple(self.path(name, (*place, "media"))[0] for name in names(stated.get("media")))
        return Seconds(
            parameter=parameter, divided_by=divisor, media=media, unknown_at=tuple(stated.get("unknown_at") or ()),
            min=decimal(stated.get("min")), max=decimal(stated.get("max")),
        )


def _area(size: str) -> Decimal:
    width, height = size.split("x")
    return Decimal(width) * Decimal(height)


def _figures(credits: Any) -> str:
    if isinstance(credits, Mapping):
        return ", ".join(f"{key}: {_figures(value)}" for key, value in credits.items())
    return f"{credits}"
