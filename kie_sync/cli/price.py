"""`price` and `plans`: what a call costs, and what credits cost."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import click

from ..clock import SystemClock
from ..definitions import Model
from ..local_files import stage
from ..params import find_name
from ..pricing import CostEstimate, estimate
from .arguments import argument_options, read_arguments
from .dates import on_option
from .pricetable import is_by_tokens, notes_of, price_at, show_credits, token_rates
from .run import Run, common_options, print_json
from .tables import amount, counted, print_table


@click.command()
@argument_options
@click.option("--input-tokens", type=click.IntRange(min=0), help="Tokens that go in.")
@click.option("--output-tokens", type=click.IntRange(min=0), help="Tokens that come out.")
@click.option("--count", type=click.IntRange(min=0), help="How many results.")
@click.option("--tariff", metavar="NAME", help="Only this tariff; without it all are shown, and --json has the first.")
@on_option
@common_options
@click.pass_obj
def price(
    run: Run,
    model_id: str,
    prompt: Optional[str],
    pairs: Tuple[str, ...],
    input_tokens: Optional[int],
    output_tokens: Optional[int],
    count: Optional[int],
    tariff: Optional[str],
    on: Optional[str],
) -> None:
    """Say what a call costs; no key, no prompt.

    Give what the price goes by: `kie-sync price MODEL -p resolution=2K`, or --input-tokens and
    --output-tokens for a chat model. -p also takes what is no parameter, such as duration_seconds,
    input_seconds or cached_input_tokens. Credits, dollars and yuan are the price in a tariff,
    which your own users pay; what the platform takes stands beside them. --on asks what it cost, or
    will cost, on another day.
    """
    model = run.load_catalog(asked=model_id)[model_id]
    # A price may go by how many files there are; what is in them does not matter here.
    given = dict(stage(model, read_arguments(model, prompt, pairs)).given)
    given.update(_quantities(model, on, input_tokens=input_tokens, output_tokens=output_tokens, count=count))
    now = on or SystemClock().date()
    found = estimate(model, given, tariff=tariff, on=now)
    lacks_tokens = is_by_tokens(model, on) and not any(name.endswith("_tokens") for name in given)
    if run.as_json:
        rates = {"rates_per_1m_tokens": _rates(model, found.tariff, on)} if lacks_tokens else {}
        print_json({**found.to_dict(), **rates})
        return
    shown = [found] if tariff else [estimate(model, given, tariff=name, on=now) for name in model.all_tariffs]
    if lacks_tokens:
        _print_rates(model, [each.tariff for each in shown], on)
    else:
        _print_estimates(shown)
    for note in notes_of(shown):
        click.echo(f"- {note}")


def _quantities(model: Model, on: Optional[str], *, count: Optional[int], **tokens: Optional[int]) -> Dict[str, int]:
    given = {name: number for name, number in tokens.items() if number is not None}
    by_tokens, price = is_by_tokens(model, on), price_at(model, on)
    if given and price is not None and not by_tokens:
        words = " and ".join(f"--{name.replace('_', '-')}" for name in given)
        raise click.UsageError(f"{words}: the price of {model.id} does not go by tokens; it is for each {price.unit}")
    if count is not None:
        has_count = find_name(model.parameters, "count", model.aliases) is not None
        if by_tokens and not has_count:
            raise click.UsageError(
                f"--count: the price of {model.id} goes by tokens; use --input-tokens, --output-tokens"
            )
        given["count" if has_count else "result_count"] = count
    return given


def _rates(model: Model, tariff: str, on: Optional[str]) -> Dict[str, Any]:
    return {
        name[: -len("_tokens")]: estimates[tariff].credits
        for _, given, estimates in token_rates(model, on)
        for name in given
    }


def _print_rates(model: Model, tariffs: List[str], on: Optional[str]) -> None:
    click.echo(f"{model.id}: credits for 1M tokens; --input-tokens and --output-tokens give the price of a call")
    rows = [
        (text, *(show_credits(estimates[name]) for name in tariffs)) for text, _, estimates in token_rates(model, on)
    ]
    print_table(("for", *tariffs), rows, numbers=tariffs)


def _print_estimates(shown: List[CostEstimate]) -> None:
    columns = ("tariff", "credits", "US$", "CNY", "platform credits")
    rows = [
        (each.tariff, show_credits(each), amount(each.usd), amount(each.cny), amount(each.platform_credits))
        for each in shown
    ]
    click.echo(shown[0].model)
    print_table(columns, rows, numbers=columns[1:])
    for each in shown:
        for item in each.items:
            quantity, credits = counted(item.quantity, item.unit), counted(item.credits, "credit")
            click.echo(f"{each.tariff}: {item.text}: {quantity}, {credits}")
        if each.unknown:
            click.echo(f"{each.tariff}: not known: {each.unknown}")


@click.command()
@common_options
@click.pass_obj
def plans(run: Run) -> None:
    """List the packages of credits that are sold."""
    found = run.load_catalog().plans.values()
    if run.as_json:
        print_json([{**vars(plan), "source": plan.source.source, "checked": plan.source.checked} for plan in found])
        return
    rows = [
        (plan.name, plan.title, plan.title_zh, plan.seller, f"{plan.credits:f}", f"{plan.price:f} {plan.currency}")
        for plan in found
    ]
    print_table(("plan", "title", "名称", "seller", "credits", "price"), rows, numbers=("credits", "price"))
