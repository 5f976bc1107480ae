"""The limiter as the client meets it: who waits, for how long, and what gives a place back."""

from __future__ import annotations

import copy
import logging
import os
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from wire import CREATED, IMAGE, Script, answer, client, shipped, success

from kie_sync import KieAdapter, KieClient, limiter, places
from kie_sync.catalog import Catalog
from kie_sync.config import Settings
from kie_sync.errors import KieAPIError, KieConfigError, KieOutcomeUnknownError
from kie_sync.events import TaskSubmitting
from kie_sync.journal import SqliteJournal
from kie_sync.limiter_file import FileStore
from kie_sync.limiter_memory import MemoryStore
from kie_sync.records import PaidCall
from kie_sync.transport import Lost, NeverSent

PROVIDER = next(iter(shipped().providers.values()))


@pytest.fixture(autouse=True)
def own_places() -> Iterator[None]:
    """What the process shares, each test has for itself."""
    kept = dict(limiter._stores)
    limiter._stores.clear()
    yield
    for store in limiter._stores.values():
        if isinstance(store, FileStore):
            store.close()
    limiter._stores.clear()
    limiter._stores.update(kept)


def limited(creates: int, per_s: str = "10", running: int = 100) -> Catalog:
    """The shipped models, of a provider with these limits."""
    catalog = copy.copy(shipped())
    provider = replace(PROVIDER, creates=creates, per_seconds=Decimal(per_s), running=running)
    catalog.providers = {**catalog.providers, provider.name: provider}
    return catalog


def ids() -> Any:
    """A platform that makes a task for each create, and ends each at the first look."""
    made: List[int] = []

    def give(request: Any) -> Any:
        if request.is_paid:
            made.append(1)
            return answer({"code": 200, "data": {"taskId": f"t{len(made)}"}})
        task_id = request.url.rpartition("=")[2]
        return answer({**success(), "data": {**success()["data"], "taskId": task_id}})

    return Script(give)


def submit(adapter: KieAdapter, count: int, **given: Any) -> List[Any]:
    return [adapter.submit("a cat", **given) for _ in range(count)]


def test_the_window_is_kept(clock: Any) -> None:
    """Six creates at two per ten seconds: the last one goes after twenty."""
    adapter = KieAdapter(client(ids(), clock, limiter=True, catalog=limited(2)), IMAGE)
    began = clock.now()

    submit(adapter, 6)

    assert clock.now() - began == pytest.approx(20)


def test_a_slot_is_counted_from_the_answer(clock: Any) -> None:
    """An answer that takes 3 s: the next window opens 10 s after it, not after the send."""

    def give(request: Any) -> Any:
        clock.sleep(3)
        return answer(CREATED)

    adapter = KieAdapter(client(Script(give), clock, limiter=True, catalog=limited(1)), IMAGE)
    began = clock.now()

    submit(adapter, 2)

    assert clock.now() - began == pytest.approx(3 + 10 + 3)


def test_a_create_without_an_answer_holds_its_place(clock: Any) -> None:
    """However long it takes: it may be counted any moment. After ten minutes nobody waits for it any more."""
    guard = limiter.Limiter(limited(1).providers, Settings(), True, clock=clock)
    guard(TaskSubmitting(IMAGE, call=PaidCall("first", IMAGE, provider=PROVIDER.name, deadline_s=60)))
    began = clock.now()

    guard(TaskSubmitting(IMAGE, call=PaidCall("second", IMAGE, provider=PROVIDER.name, deadline_s=60)))

    assert clock.now() - began == pytest.approx(places.LONGEST_SEND_S, abs=2.1)


def test_a_task_seen_to_end_makes_room(clock: Any) -> None:
    adapter = KieAdapter(client(ids(), clock, limiter=True, catalog=limited(0, "0", 1)), IMAGE)
    began = clock.now()

    for _ in range(3):
        adapter.generate("a cat")

    # The first look at each task, and nothing else.
    assert clock.now() - began == 3 * 2


def test_a_task_nobody_looks_at_runs_until_its_deadline(clock: Any) -> None:
    adapter = KieAdapter(client(ids(), clock, limiter=True, catalog=limited(0, "0", 1)), IMAGE)
    began = clock.now()

    submit(adapter, 2)

    assert clock.now() - began == pytest.approx(600)


