"""The one door to the network: `HttpTransport` sends one request, once.

A key is attached here and nowhere else, and no redirect is followed with one.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, Iterator, Optional, Protocol, Tuple

from .config import ApiKey, origin
from .request import Request
from .response import Response

_PIECE = 65536


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
        self._lock = threading.Lock()
        self._session: Any = None
        self._process = 0
        self._environment: Dict[Any, Any] = {}

    def __call__(self, request: Request, *, key: Optional[ApiKey], timeout_s: Tuple[float, float]) -> Response:
        import requests

        session = self._get_session()
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
        try:
            answer = session.send(
                prepared,
                timeout=timeout_s,
                stream=True,
                allow_redirects=not request.provider,
                **self._settings(session, request.url),
            )
        except requests.RequestException as error:
            raise _translate(error) from _without_key(error)
        headers = dict(answer.headers)
        if request.wants_stream:
            return Response(
                answer.status_code, b"", headers, request.method, request.url, _pieces(answer), answer.close
            )
        try:
            body = answer.content
        except requests.RequestException as error:
            raise _translate(error, after_send=True) from _without_key(error)
        finally:
            answer.close()
        return Response(answer.status_code, body, headers, request.method, request.url)

    def close(self) -> None:
        with self._lock:
            if self._session is not None and self._process == os.getpid():
                self._session.close()
            self._session = None

    def _get_session(self) -> Any:
        if self._session is None or self._process != os.getpid():
            with self._lock:
                if self._session is None or self._process != os.getpid():
                    self._session, self._process = self._new_session(), os.getpid()
        return self._session

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
        return session

    def _settings(self, session: Any, url: str) -> Any:
        """Proxies and certificates of the environment, read once per host: requests would on every call."""
        where = origin(url)
        if where not in self._environment:
            self._environment[where] = session.merge_environment_settings(url, {}, None, None, None)
        settings = dict(self._environment[where])
        settings.pop("stream", None)
        return settings


class _KeyAuth:
    """Sets the key, or nothing. An auth object of any kind also keeps requests from taking one out of ~/.netrc."""

    def __init__(self, key: Optional[ApiKey]) -> None:
        self._key = key

    def __call__(self, prepared: Any) -> Any:
        if self._key is not None:
            prepared.headers["Authorization"] = f"Bearer {self._key.reveal()}"
        return prepared


def _translate(error: Any, *, after_send: bool = False) -> Exception:
    """What a failure of requests means for the question whether anything was sent."""
    import ssl

    import requests
    from urllib3 import exceptions as inner

    cause = error.args[0] if error.args else error
    reason = getattr(cause, "reason", None) or cause
    if isinstance(
        error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.exceptions.InvalidHeader)
    ):
        return NeverSent(f"the request cannot be sent: {type(error).__name__}", is_final=True)
    if not after_send:
        if any(isinstance(step, ssl.SSLCertVerificationError) for step in _causes(reason)):
            return NeverSent("the server's certificate is not trusted", is_final=True)
        if isinstance(error, requests.exceptions.ProxyError):
            # The tunnel is what failed; nothing can have reached the other side.
            return NeverSent("the proxy refused or could not be reached")
        if isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(
            reason, (inner.NewConnectionError, inner.ConnectTimeoutError)
        ):
            return NeverSent("no connection could be made")
    if isinstance(error, requests.exceptions.Timeout) or isinstance(reason, inner.ReadTimeoutError):
        return Lost("no answer came in time")
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return Lost("the answer's compression is broken")
    return Lost(f"the connection broke ({type(reason).__name__})")


def _without_key(error: Any) -> Any:
    """The same error without the request that it holds, whose headers hold the key."""
    error.request = error.response = None
    return error


def _causes(error: Any) -> Iterator[Any]:
    seen = 0
    while error is not None and seen < 10:
        yield error
        seen += 1
        error = (
            getattr(error, "reason", None)
            or error.__cause__
            or error.__context__
            or next((part for part in getattr(error, "args", ()) if isinstance(part, BaseException)), None)
        )


def _pieces(answer: Any) -> Iterator[bytes]:
    """The body as it comes. `read1` gives what is there; `iter_content` would hold back what does not fill a piece."""
    import http.client

    import requests
    from urllib3 import exceptions as inner

    raw = answer.raw
    try:
        while True:
            if hasattr(raw, "read1"):
                piece = raw.read1(_PIECE, decode_content=True)
            elif raw.headers.get("Content-Encoding"):
                piece = raw.read(1, decode_content=True)
            else:
                # urllib3 before 2 has no read1; the response below it does.
                piece = raw._fp.read1(_PIECE)
            if not piece:
                return
            yield piece
    except (inner.HTTPError, http.client.HTTPException, OSError, requests.RequestException, ValueError) as error:
        if isinstance(error, inner.ReadTimeoutError):
            raise Lost("no further piece came in time") from error
        raise Lost(f"the connection broke ({type(error).__name__})") from error
    finally:
        answer.close()
