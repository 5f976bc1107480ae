"""Results to disk: each file whole, or not at all.

A file is fetched without the key, to a temporary name in the folder that it goes to, checked by its length and by what
is in it, and renamed. What was cut goes on where it stopped.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Union
from urllib.parse import unquote, urlsplit

from .clock import Clock
from .content import FORMATS, HEAD, PAGES, article, format_named, format_of, media_type_of
from .errors import KieConnectionError, KieError, KieInputError, KieNotFoundError, Problem
from .request import build_download
from .response import Response
from .sender import Sender
from .targets import parse_target, part_in, put
from .transport import Lost, NeverSent

logger = logging.getLogger("kie_sync")
_ATTEMPTS = 4
_EXPIRED = (401, 403, 404, 410)
_NO_FILES: Mapping[str, str] = {}


@dataclass(frozen=True)
class Names:
    """What a folder's and a pattern's files are called after."""

    model: str = ""
    task_id: str = ""


def fetch_all(
    sender: Sender,
    clock: Clock,
    urls: Sequence[str],
    target: Union[str, Path],
    names: Names,
    *,
    kind: str = "",
    refresh: Optional[Callable[[str], str]] = None,
    saved: Mapping[str, str] = _NO_FILES,
) -> Iterator[Tuple[str, Path]]:
    """Fetch files to one place; gives each URL, and where its file is.

    Args:
        target: a folder (it exists, or ends with a slash), a pattern, else a file's name.
        kind: what they are to be: image, video, audio; "" when that is not known.
        refresh: asks for a fresh link where one has expired; tried once for each file.
        saved: where files were saved before, by URL; those still in this place are not fetched again.

    Raises:
        KieInputError: there can be no file there, or there is nothing to save.
        KieNotFoundError: a link has expired, or is wrong.
        KieConnectionError: a file could not be fetched whole.
        OSError: it could not be written.
    """
    if not urls:
        raise KieInputError(names.model or "download", [Problem("empty", "urls", "there is no file to save")])
    place = parse_target(target)
    for number, url in enumerate(urls, start=1):
        before = Path(saved[url]) if saved.get(url) else None
        about = {"model": names.model, "task_id": names.task_id}
        if before is not None and place.holds(before, number, len(urls), **about):
            logger.info("%s is there already: %s", url, before)
            yield url, before
            continue
        part = part_in(place.folder)
        try:
            suffix = _Fetch(sender, clock, url, part, kind, refresh).whole()
            path = place.path_for(number, len(urls), suffix=suffix, **about)
            path.parent.mkdir(parents=True, exist_ok=True)
            found = put(part, path)
        finally:
            part.unlink(missing_ok=True)
        yield url, found


@dataclass(frozen=True)
class _Part:
    """What has come of a file so far, and how the server calls this version of it."""

    size: int = 0
    total: Optional[int] = None
    version: str = ""


class _Fetch:
    """One file on its way to a temporary name."""

    def __init__(
        self, sender: Sender, clock: Clock, url: str, path: Path, kind: str, refresh: Optional[Callable[[str], str]]
    ) -> None:
        self.sender, self.clock, self.url, self.path, self.kind = sender, clock, url, path, kind
        self.refresh = refresh
        self.link = url
        self.got = _Part()

    def whole(self) -> str:
        """Fetch it, and give the ending that fits what it is."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self.once()
            except KieNotFoundError as error:
                self.link = self.fresh_link(error)
            except KieConnectionError as error:
                is_final = isinstance(error.__cause__, NeverSent) and error.__cause__.is_final
                if attempt == _ATTEMPTS or is_final:
                    raise
                how = f"going on at byte {self.got.size:,}" if self.got.size else "again"
                logger.info("%s: %s; %s", self.url, error.message, how)
                self.clock.sleep(float(attempt))
        return self.once()

    def fresh_link(self, error: KieNotFoundError) -> str:
        """A new link to the same file, asked for once.

        Raises:
            KieNotFoundError: there is none.
        """
        refresh, self.refresh = self.refresh, None
        if refresh is None:
            reason = "" if self.link == self.url else ": the fresh one, too, is refused"
        else:
            try:
                return refresh(self.url)
            except KieError as refused:
                reason = f", and there is no fresh one: {refused.message}"
        error.message = f"its link has expired, or is wrong{reason}"
        raise error

    def once(self) -> str:
        got = self.got
        response = self.sender.send(
            build_download(self.link, first_byte=got.size, version=got.version), None, attempts=1
        )
        about: Dict[str, Any] = {"http_status": response.status, "method": "GET", "url": self.link}
        try:
            if response.status in _EXPIRED:
                raise KieNotFoundError("the file is not there", status_code=response.status, **about)
            self.begin(response, about)
            self.check_type(b"", response, about)
            try:
                self.write(response)
            except Lost as error:
                raise KieConnectionError(f"the file came only in part: {error}", **about) from error
        finally:
            response.close()
        return self.check(response, about)

    def begin(self, response: Response, about: Mapping[str, Any]) -> None:
        """Go on where the file stopped, if the server does; else begin anew."""
        got, status = self.got, response.status
        is_packed = bool(response.header("Content-Encoding"))
        stated = response.header("Content-Length")
        length = int(stated) if stated.isdigit() and not is_packed else None
        if status == 206 and got.size:
            span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.header("Content-Range").strip())
            total = int(span[3]) if span and span[3] != "*" else got.total
            if span and int(span[1]) == got.size and not is_packed and got.total in (None, total):
                self.got = replace(got, total=total)
                return
        self.got = _Part()
        if status != 200:
            raise KieConnectionError(f"the file could not be fetched: HTTP {status}", status_code=status, **about)
        # A weak ETag may not be asked for with If-Range (RFC 9110, 13.1.5).
        tag = response.header("ETag")
        version = tag if tag.startswith('"') else response.header("Last-Modified")
        # Packed bytes and unpacked ones do not count alike, so such a file is not gone on with.
        self.got = _Part(0, length, "" if is_packed else version)

    def write(self, response: Response) -> None:
        is_packed = bool(response.header("Content-Encoding"))
        begin = size = self.got.size
        with self.path.open("r+b") as file:
            file.seek(begin)
            file.truncate()
            try:
                for piece in response.chunks if response.chunks is not None else iter([response.body]):
                    file.write(piece)
                    size += len(piece)
            finally:
                file.flush()
                self.got = _Part() if is_packed and size else replace(self.got, size=size)
        if is_packed:
            self.got = _Part(size)

    def check(self, response: Response, about: Mapping[str, Any]) -> str:
        got = self.got
        if got.total is not None and got.size != got.total:
            if got.size > got.total:
                self.got = _Part()
            raise KieConnectionError(f"the file came only in part: {got.size} of {got.total} bytes", **about)
        self.got = _Part()
        if got.size == 0:
            raise KieConnectionError("the file is empty", **about)
        with self.path.open("rb") as file:
            head = file.read(HEAD)
        return self.check_type(head, response, about)

    def check_type(self, head: bytes, response: Response, about: Mapping[str, Any]) -> str:
        """The ending that fits what came; a page where a picture, a video or a sound was to come is an error."""
        stated = response.header("Content-Type").partition(";")[0].strip().lower()
        named = _suffix_of(self.url)
        wanted = self.kind or _sort_of(stated) or _sort_of(media_type_of(format_named(named)))
        found = format_of(head) if head else _page_of(stated)
        if _sort_of(f"{wanted}/") and found in PAGES:
            self.got = _Part()
            raise KieConnectionError(f"what came is no {wanted}, but {article(found)}", **about)
        if found and _sort_of(f"{wanted}/") and wanted not in FORMATS[found].holds:
            # It is paid, and may be what the model makes: better kept than refused.
            logger.warning("%s: %s was to come, and what came is %s", self.url, wanted, article(found))
        return FORMATS[found].suffix if found else _suffix_by_type(stated) or named


def _sort_of(media_type: str) -> str:
    """The main part of a media type that is a picture, a video or a sound; "" for others."""
    sort = media_type.partition("/")[0]
    return sort if sort in ("image", "video", "audio") else ""


def _page_of(media_type: str) -> str:
    named = format_named(media_type)
    return named if named in PAGES else ""


def _suffix_by_type(media_type: str) -> str:
    known = FORMATS.get(format_named(media_type))
    # video/mpeg and audio/mpeg are not the same format.
    return known.suffix if known and _sort_of(known.media_type) == _sort_of(media_type) else ""


def _suffix_of(url: str) -> str:
    suffix = Path(unquote(urlsplit(url).path)).suffix
    return suffix[1:] if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else ""
