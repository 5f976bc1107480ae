"""This machine's own faults: clocks that jump, disks that are full, places that are none, journals that are broken."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from conftest import ROOT
from wire import IMAGE

from faults.programs import environment, history
from faults.proxy import Exchange, relay
from faults.world import World
from kie_sync import KieAdapter, KieError, KieOutcomeUnknownError, recovery
from kie_sync.clock import SystemClock
from kie_sync.errors import KieJournalError, KieSaveError
from kie_sync.events import TaskCreated, TaskSubmitting
from kie_sync.journal import SqliteJournal

CREATE = "/api/v1/jobs/createTask"


def creates(world: World) -> int:
    return sum(seen.path == CREATE for seen in world.proxy.seen)


def nothing_was_sent(world: World, prompt: str, **settings: Any) -> KieError:
    """A call that cannot be written down is not made."""
    with pytest.raises(KieError) as raised:
        KieAdapter(world.client(**settings), IMAGE).submit(prompt, key="row-1")

    assert (creates(world), world.paid(prompt)) == (0, [])
    assert world.leaks(raised.value) == []
    return raised.value


# Clocks


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0, -1e9], ids=["an hour back", "an hour on", "before its birth"])
def test_the_wall_clock_jumps_between_two_entries(world: World, step_s: float) -> None:
    """The machine's date is set while a call is on its way: nothing is lost, and nothing is paid twice."""
    prompt = f"step {step_s}"
    shift = [0.0]
    journal = SqliteJournal(world.journal_path, now=lambda: time.time() + shift[0])

    def step(event: Any) -> None:
        if isinstance(event, TaskCreated):
            shift[0] += step_s

    adapter = KieAdapter(world.client(journal=journal, on_event=step), IMAGE)
    first = adapter.generate(prompt, key="row-1")
    again = adapter.generate(prompt, key="row-1")
    steps = list(recovery.collect(adapter.client, journal, world.folder / "out"))
    journal.close()

    assert world.paid(prompt) == [first.task_id] == [again.task_id]
    assert [(record.state, record.task_id) for record in world.on_record()] == [("success", first.task_id)]
    assert [(each.error, len(each.paths)) for each in steps] == [(None, 1)]


