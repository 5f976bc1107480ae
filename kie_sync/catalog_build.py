"""From checked YAML to definitions, one model at a time; says what does not add up.

The schema has seen the shapes already. Here names are looked up, values take their types, price
tables are keyed, and everything wrong is reported at its place.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from .catalog_lookup import Faults, Path, build_source, decimal, names
from .catalog_prices import Prices
from .catalog_rules import Rules
from .definitions import (
    FILE_TYPES, UNSET, Choice, Endpoint, Example, Model, Money, Pace, Parameter, Plan, Provider, Tariff, Waiting,
)
from .input_schema import build_input_schema
from .params import accept, key_of, nearest

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
        Rules(parameters, faults).build(rule, ("rules", position)) for position, rule in enumerate(raw.get("rules") or [])
    )
    prices = raw.get("price")
    entries = [(("price",), prices)] if isinstance(prices, Mapping) else [
        (("price", position), price) for position, price in enumerate(prices or [])
    ]
    pricer = Prices(parameters, faults)
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
