"""What only a whole model shows: defaults that are refused, prices with holes, facts that are kept twice or are old."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from conftest import ROOT

from kie_sync.catalog import read_catalog
from kie_sync.catalog_check import check_catalog, model_faults, old_prices

NOW = "2026-11-22T12:00:00Z"
HEAD = "models:\n  my/x:\n    kind: video\n    endpoint: kie-task\n    source: s\n    checked: 2026-11-22\n"
PRICE = "    price: {unit: video, credits: 1, source: s, checked: 2026-11-22}\n"


def faults_of(folder: Path, body: str) -> List[Tuple[Any, str, bool]]:
    path = folder / "my.yaml"
    path.write_text(HEAD + body, encoding="utf-8")
    catalog = read_catalog(path)
    assert catalog.errors == ()
    return [fault for fault in model_faults(catalog["my/x"], list(catalog), NOW) if "no example" not in fault[1]]


DEFAULTS: Dict[str, Tuple[str, List[Tuple[Any, str]]]] = {
    "a rule refuses it": (
        "    parameters: {resolution: {values: [1K, 2K], default: 2K}, duration: {values: [5, 10], default: 10}}\n"
        "    rules: [{when: {resolution: 2K}, then: {duration: {values: [5]}}}]\n" + PRICE,
        [
            (
                ("parameters", "duration", "default"),
                "a call that gives only what is required is refused: "
                'duration must be one of 5; got 10 when resolution is "2K"; '
                "change the default, the rule, or add a rule with a default",
            )
        ],
    ),
    "a rule gives another default": (
        "    parameters: {resolution: {values: [1K, 2K], default: 2K}, duration: {values: [5, 10], default: 10}}\n"
        "    rules:\n"
        "      - {when: {resolution: 2K}, then: {duration: {values: [5]}}}\n"
        "      - {when: {resolution: 2K}, then: {duration: {default: 5}}}\n" + PRICE,
        [],
    ),
    "a rule asks for something": (
        "    parameters: {a: {}, b: {}, c: {values: [x, y], default: x}}\n"
        "    rules: [{kind: at-least-one, of: [a, b]}, {when: {c: x}, then: {a: {required: true}}}]\n" + PRICE,
        [],
    ),
    "what an example must give makes it wrong": (
        "    parameters: {mode: {values: [a, b], required: true}, n: {type: integer, max: 9, default: 9}}\n"
        "    rules: [{when: {mode: b}, then: {n: {max: 5}}}]\n"
        "    examples: [{call: {mode: b, n: 2}, sends: {mode: b, n: 2}}]\n" + PRICE,
        [
            (
                ("parameters", "n", "default"),
                'a call that gives only what is required is refused: n must be 5 or less; got 9 when mode is "b"; '
                "change the default, the rule, or add a rule with a default",
            )
        ],
    ),
    "its price is not offered": (
        "    parameters: {resolution: {values: [1K, 2K], default: 2K}}\n"
        "    price: {unit: video, by: resolution, credits: {1K: 1, 2K: not_offered}, source: s, checked: 2026-11-22}\n",
        [
            (
                ("parameters", "resolution", "default"),
                "a call that gives only what is required is refused: resolution 2K is not offered; "
                "change the default, the rule, or add a rule with a default",
            )
        ],
    ),
}


@pytest.mark.parametrize(("body", "expected"), DEFAULTS.values(), ids=DEFAULTS)
def test_a_default_is_allowed_by_what_the_model_itself_demands(
    tmp_path: Path, body: str, expected: List[Tuple[Any, str]]
) -> None:
    assert faults_of(tmp_path, body) == [(path, message, False) for path, message in expected]


def cases(parameters: str, *whens: str, rules: str = "") -> str:
    listed = "".join(f"        - {{when: {when}, credits: 1}}\n" for when in whens)
    return (
        f"    parameters: {{{parameters}}}\n{rules}    price:\n      unit: video\n      source: s\n"
        f"      checked: 2026-11-22\n      cases:\n{listed}"
    )


_ASK = "; add a case for it, or a last one without when (unknown: why, if need be)"
HOLES: Dict[str, Tuple[str, List[str]]] = {
    "a value that no case has": (
        cases("r: {values: [a, b, c], default: a}", "{r: a}", "{r: [b]}"),
        ["no case fits r c" + _ASK],
    ),
    "nothing given": (cases("r: {values: [a, b]}", "{r: a}", "{r: b}"), ["no case fits r not given" + _ASK]),
    "a file that is given": (
        cases("i: {type: image}, r: {values: [a, b], default: a}", "{i: {absent: true}}", "{i: {present: true}, r: a}"),
        ["no case fits i given, r b" + _ASK],
    ),
    "a number between two ranges": (
        cases("n: {type: integer, min: 1, max: 30, required: true}", "{n: {max: 10}}", "{n: {min: 12}}"),
        ["no case fits n 11" + _ASK],
    ),
    "one item too many": (
        cases("i: {type: images, required: true, max_items: 4}", "{i: {count: {max: 2}}}"),
        ["no case fits i with 3 items" + _ASK],
    ),
    "many holes": (
        cases("r: {values: [a, b, c, d, e], default: a}", "{r: a}"),
        ["no case fits r b; or r c; or r d; and more" + _ASK],
    ),
    "a rule forbids the rest": (
        cases(
            "a: {type: boolean, default: false}, r: {values: [x, y], default: x}",
            "{r: x}",
            "{a: true}",
            rules="    rules: [{when: {r: y}, then: {a: {values: [true]}}}]\n",
        ),
        [],
    ),
    "a text that is given or is not": (cases("t: {}", "{t: {present: true}}", "{t: {absent: true}}"), []),
    "every combination": (cases("a: {type: boolean}", "{a: {present: true}}", "{not: {a: {present: true}}}"), []),
    "what cannot be tried out": (cases("t: {}", "{t: {matches: x}}"), []),
}


@pytest.mark.parametrize(("body", "expected"), HOLES.values(), ids=HOLES)
def test_cases_fit_every_call(tmp_path: Path, body: str, expected: List[str]) -> None:
    assert faults_of(tmp_path, body) == [(("price", "cases"), message, False) for message in expected]


DATED = """\
    price:
      - {unit: video, credits: 1, source: s, checked: 2026-01-01}
      - {unit: video, credits: 2, source: s, checked: 2026-06-01, valid_from: 2026-06-01}
      - {unit: video, credits: 3, source: s, checked: 2026-07-01, valid_from: 2027-01-01}
