"""What the tests of the wire share: a transport that follows a script, and a server that breaks the rules of HTTP."""

from __future__ import annotations

import functools
import gzip
import json
import socket
import struct
import threading
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Union

from kie_sync import KieClient
from kie_sync.catalog import read_catalog
from kie_sync.request import Request
from kie_sync.response import Response

KEY = "sk-secret-0123456789"
IMAGE, CHAT, VIDEO, RETIRED = "google/nano-banana", "gemini-3-flash", "sora-2-text-to-video", "sora-2-text-to-video"
# A model of each shape of chat and of each provider, with tools; what every talker can do is tried with all of them.
TALKERS = ("gemini-3-pro", "gemini-3-flash-preview", "claude-sonnet-4-5", "gpt-5-4", "gemini-3-8-flash")
CREATED: Mapping[str, Any] = {"code": 200, "msg": "success", "data": {"taskId": "t1", "recordId": "t1"}}


def placed(wire: Mapping[str, Any]) -> Dict[str, Any]:
    """Values by dotted place, as the body holds them."""
    body: Dict[str, Any] = {}
    for place, value in wire.items():
        here = body
        for step in place.split(".")[:-1]:
            here = here.setdefault(step, {})
        here[place.rpartition(".")[2]] = value
    return body


def state(word: str, **data: Any) -> Dict[str, Any]:
    """An answer about a task."""
    return {"code": 200, "msg": "success", "data": {"taskId": "t1", "state": word, **data}}


def success(*urls: str, **data: Any) -> Dict[str, Any]:
    """A task that made these files."""
    result = json.dumps({"resultUrls": list(urls or ("https://files/1.png",))})
    return state("success", **{"resultJson": result, "creditsConsumed": 4.0, **data})


def answer(body: Any, status: int = 200, headers: Optional[Mapping[str, str]] = None) -> Response:
    """A whole answer; what is not bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, raw, headers or {}, "GET", "http://test/")


def pieces(chunks: Iterable[bytes], status: int = 200, error: Optional[Exception] = None) -> Response:
    """An answer that comes in pieces, and may end with an error; `.close` counts in `.headers`."""
    closed: Dict[str, str] = {"X-Closed": "0"}

    def iterate() -> Any:
        yield from chunks
        if error is not None:
            raise error

    def close() -> None:
        closed["X-Closed"] = str(int(closed["X-Closed"]) + 1)

    return Response(status, b"", closed, "POST", "http://test/", iterate(), close)


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)}\n\n".encode()


def chunk(content: Optional[str] = None, finish: Optional[str] = None, **more: Any) -> Dict[str, Any]:
    """A piece of an answer as KIE sends it."""
    choice: Dict[str, Any] = {"index": 0, "delta": {} if content is None else {"content": content}}
    if finish:
        choice["finish_reason"] = finish
    return {"id": "c1", "object": "chat.completion.chunk", "choices": [choice], **more}


Answer = Union[Response, Exception, Mapping[str, Any], Callable[[Request], Response]]


class Script:
    """A transport that gives these answers in turn, the last one for ever, and keeps what was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers: List[Any] = list(answers)
        self.requests: List[Request] = []
        self.keys: List[Optional[str]] = []
        self.timeouts: List[Tuple[float, float]] = []

    def __call__(self, request: Request, *, key: Any, timeout_s: Tuple[float, float]) -> Response:
        self.requests.append(request)
        self.keys.append(key.reveal() if key is not None else None)
        self.timeouts.append(timeout_s)
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, BaseException):
            raise given
        if callable(given):
            given = given(request)
        return given if isinstance(given, Response) else answer(given)

    @property
    def creates(self) -> int:
        return sum(request.is_paid for request in self.requests)


shipped = functools.lru_cache(maxsize=None)(read_catalog)


def client(transport: Any = None, clock: Any = None, **settings: Any) -> KieClient:
    """A client over this transport, with the shipped catalog, which is read once for all tests."""
    # The limiter is of the whole process, and each test is to be one by itself.
    return KieClient(
        **{"api_key": KEY, "catalog": shipped(), "limiter": False, **settings}, transport=transport, clock=clock
    )


def http(
    body: Any = b"",
    status: str = "200 OK",
    headers: Optional[Mapping[str, str]] = None,
    *,
    length: Optional[int] = None,
    is_gzip: bool = False,
) -> bytes:
    """An HTTP answer as bytes, with whatever Content-Length is wanted."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    raw = gzip.compress(raw) if is_gzip else raw
    lines = {"Content-Type": "application/json", **({"Content-Encoding": "gzip"} if is_gzip else {}), **(headers or {})}
    lines.setdefault("Content-Length", str(len(raw) if length is None else length))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value != "-")
    return f"HTTP/1.1 {status}\r\n{head}Connection: close\r\n\r\n".encode() + raw


def chunked(*parts: bytes, is_whole: bool = True) -> bytes:
    """A body in HTTP chunks; not whole: without the last, empty one."""
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if is_whole else b"")


def reset(connection: socket.socket) -> None:
    """Close with RST rather than FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class RawServer:
    """A server of raw answers: each connection gets the next one, the last one for ever.

    An answer is bytes, `"reset"` (RST once the request is here), `"refuse"` (RST before it is read), or a function of
    the connection and the request.
    """

    def __init__(self, *answers: Any, wrap: Optional[Callable[[socket.socket], socket.socket]] = None) -> None:
        self._answers = list(answers)
        self._wrap = wrap
        self.requests: List[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.connections = 0

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            given = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            threading.Thread(target=self._handle, args=(connection, given), daemon=True).start()

    def _handle(self, connection: socket.socket, given: Any) -> None:
        try:
            if given == "refuse":
                connection.recv(1, socket.MSG_PEEK)
                reset(connection)
                return
            request = read_request(connection)
            self.requests.append(request)
            if given == "reset":
                reset(connection)
            elif callable(given):
                given(connection, request)
                connection.close()
            else:
                connection.sendall(given)
                connection.close()
        except OSError:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def everything_in(error: BaseException) -> str:
    """All that an error and its causes hold: text, arguments, attributes."""
    found: List[Any] = [error]
    seen: List[int] = []
    texts: List[str] = []
    while found:
        step = found.pop()
        if id(step) in seen or len(seen) > 500:
            continue
        seen.append(id(step))
        texts.append(f"{step!s} {step!r}")
        if isinstance(step, BaseException):
            found += [step.__cause__, step.__context__, *step.args, *vars(step).values()]
        elif isinstance(step, (list, tuple)):
            found += list(step)
        elif isinstance(step, Mapping):
            found += list(step.values())
        elif hasattr(step, "__dict__") and not isinstance(step, (type, threading.Thread)):
            found += list(vars(step).values())
    return "\n".join(texts)
