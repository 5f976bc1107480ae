"""The catalog that all others are laid over: read, and checked, once for as long as its files stay as they are.

A user's file may be read many times in a process (`catalog import` and `catalog price` look at what they would write
before they write it; a service may have a catalog for each of its customers); the many files below it need not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, List, Optional

from .catalog_files import Sources, read_with_includes
from .catalog_sources import is_unchanged
from .errors import CatalogProblem
from .yamlfile import YamlMap


@dataclass
class Shipped:
    """What the files of a catalog say.

    Attributes:
        alone: the catalog of them, with nothing laid over it.
        is_sound: whether each entry was checked, and nothing was found.
    """

    entry: Any
    root: YamlMap
    problems: List[CatalogProblem]
    sources: Sources = field(default_factory=Sources)
    alone: Any = None
    is_sound: bool = False


_last: Optional[Shipped] = None


def read_shipped(entry: Any, folder: Any) -> Shipped:
    """The catalog of a file and what it includes; as it was read last where nothing has changed since.

    Raises:
        KieConfigError: the file cannot be read.
    """
    global _last
    if _last is not None and _last.entry == entry and _is_current(_last):
        return _last
    sources = Sources()
    root, problems = read_with_includes(entry, entry.name, folder, sources)
    _last = Shipped(entry, root, problems, sources)
    return _last


def _is_current(known: Shipped) -> bool:
    # What is inside an archive is no file with a path; it is read each time.
    try:
        return isinstance(known.entry, Path) and is_unchanged(
            str(known.entry), known.sources.patterns, known.sources.files
        )
    except OSError:
        return False
