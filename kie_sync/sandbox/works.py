"""From an accepted task to its files: what is to be drawn, and bytes made when first asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from decimal import Decimal, InvalidOperation
from typing import Any, Dict, Mapping, Tuple

from ..definitions import Model
from .clips import Clip, encode_sound, encode_video
from .faults import texts_in, without_faults
from .pictures import FORMATS, Picture, encode, ratio_of, side_of, size_of
from .tasks import Task

# Videos are small whatever was asked: this many pixels on the geometric mean is 640 x 360.
VIDEO_SIDE = 480
MOST_FILES = 16
_KEPT_BYTES = 64_000_000

File = Tuple[bytes, str]


def words_of(values: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """The prompt, or all texts of the scenes; without faults asked for."""
    prompt = values.get("prompt")
    if isinstance(prompt, str):
        return without_faults(prompt)
    parts = [text for text in texts_in(given) if "://" not in text and (" " in text or len(text) > 12)]
    scenes = [text for name, value in given.items() if isinstance(value, list) for text in texts_in(value)]
    return without_faults("\n".join(text for text in scenes or parts if "://" not in text))


def number_of(value: Any, default: float) -> float:
    """A number out of a value such as 15, "15" or "15s"; the default where there is none."""
    try:
        number = float(Decimal(str(value).strip().rstrip("s")))
    except InvalidOperation:
        return default
    return number if number > 0 else default


def ending_of(model: Model, values: Mapping[str, Any]) -> str:
    """How the result files' names end; nothing for a model that makes no files."""
    if model.result == "image":
        asked = str(values.get("output_format", "png")).lower()
        return FORMATS[asked][1] if asked in FORMATS else "png"
    return {"video": "mp4", "audio": "wav"}.get(model.result, "")


def count_of(model: Model, values: Mapping[str, Any]) -> int:
    """How many files: the count parameter of the model's price, or the one named count."""
    named = [price.count.parameter for price in model.prices if price.count and price.count.parameter]
    value = values.get(named[0] if named else "count", 1)
    return min(max(int(number_of(value, 1)), 1), MOST_FILES)


def make(task: Task, number: int) -> File:
    """One result file of a task, and its content type."""
    ratio = ratio_of(str(task.values.get("aspect_ratio", "16:9" if task.result == "video" else "1:1")))
    if task.result == "image":
        size = size_of(ratio, side_of(str(task.values.get("resolution", "1K"))))
        caption = f"{task.model}  {size[0]}×{size[1]}  {task.ending.upper()}"
        if task.files > 1:
            caption += f"  {number} / {task.files}"
        return encode(Picture(task.words, caption, size, task.ending, number)), FORMATS[task.ending][2]
    seconds = number_of(task.values.get("duration"), 5.0)
    if task.result == "video":
        size = size_of(ratio, VIDEO_SIDE)
        caption = f"{task.model}  {size[0]}×{size[1]}  {seconds:g} s"
        return encode_video(Clip(task.words, caption, size, seconds)), "video/mp4"
    return encode_sound(task.words, seconds), "audio/wav"


class Works:
    """Result files, made when first asked for; the ones not asked for longest are forgotten, and can be made again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: Dict[Tuple[str, int], threading.Lock] = {}
        self._files: OrderedDict[Tuple[str, int], File] = OrderedDict()
        self._size = 0

    def file(self, task: Task, number: int) -> File:
        """The file and its content type."""
        key = (task.id, number)
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        # Asked for twice at once, it is made once, while other files are handed out.
        with making:
            with self._lock:
                found = self._files.get(key)
            if found is None:
                found = make(task, number)
                self._keep(key, found)
        with self._lock:
            self._making.pop(key, None)
            if key in self._files:
                self._files.move_to_end(key)
        return found

    def _keep(self, key: Tuple[str, int], file: File) -> None:
        with self._lock:
            self._size += len(file[0]) - len(self._files.get(key, (b"", ""))[0])
            self._files[key] = file
            while self._size > _KEPT_BYTES and len(self._files) > 1:
                _, (forgotten, _) = self._files.popitem(last=False)
                self._size -= len(forgotten)
