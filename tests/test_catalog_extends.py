"""Entries that say only what differs: what they take over, what stays their own, and where faults are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator

from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.catalog_extends import OWN, CannotExtend, Entries, lay
from kie_sync.errors import KieCatalogError
from kie_sync.pricing import estimate
from kie_sync.yamlfile import mark_at, read_yaml

FAMILY = """\
bases:
  family:
    kind: image
    endpoint: kie-task
    advice: [Be brief.]
    parameters:
      prompt: {required: true}
      count:  {type: integer, min: 1, max: 4}
    price: {unit: image, credits: 4, source: a list, checked: 2026-11-22}
"""


def read(folder: Path, text: str, *more: str) -> Catalog:
    names = [folder / f"{number}.yaml" for number in range(1 + len(more))]
    for path, part in zip(names, (text, *more)):
        path.write_text(part, encoding="utf-8")
    return read_catalog(*names)


def told(catalog: Catalog, folder: Path) -> List[str]:
    return [str(problem).replace(f"{folder}/", "") for problem in catalog.problems]


def entries(text: str) -> Entries:
    return Entries(read_yaml(text, "my.yaml"))


# ---- what is taken over ----


def test_maps_merge_lists_and_values_replace_null_removes(tmp_path: Path) -> None:
    text = FAMILY + (
        "models:\n  my/a:\n    extends: family\n    advice: [Be long., Be clear.]\n"
        "    parameters: {prompt: null, count: {max: 9}, seed: {type: integer}}\n    price: {credits: 5}\n"
    )

    model = read(tmp_path, text)["my/a"]

    assert model.advice == ("Be long.", "Be clear.")
    assert {name: str(each.max) for name, each in model.parameters.items()} == {"count": "9", "seed": "None"}
    assert (model.parameters["count"].min, model.prices[0].amounts, model.prices[0].source.source) == (1, 5, "a list")


def test_a_chain_goes_on_over_bases_and_models_in_any_order(tmp_path: Path) -> None:
    text = (
        "models:\n  my/c: {extends: my/b, title: C}\n  my/b: {extends: second, price: {credits: 7}}\n"
        "bases:\n  second: {extends: family, parameters: {count: {max: 2}}}\n"
    )

    catalog = read(tmp_path, FAMILY, text)

    assert [(catalog[name].title, catalog[name].parameters["count"].max) for name in ("my/b", "my/c")] == [
        ("my/b", 2),
        ("C", 2),
    ]
    assert estimate(catalog["my/c"], {}).platform_credits == 7


def test_what_is_an_entrys_own_is_not_taken_over() -> None:
    own = ", ".join(f"{word}: x" for word in OWN if word != "extends")
    found = entries(f"models:\n  a: {{kind: image, {own}}}\n  b: {{extends: a, title: B}}\n")

    assert dict(found.whole(("models", "b"))) == {"kind": "image", "extends": "a", "title": "B"}


def test_a_model_is_never_called_by_the_name_of_the_one_that_it_extends(tmp_path: Path) -> None:
    text = FAMILY + "models:\n  my/a: {extends: family, slug: other}\n  my/b: {extends: my/a}\n"

    catalog = read(tmp_path, text)

    assert [catalog[name].slug for name in ("my/a", "my/b")] == ["other", "my/b"]


def test_a_shipped_model_can_be_extended(tmp_path: Path) -> None:
    text = (
        "models:\n  my/pro: {extends: nano-banana-pro, parameters: {resolution: {values: [1K]}}, price: {credits: 3}}\n"
    )

    catalog = read(tmp_path, text)

    assert list(catalog["my/pro"].parameters) == list(catalog["nano-banana-pro"].parameters)
    assert catalog["my/pro"].prices[0].amounts == 3


def test_bases_are_no_models(tmp_path: Path) -> None:
    shipped = read_catalog()

    catalog = read(tmp_path, FAMILY)

    assert (list(catalog), catalog.problems) == (list(shipped), ())
    assert "family" not in catalog


def test_only_what_is_asked_for_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed catalog completes no entry before somebody looks at it."""
    base = read_yaml((ROOT / "models.yaml").read_text(encoding="utf-8"), "models.yaml")
    layer = read_yaml(FAMILY + "models:\n  my/a: {extends: family}\n  my/b: {extends: family}\n", "my.yaml")
    asked: List[Any] = []
    real = Entries.whole
    monkeypatch.setattr(Entries, "whole", lambda self, where: asked.append(where) or real(self, where))
    catalog = Catalog(lay(base, layer), [])

    catalog["my/a"]

    assert set(asked) == {("models", "my/a"), ("bases", "family")}


