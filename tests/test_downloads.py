from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any, List

import pytest
from wire import KEY, RawServer, Script, answer, client, http, pieces

from kie_sync import KieClient, KieImageAdapter
from kie_sync.errors import KieConnectionError, KieInputError, KieNotFoundError
from kie_sync.response import Response
from kie_sync.sandbox import Sandbox
from kie_sync.targets import safe_name
from kie_sync.transport import Lost, NeverSent

PNG = {"Content-Type": "image/png"}


def file(body: bytes = b"file", status: int = 200, **headers: str) -> Response:
    """A file as it comes, with these headers (`Content_Type` for `Content-Type`)."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, b"", named, "GET", "https://f.test", iter([body] if body else []))


def fetch(given: Any, target: Path, clock: Any, urls: Any = "https://f.test/a/1.png?x=y", **more: Any) -> List[Path]:
    return client(given if isinstance(given, Script) else Script(given), clock).download(urls, target, **more)


def names(folder: Path) -> List[str]:
    return sorted(path.name for path in folder.iterdir())


def test_to_a_file_name(tmp_path: Path, clock: Any) -> None:
    assert fetch(file(), tmp_path / "new" / "cat.png", clock) == [tmp_path / "new" / "cat.png"]
    assert ((tmp_path / "new" / "cat.png").read_bytes(), names(tmp_path / "new")) == (b"file", ["cat.png"])


@pytest.mark.parametrize(
    ("headers", "url", "name"),
    [
        ({"Content_Type": "image/png"}, "https://f/x", "result-1.png"),
        ({"Content_Type": "IMAGE/JPEG; charset=x"}, "https://f/x.png", "result-1.jpg"),
        ({"Content_Type": "video/mp4"}, "https://f/x", "result-1.mp4"),
        ({"Content_Type": "application/octet-stream"}, "https://f/x.webm?sig=a.b", "result-1.webm"),
        ({}, "https://f/x.tar.gz", "result-1.gz"),
        ({}, "https://f/x", "result-1"),
        ({}, "https://f/x.averylongsuffix", "result-1"),
        ({}, "https://f/x.%2e%2e%2fetc", "result-1"),
        ({}, "https://f/x./../../../etc/passwd", "result-1"),
    ],
)
def test_into_a_folder_the_suffix_comes_from_the_type_then_the_url(
    tmp_path: Path, clock: Any, headers: Any, url: str, name: str
) -> None:
    assert fetch(file(**headers), tmp_path, clock, url) == [tmp_path / name]


def test_several_get_numbers(tmp_path: Path, clock: Any) -> None:
    urls = ["https://f/1", "https://f/2"]

    assert fetch(Script(file(b"1"), file(b"2")), tmp_path / "cat.png", clock, urls) == [
        tmp_path / "cat-1.png",
        tmp_path / "cat-2.png",
    ]
    assert fetch(Script(file(b"1"), file(b"2")), tmp_path, clock, urls, name="m") == [
        tmp_path / "m-1",
        tmp_path / "m-2",
    ]


@pytest.mark.parametrize("has_links", [True, False], ids=["links", "no links"])
def test_nothing_is_overwritten(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch, has_links: bool) -> None:
    if not has_links:
        monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "cat.png").write_bytes(b"mine")
    (tmp_path / "cat-2.png").mkdir()
    (tmp_path / "cat-3.png").symlink_to(tmp_path / "nowhere")

    assert fetch(file(), tmp_path / "cat.png", clock) == [tmp_path / "cat-4.png"]
    assert ((tmp_path / "cat.png").read_bytes(), (tmp_path / "cat-4.png").read_bytes()) == (b"mine", b"file")
    assert names(tmp_path) == ["cat-2.png", "cat-3.png", "cat-4.png", "cat.png"]


def no_links(*_: Any) -> None:
    raise OSError(95, "Operation not supported")


def full(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_rename_that_fails_leaves_nothing(tmp_path: Path, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file was left under the wanted name."""
    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "replace", full)

    with pytest.raises(OSError, match="No space left"):
        fetch(file(), tmp_path / "cat.png", clock)

    assert names(tmp_path) == []


