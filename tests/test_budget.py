"""Budgets: what is refused before it is sent, what is reserved, and what comes back."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from wire import CHAT, CREATED, IMAGE, Script, answer, chunk, client, event, pieces, shipped, state, success

from kie_sync import CostEstimate, KieAdapter, KieClient
from kie_sync.budget import Budget, check_day, check_price, expected_credits, with_chat_bound
from kie_sync.errors import KieAPIError, KieBudgetError, KieConfigError, KieInputError, KieOutcomeUnknownError
from kie_sync.events import TaskSubmitting
from kie_sync.journal import SqliteJournal
from kie_sync.params import resolve
from kie_sync.pricing import quote
from kie_sync.records import PaidCall
from kie_sync.transport import Lost

BAD_CREDITS = [True, -1, "-0.5", "many", "", float("nan"), "Infinity", [], Decimal("NaN")]
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
# What was reserved for it may still stand there; a failed task is not charged.
FAILED = state("fail", failCode="500", failMsg="Internal Error", creditsConsumed=4.0)


def price(credits: Any = None, most: Any = None, unknown: Optional[str] = None) -> CostEstimate:
    """An estimate of these platform credits."""
    found = CostEstimate("m", "t", None, None, None, credits, None, None, unknown=unknown, platform_credits_max=most)
    return found


# One call


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(None, None, id="no-estimate"),
        pytest.param(price(), None, id="unknown"),
        pytest.param(price(Decimal(4)), Decimal(4), id="known"),
        pytest.param(price(Decimal(4), Decimal(24)), Decimal(24), id="a-range-counts-with-its-end"),
        pytest.param(price(None, Decimal(24)), Decimal(24), id="only-the-end-is-known"),
    ],
)
def test_what_a_call_counts(given: Any, expected: Any) -> None:
    assert expected_credits(given) == expected


@pytest.mark.parametrize("limit", ["4", 4, Decimal(4), 4.0, "4.0", 100])
def test_a_call_within_its_limit_is_made(limit: Any) -> None:
    transport = Script(CREATED)

    KieAdapter(client(transport), IMAGE).submit("a cat", max_credits=limit)

    assert transport.creates == 1


def test_a_call_over_its_limit_is_refused_with_the_figures() -> None:
    transport = Script(CREATED)

    with pytest.raises(KieBudgetError) as caught:
        KieAdapter(client(transport), IMAGE).generate("a cat", max_credits="3.5")

    assert (caught.value.credits, caught.value.limit, transport.requests) == (Decimal(4), Decimal("3.5"), [])
    assert str(caught.value) == (
        f"{IMAGE}: this call can cost 4 credits, which is over max_credits=3.5; nothing was sent. Raise the limit, or "
        f"make it cheaper: `kie-sync price {IMAGE}` shows what its choices cost"
    )


@pytest.mark.parametrize("limit", BAD_CREDITS)
@pytest.mark.parametrize("call", ["submit", "chat"])
def test_a_limit_is_a_number(limit: Any, call: str) -> None:
    transport = Script(CREATED)
    adapter = KieAdapter(client(transport), IMAGE if call == "submit" else CHAT)

    with pytest.raises(KieInputError, match="max_credits must be a number of credits, 0 or more"):
        getattr(adapter, call)("a cat", max_credits=limit)

    assert transport.requests == []


def test_a_price_that_is_not_known_is_over_every_limit() -> None:
    call = PaidCall("1", "m", max_credits=Decimal(10**9))

    with pytest.raises(KieBudgetError) as caught:
        check_price(call, price(unknown="nobody knows"))

    assert (caught.value.credits, caught.value.limit) == (None, 10**9)
    assert str(caught.value) == (
        "m: it is not known beforehand what this call costs (nobody knows), which counts as over "
        "max_credits=1000000000; nothing was sent. allow_unknown_price=True (--allow-unknown-price) lets it pass"
    )


def test_unless_it_is_allowed_by_name() -> None:
    check_price(PaidCall("1", "m", max_credits=Decimal(1), allow_unknown_price=True), price())


def test_what_is_known_is_not_let_through_by_that_name() -> None:
    with pytest.raises(KieBudgetError):
        check_price(PaidCall("1", "m", max_credits=Decimal(1), allow_unknown_price=True), price(Decimal(2)))


def test_a_call_without_a_limit_needs_no_price() -> None:
    check_price(PaidCall("1", "m"), None)


def test_a_key_that_was_bought_is_not_held_against_a_limit() -> None:
    """It costs nothing to give the first task again."""
    from kie_sync.records import Record

    call = PaidCall("x", IMAGE, given=resolve(shipped()[IMAGE], {"prompt": "a cat"}).given)
    record = Record("x", IMAGE, "accepted", 0.0, digest=call.digest, task_id="t9")

    class Journal:
        def __call__(self, event: Any) -> None: ...

        def find(self, **about: Any) -> Record:
            return record

    journal: Any = Journal()
    adapter = KieAdapter(client(Script(CREATED), journal=journal), IMAGE)

    assert adapter.submit("a cat", key="row-1", max_credits=0).task_id == "t9"


# A day


@pytest.mark.parametrize(
    ("spent", "given", "limit", "is_refused"),
    [
        (Decimal(96), price(Decimal(4)), Decimal(100), False),
        (Decimal("96.1"), price(Decimal(4)), Decimal(100), True),
        (Decimal(0), price(), Decimal(100), True),
        (Decimal(0), None, Decimal(100), True),
    ],
)
def test_a_day(spent: Decimal, given: Any, limit: Decimal, is_refused: bool) -> None:
    call = PaidCall("1", "m")
    if not is_refused:
        check_day(spent, given, limit, call)
        return
    with pytest.raises(KieBudgetError, match=r"over the 100 credits of this day \(UTC\), [\d.]+ of which are spent"):
        check_day(spent, given, limit, call)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_a_day_without_a_journal_is_refused_at_the_first_paid_call(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    transport = Script(CREATED)
    if how == "environment":
        monkeypatch.setenv("KIE_MAX_CREDITS_PER_DAY", "500")
    mine = client(transport, **({"max_credits_per_day": 500} if how == "argument" else {}))

    with pytest.raises(KieConfigError, match=r"KIE_MAX_CREDITS_PER_DAY .* is counted from the journal"):
        KieAdapter(mine, IMAGE).submit("a cat")

    assert transport.requests == []


def test_a_client_may_do_without_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo plays in a sandbox of its own, whatever the environment says."""
    monkeypatch.setenv("KIE_MAX_CREDITS_PER_DAY", "1")
    transport = Script(CREATED)

    KieAdapter(client(transport, max_credits_per_day=False), IMAGE).submit("a cat")

    assert transport.creates == 1


