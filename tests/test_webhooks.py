"""Callbacks: whose they are, what they come to, and a receiver that answers at once."""

from __future__ import annotations

import io
import json
import pickle
import string
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, List, Optional, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import IMAGE, Script, client, state, success

from kie_sync import KieClient, KieConfigError, KieServerError
from kie_sync.errors import KieError
from kie_sync.events import TaskFinished
from kie_sync.records import Record
from kie_sync.response import QueryTaskResponse
from kie_sync.webhooks import (
    REASONS,
    Application,
    Delivery,
    WebhookError,
    application,
    handle,
    read_task_id,
    reread,
    sign,
    verify,
)
from kie_sync.webhooks import delivery as deliveries

SECRET, NOW, TASK = "whsec-0123456789", 1_795_000_000, "t1"
BODY = json.dumps({"code": 200, "msg": "ok", "data": {"taskId": TASK, "state": "success"}}).encode()
# Made with `printf 't1.1795000000' | openssl dgst -sha256 -hmac whsec-0123456789 -binary | base64`.
SIGNATURE = "6w6AYG4/3onw3CyUl9SAfJATHfn0MH4/lTgfCNNL0ig="


def signed(task_id: str = TASK, at: Any = NOW, secret: str = SECRET) -> Dict[str, str]:
    return {"X-Webhook-Timestamp": str(at), "X-Webhook-Signature": sign(task_id, at, secret)}


def check(body: Any = BODY, headers: Any = None, secret: Any = SECRET, **settings: Any) -> str:
    return verify(body, signed() if headers is None else headers, secret, **{"now": NOW, **settings})


# verify


def test_the_signature_is_that_of_another_program() -> None:
    assert sign(TASK, NOW, SECRET) == SIGNATURE


@pytest.mark.parametrize(
    "headers",
    [
        signed(),
        {name.lower(): value for name, value in signed().items()},
        {name.upper(): f" {value} " for name, value in signed().items()},
        list(signed().items()),
        [(name.encode(), value.encode()) for name, value in signed().items()],
        {name: [value] for name, value in signed().items()},
        {"HTTP_" + name.upper().replace("-", "_"): value for name, value in signed().items()},
        {"wsgi.input": object(), 7: None, "HTTP_X_WEBHOOK_TIMESTAMP": NOW, "HTTP_X_WEBHOOK_SIGNATURE": SIGNATURE},
        [*signed().items(), *signed().items()],
    ],
    ids=["plain", "lower", "upper", "pairs", "bytes", "lists", "environ", "environ with more", "twice the same"],
)
def test_headers_may_come_in_any_form(headers: Any) -> None:
    assert check(headers=headers) == TASK


def test_headers_of_the_standard_library_and_of_werkzeug() -> None:
    from email.message import Message

    from werkzeug.datastructures import Headers

    message = Message()
    for name, value in signed().items():
        message[name] = value

    assert [check(headers=message), check(headers=Headers(signed()))] == [TASK, TASK]


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"taskId": TASK}},
        {"data": {"task_id": TASK}},
        {"taskId": TASK, "data": None},
        {"task_id": TASK},
        {"data": {"taskId": "", "task_id": TASK}},
        {"data": {"taskId": TASK, "task_id": "other"}, "taskId": "third"},
    ],
    ids=lambda body: json.dumps(body),
)
def test_the_task_id_is_found(body: Any) -> None:
    assert [check(json.dumps(body)), check(json.dumps(body).encode())] == [TASK, TASK]


def test_a_number_is_an_id_too() -> None:
    assert check('{"taskId": 17}', signed("17")) == "17"


@pytest.mark.parametrize("secret", [SECRET, SECRET.encode(), ["old", SECRET], (SECRET.encode(), "new")])
def test_the_secret_may_be_text_or_bytes_or_several(secret: Any) -> None:
    assert check(secret=secret) == TASK


@pytest.mark.parametrize("secret", [None, "", " ", b"", [], [""], [SECRET, ""], [None], 7])
def test_without_a_secret_nothing_can_be_checked(secret: Any) -> None:
    with pytest.raises(KieConfigError, match="need the secret that signs them") as raised:
        check(secret=secret)

    assert SECRET not in str(raised.value)