def test_a_full_disk_leaves_nothing_and_the_connection_is_closed(tmp_path: Path, clock: Any) -> None:
    def fill() -> Any:
        yield b"some"
        raise OSError(28, "No space left on device")

    given = pieces([])
    object.__setattr__(given, "chunks", fill())

    with pytest.raises(OSError, match="No space left"):
        fetch(given, tmp_path / "cat.png", clock)

    assert (names(tmp_path), given.headers["X-Closed"]) == ([], "1")


def test_a_folder_that_cannot_be_is_found_before_anything_is_fetched(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "file").write_bytes(b"")
    script = Script(file())

    with pytest.raises(OSError):
        fetch(script, tmp_path / "file" / "cat.png", clock)

    assert (names(tmp_path), script.requests) == (["file"], [])


def test_the_file_has_the_rights_of_any_new_file(tmp_path: Path, clock: Any) -> None:
    """Reading the umask sets it for a moment, for every thread; nobody reads it any more."""
    (tmp_path / "plain").write_bytes(b"")

    fetch(file(), tmp_path / "cat.png", clock)

    assert (tmp_path / "cat.png").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("google/nano-banana-t1", "google-nano-banana-t1"),
        ("../../etc/passwd", "etc-passwd"),
        ("..", "result"),
        ("", "result"),
        ("a\\b:c*d?e", "a-b-c-d-e"),
        ("/abs", "abs"),
        (".hidden", "hidden"),
        ("a\nb\x00c", "a-b-c"),
        ("橘猫", "橘猫"),
        ("x" * 1000, "x" * 180),
        ("橘" * 1000, "橘" * 60),
    ],
)
def test_no_name_leaves_the_folder(tmp_path: Path, clock: Any, name: str, expected: str) -> None:
    assert safe_name(name) == expected
    assert fetch(file(Content_Type="image/png"), tmp_path, clock, name=name) == [tmp_path / f"{expected}-1.png"]


FRESH = {"code": 200, "msg": "success", "data": "https://fresh.test/1.png"}
NO_FRESH = {"code": 422, "msg": "url is wrong", "data": None}


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_for_a_link_that_has_expired_a_fresh_one_is_asked_for(tmp_path: Path, clock: Any, status: int) -> None:
    script = Script(file(b"gone", status), FRESH, file(b"file"))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"file"
    assert [request.url.rpartition("/")[2] for request in script.requests] == ["1.png?x=y", "download-url", "1.png"]
    assert script.requests[1].json == {"url": "https://f.test/a/1.png?x=y"}
    assert (script.keys, clock.sleeps) == ([None, KEY, None], [])


@pytest.mark.parametrize(
    ("answers", "calls", "reason"),
    [
        ([file(b"", 403), NO_FRESH], 2, "its link has expired, or is wrong, and there is no fresh one: "),
        ([file(b"", 410), FRESH, file(b"", 404)], 3, "its link has expired, or is wrong: the fresh one, too"),
    ],
)
def test_a_fresh_link_is_asked_for_once(tmp_path: Path, clock: Any, answers: Any, calls: int, reason: str) -> None:
    script = Script(*answers)

    with pytest.raises(KieNotFoundError) as caught:
        fetch(script, tmp_path / "cat.png", clock)

    assert caught.value.message.startswith(reason)
    assert (len(script.requests), names(tmp_path)) == (calls, [])
    assert caught.value.status_code == caught.value.http_status == answers[-1].status if calls == 3 else 403


def test_a_fresh_link_that_comes_last_is_still_used(tmp_path: Path, clock: Any) -> None:
    script = Script(*[Lost("reset")] * 3, file(b"", 403), FRESH, file(b"file"))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"file"


