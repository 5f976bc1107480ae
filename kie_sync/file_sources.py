"""What a caller may give for a file: a path, bytes, an open file, a picture of PIL, a data URL.

Each becomes a `LocalFile`: read once in blocks, for its hash and its format, and read again when it is sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import stat
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Callable, ContextManager, Iterator, Optional, Sequence
from urllib.parse import unquote_to_bytes

from .content import HEAD, format_of, is_allowed
from .values import show

# Small, for a connection's timeout is for a whole block (socket.sendall).
BLOCK = 65536
# Linux tells here where an open file lies.
_OPENED = "/proc/self/fd"


class Unreadable(Exception):
    """A file that cannot be taken: a sentence without the name of the parameter."""


@dataclass(frozen=True)
class LocalFile:
    """A file to upload.

    Attributes:
        name: how messages call it; not part of what it is.
        size: in bytes.
        sha256: the hash of its content.
        format: by its content, as `content.FORMATS` names it; "" when it is none of those.
    """

    name: str = field(compare=False)
    size: int
    sha256: str
    format: str
    _open: Callable[[], ContextManager[Any]] = field(compare=False, repr=False)

    def blocks(self) -> Iterator[bytes]:
        """The content again, a block at a time.

        Raises:
            Unreadable: it is not what it was when it was first read.
        """
        digest, left = hashlib.sha256(), self.size
        try:
            with self._open() as source:
                while left > 0 and (block := source.read(min(BLOCK, left))):
                    digest.update(block)
                    left -= len(block)
                    yield block
        except OSError as error:
            raise Unreadable(f"{self.name} could not be read again: {error.strerror or error}") from error
        except ValueError as error:
            raise Unreadable(f"{self.name} was closed before it was sent") from error
        if left or digest.hexdigest() != self.sha256:
            raise Unreadable(f"{self.name} was changed while it was being read")


def is_local(value: Any) -> bool:
    """Whether a value is a file of this machine, and not a URL."""
    if isinstance(value, str):
        text = value.strip()
        return bool(text) and ("://" not in text or text[0] in "./~@" or text[:5].lower() == "data:")
    return isinstance(value, (bytes, bytearray, memoryview, os.PathLike)) or _is_open(value) or _is_picture(value)


def open_local(value: Any, *, under: Optional[Path] = None, formats: Sequence[str] = ()) -> LocalFile:
    """Read a file once, in blocks.

    Args:
        under: the folder that a path must lead into, links followed.
        formats: what is allowed, for a picture that has no format yet.

    Raises:
        Unreadable: there is nothing to read, or it may not be read.
    """
    if isinstance(value, str) and value.strip()[:5].lower() == "data:":
        return _from_bytes(_decode(value.strip()), "the data URL")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _from_bytes(bytes(value), "what was given")
    if isinstance(value, (str, os.PathLike)):
        return _from_path(value, under)
    if _is_picture(value):
        return _from_bytes(_encode(value, formats), "the picture")
    return _from_open(value)


def _is_open(value: Any) -> bool:
    return callable(getattr(value, "read", None))


def _is_picture(value: Any) -> bool:
    # By its looks: PIL is loaded only where the caller has loaded it.
    return all(hasattr(value, name) for name in ("save", "mode", "size", "tobytes")) and not _is_open(value)


def _decode(url: str) -> bytes:
    head, comma, body = url.partition(",")
    if not comma:
        raise Unreadable(f"is a data URL without a comma: {show(url)}")
    try:
        if head.lower().endswith(";base64"):
            return base64.b64decode("".join(unquote_to_bytes(body).decode("ascii").split()), validate=True)
        return unquote_to_bytes(body)
    except (binascii.Error, ValueError) as error:
        raise Unreadable(f"is a data URL whose Base64 is broken: {show(url)}") from error


def _encode(picture: Any, formats: Sequence[str]) -> bytes:
    allowed = [name for name in ("png", "webp", "jpeg") if not formats or is_allowed(name, formats)]
    kind = (allowed or ["png"])[0]
    if kind == "jpeg" and picture.mode not in ("RGB", "L", "CMYK"):
        picture = picture.convert("RGB")
    file = io.BytesIO()
    try:
        picture.save(file, kind.upper(), **({"lossless": True} if kind == "webp" else {}))
    except (OSError, ValueError, KeyError) as error:
        raise Unreadable(f"is a picture that could not be written as {kind}: {error}") from error
    return file.getvalue()


def _from_bytes(data: bytes, name: str) -> LocalFile:
    return _read(name, lambda: io.BytesIO(data))


def _from_path(value: Any, under: Optional[Path]) -> LocalFile:
    text = os.fsdecode(os.fspath(value))
    # As curl and others have it: @ says that a file is meant.
    text = text.strip()[1:] if isinstance(value, str) and text.strip().startswith("@") else text
    try:
        given = Path(text).expanduser()
        path = given.resolve(strict=True)
        checked = path.stat()
    except FileNotFoundError as error:
        raise Unreadable(f"must be a file or a URL; there is no file {show(text)}") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise Unreadable(f"is {show(text)}, which cannot be read: {_reason(error)}") from error
    if under is not None and not _is_inside(path, under):
        raise Unreadable(f"must be a file under {show(str(under))}; {show(text)} leads out of it")
    if stat.S_ISDIR(checked.st_mode):
        raise Unreadable(f"must be a file; {show(text)} is a folder")
    if not stat.S_ISREG(checked.st_mode):
        raise Unreadable(f"must be a file; {show(text)} is a device or a pipe")
    try:
        return _read(given.name, lambda: path.open("rb") if under is None else _open_inside(path, checked, under))
    except OSError as error:
        raise Unreadable(f"is {show(text)}, which cannot be read: {_reason(error)}") from error


def _open_inside(path: Path, checked: os.stat_result, folder: Path) -> BinaryIO:
    """Open a file that was found in a folder, and hold what is open against it: a step of its path may be a link now.

    Raises:
        Unreadable: it is not in the folder any more.
    """
    source = path.open("rb")
    try:
        try:
            is_inside = _is_inside(Path(os.readlink(f"{_OPENED}/{source.fileno()}")), folder)
        except OSError:
            # No such folder of what is open, as on macOS and Windows: it must be the file that was checked.
            is_inside = os.path.samestat(os.fstat(source.fileno()), checked)
        if not is_inside:
            raise Unreadable(f"must be a file under {show(str(folder))}; {path.name} was put in another place")
    except BaseException:
        source.close()
        raise
    return source


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        path.relative_to(folder.expanduser().resolve())
    except (OSError, RuntimeError, ValueError):
        return False
    return True


def _from_open(source: Any) -> LocalFile:
    named = getattr(source, "name", "")
    name = os.path.basename(named) if isinstance(named, str) and named else "the open file"
    if isinstance(source, io.TextIOBase):
        raise Unreadable(f'must be opened for bytes; {name} is open as text: open it with "rb"')
    try:
        begin = source.tell() if _can_seek(source) else None
        if begin is None:
            return _spooled(source, name)

        @contextmanager
        def again() -> Iterator[Any]:
            source.seek(begin)
            try:
                yield source
            finally:
                # The caller's file stands where it stood.
                if not getattr(source, "closed", False):
                    source.seek(begin)

        return _read(name, again, hint=f"; it stands at byte {begin:,}: seek(0) goes to its beginning" if begin else "")
    except (OSError, ValueError) as error:
        raise Unreadable(f"is {name}, which cannot be read: {_reason(error)}") from error


def _can_seek(source: Any) -> bool:
    seekable = getattr(source, "seekable", None)
    return bool(seekable()) if callable(seekable) else hasattr(source, "seek") and hasattr(source, "tell")


def _spooled(source: Any, name: str) -> LocalFile:
    """What can be read only once, kept in a temporary file."""
    import tempfile

    kept = tempfile.SpooledTemporaryFile(max_size=1_000_000)  # noqa: SIM115  (closed when the file's value goes)

    @contextmanager
    def again() -> Iterator[Any]:
        kept.seek(0)
        yield kept

    try:
        while block := source.read(BLOCK):
            kept.write(_as_bytes(block, name))
        file = _read(name, again)
    except BaseException:
        kept.close()
        raise
    weakref.finalize(file, kept.close)
    return file


def _read(name: str, again: Callable[[], ContextManager[Any]], *, hint: str = "") -> LocalFile:
    digest, head, size = hashlib.sha256(), b"", 0
    with again() as source:
        while block := source.read(BLOCK):
            block = _as_bytes(block, name)
            digest.update(block)
            size += len(block)
            if len(head) < HEAD:
                head += block[: HEAD - len(head)]
    if not size:
        raise Unreadable(f"must not be empty; {name} has no bytes{hint}")
    return LocalFile(name, size, digest.hexdigest(), format_of(head), again)


def _as_bytes(block: Any, name: str) -> bytes:
    if not isinstance(block, (bytes, bytearray, memoryview)):
        raise Unreadable(f'must be opened for bytes; {name} gives {type(block).__name__}: open it with "rb"')
    return bytes(block)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
