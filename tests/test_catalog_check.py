"""What is wrong with an entry, in the words that its author reads: one sentence, at its line and column."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from textwrap import indent
from typing import Any, Dict, List, Tuple

import pytest
from conftest import ROOT

from kie_sync.catalog import Catalog, read_catalog
from kie_sync.catalog_check import model_faults
from kie_sync.errors import KieCatalogError
from kie_sync.pricing import estimate
from kie_sync.yamlfile import read_yaml

FAULTS: Dict[str, Dict[str, Any]] = read_yaml(
    (ROOT / "tests" / "cases" / "catalog_faults.yaml").read_text(encoding="utf-8"), "catalog_faults.yaml"
)
HEAD = "models:\n  my/x:\n    kind: video\n    endpoint: kie-task\n"
PRICE = "    price: {unit: video, credits: 1, source: s, checked: 2026-01-01}\n"


def catalog_of(folder: Path, body: str) -> Catalog:
    path = folder / "my.yaml"
    path.write_text(HEAD + body, encoding="utf-8")
    return read_catalog(path)


def told(catalog: Catalog, folder: Path) -> List[str]:
    return [
        str(problem).replace(f"{folder}/my.yaml:", "").replace(" my/x:", "")
        for problem in catalog.problems
        if "write where it was read" not in problem.message
    ]


def parameters(text: str) -> str:
    return f"    parameters: {{{text}}}\n"


def price(text: str) -> str:
    return f"    price: {{{text}}}\n"


@pytest.mark.parametrize("case", FAULTS["shapes"].values(), ids=FAULTS["shapes"])
def test_a_wrong_shape_is_told_in_words(tmp_path: Path, case: Dict[str, Any]) -> None:
    found = told(catalog_of(tmp_path, indent(case["lines"], "    ")), tmp_path)

    assert [line for line in found if line.startswith(case["begins"])], found


TWO = parameters("r: {values: [a, b], default: a}, n: {values: [1, 2], default: 1}")


@pytest.mark.parametrize("case", FAULTS["sense"].values(), ids=FAULTS["sense"])
def test_what_does_not_add_up_is_told_in_words(tmp_path: Path, case: Dict[str, Any]) -> None:
    assert told(catalog_of(tmp_path, indent(case["lines"], "    ")), tmp_path) == case["says"]


def test_a_case_takes_over_what_it_does_not_say(tmp_path: Path) -> None:
    catalog = catalog_of(
        tmp_path,
        TWO + price("unit: video, credits: 5, cases: [{when: {r: b}, credits: 3}, {when: {n: 2}, unknown: why}]"),
    )

    found = [estimate(catalog["my/x"], given) for given in ({}, {"r": "b"}, {"n": 2})]

    assert [(each.credits, each.unknown) for each in found] == [(Decimal(6), None), (Decimal(4), None), (None, "why")]


def test_a_case_has_a_note_of_its_own(tmp_path: Path) -> None:
    cases = "cases: [{when: {r: b}, credits: 3, note: half price}]"
    catalog = catalog_of(tmp_path, TWO + price(f"unit: video, credits: 5, note: dear, {cases}"))

    found = [estimate(catalog["my/x"], given).notes for given in ({}, {"r": "b"})]

    assert found == [("dear",), ("dear", "half price")]


def test_a_case_may_change_the_currency(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, TWO + price("unit: video, credits: 5, cases: [{when: {r: b}, usd: 0.01}]"))

    found = estimate(catalog["my/x"], {"r": "b"})

    assert (found.credits, found.platform_credits) == (Decimal(3), None)


def test_one_image_parameter_that_is_sent_single_takes_one(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, parameters("images: {type: images, wire: image_url, send_as: single}") + PRICE)

    assert catalog["my/x"].parameters["images"].max_items == 1


def faults_of(folder: Path, body: str) -> List[Tuple[Any, ...]]:
    return list(model_faults(catalog_of(folder, body)["my/x"], ["my/x", "other"]))


EXAMPLES: Dict[str, Tuple[str, List[Tuple[Any, str]]]] = {
    "a call that is refused": ("[{call: {r: c}, sends: {r: c}}]", [(("call",), 'r must be one of "a", "b"; got "c"')]),
    "another body": ("[{call: {r: b}, sends: {r: a}}]", [(("sends",), 'the call sends {"r": "b"}')]),
    "another price": (
        "[{call: {r: b}, sends: {r: b}, price: {cost_plus_one: 3}}]",
        [(("price", "cost_plus_one"), "the price is 2")],
    ),
    "a price that is unknown": (
        "[{call: {r: b}, sends: {r: b}, price: {reference: 3}}]",
        [(("price", "reference"), "the price is unknown")],
    ),
    "no such tariff": (
        "[{call: {r: b}, sends: {r: b}, price: {plus: 3}}]",
        [(("price", "plus"), "there is no tariff plus; there are: cost_plus_one, reference")],
    ),
    "what is not offered": (
        "[{call: {r: a}, sends: {r: a}, price: {cost_plus_one: 3}}]",
        [(("price", "cost_plus_one"), "r a is not offered")],
    ),
}


@pytest.mark.parametrize(("examples", "expected"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_that_is_wrong_says_what_is_right(
    tmp_path: Path, examples: str, expected: List[Tuple[Any, str]]
) -> None:
    body = (
        "    source: s\n    checked: 2026-01-01\n"
        + parameters("r: {values: [a, b], default: b}")
        + price("unit: video, by: r, credits: {a: not_offered, b: 1}, source: s, checked: 2026-01-01")
        + f"    examples: {examples}\n"
    )

    assert faults_of(tmp_path, body) == [(("examples", 0, *path), message, False) for path, message in expected]


def test_a_bare_model_lacks_a_price_a_source_and_an_example(tmp_path: Path) -> None:
    assert faults_of(tmp_path, "") == [
        ((), "it has no price; write price: {unit: ..., unknown: why} when none is published", True),
        ((), "it has no source and checked for its limits", True),
        ((), "it has no example; write one: call, sends, price", True),
    ]


def test_a_withdrawn_model_names_another(tmp_path: Path) -> None:
    found = [faults_of(tmp_path, f"    retired_on: 2026-01-01\n{more}")[0] for more in ("", "    replaced_by: othr\n")]

    assert found == [
        (("retired_on",), "say replaced_by as well: the model to use instead, or none", False),
        (("replaced_by",), 'there is no model othr; did you mean "other"?', False),
    ]


def test_a_model_that_is_replaced_was_withdrawn_and_does_not_replace_itself(tmp_path: Path) -> None:
    (first, second, *_) = faults_of(tmp_path, "    replaced_by: my/x\n")

    assert first == (
        ("replaced_by",),
        "say retired_on as well: when it was withdrawn, or the latest possible date",
        True,
    )
    assert second == (("replaced_by",), "a model cannot replace itself; write another model's id, or none", False)


def test_a_broken_entry_raises_all_of_it_at_once(tmp_path: Path) -> None:
    catalog = catalog_of(tmp_path, parameters("a: {type: txt, requird: true}"))

    with pytest.raises(KieCatalogError) as raised:
        catalog["my/x"]

    assert [(problem.line, problem.column, problem.path) for problem in raised.value.problems] == [
        (5, 33, "my/x: parameters.a.requird"),
        (5, 28, "my/x: parameters.a.type"),
    ]


DATED = """
    price:
      - {unit: image, credits: 10, source: s, checked: 2026-01-01}
      - {unit: image, credits: 20, valid_from: 2026-12-01, source: s, checked: 2026-01-01}
    examples:
      - {call: {}, sends: {}, price: {cost_plus_one: 11}}
      - {call: {}, sends: {}, price: {cost_plus_one: 21}, on: 2026-12-24}
