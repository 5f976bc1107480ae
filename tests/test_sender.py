"""What is sent how often, and what each failure is called: the table of faults by operation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Dict, List

import pytest
from wire import CHAT, CREATED, IMAGE, KEY, RawServer, Script, answer, client, everything_in, http, pieces, state

from kie_sync.config import Settings
from kie_sync.errors import (
    KieAPIError,
    KieAuthenticationError,
    KieConfigError,
    KieConnectionError,
    KieError,
    KieInsufficientBalanceError,
    KieNotFoundError,
    KieOutcomeUnknownError,
    KieRateLimitError,
    KieServerError,
    KieValidationError,
)
from kie_sync.request import Request
from kie_sync.sender import Sender
from kie_sync.transport import Lost, NeverSent

HELLO = [{"role": "user", "content": "hi"}]
COMPLETION = {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}]}
OPERATIONS = {
    "create": lambda kie: kie.create_task(IMAGE, {"prompt": "a"}),
    "chat": lambda kie: kie.chat_completions(CHAT, HELLO),
    "stream": lambda kie: list(kie.chat_completions_stream(CHAT, HELLO)),
    "query": lambda kie: kie.query_task("t1"),
    "credits": lambda kie: kie.credits(),
}
PAID = ("create", "chat", "stream")
UNKNOWN = KieOutcomeUnknownError

# Fault: the answer, the class for a paid call and how often that is sent, the same for a question.
FAULTS: Dict[str, Any] = {
    "never connected": (NeverSent("no connection"), KieConnectionError, 5, KieConnectionError, 5),
    "bad certificate": (NeverSent("untrusted", is_final=True), KieConnectionError, 1, KieConnectionError, 1),
    "reset": (Lost("reset"), UNKNOWN, 1, KieConnectionError, 5),
    "HTML 200": (answer(b"<html>hi</html>"), UNKNOWN, 1, KieConnectionError, 5),
    "HTML 401": (answer(b"<html>login</html>", 401), UNKNOWN, 1, KieConnectionError, 5),
    "HTML 502": (answer(b"<html>bad gateway</html>", 502), UNKNOWN, 1, KieConnectionError, 5),
    "HTML 503": (answer(b"<html>", 503), UNKNOWN, 1, KieConnectionError, 5),
    "HTML 429": (answer(b"<html>", 429), KieRateLimitError, 5, KieRateLimitError, 5),
    "empty": (answer(b""), UNKNOWN, 1, KieConnectionError, 5),
    "half JSON": (answer(b'{"code": 200, "da'), UNKNOWN, 1, KieConnectionError, 5),
    "JSON 500 without code": (answer({"oops": 1}, 500), UNKNOWN, 1, KieConnectionError, 5),
    "redirect": (answer(b"", 307, {"Location": "https://x"}), UNKNOWN, 1, KieConnectionError, 5),
    "code 400": ({"code": 400, "msg": "no"}, KieValidationError, 1, KieValidationError, 1),
    "code 401": ({"code": 401, "msg": "no"}, KieAuthenticationError, 1, KieAuthenticationError, 1),
    "code 402": ({"code": 402, "msg": "no"}, KieInsufficientBalanceError, 1, KieInsufficientBalanceError, 1),
    "code 404": ({"code": 404, "msg": "no"}, KieNotFoundError, 1, KieNotFoundError, 1),
    "code 422": ({"code": 422, "msg": "no"}, KieValidationError, 1, KieValidationError, 1),
    "code 429": ({"code": 429, "msg": "no"}, KieRateLimitError, 5, KieRateLimitError, 5),
    # The platform says of 429 alone that the call is not queued: a paid call is bought once under anything else.
    "code 430": ({"code": 430, "msg": "no"}, KieRateLimitError, 1, KieRateLimitError, 5),
    "too frequent, under 500": (
        {"code": 500, "msg": "Your call frequency is too high. Please try again later."},
        KieRateLimitError,
        1,
        KieRateLimitError,
        5,
    ),
    "code 433": ({"code": 433, "msg": "no"}, KieInsufficientBalanceError, 1, KieInsufficientBalanceError, 1),
    "code 451": ({"code": 451, "msg": "no"}, KieValidationError, 1, KieValidationError, 1),
    "code 455": ({"code": 455, "msg": "no"}, KieServerError, 1, KieServerError, 5),
    "code 500": ({"code": 500, "msg": "Server exception"}, KieServerError, 1, KieServerError, 5),
    "code 500, credits": (
        {"code": 500, "msg": "Credits insufficient"},
        KieInsufficientBalanceError,
        1,
        KieInsufficientBalanceError,
        1,
    ),
    "code 500, field": ({"code": 500, "msg": "This field is required"}, KieValidationError, 1, KieValidationError, 1),
    "code 505": ({"code": 505, "msg": "no"}, KieServerError, 1, KieServerError, 5),
    "code 531": ({"code": 531, "msg": "no"}, KieServerError, 1, KieServerError, 5),
    "HTTP 402": (
        answer({"code": 402, "msg": "no"}, 402),
        KieInsufficientBalanceError,
        1,
        KieInsufficientBalanceError,
        1,
    ),
    "HTTP 503": (answer({"code": 503, "msg": "no"}, 503), KieServerError, 1, KieServerError, 5),
    "Google's array": (
        answer([{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}], 400),
        KieValidationError,
        1,
        KieValidationError,
        1,
    ),
    "Google's 503": (answer({"error": {"code": 503, "message": "no"}}, 503), KieServerError, 1, KieServerError, 5),
    # A word of the wire that was once our own mark for "nothing was sent".
    "an error called never_sent": (
        answer({"error": {"code": 500, "message": "no", "status": "never_sent"}}, 500),
        KieServerError,
        1,
        KieServerError,
        5,
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_class_and_its_number_of_sends(clock: Any, fault: str, operation: str) -> None:
    given, paid_class, paid_sends, free_class, free_sends = FAULTS[fault]
    script = Script(given)

    with pytest.raises(KieError) as caught:
        OPERATIONS[operation](client(script, clock))

    expected = (paid_class, paid_sends) if operation in PAID else (free_class, free_sends)
    assert (type(caught.value), len(script.requests)) == expected
    assert len(clock.sleeps) == len(script.requests) - 1
    assert KEY not in everything_in(caught.value)


REAL: Dict[str, Any] = {
    "refused": ("nobody there", KieConnectionError, 5),
    "reset before": ("refuse", UNKNOWN, 1),
    "reset after": ("reset", UNKNOWN, 1),
    "closed": (b"", UNKNOWN, 1),
    "short": (http(CREATED, length=999), UNKNOWN, 1),
    "bad gzip": (http(b"\x1f\x8b...", headers={"Content-Encoding": "gzip"}), UNKNOWN, 1),
    "redirect": (http(b"", "308 Permanent Redirect", {"Location": "http://127.0.0.1:1/"}), UNKNOWN, 1),
    "no HTTP": (f"Bearer {KEY}\r\n\r\n".encode(), UNKNOWN, 1),
}


@pytest.mark.parametrize("operation", ["create", "stream"])
@pytest.mark.parametrize("fault", REAL)
def test_a_paid_call_over_a_real_socket_is_sent_once(clock: Any, fault: str, operation: str) -> None:
    given, kind, sends = REAL[fault]
    with RawServer(given) as server:
        url = "http://127.0.0.1:9" if given == "nobody there" else server.url
        with client(clock=clock, base_url=url) as kie, pytest.raises(KieError) as caught:
            OPERATIONS[operation](kie)

    assert (
        type(caught.value) is kind and len(clock.sleeps) == sends - 1 and server.connections == (0 if sends > 1 else 1)
    )
    assert KEY not in everything_in(caught.value)


ECHOES: List[Any] = [
    answer({"code": 401, "msg": f"bad header Authorization: Bearer {KEY}"}),
    answer({"code": f"Bearer {KEY}", "msg": "x"}, 403),
    answer(f"<html>{KEY}</html>".encode(), 502),
    answer(f'{{"key": "{KEY}'.encode()),
    answer(f'{{"msg": "{KEY}"'.encode("utf-16")),
    answer({"error": {"message": KEY, "status": KEY, "code": 400}}, 400),
    answer([{"error": {"message": f"API key {KEY} not valid", "code": 400}}], 400),
    answer({"choices": KEY}),
    Lost(f"cut: {KEY}"),
    NeverSent(f"no: {KEY}", is_final=True),
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("echo", range(len(ECHOES)))
def test_a_key_that_a_server_echoes_stays_hidden(
    clock: Any, caplog: pytest.LogCaptureFixture, operation: str, echo: int
) -> None:
    told: List[Any] = []
    kie = client(Script(ECHOES[echo]), clock, on_event=told.append)

    with caplog.at_level(logging.DEBUG), pytest.raises(KieError) as caught:
        OPERATIONS[operation](kie)

    assert KEY not in everything_in(caught.value) + caplog.text + repr(told) + repr(kie) + str(vars(kie))


def test_a_short_key_leaves_good_answers_as_they_are(clock: Any) -> None:
    """Every `k` of the answer was masked, and with it the task's id."""
    script = Script({"code": 200, "data": {"taskId": "k-task-k"}})

    assert client(script, clock, api_key="k").create_task(IMAGE, {"prompt": "a"}).task_id == "k-task-k"


