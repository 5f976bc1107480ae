from __future__ import annotations

import logging
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from wire import CHAT, CREATED, IMAGE, KEY, VIDEO, Script, answer, client, state, success

from kie_sync import KieAdapter
from kie_sync.catalog import read_catalog
from kie_sync.errors import (
    KieAuthenticationError,
    KieBudgetError,
    KieConfigError,
    KieInputError,
    KieNotFoundError,
    KieOutcomeUnknownError,
    KieServerError,
    KieTaskError,
    KieTaskFailedError,
    KieTaskTimeoutError,
    KieValidationError,
)
from kie_sync.events import CallRefused, OutcomeUnknown, TaskCreated, TaskFinished, TaskPolled, TaskSubmitting
from kie_sync.transport import Lost

INPUT = {"prompt": "a"}
NULL = {"code": 422, "msg": "recordInfo is null", "data": None}


def names(told: List[Any]) -> List[str]:
    return [type(event).__name__ for event in told]


def test_the_wire_call(clock: Any) -> None:
    script = Script(CREATED)

    client(script, clock).create_task(IMAGE, {"prompt": "a", "odd": [1]}, callback_url="https://x/hook")

    request = script.requests[0]
    assert (request.method, request.url, request.is_paid) == ("POST", "https://api.kie.ai/api/v1/jobs/createTask", True)
    assert request.json == {"model": IMAGE, "input": {"prompt": "a", "odd": [1]}, "callBackUrl": "https://x/hook"}
    assert KEY not in repr(request)


def test_a_model_that_the_catalog_does_not_know_goes_out_as_it_is(clock: Any) -> None:
    script = Script(CREATED)

    client(script, clock).create_task("brand/new", INPUT)

    assert script.requests[0].json["model"] == "brand/new"


def test_a_chat_model_is_no_task(clock: Any) -> None:
    with pytest.raises(KieInputError, match="this is a chat model; chat with it"):
        client(Script(CREATED), clock).create_task(CHAT, INPUT)


def test_every_step_is_told_with_the_callers_context(clock: Any) -> None:
    told: List[Any] = []
    context = {"user": 7}
    script = Script(CREATED, state("waiting"), success())

    seen = client(script, clock, on_event=told.append).create_and_wait(IMAGE, INPUT, context=context)

    request = script.requests[0]
    assert told == [
        TaskSubmitting(IMAGE, context, request, None),
        TaskCreated(IMAGE, context, "t1"),
        TaskPolled(IMAGE, context, "t1", "waiting", None, 2.0),
        TaskFinished(IMAGE, context, "t1", seen, None),
    ]
    assert all(event.context is context for event in told)


def test_a_listener_that_raises_before_the_send_refuses(clock: Any) -> None:
    script = Script(CREATED)

    def refuse(event: Any) -> None:
        raise KieBudgetError("too much")

    with pytest.raises(KieBudgetError):
        client(script, clock, on_event=refuse).create_task(IMAGE, INPUT)

    assert script.requests == []


def test_a_listener_that_raises_after_the_send_costs_nothing(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    def crash(event: Any) -> None:
        if not isinstance(event, TaskSubmitting):
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "kie_sync"):
        seen = client(Script(CREATED, state("waiting"), success()), clock, on_event=crash).create_and_wait(IMAGE, INPUT)

    assert seen.is_success and len(caplog.records) == 3


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ({"code": 402, "msg": "no"}, CallRefused),
        (Lost("reset"), OutcomeUnknown),
        ({"code": 200, "data": None}, OutcomeUnknown),
        (answer(b"<html>"), OutcomeUnknown),
        (KeyboardInterrupt(), OutcomeUnknown),
        (ZeroDivisionError(), OutcomeUnknown),
    ],
    ids=["refused", "reset", "no id", "page", "interrupt", "broken transport"],
)
def test_how_a_call_that_did_not_succeed_is_told(clock: Any, given: Any, last: Any) -> None:
    told: List[Any] = []
    kie = client(Script(given), clock, on_event=told.append)

    with pytest.raises(BaseException) as caught:
        kie.create_task(IMAGE, INPUT, context={"who": 1})

    error = caught.value
    assert names(told) == ["TaskSubmitting", last.__name__]
    assert (told[1].model, told[1].context) == (IMAGE, {"who": 1})
    assert told[1].error is (error if getattr(error, "model", None) == IMAGE else None)


SLOW = {"code": 429, "msg": "slow"}


def test_a_call_that_is_sent_again_is_told_before_and_after_its_pause(clock: Any) -> None:
    told: List[Any] = []

    client(Script(SLOW, CREATED), clock, on_event=told.append).create_task(IMAGE, INPUT, context={"who": 1})

    assert names(told) == ["TaskSubmitting", "CallDeferred", "CallResubmitting", "TaskCreated"]
    assert [event.context for event in told] == [{"who": 1}] * 4
    assert len({told[0].call.id, told[1].call_id, told[2].call_id}) == 1
    assert ([told[1].pause_s], "slow" in str(told[1].error)) == (clock.sleeps, True)