"""


@pytest.mark.parametrize(
    ("body", "days", "found"),
    [
        (PRICE, 0, []),
        (PRICE.replace("2026-11-22", "2026-11-20"), 1, [(("price", "checked"), 2)]),
        (PRICE.replace("2026-11-22", "2026-11-20"), 2, []),
        (DATED, 100, [(("price", 1, "checked"), 174), (("price", 2, "checked"), 144)]),
        (DATED, 150, [(("price", 1, "checked"), 174)]),
        ("    retired_on: 2026-01-01\n    replaced_by: none\n" + DATED, 1, []),
        ("    price: {unit: video, credits: 1}\n", 1, []),
    ],
)
def test_only_prices_that_still_count_grow_old(tmp_path: Path, body: str, days: int, found: List[Any]) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(HEAD + body, encoding="utf-8")

    faults = list(old_prices(read_catalog(path)["my/x"], NOW, days))

    assert faults == [
        (where, f"nobody has looked at this price for {age} days; look it up, and write the new date", True)
        for where, age in found
    ]


FAMILY = """\
bases:
  family:
    kind: image
    endpoint: kie-task
    parameters:
      prompt: {required: true, max_length: 500}
      size:   {values: [a, b], default: a}
    rules: [{kind: requires, parameter: size, needs: [prompt]}]
    price: {unit: image, credits: 4, source: s, checked: 2026-01-01}
"""


def test_what_is_taken_over_is_not_said_again(tmp_path: Path) -> None:
    """A figure's own source and date are said for each; a table of amounts is stated whole, or not at all."""
    path = tmp_path / "my.yaml"
    path.write_text(
        FAMILY + "models:\n"
        "  my/a:\n"
        "    extends: family\n"
        "    kind: image\n"
        "    parameters:\n"
        "      prompt: {required: true, max_length: 900}\n"
        "      size:   {values: [a, b], default: a}\n"
        "    rules: [{kind: requires, parameter: size, needs: [prompt]}]\n"
        "    price: {unit: image, credits: 4, source: s, checked: 2026-01-01}\n"
        "  my/b:\n"
        "    extends: family\n"
        "    price: {unit: image, credits: 5, source: s, checked: 2026-01-01}\n",
        encoding="utf-8",
    )

    warnings = [problem for problem in read_catalog(path).problems if problem.is_warning]

    assert [(problem.line, problem.column, problem.path) for problem in warnings] == [
        (13, 11, "my/a: kind"),
        (15, 26, "my/a: parameters.prompt.required"),
        (16, 15, "my/a: parameters.size"),
        (17, 12, "my/a: rules"),
        (18, 12, "my/a: price"),
        (21, 19, "my/b: price.unit"),
    ]
    assert {problem.message for problem in warnings} == {
        "it is the same in family; leave it out here, so that it is kept once"
    }


def test_a_fault_that_many_take_over_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text(
        FAMILY + "models:\n" + "".join(f"  my/{name}: {{extends: family}}\n" for name in "abc"), encoding="utf-8"
    )

    found = [problem for problem in check_catalog(read_catalog(path), NOW, older_than=9) if problem.line == 9]

    assert [str(problem).replace(f"{path}:", "") for problem in found] == [
        "9:58: warning: my/a: price.checked: nobody has looked at this price for 325 days; "
        "look it up, and write the new date (and so for 2 more)"
    ]


def test_the_shipped_catalog_keeps_to_all_this() -> None:
    assert check_catalog(read_catalog(check=True, shipped=ROOT / "models.yaml"), NOW) == ()
