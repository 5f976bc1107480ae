"""A sandbox behind a proxy for all tests of the suite, and a world of its own for each."""

from __future__ import annotations

import socket
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator

import pytest
from wire import RawServer

from faults import board
from faults.proxy import Proxy
from faults.world import KEY, SPEED, World, listening, other_host, unknown_host
from kie_sync.sandbox import Sandbox


@pytest.fixture(scope="session")
def platform() -> Iterator[Sandbox]:
    """The sandbox, with credits for thousands of calls."""
    with Sandbox(speed=SPEED, key=KEY, balance=Decimal(10_000_000)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def proxy(platform: Sandbox) -> Proxy:
    return Proxy(platform.url, KEY)


@pytest.fixture
def other(proxy: Proxy) -> Iterator[RawServer]:
    with other_host() as server:
        proxy.elsewhere = server.url
        yield server


@pytest.fixture
def world(
    platform: Sandbox,
    proxy: Proxy,
    other: RawServer,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Any]:
    """What a test stands in; what it said is kept for the last test of all."""
    monkeypatch.setattr(socket, "getaddrinfo", unknown_host(socket.getaddrinfo))
    proxy.seen.clear()
    made = World(platform, proxy, other, tmp_path)
    yield from listening(made)
    board.keep(tmp_path_factory.getbasetemp(), *made.said.lines, *capfd.readouterr())
