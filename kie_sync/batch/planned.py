"""What a table comes to: the rows that can be bought, those that cannot, and what they cost."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

from ..definitions import Model
from ..errors import KieInputError, Problem
from ..params import Arguments
from ..records import canonical
from ..values import show
from .results import NAME


@dataclass(frozen=True)
class PlannedRow:
    """A row that can be bought.

    Attributes:
        key: its name in the journal, below the batch's.
        given: its arguments under canonical names; a local file by its path.
        price: what it is expected to cost, in platform credits; None when that is not known.
        most: the most that it can cost.
        columns: the row as it was given.
        content: what the key says of its content, whole, where files are in it; they may change before it is sent.
    """

    number: int
    line: Optional[int]
    key: str
    model: str
    given: Mapping[str, Any]
    price: Optional[Decimal]
    most: Optional[Decimal]
    columns: Mapping[str, Any] = field(repr=False, default_factory=dict)
    content: str = field(repr=False, default="")


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be bought, and every reason why; `place` is how messages call it."""

    number: int
    line: Optional[int]
    place: str
    model: str
    problems: Tuple[Problem, ...]
    columns: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def reasons(self) -> str:
        return "; ".join(problem.message for problem in self.problems)


@dataclass(frozen=True)
class ModelTotal:
    """The rows of one model: what those cost whose price is known, and how many have none that is."""

    model: str
    rows: int
    credits: Decimal
    most: Decimal
    unpriced: int


@dataclass(frozen=True)
class Plan:
    """What a table comes to. Nothing was sent.

    Attributes:
        name: the batch's, by which the journal knows its rows.
        rows: those that can be bought, in their order.
        bad: those that cannot.
        problems: what is wrong with the table as a whole.
        notices: sentences worth telling, and how many rows each concerns.
        is_keyed: rows are named by a column of their own.
    """

    name: str
    rows: Tuple[PlannedRow, ...]
    bad: Tuple[BadRow, ...] = ()
    problems: Tuple[Problem, ...] = ()
    notices: Mapping[str, int] = field(default_factory=dict)
    is_keyed: bool = False

    @property
    def totals(self) -> Tuple[ModelTotal, ...]:
        return add_up(self.rows)

    def check(self, *, skip_bad: bool = False) -> None:
        """Refuse a table with something wrong in it.

        Raises:
            KieInputError: with every bad row and all its reasons; with `skip_bad` for the table's own faults only.
        """
        problems = list(self.problems)
        if not skip_bad:
            missing = self._missing()
            problems += [_missing_everywhere(problem) for problem in missing]
            for bad in self.bad:
                own = [each.message for each in bad.problems if each not in missing]
                problems += [Problem("row", bad.place, f"{bad.place}: {'; '.join(own)}")] if own else []
        if problems:
            raise KieInputError(f"batch {self.name}", problems)
        if not self.rows and not self.bad:
            raise KieInputError(f"batch {self.name}", [Problem("rows", "rows", "there are no rows")])

    def _missing(self) -> List[Problem]:
        """What is required, and none of several rows has: the fault of the table."""
        if self.rows or len(self.bad) < 2:
            return []
        first = [each for each in self.bad[0].problems if each.kind == "required" and each.where.isidentifier()]
        return [problem for problem in first if all(problem in bad.problems for bad in self.bad)]


def _missing_everywhere(missing: Problem) -> Problem:
    name = missing.where
    text = f"every row: {missing.message}; name its column with columns= (--map COLUMN={name})"
    if name == "prompt":
        text += ', or make it of columns with prompt= (--prompt "a {colour} {animal}")'
    return replace(missing, message=text)


def add_up(rows: Iterable[PlannedRow]) -> Tuple[ModelTotal, ...]:
    """Totals by model, in the order in which models come; a price that is not known is counted apart."""
    found: Dict[str, List[PlannedRow]] = {}
    for row in rows:
        found.setdefault(row.model, []).append(row)
    return tuple(
        ModelTotal(
            model,
            len(group),
            sum((row.price for row in group if row.price is not None), Decimal(0)),
            sum((row.most for row in group if row.most is not None), Decimal(0)),
            sum(row.price is None for row in group),
        )
        for model, group in found.items()
    )


def content_of(model: Model, arguments: Arguments) -> str:
    """A hash of what a row buys: the same for all ways to write it, and a local file counts by what is in it."""
    return hashlib.sha256(f"{model.id}\n{canonical(arguments.given)}".encode()).hexdigest()


def fit_name(text: str) -> str:
    """A text as a batch's name, as from a file's."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-")[:80]


def check_name(name: Optional[str]) -> str:
    """A batch's name as the caller gave it.

    Raises:
        KieInputError: it is none.
    """
    if isinstance(name, str) and NAME.fullmatch(name):
        return name
    text = "name (--name) is what the journal knows the batch by: up to 80 letters, digits, _, . and -"
    raise KieInputError("batch", [Problem("name", "name", f"{text}; got {show(name)}")])
