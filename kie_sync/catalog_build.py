"""From checked YAML to definitions, one model at a time; says what does not add up.

The schema has seen the shapes already. Here names are looked up, values take their types, price
tables are keyed, and everything wrong is reported at its place.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .definitions import (
    FILE_TYPES, NOT_OFFERED, TOKEN_KINDS, UNKNOWN, UNSET, Choice, Condition, Count, Endpoint, Example, Limits, Model,
    Money, Observation, Pace, Parameter, Plan, Price, Provider, Rule, Seconds, Source, Surcharge, Tariff, Term, Waiting,
)
from .input_schema import build_input_schema
from .params import accept, find_name, key_of, nearest

Path = Tuple[Union[str, int], ...]
_TOKEN_UNITS = ("1k_tokens", "1m_tokens")


class Faults:
    """Collects what is wrong: a path inside the file's data, and a sentence."""

    def __init__(self) -> None:
        self.found: List[Tuple[Path, str, bool]] = []

    def error(self, path: Path, message: str) -> None:
        self.found.append((path, message, False))

    def warning(self, path: Path, message: str) -> None:
        self.found.append((path, message, True))


def names(value: Any) -> Tuple[str, ...]:
    """One word or a list of words, as a tuple."""
    if value is None:
        return ()
    return (str(value),) if not isinstance(value, (list, tuple)) else tuple(str(item) for item in value)


def decimal(value: Any) -> Optional[Decimal]:
    return None if value is None else Decimal(str(value))


def build_source(raw: Mapping[str, Any]) -> Source:
    return Source(str(raw.get("source") or ""), str(raw.get("checked") or ""))


def build_money(raw: Mapping[str, Any]) -> Money:
    return Money(Decimal(str(raw["credit_usd"])), Decimal(str(raw["usd_cny"])), build_source(raw))


def build_provider(name: str, raw: Mapping[str, Any]) -> Provider:
    limits = raw.get("limits") or {}
    return Provider(
        name=name, title=raw.get("title", name), base_url=raw["base_url"].rstrip("/"),
        base_url_env=raw["base_url_env"], key_env=names(raw["key_env"]), upload_url=raw.get("upload_url", "").rstrip("/"),
        paths=dict(raw.get("paths") or {}), creates=limits.get("creates", 0),
        per_seconds=Decimal(str(limits.get("per_seconds", 0))), running=limits.get("running", 0),
        key_page=raw.get("key_page", ""),
    )


def build_endpoint(name: str, raw: Mapping[str, Any], provider: Provider) -> Endpoint:
    states = raw.get("states") or {}
    return Endpoint(
        name=name, provider=provider, shape=raw["shape"], path=raw["path"],
        path_before_model=raw.get("path_before_model", "/"), model_in=raw.get("model_in", "body"),
        body=dict(raw.get("body") or {}), stream_body=dict(raw.get("stream_body") or {}), callback=raw.get("callback", ""),
        status_path=raw.get("status_path", ""), status_query=raw.get("status_query", ""),
        task_id=names(raw.get("task_id")), state=names(raw.get("state")), pending=names(states.get("pending")),
        success=names(states.get("success")), failure=names(states.get("failure")), result=names(raw.get("result")),
        urls=names(raw.get("urls")),
        places={place: names(paths) for place, paths in (raw.get("places") or {}).items()},
    )


def build_tariff(name: str, raw: Mapping[str, Any]) -> Tariff:
    add = raw.get("add")
    return Tariff(
        name=name, title=raw.get("title", name), providers=names(raw["providers"]),
        margins=None if add is None else {key: Decimal(str(value)) for key, value in add.items()}, note=raw.get("note", ""),
    )


def build_plan(name: str, raw: Mapping[str, Any]) -> Plan:
    return Plan(
        name=name, title=raw["title"], title_zh=raw.get("title_zh", ""), seller=raw["seller"],
        credits=Decimal(str(raw["credits"])), price=Decimal(str(raw["price"])), currency=raw["currency"],
        source=build_source(raw),
    )


