"""Events through the real transport: each is here as soon as its last byte is, whatever frames and packs the stream."""

from __future__ import annotations

import queue
import socket
import zlib
from typing import Iterator, List, Tuple

import pytest
from wire import KEY, RawServer

from kie_sync.config import ApiKey
from kie_sync.request import Request
from kie_sync.sse import read_events
from kie_sync.transport import HttpTransport

PATIENCE_S = 10.0
COUNT = 4
EVENTS = {
    "LF": b"data: %d\n\n",
    "CRLF": b"data: %d\r\n\r\n",
    "CR": b"data: %d\r\r",
    "with a keep-alive": b": ping\n\ndata: %d\n\n",
    "named": b"event: message\ndata: %d\n\n",
    "long": b"id: " + b"x" * 100_000 + b"\ndata: %d\n\n",
}
FRAMINGS = {
    "chunked": "Transfer-Encoding: chunked",
    "one chunk": "Transfer-Encoding: chunked",
    "length": "Content-Length: %d",
    "close": "Connection: close",
}


class Server:
    """Sends an event when the one before it has been acknowledged, and not sooner.

    size: bytes of a packet; 0: all at once. overhang: bytes of the next event that go along with an event.
    """

    def __init__(self, spelling: bytes, framing: str, is_gzip: bool, *, size: int, overhang: int) -> None:
        events = [spelling % number for number in range(COUNT)]
        wire, ends = b"".join(events), [sum(map(len, events[: number + 1])) + overhang for number in range(COUNT)]
        self._bodies = [wire[start:end] for start, end in zip([0, *ends], ends)]
        if is_gzip:
            packer = zlib.compressobj(wbits=31)
            self._bodies = [packer.compress(body) + packer.flush(zlib.Z_SYNC_FLUSH) for body in self._bodies]
        self._framing, self._is_gzip, self._size = framing, is_gzip, size
        self.acknowledged: queue.Queue[int] = queue.Queue()
        self.held_back: List[int] = []

    def __call__(self, connection: socket.socket, request: bytes) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        length, framing = sum(map(len, self._bodies)), FRAMINGS[self._framing]
        head = ["HTTP/1.1 200 OK", "Content-Type: text/event-stream", framing.replace("%d", str(length))]
        head += ["Content-Encoding: gzip"] * self._is_gzip
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        if self._framing == "one chunk":
            connection.sendall(b"%x\r\n" % length)
        for number, body in enumerate(self._bodies):
            size = self._size or len(body)
            for at in range(0, len(body), size):
                piece = body[at : at + size]
                connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if self._framing == "chunked" else piece)
            try:
                assert self.acknowledged.get(timeout=PATIENCE_S) == number
            except queue.Empty:
                self.held_back.append(number)
                return
        connection.sendall({"chunked": b"0\r\n\r\n", "one chunk": b"\r\n0\r\n\r\n"}.get(self._framing, b""))


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    made = HttpTransport()
    yield made
    made.close()


def read(transport: HttpTransport, server: Server, url: str) -> List[Tuple[str, str]]:
    request = Request("POST", url, json={}, wants_stream=True)
    response = transport(request, key=ApiKey(KEY), timeout_s=(PATIENCE_S, 2 * PATIENCE_S))
    assert response.chunks is not None
    found = []
    for number, event in enumerate(read_events(response.chunks)):
        found.append((event.event, event.data))
        server.acknowledged.put(number)
    return found


@pytest.mark.parametrize("spelling", EVENTS)
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("is_gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize(("size", "overhang"), [(0, 0), (7, 0), (0, 5)], ids=["at once", "in packets", "with overhang"])
def test_an_event_waits_for_no_later_byte(
    transport: HttpTransport, spelling: str, framing: str, is_gzip: bool, size: int, overhang: int
) -> None:
    """The server holds event n + 1 until the caller has event n: a client that held one back would wait for ever."""
    size *= 1000 if spelling == "long" and not is_gzip else 1
    server = Server(EVENTS[spelling], framing, is_gzip, size=size, overhang=overhang)

    with RawServer(server) as listening:
        found = read(transport, server, listening.url)

    assert (found, server.held_back) == ([("message", str(number)) for number in range(COUNT)], [])
