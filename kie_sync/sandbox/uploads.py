"""The three uploads, and the files that came in by them. Nothing is ever fetched from another host."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import random
import re
import threading
import time
from collections import OrderedDict
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Optional, Tuple
from urllib.parse import unquote, urlsplit

from werkzeug.wrappers import Request

from .answers import Refused
from .pictures import FORMATS, Picture, encode

ACCOUNT = "100001"
_DATA_URL = re.compile(r"^data:([^;,]*)(?:;[^,]*)?,", re.IGNORECASE)
_KEPT_BYTES = 512_000_000
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"

File = Tuple[bytes, str]


class Uploads:
    """Files by their path, `kieai/<account>/<folder>/<name>`; the oldest go when there are too many bytes."""

    def __init__(self, base_url: Callable[[], str], file_at: Callable[[str], Optional[File]]) -> None:
        self._base_url, self._file_at = base_url, file_at
        self._lock = threading.Lock()
        self._files: OrderedDict[str, File] = OrderedDict()

    def file(self, path: str) -> Optional[File]:
        with self._lock:
            return self._files.get(path)

    def by_base64(self, request: Request) -> Dict[str, Any]:
        fields = fields_of(request)
        text = _text(fields, "base64Data")
        head = _DATA_URL.match(text)
        try:
            data = base64.b64decode(text[head.end() :] if head else text, validate=True)
        except (binascii.Error, ValueError) as err:
            raise Refused(400, "base64Data is not valid Base64") from err
        return self._keep(fields, data, head[1] if head else "", "")

    def by_stream(self, request: Request) -> Dict[str, Any]:
        sent = request.files.get("file")
        if sent is None:
            raise Refused(400, "file is required")
        fields = {name: request.form[name] for name in request.form}
        # The sent file's own name gives nothing but its ending.
        return self._keep(fields, sent.read(), sent.mimetype or "", sent.filename or "")

    def by_url(self, request: Request) -> Dict[str, Any]:
        fields = fields_of(request)
        url = _text(fields, "fileUrl")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise Refused(400, "fileUrl must be a valid URL")
        path, base = unquote(parts.path), self._base_url()
        if url.startswith(base + "/"):
            found = self._file_at(path)
            if found is None:
                raise Refused(400, "Failed to download the file from the given URL")
            data, content_type = found
        else:
            data, content_type = _made_up(url, mimetypes.guess_type(path, strict=False)[0] or "image/png")
        return self._keep(fields, data, content_type, path)

    def _keep(self, fields: Dict[str, Any], data: bytes, content_type: str, origin: str) -> Dict[str, Any]:
        folder = _text(fields, "uploadPath").strip("/")
        name = str(fields.get("fileName") or "")
        if not name:
            own = re.search(r"\.\w{1,5}$", origin)
            ending = own[0] if own else mimetypes.guess_extension(content_type) or ""
            name = f"{int(time.time() * 1000)}-{''.join(random.choices(_LETTERS, k=11))}{ending}"
        if ".." in folder.split("/") or "/" in name or name in ("", ".", ".."):
            raise Refused(400, "uploadPath or fileName is not valid")
        path = f"kieai/{ACCOUNT}/{folder}/{name}"
        kind = mimetypes.guess_type(name, strict=False)[0] or content_type or "application/octet-stream"
        with self._lock:
            self._files[path] = (data, kind)
            self._files.move_to_end(path)
            while sum(len(kept) for kept, _ in self._files.values()) > _KEPT_BYTES and len(self._files) > 1:
                self._files.popitem(last=False)
        return {
            "success": True,
            "fileName": name,
            "filePath": path,
            "downloadUrl": f"{self._base_url()}/{path}",
            "fileSize": len(data),
            "mimeType": kind,
            "uploadedAt": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }


def fields_of(request: Request) -> Dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        Refused: there is none.
    """
    fields = request.get_json(force=True, silent=True)
    if not isinstance(fields, dict):
        raise Refused(400, "The request body must be a JSON object")
    return fields


def _made_up(url: str, content_type: str) -> File:
    """What stands for another host's file: a sandbox reaches no network."""
    if not content_type.startswith("image/"):
        return url.encode("utf-8"), content_type
    named = content_type.partition("/")[2]
    picture = Picture(url, "made up by the sandbox", (512, 512), named if named in FORMATS else "png")
    return encode(picture), content_type


def _text(fields: Dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip("/ "):
        raise Refused(400, f"{name} is required")
    return value
