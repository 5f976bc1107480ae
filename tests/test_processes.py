from __future__ import annotations

import subprocess
import sys

import pytest

from kie_sync.processes import is_alive, own_name


def test_this_process_lives() -> None:
    assert is_alive(own_name()) is True


def test_one_that_ended_does_not() -> None:
    code = "from kie_sync.processes import own_name; print(own_name())"
    ended = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    assert is_alive(ended) is False


def test_an_id_that_is_used_again_is_another_process() -> None:
    host, process, started = own_name().split("|")
    if not started:
        pytest.skip("this system does not tell when a process started")

    assert is_alive(f"{host}|{process}|{int(started) - 1}") is False


@pytest.mark.parametrize("name", ["elsewhere|1|1", "", "no id"])
def test_of_another_host_nothing_can_be_told(name: str) -> None:
    assert is_alive(name) is None
