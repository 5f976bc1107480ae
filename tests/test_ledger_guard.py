"""A client with a ledger: what is held before the send, and what ends the hold."""

from __future__ import annotations

import gc
import logging
import shutil
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from wire import CHAT, CREATED, IMAGE, Script, answer, chunk, client, event, pieces, shipped, state, success

from kie_sync import KieAdapter, KieConversation
from kie_sync.errors import (
    KieAccountError,
    KieConfigError,
    KieConnectionError,
    KieInputError,
    KieLedgerError,
    KieOutcomeUnknownError,
    KieStreamError,
    KieTaskFailedError,
    KieValidationError,
)
from kie_sync.events import TaskFinished, TaskSubmitting
from kie_sync.holds import Balance, Hold
from kie_sync.ledger import SqlLedger, open_ledger
from kie_sync.ledger.charges import charge
from kie_sync.ledger.guard import LedgerGuard
from kie_sync.pricing import CostEstimate
from kie_sync.records import PaidCall
from kie_sync.transport import Lost, NeverSent

# 10 tokens in and 5 out at 30 and 180 credits for 1M, and one more credit for 1M of each.
ANSWER = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
CHARGED = Decimal("0.001215")
FAILED = state("fail", failCode="500", failMsg="Internal Error", creditsConsumed=4.0)


@pytest.fixture(scope="module")
def at_first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger in which Ann has 100 credits, and Bob 4, which is less than a picture costs."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.sqlite"
    made = open_ledger(path)
    made.create("ann", bonus=100)
    made.create("bob", bonus=4)
    made.close()
    return path


@pytest.fixture
def ledger(tmp_path: Path, at_first: Path) -> SqlLedger:
    return open_ledger(shutil.copy(at_first, tmp_path))


def has(ledger: SqlLedger, name: str = "ann") -> tuple[str, str]:
    """What is available, and what is held."""
    balance = ledger.balance(name)
    assert ledger.check() == []
    return str(balance.available), str(balance.held)


def picture(ledger: Any, *answers: Any, clock: Any = None, **settings: Any) -> KieAdapter:
    return KieAdapter(client(Script(*answers), clock, ledger=ledger, **{"account": "ann", **settings}), IMAGE)


def chat(ledger: Any, *answers: Any, **settings: Any) -> KieAdapter:
    return KieAdapter(client(Script(*answers), ledger=ledger, **{"account": "ann", **settings}), CHAT)


# Tasks


def test_a_picture_is_held_and_then_charged_by_the_tariff(ledger: SqlLedger, clock: Any) -> None:
    adapter = picture(ledger, CREATED, success(), clock=clock)

    task = adapter.submit("a cat")

    assert has(ledger) == ("95", "5")
    assert [(hold.credits, hold.ref) for hold in ledger.holds()] == [(Decimal(5), f"t1 {IMAGE} cost_plus_one")]
    task.wait()
    assert has(ledger) == ("95", "0")
    assert [line.kind for line in ledger.statement("ann")] == ["bonus", "hold", "capture"]


def test_what_the_platform_took_counts_where_the_tariff_follows_it(ledger: SqlLedger, clock: Any) -> None:
    """4 were expected, and 6 taken: one more than that is charged, though 5 were held."""
    picture(ledger, CREATED, success(creditsConsumed=6.0), clock=clock).generate("a cat")

    assert has(ledger) == ("93", "0")


def test_a_tariff_of_its_own_does_not_follow_the_platform(ledger: SqlLedger, clock: Any) -> None:
    picture(ledger, CREATED, success(creditsConsumed=6.0), clock=clock).generate("a cat", tariff="reference")

    assert has(ledger) == ("95", "0")


def test_a_failed_task_costs_nothing(ledger: SqlLedger, clock: Any) -> None:
    with pytest.raises(KieTaskFailedError):
        picture(ledger, CREATED, FAILED, clock=clock).generate("a cat")

    assert has(ledger) == ("100", "0")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param({"code": 422, "msg": "bad"}, KieValidationError, id="refused"),
        pytest.param(NeverSent("refused"), KieConnectionError, id="never-sent"),
    ],
)
def test_a_refused_call_costs_nothing(ledger: SqlLedger, clock: Any, given: Any, error: Any) -> None:
    with pytest.raises(error):
        picture(ledger, given, clock=clock).generate("a cat")

    assert has(ledger) == ("100", "0")


