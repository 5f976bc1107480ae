"""A model's arguments on the command line: `MODEL [PROMPT] -p name=value ...`."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence

import click

from ..definitions import Model
from ..params import find_name
from ..targets import parse_target, try_out
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
            "a value that begins with [ or { is read as JSON, unless the parameter is a text. "
            "Where a file is wanted: a URL, or a path (also @PATH), which is uploaded.",
        ),
        click.argument("prompt", required=False),
        click.argument("model_id", metavar="MODEL"),
    ):
        command = decorator(command)
    return command


def files_under_option(command: Command) -> Command:
    """`--files-under`."""
    text = "Take files from this folder only, links followed; for paths that somebody else wrote."
    folder = click.Path(exists=True, file_okay=False)
    return click.option("--files-under", metavar="DIR", type=folder, help=text)(command)


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
    is_chat = model.endpoint.shape != "task"
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
        click.UsageError: it is no place for files, or nothing can be written there.
        KieInputError: a pattern has a name that is not known.
    """
    if output is None:
        return
    if not output.strip():
        raise click.UsageError("-o: the place is empty; name a file, a folder or a pattern")
    if output.strip() == "-":
        raise click.UsageError("-o -: files are not written to stdout; name a file, a folder or a pattern")
    target = parse_target(output, where="-o")
    try:
        try_out(target)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        reason = error.strerror or str(error)
        raise click.UsageError(f"-o {output}: nothing can be written there: {reason}{where}") from error
