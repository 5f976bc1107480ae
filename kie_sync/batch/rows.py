"""Rows from wherever they stand: CSV, TSV, JSON lines, Excel, a frame of pandas or polars, any mappings.

A row is a mapping of columns to values; an empty cell is not there. It knows the line that it stands in, where it
comes from a file.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import KieConfigError, KieInputError, Problem
from ..values import show

FORMATS = ("csv", "tsv", "jsonl", "xlsx")
_BY_ENDING = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}
# The prompts of some models take a hundred thousand characters; csv's own bound is for a cell.
_LONGEST_CELL = 16_000_000
_FRAME_PIECE = 1000
_ERRORS = ("#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#N/A")


@dataclass(frozen=True)
class Row:
    """One row as it was given.

    Attributes:
        number: its place among the rows, from 1.
        line: where it begins in its file, from 1; None where it comes from no file.
        cells: what is in it, by column; empty cells are left out.
        faults: what is wrong with the row itself, before anybody asks what it means.
    """

    number: int
    line: Optional[int]
    cells: Mapping[str, Any]
    faults: Tuple[str, ...] = field(default=())

    @property
    def place(self) -> str:
        """How messages call it."""
        return f"row {self.number}" if self.line is None else f"line {self.line}"


def read_file(path: Union[str, os.PathLike[str]], *, format: str = "") -> Iterator[Row]:
    """The rows of a file, one after another; its ending says what it is, unless `format` does.

    Raises:
        KieInputError: it cannot be read, or is none of the `FORMATS`.
    """
    path = Path(path)
    kind = format or _BY_ENDING.get(path.suffix.lower(), "")
    if not kind:
        known = ", ".join(_BY_ENDING)
        raise _wrong(f"{path.name}: a table's name ends with {known}; say what this one is with format= (--format)")
    _check_format(kind)
    try:
        if kind == "xlsx":
            yield from _read_excel(path)
            return
        with path.open("rb") as source:
            yield from read_stream(source, format=kind, name=path.name)
    except OSError as error:
        raise _wrong(f"{path} cannot be read: {error.strerror or error}") from error


def read_stream(source: IO[bytes], *, format: str = "", name: str = "standard input") -> Iterator[Row]:
    """The rows of bytes that come, such as standard input; what they are, their first one says."""
    if format:
        _check_format(format)
    if format == "xlsx":
        raise _wrong(f"{name}: an Excel file must be named; it cannot be read as it comes")
    buffered = source if hasattr(source, "peek") else io.BufferedReader(_Raw(source))
    head: bytes = buffered.peek(4096)[:4096]
    kind = format or ("jsonl" if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[") else "csv")
    encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    text = io.TextIOWrapper(buffered, encoding=encoding, newline="")
    try:
        yield from _read_lines(text) if kind == "jsonl" else _read_cells(text, kind, name)
    except UnicodeDecodeError as error:
        raise _wrong(
            f"{name} is not UTF-8 (byte {error.start + 1:,} of a piece of it); save it as UTF-8, in Excel as "
            '"CSV UTF-8"'
        ) from error
    finally:
        text.detach()


def read_any(rows: Any) -> Iterator[Row]:
    """The rows of a file that is named, of a frame, or of any iterable of mappings.

    Raises:
        KieInputError: it is none of these.
    """
    if isinstance(rows, (str, os.PathLike)):
        yield from read_file(rows)
        return
    for number, cells in enumerate(_mappings(rows), start=1):
        if not isinstance(cells, Mapping):
            raise _wrong(f"row {number} must be a mapping of columns to values; got {show(cells)}")
        yield Row(number, None, {str(name): value for name, value in _filled(cells)})


def _mappings(rows: Any) -> Iterable[Any]:
    if callable(getattr(rows, "iter_rows", None)):
        # polars: one row at a time.
        one_by_one: Iterable[Any] = rows.iter_rows(named=True)
        return one_by_one
    if callable(getattr(rows, "to_dict", None)) and hasattr(rows, "iloc"):
        # pandas: as one list, its rows would be in memory twice.
        pieces = (rows.iloc[start : start + _FRAME_PIECE] for start in range(0, len(rows), _FRAME_PIECE))
        return chain.from_iterable(piece.to_dict(orient="records") for piece in pieces)
    if isinstance(rows, (bytes, Mapping)) or not isinstance(rows, Iterable):
        raise _wrong(f"rows must be mappings, a frame of pandas or polars, or a file's path; got {show(rows)}")
    found: Iterable[Any] = rows
    return found


def _filled(cells: Mapping[Any, Any]) -> Iterator[Tuple[Any, Any]]:
    for name, value in cells.items():
        # numpy's numbers are no numbers of JSON.
        own = value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value
        if not _is_missing(own):
            yield name, own


def _is_missing(value: Any) -> bool:
    """None, NaN, and what pandas puts where nothing is: none of them equals itself."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    if isinstance(value, float) or type(value).__module__.startswith("pandas"):
        return type(value).__name__ in ("NAType", "NaTType") or bool(value != value)
    return False


