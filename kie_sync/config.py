"""Settings: whose key, which host, how long to wait for an answer; where the journal is.

Keys are looked for when they are first needed. A key goes only to its provider's own hosts, over
https or to this machine itself.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, List, Mapping, Optional, Pattern, Set, Tuple
from urllib.parse import urlsplit

from .catalog_load import load_catalog as load_catalog
from .catalog_places import CATALOG_VARIABLE as CATALOG_VARIABLE
from .catalog_places import settings_folder
from .definitions import Provider
from .errors import KieConfigError

JOURNAL_VARIABLE = "KIE_JOURNAL"
LEDGER_VARIABLE = "KIE_LEDGER"


def read_variable(name: str) -> Optional[str]:
    """A variable of the environment; None where it is not set.

    Raises:
        KieConfigError: it is set, but empty: a guard that is meant must not be off without a word.
    """
    value = os.environ.get(name)
    if value is not None and not value.strip():
        raise KieConfigError(f"{name} is set, but empty; give it a value, or unset it")
    return value


def journal_path() -> Path:
    """The journal file of this user: what `KIE_JOURNAL` names, else a file in the user's state folder.

    Raises:
        KieConfigError: `KIE_JOURNAL` is set, but empty or "off".
    """
    named = os.environ.get(JOURNAL_VARIABLE)
    if named is not None:
        if named.strip().lower() in ("", "off"):
            raise KieConfigError(
                f"a journal is asked for, and {JOURNAL_VARIABLE} is {named!r}; name a file, or unset it"
            )
        return Path(named).expanduser()
    return state_folder() / "journal.sqlite"


def ledger_place() -> str:
    """Where this user's ledger of accounts is: the file or URL that `KIE_LEDGER` names, else a file of the user's own.

    Raises:
        KieConfigError: `KIE_LEDGER` is set, but empty or "off".
    """
    named = read_variable(LEDGER_VARIABLE)
    if named is not None and named.strip().lower() == "off":
        raise KieConfigError(f"a ledger is asked for, and {LEDGER_VARIABLE} is {named!r}; name a file, or unset it")
    return named or str(state_folder() / "ledger.sqlite")


def state_folder() -> Path:
    """The folder in which this user's programs keep what they note for themselves."""
    return Path(settings_folder("XDG_STATE_HOME", ".local", "state"), "kie_sync")


class ApiKey:
    """A key that does not show itself: not in a repr, not in a log, not in a pickle."""

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    @property
    def fingerprint(self) -> str:
        """What tells this key from others and cannot be turned back into it."""
        return hashlib.sha256(b"kie_sync account\0" + self._value.encode()).hexdigest()[:16]

    def hide_in(self, error: BaseException) -> None:
        """Mask the key in an error, its attributes and its causes: a server may echo what it was sent."""
        # A short key is masked where it stands alone only: "a" is in every message.
        short = r"(?<![A-Za-z0-9]){}(?![A-Za-z0-9])" if len(self._value) < 8 else "{}"
        pattern = re.compile(short.format(re.escape(self._value)))
        found: List[Optional[BaseException]] = [error]
        seen: Set[int] = set()
        while found:
            step = found.pop()
            if step is None or id(step) in seen:
                continue
            seen.add(id(step))
            step.args = tuple(_mask(pattern, part) for part in step.args)
            for name, value in vars(step).items():
                setattr(step, name, _mask(pattern, value))
            found += [step.__cause__, step.__context__]
            found += [part for part in (*step.args, *vars(step).values()) if isinstance(part, BaseException)]

    def __repr__(self) -> str:
        return "ApiKey('***')"

    def __reduce__(self) -> Tuple[object, ...]:
        raise TypeError("an API key is not written anywhere; build the client anew instead")


def _mask(pattern: Pattern[str], value: Any) -> Any:
    if isinstance(value, str):
        return pattern.sub("***", value)
    if isinstance(value, (bytes, bytearray)):
        text = value.decode("latin-1")
        return pattern.sub("***", text).encode("latin-1") if pattern.search(text) else value
    return value


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds: for a connection, for an answer, for a chat's answer or its next piece."""

    connect_s: float = 10.0
    read_s: float = 60.0
    chat_s: float = 300.0


