"""The one door to the network: `HttpTransport` sends one request, once.

A key is attached here and nowhere else, and no redirect is followed with one.
"""

from __future__ import annotations

import functools
import os
import re
import threading
from typing import Any, Dict, Iterator, Optional, Protocol, Sequence, Tuple
from urllib.parse import urlsplit

from .config import ApiKey, is_loopback, origin
from .request import Request
from .response import Response

_PIECE = 65536
_MADE_WHILE_HANDLING = {"ReadTimeoutError", "NewConnectionError", "ConnectTimeoutError"}
# A failure below one of these (of urllib3 and http.client) came before the first byte of the request.
_BEFORE_SENDING = {"connect", "_new_conn", "_prepare_proxy"}


class NeverSent(Exception):
    """No connection was made: the other side has surely seen nothing. `is_final`: trying again is useless."""

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        super().__init__(reason)
        self.is_final = is_final


class Lost(Exception):
    """The connection failed after something may have been sent."""


class Transport(Protocol):
    """Sends a request once. Raises `NeverSent` or `Lost`; never follows a redirect with a key."""

    def __call__(self, request: Request, *, key: Optional[ApiKey], timeout_s: Tuple[float, float]) -> Response: ...


class HttpTransport:
    """requests over kept-alive connections; shared by threads, made anew after a fork."""

    def __init__(self, *, connections: int = 32) -> None:
        self._connections = connections
        # By process: after a fork, a lock may be held by a thread that the child does not have.
        self._locks: Dict[int, threading.Lock] = {}
        self._session: Any = None
        self._process = 0
        self._environment: Dict[Any, Any] = {}

    def __call__(self, request: Request, *, key: Optional[ApiKey], timeout_s: Tuple[float, float]) -> Response:
        import requests
        from urllib3.exceptions import HTTPError

        session, where = self._get_session(), urlsplit(request.url).netloc.rpartition("@")[2]
        try:
            prepared = session.prepare_request(
                requests.Request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    json=request.json,
                    data=request.body,
                    auth=_KeyAuth(key),
                )
            )
            settings = self._settings(session, request.url)
        except (requests.RequestException, TypeError, ValueError) as error:
            raise NeverSent(
                f"the request cannot be sent: {_without_query(error)}", is_final=True
            ) from _without_request(error)
        try:
            answer = session.send(
                prepared, timeout=timeout_s, stream=True, allow_redirects=not request.provider, **settings
            )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise _translate(error, where) from _without_request(error)
        # urllib3 before 2 takes a short body for a whole one.
        answer.raw.enforce_content_length = True
        headers = dict(answer.headers)
        if request.wants_stream:
            return Response(
                answer.status_code, b"", headers, request.method, request.url, _pieces(answer), answer.close
            )
        try:
            body = answer.content
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _translate(error, where, after_send=True) from _without_request(error)
        finally:
            answer.close()
        return Response(answer.status_code, body, headers, request.method, request.url)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None and self._process == os.getpid():
            session.close()

    def _get_session(self) -> Any:
        session, process = self._session, os.getpid()
        if session is not None and self._process == process:
            return session
        with self._locks.setdefault(process, threading.Lock()):
            session = self._session
            if session is None or self._process != process:
                session = self._new_session()
                self._session, self._process = session, process
        return session

    def _new_session(self) -> Any:
        import http.cookiejar

        import requests
        from requests.adapters import HTTPAdapter

        from . import __version__

        session = requests.Session()
        adapter = HTTPAdapter(pool_connections=8, pool_maxsize=self._connections, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers["User-Agent"] = f"kie-sync/{__version__}"
        # The gateway sets a session cookie; threads share this session, and calls must not depend on each other.
        session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
        # On a redirect, requests would look into ~/.netrc for the new host.
        setattr(session, "rebuild_auth", lambda prepared, _: prepared.headers.pop("Authorization", None))  # noqa: B010
        return session

    def _settings(self, session: Any, url: str) -> Any:
        """Proxies and certificates of the environment, read once per host: requests would on every call."""
        where = origin(url)
        if where not in self._environment:
            settings = session.merge_environment_settings(url, {}, None, None, None)
            settings.pop("stream", None)
            if is_loopback(where[1]):
                # No proxy reaches this machine itself, and the key would go to it in clear.
                settings["proxies"] = {}
            self._environment[where] = settings
        return self._environment[where]


class _KeyAuth:
    """Sets the key, or nothing. An auth object of any kind also keeps requests from taking one out of ~/.netrc."""

    def __init__(self, key: Optional[ApiKey]) -> None:
        self._key = key

    def __call__(self, prepared: Any) -> Any:
        if self._key is not None:
            prepared.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return prepared


def _translate(error: Any, where: str, *, after_send: bool = False) -> Exception:
    """What a failure of requests means for the question whether anything was sent; `where` is host and port."""
    import ssl

    import requests
    from urllib3 import exceptions as inner

    steps = list(_steps(error))
    if not after_send:
        if isinstance(
            error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, inner.LocationValueError)
        ):
            return NeverSent(f"the request cannot be sent: {_without_query(error)}", is_final=True)
        if any(isinstance(step, ssl.SSLCertVerificationError) for step in steps):
            return NeverSent(f"the certificate of {where} is not trusted", is_final=True)
        if _has_frame(steps, {"cert_verify"}):
            return NeverSent(_without_query(error), is_final=True)
        is_before = any(isinstance(step, (inner.NewConnectionError, inner.ConnectTimeoutError)) for step in steps)
        if is_before or _has_frame(steps, _BEFORE_SENDING):
            is_proxy = isinstance(error, requests.exceptions.ProxyError)
            what = (
                "the proxy cannot be reached" if is_proxy and is_before else f"no connection could be made to {where}"
            )
            through = " through the proxy" if is_proxy and not is_before else ""
            return NeverSent(f"{what}{through}: {_cause(steps)}")
    if isinstance(error, requests.exceptions.Timeout) or any(isinstance(s, inner.ReadTimeoutError) for s in steps):
        return Lost("no answer came in time")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return Lost("the answer's compression is broken")
    return Lost(f"the connection broke ({type(steps[-1]).__name__})")