# CSV and TSV


def _read_cells(text: io.TextIOWrapper, kind: str, name: str) -> Iterator[Row]:
    before, first = 0, text.readline()
    while first and not first.strip():
        before, first = before + 1, text.readline()
    if kind == "csv" and first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        # Excel's own way to say it, for Excel.
        delimiter, before, first = first.strip()[4], before + 1, text.readline()
    else:
        delimiter = "\t" if kind == "tsv" else _delimiter(first)
    reader = csv.reader(chain([first], text), delimiter=delimiter, strict=True)
    bound, begins = csv.field_size_limit(_LONGEST_CELL), before + 1
    try:
        head = next(reader, None)
        if head is None or not any(cell.strip() for cell in head):
            raise _wrong(f"{name} is empty; its first line names the columns")
        columns = _columns(head, name)
        number, begins = 0, before + reader.line_num + 1
        for cells in reader:
            line, begins = begins, before + reader.line_num + 1
            if any(cell.strip() for cell in cells):
                number += 1
                yield _row(number, line, columns, cells)
    except csv.Error as error:
        # Of a quote that nobody closes, where it was opened: the reader has gone on to the end of the file.
        raise _wrong(f"{name}, line {begins}: this is no {kind.upper()}: {error}") from error
    finally:
        csv.field_size_limit(bound)


def _delimiter(head: str) -> str:
    """A comma; a semicolon where Excel writes one, as it does where a comma stands in numbers."""
    return ";" if head.count(";") > head.count(",") else ","


def _columns(head: Sequence[Any], name: str) -> List[str]:
    columns = [str(cell).strip() if cell is not None else "" for cell in head]
    while columns and not columns[-1]:
        columns.pop()
    columns = [column or f"column {place}" for place, column in enumerate(columns, start=1)]
    twice = [column for column, count in Counter(columns).items() if count > 1]
    if twice:
        raise _wrong(f"{name}: {' and '.join(map(show, twice))} names more than one column; rename one of them")
    return columns


def _row(number: int, line: int, columns: Sequence[str], cells: Sequence[Any]) -> Row:
    filled = {column: cell for column, cell in zip(columns, cells) if not _is_missing(cell)}
    more = [cell for cell in cells[len(columns) :] if not _is_missing(cell)]
    text = f"it has {len(cells)} cells, and the first line names {len(columns)} columns; put quotes around a comma"
    return Row(number, line, filled, (text,) if more else ())


# JSON lines


def _read_lines(text: Iterable[str]) -> Iterator[Row]:
    number = 0
    for line, written in enumerate(text, start=1):
        if not written.strip():
            continue
        number += 1
        try:
            cells = json.loads(written, parse_constant=_refuse_constant, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            yield Row(number, line, {}, (f"this is not JSON: {error}",))
            continue
        if isinstance(cells, dict):
            yield Row(number, line, dict(_filled(cells)))
        else:
            yield Row(
                number, line, {}, (f'a line must be an object, such as {{"prompt": "a cat"}}; got {show(cells)}',)
            )


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no value of JSON")


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"{show(twice)} stands there twice")
    return found


# Excel


def _read_excel(path: Path) -> Iterator[Row]:
    import importlib

    try:
        openpyxl = importlib.import_module("openpyxl")
    except ImportError as error:
        raise KieConfigError(
            f"{path.name}: reading Excel files needs openpyxl: pip install 'kie-sync[excel]'; or save it as CSV UTF-8"
        ) from error
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        # A zip file, XML, and openpyxl itself each fail in their own way.
        raise _wrong(f"{path.name} is no Excel file that can be read: {error}") from error
    try:
        number, columns = 0, None
        sheet = book.worksheets[0]
        # The size that a file states may be wrong; what is beyond it would be left out.
        sheet.reset_dimensions()
        for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            if all(_is_missing(cell) for cell in cells):
                continue
            if columns is None:
                columns = _columns(cells, path.name)
                continue
            number += 1
            row = _row(number, line, columns, [_excel_value(cell) for cell in cells])
            told = [f"{show(name)} is an error of Excel: {cell}" for name, cell in row.cells.items() if cell in _ERRORS]
            yield replace(row, faults=(*row.faults, *told))
        if columns is None:
            raise _wrong(f"{path.name} is empty; its first line names the columns")
    finally:
        book.close()


def _excel_value(cell: Any) -> Any:
    """A number, a text, true or false; whatever else Excel has, such as a date, as its text."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return cell if cell is None or isinstance(cell, (str, int, float, bool)) else str(cell)


def _check_format(format: str) -> None:
    if format not in FORMATS:
        raise _wrong(f"format must be one of {', '.join(FORMATS)}; got {show(format)}")


def _wrong(text: str) -> KieInputError:
    return KieInputError("batch", [Problem("rows", "rows", text)])


class _Raw(io.RawIOBase):
    """A stream without a look ahead, such as one of a test, so that it can be given one."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._source.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)
