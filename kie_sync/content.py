"""What a file is by its first bytes, whatever its name says.

A table of our own: filetype, the library for this, had its last release in 2022, and takes an HTML page for nothing at
all, while that is what a gateway sends in place of a picture.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Mapping, Tuple

# So many bytes are enough for each format of the table.
HEAD = 4096


@dataclass(frozen=True)
class Format:
    """A file format: what it may hold, its media type, how its files' names end, and how else catalogs call it."""

    holds: Tuple[str, ...]
    media_type: str
    suffix: str
    also: Tuple[str, ...] = ()


FORMATS: Mapping[str, Format] = {
    "png": Format(("image",), "image/png", "png"),
    "jpeg": Format(("image",), "image/jpeg", "jpg", ("jpg",)),
    "webp": Format(("image",), "image/webp", "webp"),
    "gif": Format(("image",), "image/gif", "gif"),
    "bmp": Format(("image",), "image/bmp", "bmp", ("x-ms-bmp",)),
    "tiff": Format(("image",), "image/tiff", "tiff", ("tif",)),
    "heic": Format(("image",), "image/heic", "heic", ("heif",)),
    "avif": Format(("image",), "image/avif", "avif"),
    "svg": Format(("image",), "image/svg+xml", "svg", ("svg+xml",)),
    "hdr": Format(("image",), "image/vnd.radiance", "hdr", ("vnd.radiance",)),
    # These containers hold sound alone, too, and their first bytes do not say which.
    "mp4": Format(("video", "audio"), "video/mp4", "mp4", ("m4v", "m4a")),
    "mov": Format(("video", "audio"), "video/quicktime", "mov", ("quicktime",)),
    "webm": Format(("video", "audio"), "video/webm", "webm"),
    "mkv": Format(("video", "audio"), "video/x-matroska", "mkv", ("x-matroska", "matroska")),
    "avi": Format(("video",), "video/x-msvideo", "avi", ("x-msvideo",)),
    "asf": Format(("video", "audio"), "video/x-ms-asf", "wmv", ("wmv", "wma", "x-ms-wmv", "x-ms-wma")),
    "ogg": Format(("audio", "video"), "audio/ogg", "ogg", ("oga", "ogv", "opus")),
    "mp3": Format(("audio",), "audio/mpeg", "mp3", ("mpeg", "mpga")),
    "wav": Format(("audio",), "audio/wav", "wav", ("x-wav", "wave")),
    "flac": Format(("audio",), "audio/flac", "flac", ("x-flac",)),
    "aac": Format(("audio",), "audio/aac", "aac", ("x-aac",)),
    "m4a": Format(("audio",), "audio/mp4", "m4a", ("x-m4a", "mp4")),
    "pdf": Format((), "application/pdf", "pdf"),
    "zip": Format((), "application/zip", "zip"),
    # Pages: what gateways and stores say in place of a file.
    "html": Format((), "text/html", "html", ("htm",)),
    "xml": Format((), "application/xml", "xml"),
    "json": Format((), "application/json", "json"),
}
PAGES = ("html", "xml", "json")

_STARTS: Tuple[Tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"#?RADIANCE", "hdr"),
    (b"0&\xb2u\x8ef\xcf\x11", "asf"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"fLaC", "flac"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
)
_RIFF = {b"WEBP": "webp", b"WAVE": "wav", b"AVI ": "avi"}
# The first brand of an ISO base media file; any other is a video (ISO/IEC 14496-12; mp4ra.org lists them).
_BRANDS = {
    b"qt  ": "mov",
    b"M4A ": "m4a",
    b"M4B ": "m4a",
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "heic"),
}
_OLD_MOV = (b"moov", b"mdat", b"wide", b"free", b"skip")


def format_of(head: bytes) -> str:
    """The format by a file's first `HEAD` bytes: a key of `FORMATS`; "" when none of them is seen."""
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        is_avif = brand in (b"mif1", b"msf1") and b"avif" in head[12:64]
        return "avif" if is_avif else _BRANDS.get(brand, "mp4")
    if head[4:8] in _OLD_MOV:
        return "mov"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "bmp"
    if len(head) > 1 and head[0] == 0xFF:
        # Layer III is sound in MP3; layer 0 with this sync word is AAC in ADTS.
        if head[1] & 0xE6 == 0xE2:
            return "mp3"
        if head[1] & 0xF6 == 0xF0:
            return "aac"
    return _format_of_text(head)


def _format_of_text(head: bytes) -> str:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024].lower()
    if start.startswith(b"<"):
        if b"<svg" in start:
            return "svg"
        return "html" if re.match(rb"<(!doctype html|html|head|body|title|script|!--)", start) else "xml"
    return "json" if re.match(rb'(\{\s*["}]|\[\s*["{\[\]])', start) else ""


def format_named(word: str) -> str:
    """The format that a name, a media type or a suffix stands for; "" for one that is not in the table."""
    name = word.lower().strip().lstrip(".").rpartition("/")[2]
    if name in FORMATS:
        return name
    return next((key for key, known in FORMATS.items() if name == known.suffix or name in known.also), "")


def media_type_of(name: str) -> str:
    """A format's media type."""
    return FORMATS[name].media_type if name in FORMATS else "application/octet-stream"


def is_allowed(found: str, allowed: Iterable[str]) -> bool:
    """Whether a format is among those that a catalog allows, by any of their names."""
    wanted = [word.lower().strip().lstrip(".").rpartition("/")[2] for word in allowed]
    return any(found == word or word in FORMATS[found].also or FORMATS[found].suffix == word for word in wanted)


def article(name: str) -> str:
    """The format as a message names it."""
    if name in PAGES:
        return {"html": "an HTML page", "xml": "an XML text", "json": "a JSON text"}[name]
    return f"of format {name}"
