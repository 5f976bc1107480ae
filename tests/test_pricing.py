"""Every figure of the customer's price sheet in both tariffs; ranges, unknowns, quantities."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, Optional, Tuple

import pytest
from conftest import ROOT
from hypothesis import given as given_by
from hypothesis import strategies as st

from kie_sync.catalog import Catalog, read_catalog
from kie_sync.definitions import Choice, Condition, Count, Model, Parameter, Price, Seconds, Source, Surcharge
from kie_sync.errors import KieInputError
from kie_sync.figures import CostItem, Figure, exactly, tidy, unknown
from kie_sync.params import resolve
from kie_sync.pricing import CostEstimate, UsageRecord, estimate, price_on, quote

MILLION = 1_000_000
BANANA, EDIT, PRO = "google/nano-banana", "google/nano-banana-edit", "nano-banana-pro"
TEXT, IMAGE, BOARD = "sora-2-text-to-video", "sora-2-image-to-video", "sora-2-pro-storyboard"
BOTH = {"input_tokens": MILLION, "output_tokens": MILLION}

# The model, what is given, cost_plus_one, reference, the platform's cost.
SHEET: Tuple[Tuple[str, Dict[str, Any], str, str, str], ...] = (
    (BANANA, {}, "5", "5", "4"),
    (EDIT, {}, "5", "6", "4"),
    (PRO, {}, "25", "25", "24"),
    (PRO, {"resolution": "1K"}, "25", "25", "24"),
    (PRO, {"resolution": "2K"}, "37", "36", "36"),
    (PRO, {"resolution": "4K"}, "49", "48", "48"),
    (TEXT, {}, "31", "40", "30"),
    (TEXT, {"duration": 10}, "31", "40", "30"),
    (TEXT, {"duration": 15}, "46", "60", "45"),
    (IMAGE, {"duration": 10}, "31", "40", "30"),
    (IMAGE, {"n_frames": "15"}, "46", "60", "45"),
    (BOARD, {"duration": 10}, "91", "100", "90"),
    (BOARD, {"duration": 15}, "136", "150", "135"),
    (BOARD, {"duration_seconds": 25}, "226", "250", "225"),
    ("gemini-3-pro", {"input_tokens": MILLION}, "101", "1000", "100"),
    ("gemini-3-pro", {"output_tokens": MILLION}, "701", "7000", "700"),
    ("gemini-3-pro", {"input_tokens": 1000, "output_tokens": 1000}, "0.802", "8", "0.8"),
    ("gemini-3-flash", {"input_tokens": MILLION}, "31", "300", "30"),
    ("gemini-3-flash", {"output_tokens": MILLION}, "181", "1800", "180"),
    ("gemini-3-flash", {"input_tokens": 1000, "output_tokens": 1000}, "0.212", "2.1", "0.21"),
)


@pytest.mark.parametrize(
    ("model", "given", "plus_one", "reference", "cost"), SHEET, ids=[f"{row[0]} {row[1] or ''}" for row in SHEET]
)
def test_every_figure_of_the_sheet(
    catalog: Any, model: str, given: Dict[str, Any], plus_one: str, reference: str, cost: str
) -> None:
    found = [estimate(catalog[model], given, tariff=tariff) for tariff in ("cost_plus_one", "reference")]

    assert [(each.credits, each.platform_credits) for each in found] == [
        (Decimal(plus_one), Decimal(cost)),
        (Decimal(reference), Decimal(cost)),
    ]


def test_an_estimate_says_all_of_it(catalog: Any) -> None:
    assert estimate(catalog[BANANA], {"image_count": 3}) == CostEstimate(
        model=BANANA,
        tariff="cost_plus_one",
        credits=Decimal(15),
        credits_min=Decimal(15),
        credits_max=Decimal(15),
        platform_credits=Decimal(12),
        usd=Decimal("0.075"),
        cny=Decimal("0.525"),
        items=(
            CostItem("Google Nano Banana", Decimal(3), "image", Decimal(12)),
            CostItem("Platform cost plus one credit", Decimal(3), "image", Decimal(3)),
        ),
        platform_credits_max=Decimal(12),
    )


def test_a_newer_figure_is_mentioned_and_not_charged(catalog: Any) -> None:
    found = estimate(catalog[PRO], {})

    assert (found.credits, found.notes) == (
        Decimal(25),
        (
            "seen 2026-10-06: 1K: 18, 2K: 18, 4K: 24 credits (KIE live model catalog "
            "(copy in trevorotts1/openclaw-onboarding)); not the price in force",
        ),
    )


def test_the_odd_chat_rate_carries_its_note(catalog: Any) -> None:
    found = estimate(catalog["gemini-3-pro"], BOTH, tariff="reference")

    assert found.notes == (
        "ten times the cost; per 1,000 tokens instead of per 10,000 looks like a slip in the price sheet",
    )


@pytest.mark.parametrize("tariff", ["cost_plus_one", "reference"])
def test_googles_own_model_is_at_googles_price_in_any_tariff(catalog: Any, tariff: str) -> None:
    found = estimate(catalog["gemini-3-flash-preview"], {**BOTH, "cached_input_tokens": MILLION}, tariff=tariff)

    assert (found.credits, found.usd, found.platform_credits, found.unknown) == (
        Decimal(710),
        Decimal("3.55"),
        None,
        None,
    )


OWN_RATES = "{input: 100, output: 500, cached_input: 10, audio_output: unknown}"
NO_RATE = {
    "a rate of its own": ("cached_input", OWN_RATES, "10", []),
    "cached": ("cached_input", "{input: 100, output: 500}", "100", ["cached input tokens", "input tokens"]),
    "written to the cache": ("cache_write", OWN_RATES, "100", ["cache write tokens", "input tokens"]),
    "written for an hour": ("cache_write_1h", OWN_RATES, "100", ["cache write 1h tokens", "input tokens"]),
    "heard": ("audio_input", OWN_RATES, "100", ["audio input tokens", "input tokens"]),
    "said to be unknown": ("audio_output", OWN_RATES, None, []),
    "spoken": ("audio_output", "{input: 100, output: 500}", "500", ["audio output tokens", "output tokens"]),
    "no rate for the direction either": ("audio_output", "{input: 100}", None, []),
}


@pytest.mark.parametrize(("kind", "credits", "expected", "said"), NO_RATE.values(), ids=NO_RATE)
def test_a_kind_of_token_without_a_rate_is_charged_as_its_direction(
    tmp_path: Any, kind: str, credits: str, expected: Any, said: Any
) -> None:
    path = tmp_path / "my.yaml"
    price = f"{{unit: 1m_tokens, credits: {credits}, source: s, checked: 2026-11-22}}"
    path.write_text(f"models: {{my/x: {{kind: chat, endpoint: kie-chat, price: {price}}}}}\n", encoding="utf-8")

    found = estimate(read_catalog(path)["my/x"], {f"{kind}_tokens": MILLION})

    assert found.platform_credits == (None if expected is None else Decimal(expected))
    assert found.notes == tuple(
        f"{said[0]} count at the rate of {way}: the published price makes no distinction" for way in said[1:]
    )


def test_no_tokens_of_a_kind_need_no_word_about_its_rate(catalog: Any) -> None:
    assert estimate(catalog["gemini-3-flash"], {**BOTH, "cached_input_tokens": 0}).notes == ()


@pytest.mark.parametrize("tariff", ["cost_plus_one", "reference"])
def test_an_unpublished_price_is_unknown_in_any_tariff(catalog: Any, tariff: str) -> None:
    found = estimate(catalog["gemini-2.5-flash-preview"], BOTH, tariff=tariff)

    assert (found.credits, found.usd, found.cny, found.platform_credits) == (None, None, None, None)
    assert found.unknown == "Google published no price for this preview that is still to be read"


def test_an_estimate_is_json_with_amounts_as_text(catalog: Any) -> None:
    found = json.loads(json.dumps(estimate(catalog[PRO], {"resolution": "2K"}).to_dict()))

    assert (found["credits"], found["usd"], found["items"][1]) == (
        "37",
        "0.185",
        {"text": "Platform cost plus one credit", "quantity": "1", "unit": "image", "credits": "1"},
    )


def test_a_usage_record_is_an_estimate_and_what_was_used(catalog: Any) -> None:
    record = UsageRecord(**vars(estimate(catalog[BANANA], {})), used={"images": Decimal(1)}, task_id="t1")

    assert (record.credits, record.to_dict()["used"], record.credits_consumed) == (Decimal(5), {"images": "1"}, None)


REFUSED = {
    "no such tariff": (
        BANANA,
        {},
        "refrence",
        'google/nano-banana: there is no tariff refrence; did you mean "reference"? '
        "there are: cost_plus_one, reference",
    ),
    "a negative number": (
        BANANA,
        {"image_count": -1},
        None,
        "google/nano-banana: image_count must be a whole number, 0 or more; got -1",
    ),
    "half an image": (
        BANANA,
        {"image_count": 1.5},
        None,
        "google/nano-banana: image_count must be a whole number, 0 or more; got 1.5",
    ),
    "a boolean": (
        BANANA,
        {"image_count": True},
        None,
        "google/nano-banana: image_count must be a whole number, 0 or more; got True",
    ),
    "a word": (
        "gemini-3-pro",
        {"input_tokens": "many"},
        None,
        "gemini-3-pro: input_tokens must be a whole number, 0 or more; got 'many'",
    ),
    "not a number": (
        "gemini-3-pro",
        {"input_tokens": float("nan")},
        None,
        "gemini-3-pro: input_tokens must be a whole number, 0 or more; got nan",
    ),
    "an unknown word": (
        BANANA,
        {"resolution": "2K"},
        None,
        "google/nano-banana: resolution is not a parameter of this model; it has: prompt, aspect_ratio, output_format",
    ),
}


@pytest.mark.parametrize(("model", "given", "tariff", "message"), REFUSED.values(), ids=REFUSED)
def test_a_question_that_makes_no_sense_is_refused(
    catalog: Any, model: str, given: Dict[str, Any], tariff: Optional[str], message: str
) -> None:
    with pytest.raises(KieInputError) as raised:
        estimate(catalog[model], given, tariff=tariff)

    assert str(raised.value) == message


def test_none_is_not_given(catalog: Any) -> None:
    assert estimate(catalog[BANANA], {"image_count": None, "size": None}).credits == Decimal(5)


# ---- prices that no shipped model has, on a model that takes everything ----


def priced(catalog: Any, *prices: Price, tariff: Optional[Price] = None, **parameters: Parameter) -> Model:
    model: Model = catalog[BANANA]
    return replace(
        model,
        prices=prices,
        parameters={**model.parameters, **parameters},
        tariffs={"reference": tariff} if tariff else {},
    )


def of(model: Model, given: Optional[Dict[str, Any]] = None, **how: Any) -> Tuple[Any, Any, Any, Any]:
    found = estimate(model, given or {}, **how)
    return found.credits, found.credits_min, found.credits_max, found.unknown


def D(number: Any) -> Decimal:
    return Decimal(str(number))


AUTO = Parameter("length", "length", "any")
TIER = Parameter("tier", "tier", "text", values=(Choice("a", "a"), Choice("b", "b")))
STEP = Parameter("step", "step", "integer", values=(Choice(1, 1), Choice(2, 2)))
TABLE = {"a": {"1": D(10), "2": D(20)}, "b": {"1": D(30), "2": "not_offered"}}


def test_no_price_is_unknown(catalog: Any) -> None:
    assert of(priced(catalog)) == (None, None, None, "the catalog has no price for this model")


def test_a_tariff_that_a_model_does_not_state_is_unknown(catalog: Any) -> None:
    model = priced(catalog, Price("image", D(4)))

    assert of(model, tariff="reference") == (None, None, None, f"the tariff reference states no price for {BANANA}")


def test_a_tariffs_price_may_be_in_dollars(catalog: Any) -> None:
    model = priced(catalog, Price("image", D(4)), tariff=Price("image", D("0.05"), currency="usd"))

    assert of(model, tariff="reference")[0] == D(10)


def test_a_price_in_dollars_takes_a_surcharge_in_credits(catalog: Any) -> None:
    model = priced(
        catalog,
        Price("image", D("0.02"), currency="usd", surcharges=(Surcharge(("pics",), D(3), 1),)),
        pics=Parameter("pics", "pics", "images"),
    )
    pictures = ["https://x.example/a", "https://x.example/b"]

    found = estimate(model, {"pics": pictures})

    assert (found.credits, found.platform_credits, [item.credits for item in found.items]) == (
        D(8),
        None,
        [D(4), D(3), D(1)],
    )


RANGES = {
    "nothing is given": (
        {},
        (None, D(11), D(31), "the price goes by tier, which was not given and by step, which was not given"),
    ),
    "the outer factor is given": ({"tier": "a"}, (None, D(11), D(21), "the price goes by step, which was not given")),
    "the inner factor is given": ({"step": 1}, (None, D(11), D(31), "the price goes by tier, which was not given")),
    "only one cell is left": ({"step": 2}, (None, D(21), D(21), "the price goes by tier, which was not given")),
    "both are given": ({"tier": "b", "step": 1}, (D(31), D(31), D(31), None)),
}


@pytest.mark.parametrize(("given", "expected"), RANGES.values(), ids=RANGES)
def test_a_factor_that_is_not_given_leaves_a_range(catalog: Any, given: Dict[str, Any], expected: Any) -> None:
    model = priced(catalog, Price("image", TABLE, by=("tier", "step")), tier=TIER, step=STEP)

    assert of(model, given) == expected


def test_a_range_with_an_unknown_end_is_unknown(catalog: Any) -> None:
    model = priced(catalog, Price("image", {"a": D(1), "b": "unknown"}, by=("tier",)), tier=TIER)

    assert of(model) == (None, None, None, "the price goes by tier, which was not given")


def test_what_is_not_offered_at_all_is_refused(catalog: Any) -> None:
    model = priced(catalog, Price("image", "not_offered"))

    with pytest.raises(KieInputError, match="this is not offered"):
        estimate(model, {})


COUNTS = {
    "a number": (Count(parameter="length"), {"length": "3"}, (D(15), D(15), D(15), None)),
    "not given": (Count(parameter="length"), {}, (D(5), D(5), D(5), None)),
    "a word": (
        Count(parameter="length"),
        {"length": "four"},
        (None, None, None, "length four does not say how many results there will be"),
    ),
    "less than none": (
        Count(parameter="length"),
        {"length": -1},
        (None, None, None, "length -1 does not say how many results there will be"),
    ),
    "a range": (Count(min=D(2), max=D(4)), {}, (D(20), D(10), D(20), None)),
    "a likely number": (Count(max=D(4), likely=D(3)), {}, (D(15), D(5), D(20), None)),
    "a likely number beyond the cap": (Count(max="length", likely=D(3)), {"length": 2}, (D(10), D(5), D(10), None)),
    "a cap below the least": (Count(min=D(2), max="length"), {"length": 1}, (D(5), D(5), D(5), None)),
    "a lower bound that was not given": (Count(min="length", max=D(2)), {}, (D(10), D(10), D(10), None)),
    "no upper bound": (Count(likely=D(2)), {}, (D(10), D(5), None, None)),
    "counted afterwards": (Count(max=D(9)), {"image_count": 0}, (D(0), D(0), D(0), None)),
}


@pytest.mark.parametrize(("count", "given", "expected"), COUNTS.values(), ids=COUNTS)
def test_a_count_of_results(catalog: Any, count: Count, given: Dict[str, Any], expected: Any) -> None:
    assert of(priced(catalog, Price("image", D(4), count=count), length=AUTO), given) == expected


SECONDS = {
    "given": (Seconds("length"), {"length": "2.5"}, (D("6"), D("6"), D("6"), None)),
    "not given": (
        Seconds("length", min=D(1), max=D(3)),
        {},
        (None, D(3), D(7), "the seconds go by length, which was not given"),
    ),
    "a word": (Seconds("length"), {"length": "auto"}, (None, None, None, "length auto leaves the length open")),
    "told beside": (Seconds("length"), {"duration_seconds": 4}, (D(9), D(9), D(9), None)),
    "a divisor that is not given": (
        Seconds("length", divided_by="fps"),
        {"length": 4},
        (None, None, None, "the seconds go by fps, which was not given"),
    ),
    "a divisor of 0": (
        Seconds("length", divided_by="fps"),
        {"length": 4, "fps": 0},
        (None, None, None, "the seconds go by fps, which was not given"),
    ),
    "of a file, by the other name": (Seconds(media=("length",)), {"duration_seconds": 4}, (D(9), D(9), D(9), None)),
    "no file was given": (Seconds("length", media=("fps",)), {"length": 4}, (D(9), D(9), D(9), None)),
}


@pytest.mark.parametrize(("seconds", "given", "expected"), SECONDS.values(), ids=SECONDS)
def test_a_price_per_second(catalog: Any, seconds: Seconds, given: Dict[str, Any], expected: Any) -> None:
    model = priced(catalog, Price("second", D(2), seconds=seconds), length=AUTO, fps=Parameter("fps", "fps", "any"))

    assert of(model, given) == expected


def test_a_preset_without_a_size_is_unknown(catalog: Any) -> None:
    model = priced(catalog, Price("megapixel", D(2), pixels_by="length", pixels={"hd": D(2_000_001)}), length=AUTO)

    assert [of(model, given)[0::3] for given in ({}, {"length": "sd"}, {"length": "hd"})] == [
        (None, "the size of length in pixels is not known"),
        (None, "the size of length sd in pixels is not known"),
        (D(7), None),
    ]


def test_no_case_that_fits_is_unknown(catalog: Any) -> None:
    case = Price("image", D(1), when=Condition(path="tier", values=("a",)))
    model = priced(catalog, Price("image", "unknown", cases=(case,)), tier=TIER)

    assert [of(model, given)[0::3] for given in ({}, {"tier": "a"})] == [
        (None, "no case of the price fits these arguments"),
        (D(2), None),
    ]


def test_a_tariff_adds_nothing_to_a_result_that_it_does_not_name(catalog: Any) -> None:
    assert of(replace(priced(catalog, Price("request", D(4))), result="text"))[0] == D(4)


FIRST, SECOND = Price("image", D(1)), Price("image", D(2), valid_from="2026-03-01", valid_until="2026-03-31")


@pytest.mark.parametrize(
    ("on", "amount"),
    [
        (None, D(2)),
        ("2026-02-28T23:59:59Z", D(1)),
        ("2026-03-01", D(2)),
        ("2026-03-01T00:00:00Z", D(2)),
        ("2026-03-31T23:59:59Z", D(2)),
        ("2026-04-01T00:00:00Z", "unknown"),
    ],
)
def test_the_price_in_force(on: Optional[str], amount: Any) -> None:
    found = price_on((FIRST, SECOND), on)

    assert found is not None
    assert found.amounts == amount


def test_before_the_first_price_there_is_none() -> None:
    assert price_on((replace(FIRST, valid_from="2026-03-01"),), "2026-02-01") is None


def test_a_price_that_is_over_keeps_its_source() -> None:
    over = replace(SECOND, source=Source("a page", "2026-03-01"))

    found = price_on((over,), "2026-04-01")

    assert found == Price("image", "unknown", unknown="the price was valid until 2026-03-31", source=over.source)


@pytest.mark.parametrize(
    ("amount", "text"), [("37.00", "37"), ("1E+30", "1" + "0" * 30), ("0.1850", "0.185"), (None, None)]
)
def test_amounts_are_tidy(amount: Optional[str], text: Optional[str]) -> None:
    found = tidy(None if amount is None else Decimal(amount))

    assert (None if found is None else str(found)) == text


# ---- properties ----

FIGURES = st.builds(
    Figure,
    *[st.one_of(st.none(), st.decimals(0, 1000, places=2, allow_nan=False))] * 3,
    st.sampled_from(["", "why", "because"]),
)


@given_by(FIGURES)
def test_what_is_unknown_stays_unknown(figure: Figure) -> None:
    nothing = unknown("no price")

    assert [tuple(found[:3]) for found in (figure.plus(nothing), nothing.plus(figure), figure.times(nothing))] == [
        (None,) * 3
    ] * 3


@given_by(FIGURES, FIGURES)
def test_the_order_of_a_sum_does_not_matter(one: Figure, other: Figure) -> None:
    assert one.plus(other)[:3] == other.plus(one)[:3]


@given_by(st.integers(0, 10**6))
def test_n_images_cost_n_times_one(catalog: Any, number: int) -> None:
    for tariff in catalog.tariffs:
        one = estimate(catalog[PRO], {"resolution": "2K"}, tariff=tariff).credits
        assert one is not None

        assert (
            estimate(catalog[PRO], {"resolution": "2K", "image_count": number}, tariff=tariff).credits == one * number
        )


@given_by(st.integers(0, 10**12), st.integers(0, 10**12))
def test_tokens_cost_the_sum_of_both_ways(catalog: Any, read: int, written: int) -> None:
    model = catalog["gemini-3-pro"]

    parts = [estimate(model, given).credits for given in ({"input_tokens": read}, {"output_tokens": written})]

    assert None not in parts
    assert estimate(model, {"input_tokens": read, "output_tokens": written}).credits == sum(filter(None, parts))


@pytest.fixture(scope="module")
def every() -> Catalog:
    return read_catalog(ROOT / "tests" / "cases" / "grammar.yaml")


@given_by(data=st.data())
def test_no_price_is_negative_and_a_range_holds_its_figure(every: Catalog, data: st.DataObject) -> None:
    model = every[data.draw(st.sampled_from(sorted(every)))]
    example = data.draw(st.sampled_from(model.examples))
    names = ["image_count", "duration_seconds", "input_seconds", "input_tokens", "output_tokens"]
    quantities = data.draw(st.dictionaries(st.sampled_from(names), st.integers(0, 10**9), max_size=4))

    found = quote(model, resolve(model, example.call), quantities={**example.quantities, **quantities})

    assert all(part is None or part >= 0 for part in (found.credits, found.credits_min, found.credits_max))
    if found.credits is not None:
        assert found.credits_min is None or found.credits_min <= found.credits
        assert found.credits_max is None or found.credits <= found.credits_max
    assert found.credits is not None or found.unknown


def test_exactly_is_a_figure_without_a_range() -> None:
    assert exactly(3) == Figure(D(3), D(3), D(3))


def test_a_third_of_a_second_leaves_no_end_of_nines() -> None:
    assert tidy(Decimal(100) / Decimal(30) * 18) == Decimal(60)
    assert tidy(Decimal("0.000000411")) == Decimal("0.000000411")
