"""Text on pictures: the one font (all Chinese, Japanese and Korean, and Latin), wrapped and fitted to a box."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import List, Tuple

import noto_cjk_sans_otc  # type: ignore[import-untyped, unused-ignore]  # a font, and no types
from PIL import ImageDraw, ImageFont

# The collection holds one face for each region; this one is for simplified Chinese.
_FACE = 2
# More would be unreadably small on any picture.
_LONGEST = 600
# A longer word may be broken even where it would not have to be.
_LONGEST_WORD = 24

# These never begin a line; they may stand out over its end instead.
_CLOSING = "，。、；：？！）》」』”’…,.;:?!)"

Box = Tuple[float, float, float, float]


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font at so many pixels."""
    path = resources.files(noto_cjk_sans_otc).joinpath(noto_cjk_sans_otc.FONT_FILE)
    return ImageFont.truetype(str(path), size, index=_FACE, layout_engine=ImageFont.Layout.BASIC)


def _pieces(text: str) -> List[str]:
    """Cut a paragraph where a line may break: at spaces, and beside any wide character."""
    pieces: List[str] = []
    word = ""
    for letter in text:
        if letter in _CLOSING and pieces and not word:
            pieces[-1] += letter
        elif ord(letter) >= 0x2E80:
            pieces += [word, letter] if word else [letter]
            word = ""
        elif letter == " " or len(word) >= _LONGEST_WORD:
            pieces.append(word + letter)
            word = ""
        else:
            word += letter
    return [*pieces, word] if word else pieces


def wrap(text: str, size: int, width: float) -> List[str]:
    """The lines of a text at a font size, none wider than `width` if it can be helped."""
    face, lines = font(size), []
    for paragraph in text.splitlines() or [""]:
        line = ""
        for piece in _pieces(paragraph):
            while not line and len(piece) > 1 and face.getlength(piece) > width:
                fits = max(1, int(len(piece) * width / face.getlength(piece)))
                lines.append(piece[:fits])
                piece = piece[fits:]
            if line and face.getlength((line + piece).rstrip()) > width:
                lines.append(line.rstrip())
                line = piece.lstrip()
            else:
                line += piece
        lines.append(line.rstrip())
    return lines


def fit(text: str, width: float, height: float, *, largest: int, smallest: int) -> Tuple[int, List[str]]:
    """The largest font size at which the text fits the box, and its lines; cut with `…` if none does."""
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    size = largest
    while True:
        lines = wrap(text, size, width)
        if len(lines) * size * 1.35 <= height:
            return size, lines
        if size <= smallest:
            keep = max(1, int(height / (size * 1.35)))
            return size, [*lines[: keep - 1], lines[keep - 1] + "…"]
        size = max(smallest, int(size * 0.85))


def write(
    draw: ImageDraw.ImageDraw, text: str, box: Box, *, largest: int, smallest: int = 10, fill: str = "white"
) -> None:
    """Write a text into the middle of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    size, lines = fit(text, right - left, bottom - top, largest=largest, smallest=smallest)
    y = top + (bottom - top - len(lines) * size * 1.35) / 2
    for line in lines:
        draw.text(((left + right) / 2, y + size * 0.65), line, font=font(size), fill=fill, anchor="mm")
        y += size * 1.35
