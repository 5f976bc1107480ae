"""`catalog import`: from the platform's own pages to entries that are ready for review."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import click

from ...catalog import Catalog, read_catalog
from ...catalog_places import layers
from ...clock import SystemClock
from ...definitions import KINDS
from ...errors import CatalogProblem, KieConfigError, KieUnknownModelError
from ...pages.drafting import Draft, draft_entry, title_of
from ...pages.reading import Page
from ...pages.samples import example_for
from ...pages.writing import entry_lines
from ..run import Run, common_options, print_json
from .appending import HEAD, append_entries
from .sources import Source, page_options, read_all, read_sources, source_of

_TASK_KINDS = [kind for kind in KINDS if kind != "chat"]


@dataclass
class _New:
    """An entry on its way: what is written, and what to look at."""

    model_id: str
    entry: Dict[str, Any]
    doubts: Dict[Tuple[str, ...], List[str]] = field(default_factory=dict)
    page: Optional[Page] = None

    def lines(self) -> List[str]:
        return entry_lines(self.model_id, self.entry, self.doubts)


@click.command(name="import")
@click.argument("pages", metavar="PAGE...", nargs=-1, required=True)
@page_options
@click.option("--file", "target", metavar="FILE", help="Add the entries to this catalog file of yours; else to stdout.")
@click.option("--kind", type=click.Choice(_TASK_KINDS), help="What the models make, where the pages do not say it.")
@click.option("--source", "said_source", metavar="TEXT", help="Where the pages are from, for the entries' source.")
@click.option("--skip-known", is_flag=True, help="Leave out models that the catalog has.")
@common_options
@click.pass_obj
def import_(
    run: Run,
    pages: Tuple[str, ...],
    fetch: bool,
    target: Optional[str],
    kind: Optional[str],
    said_source: Optional[str],
    skip_known: bool,
) -> None:
    """Write catalog entries from the platform's own documentation pages.

    PAGE is a saved page of the market (Markdown with an OpenAPI block: the page's address with .md at its end), the
    answer of the platform's GET /api/v1/models/MODEL/schema, a folder of such files, or - for standard input.
    Names, limits and defaults are taken from the page; the price is left unknown. What was guessed, or must be looked
    at, stands beside it as a TODO. A model that the catalog has is refused: `catalog drift` compares it.
    """
    catalog = run.load_catalog()
    sources = read_sources(catalog, pages, fetch=fetch)
    found, faults = read_all(sources)
    wanted, more = _new_ones(run, catalog, found, skip_known=skip_known)
    if faults or more:
        raise KieConfigError("\n".join([*faults, *more]))
    if not wanted:
        run.say("no new model")
        return
    entries = [each for source, page in wanted for each in _drafts(catalog, source, page, kind, said_source)]
    _add_examples(run, entries)
    problems = _check(run, entries)[1]
    if run.as_json:
        todo = {each.model_id: {".".join(path): words for path, words in each.doubts.items()} for each in entries}
        models = {each.model_id: each.entry for each in entries}
        print_json({"models": models, "todo": todo, "problems": [vars(problem) for problem in problems]})
    if target is not None:
        append_entries(Path(target), [each.lines() for each in entries], [each.model_id for each in entries])
    elif not run.as_json:
        click.echo("\n".join([*HEAD, "\n\n".join("\n".join(each.lines()) for each in entries)]))
    for problem in problems:
        run.warn(f"{problem.path}: {problem.message}")
    count = sum(len(words) for each in entries for words in each.doubts.values())
    names = ", ".join(each.model_id for each in entries)
    where = f" written to {target}" if target is not None else ""
    run.say(f"{names}:{where or ' not written to a file (--file)'}; {count} places to look at, marked TODO")
    if target is not None:
        run.say(f"then: kie-sync catalog check {target}")


def _new_ones(
    run: Run, catalog: Catalog, found: Sequence[Tuple[Source, Page]], *, skip_known: bool
) -> Tuple[List[Tuple[Source, Page]], List[str]]:
    """Pages whose model the catalog lacks, each model once, and what is wrong with the others."""
    slugs = {model.slug: model.id for model in catalog.values()}
    new: List[Tuple[Source, Page]] = []
    faults: List[str] = []
    seen: Set[str] = set()
    for source, page in found:
        known = [
            slugs.get(name, name) for name in (page.model_id, *page.others) if _has(catalog, name) or name in slugs
        ]
        if known and skip_known:
            continue
        if known:
            names = ", ".join(known)
            faults.append(
                f"{page.where}: {names}: the catalog has this model, and import changes no entry; to compare: "
                f"kie-sync catalog drift {source.where}"
            )
        elif page.model_id in seen:
            run.warn(f"{page.where}: {page.model_id} is described twice; the first counts")
        elif not _endpoint(catalog, page):
            ways = ", ".join(f"{e.name} ({e.path})" for e in catalog.endpoints.values() if e.shape == "task")
            faults.append(f"{page.where}: {page.model_id} is called by POST {page.path}, and the catalog knows: {ways}")
        else:
            seen.add(page.model_id)
            new.append((source, page))
    return new, faults


def _has(catalog: Catalog, model_id: str) -> bool:
    """Whether there is an entry, be it a broken one."""
    try:
        catalog.raw(model_id)
    except (KeyError, KieUnknownModelError):
        return False
    return True


def _endpoint(catalog: Catalog, page: Page) -> str:
    """The way of calling that a page describes; "" where the catalog has none like it."""
    found = (name for name, each in catalog.endpoints.items() if each.shape == "task" and each.path == page.path)
    return next(found, "")


def _drafts(
    catalog: Catalog, source: Source, page: Page, kind: Optional[str], said_source: Optional[str]
) -> List[_New]:
    """The entry of a page; with one more, that extends it, for each further id that the page names."""
    today = SystemClock().date()[:10]
    read_at = said_source or source_of(catalog, source, page)
    draft: Draft = draft_entry(
        page, catalog.names, endpoint=_endpoint(catalog, page), source=read_at, checked=today, kind=kind
    )
    entries = [_New(page.model_id, draft.entry, draft.doubts, page)]
    for other in page.others:
        title = f"{title_of(page)} ({other})"
        heir = {"extends": page.model_id, "title": title, "source": read_at, "checked": today}
        doubts: Dict[Tuple[str, ...], List[str]] = {
            (): ["the page names this id beside the other; is it the same in everything?"]
        }
        entries.append(_New(other, heir, doubts, page))
    return entries


def _add_examples(run: Run, entries: Sequence[_New]) -> None:
    built, _ = _check(run, entries)
    for each in entries:
        if each.model_id not in built or each.page is None:
            continue
        example, words = example_for(built[each.model_id], each.page.example)
        if example:
            each.entry["examples"] = [example]
        if words:
            each.doubts["examples" if example else "price",] = words


def _check(run: Run, entries: Sequence[_New]) -> Tuple[Catalog, List[CatalogProblem]]:
    """The catalog with these entries, and what is wrong with them."""
    ids = {each.model_id for each in entries}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "new.yaml"
        file.write_text("\n".join([*HEAD, *(line for each in entries for line in each.lines())]), encoding="utf-8")
        over = [layer.path for layer in layers(*run.catalogs, use_environment=not run.is_shipped_only)]
        built = read_catalog(*over, file)
        return built, [problem for problem in built.errors if problem.model in ids or problem.file == str(file)]
