"""Whether the files that a catalog was read from still say what they said then.

Asked at every start, so it imports nothing that is heavy.
"""

from __future__ import annotations

import os

from .catalog_stored import digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence


def is_unchanged(first: str, patterns: Sequence[str], known: Sequence[Sequence[str]]) -> bool:
    """Whether a file, and what it includes, are the files that were read then, with what stood in them.

    Args:
        first: the path of the file that includes the others.
        patterns: what its `include` named.
        known: each file's name below the first one's folder, and its digest, in the order of reading.

    Raises:
        OSError: a file or a folder cannot be read.
    """
    folder, name = os.path.split(first)
    names = [name]
    for pattern in patterns:
        names += [found for found in list_included(folder, pattern) if os.path.basename(found) != name]
    return [(name, digest_of(os.path.join(folder, name))) for name in names] == [(name, was) for name, was in known]


def list_included(folder: str, pattern: str) -> List[str]:
    """The files that a pattern of `include` means, as `catalog_files` finds them."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts or pattern.startswith("/") or ".." in parts:
        return []
    from fnmatch import fnmatchcase

    found = [""]
    for part in parts:
        found = [
            f"{above}/{name}".lstrip("/")
            for above in found
            if os.path.isdir(os.path.join(folder, above))
            for name in sorted(os.listdir(os.path.join(folder, above)))
            if fnmatchcase(name, part)
        ]
    return found


def digest_of(file: str) -> str:
    """The digest of what stands in a file."""
    with open(file, "rb") as stream:
        return digest(stream.read())
