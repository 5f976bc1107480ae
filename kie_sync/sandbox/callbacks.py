"""Callbacks: when a task with a `callBackUrl` ends, its address is told, as the platform does it.

The platform's pages give the body (market pages), the signature (common-api, webhook-verification), and 15 s with 3
retries (pages of other products). How long it waits before it tries again is not known; the pauses here are made up.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import http.client
import ipaddress
import itertools
import logging
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from .answers import dumps
from .state import State
from .tasks import FAIL, SUCCESS, Task

_log = logging.getLogger("kie_sync.sandbox")

LIMIT_S = 15.0
# Sandbox seconds before each retry; in real ones never more than the last of these, however slow the sandbox runs.
PAUSES_S = (5.0, 15.0, 45.0)
_WORKERS = 8
# Python refuses to wait for centuries at once.
_LONGEST_WAIT_S = 3600.0
_KEPT = 10_000
_OLD_S = 3600
_FORGED = b"not the secret"


@dataclass(frozen=True)
class SentCallback:
    """One post to a `callBackUrl`, and what came back.

    Attributes:
        attempt: 1 for the first; retries count on.
        status: HTTP's status; None when no answer came.
        error: why none came.
    """

    task_id: str
    url: str
    attempt: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    status: Optional[int] = None
    error: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the receiver said that it has it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, order=True)
class _Post:
    """One post that is due; `at` is real monotonic seconds, `number` keeps those of one moment in order."""

    at: float
    number: int
    task: Task = field(compare=False)
    is_early: bool = field(default=False, compare=False)
    attempt: int = field(default=1, compare=False)


class Callbacks:
    """Posts what is due, in a few threads that begin when they are needed. Safe between threads."""

    def __init__(self, state: State, secret: str, base_url: Callable[[], str]) -> None:
        self._state, self._secret, self._base_url = state, secret.encode(), base_url
        self._changed = threading.Condition()
        self._due: List[_Post] = []
        self._numbers = itertools.count()
        self._threads: List[threading.Thread] = []
        self._idle = 0
        self._open: Dict[_Post, http.client.HTTPConnection] = {}
        self._is_running = True
        self._sent: Deque[SentCallback] = deque(maxlen=_KEPT)

    @property
    def sent(self) -> Tuple[SentCallback, ...]:
        with self._changed:
            return tuple(self._sent)

    def expect(self, task: Task) -> None:
        """Post when this task ends, if it has a URL to post to."""
        if not task.callback:
            return
        if "callback-lost" in task.variants:
            _log.info("task %s: its callback is lost, as its fault asks", task.id)
        else:
            times = 2 if "callback-twice" in task.variants else 1
            for _ in range(times):
                self._add(task, task.ends)
        if "callback-early" in task.variants:
            self._add(task, task.created, is_early=True)

    def start(self) -> None:
        with self._changed:
            self._is_running = True

    def stop(self) -> None:
        """Forget what is due, and break off what is on its way."""
        with self._changed:
            self._is_running = False
            self._due.clear()
            self._changed.notify_all()
            threads, self._threads = self._threads, []
            for connection in self._open.values():
                # The other side may have been first, or nothing was connected yet.
                with suppress(OSError, AttributeError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        last = time.monotonic() + 1
        for thread in threads:
            thread.join(timeout=max(last - time.monotonic(), 0))

    def _add(self, task: Task, moment: float, *, is_early: bool = False, attempt: int = 1) -> None:
        """Post at a moment of sandbox time."""
        clock = self._state.clock
        wait_s = (moment - clock.now()) / clock.speed
        if attempt > 1:
            wait_s = min(wait_s, PAUSES_S[-1])
        with self._changed:
            if not self._is_running:
                return
            heapq.heappush(self._due, _Post(time.monotonic() + wait_s, next(self._numbers), task, is_early, attempt))
            self._call_worker()

    def _call_worker(self) -> None:
        """Let a worker look at what is due: one that waits, or a new one."""
        if not self._due or not self._is_running:
            return
        if self._idle:
            self._changed.notify()
        elif len(self._threads) < _WORKERS:
            name = f"kie-sandbox-callback-{len(self._threads)}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def _work(self) -> None:
        while True:
            post = self._next()
            if post is None:
                return
            try:
                self._send(post)
            except Exception:
                _log.exception("the sandbox failed to call back for task %s", post.task.id)

    def _next(self) -> Optional[_Post]:
        """The next post when it is due; None when the sandbox stops."""
        with self._changed:
            self._idle += 1
            try:
                while self._is_running and threading.current_thread() in self._threads:
                    wait_s = self._due[0].at - time.monotonic() if self._due else None
                    if wait_s is not None and wait_s <= 0:
                        return heapq.heappop(self._due)
                    self._changed.wait(None if wait_s is None else min(wait_s, _LONGEST_WAIT_S))
                return None
            finally:
                self._idle -= 1
                # This one will be busy, and what is next may be due before it is back.
                self._call_worker()

    def _send(self, post: _Post) -> None:
        task, url = post.task, post.task.callback
        if not is_loopback_url(url):
            _log.warning("task %s: %s is not called; a sandbox calls its own machine only", task.id, url)
            return
        body = self._body(post)
        headers = {"Content-Type": "application/json", "User-Agent": "kie-sync-sandbox", **self._signature(post, body)}
        status, error = self._post(post, url, dumps(body).encode(), headers)
        sent = SentCallback(task.id, url, post.attempt, body, headers, status, error)
        with self._changed:
            self._sent.append(sent)
            if not self._is_running:
                return
        _log.info("task %s: called back, attempt %d: %s", task.id, post.attempt, error or f"HTTP {status}")
        if not sent.is_taken and post.attempt <= len(PAUSES_S):
            moment = self._state.clock.now() + PAUSES_S[post.attempt - 1]
            self._add(task, moment, is_early=post.is_early, attempt=post.attempt + 1)

    def _post(self, post: _Post, url: str, data: bytes, headers: Mapping[str, str]) -> Tuple[Optional[int], str]:
        """The status of the answer, or why there is none. No proxy is asked, and no redirect followed."""
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=LIMIT_S)
        with self._changed:
            if not self._is_running:
                return None, "the sandbox was stopped"
            self._open[post] = connection
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, data, dict(headers))
            return connection.getresponse().status, ""
        except (OSError, http.client.HTTPException, ValueError) as err:
            return None, f"{type(err).__name__}: {err}"
        finally:
            with self._changed:
                self._open.pop(post, None)
            connection.close()

    def _body(self, post: _Post) -> Dict[str, Any]:
        task, clock = post.task, self._state.clock
        # The post of an end never comes before it, whatever a rounded wait makes of the moment.
        moment = task.ends if post.is_early else max(clock.now(), task.ends)
        # An early post lies: it tells of a success that there is not yet, and may never be.
        variants = {} if post.is_early else task.variants
        record = task.record_at(moment, variants, self._base_url(), clock.unix_ms)
        state = SUCCESS if post.is_early else record["state"]
        credits = float(task.credits) if state == SUCCESS else 0
        data = {
            "task_id" if "callback-snake" in task.variants else "taskId": task.id,
            "model": task.model,
            "state": state,
            "param": dumps({"model": task.model, "callBackUrl": task.callback, "input": task.input}),
            "resultJson": None if state == FAIL else record["resultJson"],
            "failCode": record["failCode"],
            "failMsg": record["failMsg"],
            "createTime": record["createTime"],
            "completeTime": record["completeTime"],
            "updateTime": record["completeTime"],
            "costTime": record["costTime"],
            "consumeCredits": credits,
            "remainedCredits": float(self._state.balance),
        }
        if state == FAIL:
            return {"code": 501, "msg": "Playground task failed.", "data": data}
        return {"code": 200, "msg": "Playground task completed successfully.", "data": data}

    def _signature(self, post: _Post, body: Mapping[str, Any]) -> Dict[str, str]:
        """The headers that sign; none where the account has no secret. Nothing of the body but the id is signed."""
        faults = post.task.variants
        if not self._secret and "callback-forged" not in faults:
            return {}
        timestamp = int(time.time()) - (_OLD_S if "callback-old" in faults else 0)
        key = _FORGED if "callback-forged" in faults else self._secret
        digest = hmac.new(key, f"{post.task.id}.{timestamp}".encode(), hashlib.sha256).digest()
        return {"X-Webhook-Timestamp": str(timestamp), "X-Webhook-Signature": base64.b64encode(digest).decode()}


def is_loopback_url(url: str) -> bool:
    """Whether an address is on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or parts.port == 0:
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
