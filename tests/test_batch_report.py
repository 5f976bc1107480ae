"""What was spent, from records alone: sums, and prices that are wrong."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Sequence

import pytest

from kie_sync.batch.report import Difference, StalePrice, explains, read_records, stale_prices
from kie_sync.batch.tally import Tally
from kie_sync.pricing import CostEstimate
from kie_sync.records import STATES, Record

DAY = 86400.0
NOW = 1_795_000_000.0


def record(number: int = 1, state: str = "success", **more: Any) -> Record:
    consumed = {"success": Decimal("4.0"), "failed": Decimal(0)}.get(state)
    given = {
        "model": "my/model",
        "created_at": NOW,
        "price": Decimal(4),
        "consumed": consumed,
        "result": {"text": "made"},
        **more,
    }
    return Record(id=f"c{number}", state=state, **given)


def counted(*records: Record) -> Tally:
    return read_records(records).total


# Sums


def test_each_state_counts_for_what_it_is() -> None:
    """Refused and failed calls cost nothing, unknown ones are at stake, and only paid ones have an estimate."""
    tally = counted(*(record(number, state) for number, state in enumerate(STATES)))

    assert dict(tally.states) == dict.fromkeys(STATES, 1)
    assert (tally.calls, tally.estimated, tally.consumed, tally.unsaid) == (8, Decimal(16), Decimal(4), 3)
    assert (tally.at_stake, tally.at_stake_unpriced, tally.success_rate) == (Decimal(4), 0, 0.5)


def test_what_is_not_known_adds_nothing_and_is_counted() -> None:
    tally = counted(
        record(1),
        record(2, price=None),
        record(3, consumed=None),
        record(4, "unknown", price=None),
        record(5, "running", price=None),
    )

    assert (tally.estimated, tally.unpriced) == (Decimal(8), 2)
    assert (tally.consumed, tally.unsaid) == (Decimal("8.0"), 2)
    assert (tally.at_stake, tally.at_stake_unpriced) == (Decimal(0), 1)


def test_what_a_broken_stream_took_counts_where_it_was_said() -> None:
    tally = counted(record(1, "unknown", consumed=Decimal("0.5")), record(2, "unknown"))

    assert (tally.consumed, tally.at_stake, tally.unsaid, tally.count("unknown")) == (Decimal("0.5"), Decimal(4), 0, 2)


def test_nothing_is_known_of_nothing() -> None:
    tally = counted()

    assert (tally.success_rate, tally.difference, tally.duration(0.5)) == (None, None, None)


def test_the_difference_is_over_calls_of_which_both_are_known() -> None:
    tally = counted(
        record(1, consumed=Decimal(5)),
        record(2, price=None, consumed=Decimal(100)),
        record(3, consumed=None),
        record(4, "failed"),
    )

    assert (tally.compared, tally.difference) == (1, Decimal(1))


@pytest.mark.parametrize(
    ("durations", "half", "most"),
    [
        ([7.0], 7.0, 7.0),
        ([2.0, 1.0], 1.0, 2.0),
        ([3.0, 1.0, 2.0], 2.0, 3.0),
        ([float(number) for number in range(100, 0, -1)], 50.0, 95.0),
        ([float(number) for number in range(1, 21)], 10.0, 19.0),
    ],
    ids=["one", "two", "three", "hundred", "twenty"],
)
def test_durations_are_those_of_the_successes(durations: Sequence[float], half: float, most: float) -> None:
    failed = record(0, "failed", duration_s=1000.0)
    tally = counted(failed, *(record(number, duration_s=each) for number, each in enumerate(durations)))

    assert (tally.duration(0.5), tally.duration(0.95)) == (half, most)


def test_calls_are_told_apart_by_model_day_and_batch() -> None:
    """Days are UTC; a call outside batches, and one whose key only looks like a batch's, is in none."""
    midnight = NOW // DAY * DAY
    report = read_records(
        [
            record(1, key="batch/b/1", created_at=midnight - 0.001),
            record(2, key="batch/a/1", created_at=midnight, model="other/model", consumed=Decimal(9)),
            record(3, key="batch/b/2", created_at=midnight),
            record(4),
            record(5, key="batch/no batch"),
        ]
    )

    found = {by: [(name, tally.calls) for name, tally in report.tallies(by)] for by in ("model", "day", "batch")}
    assert found == {
        "model": [("my/model", 4), ("other/model", 1)],
        "day": [("2026-11-17", 1), ("2026-11-18", 4)],
        "batch": [("b", 2), ("a", 1), ("", 2)],
    }
    assert report.spent == {
        ("2026-11-17", "my/model"): Decimal("4.0"),
        ("2026-11-18", "my/model"): Decimal("12.0"),
        ("2026-11-18", "other/model"): Decimal(9),
    }


