"""The same key is never paid twice: what comes of it depends on what became of the first call."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional

import pytest
from wire import CREATED, IMAGE, KEY, Script, answer, client, shipped, state, success

from kie_sync import (
    KieAdapter,
    KieBudgetError,
    KieConfigError,
    KieInputError,
    KieInsufficientBalanceError,
    KieNotFoundError,
    KieOutcomeUnknownError,
    KieTaskError,
    KieTaskFailedError,
    KieTaskTimeoutError,
    Result,
)
from kie_sync.journal import SqliteJournal
from kie_sync.local_files import resolve_staged, stage
from kie_sync.payonce import find_first
from kie_sync.pricing import quote
from kie_sync.purchase import Terms, buy
from kie_sync.records import PaidCall, Record
from kie_sync.transport import Lost

FAILED = state("fail", failCode="500", failMsg="no luck")
EMPTY = state("success", resultJson='{"resultUrls":[]}')
NOT_LISTED = {"code": 200, "msg": "success", "data": None}


class Desk:
    """An adapter over a script, with a journal; each one as a new process would have it."""

    def __init__(self, path: Path, clock: Any) -> None:
        self.path, self.clock = path, clock
        self.paid = 0

    def __call__(self, *answers: Any, **settings: Any) -> KieAdapter:
        self.script = Script(*answers)
        return KieAdapter(client(self.script, self.clock, **{"journal": self.path, **settings}), IMAGE)

    @property
    def journal(self) -> SqliteJournal:
        return SqliteJournal(self.path)


@pytest.fixture
def desk(tmp_path: Path, clock: Any) -> Desk:
    return Desk(tmp_path / "journal.sqlite", clock)


def test_a_task_that_is_done_gives_its_result_again(desk: Desk) -> None:
    first = desk(CREATED, success()).generate("a cat", size="1:1", key="row-1")

    again = desk(AssertionError("nothing may be sent")).generate(prompt="a cat", aspect_ratio="1:1", key="row-1")

    assert desk.script.requests == []
    assert (again.task_id, again.urls, again.data, again.cost, again.credits_consumed) == (
        first.task_id,
        first.urls,
        first.data,
        first.cost,
        first.credits_consumed,
    )


def test_a_task_that_still_runs_is_waited_for(desk: Desk) -> None:
    with pytest.raises(KieTaskTimeoutError):
        desk(CREATED, state("waiting")).generate("a cat", key="row-1", max_wait_time=5)

    result = desk(success()).generate("a cat", key="row-1")

    assert (desk.script.creates, result.task_id) == (0, "t1")
    assert desk.journal.get("t1").state == "success"


def test_a_success_without_a_file_is_an_error_each_time(desk: Desk) -> None:
    """The second call gave a result without URLs."""
    with pytest.raises(KieTaskError, match="there is no file") as first:
        desk(CREATED, EMPTY).generate("a cat", key="row-1")

    with pytest.raises(KieTaskError, match="there is no file") as again:
        desk(AssertionError("nothing may be sent")).generate("a cat", key="row-1")

    assert (type(again.value), str(again.value), again.value.task_id) == (type(first.value), str(first.value), "t1")
    assert desk.script.requests == []


def test_a_new_task_of_another_process_may_be_unknown_for_a_moment(desk: Desk) -> None:
    """The platform's moment of "unknown" was an error for a task that is paid."""
    desk(CREATED).submit("a cat", key="row-1")

    result = desk(NOT_LISTED, success()).generate("a cat", key="row-1")

    assert (result.task_id, desk.script.creates) == ("t1", 0)


@pytest.mark.parametrize("made", ["by key", "by id"])
def test_an_old_task_that_the_platform_does_not_know_is_told_at_once(desk: Desk, made: str) -> None:
    an_hour_ago = SqliteJournal(desk.path, now=lambda: time.time() - 3600)
    desk(CREATED, journal=an_hour_ago).submit("a cat", key="row-1")
    adapter = desk(NOT_LISTED)
    task = adapter.submit("a cat", key="row-1") if made == "by key" else adapter.task("t1")

    with pytest.raises(KieNotFoundError, match="It was made, and is paid all the same"):
        task.wait()

    assert (len(desk.script.requests), desk.clock.sleeps) == (1, [])


