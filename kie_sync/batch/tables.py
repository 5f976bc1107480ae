"""Results as tables: flat rows, a file that grows while a batch runs, and whole files at its end."""

from __future__ import annotations

import csv
import json
import logging
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Dict, Iterator, Optional, Sequence

from ..errors import KieConfigError
from ..targets import whole_file
from ..values import number_of, plain, to_json
from .results import UNWRITTEN, RowResult

logger = logging.getLogger("kie_sync")

CSV_NAME, JSONL_NAME = "results.csv", "results.jsonl"


def flat(result: RowResult) -> Dict[str, Any]:
    """A result as one flat mapping: our columns, then the row's own as they were given.

    One of the row's own that is called like one of ours has `row.` before it, twice where another has that name.
    Times are ISO 8601 in UTC, amounts `Decimal`, files and URLs lists.
    """
    found: Dict[str, Any] = {
        "row": result.number,
        "line": result.line,
        "key": result.key,
        "model": result.model,
        "state": result.state,
        "task_id": result.task_id,
        "files": list(result.files),
        "urls": list(result.urls),
        "expires_at": _instant(result.expires_at),
        "credits_estimated": result.price,
        "credits_consumed": result.consumed,
        "created_at": _instant(result.created_at),
        "finished_at": _instant(result.finished_at),
        "duration_s": result.duration_s,
        "error": result.error,
        "data": dict(result.data),
    }
    for name, value in result.columns.items():
        own = name
        while own in found or (own != name and own in result.columns):
            own = f"row.{own}"
        found[own] = value
    return found


def _instant(seconds: Optional[float]) -> Optional[str]:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_line(result: RowResult) -> str:
    """A result as a line of JSON."""
    found = flat(result)
    for name in ("credits_estimated", "credits_consumed"):
        # As text, so that no digit is lost.
        found[name] = None if found[name] is None else plain(found[name])
    return json.dumps(to_json(found), ensure_ascii=False, default=str) + "\n"


class ResultFiles:
    """`results.jsonl`, which grows as results come, and with `results.csv` is whole at the end, in the rows' order.

    Each method raises `KieConfigError` where nothing can be written; what was bought is on record all the same.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._growing: Optional[IO[str]] = None

    def open(self) -> None:
        """Begin anew: rows that are on record from earlier runs come again, and first."""
        with _explained(self.folder / JSONL_NAME) as path:
            self.folder.mkdir(parents=True, exist_ok=True)
            _keep_unwritten(path)
            self._growing = path.open("w", encoding="utf-8", errors="replace", newline="\n")

    def add(self, result: RowResult) -> None:
        """Write a result that has come; after a crash it is there."""
        if self._growing is not None:
            with _explained(self.folder / JSONL_NAME):
                self._growing.write(as_line(result))
                self._growing.flush()

    def finish(self, results: Sequence[RowResult]) -> None:
        """Write both files whole."""
        self.close()
        with _explained(self.folder / JSONL_NAME) as path, whole_file(path, errors="replace") as file:
            file.writelines(as_line(result) for result in results)
        # Excel knows UTF-8 by a mark at the beginning.
        with (
            _explained(self.folder / CSV_NAME) as path,
            whole_file(path, encoding="utf-8-sig", errors="replace", newline="") as file,
        ):
            _write_csv(file, results)

    def close(self) -> None:
        """Close what grows; what it holds stays."""
        growing, self._growing = self._growing, None
        # On a full disk it tries once more to write what could not be written, which was told already.
        if growing is not None:
            with suppress(OSError):
                growing.close()


def _keep_unwritten(path: Path) -> None:
    """Put the last run's results aside, where they are all that knows of a paid task."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        is_needed = any(UNWRITTEN in line for line in file)
    if is_needed:
        kept = path.with_name(f"results-{path.stat().st_mtime_ns}.jsonl")
        path.replace(kept)
        logger.warning(
            "%s: the last run could not write down tasks that are paid; their ids are kept in %s", path, kept
        )


def _write_csv(file: IO[str], results: Sequence[RowResult]) -> None:
    columns = dict.fromkeys(name for result in results for name in flat(result))
    writer = csv.writer(file)
    writer.writerow(map(_guarded, columns))
    for result in results:
        found = flat(result)
        writer.writerow([_cell(name, found.get(name)) for name in columns])


def _cell(name: str, value: Any) -> str:
    if value is None or (name in ("files", "urls", "data") and not value):
        return ""
    if name in ("files", "urls") and isinstance(value, list):
        return _guarded("; ".join(value))
    if isinstance(value, Decimal):
        return plain(value)
    return _guarded(value) if isinstance(value, str) else json.dumps(to_json(value), ensure_ascii=False, default=str)


def _guarded(text: str) -> str:
    """A text that a spreadsheet does not take for a formula: prompts come from anybody, and errors from the platform.

    With an apostrophe before it; a number such as -1 is none.
    """
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") and number_of(text) is None else text


@contextmanager
def _explained(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        raise KieConfigError(
            f"{path} cannot be written: {error.strerror or error}; what was bought is on record: the same command "
            "again buys nothing twice, and writes it"
        ) from error
