"""HTTP/1.1 on a socket of this machine: a thread for each connection, kept open between requests."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import suppress
from typing import Any, Iterable, List

from werkzeug.exceptions import HTTPException
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from .answers import Dropped, gateway_page
from .app import App

_log = logging.getLogger("kie_sync.sandbox")


class _Handler(WSGIRequestHandler):
    """One connection. Werkzeug's own handler closes it after each answer; this one keeps it open."""

    protocol_version = "HTTP/1.1"
    # Header and body go out together, and the parts of a stream at once.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: Listener

    def run_wsgi(self) -> None:
        request = Request(self.make_environ())
        try:
            try:
                answer = self.server.sandbox_app.answer(request)
            except HTTPException as err:
                answer = Response.force_type(err.get_response(request.environ))
            except Dropped:
                raise
            except Exception:
                # A fault of the sandbox itself looks to clients as a broken gateway does.
                _log.exception("the sandbox failed at %s %s", request.method, request.path)
                answer = gateway_page(500)
            self._send(answer, request.method == "HEAD")
        except (Dropped, ConnectionError, socket.timeout):
            self._drop()
        finally:
            # Uploads lie in temporary files until then.
            request.close()

    def _send(self, answer: Response, is_head: bool) -> None:
        # Asked of a stream, this would wait for all of it.
        length = answer.content_length if not answer.is_sequence else answer.calculate_content_length()
        self.send_response(answer.status_code, answer.status.partition(" ")[2])
        for name, value in answer.headers.to_wsgi_list():
            if name.lower() not in ("content-length", "date"):
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if is_head:
            return
        for part in answer.iter_encoded():
            if length is not None:
                self.wfile.write(part)
            elif part:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
                self.wfile.flush()
        if length is None:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _drop(self) -> None:
        self.close_connection = True
        # The other side may have been first.
        with suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            # Words that a client did not wait for cannot be sent, and the socket would stay half open with them.
            self.rfile.close()

    def version_string(self) -> str:
        return "kie-sync-sandbox"

    def log(self, type: str, message: str, *args: Any) -> None:
        _log.debug(message, *args)


class Listener(ThreadedWSGIServer):
    """The threads, and the open connections, which would outlive the port otherwise."""

    def __init__(self, app: App, host: str, port: int, listener: int) -> None:
        self.sandbox_app = app
        self._open: List[Any] = []
        self._open_lock = threading.Lock()
        super().__init__(host, port, _no_wsgi, _Handler, fd=listener)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.append(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            if request in self._open:
                self._open.remove(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("connection from %s ended", client_address, exc_info=True)

    def drop_connections(self) -> None:
        """Close what clients have kept open."""
        with self._open_lock:
            for connection in self._open:
                # The other side may have been first.
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _no_wsgi(environ: Any, start_response: Any) -> Iterable[bytes]:
    raise AssertionError("the handler answers by itself")
