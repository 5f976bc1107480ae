"""What goes wrong beside the rows themselves: one row of it ends no batch, and what ends one says so."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from kie_sync import KieClient
from kie_sync.batch import BatchResult, run
from kie_sync.errors import KieConfigError, KieJournalError
from kie_sync.journal import SqliteJournal
from kie_sync.sandbox import Sandbox
from kie_sync.transport import HttpTransport

IMAGE = "google/nano-banana"


@pytest.fixture
def books() -> Iterator[Sandbox]:
    with Sandbox(speed=1000) as running:
        yield running


@pytest.fixture
def client(books: Sandbox, tmp_path: Path, catalog: Any) -> Iterator[KieClient]:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    with KieClient(books.key, books.url, catalog=catalog, journal=journal) as made:
        yield made


def made(client: KieClient, count: int, **about: Any) -> BatchResult:
    rows: List[Dict[str, Any]] = [{"prompt": f"a cat {number}"} for number in range(count)]
    return run(rows, client=client, **{"name": "jobs", "model": IMAGE, "poll_interval": 0.02, **about})


def test_a_url_that_is_none_costs_one_row_its_files_and_no_other(client: KieClient, tmp_path: Path) -> None:
    """It would end the batch, and each run of it after that, for a row on record comes first."""
    task_id = made(client, 1).rows[0].task_id
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        journal.execute("UPDATE calls SET urls = ? WHERE task_id = ?", [json.dumps(["http://[a/1.png"]), task_id])
    journal.close()

    done = made(client, 3, out=tmp_path / "out")

    assert (done.states, [len(row.files) for row in done]) == ({"success": 3}, [0, 1, 1])
    assert "Invalid IPv6 URL" in done.rows[0].error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_stops_the_batch_and_says_how_to_go_on(client: KieClient, books: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").symlink_to("/dev/full")

    with pytest.raises(KieConfigError, match=r"results\.jsonl cannot be written: No space left .* buys nothing twice"):
        made(client, 40, out=tmp_path / "out")
    (tmp_path / "out" / "results.jsonl").unlink()
    done = made(client, 40, out=tmp_path / "out")

    assert (done.states, len(books.tasks)) == ({"success": 40}, 40)


def test_an_interrupt_while_threads_begin_leaves_nobody_who_buys(
    client: KieClient, books: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, begun = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        real(thread)
        if thread.name.startswith("kie-batch"):
            begun.append(thread)
            if len(begun) == 4:
                raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)

    with pytest.raises(KeyboardInterrupt):
        made(client, 200)
    for thread in begun:
        thread.join(20)

    assert len(begun) == 4 and not any(thread.is_alive() for thread in begun)
    assert len(books.tasks) < 200


def test_ids_that_only_the_results_know_outlive_the_next_run(
    books: Sandbox, tmp_path: Path, catalog: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The process ended before the journal could be written: the call is of unknown outcome to the next one."""

    class Full(SqliteJournal):
        def _write(self, event: Any) -> None:
            raise KieJournalError("no space left on device")

    about: Dict[str, Any] = {"catalog": catalog, "journal": Full(tmp_path / "journal.sqlite")}
    with KieClient(books.key, books.url, **about) as client:
        made(client, 1, out=tmp_path / "out")
    caplog.clear()

    with KieClient(books.key, books.url, catalog=catalog, journal=SqliteJournal(tmp_path / "other.sqlite")) as client:
        made(client, 1, name="other", out=tmp_path / "out")
        made(client, 1, name="other", out=tmp_path / "out")

    (kept,) = (tmp_path / "out").glob("results-*.jsonl")
    assert json.loads(kept.read_text("utf-8"))["task_id"] == books.tasks[0].id
    assert [f"their ids are kept in {kept}" in message for message in caplog.messages].count(True) == 1


def test_a_call_that_ended_in_a_fault_of_ours_is_unknown_and_not_refused(
    books: Sandbox, tmp_path: Path, catalog: Any
) -> None:
    """It may be out, and paid: so says the journal, and so do the results."""
    real = HttpTransport()

    def transport(request: Any, **about: Any) -> Any:
        answer = real(request, **about)
        if request.is_paid:
            raise ZeroDivisionError("after the send")
        return answer

    about: Dict[str, Any] = {"catalog": catalog, "journal": SqliteJournal(tmp_path / "journal.sqlite")}
    with KieClient(books.key, books.url, transport=transport, **about) as client:
        first, second = made(client, 1, max_credits=7), made(client, 2, max_credits=7)

    assert ([row.state for row in first], len(books.tasks)) == (["unknown"], 1)
    assert [row.state for row in second] == ["unknown", "waiting"]
    assert "ZeroDivisionError" in first.rows[0].error
