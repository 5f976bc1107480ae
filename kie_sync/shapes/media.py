"""What a part of a message shows: text, or a file of some kind."""

from __future__ import annotations

import mimetypes
from typing import Any, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit


class Medium(NamedTuple):
    """A file that a message shows: by URL, or as base64 text where `data` is not empty. Its type may be unknown: ""."""

    url: str
    media_type: str
    data: str = ""

    @property
    def kind(self) -> str:
        """`image`, `video`, `audio` or `pdf`; an unknown type counts as a picture, as OpenAI's word for it says."""
        kind = self.media_type.partition("/")[0]
        return "pdf" if self.media_type == "application/pdf" else kind if kind in ("video", "audio") else "image"


def medium_of(part: Any) -> Optional[Medium]:
    """The file in an `image_url` part, which may be of any kind; None in any other part."""
    if not isinstance(part, Mapping) or part.get("type") != "image_url":
        return None
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, Mapping) else image
    return medium_at(url) if isinstance(url, str) else None


def medium_at(url: str) -> Medium:
    """The file behind a URL or in a data URL, by its type or by the end of its name."""
    head, comma, data = url.partition(",")
    if url.startswith("data:") and comma and head.endswith(";base64"):
        return Medium(url, head[len("data:") : -len(";base64")].partition(";")[0], data)
    return Medium(url, mimetypes.guess_type(urlsplit(url).path)[0] or "")


def text_of(content: Any) -> str:
    """The text of a message's content."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, (list, tuple)) else ()
    return "\n".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping) and "text" in part)