def test_an_interrupt_in_the_pause_leaves_nothing_unknown(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last word was a refusal, and nothing was sent since."""
    told: List[Any] = []
    script = Script(SLOW, CREATED)

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        client(script, clock, on_event=told.append).create_task(IMAGE, INPUT)

    assert (names(told), script.creates) == (["TaskSubmitting", "CallDeferred", "CallRefused"], 1)
    assert told[2].error is told[1].error


def test_an_interrupt_after_the_pause_leaves_it_unknown(clock: Any) -> None:
    told: List[Any] = []

    with pytest.raises(KeyboardInterrupt):
        client(Script(SLOW, KeyboardInterrupt()), clock, on_event=told.append).create_task(IMAGE, INPUT)

    assert names(told)[-2:] == ["CallResubmitting", "OutcomeUnknown"]


def test_a_listener_may_refuse_before_it_is_sent_again(clock: Any) -> None:
    told: List[Any] = []
    script = Script(SLOW, CREATED)

    def refuse(event: Any) -> None:
        told.append(event)
        if type(event).__name__ == "CallResubmitting":
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client(script, clock, on_event=refuse).create_task(IMAGE, INPUT)

    assert (names(told)[-2:], script.creates) == (["CallResubmitting", "CallRefused"], 1)


def test_without_a_key_nobody_is_asked(clock: Any) -> None:
    """A ledger must not hold credits for a call that cannot be made."""
    told: List[Any] = []

    with pytest.raises(KieConfigError):
        client(Script(CREATED), clock, api_key=None, on_event=told.append).create_task(IMAGE, INPUT)

    assert told == []


def test_the_id_is_told_before_anything_else_can_fail(clock: Any) -> None:
    told: List[Any] = []
    kie = client(Script(CREATED, {"code": 401, "msg": "no"}), clock, on_event=told.append)

    with pytest.raises(KieAuthenticationError) as caught:
        kie.create_and_wait(IMAGE, INPUT)

    assert (names(told), caught.value.task_id, caught.value.model) == (["TaskSubmitting", "TaskCreated"], "t1", IMAGE)


@pytest.mark.parametrize("times", [{"poll_interval": 0}, {"max_wait_time": -1}])
def test_times_are_checked_before_anything_is_paid(clock: Any, times: Any) -> None:
    script = Script(CREATED)

    with pytest.raises(KieInputError):
        client(script, clock).create_and_wait(IMAGE, INPUT, **times)

    assert script.requests == []


def test_create_then_wait_apart_has_the_grace_too(clock: Any) -> None:
    """`wait_for_task` did not know that the task was seconds old, and gave it up at the first look."""
    kie = client(Script(CREATED, NULL, NULL, success()), clock)

    created = kie.create_task(IMAGE, INPUT)

    assert kie.wait_for_task(created.task_id, model=IMAGE).is_success


def test_after_its_grace_a_task_is_not_found(clock: Any) -> None:
    kie = client(Script(CREATED, NULL), clock)

    with pytest.raises(KieNotFoundError, match=r"knows no task t1 .* is paid all the same") as caught:
        kie.create_and_wait(IMAGE, INPUT)

    assert (caught.value.task_id, caught.value.model, caught.value.status_code) == ("t1", IMAGE, 422)
    assert 90 <= sum(clock.sleeps) < 100


@pytest.mark.parametrize(
    "missing", [NULL, {"code": 404, "msg": "task not found"}, {"code": 200, "msg": "success", "data": None}]
)
def test_a_task_of_elsewhere_that_is_unknown_is_not_found_at_once(clock: Any, missing: Any) -> None:
    kie = client(Script(missing), clock)

    for look in (kie.query_task, kie.wait_for_task):
        with pytest.raises(KieNotFoundError) as caught:
            look("t9")
        assert caught.value.task_id == "t9"
        assert caught.value.message == "the platform knows no task t9 (ids are kept about 2 months)"
    assert clock.sleeps == []


@pytest.mark.parametrize("code", [501, 408])
def test_an_envelope_that_says_failed_is_a_failed_task(clock: Any, code: int) -> None:
    """It was waited out to the deadline as a passing fault."""
    told: List[Any] = []
    kie = client(
        Script(CREATED, {"code": code, "msg": "Upstream generation error", "data": None}), clock, on_event=told.append
    )

    with pytest.raises(KieTaskFailedError) as caught:
        kie.create_and_wait(IMAGE, INPUT)

    error = caught.value
    assert (error.fail_code, error.fail_msg, error.task_id) == (str(code), "Upstream generation error", "t1")
    assert names(told)[-1] == "TaskFinished" and len(clock.sleeps) == 1
    assert kie.query_task("t1").is_failure


def test_which_codes_mean_failure_is_the_endpoints_data(clock: Any, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("schema_version: 1\nendpoints:\n  kie-task:\n    failure_codes: [531]\n", encoding="utf-8")
    script = Script({"code": 531, "msg": "gone"})

    assert client(script, clock, catalog=read_catalog(mine)).query_task("t1", model=IMAGE).fail_msg == "gone"
    with pytest.raises(KieServerError):
        client(script, clock).query_task("t1", model=IMAGE)


def test_a_gateways_501_is_no_failure_of_the_task(clock: Any) -> None:
    """Never say failed for unknown."""
    script = Script(
        CREATED, answer({"message": "Not Implemented"}, 501), answer({"code": 501, "msg": "x"}, 501), success()
    )

    assert client(script, clock).create_and_wait(IMAGE, INPUT).is_success


def test_a_failed_task(clock: Any) -> None:
    kie = client(Script(CREATED, state("fail", failCode="500", failMsg=f"Internal Error {KEY}")), clock)

    with pytest.raises(KieTaskFailedError) as caught:
        kie.create_and_wait(IMAGE, INPUT)

    assert (caught.value.fail_code, caught.value.fail_msg, caught.value.model) == ("500", "Internal Error ***", IMAGE)


@pytest.mark.parametrize("result", ["", None, '{"resultUrls": []}', '{"resultUrls": ["https', "sorry", "{}"])
@pytest.mark.parametrize("model", [IMAGE, None])
def test_success_without_a_file_is_an_error(clock: Any, result: Any, model: Any) -> None:
    kie = client(Script(state("success", resultJson=result, model=IMAGE)), clock)

    with pytest.raises(KieTaskError, match="says success") as caught:
        kie.wait_for_task("t1", model=model)

    assert caught.value.task_id == "t1"


def test_trouble_on_the_way_is_waited_out(clock: Any) -> None:
    script = Script(
        CREATED,
        Lost("reset"),
        answer(b"<html>", 502),
        {"code": 500, "msg": "Server exception"},
        answer({"code": 429}, 429, {"Retry-After": "9"}),
        {"code": 455, "msg": "maintenance"},
        success(),
    )

    assert client(script, clock).create_and_wait(IMAGE, INPUT).is_success
    assert (clock.sleeps, script.creates) == ([2, 2, 2, 2, 9, 2], 1)


def test_at_the_deadline_the_error_says_how_to_go_on(clock: Any) -> None:
    kie = client(Script(CREATED, state("generating")), clock)

    with pytest.raises(KieTaskTimeoutError, match="wait again") as caught:
        kie.create_and_wait(IMAGE, INPUT, max_wait_time=10)

    assert (caught.value.task_id, sum(clock.sleeps)) == ("t1", 10)


def test_a_slow_answer_does_not_stretch_the_deadline(clock: Any) -> None:
    """A look was given the full 60 seconds, whatever was left."""
    script = Script(CREATED, state("generating"))

    with pytest.raises(KieTaskTimeoutError):
        client(script, clock).create_and_wait(IMAGE, INPUT, poll_interval=4, max_wait_time=12)

    assert script.timeouts[1:] == [(8, 8), (5, 5), (5, 5)]


@pytest.mark.parametrize(("model", "deadline_s", "first_s"), [(IMAGE, 600, 2), (VIDEO, 1800, 3), (None, 1800, 3)])
def test_pace_and_deadline_are_the_kinds(clock: Any, model: Any, deadline_s: float, first_s: float) -> None:
    with pytest.raises(KieTaskTimeoutError):
        client(Script(state("waiting")), clock).wait_for_task("t1", model=model)

    assert (sum(clock.sleeps), clock.sleeps[0]) == (deadline_s, first_s)


def test_a_look_tells_all(clock: Any) -> None:
    seen = client(Script(success("https://f/1.png", "https://f/2.png", model="x")), clock).query_task("t 1&x=/")

    assert (seen.task_id, seen.result_urls, seen.credits_consumed) == (
        "t 1&x=/",
        ("https://f/1.png", "https://f/2.png"),
        Decimal("4.0"),
    )


def test_an_id_is_quoted_in_the_url(clock: Any) -> None:
    script = Script(success())

    client(script, clock).query_task("t 1&x=/")

    assert script.requests[0].url == "https://api.kie.ai/api/v1/jobs/recordInfo?taskId=t+1%26x%3D%2F"


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"code": 400, "msg": "taskId parameter is required"}, KieValidationError),
        ({"code": 500, "msg": "x"}, KieServerError),
    ],
)
def test_a_look_that_is_refused_carries_the_id(clock: Any, given: Dict[str, Any], kind: Any) -> None:
    with pytest.raises(kind) as caught:
        client(Script(given), clock).query_task("t1", model=IMAGE)

    assert (caught.value.task_id, caught.value.model) == ("t1", IMAGE)


def test_many_tasks_do_not_fill_the_memory(clock: Any) -> None:
    connection = client(Script(CREATED), clock).connection

    for number in range(5000):
        connection.remember(str(number))

    assert (connection.age_of("4999"), connection.age_of("0")) == (0.0, None) and len(connection._made_at) <= 4096


def test_an_unknown_outcome_names_the_model(clock: Any) -> None:
    with pytest.raises(KieOutcomeUnknownError) as caught:
        client(Script({"code": 200}), clock).create_task(IMAGE, INPUT)

    assert caught.value.model == IMAGE


# callback_url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/kie",
        "HTTP://example.com:8080/a?b=c",
        "https://xn--fiq228c.example/kie",
        "http://127.0.0.1:8787/kie",
        "http://[::1]:8787",
    ],
)
def test_a_callback_url_goes_out_as_it_is(clock: Any, url: str) -> None:
    script = Script(CREATED)
    kie = client(script, clock, base_url="http://127.0.0.1:9")

    kie.create_task(IMAGE, INPUT, callback_url=url)
    KieAdapter(kie, IMAGE).submit(prompt="a", callback_url=url)
    prepared = KieAdapter(kie, IMAGE).prepare(prompt="a", callback_url=url)

    assert [request.json["callBackUrl"] for request in (*script.requests, prepared)] == [url] * 3


_WANTED = "callback_url must be an http(s) URL with a host"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", f'{_WANTED}, such as https://example.com/kie; got ""'),
        ("example.com/kie", f'{_WANTED}, such as https://example.com/kie; got "example.com/kie"'),
        ("ftp://example.com", f'{_WANTED}, such as https://example.com/kie; got "ftp://example.com"'),
        ("https:///kie", f'{_WANTED}, such as https://example.com/kie; got "https:///kie"'),
        ("https://a:0/", f'{_WANTED}, such as https://example.com/kie; got "https://a:0/"'),
        ("https://a:99999/", f"{_WANTED}: Port out of range 0-65535"),
        ("https://[::1/", f"{_WANTED}: Invalid IPv6 URL"),
        ("https://a b/", f'{_WANTED}, as text without spaces; got "https://a b/"'),
        ("https://a\\@b/", f'{_WANTED}, as text without spaces; got "https://a\\@b/"'),
        ("https://例子/", f'{_WANTED}, as text without spaces; got "https://例子/"'),
        ("https://a/\nX: y", f'{_WANTED}, as text without spaces; got "https://a/\nX: y"'),
        (b"https://a/", f"{_WANTED}, as text without spaces; got b'https://a/'"),
        (True, f"{_WANTED}, as text without spaces; got true"),
        (
            "https://me:hunter2@a/",
            f"{_WANTED}, without a user or a password in it: the platform keeps it; callbacks are signed instead",
        ),
    ],
)
@pytest.mark.parametrize("way", ["create_task", "submit", "generate", "prepare"])
def test_a_wrong_callback_url_is_told_and_nothing_is_sent(clock: Any, way: str, url: Any, message: str) -> None:
    script = Script(CREATED)
    kie = client(script, clock)
    adapter = KieAdapter(kie, IMAGE)

    with pytest.raises(KieInputError) as caught:
        if way == "create_task":
            kie.create_task(IMAGE, INPUT, callback_url=url)
        else:
            getattr(adapter, way)(prompt="a", callback_url=url)

    assert str(caught.value) == f"{IMAGE}: {message}"
    assert (caught.value.problems[0].where, script.requests) == ("callback_url", [])


def test_a_chat_has_no_callbacks(clock: Any) -> None:
    with pytest.raises(KieInputError, match="this endpoint has no callbacks"):
        KieAdapter(client(Script(CREATED), clock), CHAT).prepare(messages="hi", callback_url="https://x/")


@pytest.mark.parametrize(
    ("url", "base_url", "warnings"),
    [
        ("http://localhost:8787/kie", None, 1),
        ("http://127.0.0.1/kie", None, 1),
        ("https://example.com/kie", None, 0),
        ("http://127.0.0.1/kie", "http://127.0.0.1:9", 0),
    ],
)
def test_the_platform_cannot_call_this_machine_and_that_is_told(
    clock: Any, caplog: pytest.LogCaptureFixture, url: str, base_url: Any, warnings: int
) -> None:
    client(Script(CREATED), clock, base_url=base_url).create_task(IMAGE, INPUT, callback_url=url)

    told = [record.getMessage() for record in caplog.records]
    assert (
        told
        == [f"{IMAGE}: callback_url {url} is this machine itself, which KIE.ai cannot reach; only a sandbox on it can"]
        * warnings
    )
