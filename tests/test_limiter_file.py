"""The limiter's file: processes that die, clocks that jump, other machines, and a crowd at one file."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from conftest import ROOT

from kie_sync.errors import KieConfigError
from kie_sync.limiter_file import FileClock, FileStore, machine_clock
from kie_sync.places import Slot, Waiter

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are known by /proc only")


class Hands:
    """A clock to set: seconds since some start, and the date."""

    def __init__(self, name: str = "here", now: float = 1000.0, wall: float = 1_795_000_000.0) -> None:
        self.name, self.time, self.date = name, now, wall

    @property
    def clock(self) -> FileClock:
        return FileClock(self.name, lambda: self.time, lambda: self.date)

    def pass_s(self, seconds: float) -> None:
        self.time, self.date = self.time + seconds, self.date + seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "places")


@pytest.fixture
def store(path: str, hands: Hands) -> Iterator[FileStore]:
    opened = FileStore(path, hands.clock)
    yield opened
    opened.close()


def slots_of(store: FileStore, lane: str = "lane") -> List[Slot]:
    with store.open(lane) as places:
        return sorted(places.slots(), key=lambda slot: slot.id)


def queue_of(store: FileStore, lane: str = "lane") -> List[str]:
    with store.open(lane) as places:
        return [waiter.id for waiter in places.waiters()]


def take(store: FileStore, name: str, held_s: float = 600.0) -> None:
    with store.open("lane") as places:
        places.take(Slot(name, "ann", places.now, False, held_s), 10.0)


def join(store: FileStore, *names: str) -> None:
    with store.open("lane") as places:
        for name in names:
            places.join(Waiter(name, "ann"), 5.0)


def run_elsewhere(code: str, *words: str) -> subprocess.Popen[str]:
    """Python in a process of its own, with a line to it and a line from it."""
    words = (sys.executable, "-c", code, *words)
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ)


def test_what_one_writes_the_other_reads(store: FileStore, path: str, hands: Hands) -> None:
    take(store, "a")
    hands.pass_s(3)
    store.answer("a", task_id="t1", is_running=True)
    other = FileStore(path, hands.clock)

    assert slots_of(other) == [Slot("a", "ann", hands.time, True, 600.0)]
    other.finish("t1")
    assert slots_of(store) == [Slot("a", "ann", hands.time, True, 0.0)]
    store.drop("a")
    assert slots_of(other) == []
    other.close()


def test_what_was_refused_is_counted_and_does_not_run(store: FileStore, hands: Hands) -> None:
    take(store, "a")
    store.answer("a", task_id="", is_running=False)

    assert slots_of(store) == [Slot("a", "ann", hands.time, True, 0.0)]


def test_a_lane_knows_nothing_of_the_others(store: FileStore) -> None:
    take(store, "a")
    join(store, "b")

    assert (slots_of(store, "other"), queue_of(store, "other")) == ([], [])


def test_a_slot_that_is_over_is_forgotten(store: FileStore, path: str, hands: Hands) -> None:
    take(store, "a", held_s=60.0)
    store.answer("a", task_id="t1", is_running=True)
    hands.pass_s(60)

    assert slots_of(store) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute("SELECT count(*) FROM slots").fetchone() == (0,)
    connection.close()


def test_the_queue_keeps_its_order(store: FileStore) -> None:
    join(store, "b", "a", "c")
    join(store, "b")
    store.drop("a")

    assert queue_of(store) == ["b", "c"]


def test_who_does_not_look_again_has_gone_and_may_come_back(store: FileStore, path: str, hands: Hands) -> None:
    """A suspended process: the others go on, and it has its old place when it wakes."""
    other = FileStore(path, hands.clock)
    join(store, "first")
    join(other, "second")
    hands.pass_s(40)
    join(other, "second")
    assert queue_of(other) == ["second"]

    join(store, "first")

    assert queue_of(other) == ["first", "second"]
    other.close()


@pytest.mark.parametrize("jump_s", [-1e8, 1e8])
def test_a_change_of_the_date_changes_nothing(store: FileStore, hands: Hands, jump_s: float) -> None:
    take(store, "a")
    store.answer("a", task_id="", is_running=True)
    join(store, "b")

    hands.date += jump_s

    assert slots_of(store) == [Slot("a", "ann", hands.time, True, 600.0)]
    assert queue_of(store) == ["b"]


@pytest.mark.parametrize(
    ("date_s", "seconds_ago"),
    [pytest.param(4.0, 4.0, id="the-same-date"), pytest.param(-500.0, 0.0, id="a-date-that-lies-behind-is-now")],
)
def test_another_machine_is_read_by_the_date(
    store: FileStore, path: str, hands: Hands, date_s: float, seconds_ago: float
) -> None:
    """Or this one after a restart: its clock begins anew."""
    take(store, "a")
    store.answer("a", task_id="", is_running=True)
    elsewhere = Hands("there", now=7.0, wall=hands.date + date_s)
    other = FileStore(path, elsewhere.clock)

    assert slots_of(other) == [Slot("a", "ann", pytest.approx(7.0 - seconds_ago, abs=1e-5), True, 600.0)]
    elsewhere.pass_s(601 - seconds_ago)
    assert slots_of(other) == []
    other.close()


def test_a_waiter_from_the_future_is_not_waited_for(store: FileStore, path: str, hands: Hands) -> None:
    join(store, "a")
    other = FileStore(path, Hands("there", wall=hands.date - 1e6).clock)

    assert queue_of(other) == []
    other.close()


@linux
def test_the_dead_do_not_wait_and_their_sends_count_from_now(path: str) -> None:
    """Killed in the queue, and while sending: the first is nobody's hindrance, the second may have been accepted."""
    code = """if True:
        import sys
        from kie_sync.limiter_file import FileStore
        from kie_sync.places import Slot, Waiter
        with FileStore(sys.argv[1]).open("lane") as places:
            places.join(Waiter("dead", ""), 1000.0)
            places.take(Slot("sent", "", places.now, False, 600.0), 10.0)
        print("ready", flush=True)
        sys.stdin.readline()
    """
    store = FileStore(path)
    with run_elsewhere(code, path) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        assert queue_of(store) == ["dead"]
        assert [slot.is_answered for slot in slots_of(store)] == [False]

        process.kill()
        process.wait()

    # A store of its own: who was seen alive is not looked for again within a second.
    other = FileStore(path)
    assert queue_of(other) == []
    assert [slot.is_answered for slot in slots_of(other)] == [True]
    other.close()
    store.close()


