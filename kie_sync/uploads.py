"""Local files to the platform, in its three ways; each content once while its upload lives.

Arguments go as a stream, whatever their size: it needs no memory, and Base64 would make them a third longer.
"""

from __future__ import annotations

import base64
import logging
import os
import threading
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple

from .connection import Connection
from .content import FORMATS, media_type_of
from .definitions import Provider
from .errors import KieAPIError, KieConnectionError, KieInputError, Problem
from .file_sources import LocalFile, Unreadable, is_local, open_local
from .local_files import Staged
from .request import JSON, Request, join
from .response import dig
from .values import show

logger = logging.getLogger("kie_sync")
WAYS = ("stream", "base64", "url")
_FOLDER = "kie-sync"
# Larger ones are refused: the platform advises Base64 up to 1 MB, and takes 10 MB (docs.kie.ai, file upload).
_MOST_BASE64 = 10_000_000
# The task that is given a URL last of all must still be able to fetch it.
_MARGIN_S = 3600.0
_MOST_REMEMBERED = 4096


class Uploads:
    """What a client has uploaded, and where it is. Shared by threads: the same content goes up once."""

    def __init__(self) -> None:
        self._known: Dict[Tuple[str, str], Tuple[str, float]] = {}
        # By process: after a fork, a lock may be held by a thread that the child does not have.
        self._locks: Dict[Tuple[int, str, str], threading.Lock] = {}

    def upload_all(self, connection: Connection, model: str, provider: Provider, staged: Staged) -> Mapping[str, str]:
        """The URL of each staged file, by its placeholder; what was uploaded before is not sent again.

        Raises:
            KieInputError: a file is not what it was when it was checked.
            KieAPIError: it could not be uploaded; nothing was bought.
        """
        urls = {}
        for placeholder, file in staged.files.items():
            try:
                urls[placeholder] = self.upload_once(connection, provider, file)
            except KieAPIError as error:
                error.model = model
                error.message = f"{file.name} could not be uploaded, and nothing was bought: {error.message}"
                raise
            except Unreadable as error:
                raise KieInputError(model, [Problem("file", "files", f"{error}; nothing was bought")]) from error
        return urls

    def upload_once(self, connection: Connection, provider: Provider, file: LocalFile) -> str:
        """The URL of a file's content: of an upload that still lives, or of a new one."""
        account, content = connection.account(provider), _content_key(connection, provider, file)
        key = (account, content)
        with self._lock((os.getpid(), account, content)):
            url, until = self._known.get(key, ("", 0.0))
            if url and connection.clock.now() < until:
                logger.info("%s is uploaded already, as %s", file.name, url)
                return url
            journal = connection.journal
            kept = journal.find_upload(account=account, content=content) if journal is not None else None
            if kept is not None:
                logger.info("%s was uploaded before, as %s", file.name, kept)
                return kept
            return self.upload(connection, provider, file, way="stream")

    def upload(self, connection: Connection, provider: Provider, file: LocalFile, *, way: str) -> str:
        """Send a file now, and remember where it is."""
        url = _send(connection, provider, _BUILD[way](connection, provider, file))
        logger.info("uploaded %s (%s bytes) to %s as %s", file.name, f"{file.size:,}", provider.title, url)
        lives_s = float(provider.upload_lives_hours) * 3600.0 - _MARGIN_S
        if lives_s > 0:
            account, content = connection.account(provider), _content_key(connection, provider, file)
            self._remember((account, content), url, connection.clock.now(), lives_s)
            if connection.journal is not None:
                connection.journal.keep_upload(account=account, content=content, url=url, lives_s=lives_s)
        return url

    def _lock(self, key: Tuple[int, str, str]) -> threading.Lock:
        if len(self._locks) >= _MOST_REMEMBERED:
            for old in [old for old, lock in list(self._locks.items()) if not lock.locked()]:
                self._locks.pop(old, None)
        return self._locks.setdefault(key, threading.Lock())

    def _remember(self, key: Tuple[str, str], url: str, now: float, lives_s: float) -> None:
        if len(self._known) >= _MOST_REMEMBERED:
            for old in list(self._known)[: _MOST_REMEMBERED // 2]:
                self._known.pop(old, None)
        self._known[key] = (url, now + lives_s)


def upload_any(
    uploads: Uploads, connection: Connection, provider: Provider, given: Any, way: str, *, under: Optional[Path] = None
) -> str:
    """Upload what a file parameter would take, anew; with `way="url"` the platform fetches it from a URL.

    Raises:
        KieInputError: there is nothing to read, or the way does not fit it.
    """
    if way not in WAYS:
        raise _wrong("way", f"way must be one of {', '.join(WAYS)}; got {show(way)}")
    if way == "url":
        if not isinstance(given, str) or not given.lower().startswith(("http://", "https://")):
            raise _wrong("file", f'way="url" takes a URL that begins with http:// or https://; got {show(given)}')
        url = _send(connection, provider, _by_url(connection, provider, given))
        logger.info("%s fetched %s as %s", provider.title, given, url)
        return url
    if not is_local(given):
        hint = '; way="url" has the platform fetch a URL' if isinstance(given, str) and "://" in given else ""
        raise _wrong(
            "file", f"file must be a path, bytes, an open file, a picture or a data URL; got {show(given)}{hint}"
        )
    try:
        file = open_local(given, under=under)
        if way == "base64" and file.size > _MOST_BASE64:
            most = f"{_MOST_BASE64 // 1_000_000} MB"
            raise Unreadable(f'has {file.size:,} bytes, and way="base64" takes {most}; way="stream" takes more')
        return uploads.upload(connection, provider, file, way=way)
    except Unreadable as error:
        raise _wrong("file", f"file {error}") from error


def _wrong(where: str, text: str) -> KieInputError:
    return KieInputError("upload", [Problem("file", where, text)])


def _content_key(connection: Connection, provider: Provider, file: LocalFile) -> str:
    """A file's content; of another host than the provider's own, with that host: a sandbox's URL is of no use to it."""
    settings = connection.settings
    return file.sha256 if settings.is_real(provider) else f"{file.sha256}@{settings.upload_url(provider)}"


def _send(connection: Connection, provider: Provider, request: Request) -> str:
    response = connection.sender.send(request, provider)
    url: Any = dig(response.json(), ("data.downloadUrl", "data.fileUrl"))
    if not isinstance(url, str):
        raise KieConnectionError(
            "the upload was answered without a URL", http_status=response.status, method="POST", url=request.url
        )
    return url


def _name_of(file: LocalFile) -> str:
    """A name of its own for each upload: the same name would overwrite, and caches may serve the old file."""
    return f"{uuid.uuid4().hex}.{FORMATS[file.format].suffix}" if file.format else uuid.uuid4().hex


def _url_of(connection: Connection, provider: Provider, way: str) -> str:
    return join(connection.settings.upload_url(provider), provider.paths[f"upload_{way}"])


def _by_stream(connection: Connection, provider: Provider, file: LocalFile) -> Request:
    body = _Multipart(file, {"uploadPath": _FOLDER, "fileName": _name_of(file)})
    headers = {"Content-Type": f"multipart/form-data; boundary={body.boundary}"}
    return Request("POST", _url_of(connection, provider, "stream"), provider=provider.name, body=body, headers=headers)


def _by_base64(connection: Connection, provider: Provider, file: LocalFile) -> Request:
    data = base64.b64encode(b"".join(file.blocks())).decode("ascii")
    body = {
        "base64Data": f"data:{media_type_of(file.format)};base64,{data}",
        "uploadPath": _FOLDER,
        "fileName": _name_of(file),
    }
    return Request("POST", _url_of(connection, provider, "base64"), provider=provider.name, json=body, headers=JSON)


def _by_url(connection: Connection, provider: Provider, url: str) -> Request:
    # Without a name the platform makes one of its own, and keeps the ending.
    body = {"fileUrl": url, "uploadPath": _FOLDER}
    return Request("POST", _url_of(connection, provider, "url"), provider=provider.name, json=body, headers=JSON)


_BUILD = {"stream": _by_stream, "base64": _by_base64}


class _Multipart:
    """A file as multipart/form-data, in blocks: requests' own `files=` would hold all of it in memory, twice."""

    def __init__(self, file: LocalFile, fields: Mapping[str, str]) -> None:
        self.boundary = uuid.uuid4().hex
        self._file = file
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        # The file's own name stays here: the platform ignores it, and it is nobody's business.
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{fields["fileName"]}"\r\n'
            f"Content-Type: {media_type_of(file.format)}\r\n\r\n"
        )
        self._head, self._foot = "".join(parts).encode(), f"\r\n--{self.boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self._file.size + len(self._foot)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._file.blocks()
        yield self._foot
