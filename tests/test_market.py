"""Every model of the market: what the platform's own schema takes is taken and sent unchanged, and nothing else.

The facts stand in tests/cases/market.jsonl and were read from the platform's schemas, not from our catalog.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import market
import pytest
from market import MARKET, Request

from kie_sync.catalog import read_catalog
from kie_sync.definitions import UNSET, Model, Parameter
from kie_sync.errors import KieInputError
from kie_sync.params import find_name, resolve
from kie_sync.pricing import estimate
from kie_sync.values import to_json
from kie_sync.wire import choose

CATALOG = read_catalog()
# The first models follow the table that this project was given, which is older than the facts.
OWN_TABLE = {
    "google/nano-banana": "prompts of 20,000 characters; the ratio under its older name; without nsfw_checker",
    "google/nano-banana-edit": "prompts of 20,000 characters; the ratio under its older name",
    "nano-banana-pro": "the price that was given: 24, 36 and 48 credits",
    "sora-2-text-to-video": "a price per second; without upload_method and character_id_list",
    "sora-2-image-to-video": "a price per second; without upload_method and character_id_list",
    "sora-2-pro-storyboard": "a price per second; the shots are required, upload_method is not there",
}
FULL = [model_id for model_id in MARKET if model_id in CATALOG and model_id not in OWN_TABLE]
# Where an entry says otherwise than the schema, and why: model, parameter, limit.
_ASSUMED = "no default is published, and the price goes by it"
_FIGURE = "a number in the form of text, and not any text"
OTHERWISE: Dict[Tuple[str, str, str], str] = {
    ("ai-music-api/separate-vocals", "stem_name", "required"): "used by one type only, and required there",
    ("ai-music-api/sounds", "sound_key", "default"): "Any, which is not among its values",
    ("google/imagen4", "seed", "type"): _FIGURE,
    ("google/imagen4-ultra", "seed", "type"): _FIGURE,
    ("grok-imagine/text-to-image", "enable_pro", "default"): _ASSUMED,
    ("kling-3.0-omni/image-to-video", "audio", "default"): _ASSUMED,
    ("kling-3.0-omni/reference-to-video", "audio", "default"): _ASSUMED,
    ("kling-3.0-omni/text-to-video", "customize_multi_shots", "default"): "true would demand multi_prompt",
    ("kling-3.0-omni/transformation", "duration", "type"): _FIGURE,
    ("pixverse-v6/extend", "generate_audio_switch", "default"): _ASSUMED,
    ("pixverse-v6/image-to-video", "duration", "default"): "with a template it must not be sent",
    ("veo/get-1080p-video", "index", "type"): _FIGURE,
}


def model_of(model_id: str) -> Tuple[Model, Mapping[str, Any]]:
    return CATALOG[model_id], MARKET[model_id]


def sent(facts: Mapping[str, Any], call: Request) -> Request:
    """What must go to the platform: the call, and what the platform demands and has a default for."""
    missing = {
        name: param["default"]
        for name, param in facts["params"].items()
        if name not in call
        and "default" in param
        and (param.get("required") or param.get("sent"))
        and (facts["model"], name, "default") not in OTHERWISE
    }
    return {**missing, **call}


def text_of(value: Any) -> str:
    """For comparing: as JSON, where 5 and "5" are two things and the order of keys is none."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def ours(parameters: Mapping[str, Parameter], call: Mapping[str, Any]) -> Request:
    """A call by the wire's names and words in ours."""
    found = {}
    for wire, value in call.items():
        parameter = next(parameter for parameter in parameters.values() if parameter.wire == wire)
        found[parameter.name] = our_value(parameter, value)
    return found


def our_value(parameter: Parameter, value: Any) -> Any:
    if parameter.values is not None and not parameter.is_list:
        choice = choose(parameter, value, wire_only=True)
        assert choice is not None, f"{parameter.name} does not know {value!r}"
        return choice.value
    if isinstance(value, list) and parameter.items is not None:
        return [our_value(parameter.items, item) for item in value]
    if isinstance(value, dict) and parameter.fields is not None:
        return ours(parameter.fields, value)
    return int(value) if parameter.type == "integer" and parameter.send_as == "text" else value


def calls(model_id: str) -> Iterator[Request]:
    """The smallest call, those with everything, and one for each value at the end of a limit."""
    facts = MARKET[model_id]
    yield market.least(facts)
    yield from market.most(facts)
    for name, param in facts["params"].items():
        for value in market.allowed(param):
            yield market.with_value(facts, name, value)


def test_the_market_has_183_task_models() -> None:
    assert len(MARKET) == 183


def test_every_model_of_the_market_is_in_the_catalog() -> None:
    assert [model_id for model_id in MARKET if model_id not in CATALOG] == []


@pytest.mark.parametrize("model_id", OWN_TABLE)
def test_what_the_first_models_send_is_known_to_the_market(model_id: str) -> None:
    model, facts = model_of(model_id)

    assert {parameter.wire for parameter in model.parameters.values()} - set(facts["params"]) == set()


