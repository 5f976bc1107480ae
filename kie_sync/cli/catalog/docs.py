"""`catalog docs`: every word of a catalog file, from the schema's own descriptions."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

import click

from ...catalog import read_schema
from ...errors import KieConfigError
from ...params import nearest
from ..run import Run, common_options, print_json
from ..tables import print_table

PARTS: Mapping[str, str] = {
    "model": "A model",
    "parameter": "A parameter",
    "rule": "A rule",
    "test": "A condition's test",
    "then": "What `then` demands",
    "term": "A term of a sum",
    "price": "A price",
    "kinds": "A kind",
    "providers": "A provider",
    "endpoints": "An endpoint",
    "tariffs": "A tariff",
    "plans": "A plan",
}
"""The parts of a catalog file, and their headings."""


@click.command()
@click.argument("word", metavar="[PART|WORD]", required=False)
@common_options
@click.pass_context
def docs(ctx: click.Context, word: Optional[str]) -> None:
    """Print the guide of catalog words: what each may say, where.

    With PART (model, parameter, rule, test, then, term, price, kinds, providers, endpoints, tariffs,
    plans): the words of that part. With another WORD: that word, in every part that has it.
    """
    found = _asked_for(word)
    if (ctx.find_object(Run) or Run()).as_json:
        print_json({part: [{"word": name, "says": text} for name, text in rows] for part, rows in found.items()})
        return
    for position, (part, rows) in enumerate(found.items()):
        click.echo(("\n" if position else "") + PARTS[part])
        print_table(("word", "what it says"), rows)


def _asked_for(word: Optional[str]) -> Dict[str, List[Tuple[str, str]]]:
    schema = read_schema()
    rows = {part: list(part_words(schema, part)) for part in PARTS}
    if word is None or word in PARTS:
        return {part: listed for part, listed in rows.items() if word in (None, part)}
    found = {part: [row for row in listed if word in (row[0], row[0].split(".")[-1])] for part, listed in rows.items()}
    known = [*PARTS, *dict.fromkeys(name for listed in rows.values() for name, _ in listed)]
    if not any(found.values()):
        hint = nearest(word, known) or f"; the parts are: {', '.join(PARTS)}"
        raise KieConfigError(f"there is no word {word} in catalog files{hint}")
    return {part: listed for part, listed in found.items() if listed}


def part_words(schema: Mapping[str, Any], part: str) -> Iterator[Tuple[str, str]]:
    """Every word of one part of a catalog file, and what it says; a part is named as in the schema."""
    shape = schema["$defs"][part] if part in schema["$defs"] else schema["properties"][part]["additionalProperties"]
    yield from _words(schema, shape)


def _words(schema: Mapping[str, Any], part: Mapping[str, Any], prefix: str = "") -> Iterator[Tuple[str, str]]:
    for word, about in part.get("properties", {}).items():
        text = about.get("description", "").strip()
        if "$ref" in about and not text:
            text = schema["$defs"][about["$ref"].rpartition("/")[2]].get("description", "")
        if "enum" in about:
            text += f" One of: {', '.join(f'`{value}`' for value in about['enum'])}."
        if word in part.get("required", ()):
            text += " Required."
        yield prefix + word, text
        items = about.get("items", {})
        inner, mark = (items, "[]") if "properties" in items else (about, "")
        if "$ref" not in inner:
            yield from _words(schema, inner, f"{prefix}{word}{mark}.")
