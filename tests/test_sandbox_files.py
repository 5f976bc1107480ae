"""The sandbox's files: pictures, videos, uploads, and how they are served."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import subprocess
import time
from contextlib import contextmanager
from fractions import Fraction

import imageio_ffmpeg
import pytest
import requests
from PIL import Image, ImageChops

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox.clips import encode_sound
from kie_sync.sandbox.lettering import fit, font, wrap
from kie_sync.sandbox.pictures import Picture, encode, ratio_of, side_of, size_of

CATALOG = read_catalog()
TASK = CATALOG["nano-banana-pro"].endpoint
PATHS = TASK.provider.paths


class Caller:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.key}"

    def url_of(self, model, **given):
        """The first result of a task."""
        url = self.sandbox.url
        created = self.session.post(url + TASK.path, json={"model": model, "input": given}, timeout=10).json()
        while True:
            query = {"taskId": created["data"]["taskId"]}
            record = self.session.get(url + TASK.status_path, params=query, timeout=10).json()["data"]
            if record["state"] == "success":
                return json.loads(record["resultJson"])["resultUrls"][0]
            time.sleep(0.005)

    def upload(self, word, **body):
        return self.session.post(self.sandbox.url + PATHS[word], timeout=10, **body).json()


@contextmanager
def calling(**settings):
    with Sandbox(**{"catalog": CATALOG, "speed": 200, **settings}) as sandbox:
        caller = Caller(sandbox)
        with caller.session:
            yield caller


@pytest.fixture()
def caller():
    with calling() as caller:
        yield caller


@pytest.mark.parametrize(
    ("given", "kind", "size", "content_type"),
    [
        ({}, "PNG", (1024, 1024), "image/png"),
        ({"aspect_ratio": "16:9", "output_format": "jpg"}, "JPEG", (1376, 774), "image/jpeg"),
        ({"aspect_ratio": "9:16", "resolution": "2K"}, "PNG", (1530, 2720), "image/png"),
        ({"aspect_ratio": "auto", "resolution": "4K"}, "PNG", (4096, 4096), "image/png"),
    ],
)
def test_pictures_have_the_asked_ratio_resolution_and_format(caller, given, kind, size, content_type):
    answer = requests.get(caller.url_of("nano-banana-pro", prompt="一只可爱的橘猫", **given), timeout=20)

    assert answer.headers["Content-Type"] == content_type
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    with Image.open(io.BytesIO(answer.content)) as image:
        image.load()
        assert (image.format, image.size) == (kind, size)


def test_a_picture_of_the_word_jpeg_is_a_jpeg_too(caller):
    url = caller.url_of("google/nano-banana", prompt="a", image_size="3:2", output_format="jpeg")

    with Image.open(io.BytesIO(requests.get(url, timeout=10).content)) as image:
        assert (url[-5:], image.format, image.size) == (".jpeg", "JPEG", (1254, 836))


def test_webp_can_be_written():
    with Image.open(io.BytesIO(encode(Picture("a", "b", (64, 64), "webp")))) as image:
        assert image.format == "WEBP"


@pytest.mark.parametrize("ratio", ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"])
@pytest.mark.parametrize("tier", ["1K", "2K", "4K"])
def test_sizes_are_exact_even_and_near_the_tier(ratio, tier):
    wide, high = size_of(ratio_of(ratio), side_of(tier))

    assert Fraction(wide, high) == ratio_of(ratio)
    assert wide % 2 == high % 2 == 0
    assert abs((wide * high) ** 0.5 / side_of(tier) - 1) < 0.03


@pytest.mark.parametrize(
    ("word", "ratio"),
    [
        ("auto", 1),
        ("square_hd", 1),
        ("portrait", Fraction(9, 16)),
        ("landscape", Fraction(16, 9)),
        ("portrait_4_3", Fraction(3, 4)),
        ("landscape_4_3", Fraction(4, 3)),
        ("1024x768", Fraction(4, 3)),
        ("2.35:1", Fraction(47, 20)),
        ("0:1", 1),
        ("1:100", Fraction(1, 8)),
    ],
)
def test_other_words_for_a_ratio_are_understood(word, ratio):
    assert ratio_of(word) == ratio


def test_a_ratio_of_large_numbers_is_met_nearly():
    wide, high = size_of(Fraction(1999, 1501), 1024)

    assert (wide % 2, high % 2) == (0, 0)
    assert abs(wide / high - 1999 / 1501) < 0.005


@pytest.mark.parametrize(("word", "side"), [("1K", 1024), ("0.5k", 512), ("8K", 4096), ("1080p", 1440), ("high", 1024)])
def test_other_words_for_a_resolution_are_understood(word, side):
    assert side_of(word) == side


@pytest.mark.parametrize("text", ["一只可爱的橘猫", "龘靐齉爩鱻麤", "龍貓とトトロ", "고양이", "Ünïcödé"])
def test_every_letter_has_a_shape_of_its_own(text):
    """The font has no empty box for any of them: each differs from a letter that no font has."""
    missing = font(40).getmask("\U000f0000").getbbox(), bytes(font(40).getmask("\U000f0000"))

    for letter in text:
        shape = font(40).getmask(letter)
        assert (shape.getbbox(), bytes(shape)) != missing


def test_the_prompt_is_drawn_and_another_prompt_looks_other():
    one, two = (Image.open(io.BytesIO(encode(Picture(words, "", (256, 256))))) for words in ("橘猫", "黑猫"))

    assert ImageChops.difference(one, two).getbbox() is not None


@pytest.mark.parametrize(
    "text", ["一只橘猫坐在窗台上，窗外下着雨。" * 30, "a lighthouse at dusk " * 60, "x" * 5000, "", "\n\n"]
)
def test_long_texts_fit_their_box(text):
    size, lines = fit(text, 400, 300, largest=80, smallest=10)

    assert len(lines) * size * 1.35 <= 300 + size * 1.35
    assert all(font(size).getlength(line) <= 400 + 2 * size for line in lines)


def test_no_line_begins_with_a_closing_mark():
    for width in range(60, 200, 7):
        lines = wrap("一只橘猫，坐在窗台上。窗外下着雨，真好。", 20, width)

        assert not any(line.startswith(("，", "。")) for line in lines)


def boxes(data, inside=()):
    """The boxes of an MP4, flat: (path, content)."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        content, path = data[at + 8 : at + size], (*inside, name.decode())
        yield ".".join(path), content
        if name in (b"moov", b"trak", b"mdia"):
            yield from boxes(content, path)
        at += max(size, 8)


