"""`kie-sync listen`, and `--callback-url`: a sandbox calls a receiver in a process of its own."""

from __future__ import annotations

import http.client
import inspect
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest
from click.testing import CliRunner, Result
from wire import IMAGE, shipped

import kie_sync
from kie_sync import KieClient
from kie_sync.cli import main
from kie_sync.cli.listen import line
from kie_sync.records import Record
from kie_sync.response import QueryTaskResponse
from kie_sync.sandbox import Sandbox
from kie_sync.webhooks import Delivery, sign

SECRET = "whsec-of-the-listener"


def run(*args: str, **environment: str) -> Result:
    """Run a command in this process, stdout and stderr apart (click before 8.2 mixes them unless told)."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(env=environment, **apart).invoke(main, list(args), catch_exceptions=False)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(catalog=shipped(), speed=1000, webhook_secret=SECRET) as running:
        yield running


@contextmanager
def listening(sandbox: Sandbox, *args: str, **environment: str) -> Iterator[Tuple[subprocess.Popen[str], str]]:
    """The process, and the URL that it says it listens at."""
    root = str(Path(kie_sync.__file__).parent.parent)
    with subprocess.Popen(
        [sys.executable, "-c", "from kie_sync.cli import main; main()", "listen", "--port", "0", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": root, **sandbox.environment(), **environment},
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            found = re.search(r"http://\S+/kie", said)
            assert found, said + process.stderr.read()
            yield process, found[0]
        finally:
            process.kill()


def buy(sandbox: Sandbox, url: str, prompt: str = "a cat") -> str:
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as client:
        return client.create_task(IMAGE, {"prompt": prompt}, callback_url=url).task_id


def read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one process")


@needs_signals
@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM"])
def test_a_line_for_each_callback_until_it_is_ended(sandbox: Sandbox, end: str) -> None:
    with listening(sandbox) as (process, url):
        first = buy(sandbox, url, "x [[fault:callback-twice]]")
        lines = [read(process), read(process)]
        failed = buy(sandbox, url, "x [[fault:fail=No such luck]]")
        lines.append(read(process))
        process.send_signal(getattr(signal, end))
        stdout, stderr = process.communicate(timeout=20)

    end_of_first = f"success, 4 credits, {sandbox.url}/files/{first}/1.png"
    # The two of one task are worked on at the same time.
    assert [*sorted(lines[:2]), lines[2]] == [
        f"task {first} ({IMAGE}) (told before): {end_of_first}",
        f"task {first} ({IMAGE}): {end_of_first}",
        f"task {failed} ({IMAGE}): fail, No such luck, 0 credits",
    ]
    assert (process.returncode, stdout) == (0, "")
    assert stderr == "no more callbacks are received; those that came are being finished.\n"


@needs_signals
def test_as_json_with_a_forgery(sandbox: Sandbox) -> None:
    """With --json nothing is said of the address, so it is chosen here. The secret and the key stand nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = {"MY_SECRET": SECRET, "KIE_WEBHOOK_SECRET": "another"}
    root = str(Path(kie_sync.__file__).parent.parent)
    words = ["listen", "--port", str(port), "--json", "--secret-env", "MY_SECRET", "--path", "/other"]
    with subprocess.Popen(
        [sys.executable, "-c", "from kie_sync.cli import main; main()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": root, **sandbox.environment(), **names},
    ) as process:
        assert process.stderr is not None
        ready = json.loads(process.stderr.readline())
        url = ready["listening"]
        buy(sandbox, url, "x [[fault:callback-forged]]")
        forged = json.loads(process.stderr.readline())
        task_id = buy(sandbox, url)
        told = json.loads(read(process))
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=20)

    assert url == f"http://127.0.0.1:{port}/other"
    assert "was refused: its signature does not fit" in forged["warning"]
    assert (told["task_id"], told["state"], told["is_duplicate"], told["credits_consumed"]) == (
        task_id,
        "success",
        False,
        "4.0",
    )
    assert (process.returncode, stdout) == (0, "")
    everything = f"{ready}{forged}{told}{stderr}"
    assert SECRET not in everything and sandbox.key not in everything


