"""The plan of a batch: every row checked and priced before anything is sent, and everything that is wrong named."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Optional, Set, Tuple

from ..budget import expected_credits
from ..client import KieClient
from ..definitions import Model
from ..errors import KieInputError, Problem
from ..local_files import resolve_staged, stage
from ..params import find_name, nearest
from ..pricing import quote
from ..values import NOT_UTF8, plain, show, unsendable
from .columns import MODEL, Columns
from .planned import BadRow, Plan, PlannedRow, content_of
from .rows import Row

# A key of the journal has 500 characters, of which the batch's name and the digest take up to 100.
_LONGEST_KEY = 380
_DIGEST_WITH_KEY, _DIGEST_ALONE = 12, 20


class Planner:
    """Checks rows one after another, and knows what they have in common."""

    def __init__(
        self, client: KieClient, columns: Columns, *, max_per_row: Optional[Decimal], allow_unknown_price: bool
    ) -> None:
        self._client, self._columns = client, columns
        self._max_per_row, self._allow_unknown_price = max_per_row, allow_unknown_price
        self._today = client.connection.clock.date()
        self._models: Dict[str, Model] = {}
        self._seen: Set[str] = set()
        self._strangers: Counter[str] = Counter()
        self._counted: Counter[str] = Counter()
        self._places: Dict[str, str] = {}
        self._notices: Counter[str] = Counter()
        if columns.model is not None:
            self._find_model(columns.model)

    def plan(self, name: str, rows: Iterable[Row]) -> Plan:
        """All rows checked; what is wrong with one stops no other."""
        found: List[Any] = []
        foreign: List[Tuple[int, Row, Model, List[str]]] = []
        for row in rows:
            self._seen.update(row.cells)
            try:
                planned, model, strangers = self._check(row)
            except KieInputError as error:
                found.append(_bad(row, self._columns.model_of(row) or "", error.problems))
                continue
            if strangers:
                self._strangers.update(strangers)
                foreign.append((len(found), row, model, strangers))
            found.append(planned)
        known = self._known_somewhere()
        for place, row, model, strangers in foreign:
            # A column of one model of a mixed table is no fault of the table, but of the row that fills it in.
            own = [name for name in strangers if name in known]
            if own:
                before = found[place].problems if isinstance(found[place], BadRow) else ()
                problems = [Problem("unknown", name, _stranger(name, [model])) for name in own]
                found[place] = _bad(row, model.id, (*before, *problems))
        problems = [
            Problem("column", column, f"the column {_stranger(column, list(self._models.values()))}")
            for column in self._strangers
            if column not in known
        ]
        good = tuple(self._numbered(row) for row in found if isinstance(row, PlannedRow))
        bad = tuple(row for row in found if isinstance(row, BadRow))
        unused = self._columns.unused(self._seen) if found else []
        return Plan(name, good, bad, (*unused, *problems), dict(self._notices), self._columns.key is not None)

    def _check(self, row: Row) -> Tuple[Any, Model, List[str]]:
        """A row as it can be bought, its model, and its columns that are nothing to it.

        Raises:
            KieInputError: it has no model, so that nothing more can be said.
        """
        if row.faults:
            raise KieInputError("batch", [Problem("row", "row", fault) for fault in row.faults])
        named = self._columns.model_of(row)
        if not named:
            text = f"it has no model; name one with model= (--model), or in a column {MODEL}"
            raise KieInputError("batch", [Problem("required", MODEL, text)])
        model = self._find_model(named)
        given, strangers, problems = self._columns.arguments(row, model)
        try:
            staged = stage(model, given, under=self._client.files_under)
            resolved = resolve_staged(model, staged)
            price = quote(model, resolved, on=self._today)
        except KieInputError as error:
            told = {problem.where for problem in problems}
            problems += [problem for problem in error.problems if problem.where not in told]
            return _bad(row, model.id, problems), model, strangers
        most = expected_credits(price)
        problems += self._check_price(most, price.unknown)
        content = content_of(model, resolved)
        key, faults = self._name(row, content)
        problems += faults
        if problems:
            return _bad(row, model.id, problems), model, strangers
        self._notices.update(resolved.notices)
        # A file stands there as it was given: what is in it is in the key.
        as_given = {find_name(model.parameters, name, model.aliases) or name: value for name, value in given.items()}
        kept = as_given if staged.files else {**as_given, **resolved.given}
        planned = PlannedRow(row.number, row.line, key, model.id, kept, price.platform_credits, most, row.cells)
        return replace(planned, content=content) if staged.files else planned, model, strangers

    def _find_model(self, named: str) -> Model:
        """A model that makes tasks.

        Raises:
            KieInputError: there is none of this id, or it is a chat model.
        """
        if named not in self._models:
            model = self._client.catalog[named]
            if model.endpoint.shape != "task":
                text = (
                    f"{named} is a chat model: a chat has no key, so that a batch could not promise to pay for it "
                    "once; chat with it (KieChatAdapter.chat, kie-sync chat)"
                )
                raise KieInputError(named, [Problem("kind", "model", text)])
            self._models[named] = model
        return self._models[named]

    def _check_price(self, most: Optional[Decimal], unknown: Optional[str]) -> List[Problem]:
        limit = self._max_per_row
        if limit is None or (most is None and self._allow_unknown_price):
            return []
        if most is None:
            why = f" ({unknown})" if unknown else ""
            text = (
                f"it is not known what it costs{why}, which counts as over the {plain(limit)} credits of a row; "
                "allow_unknown_price=True (--allow-unknown-price) lets it pass"
            )
        elif most > limit:
            text = f"it can cost {plain(most)} credits, over the {plain(limit)} of max_per_row (--max-per-row)"
        else:
            return []
        return [Problem("price", "max_per_row", text)]

    def _name(self, row: Row, content: str) -> Tuple[str, List[Problem]]:
        """A row's key: by its own word and its content; or by its content alone, which `_numbered` completes."""
        word = self._columns.key_of(row)
        if word is None:
            return content[:_DIGEST_ALONE], []
        column = show(self._columns.key)
        if not word:
            return "", [Problem("key", "key", f"its key, in the column {column}, is empty")]
        if len(word) > _LONGEST_KEY:
            return "", [Problem("key", "key", f"its key may have {_LONGEST_KEY} characters; it has {len(word):,}")]
        if unsendable(word) is not None:
            return "", [Problem("key", "key", f"its key {NOT_UTF8}")]
        if word in self._places:
            text = f"its key {show(word)} stands in {self._places[word]}, too; a key names one row"
            return "", [Problem("key", "key", text)]
        self._places[word] = row.place
        return f"{word}:{content[:_DIGEST_WITH_KEY]}", []

    def _numbered(self, row: PlannedRow) -> PlannedRow:
        """A row that no word names, with how often its content came before.

        Rows that are bad do not count: when one of them is taken out, those below it stay what they are.
        """
        if self._columns.key is not None:
            return row
        self._counted[row.key] += 1
        return replace(row, key=f"{row.key}:{self._counted[row.key]}")

    def _known_somewhere(self) -> Set[str]:
        """Columns that are a parameter of some model of the table."""
        mapped = self._columns.mapped
        return {
            column
            for column in self._strangers
            if (not column.startswith("@") or column in mapped)
            and any(
                find_name(model.parameters, mapped.get(column, column), model.aliases) is not None
                for model in self._models.values()
            )
        }


def _bad(row: Row, model: str, problems: Iterable[Problem]) -> BadRow:
    return BadRow(row.number, row.line, row.place, model, tuple(problems), row.cells)


def _stranger(column: str, models: List[Model]) -> str:
    if column.startswith("@"):
        text = f"{show(column)} is none of ours: {MODEL} is"
    else:
        names = [name for model in models for name in (*model.parameters, *model.aliases)]
        whose = models[0].id if len(models) == 1 else "any model of this table"
        text = f"{show(column)} is no parameter of {whose}{nearest(column, names)}"
    return (
        f"{text}; name it with columns= (--map {column}=PARAMETER), or leave it aside with ignore= (--ignore {column})"
    )
