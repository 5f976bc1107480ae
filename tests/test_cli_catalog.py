"""`catalog check`, `explain`, `docs` and `schema`, and `show --resolved`: what a person who edits the catalog reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT
from test_cli import here as here
from test_cli import run, run_json

from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.cli.catalog import COMMANDS
from kie_sync.cli.catalog.bases import as_model
from kie_sync.cli.catalog.docs import PARTS, part_words
from kie_sync.cli.catalog.sentences import about_model, about_parameter, about_prices
from kie_sync.cli.resolved import resolved_yaml
from kie_sync.cli.run import Run
from kie_sync.cli.words import parameter_rows
from kie_sync.clock import SystemClock
from kie_sync.yamlfile import read_yaml

MINE = """\
bases:
  family:
    kind: video
    endpoint: kie-task
    rules: [{when: {images: {present: true}}, then: {duration: {max: 8}}, say: pictures make it short}]
    parameters:
      prompt:   {required: true, max_length: 500, title: What happens}
      duration: {wire: secs, type: integer, min: 4, max: 12, also: [-1], default: 5, note: -1 is for its own choice}
models:
  my/film:
    extends: family
    title: My Film
    source: a page
    checked: 2026-11-01
    advice: [Be brief.]
    note: Still new.
    parameters:
      images:
        type: images
        aliases: [frames]
        max_items: 2
      safe:   {wire: nsfw_checker, constant: true}
      format: {values: {mp4: MP4, gif: GIF}, default: mp4, send_always: true}
      shots:  {type: list, items: {type: object, fields: {text: {required: true}}}, source: a forum}
    price:
      - {unit: second, credits: 2, source: a list, checked: 2026-01-01}
      - unit: second
        by: format
        credits: {mp4: 3, gif: unknown}
        valid_from: 2026-06-01
        note: it went up
        observed: [{seen: 2026-10, credits: 2, source: a friend}]
        source: a list
        checked: 2026-11-01
      - {unit: second, credits: 4, valid_from: 2999-01-01, source: a letter, checked: 2026-11-01}
    tariffs:
      reference: {unit: video, credits: 30, note: round, source: ours, checked: 2026-11-01}
    examples:
      - call:  {prompt: rain, duration: 6}
        sends: {prompt: rain, secs: 6, format: MP4, nsfw_checker: true}
        price: {cost_plus_one: 19}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text(MINE, encoding="utf-8")
    return "my.yaml"


def test_the_entry_is_right(mine: str) -> None:
    assert run("catalog", "check", mine, "--strict").stdout == ""


# ---- explain ----


def test_explain_says_what_a_model_is(mine: str) -> None:
    text = run("catalog", "explain", "my/film", "--catalog", mine).stdout

    assert text.startswith(
        "My Film (my/film) makes videos; its kind is video.\n"
        "KIE.ai serves it as my/film, called by the endpoint kie-task.\n"
        "Its entry stands in my.yaml:10.\n"
        "What it does not say itself comes from family, in my.yaml:2.\n"
        "Its limits were read in: a page; last looked at on 2026-11-01.\n"
        "Rule: pictures make it short (when images is given: duration 8 at most).\n"
        "Advice: Be brief.\n"
        "Note: Still new.\n"
        "\n"
        "What may be given\n"
        "\n"
        "prompt (my.yaml:7)\n"
        "  What happens.\n"
        "  It must be given: text.\n"
        "  Allowed: 500 characters at most.\n"
        "  It goes out by this name.\n"
    )
    assert "What it costs\n\nAn earlier price (my.yaml:26)\n  2 credits per second.\n" in text
    assert "\nThe price now from 2026-06-01 (my.yaml:27)\n  3 credits per second, for format mp4.\n" in text
    assert "  unknown, for format gif.\n  Seen 2026-10, and not charged: 2 credits, in a friend.\n" in text
    assert "\nAnnounced from 2999-01-01 (my.yaml:35)\n" in text
    assert text.endswith("In the tariff reference (my.yaml:37)\n  30 credits per video.\n  Note: round\n")


