"""`batch report`: what was spent, estimate against consumption, and the prices that are wrong."""

from __future__ import annotations

import csv
import io
import json
import shlex
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import click

from ...batch.page import lasting
from ...batch.report import Report, StalePrice, explains, read_records, stale_prices
from ...batch.report_page import rate, write_report
from ...batch.tally import Tally
from ...catalog import Catalog
from ...catalog_repricing import cells, in_force
from ...clock import SystemClock
from ...errors import KieError
from ...figures import tidy
from ...pricing import estimate
from ...records import STATES, Record
from ..dates import read_instant
from ..run import Run, as_json, common_options, journal_option, print_json
from ..tables import amount, print_table
from .recorded import no_such_batch, records_of

_COLUMNS = (
    "calls",
    "success",
    "failed",
    "unknown",
    "rate",
    "estimated",
    "consumed",
    "not said",
    "beyond",
    "p50",
    "p95",
)
_SHOWN_PAIRS = 3


@dataclass(frozen=True)
class _Stale:
    """A wrong price, with where it stands, and how to put it right."""

    price: StalePrice
    place: str
    command: str

    def __str__(self) -> str:
        differences = self.price.differences
        pairs = [
            f"{amount(each.estimated)} estimated, {amount(each.consumed)} taken ({_calls(each.calls)}, "
            f"the last {each.last.id[:12]})"
            for each in differences[:_SHOWN_PAIRS]
        ]
        pairs += [f"{len(differences) - _SHOWN_PAIRS} more"] if len(differences) > _SHOWN_PAIRS else []
        where = f" [{self.place}]" if self.place else ""
        return f"{self.price.model}{where}: {'; '.join(pairs)}; put it right: {self.command}"