@pytest.mark.parametrize("after", [429, "never"])
@pytest.mark.parametrize("times", [1, 4])
def test_a_paid_call_goes_out_again_only_where_it_surely_did_not_arrive(clock: Any, after: Any, times: int) -> None:
    fault: Any = {"code": 429, "msg": "slow"} if after == 429 else NeverSent("no connection")
    script = Script(*[fault] * times, CREATED)

    created = client(script, clock).create_task(IMAGE, {"prompt": "a"})

    assert (created.task_id, len(script.requests), len(clock.sleeps)) == ("t1", times + 1, times)
    assert len({repr(request) for request in script.requests}) == 1


@pytest.mark.parametrize(
    ("operation", "limit"),
    [("create", " (KIE.ai takes 20 new tasks in 10 s)"), ("chat", ""), ("google", ""), ("credits", "")],
)
def test_the_limit_of_new_tasks_is_named_where_it_is_one(clock: Any, operation: str, limit: str) -> None:
    """A 429 on a chat spoke of 20 new tasks."""
    kie = client(Script({"code": 429, "msg": "slow down"}), clock, api_keys={"google": KEY})
    calls: Dict[str, Any] = {
        "create": lambda: kie.create_task(IMAGE, {"prompt": "a"}),
        "chat": lambda: kie.chat_completions(CHAT, "a"),
        "google": lambda: kie.chat_completions("gemini-3-flash-preview", "a"),
        "credits": kie.credits,
    }

    with pytest.raises(KieRateLimitError) as caught:
        calls[operation]()

    words = "the platform refused: slow down; too many calls in a short time; wait a little"
    assert caught.value.message == words + limit


