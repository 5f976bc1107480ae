"""Where results go on this machine: a file, a folder, or a pattern such as `out/{model}-{task_id}-{n}.{ext}`.

A name that comes from outside never leaves its folder, and nothing is overwritten.
"""

from __future__ import annotations

import logging
import os
import re
import string
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, TextIO, Union

from .errors import KieError, KieInputError, Problem
from .values import show

logger = logging.getLogger("kie_sync")
NAMES = ("model", "task_id", "n", "ext")
_LONGEST_NAME = 180
# Windows takes these for devices, whatever their ending (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)


def safe_name(text: str) -> str:
    """A text as part of a file's name: nothing in it leaves the folder."""
    name = re.sub(r"[^\w.-]+", "-", text).strip(".-")
    name = f"_{name}" if _DEVICES.match(name) else name
    # Folders take names of 255 bytes, and a number and a suffix are still to come.
    return name.encode()[:_LONGEST_NAME].decode("utf-8", "ignore") or "result"


@dataclass(frozen=True)
class Target:
    """A place for files, as a caller wrote it.

    Attributes:
        kind: `file`, `folder` or `pattern`.
        path: the file, the folder, or the pattern with its braces.
    """

    kind: str
    path: Path

    @property
    def folder(self) -> Path:
        """The folder that files go to; of a pattern, the part before its first name in braces."""
        if self.kind != "pattern":
            return self.path if self.kind == "folder" else self.path.parent
        plain: List[str] = []
        for part in self.path.parent.parts:
            if _fields(part):
                break
            plain.append(_filled(part, {}))
        return Path(*plain) if plain else Path()

    def path_for(self, number: int, count: int, *, model: str, task_id: str, suffix: str) -> Path:
        """Where one of `count` files goes.

        Args:
            suffix: the ending by what the file is, without a dot; a file's name keeps its own.
        """
        several = f"-{number}" if count > 1 else ""
        if self.kind == "file":
            return self.path.with_name(f"{self.path.stem}{several}{self.path.suffix}")
        ending = f".{suffix}" if suffix else ""
        if self.kind == "folder":
            return self.path / f"{safe_name('-'.join(filter(None, (model, task_id))))}-{number}{ending}"
        values = {"model": safe_name(model), "task_id": safe_name(task_id), "n": number, "ext": suffix}
        parts = [_filled(part, values) for part in self.path.parts]
        path = Path(*parts)
        return path if "n" in _fields(str(self.path)) else path.with_name(f"{path.stem}{several}{path.suffix}")

    def holds(self, path: Path, number: int, count: int, *, model: str, task_id: str) -> bool:
        """Whether a file that is there already is what this place would have got; the arguments are `path_for`'s.

        A folder takes any name right in it; a pattern its own, or with the number that keeps it off an older file.
        """
        try:
            if not path.is_file() or not path.stat().st_size:
                return False
            if self.kind == "folder":
                return path.parent.resolve() == self.path.resolve()
            if self.kind == "pattern":
                named = self.path_for(number, count, model=model, task_id=task_id, suffix=path.suffix[1:])
                is_beside = path.parent.resolve() == named.parent.resolve() and path.suffix == named.suffix
                return is_beside and re.fullmatch(rf"{re.escape(named.stem)}(-\d+)?", path.stem) is not None
            wanted, found = self.path.resolve(), path.resolve()
        except (OSError, RuntimeError, ValueError):
            return False
        ending = found.stem[len(wanted.stem) :]
        is_named = found.stem.startswith(wanted.stem) and re.fullmatch(r"(-\d+)*", ending) is not None
        return found.parent == wanted.parent and found.suffix == wanted.suffix and is_named