def test_a_record_from_the_future_counts_as_new(desk: Desk) -> None:
    """Two machines' clocks differ; a file of the journal is one of them at a time."""
    ahead = SqliteJournal(desk.path, now=lambda: time.time() + 3600)
    desk(CREATED, journal=ahead).submit("a cat", key="row-1")

    with pytest.raises(KieNotFoundError):
        desk(NOT_LISTED).generate("a cat", key="row-1")

    # The grace for new tasks, and not an hour more.
    assert sum(desk.clock.sleeps) < 120


def test_the_same_key_with_other_arguments_is_an_error(desk: Desk) -> None:
    desk(CREATED, success()).generate("a cat", key="row-1")

    with pytest.raises(KieInputError, match=r'key "row-1" was used .* with other arguments') as caught:
        desk(CREATED).generate("a dog", key="row-1")

    assert 'prompt: "a cat" then, "a dog" now' in str(caught.value)
    assert desk.script.requests == []


def test_arguments_that_the_catalog_does_not_know_count_as_well(desk: Desk) -> None:
    """A model without a published schema takes what it is given; a key names all of it."""
    model = next(each.id for each in shipped().values() if each.accepts_other)
    journal = SqliteJournal(desk.path)
    KieAdapter(client(Script(CREATED), desk.clock, journal=journal), model).submit(text="a", key="row-1")
    again = Script(CREATED)

    with pytest.raises(KieInputError, match='text: "a" then, "b" now'):
        KieAdapter(client(again, desk.clock, journal=journal), model).submit(text="b", key="row-1")

    assert again.requests == []


def test_a_failure_is_raised_again(desk: Desk) -> None:
    with pytest.raises(KieTaskFailedError):
        desk(CREATED, FAILED).generate("a cat", key="row-1")

    with pytest.raises(KieTaskFailedError, match=r"no luck; retry_failed=True .* buys anew") as caught:
        desk(CREATED).generate("a cat", key="row-1")

    assert (caught.value.fail_code, caught.value.fail_msg, caught.value.task_id) == ("500", "no luck", "t1")
    assert desk.script.requests == []


def test_a_failure_is_bought_anew_when_asked_for(desk: Desk) -> None:
    with pytest.raises(KieTaskFailedError):
        desk(CREATED, FAILED).generate("a cat", key="row-1")

    created = {"code": 200, "data": {"taskId": "t2"}}
    desk(created, success()).generate("a cat", key="row-1", retry_failed=True)
    again = desk(CREATED).generate("a cat", key="row-1")

    assert again.task_id == "t2" and desk.script.requests == []
    assert [(record.task_id, record.state) for record in desk.journal.records()] == [
        ("t1", "failed"),
        ("t2", "success"),
    ]


def test_a_retry_that_is_refused_leaves_the_failure_in_its_place(desk: Desk) -> None:
    """The key was given up first, and the next call bought."""
    with pytest.raises(KieTaskFailedError):
        desk(CREATED, FAILED).generate("a cat", key="row-1")
    with pytest.raises(KieBudgetError):
        desk(CREATED).generate("a cat", key="row-1", retry_failed=True, max_credits=0)

    with pytest.raises(KieTaskFailedError):
        desk(CREATED).generate("a cat", key="row-1")

    assert desk.script.requests == []


def test_an_empty_success_is_bought_anew_when_asked_for(desk: Desk) -> None:
    empty = state("success", resultJson='{"resultUrls": []}')
    with pytest.raises(KieTaskError):
        desk(CREATED, empty).generate("a cat", key="row-1")

    created = {"code": 200, "data": {"taskId": "t2"}}
    assert desk(created, success()).generate("a cat", key="row-1", retry_failed=True).task_id == "t2"


@pytest.mark.parametrize("first", [success(), state("waiting")], ids=["done", "still running"])
def test_to_retry_what_did_not_fail_buys_nothing(desk: Desk, first: Any) -> None:
    with contextlib.suppress(KieTaskTimeoutError):
        desk(CREATED, first).generate("a cat", key="row-1", max_wait_time=5)

    again = desk(success()).generate("a cat", key="row-1", retry_failed=True)

    assert (again.task_id, desk.script.creates, len(desk.journal.records())) == ("t1", 0, 1)


def test_to_retry_needs_a_key(desk: Desk) -> None:
    with pytest.raises(KieInputError, match="retry_failed goes with key"):
        desk(CREATED).generate("a cat", retry_failed=True)

    assert desk.script.requests == []


