"""A WSGI receiver of callbacks: answers at once, and reads the tasks afterwards, in a few threads of its own.

The platform allows 15 s for an answer, and a read may take longer than that when it has to be tried again.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, List, Mapping, Optional

from ..client import KieClient
from ..errors import KieConfigError, KieError
from .delivery import Delivery, check, check_choice, reread
from .signature import MAX_AGE_S, Secret, WebhookError, read_secrets

logger = logging.getLogger("kie_sync")

MAX_BYTES = 1_000_000
_BAD_BODY = ("not-json", "no-task-id")
_STATUS: Mapping[int, str] = {
    200: "200 OK",
    400: "400 Bad Request",
    401: "401 Unauthorized",
    404: "404 Not Found",
    405: "405 Method Not Allowed",
    411: "411 Length Required",
    413: "413 Content Too Large",
    503: "503 Service Unavailable",
}


class _Refused(Exception):
    """What is answered instead of 200."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Application:
    """What `application` gives: a WSGI callable, which can be closed."""

    def __init__(
        self,
        client: KieClient,
        secret: Secret,
        on_delivery: Optional[Callable[[Delivery], None]],
        path: Optional[str],
        unsigned: bool,
        max_age_s: float,
        workers: int,
        most_waiting: int,
    ) -> None:
        check_choice(secret, unsigned=unsigned)
        self._secret = None if unsigned else read_secrets(secret)
        for name, number in (("workers", workers), ("most_waiting", most_waiting)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise KieConfigError(f"{name} must be a whole number above 0; got {number!r}")
        self._client, self._on_delivery, self._path = client, on_delivery, path
        self._unsigned, self._max_age_s, self._workers = unsigned, max_age_s, workers
        self._room = threading.BoundedSemaphore(most_waiting)
        self._lock = threading.Lock()
        self._pool: Optional[ThreadPoolExecutor] = None
        self._is_closed = False

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        extra = []
        try:
            self._receive(environ)
            status, text = 200, "ok"
        except _Refused as refused:
            status, text = refused.status, refused.text
            extra = [("Allow", "POST")] if status == 405 else []
        payload = f"{text}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(payload)))]
        start_response(_STATUS[status], headers + extra)
        return [payload]

    def close(self) -> None:
        """Finish what was accepted, and accept nothing more. May be called twice."""
        with self._lock:
            self._is_closed, pool = True, self._pool
        if pool is not None:
            pool.shutdown(wait=True)

    def _receive(self, environ: Mapping[str, Any]) -> None:
        if self._path is not None and environ.get("PATH_INFO", "") != self._path:
            raise _Refused(404, "not found")
        if environ.get("REQUEST_METHOD") != "POST":
            raise _Refused(405, "callbacks are posted")
        body = _read(environ)
        try:
            task_id = check(body, environ, self._secret, unsigned=self._unsigned, max_age_s=self._max_age_s)
        except WebhookError as error:
            logger.warning("%s", error)
            raise _Refused(400 if error.reason in _BAD_BODY else 401, error.reason) from error
        if not self._room.acquire(blocking=False):
            logger.warning("a callback about task %s was put off: too many are waiting to be read", task_id)
            raise _Refused(503, "too many callbacks at once")
        try:
            self._get_pool().submit(self._work, task_id)
        except BaseException:
            self._room.release()
            raise

    def _get_pool(self) -> ThreadPoolExecutor:
        # Made with the first callback: a server that forks its workers must not fork threads.
        with self._lock:
            if self._is_closed:
                raise _Refused(503, "this receiver is closing")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="kie-callback")
            return self._pool

    def _work(self, task_id: str) -> None:
        try:
            delivery = reread(self._client, task_id)
            if self._on_delivery is not None:
                self._on_delivery(delivery)
        except KieError as error:
            # It is known from the journal or by waiting for it; the platform was told that we have the callback.
            logger.warning("a callback named task %s, which was not read: %s", task_id, error)
        except Exception:
            logger.exception("on_delivery failed on task %s", task_id)
        finally:
            self._room.release()


def application(
    client: KieClient,
    secret: Secret = None,
    on_delivery: Optional[Callable[[Delivery], None]] = None,
    *,
    path: Optional[str] = None,
    unsigned: bool = False,
    max_age_s: float = MAX_AGE_S,
    workers: int = 2,
    most_waiting: int = 1000,
) -> Application:
    """A WSGI application that receives callbacks.

    Answers 200 once the signature holds, 401 to forgeries, 400 to what is no callback, 503 when too many wait.

    Args:
        secret, unsigned, max_age_s: as for `handle`.
        on_delivery: told of each delivery, in a thread of its own, duplicates and early ones too; what it raises is
            logged.
        path: the only path that is answered; every path when not given.
        workers: threads that read tasks.
        most_waiting: callbacks that may wait for one of them.

    Raises:
        KieConfigError: no secret, and `unsigned` was not said.
    """
    return Application(client, secret, on_delivery, path, unsigned, max_age_s, workers, most_waiting)


def _read(environ: Mapping[str, Any]) -> bytes:
    """The whole body, within bounds."""
    given = str(environ.get("CONTENT_LENGTH") or "").strip()
    if not given and not environ.get("wsgi.input_terminated"):
        raise _Refused(411, "Content-Length is needed")
    if given and not (given.isascii() and given.isdigit()):
        raise _Refused(400, "Content-Length is not a number")
    # Without a length the server marks the end; one byte more than allowed is enough to know.
    left = int(given) if given else MAX_BYTES + 1
    if given and left > MAX_BYTES:
        raise _Refused(413, f"a callback has at most {MAX_BYTES:,} bytes")
    parts: List[bytes] = []
    while left > 0:
        try:
            part = environ["wsgi.input"].read(left)
        except OSError as error:
            raise _Refused(400, "the body did not come") from error
        if not part:
            break
        parts.append(part)
        left -= len(part)
    if not given and left <= 0:
        raise _Refused(413, f"a callback has at most {MAX_BYTES:,} bytes")
    return b"".join(parts)
