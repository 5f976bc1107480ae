"""The same table once more, with something moved or mended in it: nothing is bought twice, and nothing mistaken."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from kie_sync import KieClient, journal_rows
from kie_sync.batch import BatchResult, plan, run, set_agenda
from kie_sync.batch.results import journal_key
from kie_sync.errors import KieRateLimitError
from kie_sync.events import CallDeferred, TaskSubmitting
from kie_sync.journal import SqliteJournal
from kie_sync.sandbox import Sandbox

IMAGE, EDIT, PRO, OPEN = (
    "google/nano-banana",
    "google/nano-banana-edit",
    "nano-banana-pro",
    "google/gemini-3-8-flash-tts",
)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def books() -> Iterator[Sandbox]:
    with Sandbox(speed=1000) as running:
        yield running


@pytest.fixture
def client(books: Sandbox, tmp_path: Path, catalog: Any) -> Iterator[KieClient]:
    journal = SqliteJournal(tmp_path / "journal.sqlite")
    with KieClient(books.key, books.url, catalog=catalog, journal=journal) as made:
        yield made


def made(client: KieClient, rows: Any, **about: Any) -> BatchResult:
    return run(rows, client=client, **{"name": "jobs", "model": IMAGE, "poll_interval": 0.02, **about})


def keys(client: KieClient, rows: List[Dict[str, Any]], **about: Any) -> List[str]:
    return [row.key for row in plan(rows, client=client, **{"name": "jobs", "model": IMAGE, **about}).rows]


def test_a_bad_row_that_is_taken_out_does_not_move_its_equals(client: KieClient, books: Sandbox) -> None:
    """A column of another model makes the first row bad, which is equal to the second but for that."""
    rows = [{"prompt": "cat", "resolution": "4K"}, {"prompt": "cat"}, {"prompt": "dog", "@model": PRO}]

    first = made(client, rows, skip_bad=True)
    again = made(client, rows[1:])

    assert (first.states, again.states) == ({"bad": 1, "success": 2}, {"success": 2})
    assert len(books.tasks) == 2


def test_what_is_no_parameter_and_sent_all_the_same_makes_another_row(client: KieClient) -> None:
    """As with a model of which the platform has published no parameters."""
    first, second = keys(client, [{"words": "hello"}, {"words": "goodbye"}], model=OPEN)

    assert first.partition(":")[0] != second.partition(":")[0]
    assert keys(client, [{"words": "goodbye"}, {"words": "hello"}], model=OPEN) == [second, first]


def test_the_order_of_columns_and_the_way_to_write_them_do_not_count(client: KieClient) -> None:
    one = keys(client, [{"prompt": "cat", "image_size": "1:1"}], constants={"output_format": "png"})
    other = keys(client, [{"output_format": "png", "aspect_ratio": "1:1", "prompt": "cat"}])

    assert one == other


def test_a_file_that_changes_between_plan_and_sending_is_not_bought(
    client: KieClient, books: Sandbox, tmp_path: Path
) -> None:
    """It would be bought under the old content's name, and the next run would buy it once more."""
    picture = tmp_path / "1.png"
    picture.write_bytes(PNG)
    rows = [{"prompt": "a", "image_urls": str(picture)}]
    found = plan(rows, client=client, name="jobs", model=EDIT)
    picture.write_bytes(PNG + b"changed")

    early = run(found, client=client, poll_interval=0.02)
    first, second = made(client, rows, model=EDIT), made(client, rows, model=EDIT)

    assert [done.states for done in (early, first, second)] == [{"bad": 1}, {"success": 1}, {"success": 1}]
    assert "a file in it has changed since the plan" in early.rows[0].error
    assert len(books.tasks) == 1


@pytest.mark.parametrize(("year", "text"), [(1990.0, "year 1990"), (0.5, "year 0.5"), (1e300, "year 1e+300")])
def test_a_whole_number_of_a_frame_is_written_as_one(client: KieClient, year: float, text: str) -> None:
    """Where a cell of its column is empty, pandas has floats; a file of the same rows has not."""
    from_frame = plan([{"year": year}], client=client, name="jobs", model=IMAGE, prompt="year {year}")
    from_file = keys(client, [{"year": text[5:]}], prompt="year {year}")

    assert from_frame.rows[0].given == {"prompt": text}
    assert [row.key for row in from_frame.rows] == from_file
    assert keys(client, [{"prompt": "a", "sku": 7.0}], key="sku") == keys(
        client, [{"prompt": "a", "sku": "7"}], key="sku"
    )