def test_without_a_boot_the_date_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kie_sync.processes._read", lambda path: "")

    assert machine_clock().id == "wall"


@pytest.mark.parametrize("what", ["folder", "text"])
def test_a_file_that_is_none_is_named(what: str, tmp_path: Path) -> None:
    path = tmp_path / "places"
    if what == "folder":
        path.mkdir()
    else:
        path.write_text("not a database, and long enough to be looked at as one" * 30, encoding="utf-8")

    with pytest.raises(KieConfigError, match=r"the limiter's file .*places cannot be (read|written): "):
        queue_of(FileStore(str(path)))


def test_what_goes_wrong_inside_changes_nothing(store: FileStore) -> None:
    with pytest.raises(RuntimeError), store.open("lane") as places:
        places.join(Waiter("a", ""), 1.0)
        raise RuntimeError

    assert queue_of(store) == []


def test_many_processes_open_a_new_file_at_once(path: str) -> None:
    """To switch the same new file to its log is where SQLite does not wait by itself."""
    code = """if True:
        import sys
        from kie_sync.limiter_file import FileStore
        from kie_sync.places import Waiter
        print("ready", flush=True)
        sys.stdin.readline()
        with FileStore(sys.argv[1]).open("lane") as places:
            places.join(Waiter(sys.argv[2], ""), 1000.0)
        print("done", flush=True)
        sys.stdin.readline()
    """
    processes = [run_elsewhere(code, path, str(number)) for number in range(6)]
    try:
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.stdout.readline() for process in processes if process.stdout is not None]

        store = FileStore(path)
        assert (said, sorted(queue_of(store))) == (["done\n"] * 6, list("012345"))
        store.close()
    finally:
        for process in processes:
            process.communicate("\n", timeout=10)


def test_processes_and_threads_together_keep_the_limit(sandbox: Any, tmp_path: Path) -> None:
    """3 processes of 8 threads at one file, 6 creates per 0.3 s: never more, and nobody is forgotten."""
    code = """if True:
        import json, sys, threading, time
        from dataclasses import replace
        from decimal import Decimal
        from kie_sync import KieAdapter, KieClient, load_catalog
        from kie_sync.transport import HttpTransport
        url, key, path, model = sys.argv[1:]
        catalog = load_catalog()
        name, provider = next(iter(catalog.providers.items()))
        catalog.providers = {name: replace(provider, creates=6, per_seconds=Decimal("0.3"))}
        sent, answered = [], []
        real = HttpTransport()
        def transport(request, **about):
            sent.append(time.monotonic())
            answer = real(request, **about)
            answered.append(time.monotonic())
            return answer
        client = KieClient(key, url, catalog=catalog, limiter=path, transport=transport)
        adapter = KieAdapter(client, model)
        threads = [threading.Thread(target=adapter.submit, args=("a cat",)) for _ in range(8)]
        print("ready", flush=True)
        sys.stdin.readline()
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps([sent, answered]), flush=True)
    """
    words = (sandbox.url, sandbox.key, str(tmp_path / "places"), "google/nano-banana")
    processes = [run_elsewhere(code, *words) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    told = [json.loads(process.communicate("\n", timeout=60)[0]) for process in processes]
    sent = sorted(at for each in told for at in each[0])
    answered = sorted(at for each in told for at in each[1])

    assert len(sent) == len(answered) == 24
    # When the seventh is sent, the window of the first answer is over.
    assert all(later - earlier >= 0.3 for earlier, later in zip(answered, sent[6:]))


def test_threads_share_one_connection(store: FileStore) -> None:
    threads = [threading.Thread(target=join, args=(store, str(number))) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(queue_of(store)) == [str(number) for number in range(10)]