PARAMETERS: Dict[str, List[str]] = {
    "my/film.duration": [
        "It may be given: a whole number.",
        "Allowed: 4 to 12; or -1.",
        "Without it, nothing is sent, and the platform takes 5.",
        "It goes out as secs.",
        "A caller may also call it secs, seconds, duration_seconds.",
        "Rule: pictures make it short (when images is given: duration 8 at most).",
        "The price goes by it.",
        "Note: -1 is for its own choice",
    ],
    "my/film.frames": [
        "It may be given: one or more images: URLs or local files.",
        "Allowed: 2 items at most.",
        "Without it, nothing is sent.",
        "It goes out by this name.",
        "A caller may also call it frames, image.",
        "Rule: pictures make it short (when images is given: duration 8 at most).",
    ],
    "my/film.safe": [
        "It is always sent as true; a caller cannot set it.",
        "It goes out as nsfw_checker.",
        "A caller may also call it nsfw_checker.",
    ],
    "my/film.format": [
        "It may be given: text.",
        "Allowed: mp4 (MP4 on the wire), gif (GIF on the wire).",
        'Without it, "mp4" is sent.',
        "It goes out by this name.",
        "The price goes by it.",
    ],
    "my/film.shots[].text": ["It must be given: text.", "It goes out by this name."],
    "my/film.shots": [
        "It may be given: a list.",
        "Without it, nothing is sent.",
        "It goes out by this name.",
        "This was read in: a forum.",
    ],
}


@pytest.mark.parametrize(("target", "sentences"), PARAMETERS.items(), ids=PARAMETERS)
def test_explain_says_what_a_parameter_means(mine: str, target: str, sentences: List[str]) -> None:
    found = run_json("catalog", "explain", target, "--catalog", mine)

    assert found["parameters"][0]["sentences"] == sentences


def test_explain_says_where_a_parameter_stands(mine: str) -> None:
    found = [
        run_json("catalog", "explain", f"my/film.{name}", "--catalog", mine)["parameters"][0]["line"]
        for name in ("duration", "images", "shots[].text")
    ]

    assert found == [8, 18, 24]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("my/film.duraton", 'my/film: duraton is not a parameter of this model; did you mean "duration"?'),
        ("my/fiml", 'my/fiml: no such model in the catalog; did you mean "my/film"?'),
        # No canonical name is near, but one that callers may use as well.
        ("my/film.secconds", 'my/film: secconds is not a parameter of this model; did you mean "seconds"?'),
        ("famly", 'famly: no such model in the catalog; did you mean "family"?'),
        ("my/fiml.x", 'my/fiml.x: no such model in the catalog; did you mean "my/film"?'),
    ],
)
def test_explain_knows_what_is_near(mine: str, target: str, said: str) -> None:
    result = run("catalog", "explain", target, "--catalog", mine)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {said}")


def test_explain_says_what_a_base_is(mine: str) -> None:
    """Its rule is about a parameter that only the model has."""
    text = run("catalog", "explain", "family", "--catalog", mine).stdout

    assert text == (
        "family is a base: no model, and nobody can call it; it completes the models that extend it.\n"
        "It stands in my.yaml:2.\n"
        "1 model extends it: my/film.\n"
        "Its kind is video.\n"
        "It is called by the endpoint kie-task.\n"
        "Its rules, in my.yaml:5, can be told only of a model that extends it.\n"
        "\n"
        "What may be given\n"
        "\n"
        "prompt (my.yaml:7)\n"
        "  What happens.\n"
        "  It must be given: text.\n"
        "  Allowed: 500 characters at most.\n"
        "  It goes out by this name.\n"
        "\n"
        "duration (my.yaml:8)\n"
        "  It may be given: a whole number.\n"
        "  Allowed: 4 to 12; or -1.\n"
        "  Without it, nothing is sent, and the platform takes 5.\n"
        "  It goes out as secs.\n"
        "  A caller may also call it secs, seconds, duration_seconds.\n"
        "  Note: -1 is for its own choice\n"
    )


