"""An entry of the catalog in sentences: what it makes, each parameter, each price."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from ...catalog import Catalog
from ...catalog_lookup import find_parameter
from ...conditions import mentioned, root_of
from ...definitions import UNSET, Model, Parameter, Price
from ...pricing import price_on
from ...rules import mentions
from ...values import show
from ...yamlfile import Mark, mark_at
from ..words import allowed_of, names_of, price_lines, rule_sentence

_TYPES = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a structure of several values",
    "list": "a list",
    "any": "anything; it is sent as it is",
    "image": "an image: a URL or a local file",
    "images": "one or more images: URLs or local files",
    "video": "a video: a URL or a local file",
    "videos": "one or more videos: URLs or local files",
    "audio": "a sound: a URL or a local file",
    "audios": "one or more sounds: URLs or local files",
    "file": "a file: a URL or a local file",
    "files": "one or more files: URLs or local files",
}
_RESULTS = {
    "image": "images",
    "video": "videos",
    "audio": "sounds",
    "text": "text",
    "none": "nothing that can be saved",
}


def about_model(catalog: Catalog, model: Model) -> List[str]:
    """What a model makes, how it is called, where its entry stands, and what only prose can say."""
    own, *above = catalog.places(model.id)
    served = f"{model.endpoint.provider.title} serves it as {model.slug}"
    told = [
        f"{model.title} ({model.id}) makes {_RESULTS[model.result]}; its kind is {model.kind}.",
        f"{served}, called by the endpoint {model.endpoint.name}.",
        f"Its entry stands in {_at(own[1])}.",
    ]
    for name, mark in above:
        told.append(f"What it does not say itself comes from {name}, in {_at(mark)}.")
    if model.retired_on:
        instead = "nothing replaces it" if model.replaced_by == "none" else f"use {model.replaced_by} instead"
        told.append(f"It was withdrawn on {model.retired_on}, or before; {instead}.")
    told.append(_read("Its limits were read", model.source.source, model.source.checked))
    return [*told, *about_rules(model), *([f"Note: {model.note}"] if model.note else [])]


def about_rules(model: Model) -> List[str]:
    """What concerns no single parameter: rules, what else is sent, advice."""
    told = [f"Rule: {rule_sentence(rule)}." for rule in model.rules]
    told += ["Whatever else is given is sent on as it is."] if model.accepts_other else []
    return [*told, *(f"Advice: {text}" for text in model.advice)]


def about_parameter(catalog: Catalog, model: Model, path: str) -> Dict[str, Any]:
    """What may be given under a name, what is sent, what goes by it, and where it stands."""
    parameter = find_parameter(model.parameters, path)[1]
    return _placed(path, place_of(catalog, model, path), [] if parameter is None else _told(model, path, parameter))


def _told(model: Model, path: str, parameter: Parameter) -> List[str]:
    told = [f"{parameter.title.rstrip('.')}."] if parameter.title else []
    told += list(_allowed(parameter))
    others = names_of(path, parameter, model)
    told.append(
        f"It goes out as {parameter.wire}." if parameter.wire != parameter.name else "It goes out by this name."
    )
    told += [f"A caller may also call it {others}."] if others else []
    if "." not in path:
        told += [f"Rule: {rule_sentence(rule)}." for rule in model.rules if path in mentions(rule)]
        told += ["The price goes by it."] if any(path in _factors(price) for price in model.prices) else []
    told += [f"Note: {parameter.note}"] if parameter.note else []
    source = parameter.source
    return [*told, *([_read("This was read", source.source, source.checked)] if source.source else [])]


def _allowed(parameter: Parameter) -> Iterator[str]:
    if parameter.constant is not UNSET:
        yield f"It is always sent as {show(parameter.constant)}; a caller cannot set it."
        return
    must = "It must be given" if parameter.required else "It may be given"
    yield f"{must}: {_TYPES[parameter.type]}."
    allowed = allowed_of(parameter)
    if allowed:
        yield f"Allowed: {allowed}."
    if parameter.required:
        return
    if parameter.default is UNSET:
        yield "Without it, nothing is sent."
    elif parameter.send_always:
        yield f"Without it, {show(parameter.default)} is sent."
    else:
        yield f"Without it, nothing is sent, and the platform takes {show(parameter.default)}."


def about_prices(catalog: Catalog, model: Model, on: str) -> List[Dict[str, Any]]:
    """Each price: what it is, since when, who says so, and where it stands."""
    raw, now = catalog.raw(model.id), price_on(model.prices, on)
    found: List[Dict[str, Any]] = []
    for position, price in enumerate(model.prices):
        where: Tuple[Union[str, int], ...] = ("price", position) if len(model.prices) > 1 else ("price",)
        told = [f"{line['text']}{_if(line['when'])}." for line in price_lines(price)]
        told += [f"Asked for: {name}, {text}." for name, text in price.asks.items()]
        told += [
            f"Seen {seen.seen}, and not charged: {seen.text} credits, in {seen.source}." for seen in price.observed
        ]
        told += [f"Note: {price.note}"] if price.note else []
        told.append(_read("It was read", price.source.source, price.source.checked))
        found.append(_placed(_when(price, now, on), mark_at(raw, where), told))
    for name, price in model.tariffs.items():
        told = [f"{line['text']}{_if(line['when'])}." for line in price_lines(price)]
        told += [f"Note: {price.note}"] if price.note else []
        found.append(_placed(f"In the tariff {name}", mark_at(raw, ("tariffs", name)), told))
    return found


def _placed(name: str, mark: Mark, sentences: List[str]) -> Dict[str, Any]:
    return {"name": name, "file": mark.file, "line": mark.line, "sentences": sentences}


def _when(price: Price, now: Optional[Price], on: str) -> str:
    span = "".join(f" {word} {day}" for word, day in (("from", price.valid_from), ("until", price.valid_until)) if day)
    if price is now:
        return f"The price now{span}"
    return f"{'Announced' if price.valid_from > on else 'An earlier price'}{span}"


def _if(when: str) -> str:
    return f", for {when}" if when else ""


def _factors(price: Price) -> List[str]:
    found: List[str] = []
    for case in (price, *price.cases):
        seconds = case.seconds
        parts = [*case.by, case.pixels_by, *case.characters, *(name for extra in case.surcharges for name in extra.per)]
        parts += [seconds.parameter or "", seconds.divided_by or "", *seconds.media] if seconds is not None else []
        parts += [case.count.parameter or ""] if case.count is not None else []
        found += [root_of(part) for part in parts if part]
        found += sorted(mentioned(case.when))
    return found


def place_of(catalog: Catalog, model: Model, path: str) -> Mark:
    """Where a parameter stands in its file."""
    steps: List[Union[str, int]] = ["parameters"]
    for position, step in enumerate(path.split(".")):
        steps += ["fields"] if position else []
        steps += [step[:-2], "items"] if step.endswith("[]") else [step]
    return mark_at(catalog.raw(model.id), steps, key=True)


def _read(what: str, source: str, checked: str) -> str:
    if not source:
        return f"{what} somewhere; the entry does not say where (source)."
    return f"{what} in: {source}; last looked at on {checked}." if checked else f"{what} in: {source}."


def _at(mark: Mark) -> str:
    return f"{mark.file}:{mark.line}"
