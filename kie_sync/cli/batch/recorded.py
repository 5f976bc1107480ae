"""What the commands share that read batches from the journal: their records, and a name that is on none."""

from __future__ import annotations

from typing import Iterator, Optional

from ...batch.results import batch_of, journal_key
from ...errors import KieInputError, Problem
from ...journal import SqliteJournal
from ...params import nearest
from ...records import Record
from ...values import show


def records_of(journal: SqliteJournal, name: Optional[str], *, since: float = 0.0) -> Iterator[Record]:
    """What is on record: of one batch, or all of it.

    Args:
        since: Unix time in seconds.
    """
    return journal.scan(since=since, prefix="" if name is None else journal_key(name, ""))


def no_such_batch(journal: SqliteJournal, name: str) -> KieInputError:
    """The error for a batch that is on no record; it says which are."""
    known = sorted({batch_of(record.key) for record in journal.scan()} - {""})
    hint = f"{nearest(name, known) or ';'} there are: {', '.join(known)}" if known else "; no batch is"
    message = f"no batch {show(name)} is on record in {journal.path}{hint}"
    return KieInputError("batch", [Problem("unknown", "name", message)])