"""


@pytest.mark.parametrize(
    ("on", "found"),
    [
        ("2026-11-22T00:00:00Z", []),
        (
            "2027-01-01T00:00:00Z",
            [
                (
                    ("examples", 0, "price", "cost_plus_one"),
                    "the price is 21 now; on: says which day's price is meant",
                    False,
                )
            ],
        ),
    ],
)
def test_an_example_means_the_price_in_force_or_that_of_its_day(tmp_path: Path, on: str, found: List[Any]) -> None:
    model = catalog_of(tmp_path, DATED)["my/x"]

    assert [fault for fault in model_faults(model, ["my/x"], on) if "examples" in fault[0]] == found


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            PRICE.replace("checked: 2026-01-01", "checked: 2026-02-30"),
            "2026-02-30 is no day of the calendar; write the date as year-month-day, such as 2026-11-22",
        ),
        (
            "\n    price: {unit: image, credits: 1, source: s, checked: 2026-01-01, valid_until: 2026-13-01}",
            "2026-13-01 is no day of the calendar; write the date as year-month-day, such as 2026-11-22",
        ),
        (
            parameters("mode: {values: [a, b]}") + "    rules: [{when: {mode: a}, then: {mode: {min: 3}}}]\n" + PRICE,
            "min does not fit mode, which is of type text; it belongs to: integer, number",
        ),
    ],
)
def test_what_could_never_work_is_told(tmp_path: Path, body: str, said: str) -> None:
    assert said in [problem.message for problem in catalog_of(tmp_path, body).errors]


def test_a_chat_model_is_not_called_as_a_task(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("models: {my/x: {kind: chat, endpoint: kie-task}}", encoding="utf-8")

    (problem,) = read_catalog(file).errors

    assert problem.message == "a model of kind chat cannot be called by kie-task"


def test_seconds_may_stand_in_every_case(tmp_path: Path) -> None:
    body = (
        parameters("mode: {values: [a, b], default: a}, videos: {type: videos}")
        + """
    price:
      unit: second
      credits: 11
      cases:
        - {when: {mode: a}, seconds: {media: videos, max: 10}}
        - {seconds: {media: videos, max: 30}}
      source: s
      checked: 2026-01-01
"""
    )

    catalog = catalog_of(tmp_path, body)

    assert catalog.errors == ()
    assert estimate(catalog["my/x"], {"input_seconds": 2}).platform_credits == 22