def test_an_unknown_outcome_stays_held(ledger: SqlLedger, clock: Any) -> None:
    with pytest.raises(KieOutcomeUnknownError):
        picture(ledger, Lost("gone"), clock=clock).generate("a cat")

    assert has(ledger) == ("95", "5")


def test_who_cannot_pay_is_refused_and_nothing_is_sent(ledger: SqlLedger) -> None:
    adapter = picture(ledger, CREATED)

    with pytest.raises(KieAccountError) as caught:
        adapter.submit("a cat", account="bob")

    assert str(caught.value) == (
        f'{IMAGE}: account "bob" has 4 credits, and 5 are needed; top it up: `kie-sync account topup bob --plan PLAN` '
        "or `--credits N`; nothing was sent"
    )
    error = caught.value
    assert (error.account, error.needed, error.available) == ("bob", Decimal(5), Decimal(4))
    assert has(ledger, "bob") == ("4", "0")
    assert adapter.client._transport.requests == []  # type: ignore[attr-defined]


def test_an_account_that_is_not_there_is_refused(ledger: SqlLedger) -> None:
    with pytest.raises(KieAccountError, match=f'{IMAGE}: there is no account "zoe"; .*; nothing was sent'):
        picture(ledger, CREATED, account="zoe").submit("a cat")


def test_nobody_pays_by_oversight(ledger: SqlLedger) -> None:
    with pytest.raises(KieAccountError, match=r'nobody is named who pays; nothing was sent\. Say account="\.\.\."'):
        picture(ledger, CREATED, account=None).submit("a cat")


def test_a_later_listener_that_refuses_gives_the_hold_back(ledger: SqlLedger, tmp_path: Path) -> None:
    """The journal is asked after the ledger; here it cannot be written."""
    folder = tmp_path / "journal.sqlite"
    folder.mkdir()

    with pytest.raises(KieConfigError, match="nothing was sent"):
        picture(ledger, CREATED, journal=folder).submit("a cat")

    assert has(ledger) == ("100", "0")


def test_the_callers_own_listeners_refuse_before_anything_is_held(ledger: SqlLedger) -> None:
    def refuse(told: Any) -> None:
        if isinstance(told, TaskSubmitting):
            raise KieInputError("m", [])

    with pytest.raises(KieInputError):
        picture(ledger, CREATED, on_event=refuse).submit("a cat")

    assert [line.kind for line in ledger.statement("ann")] == ["bonus"]


def test_what_was_bought_before_is_not_held_again(ledger: SqlLedger, tmp_path: Path, clock: Any) -> None:
    adapter = picture(ledger, CREATED, success(), clock=clock, journal=tmp_path / "j.sqlite")

    for _ in range(3):
        adapter.generate("a cat", key="k")

    assert has(ledger) == ("95", "0")
    assert [line.kind for line in ledger.statement("ann")] == ["bonus", "hold", "capture"]


def test_a_call_whose_key_was_taken_meanwhile_is_held_anew(ledger: SqlLedger, tmp_path: Path, clock: Any) -> None:
    """Somebody else buys under the key between the look and the send; his task fails, and this one is sent after it."""
    journal, rivals = tmp_path / "j.sqlite", [KieAdapter]

    def rival(told: Any) -> None:
        if isinstance(told, TaskSubmitting) and rivals:
            other = client(Script({**CREATED, "data": {"taskId": "t0"}}, FAILED), clock, journal=journal)
            with pytest.raises(KieTaskFailedError):
                rivals.pop()(other, IMAGE).generate("a cat", key="k")

    adapter = picture(ledger, CREATED, success(), clock=clock, journal=journal, on_event=rival)

    adapter.generate("a cat", key="k", retry_failed=True)

    assert has(ledger) == ("95", "0")
    assert [line.kind for line in ledger.statement("ann")] == ["bonus", "hold", "release", "hold", "capture"]


def test_a_hold_that_has_ended_holds_nothing(clock: Any) -> None:
    """A ledger that gives such a one back, as under a key that was used: the call is not sent."""

    class Ended(Four):
        def hold(self, account: str, credits: Decimal, *, key: str, ref: str = "") -> Hold:
            return Hold(account, credits, key, ref, state="released")

    adapter = picture(Ended(), CREATED, clock=clock)

    with pytest.raises(KieLedgerError, match="was released already, so that nothing is held; nothing was sent"):
        adapter.submit("a cat")

    assert adapter.client._transport.requests == []  # type: ignore[attr-defined]