def test_without_a_key_there_is_no_fresh_link(tmp_path: Path, clock: Any) -> None:
    script = Script(file(b"", 403))

    with pytest.raises(KieNotFoundError, match="no fresh one: no API key"):
        client(script, clock, api_key=None).download("https://f.test/1.png", tmp_path)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (lambda: file(b"half", Content_Length="8"), "only in part: 4 of 8 bytes"),
        (lambda: file(b"too long", Content_Length="4"), "only in part: 8 of 4 bytes"),
        (lambda: file(b""), "the file is empty"),
        (lambda: file(b"x", 500), "HTTP 500"),
        (lambda: file(b"x", 206), "HTTP 206"),
        (lambda: pieces([b"half"], error=Lost("reset")), "only in part: reset"),
        (lambda: Lost("reset"), "reset"),
        (lambda: NeverSent("no connection"), "no connection; nothing was sent"),
    ],
    ids=["short", "long", "empty", "500", "206", "cut", "lost", "never"],
)
def test_a_file_that_does_not_come_whole_is_tried_again_then_an_error(
    tmp_path: Path, clock: Any, given: Any, reason: str
) -> None:
    """Four tries: they were multiplied with the sender's own five."""
    script = Script(*[given() for _ in range(5)])

    with pytest.raises(KieConnectionError, match=reason):
        fetch(script, tmp_path / "cat.png", clock)

    assert (len(script.requests), clock.sleeps, names(tmp_path)) == (4, [1.0, 2.0, 3.0], [])
    assert fetch(Script(given(), file()), tmp_path / "cat.png", clock) == [tmp_path / "cat.png"]
    assert (tmp_path / "cat.png").read_bytes() == b"file"


PAGES = {
    "HTML": (b"<!DOCTYPE html><p>sorry", "an HTML page"),
    "XML": (b"<Error><Code>NoSuchKey</Code></Error>", "an XML text"),
    "JSON": (b'{"code": 500}', "a JSON text"),
}


@pytest.mark.parametrize(("body", "what"), PAGES.values(), ids=PAGES)
@pytest.mark.parametrize(
    ("url", "stated"), [("https://f/1.png", ""), ("https://f/x", "image/png"), ("https://f/1.png", "text/plain")]
)
def test_a_page_in_the_place_of_a_picture_is_not_kept(
    tmp_path: Path, clock: Any, body: bytes, what: str, url: str, stated: str
) -> None:
    script = Script(*[file(body, Content_Type=stated) for _ in range(4)])

    with pytest.raises(KieConnectionError, match=f"what came is no image, but {what}"):
        fetch(script, tmp_path, clock, url)

    assert (names(tmp_path), len(script.requests)) == ([], 4)


def test_a_page_that_calls_itself_one_is_not_even_read(tmp_path: Path, clock: Any) -> None:
    def page() -> Any:
        yield from ()
        raise AssertionError("it was read")

    given = [Response(200, b"", {"Content-Type": "text/html"}, "GET", "u", page()) for _ in range(4)]

    with pytest.raises(KieConnectionError, match="an HTML page"):
        fetch(Script(*given), tmp_path, clock, "https://f/1.mp4")


def test_a_page_for_a_moment_costs_nothing(tmp_path: Path, clock: Any) -> None:
    script = Script(file(b"<html>", Content_Type="text/html"), file(b"file"))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"file"
    assert "Range" not in script.requests[1].headers


def test_a_text_is_taken_where_nothing_else_was_to_come(tmp_path: Path, clock: Any) -> None:
    assert fetch(file(b'{"a": 1}'), tmp_path, clock, "https://f/words.json") == [tmp_path / "result-1.json"]


def test_another_sort_of_file_is_kept_and_told(tmp_path: Path, clock: Any, caplog: Any) -> None:
    """It is paid, and the catalog may be wrong about it."""
    assert fetch(file(b"GIF89a...", Content_Type="video/mp4"), tmp_path, clock) == [tmp_path / "result-1.gif"]
    assert "video was to come, and what came is of format gif" in caplog.text


