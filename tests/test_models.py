"""Every shipped model: its examples are sent and priced as they say, and each fact has a source and a date."""

from __future__ import annotations

import re
from typing import Any, Iterator, Tuple

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from wire import placed

from kie_sync.catalog import Catalog, read_catalog, read_schema
from kie_sync.catalog_check import model_faults
from kie_sync.definitions import Price, Source
from kie_sync.params import resolve
from kie_sync.pricing import quote
from kie_sync.request import wire_body
from kie_sync.yamlfile import read_yaml

CATALOG: Catalog = read_catalog(check=True)
EXAMPLES = [(model.id, number) for model in CATALOG.values() for number in range(len(model.examples))]
DATE = re.compile(r"2\d{3}-\d{2}-\d{2}\Z")


# The customer's own table of models, in its order; tests/test_chat_models.py has the chat models of the platform.
FIRST_TEN = [
    "google/nano-banana",
    "google/nano-banana-edit",
    "nano-banana-pro",
    "sora-2-text-to-video",
    "sora-2-image-to-video",
    "sora-2-pro-storyboard",
    "gemini-3-pro",
    "gemini-3-flash",
    "gemini-2.5-flash-preview",
    "gemini-3-flash-preview",
]


def test_the_customers_ten_models_come_first() -> None:
    assert list(CATALOG)[:10] == FIRST_TEN


def test_each_file_of_the_catalog_points_editors_at_the_schema() -> None:
    """Line 1, as the editors' YAML servers read it; the path is relative to the file."""
    files = [ROOT / "models.yaml", *sorted((ROOT / "models").rglob("*.yaml"))]

    named = {file: file.read_text(encoding="utf-8").splitlines()[0].rpartition("$schema=")[2] for file in files}

    assert len(files) > 5
    assert {(file.parent / name).resolve() for file, name in named.items()} == {
        (ROOT / "schemas" / "catalog.schema.json").resolve()
    }


def test_each_file_of_the_catalog_fits_the_schema_as_it_is_written() -> None:
    """As editors see it: one file at a time, with entries that need not be whole."""
    files = [ROOT / "models.yaml", *sorted((ROOT / "models").rglob("*.yaml"))]
    validator = Draft202012Validator(read_schema())

    faults = [
        (file.name, fault.json_path, fault.message)
        for file in files
        for fault in validator.iter_errors(read_yaml(file.read_text(encoding="utf-8"), file.name))
    ]

    assert faults == []


def test_the_catalog_has_no_problem() -> None:
    assert CATALOG.problems == ()


@pytest.mark.parametrize("model_id", CATALOG)
def test_a_model_has_no_fault_and_an_example(model_id: str) -> None:
    assert list(model_faults(CATALOG[model_id], list(CATALOG))) == []


@pytest.mark.parametrize(("model_id", "number"), EXAMPLES, ids=[f"{name}-{number}" for name, number in EXAMPLES])
def test_an_example_sends_exactly_what_it_says(model_id: str, number: int) -> None:
    model, example = CATALOG[model_id], CATALOG[model_id].examples[number]

    assert wire_body(model, resolve(model, example.call)) == example.sends


@pytest.mark.parametrize(("model_id", "number"), EXAMPLES, ids=[f"{name}-{number}" for name, number in EXAMPLES])
def test_an_example_costs_exactly_what_it_says_in_both_tariffs(model_id: str, number: int) -> None:
    model, example = CATALOG[model_id], CATALOG[model_id].examples[number]
    arguments = resolve(model, example.call)

    on = f"{example.on}T00:00:00Z" if example.on else None

    prices = {
        name: quote(model, arguments, tariff=name, quantities=example.quantities, on=on).credits
        for name in CATALOG.tariffs
    }

    assert prices == example.price


