"""`generate` and `preview`: a task made, and a request that is only shown."""

from __future__ import annotations

from typing import Optional, Tuple

import click

from .. import KieAdapter, KieClient
from .arguments import argument_options, files_under_option, read_arguments
from .delivery import deliver, output_option, waiting_options
from .progress import Progress
from .run import Run, common_options, print_json


@click.command()
@argument_options
@files_under_option
@output_option
@waiting_options
@click.option("--tariff", metavar="NAME", help="Whose price is shown; the first tariff without it.")
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
    tariff: Optional[str],
) -> None:
    """Make a picture, a video or another file, and wait for it.

    Prints where the files were saved; their URLs when no -o is given (they work for about a day). The
    task id appears on stderr as soon as there is one.
    """
    catalog = run.load_catalog(asked=model_id)
    given = read_arguments(catalog[model_id], prompt, pairs)
    run.output = output
    with Progress(run) as progress, KieClient(catalog=catalog, on_event=progress, files_under=files_under) as client:
        result = KieAdapter(client, model_id).generate(
            arguments=given, poll_interval=poll_interval, max_wait_time=max_wait, tariff=tariff
        )
        deliver(run, result, output)


@click.command()
@argument_options
@files_under_option
@click.option("--stream", is_flag=True, help="The request of a chat that streams, as `kie-sync chat` sends it.")
@common_options
@click.pass_obj
def preview(
    run: Run, model_id: str, prompt: Optional[str], pairs: Tuple[str, ...], files_under: Optional[str], stream: bool
) -> None:
    """Show the exact HTTP request of a call; nothing is sent.

    It needs no key. For a chat model PROMPT becomes the user's message. A local file is read and checked, and
    stands there as a placeholder with the hash of its content.
    """
    catalog = run.load_catalog(asked=model_id)
    given = read_arguments(catalog[model_id], prompt, pairs)
    with Progress(run), KieClient(catalog=catalog, files_under=files_under) as client:
        request = KieAdapter(client, model_id).prepare(arguments=given, stream=stream).to_dict()
    if run.as_json:
        print_json(request)
        return
    click.echo(f"{request['method']} {request['url']}")
    for name, value in request["headers"].items():
        click.echo(f"{name}: {value}")
    click.echo()
    print_json(request["json"])