def test_a_journal_that_counts_by_itself_is_enough() -> None:
    class Journal:
        max_credits_per_day = Decimal(7)

        def __call__(self, event: Any) -> None: ...

    journal: Any = Journal()

    KieAdapter(client(Script(CREATED), journal=journal, max_credits_per_day=7), IMAGE).submit("a cat")


@pytest.mark.parametrize(("limit", "is_refused"), [(1, True), (1000, True), (7, False), ("7.0", False), (False, False)])
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_two_limits_by_day_must_be_one(
    limit: Any, is_refused: bool, how: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The journal counts with its own; the client's would be passed by without a word."""
    transport, settings = Script(CREATED), {"max_credits_per_day": limit}
    if how == "environment" and limit is not False:
        monkeypatch.setenv("KIE_MAX_CREDITS_PER_DAY", str(limit))
        settings = {}
    mine = client(transport, journal=SqliteJournal(tmp_path / "j", max_credits_per_day=Decimal(7)), **settings)

    if is_refused:
        with pytest.raises(KieConfigError, match=rf"is {limit} credits, and the journal that was given keeps 7;"):
            KieAdapter(mine, IMAGE).submit("a cat")
    else:
        KieAdapter(mine, IMAGE).submit("a cat")

    assert transport.creates == (0 if is_refused else 1)


def test_the_journal_is_given_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: List[Tuple[Any, Any]] = []

    class Journal:
        def __init__(self, path: Any, max_credits_per_day: Any) -> None:
            self.max_credits_per_day = max_credits_per_day
            opened.append((path, max_credits_per_day))

        def __call__(self, event: Any) -> None: ...

    monkeypatch.setattr("kie_sync.journal.SqliteJournal", Journal)
    monkeypatch.setenv("KIE_MAX_CREDITS_PER_DAY", "500")

    KieAdapter(client(Script(CREATED), journal=tmp_path / "j"), IMAGE).submit("a cat")
    KieAdapter(client(Script(CREATED), journal=True, max_credits_per_day="7.5"), IMAGE).submit("a cat")

    assert opened == [(tmp_path / "j", Decimal(500)), (None, Decimal("7.5"))]


# A client


@pytest.mark.parametrize("name", ["budget", "max_credits_per_day", "low_balance_warning"])
@pytest.mark.parametrize("value", BAD_CREDITS)
def test_a_setting_is_a_number(name: str, value: Any) -> None:
    settings: Dict[str, Any] = {name: value}

    with pytest.raises(KieConfigError, match=f"{name} must be a number of credits, 0 or more"):
        KieClient(**settings)


def test_a_variable_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_MAX_CREDITS_PER_DAY", "plenty")

    with pytest.raises(KieConfigError, match=r'KIE_MAX_CREDITS_PER_DAY must be a number of credits.*got "plenty"'):
        KieAdapter(client(Script(CREATED)), IMAGE).submit("a cat")


def figures(budget: Optional[Budget]) -> Tuple[Decimal, Decimal, Decimal]:
    assert budget is not None
    return budget.spent, budget.reserved, budget.left


def test_no_budget() -> None:
    assert client(Script()).budget is None


def test_a_task_is_reserved_and_then_counted_as_the_platform_counts_it(clock: Any) -> None:
    mine = client(Script(CREATED, success(creditsConsumed=3.5)), clock, budget=10)
    task = KieAdapter(mine, IMAGE).submit("a cat")
    assert figures(mine.budget) == (0, 4, 6)

    task.wait()

    assert figures(mine.budget) == (Decimal("3.5"), 0, Decimal("6.5"))


def test_a_task_of_which_the_platform_tells_nothing_costs_what_was_expected(clock: Any) -> None:
    mine = client(Script(CREATED, success(creditsConsumed=None)), clock, budget=10)

    KieAdapter(mine, IMAGE).generate("a cat")

    assert figures(mine.budget) == (4, 0, 6)


@pytest.mark.parametrize(
    ("answers", "left"),
    [
        pytest.param([{"code": 402, "msg": "Credits insufficient"}], 10, id="refused"),
        pytest.param([CREATED, FAILED], 10, id="failed"),
        pytest.param([Lost("gone")], 6, id="unknown"),
        pytest.param([CREATED, state("waiting")], 6, id="still-running"),
    ],
)
def test_what_comes_back(answers: List[Any], left: int, clock: Any) -> None:
    mine = client(Script(*answers), clock, budget=10)

    with pytest.raises(KieAPIError):
        KieAdapter(mine, IMAGE).generate("a cat", max_wait_time=5)

    assert figures(mine.budget) == (0, 10 - left, left)


def test_a_call_that_another_listener_refuses_is_given_back() -> None:
    def refuse(event: Any) -> None:
        if isinstance(event, TaskSubmitting):
            raise KieBudgetError("not today")

    mine = client(Script(CREATED), budget=10, on_event=refuse)

    with pytest.raises(KieBudgetError, match="not today"):
        KieAdapter(mine, IMAGE).submit("a cat")

    assert figures(mine.budget) == (0, 0, 10)


def test_when_it_is_used_up_nothing_is_sent() -> None:
    transport = Script(CREATED)
    mine = client(transport, budget="9.5")
    adapter = KieAdapter(mine, IMAGE)
    adapter.submit("a cat")
    adapter.submit("a cat")

    with pytest.raises(KieBudgetError) as caught:
        adapter.submit("a cat")

    assert (transport.creates, caught.value.credits, caught.value.limit) == (2, 4, Decimal("9.5"))
    assert "this client's budget of 9.5 credits, 8 of which are gone" in str(caught.value)
    assert repr(mine.budget) == "Budget(limit=9.5, spent=0, reserved=8)"


def test_a_bare_create_has_no_price(clock: Any) -> None:
    """It goes out as it is: only by name, and what it took is counted afterwards."""
    mine = client(Script(CREATED, success(creditsConsumed=4.0)), clock, budget=10)
    with pytest.raises(KieBudgetError, match="not known beforehand what this call costs, which"):
        mine.create_task(IMAGE, {"prompt": "a cat"})

    mine.create_and_wait(IMAGE, {"prompt": "a cat"}, allow_unknown_price=True)

    assert figures(mine.budget) == (4, 0, 6)


def test_threads_do_not_overdraw_it() -> None:
    transport = Script(CREATED)
    mine = client(transport, budget=20)
    refused: List[KieBudgetError] = []

    def submit() -> None:
        try:
            KieAdapter(mine, IMAGE).submit("a cat")
        except KieBudgetError as error:
            refused.append(error)

    threads = [threading.Thread(target=submit) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (transport.creates, len(refused)) == (5, 15)


# Chats


def bound(messages: Any, **given: Any) -> Optional[Decimal]:
    """The most that a chat can cost."""
    model = shipped()[CHAT]
    arguments = resolve(model, {"messages": messages, **given})
    return with_chat_bound(model, arguments, arguments.values, quote(model, arguments)).platform_credits_max


ASKED = [{"role": "user", "content": "2+2?"}]


def own(*content: Any) -> Any:
    """An answer that is sent again in its maker's own form."""
    return {"role": "assistant", "content": "4", "native": {"shape": "s", "model": "m", "content": list(content)}}


@pytest.mark.parametrize(
    ("messages", "given", "is_known"),
    [
        pytest.param(ASKED, {"max_tokens": 100}, True, id="text-and-an-end"),
        pytest.param(
            [{"role": "user", "content": [{"type": "text", "text": "2+2?"}]}], {"max_tokens": 9}, True, id="part"
        ),
        pytest.param(ASKED, {}, False, id="no-end"),
        pytest.param(
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/1.png"}}]}],
            {"max_tokens": 100},
            False,
            id="a-picture",
        ),
        pytest.param(ASKED, {"max_tokens": 9, "tools": [{"type": "function"}]}, False, id="a-tool-may-bring-text"),
        pytest.param([{"type": "item_reference", "id": "i"}], {"max_tokens": 9}, False, id="an-item-kept-elsewhere"),
        pytest.param([{"role": "user", "content": {"file": "f"}}], {"max_tokens": 9}, False, id="content-of-no-form"),
        pytest.param([own({"type": "text", "text": "4"}), *ASKED], {"max_tokens": 9}, True, id="own-form"),
        pytest.param(
            [own({"text": "4", "thoughtSignature": "s"})], {"max_tokens": 9}, True, id="own-form-and-signature"
        ),
        pytest.param([own({"fileData": {"fileUri": "u"}}), *ASKED], {"max_tokens": 9}, False, id="own-form-and-a-file"),
        pytest.param([own({"type": "image_generation_call"})], {"max_tokens": 9}, False, id="own-form-and-a-picture"),
    ],
)
def test_where_a_chat_has_a_bound(messages: Any, given: Any, is_known: bool) -> None:
    assert (bound(messages, **given) is not None) is is_known


def test_the_bound_is_bytes_in_and_tokens_out() -> None:
    """30 and 180 credits for 1M tokens; each further byte of text, a Chinese sign has three, is a token at most."""
    shorter, longer = bound(ASKED, max_tokens=1000), bound([{"role": "user", "content": "2+2?猫"}], max_tokens=1000)

    assert shorter is not None
    assert longer == shorter + Decimal("0.00003") * 3
    # Its own text and the few names around it.
    assert Decimal("0.18") < shorter < Decimal("0.18") + Decimal("0.00003") * 200


def test_a_chat_over_its_limit_is_refused() -> None:
    transport = Script(ANSWER)
    chat = KieAdapter(client(transport), CHAT)

    with pytest.raises(KieBudgetError, match=r"this call can cost 0\.\d+ credits, which is over max_credits=0.1"):
        chat.chat("2+2?", max_tokens=1000, max_credits="0.1")
    with pytest.raises(KieBudgetError, match="not known beforehand"):
        chat.chat_simple("2+2?", stream=True, max_credits=1000)

    assert transport.requests == []


@pytest.mark.parametrize("given", [{"max_tokens": 1000}, {"allow_unknown_price": True}])
def test_a_chat_within_its_limit_is_made(given: Dict[str, Any]) -> None:
    assert KieAdapter(client(Script(ANSWER)), CHAT).chat_simple("2+2?", max_credits=1, **given).text == "4"


@pytest.mark.parametrize("consumed", [None, 0.25])
def test_a_chat_counts_what_it_took(consumed: Any) -> None:
    body = ANSWER if consumed is None else {**ANSWER, "credits_consumed": consumed}
    mine = client(Script(body), budget=1)

    mine.chat_completions(CHAT, "2+2?", max_tokens=1000)

    expected = Decimal("0.0012") if consumed is None else Decimal("0.25")
    assert figures(mine.budget) == (expected, 0, 1 - expected)


def test_a_chat_that_broke_off_stays_reserved() -> None:
    """It may be charged, and nobody says for what."""
    mine = client(Script(answer(b"<html>")), budget=1)

    with pytest.raises(KieOutcomeUnknownError):
        mine.chat_completions(CHAT, "2+2?", max_tokens=1000)

    assert mine.budget is not None and mine.budget.reserved > Decimal("0.18")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_chat_that_is_closed_early_stays_reserved(count: int) -> None:
    """What was told of its usage is only that of a part."""
    usage = [
        {"usage": {"prompt_tokens": 10, "completion_tokens": count, "total_tokens": 10 + count}} for count in (1, 5)
    ]
    parts = [event(chunk("a", **usage[0])), event(chunk("b", **usage[0])), event(chunk("c", "stop", **usage[1]))]
    mine = client(Script(pieces([*parts, event("[DONE]")])), budget=1)
    assert mine.budget is not None

    with mine.chat_completions_stream(CHAT, "2+2?", max_tokens=1000) as stream:
        reserved = mine.budget.reserved
        for _ in range(count):
            next(stream)

    assert figures(mine.budget)[:2] == ((Decimal("0.0012"), 0) if count == 3 else (0, reserved))


def test_a_stream_that_is_collected_while_the_budget_is_read_holds_nobody_up() -> None:
    """The collector runs where it likes, and tells of the end in a thread that holds the lock already."""
    mine = client(Script(pieces([event(chunk("a"))])), budget=1)
    budget = mine.budget
    assert budget is not None
    stream = mine.chat_completions_stream(CHAT, "2+2?", max_tokens=1000)

    def collect() -> None:
        nonlocal stream
        with budget._lock:
            del stream

    collector = threading.Thread(target=collect, daemon=True)
    collector.start()
    collector.join(10)

    assert not collector.is_alive()


def test_a_model_that_is_not_sold_in_credits_says_so() -> None:
    google = KieAdapter(client(Script(ANSWER), api_keys={"google": "g"}), "gemini-3-flash-preview")

    with pytest.raises(KieBudgetError, match="it is not known beforehand what this call costs"):
        google.chat("2+2?", max_tokens=100, max_credits=1000)
