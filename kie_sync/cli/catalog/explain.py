"""`catalog explain`: an entry in sentences."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import click

from ...catalog import Catalog
from ...catalog_lookup import find_parameter
from ...clock import SystemClock
from ...definitions import Model
from ...errors import KieInputError, KieUnknownModelError, Problem
from ...params import find_name, nearest
from ..run import Run, common_options, print_json
from ..tables import wrapped
from ..words import parameter_rows
from .bases import as_model
from .sentences import about_model, about_parameter, about_prices


@click.command()
@click.argument("target", metavar="MODEL[.PARAMETER]")
@common_options
@click.pass_context
def explain(ctx: click.Context, target: str) -> None:
    """Say in sentences what an entry means, and where it stands.

    What the model makes, what may be given and what follows from it, what it costs and who says so, each
    with the file and line where it can be changed. With MODEL.PARAMETER, such as
    nano-banana-pro.resolution: that parameter only, with the rules and prices that it decides. The name of a
    base, an entry that models extend, does as well.
    """
    run = ctx.find_object(Run) or Run()
    catalog = run.load_catalog(asked=target)
    name, wanted = _sought(catalog, target)
    is_base = name in catalog.bases and name not in catalog
    if is_base:
        catalog, model, about = as_model(run, catalog, name)
    else:
        model = _model(catalog, name)
        about = about_model(catalog, model)
    if wanted:
        told = [about_parameter(catalog, model, _path(name, model, wanted))]
        if run.as_json:
            print_json({"model": name, "parameters": told})
        else:
            _print_placed(told, is_first=True)
        return
    told = [about_parameter(catalog, model, name) for name, _ in parameter_rows(model.parameters)]
    prices = about_prices(catalog, model, SystemClock().date())
    if run.as_json:
        print_json({"model": name, "sentences": about, "parameters": told, "price": prices})
        return
    _print("", about)
    click.echo("\nWhat may be given" if told else "\nIt has no parameters." if is_base else "\nNothing may be given.")
    _print_placed(told)
    if is_base and not prices:
        return
    click.echo("\nWhat it costs" if prices else "\nThe catalog has no price for it.")
    _print_placed(prices)


def _sought(catalog: Catalog, target: str) -> Tuple[str, str]:
    """The model or base, and the parameter, that somebody means; ids hold dots as well."""
    parts = target.split(".")
    heads = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    head = next((head for head in heads if head in catalog or head in catalog.bases), target)
    return head, target[len(head) + 1 :]


def _model(catalog: Catalog, name: str) -> Model:
    try:
        return catalog[name]
    except KieUnknownModelError:
        hint = nearest(name, catalog.bases)
        if not hint or nearest(name, catalog):
            raise
        raise KieUnknownModelError(name, hint.lstrip("; ")) from None


def _path(name: str, model: Model, wanted: str) -> str:
    path, parameter = find_parameter(model.parameters, find_name(model.parameters, wanted, model.aliases) or wanted)
    if parameter is None:
        known = [path for path, _ in parameter_rows(model.parameters)]
        hint = nearest(wanted, [*known, *model.aliases]) or ";"
        message = f"{wanted} is not a parameter of this model{hint} it has: {', '.join(known) or 'none'}"
        raise KieInputError(name, [Problem("unknown", wanted, message)])
    return path


def _print_placed(told: List[Dict[str, Any]], *, is_first: bool = False) -> None:
    for each in told:
        click.echo(f"{'' if is_first else chr(10)}{each['name']} ({each['file']}:{each['line']})")
        _print("  ", each["sentences"])


def _print(start: str, sentences: List[str]) -> None:
    for sentence in sentences:
        for line in wrapped(sentence, start):
            click.echo(line)