def test_the_places_of_an_entry_are_where_its_parts_stand() -> None:
    whole = entries(FAMILY + "models:\n  my/a:\n    extends: family\n    price: {credits: 5}\n").whole(
        ("models", "my/a")
    )

    found = {path: mark_at(whole, path).line for path in (("price", "credits"), ("price", "unit"), ("parameters",))}

    assert found == {("price", "credits"): 13, ("price", "unit"): 9, ("parameters",): 7}


# ---- one file over another ----


def test_a_file_over_a_base_changes_all_that_extends_it(tmp_path: Path) -> None:
    text = FAMILY + "models:\n  my/a: {extends: family}\n  my/b: {extends: family, price: {credits: 9}}\n"

    catalog = read(tmp_path, text, "bases: {family: {price: {credits: 6}, parameters: {count: null}}}\n")

    assert [(catalog[name].prices[0].amounts, list(catalog[name].parameters)) for name in ("my/a", "my/b")] == [
        (6, ["prompt"]),
        (9, ["prompt"]),
    ]


REMOVALS = {
    "what only the base has": ("{}", "{parameters: {count: null}}", ["prompt"]),
    "what both have": ("{parameters: {count: {max: 9}}}", "{parameters: {count: null}}", ["prompt"]),
    "what only the entry has": ("{parameters: {seed: {}}}", "{parameters: {seed: null}}", ["prompt", "count"]),
    "deep in what only the entry has": (
        "{parameters: {a: {title: A}}}",
        "{parameters: {a: {title: null}}}",
        ["prompt", "count", "a"],
    ),
    "the word itself, and more": (
        "{kind: image, endpoint: kie-task, price: {credits: 5}, rules: [{kind: unique, of: a}]}",
        "{extends: null, price: null, rules: null}",
        [],
    ),
    "the word itself": ("{kind: image, endpoint: kie-task}", "{extends: null}", []),
}


@pytest.mark.parametrize(("own", "over", "left"), REMOVALS.values(), ids=REMOVALS)
def test_what_a_file_removes_does_not_come_back_from_a_base(
    tmp_path: Path, own: str, over: str, left: List[str]
) -> None:
    text = FAMILY + f"models:\n  my/a: {{extends: family, {own[1:]}\n"

    catalog = read(tmp_path, text, f"models: {{my/a: {over}}}\n")

    assert list(catalog["my/a"].parameters) == left


def test_a_null_that_means_send_nothing_is_no_removal(tmp_path: Path) -> None:
    text = FAMILY.replace("prompt: {required: true}", "search: {wire: tools, values: {true: [x], false: null}}")

    catalog = read(tmp_path, text + "models:\n  my/a: {extends: family, parameters: {search: {title: T}}}\n")

    assert [(choice.value, choice.wire) for choice in catalog["my/a"].parameters["search"].values or ()] == [
        (True, ["x"]),
        (False, None),
    ]


def test_a_removed_model_can_come_back_whole(tmp_path: Path) -> None:
    text = FAMILY + "models:\n  my/a: {extends: family}\n"

    catalog = read(tmp_path, text, "models: {my/a: null}\n", "models: {my/a: {extends: family, title: New}}\n")

    assert (catalog["my/a"].title, "my/a" in read(tmp_path, text, "models: {my/a: null}\n")) == ("New", False)


# ---- faults ----

