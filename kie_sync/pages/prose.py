"""Limits that a page states in words only: "max 30MB", "up to 8 images", "1-10", "supports jpeg, png".

Every figure needs a word beside it that makes a limit of it; a figure alone is none. Whatever is found here is a
guess, and is marked as one where it is used.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Dict, List, Optional, Tuple

from ..content import FORMATS, format_named

_NUMBER = r"(\d[\d,]*(?:\.\d+)?)"
_SIGNED = r"(-?\d+(?:\.\d+)?)"
_TO = r"\s*(?:-|\u2013|\u2014|~|to|and)\s*"
_MOST = (
    r"(?:max(?:imum)?|up to|at most|no more than|not exceed(?:ing)?|cannot exceed|must not exceed|not larger than"
    r"|less than or equal to|limit(?:ed)?|within|under|\u2264|<=)"
)
_THINGS = r"(?:(?:input|reference|source)\s+)*(?:image|picture|photo|video|clip|audio|file|url|item|element|shot)s?"
_CHARACTERS = r"(?:characters|chars)\b"

_LENGTHS = (
    re.compile(rf"{_NUMBER}{_TO}{_NUMBER}\s*{_CHARACTERS}", re.IGNORECASE),
    re.compile(rf"{_MOST}[^.;\d]{{0,40}}()?{_NUMBER}\s*{_CHARACTERS}", re.IGNORECASE),
    re.compile(rf"()?{_NUMBER}\s*{_CHARACTERS}\s*(?:max|or (?:less|fewer)|at most)", re.IGNORECASE),
)
_SIZE = re.compile(rf"{_NUMBER}\s*(KB|MB|GB|M)\b", re.IGNORECASE)
_SIZE_CUE = re.compile(rf"{_MOST}|size|smaller", re.IGNORECASE)
_IN_MB = {"KB": Decimal("0.001"), "MB": Decimal(1), "M": Decimal(1), "GB": Decimal(1000)}
_COUNTS = (
    re.compile(rf"{_NUMBER}{_TO}{_NUMBER}\s*{_THINGS}", re.IGNORECASE),
    re.compile(rf"{_MOST}(?: number)?(?: of)?[\s:]*()?{_NUMBER}\s*(?:different\s+)?{_THINGS}", re.IGNORECASE),
    re.compile(rf"only()? {_NUMBER} {_THINGS} (?:is|are) supported", re.IGNORECASE),
)
_SINGLE = re.compile(rf"\b(?:containing|of) a single {_THINGS}|\bonly (?:one|a single) {_THINGS}", re.IGNORECASE)
_MINMAX = re.compile(rf"\bmin(?:imum)?\s*[:=]?\s*{_SIGNED}\s*,?\s*(?:and\s+)?max(?:imum)?\s*[:=]?\s*{_SIGNED}", re.I)
_RANGE = re.compile(
    rf"\b(?:range|between|from|values?)\b[^.;\d-]{{0,25}}{_SIGNED}{_TO}{_SIGNED}|[(:]\s*{_SIGNED}{_TO}{_SIGNED}\s*[).]",
    re.IGNORECASE,
)
_SECONDS = re.compile(rf"{_NUMBER}{_TO}{_NUMBER}\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
_MOST_SECONDS = re.compile(rf"{_MOST}[^.;\d]{{0,30}}{_NUMBER}\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
_MEDIA_TYPE = re.compile(r"\b(image|video|audio)/([\w.+-]*\w)")
_WORD = re.compile(r"[A-Za-z0-9]+")
# The first that has a word keeps it: mp4 is a video here, though sounds come in such files, too.
_KNOWN: Dict[str, str] = {}
for _name, _form in FORMATS.items():
    for _word in (_name, _form.suffix, *_form.also) if _form.holds else ():
        if _word.isalnum() and _word not in ("wave", "mpeg", "matroska", "opus"):
            _KNOWN.setdefault(_word.lower(), _name)


def text_limits(words: str) -> Dict[str, Any]:
    """`min_length` and `max_length`, in characters."""
    found = _first_pair(_LENGTHS, words)
    return _named(found, "min_length", "max_length", whole=True)


def number_limits(words: str) -> Dict[str, Any]:
    """`min` and `max`."""
    match = _MINMAX.search(words) or _RANGE.search(words)
    if match is None:
        return {}
    low, high = (Decimal(figure) for figure in [part for part in match.groups() if part is not None][:2])
    return {"min": _plain(low), "max": _plain(high)} if low < high else {}


def list_limits(words: str) -> Dict[str, Any]:
    """`min_items` and `max_items`."""
    found = _first_pair(_COUNTS, words)
    if found is None and _SINGLE.search(words):
        found = (None, Decimal(1))
    return _named(found, "min_items", "max_items", whole=True)


def file_limits(words: str, sort: str) -> Dict[str, Any]:
    """`max_mb`, `formats`, and the seconds of a video or a sound; `sort` is image, video, audio or file."""
    found: Dict[str, Any] = {}
    size = _largest(words)
    if size is not None:
        found["max_mb"] = _plain(size)
    formats = formats_in(words, sort)
    if formats:
        found["formats"] = formats
    if sort in ("video", "audio"):
        span = _SECONDS.search(words)
        most = _MOST_SECONDS.search(words)
        if span:
            found["media"] = {"seconds": [_number(span[1]), _number(span[2])]}
        elif most:
            found["media"] = {"seconds": [0, _number(most[1])]}
    return found


def formats_in(words: str, sort: str) -> List[str]:
    """The file formats that are named: as media types, or as words where several stand together or one is supported."""
    typed = [_format(name, main) for main, name in _MEDIA_TYPE.findall(words) if sort in (main, "file")]
    if typed:
        return list(dict.fromkeys(typed))
    found: List[str] = []
    for word in _WORD.findall(words):
        name = _KNOWN.get(word.lower())
        if name and (sort == "file" or sort in FORMATS[name].holds):
            found.append("m4a" if word.lower() == "m4a" else name)
    is_list = re.search(r"format|support|accept|type", words, re.IGNORECASE)
    return list(dict.fromkeys(found)) if found and (is_list or len(set(found)) > 1) else []


def sorts_in(words: str) -> List[str]:
    """The sorts of media whose types are named: image, video, audio."""
    return list(dict.fromkeys(main for main, _ in _MEDIA_TYPE.findall(words)))


def _format(name: str, main: str) -> str:
    if main == "audio" and name in ("mp4", "x-m4a", "m4a"):
        return "m4a"
    return format_named(name) or name


def _largest(words: str) -> Optional[Decimal]:
    sizes = []
    for match in _SIZE.finditer(words):
        sentence = words[max(0, match.start() - 60) : match.end() + 20]
        if _SIZE_CUE.search(sentence):
            sizes.append(_decimal(match[1]) * _IN_MB[match[2].upper()])
    # Several sizes are of several sorts of files; a limit for all of them would be a wrong one.
    return sizes[0] if len(set(sizes)) == 1 else None


def _first_pair(patterns: Tuple[Any, ...], words: str) -> Optional[Tuple[Optional[Decimal], Decimal]]:
    for pattern in patterns:
        match = pattern.search(words)
        if match:
            return (_decimal(match[1]) if match[1] else None), _decimal(match[2])
    return None


def _named(
    found: Optional[Tuple[Optional[Decimal], Decimal]], low: str, high: str, *, whole: bool = False
) -> Dict[str, Any]:
    if found is None or (whole and found[1] != found[1].to_integral_value()) or (found[0] or 0) > found[1]:
        return {}
    limits = {} if found[0] is None or found[0] <= 1 else {low: _plain(found[0])}
    return {**limits, high: _plain(found[1])}


def _decimal(figure: str) -> Decimal:
    return Decimal(figure.replace(",", ""))


def _number(figure: str) -> Any:
    return _plain(_decimal(figure))


def _plain(number: Decimal) -> Any:
    return int(number) if number == number.to_integral_value() else number.normalize()
