"""`listen`: a small receiver of callbacks. The standard library's server is enough for it, and needs no extra."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import threading
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

import click

from ..errors import KieConfigError
from .payers import ledger_option
from .progress import Progress
from .run import Run, as_json, common_options, journal_option
from .tables import counted

if TYPE_CHECKING:
    from ..webhooks import Application, Delivery

logger = logging.getLogger("kie_sync")

SECRET = "KIE_WEBHOOK_SECRET"


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 takes a free one.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--path", default="/kie", show_default=True, help="The only path that is answered.")
@click.option(
    "--secret-env",
    metavar="NAME",
    help=f"The variable that holds the secret which signs callbacks.  [default: {SECRET}]",
)
@click.option(
    "--unsigned", is_flag=True, help="Take callbacks that are not signed; each task is looked at all the same."
)
@ledger_option
@journal_option
@common_options
@click.pass_obj
def listen(run: Run, port: int, host: str, path: str, secret_env: Optional[str], unsigned: bool) -> None:
    """Receive callbacks, and look at each task that they name, until Ctrl-C.

    Prints a line for each callback; with --json a JSON object. What a callback says is not believed: the
    task is read again, with your key. Callbacks may be lost, so this does not take the place of waiting.
    The platform must be able to reach it: put a web server with https before it.
    """
    from ..webhooks import application

    if not path.startswith("/"):
        raise click.UsageError(f"--path begins with a slash; got {path}")
    secret = read_secret(secret_env, unsigned)
    told = threading.Lock()

    def show(delivery: Delivery) -> None:
        with told:
            click.echo(json.dumps(as_json(delivery.to_dict()), ensure_ascii=False) if run.as_json else line(delivery))

    catalog = run.load_catalog()
    with Progress(run), run.open_client(catalog=catalog, ledger=run.find_ledger()) as client:
        # Said now rather than at the first callback: without a key, no task can be read.
        client.connection.account(next(iter(catalog.providers.values())))
        receiver = application(client, secret, show, path=path, unsigned=unsigned)
        with serving(receiver, host, port) as server, _ended_by_sigterm():
            shown = f"[{host}]" if ":" in host else host
            url = f"http://{shown}:{server.server_port}{path}"
            if run.as_json:
                run.tell("listening", url)
            run.say(f"callbacks are received at {url}; Ctrl-C ends it.")
            try:
                server.serve_forever(poll_interval=0.2)
            except KeyboardInterrupt:
                run.say("no more callbacks are received; those that came are being finished.")


def read_secret(name: Optional[str], unsigned: bool) -> Optional[str]:
    """The secret, out of the environment: on a command line, others could see it.

    Raises:
        KieConfigError: there is none, or there is one beside --unsigned.
    """
    if unsigned:
        if name:
            raise KieConfigError("--unsigned and --secret-env: give one of the two")
        return None
    secret = os.environ.get(name or SECRET, "").strip()
    if not secret:
        raise KieConfigError(
            f"callbacks need the secret that signs them: set {name or SECRET} in the environment (the platform's "
            "settings page makes it), or say --unsigned"
        )
    return secret


def line(delivery: Delivery) -> str:
    """One delivery for people."""
    state = delivery.state
    if state is None:
        return f"task {delivery.task_id}: the platform has no record of it"
    words = [state.state or "not listed yet"]
    if not state.is_final:
        words[0] += " (the callback came too early)"
    if state.is_failure:
        words.append(state.fail_msg or "the platform gave no reason")
    if state.credits_consumed is not None and state.is_final:
        words.append(counted(state.credits_consumed, "credit"))
    words += state.result_urls
    about = f" ({delivery.model})" if delivery.model else ""
    again = " (told before)" if delivery.is_duplicate else ""
    text = f"task {delivery.task_id}{about}{again}: {', '.join(words)}"
    # One line, whatever a message of the platform holds; nothing that a terminal would obey.
    return "".join(character if character.isprintable() else " " for character in text)


class _Answer(ServerHandler):
    server_software = "kie-sync"
    # The library's own puts the whole environment of the process into every request, keys included.
    os_environ: Dict[str, str] = {}  # noqa: RUF012  (its stub says instance variable; it is only copied)

    def log_exception(self, exc_info: Any) -> None:
        """That whoever called has gone is no news; a fault of ours is."""
        if not isinstance(exc_info[1], OSError):
            logger.error("a callback could not be answered", exc_info=exc_info)


class _Chunks:
    """A body in HTTP's chunks, which `wsgiref` does not know. How the platform sends its own is not on record."""

    def __init__(self, raw: Any) -> None:
        self._raw, self._left, self._is_over = raw, 0, False

    def read(self, size: int) -> bytes:
        """So many bytes at most; none at the end.

        Raises:
            OSError: it is no body in chunks, or it breaks off.
        """
        if not self._left and not self._is_over:
            length = self._raw.readline(1000).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", length):
                raise OSError("a chunk does not say how long it is")
            self._left = int(length, 16)
            self._is_over = not self._left
        if self._is_over:
            return b""
        part: bytes = self._raw.read(min(size, self._left))
        if not part:
            raise OSError("the body breaks off")
        self._left -= len(part)
        if not self._left:
            self._raw.readline(10)
        return part


class _Handler(WSGIRequestHandler):
    # A caller that sends nothing is let go.
    timeout = 15.0

    def handle(self) -> None:
        """One request. The standard library's own method leaves no room for another `ServerHandler`."""
        self.raw_requestline = self.rfile.readline(65537)
        if len(self.raw_requestline) > 65536 or not self.parse_request():
            return
        environ = self.get_environ()
        stdin: Any = self.rfile
        if self.headers.get("Transfer-Encoding", "").strip().lower() == "chunked":
            environ.pop("CONTENT_LENGTH", None)
            environ["wsgi.input_terminated"] = True
            stdin = _Chunks(self.rfile)
        answer = _Answer(stdin, self.wfile, self.get_stderr(), environ, multithread=True)  # type: ignore[arg-type]
        answer.request_handler = self  # type: ignore[attr-defined]
        answer.run(self.server.get_app())  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:
        """Deliveries are told; requests are not."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        # The library's own looks up the machine's name, which may take long or reach out.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off, or was none of HTTP."""


@contextmanager
def serving(receiver: Application, host: str, port: int) -> Iterator[_Server]:
    """A server on this address; at the end, what was received is finished.

    Raises:
        KieConfigError: the address cannot be listened on.
    """
    kind = type("_Server", (_Server,), {"address_family": socket.AF_INET6 if ":" in host else socket.AF_INET})
    try:
        server: _Server = kind((host, port), _Handler)
    except (OSError, OverflowError) as err:
        raise KieConfigError(f"cannot listen on {host}:{port}: {err}; choose another --port or --host") from err
    server.set_app(receiver)
    try:
        yield server
    finally:
        server.server_close()
        receiver.close()


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """SIGTERM, as service managers send it, ends the command as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