def mp4_facts(data):
    """Width, height, seconds, and the order of the outer boxes."""
    found = dict(boxes(data))
    scale, length = struct.unpack(">II", found["moov.mvhd"][12:20])
    wide, high = struct.unpack(">II", found["moov.trak.tkhd"][-8:])
    return wide >> 16, high >> 16, length / scale, [name for name, _ in boxes(data) if "." not in name]


@pytest.mark.parametrize(
    ("model", "given", "facts"),
    [
        ("sora-2-text-to-video", {"prompt": "一只橘猫弹钢琴", "n_frames": "15"}, (640, 360, 15.0)),
        ("sora-2-text-to-video", {"prompt": "a cat", "aspect_ratio": "portrait"}, (360, 640, 10.0)),
        (
            "sora-2-pro-storyboard",
            {"n_frames": "25", "shots": [{"Scene": "rain over a city", "duration": 10}]},
            (640, 360, 25.0),
        ),
    ],
)
def test_videos_have_the_asked_length_and_orientation_and_play(caller, tmp_path, model, given, facts):
    began = time.monotonic()
    answer = requests.get(caller.url_of(model, **given), timeout=30)
    took = time.monotonic() - began

    assert answer.headers["Content-Type"] == "video/mp4"
    assert mp4_facts(answer.content)[:3] == facts
    order = mp4_facts(answer.content)[3]
    assert order.index("moov") < order.index("mdat"), "it does not begin to play before it is all there"
    assert took < 6
    path = tmp_path / "clip.mp4"
    path.write_bytes(answer.content)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "Video: h264" in told and "yuv420p" in told
    assert int(re.findall(r"frame=\s*(\d+)", told)[-1]) == facts[2] * 8


def test_sounds_are_of_the_asked_length():
    assert len(encode_sound("la", 20)) == 44 + 20 * 16000 * 2


