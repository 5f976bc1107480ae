"""The calls about an account: its balance, and fresh links to its files."""

from __future__ import annotations

from decimal import Decimal
from typing import Optional

from .catalog import Catalog
from .connection import Connection
from .definitions import Provider
from .errors import KieConfigError, KieConnectionError
from .events import BalanceRead
from .request import build_credits, build_download_url
from .response import as_credits, dig

_PEEK_S = 10.0


def provider_with(catalog: Catalog, call: str) -> Provider:
    """The first provider that has a path for a call.

    Raises:
        KieConfigError: none has.
    """
    for provider in catalog.providers.values():
        if call in provider.paths:
            return provider
    raise KieConfigError(f"no provider of the catalog has a path for {call}")


def read_balance(connection: Connection, *, attempts: Optional[int] = None, longest_s: float = float("inf")) -> Decimal:
    """The balance in credits; the listeners are told."""
    provider = provider_with(connection.catalog, "credits")
    request = build_credits(provider, connection.settings.base_url(provider))
    answer = connection.sender.send(request, provider, attempts=attempts, longest_s=longest_s)
    balance = as_credits(dig(answer.json(), ("data",)))
    if balance is None:
        raise KieConnectionError("the platform answered without a balance", method="GET", url=request.url)
    account = connection.account(provider)
    connection.listeners.tell(BalanceRead("", {}, provider.name, account, balance))
    return balance


def peek_at_balance(connection: Connection) -> Decimal:
    """The balance, asked once and not for long: a paid call is being waited for."""
    return read_balance(connection, attempts=1, longest_s=_PEEK_S)


def fresh_link(connection: Connection, url: str) -> str:
    """A fresh link to a result of the platform."""
    provider = provider_with(connection.catalog, "download_url")
    request = build_download_url(provider, connection.settings.base_url(provider), url)
    fresh = dig(connection.sender.send(request, provider).json(), ("data",))
    if not isinstance(fresh, str):
        raise KieConnectionError("the platform answered without a link", method="POST", url=request.url)
    return fresh