# Prices that are wrong


def never(_: Record) -> bool:
    return False


def test_a_price_is_wrong_where_more_was_taken_than_estimated() -> None:
    first, second = record(2, consumed=Decimal(5)), record(3, consumed=Decimal(5))
    report = read_records([record(1), first, second, record(4, consumed=Decimal(3)), record(5, model="other/model")])

    less = Difference(Decimal(4), Decimal(3), 1, record(4, consumed=Decimal(3)))
    more = Difference(Decimal(4), Decimal(5), 2, second)
    (stale,) = stale_prices(report, never)
    assert stale == StalePrice("my/model", (more, less))
    assert (stale.calls, stale.ratio) == (3, None)


@pytest.mark.parametrize(
    ("about", "is_wrong"),
    [
        ({"consumed": Decimal("4.02")}, True),
        ({"consumed": Decimal("3.98")}, True),
        ({"consumed": Decimal("4.01")}, False),
        ({"consumed": Decimal("3.99")}, False),
        ({"consumed": Decimal("4.000")}, False),
        ({"consumed": None}, False),
        ({"consumed": Decimal(5), "price": None}, False),
        ({"consumed": Decimal(5), "kind": "chat"}, False),
        ({"consumed": Decimal(0), "state": "failed"}, False),
        ({"consumed": Decimal(0)}, True),
    ],
    ids=["more", "less", "rounded up", "rounded down", "same", "unsaid", "unpriced", "a chat", "failed", "free"],
)
def test_what_makes_a_price_wrong(about: Dict[str, Any], is_wrong: bool) -> None:
    found = stale_prices(read_records([record(1, **{"state": "success", **about})]), never)

    assert bool(found) == is_wrong


def test_a_difference_that_the_catalog_explains_by_now_is_not_named() -> None:
    report = read_records([record(1, consumed=Decimal(5)), record(2, consumed=Decimal(7))])

    (stale,) = stale_prices(report, lambda call: call.consumed == Decimal(5))

    assert [each.consumed for each in stale.differences] == [Decimal(7)]
    assert stale_prices(report, lambda _: True) == []


@pytest.mark.parametrize(
    ("likely", "most", "consumed", "is_so"),
    [
        ("4", "4", "4", True),
        ("4", "4", "4.01", True),
        ("4", "4", "4.02", False),
        ("4", "4", "3", False),
        ("4", "9", "9", True),
        ("4", "9", "2", True),
        ("4", "9", "9.5", False),
        ("4", None, "50", True),
        (None, None, "4", False),
    ],
    ids=["same", "rounded", "more", "less", "its most", "less than likely", "over its most", "open", "unknown"],
)
def test_when_a_price_explains_what_was_taken(likely: Any, most: Any, consumed: str, is_so: bool) -> None:
    cost = CostEstimate(
        *("my/model", "t", None, None, None),
        platform_credits=None if likely is None else Decimal(likely),
        usd=None,
        cny=None,
        platform_credits_max=None if most is None else Decimal(most),
    )

    assert explains(cost, Decimal(consumed)) == is_so


@pytest.mark.parametrize(
    ("pairs", "ratio"),
    [([(4, 5)], "1.25"), ([(4, 5), (8, 10)], "1.25"), ([(4, 5), (8, 9)], None), ([(0, 5)], None)],
    ids=["one", "all alike", "not alike", "from nothing"],
)
def test_by_how_much_a_price_is_wrong(pairs: Sequence[Any], ratio: Any) -> None:
    calls = [record(n, price=Decimal(price), consumed=Decimal(took)) for n, (price, took) in enumerate(pairs)]

    (stale,) = stale_prices(read_records(calls), never)

    assert stale.ratio == (None if ratio is None else Decimal(ratio))