# What is not known beforehand


def test_a_raw_call_has_no_price_and_wants_a_hold(ledger: SqlLedger) -> None:
    raw = client(Script(CREATED), ledger=ledger, account="ann")

    with pytest.raises(KieAccountError) as caught:
        raw.create_task(IMAGE, {"prompt": "a cat"})

    assert str(caught.value) == (
        f"{IMAGE}: it is not known beforehand what this call costs, so that nothing can be held of account ann; "
        "nothing was sent. hold=N (--hold N) says how many credits to hold"
    )
    raw.create_task(IMAGE, {"prompt": "a cat"}, hold="7.5")
    assert has(ledger) == ("92.5", "7.5")


def test_a_raw_call_is_charged_by_what_it_was_given(ledger: SqlLedger, clock: Any) -> None:
    raw = client(Script(CREATED, success()), clock, ledger=ledger, account="ann")

    raw.create_and_wait(IMAGE, {"prompt": "a cat"}, hold="7.5")

    assert has(ledger) == ("95", "0")


def test_a_hold_may_be_less_than_the_price(ledger: SqlLedger, clock: Any) -> None:
    picture(ledger, CREATED, success(), clock=clock, account="bob").generate("a cat", hold=1)

    assert has(ledger, "bob") == ("-1", "0")


def test_a_price_without_an_upper_end_wants_a_hold(ledger: SqlLedger) -> None:
    """Its likely figure is no bound."""
    told = TaskSubmitting(IMAGE, {}, None, price(5, 4), PaidCall("k", IMAGE))
    guard = LedgerGuard(ledger, "ann", shipped(), None, lambda: "2026-11-22T00:00:00Z")

    with pytest.raises(KieAccountError, match="it is not known beforehand what this call costs"):
        guard(told)

    assert has(ledger) == ("100", "0")


@pytest.mark.parametrize("hold", [True, -1, "many", []])
def test_a_hold_is_a_number_of_credits(ledger: SqlLedger, hold: Any) -> None:
    with pytest.raises(KieInputError, match="hold must be a number of credits, 0 or more, such as"):
        picture(ledger, CREATED).submit("a cat", hold=hold)


@pytest.mark.parametrize("account", ["", "  ", 7, b"ann"])
def test_an_account_is_a_name(ledger: SqlLedger, account: Any) -> None:
    with pytest.raises(KieInputError, match="account must be the name of an account in the ledger"):
        picture(ledger, CREATED).submit("a cat", account=account)


# Chats


def test_a_chat_is_held_at_its_bound_and_charged_by_its_tokens(ledger: SqlLedger) -> None:
    chat(ledger, ANSWER).chat("2+2?", max_tokens=1000)

    lines = ledger.statement("ann")
    assert [line.kind for line in lines] == ["bonus", "hold", "capture"]
    # 0.19 is the platform's bound (see test_budget); the tariff's adds a credit for 1M tokens.
    assert Decimal("0.19") < lines[1].held < Decimal("0.192")
    assert has(ledger) == (str(100 - CHARGED), "0")


def test_what_the_platform_took_of_a_chat_counts(ledger: SqlLedger) -> None:
    """0.01 in place of 0.0012 by the tokens; the margin of 15 tokens is added."""
    chat(ledger, {**ANSWER, "credits_consumed": 0.01}).chat("2+2?", max_tokens=1000)

    assert has(ledger) == ("99.989985", "0")


def test_without_max_tokens_the_models_largest_output_is_held(ledger: SqlLedger) -> None:
    """65,536 tokens at 181 credits for 1M, and a little for the question."""
    chat(ledger, ANSWER).chat("2+2?")

    held = ledger.statement("ann")[1].held
    assert Decimal("11.86") < held < Decimal("11.88")
    assert has(ledger) == (str(100 - CHARGED), "0")


def test_a_chat_without_a_bound_wants_a_hold(ledger: SqlLedger) -> None:
    """The catalog does not know how much this model can write."""
    asker, model = client(Script(ANSWER), ledger=ledger, account="ann"), "gemini-2.5-flash"
    assert shipped()[model].output_tokens is None

    with pytest.raises(KieAccountError, match=r"not known beforehand .*\(say max_tokens, which bounds the answer\)"):
        asker.chat_completions(model, "2+2?")
    asker.chat_completions(model, "2+2?", hold=2)

    assert Decimal(99) < ledger.balance("ann").available < 100


