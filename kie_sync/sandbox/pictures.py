"""Pictures as a model would make them: the asked ratio, resolution and format, with the prompt drawn in."""

from __future__ import annotations

import colorsys
import hashlib
import io
import re
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Tuple

from PIL import Image, ImageDraw

from .lettering import write

# What the word of a format means: Pillow's name, the file's ending, the content type.
FORMATS = {
    "png": ("PNG", "png", "image/png"),
    "jpg": ("JPEG", "jpg", "image/jpeg"),
    "jpeg": ("JPEG", "jpeg", "image/jpeg"),
    "webp": ("WEBP", "webp", "image/webp"),
}

Size = Tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """What to draw: the words, a small line below them, and how large."""

    words: str
    caption: str
    size: Size
    format: str = "png"
    number: int = 1


def ratio_of(word: str) -> Fraction:
    """Width to height, from `16:9`, `portrait`, `landscape_4_3`, `1024x768`...; anything else is square."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*[:_x*/]\s*(\d+(?:\.\d+)?)", word.lower())
    ratio = Fraction(1)
    if found and Fraction(found[1]) > 0 and Fraction(found[2]) > 0:
        ratio = Fraction(found[1]) / Fraction(found[2])
    elif re.search("portrait|vertical", word.lower()):
        ratio = Fraction(9, 16)
    elif re.search("landscape|horizontal", word.lower()):
        ratio = Fraction(16, 9)
    if "portrait" in word.lower() and ratio > 1:
        ratio = 1 / ratio
    # A strip of one pixel serves nobody.
    return min(max(ratio, Fraction(1, 8)), Fraction(8))


def size_of(ratio: Fraction, side: float) -> Size:
    """Even width and height in just this ratio, nearest to `side` on the geometric mean."""
    wide, high = ratio.numerator, ratio.denominator
    unit = round(side / sqrt(wide * high) / 2) * 2
    if unit < 2:
        height = max(2, round(side / sqrt(float(ratio)) / 2) * 2)
        return max(2, round(height * float(ratio) / 2) * 2), height
    return wide * unit, high * unit


def side_of(resolution: str) -> float:
    """Pixels on the geometric mean: `2K` is 2048, `1080p` 1080 lines of 16:9, otherwise 1024; at most 4096."""
    kilo = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[kK]\s*", resolution)
    lines = re.fullmatch(r"\s*(\d{3,4})\s*[pP]?\s*", resolution)
    side = float(kilo[1]) * 1024 if kilo else float(lines[1]) * 4 / 3 if lines else 1024.0
    return min(max(side, 64.0), 4096.0)


def gradient(words: str, size: Size) -> Image.Image:
    """A soft background whose colours follow from the words; dark enough for white letters."""
    digest = hashlib.sha256(words.encode("utf-8", "replace")).digest()
    seed = Image.new("RGB", (3, 3))
    for place in range(9):
        hue = digest[0] / 255 + (digest[place + 1] / 255 - 0.5) * 0.34
        light = 0.40 + 0.42 * digest[place + 11] / 255
        color = colorsys.hsv_to_rgb(hue % 1, 0.45 + 0.35 * digest[place + 21] / 255, light)
        seed.putpixel((place % 3, place // 3), (int(color[0] * 255), int(color[1] * 255), int(color[2] * 255)))
    return seed.resize(size, Image.Resampling.BICUBIC)


def draw(picture: Picture) -> Image.Image:
    """The picture, before it is written in a format."""
    width, height = picture.size
    image = gradient(f"{picture.words} {picture.number}", picture.size)
    short, canvas = min(picture.size), ImageDraw.Draw(image, "RGBA")
    # Whole pixels: parts of a translucent frame would overlap at fractions, and show.
    margin, footer = int(short * 0.06), int(short * 0.09)
    frame = (margin, margin, width - margin, height - margin - footer)
    canvas.rounded_rectangle(frame, radius=int(short * 0.04), fill=(0, 0, 0, 56))
    inner = (frame[0] + margin, frame[1] + margin, frame[2] - margin, frame[3] - margin)
    write(canvas, picture.words or "(no prompt)", inner, largest=max(12, short // 8), smallest=max(9, short // 50))
    write(
        canvas,
        picture.caption,
        (margin, height - margin - footer * 0.7, width - margin, height - margin * 0.5),
        largest=max(9, short // 36),
        smallest=8,
    )
    return image


def encode(picture: Picture) -> bytes:
    """The picture as a file."""
    kind = FORMATS[picture.format][0]
    file = io.BytesIO()
    if kind == "PNG":
        # A 4K picture takes seconds at the usual level.
        draw(picture).save(file, kind, compress_level=1)
    else:
        draw(picture).save(file, kind, quality=88, **({"method": 0} if kind == "WEBP" else {}))
    return file.getvalue()
