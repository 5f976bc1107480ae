from __future__ import annotations

from decimal import Decimal
from typing import Any, Optional

import pytest

from kie_sync.completions import ChatCompletionChunk, ChunkChoice, Delta, Usage, unexplained
from kie_sync.pricing import CostEstimate


@pytest.mark.parametrize(
    ("usage", "quantities"),
    [
        (Usage(3, 4, 9), {"input_tokens": 3, "output_tokens": 4}),
        (Usage(10, 4, 14, cached_tokens=7), {"input_tokens": 3, "output_tokens": 4, "cached_input_tokens": 7}),
        (
            Usage(100, 1, 101, 10, 20, 30, 5, reasoning_tokens=1),
            {
                "input_tokens": 35,
                "output_tokens": 1,
                "cached_input_tokens": 10,
                "cache_write_tokens": 20,
                "cache_write_1h_tokens": 30,
                "audio_input_tokens": 5,
            },
        ),
        (Usage(3, 0, 3, cached_tokens=9), {"input_tokens": 0, "output_tokens": 0, "cached_input_tokens": 9}),
    ],
)
def test_what_has_a_price_of_its_own_is_counted_apart(usage: Usage, quantities: Any) -> None:
    assert usage.quantities == quantities


def test_usage_in_openais_form() -> None:
    assert Usage(3, 4, 9).to_dict() == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 9}
    assert Usage(30, 4, 34, cached_tokens=7, reasoning_tokens=2).to_dict() == {
        "prompt_tokens": 30,
        "completion_tokens": 4,
        "total_tokens": 34,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_a_piece_in_openais_form() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{"}}
    chunk = ChatCompletionChunk(
        (ChunkChoice(Delta("assistant", "Hi", "hm", (call,)), finish_reason="tool_calls"),),
        "c1",
        "m",
        Usage(1, 2, 3),
        Decimal("0.5"),
    )

    assert chunk.to_dict() == {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "delta": {"role": "assistant", "content": "Hi", "reasoning_content": "hm", "tool_calls": [call]},
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        "credits_consumed": "0.5",
    }
    assert ChatCompletionChunk().to_dict()["choices"] == [{"index": 0, "delta": {}, "finish_reason": None}]


def cost(credits: Optional[str]) -> CostEstimate:
    amount = None if credits is None else Decimal(credits)
    return CostEstimate("m", "t", amount, amount, amount, amount, None, None)


@pytest.mark.parametrize(
    ("consumed", "price", "difference"),
    [
        ("0.01", "0.001", "0"),
        ("0.02", "0.0299", "0"),
        ("0.02", "0.01", "0.01"),
        ("1", "3.5", "-2.5"),
        (None, "1", None),
        ("1", None, None),
    ],
)
def test_less_than_a_hundredth_of_a_credit_is_rounding(consumed: Any, price: Any, difference: Any) -> None:
    found = unexplained(None if consumed is None else Decimal(consumed), cost(price))

    assert found == (None if difference is None else Decimal(difference))
    assert unexplained(Decimal(1), None) is None


def test_thinking_that_only_the_total_tells_is_output_where_it_is_charged() -> None:
    usage = Usage(4, 33, 76)

    assert usage.billed(with_thinking=True) == {"input_tokens": 4, "output_tokens": 72}
    assert usage.billed(with_thinking=False) == {"input_tokens": 4, "output_tokens": 33}
    assert Usage(4, 33, 37).billed(with_thinking=True) == {"input_tokens": 4, "output_tokens": 33}