def parse_target(given: Union[str, Path], *, where: str = "path") -> Target:
    """A place for files, checked as far as can be without writing.

    Raises:
        KieInputError: there can be no file there, or a pattern has a name that is not known.
    """
    text = os.fsdecode(os.fspath(given))
    if not text.strip() or "\0" in text:
        raise _wrong(where, f"must be a file, a folder or a pattern; got {show(text)}")
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise _wrong(where, f"names a home that is not known: {show(text)}") from error
    if path.is_dir():
        return Target("folder", path)
    if os.path.lexists(path) and path.exists() and not path.is_file():
        raise _wrong(where, f"must be a file, a folder or a pattern; {show(text)} is a device or a pipe")
    if "{" in text or "}" in text:
        _check_pattern(text, where)
        ending = "{model}-{task_id}-{n}.{ext}" if text.endswith(("/", os.sep)) else ""
        return Target("pattern", path / ending if ending else path)
    return Target("folder" if text.endswith(("/", os.sep)) else "file", path)


def _wrong(where: str, text: str) -> KieInputError:
    return KieInputError("save", [Problem("target", where, f"{where} {text}")])


def _check_pattern(text: str, where: str) -> None:
    known = ", ".join(f"{{{name}}}" for name in NAMES)
    try:
        fields = list(string.Formatter().parse(text))
    except ValueError as error:
        raise _wrong(where, f"has a brace too many or too few: {show(text)}; a brace itself is {{{{ or }}}}") from error
    for _, name, spec, conversion in fields:
        if name is not None and name not in NAMES:
            raise _wrong(where, f"knows no {{{name}}}; there are: {known}; a brace itself is {{{{ or }}}}")
        if conversion or (spec and not (name == "n" and re.fullmatch(r"0?\d{1,2}", spec))):
            raise _wrong(where, f"takes {known}, and {{n:03}} for 001; got {show(text)}")


def _fields(text: str) -> List[str]:
    return [name for _, name, _, _ in string.Formatter().parse(text) if name]


def _filled(part: str, values: Mapping[str, object]) -> str:
    """One step of a path; what is filled in cannot make it lead elsewhere."""
    if not _fields(part):
        return part.format()
    filled = part.format_map(dict(values)).rstrip(". ")
    return "result" if filled in ("", ".", "..") else filled


def put(part: Path, target: Path) -> Path:
    """Rename to the target, or to the next free number beside it; never over a file that is there."""
    for number in range(1, 10000):
        name = target if number == 1 else target.with_name(f"{target.stem}-{number}{target.suffix}")
        try:
            # One step, and no other program can come between: a rename would write over what is there.
            os.link(part, name)
        except FileExistsError:
            continue
        except OSError:
            # Some file systems have no hard links.
            if not _rename(part, name):
                continue
        if number > 1:
            logger.info("%s exists; saving as %s", target, name)
        return name
    raise KieError(f"no free name is left for {target}")  # pragma: no cover  (ten thousand files of one name)


def _rename(part: Path, name: Path) -> bool:
    """Take the name, then rename over it; False when somebody has it."""
    try:
        name.open("x").close()
    except FileExistsError:
        return False
    try:
        os.replace(part, name)
    except BaseException:
        name.unlink()
        raise
    return True


def part_in(folder: Path) -> Path:
    """A new empty file in a folder, which is made where it is missing; it becomes the result when that is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".kie-{uuid.uuid4().hex}.part"
    part.open("xb").close()
    return part


def try_out(target: Target) -> None:
    """Write an empty file where the first file would go, and take it away again; folders made for it, too.

    Raises:
        OSError: nothing can be written there.
    """
    missing: Dict[Path, None] = {}
    folder = target.folder
    while not os.path.lexists(folder):
        missing[folder] = None
        folder = folder.parent
    try:
        part_in(target.folder).unlink()
    finally:
        for made in missing:
            # Somebody may have put something there since.
            with suppress(OSError):
                made.rmdir()


@contextmanager
def whole_file(
    target: Path, *, mode: Optional[int] = None, encoding: str = "utf-8", errors: str = "strict", newline: str = "\n"
) -> Iterator[TextIO]:
    """A text file to write into, which takes the target's place when it is whole; else the target stays what it was.

    Args:
        mode: who may read and write it; without it what is usual on this machine.

    Raises:
        OSError: it cannot be written.
    """
    # A name of its own: two processes may write at once.
    part = part_in(target.parent)
    try:
        if mode is not None:
            part.chmod(mode)
        with part.open("w", encoding=encoding, errors=errors, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, target)
    finally:
        with suppress(OSError):
            part.unlink()