@pytest.mark.parametrize(("model_id", "number"), EXAMPLES, ids=[f"{name}-{number}" for name, number in EXAMPLES])
def test_what_an_example_sends_is_accepted_from_the_wire(model_id: str, number: int) -> None:
    model, example = CATALOG[model_id], CATALOG[model_id].examples[number]
    wire = resolve(model, example.call).wire

    assert resolve(model, wire, wire_only=True).wire == wire
    assert list(Draft202012Validator(model.input_schema).iter_errors(placed(wire))) == []


def sources() -> Iterator[Tuple[str, Source]]:
    yield "money", CATALOG.money.source
    for plan in CATALOG.plans.values():
        yield f"plan {plan.name}", plan.source
    for model in CATALOG.values():
        yield model.id, model.source
        prices: Tuple[Price, ...] = (*model.prices, *model.tariffs.values())
        yield from ((f"{model.id}: a price", price.source) for price in prices)


@pytest.mark.parametrize(("what", "source"), list(sources()), ids=[what for what, _ in sources()])
def test_every_fact_says_where_and_when_it_was_read(what: str, source: Source) -> None:
    assert source.source, what
    assert DATE.match(source.checked), what


def test_every_model_has_a_price_of_its_own() -> None:
    assert [model.id for model in CATALOG.values() if not model.prices] == []


def test_the_customers_models_have_a_price_in_each_tariff_and_the_others_in_those_that_follow() -> None:
    """Nobody has stated a reference price for the models that came later: it is unknown, and not a guess."""
    unstated = {
        (model.id, tariff.name)
        for model in CATALOG.values()
        for tariff in CATALOG.tariffs.values()
        if model.endpoint.provider.name in tariff.providers
        and tariff.margins is None
        and tariff.name not in model.tariffs
    }

    assert {model_id for model_id, _ in unstated} & set(FIRST_TEN) == set()
    assert {tariff for _, tariff in unstated} == {"reference"}


def test_models_that_were_withdrawn_say_what_to_use_instead() -> None:
    withdrawn = {model.id: (model.retired_on, model.replaced_by) for model in CATALOG.values() if model.retired_on}

    assert withdrawn == {
        "sora-2-text-to-video": ("2026-07-02", "none"),
        "sora-2-image-to-video": ("2026-07-02", "none"),
        "sora-2-pro-storyboard": ("2026-07-02", "none"),
        "sora-2-pro-text-to-video": ("2026-08-19", "none"),
        "sora-2-pro-image-to-video": ("2026-08-19", "none"),
        "sora-2-characters": ("2026-08-19", "none"),
        "sora-2-characters-pro": ("2026-08-19", "none"),
        "sora-watermark-remover": ("2026-08-19", "none"),
        "gemini-2.5-flash-preview": ("2026-02-17", "gemini-3-flash-preview"),
        "elevenlabs/sound-effect-v2": ("2026-08-19", "none"),
        "elevenlabs/speech-to-text": ("2026-08-19", "none"),
        "ideogram/v3-reframe": ("2026-08-19", "none"),
    }


@pytest.mark.parametrize(
    ("model_id", "context", "output"), [("gemini-3-pro", 1_000_000, 65_536), ("gemini-3-flash", 1_000_000, 65_536)]
)
def test_chat_models_say_how_much_they_hold(model_id: str, context: int, output: int) -> None:
    model: Any = CATALOG[model_id]

    assert (model.context_tokens, model.output_tokens, model.media) == (
        context,
        output,
        ("text", "image", "video", "audio", "pdf"),
    )


def test_the_plans_are_as_the_customer_wrote_them() -> None:
    found = {name: (str(plan.credits), str(plan.price), plan.currency) for name, plan in CATALOG.plans.items()}

    assert found == {
        "kie-basic": ("1000", "5", "USD"),
        "kie-standard": ("10000", "50", "USD"),
        "kie-pro": ("105000", "500", "USD"),
        "kie-enterprise": ("275000", "1250", "USD"),
        "new-user": ("100", "0", "CNY"),
        "trial": ("500", "18", "CNY"),
        "basic": ("2000", "68", "CNY"),
        "standard": ("5000", "158", "CNY"),
        "pro": ("20000", "588", "CNY"),
    }
