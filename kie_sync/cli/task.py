"""`task`: what exists on the platform."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import List, Optional

import click

from .. import Catalog, KieAdapter, KieClient, QueryTaskResponse
from ..errors import KieAPIError, KieJournalError
from ..response import check_finished
from ..saving import saving
from ..tasks import find_model
from .delivery import deliver, output_option, save, show_files, waiting_options
from .payers import ledger_option
from .progress import Progress
from .run import Run, common_options, journal_option, print_json


@click.command()
@click.argument("task_id", metavar="ID")
@click.option("--wait", is_flag=True, help="Wait until it is done.")
@click.option("--model", "model_id", metavar="MODEL", help="Its model, where the platform does not say it.")
@output_option
@waiting_options
@ledger_option
@journal_option
@common_options
@click.pass_obj
def task(
    run: Run,
    task_id: str,
    wait: bool,
    model_id: Optional[str],
    output: Optional[str],
    poll_interval: Optional[float],
    max_wait: Optional[float],
) -> None:
    """Look at a task, or wait for it.

    Without --wait it is one look; with -o the files of a task that is done are saved. Exits with 4 when
    the task has failed.
    """
    catalog = run.load_catalog(asked=model_id or "")
    run.task_id, run.output = task_id, output
    settings = {"ledger": run.find_ledger()}
    with Progress(run) as progress, run.open_client(catalog=catalog, on_event=progress, **settings) as client:
        try:
            state = client.query_task(task_id, model=catalog[model_id].id if model_id else None)
        except KieAPIError:
            run.is_known = _is_paid(client, task_id)
            raise
        run.is_known = True
        model_id = _choose_model(run, catalog, model_id, state.model)
        if wait and not state.is_final:
            state = client.wait_for_task(task_id, poll_interval, max_wait, model=model_id)
        run.is_over = state.is_final
        if state.is_success and model_id is not None:
            deliver(run, KieAdapter(client, model_id).task(task_id).wait(), output)
            return
        files = []
        if state.is_success:
            with saving(task_id, model_id or state.model):
                files = save(run, lambda path: _download(client, state, path), output)
        if run.as_json:
            print_json({**state.to_dict(), "urls": state.result_urls, "files": files})
        else:
            show_files(files or state.result_urls)
            run.say(_sentence(state))
        check_finished(state, model=model_id or "")


def _is_paid(client: KieClient, task_id: str) -> bool:
    """Whether the journal knows the task, and not that it failed, where no look at it tells."""
    journal = client.connection.journal
    with contextlib.suppress(KieJournalError):
        record = None if journal is None else journal.find_task(task_id)
        return record is not None and record.state != "failed"
    return False


def _download(client: KieClient, state: QueryTaskResponse, path: str) -> List[Path]:
    """The files of a task whose model the catalog does not know."""
    return client.download(state.result_urls, path, name=state.model, task_id=state.task_id)


def _choose_model(run: Run, catalog: Catalog, asked: Optional[str], name: str) -> Optional[str]:
    """The model to read a result by: the platform's own word counts, where it and the caller say different ones."""
    if asked is not None and name in (asked, catalog[asked].slug):
        return asked
    found = find_model(catalog, name)
    if found is None:
        return asked
    if asked is not None:
        run.warn(f"the task is of {found.id}, as the platform says, not of {asked}; its own entry is used")
    return found.id


def _sentence(state: QueryTaskResponse) -> str:
    progress = f", {state.progress:g} %" if state.progress is not None and not state.is_final else ""
    about = f" ({state.model})" if state.model else ""
    hint = "" if state.is_final else "; --wait waits for it"
    return f"task {state.task_id}: {state.state or 'not listed yet'}{progress}{about}{hint}"