def part(body: bytes, begin: int, total: Any, **headers: str) -> Response:
    """An answer to a question for the rest of a file."""
    span = f"bytes {begin}-{begin + len(body) - 1}/{total}"
    return file(body, 206, Content_Range=span, Content_Length=str(len(body)), **headers)


def cut(body: bytes, length: int, **headers: str) -> Response:
    """The beginning of a file; then the connection breaks."""
    found = pieces([body], error=Lost("reset"))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(200, b"", {"Content-Length": str(length), **named}, "GET", "u", found.chunks)


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({"ETag": '"abc"', "Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT"}, '"abc"'),
        ({"ETag": 'W/"abc"', "Last_Modified": "Sun, 22 Nov 2026 00:00:00 GMT"}, "Sun, 22 Nov 2026 00:00:00 GMT"),
        ({"ETag": 'W/"abc"'}, None),
        ({}, None),
    ],
)
def test_what_was_cut_goes_on_where_it_stopped(tmp_path: Path, clock: Any, headers: Any, version: Any) -> None:
    script = Script(cut(b"0123", 8, **headers), Lost("reset"), part(b"45", 4, 8), part(b"67", 6, 8))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"01234567"
    assert [request.headers.get("Range") for request in script.requests] == [
        None, "bytes=4-", "bytes=4-", "bytes=6-",
    ]  # fmt: skip
    assert [request.headers.get("If-Range") for request in script.requests] == [None, version, version, version]
    assert {request.headers["Accept-Encoding"] for request in script.requests} == {"identity"}


@pytest.mark.parametrize(
    "answers",
    [
        [file(b"another file")],
        [part(b"34", 3, 8), file(b"another file")],
        [part(b"4567", 4, 9), file(b"another file")],
        [file(b"", 206), file(b"another file")],
        [file(b"", 416), file(b"another file")],
        [file(b"x", 500), file(b"another file")],
        [part(b"4567", 4, 8, Content_Encoding="gzip"), file(b"another file")],
    ],
    ids=["whole", "other place", "other length", "no place", "416", "500", "packed"],
)
def test_what_does_not_go_on_begins_anew(tmp_path: Path, clock: Any, answers: Any) -> None:
    script = Script(cut(b"0123", 8), *answers)

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"another file"
    assert script.requests[1].headers["Range"] == "bytes=4-"


def test_a_packed_file_is_not_gone_on_with(tmp_path: Path, clock: Any) -> None:
    script = Script(cut(b"0123", 8, Content_Encoding="gzip"), file(b"whole"))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"whole"
    assert "Range" not in script.requests[1].headers


def test_a_length_that_is_not_told_may_be_any(tmp_path: Path, clock: Any) -> None:
    script = Script(pieces([b"0123"], error=Lost("reset")), part(b"45", 4, "*"))

    assert fetch(script, tmp_path / "cat.png", clock)[0].read_bytes() == b"012345"


def test_to_a_pattern(tmp_path: Path, clock: Any) -> None:
    script = Script(file(b"\x89PNG\r\n\x1a\n1"), file(b"\xff\xd8\xff2"))
    pattern = f"{tmp_path}/{{model}}/{{task_id}}-{{n:02}}.{{ext}}"

    saved = fetch(script, pattern, clock, ["https://f/1.gif", "https://f/2.gif"], name="a/b", task_id="../t")

    assert saved == [tmp_path / "a-b" / "t-01.png", tmp_path / "a-b" / "t-02.jpg"]
    assert names(tmp_path) == ["a-b"]


def test_a_place_that_is_none_is_found_before_anything_is_fetched(clock: Any) -> None:
    script = Script(file())

    for target in ("{nosuch}", "", "/dev/null"):
        with pytest.raises(KieInputError):
            fetch(script, target, clock)  # type: ignore[arg-type]

    assert script.requests == []