@click.command()
@click.argument("name", required=False)
@click.option("--since", metavar="DATE", callback=read_instant, help="Only calls since this day or instant (UTC).")
@click.option(
    "--by", type=click.Choice(("model", "day", "batch")), default="model", show_default=True, help="A row for each."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV; what is not known is empty.")
@click.option("--html", "html", metavar="FILE", help="Also write a page with plots; it needs no network.")
@journal_option
@common_options
@click.pass_obj
def report(run: Run, name: Optional[str], since: Optional[str], by: str, as_csv: bool, html: Optional[str]) -> None:
    """Say what was spent, by model, day or batch, and which prices are wrong.

    \b
    kie-sync batch report                      everything on record, by model
    kie-sync batch report NAME --by day        one batch, by day (UTC)
    kie-sync batch report --html report.html   a page with plots

    Read from the journal alone, calls outside batches too. Amounts are platform credits. Estimated: what the
    paid calls were expected to cost; consumed: what the platform says it took; not said: paid calls of which
    nobody has said it, which add nothing; beyond: taken beyond the estimate, over the calls of which both are
    known; rate: successes among the tasks that have ended; p50, p95: within so long half, and 95 %, of the
    successes were done. Calls of unknown outcome add nothing until the platform
    has said what they took. With --json all three tables are printed.
    """
    if as_csv and run.as_json:
        raise click.UsageError("--csv and --json are two forms of the same; say one of them")
    journal = run.open_journal()
    found = read_records(records_of(journal, name, since=_seconds(since)))
    if name is not None and not found.total.calls and not any(records_of(journal, name)):
        raise no_such_batch(journal, name)
    stale = _stale_prices(run, found)
    if html is not None:
        title = f"Batch {name}" if name is not None else "Calls to KIE.ai"
        write_report(Path(html), found, title=title + _from(since), stale=[str(each) for each in stale])
    if run.as_json:
        print_json(_facts(found, since, stale))
    elif as_csv:
        _print_csv(found, by)
    else:
        _print(run, found, by, stale)
    if as_csv:
        for each in stale:
            run.warn(f"the catalog's price is not what the platform takes: {each}")
    if not found.total.calls:
        run.say(f"no calls on record in {journal.path}{_from(since)}")
    if html is not None:
        run.say(f"the page is {html}")


def _from(since: Optional[str]) -> str:
    return f" since {since[:10] if since.endswith('T00:00:00Z') else since}" if since else ""


def _seconds(since: Optional[str]) -> float:
    if since is None:
        return 0.0
    return datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def _print(run: Run, found: Report, by: str, stale: Sequence[_Stale]) -> None:
    tallies = found.tallies(by)
    if tallies:
        rows = [(key or "(none)", *_cells(tally)) for key, tally in tallies]
        print_table((by, *_COLUMNS), [*rows, ("all", *_cells(found.total))], numbers=_COLUMNS)
    total = found.total
    if total.count("unknown"):
        more = f", and {total.at_stake_unpriced} of unknown price" if total.at_stake_unpriced else ""
        at_stake = f"perhaps paid: {amount(total.at_stake)} credits{more}"
        click.echo(
            f"{_calls(total.count('unknown'))} of unknown outcome, {at_stake}; `kie-sync reconcile` compares balances"
        )
    if total.unpriced:
        click.echo(f"{_calls(total.unpriced)} paid without a known price, which the estimate leaves out")
    for each in stale:
        click.echo(f"wrong price: {each}")


def _calls(count: int) -> str:
    return f"{count} call{'' if count == 1 else 's'}"


def _cells(tally: Tally) -> Tuple[str, ...]:
    counts = (tally.calls, *(tally.count(state) for state in ("success", "failed", "unknown")))
    estimated = amount(tally.estimated) + (f" +{tally.unpriced}?" if tally.unpriced else "")
    amounts = (estimated, amount(tally.consumed), str(tally.unsaid))
    beyond = "" if tally.difference is None else amount(tally.difference)
    times = (lasting(tally.duration(0.5)), lasting(tally.duration(0.95)))
    return (*map(str, counts), rate(tally), *amounts, beyond, *times)


def _print_csv(found: Report, by: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in Tally().to_dict() if name != "states"]
    writer.writerow([by, *STATES, *names])
    for key, tally in found.tallies(by):
        facts = tally.to_dict()
        counts = [tally.count(state) for state in STATES]
        writer.writerow([key, *counts, *(as_json(_plain(facts[name])) for name in names)])
    click.echo(text.getvalue(), nl=False)


def _plain(value: Any) -> Any:
    return tidy(value) if isinstance(value, Decimal) else value


def _facts(found: Report, since: Optional[str], stale: Sequence[_Stale]) -> Dict[str, Any]:
    tables = {
        f"by_{by}": [{by: key or None, **_tally(tally)} for key, tally in found.tallies(by)]
        for by in ("model", "day", "batch")
    }
    return {"since": since, "total": _tally(found.total), **tables, "wrong_prices": [_price(each) for each in stale]}


def _tally(tally: Tally) -> Dict[str, Any]:
    return {name: _plain(value) for name, value in tally.to_dict().items()}


def _price(stale: _Stale) -> Dict[str, Any]:
    differences = [
        {
            "credits_estimated": tidy(each.estimated),
            "credits_consumed": tidy(each.consumed),
            "calls": each.calls,
            "last_id": each.last.id,
        }
        for each in stale.price.differences
    ]
    return {
        "model": stale.price.model,
        "place": stale.place or None,
        "command": stale.command,
        "differences": differences,
    }


def _stale_prices(run: Run, found: Report) -> List[_Stale]:
    """The prices that are wrong by today's catalog; the catalog is read only where figures differ."""
    if not any(found.differences(model) for model in found.by_model):
        return []
    catalog, today = run.load_catalog(), SystemClock().date()

    def is_explained(record: Record) -> bool:
        then = datetime.fromtimestamp(record.created_at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        # Arguments too large to be kept (see the journal) are not there: the defaults would be another call.
        for on in (then, today) if record.given != "{}" else ():
            try:
                cost = estimate(catalog[record.model], json.loads(record.given), on=on)
            except KieError:
                # The entry takes other arguments by now: it says nothing of this call.
                continue
            if record.consumed is not None and explains(cost, record.consumed):
                return True
        return False

    # An entry that is gone cannot be put right.
    known = [price for price in stale_prices(found, is_explained) if price.model in catalog]
    return [_Stale(price, _place(catalog, price.model), _command(run, catalog, price, today)) for price in known]


def _place(catalog: Catalog, model: str) -> str:
    """File and line of the price, where the catalog says one."""
    raw = catalog.raw(model)
    mark = getattr(raw, "key_marks", {}).get("price")
    return f"{mark.file}:{mark.line}" if mark is not None and mark.file else ""


def _command(run: Run, catalog: Catalog, price: StalePrice, today: str) -> str:
    """The command that puts it right: with the figure, where the price is one figure and all calls agree."""
    stated = catalog.raw(price.model).get("price") or []
    prices = stated if isinstance(stated, list) else [stated]
    at = in_force(prices, today)
    found = cells(prices[at]) if at >= 0 else []
    words = ["kie-sync", "catalog", "price", price.model]
    if (
        len(found) == 1
        and price.ratio is not None
        and isinstance(found[0].amount, (int, Decimal))
        and all(_is_todays(catalog, each.last, today) for each in price.differences)
    ):
        words += ["--set", f"{found[0].name}={amount(found[0].amount * price.ratio)}"]
    words += [word for path in run.catalogs for word in ("--catalog", path)]
    words += ["--no-user-catalog"] if run.is_shipped_only else []
    return " ".join(shlex.quote(word) for word in words)


def _is_todays(catalog: Catalog, record: Record, today: str) -> bool:
    """Whether the call was expected to cost what the catalog says today: only then does its error tell of that."""
    try:
        cost = estimate(catalog[record.model], json.loads(record.given), on=today)
    except KieError:
        return False
    return cost.platform_credits is not None and cost.platform_credits == record.price
