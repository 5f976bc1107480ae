"""Conditions, paths and rules by themselves: what holds, what is counted, how it is said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Set, Tuple

import pytest

from kie_sync.conditions import count_of, describe, holds
from kie_sync.definitions import Condition, Limits, Rule, Term
from kie_sync.rules import check_rules, check_size, defaults_by_rule, ignored, mentions
from kie_sync.values import find, is_given, number_of, plain, show

VALUES: Dict[str, Any] = {
    "a": "x",
    "n": 5,
    "flag": True,
    "empty": [],
    "images": ["i", "j"],
    "shots": [{"seconds": 2, "tags": ["p"]}, {"seconds": Decimal("2.5"), "tags": ["q", "r"]}],
    "one": [["p", "q", "r"]],
    "options": {"level": 1},
}

FOUND = {
    "a": ["x"],
    "images": [["i", "j"]],
    "images[]": ["i", "j"],
    "shots[].seconds": [2, Decimal("2.5")],
    "shots[].tags[]": ["p", "q", "r"],
    "options.level": [1],
    "options.none": [],
    "a.b": [],
    "a[]": [],
    "nothing": [],
}


@pytest.mark.parametrize(("path", "found"), FOUND.items())
def test_a_path_leads_into_lists_and_objects(path: str, found: Any) -> None:
    assert find(path, VALUES) == found


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("images", 2),
        ("images[]", 2),
        ("shots", 2),
        ("shots[].tags", 3),
        ("shots[].tags[]", 3),
        ("shots[].seconds", 2),
        ("one", 1),
        ("one[]", 1),
        ("one[][]", 0),
        ("empty", 0),
        ("nothing", 0),
        ("a", 1),
    ],
)
def test_items_are_counted(path: str, number: int) -> None:
    assert count_of(path, VALUES) == number


@pytest.mark.parametrize(("path", "given"), [("a", True), ("empty", False), ("nothing", False), ("flag", True)])
def test_what_is_empty_is_not_given(path: str, given: bool) -> None:
    assert is_given(path, VALUES) is given


def test_false_and_zero_are_given() -> None:
    assert (is_given("f", {"f": False}), is_given("z", {"z": 0}), is_given("t", {"t": ""})) == (True, True, False)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, Decimal(5)),
        ("5.50", Decimal("5.50")),
        (0.1, Decimal("0.1")),
        (True, None),
        ("x", None),
        ([1], None),
        (float("inf"), None),
        ("NaN", None),
    ],
)
def test_a_number_is_read_or_is_none(value: Any, number: Any) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("number", "text"),
    [("37.0", "37"), ("0.1850", "0.185"), ("1E+3", "1000"), ("-0.0", "0"), ("1" * 40 + ".5", "1" * 40 + ".5")],
)
def test_a_number_is_plain_text_with_all_its_digits(number: str, text: str) -> None:
    assert plain(Decimal(number)) == text


def test_what_is_long_is_shown_short() -> None:
    assert (show("x" * 100), len(show(list(range(100))))) == ('"' + "x" * 57 + '..."', 80)


def that(path: str, **words: Any) -> Condition:
    return Condition(path=path, **words)


IS_LONG = that("tags", count_min=2)
# A condition, whether it holds for VALUES, how it reads.
CONDITIONS: Dict[str, Tuple[Condition, bool, str]] = {
    "value": (that("a", values=("x", "y")), True, 'a is "x" or "y"'),
    "other value": (that("a", values=("y",)), False, 'a is "y"'),
    "no value": (that("nothing", values=("x",)), False, 'nothing is "x"'),
    "not": (that("a", not_values=("y",)), True, 'a is not "y"'),
    "not, and it is": (that("a", not_values=("x",)), False, 'a is not "x"'),
    "not, of nothing": (that("nothing", not_values=("x",)), True, 'nothing is not "x"'),
    "present": (that("a", present=True), True, "a is given"),
    "absent": (that("a", present=False), False, "a is not given"),
    "an empty list is absent": (that("empty", present=False), True, "empty is not given"),
    "exact count": (that("images", count_min=2, count_max=2), True, "images has 2 items"),
    "count": (that("images", count_min=3), False, "images has 3 items or more"),
    "count at most": (that("images", count_max=1), False, "images has at most 1 item"),
    "range": (that("n", min=Decimal(5), max=Decimal(6)), True, "n is 5 or more and is 6 or less"),
    "below": (that("n", min=Decimal(6)), False, "n is 6 or more"),
    "above": (that("n", max=Decimal(4)), False, "n is 4 or less"),
    "range of no number": (that("a", min=Decimal(1)), False, "a is 1 or more"),
    "range of nothing": (that("nothing", max=Decimal(1)), False, "nothing is 1 or less"),
    "matches": (that("a", matches="^x$"), True, "a matches ^x$"),
    "inside a list": (that("shots[].seconds", values=(2,)), True, "shots[].seconds is 2"),
    "where": (that("shots", where=IS_LONG), True, "shots has an item whose tags has 2 items or more"),
    "where, counted": (
        that("shots", where=IS_LONG, count_min=2),
        False,
        "shots has an item whose tags has 2 items or more and has 2 items or more",
    ),
    "where, at most": (
        that("shots", where=IS_LONG, count_max=0),
        False,
        "shots has an item whose tags has 2 items or more and has at most 0 items",
    ),
    "where, absent": (
        that("shots", where=IS_LONG, present=False),
        False,
        "shots has no item whose tags has 2 items or more",
    ),
    "where of nothing, absent": (
        that("nothing", where=IS_LONG, present=False),
        True,
        "nothing has no item whose tags has 2 items or more",
    ),
    "all": (Condition(all=(that("a", present=True), that("n", values=(5,)))), True, "a is given and n is 5"),
    "any": (Condition(any=(that("a", present=False), that("n", values=(4,)))), False, "a is not given or n is 4"),
    "negated": (Condition(negated=that("n", values=(4,))), True, "not (n is 4)"),
}


@pytest.mark.parametrize(("condition", "so", "words"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_holds_and_reads(condition: Condition, so: bool, words: str) -> None:
    assert (holds(condition, VALUES, VALUES), describe(condition)) == (so, words)


def test_no_condition_reads_as_nothing() -> None:
    assert describe(None) == ""


def test_a_default_counts_as_a_value_and_not_as_given() -> None:
    condition = Condition(all=(that("n", values=(5,)), that("n", present=False)))

    assert holds(condition, {}, {"n": 5})


SIZES: Dict[str, Tuple[Any, Any, list[str]]] = {
    "a number that is none": (Limits(min=Decimal(1)), float("nan"), []),
    "a boolean has no size": (Limits(min=Decimal(5)), True, []),
    "a very large number is no multiple of 4": (Limits(multiple_of=Decimal(4)), Decimal("1e40") + 1, []),
    "fractions of a fraction": (Limits(multiple_of=Decimal("0.1")), Decimal("0.3"), []),
    "short": (Limits(min_length=3), "ab", ["must have 3 characters or more; it has 2"]),
    "few": (Limits(min_items=2, max_items=4), ["a"], ["must have 2 items or more; it has 1"]),
    "many": (Limits(min_items=2, max_items=4), ["a"] * 5, ["must have at most 4 items; it has 5"]),
    "exactly": (Limits(min_items=1, max_items=1), ["a", "b"], ["must have exactly 1 item; it has 2"]),
}


@pytest.mark.parametrize(("limits", "value", "found"), SIZES.values(), ids=SIZES)
def test_sizes(limits: Limits, value: Any, found: Any) -> None:
    assert [text for _, text in check_size(limits, value)] == found


def broken(rule: Rule, given: Dict[str, Any], **how: Any) -> list[str]:
    return [problem.message for problem in check_rules([rule], given, given, partial=False, **how)]


SUMS = {
    "numbers": (Term("shots[].seconds"), {}, ["shots[].seconds must be at most 3 (n); it is 4.5"]),
    "a word among numbers": (Term("shots[].seconds"), {"shots": [{"seconds": "x"}]}, []),
    "no bound given": (Term("shots[].seconds"), {"n": None}, []),
    "a bound that is no number": (Term("shots[].seconds"), {"n": "auto"}, []),
    "half of the count": (
        Term("shots", "count", Decimal("2.5")),
        {},
        ["2.5 x the number of shots must be at most 3 (n); it is 5"],
    ),
}


@pytest.mark.parametrize(("term", "more", "found"), SUMS.values(), ids=SUMS)
def test_a_sum_is_held_against_a_parameter(term: Term, more: Dict[str, Any], found: Any) -> None:
    given = {"shots": [{"seconds": 2}, {"seconds": 2.5}], "n": 3, **more}

    assert broken(Rule("sum-max", terms=(term,), max="n"), given) == found


def test_a_difference_of_words_is_no_fault() -> None:
    rule = Rule("less-than", first="a", second="b", min=Decimal(1))

    assert broken(rule, {"a": "x", "b": 5}) == []


def test_a_span_may_have_only_a_lower_bound() -> None:
    rule = Rule("less-than", first="a", second="b", min=Decimal(3))

    assert broken(rule, {"a": 1, "b": 3}) == ["b minus a must be at least 3; it is 2"]


def test_unique_looks_into_one_list() -> None:
    assert broken(Rule("unique", groups=(("a",),)), {"a": ["x", "y", "x"]}) == [
        'each a must be different; "x" stands more than once'
    ]


def test_lists_of_which_one_is_missing_have_no_common_length() -> None:
    assert broken(Rule("same-length", groups=(("a",), ("b",))), {"a": [1], "b": []}) == []


def test_a_reference_to_nothing_says_that_there_are_none() -> None:
    rule = Rule("refers-to", first="a[].id", second="b[].id")

    assert broken(rule, {"a": [{"id": 1}]}) == ["a[].id 1 is not among the b[].id: there are none"]


def test_a_rule_that_speaks_of_a_broken_parameter_is_silent() -> None:
    rule = Rule("at-least-one", groups=(("a",), ("b", "c")))

    assert (broken(rule, {}, broken={"c"}), len(broken(rule, {}, broken={"d"}))) == ([], 1)


def test_what_is_merely_missing_is_left_out_of_a_partial_check() -> None:
    rules = [
        Rule("at-least-one", groups=(("a",), ("b",))),
        Rule("requires", first="n", groups=(("a",),)),
        Rule("when", when=that("n", present=True), then={"a": Limits(required=True), "n": Limits(max=Decimal(4))}),
    ]

    found = check_rules(rules, {"n": 5}, {"n": 5}, partial=True)

    assert [problem.message for problem in found] == ["n must be 4 or less; got 5 when n is given"]


EACH = Rule(
    "when",
    each="shots",
    when=that("kind", values=("video",)),
    then={"note": Limits(ignored=True)},
    say="a video has none",
)


def test_a_rule_for_each_item_names_the_item() -> None:
    given = {"shots": [{"kind": "image", "note": "n"}, {"kind": "video", "note": "n"}]}

    assert list(ignored([EACH], given, given)) == [
        'shots[1]: note has no effect when kind is "video": a video has none'
    ]


def test_a_rule_for_each_item_of_nothing_says_nothing() -> None:
    assert list(ignored([EACH], {}, {})) == []


def test_a_default_by_a_rule_counts_only_where_nothing_was_given() -> None:
    rules = [
        EACH,
        Rule("when", when=that("flag", values=(True,)), then={"n": Limits(default=12), "m": Limits(max=Decimal(1))}),
    ]

    found = [defaults_by_rule(rules, given, {"flag": True}) for given in ({}, {"n": 3})]

    assert found == [{"n": 12}, {}]


MENTIONS = {
    "then and when": (
        Rule(
            "when",
            when=Condition(any=(that("a", present=True), Condition(negated=that("b.c", present=True)))),
            then={"d[].e": Limits()},
        ),
        {"a", "b", "d"},
    ),
    "a sum and its bounds": (Rule("sum-max", terms=(Term("a[].n"),), min=Decimal(1), max="b"), {"a", "b"}),
    "two ends": (Rule("less-than", first="a[].x", second="a[].y"), {"a"}),
    "each": (EACH, {"shots"}),
}


@pytest.mark.parametrize(("rule", "names"), MENTIONS.values(), ids=MENTIONS)
def test_a_rule_knows_which_parameters_it_speaks_of(rule: Rule, names: Set[str]) -> None:
    assert mentions(rule) == names