def build_waiting(raw: Mapping[str, Any]) -> Waiting:
    paces = tuple(
        Pace(float(pace["every_s"]), None if pace.get("until_s") is None else float(pace["until_s"])) for pace in raw["poll"]
    )
    return Waiting(paces, float(raw["deadline_s"]), float(raw["missing_grace_s"]))


def build_model(
    model_id: str,
    raw: Mapping[str, Any],
    *,
    endpoint: Endpoint,
    kind: Mapping[str, Any],
    money: Money,
    tariffs: Mapping[str, Tariff],
    aliases: Mapping[str, str],
    faults: Faults,
) -> Model:
    """Build one model; what is wrong goes to `faults`, with paths inside the model's entry."""
    parameters = {
        name: _Parameters(faults).build(name, part or {}, ("parameters", name))
        for name, part in (raw.get("parameters") or {}).items()
    }
    _check_names(parameters, faults)
    rules = tuple(
        _Rules(parameters, faults).build(rule, ("rules", position)) for position, rule in enumerate(raw.get("rules") or [])
    )
    prices = raw.get("price")
    entries = [(("price",), prices)] if isinstance(prices, Mapping) else [
        (("price", position), price) for position, price in enumerate(prices or [])
    ]
    pricer = _Prices(parameters, faults)
    model = Model(
        id=model_id, title=raw.get("title", model_id), kind=raw["kind"], result=raw.get("result", kind["result"]),
        endpoint=endpoint, slug=raw.get("slug", model_id), parameters=parameters, rules=rules,
        prices=tuple(pricer.build(price, path) for path, price in entries),
        tariffs={name: pricer.build(price, ("tariffs", name)) for name, price in (raw.get("tariffs") or {}).items()},
        waiting=build_waiting(kind), money=money, all_tariffs=tariffs,
        examples=tuple(
            Example(example["call"], example["sends"], example.get("price") or {}, example.get("tokens") or {})
            for example in raw.get("examples") or []
        ),
        aliases=aliases, accepts_other=raw.get("accepts_other", False), context_tokens=raw.get("context_tokens"),
        output_tokens=raw.get("output_tokens"), media=names(raw.get("media")), advice=names(raw.get("advice")),
        note=raw.get("note", ""), retired_on=raw.get("retired_on", ""), replaced_by=raw.get("replaced_by", ""),
        source=build_source(raw), input_schema=build_input_schema(raw.get("title", model_id), parameters, raw.get("accepts_other", False)),
    )
    for name in model.tariffs:
        if name not in tariffs:
            faults.error(("tariffs", name), f"there is no tariff {name}{nearest(name, tariffs)} There are: {', '.join(tariffs)}")
    return model


def _check_names(parameters: Mapping[str, Parameter], faults: Faults) -> None:
    taken: Dict[str, str] = {}
    for name, parameter in parameters.items():
        for spelling in dict.fromkeys((name, *parameter.aliases)):
            if spelling in taken and taken[spelling] != name:
                faults.error(("parameters", name), f"the name {spelling} belongs to {taken[spelling]} already")
            taken[spelling] = name
        if name in ("any_of", "all_of", "not"):
            faults.error(("parameters", name), f"{name} is a word of conditions and cannot name a parameter")


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, Decimal) else "text" if isinstance(value, str) else "any"


def _key_type(keys: Iterable[str]) -> str:
    words = list(keys)
    if words and all(re.fullmatch(r"-?(0|[1-9][0-9]*)", word) for word in words):
        return "integer"
    return "boolean" if words and all(word in ("true", "false") for word in words) else "text"


_WORDS = {"text": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "any": "a structure"}


