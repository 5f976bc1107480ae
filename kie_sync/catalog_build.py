"""From checked YAML to definitions, one model at a time; says what does not add up.

The schema has seen the shapes already. Here names are looked up, values take their types, price
tables are keyed, and everything wrong is reported at its place.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Mapping, Sequence

from .catalog_lookup import Faults, Path, build_source, names
from .catalog_parameters import Parameters, check_names
from .catalog_prices import Prices
from .catalog_rules import Rules
from .definitions import UNSET, Endpoint, Example, Model, Money, Pace, Plan, Price, Provider, Tariff, Waiting
from .input_schema import build_input_schema
from .params import nearest


def build_money(raw: Mapping[str, Any]) -> Money:
    return Money(Decimal(str(raw["usd_per_credit"])), Decimal(str(raw["cny_per_usd"])), build_source(raw))


def build_provider(name: str, raw: Mapping[str, Any]) -> Provider:
    limits = raw.get("limits") or {}
    return Provider(
        name=name,
        title=raw.get("title", name),
        base_url=raw["base_url"].rstrip("/"),
        base_url_env=raw["base_url_env"],
        key_env=names(raw["key_env"]),
        upload_url=raw.get("upload_url", "").rstrip("/"),
        upload_lives_hours=Decimal(str(raw.get("upload_lives_hours", 0))),
        results_live_hours=Decimal(str(raw.get("results_live_hours", 0))),
        paths=dict(raw.get("paths") or {}),
        creates=limits.get("creates", 0),
        per_seconds=Decimal(str(limits.get("per_seconds", 0))),
        running=limits.get("running", 0),
        key_page=raw.get("key_page", ""),
        docs_url=raw.get("docs_url", "").rstrip("/"),
    )


def build_endpoints(raw: Mapping[str, Any], providers: Mapping[str, Provider], faults: Faults) -> Dict[str, Endpoint]:
    """The endpoints whose provider there is."""
    found: Dict[str, Endpoint] = {}
    for name, about in raw.items():
        provider = about["provider"]
        if provider in providers:
            found[name] = build_endpoint(name, about, providers[provider])
        else:
            hint = nearest(provider, providers) or ";"
            said = f"there is no provider {provider}{hint} there are: {', '.join(providers)}"
            faults.error(("endpoints", name, "provider"), said)
    return found


def build_endpoint(name: str, raw: Mapping[str, Any], provider: Provider) -> Endpoint:
    states = raw.get("states") or {}
    return Endpoint(
        name=name,
        provider=provider,
        shape=raw["shape"],
        path=raw["path"],
        path_before_model=raw.get("path_before_model", "/"),
        model_in=raw.get("model_in", "body"),
        body=dict(raw.get("body") or {}),
        stream_body=dict(raw.get("stream_body") or {}),
        bills_thinking=raw.get("bills_thinking", False),
        callback=raw.get("callback", ""),
        status_path=raw.get("status_path", ""),
        status_query=raw.get("status_query", ""),
        task_id=names(raw.get("task_id")),
        state=names(raw.get("state")),
        pending=names(states.get("pending")),
        success=names(states.get("success")),
        failure=names(states.get("failure")),
        failure_codes=tuple(raw.get("failure_codes") or ()),
        result=names(raw.get("result")),
        urls=names(raw.get("urls")),
        places={place: names(paths) for place, paths in (raw.get("places") or {}).items()},
    )


def build_tariff(name: str, raw: Mapping[str, Any]) -> Tariff:
    add = raw.get("add")
    return Tariff(
        name=name,
        title=raw.get("title", name),
        providers=names(raw["providers"]),
        margins=None if add is None else {key: Decimal(str(value)) for key, value in add.items()},
        note=raw.get("note", ""),
    )


def build_plan(name: str, raw: Mapping[str, Any]) -> Plan:
    return Plan(
        name=name,
        title=raw["title"],
        title_zh=raw.get("title_zh", ""),
        seller=raw["seller"],
        credits=Decimal(str(raw["credits"])),
        price=Decimal(str(raw["price"])),
        currency=raw["currency"],
        source=build_source(raw),
    )


def build_aliases(raw: Mapping[str, Any], faults: Faults) -> Dict[str, str]:
    """Which canonical name each shared alias stands for; of two, the first has it."""
    found: Dict[str, str] = {}
    for name, about in raw.items():
        for position, alias in enumerate((about or {}).get("aliases") or []):
            owner = alias if alias in raw else found.setdefault(alias, name)
            if owner != name:
                said = f"the name {alias} belongs to {owner} already; write another one, or remove it"
                faults.error(("names", name, "aliases", position), said)
    return found


def build_waiting(raw: Mapping[str, Any]) -> Waiting:
    paces = tuple(
        Pace(float(pace["every_s"]), None if pace.get("until_s") is None else float(pace["until_s"]))
        for pace in raw["poll"]
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
        name: Parameters(faults).build(name, part or {}, ("parameters", name))
        for name, part in (raw.get("parameters") or {}).items()
    }
    check_names(parameters, ("parameters",), faults)
    rules = tuple(
        Rules(parameters, faults).build(rule, ("rules", position))
        for position, rule in enumerate(raw.get("rules") or [])
    )
    prices = raw.get("price")
    entries = (
        [(("price",), prices)]
        if isinstance(prices, Mapping)
        else [(("price", position), price) for position, price in enumerate(prices or [])]
    )
    by_rule = {name for rule in rules for name, limits in rule.then.items() if limits.default is not UNSET}
    pricer = Prices(parameters, faults)
    pricer.settled = by_rule
    model = Model(
        id=model_id,
        title=raw.get("title", model_id),
        kind=raw["kind"],
        result=raw.get("result", kind["result"]),
        endpoint=endpoint,
        slug=raw.get("slug", model_id),
        parameters=parameters,
        rules=rules,
        prices=tuple(pricer.build(price, path) for path, price in entries),
        tariffs={name: pricer.build(price, ("tariffs", name)) for name, price in (raw.get("tariffs") or {}).items()},
        waiting=build_waiting(kind),
        money=money,
        all_tariffs=tariffs,
        examples=tuple(
            Example(
                example["call"],
                example["sends"],
                example.get("price") or {},
                {**(example.get("tokens") or {}), **(example.get("quantities") or {})},
                example.get("on", ""),
            )
            for example in raw.get("examples") or []
        ),
        aliases=aliases,
        accepts_other=raw.get("accepts_other", False),
        context_tokens=raw.get("context_tokens"),
        output_tokens=raw.get("output_tokens"),
        media=names(raw.get("media")),
        advice=names(raw.get("advice")),
        note=raw.get("note", ""),
        retired_on=raw.get("retired_on", ""),
        replaced_by=raw.get("replaced_by", ""),
        source=build_source(raw),
        input_schema=build_input_schema(
            raw.get("title", model_id), parameters, raw.get("accepts_other", False), has_places=endpoint.shape != "task"
        ),
    )
    for name in model.tariffs:
        if name not in tariffs:
            faults.error(
                ("tariffs", name),
                f"there is no tariff {name}{nearest(name, tariffs) or ';'} there are: {', '.join(tariffs)}",
            )
    for name, parameter in parameters.items():
        if parameter.send_always and parameter.default is UNSET and name not in by_rule:
            faults.error(("parameters", name, "send_always"), "send_always sends the default, and there is none")
    _check_shared_wires(model, faults)
    _check_dates(model.prices, faults)
    return model


def _check_shared_wires(model: Model, faults: Faults) -> None:
    """Two parameters may go under one wire name only where a rule keeps them apart."""
    apart = [
        [name for group in rule.groups for name in group]
        for rule in model.rules
        if rule.kind in ("excludes", "exactly-one") and rule.when is None
    ]
    senders: Dict[str, str] = {}
    for name, parameter in model.parameters.items():
        first = senders.setdefault(parameter.wire, name)
        if first != name and not any(first in names_ and name in names_ for names_ in apart):
            rule = f"{{kind: excludes, of: [{first}, {name}]}}"
            faults.error(("parameters", name), f"{first} is sent as {parameter.wire} too; add the rule {rule}")
    if model.endpoint.shape == "task":
        return
    for name, parameter in model.parameters.items():
        inside = next((other for place, other in senders.items() if place.startswith(f"{parameter.wire}.")), None)
        if inside is not None:
            message = (
                f"{inside} is sent inside {parameter.wire}; a place that holds others cannot be a parameter itself"
            )
            faults.error(("parameters", name), message)


def _check_dates(prices: Sequence[Price], faults: Faults) -> None:
    for position, (before, price) in enumerate(zip(prices, prices[1:]), 1):
        if not price.valid_from or price.valid_from <= before.valid_from:
            faults.error(("price", position), "each further price needs a valid_from later than that of the one before")
    for position, price in enumerate(prices):
        if price.valid_until and price.valid_from and price.valid_until < price.valid_from:
            where: Path = ("price", position) if len(prices) > 1 else ("price",)
            faults.error((*where, "valid_until"), "it ends before it begins")
