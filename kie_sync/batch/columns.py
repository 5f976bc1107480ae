"""What a table's columns mean: arguments, a model, a key, words for a prompt; or nothing to anybody."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass, field
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from ..definitions import FILE_TYPES, Model
from ..errors import KieInputError, Problem
from ..params import find_name
from ..values import show
from .rows import Row

MODEL = "@model"
# Up to here a float tells each whole number from the next.
_LARGEST = 2**53


@dataclass(frozen=True)
class Template:
    """A prompt with columns in braces, such as `a {colour} {animal}`; a brace itself is written twice."""

    text: str
    columns: Tuple[str, ...]

    def fill(self, cells: Mapping[str, Any]) -> str:
        """The prompt of a row.

        Raises:
            KeyError: the row has nothing in a column.
        """
        # Not `format`: it takes a column that is called 2024 for a place.
        parts = string.Formatter().parse(self.text)
        return "".join(text + ("" if name is None else _as_text(cells[name])) for text, name, _, _ in parts)


def read_template(text: str) -> Template:
    """A template, checked.

    Raises:
        KieInputError: a brace too many or too few, or something in braces that is no column's name.
    """
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        problem = f"prompt has a brace too many or too few: {show(text)}; a brace itself is {{{{ or }}}}"
        raise KieInputError("batch", [Problem("template", "prompt", problem)]) from error
    names: Dict[str, None] = {}
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not name.strip() or spec or conversion or any(mark in name for mark in ".[]{}"):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            problem = f"prompt takes a column's name in braces, as in {{colour}}, and nothing more; got {{{shown}}}"
            raise KieInputError("batch", [Problem("template", "prompt", problem)])
        names[name] = None
    return Template(text, tuple(names))


def _as_text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
        # A frame makes 1990.0 of a 1990 where a cell of its column is empty.
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


@dataclass(frozen=True)
class Columns:
    """How columns are read.

    Attributes:
        model: whose arguments they are, where a row has no `@model` of its own.
        mapped: the parameter behind a column, where the names differ.
        constants: arguments of every row; what a row itself says counts more.
        template: the prompt of every row.
        key: the column that names a row, instead of its content.
        ignored: columns that mean nothing here.
    """

    model: Optional[str] = None
    mapped: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    template: Optional[Template] = None
    key: Optional[str] = None
    ignored: FrozenSet[str] = frozenset()

    def model_of(self, row: Row) -> Optional[str]:
        named = row.cells.get(MODEL)
        return self.model if named is None else str(named).strip()

    def key_of(self, row: Row) -> Optional[str]:
        """What names a row; None where no column does, "" where the row's is empty."""
        return None if self.key is None else _as_text(row.cells.get(self.key, "")).strip()

    def arguments(self, row: Row, model: Model) -> Tuple[Dict[str, Any], List[str], List[Problem]]:
        """A row's arguments, the columns that are no parameter of its model, and what is wrong."""
        problems: List[Problem] = []
        given: Dict[str, Any] = {}
        strangers: List[str] = []
        words = set(self.template.columns) if self.template is not None else set()
        for column, cell in row.cells.items():
            name = self.mapped.get(column, column)
            canonical = find_name(model.parameters, name, model.aliases)
            is_used = column in words or column == self.key
            if column == MODEL or column in self.ignored:
                continue
            is_worded = canonical == "prompt" and self.template is not None
            if column not in self.mapped and is_used and (canonical is None or is_worded):
                continue
            is_ours = column.startswith("@") and column not in self.mapped
            if is_ours or (canonical is None and not model.accepts_other):
                strangers.append(column)
            else:
                _put(given, model, name, cell, problems)
        for name, value in self.constants.items():
            canonical = find_name(model.parameters, name, model.aliases)
            if canonical is None or not any(
                find_name(model.parameters, other, model.aliases) == canonical for other in given
            ):
                _put(given, model, name, value, problems)
        if self.template is not None:
            self._add_prompt(given, row, model, problems)
        return given, strangers, problems

    def _add_prompt(self, given: Dict[str, Any], row: Row, model: Model, problems: List[Problem]) -> None:
        assert self.template is not None
        missing = [name for name in self.template.columns if name not in row.cells]
        if any(find_name(model.parameters, name, model.aliases) == "prompt" for name in given):
            text = "the prompt stands there twice: as a template, and as a column or a constant; give one of them"
            problems.append(Problem("twice", "prompt", text))
        elif missing:
            text = f"the prompt wants {' and '.join(map(show, missing))}, which is empty in this row"
            problems.append(Problem("template", "prompt", text))
        else:
            given["prompt"] = self.template.fill(row.cells)

    def unused(self, seen: Set[str]) -> List[Problem]:
        """Columns that were named for a purpose, and that no row has anything in."""
        wanted = [(name, "map") for name in self.mapped]
        wanted += [(name, "prompt") for name in (self.template.columns if self.template else ())]
        wanted += [(self.key, "key")] if self.key else []
        named = [(name, where) for name, where in wanted if name not in seen]
        listed = ", ".join(sorted(seen)) or "none"
        return [
            Problem("column", where, f"{where} names the column {show(name)}, which no row has; there are: {listed}")
            for name, where in named
        ]


def _put(given: Dict[str, Any], model: Model, name: str, value: Any, problems: List[Problem]) -> None:
    """An argument; one that comes a second time makes a list, as several columns for one list do."""
    read = _read(model, name, value, problems)
    if name in given:
        read = [item for each in (given[name], read) for item in (each if isinstance(each, list) else [each])]
    given[name] = read


def _read(model: Model, name: str, value: Any, problems: List[Problem]) -> Any:
    """A cell: text that begins as JSON is JSON, where the parameter is no text."""
    canonical = find_name(model.parameters, name, model.aliases)
    kind = "" if canonical is None else model.parameters[canonical].type
    if kind == "text" and isinstance(value, (int, float)) and not isinstance(value, bool):
        # Excel and frames make numbers of texts that look like one.
        return _as_text(value)
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")) or kind == "text":
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        if kind not in FILE_TYPES:
            text = f"{name} begins as JSON, but is not JSON: {error}"
            problems.append(Problem("json", name, text))
        return value
