from __future__ import annotations

from typing import Any, Iterator, List, Tuple

import pytest

from kie_sync.sse import read_events, whole_events

BOM = b"\xef\xbb\xbf"
# The standard's own examples and rules (WHATWG HTML, 9.2.5 and 9.2.6): bytes, and (event, data) of what is dispatched.
CASES: List[Tuple[str, bytes, List[Tuple[str, str]]]] = [
    ("one", b"data: a\n\n", [("message", "a")]),
    ("two lines of data", b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10")]),
    ("comment, then data", b": test stream\n\ndata: first event\nid: 1\n\n", [("message", "first event")]),
    ("id alone", b"data: a\n\nid\n\n", [("message", "a")]),
    ("only one space goes", b"data:  a\n\n", [("message", " a")]),
    ("no space", b"data:a\n\ndata: a\n\n", [("message", "a"), ("message", "a")]),
    ("colons in the value", b"data: a:b:c\n\n", [("message", "a:b:c")]),
    ("named", b"event: error\ndata: x\n\n", [("error", "x")]),
    ("name after data", b"data: x\nevent: add\n\n", [("add", "x")]),
    ("the name does not stay", b"event: add\ndata: 1\n\ndata: 2\n\n", [("add", "1"), ("message", "2")]),
    ("an event without data", b"event: ping\n\ndata: 1\n\n", [("message", "1")]),
    ("unknown fields", b"foo: bar\nbaz\ndata: 1\n\n", [("message", "1")]),
    ("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
    ("CR", b"data: a\r\rdata: b\r\r", [("message", "a"), ("message", "b")]),
    ("LF, then CRLF blank", b"data: a\n\r\ndata: b\n\r\n", [("message", "a"), ("message", "b")]),
    ("CRLF, then LF blank", b"data: a\r\n\ndata: b\r\n\n", [("message", "a"), ("message", "b")]),
    ("CR, then LF", b"data: a\r\ndata: b\r\r", [("message", "a\nb")]),
    ("LF, then CR blank", b"data: a\n\rdata: b\n\r", [("message", "a"), ("message", "b")]),
    ("byte order mark", BOM + b"data: a\n\n", [("message", "a")]),
    ("a mark later is no mark", b"data: 1\n\n" + BOM + b"data: 2\n\ndata: 3\n\n", [("message", "1"), ("message", "3")]),
    ("the mark alone", BOM, []),
    ("nothing", b"", []),
    ("cut off", b"data: a\n\ndata: b\n", [("message", "a")]),
    ("cut off in a line", b'data: a\n\ndata: {"a"', [("message", "a")]),
    ("many blank lines", b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", [("message", "a"), ("message", "b")]),
    ("Chinese", "data: 橘猫🐈\n\n".encode(), [("message", "橘猫🐈")]),
    ("line ends of Unicode are none", "data: a\u2028b\u0085c\x0bd\n\n".encode(), [("message", "a\u2028b\u0085c\x0bd")]),
    ("not UTF-8", b"data: a\xff\xfeb\n\n", [("message", "a\ufffd\ufffdb")]),
    ("retry", b"retry: 100\ndata: a\n\n", [("message", "a")]),
]


def events(pieces: Any) -> List[Tuple[str, str]]:
    return [(event.event, event.data) for event in read_events(iter(pieces))]


@pytest.mark.parametrize(("wire", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_standards_cases(wire: bytes, expected: Any) -> None:
    """Whole, cut in two at every byte, and byte by byte."""
    cuts = [[wire[:at], wire[at:]] for at in range(len(wire) + 1)]

    assert all(events(cut) == expected for cut in [[wire], *cuts])
    assert events([wire[at : at + 1] for at in range(len(wire))]) == expected


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\n\r\n", b"\r\n\n", b"\r\r"])
def test_an_event_is_out_with_its_last_byte(end: bytes) -> None:
    """The next piece would come late: nothing is held back for it."""
    taken: List[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(3):
            taken.append(number)
            yield b"data: %d" % number + end

    found = read_events(pieces())

    assert [(next(found).data, len(taken)) for _ in range(3)] == [("0", 1), ("1", 2), ("2", 3)]


def test_the_work_grows_with_the_bytes_only() -> None:
    """An event in many pieces is joined once; sseclient alone copies it anew at each piece."""
    piece, count = b"x" * 512, 10_000

    found = list(whole_events([b"data: ", *[piece] * count, b"\n\n"]))

    assert [len(block) for block in found] == [6 + 512 * count + 2]


def test_pieces_may_be_empty() -> None:
    assert events([b"", b"data: a", b"", b"\n", b"", b"\n", b""]) == [("message", "a")]
