from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, Optional

import pytest

from kie_sync import ChatCompletion, ChatMessage, Usage
from kie_sync.completions import Choice
from kie_sync.figures import CostItem
from kie_sync.pricing import CostEstimate
from kie_sync.totals import taken, total_consumed, total_cost, total_usage

D = Decimal
ITEM = CostItem("input tokens", D(1), "token", D(2))
COST = CostEstimate("m", "t", D(2), D(1), D(3), D("1.5"), D("0.01"), D("0.07"), (ITEM,), None, ("seen",), D(4))
UNKNOWN = CostEstimate("m", "t", None, None, None, None, None, None, unknown="no price")


def completion(consumed: Any = None, cost: Optional[CostEstimate] = COST) -> ChatCompletion:
    return ChatCompletion((Choice(ChatMessage("assistant", "a")),), credits_consumed=consumed, cost=cost)


def test_tokens_are_added_kind_by_kind() -> None:
    one = Usage(1, 2, 3, 4, 5, 6, 7, 8, {"a": 1})

    total = total_usage([one, one])

    assert total == Usage(2, 4, 6, 8, 10, 12, 14, 16)
    assert total is not None and total.reasoning_tokens == 16


@pytest.mark.parametrize("counts", [[], [Usage(1, 2, 3), None]])
def test_tokens_that_were_not_told_make_the_sum_unknown(counts: Any) -> None:
    assert total_usage(counts) is None


def test_prices_are_added() -> None:
    total = total_cost([COST, replace(COST, notes=("seen", "newer"))])

    assert total == CostEstimate(
        "m", "t", D(4), D(2), D(6), D(3), D("0.02"), D("0.14"), (ITEM, ITEM), None, ("seen", "newer"), D(8)
    )


def test_an_unknown_price_makes_the_sum_unknown_and_says_why() -> None:
    total = total_cost([COST, UNKNOWN])

    assert total is not None
    assert (total.credits, total.platform_credits, total.usd, total.unknown) == (None, None, None, "no price")
    assert total_cost([COST, None]) is None
    assert total_cost([]) is None


def test_what_the_platform_took() -> None:
    assert total_consumed([completion(D(1)), completion(D("0.5"))]) == D("1.5")
    assert total_consumed([completion(D(1)), completion()]) is None
    assert total_consumed([]) is None


def test_what_an_answer_took_is_told_or_reckoned() -> None:
    assert taken(completion(D(1))) == D(1)
    assert taken(completion()) == D("1.5")
    assert taken(completion(cost=UNKNOWN)) is None
    assert taken(completion(cost=None)) is None
