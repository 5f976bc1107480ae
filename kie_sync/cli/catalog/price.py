"""`catalog price`: a changed price, added with its date."""

from __future__ import annotations

import datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple

import click

from ...catalog import Catalog
from ...catalog_repricing import CannotReprice, cells, change, dated, in_force, plain
from ...clock import SystemClock
from ...definitions import Example, Model
from ...errors import KieInputError
from ...params import resolve
from ...pricing import quote
from ...yamledit import CannotEdit, insert_item, make_list, put
from ...yamlfile import read_yaml
from ..dates import read_instant
from ..exits import BAD_INPUT
from ..run import Run, common_options, print_json
from ..tables import print_table
from .writing import Draft, entries, lay_over, new_errors, read_text, read_with, target

SOURCE = "entered by hand"


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.option("--set", "wanted", metavar="NAME=AMOUNT", multiple=True, help="A new amount; may be repeated.")
@click.option(
    "--from", "begins", metavar="DATE", callback=read_instant, help="When it begins (UTC); today if not said."
)
@click.option("--source", metavar="TEXT", default=SOURCE, show_default=True, help="Where you read it.")
@click.option("--file", "named", metavar="FILE", help="Write into this file; else where the price stands.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
@common_options
@click.pass_context
def price(
    ctx: click.Context,
    model_id: str,
    wanted: Tuple[str, ...],
    begins: Optional[str],
    source: str,
    named: Optional[str],
    dry_run: bool,
) -> None:
    """Change a price, by adding a new one with its date.

    \b
    kie-sync catalog price MODEL                       which amounts there are
    kie-sync catalog price MODEL --set credits=20      a price that is one figure
    kie-sync catalog price MODEL --set 4K=30           one cell of a table; 1080p/10 in a table of two levels
    kie-sync catalog price MODEL --set input=120       tokens of one kind, for a chat model

    The old price stays, for the calls of its time, and examples that show it get its date. Comments, order
    and layout of the file stay as they are. Files of the installed package are not touched: the price then
    goes into your own file (`kie-sync catalog files`). Nothing is written that does not pass the check.
    """
    run = ctx.find_object(Run) or Run()
    lay_over(run, named)
    before = read_with(run)
    # Broken or unknown: the error of its own.
    before[model_id]
    old = _prices_of(before, model_id)
    now = SystemClock().date()
    instant = begins or f"{now[:10]}T00:00:00Z"
    at = in_force(old, instant)
    if at < 0:
        raise click.UsageError(f"{model_id} has no price {f'on {instant[:10]}' if old else 'at all'}; {_BY_HAND}")
    if not wanted:
        _list(run, model_id, old[at])
        return
    try:
        changed = change(old[at], wanted)
    except CannotReprice as error:
        raise click.UsageError(f"{model_id}: --set {error}") from error
    if changed == old[at]:
        run.say(f"{model_id}: these amounts hold already; nothing to write")
        return
    day = instant[:10] if instant.endswith("T00:00:00Z") else instant
    prices, place, is_put_right = dated(old, at, changed, day=day, source=source, checked=now[:10])
    entry: Dict[str, Any] = {"price": prices}
    after = read_with(run, {"models": {model_id: entry}})
    examples = _dated_examples(before, after, model_id, instant, now)
    if examples is not None:
        entry["examples"] = examples
        after = read_with(run, {"models": {model_id: entry}})
    draft = _draft(run, model_id, named, entry, None if is_put_right else place)
    touched = [name for name in before if name not in after or _prices_of(before, name) != _prices_of(after, name)]
    broken = new_errors(before, after, sorted({model_id, *touched}))
    if broken:
        for text in broken:
            run.warn(text)
        run.say("the new price does not pass the check, so nothing was written")
        ctx.exit(BAD_INPUT)
    if not dry_run:
        draft.write()
    _report(run, model_id, draft, old[at], changed, day, dry_run)
    if before[model_id].tariffs:
        names = " and ".join(before[model_id].tariffs)
        run.say(f"what the tariff {names} asks for it stays as it is; `tariffs` in its entry states that")


_BY_HAND = "write price: {unit: ..., credits: ..., source: ..., checked: ...} into its entry"


def _prices_of(catalog: Catalog, model_id: str) -> List[Dict[str, Any]]:
    found = plain(catalog.raw(model_id).get("price"))
    return found if isinstance(found, list) else [found] if found else []


def _list(run: Run, model_id: str, price: Mapping[str, Any]) -> None:
    found = cells(price)
    if run.as_json:
        print_json({"model": model_id, "amounts": [{"name": cell.name, "amount": cell.amount} for cell in found]})
    elif found:
        print_table(("name", "amount"), [(cell.name, str(cell.amount)) for cell in found], numbers=("amount",))
        run.say(f"`kie-sync catalog price {model_id} --set {found[0].name}=...` changes one")
    else:
        run.say(f"no amount is known: {price.get('unknown', '')}; --set credits=... states one")


def _dated_examples(before: Catalog, after: Catalog, model_id: str, instant: str, now: str) -> Optional[List[Any]]:
    """The examples, with a day for those that show the old price; None when none needs one."""
    if model_id not in after:
        return None
    day = min((datetime.date.fromisoformat(instant[:10]) - datetime.timedelta(days=1)).isoformat(), now[:10])
    examples, has_changed = plain(before.raw(model_id).get("examples") or []), False
    for example, raw in zip(before[model_id].examples, examples):
        shows_old = any(
            _quote(before[model_id], example, tariff, now) == stated
            and _quote(after[model_id], example, tariff, max(now, instant)) != stated
            and _quote(after[model_id], example, tariff, f"{day}T00:00:00Z") == stated
            for tariff, stated in example.price.items()
        )
        if shows_old and not example.on:
            raw["on"], has_changed = day, True
    return examples if has_changed else None


def _quote(model: Model, example: Example, tariff: str, on: str) -> Any:
    try:
        arguments = resolve(model, example.call)
        return quote(model, arguments, tariff=tariff, quantities=example.quantities, on=on).credits
    except KieInputError as error:
        return str(error)


def _draft(run: Run, model_id: str, named: Optional[str], entry: Mapping[str, Any], place: Optional[int]) -> Draft:
    """The file with the new price. `place` is where it stands in the list, None where it took another's place."""
    found = entries(run, model_id)
    holder = next((each for each in found if "price" in each.raw), found[-1] if found else None)
    file = target(run, named, holder.file if holder is not None else None)
    later = found[: next((at for at, each in enumerate(found) if each.file.resolve() == file.resolve()), 0)]
    for each in later:
        if "price" in each.raw:
            run.warn(f"{each.file} comes later, states a price as well, and wins")
    text = read_text(file)
    try:
        return Draft(file, text, _edited(text, model_id, entry, place))
    except CannotEdit as error:
        raise click.UsageError(f"{file}: {error}; or name another file with --file") from error


def _edited(text: str, model_id: str, entry: Mapping[str, Any], place: Optional[int]) -> str:
    data = plain(read_yaml(text, ""))
    own = ((data or {}).get("models") or {}).get(model_id) or {}
    where, prices = ("models", model_id, "price"), list(entry["price"])
    stated = own.get("price")
    others = prices[:place] + prices[place + 1 :] if place is not None else None
    edited = text
    if isinstance(stated, dict) and others is not None and len(others) == 1 and set(stated) < set(others[0]):
        # Inherited in part: made whole where it stands, so that its comments stay.
        for word, value in others[0].items():
            if stated.get(word) != value:
                edited = put(edited, (*where, word), value)
        stated = others[0]
    if place is not None and stated is not None and others in (stated, [stated]):
        if not isinstance(stated, list):
            edited = make_list(edited, where)
        edited = insert_item(edited, where, place, prices[place])
    else:
        edited = put(edited, where, prices)
    examples = entry.get("examples")
    if examples is not None:
        mine = own.get("examples")
        if isinstance(mine, list) and len(mine) == len(examples):
            for position, example in enumerate(examples):
                if example != mine[position]:
                    edited = put(edited, ("models", model_id, "examples", position, "on"), example["on"])
        else:
            edited = put(edited, ("models", model_id, "examples"), examples)
    meant: Dict[str, Any] = {**(data or {})}
    meant["models"] = {**(meant.get("models") or {}), model_id: {**own, **entry}}
    if plain(read_yaml(edited, "")) != meant:
        raise CannotEdit(f"the entry of {model_id} is written in a way that this command cannot change")
    return edited


def _report(
    run: Run, model_id: str, draft: Draft, old: Mapping[str, Any], new: Mapping[str, Any], day: str, dry_run: bool
) -> None:
    amounts = {cell.name: cell.amount for cell in cells(old)}
    changes = [
        {"name": cell.name, "old": amounts.get(cell.name), "new": cell.amount}
        for cell in cells(new)
        if amounts.get(cell.name) != cell.amount
    ]
    if run.as_json:
        about = {"model": model_id, "from": day, "changes": changes, "diff": draft.show()}
        print_json({**about, "file": str(draft.file), "is_written": not dry_run})
        return
    click.echo(draft.show(), nl=False)
    words = "; ".join(f"{each['name']} {each['old']} -> {each['new']}" for each in changes)
    run.say(f"{model_id}: {words}, from {day}" + ("; a dry run, nothing was written" if dry_run else f"; {draft.file}"))