def test_an_unknown_outcome_is_raised_until_it_is_settled(desk: Desk) -> None:
    with pytest.raises(KieOutcomeUnknownError):
        desk(Lost("reset")).generate("a cat", key="row-1")
    record = desk.journal.records()[0]

    with pytest.raises(KieOutcomeUnknownError, match=rf"kie-sync settle {record.id} --charged"):
        desk(CREATED).generate("a cat", key="row-1")
    assert desk.script.requests == []
    desk.journal.settle(record.id, charged=False)

    assert desk(CREATED, success()).generate("a cat", key="row-1").task_id == "t1"


@pytest.mark.parametrize("code", [408, 504, 524])
def test_an_answer_that_there_is_none_keeps_the_key(desk: Desk, code: int) -> None:
    for _ in range(2):
        with pytest.raises(KieOutcomeUnknownError):
            desk({"code": code, "msg": "timeout"}).generate("a cat", key="row-1")

    assert [record.state for record in desk.journal.records()] == ["unknown"]
    assert desk.script.requests == []


def test_a_refused_call_may_be_sent_again(desk: Desk) -> None:
    with pytest.raises(KieInsufficientBalanceError):
        desk({"code": 402, "msg": "no credits"}).generate("a cat", key="row-1")

    assert desk(CREATED, success()).generate("a cat", key="row-1").task_id == "t1"


def test_who_is_asked_once_more_may_refuse_and_nothing_is_sent(desk: Desk) -> None:
    """A caller may have waited for minutes for his turn; he who refuses then has paid nothing, and keeps no key."""
    adapter = desk(CREATED, CREATED)

    def refuse() -> None:
        raise KieBudgetError("no more")

    def submit(last_check: Any) -> str:
        staged = stage(adapter.model, {"prompt": "a cat"})
        arguments = resolve_staged(adapter.model, staged)
        terms = Terms("row-1", last_check=last_check)
        return buy(adapter.client, adapter.model, staged, arguments, quote(adapter.model, arguments), terms)[0]

    with pytest.raises(KieBudgetError):
        submit(refuse)
    assert (len(desk.script.requests), submit(lambda: None)) == (0, "t1")
    assert [record.state for record in desk.journal.records()] == ["refused", "accepted"]


def test_keys_are_per_model_and_per_api_key(desk: Desk) -> None:
    desk(CREATED, success()).generate("a cat", key="row-1")
    other_key = desk(CREATED, success(), api_key="sk-another-0123456789")

    other_key.generate("a cat", key="row-1")
    KieAdapter(other_key.client, "nano-banana-pro").generate("a cat", key="row-1")

    assert desk.script.creates == 2


def test_without_a_key_equal_calls_are_two_purchases(desk: Desk) -> None:
    adapter = desk(lambda request: answer(CREATED if request.is_paid else success()))

    for _ in range(2):
        adapter.generate("a cat")

    assert desk.script.creates == 2


