"""`catalog new`: a new entry, asked for step by step or copied from a neighbour."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Mapping, Optional, Sequence

import click

from ...catalog import Catalog
from ...catalog_extends import OWN
from ...catalog_repricing import plain
from ...clock import SystemClock
from ...definitions import FILE_TYPES, KINDS
from ...params import nearest
from ...pricing import price_on
from ...yamledit import CannotEdit, put
from ...yamlfile import read_yaml
from ..exits import BAD_INPUT
from ..run import Run, common_options, print_json
from .writing import Draft, faults, lay_over, read_text, read_with, target

# What a person is asked for; lists and objects are written by hand.
_TYPES = ("text", "integer", "number", "boolean", *FILE_TYPES)
_UNITS = {"image": "image", "video": "video", "audio": "audio", "music": "audio", "upscale": "image", "tool": "request"}
_TOKENS = "1m_tokens"
# Of a neighbour's entry: what somebody read, or found out, about that one only.
_CLEARED = (*OWN, "advice")


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--like", metavar="NEIGHBOUR", help="Copy this model's entry, instead of asking.")
@click.option("--title", metavar="TEXT", help="A name for people.")
@click.option("--kind", type=click.Choice(KINDS), help="What it makes.")
@click.option("--endpoint", metavar="NAME", help="How it is called; kie-task for what makes files on KIE.ai.")
@click.option("--source", metavar="TEXT", help="Where its limits can be read.")
@click.option("--file", "named", metavar="FILE", help="Write into this file; else into your own.")
@click.option("--dry-run", is_flag=True, help="Show the entry, and write nothing.")
@common_options
@click.pass_context
def new(
    ctx: click.Context,
    model_id: str,
    like: Optional[str],
    title: Optional[str],
    kind: Optional[str],
    endpoint: Optional[str],
    source: Optional[str],
    named: Optional[str],
    dry_run: bool,
) -> None:
    """Write a new model into a catalog file.

    Asks step by step: title, kind, endpoint, source, parameters, price; what an option says is not asked
    for. Or takes over what a neighbour has, with --like: its parameters, rules and amounts. What belongs to
    the neighbour alone (its source and date, its examples) is left out. Then the check runs, and says what is
    still to be filled in.
    """
    run = ctx.find_object(Run) or Run()
    lay_over(run, named)
    catalog = read_with(run)
    if model_id in catalog or any(problem.model == model_id for problem in catalog.errors):
        raise click.UsageError(f"there is a model {model_id} already; `kie-sync show {model_id}` shows it")
    given = {"title": title, "kind": kind, "endpoint": endpoint, "source": source}
    stated = {word: text for word, text in given.items() if text is not None}
    _check_endpoint(catalog, endpoint)
    today = SystemClock().date()[:10]
    if like is not None:
        entry = _copied(catalog, like, model_id, stated)
    elif run.as_json:
        raise click.UsageError("--json asks no questions; name a neighbour with --like")
    else:
        entry = _asked(catalog, stated, today)
    if entry.get("source"):
        beside = ("title", "kind", "endpoint", "source")
        head = {word: entry[word] for word in beside if word in entry}
        entry = {**head, "checked": today, **{word: part for word, part in entry.items() if word not in beside}}
    draft = _draft(run, model_id, named, entry)
    after = read_with(run, {"models": {model_id: entry}})
    found = list(faults(after, [model_id]))
    broken = [text for text, is_warning in found if not is_warning]
    todo = [text.partition(f"{model_id}: ")[2] or text for text, is_warning in found if is_warning]
    if not broken and not dry_run:
        draft.write()
    _report(run, model_id, draft, broken, todo, is_written=not broken and not dry_run)
    if broken:
        ctx.exit(BAD_INPUT)


def _check_endpoint(catalog: Catalog, endpoint: Optional[str]) -> None:
    if endpoint is not None and endpoint not in catalog.endpoints:
        hint = nearest(endpoint, catalog.endpoints) or ";"
        raise click.UsageError(f"there is no endpoint {endpoint}{hint} there are: {', '.join(catalog.endpoints)}")


# ---- a neighbour's entry ----


def _copied(catalog: Catalog, like: str, model_id: str, stated: Mapping[str, str]) -> Dict[str, Any]:
    """What a neighbour has, under another id."""
    neighbour = catalog[like]
    raw = {word: part for word, part in plain(catalog.raw(like)).items() if word not in _CLEARED}
    if "price" in raw:
        raw["price"] = _price_in_force(raw["price"], neighbour.prices, neighbour)
    return {"title": _title(model_id), **raw, **stated}


def _price_in_force(raw: Any, prices: Sequence[Any], neighbour: Any) -> Dict[str, Any]:
    """The price of today, without what says where and when it was read."""
    listed = raw if isinstance(raw, list) else [raw]
    now = price_on(tuple(prices), SystemClock().date())
    at = prices.index(now) if now in prices else len(listed) - 1
    left_out = ("source", "checked", "valid_from", "valid_until", "observed", "note")
    return {word: part for word, part in listed[at].items() if word not in left_out}


def _title(model_id: str) -> str:
    words = model_id.replace("/", " ").replace("-", " ").replace("_", " ").split()
    return " ".join(word if word[:1].isdigit() else word[:1].upper() + word[1:] for word in words)


# ---- step by step ----


def _asked(catalog: Catalog, stated: Mapping[str, str], today: str) -> Dict[str, Any]:
    entry: Dict[str, Any] = {}
    entry["title"] = stated.get("title") or click.prompt("Title, a name for people", err=True).strip()
    entry["kind"] = stated.get("kind") or click.prompt("Kind, what it makes", type=click.Choice(KINDS), err=True)
    is_chat = entry["kind"] == "chat"
    fitting = [name for name, each in catalog.endpoints.items() if (each.shape == "task") is not is_chat]
    entry["endpoint"] = stated.get("endpoint") or click.prompt(
        "Endpoint, how it is called", type=click.Choice(fitting), default=fitting[0], err=True
    )
    source = stated.get("source") or _prompt("Source, the page that you read (empty: fill it in later)")
    if source:
        entry["source"] = source
    parameters = _ask_parameters(catalog)
    if parameters:
        entry["parameters"] = parameters
    entry["price"] = _ask_price(entry["kind"], parameters, today)
    return entry


def _prompt(text: str, default: str = "") -> str:
    return str(click.prompt(text, default=default, show_default=bool(default), err=True)).strip()


def _ask_parameters(catalog: Catalog) -> Dict[str, Dict[str, Any]]:
    click.echo("Parameters, one after the other; an empty name ends the list.", err=True)
    click.echo("Names that mean the same everywhere: prompt, images, aspect_ratio, resolution, duration, ...", err=True)
    found: Dict[str, Dict[str, Any]] = {}
    while True:
        name = _prompt("  Parameter, our name")
        if not name:
            return found
        if name in catalog.aliases:
            click.echo(f"  {name} is called {catalog.aliases[name]} everywhere; taken as that", err=True)
            wire, name = name, catalog.aliases[name]
        else:
            wire = name
        if name in found:
            click.echo(f"  {name} is in the list already", err=True)
            continue
        found[name] = _ask_parameter(name, wire)


def _ask_parameter(name: str, wire: str) -> Dict[str, Any]:
    parameter: Dict[str, Any] = {}
    wire = _prompt("    The platform's name for it", wire)
    if wire != name:
        parameter["wire"] = wire
    values = [
        part.strip() for part in _prompt("    Allowed values, with commas (empty: any)").split(",") if part.strip()
    ]
    if values:
        parameter["values"] = [_value(part) for part in values]
    else:
        usual = name if name in FILE_TYPES else "text"
        parameter["type"] = click.prompt(
            "    Type", type=click.Choice(_TYPES), default=usual, show_choices=True, err=True
        )
    if click.confirm("    Must it be given?", default=name == "prompt", err=True):
        parameter["required"] = True
    else:
        default = _prompt("    What the platform takes when it is not given (empty: nothing)")
        if default:
            parameter["default"] = _value(default)
    return parameter


def _value(text: str) -> Any:
    """A value as our files read it: 5 is a number, 16:9 and on are text."""
    return read_yaml(f"[{text}]", "")[0] if not set(text) & set("[]{}#,&*!|>'\"%@`") else text


def _ask_price(kind: str, parameters: Mapping[str, Mapping[str, Any]], today: str) -> Dict[str, Any]:
    unit = _TOKENS if kind == "chat" else click.prompt("Price for each", default=_UNITS[kind], err=True).strip()
    price: Dict[str, Any] = {"unit": unit}
    if unit == _TOKENS:
        sides = {side: _figure(f"  Credits for 1M {side} tokens (empty: not known)") for side in ("input", "output")}
        if None in sides.values():
            return {**price, "unknown": "not entered yet"}
        price["credits"] = sides
    else:
        tables = [name for name, each in parameters.items() if each.get("values")]
        by = (
            _prompt(f"Does it go by a parameter ({', '.join(tables)})? Which (empty: one figure for all)")
            if tables
            else ""
        )
        if by in tables:
            table = {
                str(value): _figure(f"  Credits for {by} {value} (empty: unknown)")
                for value in parameters[by]["values"]
            }
            price.update(by=by, credits={value: "unknown" if part is None else part for value, part in table.items()})
        else:
            figure = _figure("Credits (empty: not known)")
            if figure is None:
                return {**price, "unknown": "not entered yet"}
            price["credits"] = figure
    source = _prompt("Where you read the price (empty: fill it in later)")
    return {**price, **({"source": source, "checked": today} if source else {})}


def _figure(text: str) -> Optional[Any]:
    while True:
        given = _prompt(text)
        if not given:
            return None
        value = _value(given)
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and value >= 0:
            return value
        click.echo(f"  {given} is no figure; write it as 20 or 7.5", err=True)


# ---- into the file ----


def _draft(run: Run, model_id: str, named: Optional[str], entry: Mapping[str, Any]) -> Draft:
    file = target(run, named, None)
    text = read_text(file)
    data = plain(read_yaml(text, str(file))) or {}
    if model_id in (data.get("models") or {}):
        raise click.UsageError(f"{file} has an entry {model_id} already")
    try:
        edited = put(text, ("models", model_id), entry)
        if plain(read_yaml(edited, "")) != {**data, "models": {**(data.get("models") or {}), model_id: entry}}:
            raise CannotEdit("the file is written in a way that this command cannot change")
    except CannotEdit as error:
        raise click.UsageError(f"{file}: {error}; name another file with --file") from error
    return Draft(file, text, edited)


def _report(run: Run, model_id: str, draft: Draft, broken: List[str], todo: List[str], *, is_written: bool) -> None:
    if run.as_json:
        about = {"model": model_id, "file": str(draft.file), "is_written": is_written}
        print_json({**about, "diff": draft.show(), "errors": broken, "to_fill_in": todo})
        return
    click.echo(draft.show(), nl=False)
    for text in broken:
        run.warn(text)
    if broken:
        run.say("the entry does not pass the check, so nothing was written")
        return
    run.say(f"{model_id}: {'written into ' + str(draft.file) if is_written else 'a dry run, nothing was written'}")
    for text in todo:
        run.say(f"to fill in: {text}")
