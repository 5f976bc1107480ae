"""Budgets: what a call may cost at most, and what a client may spend. All figures are platform credits.

A guard refuses before anything is sent. A price that is not known counts as over every limit, unless the call allows
it by name (`allow_unknown_price=True`); then it counts as soon as the platform tells what it took.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, Callable, Dict, Mapping, Optional

from .definitions import Model
from .errors import KieBudgetError, KieConfigError, KieInputError, Problem
from .events import CallRefused, ChatFinished, ChatSubmitting, TaskCreated, TaskFinished, TaskSubmitting
from .figures import tidy
from .params import Arguments
from .pricing import CostEstimate, quote
from .records import PaidCall
from .values import number_of, plain, show

# What an answer in its maker's own form is made of, where no file is in it.
_SAID = ("text", "thinking", "redacted_thinking", "tool_use", "message", "reasoning", "function_call")
_SAID_BY_NAME = {"text", "thought", "thoughtSignature", "functionCall"}
DAY_VARIABLE = "KIE_MAX_CREDITS_PER_DAY"

# The least that was seen for a chat, and the step of what was seen (a recorded answer, October 2026: 0.01).
_TAKEN = Decimal("0.01")
_SAY_MAX_TOKENS = "say max_tokens, which bounds the answer"


def parse_credits(value: object) -> Optional[Decimal]:
    """A number of credits, 0 or more, as a number or as text; None when it is none."""
    number = number_of(value)
    return number if number is not None and number.is_finite() and number >= 0 else None


def parse_max_credits(model: str, value: object, name: str = "max_credits") -> Optional[Decimal]:
    """A call's limit, or what is to be held for it, as the caller gave it.

    Raises:
        KieInputError: it is no number of credits.
    """
    credits = parse_credits(value)
    if value is not None and credits is None:
        message = f"{name} must be a number of credits, 0 or more, such as 12.5; got {show(value)}"
        raise KieInputError(model, [Problem("type", name, message)])
    return credits


def parse_setting(name: str, value: object) -> Optional[Decimal]:
    """A limit that is a setting: of the client, or of the environment.

    Raises:
        KieConfigError: it is no number of credits.
    """
    credits = parse_credits(value)
    if value is not None and credits is None:
        raise KieConfigError(f"{name} must be a number of credits, 0 or more, such as 500; got {show(value)}")
    return credits


def expected_credits(price: Optional[CostEstimate]) -> Optional[Decimal]:
    """What a call counts against limits: the most that it can cost, where that is known; None when nothing is."""
    if price is None:
        return None
    return price.platform_credits if price.platform_credits_max is None else price.platform_credits_max


def check_price(call: PaidCall, price: Optional[CostEstimate]) -> None:
    """Hold a call against its own limit.

    Raises:
        KieBudgetError: it would cost more than `max_credits`, or that is not known.
    """
    if call.max_credits is not None:
        _check(call, price, Decimal(0), call.max_credits, f"max_credits={plain(call.max_credits)}")


def check_day(spent: Decimal, price: Optional[CostEstimate], limit: Decimal, call: PaidCall) -> None:
    """Hold a call against what may be spent in a day (UTC), `spent` of which is gone or on its way.

    Raises:
        KieBudgetError: it would pass the limit, or that is not known.
    """
    what = f"the {plain(limit)} credits of this day (UTC), {plain(spent)} of which are spent or reserved"
    _check(call, price, spent, limit, what)


def _check(call: PaidCall, price: Optional[CostEstimate], spent: Decimal, limit: Decimal, what: str) -> None:
    expected = expected_credits(price)
    if expected is None:
        if call.allow_unknown_price:
            return
        why = f" ({_reason(price)})" if price is not None else ""
        message = (
            f"{call.model}: it is not known beforehand what this call costs{why}, which counts as over {what}; nothing "
            "was sent. allow_unknown_price=True (--allow-unknown-price) lets it pass"
        )
        raise KieBudgetError(message, credits=None, limit=limit)
    if spent + expected > limit:
        message = (
            f"{call.model}: this call can cost {plain(expected)} credits, which is over {what}; nothing was sent. "
            f"Raise the limit, or make it cheaper: `kie-sync price {call.model}` shows what its choices cost"
        )
        raise KieBudgetError(message, credits=expected, limit=limit)


def _reason(price: CostEstimate) -> str:
    return price.unknown or "it is not sold in platform credits"


def refuse_without_journal(event: Any) -> None:
    """A listener for who set a limit by day, which only a journal can keep.

    Raises:
        KieConfigError: a paid call is about to be sent.
    """
    if isinstance(event, (TaskSubmitting, ChatSubmitting)):
        raise KieConfigError(
            f"{DAY_VARIABLE} (max_credits_per_day=) is counted from the journal, and this client has none that counts "
            "it; nothing was sent. Switch one on, such as KieClient(journal=True), or take the limit away"
        )


def refuse_two_days(limit: Decimal, counted: Decimal) -> Callable[[Any], None]:
    """A listener for who set one limit by day, and gave a journal that keeps another; it raises KieConfigError."""

    def refuse(event: Any) -> None:
        if isinstance(event, (TaskSubmitting, ChatSubmitting)):
            raise KieConfigError(
                f"{DAY_VARIABLE} (max_credits_per_day=) is {plain(limit)} credits, and the journal that was given "
                f"keeps {plain(Decimal(counted))}; nothing was sent. Set the limit in one place, or the same in both; "
                "KieClient(max_credits_per_day=False) leaves it to the journal"
            )

    return refuse


def check_call(event: Any) -> None:
    """A listener that holds each call against its own limit."""
    if isinstance(event, (TaskSubmitting, ChatSubmitting)):
        check_price(event.call, event.price)


class Budget:
    """What a client may spend, in platform credits: a listener that reserves, and refuses.

    A call's price is reserved before the send. What the platform took replaces it; a refused call and a failed task
    give it back; where the outcome is unknown, or the task goes on, it stays reserved.
    """

    def __init__(self, limit: Decimal) -> None:
        self.limit = limit
        # A stream that is collected as garbage is told of in the middle of anything, this lock held or not.
        self._lock = threading.RLock()
        self._spent = Decimal(0)
        self._reserved: Dict[str, Decimal] = {}
        self._tasks: Dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Budget(limit={plain(self.limit)}, spent={plain(self.spent)}, reserved={plain(self.reserved)})"

    @property
    def spent(self) -> Decimal:
        """What finished calls took."""
        with self._lock:
            return self._spent

    @property
    def reserved(self) -> Decimal:
        """What calls may take that have not ended, or of which that is not known."""
        with self._lock:
            return self._held()

    @property
    def left(self) -> Decimal:
        """What may still be spent; below 0 where calls took more than was expected."""
        with self._lock:
            return self.limit - self._gone()

    def __call__(self, event: Any) -> None:
        if isinstance(event, (TaskSubmitting, ChatSubmitting)):
            with self._lock:
                gone = self._gone()
                what = f"this client's budget of {plain(self.limit)} credits, {plain(gone)} of which are gone"
                _check(event.call, event.price, gone, self.limit, what)
                self._reserved[event.call.id] = expected_credits(event.price) or Decimal(0)
        elif isinstance(event, CallRefused):
            with self._lock:
                self._reserved.pop(event.call_id, None)
        elif isinstance(event, TaskCreated):
            with self._lock:
                self._tasks[event.task_id] = event.call_id
        elif isinstance(event, TaskFinished) and event.state is not None:
            taken = event.state.credits_consumed
            with self._lock:
                # A failed task is not charged, whatever it had reserved.
                self._settle(self._tasks.pop(event.task_id, ""), taken if event.state.is_success else Decimal(0))
        elif isinstance(event, ChatFinished) and has_known_end(event):
            cost = expected_credits(event.cost)
            with self._lock:
                self._settle(event.call_id, cost if event.credits_consumed is None else event.credits_consumed)

    def _gone(self) -> Decimal:
        return self._spent + self._held()

    def _held(self) -> Decimal:
        # A copy: a stream that is collected meanwhile gives its own back.
        return sum(list(self._reserved.values()), Decimal(0))

    def _settle(self, call_id: str, taken: Optional[Decimal]) -> None:
        reserved = self._reserved.pop(call_id, None)
        if reserved is not None:
            self._spent += reserved if taken is None else taken


def has_known_end(event: ChatFinished) -> bool:
    """Whether what a chat took is known; the usage of an answer that was closed early is only that of a part."""
    return event.credits_consumed is not None or (event.error is None and event.is_complete)


def with_chat_bound(
    model: Model,
    arguments: Arguments,
    body: Mapping[str, Any],
    price: CostEstimate,
    *,
    tariff: Optional[str] = None,
    on: Optional[str] = None,
) -> CostEstimate:
    """A chat's price with the most that it can cost, where that can be told.

    A token is a byte of text at least, so that the bytes of the request bound the tokens that go in (the marks that
    are put around a message are fewer than the braces and names of its JSON); `max_tokens` bounds those that come
    out. What goes in may be written to a cache, at a higher rate. The platform takes whole
    hundredths of a credit. Pictures and other files, tools that fetch text, and what only its name stands for have no
    such bound. Without `max_tokens` the model's largest output bounds what an account holds (`credits_max`), but no
    limit: those are meant to be near what a call takes.
    """
    said = arguments.values.get("max_tokens")
    most = said if isinstance(said, int) else model.output_tokens
    if price.platform_credits is not None:
        return price
    if most is None:
        return replace(price, unknown=_SAY_MAX_TOKENS)
    if not _is_text(model, arguments):
        return replace(price, unknown="files, and tools that fetch text, have no bound")
    text = json.dumps(body, ensure_ascii=False, default=str)
    size = len(text.encode("utf-8", "surrogatepass"))
    ways_in = ["input_tokens", "cache_write_tokens"]
    # Anthropic's word for a cache that lives an hour; without it none is written.
    ways_in += ["cache_write_1h_tokens"] if '"1h"' in text else []
    bounds = [
        quote(model, arguments, tariff=tariff, quantities={way: size, "output_tokens": most}, on=on) for way in ways_in
    ]
    known = [bound.platform_credits_max for bound in bounds if bound.platform_credits_max is not None]
    charged = [bound.credits_max for bound in bounds if bound.credits_max is not None]
    most_charged = max(charged) if charged else None
    if not isinstance(said, int):
        return replace(price, unknown=_SAY_MAX_TOKENS, credits_max=most_charged)
    if not known:
        unknown = "no price is known, or it is not sold in platform credits"
        return replace(price, unknown=unknown, credits_max=most_charged)
    taken = max(known).quantize(_TAKEN, ROUND_CEILING)
    if most_charged is not None:
        # A tariff that follows the platform's cost follows its rounding, too.
        most_charged = tidy(most_charged + taken - max(known))
    return replace(price, platform_credits_max=taken, credits_max=most_charged)


def _is_text(model: Model, arguments: Arguments) -> bool:
    given = arguments.given
    fetches = any(
        model.parameters[name].wire == "tools" and given[name] is not False
        for name in given
        if name in model.parameters
    )
    if fetches or arguments.wire.get("n", 1) != 1:
        return False
    return all(_is_said(message) for message in arguments.values.get("messages") or ())


def _is_said(message: Any) -> bool:
    """Whether all of a message is text that stands in it; what has no role is an item of the API's own."""
    if not isinstance(message, Mapping) or "role" not in message:
        return False
    content, native = message.get("content"), message.get("native")
    if content is not None and not isinstance(content, (str, list, tuple)):
        return False
    parts = [] if content is None or isinstance(content, str) else content
    own = native.get("content") if isinstance(native, Mapping) else None
    return all(isinstance(part, Mapping) and part.get("type") == "text" for part in parts) and all(
        isinstance(part, Mapping) and (part["type"] in _SAID if "type" in part else _SAID_BY_NAME.issuperset(part))
        for part in own or ()
    )