def test_of_threads_with_one_key_only_one_buys(desk: Desk) -> None:
    adapter = desk(lambda request: answer(CREATED if request.is_paid else success()))
    results: List[Result] = []
    threads = [
        threading.Thread(target=lambda: results.append(adapter.generate("a cat", key="row-1"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (desk.script.creates, {result.task_id for result in results}, len(results)) == (1, {"t1"}, 8)


class Looks:
    """A journal that finds these states in turn, the last one for ever; None is no call."""

    def __init__(self, call: PaidCall, *states: Optional[str]) -> None:
        self.call, self.states = call, list(states)

    def find(self, **about: Any) -> Optional[Record]:
        found = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return None if found is None else Record("c0", IMAGE, found, 0.0, digest=self.call.digest, task_id="t0")


def looked(clock: Any, *states: Optional[str], given: Any = None) -> Optional[str]:
    """What is found for a call whose first one goes through these states; the state, or none."""
    connection = client(Script(AssertionError("nothing may be sent")), clock).connection
    call = connection.new_call(IMAGE, shipped()[IMAGE].endpoint, {"prompt": "a cat"}, key="row-1")
    journal: Any = Looks(call, *states)
    connection.journal = journal
    found = find_first(connection, call if given is None else replace(call, given=given), retry_failed=False)
    return None if found is None else found.state


@pytest.mark.parametrize(("end", "found"), [("accepted", "accepted"), ("success", "success"), (None, None)])
def test_a_call_that_is_being_sent_is_waited_for(end: Optional[str], found: Optional[str], clock: Any) -> None:
    """By another thread or process: its end is not known a moment later, and a second one would be paid."""
    assert (looked(clock, "sending", "sending", end), clock.sleeps) == (found, [0.25, 0.25])


@pytest.mark.parametrize("given", [None, {"prompt": "a dog"}], ids=["the same", "other arguments"])
def test_a_call_whose_sender_ended_in_the_pause_after_a_refusal_is_replaced(clock: Any, given: Any) -> None:
    assert (looked(clock, "refused", given=given), clock.sleeps) == ("refused", [])


def test_a_call_that_is_being_sent_is_unknown_at_the_deadline(clock: Any) -> None:
    with pytest.raises(KieOutcomeUnknownError, match="it was not sent again"):
        looked(clock, "sending")

    assert sum(clock.sleeps) == shipped()[IMAGE].waiting.deadline_s


def test_other_arguments_do_not_wait_for_what_is_being_sent(clock: Any) -> None:
    with pytest.raises(KieInputError, match="with other arguments"):
        looked(clock, "sending", given={"prompt": "a dog"})

    assert clock.sleeps == []


@pytest.mark.parametrize("key", ["", " ", b"row", 1.5, True, "x" * 501])
def test_what_is_no_key(desk: Desk, key: Any) -> None:
    with pytest.raises(KieInputError, match="key m"):
        desk(CREATED).generate("a cat", key=key)

    assert desk.script.requests == []


HALF = "row \ud800"


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"key": HALF}, "key holds characters that are no text"),
        ({"user": HALF}, "user holds characters that are no text"),
        ({"user": 17}, "user must be text; got 17"),
        ({"user": b"ann"}, "user must be text; got "),
        ({"user": ["ann"]}, "user must be text; got "),
        ({"user": False}, "user must be text; got "),
    ],
)
def test_names_that_cannot_be_written_down(desk: Desk, terms: Any, message: str) -> None:
    """Half of a surrogate pair was a bare UnicodeEncodeError of the journal or the limiter."""
    with pytest.raises(KieInputError) as caught:
        desk(CREATED).generate("a cat", **terms)

    (problem,) = caught.value.problems
    assert problem.where in terms and message in str(caught.value)
    assert (desk.script.requests, desk.path.exists()) == ([], False)
    str(caught.value).encode()


@pytest.mark.parametrize(("user", "kept"), [(None, ""), ("", ""), ("ann", "ann"), ("\u5f20\u4e09 \U0001f600", None)])
def test_a_user_is_text_or_nobody(desk: Desk, user: Any, kept: Any) -> None:
    desk(CREATED).submit("a cat", user=user)

    assert [record.user for record in desk.journal.records()] == [user if kept is None else kept]


def test_a_number_is_a_key(desk: Desk) -> None:
    desk(CREATED, success()).generate("a cat", key=17)  # type: ignore[arg-type]

    assert desk.journal.records()[0].key == "17"


def test_a_key_needs_a_journal(desk: Desk) -> None:
    with pytest.raises(KieConfigError, match=r"KieClient\(journal=True\)"):
        desk(CREATED, journal=None).generate("a cat", key="row-1")

    assert desk.script.requests == []


def test_a_journal_that_cannot_be_written_stops_the_call(desk: Desk) -> None:
    desk.path.mkdir()

    with pytest.raises(KieConfigError, match="nothing was sent"):
        desk(CREATED).generate("a cat")

    assert desk.script.requests == []


def test_the_api_key_is_not_in_the_journal(desk: Desk) -> None:
    with pytest.raises(KieInsufficientBalanceError):
        desk({"code": 402, "msg": f"{KEY} has no credits"}).generate("a cat", key="row-1")

    files = list(desk.path.parent.iterdir())
    assert files and all(KEY.encode() not in path.read_bytes() for path in files)


def test_a_task_of_the_journal_needs_no_platform(desk: Desk) -> None:
    """The platform forgets tasks after two months."""
    desk(CREATED, success()).generate("a cat")

    result = desk(AssertionError("nothing may be sent")).task("t1").wait()

    assert (result.urls, desk.script.requests) == (("https://files/1.png",), [])
