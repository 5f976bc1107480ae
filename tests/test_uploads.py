"""Uploads: each content once while it lives, in constant memory, and only for a call that is made."""

from __future__ import annotations

import base64
import io
import json
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from PIL import Image
from wire import CREATED, KEY, RawServer, Script, answer, client, http, success

from kie_sync import KieClient, KieImageAdapter
from kie_sync.errors import KieAPIError, KieBudgetError, KieConnectionError, KieInputError, KieServerError
from kie_sync.events import TaskSubmitting
from kie_sync.records import Record
from kie_sync.response import Response
from kie_sync.sandbox import Sandbox
from kie_sync.transport import Lost

EDIT, PRO = "google/nano-banana-edit", "nano-banana-pro"
UPLOADED = {"success": True, "code": 200, "msg": "ok", "data": {"downloadUrl": "https://temp/x.png"}}
GIF = b"GIF89a" + b"x" * 20


def png(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(file, "PNG")
    return file.getvalue()


class Notes:
    """A journal that knows nothing but uploads, and what it is told to have found."""

    def __init__(self, record: Optional[Record] = None) -> None:
        self.uploads: Dict[Any, Any] = {}
        self.record = record

    def __call__(self, event: Any) -> None:
        pass

    def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
        return self.record

    def find_task(self, task_id: str) -> Optional[Record]:
        return None

    def find_upload(self, *, account: str, content: str) -> Optional[str]:
        return self.uploads.get((account, content), (None, 0))[0]

    def keep_upload(self, *, account: str, content: str, url: str, lives_s: float) -> None:
        self.uploads[account, content] = (url, lives_s)

    def release(self, record: Record) -> None:
        pass


class Platform:
    """A transport that takes uploads and creates, and numbers the uploads."""

    def __init__(self, *before: Any) -> None:
        self.before = list(before)
        self.uploads: List[bytes] = []
        self.creates: List[Any] = []
        self.lock = threading.Lock()

    def __call__(self, request: Any, *, key: Any, timeout_s: Any) -> Response:
        if "upload" not in request.url:
            if request.method == "GET":
                return answer(success())
            self.creates.append(request.json["input"])
            return answer(CREATED)
        body = b"".join(request.body)
        with self.lock:
            if self.before:
                raise self.before.pop(0)
            self.uploads.append(body)
            return answer({"code": 200, "data": {"downloadUrl": f"https://up/{len(self.uploads)}"}})


def adapter(platform: Any, clock: Any, model: str = PRO, **settings: Any) -> KieImageAdapter:
    return KieImageAdapter(client(platform, clock, **settings), model)


# Among arguments


def test_each_content_goes_up_once_and_urls_take_the_places(tmp_path: Path, clock: Any, caplog: Any) -> None:
    (tmp_path / "cat.png").write_bytes(png())
    platform = Platform()
    pro = adapter(platform, clock)

    with caplog.at_level("INFO", logger="kie_sync"):
        made = pro.submit("a", images=[tmp_path / "cat.png", png(), "https://x/y.png", png("blue")])
        pro.submit("b", images=str(tmp_path / "cat.png"))

    assert platform.creates == [
        {"prompt": "a", "image_input": ["https://up/1", "https://up/1", "https://x/y.png", "https://up/2"]},
        {"prompt": "b", "image_input": ["https://up/1"]},
    ]
    assert "upload.invalid" in made.arguments["images"][0]
    assert f"uploaded cat.png ({len(png())} bytes) to KIE.ai as https://up/1" in caplog.text
    assert "cat.png is uploaded already, as https://up/1" in caplog.text and KEY not in caplog.text


def test_an_upload_is_used_again_while_it_surely_lives(clock: Any) -> None:
    """Plan on a day, with an hour for the task that gets the URL last."""
    platform = Platform()
    pro = adapter(platform, clock)

    for moment in (0, 22.9, 0.2, 1):
        clock.time += moment * 3600
        pro.submit("a", images=png())

    assert [create["image_input"] for create in platform.creates] == [
        ["https://up/1"], ["https://up/1"], ["https://up/2"], ["https://up/2"],
    ]  # fmt: skip


def test_another_account_or_client_uploads_anew(clock: Any) -> None:
    platform = Platform()

    for key in ("a-key-of-one", "a-key-of-another", "a-key-of-one"):
        adapter(platform, clock, api_key=key).submit("a", images=png())

    assert len(platform.uploads) == 3


def test_a_journal_remembers_uploads_between_clients(clock: Any) -> None:
    platform, journal = Platform(), Notes()

    for _ in range(2):
        adapter(platform, clock, journal=journal).submit("a", images=png())

    assert len(platform.uploads) == 1 and platform.creates[0] == platform.creates[1]
    assert list(journal.uploads.values()) == [("https://up/1", 23 * 3600.0)]


def test_a_sandboxs_uploads_are_not_taken_for_the_platforms(clock: Any) -> None:
    platform, journal = Platform(), Notes()

    for base_url in ("http://127.0.0.1:1", "http://127.0.0.1:2", None, "http://127.0.0.1:1"):
        adapter(platform, clock, journal=journal, base_url=base_url).submit("a", images=png())

    assert len(platform.uploads) == 3


def test_many_threads_with_the_same_content_upload_it_once(clock: Any) -> None:
    platform = Platform()
    pro = adapter(platform, clock)
    barrier = threading.Barrier(8)

    def submit(number: int) -> None:
        barrier.wait()
        pro.submit(str(number), images=[png(), png("blue" if number % 2 else "green")])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(submit, range(8)))

    assert (len(platform.uploads), len(platform.creates)) == (3, 8)


