"""What a journal has on record is gone on with, fetched, and compared with the balance."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from wire import IMAGE, Script, answer, shipped, state, success
from wire import client as scripted

from kie_sync import KieAdapter, KieClient, KieError, KieOutcomeUnknownError, KieTaskTimeoutError, load_catalog
from kie_sync.errors import KieAuthenticationError, KieSaveError
from kie_sync.journal import SqliteJournal
from kie_sync.records import Record
from kie_sync.recovery import Reconciliation, collect, left_alone, note_balance, reconcile, resume, unsaved
from kie_sync.sandbox import Sandbox
from kie_sync.webhooks import handle

QUICK: Dict[str, Any] = {"poll_interval": 0.01}


@pytest.fixture
def own() -> Iterator[Sandbox]:
    # Its clock runs away from ours: at 1,000 a second between two calls would be a quarter of an hour to the journal.
    with Sandbox(speed=100) as sandbox:
        yield sandbox


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.sqlite")


@pytest.fixture
def client(own: Sandbox, journal: SqliteJournal) -> Iterator[KieClient]:
    with KieClient(own.key, own.url, catalog=shipped(), journal=journal) as made:
        yield made


@pytest.fixture
def image(client: KieClient) -> KieAdapter:
    return KieAdapter(client, IMAGE)


def facts(steps: Any) -> List[Any]:
    return [(step.record.state, type(step.error).__name__ if step.error else None) for step in steps]


def test_everything_unfinished_is_waited_for(client: KieClient, image: KieAdapter, journal: SqliteJournal) -> None:
    image.submit("a")
    image.submit("b [[fault:fail=no luck]]")
    with pytest.raises(KieTaskTimeoutError):
        image.generate("c [[fault:null-first=500]]", max_wait_time=0.01, **QUICK)
    with pytest.raises(KieOutcomeUnknownError):
        image.generate("d [[fault:accept-then-drop]]")

    steps = list(resume(client, journal, **QUICK))

    assert facts(steps) == [("success", None), ("failed", "KieTaskFailedError"), ("success", None)]
    assert [record.state for record in journal.records()] == ["success", "failed", "success", "unknown"]
    assert list(resume(client, journal)) == []


def test_what_still_runs_stays_on_record(client: KieClient, image: KieAdapter, journal: SqliteJournal) -> None:
    image.submit("a [[fault:null-first=100000]]")

    assert facts(resume(client, journal, max_wait_time=0.01, **QUICK)) == [("running", "KieTaskTimeoutError")]


def test_what_is_paid_and_not_on_disk_is_fetched(
    client: KieClient, image: KieAdapter, journal: SqliteJournal, tmp_path: Path
) -> None:
    image.generate("saved", **QUICK).save(tmp_path / "own.png")
    image.generate("not saved", **QUICK)
    image.generate("expired [[fault:expired]]", **QUICK)
    image.submit("not finished when collected")

    steps = list(collect(client, journal, tmp_path / "out"))
    again = list(collect(client, journal, tmp_path / "out"))

    assert facts(steps)[:2] == [("success", None), ("success", "KieNotFoundError")]
    assert [path.parent for step in steps[:1] for path in step.paths] == [tmp_path / "out"]
    assert journal.get(steps[0].record.id).files == {steps[0].record.urls[0]: str(steps[0].paths[0])}
    assert {step.record.id for step in again} <= {record.id for record in unsaved(client, journal)} | {
        step.record.id for step in steps
    }


def test_a_model_that_left_the_catalog_is_fetched_all_the_same(journal: SqliteJournal, tmp_path: Path) -> None:
    own_file = tmp_path / "own.yaml"
    own_file.write_text(
        "models: {own/model: {kind: image, endpoint: kie-task, parameters: {prompt: {required: true}}}}",
        encoding="utf-8",
    )
    catalog = load_catalog(own_file)
    with Sandbox(speed=1000, catalog=catalog) as sandbox:
        with KieClient(sandbox.key, sandbox.url, catalog=catalog, journal=journal) as client:
            KieAdapter(client, "own/model").submit("a")
        with KieClient(sandbox.key, sandbox.url, catalog=shipped(), journal=journal) as other:
            list(resume(other, journal, **QUICK))
            steps = list(collect(other, journal, tmp_path / "out"))
            left = unsaved(other, journal)

    assert ([len(step.paths) for step in steps], left) == ([1], [])


@pytest.mark.parametrize("how", ["looked at", "called back"])
def test_a_task_that_shows_up_settles_the_call_that_made_it(
    client: KieClient, image: KieAdapter, journal: SqliteJournal, own: Sandbox, how: str
) -> None:
    """Its answer was lost, but its id was found: on the platform's log page, or in a callback, which may come early."""
    prompt = "a [[fault:accept-then-drop]]" + (" [[fault:null-first=1]]" if how == "called back" else "")
    with pytest.raises(KieOutcomeUnknownError):
        image.generate("another [[fault:drop-before]]", key="row-0")
    with pytest.raises(KieOutcomeUnknownError):
        image.generate(prompt, key="row-1")
    task_id = own.tasks[-1].id

    if how == "looked at":
        client.wait_for_task(task_id, **QUICK)
    else:
        body = json.dumps({"data": {"taskId": task_id}})
        while not handle(client, body, {}, unsigned=True).is_final:
            continue
    again = image.generate(prompt, key="row-1")

    assert [(record.key, record.state) for record in journal.records()] == [("row-0", "unknown"), ("row-1", "success")]
    assert (again.task_id, len(own.tasks)) == (task_id, 1)


