"""`chat`: one question to a chat model."""

from __future__ import annotations

import base64
import json
import mimetypes
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

import click

from .. import KieAdapter
from .arguments import argument_options, read_arguments
from .delivery import price_sentence, took
from .limits import limit_options
from .progress import Progress
from .run import Run, common_options, journal_option, print_json

# As text in the request a file grows by a third, and the whole conversation is sent again with each turn.
MOST_BYTES = 1_000_000


@click.command()
@argument_options
@click.option("--system", metavar="TEXT", help="What the model is told beforehand.")
@click.option(
    "--image",
    "images",
    metavar="URL_OR_FILE",
    multiple=True,
    help="A picture or another file to look at; may be repeated.",
)
@click.option("--no-stream", is_flag=True, help="Show the answer when it is whole.")
@limit_options
@click.option("--tariff", metavar="NAME", help="Whose price is shown; the first tariff without it.")
@journal_option
@common_options
@click.pass_obj
def chat(
    run: Run,
    model_id: str,
    prompt: Optional[str],
    pairs: Tuple[str, ...],
    system: Optional[str],
    images: Tuple[str, ...],
    no_stream: bool,
    max_credits: Optional[Decimal],
    allow_unknown_price: bool,
    tariff: Optional[str],
) -> None:
    """Ask a chat model; the answer is shown as it comes.

    Without PROMPT, or with -, the question is read from stdin. A local file up to 1 MB goes along in the
    request. With --json, with -p tools=... and with --no-stream the answer comes in one piece. Tokens and
    credits follow on stderr.
    """
    catalog = run.load_catalog(asked=model_id)
    given = read_arguments(catalog[model_id], None, pairs)
    messages = given.pop("messages", None)
    if messages is None:
        messages = build_messages(_read_prompt(prompt), system, images)
    elif prompt or system or images:
        raise click.UsageError("-p messages= is the whole conversation; leave out PROMPT, --system and --image")
    with Progress(run) as progress, run.open_client(catalog=catalog, on_event=progress) as client:
        adapter = KieAdapter(client, model_id)
        asked = {"tariff": tariff, "max_credits": max_credits, "allow_unknown_price": allow_unknown_price}
        if no_stream or run.as_json or "tools" in given:
            _print_whole(run, adapter, messages, given, asked)
        else:
            _print_stream(run, adapter, messages, given, asked)


def _print_stream(run: Run, adapter: KieAdapter, messages: Any, given: Dict[str, Any], asked: Dict[str, Any]) -> None:
    with adapter.chat(messages, True, arguments=given, **asked) as stream:
        run.is_answering = True
        try:
            for chunk in stream:
                click.echo(chunk.choices[0].delta.content or "", nl=False)
            run.is_answering = False
        finally:
            if stream.text and not stream.text.endswith("\n"):
                click.echo()
        _say_cost(run, stream)


def _print_whole(run: Run, adapter: KieAdapter, messages: Any, given: Dict[str, Any], asked: Dict[str, Any]) -> None:
    answer = adapter.chat(messages, False, arguments=given, **asked)
    if run.as_json:
        print_json(answer.to_dict())
        return
    if answer.text:
        click.echo(answer.text)
    for call in answer.choices[0].message.tool_calls:
        click.echo(json.dumps(call, ensure_ascii=False))
    _say_cost(run, answer)


def _say_cost(run: Run, answer: Any) -> None:
    usage = answer.usage
    tokens = "tokens not told"
    if usage is not None:
        tokens = f"{usage.prompt_tokens:,} tokens in, {usage.completion_tokens:,} out"
    run.say(f"{tokens}; {price_sentence(answer.cost)}{took(answer.credits_consumed)}")


def _read_prompt(prompt: Optional[str]) -> str:
    if prompt in (None, "-"):
        if prompt is None and is_terminal():
            raise click.UsageError("there is no PROMPT; write it in quotes, or pipe it in")
        try:
            prompt = sys.stdin.buffer.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise click.UsageError(f"what came on stdin is not UTF-8 text: {error}") from error
    if not prompt or not prompt.strip():
        raise click.UsageError("the prompt is empty")
    return prompt


def is_terminal() -> bool:
    """Whether a person would have to type what we read."""
    return sys.stdin.isatty()


def build_messages(prompt: str, system: Optional[str], images: Sequence[str]) -> List[Dict[str, Any]]:
    """A conversation of one question, with what the model is told beforehand and the files it is shown."""
    urls = [_as_url(image) for image in images]
    asked = KieAdapter.format_multimodal_message(prompt, urls) if urls else KieAdapter.format_text_message(prompt)
    return [*([KieAdapter.format_text_message(system, "system")] if system else []), asked]


def _as_url(image: str) -> str:
    if "://" in image or image.startswith("data:"):
        return image
    path = Path(image).expanduser()
    if not path.is_file():
        raise click.UsageError(f"--image {image}: there is no such file, and it is no URL")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise click.UsageError(
            f"--image {image}: the file has {size:,} bytes, and only {MOST_BYTES:,} go along in a request; "
            "put it where it has a URL (KieClient.upload does that) and give the URL"
        )
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
