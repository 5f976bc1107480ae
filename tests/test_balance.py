"""The warning of a low balance: asked seldom, told once, and never in the way of a call."""

from __future__ import annotations

import logging
from decimal import Decimal
from typing import Any, List

import pytest
from wire import CHAT, CREATED, IMAGE, KEY, Script, answer, chunk, client, event, pieces

from kie_sync import KieAdapter
from kie_sync.config import ApiKey
from kie_sync.events import BalanceLow

ACCOUNT = ApiKey(KEY).fingerprint
TALK = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}


class Platform:
    """Makes tasks, talks, and tells these balances in turn, the last one for ever; what is no number is the answer."""

    def __init__(self, *balances: Any) -> None:
        self.balances = list(balances)
        self.asked = 0

    def __call__(self, request: Any) -> Any:
        if request.is_paid:
            return answer(TALK if "messages" in request.json else CREATED)
        self.asked += 1
        balance = self.balances.pop(0) if len(self.balances) > 1 else self.balances[0]
        return answer(balance if isinstance(balance, dict) else {"code": 200, "data": balance})


def watched(platform: Platform, clock: Any, told: List[Any], **settings: Any) -> Any:
    def note(event: Any) -> None:
        if isinstance(event, BalanceLow):
            told.append(event)

    return client(Script(platform), clock, low_balance_warning=50, on_event=note, **settings)


def low(credits: Any) -> BalanceLow:
    return BalanceLow("", {}, "kie", ACCOUNT, Decimal(str(credits)), Decimal(50))


def test_it_is_told_once_each_time_it_gets_low(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    told: List[Any] = []
    platform = Platform(60, 49.5, 40, 50, 12)
    adapter = KieAdapter(watched(platform, clock, told), IMAGE)

    for _ in range(5):
        adapter.submit("a cat")
        clock.sleep(60)

    assert told == [low(49.5), low(12)]
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "the balance is low: 49.5 credits are left, fewer than 50; top it up before calls are refused",
        "the balance is low: 12 credits are left, fewer than 50; top it up before calls are refused",
    ]


def test_it_is_asked_once_a_minute(clock: Any) -> None:
    platform = Platform(60)
    adapter = KieAdapter(watched(platform, clock, []), IMAGE)

    for _ in range(13):
        adapter.submit("a cat")
        clock.sleep(10)

    # At 0, 60 and 120 s.
    assert platform.asked == 3


def test_a_balance_that_the_caller_asks_for_counts_too(clock: Any) -> None:
    told: List[Any] = []
    platform = Platform(7)
    mine = watched(platform, clock, told)

    assert mine.credits() == 7
    KieAdapter(mine, IMAGE).submit("a cat")

    assert (told, platform.asked) == ([low(7)], 1)


def test_chats_are_paid_from_it_but_not_those_of_others(clock: Any) -> None:
    platform = Platform(60)
    mine = watched(platform, clock, [], api_keys={"google": "g"})

    KieAdapter(mine, "gemini-3-flash-preview").chat("2+2?")
    assert platform.asked == 0
    KieAdapter(mine, CHAT).chat("2+2?")

    assert platform.asked == 1


@pytest.mark.parametrize("answered", [{"code": 500, "msg": "maintenance"}, {"code": 200, "data": None}])
def test_a_balance_that_cannot_be_read_costs_nobody_a_task(
    answered: Any, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """One question, and no more: a busy platform must not keep the call from its wait."""
    caplog.set_level(logging.INFO, "kie_sync")
    platform, began = Platform(answered), clock.now()

    task = KieAdapter(watched(platform, clock, []), IMAGE).submit("a cat")

    assert (task.task_id, platform.asked, clock.now()) == ("t1", 1, began)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["the balance could not be read"]


def test_nobody_asks_who_was_not_asked_to(clock: Any) -> None:
    platform = Platform(1)

    KieAdapter(client(Script(platform), clock), IMAGE).submit("a cat")

    assert platform.asked == 0


@pytest.mark.parametrize("is_dropped", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_a_stream_that_is_left_early_asks_only_where_it_may(is_dropped: bool, count: int, clock: Any) -> None:
    """A finalizer runs in the middle of anything: it must not wait for an answer."""
    platform = Platform(60)
    parts = [event(chunk("a")), event(chunk("b", "stop"))]

    def transport(request: Any, **more: Any) -> Any:
        return pieces(parts) if request.is_paid else platform(request)

    stream = client(transport, clock, low_balance_warning=50).chat_completions_stream(CHAT, "2+2?")
    for _ in range(count):
        next(stream)
    if not is_dropped:
        stream.close()
    del stream

    assert platform.asked == (1 if count == 2 and not is_dropped else 0)
