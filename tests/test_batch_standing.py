"""How batches stand: what the last call of each row says, and what is left to do."""

from __future__ import annotations

from decimal import Decimal
from typing import Dict, Sequence

import pytest
from test_batch_report import NOW, record

from kie_sync.batch.standing import Standing, read_standings
from kie_sync.records import Record


def standing_of(*records: Record, there: Sequence[str] = ()) -> Standing:
    (standing,) = read_standings(records, is_there=lambda path: path in there).values()
    return standing


def test_a_row_stands_as_its_last_call_says_and_all_its_calls_are_counted() -> None:
    """Bought anew after a failure; bought once more, under a key of its own, after an unknown outcome."""
    standing = standing_of(
        record(1, "failed", key="batch/b/a"),
        record(2, key="batch/b/a"),
        record(3, "unknown", key="batch/b/x:1"),
        record(4, key="batch/b/x:1+2"),
        record(5, "refused", key="batch/b/r"),
    )

    assert dict(standing.rows.states) == {"success": 2, "refused": 1}
    assert (standing.calls.calls, standing.calls.consumed, standing.unknown) == (5, Decimal("8.0"), ["c3"])


def test_the_same_key_of_another_model_is_another_row() -> None:
    standing = standing_of(record(1, key="batch/b/a"), record(2, key="batch/b/a", model="other/model"))

    assert standing.rows.calls == 2


def test_a_success_with_nothing_in_it_is_paid_and_counts_as_failed() -> None:
    standing = standing_of(record(1, key="batch/b/a", result={"resultUrls": []}))

    assert (dict(standing.rows.states), standing.left, standing.calls.consumed) == ({"failed": 1}, 1, Decimal("4.0"))


@pytest.mark.parametrize(
    ("state", "files", "left"),
    [
        ("success", {"u1": "out/1.png", "u2": "out/2.png"}, 0),
        ("success", {"u1": "out/1.png"}, 1),
        ("success", {"u1": "out/1.png", "u2": "out/gone.png"}, 1),
        ("success", {}, 1),
        *((state, {}, 1) for state in ("accepted", "running", "unknown", "failed", "refused", "sending")),
        ("charged", {}, 0),
    ],
)
def test_what_is_left_to_do(state: str, files: Dict[str, str], left: int) -> None:
    urls = ("u1", "u2") if state == "success" else ()
    row = record(1, state, key="batch/b/a", urls=urls, files=files)

    assert standing_of(row, there=("out/1.png", "out/2.png")).left == left


def test_batches_come_in_the_order_of_their_beginning() -> None:
    found = read_standings(
        [record(1, key="batch/z/1"), record(2), record(3, key="batch/a/1", created_at=NOW + 5), record(4, key="k")]
    )

    assert [(each.name, each.first_at, each.rows.calls) for each in found.values()] == [
        ("z", NOW, 1),
        ("a", NOW + 5, 1),
    ]
