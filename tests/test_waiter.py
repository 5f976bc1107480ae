from __future__ import annotations

import logging
from typing import Any, List, Optional

import pytest

from kie_sync.definitions import Pace, Waiting
from kie_sync.errors import (
    KieAuthenticationError,
    KieConnectionError,
    KieInputError,
    KieInsufficientBalanceError,
    KieNotFoundError,
    KieRateLimitError,
    KieServerError,
    KieTaskTimeoutError,
    KieValidationError,
)
from kie_sync.events import Listeners, TaskPolled
from kie_sync.response import QueryTaskResponse
from kie_sync.waiter import Watch, check_times

PACE = Waiting((Pace(2, 30), Pace(5, 120), Pace(15)), deadline_s=600, missing_grace_s=90)
ENDED = QueryTaskResponse("t1", "success", "success")
FAILED = QueryTaskResponse("t1", "fail", "failure")


def seen(word: str, outcome: str = "pending", **more: Any) -> QueryTaskResponse:
    return QueryTaskResponse("t1", word, outcome, **more)


class Looks:
    """These sights in turn, the last one for ever."""

    def __init__(self, *sights: Any) -> None:
        self.sights = list(sights)
        self.left: List[float] = []

    def __call__(self, left_s: float) -> QueryTaskResponse:
        self.left.append(left_s)
        sight = self.sights.pop(0) if len(self.sights) > 1 else self.sights[0]
        if isinstance(sight, Exception):
            raise sight
        return sight


def watch(looks: Any, clock: Any, *, age_s: Optional[float] = None, told: Any = None, **more: Any) -> QueryTaskResponse:
    about = {"task_id": "t1", "model": "m", "waiting": PACE, "listeners": Listeners(told), "context": {"who": 1}}
    return Watch(looks, clock=clock, age_s=age_s, **{**about, **more}).wait()


@pytest.mark.parametrize("end", [ENDED, FAILED])
@pytest.mark.parametrize(
    "words",
    [[], ["waiting"], ["generating"], ["waiting", "generating"], ["waiting", "queuing", "generating", "waiting"]],
)
def test_any_state_may_be_skipped(clock: Any, words: List[str], end: Any) -> None:
    assert watch(Looks(*map(seen, words), end), clock) is end
    assert len(clock.sleeps) == len(words)


def test_the_pace_slows_down_as_the_kind_says(clock: Any) -> None:
    watch(Looks(*[seen("waiting")] * 40, ENDED), clock)

    assert clock.sleeps == [2] * 15 + [5] * 18 + [15] * 7


def test_beyond_the_last_pace_it_stays(clock: Any) -> None:
    watch(Looks(*[seen("waiting")] * 4, ENDED), clock, waiting=Waiting((Pace(2, 4),), 600, 90))

    assert clock.sleeps == [2] * 4


def test_a_new_task_is_not_looked_at_at_once(clock: Any) -> None:
    watch(Looks(ENDED), clock, age_s=0.5)

    assert clock.sleeps == [1.5]


def test_a_task_of_a_while_ago_is_looked_at_at_once(clock: Any) -> None:
    watch(Looks(ENDED), clock, age_s=3.0)
    watch(Looks(ENDED), clock)

    assert clock.sleeps == []


def test_the_callers_interval_is_honoured(clock: Any) -> None:
    watch(Looks(*[seen("waiting")] * 3, ENDED), clock, age_s=0.0, poll_interval=0.25)

    assert clock.sleeps == [0.25] * 4