REFUSED: List[Tuple[str, Any, Any, Any, str]] = [
    ("no body", b"", None, NOW, "not-json"),
    ("no JSON", b"taskId=t1", None, NOW, "not-json"),
    ("bytes that are no text", b"\xff\xfe\xfa", None, NOW, "not-json"),
    ("a list", b'["t1"]', None, NOW, "not-json"),
    ("a text", b'"t1"', None, NOW, "not-json"),
    ("nested without end", b"[" * 100_000, None, NOW, "not-json"),
    ("a number of many digits", b'{"taskId": ' + b"1" * 10_000 + b"}", None, NOW, "not-json"),
    ("no id", b'{"data": {"state": "success"}}', None, NOW, "no-task-id"),
    ("an empty id", b'{"data": {"taskId": ""}}', None, NOW, "no-task-id"),
    ("an id that is true", b'{"taskId": true}', None, NOW, "no-task-id"),
    ("an id that is an object", b'{"taskId": {"a": 1}}', None, NOW, "no-task-id"),
    ("an id with a line break", b'{"taskId": "t1\\nt2"}', None, NOW, "no-task-id"),
    ("an id beyond all measure", json.dumps({"taskId": "t" * 201}), None, NOW, "no-task-id"),
    ("no headers", BODY, {}, NOW, "no-signature"),
    ("no signature", BODY, {"X-Webhook-Timestamp": str(NOW)}, NOW, "no-signature"),
    ("an empty signature", BODY, {**signed(), "X-Webhook-Signature": ""}, NOW, "no-signature"),
    ("no timestamp", BODY, {"X-Webhook-Signature": SIGNATURE}, NOW, "no-signature"),
    ("two signatures", BODY, [*signed().items(), ("x-webhook-signature", "x")], NOW, "wrong-signature"),
    ("another's secret", BODY, signed(secret="other"), NOW, "wrong-signature"),
    ("another's task", BODY, signed("t2"), NOW, "wrong-signature"),
    ("another time", BODY, {**signed(), "X-Webhook-Timestamp": str(NOW + 1)}, NOW, "wrong-signature"),
    ("in hex", BODY, {**signed(), "X-Webhook-Signature": "ab" * 32}, NOW, "wrong-signature"),
    ("not ASCII", BODY, {**signed(), "X-Webhook-Signature": SIGNATURE[:-1] + "é"}, NOW, "wrong-signature"),
    ("no Base64 padding", BODY, {**signed(), "X-Webhook-Signature": SIGNATURE.rstrip("=")}, NOW, "wrong-signature"),
    ("a time that is no number", BODY, signed(at="now"), NOW, "wrong-timestamp"),
    ("a time below zero", BODY, signed(at=-5), NOW, "wrong-timestamp"),
    ("a time with a fraction", BODY, signed(at="1795000000.5"), NOW, "wrong-timestamp"),
    ("other digits", BODY, signed(at="١٧٩٥"), NOW, "wrong-timestamp"),
    ("too old", BODY, signed(), NOW + 301, "too-old"),
    ("from the future", BODY, signed(), NOW - 301, "from-the-future"),
    ("milliseconds", BODY, signed(at=NOW * 10), NOW, "from-the-future"),
]


