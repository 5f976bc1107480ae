"""Whose turn it is: every case a row, at second 100, for 2 creates per 10 s and 3 running tasks."""

from __future__ import annotations

from typing import List, Optional, Sequence

import pytest

from kie_sync.places import LONGEST_SEND_S, Rate, Slot, Turn, Waiter, find_turn, is_over

NOW, NEVER = 100.0, float("inf")
WINDOW, RUNNING = "2 creates per 10 s", "3 running tasks"


def answered(seconds_ago: float, user: str = "", held_s: float = 0.0) -> Slot:
    """A call that was answered so long ago, and runs on for so long after that."""
    return Slot(f"slot-{seconds_ago}-{user}", user, NOW - seconds_ago, True, held_s)


def sending(seconds_ago: float, user: str = "", held_s: float = 600.0) -> Slot:
    """A call that began so long ago, and has no answer yet."""
    return Slot(f"sending-{seconds_ago}-{user}", user, NOW - seconds_ago, False, held_s)


def turn(waiting: Sequence[str], slots: Sequence[Slot], *, share: Optional[float] = None, running: int = 3) -> Turn:
    """The turn of the last of those who wait; each is named by its user, "" for none."""
    waiters = [Waiter(str(number), user) for number, user in enumerate(waiting)]
    return find_turn(waiters[-1].id, waiters, slots, Rate(2, 10.0, running, share), NOW)


@pytest.mark.parametrize(
    ("waiting", "slots", "seconds", "reason"),
    [
        pytest.param([""], [], 0, WINDOW, id="all-is-free"),
        pytest.param(["", ""], [], 0, WINDOW, id="a-place-for-each"),
        pytest.param(["", "", ""], [], 10, WINDOW, id="the-third-waits-for-a-whole-window"),
        pytest.param([""] * 4, [], NEVER, RUNNING, id="the-fourth-for-a-task-that-is-not-made-yet"),
        pytest.param([""], [answered(4), answered(1)], 6, WINDOW, id="until-the-older-answer-is-10-s-old"),
        pytest.param(["", ""], [answered(4), answered(1)], 9, WINDOW, id="the-second-for-the-second-answer"),
        pytest.param(["", "", ""], [answered(4), answered(1)], 16, WINDOW, id="the-third-for-the-first-one's-place"),
        pytest.param(["", ""], [answered(4)], 6, WINDOW, id="the-first-takes-the-free-one"),
        pytest.param([""], [answered(4), sending(60)], 6, WINDOW, id="a-send-holds-its-place-however-long"),
        pytest.param([""], [sending(4), sending(60)], 10, WINDOW, id="no-answer-yet-is-an-answer-now-at-best"),
        pytest.param([""], [answered(10), answered(1)], 0, WINDOW, id="ten-seconds-are-over-at-ten"),
        pytest.param([""], [answered(9.999), answered(1)], pytest.approx(0.001), WINDOW, id="and-not-before"),
        pytest.param([""], [sending(LONGEST_SEND_S, held_s=0), sending(3)], 0, WINDOW, id="a-send-nobody-ends-is-over"),
        pytest.param([""], [answered(50, held_s=60)] * 3, 10, RUNNING, id="until-a-running-task-is-given-up"),
        pytest.param(["", ""], [answered(50, held_s=60)] * 2, 10, RUNNING, id="the-first-takes-the-last-running"),
        pytest.param([""] * 4, [answered(50, held_s=60)] * 3, NEVER, RUNNING, id="nobody-knows-when-those-ahead-end"),
        pytest.param([""], [answered(50, held_s=50)] * 3, 0, WINDOW, id="given-up-is-free"),
        pytest.param(
            [""], [*[answered(50, held_s=51)] * 3, answered(1), answered(2)], 8, WINDOW, id="the-later-counts"
        ),
    ],
)
def test_turn(waiting: List[str], slots: List[Slot], seconds: float, reason: str) -> None:
    assert turn(waiting, slots) == Turn(len(waiting) - 1, seconds, reason, reason == RUNNING)


@pytest.mark.parametrize(
    ("waiting", "slots", "seconds", "reason"),
    [
        pytest.param(["ann"], [], 0, WINDOW, id="one-is-always-his"),
        pytest.param(["ann"], [answered(4, "ann")], 6, "the share of user ann", id="his-share-is-used-up"),
        pytest.param(["bob"], [answered(4, "ann")], 0, WINDOW, id="not-another's"),
        pytest.param([""], [answered(4, "ann")], 0, WINDOW, id="nobody-is-no-user"),
        pytest.param(["ann", "bob"], [answered(4, "ann")], 0, WINDOW, id="who-is-behind-him-is-not-held-up"),
        pytest.param(["ann", "ann", "bob"], [], 0, WINDOW, id="nor-behind-those-who-will-use-it-up"),
        pytest.param(["ann", "bob", "cat"], [], 10, WINDOW, id="who-has-his-share-stands-in-the-queue"),
        pytest.param(["ann", "ann"], [], NEVER, "the share of user ann", id="his-second-for-his-first-to-end"),
        pytest.param(["ann"], [answered(50, "ann", 60)], 10, "the share of user ann", id="running-counts-too"),
    ],
)
def test_turn_with_shares(waiting: List[str], slots: List[Slot], seconds: float, reason: str) -> None:
    """A third of 2 creates and of 3 tasks is one of each."""
    found = turn(waiting, slots, share=1 / 3)

    assert (found.position, found.seconds, found.reason) == (len(waiting) - 1, seconds, reason)


@pytest.mark.parametrize(("position", "seconds"), list(enumerate([6, 9, 16, 19, 26])))
def test_each_place_comes_round_again(position: int, seconds: float) -> None:
    waiters = [Waiter(str(number), "") for number in range(5)]

    found = find_turn(str(position), waiters, [answered(4), answered(1)], Rate(2, 10.0, 0), NOW)

    assert found == Turn(position, seconds, WINDOW)


@pytest.mark.parametrize(("slot", "expected"), [(answered(50, "ann", 60), True), (answered(4, "ann"), False)])
def test_a_user_may_wait_for_a_task_of_his_own(slot: Slot, expected: bool) -> None:
    assert turn(["ann"], [slot], share=1 / 3).is_for_running is expected


def test_no_limit_is_no_wait() -> None:
    waiters = [Waiter(str(number), "") for number in range(50)]

    assert find_turn("49", waiters, [answered(1, held_s=60)] * 50, Rate(0, 0.0, 0), NOW).seconds == 0


@pytest.mark.parametrize(
    ("share", "places", "allowed"), [(None, 20, 20), (1.0, 20, 20), (0.25, 20, 5), (0.29, 10, 2), (0.01, 20, 1)]
)
def test_share(share: Optional[float], places: int, allowed: int) -> None:
    assert Rate(places, 10.0, 0, share).share_of(places) == allowed


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        pytest.param(answered(9), False, id="in-the-window"),
        pytest.param(answered(10), True, id="out-of-the-window"),
        pytest.param(answered(10, held_s=11), False, id="still-running"),
        pytest.param(sending(599), False, id="still-sending"),
        pytest.param(sending(600, held_s=601), False, id="no-answer-but-perhaps-running"),
        pytest.param(sending(600, held_s=600), True, id="over-in-every-way"),
    ],
)
def test_is_over(slot: Slot, expected: bool) -> None:
    assert is_over(slot, 10.0, NOW) is expected
