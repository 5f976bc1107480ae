from __future__ import annotations

import gc
import logging
import os
import socket
import ssl
import threading
import time
import zlib
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest
import urllib3
from wire import KEY, RawServer, chunked, everything_in, http, read_request

from kie_sync.config import ApiKey
from kie_sync.request import Request
from kie_sync.response import Response
from kie_sync.transport import HttpTransport, Lost, NeverSent

NETRC = "machine 127.0.0.1 login thief password hunter2\nmachine localhost login thief password hunter2\n"
SSE = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    transport = HttpTransport()
    yield transport
    transport.close()


def send(transport: HttpTransport, url: str, key: Optional[str] = KEY, **more: Any) -> Response:
    about = {"method": "POST", "json": {"a": 1}, "provider": "kie" if key else "", **more}
    timeout_s = about.pop("timeout_s", (2.0, 2.0))
    return transport(Request(url=url, **about), key=ApiKey(key) if key else None, timeout_s=timeout_s)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_what_goes_over_the_wire(transport: HttpTransport) -> None:
    with RawServer(http({"ok": 1}, headers={"X-Seen": "1"})) as server:
        found = send(transport, f"{server.url}/a?b=c", headers={"Content-Type": "application/json"})

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert (found.status, found.json(), found.header("x-seen"), found.method) == (200, {"ok": 1}, "1", "POST")
    assert (lines[0], body) == (b"POST /a?b=c HTTP/1.1", b'{"a": 1}')
    assert b"Authorization: Bearer " + KEY.encode() in lines and any(
        line.startswith(b"User-Agent: kie-sync/") for line in lines
    )


@pytest.mark.parametrize("key", [KEY, None])
def test_netrc_neither_replaces_the_key_nor_adds_one(transport: HttpTransport, home: Path, key: Optional[str]) -> None:
    (home / ".netrc").write_text(NETRC)
    (home / ".netrc").chmod(0o600)
    with RawServer(http({})) as server:
        send(transport, server.url, key)

    sent = server.requests[0]
    assert b"Basic" not in sent and (b"Authorization: Bearer " + KEY.encode() in sent) is (key is not None)


def test_netrc_adds_nothing_on_a_downloads_redirect(transport: HttpTransport, home: Path) -> None:
    """requests looks into ~/.netrc anew for each hop, whatever the first request said."""
    (home / ".netrc").write_text(NETRC)
    (home / ".netrc").chmod(0o600)
    with RawServer(http(b"file")) as other:
        target = other.url.replace("127.0.0.1", "localhost")
        with RawServer(http(b"", "302 Found", {"Location": f"{target}/f"})) as server:
            found = send(transport, server.url, None, method="GET", json=None)

    assert found.body == b"file"
    assert [b"Authorization" in request for request in [*server.requests, *other.requests]] == [False, False]


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("is_same_host", [True, False])
def test_no_redirect_is_followed_with_a_key(transport: HttpTransport, status: str, is_same_host: bool) -> None:
    with RawServer(http({})) as other:
        where = "/elsewhere" if is_same_host else other.url
        with RawServer(http(b"", status, {"Location": where})) as server:
            found = send(transport, server.url)

    assert (found.status, len(server.requests), other.connections) == (int(status[:3]), 1, 0)


def test_cookies_are_not_kept(transport: HttpTransport) -> None:
    with RawServer(http({}, headers={"Set-Cookie": "JSESSIONID=1; Path=/"})) as server:
        for _ in range(2):
            send(transport, server.url)

    assert b"Cookie" not in server.requests[1]


def late(connection: socket.socket, request: bytes) -> None:
    time.sleep(0.4)


