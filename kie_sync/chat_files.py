"""Files in a conversation: read once, put into the request where they are small, and uploaded where they are not.

A path in a message must be a `Path`: messages are often written by somebody else, and their text must not read files.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

from .content import FORMATS, media_type_of
from .definitions import Model
from .errors import Problem
from .file_sources import LocalFile, Unreadable, is_local, open_local
from .local_files import Staged, placeholder_of
from .messages import with_media
from .shapes.media import medium_at
from .values import show

# As text in the request a file grows by a third, and the whole conversation is sent again with each turn.
MOST_INLINE = 1_000_000
# Where there is nowhere to upload to, all must go along: Google takes requests of up to 20 MB (ai.google.dev).
MOST_WITHOUT_UPLOAD = 10_000_000
_NAMES = {"image": "pictures", "video": "videos", "audio": "sounds", "pdf": "PDF files"}


def stage_messages(model: Model, messages: List[Any], media: Any, *, under: Optional[Path] = None) -> Staged:
    """The conversation with a data URL or a placeholder in the place of each local file; nothing is sent.

    Args:
        messages: mappings; a part's URL may be a `Path`, bytes, an open file or a picture.
        media: what else the last message shows: one of those, a URL, or text that leads to a file; or a list of them.
        under: the folder that paths must lead into.
    """
    stager = _Stager(model, under)
    shown = [stager.medium(value, f"media[{place}]") for place, value in enumerate(_listed(media))]
    said = [stager.message(message, f"messages[{place}]") for place, message in enumerate(messages)]
    return Staged({"messages": with_media(said, shown)}, stager.files, tuple(stager.problems))


def _listed(media: Any) -> List[Any]:
    if media is None:
        return []
    return list(media) if isinstance(media, (list, tuple)) else [media]


class _Stager:
    def __init__(self, model: Model, under: Optional[Path]) -> None:
        self.model, self.under = model, under
        self.can_upload = "upload_stream" in model.endpoint.provider.paths
        self.files: Dict[str, LocalFile] = {}
        self.problems: List[Problem] = []

    def message(self, message: Any, where: str) -> Any:
        content = message.get("content") if isinstance(message, Mapping) else None
        if not isinstance(content, (list, tuple)):
            return message
        parts = [self.part(part, f"{where}.content[{place}]") for place, part in enumerate(content)]
        return {**message, "content": parts}

    def part(self, part: Any, where: str) -> Any:
        image = part.get("image_url") if isinstance(part, Mapping) and part.get("type") == "image_url" else None
        if image is None:
            return part
        url = image.get("url") if isinstance(image, Mapping) else image
        where = f"{where}.image_url.url"
        if isinstance(url, str) and "://" not in url and url[:5].lower() != "data:":
            text = f"{where} must be a URL; got {show(url)}; a local file is given as Path(...), or with media="
            self.problems.append(Problem("file", where, text))
            return part
        taken = self.medium(url, where)
        return {**part, "image_url": {**image, "url": taken} if isinstance(image, Mapping) else {"url": taken}}

    def medium(self, value: Any, where: str) -> Any:
        """A URL, or what stands for a local file."""
        if isinstance(value, str) and ("://" in value or value[:5].lower() == "data:"):
            medium = medium_at(value)
            self.check_kind(medium.kind if medium.media_type else "", where)
            return value
        if not is_local(value):
            text = f"{where} must be a URL, a path, bytes, an open file or a picture; got {show(value)}"
            self.problems.append(Problem("file", where, text))
            return value
        try:
            file = open_local(value, under=self.under)
        except Unreadable as error:
            self.problems.append(Problem("file", where, f"{where} {error}"))
            return ""
        return self.file(file, where)

    def file(self, file: LocalFile, where: str) -> str:
        kind = "pdf" if file.format == "pdf" else next(iter(FORMATS[file.format].holds), "") if file.format else ""
        if not kind:
            text = f"{where} must be a picture, a video, a sound or a PDF file; {file.name} is none, by its content"
            self.problems.append(Problem("formats", where, text))
            return ""
        self.check_kind(kind, where)
        most = MOST_INLINE if self.can_upload else MOST_WITHOUT_UPLOAD
        if file.size <= most and (kind == "image" or not self.can_upload):
            data = base64.b64encode(b"".join(file.blocks())).decode("ascii")
            return f"data:{media_type_of(file.format)};base64,{data}"
        if not self.can_upload:
            text = f"{where} may have at most {most:,} bytes here; {file.name} has {file.size:,}"
            hint = f"{self.model.endpoint.provider.title} takes no uploads here: give a URL"
            self.problems.append(Problem("max_mb", where, f"{text}; {hint}"))
            return ""
        placeholder = placeholder_of(file)
        self.files.setdefault(placeholder, file)
        return placeholder

    def check_kind(self, kind: str, where: str) -> None:
        allowed = self.model.media
        if kind and allowed and kind not in allowed:
            looked = ", ".join(_NAMES[name] for name in allowed if name in _NAMES) or "text only"
            text = f"{where}: this model does not take {_NAMES[kind]}; it takes: {looked}"
            self.problems.append(Problem("media", where, text))
