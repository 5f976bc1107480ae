"""Files both ways: results to disk, whole or not at all, and local files to the platform.

A result is fetched without the key, to a temporary name beside its target, checked, and renamed.
"""

from __future__ import annotations

import logging
import os
import re
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence, Tuple, Union
from urllib.parse import unquote, urlsplit

from .clock import Clock
from .definitions import Provider
from .errors import KieConnectionError, KieError, KieInputError, KieNotFoundError, Problem
from .request import Request, build_download, join
from .response import Response, dig
from .sender import Sender
from .transport import Lost, NeverSent

logger = logging.getLogger("kie_sync")
_BLOCK = 262144
_ATTEMPTS = 4
_LONGEST_NAME = 180
_TYPES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
}


def save_all(sender: Sender, clock: Clock, urls: Sequence[str], target: Union[str, Path], *, stem: str) -> List[Path]:
    """Fetch files into a folder, or to one name.

    Args:
        target: a folder (it exists, or ends with a slash), else a file's name; several files get numbers.
        stem: how files in a folder are called.
    """
    if not urls:
        raise KieInputError(stem, [Problem("empty", "urls", "there is no file to save")])
    path = Path(target)
    is_folder = path.is_dir() or str(target).endswith(("/", os.sep))
    folder = path if is_folder else path.parent
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for position, url in enumerate(urls, start=1):
        number = f"-{position}" if len(urls) > 1 or is_folder else ""
        name = f"{safe_name(stem)}{number}" if is_folder else f"{path.stem}{number}{path.suffix}"
        saved.append(download(sender, clock, url, folder / name, add_suffix=is_folder))
    return saved


def safe_name(text: str) -> str:
    """A text as part of a file's name: nothing in it leaves the folder."""
    name = re.sub(r"[^\w.-]+", "-", text).strip(".-")
    # Folders take names of 255 bytes, and a number and a suffix are still to come.
    return name.encode()[:_LONGEST_NAME].decode("utf-8", "ignore") or "result"


def download(sender: Sender, clock: Clock, url: str, target: Path, *, add_suffix: bool = False) -> Path:
    """Fetch one file whole, or leave nothing behind.

    Raises:
        KieNotFoundError: the link has expired, or is wrong.
        KieConnectionError: it could not be fetched whole.
    """
    part = target.with_name(f".kie-{uuid.uuid4().hex}.part")
    part.open("xb").close()
    try:
        response = _fetch(sender, clock, url, part)
        if add_suffix:
            target = target.with_name(target.name + _suffix(url, response))
        return _place(part, target)
    finally:
        part.unlink(missing_ok=True)


def _fetch(sender: Sender, clock: Clock, url: str, part: Path) -> Response:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _fetch_once(sender, url, part)
        except KieConnectionError as error:
            is_final = isinstance(error.__cause__, NeverSent) and error.__cause__.is_final
            if attempt == _ATTEMPTS or is_final:
                raise
            logger.info("%s: %s; again", url, error.message)
            clock.sleep(float(attempt))
    raise AssertionError("unreachable")  # pragma: no cover  (the last attempt returns or raises)


def _fetch_once(sender: Sender, url: str, part: Path) -> Response:
    response = sender.send(build_download(url), None, attempts=1)
    about: Dict[str, Any] = {"http_status": response.status, "method": "GET", "url": url}
    size = 0
    try:
        if response.status in (401, 403, 404, 410):
            raise KieNotFoundError(
                "the file is not there: its link has expired or is wrong. Results live about a day; "
                "client.download_url(url) may give a fresh link",
                status_code=response.status,
                **about,
            )
        if response.status != 200:
            raise KieConnectionError(
                f"the file could not be fetched: HTTP {response.status}", status_code=response.status, **about
            )
        with part.open("wb") as file:
            for piece in response.chunks if response.chunks is not None else iter([response.body]):
                size += len(piece)
                file.write(piece)
    except Lost as error:
        raise KieConnectionError(f"the file came only in part: {error}", **about) from error
    finally:
        response.close()
    stated = response.header("Content-Length")
    if stated.isdigit() and int(stated) != size and not response.header("Content-Encoding"):
        raise KieConnectionError(f"the file came only in part: {size} of {stated} bytes", **about)
    if size == 0:
        raise KieConnectionError("the file is empty", **about)
    return response


def _suffix(url: str, response: Response) -> str:
    kind = response.header("Content-Type").partition(";")[0].strip().lower()
    if kind in _TYPES:
        return f".{_TYPES[kind]}"
    suffix = Path(unquote(urlsplit(url).path)).suffix
    return suffix if re.fullmatch(r"\.[A-Za-z0-9]{1,5}", suffix) else ""


def _place(part: Path, target: Path) -> Path:
    """Rename to the target, or to the next free number beside it; never over a file that is there."""
    for number in range(1, 10000):
        name = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            # One step, and no other program can come between: a rename would write over what is there.
            os.link(part, name)
        except FileExistsError:
            continue
        except OSError:
            # Some file systems have no hard links.
            if not _rename(part, name):
                continue
        if number > 1:
            logger.info("%s exists; saving as %s", target, name)
        return name
    raise KieError(f"no free name is left for {target}")  # pragma: no cover  (ten thousand files of one name)


def _rename(part: Path, name: Path) -> bool:
    """Take the name, then rename over it; False when somebody has it."""
    try:
        name.open("x").close()
    except FileExistsError:
        return False
    try:
        os.replace(part, name)
    except BaseException:
        name.unlink()
        raise
    return True


class _Multipart:
    """A file as multipart/form-data, in blocks: requests' own `files=` would hold all of it in memory, twice."""

    def __init__(self, path: Path, fields: Sequence[Tuple[str, str]]) -> None:
        self.boundary = uuid.uuid4().hex
        self._path = path
        parts = [
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields
        ]
        parts.append(
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="{safe_name(path.name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        self._head, self._foot = "".join(parts).encode(), f"\r\n--{self.boundary}--\r\n".encode()

    def __len__(self) -> int:
        return len(self._head) + self._path.stat().st_size + len(self._foot)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        with self._path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
        yield self._foot


def upload(
    sender: Sender, provider: Provider, base_url: str, path: Union[str, Path], *, folder: str = "kie-sync"
) -> str:
    """Send a local file to the platform, which keeps it for a day or more; returns its URL.

    The name is made unique: the same name would overwrite, and caches may serve the old file.

    Raises:
        KieInputError: there is no such file.
    """
    file = Path(path)
    if not file.is_file():
        raise KieInputError("upload", [Problem("file", "path", f"there is no file {str(path)!r}")])
    name = f"{uuid.uuid4().hex}{file.suffix if re.fullmatch(r'[.][A-Za-z0-9]{1,8}', file.suffix) else ''}"
    body = _Multipart(file, (("uploadPath", folder), ("fileName", name)))
    request = Request(
        "POST",
        join(base_url, provider.paths["upload_stream"]),
        provider=provider.name,
        body=body,
        headers={"Content-Type": f"multipart/form-data; boundary={body.boundary}"},
    )
    response = sender.send(request, provider)
    url: Any = dig(response.json(), ("data.downloadUrl", "data.fileUrl"))
    if not isinstance(url, str):
        raise KieConnectionError(
            "the upload was answered without a URL", http_status=response.status, method="POST", url=request.url
        )
    logger.info("uploaded %s as %s", file.name, url)
    return url