@pytest.mark.parametrize("step_s", [-3600.0, 3600.0], ids=["an hour back", "an hour on"])
def test_a_wait_does_not_follow_the_wall_clock(world: World, step_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour that was not waited ends no wait, and adds none."""
    prompt = f"wait {step_s}"
    real, shift = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + shift[0])

    def step(event: Any) -> None:
        shift[0] += step_s

    client = world.client(clock=SystemClock(), on_event=step)
    result = KieAdapter(client, IMAGE).generate(prompt, poll_interval=0.01, max_wait_time=60)

    assert world.paid(prompt) == [result.task_id]
    assert [record.state for record in world.on_record()] == ["success"]


# Disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte; the tests run as root where there is one."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(place)]
        mounted = subprocess.run(mount, capture_output=True, timeout=30, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("no small file system can be mounted here (it takes root)")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=30)


def fill(place: Path) -> None:
    """Leave no byte."""
    with (place / "filler").open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def make_room(place: Path) -> None:
    (place / "filler").unlink()


@contextmanager
def elsewhere(world: World, path: Path) -> Iterator[SqliteJournal]:
    """The world's journal at another place."""
    world.journal.close()
    world.journal_path, world.journal = path, SqliteJournal(path)
    yield world.journal
    world.journal.close()


def test_a_disk_that_is_full_before_the_send_stops_the_call(world: World, small_disk: Path) -> None:
    with elsewhere(world, small_disk / "journal.sqlite") as journal:
        journal.records()
        fill(small_disk)

        error = nothing_was_sent(world, "full before")

        assert isinstance(error, KieJournalError)
        make_room(small_disk)
        task = KieAdapter(world.client(), IMAGE).submit("full before", key="row-1")
        assert world.paid("full before") == [task.task_id]
        assert [record.task_id for record in world.on_record() if record.task_id] == [task.task_id]


def after_the_send(do: Callable[[], None]) -> Callable[[Exchange], None]:
    """The platform has the call, and this happens before its answer is here."""

    def act(exchange: Exchange) -> None:
        answer = exchange.forward()
        do()
        exchange.send(answer.framed())

    return act


def test_a_disk_that_fills_while_the_call_is_out_costs_no_task(world: World, small_disk: Path) -> None:
    prompt = "full after"
    with elsewhere(world, small_disk / "journal.sqlite"):
        adapter = KieAdapter(world.client(), IMAGE)
        world.proxy.arm(after_the_send(lambda: fill(small_disk)), times=1)

        task = adapter.submit(prompt, key="row-1")

        assert world.paid(prompt) == [task.task_id]
        # What could not be written down was told, at least.
        assert any(task.task_id in line for line in world.said.lines if "ERROR" in line)
        world.proxy.disarm()
        make_room(small_disk)
        # It is made good as soon as there is room, by whoever asks next.
        assert KieAdapter(world.client(), IMAGE).submit(prompt, key="row-1").task_id == task.task_id
        assert task.wait().task_id == task.task_id
        assert [(record.state, record.task_id) for record in world.on_record()] == [("success", task.task_id)]
        assert world.paid(prompt) == [task.task_id]
        assert world.leaks() == []


def test_a_result_that_finds_no_room_is_fetched_later(world: World, small_disk: Path) -> None:
    """No half of a file stays; the task is not lost."""
    prompt = "no room for the picture"
    result = KieAdapter(world.client(), IMAGE).generate(prompt)
    fill(small_disk)
    before = sorted(small_disk.rglob("*"))

    with pytest.raises(KieSaveError) as raised:
        result.save(small_disk / "cat.png")

    assert (sorted(small_disk.rglob("*")), world.leaks(raised.value)) == (before, [])
    assert raised.value.task_id == result.task_id
    assert [record.task_id for record in world.on_record()] == world.paid(prompt)
    (saved,) = result.save(world.folder / "cat.png")
    assert saved.read_bytes().startswith(b"\x89PNG")


def test_a_disk_that_can_only_be_read_stops_the_call(world: World, small_disk: Path) -> None:
    with elsewhere(world, small_disk / "journal.sqlite") as journal:
        journal.records()
        journal.close()
        read_only = ["mount", "-o", "remount,ro", str(small_disk)]
        subprocess.run(read_only, check=True, capture_output=True, timeout=30)

        assert isinstance(nothing_was_sent(world, "read-only", journal=SqliteJournal(journal.path)), KieJournalError)


# Places that are none


def _under_a_file(folder: Path) -> Path:
    (folder / "file").write_text("a file", encoding="utf-8")
    return folder / "file" / "journal.sqlite"


def _a_folder(folder: Path) -> Path:
    (folder / "journal").mkdir()
    return folder / "journal"


def _not_a_database(folder: Path) -> Path:
    (folder / "broken.sqlite").write_bytes(b"this is not a database" * 500)
    return folder / "broken.sqlite"


def _a_torn_database(folder: Path) -> Path:
    path = folder / "torn.sqlite"
    journal = SqliteJournal(path)
    journal.records()
    journal.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    return path


def _another_version(folder: Path) -> Path:
    path = folder / "other.sqlite"
    with closing(sqlite3.connect(str(path), isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    return path


PLACES = [_under_a_file, _a_folder, _not_a_database, _a_torn_database, _another_version]


@pytest.mark.parametrize("place", PLACES, ids=lambda each: each.__name__.strip("_").replace("_", " "))
def test_a_journal_that_cannot_be_written_stops_the_call(world: World, place: Callable[[Path], Path]) -> None:
    path = place(world.folder)
    before = path.read_bytes() if path.is_file() else b""

    error = nothing_was_sent(world, f"journal: {place.__name__}", journal=SqliteJournal(path))

    assert isinstance(error, KieJournalError)
    # A journal that is broken is evidence: nobody writes over it, but for the marks in a database's head.
    assert (path.read_bytes() if path.is_file() else b"")[100:4096] == before[100:4096]


def test_a_place_where_nothing_can_be_saved_costs_no_task(world: World) -> None:
    prompt = "saved nowhere"
    result = KieAdapter(world.client(), IMAGE).generate(prompt)
    (world.folder / "file").write_text("a file", encoding="utf-8")

    with pytest.raises(KieSaveError) as raised:
        result.save(world.folder / "file" / "cat.png")

    assert world.leaks(raised.value) == []
    assert [record.state for record in world.on_record()] == ["success"]
    assert result.save(world.folder / "cat.png")[0].exists()


# Locks

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
"""


@contextmanager
def held(path: Path) -> Iterator[Callable[[], None]]:
    """Another process has the file to itself, until it is let go."""
    words = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None and holder.stdout is not None
        assert holder.stdout.readline() == "held\n"

        def let_go() -> None:
            if not holder.stdin.closed:  # type: ignore[union-attr]
                holder.stdin.write("\n")  # type: ignore[union-attr]
                holder.stdin.close()  # type: ignore[union-attr]

        yield let_go
        let_go()


def be_impatient(journal: SqliteJournal) -> None:
    """Wait for locks for a moment only."""
    with journal._file.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 100")


def test_a_journal_that_is_locked_for_a_moment_is_waited_for(world: World) -> None:
    prompt = "locked for a moment"
    world.journal.records()
    with held(world.journal_path) as let_go:
        timer = threading.Timer(0.3, let_go)
        timer.start()
        task = KieAdapter(world.client(), IMAGE).submit(prompt)
        timer.join()

    assert world.paid(prompt) == [task.task_id] == [record.task_id for record in world.on_record()]


def test_a_journal_that_stays_locked_stops_the_call(world: World) -> None:
    be_impatient(world.journal)
    with held(world.journal_path):
        assert isinstance(nothing_was_sent(world, "locked"), KieJournalError)


def test_a_journal_that_is_locked_while_the_call_is_out_costs_no_task(world: World) -> None:
    prompt = "locked after the send"
    be_impatient(world.journal)
    locks: List[Any] = []

    def lock() -> None:
        locks.append(held(world.journal_path))
        locks[0].__enter__()

    world.proxy.arm(after_the_send(lock), times=1)
    try:
        task = KieAdapter(world.client(), IMAGE).submit(prompt, key="row-1")
    finally:
        locks[0].__exit__(None, None, None)

    assert world.paid(prompt) == [task.task_id]
    assert any(task.task_id in line for line in world.said.lines if "ERROR" in line)
    task.wait()
    assert [(record.state, record.task_id) for record in world.on_record()] == [("success", task.task_id)]
    assert world.leaks() == []


# Two at once


def test_two_processes_with_one_key_pay_once(world: World) -> None:
    prompt = "one key, two processes"
    urls = {name: world.proxy.url for name, value in world.sandbox.environment().items() if value == world.sandbox.url}
    environment = {**os.environ, **world.sandbox.environment(), **urls, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "kie_sync.cli", "generate", IMAGE, prompt, "--key", "row-1"]
    words += ["--journal", str(world.journal_path), "--poll-interval", "0.01"]
    # The platform takes its time, so that the second one comes while the first is on its way.
    world.proxy.arm(lambda exchange: (time.sleep(0.5), relay(exchange))[1], where="createTask")

    both = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert len(world.paid(prompt)) == 1
    assert world.leaks(None, *said[0], *said[1]) == []


_OPEN_AND_CLOSE = (
    "import sys; from kie_sync.journal import SqliteJournal as J; j = J(sys.argv[1]); j.records(); j.close()"
)


def test_two_journals_of_one_process_keep_their_locks(world: World) -> None:
    """To open and close the file once more ends all of a process's locks on it (sqlite.org/howtocorrupt.html, 2.2).

    Another process then takes itself for the last one, and removes the log that this one goes on writing to.
    """
    prompt = "two journals in one process"
    world.journal.records()
    second = SqliteJournal(world.journal_path)
    second.records()
    words = [sys.executable, "-c", _OPEN_AND_CLOSE, str(world.journal_path)]

    subprocess.run(words, check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)})
    task = KieAdapter(world.client(), IMAGE).submit(prompt)
    second.close()

    # As a process of its own sees it.
    listed = history(environment(world.sandbox, world.journal_path))
    assert [entry["task_id"] for entry in listed] == [task.task_id]


def test_a_listener_that_stops_a_call_stops_it_before_it_is_paid(world: World) -> None:
    """And what it raised is what comes out."""
    prompt = "a listener refuses"

    def refuse(event: Any) -> None:
        if isinstance(event, TaskSubmitting):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KieAdapter(world.client(on_event=refuse), IMAGE).submit(prompt, key="row-1")

    assert (world.paid(prompt), world.on_record()) == ([], [])


def test_ctrl_c_while_the_call_is_out_leaves_it_unknown(world: World) -> None:
    prompt = "interrupted"

    def interrupted(request: Any, **about: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        KieAdapter(world.client(transport=interrupted), IMAGE).submit(prompt, key="row-1")

    assert [record.state for record in world.on_record()] == ["unknown"]
    with pytest.raises(KieOutcomeUnknownError):
        KieAdapter(world.client(), IMAGE).submit(prompt, key="row-1")
    assert world.paid(prompt) == []
