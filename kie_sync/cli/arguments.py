"""A model's arguments on the command line: `MODEL [PROMPT] -p name=value ...`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

import click

from ..definitions import Model
from ..params import find_name
from .run import Command


def argument_options(command: Command) -> Command:
    """`MODEL [PROMPT]` and `-p`."""
    for decorator in (
        click.option(
            "-p",
            "pairs",
            metavar="NAME=VALUE",
            multiple=True,
            help="An argument, by our name or the platform's. Repeat it to make a list; "
            "a value that begins with [ or { is read as JSON, unless the parameter is a text.",
        ),
        click.argument("prompt", required=False),
        click.argument("model_id", metavar="MODEL"),
    ):
        command = decorator(command)
    return command


def read_arguments(model: Model, prompt: Optional[str], pairs: Sequence[str]) -> Dict[str, Any]:
    """The arguments as `KieAdapter` takes them.

    Raises:
        click.UsageError: a pair that cannot be read, or the prompt given twice.
    """
    given: Dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise click.UsageError(f"-p {pair}: write it as NAME=VALUE, as in -p output_format=png")
        value = _read_value(model, name, text, pair)
        given[name] = _both(given[name], value) if name in given else value
    if prompt is None:
        return given
    is_chat = model.endpoint.shape == "chat-completions"
    asked: Dict[str, Any] = {"messages": [{"role": "user", "content": prompt}]} if is_chat else {"prompt": prompt}
    for name in asked:
        if name in given:
            raise click.UsageError(f"the prompt stands there twice: as PROMPT and as -p {name}=")
    return {**asked, **given}


def _read_value(model: Model, name: str, text: str, pair: str) -> Any:
    canonical = find_name(model.parameters, name, model.aliases)
    # Song texts begin with [Verse]; such a parameter never wants a list.
    is_text = canonical is not None and model.parameters[canonical].type == "text"
    if not text.startswith(("[", "{")) or is_text:
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"-p {pair}: the value begins as JSON, but is not JSON: {error}") from error


def _both(first: Any, second: Any) -> List[Any]:
    return [item for value in (first, second) for item in (value if isinstance(value, list) else [value])]


def check_output(output: Optional[str]) -> None:
    """Refuse a place that files cannot go to, before anything is bought.

    Raises:
        click.UsageError: the folder cannot be made, or not be written to.
    """
    if output is None:
        return
    path = Path(output)
    folder = path if path.is_dir() or output.endswith(("/", os.sep)) else path.parent
    while not os.path.lexists(folder):
        folder = folder.parent
    if not folder.is_dir():
        raise click.UsageError(f"-o {output}: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise click.UsageError(f"-o {output}: the folder {folder} is not writable")
    if path.is_file() and not os.access(path, os.W_OK):
        raise click.UsageError(f"-o {output}: the file is not writable")
