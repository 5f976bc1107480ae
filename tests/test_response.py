from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Dict

import pytest
from wire import CREATED, answer, state, success

from kie_sync.errors import KieOutcomeUnknownError, KieTaskError, KieTaskFailedError
from kie_sync.response import (
    CreateTaskResponse,
    QueryTaskResponse,
    Response,
    as_credits,
    check_finished,
    dig,
    parse_created,
    parse_state,
    read_param,
)

INPUT = {"prompt": "a", "image_size": "1:1"}


@pytest.fixture
def endpoint(catalog: Any) -> Any:
    return catalog.endpoints["kie-task"]


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        (CREATED, "t1"),
        ({"code": 200, "message": "success", "data": {"taskId": "t1"}}, "t1"),
        ({"code": 200, "data": {"recordId": "r1"}}, "r1"),
        ({"code": 200, "data": {"taskId": "", "recordId": "r1"}}, "r1"),
        ({"code": 200, "data": {"taskId": {}, "recordId": "r1"}}, "r1"),
        ({"code": 200, "data": {"taskId": " ", "recordId": "r1"}}, "r1"),
        ({"code": 200, "data": {"taskId": 12345}}, "12345"),
        ({"code": 200, "data": {"taskId": 0}}, "0"),
    ],
)
def test_the_task_id_is_found(endpoint: Any, body: Any, task_id: str) -> None:
    assert parse_created(endpoint, answer(body), model="m") == CreateTaskResponse(task_id, "m")


@pytest.mark.parametrize(
    "body",
    [
        {"code": 200, "data": None},
        {"code": 200},
        {"code": 200, "data": {}},
        {"code": 200, "data": "t1"},
        [],
        {"code": 200, "data": {"taskId": True}},
        {"code": 200, "data": {"taskId": ""}},
        {"code": 200, "data": ["t1"]},
    ],
    ids=json.dumps,
)
def test_without_an_id_the_outcome_is_unknown(endpoint: Any, body: Any) -> None:
    with pytest.raises(KieOutcomeUnknownError, match="without a task id") as caught:
        parse_created(endpoint, answer(body), model="m")

    assert (caught.value.model, caught.value.http_status) == ("m", 200)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("waiting", "pending"),
        ("queuing", "pending"),
        ("generating", "pending"),
        ("success", "success"),
        ("fail", "failure"),
        ("failed", "unknown"),
        ("SUCCESS", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        (7, "unknown"),
        ([], "unknown"),
    ],
)
def test_the_words_come_from_the_catalog(endpoint: Any, word: Any, outcome: str) -> None:
    assert parse_state(endpoint, state(word), "t1").outcome == outcome


URLS = {"resultUrls": ["https://f/1.png", "https://f/2.png"]}


@pytest.mark.parametrize(
    ("result", "urls", "decoded"),
    [
        (json.dumps(URLS), ("https://f/1.png", "https://f/2.png"), URLS),
        (URLS, ("https://f/1.png", "https://f/2.png"), URLS),
        (["https://f/1.png"], ("https://f/1.png",), {"resultUrls": ["https://f/1.png"]}),
        ('{"resultUrls": "https://f/1.png"}', ("https://f/1.png",), {"resultUrls": "https://f/1.png"}),
        ('{"resultUrls": ["", null, 7, {}]}', (), {"resultUrls": ["", None, 7, {}]}),
        ('{"resultUrls": []}', (), {"resultUrls": []}),
        ('{"resultUrls": 7}', (), {"resultUrls": 7}),
        ("", (), {}),
        (None, (), {}),
        ("null", (), {}),
        ("7", (), {}),
        (7, (), {}),
        ('{"resultUrls": ["https://f', (), {}),
        ("[" * 100000, (), {}),
        ("a poem", (), {"text": "a poem"}),
        ('{"resultObject": {"mask": "https://f/m.png"}}', (), {"resultObject": {"mask": "https://f/m.png"}}),
    ],
)
def test_the_result_comes_in_many_shapes(endpoint: Any, result: Any, urls: Any, decoded: Any) -> None:
    seen = parse_state(endpoint, state("success", resultJson=result), "t1")

    assert (seen.result_urls, seen.result) == (urls, decoded)


def test_a_missing_result_is_an_empty_one(endpoint: Any) -> None:
    assert parse_state(endpoint, state("waiting"), "t1").result == {}


def test_everything_of_a_task_is_read(endpoint: Any) -> None:
    data: Dict[str, Any] = success(
        "https://f/1.png",
        model="m",
        creditsConsumed=4.0,
        createTime=1_700_000_000_000,
        completeTime=1_700_000_012_500,
        costTime=99,
        progress=50,
        failCode=None,
        failMsg=None,
    )

    seen = parse_state(endpoint, data, "t1")

    assert seen == QueryTaskResponse(
        "t1",
        "success",
        "success",
        "m",
        ("https://f/1.png",),
        {"resultUrls": ["https://f/1.png"]},
        None,
        None,
        Decimal("4.0"),
        50.0,
        1_700_000_000_000,
        1_700_000_012_500,
    )
    assert (seen.is_success, seen.is_failure, seen.is_final, seen.duration_s) == (True, False, True, 12.5)
    assert json.loads(json.dumps(seen.to_dict())) == {
        "task_id": "t1",
        "model": "m",
        "state": "success",
        "outcome": "success",
        "result_urls": ["https://f/1.png"],
        "fail_code": None,
        "fail_msg": None,
        "credits_consumed": "4.0",
        "progress": 50.0,
        "duration_s": 12.5,
    }


