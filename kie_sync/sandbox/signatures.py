"""Signatures as makers put on thoughts: they go back unaltered with the answer of a function, or are refused.

A signature proves itself: a digest of what it belongs to, and a seal on that digest. An id of a call says whether
the call was given with a signature, so that a missing one is noticed without any memory of the call.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

_SECRET = b"kie-sync sandbox"
_DIGEST = 16
_SEAL = 8


def sign(content: str) -> str:
    """The signature of a text; always the same."""
    digest = _digest(content)
    return base64.b64encode(digest + _seal(digest)).decode("ascii")


def is_genuine(signature: Any) -> bool:
    """Whether this came from a sandbox, whatever it belongs to."""
    # Bytes in Google's JSON may come in either alphabet of base64; its own client sends the other one.
    text = signature.replace("-", "+").replace("_", "/") if isinstance(signature, str) else ""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _DIGEST + len(_seal(b"")) and hmac.compare_digest(raw[_DIGEST:], _seal(raw[:_DIGEST]))


def fits(signature: Any, content: str) -> bool:
    """Whether it is the signature of this very text."""
    return isinstance(signature, str) and hmac.compare_digest(signature.encode("utf-8"), sign(content).encode("ascii"))


def signed_id(seed: str, shape: str) -> str:
    """24 hex digits of a call that carries a signature of this shape."""
    stem = hashlib.sha256(seed.encode("utf-8")).hexdigest()[: 24 - _SEAL]
    return stem + _seal(f"{stem}/{shape}".encode("ascii")).hex()[:_SEAL]


def is_signed_id(call_id: Any, shape: str) -> bool:
    """Whether a sandbox gave a call this id, together with a signature of this shape: others know nothing of it."""
    text = str(call_id).rpartition("_")[2]
    seal = _seal(f"{text[:-_SEAL]}/{shape}".encode("utf-8", "replace")).hex()[:_SEAL]
    return len(text) == 24 and hmac.compare_digest(text[-_SEAL:].encode("utf-8", "replace"), seal.encode())


def _digest(content: str) -> bytes:
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]


def _seal(digest: bytes) -> bytes:
    return hmac.new(_SECRET, digest, hashlib.sha256).digest()
