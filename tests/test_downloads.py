from __future__ import annotations

import os
import tracemalloc
from pathlib import Path
from typing import Any, List

import pytest
from wire import KEY, RawServer, Script, answer, client, http, pieces

from kie_sync.errors import KieAPIError, KieConnectionError, KieInputError, KieNotFoundError
from kie_sync.targets import safe_name
from kie_sync.response import Response
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


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_link_that_has_expired(tmp_path: Path, clock: Any, status: int) -> None:
    script = Script(file(b"gone", status))

    with pytest.raises(KieNotFoundError, match=r"client\.download_url") as caught:
        fetch(script, tmp_path / "cat.png", clock)

    assert (caught.value.status_code, caught.value.http_status, len(script.requests), names(tmp_path)) == (
        status,
        status,
        1,
        [],
    )


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


UPLOADED = {"success": True, "code": 200, "msg": "ok", "data": {"downloadUrl": "https://temp/x.png"}}


def test_an_upload_over_a_real_socket_is_exact(tmp_path: Path) -> None:
    source = tmp_path / 'a "b"\n.png'
    source.write_bytes(bytes(range(256)) * 3000)
    with RawServer(http(UPLOADED)) as server, client(base_url=server.url) as kie:
        url = kie.upload(source)

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    boundary = head.split(b"boundary=")[1].split(b"\r\n")[0]
    parts = body.split(b"--" + boundary)
    stored = parts[2].split(b"\r\n\r\n")[1].strip()
    assert (url, head.split(b"\r\n")[0]) == ("https://temp/x.png", b"POST /api/file-stream-upload HTTP/1.1")
    assert f"Authorization: Bearer {KEY}".encode() in head and b"Transfer-Encoding" not in head
    assert parts[1] == b'\r\nContent-Disposition: form-data; name="uploadPath"\r\n\r\nkie-sync\r\n'
    assert len(stored) == 36 and stored.endswith(b".png")
    assert parts[3] == (
        b'\r\nContent-Disposition: form-data; name="file"; filename="a-b-.png"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n"
        + source.read_bytes() + b"\r\n"
    )  # fmt: skip
    assert parts[4] == b"--\r\n"


def test_uploads_go_to_their_own_host_under_ever_new_names(tmp_path: Path, clock: Any) -> None:
    source = tmp_path / "a.verylongsuffix"
    source.write_bytes(b"x")
    script = Script(Lost("reset"), UPLOADED, {"code": 200, "data": {"fileUrl": "https://temp/y"}})
    kie = client(script, clock)

    assert [kie.upload(source), kie.upload(str(source))] == ["https://temp/x.png", "https://temp/y"]
    assert {request.url for request in script.requests} == {"https://kieai.redpandaai.co/api/file-stream-upload"}
    bodies = [b"".join(request.body) for request in script.requests]
    assert (len(script.requests), len(set(bodies))) == (3, 2) and all(b"suffix\r\n" not in body for body in bodies)
    assert [len(body) for body in bodies] == [len(request.body) for request in script.requests]


def test_an_upload_does_not_fill_the_memory(tmp_path: Path, clock: Any) -> None:
    source = tmp_path / "big"
    with source.open("wb") as big:
        big.truncate(20_000_000)

    def read(request: Any) -> Response:
        assert sum(map(len, request.body)) == len(request.body) > 20_000_000
        return answer(UPLOADED)

    kie = client(Script(read), clock)
    kie.connection  # noqa: B018  (what is made at the first call shall not count)
    tracemalloc.start()
    kie.upload(source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 4_000_000


def test_what_is_no_file_is_not_uploaded(tmp_path: Path, clock: Any) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(KieInputError, match="there is no file"):
            client(Script(UPLOADED), clock).upload(path)


@pytest.mark.parametrize("body", [{"code": 200}, {"code": 200, "data": {"downloadUrl": 7}}, {"code": 401, "msg": "no"}])
def test_an_upload_without_a_url_is_an_error(tmp_path: Path, clock: Any, body: Any) -> None:
    (tmp_path / "a").write_bytes(b"x")

    with pytest.raises(KieAPIError):
        client(Script(body), clock).upload(tmp_path / "a")