def half_late(connection: socket.socket, request: bytes) -> None:
    connection.sendall(http({"a": 1}, length=500))
    time.sleep(0.4)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("reset", "the connection broke (ConnectionResetError)"),
        (b"", "the connection broke (RemoteDisconnected)"),
        (http({"a": 1}, length=500), "the connection broke (IncompleteRead)"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b'{"a"', is_whole=False),
            "the connection broke",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", "the connection broke"),
        (http(b"\x1f\x8b broken", headers={"Content-Encoding": "gzip"}), "the answer's compression is broken"),
        (b"\x00\x01 no HTTP at all\r\n\r\n", "the connection broke (BadStatusLine)"),
        (late, "no answer came in time"),
        (half_late, "no answer came in time"),
    ],
    ids=["reset", "closed", "short body", "cut chunks", "broken chunks", "broken gzip", "no HTTP", "late", "late body"],
)
def test_what_fails_after_the_send_is_lost(transport: HttpTransport, answer: Any, reason: str) -> None:
    with RawServer(answer) as server, pytest.raises(Lost) as caught:
        send(transport, server.url, timeout_s=(1.0, 0.15))

    assert str(caught.value).startswith(reason) and len(server.requests) == 1
    assert KEY not in everything_in(caught.value)


def test_an_empty_port_is_never_sent(transport: HttpTransport) -> None:
    port = free_port()

    with pytest.raises(NeverSent) as caught:
        send(transport, f"http://127.0.0.1:{port}/x?signed=1")

    assert (
        str(caught.value) == f"no connection could be made to 127.0.0.1:{port}: it was refused; nothing listens there"
    )
    assert not caught.value.is_final and KEY not in everything_in(caught.value)