def test_calls_of_another_key_are_left_alone(
    image: KieAdapter, client: KieClient, journal: SqliteJournal, own: Sandbox, tmp_path: Path
) -> None:
    image.generate("on disk", **QUICK).save(tmp_path / "own.png")
    image.generate("not on disk", **QUICK)
    image.submit("not finished")

    with KieClient("another-key", own.url, catalog=shipped(), journal=journal) as other:
        assert list(resume(other, journal)) == []
        assert [record.state for record in left_alone(other, journal)] == ["success", "accepted"]
    assert left_alone(client, journal) == []


class Platform:
    """Makes tasks t1, t2...; tells of each what `states` says, and notes what it was asked for."""

    def __init__(self, **states: Any) -> None:
        self.states, self.made = states, 0
        self.asked: List[str] = []

    def __call__(self, request: Any, **more: Any) -> Any:
        if request.is_paid:
            self.made += 1
            return answer({"code": 200, "data": {"taskId": f"t{self.made}"}})
        name = next((name for name in self.states if name in request.url), "file")
        self.asked.append(name)
        return answer(self.states.get(name, b"\x89PNG\r\n\x1a\n" + b"x" * 50))


BROKEN = {"code": 500, "msg": "internal error"}


@pytest.mark.parametrize("refused", [False, True])
def test_one_task_that_cannot_be_looked_at_stops_no_other(
    refused: bool, journal: SqliteJournal, tmp_path: Path, clock: Any
) -> None:
    """What is known to be done is fetched first, whatever comes of the looks."""
    platform = Platform(t1=success(), t2=BROKEN, t3=success())
    kie = scripted(platform, clock, journal=journal)
    adapter = KieAdapter(kie, IMAGE)
    adapter.generate("one")
    adapter.submit("two")
    adapter.submit("three")
    platform.asked.clear()
    if refused:
        platform.states["t2"] = {"code": 401, "msg": "no such key"}

    steps = collect(kie, journal, tmp_path / "out")

    first = next(steps)
    assert (first.record.task_id, len(first.paths), "t2" in platform.asked) == ("t1", 1, False)
    if refused:
        with pytest.raises(KieAuthenticationError):
            next(steps)
    else:
        assert [(step.record.task_id, len(step.paths)) for step in steps] == [("t3", 1)]


def test_what_is_done_is_seen_before_the_long_waits(journal: SqliteJournal, clock: Any) -> None:
    platform = Platform(t1=state("generating"), t2=success(), t3=state("fail", failMsg="no luck"))
    kie = scripted(platform, clock, journal=journal)
    for word in ("one", "two", "three"):
        KieAdapter(kie, IMAGE).submit(word)
    began = clock.now()

    steps = []
    for step in resume(kie, journal, poll_interval=5, max_wait_time=60):
        steps.append((step.record.task_id, step.record.state, type(step.error).__name__, clock.now() - began >= 60))

    assert steps == [
        ("t2", "success", "NoneType", False),
        ("t3", "failed", "KieTaskFailedError", False),
        ("t1", "running", "KieTaskTimeoutError", True),
    ]


def test_files_are_fetched_as_they_come(journal: SqliteJournal, tmp_path: Path, clock: Any, caplog: Any) -> None:
    """Links expire: what is done is on disk before the long waits, and what failed then is tried once more."""
    platform = Platform(t1=success("https://f/1"), t2=success("https://f/2"), t3=success("https://f/3"))
    platform.states.update(t4=state("generating"), t5=state("fail", failMsg="no luck"))
    kie = scripted(platform, clock, journal=journal)
    adapter = KieAdapter(kie, IMAGE)
    adapter.generate("one")
    adapter.generate("two")
    for word in ("three", "four", "five"):
        adapter.submit(word)
    platform.states["f/2"] = b""
    began = clock.now()

    steps = []
    for step in resume(kie, journal, tmp_path / "out", poll_interval=5, max_wait_time=60):
        facts = (step.record.task_id, step.record.state, len(step.paths), type(step.error).__name__)
        steps.append((*facts, clock.now() - began >= 60))

    assert steps == [
        ("t1", "success", 1, "NoneType", False),
        ("t3", "success", 1, "NoneType", False),
        ("t5", "failed", 0, "KieTaskFailedError", False),
        ("t4", "running", 0, "KieTaskTimeoutError", True),
        ("t2", "success", 0, "KieConnectionError", True),
    ]
    assert "task t2: " in caplog.text