def test_odd_figures_are_no_figures(endpoint: Any) -> None:
    """1e999999999 as a whole number would fill the memory."""
    odd = state("waiting", createTime="1e999999999", completeTime=[], progress="1e400", creditsConsumed=True, model=7)

    seen = parse_state(endpoint, odd, "t1")

    assert (seen.created_ms, seen.completed_ms, seen.progress, seen.credits_consumed, seen.model) == (None,) * 4 + ("",)
    assert (seen.duration_s, seen.to_dict()["credits_consumed"]) == (None, None)


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (4.0, "4.0"),
        (0.01, "0.01"),
        ("5916.25", "5916.25"),
        (Decimal(3), "3"),
        (True, None),
        (None, None),
        ("x", None),
        (float("inf"), None),
        (float("nan"), None),
        ({}, None),
    ],
)
def test_credits_are_decimals(value: Any, amount: Any) -> None:
    assert as_credits(value) == (None if amount is None else Decimal(amount))


def test_a_failed_task_says_the_platforms_words(endpoint: Any) -> None:
    seen = parse_state(endpoint, state("fail", failCode=500, failMsg="Internal Error"), "t1")

    with pytest.raises(KieTaskFailedError) as caught:
        check_finished(seen, model="m")

    error = caught.value
    assert (error.fail_code, error.fail_msg, error.task_id, error.model) == ("500", "Internal Error", "t1", "m")
    assert str(error) == "the task failed: Internal Error (task t1)"


def test_a_failure_without_words_says_so(endpoint: Any) -> None:
    with pytest.raises(KieTaskFailedError, match="gave no reason"):
        check_finished(parse_state(endpoint, state("fail", failCode="", failMsg=""), "t1"), model="")


@pytest.mark.parametrize(
    ("result", "wants_files", "is_result"),
    [
        ("", False, False),
        (None, True, False),
        ('{"resultUrls": []}', False, False),
        ('{"resultUrls": [""]}', True, False),
        ('{"resultUrls": ["https', True, False),
        ("Internal Error", True, False),
        ("a poem", False, True),
        ('{"resultObject": {"mask": "u"}}', True, True),
        ('{"resultObject": {}}', False, False),
        ('{"character_id": "c1"}', False, True),
        ('{"character_id": "c1"}', True, False),
        ('{"resultUrls": ["https://f/1.png"]}', True, True),
    ],
)
def test_success_without_anything_is_an_error(endpoint: Any, result: Any, wants_files: bool, is_result: bool) -> None:
    """A model of images whose result was broken JSON, or a sentence, passed as success with no files."""
    seen = parse_state(endpoint, state("success", resultJson=result), "t1")

    if is_result:
        check_finished(seen, model="m", wants_files=wants_files)
        return
    with pytest.raises(KieTaskError, match="says success") as caught:
        check_finished(seen, model="m", wants_files=wants_files)
    assert (type(caught.value), caught.value.task_id) == (KieTaskError, "t1")


def test_a_task_that_goes_on_is_no_error(endpoint: Any) -> None:
    check_finished(parse_state(endpoint, state("waiting"), "t1"), model="m")


def test_the_first_place_that_holds_something_counts() -> None:
    assert dig({"a": {"b": ""}, "c": 0}, ("a.b", "a.x.y", "c")) == 0
    assert dig([], ("a",)) is None


def test_headers_have_no_case_and_bodies_no_type() -> None:
    response = Response(200, b'\xef\xbb\xbf{"a": 1}', {"Content-TYPE": "text/plain"})

    assert (response.header("content-type"), response.header("Date"), response.json()) == ("text/plain", "", {"a": 1})
    assert Response(200, '{"a": "猫"}'.encode("utf-16")).json() == {"a": "猫"}
    with pytest.raises(ValueError, match="nested"):
        Response(200, b"[" * 1_000_000).json()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"data": {"param": json.dumps({"input": json.dumps(INPUT), "model": "m"})}}, INPUT),
        ({"data": {"param": json.dumps({"input": INPUT})}}, INPUT),
        ({"data": {"param": {"input": INPUT}}}, INPUT),
        ({"data": {"param": "not JSON"}}, {}),
        ({"data": {"param": "7"}}, {}),
        ({"data": {"param": json.dumps({"input": "x"})}}, {}),
        ({"data": {}}, {}),
        ({"data": None}, {}),
        ({}, {}),
        ({"data": "x"}, {}),
        ({"data": {"param": "[" * 100000}}, {}),
    ],
)
def test_a_tasks_input_comes_back_however_it_was_wrapped(raw: Any, expected: Any) -> None:
    assert read_param(raw) == expected
