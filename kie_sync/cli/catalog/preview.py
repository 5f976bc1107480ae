"""`catalog preview`: the request that an entry makes, while its file is being edited."""

from __future__ import annotations

from typing import Optional, Tuple

import click

from ..arguments import argument_options, files_under_option, read_arguments
from ..generate import callback_option, show_request
from ..run import Run, common_options


@click.command()
@argument_options
@files_under_option
@click.option(
    "--example", "number", type=click.IntRange(min=1), metavar="N", help="The call of the entry's Nth example."
)
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
    number: Optional[int],
    stream: bool,
    callback_url: Optional[str],
) -> None:
    """Show the exact HTTP request of an entry; nothing is sent.

    As `kie-sync preview`, which it shares; without PROMPT and -p, the entry's first example is the call. The entry
    may stand in a file that is being edited: kie-sync catalog preview MODEL --catalog my.yaml.
    """
    catalog = run.load_catalog(asked=model_id)
    model = catalog[model_id]
    is_given = prompt is not None or bool(pairs)
    if number is not None and is_given:
        raise click.UsageError("--example and a call of your own: give one of the two")
    if number is not None and number > len(model.examples):
        raise click.UsageError(f"--example {number}: {model_id} has {len(model.examples)}")
    if not is_given and not model.examples:
        raise click.UsageError(f"{model_id} has no example; give PROMPT or -p")
    given = read_arguments(model, prompt, pairs) if is_given else model.examples[(number or 1) - 1].call
    show_request(run, catalog, model_id, given, files_under=files_under, stream=stream, callback_url=callback_url)