def test_a_picture_in_a_chat_has_no_bound(ledger: SqlLedger) -> None:
    adapter = chat(ledger, ANSWER)
    asked = {"messages": "What is it?", "media": "https://x/1.png", "max_tokens": 10}

    with pytest.raises(KieAccountError, match="files, and tools that fetch text, have no bound"):
        adapter.chat(**asked)  # type: ignore[arg-type]

    adapter.chat(**asked, hold="0.5")  # type: ignore[arg-type]
    assert has(ledger) == (str(100 - CHARGED), "0")


def test_what_was_used_beyond_the_hold_is_booked_and_the_account_waits_for_credits(ledger: SqlLedger) -> None:
    ledger.transfer("ann", "bob", "99.999")
    adapter = chat(ledger, ANSWER)

    adapter.chat("2+2?", hold="0.001")

    assert has(ledger) == (str(Decimal("0.001") - CHARGED), "0")
    assert ledger.balance("ann").is_overdrawn
    with pytest.raises(KieAccountError, match=r"is overdrawn by 0\.000215 credits"):
        adapter.chat("2+2?", hold=0)


STREAM = [event(chunk("4")), event(chunk(finish="stop", usage=ANSWER["usage"])), event("[DONE]")]


def test_a_stream_is_charged_at_its_end(ledger: SqlLedger) -> None:
    with chat(ledger, pieces(STREAM)).chat("2+2?", stream=True, max_tokens=1000) as stream:
        assert ledger.balance("ann").held > 0
        list(stream)
        assert stream.text == "4"

    assert has(ledger) == (str(100 - CHARGED), "0")


def test_a_stream_that_breaks_off_stays_held(ledger: SqlLedger, caplog: pytest.LogCaptureFixture) -> None:
    stream = chat(ledger, pieces(STREAM[:1], error=Lost("gone"))).chat("2+2?", stream=True, hold=2)

    with pytest.raises(KieStreamError):
        list(stream)

    assert has(ledger) == ("98", "2")
    assert "2 credits of account ann stay held; `kie-sync account settle` ends it" in caplog.text


def test_a_stream_that_is_dropped_at_its_end_is_charged_by_the_next_call(ledger: SqlLedger) -> None:
    """A finalizer asks nothing of a database."""
    adapter = chat(ledger, pieces(STREAM))
    stream = adapter.chat("2+2?", stream=True, hold=2)
    assert [next(stream).choices[0].finish_reason for _ in range(2)] == [None, "stop"]

    del stream
    gc.collect()
    assert has(ledger) == ("98", "2")

    adapter.client.close()
    assert has(ledger) == (str(100 - CHARGED), "0")


def test_a_conversation_pays_with_each_turn(ledger: SqlLedger) -> None:
    conversation = KieConversation(chat(ledger, ANSWER, account=None), account="ann", hold=1)

    conversation.say("2+2?")
    conversation.say("and 1+3?")

    assert has(ledger) == ("99.99757", "0")


# Another process


def test_another_process_ends_the_hold_by_the_tasks_id(ledger: SqlLedger, clock: Any) -> None:
    """No journal: the hold has the task's id, and the tariff."""
    picture(ledger, CREATED).submit("a cat", tariff="reference")

    KieAdapter(client(Script(success(creditsConsumed=9.0)), clock, ledger=ledger), IMAGE).task("t1").wait()

    assert has(ledger) == ("95", "0")


def test_another_process_follows_the_platform(ledger: SqlLedger, clock: Any) -> None:
    picture(ledger, CREATED).submit("a cat")
    made_with = {"param": '{"input": {"prompt": "a cat"}}'}

    later = client(Script(success(creditsConsumed=9.0, **made_with)), clock, ledger=ledger)
    later.wait_for_task("t1", model=IMAGE)

    assert has(ledger) == ("90", "0")


def test_the_end_is_booked_once_however_often_it_is_seen(ledger: SqlLedger, clock: Any) -> None:
    adapter = picture(ledger, CREATED, success(), clock=clock)
    task = adapter.submit("a cat")

    task.wait()
    task.wait()
    adapter.client.query_task("t1")

    assert has(ledger) == ("95", "0")


