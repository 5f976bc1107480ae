"""A TCP proxy on the loopback that breaks what goes through it, one connection at a time.

What is not broken goes through as it is; only the upstream's address in URLs becomes the proxy's own, so that files are
fetched through it, too.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Callable, List, Mapping, Optional, Tuple

from wire import read_request, reset

# Whatever hangs is let go after so long, should a test forget to.
_LONGEST_S = 30.0


@dataclass(frozen=True)
class Answer:
    """The upstream's answer, out of its frame."""

    status: str = "200 OK"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    body: bytes = b""

    def but(self, **changes: str) -> Answer:
        """With other headers; an underscore stands for a dash, and an empty value takes the header away."""
        changed = {**self.headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
        return replace(self, headers={name: value for name, value in changed.items() if value})

    def framed(self, length: Optional[str] = None) -> bytes:
        """As HTTP; `length` is what Content-Length says."""
        stated = str(len(self.body)) if length is None else length
        headers = {**self.headers, "Content-Length": stated, "Connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
        return f"HTTP/1.1 {self.status}\r\n{head}\r\n".encode("latin-1") + self.body


class Exchange:
    """One connection of a client, and what can be done to it."""

    def __init__(self, proxy: Proxy, connection: socket.socket) -> None:
        self.proxy, self.connection = proxy, connection
        self._request = b""

    @property
    def request(self) -> bytes:
        """The request, read when it is first asked for."""
        if not self._request:
            self._request = read_request(self.connection)
            self.proxy.note(self._request)
        return self._request

    @property
    def path(self) -> str:
        return (self.request.split(b" ", 2)[1:2] or [b""])[0].decode("latin-1")

    def forward(self) -> Answer:
        """Have the upstream do what is asked, and take its answer."""
        head, _, body = self.request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"accept-enc"))]
        sent = b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body
        with socket.create_connection(self.proxy.upstream, timeout=_LONGEST_S) as upstream:
            upstream.sendall(sent.replace(self.proxy.own_name, self.proxy.upstream_name))
            got = http.client.HTTPResponse(upstream)
            got.begin()
            content = got.read()
        headers = {name: value for name, value in got.getheaders() if name.lower() not in _FRAME}
        if "json" in headers.get("Content-Type", ""):
            content = content.replace(self.proxy.upstream_name, self.proxy.own_name)
        return Answer(f"{got.status} {got.reason}", headers, content)

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def trickle(self, data: bytes, *, pieces: int = 25, pause_s: float = 0.004) -> None:
        """Send in small pieces."""
        step = max(1, len(data) // pieces)
        for start in range(0, len(data), step):
            self.connection.sendall(data[start : start + step])
            time.sleep(pause_s)

    def reset(self) -> None:
        reset(self.connection)

    def hang(self) -> None:
        """Be silent until the test is over."""
        self.proxy.released.wait(_LONGEST_S)


_FRAME = ("content-length", "transfer-encoding", "connection", "keep-alive")
Act = Callable[[Exchange], None]


def relay(exchange: Exchange) -> None:
    """What happens when nothing is wrong."""
    exchange.send(exchange.forward().framed())


@dataclass(frozen=True)
class Seen:
    """A request that came in, and whether the key was in it."""

    method: str
    path: str
    has_key: bool


class Proxy:
    """Between a client and `upstream`; `arm` says what goes wrong from now on.

    Args:
        key: the key that is looked for in requests.
    """

    def __init__(self, upstream: str, key: str) -> None:
        host, _, port = upstream.rpartition("//")[2].partition(":")
        self.upstream: Tuple[str, int] = (host, int(port))
        self._key = key.encode()
        self._listener = socket.create_server((host, 0))
        # Addresses of one length can be exchanged without a change to anything's length.
        while len(str(self._listener.getsockname()[1])) != len(port):
            self._listener.close()
            self._listener = socket.create_server((host, 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://{host}:{self.port}"
        self.own_name, self.upstream_name = f"{host}:{self.port}".encode(), f"{host}:{port}".encode()
        # Where redirects lead.
        self.elsewhere = ""
        self.seen: List[Seen] = []
        self.connections = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._act: Act = relay
        self._times: Optional[int] = None
        self._where = ""
        self._threads: List[threading.Thread] = []
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def arm(self, act: Act, *, times: Optional[int] = None, where: str = "") -> None:
        """Do this to every connection from now on, or to so many; with `where` to those that ask for such a path."""
        with self._lock:
            self.released.clear()
            self._act, self._times, self._where = act, times, where

    def disarm(self) -> None:
        """Let go of what hangs, wait for what is on its way, and break nothing more."""
        with self._lock:
            self._act, self._times, self._where = relay, None, ""
        self.released.set()
        for thread in list(self._threads):
            thread.join(_LONGEST_S)
        self._threads.clear()

    def shut(self) -> None:
        """Close the port: connections are refused."""
        # A thread that waits in accept() keeps a closed port open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def reopen(self) -> None:
        """Listen again, if the port is closed."""
        if self._listener.fileno() == -1:
            self._listener = socket.create_server((self.upstream[0], self.port))
            threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def note(self, request: bytes) -> None:
        words = request.split(b" ", 2)
        if len(words) == 3:
            self.seen.append(Seen(words[0].decode(), words[1].decode("latin-1"), self._key in request))

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._handle, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _handle(self, connection: socket.socket) -> None:
        exchange = Exchange(self, connection)
        try:
            self._next(exchange)(exchange)
        except (OSError, http.client.HTTPException):
            # The other side went first.
            pass
        finally:
            connection.close()

    def _next(self, exchange: Exchange) -> Act:
        if self._where and self._where not in exchange.path:
            return relay
        with self._lock:
            if self._times is None:
                return self._act
            self._times -= 1
            return self._act if self._times >= 0 else relay
