"""Catalog files: read one, and the files that it includes; what cannot be read is told and left out."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Iterable, List, Optional, Tuple

from .catalog_stored import digest
from .catalog_versions import modernise
from .errors import CatalogProblem, KieCatalogError, KieConfigError
from .yaml_faults import entry_at
from .yamlfile import YamlList, YamlMap, mark_at, merge, read_yaml

# After so many faults of YAML in one file, the rest of it is left.
_MOST_FAULTS = 30


class Unread(CatalogProblem):
    """A fault for which an entry, or a whole file, could not be read."""


def unread(problems: Iterable[CatalogProblem]) -> str:
    """The files that could not be read, as the end of a sentence about something that was not found."""
    files = sorted({problem.file for problem in problems if isinstance(problem, Unread)})
    return f" (not read, because of faults: {', '.join(files)})" if files else ""


@dataclass
class Sources:
    """What was read: the patterns of `include`, and each file's name below the first one's folder, with its digest."""

    patterns: List[str] = field(default_factory=list)
    files: List[Tuple[str, str]] = field(default_factory=list)


def read_with_includes(
    entry: Any, shown: str, folder: Any, sources: Optional[Sources] = None
) -> Tuple[YamlMap, List[CatalogProblem]]:
    """One catalog file and what it includes, merged; and what could not be read. `sources` is filled.

    Raises:
        KieConfigError: the file itself cannot be read.
    """
    problems: List[CatalogProblem] = []
    sources = Sources() if sources is None else sources
    root = _read_one(entry, shown, problems, sources, entry.name)
    merged = root
    patterns = root.get("include")
    sources.patterns += [str(pattern) for pattern in patterns] if isinstance(patterns, YamlList) else []
    for position, pattern in enumerate(patterns if isinstance(patterns, YamlList) else []):
        mark = mark_at(root, ("include", position))
        problem = partial(CatalogProblem, mark.file, mark.line, mark.column, "include")
        try:
            files = _find_included(folder, str(pattern))
        except (OSError, ValueError) as error:
            problems.append(problem(f"{pattern} cannot be read: {error}"))
            continue
        if not files and "*" not in str(pattern):
            problems.append(problem(f"there is no file {pattern} beside this file or below it"))
        for name, file in files:
            if name == entry.name:
                continue
            try:
                path = f"{shown.rpartition('/')[0]}/{name}" if "/" in shown else name
                part = _read_one(file, path, problems, sources, name)
            except KieConfigError as error:
                problems.append(problem(error.message))
                continue
            if "include" in part:
                inner = mark_at(part, ("include",), key=True)
                message = "an included file cannot include others; list them in the first file"
                problems.append(CatalogProblem(inner.file, inner.line, inner.column, "include", message))
            _drop_repeated(part, merged, problems)
            merged = merge(merged, part)
    return merged, problems


def _drop_repeated(part: YamlMap, merged: YamlMap, problems: List[CatalogProblem]) -> None:
    """A model, or a base, that stands in two files of one set counts as it stands in the first."""
    for section, what in (("models", "model"), ("bases", "base")):
        mine, known = part.get(section), merged.get(section)
        if not (isinstance(mine, YamlMap) and isinstance(known, YamlMap)):
            continue
        for name in [name for name in mine if name in known]:
            mark, first = mine.key_marks[name], known.key_marks[name]
            message = f"this {what} stands in {first.file}:{first.line} already, and counts as it stands there"
            problems.append(CatalogProblem(mark.file, mark.line, mark.column, name, message))
            del mine[name]


def _read_all_that_can_be(text: str, shown: str, problems: List[CatalogProblem]) -> Any:
    """A file without the entries that are no YAML; each is told, and takes no other one with it."""
    readable = text
    for _ in range(_MOST_FAULTS):
        slips: List[CatalogProblem] = []
        try:
            root = read_yaml(readable, shown, slips)
        except KieCatalogError as error:
            (problem,) = error.problems
            problems.append(Unread(**vars(_named(text, problem))))
            entry = entry_at(readable, problem.line - 1)
            if entry is None:
                return YamlMap()
            # Empty lines in its place, so that all that follows stands where it stood.
            lines = readable.split("\n")
            lines[entry.first : entry.end] = [""] * (entry.end - entry.first)
            readable = "\n".join(lines)
            continue
        problems.extend(_named(text, problem) for problem in slips)
        return root
    return YamlMap()


def _named(text: str, problem: CatalogProblem) -> CatalogProblem:
    """A fault of YAML with the entry that it stands in. What stands twice counts as it stands first."""
    entry = entry_at(text, problem.line - 1)
    if entry is None:
        return problem
    is_model = entry.section == "models"
    if entry.first == problem.line - 1 and "stands twice" in problem.message:
        return replace(problem, path=entry.name)
    path = entry.name if is_model else f"{entry.section}.{entry.name}"
    return replace(problem, path=path, model=entry.name if is_model else "")


def _find_included(folder: Any, pattern: str) -> List[Tuple[str, Any]]:
    parts = PurePosixPath(pattern).parts
    if not parts or pattern.startswith("/") or ".." in parts:
        return []
    here = [("", folder)]
    for part in parts:
        here = [
            (f"{prefix}/{child.name}".lstrip("/"), child)
            for prefix, parent in here
            if parent.is_dir()
            for child in sorted(parent.iterdir(), key=lambda child: str(child.name))
            if fnmatch.fnmatchcase(child.name, part)
        ]
    return here


def _read_one(file: Any, shown: str, problems: List[CatalogProblem], sources: Sources, name: str) -> YamlMap:
    try:
        data = file.read_bytes()
        sources.files.append((name, digest(data)))
        text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        problems.append(Unread(shown, line, column, "", "the file is not UTF-8 text; save it as UTF-8"))
        return YamlMap()
    except OSError as error:
        raise KieConfigError(f"the catalog file {shown} cannot be read: {error.strerror or error}") from error
    root = _read_all_that_can_be(text, shown, problems)
    if not isinstance(root, YamlMap):
        problems.append(Unread(shown, 1, 1, "", "a catalog file is a mapping, with models: at its top"))
        return YamlMap()
    # A section with nothing in it says nothing; it does not take away what was there.
    for name in [name for name, value in root.items() if value is None]:
        del root[name]
    problems.extend(modernise(root))
    return root
