from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
from wire import CHAT, IMAGE, KEY

from kie_sync import events, journal_rows
from kie_sync.config import journal_path
from kie_sync.errors import (
    KieBudgetError,
    KieConfigError,
    KieInputError,
    KieJournalError,
    KieRateLimitError,
    KieServerError,
)
from kie_sync.journal import SqliteJournal
from kie_sync.pricing import CostEstimate, unknown_cost
from kie_sync.records import KeyTaken, PaidCall, Record
from kie_sync.request import Request
from kie_sync.response import QueryTaskResponse

NOW = 1_795_000_000.0
TOOK = CostEstimate(CHAT, "t", None, None, None, Decimal(2), None, None)
ACCOUNT = "a" * 16


class Times:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def journal(tmp_path: Path, times: Times) -> SqliteJournal:
    return SqliteJournal(tmp_path / "state" / "journal.sqlite", now=times)


def call(call_id: str = "c1", key: str = "", given: Optional[Any] = None, model: str = IMAGE) -> PaidCall:
    return PaidCall(
        call_id, model, "image", "kie", "kie-task", ACCOUNT, {"prompt": "a"} if given is None else given, key
    )


def submitting(paid: PaidCall, price: Any = None) -> events.TaskSubmitting:
    body = {"model": paid.model, "input": dict(paid.given)}
    request = Request("POST", "https://api.kie.ai/x", json=body, provider="kie", is_paid=True)
    return events.TaskSubmitting(paid.model, {}, request, price, paid)


def priced(catalog: Any, credits: str) -> Any:
    return replace(unknown_cost(catalog[IMAGE], None, ""), platform_credits=Decimal(credits))


def success(task_id: str = "t1", **more: Any) -> QueryTaskResponse:
    return QueryTaskResponse(
        task_id,
        "success",
        "success",
        IMAGE,
        result_urls=("https://files/1.png",),
        result={"resultUrls": ["https://files/1.png"]},
        credits_consumed=Decimal("4.0"),
        **more,
    )


def failure(task_id: str = "t1") -> QueryTaskResponse:
    return QueryTaskResponse(task_id, "fail", "failure", IMAGE, fail_code="500", fail_msg="no")


RECORD = Record(
    id="c1",
    model=IMAGE,
    state="sending",
    created_at=NOW,
    account=ACCOUNT,
    provider="kie",
    kind="image",
    key="row-1",
    given='{"prompt":"a"}',
    digest=call().digest,
)


def changed(**values: Any) -> Record:
    return replace(RECORD, **values)


@pytest.mark.parametrize(
    ("told", "record"),
    [
        ([], changed()),
        ([events.TaskCreated(IMAGE, {}, "t1", "c1")], changed(state="accepted", task_id="t1")),
        ([events.CallRefused(IMAGE, {}, KieServerError("down"), "c1")], changed(state="refused", message="down")),
        ([events.OutcomeUnknown(IMAGE, {}, None, None, "c1")], changed(state="unknown", message="interrupted")),
        (
            [events.TaskCreated(IMAGE, {}, "t1", "c1"), events.TaskStillRunning(IMAGE, {}, "t1")],
            changed(state="running", task_id="t1"),
        ),
        (
            [
                events.TaskCreated(IMAGE, {}, "t1", "c1"),
                events.TaskStillRunning(IMAGE, {}, "t1"),
                events.TaskFinished(IMAGE, {}, "t1", success(created_ms=1000, completed_ms=3500)),
            ],
            changed(
                state="success",
                task_id="t1",
                urls=("https://files/1.png",),
                result={"resultUrls": ["https://files/1.png"]},
                consumed=Decimal("4.0"),
                duration_s=2.5,
                finished_at=3.5,
            ),
        ),
        (
            [events.TaskCreated(IMAGE, {}, "t1", "c1"), events.TaskFinished(IMAGE, {}, "t1", failure())],
            changed(state="failed", task_id="t1", fail_code="500", fail_msg="no", consumed=Decimal(0), finished_at=NOW),
        ),
        (
            [events.TaskCreated(IMAGE, {}, "t1", "c1"), events.FilesSaved(IMAGE, {}, "t1", {"https://u": "/a.png"})],
            changed(state="accepted", task_id="t1", files={"https://u": "/a.png"}),
        ),
    ],
    ids=["sending", "accepted", "refused", "unknown", "running", "success", "failed", "saved"],
)
def test_each_outcome_is_on_record(journal: SqliteJournal, told: List[Any], record: Record) -> None:
    journal(submitting(call(key="row-1")))
    for event in told:
        journal(event)

    assert journal.get("c1") == record
    assert SqliteJournal(journal.path).get("c1") == record