@dataclass(frozen=True)
class Settings:
    """What the caller set; what is not set comes from the environment and the catalog.

    A bare key and URL belong to the home provider, the catalog's first.

    Raises:
        KieConfigError: a key or a URL is set, and blank: a variable that was not filled in, most likely, and going
            on with another key or to the real host would spend money that nobody meant to spend.
    """

    api_key: Optional[str] = field(default=None, repr=False)
    url: Optional[str] = None
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeouts: Timeouts = Timeouts()
    home: str = ""

    def __post_init__(self) -> None:
        keys = {"api_key": self.api_key, **{f'api_keys["{name}"]': key for name, key in self.api_keys.items()}}
        for what, value in (*keys.items(), ("base_url", self.url)):
            if value is not None and not isinstance(value, str):
                raise KieConfigError(f"{what} must be text; it is of type {type(value).__name__}")
            if value is not None and not value.strip():
                raise KieConfigError(f"{what} is given, but empty; leave it out (or None) to use the environment")

    def __reduce__(self) -> Tuple[object, ...]:
        raise TypeError("settings may hold an API key, which is not written anywhere; build the client anew instead")

    def with_home(self, provider: str) -> Settings:
        """The same with a home provider."""
        return replace(self, home=provider)

    def base_url(self, provider: Provider) -> str:
        """Where the provider's API is, without a slash at its end."""
        return self._override(provider) or provider.base_url

    def upload_url(self, provider: Provider) -> str:
        """Where uploads go: the same host as the API when that one was replaced."""
        return self._override(provider) or provider.upload_url or provider.base_url

    def is_real(self, provider: Provider) -> bool:
        """Whether calls go to the provider itself, not to a sandbox or proxy."""
        return self.base_url(provider) == provider.base_url

    def _override(self, provider: Provider) -> str:
        url = self.url if provider.name == self.home else None
        where = f"the base_url given for {provider.title}"
        if url is None:
            where, url = provider.base_url_env, os.environ.get(provider.base_url_env)
        if url is None:
            return ""
        url = url.strip().rstrip("/")
        if not url:
            raise KieConfigError(
                f"{where} is set, but empty; unset it for the real host ({provider.base_url}), or give it an address"
            )
        check_url(url, where)
        return url

    def key(self, provider: Provider) -> ApiKey:
        """The provider's key.

        Raises:
            KieConfigError: there is none, or it is no key.
        """
        is_home = provider.name == self.home
        given = (self.api_key if is_home else None, self.api_keys.get(provider.name))
        places = (*given, *(os.environ.get(name) for name in provider.key_env))
        value = next((place.strip() for place in places if place and place.strip()), "")
        if not value:
            names = " or ".join(provider.key_env)
            page = f" (keys are made at {provider.key_page})" if provider.key_page else ""
            argument = "api_key=..." if is_home else f'api_keys={{"{provider.name}": ...}}'
            raise KieConfigError(
                f"no API key for {provider.title}: set {names} in the environment, or give {argument}{page}; "
                "to try without one, run `kie-sync demo`"
            )
        if not value.isascii() or not value.isprintable() or " " in value:
            raise KieConfigError(
                f"the API key for {provider.title} holds a character that no key has; was it pasted whole?"
            )
        return ApiKey(value)


def check_url(url: str, where: str) -> None:
    """A URL that a key may go to: https, or this machine.

    Raises:
        KieConfigError: it is not.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018  (reading it checks it)
    except ValueError as error:
        raise KieConfigError(f"{where} is not a URL: {error}") from error
    if parts.username or parts.password or parts.query or parts.fragment:
        raise KieConfigError(f"{where} must be a plain URL, without a user, a query or a fragment")
    if not host or parts.scheme not in ("http", "https"):
        raise KieConfigError(f"{where} must begin with https:// and name a host; got {url!r}")
    if parts.scheme == "http" and not is_loopback(host):
        raise KieConfigError(f"{where} must use https (plain http only to this machine itself); got {url!r}")


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def origin(url: str) -> Tuple[str, str, Optional[int]]:
    """Scheme, host and port of a URL: who a key would go to."""
    parts = urlsplit(url)
    return (
        parts.scheme.lower(),
        (parts.hostname or "").lower(),
        parts.port or {"https": 443, "http": 80}.get(parts.scheme.lower()),
    )
