"""Buying the rows of a batch, one call each, until something says that no more are to be sent."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Optional, Set, Tuple

from ..budget import expected_credits
from ..client import KieClient
from ..definitions import Model
from ..errors import (
    KieAccountError,
    KieAPIError,
    KieAuthenticationError,
    KieBudgetError,
    KieConfigError,
    KieError,
    KieInputError,
    KieInsufficientBalanceError,
    KieOutcomeUnknownError,
    KieTaskFailedError,
    KieValidationError,
    Problem,
)
from ..local_files import Staged, resolve_staged, stage
from ..params import Arguments
from ..pricing import CostEstimate, quote
from ..purchase import Terms, buy
from ..records import UNFINISHED, Record
from ..response import QueryTaskResponse
from .agenda import Job, journal_of
from .outcomes import not_sent, result_of
from .planned import content_of
from .purse import Purse, Refusal
from .results import RowResult, journal_key

logger = logging.getLogger("kie_sync")

# So many calls in a row that came to nothing: it is not the rows that are wrong.
_FUSE = 10
# As long as a create may take to be answered.
_LONGEST_ANSWER_S = 60.0
# What goes wrong with one row goes wrong with all of them.
_FINAL = (KieAuthenticationError, KieBudgetError, KieConfigError, KieInsufficientBalanceError)


@dataclass(frozen=True)
class RowTerms:
    """How each row is bought.

    Attributes:
        max_per_row: what it may cost, in platform credits; None for any price.
        allow_unknown_price: let a price that is not known pass the limits.
        account, hold, tariff: who pays in the client's ledger, how much of it is held, and whose price that is.
    """

    max_per_row: Optional[Decimal] = None
    allow_unknown_price: bool = False
    account: Optional[str] = None
    hold: Any = None
    tariff: Optional[str] = None


class _Goods(NamedTuple):
    """What a row buys, and the most that it can cost."""

    model: Model
    staged: Staged
    arguments: Arguments
    price: CostEstimate
    most: Optional[Decimal]


class _Stopped(KieError):
    """The batch was stopped while a call waited for its turn."""


class Buyer:
    """Sends rows; shared by threads.

    Attributes:
        purse: what the batch may spend.
        reason: why no row more is sent; "" as long as they are.
        error: what it was that stopped the batch, where an error did.
    """

    def __init__(self, client: KieClient, name: str, purse: Purse, terms: RowTerms) -> None:
        self._client, self._name, self._terms = client, name, terms
        self.purse, self.reason = purse, ""
        self.error: Optional[KieError] = None
        self._journal = journal_of(client)
        self._lock, self._vain, self._halted = threading.Lock(), 0, False
        self._on_wire: Set[int] = set()
        self._answered = threading.Condition(self._lock)

    def stop(self, reason: str, error: Optional[KieError] = None, *, is_for_all: bool = True) -> None:
        """Send no row more, from now on; the first reason counts.

        Args:
            is_for_all: those neither that wait for their turn already.
        """
        with self._lock:
            if not self.reason:
                self.reason, self.error = reason, error
            if is_for_all:
                self._halted = True

    def waiting(self, job: Job) -> RowResult:
        """A row that is left for another run."""
        return not_sent(job.row, "waiting", f"not sent: {self.reason}")

    def wait_for_answers(self) -> None:
        """After a stop: return when no call is on its way any more, so that each outcome is on record."""
        with self._lock:
            self._answered.wait_for(lambda: not self._on_wire, _LONGEST_ANSWER_S)

    def buy(self, job: Job) -> Tuple[str, Optional[RowResult]]:
        """The id of a row's task; or, where there is none, what became of the row."""
        try:
            return self._buy(job)
        finally:
            with self._lock:
                self._on_wire.discard(job.row.number)
                self._answered.notify_all()

    def _buy(self, job: Job) -> Tuple[str, Optional[RowResult]]:
        if self.reason:
            return "", self.waiting(job)
        try:
            goods = self._goods(job)
            refusal = self.purse.reserve(job.row.number, goods.most, lambda: bool(self.reason))
            if refusal is not None:
                return "", self._no_credits(job, goods, refusal)
            task_id = self._send(job, goods)
        except _Stopped:
            self._release(job)
            return "", self.waiting(job)
        except KieOutcomeUnknownError as error:
            self.let_be(job)
            self._count_vain(error)
            return "", self._on_record(job, error)
        except KieTaskFailedError as error:
            self._release(job)
            return "", self._on_record(job, error)
        except _FINAL as error:
            self._release(job)
            self.stop(error.message, error)
            return "", not_sent(job.row, "refused" if isinstance(error, KieAPIError) else "waiting", error.message)
        except KieAccountError as error:
            # What others hold already that wait for their turn stays good.
            self._release(job)
            self.stop(error.message, error, is_for_all=False)
            return "", not_sent(job.row, "waiting", error.message)
        except KieInputError as error:
            # It was good when it was planned: a file has gone, or a price has come.
            self._release(job)
            return "", not_sent(job.row, "bad", "; ".join(problem.message for problem in error.problems))
        except KieError as error:
            self._release(job)
            if not isinstance(error, KieValidationError):
                self._count_vain(error)
            return "", not_sent(job.row, "refused", error.message)
        except Exception as error:
            # A transport of the caller's own may fail with whatever it likes after the send; the journal knows.
            record = self._find(job)
            if record is not None and record.state in ("unknown", *UNFINISHED):
                self.let_be(job)
                return "", result_of(self._client, job.row, record, f"{record.message or record.state}: {error!r}")
            # And a listener refuses so before it.
            self._release(job)
            logger.info("row %d was refused: %r", job.row.number, error)
            return "", not_sent(job.row, "refused", f"refused before it was sent: {error!r}")
        self._vain = 0
        return task_id, None

    def _no_credits(self, job: Job, goods: _Goods, refusal: Refusal) -> RowResult:
        if not refusal.is_final:
            return not_sent(job.row, "skipped", refusal.text)
        # Those that wait for their turn have their credits put aside.
        error = KieBudgetError(refusal.text, credits=goods.most, limit=self.purse.limit)
        self.stop(refusal.text, error, is_for_all=False)
        return self.waiting(job)

    def _goods(self, job: Job) -> _Goods:
        client, row = self._client, job.row
        model = client.catalog[row.model]
        staged = stage(model, row.given, under=client.files_under)
        arguments = resolve_staged(model, staged)
        if row.content and content_of(model, arguments) != row.content:
            text = (
                "a file in it has changed since the plan; the same command again checks it, and buys it as it is then"
            )
            raise KieInputError(model.id, [Problem("file", "row", text)])
        price = quote(model, arguments, tariff=self._terms.tariff, on=client.connection.clock.date())
        # The plan may be of yesterday, and prices have dates.
        now = expected_credits(price)
        return _Goods(model, staged, arguments, price, None if now is None or row.most is None else max(now, row.most))

    def _send(self, job: Job, goods: _Goods) -> str:
        client, row = self._client, job.row
        terms = Terms(
            journal_key(self._name, job.key),
            retry_failed=job.is_retry,
            max_credits=self._terms.max_per_row,
            allow_unknown_price=self._terms.allow_unknown_price,
            account=self._terms.account,
            hold=self._terms.hold,
            context={"batch": self._name, "row": row.number},
            last_check=lambda: self._check(job),
        )
        return buy(client, goods.model, goods.staged, goods.arguments, goods.price, terms)[0]

    def _check(self, job: Job) -> None:
        with self._lock:
            if self._halted:
                raise _Stopped(f"not sent: {self.reason}")
            self._on_wire.add(job.row.number)

    def settle(self, job: Job, state: QueryTaskResponse) -> None:
        """Note what a row's task took, now that it has ended."""
        self.purse.settle(job.row.number, state.credits_consumed if state.is_success else Decimal(0))

    def let_be(self, job: Job) -> None:
        """Nobody knows yet what a row takes, and nobody watches any more: the estimate counts."""
        self.purse.settle(job.row.number, None)

    def _release(self, job: Job) -> None:
        self.purse.settle(job.row.number, Decimal(0))

    def _find(self, job: Job) -> Optional[Record]:
        account = self._client.connection.account(self._client.catalog[job.row.model].endpoint.provider)
        return self._journal.find(model=job.row.model, account=account, key=journal_key(self._name, job.key))

    def _on_record(self, job: Job, error: KieError) -> RowResult:
        """What the journal knows of a call that ended in an error."""
        record = self._find(job)
        if record is None:
            return not_sent(job.row, "refused", error.message)
        return result_of(self._client, job.row, record, error.message)

    def _count_vain(self, error: KieError) -> None:
        with self._lock:
            self._vain += 1
            is_blown = self._vain >= _FUSE
        if is_blown:
            self.stop(f"{_FUSE} calls in a row came to nothing, the last one: {error.message}", error)
