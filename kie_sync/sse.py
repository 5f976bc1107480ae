"""From bytes to server-sent events, as the standard says (WHATWG HTML, "Server-sent events").

sseclient-py frames the events. It is handed whole events only, because alone it passes on the half
event of a cut stream, glues events whose line ends are mixed, keeps a byte order mark, and takes
quadratic time over an event in many pieces.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, List

# A line end, and at once another. A CR before an LF is no line end of its own.
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r)")
_LINE_END = re.compile(rb"\r\n|\r")
_BOM = b"\xef\xbb\xbf"


def split_events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole events, each ended by a blank line; what is left at the end is dropped.

    Linear: each byte is looked at once for the blank line, in whatever pieces it comes.
    An LF that comes after an event ended by CR is left for the next event, where it is an empty line
    and does nothing.
    """
    waiting: List[bytes] = []
    tail = b""
    is_start = True
    for chunk in chunks:
        # A blank line, or the mark at the start, may straddle two pieces: the last three bytes are kept back.
        joined = tail + chunk
        if is_start and len(joined) >= len(_BOM):
            is_start = False
            joined = joined[len(_BOM) :] if joined.startswith(_BOM) else joined
        start = 0
        for found in [] if is_start else _BLANK.finditer(joined):
            waiting.append(joined[start : found.end()])
            start = found.end()
            yield _clean(b"".join(waiting))
            waiting.clear()
        keep_from = max(start, len(joined) - 3)
        if keep_from > start:
            waiting.append(joined[start:keep_from])
        tail = joined[keep_from:]


def _clean(event: bytes) -> bytes:
    """Line ends as LF, and bytes that are no UTF-8 replaced, as the standard wants."""
    if b"\r" in event:
        event = _LINE_END.sub(b"\n", event)
    return event if event.isascii() else event.decode("utf-8", "replace").encode("utf-8")


def read_events(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Events with `.event` and `.data`, each as soon as its last byte is here."""
    import sseclient

    yield from sseclient.SSEClient(split_events(chunks)).events()