FAULTS: Dict[str, Any] = {
    "no such name": (
        "models: {my/a: {extends: famly}}",
        ['10:26: my/a: extends: there is no base and no model famly; did you mean "family"? the bases are: '],
    ),
    "a circle": (
        "models: {my/b: {extends: my/a}, my/a: {extends: my/b}, my/c: {extends: my/a}}",
        ["10:49: my/a: extends: this is a circle: my/a extends my/b extends my/a"],
    ),
    "itself": ("models: {my/a: {extends: my/a}}", ["10:26: my/a: extends: this is a circle: my/a extends my/a"]),
    "no text": (
        "models: {my/a: {extends: 5, kind: image}}",
        ['10:26: my/a: extends: 5 is a number, it must be text; write "5"'],
    ),
    "nothing to remove": (
        "models: {my/a: {extends: family, rules: null, parameters: {seed: null}}}",
        [
            "10:41: my/a: rules: there is nothing to remove: family has no rules",
            "10:66: my/a: parameters.seed: there is nothing to remove: family has no seed",
        ],
    ),
    "still not whole": (
        "models: {my/a: {extends: family, endpoint: null, price: {unit: null}}}",
        [
            "10:16: my/a: endpoint is missing, here and in family; say how it is called",
            "10:57: my/a: price: unit is missing, here and in family; say what the amount is for",
        ],
    ),
    "a fault of its own": (
        "models: {my/a: {extends: family, parameters: {count: {max: 0}}}, my/b: {extends: family}}",
        ["8:36: my/a: parameters.count.min: min 1 is above max 0"],
    ),
    "a word that does not exist": (
        "models: {my/a: {extends: family, parametres: {}}}",
        ['10:34: my/a: parametres: there is no word parametres here; did you mean "parameters"?'],
    ),
}