@pytest.mark.parametrize(
    ("given", "error", "seconds"),
    [
        pytest.param(NeverSent("no route", is_final=True), KieAPIError, 0, id="never-sent-counts-for-nothing"),
        pytest.param({"code": 402, "msg": "no credits"}, KieAPIError, 10, id="refused-was-counted"),
        pytest.param(Lost("gone"), KieOutcomeUnknownError, 600, id="unknown-may-be-running"),
    ],
)
def test_a_call_without_a_task(given: Any, error: Any, seconds: float, clock: Any) -> None:
    adapter = KieAdapter(client(Script(given, CREATED), clock, limiter=True, catalog=limited(1, "10", 1)), IMAGE)
    with pytest.raises(error):
        adapter.submit("a cat")
    began = clock.now()

    adapter.submit("a cat")

    assert clock.now() - began == pytest.approx(seconds)


def test_a_call_that_a_listener_refuses_after_its_turn_gives_the_place_back(clock: Any) -> None:
    """The journal stands behind the limiter: where it cannot write, nothing is sent."""
    refuse = [True]

    class Journal:
        def __call__(self, event: Any) -> None:
            if refuse and refuse.pop():
                raise KieConfigError("the disk is full")

        def find(self, **about: Any) -> None:
            return None

    journal: Any = Journal()
    adapter = KieAdapter(client(ids(), clock, limiter=True, journal=journal, catalog=limited(1)), IMAGE)
    began = clock.now()
    with pytest.raises(KieConfigError):
        adapter.submit("a cat")

    adapter.submit("a cat")

    assert clock.now() == began


def test_a_call_that_waits_for_its_turn_is_not_on_record_yet(tmp_path: Path, clock: Any) -> None:
    """Killed in the queue, it would be listed as of unknown outcome, and its key be taken."""
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    adapter = KieAdapter(client(ids(), clock, limiter=True, journal=journal, catalog=limited(1)), IMAGE)
    adapter.submit("a cat")
    sleep, seen = clock.sleep, []
    clock.sleep = lambda seconds: (seen.append(len(journal.records())), sleep(seconds))

    adapter.submit("a cat")

    assert (set(seen), len(journal.records())) == ({1}, 2)


def test_an_interrupt_while_waiting_leaves_the_queue(clock: Any) -> None:
    """Ctrl-C in the queue: whoever comes next does not stand behind a ghost."""
    mine = client(ids(), clock, limiter=True, catalog=limited(1))
    adapter = KieAdapter(mine, IMAGE)
    adapter.submit("a cat")
    sleep, clock.sleep = clock.sleep, lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        adapter.submit("a cat")
    clock.sleep = sleep
    began = clock.now()

    adapter.submit("a cat")

    assert clock.now() - began == pytest.approx(10)


def test_a_user_keeps_to_his_share_and_holds_up_nobody(clock: Any) -> None:
    adapter = KieAdapter(client(ids(), clock, limiter=True, user_share=0.5, catalog=limited(4)), IMAGE)
    began = clock.now()

    submit(adapter, 2, user="ann")
    submit(adapter, 2, user="bob")
    assert clock.now() == began
    submit(adapter, 1, user="ann")

    assert clock.now() - began == pytest.approx(10)