def test_an_end_that_is_told_before_the_creation_is_booked(ledger: SqlLedger, clock: Any) -> None:
    """A callback can be faster than the answer to the create call."""

    def create(request: Any) -> Any:
        adapter.client.query_task("t1")
        return answer(CREATED)

    adapter = picture(ledger, create, success(), clock=clock)
    transport: Any = adapter.client._transport
    transport.answers = [create, success(), success()]

    adapter.submit("a cat")

    assert has(ledger) == ("95", "0")


def test_a_task_of_somebody_else_is_left_alone(ledger: SqlLedger, clock: Any) -> None:
    KieAdapter(client(Script(success()), clock, ledger=ledger), IMAGE).task("t7").wait()

    assert has(ledger) == ("100", "0")


# A ledger that fails, and one of one's own


class Four:
    """A ledger with the four methods and no more, which may be out of order."""

    def __init__(self) -> None:
        self.told: List[Any] = []
        self.fault: Optional[Exception] = None

    def _do(self, *what: Any) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append(what)

    def hold(self, account: str, credits: Decimal, *, key: str, ref: str = "") -> Hold:
        self._do("hold", account, credits, ref)
        return Hold(account, credits, key, ref)

    def capture(self, key: str, credits: Decimal) -> None:
        self._do("capture", credits)

    def release(self, key: str) -> None:
        self._do("release")

    def balance(self, account: str) -> Balance:
        raise NotImplementedError


def test_four_methods_are_enough(clock: Any) -> None:
    ledger = Four()

    picture(ledger, CREATED, success(), clock=clock).generate("a cat")

    assert ledger.told == [
        ("hold", "ann", Decimal(5), f"- {IMAGE} cost_plus_one"),
        ("hold", "ann", Decimal(5), f"t1 {IMAGE} cost_plus_one"),
        ("capture", Decimal(5)),
    ]


def test_four_methods_and_a_journal_serve_another_process(tmp_path: Path, clock: Any) -> None:
    ledger, journal = Four(), tmp_path / "j.sqlite"
    picture(ledger, CREATED, journal=journal).submit("a cat")

    KieAdapter(client(Script(success()), clock, ledger=ledger, journal=journal), IMAGE).task("t1").wait()

    assert ledger.told[-1] == ("capture", Decimal(5))


def test_a_ledger_that_fails_afterwards_costs_nobody_the_result(clock: Any, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Four()
    adapter = picture(ledger, CREATED, success(), CREATED, clock=clock)
    task = adapter.submit("a cat")

    ledger.fault = KieLedgerError("the disk is full")
    result = task.wait()
    assert result.urls
    assert "the capture of 5 credits" in caplog.text and "the disk is full" in caplog.text
    assert not any(what[0] == "capture" for what in ledger.told)

    ledger.fault = None
    adapter.client.close()
    assert ledger.told[-1] == ("capture", Decimal(5))


def test_what_is_late_is_booked_before_the_next_hold(clock: Any) -> None:
    ledger = Four()
    adapter = picture(ledger, CREATED, success(), CREATED, success(), clock=clock)
    task = adapter.submit("a cat")
    ledger.fault = OSError("gone")
    task.wait()
    ledger.fault = None

    adapter.submit("a dog")

    assert [what[0] for what in ledger.told] == ["hold", "hold", "capture", "hold", "hold"]


def test_a_ledger_that_fails_beforehand_stops_the_call(clock: Any) -> None:
    ledger = Four()
    ledger.fault = KieLedgerError("the disk is full")
    adapter = picture(ledger, CREATED, clock=clock)

    with pytest.raises(KieLedgerError, match="the disk is full; nothing was sent"):
        adapter.submit("a cat")

    assert adapter.client._transport.requests == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("fault", [KieLedgerError("the connection broke"), KeyboardInterrupt()])
def test_what_is_held_although_the_hold_was_not_answered_is_given_back(clock: Any, fault: BaseException) -> None:
    class Broken(Four):
        def hold(self, account: str, credits: Decimal, *, key: str, ref: str = "") -> Hold:
            super().hold(account, credits, key=key, ref=ref)
            raise fault

    ledger = Broken()

    with pytest.raises(type(fault)):
        picture(ledger, CREATED, clock=clock).submit("a cat")

    assert [what[0] for what in ledger.told] == ["hold", "release"]


def test_an_end_that_was_settled_otherwise_is_told_and_not_tried_for_ever(
    ledger: SqlLedger, clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    adapter = picture(ledger, CREATED, success(), clock=clock)
    task = adapter.submit("a cat")
    ledger.release(ledger.holds()[0].key)

    with caplog.at_level(logging.WARNING):
        task.wait()

    assert has(ledger) == ("100", "0")
    assert "was released already" in caplog.text


# Settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"account": "ann"}, "account='ann' names who pays, and there is no ledger= that has accounts"),
        ({"ledger": object()}, "ledger must be True, a path, a URL, or have the four methods"),
        ({"ledger": "x.sqlite", "account": ""}, "account must be the name of an account in the ledger; got ''"),
        ({"ledger": "x.sqlite", "account": 7}, "account must be the name of an account in the ledger; got 7"),
    ],
)
def test_a_setting_that_does_not_fit_is_told(settings: Dict[str, Any], said: str) -> None:
    with pytest.raises(KieConfigError) as caught:
        client(Script(CREATED), **settings)

    assert said in str(caught.value)