def test_the_memory_of_uploads_has_a_bound(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kie_sync.uploads._MOST_REMEMBERED", 4)
    kie = client(Platform(), clock)

    for number in range(20):
        KieImageAdapter(kie, PRO).submit("a", images=png(f"rgb({number}, 0, 0)"))

    assert len(kie.uploads._known) <= 4 and len(kie.uploads._locks) <= 4


def test_a_lost_upload_is_sent_again_whole(clock: Any) -> None:
    """It is free, and makes nothing twice: the name is the same."""
    platform = Platform(Lost("reset"))

    adapter(platform, clock).submit("a", images=GIF.replace(b"GIF89a", b"\x89PNG\r\n\x1a\n"))

    assert len(platform.uploads) == 1 and platform.creates[0]["image_input"] == ["https://up/1"]


def test_an_upload_that_fails_buys_nothing_and_says_which_file(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "cat.png").write_bytes(png())
    refused = {"success": False, "code": 500, "msg": "disk"}
    script = Script(refused)

    with pytest.raises(KieServerError) as caught:
        adapter(script, clock).submit("a", images=tmp_path / "cat.png")

    assert caught.value.message.startswith("cat.png could not be uploaded, and nothing was bought: ")
    assert (caught.value.model, script.creates) == (PRO, 0)


def test_a_file_that_changed_since_it_was_checked_buys_nothing(tmp_path: Path, clock: Any) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(png())
    first = tmp_path / "first.png"
    first.write_bytes(png("blue"))
    platform = Platform()

    class Changing(Platform):
        def __call__(self, request: Any, **more: Any) -> Response:
            path.write_bytes(png("green"))
            return platform(request, **more)

    with pytest.raises(KieInputError, match=r"cat\.png was changed while it was being read; nothing was bought"):
        adapter(Changing(), clock).submit("a", images=[first, path])

    assert platform.creates == []


def test_a_refused_call_uploads_nothing(tmp_path: Path, clock: Any) -> None:
    script = Script(UPLOADED)
    edit = adapter(script, clock, EDIT)

    for given in ({"images": png()}, {"prompt": "a", "images": [png(), "none.png"]}, {"prompt": "a", "images": GIF}):
        with pytest.raises(KieInputError):
            edit.submit(**given)
    with pytest.raises(KieInputError, match="no tariff"):
        edit.submit("a", images=png(), tariff="nosuch")

    assert script.requests == []


@pytest.mark.parametrize("limit", [{"max_credits": 3}, {"max_credits": 0, "key": "row-1"}])
def test_a_call_over_its_own_limit_uploads_nothing(limit: Dict[str, Any], tmp_path: Path, clock: Any) -> None:
    platform = Platform()
    edit = adapter(platform, clock, EDIT, journal=tmp_path / "journal.sqlite")

    with pytest.raises(KieBudgetError, match="nothing was sent"):
        edit.submit("a", images=png(), **limit)

    assert (platform.uploads, platform.creates) == ([], [])


def test_what_was_bought_before_uploads_nothing(clock: Any) -> None:
    platform = Platform()
    edit = adapter(platform, clock, EDIT)
    given = {"prompt": "a", "images": png()}
    call = edit.client.connection.new_call(EDIT, edit.model.endpoint, edit.submit(**given).arguments)
    record = Record("id", EDIT, "success", 0.0, digest=call.digest, task_id="t1")
    platform.uploads.clear()

    task = adapter(platform, clock, EDIT, journal=Notes(record)).submit(**given, key="row-1")
    with pytest.raises(KieInputError, match="with other arguments"):
        adapter(platform, clock, EDIT, journal=Notes(record)).submit("a", images=png("blue"), key="row-1")

    assert (task.task_id, task.record, platform.uploads) == ("t1", record, [])


def test_prepare_and_estimates_upload_nothing(tmp_path: Path, clock: Any) -> None:
    script = Script(UPLOADED)
    edit = adapter(script, clock, EDIT)

    request = edit.prepare("a", images=png())

    assert request.json["input"]["image_urls"][0].startswith("https://upload.invalid/")
    assert edit.estimate_cost(images=png()).credits == edit.estimate_cost(images="none.png").credits == 5
    assert script.requests == []


def test_a_client_may_be_confined_to_a_folder(tmp_path: Path, clock: Any) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for path in (inbox / "in.png", tmp_path / "out.png"):
        path.write_bytes(png())
    platform = Platform()
    pro = adapter(platform, clock, files_under=inbox)

    pro.submit("a", images=inbox / "in.png")
    for call in (pro.submit, pro.prepare):
        with pytest.raises(KieInputError, match="must be a file under"):
            call("a", images=[tmp_path / "out.png"])

    assert len(platform.creates) == 1


def test_a_listener_sees_the_urls_and_the_contents(clock: Any) -> None:
    told: List[Any] = []

    def refuse(event: Any) -> None:
        told.append(event)
        if isinstance(event, TaskSubmitting):
            raise KieBudgetError("no")

    with pytest.raises(KieBudgetError):
        adapter(Platform(), clock, on_event=refuse).submit("a", images=png())

    assert told[0].request.json["input"]["image_input"] == ["https://up/1"]
    assert "upload.invalid" in told[0].call.given["images"][0]


# By hand


def test_an_upload_over_a_real_socket_is_exact(tmp_path: Path) -> None:
    source = tmp_path / 'a "b"\n.jpg'
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3000)
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
        b'\r\nContent-Disposition: form-data; name="file"; filename="' + stored + b'"\r\n'
        b"Content-Type: image/png\r\n\r\n"
        + source.read_bytes() + b"\r\n"
    )  # fmt: skip
    assert parts[4] == b"--\r\n"