def test_waiting_is_told_once(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    adapter = KieAdapter(client(ids(), clock, limiter=True, catalog=limited(1, "7")), IMAGE)
    caplog.set_level(logging.INFO, "kie_sync")

    submit(adapter, 2)

    assert [record.getMessage() for record in caplog.records] == [
        f"{IMAGE}: waiting 7 s for a free place: 1 creates per 7 s"
    ]


@pytest.mark.parametrize(
    ("asked", "base_url", "is_limited"),
    [
        (None, "", True),
        (None, "http://127.0.0.1:9", False),
        (None, "http://localhost:9", False),
        (None, "https://proxy.example", True),
        (True, "http://127.0.0.1:9", True),
        (False, "", False),
    ],
)
def test_where_it_is_on(asked: Any, base_url: str, is_limited: bool, clock: Any) -> None:
    """This machine itself is a sandbox, which may be quick."""
    mine = client(ids(), clock, limiter=asked, base_url=base_url or None, catalog=limited(1))
    began = clock.now()

    submit(KieAdapter(mine, IMAGE), 2)

    assert (clock.now() > began) is is_limited


def test_the_environment_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_LIMITER", str(tmp_path / "places"))

    KieAdapter(client(ids(), limiter=None), IMAGE).submit("a cat")
    KieAdapter(client(ids(), limiter=False), IMAGE).submit("a cat")

    assert list(limiter._stores) == [str(tmp_path / "places")]


def test_a_file_that_cannot_be_used_stops_the_call(tmp_path: Path) -> None:
    transport = ids()

    with pytest.raises(KieConfigError, match=r"the limiter's file .* cannot be written"):
        KieAdapter(client(transport, limiter=tmp_path), IMAGE).submit("a cat")

    assert transport.requests == []


@pytest.mark.parametrize("share", [0, -1, 1.5, True, "half", float("nan")])
def test_a_share_is_a_part(share: Any) -> None:
    with pytest.raises(KieConfigError, match="user_share must be a number above 0 and up to 1"):
        KieClient(user_share=share)


@pytest.mark.parametrize("asked", ["", " ", 5, []])
def test_a_limiter_is_a_choice_or_a_path(asked: Any) -> None:
    with pytest.raises(KieConfigError, match="limiter must be True, False, None or the path of a file"):
        KieClient(limiter=asked)


def test_chats_are_not_limited(clock: Any) -> None:
    talk = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}]}
    mine = client(Script(talk), clock, limiter=True, catalog=limited(1))
    began = clock.now()

    for _ in range(3):
        mine.chat_completions("gemini-3-flash", "2+2?")

    assert clock.now() == began


@pytest.mark.parametrize("where", ["memory", "file"])
def test_threads_together_keep_the_limit(where: str, tmp_path: Path) -> None:
    """20 threads, 5 per 0.2 s: no create is sent while five answers are younger than that."""
    platform, sent, answered = ids(), [], []

    def transport(request: Any, **about: Any) -> Any:
        sent.append(time.monotonic())
        given = platform(request, **about)
        answered.append(time.monotonic())
        return given

    asked: Any = True if where == "memory" else tmp_path / "places"
    mine = client(transport, limiter=asked, catalog=limited(5, "0.2"))
    threads = [threading.Thread(target=submit, args=(KieAdapter(mine, IMAGE), 1)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sent) == len(answered) == 20
    assert all(later - earlier >= 0.2 for earlier, later in zip(sorted(answered), sorted(sent)[5:]))


def test_first_come_first_served() -> None:
    """Who came first has the first free place, however the threads are woken."""
    store, rate = MemoryStore(), places.Rate(1, 0.05, 0)
    guard = limiter.Limiter({}, None, True)  # type: ignore[arg-type]
    order: List[str] = []

    def run(name: str) -> None:
        guard._wait(store, PaidCall(name, "m"), "lane", rate)
        order.append(name)
        store.answer(name, task_id="", is_running=False)

    with store.open("lane") as view:
        view.take(places.Slot("busy", "", view.now, True, 0), 0.05)
    threads = []
    for number in range(8):
        threads.append(threading.Thread(target=run, args=(str(number),)))
        threads[-1].start()
        while True:
            with store.open("lane") as view:
                if str(number) in [waiter.id for waiter in view.waiters()] or str(number) in order:
                    break
    for thread in threads:
        thread.join()

    assert order == [str(number) for number in range(8)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("where", ["memory", "file"])
def test_a_fork_begins_with_places_of_its_own_or_the_file(where: str, tmp_path: Path) -> None:
    """The parent's lock is held while it forks; the child must not wait for it for ever."""
    path = str(tmp_path / "places") if where == "file" else ""
    store = limiter.shared_store(path)
    with store.open("lane") as view:
        view.take(places.Slot("parent", "", view.now, True, 60), 10)
    with limiter._lock:
        child = os.fork()
        if child == 0:
            try:
                with limiter.shared_store(path).open("lane") as view:
                    names = [slot.id for slot in view.slots()]
                os._exit(10 + len(names))
            except BaseException:
                os._exit(1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (11 if where == "file" else 10)