def test_explain_says_what_a_base_costs(here: Path) -> None:
    """And explains one that no model extends, which says nothing of how it is called."""
    text = """\
bases:
  wide: {extends: narrow, parameters: {prompt: {required: true}}}
  narrow: {price: {unit: image, credits: 3, source: a list, checked: 2026-11-01}}
"""
    (here / "my.yaml").write_text(text, encoding="utf-8")

    assert run("catalog", "explain", "wide", "--catalog", "my.yaml").stdout == (
        "wide is a base: no model, and nobody can call it; it completes the models that extend it.\n"
        "It stands in my.yaml:2.\n"
        "What it does not say itself comes from narrow, in my.yaml:3.\n"
        "No model extends it.\n"
        "\n"
        "What may be given\n"
        "\n"
        "prompt (my.yaml:2)\n"
        "  It must be given: text.\n"
        "  It goes out by this name.\n"
        "\n"
        "What it costs\n"
        "\n"
        "The price now (my.yaml:3)\n"
        "  3 credits per image.\n"
        "  It was read in: a list; last looked at on 2026-11-01.\n"
    )


def test_explain_says_that_a_source_is_missing(here: Path) -> None:
    entry = "{kind: image, endpoint: kie-task, price: {unit: image, credits: 3}}"
    (here / "my.yaml").write_text(f"models:\n  my/one: {entry}\n", encoding="utf-8")

    lines = run("catalog", "explain", "my/one", "--catalog", "my.yaml").stdout.splitlines()

    assert "Its limits were read somewhere; the entry does not say where (source)." in lines
    assert lines[-1] == "  It was read somewhere; the entry does not say where (source)."


def test_a_base_that_is_broken_says_where(here: Path) -> None:
    (here / "my.yaml").write_text("bases:\n  wide: {parametres: {}}\n", encoding="utf-8")

    result = run("catalog", "explain", "wide", "--catalog", "my.yaml")

    assert result.exit_code == 2
    assert "my.yaml:2:10: bases.wide.parametres: there is no word parametres here" in result.stderr


def test_who_asks_for_a_base_as_a_model_is_told_so(mine: str) -> None:
    result = run("show", "family", "--catalog", mine)

    assert result.exit_code == 2
    assert "it is a base, which models extend; `kie-sync catalog explain family` explains it" in result.stderr


def test_explain_says_what_a_parameter_of_a_base_means(mine: str) -> None:
    found = run_json("catalog", "explain", "family.seconds", "--catalog", mine)

    assert (found["model"], found["parameters"][0]["name"]) == ("family", "duration")
    assert found["parameters"][0]["line"] == 8


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("responses", []),
        ("claude-with-tools", ["Its price, in models/claude.yaml"]),
        ("grok-imagine-video", ["Its parameter duration, in models/grok-imagine.yaml", "Its price, in models/grok"]),
    ],
)
def test_what_is_whole_only_in_the_models_is_left_to_them(name: str, left_out: List[str], catalog: Catalog) -> None:
    _, model, about = as_model(Run(is_shipped_only=True), catalog, name)

    told = [line for line in about if line.endswith("can be told only of a model that extends it.")]
    assert len(model.parameters) > 4
    assert [line.startswith(start) for line, start in zip(told, left_out)] == [True] * len(left_out)
    assert len(told) == len(left_out)


def test_every_shipped_model_can_be_explained(catalog: Catalog) -> None:
    """Each place is one in a file."""
    for model in catalog.values():
        told = [about_parameter(catalog, model, path) for path, _ in parameter_rows(model.parameters)]
        told += about_prices(catalog, model, "2026-11-22T00:00:00Z")

        assert len(about_model(catalog, model)) > 3
        assert all((ROOT / each["file"]).is_file() and each["line"] > 1 and each["sentences"] for each in told)


