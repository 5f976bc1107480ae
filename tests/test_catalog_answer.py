"""`catalog answer`: a real answer, pasted: what we would read from it, and what nobody reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest
import requests
from test_cli_sandbox import run
from wire import CREATED, chunk, event, state, success

from kie_sync.sandbox import Sandbox

IMAGE, CHAT, CLAUDE = "google/nano-banana", "gemini-3-flash", "claude-sonnet-4-5"


def read(model: str, answer: Any) -> Dict[str, Any]:
    text = answer if isinstance(answer, str) else json.dumps(answer)
    result = run("catalog", "answer", model, "--json", stdin=text)
    assert result.exit_code == 0, result.stderr
    found: Dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_answer_to_a_create() -> None:
    found = read(IMAGE, CREATED)

    assert found == {
        "what": "the answer to a create: a task was made, and is paid",
        "facts": {"task_id": "t1"},
        "doubts": [],
        "unread": [],
        "model": IMAGE,
    }


def test_a_finished_task() -> None:
    found = read(IMAGE, success("https://f/1.png", "https://f/2.png", model=IMAGE, costTime=12, shiny={"new": 1}))

    assert found["what"] == "a task's state: recordInfo, or a callback"
    assert found["facts"] == {
        "task_id": "t1",
        "model": IMAGE,
        "state": "success",
        "outcome": "success",
        "credits_consumed": "4.0",
        "files": ["https://f/1.png", "https://f/2.png"],
    }
    assert (found["doubts"], found["unread"]) == ([], ["data.shiny"])


def test_what_stands_in_the_result_beside_the_files_is_shown() -> None:
    result = json.dumps({"resultUrls": ["https://f/1.png"], "lastFrameUrl": "https://f/l.png"})
    found = read(IMAGE, state("success", resultJson=result, creditsConsumed=4))

    assert found["facts"]["data"] == {"lastFrameUrl": "https://f/l.png"}
    assert found["unread"] == ["data.resultJson.lastFrameUrl"]


@pytest.mark.parametrize(
    ("answer", "doubt"),
    [
        (state("paused"), 'the state "paused" is none of waiting, queuing, generating, success, fail'),
        (success(model="other/model"), f"it is about the model other/model, not {IMAGE}"),
        (state("success", resultJson="{}", creditsConsumed=1), "there is no file and nothing else in its result"),
        (success(creditsConsumed=None), "it does not say how many credits were taken"),
        ({"code": 200, "data": {"state": "waiting"}}, "there is no task id at data.taskId or data.recordId"),
        ({"code": 200, "data": {}}, "the platform answered without a task id"),
    ],
)
def test_what_is_odd_is_told(answer: Any, doubt: str) -> None:
    assert [each for each in read(IMAGE, answer)["doubts"] if doubt in each] != []


def test_a_failed_task_says_why() -> None:
    facts = read(IMAGE, state("fail", failCode="422", failMsg="flagged"))["facts"]

    assert (facts["outcome"], facts["fail_code"], facts["fail_msg"]) == ("failure", "422", "flagged")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"code": 402, "msg": "Credits insufficient"}, "KieInsufficientBalanceError"),
        ({"code": 500, "msg": "aspect_ratio is required"}, "KieValidationError"),
        ({"code": 501, "msg": "failed", "data": None}, "KieServerError"),
    ],
)
def test_a_refusal_is_classed_as_a_call_would_class_it(answer: Any, kind: str) -> None:
    found = read(IMAGE, answer)

    assert found["facts"]["error"] == kind
    assert bool(found["doubts"]) is (answer["code"] == 501)


def test_a_real_answer_of_every_sort(sandbox: Sandbox) -> None:
    """What the platform sends, as the sandbox plays it: nothing in it is left over."""
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    body = {"model": IMAGE, "input": {"prompt": "a cat"}}
    created = requests.post(f"{sandbox.url}/api/v1/jobs/createTask", json=body, headers=headers, timeout=5)
    task_id = created.json()["data"]["taskId"]
    looked = requests.get(f"{sandbox.url}/api/v1/jobs/recordInfo?taskId={task_id}", headers=headers, timeout=5)

    assert read(IMAGE, created.text)["facts"] == {"task_id": task_id}
    found = read(IMAGE, looked.text)
    assert (found["facts"]["task_id"], found["unread"]) == (task_id, [])


def test_a_chat_answer_with_its_price(sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.key}"}
    body = {"messages": [{"role": "user", "content": "hello"}], "stream": False}
    said = requests.post(f"{sandbox.url}/{CHAT}/v1/chat/completions", json=body, headers=headers, timeout=5)
    raw = said.json()

    facts = read(CHAT, said.text)["facts"]

    assert facts["text"] == raw["choices"][0]["message"]["content"]
    assert facts["usage"]["output_tokens"] == raw["usage"]["completion_tokens"]
    assert float(facts["platform_credits"]) > 0


def test_a_stream_of_pieces() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    pieces: List[bytes] = [event(chunk("Good ")), event(chunk("day", "stop", usage=usage)), event("[DONE]")]

    found = read(CHAT, b"".join(pieces).decode())

    assert found["what"] == "a chat's answer in 2 pieces"
    assert (found["facts"]["text"], found["facts"]["usage"]["input_tokens"]) == ("Good day", 3)


def test_a_stream_that_broke_off_says_so() -> None:
    found = read(CHAT, event(chunk("Good ")).decode())

    assert found["facts"]["text"] == "Good "
    assert "the stream ended without a finish reason" in found["doubts"][0]


def test_for_people() -> None:
    shown = run("catalog", "answer", IMAGE, stdin=json.dumps(success(shiny=1)))

    assert shown.stdout.splitlines() == [
        "a task's state: recordInfo, or a callback",
        "  task id           t1",
        "  state             success",
        "  outcome           success",
        "  credits consumed  4.0",
        "  files             https://files/1.png",
        "- nobody reads: data.shiny",
    ]


def test_headers_that_were_pasted_along_do_no_harm() -> None:
    text = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{json.dumps(CREATED)}"

    assert read(IMAGE, text)["facts"] == {"task_id": "t1"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("hello", "neither JSON nor a stream of events"),
        ('{"code": 200', "neither JSON nor a stream of events"),
        ("7", "an answer is an object"),
        ("data: {}", "it is a stream of events, and google/nano-banana answers with JSON"),
    ],
)
def test_what_is_no_answer_says_so(text: str, words: str) -> None:
    result = run("catalog", "answer", IMAGE, stdin=text)

    assert (result.exit_code, words in result.stderr) == (2, True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = run("catalog", "answer", IMAGE, str(tmp_path / "none.json"))

    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_key_in_it_is_never_shown(as_json: List[str], monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = "k-of-mine-0123456789", "sk-other-0123456789"
    monkeypatch.setenv("KIE_API_KEY", own)
    answers = [
        json.dumps({"code": 401, "msg": f"the key {own} is wrong"}),
        json.dumps(state("fail", failMsg=f"Authorization: Bearer {other} refused")),
        json.dumps({"code": 200, "data": {"state": f"{own}", "api_key": other, "taskId": "t1"}}),
        f"HTTP/1.1 200 OK\nAuthorization: Bearer {other}\n\nno json {own}",
    ]

    for text in answers:
        result = run("catalog", "answer", IMAGE, *as_json, stdin=text)
        assert own not in result.stdout + result.stderr
        assert other not in result.stdout + result.stderr