def test_a_task_of_a_moment_ago_may_be_unknown_to_the_platform(journal: SqliteJournal, clock: Any) -> None:
    """By the journal's record, as for a wait by key: this client did not make it."""
    KieAdapter(scripted(Platform(), clock, journal=journal), IMAGE).submit("a")
    answers = iter([{"code": 200, "data": None}, {"code": 200, "data": None}])
    kie = scripted(lambda request, **more: answer(next(answers, success())), clock, journal=journal)

    assert [(step.record.state, step.error) for step in resume(kie, journal)] == [("success", None)]


def test_a_model_that_is_in_no_catalog_and_a_full_disk(journal: SqliteJournal, tmp_path: Path, clock: Any) -> None:
    kie = scripted(Platform(t1=success()), clock, journal=journal)
    kie.create_task("not/in-catalog", {"a": 1})
    kie.wait_for_task("t1")
    (tmp_path / "plain").write_text("a file")

    (step,) = collect(kie, journal, tmp_path / "plain" / "x")

    assert isinstance(step.error, KieSaveError) and (step.error.task_id, step.error.model) == ("t1", "not/in-catalog")


def test_balances_that_add_up(client: KieClient, image: KieAdapter, journal: SqliteJournal) -> None:
    first = reconcile(client, journal)
    image.generate("a", **QUICK)

    second = reconcile(client, journal)

    assert (first.verdict, first.taken) == ("first", 0)
    assert (second.verdict, second.taken, second.sure) == ("adds up", 4, 4)


def test_an_unknown_call_that_was_charged_shows(client: KieClient, image: KieAdapter, journal: SqliteJournal) -> None:
    note_balance(client, journal)
    with pytest.raises(KieOutcomeUnknownError):
        image.generate("a [[fault:accept-then-drop]]")
    client.credits()

    found = reconcile(client, journal)

    assert (found.verdict, found.unexplained, [record.state for record in found.unknown]) == (
        "unknown were charged",
        4,
        ["unknown"],
    )


def test_an_unknown_call_that_was_not_charged_shows(
    client: KieClient, image: KieAdapter, journal: SqliteJournal
) -> None:
    note_balance(client, journal)
    with pytest.raises(KieOutcomeUnknownError):
        image.generate("a [[fault:drop-before]]")

    assert reconcile(client, journal).verdict == "adds up"


def test_a_failed_task_gives_its_credits_back(journal: SqliteJournal) -> None:
    """They were taken before the first balance, and come back after it."""
    with Sandbox(speed=8) as slow, KieClient(slow.key, slow.url, catalog=shipped(), journal=journal) as client:
        task = KieAdapter(client, IMAGE).submit("a [[fault:fail]]")
        note_balance(client, journal)
        with pytest.raises(KieError):
            task.wait(**QUICK)

        found = reconcile(client, journal)

    assert (found.verdict, found.taken) == ("adds up", -4)


def test_a_balance_is_noted_once_an_hour_and_never_fails(
    client: KieClient, journal: SqliteJournal, own: Sandbox
) -> None:
    note_balance(client, journal)
    note_balance(client, journal)
    own.add_fault("credits:html")
    note_balance(client, journal, max_age_s=-1)

    assert len(journal.balances(client.connection.account(client.home_provider))) == 1


def test_a_balance_that_does_not_change_is_asked_once_an_hour(tmp_path: Path, clock: Any) -> None:
    """It was not noted again, and so was asked before every purchase."""
    now = [1_795_000_000.0]
    aged = SqliteJournal(tmp_path / "aged.sqlite", now=lambda: now[0])
    script = Script({"code": 200, "data": 100})
    kie = scripted(script, clock, journal=aged)

    asked = []
    for after_s in (0, 60, 3600, 60, 3600, 60):
        now[0] += after_s
        note_balance(kie, aged)
        asked.append(len(script.requests))

    assert asked == [1, 1, 2, 2, 3, 3]


def _record(price: Any) -> Record:
    return Record("c", IMAGE, "unknown", 0.0, price=None if price is None else Decimal(price))


@pytest.mark.parametrize(
    ("taken", "sure", "unknown", "unpriced", "verdict"),
    [
        ("4", "4", [], [], "adds up"),
        ("4.009", "4", [], [], "adds up"),
        ("4", "4", ["18"], [], "adds up"),
        ("22", "4", ["18"], [], "unknown were charged"),
        ("22", "4", ["18", "18"], [], "some unknown were charged"),
        ("50", "4", ["18"], [], "inconclusive"),
        ("-100", "4", ["18"], [], "inconclusive"),
        ("4", "4", [None], [], "inconclusive"),
        ("4", "4", [], [None], "inconclusive"),
    ],
)
def test_verdicts(taken: str, sure: str, unknown: Any, unpriced: Any, verdict: str) -> None:
    found = Reconciliation(
        1.0,
        Decimal(1000),
        Decimal(1000) - Decimal(taken),
        Decimal(sure),
        tuple(_record(price) for price in unknown),
        tuple(_record(price) for price in unpriced),
        1,
    )

    assert found.verdict == verdict
