from __future__ import annotations

import pickle
from typing import Any

import pytest
from wire import CREATED, IMAGE, Script, client, state, success

from kie_sync import KieAdapter
from kie_sync.errors import KieInputError, KieTaskTimeoutError
from kie_sync.task import Task


def adapter(clock: Any, *answers: Any) -> Any:
    return KieAdapter(client(Script(*answers), clock), IMAGE)


def test_submit_returns_at_once_and_the_task_can_wait(clock: Any) -> None:
    task = adapter(clock, CREATED, state("generating"), success()).submit(prompt="a")

    assert (task.task_id, task.model, task.price.credits, dict(task.arguments)) == ("t1", IMAGE, 5, {"prompt": "a"})
    assert (task.state, clock.sleeps) == ("generating", [])
    assert task.wait().urls == ("https://files/1.png",)


def test_times_of_submit_hold_unless_wait_says_otherwise(clock: Any) -> None:
    task = adapter(clock, CREATED, state("waiting")).submit(prompt="a", poll_interval=0.5, max_wait_time=1)

    for times, slept in (({}, 1), ({"max_wait_time": 3}, 3), ({"max_wait_time": 0}, 0)):
        clock.sleeps.clear()
        with pytest.raises(KieTaskTimeoutError):
            task.wait(**times)
        assert sum(clock.sleeps) == slept


def test_in_another_process_the_id_is_enough(clock: Any) -> None:
    param = '{"input": "{\\"prompt\\": \\"a cat\\", \\"image_size\\": \\"1:1\\"}", "model": "google/nano-banana"}'

    result = adapter(clock, success(param=param)).task("t1").wait()

    assert (result.task_id, result.cost.credits, clock.sleeps) == ("t1", 5, [])
    assert dict(result.arguments) == {"prompt": "a cat", "aspect_ratio": "1:1"}


def test_a_task_of_another_model_is_not_read_as_one_of_this(clock: Any) -> None:
    """It was given this model's price, and its result read by this model's entry."""
    kie = client(Script(success(model=IMAGE)), clock)

    with pytest.raises(KieInputError) as caught:
        KieAdapter(kie, "nano-banana-pro").task("t1").wait()

    assert caught.value.message == (
        f"nano-banana-pro: task t1 is of {IMAGE}, as the platform says: use KieAdapter(client, '{IMAGE}')"
    )
    assert KieAdapter(kie, IMAGE).task("t1").wait().cost.credits == 5


@pytest.mark.parametrize("name", ["", "brand/new", "nano-banana-pro"])
def test_a_task_made_here_is_of_the_model_that_was_asked_for_whatever_it_is_called(clock: Any, name: str) -> None:
    assert adapter(clock, CREATED, success(model=name)).generate("a").cost.credits == 5


@pytest.mark.parametrize("name", ["", "brand/new"])
def test_a_name_that_the_catalog_does_not_know_changes_nothing(clock: Any, name: str) -> None:
    assert adapter(clock, success(model=name)).task("t1").wait().cost.credits == 5


@pytest.mark.parametrize("nothing", [None, "", " ", 7, b"t1"])
def test_what_is_no_task_id_is_refused_before_anything_is_asked(clock: Any, nothing: Any) -> None:
    """`adapter.task(None)` asked the platform for a task of that name."""
    script = Script(success())
    kie = client(script, clock)

    for ask in (KieAdapter(kie, IMAGE).task, kie.query_task, kie.wait_for_task):
        with pytest.raises(KieInputError, match=r"a task id must be text that is not empty.*; got "):
            ask(nothing)
    assert script.requests == []


def test_pickles_without_its_connection(clock: Any) -> None:
    task = adapter(clock, CREATED).submit(prompt="a", context={"who": 1})

    found = pickle.loads(pickle.dumps(task))

    assert found == task and found.context == {"who": 1}
    with pytest.raises(KieInputError, match=r"adapter\.task"):
        found.wait()


def test_prints_and_compares() -> None:
    assert Task("t1", "m") == Task("t1", "m") and repr(Task("t1", "m")).startswith("Task(task_id='t1', model='m'")
