from __future__ import annotations

import os
import subprocess
import sys

import pytest

from kie_sync.processes import is_alive, name_of, own_name

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only there the system tells enough")


def test_this_process_lives() -> None:
    assert is_alive(own_name()) is True


def test_one_that_ended_does_not() -> None:
    code = "from kie_sync.processes import own_name; print(own_name())"
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    assert is_alive(ended) is False


@linux
def test_a_number_that_is_used_again_is_another_process() -> None:
    realm, pid, started = own_name().split("|")

    assert is_alive(f"{realm}|{pid}|{int(started) - 1}") is False


@linux
def test_a_process_that_is_dead_and_not_buried_has_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        name = name_of(process.pid)
        assert is_alive(name) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert is_alive(name) is False


@pytest.mark.skipif(os.name == "nt", reason="there, nothing can be told")
def test_where_the_system_tells_little_the_number_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kie_sync.processes._read", lambda path: "")
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        name = name_of(ended.pid)

    # What has its number now may be another process.
    assert (is_alive(own_name()), is_alive(name)) == (None, False)


@pytest.mark.parametrize("name", ["elsewhere|1|1", "", "no id"])
def test_of_another_machine_nothing_can_be_told(name: str) -> None:
    assert is_alive(name) is None