def _cause(steps: Sequence[BaseException]) -> str:
    """Why there is no connection, in plain words, from the innermost error that says it."""
    import socket
    import ssl

    from urllib3 import exceptions as inner

    for step in reversed(steps):
        if isinstance(step, socket.gaierror):
            return "no such name was found (DNS); is the address right, and is this machine online?"
        if isinstance(step, ssl.SSLError):
            return f"the TLS handshake failed ({step.reason or 'no reason given'})"
        if isinstance(step, (socket.timeout, inner.ConnectTimeoutError)):
            return "it timed out"
        if isinstance(step, ConnectionRefusedError):
            return "it was refused; nothing listens there"
        if isinstance(step, ConnectionError):
            return f"it was closed at once ({type(step).__name__})"
        if isinstance(step, OSError) and not isinstance(step, inner.HTTPError) and type(step).__module__ == "builtins":
            return step.strerror or _without_query(step)
    return type(steps[-1]).__name__


def _without_query(error: BaseException) -> str:
    """What an error says; a URL in it loses its query, which may be signed."""
    return re.sub(r"\?[^\s'\"]*", "", str(error))


def _without_request(error: Any) -> Any:
    """The same error without the request that it holds, whose headers hold the key."""
    error.request = error.response = None
    return error


def _steps(error: Any) -> Iterator[Any]:
    """A failure and what it was made of, the innermost last.

    Only what the libraries put there on purpose: `__context__` may be a failure that the caller is busy with.
    """
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inside = [getattr(error, "reason", None), getattr(error, "original_error", None), *reversed(error.args)]
        if type(error).__name__ in _MADE_WHILE_HANDLING:
            # urllib3 before 2 does not call the socket's own error the cause.
            inside.append(error.__context__)
        error = next((part for part in [*inside, error.__cause__] if isinstance(part, BaseException)), None)


def _has_frame(steps: Any, names: Any) -> bool:
    """Whether a function of one of these names was at work when it failed."""
    for step in steps:
        trace = step.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_name in names:
                return True
            trace = trace.tb_next
    return False


def _pieces(answer: Any) -> Iterator[bytes]:
    """The body as it comes. `read1` gives what is there; `iter_content` would hold back what does not fill a piece."""
    import http.client
    import socket

    from urllib3 import exceptions as inner

    raw = answer.raw
    try:
        below = getattr(raw, "_fp", None)
        if isinstance(below, http.client.HTTPResponse) and below.chunked and "Content-Encoding" not in raw.headers:
            # A stream's usual form, and most of a piece's processor time would go into urllib3's own bookkeeping
            # (benchmarks/sse.py, row 2a). http.client itself tells a cut chunk from the last one.
            yield from iter(functools.partial(below.read1, _PIECE), b"")
            raw.release_conn()
        elif hasattr(raw, "read1"):
            yield from iter(functools.partial(raw.read1, _PIECE, decode_content=True), b"")
        else:
            yield from _pieces_of_old(raw)
    except (inner.HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, (inner.ReadTimeoutError, socket.timeout)):
            raise Lost("no further piece came in time") from error
        raise Lost(f"the connection broke ({type(error).__name__})") from error
    finally:
        answer.close()


def _pieces_of_old(raw: Any) -> Iterator[bytes]:
    """The same from a urllib3 before 2.1, which has no `read1`; the response below it does."""
    import http.client

    raw._init_decoder()
    while True:
        packed = raw._fp.read1(_PIECE)
        piece = raw._decode(packed, True, not packed)
        if piece:
            yield piece
        if not packed:
            if raw._fp.length:
                raise http.client.IncompleteRead(b"", raw._fp.length)
            return
