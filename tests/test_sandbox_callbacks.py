"""The sandbox calls back: what it posts and when, its faults, its retries, and the whole way to a listener."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import pytest
from wire import IMAGE, KEY, shipped

from kie_sync import KieAdapter, KieClient, KieOutcomeUnknownError
from kie_sync.events import TaskFinished
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox import callbacks as calls
from kie_sync.sandbox.callbacks import is_loopback_url
from kie_sync.webhooks import Delivery, application

SECRET = "whsec-sandbox"


class Post(NamedTuple):
    headers: Dict[str, str]
    data: Dict[str, Any]
    body: Dict[str, Any]


class Receiver:
    """A server that keeps what is posted to it, and answers as `statuses` say, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.posts: List[Post] = []
        self.changed = threading.Condition()
        self._statuses = list(statuses or (200,))

    def __enter__(self) -> Receiver:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver.changed:
                    given = receiver._statuses
                    status = given.pop(0) if len(given) > 1 else given[0]
                    receiver.posts.append(Post(dict(self.headers.items()), body.get("data"), body))
                    receiver.changed.notify_all()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/kie?from=sandbox"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, count: int) -> List[Post]:
        """The posts, once there are so many."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.posts) >= count, timeout=20)
            return list(self.posts)


@contextmanager
def playing(**settings: Any) -> Iterator[Sandbox]:
    with Sandbox(**{"catalog": shipped(), "speed": 1000, "webhook_secret": SECRET, **settings}) as sandbox:
        yield sandbox


def client_of(sandbox: Sandbox, **settings: Any) -> KieClient:
    return KieClient(sandbox.key, sandbox.url, catalog=shipped(), **settings)


def create(sandbox: Sandbox, url: str, prompt: str = "a cat") -> str:
    """A task with a callback; returns its id."""
    with client_of(sandbox) as client:
        return client.create_task(IMAGE, {"prompt": prompt}, callback_url=url).task_id


def until(condition: Callable[[], Any]) -> Any:
    """What a condition gives once it holds."""
    for _ in range(2000):
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def signature(task_id: str, timestamp: str, secret: str = SECRET) -> str:
    digest = hmac.new(secret.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def test_the_end_of_a_task_is_posted_and_signed() -> None:
    with playing() as sandbox, Receiver() as receiver:
        task_id = create(sandbox, receiver.url)
        post = receiver.wait_for(1)[0]
        with client_of(sandbox) as client:
            state = client.query_task(task_id)
            balance = client.credits()

    data = post.data
    assert (post.body["code"], post.body["msg"]) == (200, "Playground task completed successfully.")
    assert (data["taskId"], data["model"], data["state"]) == (task_id, IMAGE, "success")
    assert json.loads(data["param"]) == {"model": IMAGE, "callBackUrl": receiver.url, "input": {"prompt": "a cat"}}
    assert json.loads(data["resultJson"]) == {"resultUrls": list(state.result_urls)}
    assert (data["failCode"], data["failMsg"]) == (None, None)
    assert (data["createTime"], data["completeTime"]) == (state.created_ms, state.completed_ms)
    assert (data["consumeCredits"], data["remainedCredits"]) == (4.0, float(balance))
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["X-Webhook-Signature"] == signature(task_id, post.headers["X-Webhook-Timestamp"])
    assert abs(int(post.headers["X-Webhook-Timestamp"]) - time.time()) < 60
    assert KEY not in str(post) and sandbox.key not in str(post)


def test_a_failure_is_posted_as_the_platform_does() -> None:
    with playing() as sandbox, Receiver() as receiver:
        create(sandbox, receiver.url, "x [[fault:fail=501|Upstream is down]]")
        body = receiver.wait_for(1)[0].body

    told = {name: body["data"][name] for name in ("state", "resultJson", "failCode", "failMsg", "consumeCredits")}
    assert (body["code"], body["msg"]) == (501, "Playground task failed.")
    assert told == {
        "state": "fail",
        "resultJson": None,
        "failCode": "501",
        "failMsg": "Upstream is down",
        "consumeCredits": 0,
    }


def test_without_a_secret_nothing_is_signed() -> None:
    with playing(webhook_secret="") as sandbox, Receiver() as receiver:
        create(sandbox, receiver.url)
        headers = receiver.wait_for(1)[0].headers

        assert [name for name in headers if name.startswith("X-Webhook")] == []
        assert "KIE_WEBHOOK_SECRET" not in sandbox.environment()


def test_the_secret_is_in_the_environment_that_a_sandbox_names() -> None:
    with playing() as sandbox:
        assert sandbox.environment()["KIE_WEBHOOK_SECRET"] == SECRET


def test_it_comes_at_the_end_and_not_before() -> None:
    """A long task that was made first does not hold up a short one, and does not come with it."""
    with playing(speed=20) as sandbox, Receiver() as receiver:
        with client_of(sandbox) as client:
            video = client.create_task(
                "sora-2-text-to-video", {"prompt": "rain", "n_frames": "10"}, callback_url=receiver.url
            ).task_id
        image = create(sandbox, receiver.url)
        posts = receiver.wait_for(2)

        assert [post.data["taskId"] for post in posts] == [image, video]
        sent = until(lambda: sandbox.callbacks if len(sandbox.callbacks) == 2 else None)
        assert [(each.task_id, each.is_taken) for each in sent] == [(image, True), (video, True)]


def test_many_at_once_all_come() -> None:
    with playing() as sandbox, Receiver() as receiver:
        ids = [create(sandbox, receiver.url) for _ in range(19)]
        posts = receiver.wait_for(19)

    assert sorted(post.data["taskId"] for post in posts) == sorted(ids)


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("callback-snake", lambda post, true: (post.data["task_id"], "taskId" in post.data) == (true, False)),
        ("callback-forged", lambda post, true: post.headers["X-Webhook-Signature"] != _true_signature(post)),
        ("callback-old", lambda post, true: int(post.headers["X-Webhook-Timestamp"]) < time.time() - 3000),
        ("callback-old", lambda post, true: post.headers["X-Webhook-Signature"] == _true_signature(post)),
    ],
    ids=["snake", "forged", "old", "old but signed"],
)
def test_a_callback_can_be_wrong(fault: str, check: Any) -> None:
    with playing() as sandbox, Receiver() as receiver:
        task_id = create(sandbox, receiver.url, f"x [[fault:{fault}]]")

        assert check(receiver.wait_for(1)[0], task_id)


def _true_signature(post: Post) -> str:
    return signature(post.data["taskId"], post.headers["X-Webhook-Timestamp"])


def test_a_callback_can_come_twice_and_another_never() -> None:
    with playing() as sandbox, Receiver() as receiver:
        lost = create(sandbox, receiver.url, "x [[fault:callback-lost]]")
        sandbox.add_fault("callback-twice*1")
        twice, once = create(sandbox, receiver.url), create(sandbox, receiver.url)
        ids = [post.data["taskId"] for post in receiver.wait_for(3)]
        until(lambda: len(sandbox.callbacks) == 3)

    assert sorted(ids) == sorted([twice, twice, once])
    assert lost not in ids


def test_an_early_callback_lies() -> None:
    """It tells of a success and a file; the task is still waiting, and will fail."""
    with playing(speed=0.01) as sandbox, Receiver() as receiver:
        task_id = create(sandbox, receiver.url, "x [[fault:callback-early]] [[fault:fail]]")
        data = receiver.wait_for(1)[0].data
        with client_of(sandbox) as client:
            assert client.query_task(task_id).state == "waiting"

    assert (data["state"], len(json.loads(data["resultJson"])["resultUrls"])) == ("success", 1)


@pytest.mark.parametrize(
    ("statuses", "expected"), [([500, 302, 200], [500, 302, 200]), ([503], [503] * 4)], ids=["at last", "given up"]
)
def test_what_is_not_taken_is_posted_again(statuses: List[int], expected: List[int]) -> None:
    with playing() as sandbox, Receiver(*statuses) as receiver:
        create(sandbox, receiver.url)
        receiver.wait_for(len(expected))
        found = until(lambda: sandbox.callbacks if len(sandbox.callbacks) >= len(expected) else None)
        time.sleep(0.2)

        assert [sent.status for sent in found] == expected
        assert [sent.attempt for sent in found] == list(range(1, len(expected) + 1))
        assert len(sandbox.callbacks) == len(expected)


def test_where_nobody_listens_it_is_tried_again_and_told() -> None:
    with Receiver() as gone:
        url = gone.url
    with playing() as sandbox:
        create(sandbox, url)
        sent = until(lambda: sandbox.callbacks if len(sandbox.callbacks) == 4 else None)

    assert [each.status for each in sent] == [None] * 4
    assert "refused" in sent[0].error


def test_a_receiver_that_does_not_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(calls, "LIMIT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, playing() as sandbox:
        create(sandbox, f"http://127.0.0.1:{silent.getsockname()[1]}/")
        sent = until(lambda: sandbox.callbacks)

    assert "timed out" in sent[0].error


@pytest.mark.parametrize(
    ("url", "is_called"),
    [
        ("http://127.0.0.1:80/x", True),
        ("http://127.9.9.9/x", True),
        ("https://localhost:8443", True),
        ("http://[::1]:9/", True),
        ("http://192.168.0.1/", False),
        ("http://10.0.0.1:80", False),
        ("https://example.com/kie", False),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://example.com@127.0.0.1/", True),
        ("http://127.0.0.1@example.com/", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("ftp://127.0.0.1/", False),
        ("http://127.0.0.1:99999/", False),
        ("http:///x", False),
        ("nonsense", False),
        ("http://[", False),
    ],
)
def test_only_this_machine_is_called(url: str, is_called: bool) -> None:
    assert is_loopback_url(url) is is_called


def test_another_machine_is_not_called_and_that_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with playing() as sandbox:
        create(sandbox, "https://example.com/kie")
        until(lambda: "https://example.com/kie is not called" in caplog.text)

        assert sandbox.callbacks == ()


def test_a_sandbox_that_stops_calls_nobody_any_more() -> None:
    """What is due later is forgotten, what is on its way is broken off, and its threads end."""
    import socket

    # Other tests' sandboxes may still run.
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with playing() as sandbox:
            create(sandbox, f"http://127.0.0.1:{silent.getsockname()[1]}/")
            connection = silent.accept()[0]
            with playing(speed=0.001) as slow:
                create(slow, "http://127.0.0.1:9/")
        connection.close()

    names = [thread.name for thread in threading.enumerate() if thread not in before]
    assert [name for name in names if name.startswith("kie-sandbox-callback")] == []
    assert slow.callbacks == ()


def test_a_sandbox_that_was_stopped_can_start_again_and_call() -> None:
    with Receiver() as receiver:
        sandbox = Sandbox(catalog=shipped(), speed=1000, webhook_secret=SECRET)
        for count in (1, 2):
            with sandbox:
                create(sandbox, receiver.url)
                receiver.wait_for(count)

    assert len(receiver.posts) == 2


# The whole way: sandbox, application, listener


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None: ...


@contextmanager
def receiving(sandbox: Sandbox, secret: Optional[str] = SECRET) -> Iterator[Any]:
    """A client whose listener keeps the ends that it is told of, and the deliveries to its receiver."""
    told: List[TaskFinished] = []
    deliveries: List[Delivery] = []
    with client_of(sandbox, on_event=lambda event: isinstance(event, TaskFinished) and told.append(event)) as client:
        receiver = application(client, secret, deliveries.append, path="/kie", unsigned=secret is None)
        server = WSGIServer(("127.0.0.1", 0), _Quiet)
        server.set_app(receiver)  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield client, f"http://127.0.0.1:{server.server_port}/kie", deliveries, told
        finally:
            server.shutdown()
            server.server_close()
            receiver.close()


def answered(sandbox: Sandbox, count: int) -> List[Optional[int]]:
    """How the receiver answered, once it was posted to so often."""
    return [sent.status for sent in until(lambda: sandbox.callbacks if len(sandbox.callbacks) >= count else None)]


def submit(client: KieClient, url: str, prompt: str = "a cat") -> str:
    return KieAdapter(client, IMAGE).submit(prompt=prompt, callback_url=url).task_id


@pytest.mark.parametrize("fault", ["", "[[fault:callback-snake]]"])
def test_an_end_reaches_the_listeners(fault: str) -> None:
    with playing() as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        task_id = submit(client, url, f"a cat {fault}")
        until(lambda: told and deliveries)
        statuses = answered(sandbox, 1)

    assert statuses == [200]
    assert [(event.task_id, event.model) for event in told] == [(task_id, IMAGE)]
    assert [(each.task_id, each.is_success, each.credits_consumed) for each in deliveries] == [
        (task_id, True, Decimal("4.0"))
    ]


def test_a_duplicate_is_told_once() -> None:
    with playing() as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        submit(client, url, "x [[fault:callback-twice]]")
        until(lambda: len(deliveries) == 2)

    assert sorted(each.is_duplicate for each in deliveries) == [False, True]
    assert len(told) == 1


@pytest.mark.parametrize("fault", ["callback-forged", "callback-old"])
def test_forgeries_and_replays_are_refused_and_nothing_is_read(fault: str) -> None:
    with playing() as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        submit(client, url, f"x [[fault:{fault}]]")
        statuses = answered(sandbox, 4)
        reads = [request for request in sandbox.requests if request.method == "GET"]

    assert (set(statuses), reads, deliveries, told) == ({401}, [], [], [])


def test_an_early_lie_is_not_believed() -> None:
    """The body says success; the task is running, and later fails."""
    with playing(speed=4) as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        submit(client, url, "x [[fault:callback-early]] [[fault:fail]]")
        until(lambda: deliveries)
        early = (deliveries[0].is_final, deliveries[0].is_success, list(deliveries[0].urls), list(told))
        until(lambda: len(deliveries) == 2)

    assert early == (False, False, [], [])
    assert (deliveries[1].is_final, deliveries[1].is_success, deliveries[1].is_duplicate) == (True, False, False)
    assert [event.state.is_failure for event in told] == [True]


def test_a_lost_callback_is_made_good_by_waiting() -> None:
    with playing() as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        result = KieAdapter(client, IMAGE).generate(
            prompt="x [[fault:callback-lost]]", callback_url=url, poll_interval=0.01
        )

    assert (len(result.urls), deliveries, len(told)) == (1, [], 1)


def test_a_task_whose_create_call_was_never_answered_is_named_by_its_callback() -> None:
    """What was paid for is not lost: nobody knew the id before."""
    with playing() as sandbox, receiving(sandbox) as (client, url, deliveries, told):
        with pytest.raises(KieOutcomeUnknownError):
            submit(client, url, "x [[fault:accept-then-drop]]")
        until(lambda: told and deliveries)

        assert [each.task_id for each in deliveries] == [task.id for task in sandbox.tasks]
        assert len(deliveries[0].urls) == 1


def test_unsigned_callbacks_are_read_too() -> None:
    with playing(webhook_secret="") as sandbox, receiving(sandbox, None) as (client, url, deliveries, told):
        submit(client, url)
        until(lambda: deliveries)

    assert (deliveries[0].is_success, len(told)) == (True, 1)


# Faults that have no effect are told


@pytest.mark.parametrize(
    ("prompt", "header", "warning"),
    [
        (
            "x [[fault:stall=3]]",
            "",
            "fault stall, asked for by the prompt, has no effect at a create call; it applies to: chat",
        ),
        ("x [[fault:create:fail]]", "", "fault fail, asked for by the prompt, has no effect at a create call; "),
        ("x", "event-error", "fault event-error, asked for by the header, has no effect at a create call; "),
        ("x [[fault:query:html*1]] [[fault:cut]] [[fault:slow=0]] [[fault:fail]]", "fail; html=503", ""),
        ("x [[fault:callback-lost]]", "cost-ms; http-errors", ""),
    ],
)
def test_a_fault_that_does_not_fit_the_call_is_told(
    prompt: str, header: str, warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    import requests

    with playing() as sandbox, caplog.at_level(logging.WARNING, "kie_sync.sandbox"):
        url = sandbox.url + shipped()[IMAGE].endpoint.path
        body = {"model": IMAGE, "input": {"prompt": prompt}}
        headers = {"Authorization": f"Bearer {sandbox.key}", "X-Sandbox-Fault": header}
        requests.post(url, json=body, headers=headers, timeout=10).close()

    told = [record.getMessage() for record in caplog.records]
    assert [text[: len(warning)] for text in told] == ([warning] if warning else [])


def test_a_fault_of_the_server_that_is_moved_where_it_does_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with playing() as sandbox:
        for fault in ("chat:fail", "files:stall=1", "query:rate-limit", "upload:slow=1", "query:fail"):
            sandbox.add_fault(fault)

    assert [record.getMessage() for record in caplog.records] == [
        "fault fail, asked for by the server, has no effect; it applies to: create (its task), query",
        "fault stall, asked for by the server, has no effect; it applies to: chat",
    ]
