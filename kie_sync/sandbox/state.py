"""What one sandbox remembers: its clock, the account, the tasks, and every request it was sent."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Deque, Dict, List, Optional

from ..definitions import Provider
from .answers import CREDITS_TEXT, RATE_TEXT, Refused
from .tasks import Task


class Clock:
    """Sandbox time: it begins now and runs `speed` times as fast as a real clock."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._began_ms = time.time() * 1000

    def now(self) -> float:
        """Sandbox seconds since the beginning."""
        return (time.monotonic() - self._began) * self.speed

    def unix_ms(self, at: float) -> int:
        """A moment of sandbox time as Unix milliseconds."""
        return int(self._began_ms + at * 1000)


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it came in; `authorized` is whether it carried an Authorization header, right or wrong."""

    method: str
    path: str
    authorized: bool


class State:
    """Everything that changes while a sandbox runs. Safe between threads."""

    def __init__(self, *, balance: Decimal, speed: float, seed: Optional[int] = None) -> None:
        self.clock = Clock(speed)
        self.stopping = threading.Event()
        self.lock = threading.RLock()
        self.tasks: Dict[str, Task] = {}
        self.requests: Deque[LoggedRequest] = deque(maxlen=10000)
        self.leaks: List[LoggedRequest] = []
        self.chats = 0
        self._open: Dict[str, Task] = {}
        self._balance = balance
        self._creates: Deque[float] = deque()
        self._random = random.Random(seed)

    def new_id(self) -> str:
        """32 lowercase hex digits."""
        with self.lock:
            return f"{self._random.getrandbits(128):032x}"

    def sleep(self, seconds: float) -> None:
        """Real seconds; cut short when the sandbox stops."""
        self.stopping.wait(seconds)

    @property
    def balance(self) -> Decimal:
        """Credits left; those of failed tasks have come back."""
        with self.lock:
            now = self.clock.now()
            for task in [task for task in self._open.values() if task.ends <= now]:
                self._balance -= task.credits_at(now)
                del self._open[task.id]
            return self._balance - sum((task.credits_at(now) for task in self._open.values()), Decimal(0))

    def count_create(self, provider: Provider) -> None:
        """Let a create through, or refuse it: so many in so many sandbox seconds."""
        with self.lock:
            now, window = self.clock.now(), float(provider.per_seconds)
            while self._creates and self._creates[0] <= now - window:
                self._creates.popleft()
            if provider.creates and len(self._creates) >= provider.creates:
                raise Refused(429, RATE_TEXT, http=429)
            self._creates.append(now)

    def accept(self, task: Task) -> None:
        """Take the credits for a task and begin it, or refuse with 402."""
        with self.lock:
            self.require(task.credits)
            self.tasks[task.id] = self._open[task.id] = task

    def require(self, credits: Decimal) -> None:
        """Refuse with 402 unless so many credits are there."""
        if self.balance < credits:
            raise Refused(402, CREDITS_TEXT)

    def charge_chat(self, credits: Decimal) -> None:
        with self.lock:
            self._balance -= credits
            self.chats += 1
