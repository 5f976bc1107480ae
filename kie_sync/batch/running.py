"""A batch from its rows to its results: `plan` sends nothing, `run` buys what is not on record yet."""

from __future__ import annotations

import os
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Union

from ..budget import parse_credits
from ..client import KieClient
from ..errors import KieInputError, Problem
from ..values import show
from ..waiter import check_times
from .agenda import Agenda, set_agenda
from .columns import Columns, read_template
from .course import BatchResult, Course, Progress
from .engine import Engine
from .outcomes import Shelf
from .planned import Plan, check_name, fit_name
from .planning import Planner
from .purchasing import Buyer, RowTerms
from .purse import Purse
from .results import RowResult
from .rows import Row, read_any
from .tables import ResultFiles

Credits = Union[Decimal, int, str, None]
_NOTHING: Mapping[str, Any] = {}


def plan(
    rows: Any,
    *,
    client: KieClient,
    name: Optional[str] = None,
    model: Optional[str] = None,
    columns: Mapping[str, str] = _NOTHING,
    constants: Mapping[str, Any] = _NOTHING,
    prompt: Optional[str] = None,
    key: Optional[str] = None,
    ignore: Iterable[str] = (),
    max_per_row: Credits = None,
    allow_unknown_price: bool = False,
) -> Plan:
    """Check and price every row. Nothing is sent; of this machine only the files that rows name are read.

    Args:
        rows: a file's path (CSV, TSV, JSON lines, Excel), mappings, or a frame of pandas or polars; columns are
            parameters by any of their names, and `@model` is a row's own model.
        name: what the journal knows the batch by; a file's own name, where there is one.
        model: whose parameters they are, in rows without an `@model`.
        columns: the parameter behind a column, where it is called otherwise; several columns may make one list.
        constants: arguments of every row that does not say otherwise.
        prompt: a template, such as `a {colour} {animal}`.
        key: the column whose values name rows, so that a row is known again by that and its content.
        ignore: columns that mean nothing here.
        max_per_row: what a row may cost, in platform credits.
        allow_unknown_price: let rows pass whose price is not known.

    Returns:
        A plan; `Plan.check()` raises for what is wrong with it.

    Raises:
        KieInputError: the rows cannot be read, or are not even columns and values; or a setting is wrong.
    """
    if name is None and isinstance(rows, (str, os.PathLike)):
        name = fit_name(Path(rows).stem)
    template = None if prompt is None else read_template(prompt)
    read = Columns(model, dict(columns), dict(constants), template, key, frozenset(ignore))
    most = _credits("max_per_row", max_per_row)
    planner = Planner(client, read, max_per_row=most, allow_unknown_price=allow_unknown_price)
    return planner.plan(check_name(name), _as_rows(rows))


def _as_rows(rows: Any) -> Iterator[Row]:
    """Rows that were read already, as from a stream, are taken as they are."""
    if isinstance(rows, Iterator):
        first = next(rows, None)
        if first is None:
            return
        if isinstance(first, Row):
            yield first
            yield from rows
            return
        rows = chain([first], rows)
    yield from read_any(rows)


def _credits(name: str, value: Credits) -> Optional[Decimal]:
    credits = parse_credits(value)
    if value is not None and credits is None:
        text = f"{name} must be a number of credits, 0 or more, such as 12.5; got {show(value)}"
        raise KieInputError("batch", [Problem("type", name, text)])
    return credits