def test_dots_in_an_id_are_no_mistake() -> None:
    found = [run_json("catalog", "explain", name) for name in ("gpt-5.2-codex", "gpt-5.2-codex.web_search")]

    assert [(each["model"], "price" in each) for each in found] == [("gpt-5.2-codex", True), ("gpt-5.2-codex", False)]


# ---- show --resolved ----


def test_resolved_says_where_each_value_stands(mine: str) -> None:
    text = run("show", "my/film", "--resolved", "--catalog", mine).stdout

    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[:4] == ["models:", "my/film:", "extends: family # my.yaml:11", "title: My Film # my.yaml:12"]
    assert "kind: video # my.yaml:3" in lines
    assert "max_items: 2 # my.yaml:21" in lines


def test_resolved_as_data(mine: str) -> None:
    found = run_json("show", "my/film", "--resolved", "--catalog", mine)

    assert {"path": "kind", "value": "video", "file": "my.yaml", "line": 3} in found
    assert {"path": "parameters.images.max_items", "value": 2, "file": "my.yaml", "line": 21} in found


def test_what_resolved_prints_is_the_entry(catalog: Catalog) -> None:
    """It can be read again, and says the same: quotes where they are needed, no figure changed."""
    for model_id in catalog:
        again = read_yaml(resolved_yaml(catalog, model_id), "again")

        assert again == {"models": {model_id: catalog.raw(model_id)}}


ODD: List[Any] = [
    "5",
    "true",
    "null",
    "a: b",
    "a #b",
    "- a",
    "it's",
    '"',
    "a, b",
    "x\ny",
    "x\\",
    " x ",
    "",
    "@x",
    "1:1",
]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    path = tmp_path / "my.yaml"
    entry = {"kind": "image", "endpoint": "kie-task", "advice": [text, "x"], "note": text}
    path.write_text(json.dumps({"models": {"my/x": entry}}), encoding="utf-8")
    catalog = read_catalog(path)

    assert read_yaml(resolved_yaml(catalog, "my/x"), "again")["models"]["my/x"] == entry


# ---- docs and schema ----


def test_docs_explain_every_part() -> None:
    found = run_json("catalog", "docs")

    assert list(found) == list(PARTS)
    assert found["tariffs"] == [{"word": word, "says": text} for word, text in part_words(read_schema(), "tariffs")]


def test_docs_of_a_part_and_of_a_word() -> None:
    part, word = run("catalog", "docs", "term").stdout, run_json("catalog", "docs", "max_items")

    assert part.startswith("A term of a sum\nword    what it says\ncount   Count the items")
    assert {name: [row["word"] for row in rows] for name, rows in word.items()} == {
        "parameter": ["max_items"],
        "then": ["max_items"],
    }


def test_docs_of_a_word_that_is_none() -> None:
    result = run("catalog", "docs", "max_itmes")

    assert (result.exit_code, result.stderr) == (
        2,
        'error: there is no word max_itmes in catalog files; did you mean "max_items"?\n',
    )


def test_schema_and_where_it_stands() -> None:
    path = run("catalog", "schema", "--path").stdout.strip()

    assert run_json("catalog", "schema") == json.loads(Path(path).read_text(encoding="utf-8")) == read_schema()
    assert run_json("catalog", "schema", "--path") == {"path": path}


