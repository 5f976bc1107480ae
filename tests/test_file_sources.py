"""Everything that may be given for a file, read once and read again."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kie_sync import file_sources
from kie_sync.file_sources import LocalFile, Unreadable, is_local, open_local

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 600
HASH = hashlib.sha256(PNG).hexdigest()


class Pipe(io.RawIOBase):
    """Bytes that can be read only once."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block, self.rest = self.rest[: min(size, 1000)], self.rest[min(size, 1000) :]
        return block


@pytest.fixture(autouse=True)
def here(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "cat.png", tmp_path / "@cat.png", home / "cat.png"):
        path.write_bytes(PNG)
    return tmp_path


GIVEN = {
    "text": lambda: "cat.png",
    "dot": lambda: "./cat.png",
    "at": lambda: "@cat.png",
    "home": lambda: "~/cat.png",
    "at home": lambda: "@~/cat.png",
    "path": lambda: Path("@cat.png"),
    "bytes": lambda: PNG,
    "bytearray": lambda: bytearray(PNG),
    "memoryview": lambda: memoryview(PNG),
    "data URL": lambda: f"data:image/jpeg;base64,{base64.b64encode(PNG).decode()}",
    "open file": lambda: io.BytesIO(PNG),
    "pipe": lambda: Pipe(PNG),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_the_same_content_is_the_same_file_however_it_is_given(given: Any) -> None:
    file = open_local(given())

    assert file == LocalFile("another name", len(PNG), HASH, "png", lambda: io.BytesIO())
    assert [b"".join(file.blocks()) for _ in range(2)] == [PNG, PNG]


def test_a_data_url_may_be_in_percent_signs() -> None:
    assert b"".join(open_local("data:,a%20b").blocks()) == b"a b"


def test_an_open_file_is_read_from_where_it_stands_and_stays_there() -> None:
    with open("cat.png", "rb") as source:
        source.seek(8)
        file = open_local(source)

        assert (source.tell(), file.name, b"".join(file.blocks()), source.tell()) == (8, "cat.png", PNG[8:], 8)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("cat.png", True), ("https://x/y", False), ("ftp://x/y", False), ("oss://x", False), ("./a://b", True),
        ("~/a://b", True), ("@https://x", True), ("/a://b", True), ("DATA:,x", True), ("", False), ("  ", False),
        (b"", True), (Path("x"), True), (7, False), (None, False), ({"a": 1}, False), (io.BytesIO(), True),
    ],
)  # fmt: skip
def test_what_is_of_this_machine(value: Any, expected: bool) -> None:
    assert is_local(value) is expected


def test_a_picture_is_written_without_loss_in_a_format_that_is_allowed() -> None:
    picture = Image.new("RGBA", (9, 9), (255, 0, 0, 128))

    files = [open_local(picture, formats=formats) for formats in ((), ("jpeg", "png"), ("webp",), ("jpg",), ("mp4",))]

    assert [file.format for file in files] == ["png", "png", "webp", "jpeg", "png"]
    assert files[0] == files[1] == open_local(picture)
    with Image.open(io.BytesIO(b"".join(files[2].blocks()))) as again:
        assert again.convert("RGBA").getpixel((4, 4)) == (255, 0, 0, 128)


def at_its_end() -> io.BytesIO:
    source = io.BytesIO(b"abc")
    source.seek(3)
    return source


def closed() -> io.BytesIO:
    source = io.BytesIO(b"abc")
    source.close()
    return source


def as_text() -> Any:
    return open("cat.png", encoding="latin-1")


class Words:
    """A file that gives text, and does not say so."""

    def read(self, size: int) -> str:
        return "text"


BAD = {
    "missing": ("none.png", 'must be a file or a URL; there is no file "none.png"'),
    "at alone": ("@", "is a folder"),
    "folder": (".", 'must be a file; "." is a folder'),
    "device": ("/dev/zero", 'must be a file; "/dev/zero" is a device or a pipe'),
    "below a file": ("cat.png/x", "cannot be read"),
    "nul": ("a\0b", "cannot be read"),
    "nobody": ("~nobody-of-this-name/x", "cannot be read"),
    "empty file": ("empty.png", "must not be empty; empty.png has no bytes"),
    "empty bytes": (b"", "must not be empty; what was given has no bytes"),
    "empty data URL": ("data:image/png;base64,", "must not be empty"),
    "broken data URL": ("data:image/png;base64,!!!", "a data URL whose Base64 is broken"),
    "no comma": ("data:image/png", "a data URL without a comma"),
    "at its end": (at_its_end, "has no bytes; it stands at byte 3: seek(0) goes to its beginning"),
    "text": (as_text, 'cat.png is open as text: open it with "rb"'),
    "gives text": (Words(), 'gives str: open it with "rb"'),
    "closed": (closed, "cannot be read"),
}