def test_an_unknown_word_waits_and_warns_once(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    looks = Looks(*[seen("brewing", "unknown")] * 3, seen("steeping", "unknown"), seen("", "unknown"), ENDED)

    with caplog.at_level(logging.WARNING, "kie_sync"):
        watch(looks, clock)

    assert [record.getMessage() for record in caplog.records] == [
        f"task t1 is in a state that the catalog does not know: {word!r}; still waiting"
        for word in ("brewing", "steeping", "")
    ]


def test_what_is_seen_is_told(clock: Any) -> None:
    told: List[Any] = []

    watch(Looks(seen("waiting"), seen("brewing", "unknown", progress=40.0), ENDED), clock, told=told.append)

    assert told == [
        TaskPolled("m", {"who": 1}, "t1", "waiting", None, 0.0, True),
        TaskPolled("m", {"who": 1}, "t1", "brewing", 40.0, 2.0, False),
    ]


MISSING = KieNotFoundError("the platform refused: recordInfo is null", status_code=422)


def test_a_new_task_may_be_unknown_for_a_while(clock: Any) -> None:
    assert watch(Looks(*[MISSING] * 10, ENDED), clock, age_s=0.0) is ENDED


def test_a_task_that_stays_unknown_is_not_found(clock: Any) -> None:
    with pytest.raises(KieNotFoundError) as caught:
        watch(Looks(MISSING), clock, age_s=0.0)

    assert (caught.value.task_id, caught.value.model) == ("t1", "m")
    assert 90 <= sum(clock.sleeps) < 97


def test_the_grace_counts_from_the_tasks_creation(clock: Any) -> None:
    with pytest.raises(KieNotFoundError):
        watch(Looks(MISSING), clock, age_s=85.0)

    assert 5 <= sum(clock.sleeps) < 8


def test_an_old_task_that_is_unknown_is_not_found_at_once(clock: Any) -> None:
    with pytest.raises(KieNotFoundError) as caught:
        watch(Looks(MISSING), clock)

    assert (caught.value.task_id, clock.sleeps) == ("t1", [])


@pytest.mark.parametrize(
    "trouble", [KieConnectionError("x"), KieServerError("x"), KieRateLimitError("x", retry_after=9.0)]
)
def test_passing_trouble_is_waited_out(clock: Any, trouble: Any) -> None:
    assert watch(Looks(trouble, trouble, ENDED), clock) is ENDED
    assert clock.sleeps == [trouble.retry_after or 2] * 2


def test_a_refused_key_in_the_middle_ends_the_wait_with_the_task_id(clock: Any) -> None:
    with pytest.raises(KieAuthenticationError) as caught:
        watch(Looks(seen("waiting"), KieAuthenticationError("no")), clock)

    assert (caught.value.task_id, caught.value.model) == ("t1", "m")


HOW = "wait again with adapter.task('t1').wait(), or `kie-sync task t1 --wait`"


@pytest.mark.parametrize(
    ("before", "age_s", "exists"),
    [
        ([], 0.0, "the task exists and is paid, and goes on"),
        ([seen("")], None, "the task exists and is paid, and goes on"),
        ([], None, "a task that exists is paid, and goes on"),
    ],
    ids=["made here", "seen before", "by its id alone"],
)
@pytest.mark.parametrize("kind", [KieAuthenticationError, KieInsufficientBalanceError, KieValidationError])
def test_a_refused_look_does_not_read_as_if_the_task_had_been(
    clock: Any, kind: Any, before: Any, age_s: Optional[float], exists: str
) -> None:
    """It said "refused: Unauthorized" of a task that was paid, which invites to buy it anew."""
    with pytest.raises(kind) as caught:
        watch(Looks(*before, kind("the platform refused: no", status_code=401)), clock, age_s=age_s)

    assert caught.value.message == (
        f"the platform refused: no. Only this look was refused; {exists}. Put that right, then {HOW}"
    )
    assert caught.value.args == (caught.value.message,)


def test_a_task_made_here_that_stays_unknown_was_paid_all_the_same(clock: Any) -> None:
    with pytest.raises(KieNotFoundError) as caught:
        watch(Looks(KieNotFoundError("no such task")), clock, age_s=0.0)

    assert caught.value.message == f"no such task. It was made, and is paid all the same: {HOW}"


def test_long_trouble_is_told_once_with_its_reason(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    down = [KieServerError("the platform refused: down")]
    looks = Looks(*down * 10, seen("waiting"), *down * 15, seen("waiting"), *down * 30, ENDED)

    with caplog.at_level(logging.WARNING, "kie_sync"):
        watch(looks, clock)

    assert [record.getMessage() for record in caplog.records] == [
        "no look at task t1 has succeeded for 33 s (the platform refused: down); still waiting"
    ]


def test_the_deadline_is_of_the_wall_clock(clock: Any) -> None:
    def slow(left_s: float) -> QueryTaskResponse:
        clock.time += 20
        return seen("waiting")

    with pytest.raises(KieTaskTimeoutError):
        watch(slow, clock, max_wait_time=60)

    assert clock.time - 1_795_000_000.0 <= 80 and len(clock.sleeps) == 2


def test_the_last_sleep_ends_at_the_deadline_and_a_last_look_follows(clock: Any) -> None:
    looks = Looks(seen("waiting"))

    with pytest.raises(KieTaskTimeoutError):
        watch(looks, clock, max_wait_time=5)

    assert (clock.sleeps, looks.left) == ([2, 2, 1], [5, 3, 1, 0])


@pytest.mark.parametrize("age_s", [None, 0.0])
def test_no_time_to_wait_means_one_look(clock: Any, age_s: Any) -> None:
    looks = Looks(seen("waiting"))

    with pytest.raises(KieTaskTimeoutError):
        watch(looks, clock, age_s=age_s, max_wait_time=0)

    assert (len(looks.left), clock.sleeps) == (1, [])
    assert watch(Looks(ENDED), clock, age_s=age_s, max_wait_time=0) is ENDED


def test_a_timeout_says_how_to_go_on(clock: Any) -> None:
    with pytest.raises(TimeoutError) as caught:
        watch(Looks(seen("generating"), KieServerError("down")), clock, max_wait_time=3)

    error = caught.value
    assert isinstance(error, KieTaskTimeoutError) and (error.task_id, error.model) == ("t1", "m")
    assert isinstance(error.__cause__, KieServerError)
    assert error.message == (
        "the task is not finished after 3 s; it was 'generating' when last seen (down). It goes on and is paid: "
        "wait again with adapter.task('t1').wait(), or `kie-sync task t1 --wait`"
    )


def test_a_timeout_without_a_sight_says_so(clock: Any) -> None:
    with pytest.raises(KieTaskTimeoutError, match="its state was never seen"):
        watch(Looks(KieConnectionError("x")), clock, max_wait_time=3)


@pytest.mark.parametrize("times", [(None, None), (0.1, 0), (3, 600.5)])
def test_times_that_can_be_waited(times: Any) -> None:
    check_times(*times)


@pytest.mark.parametrize(
    ("times", "named"),
    [
        ((0, None), ["poll_interval"]),
        ((-1, -1), ["poll_interval", "max_wait_time"]),
        (("3", None), ["poll_interval"]),
        ((True, None), ["poll_interval"]),
        ((None, float("inf")), ["max_wait_time"]),
        ((float("nan"), None), ["poll_interval"]),
    ],
)
def test_times_that_cannot_be_waited(times: Any, named: List[str]) -> None:
    with pytest.raises(KieInputError) as caught:
        check_times(*times)

    assert [problem.where for problem in caught.value.problems] == named