def run(
    rows: Any,
    *,
    client: KieClient,
    name: Optional[str] = None,
    model: Optional[str] = None,
    columns: Mapping[str, str] = _NOTHING,
    constants: Mapping[str, Any] = _NOTHING,
    prompt: Optional[str] = None,
    key: Optional[str] = None,
    ignore: Iterable[str] = (),
    out: Union[str, Path, None] = None,
    max_credits: Credits = None,
    max_per_row: Credits = None,
    allow_unknown_price: bool = False,
    skip_bad: bool = False,
    retry_failed: bool = False,
    only_failed: bool = False,
    rebuy_unknown: bool = False,
    limit: Optional[int] = None,
    account: Optional[str] = None,
    hold: Credits = None,
    tariff: Optional[str] = None,
    poll_interval: Optional[float] = None,
    max_wait_time: Optional[float] = None,
    on_result: Optional[Callable[[RowResult], None]] = None,
    on_progress: Optional[Callable[[Progress], None]] = None,
    agenda: Optional[Agenda] = None,
) -> BatchResult:
    """Make every row that is not on record yet, and fetch what was made. The same call again goes on.

    A row is paid once, however often it runs: it is known by its content, or by its key and its content. Ctrl-C once
    sends no row more and waits for those on their way; twice leaves at once, and all stays on record.
    Listeners find the batch's name and the row's number in the `context` of `TaskSubmitting` and `TaskCreated`.

    Args:
        rows: as for `plan`, or a `Plan`, in which the arguments up to `ignore` are already.
        client: with a journal; its limiter keeps the account's rate.
        name, model, columns, constants, prompt, key, ignore: what the rows mean, as for `plan`.
        out: a folder for files, `results.csv`, `results.jsonl` and `index.html`; or a pattern of names.
        max_credits: what the batch may take, in platform credits, earlier runs included; no row is sent beyond.
        skip_bad: make the others where some rows are wrong.
        retry_failed: buy rows anew that failed; `only_failed`: and nothing else.
        rebuy_unknown: buy rows anew of which it is not known whether they were paid. They may be paid twice.
        limit: buy at most so many rows.
        account, hold, tariff: as for `KieAdapter.generate`, for every row: who pays in the client's ledger.
        poll_interval, max_wait_time: seconds, for each task; the catalog's figures for its kind when not given.
        on_result: told of each row as it is dealt with.
        on_progress: told how far it is, after each row and from time to time.
        agenda: what `set_agenda` made of this plan.

    Raises:
        KieInputError: rows are wrong, each of them named with all its faults; nothing was sent.
        KieConfigError: the client has no journal, or `out` cannot be written.
        KeyboardInterrupt: Ctrl-C came twice.
    """
    check_times(poll_interval, max_wait_time)
    terms = RowTerms(_credits("max_per_row", max_per_row), allow_unknown_price, account, hold, tariff)
    most = _credits("max_credits", max_credits)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        text = f"limit must be a number of rows, 1 or more; got {show(limit)}"
        raise KieInputError("batch", [Problem("type", "limit", text)])
    meaning: Dict[str, Any] = {"name": name, "model": model, "columns": columns, "constants": constants}
    meaning.update(prompt=prompt, key=key, ignore=ignore)
    if isinstance(rows, Plan):
        planned = rows
        text = "a plan has its columns and its name already; give these to plan()"
        problems = [Problem("twice", word, f"{word}: {text}") for word, value in meaning.items() if value]
        if problems:
            raise KieInputError(f"batch {planned.name}", problems)
    else:
        planned = plan(rows, client=client, max_per_row=max_per_row, allow_unknown_price=allow_unknown_price, **meaning)
    planned.check(skip_bad=skip_bad)
    if agenda is None:
        agenda = set_agenda(
            client,
            planned,
            retry_failed=retry_failed,
            only_failed=only_failed,
            rebuy_unknown=rebuy_unknown,
            limit=limit,
        )
    shelf = None if out is None else Shelf(os.fspath(out), is_keyed=planned.is_keyed)
    purse = Purse(most, agenda.spent, allow_unknown_price=allow_unknown_price)
    buyer = Buyer(client, planned.name, purse, terms)
    engine = Engine(client, agenda, buyer, shelf, poll_interval=poll_interval, max_wait_time=max_wait_time)
    files = None if shelf is None else ResultFiles(shelf.folder)
    return Course(planned, agenda, engine, buyer, files, on_result, on_progress).run()