@pytest.mark.parametrize("key", [key for key in OTHERWISE if key[0] in FULL], ids="-".join)
def test_what_is_otherwise_is_otherwise_still(key: Tuple[str, str, str]) -> None:
    model, facts = model_of(key[0])
    param = facts["params"][key[1]]
    parameter = next(parameter for parameter in model.parameters.values() if parameter.wire == key[1])

    if key[2] == "default":
        assert text_of(None if parameter.default is UNSET else to_json(parameter.default)) != text_of(
            param.get("default")
        )
    elif key[2] == "required":
        assert param["required"] and not parameter.required
    else:
        assert (param["type"], parameter.type, parameter.send_as) == ("string", "integer", "text")


@pytest.mark.parametrize("model_id", FULL)
def test_the_parameters_are_those_of_the_platform(model_id: str) -> None:
    model, facts = model_of(model_id)

    assert sorted(parameter.wire for parameter in model.parameters.values()) == sorted(facts["params"])


@pytest.mark.parametrize("model_id", FULL)
def test_what_the_platform_takes_is_taken_and_sent_unchanged(model_id: str) -> None:
    """By the wire's names and words, strictly and among our own, and by our names and words."""
    model, facts = model_of(model_id)

    for call in calls(model_id):
        expected = text_of(sent(facts, call))
        assert text_of(resolve(model, call).wire) == expected
        assert text_of(resolve(model, sent(facts, call), wire_only=True).wire) == expected
        assert text_of(resolve(model, ours(model.parameters, call)).wire) == expected


@pytest.mark.parametrize("model_id", FULL)
def test_what_breaks_one_limit_is_refused_and_the_limit_named(model_id: str) -> None:
    model, facts = model_of(model_id)

    for name, param in facts["params"].items():
        if (model_id, name, "type") in OTHERWISE:
            continue
        for value, words in market.forbidden(param):
            messages = refusals(model, market.with_value(facts, name, value), at=name)
            for word in words:
                assert any(word in message for message in messages), (name, value, word, messages)


@pytest.mark.parametrize("model_id", FULL)
def test_what_is_required_is_asked_for(model_id: str) -> None:
    model, facts = model_of(model_id)
    asked_for = [name for name, param in facts["params"].items() if param.get("required") and "default" not in param]

    for name in asked_for:
        if (model_id, name, "required") in OTHERWISE:
            continue
        messages = refusals(model, market.changed(market.least(facts), {name: None}), at=name)
        assert any("is required" in message for message in messages), (name, messages)


@pytest.mark.parametrize("model_id", FULL)
def test_what_the_platform_does_not_know_is_refused(model_id: str) -> None:
    model, facts = model_of(model_id)
    if model.accepts_other:
        return

    assert refusals(model, {**market.least(facts), "no_such_word": 1}, at="no_such_word")


def refusals(model: Model, call: Request, *, at: str) -> List[str]:
    """What is said about a parameter, when it is refused strictly by the wire's names."""
    with pytest.raises(KieInputError) as caught:
        resolve(model, call, wire_only=True)
    called = {at, find_name(model.parameters, at)}
    roots = {problem.message: problem.where.partition("[")[0].partition(".")[0] for problem in caught.value.problems}
    return [message for message, root in roots.items() if root in called]


@pytest.mark.parametrize("model_id", [model_id for model_id in FULL if MARKET[model_id].get("refused")])
def test_what_breaks_one_rule_is_refused_with_a_reason(model_id: str) -> None:
    model, facts = model_of(model_id)

    for change, *words in facts["refused"]:
        with pytest.raises(KieInputError) as caught:
            resolve(model, market.changed(market.least(facts), change))
        for word in words:
            known = find_name(model.parameters, word[1:]) if word.startswith("@") else word
            assert known in str(caught.value), (change, known, str(caught.value))


@pytest.mark.parametrize("model_id", FULL)
def test_defaults_and_files_are_as_the_platform_states_them(model_id: str) -> None:
    model, facts = model_of(model_id)

    for parameter in model.parameters.values():
        param = facts["params"][parameter.wire]
        if (model_id, parameter.wire, "default") not in OTHERWISE:
            default = None if parameter.default in (UNSET, []) else to_json(parameter.default)
            stated = param.get("default")
            assert default == (None if stated in (None, []) else our_value(parameter, stated)), parameter.wire
        assert (parameter.max_mb, list(parameter.formats)) == (param.get("max_mb"), param.get("formats", []))


@pytest.mark.parametrize("model_id", FULL)
def test_every_price_is_as_the_platform_states_it(model_id: str) -> None:
    model, facts = model_of(model_id)

    for call, credits in facts["prices"]:
        quoted = estimate(model, call, on=facts.get("on", "2026-11-22T12:00:00Z")).platform_credits
        assert quoted == (None if credits is None else Decimal(str(credits))), (call, quoted)


@pytest.mark.parametrize("model_id", [model_id for model_id in FULL if "seen" in MARKET[model_id]])
def test_figures_that_no_call_can_cost_are_told(model_id: str) -> None:
    model, facts = model_of(model_id)
    told = [seen.text for price in model.prices for seen in price.observed]

    for figure in facts["seen"]:
        assert any(str(figure) in text for text in told), figure
