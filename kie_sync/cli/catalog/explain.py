"""`catalog explain`: an entry in sentences."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import click

from ...catalog import Catalog
from ...catalog_lookup import find_parameter
from ...clock import SystemClock
from ...definitions import Model
from ...errors import KieInputError, Problem
from ...params import find_name, nearest
from ..run import Run, common_options, print_json
from ..tables import wrapped
from ..words import parameter_rows
from .sentences import about_model, about_parameter, about_prices


@click.command()
@click.argument("target", metavar="MODEL[.PARAMETER]")
@common_options
@click.pass_context
def explain(ctx: click.Context, target: str) -> None:
    """Say in sentences what an entry means, and where it stands.

    What the model makes, what may be given and what follows from it, what it costs and who says so, each
    with the file and line where it can be changed. With MODEL.PARAMETER, such as
    nano-banana-pro.resolution: that parameter only, with the rules and prices that it decides.
    """
    run = ctx.find_object(Run) or Run()
    catalog = run.load_catalog(asked=target)
    model, path = _sought(catalog, target)
    if path is not None:
        told = [about_parameter(catalog, model, path)]
        if run.as_json:
            print_json({"model": model.id, "parameters": told})
        else:
            _print_placed(told)
        return
    about = about_model(catalog, model)
    told = [about_parameter(catalog, model, name) for name, _ in parameter_rows(model.parameters)]
    prices = about_prices(catalog, model, SystemClock().date())
    if run.as_json:
        print_json({"model": model.id, "sentences": about, "parameters": told, "price": prices})
        return
    _print("", about)
    click.echo("\nWhat may be given" if told else "\nNothing may be given.")
    _print_placed(told)
    click.echo("\nWhat it costs" if prices else "\nThe catalog has no price for it.")
    _print_placed(prices)


def _sought(catalog: Catalog, target: str) -> Tuple[Model, Optional[str]]:
    """The model, and the parameter's path, that somebody means; ids hold dots as well."""
    if target in catalog or "." not in target:
        return catalog[target], None
    parts = target.split(".")
    heads = [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]
    head = next((head for head in heads if head in catalog), None)
    if head is None:
        return catalog[target], None
    model, wanted = catalog[head], target[len(head) + 1 :]
    path, parameter = find_parameter(model.parameters, find_name(model.parameters, wanted, model.aliases) or wanted)
    if parameter is None:
        known = [name for name, _ in parameter_rows(model.parameters)]
        hint = nearest(wanted, known) or ";"
        message = f"{wanted} is not a parameter of this model{hint} it has: {', '.join(known) or 'none'}"
        raise KieInputError(model.id, [Problem("unknown", wanted, message)])
    return model, path


def _print_placed(told: List[Dict[str, Any]]) -> None:
    for each in told:
        click.echo(f"\n{each['name']} ({each['file']}:{each['line']})")
        _print("  ", each["sentences"])


def _print(start: str, sentences: List[str]) -> None:
    for sentence in sentences:
        for line in wrapped(sentence, start):
            click.echo(line)
