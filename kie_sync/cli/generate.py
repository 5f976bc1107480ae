"""`generate` and `preview`: a task made, and a request that is only shown."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Mapping, Optional, Tuple

import click

from .. import KieAdapter, KieClient
from .arguments import argument_options, files_under_option, read_arguments
from .delivery import deliver, output_option, waiting_options
from .limits import limit_options
from .payers import account_options, payer
from .progress import Progress
from .run import Run, common_options, journal_option, print_json

if TYPE_CHECKING:
    from ..catalog import Catalog

callback_option = click.option(
    "--callback-url", metavar="URL", help="Where the platform tells the end of the task; `kie-sync listen` receives it."
)


@click.command()
@argument_options
@files_under_option
@output_option
@waiting_options
@click.option("--key", metavar="KEY", help="A name for this purchase: the same key is never paid twice.")
@click.option("--retry-failed", is_flag=True, help="With --key: buy anew where the first task failed.")
@limit_options
@account_options
@click.option("--tariff", metavar="NAME", help="Whose price is shown; the first tariff without it.")
@journal_option
@callback_option
@common_options
@click.pass_obj
def generate(
    run: Run,
    model_id: str,
    prompt: Optional[str],
    pairs: Tuple[str, ...],
    files_under: Optional[str],
    output: Optional[str],
    poll_interval: Optional[float],
    max_wait: Optional[float],
    key: Optional[str],
    retry_failed: bool,
    max_credits: Optional[Decimal],
    allow_unknown_price: bool,
    account: Optional[str],
    hold: Optional[Decimal],
    tariff: Optional[str],
    callback_url: Optional[str],
) -> None:
    """Make a picture, a video or another file, and wait for it.

    Prints where the files were saved; their URLs when no -o is given (they work for about a day). The
    task id appears on stderr as soon as there is one.
    """
    catalog = run.load_catalog(asked=model_id)
    given = read_arguments(catalog[model_id], prompt, pairs)
    run.output = output
    with (
        Progress(run) as progress,
        run.open_client(catalog=catalog, on_event=progress, files_under=files_under, **payer(run, account)) as client,
    ):
        task = KieAdapter(client, model_id).submit(
            arguments=given,
            poll_interval=poll_interval,
            max_wait_time=max_wait,
            key=key,
            retry_failed=retry_failed,
            max_credits=max_credits,
            allow_unknown_price=allow_unknown_price,
            hold=hold,
            tariff=tariff,
            callback_url=callback_url,
        )
        # One that was bought before under the same key: no event told of it.
        run.task_id, run.is_known = task.task_id, True
        if task.record is not None:
            run.found(task.record)
        run.is_over = task.record is not None and task.record.state == "success"
        deliver(run, task.wait(), output)


@click.command()
@argument_options
@files_under_option
@click.option("--stream", is_flag=True, help="The request of a chat that streams, as `kie-sync chat` sends it.")
@callback_option
@common_options
@click.pass_obj
def preview(
    run: Run,
    model_id: str,
    prompt: Optional[str],
    pairs: Tuple[str, ...],
    files_under: Optional[str],
    stream: bool,
    callback_url: Optional[str],
) -> None:
    """Show the exact HTTP request of a call; nothing is sent.

    It needs no key. For a chat model PROMPT becomes the user's message. A local file is read and checked, and
    stands there as a placeholder with the hash of its content.
    """
    catalog = run.load_catalog(asked=model_id)
    given = read_arguments(catalog[model_id], prompt, pairs)
    show_request(run, catalog, model_id, given, files_under=files_under, stream=stream, callback_url=callback_url)


def show_request(
    run: Run,
    catalog: Catalog,
    model_id: str,
    given: Mapping[str, Any],
    *,
    files_under: Optional[str] = None,
    stream: bool = False,
    callback_url: Optional[str] = None,
) -> None:
    """Print the request of a call, as JSON or as HTTP has it."""
    with Progress(run), KieClient(catalog=catalog, files_under=files_under) as client:
        prepared = KieAdapter(client, model_id).prepare(arguments=given, stream=stream, callback_url=callback_url)
    request = prepared.to_dict()
    if run.as_json:
        print_json(request)
        return
    click.echo(f"{request['method']} {request['url']}")
    for name, value in request["headers"].items():
        click.echo(f"{name}: {value}")
    click.echo()
    print_json(request["json"])
