"""Every chat model of the platform, held against what was read about it: path, fields, prices."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, List, Mapping, Set

import pytest
from conftest import ROOT

from kie_sync.catalog import Catalog, read_catalog
from kie_sync.definitions import UNSET, Model, Parameter
from kie_sync.params import resolve
from kie_sync.pricing import estimate, price_on
from kie_sync.request import build_chat
from kie_sync.yamlfile import read_yaml

CATALOG: Catalog = read_catalog()
READ: Mapping[str, Any] = read_yaml(
    (ROOT / "tests" / "cases" / "chat_models.yaml").read_text(encoding="utf-8"), "chat_models.yaml"
)
MODELS = [model for model in CATALOG.values() if model.kind == "chat" and model.endpoint.provider.name == "kie"]

# What the codecs put into each shape's own form stands under one name for all of them.
PLACED = {"input": "messages", "contents": "messages", "text": "response_format", "output_config": "response_format"}
# As the customer's own table has them, without a word about where they were read.
CUSTOMERS = {("gemini-3-pro", "tool_choice"), ("gemini-3-flash", "tool_choice")}
# The customer's table has the default that the pages of its neighbours give; this model's own page gives none.
CUSTOMERS_DEFAULT = {("gemini-3-flash", "reasoning_effort"): "high"}
SEARCHES = ("google_search", "web_search")
# Google Search takes the place of `tools` on the wire; the page says nothing of functions.
SEARCH_ONLY = {"gemini-3.1-pro"}


def fields(model: Model) -> Dict[str, Parameter]:
    return {parameter.wire: parameter for name, parameter in model.parameters.items() if name not in SEARCHES}


def read_fields(model: Model) -> Dict[str, Any]:
    found = {PLACED.get(name, name): facts for name, facts in READ[model.id]["fields"].items()}
    return {name: facts for name, facts in found.items() if not (name == "tools" and model.id in SEARCH_ONLY)}


def test_the_catalog_has_every_chat_model_of_the_platform_and_no_other() -> None:
    assert {model.id for model in MODELS} == set(READ)
    assert len(READ) == 47


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_it_is_called_at_its_path(model: Model) -> None:
    arguments = resolve(model, model.examples[0].call)

    assert build_chat(model, arguments, "https://test", stream=False).url == f"https://test{READ[model.id]['path']}"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_it_takes_the_fields_that_were_read(model: Model) -> None:
    taken = {
        wire: {
            **({"required": True} if each.required else {}),
            **({"values": [choice.wire for choice in each.values]} if each.values is not None else {}),
            **(
                {"default": each.default}
                if each.default not in (UNSET, CUSTOMERS_DEFAULT.get((model.id, wire)))
                else {}
            ),
        }
        for wire, each in fields(model).items()
        if wire in read_fields(model)
    }

    assert taken == read_fields(model)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_what_it_takes_beyond_them_says_so(model: Model) -> None:
    """A parameter that no page lists carries a note; nobody shall think that the platform promised it."""
    beyond: Set[str] = set(fields(model)) - set(read_fields(model))

    silent = {
        name
        for name, parameter in model.parameters.items()
        if parameter.wire in beyond and "not" not in parameter.note and (model.id, name) not in CUSTOMERS
    }

    assert silent == set()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_a_search_takes_the_place_of_tools_and_is_kept_apart_from_them(model: Model) -> None:
    searches = [name for name in SEARCHES if name in model.parameters]

    assert {model.parameters[name].wire for name in searches} <= {"tools"}
    assert "tools" in READ[model.id]["fields"] or not searches
    apart: List[Any] = [set(sum(rule.groups, ())) for rule in model.rules if rule.kind == "excludes"]
    assert all({name, "tools"} in apart for name in searches if "tools" in model.parameters)


def rates(facts: Mapping[str, Any]) -> Any:
    credits = facts["credits"]
    if credits is None:
        return "unknown"
    found = {kind: Decimal(str(amount)) for kind, amount in credits.items()}
    if "cache" in facts:
        kinds = ("cache_write", "cache_write_1h", "cached_input")
        found.update({kind: found["input"] * Decimal(str(factor)) for kind, factor in zip(kinds, facts["cache"])})
    return found


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_its_tokens_cost_what_was_read(model: Model) -> None:
    price: Any = price_on(model.prices, "2026-11-22T00:00:00Z")

    assert (price.unit, price.currency, price.amounts) == ("1m_tokens", "credits", rates(READ[model.id]))


@pytest.mark.parametrize("model", [model for model in MODELS if "until" in READ[model.id]], ids=lambda model: model.id)
def test_a_promotion_ends_on_its_day(model: Model) -> None:
    facts = READ[model.id]
    tokens = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}

    found = {
        on: estimate(model, tokens, on=on).platform_credits
        for on in ("2026-12-31T05:59:59Z", facts["until"], "2027-01-01T00:00:00Z")
    }

    after = sum(facts["then"].values())
    assert list(found.values()) == [sum(facts["credits"].values()), after, after]


def test_a_price_that_nobody_published_is_unknown_with_its_reason() -> None:
    unknown = {model.id: model.prices[0].unknown for model in MODELS if READ[model.id]["credits"] is None}

    assert unknown == {
        "grok-4-3": "the page gives no price, and the live catalog of 2026-10-06 does not list the model"
    }
