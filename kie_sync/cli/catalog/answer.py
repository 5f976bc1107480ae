"""`catalog answer`: what we would read from an answer that somebody has at hand."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from ...catalog import Catalog
from ...config import ApiKey
from ...errors import KieConfigError, KieError
from ...pages.answers import Reading, read_answer
from ..run import Run, common_options, print_json

_BEARER = re.compile(r"(Bearer\s+|(?:api|access|secret)[-_ ]?key[\"']?\s*[:=]\s*[\"']?)[\w.\-]{8,}", re.IGNORECASE)
_LONGEST = 300


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.argument("file", metavar="FILE", default="-")
@common_options
@click.pass_obj
def answer(run: Run, model_id: str, file: str) -> None:
    """Say what we would read from a real answer of the platform.

    FILE holds the body of an answer as it came: of a create, of a status question, of a callback, or of a chat, whole
    or in pieces; without FILE, or with -, it is read from standard input, so that you can paste it. What nobody reads
    in it is listed, too: an entry, or this library, may have to learn it. An API key in it is never shown.
    """
    catalog = run.load_catalog(asked=model_id)
    model = catalog[model_id]
    reading = read_answer(model, _without_keys(catalog, _text_of(file)), "standard input" if file == "-" else file)
    if run.as_json:
        print_json({**vars(reading), "model": model_id})
        return
    _print(reading)


def _print(reading: Reading) -> None:
    click.echo(reading.what)
    width = max([len(name) for name in reading.facts], default=0)
    for name, value in reading.facts.items():
        several = value if isinstance(value, list) else [value]
        for position, each in enumerate(several):
            label = name.replace("_", " ") if not position else ""
            click.echo(f"  {label:<{width}}  {_short(each)}")
    for doubt in reading.doubts:
        click.echo(f"- {doubt}")
    if reading.unread:
        click.echo(f"- nobody reads: {', '.join(reading.unread)}")


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text):,} characters)"


def _text_of(file: str) -> str:
    if file == "-":
        if sys.stdin.isatty():
            click.echo("paste the answer, then press Ctrl-D (on Windows Ctrl-Z and Enter)", err=True)
        return sys.stdin.read()
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KieConfigError(f"{file}: it is not UTF-8 text") from error
    except OSError as error:
        raise KieConfigError(f"{file}: it cannot be read: {error.strerror or error}") from error


def _without_keys(catalog: Catalog, text: str) -> str:
    """The same with every key masked: those of the environment, and what stands where a key stands."""
    held = KieError(_BEARER.sub(r"\1***", text))
    for name in (name for provider in catalog.providers.values() for name in provider.key_env):
        value = os.environ.get(name, "").strip()
        if value:
            ApiKey(value).hide_in(held)
    return held.message
