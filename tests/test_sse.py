"""The cases of the EventSource standard (WHATWG HTML, "Server-sent events"), each cut in every way."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, Iterable, Iterator, List, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kie_sync.sse import read_events, whole_events

BOM = b"\xef\xbb\xbf"
Events = List[Tuple[str, str]]


def data(*texts: str) -> Events:
    """Events of no type of their own."""
    return [("message", text) for text in texts]


# Bytes, and (type, data) of what is dispatched. `id` and `retry` go no further: nothing here ever connects again.
CASES: List[Tuple[str, bytes, Events]] = [
    # the standard's own examples
    ("example: three messages",
        b"data: first.\n\ndata: second\ndata: line\n\ndata: x\n\n",
        data("first.", "second\nline", "x")),
    ("example: types",
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
        [("add", "73857293"), ("remove", "2153")]),
    ("example: stock", b"data: YHOO\ndata: +2\ndata: 10\n\n", data("YHOO\n+2\n10")),
    ("example: four blocks",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        data("first event", "second event", " third event")),
    ("example: empty data", b"data\n\ndata\ndata\n\ndata:", data("", "\n")),
    ("example: space after the colon", b"data:test\n\ndata: test\n\n", data("test", "test")),
    # byte order mark
    ("mark", BOM + b"data: a\n\n", data("a")),
    ("mark twice: the second is part of a field's name", BOM + BOM + b"data: a\n\ndata: b\n\n", data("b")),
    ("mark before a comment", BOM + b": c\ndata: a\n\n", data("a")),
    ("mark before a blank line", BOM + b"\ndata: a\n\n", data("a")),
    ("mark before CR", BOM + b"\r\ndata: a\r\n\r\n", data("a")),
    ("mark later in the stream", b"data: 1\n\n" + BOM + b"data: 2\n\ndata: 3\n\n", data("1", "3")),
    ("mark inside data", b"data: " + BOM + b"a\n\n", data("\ufeffa")),
    ("mark alone", BOM, []),
    ("half a mark, then data", BOM[:2] + b"data: a\n\ndata: b\n\n", data("b")),
    ("half a mark alone", BOM[:2], []),
    ("mark of UTF-16", b"\xff\xfedata: a\n\ndata: b\n\n", data("b")),
    # line ends
    ("LF", b"data: a\n\ndata: b\n\n", data("a", "b")),
    ("CRLF", b"data: a\r\n\r\ndata: b\r\n\r\n", data("a", "b")),
    ("CR", b"data: a\r\rdata: b\r\r", data("a", "b")),
    ("LF, blank CRLF", b"data: a\n\r\ndata: b\n\r\n", data("a", "b")),
    ("CRLF, blank LF", b"data: a\r\n\ndata: b\r\n\n", data("a", "b")),
    ("CR, blank LF is one line end", b"data: a\r\ndata: b\r\r", data("a\nb")),
    ("LF, blank CR", b"data: a\n\rdata: b\n\r", data("a", "b")),
    ("CR, blank CRLF", b"data: a\r\r\ndata: b\r\r\n", data("a", "b")),
    ("CRLF, blank CR", b"data: a\r\n\rdata: b\r\n\r", data("a", "b")),
    ("each line its own end", b"event: e\rdata: a\r\ndata: b\ndata: c\r\n\r\n", [("e", "a\nb\nc")]),
    ("LF CR LF CR", b"data: a\n\r\n\rdata: b\n\n", data("a", "b")),
    ("line ends of Unicode are none",
        "data: a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei\n\n".encode(),
        data("a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\x1dh\x1ei")),
    # blank lines, comments, keep-alives
    ("nothing", b"", []),
    ("blank lines only", b"\n\r\n\r\n\n", []),
    ("many blank lines between", b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", data("a", "b")),
    ("a comment for each event", b":\n\ndata: a\n\n: ping\n\ndata: b\n\n", data("a", "b")),
    ("a comment inside an event", b"data: a\n: OPENROUTER PROCESSING\ndata: b\n\n", data("a\nb")),
    ("a comment glued to an event", b": ping\ndata: a\n\n", data("a")),
    ("a comment that looks like data", b":data: a\n\ndata: b\n\n", data("b")),
    ("a comment before a blank CR", b":\r\rdata: a\r\r", data("a")),
    # fields
    ("no colon", b"data\n\n", data("")),
    ("no colon, between lines", b"data: a\ndata\ndata: b\n\n", data("a\n\nb")),
    ("no space", b"data:a\n\n", data("a")),
    ("one space goes, not two", b"data:   a \n\n", data("  a ")),
    ("a tab stays", b"data:\ta\n\n", data("\ta")),
    ("only a space", b"data: \n\n", data("")),
    ("two spaces", b"data:  \n\n", data(" ")),
    ("colons in the value", b"data: a:b::c\n\n", data("a:b::c")),
    ("a value that begins with a colon", b"data::a\n\n", data(":a")),
    ("data twice, empty", b"data:\ndata:\n\n", data("\n")),
    ("a line that ends in line feeds", b"data: a\ndata:\ndata:\n\n", data("a\n\n")),
    ("unknown fields", b"foo: bar\nbaz\ndata: 1\nDATA: 2\nDat\xc3\xa4: 3\n\n", data("1")),
    ("names with spaces are unknown", b" data: 1\ndata : 2\n\ndata: 3\n\n", data("3")),
    ("longer and shorter names", b"datax: 1\ndat: 2\neventual: 3\ndata: 4\n\n", data("4")),
    ("a line of spaces", b"data: 1\n   \ndata: 2\n\n", data("1\n2")),
    # types
    ("named", b"event: error\ndata: x\n\n", [("error", "x")]),
    ("named after the data", b"data: x\nevent: add\n\n", [("add", "x")]),
    ("the last name counts", b"event: a\nevent: b\ndata: x\n\n", [("b", "x")]),
    ("a name taken back", b"event: a\nevent\ndata: x\n\nevent: a\nevent:\ndata: y\n\n", data("x", "y")),
    ("the name does not stay", b"event: add\ndata: 1\n\ndata: 2\n\n", [("add", "1"), ("message", "2")]),
    ("nor that of an event without data", b"event: ping\n\ndata: 1\n\n", data("1")),
    ("a name's spaces", b"event:  add \ndata: 1\n\n", [(" add ", "1")]),
    ("a name of no ASCII", "event: 事件\ndata: 橘猫🐈\n\n".encode(), [("事件", "橘猫🐈")]),
    # id and retry
    ("id", b"id: 1\ndata: a\n\nid\ndata: b\n\n", data("a", "b")),
    ("id alone", b"id: 7\n\ndata: a\n\n", data("a")),
    ("id with NUL", b"id: 1\x002\ndata: a\n\n", data("a")),
    ("retry in digits", b"retry: 100\n\nretry: 100\ndata: a\n\n", data("a")),
    ("retry in no digits", b"retry: 1s\ndata: a\n\nretry\ndata: b\n\nretry: \xd9\xa3\ndata: c\n\n", data(*"abc")),
    # bytes
    ("NUL", b"data: a\x00b\n\n\x00data: c\n\nevent: \x00\ndata: d\n\n", [("message", "a\x00b"), ("\x00", "d")]),
    ("not UTF-8", b"data: a\xff\xfeb\n\n", data("a\ufffd\ufffdb")),
    ("not UTF-8, in a name", b"event: \xff\ndata: a\n\n", [("\ufffd", "a")]),
    ("a character cut by the line's end", b"data: \xe2\x82\ndata: \xf0\x9f\x90\n\n", data("\ufffd\n\ufffd")),
    ("a surrogate, and too long a form",
        b"data: \xed\xa0\x80|\xc0\xaf|\xf4\x90\x80\x80\n\n",
        data("\ufffd\ufffd\ufffd|\ufffd\ufffd|\ufffd\ufffd\ufffd\ufffd")),
    ("the replacement as it came", "data: \ufffd\n\n".encode(), data("\ufffd")),
    ("unit separators, as our own folding uses them",
        b"data: \x1f0\ndata: \x1f1\x1f\nevent: \x1f0\n\n\x1fdata: b\n\n",
        [("\x1f0", "\x1f0\n\x1f1\x1f")]),
    ("unit separators, blank lines, no data", b"\n\n\x1f\n\nevent: \x1f\n\n\n\ndata: a\x1f\n\n", data("a\x1f")),
    ("unit separators, every form of a field",
        b"event: a\nevent:b\ndata\ndata:\x1f\ndata:  c\n: d\n\nevent: a\nevent\ndata: \x1f\n\n",
        [("b", "\n\x1f\n c"), ("message", "\x1f")]),
    # the end
    ("no blank line", b"data: a\n\ndata: b\n", data("a")),
    ("no line end", b"data: a\n\ndata: b", data("a")),
    ("cut in its JSON", b'data: a\n\ndata: {"a"', data("a")),
    ("cut in a CRLF: its CR ends the line", b"data: a\r\n\r", data("a")),
    ("cut after one CR", b"data: a\r\n\r\ndata: b\r", data("a")),
    ("cut in a character", b"data: a\n\ndata: \xe6\xa9", data("a")),
    ("a comment at the end", b"data: a\n\n: bye", data("a")),
]  # fmt: skip


def events(pieces: Iterable[bytes]) -> Events:
    return [(event.event, event.data) for event in read_events(iter(pieces))]


def cut(wire: bytes, size: int) -> List[bytes]:
    return [wire[at : at + size] for at in range(0, len(wire), size)]


@pytest.mark.parametrize(("wire", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_standards_cases(wire: bytes, expected: Events) -> None:
    """Whole, cut in two at every byte (with nothing between, too), and in pieces of 1, 2, 3 and 5 bytes."""
    in_two = [[wire[:at], b"", wire[at:]] for at in range(len(wire) + 1)]
    cuts = [[wire], *in_two, *(cut(wire, size) for size in (1, 2, 3, 5))]

    found = {tuple(pieces): events(pieces) for pieces in cuts}

    assert {pieces: got for pieces, got in found.items() if got != expected} == {}


def as_the_standard_says(wire: bytes) -> Events:
    """Its sections "Parsing" and "Interpreting an event stream" word by word, with the whole stream at hand."""
    text = wire.decode("utf-8", "replace")
    text = text[1:] if text.startswith("\ufeff") else text
    *lines, _ = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found: Events = []
    buffer = kind = ""
    for line in lines:
        if not line:
            if buffer:
                found.append((kind or "message", buffer[:-1]))
            buffer = kind = ""
            continue
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            kind = value
        elif name == "data":
            buffer += value + "\n"
    return found


def test_the_table_and_the_standards_words_agree() -> None:
    assert [(name, as_the_standard_says(wire)) for name, wire, _ in CASES] == [(name, want) for name, _, want in CASES]


WORDS = b"data|data: a|event|id|retry|:| |\n|\n\n|\r|\r\n|\x1f|\x1f0|\x00|\xe6\xa9|\xef\xbb\xbf".split(b"|")
WIRES = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=3)), max_size=30).map(b"".join)


@given(WIRES, st.lists(st.integers(0, 60), max_size=8))
def test_any_bytes_in_any_pieces_are_read_as_the_standard_says(wire: bytes, places: List[int]) -> None:
    edges = [0, *sorted(place for place in places if place < len(wire)), len(wire)]

    assert events(wire[start:end] for start, end in zip(edges, edges[1:])) == as_the_standard_says(wire)


@pytest.mark.parametrize("wire", [case[1] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_an_event_is_out_with_its_last_byte(wire: bytes, size: int) -> None:
    """The next piece would come late: nothing is held back for it."""
    taken = 0

    def come() -> Iterator[bytes]:
        nonlocal taken
        for piece in cut(wire, size):
            taken += len(piece)
            yield piece

    seen = [taken for _ in read_events(come())]

    ends = [*range(size, len(wire), size), len(wire)]
    known = [(end, len(as_the_standard_says(wire[:end]))) for end in ends]
    assert seen == [next(end for end, count in known if count > number) for number in range(len(seen))]


class Counted(bytes):
    """A piece that counts how many bytes of it are looked at, or joined by hand."""

    looked_at = 0

    def _look(self, method: str, *given: Any) -> Any:
        Counted.looked_at += len(self)
        return getattr(super(), method)(*given)

    def rfind(self, *given: Any) -> int:
        return int(self._look("rfind", *given))

    def replace(self, *given: Any) -> bytes:
        return Counted(self._look("replace", *given))

    def endswith(self, *given: Any) -> bool:
        return bool(self._look("endswith", *given))

    def __contains__(self, given: Any) -> bool:
        return bool(self._look("__contains__", given))

    def __add__(self, given: Any) -> Any:
        Counted.looked_at += len(given)
        return Counted(self._look("__add__", given))

    def __radd__(self, given: Any) -> Any:
        Counted.looked_at += len(self) + len(given)
        return Counted(given + bytes(self))

    def __getitem__(self, given: Any) -> Any:
        found = self._look("__getitem__", given)
        return Counted(found) if isinstance(found, bytes) else found


MEBIBYTE = 1 << 20
BIG = {
    "one line": b"data: " + b"x" * (5 * MEBIBYTE) + b"\n\n",
    "CRLF": b"event: a\r\ndata: " + b"x" * (5 * MEBIBYTE) + b"\r\n\r\n",
    "many lines": (b"data: " + b"x" * 57 + b"\n") * (5 * MEBIBYTE // 64) + b"\n",
    "many comments": b":\n" * 100_000 + b"data: " + b"x" * (5 * MEBIBYTE) + b"\n\n",
    "not ASCII": b"data: " + "橘".encode() * (5 * MEBIBYTE // 3) + b"\n\n",
}


@pytest.mark.parametrize("name", BIG)
@pytest.mark.parametrize("size", [512, 65536])
def test_the_work_grows_with_the_bytes_only(name: str, size: int) -> None:
    """5 MB in many pieces: a byte is looked at a few times; sseclient, which copies for each line, gets few lines."""
    wire, joins = BIG[name], 0

    def watch(frame: FrameType, event: str, called: Any) -> None:
        nonlocal joins
        joins += event == "c_call" and called.__name__ == "join" and frame.f_code is whole_events.__code__

    Counted.looked_at = 0
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        blocks = list(whole_events(map(Counted, cut(wire, size))))
    finally:
        sys.setprofile(before)

    assert Counted.looked_at <= 8 * len(wire) and joins == 1
    assert len(blocks) == 1 and blocks[0].count(b"\n") * len(blocks[0]) <= 8 * len(wire)


@pytest.mark.parametrize("name", BIG)
def test_a_big_event_comes_whole(name: str) -> None:
    wire = BIG[name]

    assert events(cut(wire, 1448)) == as_the_standard_says(wire)