@pytest.mark.parametrize(("header", "pause"), [("7", 7.0), ("0", 0.0), ("3600", 60.0)])
def test_the_servers_wait_is_honoured(clock: Any, header: str, pause: float) -> None:
    script = Script(answer({"code": 429}, 429, {"Retry-After": header}), CREATED)

    client(script, clock).create_task(IMAGE, {"prompt": "a"})

    assert clock.sleeps == [pause]


def test_pauses_grow_and_are_longer_for_a_limit(clock: Any) -> None:
    for fault in (NeverSent("no"), {"code": 429}):
        with pytest.raises(KieAPIError):
            client(Script(fault), clock).create_task(IMAGE, {"prompt": "a"})

    bounds = [(0.5, 1), (1, 2), (2, 4), (4, 8), (1.25, 2.5), (2.5, 5), (5, 10), (10, 20)]
    assert all(low <= slept <= high for slept, (low, high) in zip(clock.sleeps, bounds)) and len(clock.sleeps) == 8


@pytest.mark.parametrize("data", [None, {}, {"taskId": ""}, "t1"], ids=repr)
def test_a_create_answered_without_an_id_is_unknown(clock: Any, data: Any) -> None:
    script = Script({"code": 200, "data": data})

    with pytest.raises(KieOutcomeUnknownError, match="not sent again"):
        client(script, clock).create_task(IMAGE, {"prompt": "a"})

    assert len(script.requests) == 1


def test_waits_for_chats_are_longer_than_for_the_rest(clock: Any, tmp_path: Path) -> None:
    file = pieces([b"file"])
    script = Script(CREATED, COMPLETION, pieces([b"data: [DONE]\n\n"]), state("waiting"), file)
    kie = client(script, clock, timeout_s=7, chat_timeout_s=70)

    kie.create_task(IMAGE, {"prompt": "a"})
    kie.chat_completions(CHAT, HELLO)
    kie.chat_completions_stream(CHAT, HELLO)
    kie.query_task("t1")
    kie.download("https://files.test/1.png", tmp_path)

    assert script.timeouts == [(10, 7), (10, 70), (10, 70), (10, 7), (10, 7)]
    assert script.keys == [KEY] * 4 + [None]


def test_a_key_goes_to_its_own_hosts_only(catalog: Any, clock: Any) -> None:
    sender = Sender(Script({}), Settings(KEY).with_home("kie"), clock)
    provider = catalog.providers["kie"]

    for url in ("https://evil.test/", "http://api.kie.ai/", "https://api.kie.ai:444/", "https://api.kie.ai@evil.test/"):
        with pytest.raises(KieConfigError, match="own hosts only"):
            sender.send(Request("GET", url, provider="kie"), provider)
    for url in ("https://api.kie.ai/x", "https://API.KIE.AI:443/x", "https://kieai.redpandaai.co/x"):
        assert sender.send(Request("GET", url, provider="kie"), provider).status == 200


def test_a_download_is_given_as_it_comes_whatever_its_first_byte(clock: Any, catalog: Any) -> None:
    """A file that began like JSON or HTML was read into memory whole."""
    given = pieces([b"{", b"}"])

    found = Sender(Script(given), Settings(), clock).send(Request("GET", "https://f.test", wants_stream=True), None)

    assert found is given