def test_a_row_is_on_disk_before_the_call_leaves(journal: SqliteJournal) -> None:
    journal(submitting(call(key="row-1")))

    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        found = other.execute("SELECT state, payload, price, url FROM calls").fetchall()
    assert found == [
        ("sending", '{"model": "google/nano-banana", "input": {"prompt": "a"}}', None, "https://api.kie.ai/x")
    ]


def test_a_huge_payload_is_kept_as_its_hash(journal: SqliteJournal) -> None:
    journal(submitting(call(given={"prompt": "x" * 300_000})))

    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        payload, digest = other.execute("SELECT payload, payload_hash FROM calls").fetchone()
    assert payload is None and len(digest) == 64


@pytest.mark.parametrize(
    ("event", "state", "consumed"),
    [
        (events.ChatFinished(CHAT, {}, call_id="c1", credits_consumed=Decimal("0.01")), "success", Decimal("0.01")),
        (events.ChatFinished(CHAT, {}, call_id="c1"), "success", None),
        (events.ChatFinished(CHAT, {}, None, None, KieServerError("cut"), "c1"), "unknown", None),
        (events.ChatFinished(CHAT, {}, None, TOOK, None, "c1"), "success", Decimal(2)),
        (events.ChatFinished(CHAT, {}, None, TOOK, None, "c1", is_complete=False), "unknown", None),
    ],
)
def test_a_chat_is_on_record(journal: SqliteJournal, event: Any, state: str, consumed: Optional[Decimal]) -> None:
    journal(events.ChatSubmitting(CHAT, {}, None, None, call(model=CHAT)))
    journal(event)

    found = journal.get("c1")
    assert (found.state, found.consumed, found.model) == (state, consumed, CHAT)
    assert found.message == ("" if state == "success" else str(event.error or "closed before its end"))


def test_a_key_belongs_to_one_call_at_a_time(journal: SqliteJournal) -> None:
    journal(submitting(call("c1", "row-1")))

    with pytest.raises(KeyTaken):
        journal(submitting(call("c2", "row-1")))

    assert journal.find(model=IMAGE, account=ACCOUNT, key="row-1") == journal.get("c1")
    assert journal.find(model=CHAT, account=ACCOUNT, key="row-1") is None
    assert journal.find(model=IMAGE, account="b", key="row-1") is None
    assert len(journal.records()) == 1


def test_a_key_that_was_given_up_just_now_is_to_be_looked_at_again(tmp_path: Path) -> None:
    """Between the refused row and the question whose the key is, its owner may have given it up."""

    class Slow(SqliteJournal):
        def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
            self(events.CallRefused(IMAGE, {}, None, "c1"))
            return super().find(model=model, account=account, key=key)

    journal = Slow(tmp_path / "journal.sqlite")
    journal(submitting(call("c1", "row-1")))

    with pytest.raises(KeyTaken):
        journal(submitting(call("c2", "row-1")))
    journal(submitting(call("c2", "row-1")))

    assert [(record.id, record.state) for record in journal.records()] == [("c1", "refused"), ("c2", "sending")]


@pytest.mark.parametrize("is_freed", ["refused", "settled as charged", "settled as not charged"])
def test_a_key_is_free_again_after(journal: SqliteJournal, is_freed: str) -> None:
    journal(submitting(call("c1", "row-1")))
    if is_freed == "refused":
        journal(events.CallRefused(IMAGE, {}, None, "c1"))
    else:
        journal(events.OutcomeUnknown(IMAGE, {}, None, None, "c1"))
        journal.settle("c1", charged=is_freed == "settled as charged")

    journal(submitting(call("c2", "row-1")))

    assert [record.key for record in journal.records()] == ["row-1", "row-1"]


