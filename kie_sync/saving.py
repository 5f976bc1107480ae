"""Saving what was made and paid: whatever goes wrong says so, and how the files are fetched again."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Tuple, Union

from .client import KieClient
from .downloads import Names, fetch_all
from .errors import KieAPIError, KieSaveError
from .events import FilesSaved
from .result import Result


def save_result(client: KieClient, context: Mapping[str, Any], result: Result, path: Union[str, Path]) -> List[Path]:
    """Fetch a result's files, and tell the listeners where they are; what is there already is not fetched again."""
    connection = client.connection
    record = connection.journal.find_task(result.task_id) if connection.journal is not None else None
    found: List[Tuple[str, Path]] = []
    try:
        with saving(result.task_id, result.model):
            for pair in fetch_all(
                connection.sender,
                connection.clock,
                result.urls,
                path,
                Names(result.model, result.task_id),
                kind=result.result,
                refresh=client.download_url,
                saved={} if record is None else record.files,
            ):
                found.append(pair)
    finally:
        # Those that came before something went wrong are there, too.
        if found:
            files = {url: str(file.absolute()) for url, file in found}
            connection.listeners.tell(FilesSaved(result.model, context, result.task_id, files))
    return [file for _, file in found]


@contextmanager
def saving(task_id: str, model: str) -> Iterator[None]:
    """Make every error inside say which task it is about, that it is paid, and how its files are fetched again.

    Raises:
        KieSaveError: in place of an OSError.
        KieAPIError: what was raised inside.
    """
    go_on = (
        "the result is paid, and nothing needs to be bought again: fetch it with "
        f'adapter.task("{task_id}").wait().save(...), or `kie-sync task {task_id} -o ...`'
    )
    try:
        yield
    except KieAPIError as error:
        error.task_id, error.model = task_id, model
        error.message = f"{error.message}; {go_on}"
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        about = f" ({error.filename})" if error.filename else ""
        message = f"the files could not be saved: {reason}{about}; {go_on}"
        raise KieSaveError(message, task_id=task_id, model=model) from error