def test_files_need_no_key_and_a_key_sent_along_is_a_leak(caller):
    url = caller.url_of("google/nano-banana", prompt="a")

    free = requests.get(url, timeout=10)
    leaky = caller.session.get(url, timeout=10)

    assert free.content == leaky.content
    assert [(leak.method, leak.path) for leak in caller.sandbox.leaks] == [("GET", url[len(caller.sandbox.url) :])]


def test_a_part_of_a_file_can_be_asked_for(caller):
    url = caller.url_of("google/nano-banana", prompt="a")
    whole = requests.get(url, timeout=10)

    part = requests.get(url, headers={"Range": "bytes=100-"}, timeout=10)
    past = requests.get(url, headers={"Range": "bytes=99999999-"}, timeout=10)
    head = requests.head(url, timeout=10)

    assert whole.headers["Accept-Ranges"] == "bytes"
    assert (part.status_code, part.content) == (206, whole.content[100:])
    assert part.headers["Content-Range"] == f"bytes 100-{len(whole.content) - 1}/{len(whole.content)}"
    assert past.status_code == 416
    assert (head.headers["Content-Length"], head.content) == (str(len(whole.content)), b"")


def test_a_cut_part_is_half_of_the_part(caller):
    url = caller.url_of("google/nano-banana", prompt="a")
    length = len(requests.get(url, timeout=10).content)
    headers = {"Range": "bytes=1000-", "X-Sandbox-Fault": "cut"}

    with requests.get(url, headers=headers, stream=True, timeout=10) as part:
        body = part.raw.read(10**8, decode_content=False)

    assert (part.headers["Content-Length"], len(body)) == (str(length - 1000), (length - 1000) // 2)


@pytest.mark.parametrize("path", ["/files/x", "/files/" + "0" * 32 + "/1.png", "/kieai/nothing"])
def test_there_is_no_other_file(caller, path):
    assert requests.get(caller.sandbox.url + path, timeout=10).status_code == 404


def test_a_result_is_not_there_before_the_task_is_done():
    with calling(speed=0.01) as caller:
        body = {"model": "google/nano-banana", "input": {"prompt": "a"}}
        task_id = caller.session.post(caller.sandbox.url + TASK.path, json=body, timeout=10).json()["data"]["taskId"]

        assert requests.get(f"{caller.sandbox.url}/files/{task_id}/1.png", timeout=10).status_code == 404


def test_a_download_url_is_given_for_own_results_only(caller):
    url = caller.url_of("google/nano-banana", prompt="a")

    fresh = caller.upload("download_url", json={"url": url})
    foreign = caller.upload("download_url", json={"url": "https://example.com/a.png"})

    assert requests.get(fresh["data"], timeout=10).content == requests.get(url, timeout=10).content
    assert foreign == {"code": 422, "msg": "url is wrong", "data": None}


PIXEL = encode(Picture("", "", (8, 8)))


@pytest.mark.parametrize("head", ["", "data:image/png;base64,"], ids=["bare", "data URL"])
def test_base64_can_be_uploaded(caller, head):
    text = head + base64.b64encode(PIXEL).decode()

    answer = caller.upload("upload_base64", json={"base64Data": text, "uploadPath": "cats", "fileName": "a.png"})

    assert answer == {
        "success": True,
        "code": 200,
        "msg": "File uploaded successfully",
        "data": {
            "success": True,
            "fileName": "a.png",
            "filePath": "kieai/100001/cats/a.png",
            "downloadUrl": f"{caller.sandbox.url}/kieai/100001/cats/a.png",
            "fileSize": len(PIXEL),
            "mimeType": "image/png",
            "uploadedAt": answer["data"]["uploadedAt"],
        },
    }
    assert requests.get(answer["data"]["downloadUrl"], timeout=10).content == PIXEL


def test_a_file_can_be_uploaded_and_gets_a_name_of_its_own(caller):
    data = caller.upload("upload_stream", files={"file": ("my cat.png", PIXEL)}, data={"uploadPath": "a/b"})["data"]

    assert re.fullmatch(r"\d{13}-[0-9a-z]{11}\.png", data["fileName"])
    assert data["filePath"] == f"kieai/100001/a/b/{data['fileName']}"
    assert requests.get(data["downloadUrl"], timeout=10).content == PIXEL


def test_the_same_name_overwrites(caller):
    for content in (b"one", b"two"):
        data = caller.upload(
            "upload_stream", files={"file": ("x", content)}, data={"uploadPath": "a", "fileName": "猫.txt"}
        )["data"]

    assert requests.get(data["downloadUrl"], timeout=10).text == "two"


def test_an_upload_by_url_copies_what_is_here_and_makes_up_the_rest(caller):
    mine = caller.url_of("google/nano-banana", prompt="a")

    copied, made_up, text = (
        caller.upload("upload_url", json={"fileUrl": url, "uploadPath": "a"})["data"]
        for url in (mine, "https://example.invalid/cat.jpg", "https://example.invalid/cat.txt")
    )

    assert requests.get(copied["downloadUrl"], timeout=10).content == requests.get(mine, timeout=10).content
    with Image.open(io.BytesIO(requests.get(made_up["downloadUrl"], timeout=10).content)) as image:
        assert (made_up["fileName"][-4:], made_up["mimeType"], image.format) == (".jpg", "image/jpeg", "JPEG")
    assert requests.get(text["downloadUrl"], timeout=10).text == "https://example.invalid/cat.txt"


@pytest.mark.parametrize(
    ("word", "body", "told"),
    [
        ("upload_base64", {"json": {"uploadPath": "a"}}, "base64Data is required"),
        ("upload_base64", {"json": {"base64Data": "AAAA"}}, "uploadPath is required"),
        ("upload_base64", {"json": {"base64Data": "!", "uploadPath": "a"}}, "base64Data is not valid Base64"),
        (
            "upload_base64",
            {"json": {"base64Data": "AAAA", "uploadPath": "../a"}},
            "uploadPath or fileName is not valid",
        ),
        ("upload_stream", {"data": {"uploadPath": "a"}}, "file is required"),
        ("upload_url", {"json": {"fileUrl": "cat.png", "uploadPath": "a"}}, "fileUrl must be a valid URL"),
    ],
)
def test_a_wrong_upload_is_refused(caller, word, body, told):
    assert caller.upload(word, **body) == {"success": False, "code": 400, "msg": told}


def test_an_upload_of_a_file_that_is_not_here_is_refused(caller):
    answer = caller.upload("upload_url", json={"fileUrl": f"{caller.sandbox.url}/files/x", "uploadPath": "a"})

    assert answer["code"] == 400


def test_a_part_is_sent_of_the_same_version_only(caller):
    url = caller.url_of("google/nano-banana", prompt="a")
    whole = requests.get(url, timeout=10)

    same, other = (
        requests.get(url, headers={"Range": "bytes=100-", "If-Range": version}, timeout=10)
        for version in (whole.headers["ETag"], '"other"')
    )

    assert (same.status_code, same.content) == (206, whole.content[100:])
    assert (other.status_code, other.content) == (200, whole.content)


def test_faults_of_files(caller):
    url = caller.url_of("google/nano-banana", prompt="a")
    whole = requests.get(url, timeout=10).content

    def ask(fault):
        headers = {"Range": "bytes=100-", "X-Sandbox-Fault": fault}
        return requests.get(url, headers=headers, stream=True, timeout=10)

    with ask("no-range") as answer:
        assert (answer.status_code, "ETag" in answer.headers, answer.content) == (200, False, whole)
    with ask("wrong-type") as answer:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
        assert answer.content.startswith(b"<html>")
    with ask("wrong-length") as answer:
        body = answer.raw.read(10**8, decode_content=False)
        assert (body, answer.headers["Content-Length"]) == (whole[100:], str(len(whole)))


@pytest.mark.parametrize("place", ["result", "upload"])
@pytest.mark.parametrize("way", ["authorization", "other header", "query"])
def test_a_key_anywhere_in_a_request_for_a_file_is_a_leak(place, way):
    with calling(key="a-key-of-some-length") as caller:
        url = caller.url_of("google/nano-banana", prompt="a")
        if place == "upload":
            text = base64.b64encode(PIXEL).decode()
            url = caller.upload("upload_base64", json={"base64Data": text, "uploadPath": "a"})["data"]["downloadUrl"]
        requests.get(url, timeout=10)
        assert caller.sandbox.leaks == ()

        key = caller.sandbox.key
        headers = {"authorization": {"Authorization": "Basic x"}, "other header": {"X-Goog-Api-Key": key}}.get(way, {})
        requests.get(url, params={"key": key} if way == "query" else {}, headers=headers, timeout=10)

    assert len(caller.sandbox.leaks) == 1
