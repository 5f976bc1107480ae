"""What every test gets: no network but this machine's own, no real home, no keys; a catalog, a clock, a sandbox."""

from __future__ import annotations

import ipaddress
import itertools
import os
import re
import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: The environment as pytest was started with, for the few tests that run pip.
OUTER_ENVIRON: Dict[str, str] = dict(os.environ)

# Nothing is stored in a user's cache, not even while tests are collected; the run has a folder of its own for it.
os.environ["KIE_CATALOG_CACHE"] = "off"

_CLEARED_PREFIXES = ("KIE_", "GEMINI_", "GOOGLE_", "XDG_")
_CLEARED_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY", "NO_PROXY", "NETRC", "REQUESTS_CA_BUNDLE")


# Whole flows, over the whole catalog or a server, and faults. They do not count as covering the core, which the tests
# of its own modules are to do: what measures coverage makes Python more than twice as slow.
FLOWS = re.compile(
    r"test_(catalog_(drift|fetch|hour|import|load)|cli_(batch|catalog|sandbox).*|batch_.*|docs.*|ledger.*|market|models|"
    r"sandbox.*)\.py|.*/(faults|sdks)/.*"
)


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    for item in items:
        if FLOWS.fullmatch(item.path.name) or FLOWS.fullmatch(item.path.as_posix()):
            item.add_marker(pytest.mark.flow)


class NetworkRefusedError(RuntimeError):
    """A test tried to reach another machine. Not an OSError, so that no retry loop can swallow it."""


def _is_loopback(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(name).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Sockets reach this machine only, and no name is looked up."""
    real_connect, real_connect_ex, real_lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(host: Any) -> None:
        if not _is_loopback(host):
            raise NetworkRefusedError(f"a test may not reach {host}")

    def connect(self: socket.socket, address: Any) -> None:
        check(address[0] if isinstance(address, tuple) else None)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(address[0] if isinstance(address, tuple) else None)
        return real_connect_ex(self, address)

    def lookup(host: Any, *args: Any, **named: Any) -> Any:
        check(host)
        return real_lookup(host, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket, "getaddrinfo", lookup)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment names no key, no other host, no proxy and no catalog; the home is empty, for what lives long.

    The shipped catalog is read from its YAML once, and then from its stored form, as on a user's machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
            patch.setenv(name, str(tmp_path_factory.getbasetemp()))
        for name in list(os.environ):
            if name.startswith(_CLEARED_PREFIXES) or name.upper() in _CLEARED_NAMES:
                patch.delenv(name)
        patch.setenv("KIE_CATALOG_CACHE", str(tmp_path_factory.mktemp("catalogs")))
        yield


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for each home. `mktemp` looks through all folders that it ever made, each time."""
    above = tmp_path_factory.mktemp("homes")
    return (above / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own: no .netrc, no settings files."""
    folder = next(homes)
    folder.mkdir()
    for name in ("HOME", "USERPROFILE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture(scope="session")
def catalog() -> Any:
    """The shipped catalog."""
    from kie_sync.catalog import read_catalog

    return read_catalog()


class CountingClock:
    """A clock that never sleeps: a sleep is noted and moves its hands."""

    def __init__(self, start: float = 1_795_000_000.0) -> None:
        self.time = start
        self.sleeps: List[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.time += seconds

    def date(self) -> str:
        return datetime.fromtimestamp(self.time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def clock() -> CountingClock:
    """A clock that counts its sleeps and never sleeps."""
    return CountingClock()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Any]:
    """One sandbox for the whole run, where a task takes a blink."""
    from kie_sync.sandbox import Sandbox

    with Sandbox(speed=1000) as running:
        yield running
