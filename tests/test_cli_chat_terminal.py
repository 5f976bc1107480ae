"""`kie-sync chat` at a real pseudo-terminal: readline, Ctrl-C, Ctrl-D."""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Callable, Iterator, List, Optional

import pytest
from conftest import ROOT
from wire import CHAT

from kie_sync.sandbox import Sandbox


@pytest.fixture(autouse=True)
def here(tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return tmp_path


class Terminal:
    """kie-sync at a pseudo-terminal of its own."""

    def __init__(self, *words: str, **environment: str) -> None:
        self._main, slave = os.openpty()
        # The first terminal that a session's leader opens is its own: Ctrl-C comes from there.
        code = (
            "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); sys.path.insert(0, sys.argv.pop(1)); "
            "from kie_sync.cli import main; main(sys.argv[1:], prog_name='kie-sync')"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(ROOT), *words],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "dumb", **environment},
        )
        os.close(slave)
        self.seen = ""

    def wait_for(self, text: str, timeout_s: float = 60) -> None:
        """Read until something is shown, after what was waited for before."""
        last = time.monotonic() + timeout_s
        while text not in self.seen:
            ready = select.select([self._main], [], [], max(last - time.monotonic(), 0))[0]
            part = self._read() if ready else b""
            assert part, f"{text!r} was not shown: {self.seen!r}"
            self.seen += part.decode("utf-8", "replace").replace("\r\n", "\n")
        self.seen = self.seen.partition(text)[2]

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def end(self) -> Optional[int]:
        """The exit code, once it has ended by itself."""
        while self._read():
            pass
        return self._process.wait(timeout=60)

    def _read(self) -> bytes:
        try:
            return os.read(self._main, 65536)
        except OSError:
            return b""

    def kill(self) -> None:
        """End it at once, whatever it is at."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        self.kill()
        os.close(self._main)


@pytest.fixture
def terminal(home: Path) -> Iterator[Callable[..., Terminal]]:
    pytest.importorskip("termios", reason="there are no pseudo-terminals")
    opened: List[Terminal] = []

    def begin(*words: str, **environment: str) -> Terminal:
        opened.append(Terminal(*words, **environment))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def test_at_a_terminal(terminal: Callable[..., Terminal], home: Path) -> None:
    own = terminal("chat", CHAT)
    own.wait_for("\n> ")
    own.type("2+2?\n")
    own.wait_for("2 + 2 = 4\n")
    own.wait_for(" tokens in, ")
    own.wait_for("\n> ")

    own.type("\x04")
    own.wait_for("in all: ")

    assert own.end() == 0
    kept = home / ".local" / "state" / "kie_sync" / "chat_history"
    assert kept.read_text().splitlines()[-1] == "2+2?"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_at_a_terminal_without_history(terminal: Callable[..., Terminal], home: Path) -> None:
    own = terminal("chat", CHAT, "--no-history")
    own.wait_for("\n> ")
    own.type("/quit\n")

    assert own.end() == 0
    assert not (home / ".local" / "state" / "kie_sync" / "chat_history").exists()


def test_ctrl_c_at_a_terminal(terminal: Callable[..., Terminal], here: Path) -> None:
    """It stops an answer that hangs, and the conversation goes on; a kill afterwards loses nothing."""
    own = terminal("chat", CHAT, "--save", "talk.json")
    own.wait_for("\n> ")
    own.type("hello [[fault:stall=600]]\n")
    own.wait_for("You said")

    own.type("\x03")
    own.wait_for("stopped; what came of the answer is kept")
    own.wait_for("\n> ")
    # The line's end is for an interrupt that comes just before readline listens for it.
    own.type("\x03\n")
    own.wait_for("Ctrl-D or /quit leaves")
    own.type("2+2?\n")
    own.wait_for("2 + 2 = 4\n")
    own.wait_for(" tokens in, ")
    own.wait_for("\n> ")
    own.kill()

    saved = json.loads((here / "talk.json").read_text())
    assert saved["messages"][1]["content"].startswith("You said")
    assert saved["messages"][3]["content"] == "2 + 2 = 4"
    assert (saved["partial"], saved["has_unknown_cost"]) == ([1], True)
    assert Decimal(saved["credits"]) > 0


def test_json_is_for_programs(terminal: Callable[..., Terminal]) -> None:
    own = terminal("chat", CHAT, "--json")
    own.wait_for("there is no PROMPT")

    assert own.end() == 2
