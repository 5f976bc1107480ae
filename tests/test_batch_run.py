"""A batch against a sandbox: bought once, gone on with, within its limits, and all of it in its folder."""

from __future__ import annotations

import csv
import json
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from kie_sync import KieClient
from kie_sync.batch import BatchResult, Plan, Progress, RowResult, plan, run, set_agenda
from kie_sync.batch.results import batch_of
from kie_sync.errors import (
    KieAccountError,
    KieAuthenticationError,
    KieBudgetError,
    KieConfigError,
    KieInputError,
    KieInsufficientBalanceError,
    KieJournalError,
)
from kie_sync.events import TaskSubmitting
from kie_sync.holds import Balance
from kie_sync.journal import SqliteJournal
from kie_sync.ledger import open_ledger
from kie_sync.sandbox import Sandbox
from kie_sync.values import show

IMAGE, PRO = "google/nano-banana", "nano-banana-pro"
QUICK: Dict[str, Any] = {"poll_interval": 0.02}


@pytest.fixture
def books() -> Iterator[Sandbox]:
    """A sandbox of the test's own, whose books are this batch's."""
    with Sandbox(speed=1000, balance=Decimal(1000)) as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.sqlite")


@pytest.fixture
def client(books: Sandbox, journal: SqliteJournal, catalog: Any) -> Iterator[KieClient]:
    with KieClient(books.key, books.url, catalog=catalog, journal=journal) as made:
        yield made


def rows_of(count: int, word: str = "a cat") -> List[Dict[str, Any]]:
    return [{"prompt": f"{word} {number}"} for number in range(count)]


def made(client: KieClient, rows: Any, **about: Any) -> BatchResult:
    meaning: Dict[str, Any] = {} if isinstance(rows, Plan) else {"name": "jobs", "model": IMAGE}
    return run(rows, client=client, **{**meaning, **QUICK, **about})


def states(done: BatchResult) -> List[str]:
    return [row.state for row in done]


def prompts(books: Sandbox) -> List[str]:
    return sorted(str(task.input["prompt"]) for task in books.tasks)


# Once


def test_every_row_is_made_and_saved(client: KieClient, books: Sandbox, tmp_path: Path) -> None:
    told: List[RowResult] = []

    done = made(client, rows_of(5), out=tmp_path / "out", on_result=told.append)

    assert (done.states, done.stopped, done.credits_consumed) == ({"success": 5}, "", Decimal(20))
    assert [row.number for row in done] == [1, 2, 3, 4, 5]
    assert {row.task_id for row in done} == {task.id for task in books.tasks}
    assert all(Path(path).read_bytes() for row in done for path in row.files) and len(done.rows[0].files) == 1
    assert sorted(told, key=lambda row: row.number) == done.rows
    assert all(row.expires_at is not None and row.price == Decimal(4) for row in done)


def test_the_same_again_pays_nothing_and_fetches_what_is_gone(
    client: KieClient, books: Sandbox, tmp_path: Path
) -> None:
    first = made(client, rows_of(3), out=tmp_path / "out")
    Path(first.rows[1].files[0]).unlink()

    again = made(client, rows_of(4), out=tmp_path / "out")

    assert prompts(books) == [f"a cat {number}" for number in range(4)]
    assert [row.task_id for row in again][:3] == [row.task_id for row in first]
    assert all(Path(path).is_file() for row in again for path in row.files)
    assert again.states == {"success": 4}


def test_equal_rows_are_bought_as_often_as_they_stand_there(client: KieClient, books: Sandbox) -> None:
    made(client, [{"prompt": "cat"}, {"prompt": "cat"}])
    made(client, [{"prompt": "cat"}, {"prompt": "dog"}, {"prompt": "cat"}, {"prompt": "cat"}])

    assert prompts(books) == ["cat", "cat", "cat", "dog"]


def test_another_batch_buys_its_own(client: KieClient, books: Sandbox, journal: SqliteJournal) -> None:
    made(client, rows_of(1))
    made(client, rows_of(1), name="jobs-2")

    assert len(books.tasks) == 2
    assert [batch_of(record.key) for record in journal.records()] == ["jobs", "jobs-2"]