def test_uploads_by_hand_go_to_their_own_host_under_ever_new_names(tmp_path: Path, clock: Any) -> None:
    source = tmp_path / "a.verylongsuffix"
    source.write_bytes(b"x")
    script = Script(Lost("reset"), UPLOADED, {"code": 200, "data": {"fileUrl": "https://temp/y"}})
    kie = client(script, clock)

    assert [kie.upload(source), kie.upload(str(source))] == ["https://temp/x.png", "https://temp/y"]
    assert {request.url for request in script.requests} == {"https://kieai.redpandaai.co/api/file-stream-upload"}
    bodies = [b"".join(request.body) for request in script.requests]
    assert (len(script.requests), len(set(bodies))) == (3, 2) and all(b"suffix\r\n" not in body for body in bodies)
    assert [len(body) for body in bodies] == [len(request.body) for request in script.requests]


def test_what_was_uploaded_by_hand_is_known_to_adapters(clock: Any) -> None:
    platform = Platform()
    pro = adapter(platform, clock)

    pro.client.upload(png())
    pro.submit("a", images=png())

    assert (len(platform.uploads), platform.creates[0]["image_input"]) == (1, ["https://up/1"])


def test_as_base64(clock: Any) -> None:
    script = Script(UPLOADED)

    assert client(script, clock).upload(png(), way="base64") == "https://temp/x.png"

    sent = script.requests[0]
    assert sent.url == "https://kieai.redpandaai.co/api/file-base64-upload" and sent.body is None
    assert sent.json["base64Data"] == f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    assert (sent.json["uploadPath"], len(sent.json["fileName"]), script.keys) == ("kie-sync", 36, [KEY])