class _Parameters:
    def __init__(self, faults: Faults) -> None:
        self.faults = faults

    def build(self, name: str, raw: Mapping[str, Any], path: Path) -> Parameter:
        kind, values = self.values(raw, path)
        nested = raw.get("fields")
        media = {key: value for key, value in (raw.get("media") or {}).items()}
        parameter = Parameter(
            name=name, wire=str(raw.get("wire", name)), type=kind, title=raw.get("title", ""), note=raw.get("note", ""),
            aliases=names(raw.get("aliases")), required=raw.get("required", False),
            send_always=raw.get("send_always", False), constant=raw.get("constant", UNSET), send_as=raw.get("send_as"),
            values=values, min=decimal(raw.get("min")), max=decimal(raw.get("max")),
            multiple_of=decimal(raw.get("multiple_of")), also=tuple(raw.get("also") or ()),
            min_length=raw.get("min_length"), max_length=raw.get("max_length"), pattern=raw.get("pattern"),
            min_items=raw.get("min_items"), max_items=raw.get("max_items"), max_mb=decimal(raw.get("max_mb")),
            formats=names(raw.get("formats")), schemes=names(raw.get("schemes")) or ("http", "https"), media=media,
            items=self.build(name, raw["items"], (*path, "items")) if raw.get("items") else None,
            fields=None if nested is None else {
                key: self.build(key, part or {}, (*path, "fields", key)) for key, part in nested.items()
            },
            source=build_source(raw),
        )
        self.check(parameter, raw, path)
        if "default" in raw and raw["default"] is not None:
            default = accept(parameter, raw["default"])
            if default is UNSET:
                self.faults.error((*path, "default"), f"the default {key_of(raw['default'])} is not allowed by {name} itself")
            else:
                parameter = replace(parameter, default=default)
        return parameter

    def values(self, raw: Mapping[str, Any], path: Path) -> Tuple[str, Optional[Tuple[Choice, ...]]]:
        stated, values = raw.get("type"), raw.get("values")
        if values is None:
            return stated or ("any" if "constant" in raw else "text"), None
        if isinstance(values, Mapping):
            kind = stated or _key_type(values)
            return kind, tuple(Choice(self.typed(key, kind), wire) for key, wire in values.items())
        kinds = [_type_of(value) for value in values]
        kind = stated or next((word for word in ("any", "text", "boolean", "number") if word in kinds), "integer")
        for position, (value, found) in enumerate(zip(values, kinds)):
            if found == kind or (kind == "number" and found == "integer") or kind == "any":
                continue
            write = f'"{key_of(value)}"' if kind == "text" else key_of(value)
            wants = "the wire wants text" if kind == "text" else f"the parameter is {_WORDS.get(kind, kind)}"
            self.faults.error((*path, "values", position), f"{key_of(value)} is {_WORDS[found]}, {wants}; write {write}")
        if len({key_of(value) for value in values}) < len(values):
            self.faults.error((*path, "values"), "a value stands twice")
        return kind, tuple(Choice(value, value) for value in values)

    def typed(self, key: str, kind: str) -> Any:
        if kind == "boolean":
            return key == "true"
        if kind in ("integer", "number"):
            try:
                return int(key) if kind == "integer" else Decimal(key)
            except (ValueError, ArithmeticError):
                return key
        return key

    def check(self, parameter: Parameter, raw: Mapping[str, Any], path: Path) -> None:
        kind = parameter.type
        for word, kinds in (
            ("items", ("list",)), ("fields", ("object",)), ("max_mb", tuple(FILE_TYPES)), ("formats", tuple(FILE_TYPES)),
            ("schemes", tuple(FILE_TYPES)), ("media", (*FILE_TYPES, "list")), ("max_length", ("text", "any")), ("min_length", ("text", "any")),
            ("pattern", ("text", *FILE_TYPES)), ("min", ("integer", "number")), ("max", ("integer", "number")),
            ("multiple_of", ("integer", "number")),
            ("max_items", ("list", "images", "videos", "audios", "files")),
            ("min_items", ("list", "images", "videos", "audios", "files")),
        ):
            if word in raw and kind not in kinds:
                self.faults.error((*path, word), f"{word} does not fit a parameter of type {kind}; it belongs to: {', '.join(kinds)}")
        if parameter.values is not None and parameter.is_list:
            self.faults.error((*path, "values"), "a list's allowed values stand under items: {values: [...]}")
        if parameter.min is not None and parameter.max is not None and parameter.min > parameter.max:
            self.faults.error((*path, "min"), f"min {parameter.min} is above max {parameter.max}")
        if parameter.pattern is not None:
            try:
                re.compile(parameter.pattern)
            except re.error as error:
                self.faults.error((*path, "pattern"), f"not a regular expression: {error}")