@pytest.mark.parametrize(("given", "told"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_says_so(here: Path, given: Any, told: str) -> None:
    (here / "empty.png").write_bytes(b"")
    value = given() if callable(given) else given

    with pytest.raises(Unreadable) as caught:
        open_local(value)

    assert told in str(caught.value)
    if hasattr(value, "close"):
        value.close()


def test_a_fifo_is_not_waited_for(here: Path) -> None:
    os.mkfifo(here / "pipe")

    with pytest.raises(Unreadable, match="a device or a pipe"):
        open_local("pipe")


def test_a_picture_that_cannot_be_written_says_so() -> None:
    with pytest.raises(Unreadable, match="is a picture that could not be written as jpeg"):
        open_local(Image.new("RGB", (70000, 1)), formats=("jpeg",))


def test_paths_are_confined_with_their_links_followed(here: Path) -> None:
    inbox = here / "inbox"
    (inbox / "deep").mkdir(parents=True)
    (inbox / "deep" / "in.png").write_bytes(PNG)
    (inbox / "good").symlink_to(inbox / "deep" / "in.png")
    (inbox / "bad").symlink_to(here / "cat.png")
    (here / "inbox2").mkdir()
    (here / "inbox2" / "a.png").write_bytes(PNG)
    (here / "to inbox").symlink_to(inbox)

    for path in ("inbox/deep/in.png", "inbox/good", "to inbox/good", inbox / "deep" / ".." / "good"):
        assert open_local(path, under=Path("to inbox")).sha256 == HASH
    for path in ("cat.png", "inbox/bad", "inbox/../cat.png", "inbox2/a.png", "~/cat.png", "/etc/passwd"):
        with pytest.raises(Unreadable, match="must be a file under"):
            open_local(path, under=inbox)
    assert open_local(PNG, under=inbox).sha256 == HASH


@pytest.mark.parametrize("opened", ["/proc/self/fd", "no/such/folder"])
@pytest.mark.parametrize("when", ["before it is opened", "before it is read again", "never"])
def test_a_folder_that_becomes_a_link_leads_nowhere(
    here: Path, monkeypatch: pytest.MonkeyPatch, opened: str, when: str
) -> None:
    """Between the check of a path and its opening, somebody may change a step of it."""
    for name in ("in/sub", "out"):
        (here / name).mkdir(parents=True)
        (here / name / "a.png").write_bytes(PNG)
    monkeypatch.setattr(file_sources, "_OPENED", opened)
    check, checks = file_sources._is_inside, iter([when == "before it is opened"])

    def swap() -> None:
        (here / "in" / "sub").rename(here / "in" / "old")
        (here / "in" / "sub").symlink_to(here / "out")

    def swapping(path: Path, folder: Path) -> bool:
        is_inside = check(path, folder)
        if next(checks, False):
            swap()
        return is_inside

    monkeypatch.setattr(file_sources, "_is_inside", swapping)
    if when == "before it is opened":
        with pytest.raises(Unreadable, match=r"must be a file under .*; a\.png was put in another place"):
            open_local("in/sub/a.png", under=here / "in")
        return

    file = open_local("in/sub/a.png", under=here / "in")
    if when == "never":
        assert b"".join(file.blocks()) == PNG
        return
    swap()
    with pytest.raises(Unreadable, match="was put in another place"):
        list(file.blocks())


@pytest.mark.parametrize("change", [b"", b"short", PNG + b"longer", b"x" * len(PNG)])
def test_a_file_that_changes_is_found_out(here: Path, change: bytes) -> None:
    file = open_local("cat.png")
    (here / "cat.png").write_bytes(change)
    if change.startswith(PNG):
        assert b"".join(file.blocks()) == PNG
        return

    with pytest.raises(Unreadable, match=r"cat\.png was changed while it was being read"):
        list(file.blocks())


def test_a_file_that_is_gone_or_closed_says_so(here: Path) -> None:
    source = open("cat.png", "rb")  # noqa: SIM115
    closed, gone = open_local(source), open_local("cat.png")
    source.close()
    (here / "cat.png").unlink()

    with pytest.raises(Unreadable, match=r"cat\.png was closed before it was sent"):
        list(closed.blocks())
    with pytest.raises(Unreadable, match=r"cat\.png could not be read again: No such file"):
        list(gone.blocks())


def test_a_large_file_does_not_fill_the_memory(here: Path) -> None:
    with open("big", "wb") as big:
        big.truncate(50_000_000)
    tracemalloc.start()
    for given in ("big", open("big", "rb")):  # noqa: SIM115
        size = sum(len(block) for block in open_local(given).blocks())
        if hasattr(given, "close"):
            given.close()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (size, peak < 2_000_000) == (50_000_000, True)
