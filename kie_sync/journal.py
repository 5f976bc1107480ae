"""The journal: a durable record of each paid call."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Optional, Union

from .errors import KieJournalError
from .records import Record


class SqliteJournal:
    """A journal in an SQLite file."""

    def __init__(self, path: Union[str, Path, None] = None, max_credits_per_day: Optional[Decimal] = None) -> None:
        raise KieJournalError("there is no journal yet")

    def __call__(self, event: Any) -> None: ...

    def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
        return None

    def find_task(self, task_id: str) -> Optional[Record]:
        return None

    def find_upload(self, *, account: str, content: str) -> Optional[str]:
        return None

    def keep_upload(self, *, account: str, content: str, url: str, lives_s: float) -> None: ...

    def release(self, record: Record) -> None: ...