def test_files_are_called_after_their_rows_keys(client: KieClient, tmp_path: Path) -> None:
    rows = [{"prompt": "a", "sku": "x/1"}, {"prompt": "b", "sku": "../../y"}]

    done = made(client, rows, key="sku", out=tmp_path / "out")

    assert [Path(row.files[0]).relative_to(tmp_path).as_posix() for row in done] == ["out/x-1-1.png", "out/y-1.png"]
    assert made(client, rows, key="sku", out=tmp_path / "out").rows == done.rows


def test_a_pattern_says_what_files_are_called(client: KieClient, tmp_path: Path) -> None:
    done = made(client, rows_of(1), out=f"{tmp_path}/out/{{model}}/{{n}}.{{ext}}")

    assert Path(done.rows[0].files[0]).relative_to(tmp_path).as_posix() == "out/google-nano-banana/1.png"
    assert (tmp_path / "out" / "results.csv").is_file()


def test_the_folder_has_it_all(client: KieClient, tmp_path: Path) -> None:
    rows = [{"prompt": "käse, = 1", "state": "mine"}, {"prompt": "b [[fault:fail=no luck]]", "state": None}]

    done = made(client, rows, ignore=["state"], out=tmp_path / "out", skip_bad=True)

    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        first, second = csv.DictReader(file)
    lines = [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text("utf-8").splitlines()]
    assert (first["prompt"], first["row.state"], first["state"]) == ("käse, = 1", "mine", "success")
    assert first["files"] == done.rows[0].files[0] and first["credits_consumed"] == "4"
    assert (second["state"], second["error"], second["credits_consumed"]) == ("failed", "no luck", "0")
    assert [line["row"] for line in lines] == [1, 2] and lines[0]["files"] == list(done.rows[0].files)
    assert "käse" in (tmp_path / "out" / "index.html").read_text("utf-8")
    assert not list((tmp_path / "out").glob(".*")), "nothing half-written is left"


def test_results_are_flat_rows_and_a_frame(client: KieClient, monkeypatch: pytest.MonkeyPatch) -> None:
    done = made(client, rows_of(1))

    (flat,) = done.to_rows()

    assert (flat["row"], flat["prompt"], flat["urls"]) == (1, "a cat 0", list(done.rows[0].urls))
    assert (len(done), list(done)) == (1, done.rows)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(KieConfigError, match="pip install pandas"):
        done.to_frame()


def test_a_real_frame_of_results(client: KieClient) -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")

    assert list(made(client, rows_of(2)).to_frame()["state"]) == ["success", "success"]


# What went wrong


def test_failed_rows_are_bought_anew_only_when_asked(client: KieClient, books: Sandbox) -> None:
    rows = [{"prompt": "a [[fault:fail=no luck*1]]"}, {"prompt": "b"}]

    first, second = made(client, rows), made(client, rows)
    third = made(client, [*rows, {"prompt": "c"}], only_failed=True)
    fourth = made(client, rows, retry_failed=True)

    assert [states(done) for done in (first, second, third, fourth)] == [
        ["failed", "success"],
        ["failed", "success"],
        ["success", "success", "waiting"],
        ["success", "success"],
    ]
    assert first.rows[0].error == "no luck" and first.rows[0].consumed == 0
    assert len(books.tasks) == 3


def test_an_unknown_outcome_is_never_bought_again_by_itself(
    client: KieClient, books: Sandbox, journal: SqliteJournal
) -> None:
    """With `rebuy_unknown` under a key of its own, so that the first stays on record; and that is done then."""
    rows = [{"prompt": "a [[fault:accept-then-drop*1]]"}, {"prompt": "b"}]

    first, second = made(client, rows), made(client, rows)
    third = made(client, rows, rebuy_unknown=True)
    fourth = made(client, rows)

    assert [states(done) for done in (first, second, third, fourth)] == [
        ["unknown", "success"],
        ["unknown", "success"],
        ["success", "success"],
        ["success", "success"],
    ]
    assert len(books.tasks) == 3
    (unknown,) = journal.records(["unknown"])
    assert [record.key for record in journal.records() if record.key.startswith(unknown.key)] == [
        unknown.key,
        f"{unknown.key}+2",
    ]


def test_a_retry_of_unknown_outcome_is_unknown_and_not_failed(client: KieClient, books: Sandbox) -> None:
    rows = [{"prompt": "a [[fault:fail=no luck*1]]"}]
    made(client, rows)
    books.add_fault("create:accept-then-drop*1")

    retried = made(client, rows, retry_failed=True)
    left = made(client, rows, retry_failed=True)
    bought = made(client, rows, rebuy_unknown=True)

    assert [states(done) for done in (retried, left, bought)] == [["unknown"], ["unknown"], ["success"]]
    assert len(books.tasks) == 3


