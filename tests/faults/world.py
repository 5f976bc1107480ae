"""One sandbox behind one proxy, and the ways to look at what came of a call: books, journal, and what was said."""

from __future__ import annotations

import logging
import socket
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

from wire import RawServer, everything_in, http, shipped

from kie_sync import KieClient
from kie_sync.journal import SqliteJournal
from kie_sync.records import Record
from kie_sync.sandbox import Sandbox

from .proxy import Proxy

KEY = "fault-suite-key-4f1d8c0b7e92a635"
NOWHERE = "nowhere.invalid"
SPEED = 1000
PNG = b"\x89PNG\r\n\x1a\nfrom another host"


class QuickClock:
    """A clock whose sleeps take a thousandth of their time, as the sandbox's tasks do; its hands move all the same."""

    def __init__(self) -> None:
        self._skipped = 0.0
        self.on_sleep: Callable[[], None] = lambda: None

    def now(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)
        self._skipped += seconds * (1 - 1 / SPEED)
        self.on_sleep()

    def date(self) -> str:
        return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Said(logging.Handler):
    """Everything that was logged, by anybody, down to the last detail."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.lines: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class World:
    """What one test stands in.

    Attributes:
        other: another host; it keeps what it was sent.
    """

    def __init__(self, sandbox: Sandbox, proxy: Proxy, other: RawServer, folder: Path) -> None:
        self.sandbox, self.proxy, self.other, self.folder = sandbox, proxy, other, folder
        self.journal_path = folder / "journal.sqlite"
        self.journal = SqliteJournal(self.journal_path)
        self.clock = QuickClock()
        self.said = Said()
        self._clients: List[KieClient] = []

    def client(self, *, timeout_s: float = 20.0, base_url: str = "", **settings: Any) -> KieClient:
        made = KieClient(
            KEY,
            base_url or self.proxy.url,
            **{"catalog": shipped(), "journal": self.journal, "clock": self.clock, **settings},
            timeout_s=timeout_s,
            chat_timeout_s=timeout_s,
        )
        self._clients.append(made)
        return made

    def close(self) -> None:
        self.proxy.reopen()
        self.proxy.disarm()
        for client in self._clients:
            client.close()
        self.journal.close()

    def paid(self, prompt: str) -> List[str]:
        """The ids of the tasks that were paid for with this prompt."""
        return [task.id for task in self.sandbox.tasks if task.input.get("prompt") == prompt]

    def on_record(self) -> List[Record]:
        return self.journal.records()

    def leaks(self, error: Optional[BaseException] = None, *told: str) -> List[str]:
        """Where the key is, and must not be."""
        found: Dict[str, bytes] = {"log": "\n".join(self.said.lines).encode(), "told": "\n".join(told).encode()}
        if error is not None:
            trace = traceback.format_exception(type(error), error, error.__traceback__)
            found["error"] = everything_in(error).encode()
            found["traceback"] = "".join(trace).encode()
        for number, request in enumerate(self.other.requests):
            found[f"request {number} to another host"] = request
        # To read an open database's file and close it ends the locks of its connection.
        self.journal.close()
        for path in self.folder.rglob("*"):
            if path.is_file():
                found[path.name] = path.read_bytes()
        for seen in self.proxy.seen:
            if seen.has_key and (seen.path.startswith(("/files/", "/kieai/")) or KEY in seen.path):
                found[f"request for {seen.path}"] = KEY.encode()
        return [where for where, data in found.items() if KEY.encode() in data]


def other_host() -> RawServer:
    """A host that is not the platform's: it gives a picture, whatever it is asked for."""
    return RawServer(http(PNG, headers={"Content-Type": "image/png"}))


def unknown_host(real: Callable[..., Any]) -> Callable[..., Any]:
    """A resolver that knows no `NOWHERE`."""

    def lookup(host: Any, *args: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == NOWHERE:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **named)

    return lookup


def listening(world: World) -> Iterator[World]:
    """The world, while everything that is logged is kept."""
    root = logging.getLogger()
    level = root.level
    root.addHandler(world.said)
    root.setLevel(logging.DEBUG)
    try:
        yield world
    finally:
        root.removeHandler(world.said)
        root.setLevel(level)
        world.close()