def test_a_name_that_nobody_knows_is_never_sent(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(NeverSent, match=r"made to api\.nobody\.test: no such name was found \(DNS\)"):
        send(transport, "https://api.nobody.test")


def test_a_connection_that_does_not_come_is_never_sent(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: Any, **__: Any) -> Any:
        raise socket.timeout("timed out")

    monkeypatch.setattr(socket.socket, "connect", slow)

    with pytest.raises(NeverSent, match=r"no connection could be made to 127\.0\.0\.1:9: it timed out"):
        send(transport, "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("answer", "cause"), [("refuse", "closed at once|TLS handshake"), (late, "it timed out")], ids=["reset", "silent"]
)
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_a_handshake_that_fails_is_never_sent(transport: HttpTransport, answer: Any, cause: str) -> None:
    """It counted as an unknown outcome: no byte of a request goes out before the handshake is done."""
    with RawServer(answer) as server, pytest.raises(NeverSent, match=f"no connection could be made to .*: .*({cause})"):
        send(transport, server.url.replace("http:", "https:"), timeout_s=(0.2, 0.2))

    # Python's ssl forgets to close a socket that was reset before the handshake.
    gc.collect()


def test_a_server_without_tls_is_never_sent_a_request(transport: HttpTransport) -> None:
    def talk_http(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(http({}))
        connection.close()

    with (
        TlsServer(talk_http) as port,
        pytest.raises(NeverSent, match=r"made to .*: the TLS handshake failed \([A-Z_]+\)"),
    ):
        send(transport, f"https://127.0.0.1:{port}", timeout_s=(2.0, 2.0))


def test_an_untrusted_certificate_is_final(transport: HttpTransport, tls: ssl.SSLContext) -> None:
    def handshake(connection: socket.socket) -> None:
        try:
            tls.wrap_socket(connection, server_side=True).close()
        except OSError:
            connection.close()

    with TlsServer(handshake) as port, pytest.raises(NeverSent, match=r"certificate of .* is not trusted") as caught:
        send(transport, f"https://127.0.0.1:{port}")

    assert caught.value.is_final


def test_an_earlier_failure_that_the_caller_is_busy_with_decides_nothing(transport: HttpTransport) -> None:
    """Inside `except`, Python chains the earlier error to the new one; it must not count as the new one's reason."""
    with RawServer("reset") as server:
        try:
            send(transport, f"http://127.0.0.1:{free_port()}")
        except NeverSent:
            with pytest.raises(Lost):
                send(transport, server.url)


class TlsServer:
    """A port whose connections a function handles."""

    def __init__(self, handle: Any) -> None:
        self._handle, self._listener = handle, socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> int:
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                self._handle(self._listener.accept()[0])
            except OSError:
                return


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed."""
    (tmp_path / "cert.pem").write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem")
    return context


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"json": {"a": object()}}, "not JSON serializable"),
        ({"json": {"a": float("nan")}}, "not JSON compliant|Out of range"),
        ({"url": "https://" + "a" * 70 + ".test"}, "cannot be sent"),
        ({"url": "https://"}, "cannot be sent"),
        ({"url": "gopher://x"}, "cannot be sent"),
        ({"headers": {"X": "a\nb"}}, "cannot be sent"),
    ],
    ids=["object", "nan", "label", "no host", "scheme", "header"],
)
def test_what_cannot_be_sent_is_never_sent(transport: HttpTransport, about: Any, reason: str) -> None:
    """Errors of requests and urllib3 came out as they were, and no listener was told."""
    with pytest.raises(NeverSent, match=reason) as caught:
        send(transport, about.pop("url", "http://127.0.0.1:9"), **about)

    assert caught.value.is_final and KEY not in everything_in(caught.value)


def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch, transport: HttpTransport) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/file.pem")

    with pytest.raises(NeverSent, match=r"/no/such/file\.pem") as caught:
        send(transport, "https://127.0.0.1:9")

    assert caught.value.is_final


def tunnel(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")


def silent_tunnel(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    connection.recv(65536)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (tunnel, "through the proxy: .*407"),
        ("reset", "closed at once"),
        (silent_tunnel, "TLS handshake|timed out|closed"),
    ],
    ids=["refused", "reset", "no TLS behind it"],
)
def test_the_environments_proxy_is_used_and_its_failures_are_never_sent(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch, answer: Any, cause: str
) -> None:
    with RawServer(answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(NeverSent, match=cause):
            send(transport, "https://api.kie.test/x")

    assert proxy.requests[0].startswith(b"CONNECT api.kie.test:443 ") and KEY.encode() not in proxy.requests[0]


def test_a_proxy_that_is_not_there(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(NeverSent, match="the proxy cannot be reached: it was refused"):
        send(transport, "https://api.kie.test/x")


def test_a_proxy_that_breaks_after_the_send_leaves_the_outcome_unknown(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """urllib3 before 2 calls every reset behind a proxy a failure of the proxy."""
    with RawServer("reset") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(Lost):
            send(transport, "http://api.kie.test/x")

    assert len(proxy.requests) == 1


def test_no_proxy_gets_what_is_meant_for_this_machine(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key to a sandbox would go to the proxy in clear, and the sandbox would not be found."""
    with RawServer(http({})) as proxy, RawServer(http({"here": 1})) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        found = send(transport, server.url)

    assert (found.json(), proxy.connections) == ({"here": 1}, 0)


@pytest.fixture(params=["urllib3 as it is", "urllib3 before 2.1"])
def urllib3_of_an_age(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that is allowed has no `read1`."""
    if request.param == "urllib3 before 2.1":
        for kind in urllib3.response.HTTPResponse.__mro__[:2]:
            if "read1" in vars(kind):
                monkeypatch.delattr(kind, "read1")


@pytest.mark.usefixtures("urllib3_of_an_age")
@pytest.mark.parametrize("is_gzip", [False, True])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_stream_gives_each_piece_as_it_comes(transport: HttpTransport, is_gzip: bool, is_chunked: bool) -> None:
    go_on = threading.Event()
    packer = zlib.compressobj(wbits=31)

    def pack(data: bytes) -> bytes:
        data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH) if is_gzip else data
        return b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data

    def serve(connection: socket.socket, request: bytes) -> None:
        head = SSE + ("Content-Encoding: gzip\r\n" if is_gzip else "")
        head += "Transfer-Encoding: chunked\r\n" if is_chunked else "Connection: close\r\n"
        connection.sendall(head.encode() + b"\r\n" + pack(b"data: 1\n\n"))
        go_on.wait(2)
        connection.sendall(pack(b"data: 2\n\n") + (b"0\r\n\r\n" if is_chunked else b""))

    with RawServer(serve) as server:
        found = send(transport, server.url, wants_stream=True)
        assert found.chunks is not None
        first = next(found.chunks)
        go_on.set()
        rest = b"".join(found.chunks)

    assert (found.status, first, rest) == (200, b"data: 1\n\n", b"data: 2\n\n")


def stalled(connection: socket.socket, request: bytes) -> None:
    connection.sendall(f"{SSE}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(b"data: 1\n\n", is_whole=False))
    time.sleep(0.5)


@pytest.mark.usefixtures("urllib3_of_an_age")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (stalled, "no further piece came in time"),
        (
            f"{SSE}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(b"data: 1\n\n", is_whole=False),
            "the connection broke",
        ),
        (f"{SSE}Content-Encoding: gzip\r\n\r\n".encode() + b"\x1f\x8b broken", "the connection broke"),
        (f"{SSE}Content-Length: 500\r\n\r\n".encode() + b"data: 1\n\n", "the connection broke"),
    ],
    ids=["stall", "cut", "broken gzip", "short"],
)
def test_a_stream_that_breaks_is_lost(transport: HttpTransport, answer: Any, reason: str) -> None:
    with RawServer(answer) as server:
        found = send(transport, server.url, wants_stream=True, timeout_s=(1.0, 0.15))
        with pytest.raises(Lost, match=reason):
            list(found.chunks or ())


def test_connections_are_kept_and_a_closed_transport_opens_new_ones(transport: HttpTransport) -> None:
    def serve(connection: socket.socket, request: bytes) -> None:
        for _ in range(3):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            if not read_request(connection):
                return

    with RawServer(serve) as server:
        for _ in range(3):
            send(transport, server.url)
        before = server.connections
        transport.close()
        transport.close()
        send(transport, server.url)

        assert (before, server.connections) == (1, 2)


def test_a_stream_that_was_read_to_its_end_leaves_its_connection_for_the_next(transport: HttpTransport) -> None:
    def serve(connection: socket.socket, request: bytes) -> None:
        for _ in range(2):
            connection.sendall(f"{SSE}Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(b"data: 1\n\n"))
            if not read_request(connection):
                return

    with RawServer(serve) as server:
        for _ in range(2):
            assert b"".join(send(transport, server.url, wants_stream=True).chunks or ()) == b"data: 1\n\n"

        assert server.connections == 1


def test_threads_make_one_session(transport: HttpTransport) -> None:
    found: List[Any] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        found.append(transport._get_session())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(session) for session in found}) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections(transport: HttpTransport) -> None:
    """Even where the fork came while another thread held the lock."""

    def serve(connection: socket.socket, request: bytes) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            if not read_request(connection):
                return

    with RawServer(serve) as server:
        send(transport, server.url)
        lock = transport._locks[os.getpid()]
        with lock:
            child = os.fork()
            if child == 0:
                ok = False
                try:
                    ok = send(transport, server.url).status == 200
                    transport.close()
                finally:
                    os._exit(0 if ok else 1)
        _, status = os.waitpid(child, 0)
        send(transport, server.url)

        assert (status, server.connections) == (0, 2)


def test_nothing_of_the_key_is_logged(transport: HttpTransport, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), RawServer(http({})) as server:
        send(transport, server.url)

    assert caplog.records and KEY not in caplog.text


# openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=127.0.0.1 -days 3650
CERTIFICATE = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfbYhpQ4VoxovJW4q
hCcYAuaGxajWxAs0x4YAtcuoDm6hRANCAAQSR2MuTbg36KV4GIReNXt36FHGZSTw
rBahiVzndHqMHrtEN+oGObTj6LxmC1u6ZAbKBPQB9nQQMkoKilF5g1sg
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBfjCCASOgAwIBAgIUCVLU/oj2Rfh4fHWJ5aFewMz7IukwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMB4XDTI2MTEyMjA0MTYyOFoXDTM2MTExOTA0
MTYyOFowFDESMBAGA1UEAwwJMTI3LjAuMC4xMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEEkdjLk24N+ileBiEXjV7d+hRxmUk8KwWoYlc53R6jB67RDfqBjm04+i8
ZgtbumQGygT0AfZ0EDJKCopReYNbIKNTMFEwHQYDVR0OBBYEFB5mE1NKWOS9H63a
mtqVhmsrfkJsMB8GA1UdIwQYMBaAFB5mE1NKWOS9H63amtqVhmsrfkJsMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhALQgzw+GfwGzYOQqKQO92IQv
gQLsxe84qH+M+mBCxTL9AiEAw9AyZqMeJ7Cmk7PxFLlokqDeM08vWllR9Xt4RoNU
FEw=
-----END CERTIFICATE-----
"""