def test_what_a_row_can_cost_counts_until_it_is_known(client: KieClient, books: Sandbox) -> None:
    """Also where no figure is expected, and only the most is known: a row of unknown outcome is not free."""
    rows = [{"image": f"https://example.com/{number}.png", "upscale_factor": 4} for number in range(2)]
    about: Dict[str, Any] = {"model": "topaz/image-upscale", "max_credits": 70}
    books.add_fault("create:accept-then-drop*1")

    first = made(client, rows, limit=1, **about)
    agenda = set_agenda(client, plan(rows, client=client, name="jobs", model=about["model"]))
    second = made(client, rows, **about)

    assert (first.states, agenda.spent) == ({"unknown": 1, "waiting": 1}, Decimal(40))
    assert (second.states, len(books.tasks)) == ({"unknown": 1, "waiting": 1}, 1)


def test_another_key_is_told_before_rows_are_bought_with_it(
    client: KieClient, books: Sandbox, catalog: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """An account is known by its key: what was paid with the old one is not found with the new one."""
    rows = [{"prompt": "a"}, {"prompt": "b"}]
    made(client, rows[:1])
    with KieClient("another-key", books.url, catalog=catalog, journal=client.connection.journal) as other:
        found = plan(rows, client=other, name="jobs", model=IMAGE)

        agenda = set_agenda(other, found)

    assert len(agenda.to_buy) == 2
    assert caplog.messages == [
        "batch jobs: 1 of its rows are on record under another API key, which counts as another account; with this "
        "key they are bought anew"
    ]


def test_what_was_bought_of_rows_that_are_not_there_any_more_is_counted(client: KieClient) -> None:
    """Who adds a key column, or changes a constant, would pay for the whole table again."""
    rows = [{"prompt": "a", "sku": 1}, {"prompt": "b", "sku": 2}, {"prompt": "c [[fault:fail=no luck]]", "sku": 3}]
    made(client, rows, ignore=["sku"])

    agendas = [
        set_agenda(client, plan(rows, client=client, name="jobs", model=IMAGE, **about))
        for about in ({"ignore": ["sku"]}, {"key": "sku"})
    ]

    assert [(agenda.others, len(agenda.to_buy)) for agenda in agendas] == [(0, 0), (2, 3)]


def test_a_price_that_rises_between_plan_and_sending_counts(client: KieClient, books: Sandbox) -> None:
    """As at midnight, when a dated price comes into force: rows are put aside for by what they cost when sent."""
    found = plan([{"prompt": "a"}, {"prompt": "b"}], client=client, name="jobs", model=IMAGE)
    cheaper = replace(found, rows=tuple(replace(row, price=Decimal(1), most=Decimal(1)) for row in found.rows))

    done = run(cheaper, client=client, poll_interval=0.02, max_credits=5)

    assert (done.states, len(books.tasks)) == ({"success": 1, "waiting": 1}, 1)


def test_a_row_whose_process_was_killed_in_the_pause_after_a_429_is_bought_by_the_next_run(
    client: KieClient, books: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform refused it, and nothing was sent since: it is not of unknown outcome."""
    journal: Any = client.connection.journal
    (key,) = keys(client, [{"prompt": "cat"}])
    endpoint = client.catalog[IMAGE].endpoint
    call = client.connection.new_call(IMAGE, endpoint, {"prompt": "cat"}, key=journal_key("jobs", key))
    journal(TaskSubmitting(IMAGE, {}, None, None, call))
    journal(CallDeferred(IMAGE, {}, KieRateLimitError("slow"), 2.0, call.id))
    monkeypatch.setattr(journal_rows, "is_alive", lambda name: False)

    first, again = made(client, [{"prompt": "cat"}]), made(client, [{"prompt": "cat"}])

    assert (first.states, again.states, len(books.tasks)) == ({"success": 1}, {"success": 1}, 1)
    assert {record.state for record in journal.records()} == {"refused", "success"}