@pytest.mark.parametrize("given", [{"account": "ann"}, {"hold": 5}])
def test_an_account_without_a_ledger_is_refused(given: Any) -> None:
    adapter = KieAdapter(client(Script(CREATED)), IMAGE)

    with pytest.raises(KieConfigError, match="account= and hold= need a ledger"):
        adapter.submit("a cat", **given)


def test_a_client_opens_the_file_that_is_named_and_closes_it(ledger: SqlLedger, tmp_path: Path) -> None:
    path = Path(ledger.name)
    ledger.close()

    adapter = picture(path, CREATED)
    adapter.submit("a cat")
    adapter.client.close()

    assert has(ledger) == ("95", "5")


# The rule


def price(credits: Any, platform: Any, most: Any = None, platform_most: Any = None, tariff: str = "") -> CostEstimate:
    amounts = [None if amount is None else Decimal(amount) for amount in (credits, platform, most, platform_most)]
    name = tariff or "cost_plus_one"
    return CostEstimate(
        "m", name, amounts[0], None, amounts[2], amounts[1], None, None, platform_credits_max=amounts[3]
    )


@pytest.mark.parametrize(
    ("cost", "consumed", "charged"),
    [
        pytest.param(None, 4, None, id="no-price"),
        pytest.param(price(None, None), 4, None, id="unknown"),
        pytest.param(price(5, 4), None, 5, id="nobody-says-what-it-took"),
        pytest.param(price(5, 4), 6, 7, id="cost-and-margin"),
        pytest.param(price(5, 4), 0, 1, id="the-platform-took-nothing"),
        pytest.param(price(None, None, 46, 45), 12, 13, id="a-range"),
        pytest.param(price(None, None, 46, 45), None, None, id="a-range-and-nobody-says"),
        pytest.param(price(5, 4, tariff="reference"), 6, 5, id="a-price-of-its-own"),
        pytest.param(price(None, 4, tariff="reference"), 6, None, id="no-price-of-its-own"),
    ],
)
def test_what_a_call_is_charged(cost: Any, consumed: Any, charged: Any) -> None:
    consumed = None if consumed is None else Decimal(consumed)

    assert charge(shipped()[IMAGE], cost, consumed) == charged


def test_finished_is_told_to_the_callers_listeners_after_the_capture(ledger: SqlLedger, clock: Any) -> None:
    seen: List[Decimal] = []

    def look(told: Any) -> None:
        if isinstance(told, TaskFinished):
            seen.append(ledger.balance("ann").available)

    picture(ledger, CREATED, success(creditsConsumed=6.0), clock=clock, on_event=look).generate("a cat")

    assert seen == [Decimal(93)]


def test_threads_together_spend_no_more_than_there_is(ledger: SqlLedger) -> None:
    """Thirty want a picture of 5 credits, at once, and Ann has 100."""
    adapter, refused = picture(ledger, CREATED), []

    def submit() -> None:
        try:
            adapter.submit("a cat")
        except KieAccountError as error:
            refused.append(error)

    threads = [threading.Thread(target=submit) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    transport: Any = adapter.client._transport
    assert (transport.creates, len(refused), has(ledger)) == (20, 10, ("0", "100"))