def test_a_call_settled_later_does_not_buy_what_was_bought_again(
    client: KieClient, books: Sandbox, journal: SqliteJournal
) -> None:
    rows = [{"prompt": "a [[fault:accept-then-drop*1]]"}]
    made(client, rows)
    made(client, rows, rebuy_unknown=True)
    journal.settle(journal.records(["unknown"])[0].id, charged=False)

    done = made(client, rows)

    assert (states(done), len(books.tasks)) == (["success"], 2)


def test_a_row_that_was_refused_is_sent_again_next_time(client: KieClient, books: Sandbox) -> None:
    books.add_fault("create:code=422")
    first = made(client, rows_of(1))
    books.clear_faults()

    assert (states(first), states(made(client, rows_of(1)))) == (["refused"], ["success"])


def test_ten_calls_in_vain_stop_the_batch(client: KieClient, books: Sandbox) -> None:
    """What goes wrong ten times in a row is not the rows."""
    books.add_fault("accept-then-drop")

    done = made(client, rows_of(40))

    assert done.stopped.startswith("10 calls in a row came to nothing, the last one:")
    assert 10 <= done.states["unknown"] == len(books.tasks) < 20
    assert done.states["waiting"] == 40 - done.states["unknown"]


def test_a_listener_may_refuse_rows(books: Sandbox, journal: SqliteJournal, catalog: Any) -> None:
    def refuse(event: Any) -> None:
        if isinstance(event, TaskSubmitting) and event.context["row"] == 2:
            raise PermissionError("not this one")

    with KieClient(books.key, books.url, catalog=catalog, journal=journal, on_event=refuse) as client:
        done = made(client, rows_of(3))

    assert states(done) == ["success", "refused", "success"]
    assert "not this one" in done.rows[1].error


def test_a_task_that_takes_too_long_goes_on(journal: SqliteJournal, catalog: Any) -> None:
    """It is paid: the same call again waits for it, and buys nothing."""
    with Sandbox(speed=1) as books, KieClient(books.key, books.url, catalog=catalog, journal=journal) as client:
        first = made(client, rows_of(1), max_wait_time=0.05)
        second = made(client, rows_of(1))

        assert (states(first), states(second)) == (["running"], ["success"])
        assert len(books.tasks) == 1


