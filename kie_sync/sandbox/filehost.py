"""The host of files: results and uploads, without a key, whole or in part, and how they go wrong on request."""

from __future__ import annotations

import hashlib
from typing import Callable, Iterator, List, Optional

from werkzeug.wrappers import Request, Response

from ..errors import KieConfigError
from .answers import Dropped, gateway_page
from .faults import HEADER, FaultBook
from .uploads import File

_TOO_LONG = 100


class FileHost:
    """Serves what `file_at` finds at a path."""

    def __init__(self, book: FaultBook, file_at: Callable[[str], Optional[File]]) -> None:
        self._book, self._file_at = book, file_at

    def serve(self, request: Request, magic: List[str]) -> Response:
        """The answer to a GET or HEAD; `magic` is what the prompt of the file's task asked for."""
        try:
            faults = self._book.take("files", header=request.headers.get(HEADER, ""), magic=magic, owner=request.path)
        except KieConfigError as err:
            return Response(str(err), status=400)
        if "expired" in faults:
            return Response("<Error><Code>AccessDenied</Code></Error>", status=403, content_type="application/xml")
        if "wrong-type" in faults:
            return gateway_page(200)
        file = self._file_at(request.path)
        if file is None:
            return Response("<Error><Code>NoSuchKey</Code></Error>", status=404, content_type="application/xml")
        data, content_type = file
        answer = Response(data, content_type=content_type)
        if "no-range" not in faults:
            answer.set_etag(hashlib.sha256(data).hexdigest()[:32])
            answer.make_conditional(request, accept_ranges=True, complete_length=len(data))
            # Werkzeug 3.0 says so on partial answers only.
            answer.headers["Accept-Ranges"] = "bytes"
        if "cut" in faults:
            body = b"".join(answer.iter_encoded())
            answer.response = _part(body, len(body) // 2)
            answer.content_length = len(body)
        elif "wrong-length" in faults:
            body = b"".join(answer.iter_encoded())
            answer.response = _part(body, len(body))
            answer.content_length = len(body) + _TOO_LONG
        return answer


def _part(body: bytes, length: int) -> Iterator[bytes]:
    yield body[:length]
    raise Dropped