@needs_signals
def test_odd_callers_do_not_disturb_it(sandbox: Sandbox) -> None:
    """Who sends no HTTP, hangs up, or asks for something else: the next callback is received all the same."""
    with listening(sandbox) as (process, url):
        host = url.split("/")[2]
        address = ("127.0.0.1", int(host.rpartition(":")[2]))
        for sent in (b"", b"\x16\x03\x01\r\n\r\n", b"POST /kie HTTP/1.1\r\nContent-Length: 50\r\n\r\n{", b"G" * 70000):
            with socket.create_connection(address) as caller:
                caller.sendall(sent)
        statuses = []
        for method, path in (("GET", "/kie"), ("POST", "/"), ("POST", "/kie")):
            connection = http.client.HTTPConnection(host, timeout=10)
            connection.request(method, path, "{}" if method == "POST" else None)
            statuses.append(connection.getresponse().status)
            connection.close()
        for broken in (b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{"):
            with socket.create_connection(address) as caller:
                caller.sendall(b"POST /kie HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + broken)
                caller.shutdown(socket.SHUT_WR)
                statuses.append(int(caller.makefile("rb").readline().split()[1]))
        task_id = buy(sandbox, url)

        assert read(process).startswith(f"task {task_id} ")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=20)

    assert statuses == [405, 404, 400, 400, 400]
    assert "Traceback" not in stderr


def test_a_body_may_come_in_chunks(sandbox: Sandbox) -> None:
    """How the platform sends its own is not on record."""
    with listening(sandbox) as (process, url):
        task_id = buy(sandbox, "http://127.0.0.1:9/")
        now = int(time.time())
        body = json.dumps({"data": {"taskId": task_id}}).encode()
        headers = {"X-Webhook-Timestamp": str(now), "X-Webhook-Signature": sign(task_id, now, SECRET)}
        connection = http.client.HTTPConnection(url.split("/")[2], timeout=10)
        connection.request("POST", "/kie", iter([body[:5], body[5:]]), headers, encode_chunked=True)
        status = connection.getresponse().status
        connection.close()

        assert (status, read(process).split()[1]) == (200, task_id)


def test_unsigned_ones_are_taken_when_asked_for(sandbox: Sandbox) -> None:
    with listening(sandbox, "--unsigned", KIE_WEBHOOK_SECRET="") as (process, url):
        task_id = buy(sandbox, url, "x [[fault:callback-forged]]")

        assert read(process).startswith(f"task {task_id} ({IMAGE}): success")


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (
            (),
            {},
            "set KIE_WEBHOOK_SECRET in the environment (the platform's settings page makes it), or say --unsigned",
        ),
        ((), {"KIE_WEBHOOK_SECRET": " "}, "set KIE_WEBHOOK_SECRET in the environment"),
        (("--secret-env", "MINE"), {"KIE_WEBHOOK_SECRET": SECRET}, "set MINE in the environment"),
        (("--secret-env", "MINE", "--unsigned"), {"MINE": SECRET}, "--unsigned and --secret-env: give one of the two"),
        (("--path", "kie"), {"KIE_WEBHOOK_SECRET": SECRET}, "--path begins with a slash; got kie"),
        (("--host", "203.0.113.1"), {"KIE_WEBHOOK_SECRET": SECRET}, "cannot listen on 203.0.113.1:8787: "),
        ((), {"KIE_WEBHOOK_SECRET": SECRET, "KIE_API_KEY": ""}, "no API key for KIE.ai"),
    ],
)
def test_what_is_wrong_is_told_before_it_listens(words: Any, environment: Any, message: str) -> None:
    result = run("listen", *words, **{"KIE_API_KEY": "k", **environment})

    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert SECRET not in result.output + result.stderr


def test_a_taken_port_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("listen", "--port", port, KIE_API_KEY="k", KIE_WEBHOOK_SECRET=SECRET)

    assert (result.exit_code, f"cannot listen on 127.0.0.1:{port}" in result.stderr) == (2, True)


