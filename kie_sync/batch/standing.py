"""How batches stand, by the journal: what became of each row that was bought or tried, and what is left to do.

A row that was never sent is on no record; only the batch's own file knows of it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Callable, Dict, Iterable, List, Optional, Tuple

from ..records import UNFINISHED, Record
from .results import batch_of
from .tally import Tally

# What is bought once more where an outcome is unknown has a key of its own: `ROW+2`.
_AGAIN = re.compile(r"\+[0-9]+\Z")
_NOT_DONE = (*UNFINISHED, "sending", "unknown", "failed", "refused")


@dataclass(frozen=True)
class _Row:
    """The last call of a row, without what is large about it."""

    state: str
    price: Optional[Decimal]
    consumed: Optional[Decimal]
    duration_s: Optional[float]
    is_unsaved: bool


@dataclass
class Standing:
    """How one batch stands. Times are Unix seconds.

    Attributes:
        calls: everything that was sent for it: a row that was bought again is in it more than once.
        unknown: the ids of its calls of unknown outcome.
        folder: where its last files were saved; "" where none were.
    """

    name: str
    first_at: float
    last_at: float
    calls: Tally = field(default_factory=Tally)
    unknown: List[str] = field(default_factory=list)
    folder: str = ""
    _rows: Dict[Tuple[str, str, str], _Row] = field(default_factory=dict)

    def add(self, record: Record, is_there: Callable[[str], bool]) -> None:
        """Count one call more; of a row's calls the last one says how it stands."""
        self.first_at, self.last_at = min(self.first_at, record.created_at), max(self.last_at, record.created_at)
        self.calls.add(record)
        if record.state == "unknown":
            self.unknown.append(record.id)
        saved = [record.files.get(url, "") for url in record.urls]
        is_unsaved = record.state == "success" and not all(path and is_there(path) for path in saved)
        # A success with nothing in it is paid, and there is nothing to be had from it.
        state = "failed" if record.is_empty else record.state
        row = _Row(state, record.price, record.consumed, record.duration_s, is_unsaved)
        self._rows[record.account, record.model, _AGAIN.sub("", record.key)] = row
        self.folder = next((os.path.dirname(path) or "." for path in saved if path), self.folder)

    @property
    def rows(self) -> Tally:
        """Its rows, each once."""
        tally = Tally()
        for row in self._rows.values():
            tally.add(row)
        return tally

    @property
    def unsaved(self) -> int:
        """Rows that are done and paid, and not whole on disk."""
        return sum(row.is_unsaved for row in self._rows.values())

    @property
    def left(self) -> int:
        """Rows on record with something left to do; those that are only lacking a file among them."""
        return sum(row.is_unsaved or row.state in _NOT_DONE for row in self._rows.values())


def read_standings(
    records: Iterable[Record], *, is_there: Callable[[str], bool] = os.path.exists
) -> Dict[str, Standing]:
    """Each batch on record, the one that was begun first before the others.

    Args:
        is_there: whether a file is on disk.
    """
    found: Dict[str, Standing] = {}
    for record in records:
        name = batch_of(record.key)
        if name:
            standing = found.setdefault(name, Standing(name, record.created_at, record.created_at))
            standing.add(record, is_there)
    return found
