"""`KieClient`: the platform's own calls, one method each; what adapters stand on."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Iterable, List, Mapping, Optional, Tuple, Union

from . import account, chat, downloads, tasks
from .budget import Budget, parse_max_credits
from .catalog import Catalog
from .catalog_load import load_catalog
from .chat_stream import ChatStream
from .clock import Clock, SystemClock
from .completions import ChatCompletion
from .config import Settings, Timeouts
from .connection import Connection, Context
from .definitions import Provider
from .errors import KieConfigError
from .events import Listener
from .guards import Credits, Guards, Payers, open_journal
from .holds import Ledger
from .payonce import parse_payer
from .records import Journal
from .request import build_raw_create
from .response import CreateTaskResponse, QueryTaskResponse
from .sender import Sender
from .transport import HttpTransport, Transport
from .uploads import WAYS, Uploads, upload_any
from .waiter import check_times


class KieClient:
    """A blocking client. Share it between threads; it survives a fork; close it, or use it in a `with`.

    Args:
        api_key: the key of KIE.ai; without it `KIE_API_KEY` is read at the first call.
        base_url: replaces KIE.ai's API and upload host; without it `KIE_BASE_URL` does.
        api_keys: keys of other providers by name, such as `{"google": ...}`.
        catalog: a `Catalog`, or paths of YAML files to lay over the shipped one.
        journal: keeps a record of each paid call, so that nothing is paid twice and no task is lost: True for the
            file that `KIE_JOURNAL` names or the user's own, a path, or a `Journal` of `kie_sync.records`.
        limiter: keeps what the provider allows, before a create is sent: None for every host but this machine itself,
            True for all, False for none; a path (or `KIE_LIMITER`): in step with every process that names the file.
        user_share: how much of what the limiter lets through one `user=` may hold, such as 0.25.
        budget: what this client may spend, in platform credits; see `client.budget`.
        max_credits_per_day: what may be spent in a day (UTC), by the journal; without it `KIE_MAX_CREDITS_PER_DAY`
            counts, unless it is False.
        ledger: accounts of your own customers, which pay for what they ask: True for what `KIE_LEDGER` names or the
            user's own file, a path, a URL, or a `Ledger` of `kie_sync.ledger`.
        account: the account in it that pays, where a call does not say `account=`.
        low_balance_warning: warn, and tell `BalanceLow`, when fewer credits are left.
        on_event: a listener, or several; see `kie_sync.events`.
        transport: another way to send a request; see `kie_sync.transport.Transport`.
        clock: another clock; see `kie_sync.clock.Clock`.
        files_under: a folder that paths given as arguments must lead into: for paths that somebody else wrote.
        timeout_s: seconds to wait for an answer to anything but a chat (60).
        chat_timeout_s: seconds to wait for a chat's answer, or for its next piece (300).

    Nothing is read or opened before it is needed.
    """

    def __init__(
        self,
        api_key: Optional[str] = None,
        base_url: Optional[str] = None,
        *,
        api_keys: Optional[Mapping[str, str]] = None,
        catalog: Union[Catalog, str, Path, Iterable[Union[str, Path]], None] = None,
        journal: Union[Journal, bool, str, Path, None] = None,
        limiter: Union[bool, str, Path, None] = None,
        user_share: Optional[float] = None,
        budget: Credits = None,
        max_credits_per_day: Union[Credits, bool] = None,
        low_balance_warning: Credits = None,
        ledger: Union[Ledger, bool, str, Path, None] = None,
        account: Optional[str] = None,
        on_event: Union[Listener, Iterable[Listener], None] = None,
        transport: Optional[Transport] = None,
        clock: Optional[Clock] = None,
        files_under: Union[str, Path, None] = None,
        timeout_s: float = 60.0,
        chat_timeout_s: float = 300.0,
    ) -> None:
        for name, value in (("timeout_s", timeout_s), ("chat_timeout_s", chat_timeout_s)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise KieConfigError(f"{name} must be a number of seconds above 0; got {value!r}")
        self._catalog = catalog if isinstance(catalog, Catalog) else None
        self._catalog_paths: Tuple[Union[str, Path], ...] = ()
        if isinstance(catalog, (str, Path)):
            self._catalog_paths = (catalog,)
        elif catalog is not None and not isinstance(catalog, Catalog):
            self._catalog_paths = tuple(catalog)
        self._settings = Settings(
            api_key, base_url, dict(api_keys or {}), Timeouts(read_s=timeout_s, chat_s=chat_timeout_s)
        )
        self._journal = journal
        self._guards = Guards(
            limiter, user_share, budget, max_credits_per_day, low_balance_warning, Payers(ledger, account)
        )
        self._on_event = on_event
        self._clock: Clock = clock or SystemClock()
        self._transport: Transport = transport or HttpTransport()
        self._connection: Optional[Connection] = None
        self.files_under = None if files_under is None else Path(files_under)
        self.uploads = Uploads()

    def __repr__(self) -> str:
        return "KieClient()"

    def __enter__(self) -> KieClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, and the journal and the ledger that were opened here; the next call opens new ones."""
        self._guards.close()
        for thing in (self._transport, self._connection and self._connection.journal):
            close = getattr(thing, "close", None)
            if close is not None and thing is not self._journal:
                close()

    @property
    def catalog(self) -> Catalog:
        """The models, read when first needed."""
        if self._catalog is None:
            catalog = load_catalog(*self._catalog_paths)
            # Where two threads come here at once, one catalog serves both.
            self._catalog = self._catalog or catalog
        return self._catalog

    @property
    def connection(self) -> Connection:
        """What calls stand on; for adapters."""
        if self._connection is None:
            settings = self._settings.with_home(next(iter(self.catalog.providers)))
            sender = Sender(self._transport, settings, self._clock)
            journal = open_journal(self._journal, self._guards.max_credits_per_day)
            listeners = self._guards.listeners(
                self._on_event,
                self.catalog,
                settings,
                self._clock,
                journal,
                lambda: account.peek_at_balance(self.connection),
            )
            connection = Connection(self.catalog, settings, sender, listeners, self._clock, journal)
            self._connection = self._connection or connection
        return self._connection

    @property
    def budget(self) -> Optional[Budget]:
        """What this client may spend: `limit`, `spent`, `reserved`, `left`; None when no budget was given."""
        return self._guards.budget

    def chat_completions(
        self,
        model: str,
        messages: Any,
        *,
        context: Context = None,
        tariff: Optional[str] = None,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        account: Optional[str] = None,
        hold: Any = None,
        **parameters: Any,
    ) -> ChatCompletion:
        """One chat call that blocks until the whole answer is there; everything is as for `KieAdapter.chat`."""
        terms = chat.ChatTerms(tariff, max_credits, allow_unknown_price, context, account, hold)
        return chat.complete(self.connection, self.uploads, self._question(model, messages, parameters), terms)

    def chat_completions_stream(
        self,
        model: str,
        messages: Any,
        *,
        context: Context = None,
        tariff: Optional[str] = None,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        account: Optional[str] = None,
        hold: Any = None,
        **parameters: Any,
    ) -> ChatStream:
        """The same, in pieces as they come."""
        terms = chat.ChatTerms(tariff, max_credits, allow_unknown_price, context, account, hold)
        return chat.stream(self.connection, self.uploads, self._question(model, messages, parameters), terms)

    def _question(self, model: str, messages: Any, parameters: Mapping[str, Any]) -> chat.Question:
        return chat.read_question(self.catalog, model, messages, parameters, under=self.files_under)

    def create_task(
        self,
        model: str,
        input: Mapping[str, Any],
        *,
        callback_url: Optional[str] = None,
        allow_unknown_price: bool = False,
        account: Optional[str] = None,
        hold: Any = None,
        context: Context = None,
    ) -> CreateTaskResponse:
        """The platform's bare create call: `input` goes out as it is. `KieAdapter` checks and prices first.

        Its price is not known, so that a budget refuses it unless `allow_unknown_price` is given, and a ledger unless
        `hold` says what to hold.

        Raises:
            KieOutcomeUnknownError: the task may or may not exist; it was not sent again.
        """
        endpoint = tasks.endpoint_of(self.catalog, model)
        tasks.check_callback(self.connection, model, endpoint, callback_url)
        slug = self.catalog[model].slug if model in self.catalog else model
        base_url = self.connection.settings.base_url(endpoint.provider)
        request = build_raw_create(endpoint, slug, input, base_url, callback_url=callback_url)
        call = self.connection.new_call(
            model,
            endpoint,
            input,
            allow_unknown_price=allow_unknown_price,
            payer=parse_payer(model, account),
            hold=parse_max_credits(model, hold, "hold"),
        )
        return tasks.create(self.connection, request, endpoint, call, price=None, context=context)

    def query_task(self, task_id: str, *, model: Optional[str] = None) -> QueryTaskResponse:
        """One look at a task.

        Raises:
            KieNotFoundError: the platform does not know it (a new one may be unknown for a moment).
        """
        return tasks.look(self.connection, task_id, model=model)

    def wait_for_task(
        self,
        task_id: str,
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        *,
        model: Optional[str] = None,
        context: Context = None,
    ) -> QueryTaskResponse:
        """Block until a task has succeeded.

        Args:
            poll_interval: seconds between two looks; the catalog's pace for the model's kind when not given.
            max_wait_time: seconds to wait in all; the catalog's deadline for the kind when not given.
            model: its model, where it is known; without it the pace is that of the slowest kind.

        Raises:
            KieTaskFailedError: the task failed.
            KieTaskTimeoutError: it is not finished; it goes on, and can be waited for again.
        """
        return tasks.wait_for(
            self.connection, task_id, poll_interval, max_wait_time, model=model, cost=None, context=context
        )

    def create_and_wait(
        self,
        model: str,
        input: Mapping[str, Any],
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        *,
        callback_url: Optional[str] = None,
        allow_unknown_price: bool = False,
        account: Optional[str] = None,
        hold: Any = None,
        context: Context = None,
    ) -> QueryTaskResponse:
        """`create_task`, then wait as `wait_for_task` does."""
        check_times(poll_interval, max_wait_time)
        created = self.create_task(
            model,
            input,
            callback_url=callback_url,
            allow_unknown_price=allow_unknown_price,
            account=account,
            hold=hold,
            context=context,
        )
        return tasks.wait_for(
            self.connection, created.task_id, poll_interval, max_wait_time, model=model, cost=None, context=context
        )

    # The account, and files

    @property
    def home_provider(self) -> Provider:
        """The provider that `api_key` belongs to, and that tells a balance."""
        return account.provider_with(self.catalog, "credits")

    def credits(self) -> Decimal:
        """The balance in credits."""
        return account.read_balance(self.connection)

    def download_url(self, url: str) -> str:
        """A fresh link to a result of the platform; it lives 20 minutes."""
        return account.fresh_link(self.connection, url)

    def upload(self, file: Any, *, way: str = "stream") -> str:
        """Send a file to the platform, for a parameter that wants a URL; returns the URL. Free.

        `KieAdapter` does this by itself for every local file among its arguments.

        Args:
            file: a path, bytes, an open file, a picture of PIL or a data URL; with `way="url"` a URL.
            way: `stream` takes files of any size, `base64` those of up to 10 MB; with `url` the platform fetches it.
        """
        provider = account.provider_with(self.catalog, f"upload_{way}" if way in WAYS else "upload_stream")
        return upload_any(self.uploads, self.connection, provider, file, way, under=self.files_under)

    def download(
        self, urls: Union[str, Iterable[str]], path: Union[str, Path], *, name: str = "result", task_id: str = ""
    ) -> List[Path]:
        """Fetch result files, without the key: to a file, into a folder, or to a pattern. Nothing is overwritten.

        Args:
            name: what files in a folder are called, and what `{model}` in a pattern stands for.
            task_id: the task that made them; it is a part of those names.
        """
        listed = [urls] if isinstance(urls, str) else list(urls)
        fetched = downloads.fetch_all(
            self.connection.sender, self._clock, listed, path, downloads.Names(name, task_id), refresh=self.download_url
        )
        return [found for _, found in fetched]