@pytest.mark.parametrize(
    ("body", "headers", "now", "reason"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_a_callback_is_refused_with_its_reason(body: Any, headers: Any, now: float, reason: str) -> None:
    with pytest.raises(WebhookError) as raised:
        check(body, headers, now=now)

    assert raised.value.reason == reason
    assert REASONS[reason] in str(raised.value)
    assert SECRET not in str(raised.value) and SIGNATURE not in str(raised.value)


def test_every_reason_is_tried() -> None:
    assert {row[4] for row in REFUSED} == set(REASONS)


@pytest.mark.parametrize("apart", [-300, 0, 300])
def test_the_window_is_open_at_both_sides(apart: int) -> None:
    assert check(now=NOW + apart) == TASK


def test_the_window_can_be_another_and_time_is_the_machines() -> None:
    import time

    assert verify(BODY, signed(at=int(time.time())), SECRET) == TASK
    assert check(now=NOW + 900, max_age_s=1000) == TASK


@pytest.mark.parametrize("max_age_s", [0, -1, float("inf"), float("nan"), True])
def test_the_window_is_a_number_of_seconds(max_age_s: float) -> None:
    with pytest.raises(KieConfigError, match="max_age_s must be a number of seconds above 0"):
        check(max_age_s=max_age_s)


def test_a_refusal_says_what_it_was_about_and_pickles() -> None:
    with pytest.raises(WebhookError) as raised:
        check(headers={})
    again = pickle.loads(pickle.dumps(raised.value))

    assert isinstance(again, KieError)
    assert (again.reason, again.task_id, str(again)) == (
        "no-signature",
        TASK,
        "a callback about task t1 was refused: it is not signed; there is no X-Webhook-Signature",
    )


_IDS = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=40)
_TIMES = st.integers(min_value=0, max_value=10**12 - 1)


@settings(max_examples=200, deadline=None)
@given(_IDS, _TIMES, st.text(min_size=1).filter(str.strip), _IDS, _TIMES, st.binary(min_size=1, max_size=40))
def test_whatever_is_tampered_with_is_refused(
    task_id: str, at: int, secret: str, other_id: str, other_at: int, noise: bytes
) -> None:
    """The true one passes; with another id, time or signature it never does."""
    true = signed(task_id, at, secret)
    body = json.dumps({"data": {"taskId": task_id}})
    forged = [
        (json.dumps({"data": {"taskId": other_id}}), true) if other_id != task_id else None,
        (body, {**true, "X-Webhook-Timestamp": str(other_at)}) if other_at != at else None,
        (body, {**true, "X-Webhook-Timestamp": f"0{at}"}),
        (body, {**true, "X-Webhook-Signature": noise.hex()}),
        (body, {**true, "X-Webhook-Signature": true["X-Webhook-Signature"].swapcase()}),
    ]

    assert verify(body, true, secret, now=at) == task_id
    for case in filter(None, forged):
        with pytest.raises(WebhookError) as raised:
            verify(case[0], case[1], secret, now=float(case[1]["X-Webhook-Timestamp"]))
        assert raised.value.reason in ("wrong-signature", "wrong-timestamp")


@settings(max_examples=100, deadline=None)
@given(_IDS, _IDS, st.integers(0, 20))
def test_an_id_and_a_time_cannot_flow_into_each_other(first: str, second: str, at: int) -> None:
    """ "a.1" at 2 and "a" at "1.2" would be signed alike: a time is digits only."""
    body = json.dumps({"taskId": first})
    headers = {"X-Webhook-Timestamp": f"{second}.{at}", "X-Webhook-Signature": sign(first, f"{second}.{at}", SECRET)}

    with pytest.raises(WebhookError, match="not a number of seconds"):
        verify(body, headers, SECRET, now=at)


# handle


@dataclass
class FakeJournal:
    """A journal of one task, which learns its end as a real one does."""

    record: Optional[Record] = None
    events: List[Any] = field(default_factory=list)

    def __call__(self, event: Any) -> None:
        self.events.append(event)
        if isinstance(event, TaskFinished) and self.record and event.state:
            word = "success" if event.state.is_success else "failed"
            about = {**vars(self.record), "state": word, "urls": event.state.result_urls}
            self.record = Record(**about)

    def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
        return None

    def find_task(self, task_id: str) -> Optional[Record]:
        return self.record if self.record and self.record.task_id == task_id else None

    def find_upload(self, *, account: str, content: str) -> Optional[str]:
        return None

    def keep_upload(self, *, account: str, content: str, url: str, lives_s: float) -> None: ...


def bought(word: str = "accepted", **about: Any) -> Record:
    return Record("c1", IMAGE, word, 1.0, task_id=TASK, key="row-17", user="ann", **about)


def receive(kie: KieClient, body: bytes = BODY, **headers: Any) -> Delivery:
    return handle(kie, body, signed(**headers), SECRET, now=NOW)


def test_a_delivery_is_what_the_platform_says_when_asked() -> None:
    told: List[Any] = []
    wire = Script(success("https://files/1.png", model=IMAGE))
    kie = client(wire, on_event=told.append)

    delivery = receive(kie)

    assert delivery.state is not None and delivery.state.result_urls == ("https://files/1.png",)
    assert told == [TaskFinished(IMAGE, {}, TASK, delivery.state)]
    assert [request.method for request in wire.requests] == ["GET"]
    assert delivery.to_dict() == {
        "task_id": TASK,
        "model": IMAGE,
        "state": "success",
        "outcome": "success",
        "result_urls": ["https://files/1.png"],
        "fail_code": None,
        "fail_msg": None,
        "credits_consumed": "4.0",
        "progress": None,
        "duration_s": None,
        "is_known": True,
        "is_final": True,
        "is_duplicate": False,
    }


def test_a_failure_is_told_as_one() -> None:
    told: List[Any] = []
    delivery = receive(client(Script(state("fail", failMsg="no")), on_event=told.append))

    assert (delivery.is_final, delivery.is_success, delivery.urls, len(told)) == (True, False, (), 1)


def test_a_body_that_lies_is_not_believed(caplog: pytest.LogCaptureFixture) -> None:
    """It says success; the task is still running. Its true end is news all the same."""
    told: List[Any] = []
    kie = client(Script(state("generating"), success("https://files/1.png")), on_event=told.append)

    early, true = receive(kie), receive(kie)

    assert (early.is_final, early.is_success, early.urls, early.is_duplicate) == (False, False, (), False)
    assert (true.is_final, true.is_duplicate, true.credits_consumed) == (True, False, Decimal("4.0"))
    assert [type(event) for event in told] == [TaskFinished]
    assert "has not ended: it is generating" in caplog.text


def test_what_comes_again_is_a_duplicate_and_asks_nothing() -> None:
    """Also with a newer time, and also when an early one arrives late."""
    told: List[Any] = []
    wire = Script(success())
    kie = client(wire, on_event=told.append)

    found = [receive(kie), receive(kie), receive(kie, at=NOW + 9)]

    assert [delivery.is_duplicate for delivery in found] == [False, True, True]
    assert found[0].state == found[1].state == found[2].state
    assert (len(wire.requests), len(told)) == (1, 1)


def test_two_clients_do_not_share_their_memory() -> None:
    assert [receive(client(Script(success()))).is_duplicate for _ in range(2)] == [False, False]


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_REMEMBERED", 2)
    kie = client(Script(success()))

    again = [reread(kie, task_id).is_duplicate for task_id in ("a", "b", "c", "b", "a")]

    assert again == [False, False, False, True, False]


def test_duplicates_at_the_same_time_tell_the_end_once() -> None:
    both = threading.Barrier(2, timeout=10)
    told: List[Any] = []

    def slow(request: Any) -> Any:
        both.wait()
        return Script(success())(request, key=None, timeout_s=(1, 1))

    kie = client(Script(slow), on_event=told.append)
    assert kie.connection is not None
    found: List[Delivery] = []
    threads = [threading.Thread(target=lambda: found.append(receive(kie))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)

    assert sorted(delivery.is_duplicate for delivery in found) == [False, True]
    assert len(told) == 1


def test_a_task_that_the_platform_does_not_know(caplog: pytest.LogCaptureFixture) -> None:
    told: List[Any] = []
    unknown = {"code": 422, "msg": "recordInfo is null", "data": None}
    kie = client(Script(unknown, success()), on_event=told.append)

    first, later = receive(kie), receive(kie)

    assert first == Delivery(TASK)
    assert (first.is_known, first.is_final, first.to_dict()["is_known"]) == (False, False, False)
    assert (later.is_final, later.is_duplicate, len(told)) == (True, False, 1)
    assert "of which the platform has no record" in caplog.text


def test_a_platform_that_is_down_is_an_error(clock: Any) -> None:
    """So that a view answers 500, and the platform calls again."""
    kie = client(Script({"code": 500, "msg": "Internal error"}), clock)

    with pytest.raises(KieServerError):
        receive(kie)


def test_a_journal_learns_the_end_and_says_what_was_bought() -> None:
    journal = FakeJournal(bought())
    kie = client(Script(success("https://files/1.png")), journal=journal)

    delivery = receive(kie)

    assert delivery.record == bought("success", urls=("https://files/1.png",))
    assert (delivery.model, delivery.is_duplicate) == (IMAGE, False)
    assert {name: delivery.to_dict()[name] for name in ("key", "user")} == {"key": "row-17", "user": "ann"}


@pytest.mark.parametrize(("word", "is_success"), [("success", True), ("failed", False)])
def test_an_end_in_the_journal_is_a_duplicate_and_asks_nothing(word: str, is_success: bool) -> None:
    """Another process may have been told, or have waited."""
    journal = FakeJournal(bought(word))
    wire = Script(success())

    delivery = receive(client(wire, journal=journal))

    assert (delivery.is_duplicate, delivery.is_final, delivery.is_success) == (True, True, is_success)
    assert (wire.requests, journal.events) == ([], [])


@pytest.mark.parametrize("word", ["accepted", "running", "unknown"])
def test_a_task_that_goes_on_in_the_journal_is_looked_at(word: str) -> None:
    wire = Script(success())

    assert receive(client(wire, journal=FakeJournal(bought(word)))).is_duplicate is False
    assert len(wire.requests) == 1


def test_a_callback_that_is_faster_than_the_answer_to_the_create_call() -> None:
    """The journal did not know the task yet; the next callback teaches it, and nobody else is told twice."""
    journal = FakeJournal(None)
    told: List[Any] = []
    kie = client(Script(success("https://files/1.png")), journal=journal, on_event=told.append)

    early = receive(kie)
    journal.record = bought()
    again = receive(kie)

    assert (early.record, early.is_duplicate, again.is_duplicate) == (None, False, True)
    assert again.record == bought("success", urls=("https://files/1.png",))
    assert len(told) == 1


def test_a_forgery_asks_nothing() -> None:
    wire = Script(success())

    with pytest.raises(WebhookError):
        receive(client(wire), secret="guessed")

    assert wire.requests == []


def test_unsigned_callbacks_are_asked_for_by_name() -> None:
    wire = Script(state("generating"))

    delivery = handle(client(wire), BODY, {}, unsigned=True)

    assert (delivery.task_id, delivery.is_final) == (TASK, False)
    with pytest.raises(KieConfigError, match="say unsigned=True"):
        handle(client(wire), BODY, {})
    with pytest.raises(KieConfigError, match="give one of the two"):
        handle(client(wire), BODY, {}, SECRET, unsigned=True)
    with pytest.raises(WebhookError, match="not a JSON object"):
        handle(client(wire), b"?", {}, unsigned=True)


def test_the_id_of_an_unsigned_body() -> None:
    assert read_task_id(BODY) == TASK


# application


class Answer:
    """What a WSGI application answers."""

    def __init__(self, receiver: Application, method: str = "POST", body: bytes = BODY, **extra: Any) -> None:
        environ: Dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": "/kie", "wsgi.input": io.BytesIO(body)}
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.update(extra)
        self.status = 0
        self.headers: Dict[str, str] = {}
        self.text = b"".join(receiver(environ, self.start)).decode()

    def start(self, status: str, headers: List[Tuple[str, str]]) -> None:
        self.status, self.headers = int(status[:3]), dict(headers)


def environ(**headers: Any) -> Dict[str, str]:
    import time

    true = signed(**{"at": int(time.time()), **headers})
    return {"HTTP_" + name.upper().replace("-", "_"): value for name, value in true.items()}


@pytest.fixture
def told() -> List[Delivery]:
    return []


def test_a_callback_is_answered_and_then_read(told: List[Delivery]) -> None:
    receiver = application(client(Script(success())), SECRET, told.append)

    answer = Answer(receiver, **environ())
    receiver.close()

    assert (answer.status, answer.text, answer.headers["Content-Length"]) == (200, "ok\n", "3")
    assert [(delivery.task_id, delivery.is_success) for delivery in told] == [(TASK, True)]


def test_the_answer_does_not_wait_for_the_platform(told: List[Delivery]) -> None:
    go_on = threading.Event()

    def slow(request: Any) -> Any:
        assert go_on.wait(10)
        return Script(success())(request, key=None, timeout_s=(1, 1))

    receiver = application(client(Script(slow)), SECRET, told.append)
    answer = Answer(receiver, **environ())
    before = list(told)
    go_on.set()
    receiver.close()

    assert (answer.status, before, len(told)) == (200, [], 1)


@pytest.mark.parametrize(
    ("status", "extra"),
    [
        (405, {"method": "GET"}),
        (405, {"method": "HEAD"}),
        (404, {"PATH_INFO": "/other"}),
        (400, {"body": b"{}"}),
        (400, {"body": b"<xml>"}),
        (400, {"CONTENT_LENGTH": "many"}),
        (400, {"CONTENT_LENGTH": "-1"}),
        (400, {"CONTENT_LENGTH": "²"}),
        (400, {"CONTENT_LENGTH": "3"}),
        (411, {"CONTENT_LENGTH": ""}),
        (413, {"CONTENT_LENGTH": "1000001"}),
        (413, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True, "body": BODY + b" " * 1_000_000}),
        (401, {"HTTP_X_WEBHOOK_SIGNATURE": ""}),
        (401, {"HTTP_X_WEBHOOK_SIGNATURE": "forged"}),
        (401, environ(at=NOW - 10**6)),
        (200, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}),
        (200, {"CONTENT_LENGTH": "1000000", "body": BODY + b" " * (1_000_000 - len(BODY))}),
        (200, {"CONTENT_LENGTH": str(len(BODY) + 5)}),
    ],
)
def test_what_is_no_callback_is_refused(status: int, extra: Any, told: List[Delivery]) -> None:
    wire = Script(success())
    receiver = application(client(wire), SECRET, told.append, path="/kie")

    answer = Answer(receiver, **{**environ(), **extra})
    receiver.close()

    assert answer.status == status
    assert answer.headers.get("Allow") == ("POST" if status == 405 else None)
    assert len(wire.requests) == len(told) == (1 if status == 200 else 0)
    assert SECRET not in answer.text