SLOW = KieRateLimitError("slow")


@pytest.mark.parametrize(
    ("again", "state", "message"),
    [
        (0, "refused", "not accepted, to be sent again: slow"),
        (1, "unknown", "the process that sent it ended before it saw an answer"),
    ],
    ids=["in the pause", "after it"],
)
def test_who_ends_in_the_pause_before_a_call_is_sent_again_has_bought_nothing(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch, again: int, state: str, message: str
) -> None:
    journal(submitting(call("c1", "row-1")))
    journal(events.CallDeferred(IMAGE, {}, SLOW, 2.0, "c1"))
    for _ in range(again):
        journal(events.CallResubmitting(IMAGE, {}, "c1"))
    assert (journal.get("c1").state, len(journal.records(["refused", "unknown"]))) == ("sending", 0)

    monkeypatch.setattr(journal_rows, "is_alive", lambda name: False)

    (record,) = journal.records([state])
    assert (record.state, record.message, record.key) == (state, message, "row-1")
    assert journal.find(model=IMAGE, account=ACCOUNT, key="row-1") == record


def test_a_call_is_not_sent_again_where_that_cannot_be_written_down(
    journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal(submitting(call("c1")))
    journal(events.CallDeferred(IMAGE, {}, SLOW, 2.0, "c1"))
    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        other.execute("ALTER TABLE calls RENAME TO hidden")

    with pytest.raises(KieJournalError, match="the call was refused before, and was not sent again"):
        journal(events.CallResubmitting(IMAGE, {}, "c1"))


def test_what_was_deferred_on_a_full_disk_is_written_before_it_is_sent_again(journal: SqliteJournal) -> None:
    """And not after: it would stand there as refused while it is on its way."""
    journal(submitting(call("c1")))
    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        other.execute("ALTER TABLE calls RENAME TO hidden")
        with pytest.raises(KieJournalError):
            journal(events.CallDeferred(IMAGE, {}, SLOW, 2.0, "c1"))
        other.execute("ALTER TABLE hidden RENAME TO calls")

    journal(events.CallResubmitting(IMAGE, {}, "c1"))
    journal.records()

    assert journal.get("c1").message == ""


def test_settling(journal: SqliteJournal) -> None:
    for number in (1, 2, 3):
        journal(submitting(call(f"c{number}", f"row-{number}")))
        journal(events.OutcomeUnknown(IMAGE, {}, None, None, f"c{number}"))

    settled = [
        journal.settle("c1", charged=True),
        journal.settle("c2", charged=False),
        journal.settle("c3", charged=True, task_id="t3"),
    ]

    assert [(record.state, record.task_id) for record in settled] == [
        ("charged", None),
        ("refused", None),
        ("accepted", "t3"),
    ]
    with pytest.raises(KieInputError, match="nothing to settle"):
        journal.settle("c2", charged=True)
    with pytest.raises(KieInputError, match="no call of the id 'nosuch'"):
        journal.settle("nosuch", charged=True)


def test_a_call_is_found_by_the_beginning_of_its_id_or_by_its_task(journal: SqliteJournal) -> None:
    journal(submitting(call("abcdef0123")))
    journal(submitting(call("abcdef9999")))
    journal(events.TaskCreated(IMAGE, {}, "t1", "abcdef0123"))

    assert journal.get("t1").id == journal.get("abcdef0").id == "abcdef0123"
    assert journal.find_task("t1") == journal.get("t1") and journal.find_task("t2") is None
    with pytest.raises(KieInputError, match="2 calls"):
        journal.get("abcdef")


def test_the_call_of_a_process_that_ended_is_unknown(journal: SqliteJournal) -> None:
    code = (
        "import sys, os; sys.path[:0] = sys.argv[2:]; from test_journal import *;"
        "SqliteJournal(sys.argv[1])(submitting(call('c1', 'row-1'))); os._exit(9)"
    )
    folders = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    subprocess.run([sys.executable, "-c", code, str(journal.path), *folders], check=False)

    found = journal.records(["unknown"])

    assert [(record.id, record.message) for record in found] == [
        ("c1", "the process that sent it ended before it saw an answer")
    ]
    assert journal.settle("c1", charged=False).state == "refused"


def test_records_by_state_and_time(journal: SqliteJournal, times: Times) -> None:
    for number in (1, 2, 3):
        times.now = NOW + number
        journal(submitting(call(f"c{number}")))
    journal(events.TaskCreated(IMAGE, {}, "t2", "c2"))

    assert [record.id for record in journal.records()] == ["c1", "c2", "c3"]
    assert [record.id for record in journal.records(["accepted"])] == ["c2"]
    assert [record.id for record in journal.records(since=NOW + 2)] == ["c2", "c3"]


def test_what_was_spent_today(journal: SqliteJournal, times: Times, catalog: Any) -> None:
    times.now = NOW // 86400 * 86400 - 1
    journal(submitting(call("yesterday"), priced(catalog, "1000")))
    times.now += 1
    for name, price in (
        ("running", "18"),
        ("consumed", "18"),
        ("refused", "18"),
        ("failed", "18"),
        ("odd", "0.0000001"),
    ):
        journal(submitting(call(name), priced(catalog, price)))
        journal(events.TaskCreated(IMAGE, {}, f"t-{name}", name))
    journal(submitting(call("no price")))
    journal(events.TaskFinished(IMAGE, {}, "t-consumed", success("t-consumed")))
    journal(events.TaskFinished(IMAGE, {}, "t-failed", failure("t-failed")))
    journal(events.CallRefused(IMAGE, {}, None, "refused"))

    guarded = SqliteJournal(journal.path, max_credits_per_day=Decimal(23), now=times)
    with pytest.raises(KieBudgetError, match=r"the 23 credits of this day \(UTC\), 22\.000001 of which"):
        guarded(submitting(call("over"), priced(catalog, "0.999999999")))
    guarded(submitting(call("within"), priced(catalog, "0.999999")))
    guarded(submitting(replace(call("another account"), account="b"), priced(catalog, "23")))


@pytest.mark.parametrize(
    ("model", "wire_input", "created_s", "is_adopted"),
    [
        (IMAGE, {"prompt": "a"}, NOW, True),
        (IMAGE, {"prompt": "a"}, NOW + 599, True),
        (IMAGE, {"prompt": "a"}, NOW + 601, False),
        (IMAGE, {"prompt": "b"}, NOW, False),
        (CHAT, {"prompt": "a"}, NOW, False),
        (IMAGE, {}, NOW, False),
        (IMAGE, {"prompt": "a"}, None, False),
    ],
)
@pytest.mark.parametrize("was", ["unknown", "sending"])
def test_a_task_that_nobody_knows_is_given_to_the_call_that_made_it(
    journal: SqliteJournal, model: str, wire_input: Any, created_s: Optional[float], is_adopted: bool, was: str
) -> None:
    journal(submitting(call(key="row-1")))
    if was == "unknown":
        journal(events.OutcomeUnknown(IMAGE, {}, None, None, "c1"))
    raw = {"data": {"param": {"input": wire_input}}}
    ended = replace(
        success("t9"), model=model, raw=raw, created_ms=None if created_s is None else int(created_s * 1000)
    )

    journal(events.TaskFinished(IMAGE, {}, "t9", ended, account=ACCOUNT))

    found = journal.get("c1")
    # A call that is being sent just now will hear of its task itself.
    expected = ("success", "t9") if is_adopted and was == "unknown" else (was, None)
    assert (found.state, found.task_id) == expected


@pytest.mark.parametrize("what", ["another account", "two that fit", "one is being sent"])
def test_a_task_is_given_to_nobody_where_its_maker_is_not_certain(journal: SqliteJournal, what: str) -> None:
    journal(submitting(call("c1", "row-1")))
    journal(events.OutcomeUnknown(IMAGE, {}, None, None, "c1"))
    if what != "another account":
        journal(submitting(call("c2", "row-2")))
    if what == "two that fit":
        journal(events.OutcomeUnknown(IMAGE, {}, None, None, "c2"))
    raw = {"data": {"param": {"input": {"prompt": "a"}}}}
    ended = replace(success("t9"), raw=raw, created_ms=int(NOW * 1000))

    journal(events.TaskFinished(IMAGE, {}, "t9", ended, account="b" if what == "another account" else ACCOUNT))

    assert journal.get("c1").state == "unknown" and journal.find_task("t9") is None


def failed(journal: SqliteJournal, number: int) -> None:
    journal(submitting(call(f"c{number}", f"row-{number}")))
    journal(events.TaskCreated(IMAGE, {}, f"t{number}", f"c{number}"))
    journal(events.TaskFinished(IMAGE, {}, f"t{number}", failure(f"t{number}")))


def owners(journal: SqliteJournal, *keys: str) -> List[Optional[str]]:
    found = [journal.find(model=IMAGE, account=ACCOUNT, key=key) for key in keys]
    return [record.id if record is not None else None for record in found]


def test_a_call_takes_the_key_of_the_one_that_it_replaces(journal: SqliteJournal) -> None:
    failed(journal, 1)
    failed(journal, 2)

    journal(submitting(replace(call("new", "row-1"), replaces="c1")))

    assert owners(journal, "row-1", "row-2") == ["new", "c2"]


@pytest.mark.parametrize("why", ["it cannot be a row", "it is over the limit of the day"])
def test_a_call_that_is_not_sent_takes_no_key(journal: SqliteJournal, catalog: Any, why: str) -> None:
    failed(journal, 1)
    guarded = SqliteJournal(journal.path, max_credits_per_day=Decimal(1), now=journal.now)
    paid = replace(call("new", "row-1"), replaces="c1", user=None if why == "it cannot be a row" else "")

    with pytest.raises((KieJournalError, KieBudgetError), match="nothing was sent"):
        guarded(submitting(paid, priced(catalog, "0" if why == "it cannot be a row" else "2")))

    assert owners(journal, "row-1") == ["c1"]


def test_a_call_that_cannot_be_a_row_is_not_sent(journal: SqliteJournal) -> None:
    """It was taken for a key in use, and tried again without end."""
    with pytest.raises(KieJournalError, match="nothing was sent"):
        journal(submitting(replace(call(), user=None)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "charged", "task_id", "word"),
    [
        ("accepted", False, None, "its task is paid, and goes on"),
        ("running", False, None, "its task is paid, and goes on"),
        ("accepted", True, "t2", "its task is paid, and goes on"),
        ("success", True, None, "nothing to settle"),
    ],
)
def test_what_is_paid_is_not_settled_away(
    journal: SqliteJournal, state: str, charged: bool, task_id: Optional[str], word: str
) -> None:
    journal(submitting(call(key="row-1")))
    journal(events.TaskCreated(IMAGE, {}, "t1", "c1"))
    if state == "running":
        journal(events.TaskStillRunning(IMAGE, {}, "t1"))
    if state == "success":
        journal(events.TaskFinished(IMAGE, {}, "t1", success()))

    with pytest.raises(KieInputError, match=word):
        journal.settle("c1", charged=charged, task_id=task_id)

    assert journal.get("c1").state == state


def test_a_paid_task_can_be_given_up(journal: SqliteJournal) -> None:
    journal(submitting(call(key="row-1")))
    journal(events.TaskCreated(IMAGE, {}, "t1", "c1"))

    assert journal.settle("c1", charged=True).state == "charged"
    assert journal.find(model=IMAGE, account=ACCOUNT, key="row-1") is None


@pytest.mark.parametrize("end", ["success", "charged"])
def test_an_end_is_the_end(journal: SqliteJournal, end: str) -> None:
    """A late callback, or another's look, changes nothing; it would give credits back that are gone."""
    journal(submitting(call()))
    journal(events.TaskCreated(IMAGE, {}, "t1", "c1"))
    if end == "charged":
        journal.settle("c1", charged=True)
    else:
        journal(events.TaskFinished(IMAGE, {}, "t1", success()))
    before = journal.get("c1")

    journal(events.TaskFinished(IMAGE, {}, "t1", failure()))
    journal(events.TaskStillRunning(IMAGE, {}, "t1"))

    assert (before.state, journal.get("c1")) == (end, before)


def test_uploads_are_known_while_they_live(journal: SqliteJournal, times: Times) -> None:
    journal.keep_upload(account=ACCOUNT, content="abc", url="https://u/1", lives_s=60)
    found = [journal.find_upload(account=account, content="abc") for account in (ACCOUNT, "b")]
    times.now += 61

    assert found == ["https://u/1", None]
    assert journal.find_upload(account=ACCOUNT, content="abc") is None


def test_balances(journal: SqliteJournal, times: Times) -> None:
    """One that has not changed is noted once an hour: a watch looks for ever."""
    for after_s, credits in ((0, "99.5"), (60, "99.5"), (60, "99"), (3599, "99"), (1, "99"), (1, "99"), (1, "99.5")):
        times.now += after_s
        journal(events.BalanceRead("", {}, "kie", ACCOUNT, Decimal(credits)))

    assert journal.balances(ACCOUNT) == [
        (NOW, Decimal("99.5")),
        (NOW + 120, Decimal("99")),
        (NOW + 3720, Decimal("99")),
        (NOW + 3722, Decimal("99.5")),
    ]
    assert journal.balances("b") == []


def in_threads(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_share_it_and_one_wins_a_key(journal: SqliteJournal) -> None:
    won: List[int] = []

    def work(number: int) -> None:
        journal(submitting(call(f"own-{number}", f"row-{number}")))
        try:
            journal(submitting(call(f"shared-{number}", "shared")))
            won.append(number)
        except KeyTaken:
            pass

    in_threads(work, 16)

    assert len(won) == 1 and len(journal.records()) == 17


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_opens_its_own(journal: SqliteJournal) -> None:
    journal(submitting(call("parent")))
    child = os.fork()
    if child == 0:
        try:
            journal(submitting(call("child")))
            os._exit(0)
        finally:
            os._exit(1)

    assert os.waitpid(child, 0)[1] == 0
    journal(submitting(call("parent again")))
    assert {record.id for record in journal.records()} == {"parent", "child", "parent again"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_childs_rows_outlive_its_parents_connection(journal: SqliteJournal) -> None:
    """SQLite's locks are copied by a fork: the child believed that it held them, and its log was removed."""
    code = """if True:
        import os, sys
        sys.path[:0] = sys.argv[2:]
        from test_journal import *
        journal = SqliteJournal(sys.argv[1])
        journal(submitting(call("parent")))
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            journal(submitting(call("child-1")))
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            journal(submitting(call("child-2")))
            os._exit(0)
        os.read(ready[0], 1)
        journal.close()
        look = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('SELECT 1 FROM calls')"
        subprocess.run([sys.executable, "-c", look, sys.argv[1]], check=True)
        os.write(go[1], b"x")
        os._exit(os.waitpid(child, 0)[1])
        """
    folders = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    subprocess.run([sys.executable, "-c", code, str(journal.path), *folders], check=True)

    assert [record.id for record in journal.records()] == ["parent", "child-1", "child-2"]


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are others there")
def test_the_file_is_for_its_owner_only(journal: SqliteJournal) -> None:
    journal(submitting(call()))

    rights = [stat.S_IMODE(path.stat().st_mode) for path in sorted(journal.path.parent.iterdir())]
    assert set(rights) == {0o600} and stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


def test_a_file_that_is_no_journal_stops_the_call(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a journal, but as long as the head of one would be" * 20)

    with pytest.raises(KieJournalError, match=r"not a database; move it away.*nothing was sent"):
        SqliteJournal(path)(submitting(call()))


def test_a_journal_of_a_later_version_is_left_alone(journal: SqliteJournal) -> None:
    journal(submitting(call()))
    journal.close()
    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        other.execute("PRAGMA user_version = 99")

    with pytest.raises(KieJournalError, match="version 99, and this kie_sync knows version 1"):
        SqliteJournal(journal.path).records()


def test_what_could_not_be_written_is_written_later(journal: SqliteJournal) -> None:
    """A full disk, or another program's lock, must not cost a task's id."""
    journal(submitting(call()))
    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        other.execute("ALTER TABLE calls RENAME TO hidden")
    with pytest.raises(KieJournalError):
        journal(events.TaskCreated(IMAGE, {}, "t1", "c1"))
    with pytest.raises(KieJournalError):
        journal(events.FilesSaved(IMAGE, {}, "t1", {"https://u": "/a.png"}))
    with closing(sqlite3.connect(str(journal.path), isolation_level=None)) as other:
        other.execute("ALTER TABLE hidden RENAME TO calls")

    journal(events.TaskFinished(IMAGE, {}, "t1", success()))

    found = journal.get("c1")
    assert (found.state, found.task_id, found.files) == ("success", "t1", {"https://u": "/a.png"})


def test_a_folder_in_its_place_stops_the_call(tmp_path: Path) -> None:
    with pytest.raises(KieJournalError, match="nothing was sent"):
        SqliteJournal(tmp_path)(submitting(call()))


def test_no_key_is_in_the_file(journal: SqliteJournal) -> None:
    journal(submitting(call(key="row-1")))
    journal.close()

    assert all(KEY.encode() not in path.read_bytes() for path in journal.path.parent.iterdir())


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    if sys.platform not in ("win32", "darwin"):
        assert journal_path() == home / ".local" / "state" / "kie_sync" / "journal.sqlite"
        monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
        assert journal_path() == home / "state" / "kie_sync" / "journal.sqlite"
    monkeypatch.setenv("KIE_JOURNAL", "~/mine.sqlite")
    assert SqliteJournal().path == home / "mine.sqlite"
    monkeypatch.setenv("KIE_JOURNAL", " ")
    with pytest.raises(KieConfigError, match="KIE_JOURNAL is ' '"):
        journal_path()


def test_arguments_have_one_form_however_they_are_written() -> None:
    forms = [
        call(given={"prompt": "ü", "n": Decimal("2"), "a": [1, 2]}),
        call(given={"a": (1, 2), "n": 2, "prompt": "ü"}),
    ]

    assert forms[0].digest == forms[1].digest != call(given={"prompt": "ü", "n": 2, "a": [2, 1]}).digest


def test_a_scan_gives_everything_in_the_order_of_its_writing(journal: SqliteJournal, times: Times) -> None:
    """More than a page of it, and what is filtered away on the way."""
    journal(submitting(call("first", key="batch/a/1")))
    with closing(sqlite3.connect(str(journal.path))) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(calls)")]
        copied = ", ".join(
            {"id": "printf('c%05d', n)", "key": "'batch/b/' || n", "created_at": "created_at + n"}.get(name, name)
            for name in columns
        )
        numbers = "WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM many WHERE n < 2500)"
        connection.execute(f"{numbers} INSERT INTO calls SELECT {copied} FROM calls, many")
        connection.commit()

    assert [record.id for record in journal.scan()] == ["first", *(f"c{number:05}" for number in range(1, 2501))]
    assert [record.id for record in journal.scan(prefix="batch/a/")] == ["first"]
    assert [record.id for record in journal.scan(since=NOW + 2499, prefix="batch/b/")] == ["c02499", "c02500"]
    assert list(journal.scan()) == journal.records()


def test_others_write_while_a_scan_goes_on(journal: SqliteJournal) -> None:
    journal(submitting(call("c1")))
    scan = journal.scan()

    found = [next(scan).id]
    thread = threading.Thread(target=journal, args=(submitting(call("c2")),))
    thread.start()
    thread.join(10)

    assert not thread.is_alive() and found == ["c1"]
    assert [record.id for record in journal.records()] == ["c1", "c2"]