def test_the_handler_of_sigterm_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process that goes on, such as a test's."""
    from kie_sync.cli import listen

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(listen._Server, "serve_forever", lambda *_, **__: signal.raise_signal(signal.SIGTERM))

    result = run("listen", "--port", "0", KIE_API_KEY="k", KIE_WEBHOOK_SECRET=SECRET)

    assert (result.exit_code, signal.getsignal(signal.SIGTERM)) == (0, before)


def test_it_also_runs_in_another_thread_than_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no signal can be heard."""
    from kie_sync.cli import listen

    monkeypatch.setattr(listen._Server, "serve_forever", lambda *_, **__: None)
    codes = []
    words = ("listen", "--port", "0", "--unsigned")
    thread = threading.Thread(target=lambda: codes.append(run(*words, KIE_API_KEY="k").exit_code))
    thread.start()
    thread.join(timeout=30)

    assert codes == [0]


def test_a_fault_of_ours_is_told_and_the_environment_stays_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A request's environ is handed to applications, which may log it."""
    from kie_sync.cli.listen import serving

    monkeypatch.setenv("KIE_API_KEY", "sk-never-to-be-seen")
    seen = []

    class Broken:
        def __call__(self, environ: Any, start_response: Any) -> Any:
            seen.append(dict(environ))
            raise ValueError("a bug")

        def close(self) -> None: ...

    with serving(Broken(), "127.0.0.1", 0) as server:  # type: ignore[arg-type]
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
        threading.Thread(target=server.handle_request, daemon=True).start()
        connection.request("POST", "/kie", "{}")
        status = connection.getresponse().status
        connection.close()

    assert (status, "a callback could not be answered" in caplog.text) == (500, True)
    assert "sk-never-to-be-seen" not in str(seen) + caplog.text


def _state(word: str, outcome: str, **about: Any) -> QueryTaskResponse:
    return QueryTaskResponse("t1", word, outcome, **about)


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        (Delivery("t1"), "task t1: the platform has no record of it"),
        (
            Delivery("t1", "m", _state("generating", "pending", credits_consumed=Decimal(4))),
            "task t1 (m): generating (the callback came too early)",
        ),
        (Delivery("t1", "m", _state("", "unknown")), "task t1 (m): not listed yet (the callback came too early)"),
        (
            Delivery("t1", "m", _state("fail", "failure", fail_msg="two\nlines \x1b[31m")),
            "task t1 (m): fail, two lines  [31m",
        ),
        (Delivery("t1", "m", _state("fail", "failure")), "task t1 (m): fail, the platform gave no reason"),
        (
            Delivery(
                "t1", "m", _state("success", "success", result_urls=("u", "v")), True, Record("c", "m", "success", 1)
            ),
            "task t1 (m) (told before): success, u, v",
        ),
    ],
)
def test_a_delivery_in_one_line(delivery: Delivery, expected: str) -> None:
    assert line(delivery) == expected


# --callback-url


def test_generate_hands_the_url_on(sandbox: Sandbox) -> None:
    url = "http://127.0.0.1:9/kie"
    words = ("generate", IMAGE, "a cat", "--callback-url", url, "--poll-interval", "0.01")

    assert run(*words, **sandbox.environment()).exit_code == 0
    assert [task.callback for task in sandbox.tasks] == [url]


def test_a_wrong_url_buys_nothing(sandbox: Sandbox) -> None:
    result = run("generate", IMAGE, "a cat", "--callback-url", "nonsense", **sandbox.environment())

    assert (result.exit_code, sandbox.tasks) == (2, ())
    assert "callback_url must be an http(s) URL with a host" in result.stderr


def test_preview_shows_it() -> None:
    result = run("preview", IMAGE, "a cat", "--callback-url", "https://example.com/kie", "--json")

    assert json.loads(result.stdout)["json"]["callBackUrl"] == "https://example.com/kie"
