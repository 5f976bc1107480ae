"""kill -9 at each step of the path, then a fresh process that goes on: nothing is paid twice, nothing paid is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
from wire import IMAGE

from faults import board, kill_storm
from faults.programs import environment, history, kie_sync, start, whole_pictures
from faults.proxy import Answer, Exchange
from faults.world import World
from kie_sync import KieAdapter, KieOutcomeUnknownError

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

CHILD = str(Path(__file__).with_name("child.py"))
Killer = Callable[[Exchange, int], None]


def in_the_send(exchange: Exchange, child: int) -> None:
    """The platform has the call; the program dies before its answer."""
    exchange.forward()
    os.kill(child, signal.SIGKILL)
    exchange.hang()


def too_many(exchange: Exchange, child: int) -> None:
    """The platform refuses the call for its rate; the program dies by itself in the pause after it."""
    assert exchange.request
    exchange.send(
        Answer("429 Too Many Requests", body=b'{"code": 429, "msg": "slow"}').but(Retry_After="0.01").framed()
    )


def in_the_send_after_it(exchange: Exchange, child: int) -> None:
    """And here when it is sent again."""
    creates = [seen for seen in exchange.proxy.seen if seen.path in exchange.path]
    (too_many if len(creates) == 1 else in_the_send)(exchange, child)


def in_the_wait(exchange: Exchange, child: int) -> None:
    os.kill(child, signal.SIGKILL)
    exchange.hang()


def in_the_download(exchange: Exchange, child: int) -> None:
    answer = exchange.forward()
    exchange.send(answer.framed()[: -len(answer.body) // 2])
    os.kill(child, signal.SIGKILL)
    exchange.hang()


# The step; who kills from outside, where that is not the program itself, and at which path; what was paid; the
# journal's state before and after `resume`.
STEPS: List[Tuple[str, Optional[Killer], str, int, List[str], List[str]]] = [
    ("before the row", None, "", 0, [], []),
    ("after the row, before the send", None, "", 0, ["unknown"], ["unknown"]),
    ("after the send, before the answer", in_the_send, "createTask", 1, ["unknown"], ["unknown"]),
    ("in the pause after a 429", too_many, "createTask", 0, ["refused"], ["refused"]),
    ("when it is sent again after a 429", in_the_send_after_it, "createTask", 1, ["unknown"], ["unknown"]),
    ("after the answer, before its id is written", None, "", 1, ["unknown"], ["unknown"]),
    ("after the id is on record", None, "", 1, ["accepted"], ["success"]),
    ("while waiting", in_the_wait, "recordInfo", 1, ["accepted"], ["success"]),
    ("after the end is on record", None, "", 1, ["success"], ["success"]),
    ("while downloading", in_the_download, "/files/", 1, ["success"], ["success"]),
    ("after the file is there", None, "", 1, ["success"], ["success"]),
]


def run_child(world: World, environ: Dict[str, str], step: str, prompt: str, killer: Any, where: str) -> Any:
    child = start([sys.executable, CHILD, step, prompt, f"{world.folder / 'out'}/"], environ)
    if killer is not None:
        world.proxy.arm(lambda exchange: killer(exchange, child.pid), where=where)
    said = child.communicate(timeout=60)
    world.proxy.disarm()
    assert world.leaks(None, *said) == []
    return subprocess.CompletedProcess(child.args, child.returncode, *said)


@pytest.mark.parametrize(
    ("step", "killer", "where", "count", "states", "resumed"), STEPS, ids=[row[0] for row in STEPS]
)
def test_what_is_killed_can_be_gone_on_with(
    world: World, step: str, killer: Any, where: str, count: int, states: List[str], resumed: List[str]
) -> None:
    prompt = f"killed {step}"
    environ = environment(world.sandbox, world.journal_path, world.proxy.url)

    killed = run_child(world, environ, step, prompt, killer, where)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(world.paid(prompt)) == count
    assert [record.state for record in world.on_record()] == states
    if count and states != ["unknown"]:
        assert [record.task_id for record in world.on_record()] == world.paid(prompt)

    out = world.folder / "out"
    went_on = kie_sync(environ, "resume", "-o", f"{out}/", "--poll-interval", "0.01", "--json")
    assert went_on.returncode == (5 if resumed == ["unknown"] else 0), went_on.stderr
    assert [record.state for record in world.on_record()] == resumed
    assert len(whole_pictures(out)) >= (resumed == ["success"])
    assert len(world.paid(prompt)) == count

    adapter = KieAdapter(world.client(), IMAGE)
    if resumed == ["unknown"]:
        # What nobody knows is listed with all that is known, and is not bought again.
        with pytest.raises(KieOutcomeUnknownError):
            adapter.generate(prompt, key="row-1")
        assert len(world.paid(prompt)) == count
        (entry,) = history(environ)
        assert (entry["model"], entry["key"], entry["credits_estimated"]) == (IMAGE, "row-1", "4")
        assert entry["created_at"]
    else:
        # What was never sent, or refused, is bought now; the rest is there.
        assert [adapter.generate(prompt, key="row-1").task_id] == world.paid(prompt)
    assert world.leaks(None, went_on.stdout, went_on.stderr) == []
    board.KILLED[step] = (count, states, resumed)


def test_many_are_killed_at_random(tmp_path: Path) -> None:
    """A short run of `kill_storm`; its 200 runs are for a quiet hour."""
    found = kill_storm.storm(tmp_path, runs=8, seed=3)

    assert found.problems == []
    assert found.killed + found.ended == 8
