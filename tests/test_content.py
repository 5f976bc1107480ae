"""Formats by content: files that Pillow and ffmpeg wrote, and first bytes of others."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest
from PIL import Image

from kie_sync.content import FORMATS, HEAD, format_named, format_of, is_allowed, media_type_of


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "bmp", "tiff"])
def test_pictures_by_pillow(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, kind)

    assert format_of(file.getvalue()[:HEAD]) == kind


@pytest.mark.parametrize(
    ("name", "found"),
    [("a.mp4", "mp4"), ("a.mov", "mov"), ("a.webm", "webm"), ("a.mkv", "mkv"), ("a.avi", "avi"), ("a.wmv", "asf"),
     ("s.mp3", "mp3"), ("s.wav", "wav"), ("s.ogg", "ogg"), ("s.flac", "flac"), ("s.aac", "aac"), ("s.m4a", "m4a")],
)  # fmt: skip
def test_videos_and_sounds_by_ffmpeg(tmp_path: Path, name: str, found: str) -> None:
    source = "sine=duration=0.2" if name.startswith("s.") else "color=size=64x64:duration=0.2:rate=10"
    codec = ["-c:a", "aac"] if name in ("s.aac", "s.m4a") else []
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", source, *codec, str(tmp_path / name)]
    subprocess.run(words, check=True)

    assert format_of((tmp_path / name).read_bytes()[:HEAD]) == found


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"ID3\x04rest", "mp3"),
        (b"\xff\xfb\x90\x00", "mp3"),
        (b"\xff\xf1\x50\x80", "aac"),
        (b"%PDF-1.7", "pdf"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "avif"),
        (b"\0\0\0\x20ftypavif", "avif"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"RIFF\0\0\0\0OTHR", ""),
        (b"BM in a text", ""),
        (b"\xff\xfeu\0t\0f\0", ""),
        (b"PK\x03\x04", "zip"),
        (b"  \n<!DOCTYPE html><html>", "html"),
        (b"\xef\xbb\xbf<html>", "html"),
        (b'<?xml version="1.0"?><Error/>', "xml"),
        (b'<?xml version="1.0"?><svg xmlns="x"/>', "svg"),
        (b'{"code": 404}', "json"),
        (b"[]", "json"),
        (b"[Verse] la la", ""),
        (b"{not json", ""),
        (b"file", ""),
        (b"", ""),
    ],
)
def test_by_their_first_bytes(head: bytes, found: str) -> None:
    assert format_of(head) == found


@pytest.mark.parametrize(
    ("word", "name"),
    [("jpg", "jpeg"), ("image/jpeg", "jpeg"), (".PNG", "png"), ("audio/mpeg", "mp3"), ("video/quicktime", "mov"),
     ("x-wav", "wav"), ("htm", "html"), ("tif", "tiff"), ("obj", ""), ("", "")],
)  # fmt: skip
def test_other_names_of_a_format(word: str, name: str) -> None:
    assert format_named(word) == name


@pytest.mark.parametrize(
    ("found", "allowed", "fits"),
    [
        ("jpeg", ["JPG", "png"], True),
        ("jpeg", ["image/jpeg"], True),
        ("gif", ["jpeg", "png"], False),
        # A sound alone in an MP4 file often has the brand of a video.
        ("mp4", ["m4a"], True),
        ("m4a", ["mp3"], False),
        ("asf", ["wma"], True),
        ("heic", ["heif"], True),
    ],
)
def test_what_a_catalog_allows(found: str, allowed: list[str], fits: bool) -> None:
    assert is_allowed(found, allowed) is fits


def test_every_format_of_the_shipped_catalog_is_known(catalog: object) -> None:
    """Else a file of it could not be told by its content."""
    models = catalog.values()  # type: ignore[attr-defined]
    named = {word for model in models for parameter in model.parameters.values() for word in parameter.formats}

    assert named and {word for word in named if not format_named(word)} == set()


def test_media_types() -> None:
    assert (media_type_of("png"), media_type_of("")) == ("image/png", "application/octet-stream")
    assert all(format_named(known.suffix) for known in FORMATS.values())
