from __future__ import annotations

import logging
from typing import Any, List

import pytest

from kie_sync.errors import KieBudgetError
from kie_sync.events import CallRefused, ChatSubmitting, Listeners, TaskCreated, TaskSubmitting


def refuse(event: Any) -> None:
    raise KieBudgetError("too much")


def test_one_listener_or_several_or_none() -> None:
    told: List[Any] = []

    for listeners in (told.append, [told.append, told.append], iter([told.append]), None):
        Listeners(listeners).tell(TaskCreated("m", {}, "t1"))

    assert told == [TaskCreated("m", {}, "t1")] * 4


def test_whoever_refuses_stops_the_rest_and_those_who_agreed_hear_of_it() -> None:
    """A ledger that had put a hold on credits was never told that the next listener had refused."""
    before: List[Any] = []
    after: List[Any] = []
    event = TaskSubmitting("m", {"who": 1})

    with pytest.raises(KieBudgetError) as caught:
        Listeners([before.append, refuse, after.append]).ask(event)

    assert (before, after) == ([event, CallRefused("m", {"who": 1}, caught.value)], [])


def test_a_refusal_by_another_error_is_told_without_it() -> None:
    told: List[Any] = []

    def crash(event: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Listeners([told.append, crash]).ask(ChatSubmitting("m"))

    assert told == [ChatSubmitting("m"), CallRefused("m")]


def test_after_the_send_an_error_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    told: List[Any] = []

    with caplog.at_level(logging.ERROR, "kie_sync"):
        Listeners([refuse, told.append]).tell(TaskCreated("m", {}, "t1"))

    assert told == [TaskCreated("m", {}, "t1")]
    assert [record.getMessage() for record in caplog.records] == ["a listener failed on TaskCreated of task t1"]


def test_an_interrupt_is_no_error_of_a_listener() -> None:
    def interrupt(event: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Listeners(interrupt).tell(TaskCreated("m", {}, "t1"))
