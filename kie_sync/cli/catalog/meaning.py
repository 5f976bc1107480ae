"""What differs between two catalogs, in words for people: prices in per cent, values that went, limits that moved."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ...catalog import Catalog
from ...catalog_lookup import LIMITS
from ...definitions import UNSET, Model, Parameter, Price
from ...errors import KieCatalogError
from ...pricing import price_on
from ...values import key_of
from ..words import parameter_rows, price_lines, rule_sentence

_LIMITS = ("type", "required", "default", "constant", "wire", "aliases", "send_as", "send_always", *LIMITS, "schemes")
_FACTS = ("title", "kind", "result", "slug", "accepts_other", "context_tokens", "output_tokens", "media", "note")
_SECTIONS = ("providers", "endpoints", "tariffs", "plans")


@dataclass(frozen=True)
class Change:
    """One difference: of what sort, in words, and the two figures where there are two."""

    sort: str
    text: str
    old: Any = None
    new: Any = None


def differences(old: Catalog, new: Catalog, now: str) -> Dict[str, List[Change]]:
    """Every difference by model, and those of what models share; `now` is the instant whose prices are compared."""
    found: Dict[str, List[Change]] = {"money": list(_record_changes(old.money, new.money))}
    for section in _SECTIONS:
        before, after = getattr(old, section), getattr(new, section)
        for name in dict.fromkeys((*before, *after)):
            title = f"{section[:-1]} {name}"
            if name not in after or name not in before:
                found[title] = [Change("gone", "gone") if name not in after else Change("new", "new")]
            else:
                found[title] = list(_record_changes(before[name], after[name]))
    for model_id in _ids(old, new):
        (was, fault_before), (now_is, fault_now) = _model(old, model_id), _model(new, model_id)
        if fault_now and fault_now != fault_before:
            found[model_id] = [Change("broken", f"cannot be read: {fault_now}")]
        elif was is None or now_is is None:
            found[model_id] = list(_come_or_gone(was, now_is, model_id, new, fault_before, now))
        else:
            found[model_id] = list(model_changes(was, now_is, now))
    return {name: changes for name, changes in found.items() if changes}


def _ids(*catalogs: Catalog) -> List[str]:
    """All ids, those that cannot be read as well."""
    broken = [problem.model for catalog in catalogs for problem in catalog.errors if problem.model]
    return list(dict.fromkeys([*catalogs[0], *catalogs[1], *broken]))


def _model(catalog: Catalog, model_id: str) -> Tuple[Optional[Model], str]:
    try:
        return catalog[model_id], ""
    except KieCatalogError as error:
        return None, "; ".join(problem.message for problem in error.problems)
    except KeyError:
        return None, ""


def _come_or_gone(
    was: Optional[Model], is_now: Optional[Model], model_id: str, new: Catalog, fault: str, now: str
) -> Iterator[Change]:
    if is_now is not None:
        price = price_on(is_now.prices, now)
        text = "; ".join(line["text"] for line in price_lines(price)[:1]) if price else "no price"
        yield Change("new", "can be read again" if fault else f"new model: {is_now.title} ({is_now.kind}, {text})")
    elif was is not None:
        mark = new.hidden.get(model_id)
        yield Change("hidden", f"hidden by {mark.file}:{mark.line}") if mark else Change("gone", "model gone")


def model_changes(old: Model, new: Model, now: str) -> Iterator[Change]:
    """What differs in one model."""
    yield from _fate(old, new)
    for word in _FACTS:
        before, after = getattr(old, word), getattr(new, word)
        if before != after:
            yield _moved(word.replace("_", " "), before, after)
    if old.endpoint.name != new.endpoint.name:
        yield _moved("endpoint", old.endpoint.name, new.endpoint.name)
    yield from _parameter_changes(old, new)
    yield from _sentences(
        "rule", [rule_sentence(rule) for rule in old.rules], [rule_sentence(rule) for rule in new.rules]
    )
    yield from _sentences("advice", list(old.advice), list(new.advice))
    yield from price_changes("price", price_on(old.prices, now), price_on(new.prices, now))
    yield from _announced(old, new, now)
    for name in dict.fromkeys((*old.tariffs, *new.tariffs)):
        yield from price_changes(f"{name} price", old.tariffs.get(name), new.tariffs.get(name))


def _fate(old: Model, new: Model) -> Iterator[Change]:
    if old.retired_on != new.retired_on:
        instead = "" if new.replaced_by in ("", "none") else f"; use {new.replaced_by}"
        text = f"model retired on {new.retired_on}{instead}" if new.retired_on else "model not retired any more"
        yield Change("retired", text, old.retired_on or None, new.retired_on or None)
    elif old.replaced_by != new.replaced_by:
        yield _moved("replaced by", old.replaced_by, new.replaced_by)


# ---- parameters ----


def _parameter_changes(old: Model, new: Model) -> Iterator[Change]:
    before, after = dict(parameter_rows(old.parameters)), dict(parameter_rows(new.parameters))
    for path in dict.fromkeys((*before, *after)):
        if path in before and path in after:
            yield from _limit_changes(path, before[path], after[path])
            continue
        # What is inside of something that came or went came or went with it.
        parent = path.rpartition(".")[0].rstrip("[]")
        if not parent or (parent in before and parent in after):
            known, word = (before, "gone") if path in before else (after, "new")
            required = ", required" if word == "new" and known[path].required else ""
            yield Change("parameter", f"parameter {path} {word}{required}")


def _limit_changes(path: str, old: Parameter, new: Parameter) -> Iterator[Change]:
    before, after = _choices(old), _choices(new)
    if before is None or after is None:
        if (before is None) != (after is None):
            listed = "any value" if after is None else ", ".join(after)
            yield Change("values", f"{path}: now {listed}", list(before or ()), list(after or ()))
    else:
        for word, names in (
            ("gone", [name for name in before if name not in after]),
            ("new", [name for name in after if name not in before]),
        ):
            if names:
                yield Change("values", f"{path} {', '.join(names)} {word}", list(before), list(after))
        for name in before:
            if name in after and before[name] != after[name]:
                yield _moved(f"{path} {name} on the wire", before[name], after[name])
    for limit in _LIMITS:
        if getattr(old, limit) != getattr(new, limit):
            yield _moved(f"{path} {limit.replace('_', ' ')}", getattr(old, limit), getattr(new, limit))
    if old.items is not None and new.items is not None and old.items.fields is None and new.items.fields is None:
        yield from _limit_changes(f"{path}[]", old.items, new.items)


def _choices(parameter: Parameter) -> Optional[Dict[str, Any]]:
    if parameter.values is None:
        return None
    return {key_of(choice.value): choice.wire for choice in parameter.values}


def _sentences(what: str, old: List[str], new: List[str]) -> Iterator[Change]:
    for text in old:
        if text not in new:
            yield Change(what, f"{what} gone: {text}")
    for text in new:
        if text not in old:
            yield Change(what, f"{what} new: {text}")


# ---- prices ----


def price_changes(label: str, old: Optional[Price], new: Optional[Price]) -> Iterator[Change]:
    """What differs between two prices, amount by amount; one line where all moved alike."""
    if old is None or new is None:
        if old is not new:
            yield Change("price", f"{label} {'gone' if new is None else 'new'}: {_all_of(old or new)}")
        return
    before, after = ({line["when"]: line for line in price_lines(price)} for price in (old, new))
    steps = {_step(before[when], after[when]) for when in before if when in after}
    if len(steps) == 1 and "" not in steps and set(before) == set(after) and len(before) > 1:
        amounts = ", ".join(f"{before[when]['amount']} -> {after[when]['amount']}" for when in before)
        pair = [[line["amount"] for line in lines.values()] for lines in (before, after)]
        yield Change("price", f"{label} {steps.pop()}, all amounts ({amounts})", *pair)
        return
    for when in dict.fromkeys((*before, *after)):
        what = f"{label} of {when}" if when else label
        if when not in after or when not in before:
            known, word = (before, "gone") if when in before else (after, "new")
            yield Change("price", f"{what} {word} ({known[when]['text']})")
        elif before[when]["text"] != after[when]["text"]:
            yield _amount_change(what, before[when], after[when])


def _amount_change(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    step = _step(old, new)
    text = f"{what} {step} ({old['amount']} -> {new['text']})" if step else f"{what}: {old['text']} -> {new['text']}"
    return Change("price", text, old.get("amount"), new.get("amount"))


def _step(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """How much an amount moved, in per cent; nothing where it did not, or the two cannot be compared."""
    before, after = old.get("amount"), new.get("amount")
    is_same_unit = old.get("unit") == new.get("unit") and old.get("currency") == new.get("currency")
    if not before or after is None or not is_same_unit or before == after:
        return ""
    step = ((after / before - 1) * 100).quantize(Decimal("0.1"), ROUND_HALF_EVEN).normalize()
    return f"{step:+f} %"


def _announced(old: Model, new: Model, now: str) -> Iterator[Change]:
    before, after = ({p.valid_from: p for p in model.prices if p.valid_from > now} for model in (old, new))
    for day in dict.fromkeys((*before, *after)):
        if day not in after:
            yield Change("price", f"announced price of {day} gone")
        else:
            yield from price_changes(f"price from {day}", before.get(day) or price_on(new.prices, now), after[day])


def _all_of(price: Optional[Price]) -> str:
    return (
        "; ".join(line["text"] + (f" ({line['when']})" if line["when"] else "") for line in price_lines(price)[:3])
        if price
        else ""
    )


# ---- anything else ----


def _record_changes(old: Any, new: Any) -> Iterator[Change]:
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        # A part of its own, such as an endpoint's provider, is told where it stands; a source is no meaning.
        if before != after and not is_dataclass(before):
            yield _moved(field.name.replace("_", " "), before, after)


def _moved(what: str, old: Any, new: Any) -> Change:
    return Change("changed", f"{what} {_show(old)} -> {_show(new)}", _plain(old), _plain(new))


def _plain(value: Any) -> Any:
    return None if value is UNSET else value


def _show(value: Any) -> str:
    if value is None or value is UNSET or value in ("", (), []):
        return "none"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_show(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_show(part) for part in value)
    return key_of(value)