def test_the_schema_of_your_own_files_asks_for_less() -> None:
    whole, own = run_json("catalog", "schema"), run_json("catalog", "schema", "--own")
    path = run("catalog", "schema", "--own", "--path").stdout.strip()

    assert own == json.loads(Path(path).read_text(encoding="utf-8"))
    assert (whole["properties"]["money"]["required"], own["properties"]["money"].get("required")) == (
        ["usd_per_credit", "cny_per_usd"],
        None,
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_its_list_says(name: str) -> None:
    text = run("catalog", name, "--help").stdout

    assert text.splitlines()[2].strip() == COMMANDS[name][1]


# ---- check ----


def test_check_counts_file_by_file(mine: str) -> None:
    Path("other.yaml").write_text("models: {my/other: {kind: imge}}\n", encoding="utf-8")

    result = run("catalog", "check", mine, "other.yaml")

    assert result.exit_code == 2
    assert result.stdout.count("\n") == 2 and result.stdout.startswith("other.yaml:1:10: my/other: endpoint is missing")
    assert "file        models  errors  warnings\nother.yaml       0       2         0\n\n" in result.stderr
    assert result.stderr.endswith("models read; 2 errors, 0 warnings\n")


def test_check_as_data_counts_file_by_file(mine: str) -> None:
    found = json.loads(run("catalog", "check", mine, "--json").stdout)

    assert found["files"][-1] == {"file": "my.yaml", "models": 1, "errors": 0, "warnings": 0}
    assert sum(row["models"] for row in found["files"]) == found["models"]


def test_old_prices_count_only_when_they_are_asked_for(mine: str) -> None:
    """A strict check fails by what was changed, never by the calendar alone."""
    text = MINE.replace(
        "checked: 2026-11-01\n      - {unit: second, credits: 4",
        "checked: 2020-01-01\n      - {unit: second, credits: 4",
    )
    Path(mine).write_text(text, encoding="utf-8")

    silent, asked, strict = (
        run("catalog", "check", mine, *more)
        for more in (("--strict",), ("--older-than", "1000"), ("--older-than", "1000", "--strict"))
    )

    assert (silent.exit_code, silent.stdout, asked.exit_code, strict.exit_code) == (0, "", 0, 2)
    assert "last looked at more than 180 days ago; --older-than 180 lists them\n" in silent.stderr
    assert asked.stdout.startswith("my.yaml:34:18: warning: my/film: price[1].checked: nobody has looked at this price")


def test_old_prices_are_counted_only_in_the_files_that_are_checked(mine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What --older-than would list of a file: of the shipped prices, which are much older by then, nothing."""
    monkeypatch.setattr(SystemClock, "date", lambda self: "2027-04-01T00:00:00Z")
    text = MINE.replace("source: a list\n        checked: 2026-11-01", "source: a list\n        checked: 2020-01-01")
    Path(mine).write_text(text.replace("checked: 2026-11-01", "checked: 2027-03-01"), encoding="utf-8")

    one, every = run("catalog", "check", mine), run("catalog", "check", "--catalog", mine)

    assert "1 price was last looked at" in one.stderr
    assert int(every.stderr.rpartition(" prices were last looked at")[0].split()[-1]) > 1


def test_a_file_of_the_shipped_catalog_is_checked_in_its_place() -> None:
    result = run("catalog", "check", str(ROOT / "models" / "grok.yaml"), str(ROOT / "models.yaml"), "--strict")

    assert (result.exit_code, result.stdout) == (0, "")


def test_a_folder_is_a_whole_catalog(mine: str) -> None:
    Path("models.yaml").write_text((ROOT / "models.yaml").read_text(encoding="utf-8"), encoding="utf-8")

    found = json.loads(run("catalog", "check", ".", mine, "--json").stdout)

    assert [row["file"] for row in found["files"]] == ["models.yaml", "my.yaml"]
    assert found["problems"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "there is no models.yaml in a; name a catalog file, or a whole catalog's folder"),
        (["b", "c"], "one folder at a time; got b and c"),
    ],
)
def test_a_folder_without_a_catalog(here: Path, words: List[str], said: str) -> None:
    for name in "abc":
        (here / name).mkdir()
    for name in "bc":
        (here / name / "models.yaml").touch()

    result = run("catalog", "check", *words)

    assert (result.exit_code, result.stderr) == (2, f"error: {said}\n")
