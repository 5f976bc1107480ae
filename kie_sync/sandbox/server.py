"""`Sandbox`: the app on a real socket of this machine, in threads, with connections that stay open."""

from __future__ import annotations

import logging
import math
import signal
import socket
import threading
from decimal import Decimal
from types import TracebackType
from typing import Callable, Dict, Mapping, Optional, Sequence, Tuple, Type

from ..catalog import read_catalog
from ..definitions import Model, Provider
from ..errors import KieConfigError
from .app import App
from .callbacks import SentCallback
from .faults import FaultBook
from .listener import Listener
from .state import LoggedRequest, State
from .tasks import Task

_log = logging.getLogger("kie_sync.sandbox")

HOST = "127.0.0.1"
DEFAULT_KEY = "sandbox-key"


class Sandbox:
    """KIE.ai, and Google's OpenAI-compatible chat, on a port of this machine.

    Args:
        catalog: the models to offer; the shipped ones when not given.
        port: 0 takes a free one.
        balance: credits on the account at the beginning.
        key: the only key that is accepted.
        speed: how many times faster than real time tasks run.
        faults: faults of the server, as `parse_fault` reads them.
        seed: makes task ids the same in every run.
        webhook_secret: signs callbacks; without it they are not signed.

    Example:
        with Sandbox(speed=20) as sandbox:
            client = KieClient(api_key=sandbox.key, base_url=sandbox.url)
    """

    def __init__(
        self,
        *,
        catalog: Optional[Mapping[str, Model]] = None,
        port: int = 0,
        balance: Decimal = Decimal("10000"),
        key: str = DEFAULT_KEY,
        speed: float = 1.0,
        faults: Sequence[str] = (),
        seed: Optional[int] = None,
        webhook_secret: str = "",
    ) -> None:
        if not (speed > 0 and math.isfinite(speed)):
            raise KieConfigError(f"the sandbox's speed must be a number greater than 0; got {speed}")
        if not key or not key.isascii():
            raise KieConfigError("the sandbox's key must be ASCII text and not empty")
        self.key = key
        self._models: Mapping[str, Model] = read_catalog() if catalog is None else catalog
        self._port = port
        self._state = State(balance=Decimal(balance), speed=float(speed), seed=seed)
        self._book = FaultBook(faults)
        self._app = App(self._models, self._state, self._book, key, webhook_secret)
        self._webhook_secret = webhook_secret
        self._server: Optional[Listener] = None
        self._thread: Optional[threading.Thread] = None

    @property
    def url(self) -> str:
        """Where it listens: `http://127.0.0.1:PORT`.

        Raises:
            KieConfigError: it was not started.
        """
        if not self._app.base_url:
            raise KieConfigError("the sandbox has no URL before it is started")
        return self._app.base_url

    def start(self) -> Sandbox:
        """Begin to listen, in threads of its own.

        Raises:
            KieConfigError: the port is taken, or not allowed.
        """
        if self._server is not None:
            return self
        self._state.stopping.clear()
        self._app.callbacks.start()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            if hasattr(signal, "SIGKILL"):
                # Not on Windows, where this would let two servers share one port.
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, self._port))
            except (OSError, OverflowError) as err:
                where = f"{HOST}:{self._port}"
                raise KieConfigError(f"the sandbox cannot listen on {where}: {err}; choose another port") from err
            listener.listen(128)
            port = int(listener.getsockname()[1])
            self._server = Listener(self._app, HOST, port, listener.fileno())
        self._app.base_url = f"http://{HOST}:{port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="kie-sandbox", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close the port and every connection; may be called twice."""
        server, self._server = self._server, None
        if server is None:
            return
        self._state.stopping.set()
        self._app.callbacks.stop()
        server.shutdown()
        if self._thread is not None:
            self._thread.join(timeout=5)
        server.server_close()
        server.drop_connections()

    def wait(self) -> None:
        """Return when it was stopped, by another thread."""
        # Short waits, since on Windows a longer one does not see Ctrl+C.
        while not self._state.stopping.wait(0.5):
            pass

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"Sandbox({self._app.base_url or 'not started'})"

    def environment(self) -> Dict[str, str]:
        """The variables that send a program to this sandbox, and nothing of it to a real host."""
        providers: Dict[str, Provider] = {}
        for model in self._models.values():
            providers.setdefault(model.endpoint.provider.name, model.endpoint.provider)
        found = {
            "KIE_BASE_URL": self.url,
            "KIE_API_KEY": self.key,
            "GEMINI_BASE_URL": self.url,
            "GOOGLE_API_KEY": self.key,
            "GEMINI_API_KEY": self.key,
        }
        for provider in providers.values():
            if provider.base_url_env:
                found[provider.base_url_env] = self.url
            found.update(dict.fromkeys(provider.key_env, self.key))
        if self._webhook_secret:
            found["KIE_WEBHOOK_SECRET"] = self._webhook_secret
        return found

    @property
    def balance(self) -> Decimal:
        """Credits on the account now; those of failed tasks have come back."""
        return self._state.balance

    @property
    def tasks(self) -> Tuple[Task, ...]:
        """Every task that was accepted, and so paid, the oldest first."""
        return tuple(self._state.tasks.values())

    @property
    def callbacks(self) -> Tuple[SentCallback, ...]:
        """The last 10,000 posts to callback URLs and what was answered, the oldest first."""
        return self._app.callbacks.sent

    @property
    def chats(self) -> int:
        """How many chat answers were charged."""
        return self._state.chats

    @property
    def requests(self) -> Tuple[LoggedRequest, ...]:
        """The last 10,000 requests, the oldest first."""
        return tuple(self._state.requests)

    @property
    def leaks(self) -> Tuple[LoggedRequest, ...]:
        """Requests for files that carried an Authorization header, which a file's host should never see."""
        return tuple(self._state.leaks)

    def add_fault(self, text: str) -> None:
        """Show this fault from now on; `NAME*3` only for the next three requests that it concerns.

        Raises:
            KieConfigError: there is no such fault; the message lists them.
        """
        self._book.add(text)

    def clear_faults(self) -> None:
        self._book.clear()


def serve(
    *,
    catalog: Optional[Mapping[str, Model]] = None,
    port: int = 0,
    balance: Decimal = Decimal("10000"),
    key: str = DEFAULT_KEY,
    speed: float = 1.0,
    faults: Sequence[str] = (),
    seed: Optional[int] = None,
    webhook_secret: str = "",
    on_ready: Callable[[Sandbox], None] = lambda sandbox: None,
) -> None:
    """Run a sandbox until Ctrl+C; `on_ready` is told once it listens."""
    sandbox = Sandbox(
        catalog=catalog,
        port=port,
        balance=balance,
        key=key,
        speed=speed,
        faults=faults,
        seed=seed,
        webhook_secret=webhook_secret,
    )
    with sandbox:
        on_ready(sandbox)
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            _log.info("stopped by Ctrl+C")
