"""Local files as arguments: each is read once, named by what is in it, and sent only when the call is sure.

`stage` puts a placeholder URL in the place of every local file: `https://upload.invalid/<sha256>.<ext>`, the same for
the same content, so that arguments compare by content. `resolve_staged` checks arguments and files together, and
`with_urls` puts the URLs of the uploads in the placeholders' places.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .content import FORMATS, article, format_named, is_allowed
from .definitions import FILE_TYPES, UNSET, Model, Parameter
from .errors import KieInputError, Problem
from .file_sources import LocalFile, Unreadable, is_local, open_local
from .params import Arguments, find_name, resolve

_NONE: Mapping[str, str] = {}
_HOST = "https://upload.invalid/"


@dataclass(frozen=True)
class Staged:
    """Arguments with a placeholder for each local file.

    Attributes:
        given: the arguments; what is no local file is as it was.
        files: placeholder -> file.
        problems: what is wrong with the files themselves.
    """

    given: Mapping[str, Any]
    files: Mapping[str, LocalFile] = field(default_factory=dict)
    problems: Tuple[Problem, ...] = ()


def stage(model: Model, given: Mapping[str, Any], *, under: Optional[Path] = None) -> Staged:
    """Read every local file among the arguments; nothing is sent.

    Args:
        under: the folder that paths must lead into, links followed.
    """
    stager = _Stager(under)
    staged = stager.object(model.parameters, given, "", model.aliases)
    return Staged(staged, stager.files, tuple(stager.problems))


def resolve_staged(model: Model, staged: Staged) -> Arguments:
    """Check the arguments as `params.resolve` does, and the files with them.

    Raises:
        KieInputError: with every problem of both.
    """
    try:
        arguments = resolve(model, staged.given)
    except KieInputError as error:
        if not staged.problems:
            raise
        told = {problem.where for problem in staged.problems}
        others = [problem for problem in error.problems if problem.where not in told]
        raise KieInputError(model.id, [*others, *staged.problems]) from error
    if staged.problems:
        raise KieInputError(model.id, staged.problems)
    return arguments


def placeholder_of(file: LocalFile) -> str:
    """The URL that stands for a file until it is uploaded; the same for the same content."""
    suffix = FORMATS[file.format].suffix if file.format else ""
    return f"{_HOST}{file.sha256}{'.' if suffix else ''}{suffix}"


def with_urls(value: Any, urls: Mapping[str, str]) -> Any:
    """A value with the URLs of the uploads in their placeholders' places, wherever they stand."""
    if isinstance(value, str):
        return urls.get(value, value)
    if isinstance(value, Mapping):
        return {key: with_urls(item, urls) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_urls(item, urls) for item in value]
    return value


class _Stager:
    def __init__(self, under: Optional[Path]) -> None:
        self.under = under
        self.files: Dict[str, LocalFile] = {}
        self.problems: List[Problem] = []

    def object(
        self,
        parameters: Mapping[str, Parameter],
        given: Mapping[str, Any],
        prefix: str,
        aliases: Mapping[str, str] = _NONE,
    ) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for name, value in given.items():
            canonical = find_name(parameters, str(name), aliases)
            parameter = None if canonical is None else parameters[canonical]
            found[name] = value if parameter is None else self.value(parameter, value, f"{prefix}{name}")
        return found

    def value(self, parameter: Parameter, value: Any, where: str, around: Sequence[Parameter] = ()) -> Any:
        if value is None or parameter.constant is not UNSET:
            return value
        if parameter.type in FILE_TYPES or (parameter.type == "list" and parameter.items is not None):
            item, outer = parameter.items or parameter, (parameter,) if parameter.items else ()
            if isinstance(value, (list, tuple)):
                return [self.one(item, entry, f"{where}[{place}]", outer) for place, entry in enumerate(value)]
            return self.one(item, value, where, (*around, *outer))
        return self.one(parameter, value, where, around)

    def one(self, parameter: Parameter, value: Any, where: str, around: Sequence[Parameter]) -> Any:
        if parameter.type == "list":
            return self.value(parameter, value, where)
        if parameter.type == "object":
            is_read = parameter.fields is not None and isinstance(value, Mapping)
            return self.object(parameter.fields or {}, value, f"{where}.") if is_read else value
        if parameter.type not in FILE_TYPES or parameter.values is not None or not is_local(value):
            return value
        try:
            file = open_local(value, under=self.under, formats=_first(parameter, around, "formats") or ())
        except Unreadable as error:
            self.problems.append(Problem("file", where, f"{where} {error}", parameter.wire))
            # Something that is a URL, so that a file that cannot be read is not told twice.
            return f"{_HOST}unreadable"
        for kind, text in _misfits(file, parameter, around):
            self.problems.append(Problem(kind, where, f"{where} {text}", parameter.wire))
        placeholder = placeholder_of(file)
        self.files.setdefault(placeholder, file)
        return placeholder


def _first(parameter: Parameter, around: Sequence[Parameter], name: str) -> Any:
    """A limit of the item, else of the list that it stands in."""
    return next((getattr(each, name) for each in (parameter, *around) if getattr(each, name)), None)


def _misfits(file: LocalFile, parameter: Parameter, around: Sequence[Parameter]) -> List[Tuple[str, str]]:
    """How a file breaks the limits of its parameter: kinds of fault, and sentences without the name."""
    found = []
    most: Optional[Decimal] = _first(parameter, around, "max_mb")
    if most is not None and file.size > most * 1_000_000:
        bound = f"{most:f} MB ({int(most * 1_000_000):,} bytes)"
        found.append(("max_mb", f"may have at most {bound}; {file.name} has {file.size:,} bytes"))
    formats: Tuple[str, ...] = _first(parameter, around, "formats") or ()
    kind = FILE_TYPES[parameter.type]
    what = "of a format that cannot be recognized" if not file.format else article(file.format)
    if formats:
        # A format that we cannot recognize by its content is taken on trust, where the entry allows such a one.
        on_trust = not file.format and any(not format_named(word) for word in formats)
        if not on_trust and not (file.format and is_allowed(file.format, formats)):
            text = f"must be {' or '.join(formats)}; {file.name} is {what}, by its content"
            found.append(("formats", text))
    elif kind != "file" and file.format and kind not in FORMATS[file.format].holds:
        a = "an" if kind[0] in "aeiou" else "a"
        found.append(("formats", f"must be {a} {kind} file; {file.name} is {what}, by its content"))
    return found
