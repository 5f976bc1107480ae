"""`models`, `show` and `schema`: what the catalog knows."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import click

from ..definitions import KINDS, Model, Price
from .dates import on_option
from .pricetable import MOST_ROWS, notes_of, price_at, price_table, show_credits
from .resolved import resolved_facts, resolved_yaml
from .run import Run, common_options, print_json
from .tables import print_table
from .words import allowed_of, default_of, names_of, parameter_facts, parameter_rows, price_lines, rule_sentence


@click.command()
@click.option("--kind", type=click.Choice(KINDS), help="Only models of this kind.")
@click.option("--search", metavar="TEXT", help="Only models with this text in their id or title.")
@on_option
@common_options
@click.pass_obj
def models(run: Run, kind: Optional[str], search: Optional[str], on: Optional[str]) -> None:
    """List the models.

    With --on, what the platform takes for each on that day stands beside it.
    """
    catalog = run.load_catalog()
    wanted = (search or "").casefold()
    found = [
        model
        for model in catalog.values()
        if (kind is None or model.kind == kind) and (wanted in model.id.casefold() or wanted in model.title.casefold())
    ]
    if run.as_json:
        print_json([{**_summary(model), **_price_of(model, on)} for model in found])
    elif found and on:
        rows = [(model.id, model.kind, *_price_of(model, on).values(), _retired(model)) for model in found]
        print_table(("model", "kind", f"platform's price on {on[:10]}", "source checked", "retired"), rows)
    elif found:
        rows = [(model.id, model.kind, model.title, _retired(model)) for model in found]
        print_table(("model", "kind", "title", "retired"), rows)
    else:
        run.say("no model fits; `kie-sync models` lists them all")


def _price_of(model: Model, on: Optional[str]) -> Dict[str, str]:
    """The platform's price on a day, in short; nothing when no day is asked for."""
    if on is None:
        return {}
    price = price_at(model, on)
    lines = [line for line in price_lines(price) if not line["text"].startswith("plus ")] if price else []
    texts = list(dict.fromkeys(line["text"] for line in lines)) or ["none"]
    amounts, units = [line["amount"] for line in lines if "amount" in line], {text.partition(" ")[2] for text in texts}
    if len(texts) > 1 and len(amounts) == len(lines) and len(units) == 1 and lines[0]["currency"] == "credits":
        texts = [f"{min(amounts)} to {max(amounts)} {units.pop()}"]
    elif len(texts) > 2:
        texts = [texts[0], f"{len(texts) - 1} more"]
    return {"price": "; ".join(texts), "price_checked": price.source.checked if price else ""}


def _summary(model: Model) -> Dict[str, Any]:
    return {
        "id": model.id,
        "title": model.title,
        "kind": model.kind,
        "provider": model.endpoint.provider.name,
        "retired_on": model.retired_on or None,
        "replaced_by": None if model.replaced_by in ("", "none") else model.replaced_by,
    }


def _retired(model: Model) -> str:
    if not model.retired_on:
        return ""
    instead = "" if model.replaced_by in ("", "none") else f"; use {model.replaced_by}"
    return f"since {model.retired_on}{instead}"


@click.command()
@click.argument("model_id", metavar="MODEL")
@common_options
@click.pass_obj
def schema(run: Run, model_id: str) -> None:
    """Print a model's wire input as JSON Schema."""
    print_json(run.load_catalog(asked=model_id)[model_id].input_schema)


@click.command()
@click.argument("model_id", metavar="MODEL")
@on_option
@click.option("--resolved", is_flag=True, help="Print its catalog entry whole, each value with FILE:LINE beside it.")
@common_options
@click.pass_obj
def show(run: Run, model_id: str, on: Optional[str], resolved: bool) -> None:
    """Show all that the catalog knows about a model.

    Its parameters with their limits and names on the wire, its rules in words, what each choice costs
    in every tariff, newer prices that were seen, notes, and where all this was read and when. A price that
    changes with time is shown as it is now, or on the day of --on; the others are listed with their dates.
    """
    catalog = run.load_catalog(asked=model_id)
    model = catalog[model_id]
    if resolved:
        if run.as_json:
            print_json(resolved_facts(catalog, model_id))
        else:
            click.echo(resolved_yaml(catalog, model_id), nl=False)
    elif run.as_json:
        print_json(_facts(model, on))
    else:
        _print(model, on)


