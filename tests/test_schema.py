"""The schema is what an editor shows: each word has a title and a sentence, in simple English."""

from __future__ import annotations

import json
import re
import runpy
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator

from kie_sync.catalog import read_schema
from kie_sync.definitions import KINDS, RESULTS
from kie_sync.yamlfile import read_yaml

SCHEMA: Dict[str, Any] = read_schema()
_LONGEST_TITLE = 30
_LONGEST_SENTENCE = 30
# What a person who does not program would have to look up.
_STRANGE = re.compile(r"\b(enum|boolean|string|array|null value|schema|property|instance|object\(s\)|etc|e\.g)\b", re.I)


def words(part: Mapping[str, Any], path: str) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    """Every word that may stand in a file, by its path; `[]` for the items of a list, `*` for names of one's own."""
    for name, about in part.get("properties", {}).items():
        yield f"{path}.{name}", about
        yield from words(about, f"{path}.{name}")
    for inside, mark in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(part.get(inside), dict):
            yield from words(part[inside], path + mark)


def followed(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """A word with what it refers to."""
    if "$ref" not in about:
        return about
    target: Any = SCHEMA
    for step in about["$ref"].lstrip("#/").split("/"):
        target = target[step]
    return {**followed(target), **about}


# In a tariff of a model's own, `unit` only says why it is asked for.
WORDS = {
    path: followed(about)
    for start, part in [("", SCHEMA), *SCHEMA["$defs"].items()]
    for path, about in words(part, start)
    if not path.startswith("model.tariffs")
}


def test_the_walk_finds_the_words() -> None:
    some = {".money.cny_per_usd", "model.kind", "model.examples[].sends", "price.observed[].seen", ".plans.*.seller"}

    assert some <= set(WORDS)


@pytest.mark.parametrize("path", WORDS)
def test_a_word_has_a_title_and_a_sentence(path: str) -> None:
    title, description = WORDS[path].get("title", ""), WORDS[path].get("description", "")

    assert title and len(title) <= _LONGEST_TITLE and title[0].isupper() and not title.endswith(".")
    assert description.endswith((".", "...")), description


@pytest.mark.parametrize("path", WORDS)
def test_sentences_are_short_and_simple(path: str) -> None:
    description = WORDS[path]["description"]

    assert not _STRANGE.search(description), _STRANGE.search(description)
    for sentence in re.split(r"[.;:] ", description):
        assert len(sentence.split()) <= _LONGEST_SENTENCE, sentence


@pytest.mark.parametrize("name", SCHEMA["$defs"])
def test_each_part_has_a_title_and_a_sentence(name: str) -> None:
    assert SCHEMA["$defs"][name]["title"] and SCHEMA["$defs"][name]["description"].endswith(".")


@pytest.mark.parametrize(("word", "values"), [("kind", KINDS), ("result", RESULTS)])
def test_where_an_entry_extends_the_same_values_are_offered(word: str, values: Tuple[str, ...]) -> None:
    """An editor offers nothing for if/else, but examples."""
    assert tuple(SCHEMA["$defs"]["extending"]["properties"][word]["examples"]) == values


@pytest.mark.parametrize("path", [path for path in WORDS if "examples" in WORDS[path]])
def test_examples_are_allowed(path: str) -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator({**WORDS[path], "$defs": SCHEMA["$defs"]})

    assert [list(validator.iter_errors(example)) for example in WORDS[path]["examples"]] == [[]] * len(
        WORDS[path]["examples"]
    )


@pytest.mark.parametrize(
    "file", [ROOT / "models.yaml", *sorted(ROOT.glob("models/**/*.yaml"))], ids=lambda file: file.name
)
def test_line_1_points_an_editor_at_the_schema(file: Any) -> None:
    first = file.read_text(encoding="utf-8").split("\n")[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)

    assert found is not None
    assert (file.parent / found[1]).resolve() == ROOT / "schemas" / "catalog.schema.json"


# The schema of users' own files


def test_the_schema_of_own_files_is_up_to_date() -> None:
    """`make docs` writes it."""
    made = runpy.run_path(str(ROOT / "docs" / "own_schema.py"))

    assert made["OWN"].read_text(encoding="utf-8") == made["text"]()


OWN = """\
money: {cny_per_usd: 7.2}
kinds: {video: {deadline_s: 3600}}
providers: {kie: {title: null}}
bases:
  flux-2: {parameters: {nsfw_checker: null}}
models:
  google/nano-banana:
    parameters: {prompt: {max_length: null}, output_format: null}
    price: {credits: 3}
    tariffs: {reference: {credits: 4}}
    retired_on: null
  grok-4-7: null
"""


def faults_of(text: str, schema: Mapping[str, Any]) -> List[str]:
    validator = Draft202012Validator(dict(schema))
    return sorted("/".join(map(str, each.absolute_path)) for each in validator.iter_errors(read_yaml(text, "my.yaml")))


def test_what_changes_removes_or_hides_is_right_in_a_file_of_ones_own() -> None:
    """The schema of whole catalogs misses what such a file need not say."""
    own: Dict[str, Any] = json.loads((ROOT / "schemas" / "own.schema.json").read_text(encoding="utf-8"))

    assert faults_of(OWN, own) == []
    assert {"money", "kinds/video", "models/grok-4-7"} <= set(faults_of(OWN, SCHEMA))
    assert faults_of(OWN.replace("max_length", "max_lenght").replace("video", "vidio"), own) == [
        "kinds",
        "models/google/nano-banana/parameters/prompt",
    ]
