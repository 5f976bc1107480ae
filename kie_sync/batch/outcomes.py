"""From what is on record of a row to its `RowResult`; and where its files go."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Optional

from ..client import KieClient
from ..errors import KieError
from ..records import Record
from ..response import QueryTaskResponse
from ..targets import parse_target, safe_name
from .planned import BadRow, PlannedRow
from .results import UNWRITTEN, RowResult


def result_of(client: KieClient, row: PlannedRow, record: Record, error: str = "") -> RowResult:
    """What became of a row that was sent; `error` is what went wrong beside what is on record."""
    provider = client.catalog.providers.get(record.provider)
    hours = 0.0 if provider is None else float(provider.results_live_hours)
    lives = hours and record.finished_at is not None and record.urls
    if record.is_empty:
        error = error or "the task succeeded, and there is nothing in it"
    return RowResult(
        row.number,
        row.line,
        row.key,
        row.model,
        record.state,
        given=row.given,
        task_id=record.task_id,
        files=tuple(record.files[url] for url in record.urls if url in record.files),
        urls=record.urls,
        expires_at=record.finished_at + hours * 3600 if lives and record.finished_at is not None else None,
        price=record.price,
        consumed=record.consumed,
        created_at=record.created_at,
        finished_at=record.finished_at,
        duration_s=record.duration_s,
        error=error or record.fail_msg or record.message,
        columns=row.columns,
        data={} if record.urls else record.result,
    )


def not_sent(row: PlannedRow, state: str, error: str) -> RowResult:
    """A row that nothing was sent for."""
    return RowResult(
        row.number,
        row.line,
        row.key,
        row.model,
        state,
        given=row.given,
        price=row.price,
        error=error,
        columns=row.columns,
    )


def unwritten(
    row: PlannedRow, task_id: str, state: Optional[QueryTaskResponse], error: Optional[KieError]
) -> RowResult:
    """A row whose task the journal could not write down: what is known of it; `state` is that of a success."""
    text = UNWRITTEN + (f": {error.message}" if error is not None else "")
    found = not_sent(row, "accepted" if state is None else "success", text)
    if state is None:
        return replace(found, task_id=task_id)
    return replace(
        found,
        task_id=task_id,
        urls=state.result_urls,
        consumed=state.credits_consumed,
        duration_s=state.duration_s,
        data={} if state.result_urls else state.result,
    )


def bad(row: BadRow) -> RowResult:
    """A row that cannot be bought."""
    return RowResult(row.number, row.line, "", row.model, "bad", error=row.reasons, columns=row.columns)


class Shelf:
    """Where files of rows go.

    Args:
        out: a folder, made where it is missing, or a pattern of names.
        is_keyed: name files after the rows' keys.
    """

    def __init__(self, out: str, *, is_keyed: bool) -> None:
        self._out, self._is_keyed = out, is_keyed
        self._is_pattern = "{" in out or "}" in out
        self.folder = parse_target(out if self._is_pattern else os.path.join(out, "")).folder

    def target(self, row: PlannedRow) -> str:
        """The place for a row's files, as `Result.save` takes it."""
        if self._is_pattern:
            return self._out
        if not self._is_keyed:
            return os.path.join(self._out, "")
        word = safe_name(row.key.rpartition(":")[0])
        return os.path.join(self._out, word + "-{n}.{ext}")

    def holds(self, record: Record) -> bool:
        """Whether everything of a task is in this folder already."""
        if self._is_pattern or not record.urls:
            return False
        return all(_is_in(self.folder, record.files.get(url)) for url in record.urls)


def _is_in(folder: Path, path: Optional[str]) -> bool:
    try:
        return path is not None and os.path.getsize(path) > 0 and Path(path).parent.resolve() == folder.resolve()
    except OSError:
        return False