@pytest.mark.parametrize("faults", [["cut*1"], ["cut*3"], ["cut*1", "no-range"], ["wrong-type*1"], ["expired*1"]])
def test_the_sandboxs_faults_of_files_are_lived_with(tmp_path: Path, clock: Any, faults: Any) -> None:
    with Sandbox(speed=1000) as sandbox, KieClient(sandbox.key, sandbox.url) as kie:
        result = KieImageAdapter(kie, "nano-banana-pro").generate("a", poll_interval=0.02)
        whole = kie.download(result.urls, tmp_path / "whole.png")[0].read_bytes()
        for fault in faults:
            sandbox.add_fault(fault)
        with KieClient(sandbox.key, sandbox.url, clock=clock) as patient:
            found = patient.download(result.urls, tmp_path / "cat.png")[0].read_bytes()

    assert found == whole and names(tmp_path) == ["cat.png", "whole.png"]
    assert sandbox.leaks == ()


@pytest.mark.parametrize("fault", ["cut", "wrong-type", "wrong-length", "expired"])
def test_a_fault_without_end_leaves_nothing(tmp_path: Path, clock: Any, fault: str) -> None:
    with Sandbox(speed=1000) as sandbox, KieClient(sandbox.key, sandbox.url, clock=clock) as kie:
        url = kie.upload(b"x" * 1000)
        sandbox.add_fault(fault)
        with pytest.raises((KieConnectionError, KieNotFoundError)):
            kie.download(f"{url}.png" if fault == "wrong-type" else url, tmp_path / "cat.png")

    assert names(tmp_path) == []


def test_a_large_file_does_not_fill_the_memory(tmp_path: Path, clock: Any) -> None:
    given = Response(200, b"", {}, "GET", "u", (bytes(65536) for _ in range(400)))
    kie = client(Script(given), clock)
    kie.connection  # noqa: B018  (what is made at the first call shall not count)
    tracemalloc.start()
    saved = kie.download("https://f/1.png", tmp_path / "big.png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert (saved[0].stat().st_size, peak < 2_000_000) == (400 * 65536, True)


def test_what_can_never_be_fetched_is_tried_once(tmp_path: Path, clock: Any) -> None:
    script = Script(NeverSent("cannot be sent", is_final=True))

    with pytest.raises(KieConnectionError):
        fetch(script, tmp_path / "cat.png", clock)

    assert len(script.requests) == 1


def test_a_packed_file_may_be_longer_than_its_length_says(tmp_path: Path, clock: Any) -> None:
    assert fetch(file(b"unpacked", Content_Length="4", Content_Encoding="gzip"), tmp_path / "a", clock)
    assert fetch(answer(b"whole"), tmp_path / "b", clock)[0].read_bytes() == b"whole"


def test_nothing_to_save(tmp_path: Path, clock: Any) -> None:
    with pytest.raises(KieInputError, match="no file to save"):
        fetch(Script(file()), tmp_path, clock, [])


def test_a_file_over_a_real_socket_goes_without_the_key_across_a_redirect(tmp_path: Path) -> None:
    body = b"\x89PNG" + b"x" * 300_000
    with (
        RawServer(http(body, headers=PNG)) as other,
        RawServer(http(b"", "302 Found", {"Location": f"{other.url}/f"})) as server,
        client(base_url=server.url) as kie,
    ):
        saved = kie.download(f"{server.url}/1", tmp_path)

    assert (saved[0].name, saved[0].read_bytes()) == ("result-1.png", body)
    assert [b"Authorization" in request for request in [*server.requests, *other.requests]] == [False, False]


def test_a_cut_body_over_a_real_socket(tmp_path: Path, clock: Any) -> None:
    with RawServer(http(b"half", length=8)) as server, pytest.raises(KieConnectionError, match="only in part"):
        client(clock=clock).download(server.url, tmp_path)

    assert (len(server.requests), names(tmp_path)) == (4, [])
