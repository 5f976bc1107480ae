"""What guards a client, as listeners in their order: budget, day limit, balance, ledger, limiter, journal."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable, List, NamedTuple, Optional, Union

from .balance import BalanceWatch
from .budget import DAY_VARIABLE, Budget, check_call, parse_setting, refuse_two_days, refuse_without_journal
from .catalog import Catalog
from .clock import Clock
from .config import Settings, read_variable
from .errors import KieConfigError
from .events import ChatSubmitting, Listener, Listeners, TaskSubmitting
from .holds import Ledger
from .limiter import Limiter, check_limiter, check_user_share
from .records import Journal

if TYPE_CHECKING:
    from .ledger.guard import LedgerGuard

Credits = Union[Decimal, int, str, None]


class Payers(NamedTuple):
    """Who pays: the ledger that was asked for, and the account in it where a call names none."""

    ledger: Union[Ledger, bool, str, Path, None] = None
    account: Optional[str] = None


class Guards:
    """What was asked for, checked; the arguments are `KieClient`'s.

    Raises:
        KieConfigError: one of them is no setting.
    """

    def __init__(
        self,
        limiter: Union[bool, str, Path, None],
        user_share: Optional[float],
        budget: Credits,
        max_credits_per_day: Union[Credits, bool],
        low_balance_warning: Credits,
        payers: Payers,
    ) -> None:
        _check_payers(payers)
        self._payers = payers
        self._ledger: Optional[LedgerGuard] = None
        self._opened: Any = None
        self._limiter, self._user_share = check_limiter(limiter), check_user_share(user_share)
        credits = parse_setting("budget", budget)
        self.budget = None if credits is None else Budget(credits)
        self._has_no_day = max_credits_per_day is False
        given = None if self._has_no_day else max_credits_per_day
        self._max_credits_per_day = parse_setting("max_credits_per_day", given)
        self._low_balance = parse_setting("low_balance_warning", low_balance_warning)

    @property
    def max_credits_per_day(self) -> Optional[Decimal]:
        """What may be spent in a day, as given, else as the environment says."""
        if self._has_no_day or self._max_credits_per_day is not None:
            return self._max_credits_per_day
        return parse_setting(DAY_VARIABLE, read_variable(DAY_VARIABLE))

    def listeners(
        self,
        own: Union[Listener, Iterable[Listener], None],
        catalog: Catalog,
        settings: Settings,
        clock: Clock,
        journal: Optional[Journal],
        read_balance: Callable[[], object],
    ) -> Listeners:
        """Who is told, in order: what refuses cheaply, the caller's own, what waits for its turn, what writes down."""
        before: List[Listener] = [check_call]
        if self.max_credits_per_day is not None:
            # A journal that somebody else opened may count by itself, and then says so.
            counted = getattr(journal, "max_credits_per_day", None)
            if counted is None:
                before.append(refuse_without_journal)
            elif counted != self.max_credits_per_day:
                before.append(refuse_two_days(self.max_credits_per_day, counted))
        if self.budget is not None:
            before.append(self.budget)
        if self._low_balance is not None:

            def is_charged(model: str) -> bool:
                entry = catalog.get(model)
                return entry is None or "credits" in entry.endpoint.provider.paths

            watch = BalanceWatch(self._low_balance, read_balance, lambda event: told.tell(event), is_charged, clock)
            before.append(watch)
        limiter = Limiter(catalog.providers, settings, self._limiter, user_share=self._user_share, clock=clock)
        after: List[Listener] = [limiter] if journal is None else [limiter, journal]
        if self._payers.ledger is None or self._payers.ledger is False:
            before.append(refuse_without_ledger)
        else:
            # Held while it waits for its turn, and ended as soon as the journal knows the end.
            after.insert(0, self._guard_accounts(catalog, clock, journal))
        told = Listeners(own, before=before, after=after)
        return told

    def _guard_accounts(self, catalog: Catalog, clock: Clock, journal: Optional[Journal]) -> Listener:
        from .ledger import open_ledger
        from .ledger.guard import LedgerGuard

        asked = self._payers.ledger
        if asked is True or isinstance(asked, (str, Path)):
            asked = self._opened = open_ledger(None if asked is True else asked)
        self._ledger = LedgerGuard(asked, self._payers.account or "", catalog, journal, clock.date)  # type: ignore[arg-type]
        return self._ledger

    def close(self) -> None:
        """Book what is still to be booked, and close the ledger that was opened here."""
        if self._ledger is not None:
            self._ledger.flush()
        if self._opened is not None:
            self._opened.close()


def _check_payers(payers: Payers) -> None:
    ledger, account = payers
    if account is not None and not (isinstance(account, str) and account.strip()):
        raise KieConfigError(f"account must be the name of an account in the ledger; got {account!r}")
    if ledger is None or ledger is False:
        if account is not None:
            raise KieConfigError(f"account={account!r} names who pays, and there is no ledger= that has accounts")
    elif ledger is not True and not isinstance(ledger, (str, Path, Ledger)):
        wanted = "True, a path, a URL, or have the four methods of kie_sync.ledger.Ledger"
        raise KieConfigError(f"ledger must be {wanted}; got {type(ledger).__name__}")


def refuse_without_ledger(event: Any) -> None:
    """A listener for who names an account where there is no ledger.

    Raises:
        KieConfigError: a paid call is about to be sent that an account should pay.
    """
    if isinstance(event, (TaskSubmitting, ChatSubmitting)) and (event.call.payer or event.call.hold is not None):
        raise KieConfigError(
            f"{event.model}: account= and hold= need a ledger, which has the accounts: KieClient(ledger=...); nothing "
            "was sent"
        )


def open_journal(asked: Union[Journal, bool, str, Path, None], day_limit: Optional[Decimal]) -> Optional[Journal]:
    """The journal that was asked for; its module is loaded only then."""
    if asked is None or asked is False:
        return None
    if asked is True or isinstance(asked, (str, Path)):
        from . import journal

        return journal.SqliteJournal(None if asked is True else asked, max_credits_per_day=day_limit)
    return asked