def test_a_body_that_breaks_off_is_refused() -> None:
    class Broken:
        def read(self, size: int) -> bytes:
            raise TimeoutError("nothing came")

    receiver = application(client(Script(success())), SECRET)

    assert Answer(receiver, **{**environ(), "wsgi.input": Broken()}).status == 400


def test_when_too_many_wait_the_platform_is_asked_to_call_again(told: List[Delivery]) -> None:
    go_on = threading.Event()

    def slow(request: Any) -> Any:
        assert go_on.wait(10)
        return Script(success())(request, key=None, timeout_s=(1, 1))

    receiver = application(client(Script(slow)), SECRET, told.append, workers=1, most_waiting=2)
    crowd = [Answer(receiver, **environ()).status for _ in range(3)]
    go_on.set()
    while len(told) < 2:
        threading.Event().wait(0.01)
    later = Answer(receiver, **environ()).status
    receiver.close()

    assert (crowd, later) == ([200, 200, 503], 200)
    assert [delivery.is_duplicate for delivery in told] == [False, True, True]


def test_a_closed_receiver_takes_nothing_more() -> None:
    receiver = application(client(Script(success())), SECRET)
    receiver.close()
    receiver.close()

    assert Answer(receiver, **environ()).status == 503


def test_errors_after_the_answer_are_logged(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    def fail(delivery: Delivery) -> None:
        raise ValueError("a bug of the user's own")

    broken = application(client(Script(success())), SECRET, fail)
    down = application(client(Script({"code": 500, "msg": "Internal error"}), clock), SECRET)
    for receiver in (broken, down):
        assert Answer(receiver, **environ()).status == 200
        receiver.close()

    assert "on_delivery failed on task t1" in caplog.text
    assert "a callback named task t1, which was not read: the platform refused: Internal error" in caplog.text


@pytest.mark.parametrize(
    "wrong", [{"secret": None}, {"secret": ""}, {"unsigned": True}, {"workers": 0}, {"most_waiting": 0.5}]
)
def test_a_receiver_with_wrong_settings_is_not_made(wrong: Any) -> None:
    with pytest.raises(KieConfigError):
        application(client(), **{"secret": SECRET, **wrong})


def test_an_unsigned_receiver_reads_what_is_named(told: List[Delivery]) -> None:
    receiver = application(client(Script(state("waiting"))), on_delivery=told.append, unsigned=True)
    answer = Answer(receiver)
    receiver.close()

    assert (answer.status, [delivery.is_final for delivery in told]) == (200, [False])


def test_a_state_on_record_is_a_state() -> None:
    """The type that `Delivery.state` promises, whether it comes from the wire or from a journal."""
    kie = client(Script(success()), journal=FakeJournal(bought("success")))

    assert isinstance(receive(kie).state, QueryTaskResponse)