def test_as_a_url_that_the_platform_fetches(clock: Any) -> None:
    script = Script(UPLOADED)

    client(script, clock).upload("https://x/y.png", way="url")

    sent = script.requests[0]
    assert sent.url == "https://kieai.redpandaai.co/api/file-url-upload"
    assert json.loads(json.dumps(sent.json)) == {"fileUrl": "https://x/y.png", "uploadPath": "kie-sync"}


@pytest.mark.parametrize(
    ("given", "way", "told"),
    [
        (b"x", "post", 'way must be one of stream, base64, url; got "post"'),
        (b"x", "url", 'way="url" takes a URL that begins with http:// or https://'),
        ("cat.png", "url", 'way="url" takes a URL'),
        ("https://x/y.png", "stream", 'got "https://x/y.png"; way="url" has the platform fetch a URL'),
        (7, "stream", "file must be a path, bytes, an open file, a picture or a data URL; got 7"),
        ("none.png", "stream", 'file must be a file or a URL; there is no file "none.png"'),
        (b"", "stream", "file must not be empty"),
        (
            bytes(10_000_001),
            "base64",
            'file has 10,000,001 bytes, and way="base64" takes 10 MB; way="stream" takes more',
        ),
    ],
)
def test_what_cannot_be_uploaded_is_not_sent(clock: Any, given: Any, way: str, told: str) -> None:
    script = Script(UPLOADED)

    with pytest.raises(KieInputError) as caught:
        client(script, clock).upload(given, way=way)

    assert told in str(caught.value) and script.requests == []


@pytest.mark.parametrize("body", [{"code": 200}, {"code": 200, "data": {"downloadUrl": 7}}, {"code": 401, "msg": "no"}])
def test_an_upload_without_a_url_is_an_error(clock: Any, body: Any) -> None:
    with pytest.raises(KieAPIError):
        client(Script(body), clock).upload(b"x")


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


# The whole path


def test_the_path_against_the_sandbox(tmp_path: Path, sandbox: Any) -> None:
    (tmp_path / "cat.png").write_bytes(png())
    with KieClient(sandbox.key, sandbox.url) as kie:
        pro = KieImageAdapter(kie, PRO)
        result = pro.generate("a", images=[tmp_path / "cat.png", Image.new("L", (5, 5))], poll_interval=0.02)
        sent = next(task for task in sandbox.tasks if task.id == result.task_id).input["image_input"]
        fetched = kie.download(sent, f"{tmp_path}/back/")
        again = [kie.upload(png(), way=way) for way in ("stream", "base64")]

    assert fetched[0].read_bytes() == png() and fetched[1].suffix == ".png"
    assert len({*sent, *again}) == 4 and all(url.startswith(f"{sandbox.url}/kieai/") for url in (*sent, *again))
    assert sandbox.leaks == ()


def test_a_refused_upload_of_the_sandbox(clock: Any) -> None:
    with (
        Sandbox(speed=1000, faults=["upload:drop-before"]) as dropping,
        KieClient(dropping.key, dropping.url, clock=clock) as kie,
        pytest.raises(KieConnectionError, match="could not be uploaded, and nothing was bought"),
    ):
        KieImageAdapter(kie, PRO).submit("a", images=png())
    assert dropping.tasks == ()
