"""What became of a row of a batch, and how a row is named in the journal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Mapping, Optional, Tuple

NAME = re.compile(r"[\w.-]{1,80}")
# In the error of a row whose task is in no journal.
UNWRITTEN = "the journal could not be written; the task is paid"
_KEY = re.compile(r"batch/([\w.-]{1,80})/(.+)", re.DOTALL)


@dataclass(frozen=True)
class RowResult:
    """One row, and what became of it. Times are Unix seconds, prices platform credits.

    Attributes:
        number: its place among the rows, from 1.
        line: where it stands in its file; None where the rows are from no file.
        key: its name in the journal, below the batch's.
        given: the arguments under canonical names; a local file by its path.
        state: a state of the journal (`records.STATES`), or "bad", "skipped", "waiting" where nothing was sent.
        files: where its results were saved.
        urls: where the platform keeps them until `expires_at`.
        price: what it was expected to cost; None where that was not known.
        consumed: what the platform took; None where it has not said.
        error: why it is bad, was skipped, failed, or is unknown.
        columns: the row as it was given, those of its columns too that are no parameter.
        data: what it made, where that is no file.
    """

    number: int
    line: Optional[int]
    key: str
    model: str
    state: str
    given: Mapping[str, Any] = field(default_factory=dict)
    task_id: Optional[str] = None
    files: Tuple[str, ...] = ()
    urls: Tuple[str, ...] = ()
    expires_at: Optional[float] = None
    price: Optional[Decimal] = None
    consumed: Optional[Decimal] = None
    created_at: Optional[float] = None
    finished_at: Optional[float] = None
    duration_s: Optional[float] = None
    error: str = ""
    columns: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


def journal_key(batch: str, row: str) -> str:
    """The `key=` under which a row is bought."""
    return f"batch/{batch}/{row}"


def batch_of(key: str) -> str:
    """The batch that a key of the journal belongs to; "" where it is none of a batch."""
    found = _KEY.fullmatch(key)
    return found.group(1) if found else ""
