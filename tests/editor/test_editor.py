"""What an editor makes of catalog files: a real yaml-language-server, as VS Code, Vim and others run it.

Asks npm for the server once (`pytest -m editor`); never part of the gate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Set, Tuple

import pytest
from conftest import OUTER_ENVIRON, ROOT

from editor.language_server import LanguageServer, install
from kie_sync.catalog import data_root
from kie_sync.definitions import KINDS, RESULTS, RULES, TYPES, UNITS

pytestmark = pytest.mark.editor

LINE_1 = "# yaml-language-server: $schema={}\n"
SHIPPED = ["models.yaml", *sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("models/**/*.yaml"))]
HEAD = "models:\n  my/cat:\n    kind: image\n    endpoint: kie-task\n"


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    program, why_not = install(OUTER_ENVIRON)
    if program is None:
        pytest.skip(f"no yaml-language-server: {why_not}")
    running = LanguageServer(program)
    yield running
    running.close()


def own(folder: Path, text: str, schema_file: str = "own.schema.json") -> Path:
    """A user's own file, whose line 1 names the schema by its path, as the guide says."""
    file = folder / "my.yaml"
    schema = data_root() / "schemas" / schema_file
    file.write_text(LINE_1.format(schema.as_uri()) + text, encoding="utf-8")
    return file


def underlined(server: LanguageServer, file: Path) -> List[Tuple[int, int, int, str]]:
    """Line and columns, counted from 0, and what is said."""
    found = server.open(file)
    places = [(problem["range"]["start"], problem["range"]["end"], problem["message"]) for problem in found]
    return [(start["line"], start["character"], end["character"], message) for start, end, message in places]


def offered(server: LanguageServer, file: Path, line: int, column: int) -> Set[str]:
    server.open(file)
    return {item["label"] for item in server.complete(file, line, column)}


@pytest.mark.parametrize("name", SHIPPED)
def test_nothing_is_underlined_in_our_files(server: LanguageServer, name: str) -> None:
    assert server.open(ROOT / name) == []


def test_nothing_is_underlined_that_changes_removes_or_hides(server: LanguageServer, tmp_path: Path) -> None:
    text = "models:\n  google/nano-banana: {price: {credits: 3}, parameters: {output_format: null}}\n  grok-4-7: null\n"

    assert underlined(server, own(tmp_path, text)) == []


def test_a_misspelt_key_is_underlined_at_its_place(server: LanguageServer, tmp_path: Path) -> None:
    file = own(tmp_path, HEAD + "    titel: My cat\n")

    assert underlined(server, file) == [(5, 4, 9, "Property titel is not allowed.")]


def test_a_misspelt_key_is_underlined_in_one_of_ours(server: LanguageServer) -> None:
    """By the relative path that stands in line 1."""
    text = (ROOT / "models" / "claude.yaml").read_text(encoding="utf-8")
    line = next(number for number, part in enumerate(text.split("\n")) if part.startswith("    endpoint:"))

    found = server.open(ROOT / "models" / "not-there.yaml", text.replace("    endpoint:", "    endpiont:", 1))

    assert [(problem["range"]["start"]["line"], problem["message"]) for problem in found] == [
        (line, "Property endpiont is not allowed.")
    ]


WRONG = {
    "a kind": (
        HEAD.replace("image", "imgae"),
        (3, 10, 15),
        "Valid values: " + ", ".join(f'"{kind}"' for kind in KINDS),
    ),
    "a word of a parameter": (HEAD + "    parameters: {prompt: {requierd: true}}\n", (5, 26, 34), "requierd"),
    "a type": (HEAD + "    parameters: {prompt: {type: string}}\n", (5, 32, 38), '"text", "integer"'),
    "a rule that is not whole": (HEAD + "    rules:\n      - kind: excludes\n", (6, 8, 9), 'Missing property "of"'),
    "an entry that extends": ("models:\n  a/b:\n    extends: x\n    prise: 1\n", (4, 4, 9), "Property prise"),
    "a day in other words": (HEAD + "    checked: 22 November\n", (5, 13, 24), "pattern"),
}