def test_a_file_that_has_gone_since_the_plan_is_a_bad_row(client: KieClient, books: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = plan(
        [{"prompt": "a", "image_urls": str(tmp_path / "1.png")}, {"prompt": "b", "image_urls": "https://a/2.png"}],
        client=client,
        name="jobs",
        model="google/nano-banana-edit",
    )
    (tmp_path / "1.png").unlink()

    done = made(client, found)

    assert (states(done), len(books.tasks)) == (["bad", "success"], 1)
    assert show(str(tmp_path / "1.png")) in done.rows[0].error


def test_a_key_that_is_refused_stops_the_batch(books: Sandbox, journal: SqliteJournal, catalog: Any) -> None:
    with KieClient("wrong", books.url, catalog=catalog, journal=journal) as client:
        done = made(client, rows_of(40))

    assert isinstance(done.error, KieAuthenticationError) and books.tasks == ()
    assert set(done.states) == {"refused", "waiting"} and done.states["waiting"] > 30


def test_a_key_that_is_refused_while_it_waits(books: Sandbox, journal: SqliteJournal, catalog: Any) -> None:
    """What is paid goes on; the same call with a good key waits for it."""
    with KieClient(books.key, books.url, catalog=catalog, journal=journal) as client:
        books.add_fault("query:code=401*1")
        first = made(client, rows_of(1))
        second = made(client, rows_of(1))

    assert (states(first), states(second), len(books.tasks)) == (["accepted"], ["success"], 1)
    assert "the task exists and is paid" in first.rows[0].error and first.stopped


def test_a_row_of_unknown_price_is_skipped_under_a_limit(books: Sandbox, journal: SqliteJournal, catalog: Any) -> None:
    """And stops no other."""
    with KieClient(books.key, books.url, catalog=catalog, journal=journal) as client:
        found = plan(rows_of(2), client=client, name="jobs", model=IMAGE)
        unpriced = replace(found.rows[0], price=None, most=None)

        done = made(client, replace(found, rows=(unpriced, found.rows[1])), max_credits=100)

    assert (states(done), len(books.tasks)) == (["skipped", "success"], 1)
    assert "it is not known what it costs" in done.rows[0].error


def test_results_that_cannot_be_written_are_written_next_time(
    client: KieClient, books: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "out" / "results.csv").mkdir(parents=True)
    (tmp_path / "out" / "results.csv" / "kept").touch()

    with pytest.raises(KieConfigError, match=r"results\.csv cannot be written: .*the same command again buys nothing"):
        made(client, rows_of(2), out=tmp_path / "out")
    (tmp_path / "out" / "results.csv" / "kept").unlink()
    (tmp_path / "out" / "results.csv").rmdir()
    made(client, rows_of(2), out=tmp_path / "out")

    assert len(books.tasks) == 2 and (tmp_path / "out" / "results.csv").is_file()


def test_a_plan_says_what_its_rows_mean(client: KieClient, books: Sandbox) -> None:
    found = plan(rows_of(1), client=client, name="jobs", model=IMAGE)

    with pytest.raises(KieInputError, match="model: a plan has its columns and its name already"):
        made(client, found, model=PRO)
    assert (made(client, found).states, len(books.tasks)) == ({"success": 1}, 1)


def test_any_iterator_is_taken(client: KieClient) -> None:
    assert made(client, iter(rows_of(2))).states == {"success": 2}
    with pytest.raises(KieInputError, match="there are no rows"):
        made(client, iter(()))


def test_a_journal_that_cannot_be_written_any_more_loses_no_task(books: Sandbox, tmp_path: Path, catalog: Any) -> None:
    """As on a full disk, after the row was written that must be there before the send."""

    class Full(SqliteJournal):
        def _write(self, event: Any) -> None:
            raise KieJournalError("no space left on device")

    with KieClient(books.key, books.url, catalog=catalog, journal=Full(tmp_path / "journal.sqlite")) as client:
        done = made(client, [{"prompt": "a"}, {"prompt": "b [[fault:fail=no luck]]"}], out=tmp_path / "out")

    assert states(done) == ["success", "accepted"]
    assert {row.task_id for row in done} == {task.id for task in books.tasks}
    assert done.rows[0].urls and all("the journal could not be written" in row.error for row in done)
    assert "no luck" in done.rows[1].error


def test_bad_rows_are_left_out_when_asked(client: KieClient, books: Sandbox, tmp_path: Path) -> None:
    rows = [{"prompt": "a"}, {"prompt": "b", "aspect_ratio": "7:77"}, {"prompt": "c"}]

    with pytest.raises(KieInputError, match="row 2: aspect_ratio must be one of"):
        made(client, rows)
    assert books.tasks == ()
    done = made(client, rows, skip_bad=True, out=tmp_path / "out")

    assert states(done) == ["success", "bad", "success"]
    assert "aspect_ratio must be one of" in done.rows[1].error


def test_without_a_journal_nothing_is_sent(books: Sandbox, catalog: Any) -> None:
    with (
        KieClient(books.key, books.url, catalog=catalog) as client,
        pytest.raises(KieConfigError, match="journal=True"),
    ):
        made(client, rows_of(1))
    assert books.tasks == ()


def test_files_that_cannot_be_fetched_are_told(client: KieClient, books: Sandbox, tmp_path: Path) -> None:
    first = made(client, rows_of(1))
    books.add_fault("expired")

    done = made(client, rows_of(1), out=tmp_path / "out")

    assert (states(done), done.rows[0].files) == (["success"], ())
    assert "nothing needs to be bought again" in done.rows[0].error
    assert first.rows[0].urls == done.rows[0].urls


# Money


def test_no_row_passes_the_limit(client: KieClient, books: Sandbox) -> None:
    """What earlier runs took counts: the same command again does not begin at nothing."""
    first = made(client, rows_of(6), max_credits=10)
    second = made(client, rows_of(6), max_credits=10)
    third = made(client, rows_of(6), max_credits="16.0")

    assert [done.states for done in (first, second, third)] == [
        {"success": 2, "waiting": 4},
        {"success": 2, "waiting": 4},
        {"success": 4, "waiting": 2},
    ]
    assert isinstance(first.error, KieBudgetError) and "--max-credits" in first.stopped
    assert len(books.tasks) == 4


def test_what_failed_rows_give_back_can_be_spent(client: KieClient) -> None:
    """A row that would fit if another took less waits for it to end."""
    rows = [{"prompt": f"{number} [[fault:fail=no luck]]"} for number in range(5)]

    assert made(client, rows, max_credits=4).states == {"failed": 5}


def test_the_end_of_the_balance_stops_the_batch(journal: SqliteJournal, catalog: Any) -> None:
    with Sandbox(speed=1000, balance=Decimal(9)) as books:
        with KieClient(books.key, books.url, catalog=catalog, journal=journal) as client:
            done = made(client, rows_of(30))

        assert isinstance(done.error, KieInsufficientBalanceError)
        assert done.states["success"] == len(books.tasks) == 2
        assert done.states["refused"] + done.states["waiting"] == 28
        assert done.states["waiting"] > 20, "it does not try the others"


def test_limit_buys_so_many_more_each_time(client: KieClient, books: Sandbox) -> None:
    first, second = made(client, rows_of(5), limit=2), made(client, rows_of(5), limit=2)

    assert (first.states, second.states) == ({"success": 2, "waiting": 3}, {"success": 4, "waiting": 1})
    with pytest.raises(KieInputError, match="limit must be a number of rows"):
        made(client, rows_of(5), limit=0)


@pytest.mark.parametrize("value", ["much", -1, True])
def test_limits_are_numbers_of_credits(client: KieClient, value: Any) -> None:
    with pytest.raises(KieInputError, match="max_credits must be a number of credits"):
        made(client, rows_of(1), max_credits=value)


def test_a_customer_pays_what_his_account_has(
    books: Sandbox, journal: SqliteJournal, catalog: Any, tmp_path: Path
) -> None:
    """Each row costs him 5 credits by the first tariff; those that he cannot pay are not sent."""
    ledger = open_ledger(tmp_path / "ledger.sqlite")
    ledger.create("ann", bonus=Decimal(12))
    with KieClient(books.key, books.url, catalog=catalog, journal=journal, ledger=ledger) as client:
        done = made(client, rows_of(4), account="ann")

    assert (done.states, len(books.tasks)) == ({"success": 2, "waiting": 2}, 2)
    assert isinstance(done.error, KieAccountError) and "ann" in done.stopped
    assert ledger.balance("ann") == Balance("ann", Decimal(2))
    ledger.close()


# How it runs


def test_few_threads_keep_many_tasks_in_the_air(client: KieClient) -> None:
    seen: List[Progress] = []
    threads: List[int] = []

    def note(progress: Progress) -> None:
        seen.append(progress)
        threads.append(sum(thread.name.startswith("kie-batch") for thread in threading.enumerate()))

    done = made(client, rows_of(60), on_progress=note)

    assert done.states == {"success": 60}
    assert max(threads) <= 16 and max(progress.in_air for progress in seen) > 1
    last = seen[-1]
    assert (last.done, last.rows, last.bought, last.to_buy, last.in_air) == (60, 60, 60, 60, 0)
    assert (last.spent, last.reserved) == (Decimal(240), Decimal(0))


def test_what_goes_wrong_in_the_callers_own_code_ends_the_run(client: KieClient, journal: SqliteJournal) -> None:
    """What is in the air stays on record; the next run takes it from there."""

    def fail(result: RowResult) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        made(client, rows_of(30), on_result=fail)
    done = made(client, rows_of(30))

    assert (done.states, [row.error for row in done if row.error]) == ({"success": 30}, [])
    assert len({record.task_id for record in journal.records(["success"])}) == 30


def test_an_agenda_says_what_is_left(client: KieClient) -> None:
    made(client, rows_of(3))
    found = plan(rows_of(45), client=client, name="jobs", model=IMAGE)

    agenda = set_agenda(client, found)

    assert (len(agenda.to_buy), len(agenda.on_record), agenda.states) == (42, 3, {"success": 3})
    assert (agenda.spent, agenda.totals[0].credits) == (Decimal(12), Decimal(168))
    # 42 creates at 20 in 10 s, and the 2 s that the sandbox's pictures take.
    assert (agenda.seconds, agenda.is_least) == (22.0, False)


def test_a_forecast_without_anything_on_record_is_the_least(client: KieClient) -> None:
    agenda = set_agenda(client, plan(rows_of(21), client=client, name="jobs", model=IMAGE))

    assert (agenda.seconds, agenda.is_least) == (10.0, True)