@pytest.mark.parametrize(("text", "messages"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told_once_at_its_place(tmp_path: Path, text: str, messages: List[str]) -> None:
    catalog = read(tmp_path, FAMILY + text + "\n")

    found = told(catalog, tmp_path)

    assert len(found) == len(messages), found
    for line, message in zip(found, messages):
        assert line.startswith(f"0.yaml:{message}")


def test_a_base_that_extends_what_is_not_there_is_told_once(tmp_path: Path) -> None:
    text = "bases: {b: {extends: gone}}\nmodels: {my/a: {extends: b}, my/b: {extends: b}}\n"

    catalog = read(tmp_path, text)

    assert told(catalog, tmp_path)[0].startswith("0.yaml:1:22: bases.b.extends: there is no base and no model gone")
    assert len(catalog.problems) == 1
    with pytest.raises(KieCatalogError, match=r"my/b: bases\.b\.extends: there is no base and no model gone"):
        catalog["my/b"]


BASE_FAULTS = {
    "of its shape": (
        "{required: yes}",
        "0.yaml:7:26: bases.family.parameters.prompt.required: yes is text, it must be true or false; "
        "write true or false",
    ),
    "of its meaning": (
        "{pattern: '['}",
        "0.yaml:7:25: bases.family.parameters.prompt.pattern: not a regular expression: "
        "unterminated character set at position 0",
    ),
}


@pytest.mark.parametrize(("prompt", "message"), BASE_FAULTS.values(), ids=BASE_FAULTS)
def test_a_fault_of_a_base_is_told_once_for_the_base(tmp_path: Path, prompt: str, message: str) -> None:
    heirs = "".join(f"  my/{number}: {{extends: family}}\n" for number in range(12))
    text = FAMILY.replace("{required: true}", prompt) + f"models:\n{heirs}  my/x: {{extends: my/3}}\n"

    catalog = read(tmp_path, text)

    assert told(catalog, tmp_path) == [message]
    assert not [model_id for model_id in catalog if model_id.startswith("my/")]
    with pytest.raises(KieCatalogError) as raised:
        catalog["my/7"]
    assert str(raised.value).replace(f"{tmp_path}/", "") == message.replace(" bases", " my/7: bases")


def test_a_warning_of_a_base_is_told_once_and_stops_nothing(tmp_path: Path) -> None:
    text = FAMILY.replace("source: a list, ", "") + "models:\n  my/a: {extends: family}\n  my/b: {extends: family}\n"

    catalog = read(tmp_path, text)

    assert told(catalog, tmp_path) == [
        "0.yaml:9:12: warning: bases.family.price: the price has no source; write where it was read and when"
    ]
    assert {"my/a", "my/b"} <= set(catalog)


def test_what_is_wrong_only_together_is_told_for_the_model(tmp_path: Path) -> None:
    """The base's pattern is right for its text; that one model made a number of it is that model's fault."""
    text = FAMILY.replace("{required: true}", "{pattern: a}")

    catalog = read(tmp_path, text + "models:\n  my/a: {extends: family, parameters: {prompt: {type: number}}}\n")

    assert told(catalog, tmp_path) == [
        "0.yaml:7:25: my/a: parameters.prompt.pattern: pattern does not fit a parameter of type number; "
        "it belongs to: text, image, images, video, videos, audio, audios, file, files"
    ]


def test_a_fault_of_a_model_that_others_extend_is_that_models(tmp_path: Path) -> None:
    text = FAMILY + "models:\n  my/a: {extends: family, parameters: {b: {min: 5}}}\n  my/b: {extends: my/a}\n"

    catalog = read(tmp_path, text)

    assert told(catalog, tmp_path) == [
        "0.yaml:11:49: my/a: parameters.b.min: min does not fit a parameter of type text; "
        "it belongs to: integer, number"
    ]
    assert "my/b" not in catalog


def test_a_base_must_not_have_the_name_of_a_model(tmp_path: Path) -> None:
    catalog = read(
        tmp_path, FAMILY + "models:\n  family: {kind: image, endpoint: kie-task}\n  my/a: {extends: family}\n"
    )

    assert told(catalog, tmp_path) == ["0.yaml:2:3: bases.family: a model has this name; call the base otherwise"]
    assert ("family" in catalog, "my/a" in catalog) == (True, False)


@pytest.mark.parametrize("section", ["bases: [a]", "bases: 5"])
def test_bases_that_are_no_mapping_count_as_shipped(tmp_path: Path, section: str) -> None:
    catalog = read(tmp_path, section + "\n")

    assert told(catalog, tmp_path)[0].startswith("0.yaml:1:8: bases: ")
    assert len(catalog) == len(read_catalog())


def test_amounts_that_are_half_taken_over_are_warned_of(tmp_path: Path) -> None:
    """A cached rate that belongs to another model would be charged in silence."""
    text = (
        "models:\n  my/a:\n    extends: gemini-3-flash-preview\n"
        "    price: {credits: {input: 1, output: 2}, usd: null}\n"
        "  my/b:\n    extends: my/a\n    price: {credits: {input: 3}}\n"
    )

    catalog = read(tmp_path, text)

    assert told(catalog, tmp_path) == [
        "0.yaml:7:22: warning: my/b: price.credits: taken over from my/a, beside amounts that are not: output; "
        "state them here, or null"
    ]


def test_what_an_entry_extends_can_be_asked_for() -> None:
    found = entries("bases:\n  a: {}\n  b: {extends: a}\nmodels:\n  c: {extends: b}\n  d: {extends: e}\n")

    assert found.above(("models", "c")) == [("bases", "b"), ("bases", "a")]
    assert found.heirs({"a"}) == {"a", "c", "d"}
    with pytest.raises(CannotExtend, match="there is no base and no model e; the bases are: a, b"):
        found.whole(("models", "d"))


# ---- what editors see ----

WRITTEN = {
    "whole": ("models: {a: {kind: image, endpoint: kie-task}}", True),
    "not whole": ("models: {a: {kind: image}}", False),
    "extending": ("models: {a: {extends: b, title: A, price: {credits: 5}}}", True),
    "removing": ("models: {a: {extends: b, rules: null, price: null, parameters: {c: null}}}", True),
    "a base": ("bases: {b: {kind: image, price: {unit: image}}}", True),
    "a typo in a base": ("bases: {b: {knid: image}}", False),
    "a wrong value while extending": ("models: {a: {extends: b, kind: immage}}", False),
    "a wrong parameter while extending": ("models: {a: {extends: b, parameters: {c: {max: x}}}}", False),
}


@pytest.mark.parametrize(("text", "is_good"), WRITTEN.values(), ids=WRITTEN)
def test_the_schema_alone_takes_entries_as_they_are_written(text: str, is_good: bool) -> None:
    assert Draft202012Validator(read_schema()).is_valid(read_yaml(text, "my.yaml")) is is_good