@pytest.mark.parametrize(("text", "place", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_underlined(
    server: LanguageServer, tmp_path: Path, text: str, place: Tuple[int, int, int], said: str
) -> None:
    found = underlined(server, own(tmp_path, text))

    assert any((line, start, end) == place and said in message for line, start, end, message in found), found


def test_what_only_a_whole_catalog_must_say_is_underlined_there(server: LanguageServer, tmp_path: Path) -> None:
    """In a file of one's own it may stand below."""
    text = HEAD + "    price: {credits: 1}\n"

    (tmp_path / "whole").mkdir()

    assert underlined(server, own(tmp_path / "whole", text, "catalog.schema.json")) == [
        (5, 4, 9, 'Missing property "unit".')
    ]
    assert underlined(server, own(tmp_path, text)) == []


EXTENDING = "models:\n  my/cat:\n    extends: x\n"
OFFERED = {
    "the kinds": ("models:\n  my/cat:\n    kind: \n", (3, 10), set(KINDS)),
    "the kinds, where an entry extends": (EXTENDING + "    kind: \n", (4, 10), set(KINDS)),
    "the results": (HEAD + "    result: \n", (5, 12), set(RESULTS)),
    "the types": (HEAD + "    parameters:\n      x:\n        type: \n", (7, 14), set(TYPES)),
    "the units": (HEAD + "    price:\n      unit: \n", (6, 12), set(UNITS)),
    "the kinds of rule": (HEAD + "    rules:\n      - kind: \n", (6, 14), set(RULES)),
    "true and false": (HEAD + "    parameters:\n      x:\n        required: \n", (7, 18), {"true", "false"}),
}


@pytest.mark.parametrize(("text", "place", "words"), OFFERED.values(), ids=OFFERED)
def test_values_are_offered(
    server: LanguageServer, tmp_path: Path, text: str, place: Tuple[int, int], words: Set[str]
) -> None:
    assert offered(server, own(tmp_path, text), *place) == words


KEYS = {
    "of a file": ("\n", (1, 0), {"models", "bases", "money", "include"}),
    "of a model": (HEAD + "    \n", (5, 4), {"title", "parameters", "rules", "price", "examples", "extends"}),
    "of an entry that extends": (EXTENDING + "    \n", (4, 4), {"title", "kind", "parameters", "price"}),
    "of a parameter": (HEAD + "    parameters:\n      x:\n        \n", (7, 8), {"type", "values", "wire", "default"}),
    "of a price": (HEAD + "    price:\n      \n", (6, 6), {"unit", "by", "credits", "source", "checked", "unknown"}),
    "of one of several prices": (
        HEAD + "    price:\n      - unit: image\n        \n",
        (7, 8),
        {"credits", "valid_from"},
    ),
}


@pytest.mark.parametrize(("text", "place", "words"), KEYS.values(), ids=KEYS)
def test_words_are_offered(
    server: LanguageServer, tmp_path: Path, text: str, place: Tuple[int, int], words: Set[str]
) -> None:
    file = own(tmp_path, text)
    server.open(file)
    labels = [item["label"] for item in server.complete(file, *place)]

    assert words <= set(labels)
    assert len(labels) == len(set(labels)), "a word is offered twice"


EXPLAINED = {
    "kind": (HEAD, (3, 6), "What sort of model."),
    "wire": (HEAD + "    parameters: {x: {wire: y}}\n", (5, 23), "The platform's own name."),
    "unit": (HEAD + "    price: {unit: image, credits: 1}\n", (5, 14), "What the amount is for."),
    "extends": (EXTENDING, (3, 6), "The id of another model, or the name of a base"),
    "kind of an entry that extends": (EXTENDING + "    kind: image\n", (4, 6), "What sort of model."),
}


@pytest.mark.parametrize(("text", "place", "said"), EXPLAINED.values(), ids=EXPLAINED)
def test_a_word_is_explained(
    server: LanguageServer, tmp_path: Path, text: str, place: Tuple[int, int], said: str
) -> None:
    file = own(tmp_path, text)
    server.open(file)

    assert said in server.hover(file, *place).replace("\\", "")
