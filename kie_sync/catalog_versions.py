"""The versions of the catalog's words: what was renamed, and how a file of an older version is read.

Version 2 (2026-11-22) says which way the figures of money go: `credit_usd` became `usd_per_credit`, and `usd_cny`
became `cny_per_usd`. Files of version 1 are read as before, with a warning; `catalog migrate` rewrites them.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Tuple

from .errors import CatalogProblem
from .yamlfile import YamlMap, mark_at

VERSION = 2
# Since which version, in which section, the old word and the new one.
RENAMED = ((2, "money", "credit_usd", "usd_per_credit"), (2, "money", "usd_cny", "cny_per_usd"))


def old_words(root: Mapping[str, Any]) -> Iterator[Tuple[str, str, str, int]]:
    """The words of an older version in a file: section, old word, new word, and since when it is so.

    A file that says its version is read by the words of that version; one that does not, by all of them.
    """
    version = version_of(root)
    for since, section, old, new in RENAMED:
        part = root.get(section)
        if version < since and isinstance(part, Mapping) and old in part and new not in part:
            yield section, old, new, since


def version_of(root: Mapping[str, Any]) -> int:
    """The version that a file says it is of; the first where it says none."""
    stated = root.get("schema_version", 1)
    return stated if isinstance(stated, int) and not isinstance(stated, bool) else VERSION


def modernise(root: YamlMap) -> List[CatalogProblem]:
    """Rename the old words of a file that was just read, in place; what there is to say about it."""
    problems = []
    for section, old, new, since in list(old_words(root)):
        part = root[section]
        mark = part.key_marks[old]
        part[new] = part.pop(old)
        part.key_marks[new], part.value_marks[new] = part.key_marks.pop(old), part.value_marks.pop(old)
        message = f"{old} is called {new} since version {since}; `kie-sync catalog migrate {mark.file}` changes it"
        path = f"{section}.{old}"
        problems.append(CatalogProblem(mark.file, mark.line, mark.column, path, message, is_warning=True))
    stated = root.get("schema_version")
    if isinstance(stated, int) and not isinstance(stated, bool) and 0 < stated != VERSION:
        if stated > VERSION:
            mark = mark_at(root, ("schema_version",))
            message = f"this file is of version {stated}, and this kie-sync knows up to {VERSION}; upgrade kie-sync"
            problems.append(CatalogProblem(mark.file, mark.line, mark.column, "schema_version", message))
        root["schema_version"] = VERSION
    return problems
