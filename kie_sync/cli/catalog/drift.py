"""`catalog drift`: entries held against the platform's own pages; nothing is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Set, Tuple

import click

from ...catalog import Catalog
from ...definitions import Model
from ...errors import KieConfigError, KieNotFoundError
from ...pages.drift import Difference, find_differences
from ...pages.reading import Page
from ..exits import BAD_INPUT
from ..run import Run, common_options, print_json
from ..tables import counted
from .sources import Source, page_options, read_all, read_sources

_DIFFERS = 1


@click.command()
@click.argument("pages", metavar="[PAGE]...", nargs=-1)
@page_options
@common_options
@click.pass_context
def drift(ctx: click.Context, pages: Tuple[str, ...], fetch: bool) -> None:
    """Compare catalog entries with the platform's own pages.

    PAGE is what `catalog import` takes: files, folders, or, with --fetch, addresses and model ids. --fetch alone asks
    the platform for the schema of every model of the catalog that makes tasks. Differences are told by model: a value
    that is new, a limit that is another, a parameter that has gone. What a page does not state is not compared, and
    nothing is ever written. Exits with 1 when something differs, with 2 when a page cannot be read.
    """
    run = ctx.find_object(Run) or Run()
    if not pages and not fetch:
        raise click.UsageError(
            "name a page, a file or a folder of pages; or --fetch, to ask the platform for each model"
        )
    catalog = run.load_catalog()
    found: Dict[str, List[Difference]] = {}
    sources: List[Source] = []
    faults: List[str] = []
    names = pages or _task_slugs(catalog)
    if not pages:
        run.say(f"asking the platform about {len(names)} models, one after another")
    for name in names:
        try:
            sources += read_sources(catalog, [name], fetch=fetch)
        except KieNotFoundError:
            gone = Difference("", "gone", True, None, "the platform does not know this model")
            found[name] = [gone]
        except KieConfigError as error:
            faults.append(error.message)
    described, more = read_all(sources)
    faults += more
    unknown = _compare(catalog, described, found)
    _report(run, len(described), found, unknown, faults)
    if faults:
        ctx.exit(BAD_INPUT)
    if unknown or any(found.values()):
        ctx.exit(_DIFFERS)


def _task_slugs(catalog: Catalog) -> List[str]:
    return [model.slug for model in catalog.values() if model.endpoint.shape == "task" and not model.retired_on]


def _compare(
    catalog: Catalog, described: List[Tuple[Source, Page]], found: Dict[str, List[Difference]]
) -> Dict[str, str]:
    """Fills `found` by model id; gives the ids that the catalog has not, with their pages."""
    by_slug: Dict[str, List[Model]] = {}
    for model in catalog.values():
        by_slug.setdefault(model.slug, []).append(model)
    unknown: Dict[str, str] = {}
    seen: Set[Tuple[str, str]] = set()
    for _, page in described:
        for slug in (page.model_id, *page.others):
            if slug not in by_slug:
                unknown.setdefault(slug, page.where)
            for model in by_slug.get(slug, ()):
                listed = found.setdefault(model.id, [])
                for difference in find_differences(model, page):
                    # The same page in two languages says a thing twice.
                    if (model.id, difference.text) not in seen:
                        seen.add((model.id, difference.text))
                        listed.append(difference)
    return unknown


def _report(
    run: Run, count: int, found: Dict[str, List[Difference]], unknown: Dict[str, str], faults: List[str]
) -> None:
    differing = {model_id: listed for model_id, listed in found.items() if listed}
    if run.as_json:
        told: Dict[str, Any] = {model_id: [vars(each) for each in listed] for model_id, listed in differing.items()}
        print_json({"pages": count, "models": told, "unknown": unknown, "faults": faults})
    else:
        for model_id, listed in differing.items():
            click.echo(model_id)
            for each in listed:
                click.echo(f"  {each.text}")
        for model_id, where in unknown.items():
            click.echo(f"{model_id}\n  not in the catalog; to enter it: kie-sync catalog import {where}")
    for fault in faults:
        run.warn(fault)
    total = sum(len(listed) for listed in differing.values())
    agree = len(found) - len(differing)
    words = (
        f"{counted(Decimal(count), 'page')} read; {counted(Decimal(agree), 'model')} agree{'s' if agree == 1 else ''}",
        f"{len(differing)} differ{'s' if len(differing) == 1 else ''} in {counted(Decimal(total), 'point')}",
        f"{len(unknown)} {'is' if len(unknown) == 1 else 'are'} new",
    )
    run.say(", ".join(words))