def find_parameter(parameters: Mapping[str, Parameter], path: str) -> Tuple[str, Optional[Parameter]]:
    """The canonical form of a path, and the parameter at its end; None where it leads nowhere."""
    here: Optional[Mapping[str, Parameter]] = parameters
    parameter: Optional[Parameter] = None
    steps: List[str] = []
    for step in path.split("."):
        word = step[:-2] if step.endswith("[]") else step
        name = find_name(here, word) if here is not None else None
        if name is None or here is None:
            return path, None
        parameter = here[name]
        if step.endswith("[]"):
            if not parameter.is_list:
                return path, None
            parameter = parameter.items or Parameter(name, name, FILE_TYPES.get(parameter.type, "any"))
        steps.append(name + step[len(word):])
        here = parameter.fields
    return ".".join(steps), parameter


class _Lookup:
    """What rules and prices share: finding parameters, reading values and conditions."""

    def __init__(self, parameters: Mapping[str, Parameter], faults: Faults) -> None:
        self.parameters, self.faults = parameters, faults

    def path(self, path: Any, where: Path) -> Tuple[str, Optional[Parameter]]:
        canonical, parameter = find_parameter(self.parameters, str(path))
        if parameter is None:
            hint = nearest(str(path), self.parameters) or ";"
            self.faults.error(where, f"{path} is not a parameter of this model{hint} it has: {', '.join(self.parameters) or 'none'}")
        return canonical, parameter

    def values(self, parameter: Optional[Parameter], values: Any, where: Path) -> Tuple[Any, ...]:
        listed = list(values) if isinstance(values, (list, tuple)) else [values]
        if parameter is None:
            return tuple(listed)
        taken = []
        for position, value in enumerate(listed):
            coerced = accept(parameter, value)
            if coerced is UNSET:
                place = (*where, position) if isinstance(values, list) else where
                allowed = [key_of(choice.value) for choice in parameter.values or ()]
                options = f"; it allows {', '.join(allowed)}" if allowed else ""
                self.faults.error(place, f"{parameter.name} does not allow {key_of(value)}{options}{nearest(str(value), allowed)}")
            taken.append(value if coerced is UNSET else coerced)
        return tuple(taken)

    def condition(self, raw: Mapping[str, Any], where: Path) -> Condition:
        parts = []
        for word, test in raw.items():
            place = (*where, word)
            if word in ("any_of", "all_of"):
                inner = tuple(self.condition(part, (*place, position)) for position, part in enumerate(test))
                parts.append(Condition(any=inner) if word == "any_of" else Condition(all=inner))
            elif word == "not" and isinstance(test, Mapping):
                parts.append(Condition(negated=self.condition(test, place)))
            else:
                parts.append(self.test(word, test, place))
        return parts[0] if len(parts) == 1 else Condition(all=tuple(parts))

    def test(self, path: str, raw: Any, where: Path) -> Condition:
        canonical, parameter = self.path(path, where)
        if not isinstance(raw, Mapping):
            return Condition(path=canonical, values=self.values(parameter, raw, where))
        count = raw.get("count")
        span = count if isinstance(count, Mapping) else {"min": count, "max": count}
        present = raw.get("present")
        if raw.get("absent") is not None:
            present = not raw["absent"]
        return Condition(
            path=canonical, present=present,
            values=self.values(parameter, raw["values"], (*where, "values")) if "values" in raw else None,
            not_values=self.values(parameter, raw["not"], (*where, "not")) if "not" in raw else None,
            count_min=span.get("min"), count_max=span.get("max"), min=decimal(raw.get("min")),
            max=decimal(raw.get("max")), matches=raw.get("matches"),
        )


class _Rules(_Lookup):
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


class _Prices(_Lookup):
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
