"""Videos (H.264 in MP4, by the encoder of a wheel) and sounds (WAV) of an asked length."""

from __future__ import annotations

import array
import hashlib
import io
import math
import os
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass
from typing import Iterator

import imageio_ffmpeg  # type: ignore[import-untyped, unused-ignore]  # it ships no types
from PIL import ImageDraw

from ..errors import KieConfigError
from .lettering import font, write
from .pictures import Size, gradient

FRAMES_PER_SECOND = 8
LONGEST_S = 300.0
_RATE = 16000


@dataclass(frozen=True)
class Clip:
    """What to play: the words, a small line below them, how large and how long."""

    words: str
    caption: str
    size: Size
    seconds: float


def _frames(clip: Clip) -> Iterator[bytes]:
    """Every frame as raw RGB: a moving ball, a growing bar and the time, over the words."""
    width, height = clip.size
    still, short = gradient(clip.words, clip.size), min(clip.size)
    canvas = ImageDraw.Draw(still, "RGBA")
    margin, bar = int(short * 0.07), int(short * 0.035)
    frame = (margin, margin, width - margin, height - margin * 2 - bar * 3)
    canvas.rounded_rectangle(frame, radius=int(short * 0.04), fill=(0, 0, 0, 64))
    inner = (frame[0] + margin, frame[1] + margin, frame[2] - margin, frame[3] - margin)
    write(canvas, clip.words or "(no prompt)", inner, largest=short // 7, smallest=9)
    write(
        canvas,
        clip.caption,
        (margin, height - margin - bar * 3.6, width - margin * 5, height - margin - bar * 1.2),
        largest=max(9, short // 26),
        smallest=7,
    )
    count = max(1, round(clip.seconds * FRAMES_PER_SECOND))
    for number in range(count):
        image, done = still.copy(), (number + 1) / count
        moving = ImageDraw.Draw(image)
        top = height - margin - bar
        moving.rectangle((margin, top, width - margin, top + bar), fill=(40, 40, 40))
        moving.rectangle((margin, top, margin + (width - margin * 2) * done, top + bar), fill=(250, 204, 21))
        x = margin + (width - margin * 2) * done
        y = margin * 0.9 + abs(math.sin(number * 0.55)) * margin * 0.5
        moving.ellipse((x - bar, y - bar, x + bar, y + bar), fill=(250, 204, 21))
        moving.text(
            (width - margin, top - bar),
            f"{(number + 1) / FRAMES_PER_SECOND:.1f} s",
            font=font(max(9, short // 22)),
            fill="white",
            anchor="rs",
        )
        yield image.tobytes()


def encode_video(clip: Clip) -> bytes:
    """The clip as an MP4 that begins to play before it is all there.

    Raises:
        KieConfigError: the encoder is missing or does not run on this machine.
    """
    clip = Clip(clip.words, clip.caption, clip.size, min(max(clip.seconds, 0.25), LONGEST_S))
    # Its index is moved to the front at the end, which needs a file, not a pipe.
    with tempfile.TemporaryDirectory(prefix="kie-sandbox-") as folder:
        path, log = os.path.join(folder, "clip.mp4"), os.path.join(folder, "log")
        command = [
            _encoder(),
            "-y",
            "-v",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            f"{clip.size[0]}x{clip.size[1]}",
            "-r",
            str(FRAMES_PER_SECOND),
            "-i",
            "pipe:0",
            "-an",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "27",
            "-g",
            str(FRAMES_PER_SECOND * 2),
            "-pix_fmt",
            "yuv420p",
            "-movflags",
            "+faststart",
            path,
        ]
        with open(log, "wb") as errors:
            encoder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            assert encoder.stdin is not None
            with encoder.stdin as pipe:
                for frame in _frames(clip):
                    pipe.write(frame)
        except BrokenPipeError:
            # The encoder ended early; its log says why.
            encoder.wait()
        finally:
            status = encoder.wait()
        if status != 0:
            with open(log, encoding="utf-8", errors="replace") as text:
                raise KieConfigError(f"the sandbox's video encoder failed: {text.read().strip()[-400:]}")
        with open(path, "rb") as file:
            return file.read()


def _encoder() -> str:
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as err:
        raise KieConfigError(
            "no ffmpeg for this machine came with imageio-ffmpeg, and none is installed; "
            "install ffmpeg, or set IMAGEIO_FFMPEG_EXE to one"
        ) from err


def encode_sound(words: str, seconds: float) -> bytes:
    """A WAV of the asked length: a slow run of notes that follows from the words."""
    digest = hashlib.sha256(words.encode("utf-8", "replace")).digest()
    wanted = int(min(max(seconds, 0.25), LONGEST_S) * _RATE)
    samples = array.array("h")
    for step in range(16):
        pitch = 220.0 * 2 ** ((0, 2, 4, 7, 9, 12)[digest[step] % 6] / 12)
        length = _RATE // 2
        samples.extend(
            int(7000 * math.sin(2 * math.pi * pitch * at / _RATE) * math.sin(math.pi * at / length))
            for at in range(length)
        )
        if len(samples) >= wanted:
            break
    while len(samples) < wanted:
        samples.extend(samples[: wanted - len(samples)])
    del samples[wanted:]
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue()
