"""`chat`: a question to a chat model, or a conversation at a terminal."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import click

from .. import KieAdapter, KieConversation
from .answers import show_answer
from .arguments import argument_options, read_arguments
from .chat_session import Session, check_place, check_shown, history
from .limits import limit_options
from .payers import account_options, payer
from .progress import Progress
from .run import Run, common_options, journal_option


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
@click.option("--stdin", "with_stdin", is_flag=True, help="Put what comes on stdin below PROMPT.")
@click.option("--max-tokens", type=int, metavar="N", help="How long the answer may be.")
@click.option("--reasoning-effort", metavar="WORD", help="How long the model thinks, such as low or high.")
@click.option("--thoughts", is_flag=True, help="Show the model's thoughts, on stderr.")
@click.option("--no-stream", is_flag=True, help="Show the answer when it is whole.")
@click.option("--load", "load", metavar="FILE", help="Go on with a conversation that was saved.")
@click.option("--save", "save", metavar="FILE", help="Write the conversation to a file after each answer.")
@click.option("--no-history", is_flag=True, help="At a terminal: neither read nor keep what was typed.")
@limit_options
@account_options
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
    with_stdin: bool,
    max_tokens: Optional[int],
    reasoning_effort: Optional[str],
    thoughts: bool,
    no_stream: bool,
    load: Optional[str],
    save: Optional[str],
    no_history: bool,
    max_credits: Optional[Decimal],
    allow_unknown_price: bool,
    account: Optional[str],
    hold: Optional[Decimal],
    tariff: Optional[str],
) -> None:
    """Ask a chat model, or talk with it; the answer is shown as it comes.

    Without PROMPT the question is read from stdin, with - always; with --stdin it is PROMPT, and below it
    what comes on stdin, which is left alone otherwise. At a terminal a conversation begins
    instead: type, and /help lists its commands; Ctrl-C stops an answer and keeps what came. A small local
    picture goes along in the request, other files are uploaded. Tokens and credits follow on stderr. With
    --json each piece is a line, and the last line is the whole answer.
    """
    catalog = run.load_catalog(asked=model_id)
    model = catalog[model_id]
    given = read_arguments(model, None, pairs)
    for name, value in (("max_tokens", max_tokens), ("reasoning_effort", reasoning_effort)):
        if value is not None and name in given:
            raise click.UsageError(f"{name} stands there twice: as --{name.replace('_', '-')} and as -p {name}=")
        given.update({name: value} if value is not None else {})
    messages = given.pop("messages", None)
    if messages is not None and (prompt or system or images or load or with_stdin):
        others = "PROMPT, --stdin, --system, --image and --load"
        raise click.UsageError(f"-p messages= is the whole conversation; leave out {others}")
    if save is not None and save != load:
        check_place(save, "--save")
    for image in images:
        check_shown(model, as_message("", [image]), f"--image {image}")
    is_asked = messages is not None or prompt is not None or with_stdin
    is_talk = not is_asked and is_terminal() and sys.stdout.isatty() and not run.as_json
    if messages is None and not is_talk:
        if prompt not in (None, "-") and not with_stdin and _is_waiting():
            run.warn("what came on stdin is not read, for there is a PROMPT; --stdin puts it below PROMPT")
        messages = [as_message(_read_prompt(prompt, with_stdin), images)]
    if thoughts and "include_thoughts" in model.parameters:
        given.setdefault("include_thoughts", True)
    asked: Dict[str, Any] = {"tariff": tariff, "max_credits": max_credits, "allow_unknown_price": allow_unknown_price}
    asked["hold"] = hold
    settings = payer(run, account)
    with Progress(run) as progress, run.open_client(catalog=catalog, on_event=progress, **settings) as client:
        adapter = KieAdapter(client, model_id)
        defaults = {"arguments": given, **asked}
        conversation = KieConversation(adapter, system=system, **defaults)
        if load is not None:
            told = {"system": system} if system is not None else {}
            conversation = KieConversation.load(load, adapter, **told, **defaults)
        if is_talk:
            with contextlib.nullcontext() if no_history else history():
                Session(
                    run,
                    client,
                    conversation,
                    defaults,
                    as_message,
                    is_stream=not no_stream,
                    with_thoughts=thoughts,
                    images=list(images),
                    save=save,
                ).talk()
            return
        show_answer(run, conversation, messages, is_stream=not no_stream, with_thoughts=thoughts)
        if save is not None:
            conversation.save(save)


def _read_prompt(prompt: Optional[str], with_stdin: bool) -> str:
    if prompt in (None, "-"):
        if prompt is None and is_terminal():
            raise click.UsageError("there is no PROMPT; write it in quotes, or pipe it in")
        prompt = _read_stdin()
    elif with_stdin:
        below = _read_stdin()
        if not below.strip():
            raise click.UsageError("--stdin: nothing came on stdin")
        prompt = f"{prompt}\n\n{below}"
    if not prompt or not prompt.strip():
        raise click.UsageError("the prompt is empty")
    return prompt


def _read_stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.UsageError(f"what came on stdin is not UTF-8 text: {error}") from error


def _is_waiting() -> bool:
    """Whether text waits in a pipe. Nothing is read: the pipe may stay open, or belong to a loop of the shell."""
    try:
        import fcntl
        import termios

        waiting = bytearray(4)
        descriptor = sys.stdin.fileno()
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return False
        fcntl.ioctl(descriptor, termios.FIONREAD, waiting)
    except (ImportError, OSError, ValueError):
        return False
    return any(waiting)


def is_terminal() -> bool:
    """Whether a person would have to type what we read."""
    return sys.stdin.isatty()


def as_message(prompt: str, images: Sequence[str]) -> Dict[str, Any]:
    """A question with the files it is about, as one message; a `Path` for each local one."""
    if not images:
        return KieAdapter.format_text_message(prompt)
    shown: List[Dict[str, Any]] = [{"type": "image_url", "image_url": {"url": _where(image)}} for image in images]
    return {"role": "user", "content": [*([{"type": "text", "text": prompt}] if prompt else []), *shown]}


def _where(image: str) -> Union[str, Path]:
    if "://" in image or image.startswith("data:"):
        return image
    path = Path(image).expanduser()
    if not path.is_file():
        raise click.UsageError(f"--image {image}: there is no such file, and it is no URL")
    return path
