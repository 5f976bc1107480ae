"""What a batch may spend, and who waits for whom; tasks in the air, and which is looked at next."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any, List, Optional

from kie_sync.batch.looks import Air, Looks
from kie_sync.batch.purse import Purse


def purse(limit: Optional[int], spent: int = 0, **more: Any) -> Purse:
    most = None if limit is None else Decimal(limit)
    return Purse(most, Decimal(spent), **{"allow_unknown_price": False, **more})


def never() -> bool:
    return False


# Credits


def test_credits_are_put_aside_and_settled() -> None:
    found = purse(10, spent=2)

    assert found.reserve(1, Decimal(4), never) is None
    assert (found.spent, found.reserved) == (Decimal(2), Decimal(4))
    found.settle(1, Decimal(3))
    assert (found.spent, found.reserved) == (Decimal(5), Decimal(0))
    found.settle(1, Decimal(3))
    assert found.spent == Decimal(5), "a row is settled once"


def test_where_nobody_says_what_it_took_the_estimate_counts() -> None:
    found = purse(10)
    found.reserve(1, Decimal(4), never)

    found.settle(1, None)

    assert (found.spent, found.reserved) == (Decimal(4), Decimal(0))


def test_a_row_over_the_limit_is_refused_for_good() -> None:
    refusal = purse(10, spent=8).reserve(1, Decimal(4), never)

    assert refusal is not None and refusal.is_final
    assert refusal.text == (
        "the next row can cost 4 credits, over the 10 of the batch (--max-credits), 8 of which are spent or reserved"
    )


def test_the_last_credit_may_be_spent() -> None:
    assert purse(10, spent=6).reserve(1, Decimal(4), never) is None


def test_an_unknown_price_is_over_every_limit_and_stops_no_other() -> None:
    refusal = purse(10).reserve(1, None, never)

    assert refusal is not None and not refusal.is_final
    assert "it is not known what it costs" in refusal.text
    assert purse(None).reserve(1, None, never) is None
    assert purse(10, allow_unknown_price=True).reserve(1, None, never) is None


def test_who_may_fit_later_waits_for_the_others_to_end() -> None:
    found, said = purse(4), []
    found.reserve(1, Decimal(4), never)
    is_asked = threading.Event()

    def ask() -> bool:
        is_asked.set()
        return False

    waiting = threading.Thread(target=lambda: said.append(found.reserve(2, Decimal(4), ask)))
    waiting.start()
    assert is_asked.wait(10) and said == []
    found.settle(1, Decimal(0))
    waiting.join(10)

    assert said == [None] and found.reserved == Decimal(4)


def test_nobody_waits_in_a_batch_that_was_stopped() -> None:
    found = purse(4)
    found.reserve(1, Decimal(4), never)

    refusal = found.reserve(2, Decimal(4), lambda: True)

    assert refusal is not None and refusal.is_final


# Looks


class Due:
    """A watch, as far as the queue knows it."""

    def __init__(self, pause_s: float) -> None:
        self.pause_s = pause_s


def looks(now: Any) -> Looks[str]:
    return Looks(now)


def test_the_one_that_is_due_first_comes_first() -> None:
    time = [0.0]
    found = looks(lambda: time[0])
    for name, pause_s in (("late", 3.0), ("early", 1.0), ("early too", 1.0)):
        found.add(name, Due(pause_s))  # type: ignore[arg-type]
    time[0] = 3.0

    taken = [found.take() for _ in range(3)]

    assert [each[0] for each in taken if each] == ["early", "early too", "late"]


def test_nobody_waits_where_all_is_over() -> None:
    found, taken = looks(lambda: 0.0), []
    found.add("later", Due(60.0))  # type: ignore[arg-type]
    waiting = [threading.Thread(target=lambda: taken.append(found.take())) for _ in range(3)]
    for thread in waiting:
        thread.start()

    found.close()
    for thread in waiting:
        thread.join(10)

    assert taken == [None] * 3


def test_so_many_are_in_the_air_and_no_more() -> None:
    air, entered = Air(2), []  # type: ignore[var-annotated]
    assert air.enter() and air.enter()
    third = threading.Thread(target=lambda: entered.append(air.enter()))
    third.start()
    assert entered == []

    air.leave()
    third.join(10)

    assert (entered, air.count) == ([True], 2)


def test_what_is_there_already_counts_and_is_never_kept_out() -> None:
    air = Air(1)
    air.join()
    air.join()

    assert air.count == 2


def test_no_place_is_given_out_after_the_end() -> None:
    air, entered = Air(1), [Air(1).enter()]
    waiting: List[threading.Thread] = []
    air.enter()
    for _ in range(3):
        waiting.append(threading.Thread(target=lambda: entered.append(air.enter())))
        waiting[-1].start()

    air.close()
    for thread in waiting:
        thread.join(10)

    assert (entered, air.count) == ([True, False, False, False], 1)


def test_no_limit_is_no_wait() -> None:
    air = Air(0)

    assert all(air.enter() for _ in range(1000))
