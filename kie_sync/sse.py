"""From bytes to server-sent events, as the standard says (WHATWG HTML, "Server-sent events").

sseclient-py frames the events. It is handed whole events only, with LF as the line end, because alone
it passes on the half event of a cut stream, glues events whose line ends are mixed, keeps a byte order
mark, and takes quadratic time over an event in many pieces or of many lines.

Its `id` and `retry` are for those who connect again, and go no further: a paid call is never sent again.
"""

from __future__ import annotations

import itertools
from typing import Iterable, Iterator, List, Protocol

_BOM = b"\xef\xbb\xbf"
_BLANK = b"\n\n"
# sseclient-py copies what it has of an event for each line of it: so many bytes of that are a few milliseconds.
_MUCH_COPYING = 1 << 27
_FOLD, _FOLDED_LINE, _FOLDED_FOLD = b"\x1f", b"\x1f0", b"\x1f1"


class ServerSentEvent(Protocol):
    """One event: its type, `message` where the stream names none, and its data."""

    event: str
    data: str


def read_events(chunks: Iterable[bytes]) -> Iterator[ServerSentEvent]:
    """The events of a stream, each as soon as its last byte is here."""
    import sseclient

    return _unfolded(sseclient.SSEClient(whole_events(chunks)).events())


def _unfolded(events: Iterable[ServerSentEvent]) -> Iterator[ServerSentEvent]:
    for event in events:
        if "\x1f" in event.data:
            event.data = event.data.replace("\x1f0", "\n").replace("\x1f1", "\x1f")
        yield event


def whole_events(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of one whole event or more, each as soon as its last byte is here; a half one at the end is dropped.

    Linear: each byte is looked at once and joined once, in whatever pieces it comes.
    """
    waiting: List[bytes] = []
    ends_line = has_open_return = False
    for chunk in _without_mark(chunks):
        if has_open_return and chunk:
            # The CR has ended its line already; an LF that turns out to follow it is the same line end.
            has_open_return = False
            chunk = chunk[1:] if chunk.startswith(b"\n") else chunk
        if b"\r" in chunk:
            has_open_return = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        end = chunk.rfind(_BLANK) + len(_BLANK)
        if end == len(chunk) and not waiting and end > 1:
            ends_line = True
            yield _clean(chunk)
            continue
        if end < len(_BLANK):
            # No blank line inside; one may straddle the pieces.
            end = 1 if ends_line and chunk.startswith(b"\n") else 0
        ends_line = chunk.endswith(b"\n") if chunk else ends_line
        if end:
            waiting.append(chunk[:end])
            yield _clean(b"".join(waiting))
            waiting.clear()
        if end < len(chunk):
            waiting.append(chunk[end:])


def _clean(block: bytes) -> bytes:
    """Bytes that are no UTF-8 replaced, as the standard wants, and what would take long folded."""
    block = block if block.isascii() else block.decode("utf-8", "replace").encode("utf-8")
    if _FOLD in block or block.count(b"\n") * len(block) > _MUCH_COPYING:
        return b"".join(map(_folded, block.split(_BLANK)))
    return block


def _folded(event: bytes) -> bytes:
    """The event with all its data on one line; `_unfolded` undoes it."""
    lines = event.split(b"\n")
    name = [line for line in lines if line == b"event" or line.startswith(b"event:")][-1:]
    data = [
        line[6 if line.startswith(b"data: ") else 5 :].replace(_FOLD, _FOLDED_FOLD)
        for line in lines
        if line == b"data" or line.startswith(b"data:")
    ]
    return b"\n".join([*name, b"data: " + _FOLDED_LINE.join(data), b"", b""]) if data else b""


def _without_mark(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same without a byte order mark at the start, however it is cut; no event is shorter than one."""
    pieces = iter(chunks)
    start = b""
    for piece in pieces:
        start += piece
        if len(start) >= len(_BOM):
            return itertools.chain((start[len(_BOM) :] if start.startswith(_BOM) else start,), pieces)
    return iter(())
