"""What the platform says of a task: states, results and failures of every shape; what is paid stays on record."""

from __future__ import annotations

import json
from typing import Any, Mapping

import pytest
from wire import IMAGE

from faults.proxy import Answer, Exchange
from faults.table import as_json
from faults.world import World
from kie_sync import KieAdapter, KieNotFoundError, KieTaskError, KieTaskFailedError, KieTaskTimeoutError

LOOKS = "recordInfo"
URL = "http://127.0.0.1:9/1.png"


def saying(**data: Any) -> Any:
    """The platform's answer about a task, with other data in it; `...` takes a field away."""

    def act(exchange: Exchange) -> None:
        answer: Answer = exchange.forward()
        body = json.loads(answer.body)
        merged = {**body["data"], **data}
        body["data"] = {name: value for name, value in merged.items() if value is not ...}
        exchange.send(as_json(body).framed())

    return act


def generate(world: World, prompt: str, **more: Any) -> Any:
    return KieAdapter(world.client(), IMAGE).generate(prompt, **more)


def only(world: World) -> Any:
    (record,) = world.on_record()
    return record


WITH_FILES: Mapping[str, Any] = {
    "a text with an object": json.dumps({"resultUrls": [URL]}),
    "an object": {"resultUrls": [URL]},
    "a list of URLs": [URL],
    "a text with a list": json.dumps([URL]),
    "one URL in the place of a list": json.dumps({"resultUrls": URL}),
    "a list with holes": json.dumps({"resultUrls": [None, "", 7, URL]}),
    "more than URLs": json.dumps({"resultUrls": [URL], "resultWaterMarkUrls": [URL], "firstFrameUrl": None}),
}
WITHOUT_FILES: Mapping[str, Any] = {
    "an empty text": "",
    "null": None,
    "not there": ...,
    "cut": '{"resultUrls":["http',
    "plain text": "your picture is ready",
    "a number": 7,
    "true": True,
    "an empty object": {},
    "an empty list": [],
    "a text with null": "null",
    "no URL in the list": json.dumps({"resultUrls": []}),
    "null for a list": json.dumps({"resultUrls": None}),
    "nested too deeply": "[" * 100000,
}


@pytest.mark.parametrize("shape", WITH_FILES)
def test_a_result_of_any_shape_gives_its_files(world: World, shape: str) -> None:
    prompt = f"result: {shape}"
    world.proxy.arm(saying(state="success", resultJson=WITH_FILES[shape]), where=LOOKS)

    result = generate(world, prompt)

    assert (result.urls, world.paid(prompt)) == ((URL,), [result.task_id])
    assert (only(world).state, only(world).urls, only(world).task_id) == ("success", (URL,), result.task_id)
    assert world.leaks() == []


@pytest.mark.parametrize("shape", WITHOUT_FILES)
def test_a_success_without_a_file_is_an_error_that_names_the_task(world: World, shape: str) -> None:
    prompt = f"no result: {shape}"
    world.proxy.arm(saying(state="success", resultJson=WITHOUT_FILES[shape]), where=LOOKS)

    with pytest.raises(KieTaskError) as raised:
        generate(world, prompt)

    assert not isinstance(raised.value, (KieTaskFailedError, KieTaskTimeoutError))
    assert world.paid(prompt) == [raised.value.task_id] == [only(world).task_id]
    assert (only(world).state, world.leaks(raised.value)) == ("success", [])


FAILURES = [
    ("400", "bad"),
    ("422", None),
    ("500", "Internal Error"),
    ("501", ""),
    ("531", "no"),
    ("SENSITIVE_WORD_ERROR", "flagged"),
    (500, "a number for a code"),
    ("", "no code"),
    (None, None),
    (["x"], {"y": 1}),
    # JSON can hold half a character, which is no text that a file takes.
    ("500", "half a character \ud83d"),
]


@pytest.mark.parametrize(("code", "message"), FAILURES, ids=[f"{code!r}-{message!a}" for code, message in FAILURES])
def test_a_task_that_fails_is_not_bought_again_unless_asked_for(world: World, code: Any, message: Any) -> None:
    prompt = f"fails with {code!r}, {message!a}"
    world.proxy.arm(saying(state="fail", failCode=code, failMsg=message, creditsConsumed=0.0), where=LOOKS)

    for _ in range(2):
        with pytest.raises(KieTaskFailedError) as raised:
            generate(world, prompt, key="row-1")

    assert world.paid(prompt) == [raised.value.task_id] == [only(world).task_id]
    assert (only(world).state, only(world).consumed) == ("failed", 0)
    assert world.leaks(raised.value) == []
    world.proxy.disarm()
    assert generate(world, prompt, key="row-1", retry_failed=True).task_id == world.paid(prompt)[1]
    assert [record.state for record in world.on_record()] == ["failed", "success"]


def test_what_cannot_be_written_down_stops_no_later_call(world: World) -> None:
    """Half characters in an answer: the journal keeps what it can of them, and goes on."""
    adapter = KieAdapter(world.client(), IMAGE)
    odd = {"resultUrls": [URL], "\ud83d": "half a character \ude00"}
    world.proxy.arm(saying(state="success", resultJson=json.dumps(odd)), where=LOOKS)

    first = adapter.generate("half characters", key="row-1")
    world.proxy.disarm()
    second = adapter.generate("whole characters", key="row-2")

    expected = [("success", first.task_id), ("success", second.task_id)]
    assert [(record.state, record.task_id) for record in world.on_record()] == expected
    assert adapter.generate("half characters", key="row-1").urls == (URL,)


@pytest.mark.parametrize("fault", ["skip-states", "queuing", "unknown-state", "unknown-state=archived", "cost-ms"])
def test_any_state_may_be_skipped_or_unknown(world: World, fault: str) -> None:
    prompt = f"states [[fault:{fault}]]"

    result = generate(world, prompt)

    assert world.paid(prompt) == [result.task_id] == [only(world).task_id]
    assert only(world).state == "success"


@pytest.mark.parametrize("word", ["", None, 7, "SUCCESS", "failed", "done", ["success"], {}, True])
def test_a_word_that_nobody_knows_is_not_the_end(world: World, word: Any) -> None:
    """It is neither success nor failure: the wait ends at its deadline, and the task can be waited for again."""
    prompt = f"state {word!r}"
    world.proxy.arm(saying(state=word), where=LOOKS)

    with pytest.raises(KieTaskTimeoutError) as raised:
        generate(world, prompt, key="row-1", max_wait_time=10)

    assert (only(world).state, only(world).task_id) == ("running", raised.value.task_id)
    world.proxy.disarm()
    assert generate(world, prompt, key="row-1").task_id == raised.value.task_id
    assert world.paid(prompt) == [raised.value.task_id]


def test_a_task_that_is_not_listed_for_a_minute_is_waited_for(world: World) -> None:
    prompt = "not listed yet [[fault:null-first=60]]"

    result = generate(world, prompt)

    assert world.paid(prompt) == [result.task_id]
    assert sum(LOOKS in seen.path for seen in world.proxy.seen) > 2


def test_a_task_that_is_never_listed_is_not_lost(world: World) -> None:
    prompt = "never listed [[fault:null-first=100000000]]"

    for _ in range(2):
        with pytest.raises(KieNotFoundError) as raised:
            generate(world, prompt, key="row-1")

    assert world.paid(prompt) == [raised.value.task_id] == [only(world).task_id]
    assert only(world).state == "accepted"