def _facts(model: Model, on: Optional[str]) -> Dict[str, Any]:
    price = price_at(model, on)
    return {
        **_summary(model),
        "endpoint": model.endpoint.name,
        "parameters": [parameter_facts(path, parameter) for path, parameter in parameter_rows(model.parameters)],
        "rules": [rule_sentence(rule) for rule in model.rules],
        "context_tokens": model.context_tokens,
        "output_tokens": model.output_tokens,
        "media": model.media,
        "price": {
            "platform": price_lines(price) if price else [],
            "estimates": [
                {"given": given, **{name: show_credits(found) for name, found in estimates.items()}}
                for _, given, estimates in price_table(model, on)
            ],
            "notes": _price_notes(model, on),
            "dates": [{**_dates(each), "platform": price_lines(each)} for each in model.prices if _is_dated(model)],
            "observed": [vars(seen) for seen in price.observed] if price else [],
            "source": price.source.source if price else "",
            "checked": price.source.checked if price else "",
        },
        "note": model.note,
        "advice": model.advice,
        "source": model.source.source,
        "checked": model.source.checked,
    }


def _print(model: Model, on: Optional[str]) -> None:
    provider = model.endpoint.provider
    click.echo(f"{model.id}: {model.title} ({model.kind}, {provider.title}, {model.endpoint.name})")
    if model.retired_on:
        instead = "nothing takes its place" if model.replaced_by in ("", "none") else f"use {model.replaced_by}"
        click.echo(f"RETIRED on {model.retired_on}; {instead}")
    if model.context_tokens or model.output_tokens or model.media:
        context = f"{model.context_tokens:,} tokens of context" if model.context_tokens else ""
        out = f"{model.output_tokens:,} tokens out at most" if model.output_tokens else ""
        click.echo("; ".join(part for part in (context, out, ", ".join(model.media)) if part))
    _print_parameters(model)
    if model.rules:
        click.echo("\nRules")
        for rule in model.rules:
            click.echo(f"- {rule_sentence(rule)}")
    _print_price(model, on)
    notes = [*model.advice, *([model.note] if model.note else [])]
    if notes:
        click.echo("\nNotes")
        for note in notes:
            click.echo(f"- {note}")
    click.echo(f"\nSource: {model.source.source or 'not stated'} (checked {model.source.checked or 'never'})")


def _print_parameters(model: Model) -> None:
    click.echo("\nParameters")
    rows = [
        (path, names_of(path, each, model), each.type, default_of(each), allowed_of(each), each.note or each.title)
        for path, each in parameter_rows(model.parameters)
    ]
    print_table(("name", "also called", "type", "default", "allowed", "about"), rows)
    if model.accepts_other:
        click.echo("and any other name, which is sent as it stands")


def _print_price(model: Model, on: Optional[str]) -> None:
    price = price_at(model, on)
    click.echo(f"\nPrice on {on[:10]}" if on else "\nPrice")
    if price is None:
        click.echo("the catalog has none")
        return
    for line in price_lines(price):
        click.echo(f"{model.endpoint.provider.title}: {_line(line)}")
    lines = price_table(model, on)
    tariffs = list(model.all_tariffs)
    if lines:
        click.echo("credits by tariff:")
        rows = [(text, *(show_credits(estimates[name]) for name in tariffs)) for text, _, estimates in lines]
        print_table(("for", *tariffs), rows, numbers=tariffs)
    else:
        click.echo(f"by tariff: more than {MOST_ROWS} combinations; `kie-sync price {model.id} -p ...` answers for one")
    for note in _price_notes(model, on):
        click.echo(f"- {note}")
    for each in model.prices if _is_dated(model) else ():
        if (each.valid_from, each.valid_until) != (price.valid_from, price.valid_until):
            days = ", ".join(f"{word} {day}" for word, day in _dates(each).items() if day) or "before"
            click.echo(f"- {days}: {'; '.join(_line(line) for line in price_lines(each))}")
    click.echo(f"Source: {price.source.source or 'not stated'} (checked {price.source.checked or 'never'})")


def _line(line: Mapping[str, Any]) -> str:
    return f"{line['text']} ({line['when']})" if line["when"] else str(line["text"])


def _is_dated(model: Model) -> bool:
    return any(price.valid_from or price.valid_until for price in model.prices)


def _dates(price: Price) -> Dict[str, str]:
    return {"from": price.valid_from, "until": price.valid_until}


def _price_notes(model: Model, on: Optional[str]) -> List[str]:
    return notes_of(each for _, _, estimates in price_table(model, on) for each in estimates.values())
