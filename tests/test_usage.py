from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from wire import chunk, event, pieces

from kie_sync.chat_stream import ChatStream
from kie_sync.completions import Usage
from kie_sync.config import load_catalog
from kie_sync.errors import KieInputError
from kie_sync.pricing import CostEstimate
from kie_sync.result import Result
from kie_sync.shapes import codec_for
from kie_sync.shapes.chat_completions import parse_completion
from kie_sync.usage import cost_afterwards, usage_record

TOKENS = {"prompt_tokens": 1_000_000, "completion_tokens": 1_000_000, "total_tokens": 2_000_000}
COST = CostEstimate("m", "cost_plus_one", None, None, None, None, None, None)


def record(catalog: Any, model: str, used: Any, **given: Any) -> Any:
    return usage_record(catalog[model], used, given, tariff=None, on=None)


def streamed() -> ChatStream:
    body = [
        event(chunk("a", "stop")),
        event({"choices": [], "usage": TOKENS, "credits_consumed": 210.0}),
        event("[DONE]"),
    ]
    stream = ChatStream(
        pieces(body),
        codec_for("chat-completions"),
        model="m",
        price=lambda usage: COST,
        on_end=lambda stream, error: None,
    )
    list(stream)
    return stream


@pytest.mark.parametrize(
    ("used", "consumed"),
    [
        (Usage(1_000_000, 1_000_000, 2_000_000), None),
        (TOKENS, None),
        ({"input_tokens": 1_000_000, "output_tokens": 1_000_000}, None),
        (
            parse_completion(
                {"choices": [{"message": {"content": "a"}}], "usage": TOKENS, "credits_consumed": 210.0}, model="m"
            ),
            210,
        ),
        (streamed(), 210),
    ],
    ids=["usage", "wire", "names of estimate_cost", "completion", "stream"],
)
def test_tokens_from_whatever_was_used(catalog: Any, used: Any, consumed: Any) -> None:
    found = record(catalog, "gemini-3-flash", used)

    assert (found.credits, found.platform_credits, found.credits_consumed) == (212, 210, consumed)
    assert found.used == {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
    json.dumps(found.to_dict())


def test_unknown_tokens_are_an_unknown_price(catalog: Any) -> None:
    found = record(catalog, "gemini-3-flash", parse_completion({"choices": [{"message": {"content": "a"}}]}, model="m"))

    assert (found.credits, found.used) == (None, {}) and found.unknown


def test_a_result_knows_its_arguments(catalog: Any) -> None:
    made = Result(
        "nano-banana-pro", "t1", "image", ("u",), COST, Decimal(36), arguments={"prompt": "a", "resolution": "2K"}
    )

    found = record(catalog, "nano-banana-pro", made)

    assert (found.credits, found.credits_consumed, found.task_id) == (37, 36, "t1")
    assert found.used == {"prompt": "a", "resolution": "2K", "image_count": 1}


def test_nothing_used_and_something_given(catalog: Any) -> None:
    found = record(catalog, "google/nano-banana", None, image_count=3)

    assert (found.credits, found.used) == (15, {"image_count": 3})
    with pytest.raises(KieInputError):
        record(catalog, "google/nano-banana", None, image_count=-1)


INPUT = {"prompt": "a", "size": "1:1"}


def test_a_price_that_cannot_be_told_any_more_does_not_cost_the_result() -> None:
    model = load_catalog()["sora-2-text-to-video"]

    cost = cost_afterwards(model, {"duration": "a while"}, 1, tariff=None, on=None)

    assert cost.credits is None and cost.unknown
