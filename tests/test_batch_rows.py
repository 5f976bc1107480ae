"""Rows from everywhere: CSV, TSV, JSON lines, Excel, streams, mappings and frames."""

from __future__ import annotations

import importlib
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Mapping

import pytest

from kie_sync.batch.rows import Row, read_any, read_file, read_stream
from kie_sync.errors import KieConfigError, KieInputError

CAT, DOG = {"prompt": "a cat", "size": "1:1"}, {"prompt": "a dog"}


def cells(rows: Any) -> List[Mapping[str, Any]]:
    return [row.cells for row in rows]


def read(text: str, tmp_path: Path, name: str = "jobs.csv", encoding: str = "utf-8") -> List[Row]:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return list(read_file(path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("jobs.csv", "prompt,size\na cat,1:1\na dog,\n"),
        ("jobs.csv", "\ufeffprompt,size\r\na cat,1:1\r\na dog,\r\n"),
        ("jobs.csv", "prompt;size\na cat;1:1\na dog;\n"),
        ("jobs.csv", 'sep=;\nprompt;size\n"a cat";1:1\na dog\n'),
        ("jobs.CSV", "\n\nprompt , size,\na cat,1:1,\n,,\na dog,,\n"),
        ("jobs.tsv", "prompt\tsize\na cat\t1:1\na dog\t \n"),
        ("jobs.jsonl", '{"prompt": "a cat", "size": "1:1"}\n\n{"prompt": "a dog", "size": null}\n'),
    ],
)
def test_the_same_two_rows(name: str, text: str, tmp_path: Path) -> None:
    assert cells(read(text, tmp_path, name)) == [CAT, DOG]


def test_what_excel_calls_unicode_text(tmp_path: Path) -> None:
    assert cells(read("prompt\tsize\r\na cat\t1:1\r\n", tmp_path, "jobs.tsv", "utf-16")) == [CAT]


def test_rows_know_their_lines(tmp_path: Path) -> None:
    """A cell may hold line breaks; empty lines are no rows."""
    rows = read('prompt\n"two\nlines"\n\na cat\n', tmp_path)

    assert [(row.number, row.line, row.place) for row in rows] == [(1, 2, "line 2"), (2, 5, "line 5")]


def test_a_quote_that_is_not_closed_is_told_where_it_was_opened(tmp_path: Path) -> None:
    rows = "".join(f"a cat {number}\n" for number in range(50))

    with pytest.raises(KieInputError, match=r"jobs\.csv, line 4: this is no CSV: unexpected end"):
        read(f'prompt\n"two\nlines"\n"a dog\n{rows}', tmp_path)


def test_json_lines_keep_lists_and_numbers(tmp_path: Path) -> None:
    (row,) = read('{"images": ["a.png"], "n": 2, "on": false}\n', tmp_path, "jobs.jsonl")

    assert row.cells == {"images": ["a.png"], "n": 2, "on": False}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a cat", "this is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[1]", 'a line must be an object, such as {"prompt": "a cat"}; got [1]'),
        ('{"a": NaN}', "this is not JSON: NaN is no value of JSON"),
        ('{"a": 1, "a": 2}', 'this is not JSON: "a" stands there twice'),
    ],
)
def test_a_bad_line_of_json_stops_no_other(text: str, fault: str, tmp_path: Path) -> None:
    rows = read(f'{text}\n{{"prompt": "a dog"}}\n', tmp_path, "jobs.jsonl")

    assert rows == [Row(1, 1, {}, (fault,)), Row(2, 2, DOG)]


def test_a_row_with_more_cells_than_columns_is_bad(tmp_path: Path) -> None:
    (row,) = read("prompt,size\na cat, a dog, and a bird\n", tmp_path)

    assert row.faults == ("it has 3 cells, and the first line names 2 columns; put quotes around a comma",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("jobs.csv", b"", "jobs.csv is empty; its first line names the columns"),
        ("jobs.csv", b"a,b,a\n", 'jobs.csv: "a" names more than one column; rename one of them'),
        ("jobs.csv", "prompt\nKöln\n".encode("latin-1"), "jobs.csv is not UTF-8"),
        ("jobs.csv", b'prompt\n"a cat\n', "jobs.csv, line 2: this is no CSV: unexpected end of data"),
        ("jobs.xls", b"", "jobs.xls: a table's name ends with .csv, .tsv, .tab, .jsonl, .ndjson, .xlsx; say what"),
    ],
)
def test_a_file_that_cannot_be_read(name: str, text: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(text)

    with pytest.raises(KieInputError) as caught:
        list(read_file(path))

    assert message in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KieInputError, match=r"none\.csv cannot be read: No such file or directory"):
        list(read_file(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("text", "found"), [(b'  {"prompt": "a cat", "size": "1:1"}\n', [CAT]), (b"prompt,size\na cat,1:1\n", [CAT])]
)
def test_a_stream_says_what_it_is(text: bytes, found: List[Dict[str, Any]]) -> None:
    assert cells(read_stream(io.BytesIO(text))) == found
    assert cells(read_stream(io.BufferedReader(io.BytesIO(text)))) == found  # type: ignore[arg-type]


def test_a_stream_of_a_named_format() -> None:
    assert cells(read_stream(io.BytesIO(b"prompt\tsize\na cat\t1:1\n"), format="tsv")) == [CAT]
    with pytest.raises(KieInputError, match="an Excel file must be named"):
        list(read_stream(io.BytesIO(b""), format="xlsx"))
    with pytest.raises(KieInputError, match="format must be one of csv, tsv, jsonl, xlsx"):
        list(read_stream(io.BytesIO(b""), format="ods"))


def test_mappings_are_rows_without_lines() -> None:
    rows = list(read_any(iter([{"prompt": "a cat", "n": float("nan")}, {"prompt": "", 3: Decimal(1)}])))

    assert rows == [Row(1, None, {"prompt": "a cat"}), Row(2, None, {"3": Decimal(1)})]
    assert rows[1].place == "row 2"


@pytest.mark.parametrize("rows", [{"prompt": "a cat"}, b"a", 3, [3]])
def test_what_is_no_row(rows: Any) -> None:
    with pytest.raises(KieInputError, match="must be"):
        list(read_any(rows))


class Frame:
    """As much of a frame of pandas as is used: slices, and records."""

    def __init__(self, records: List[Dict[str, Any]]) -> None:
        self.records = records

    @property
    def iloc(self) -> Frame:
        return self

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, piece: slice) -> Frame:
        return Frame(self.records[piece])

    def to_dict(self, *, orient: str) -> List[Dict[str, Any]]:
        assert orient == "records"
        return self.records


def test_a_frame_is_read_in_pieces() -> None:
    many = [{"prompt": str(number), "size": float("nan")} for number in range(2500)]

    assert cells(read_any(Frame(many))) == [{"prompt": str(number)} for number in range(2500)]


def test_a_real_frame_of_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"prompt": ["a", "b"], "n": [1, None], "on": pandas.array([True, None], dtype="boolean")})

    assert cells(read_any(frame)) == [{"prompt": "a", "n": 1.0, "on": True}, {"prompt": "b"}]


def test_a_real_frame_of_polars() -> None:
    polars = pytest.importorskip("polars", reason="polars is not installed")

    assert cells(read_any(polars.DataFrame({"prompt": ["a", "b"], "n": [1, None]}))) == [
        {"prompt": "a", "n": 1},
        {"prompt": "b"},
    ]


def test_an_excel_file(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    for cell_row in (["prompt", "n", None], [None, None], ["a cat", 2.0], [7, None]):
        book.active.append(cell_row)
    book.save(tmp_path / "jobs.xlsx")

    assert list(read_file(tmp_path / "jobs.xlsx")) == [Row(1, 3, {"prompt": "a cat", "n": 2}), Row(2, 4, {"prompt": 7})]


def test_an_excel_file_that_states_its_size_wrongly(tmp_path: Path) -> None:
    """As other programs write them: rows and columns beyond that would be left out, unsaid."""
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    for cell_row in (["prompt", "n"], ["a cat", 2], ["a dog", 3]):
        book.active.append(cell_row)
    book.save(tmp_path / "right.xlsx")
    with zipfile.ZipFile(tmp_path / "right.xlsx") as right, zipfile.ZipFile(tmp_path / "jobs.xlsx", "w") as wrong:
        for name in right.namelist():
            wrong.writestr(name, right.read(name).replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A2"'))

    assert cells(read_file(tmp_path / "jobs.xlsx")) == [{"prompt": "a cat", "n": 2}, {"prompt": "a dog", "n": 3}]


def test_a_formula_that_came_to_an_error_is_no_prompt(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    for cell_row in (["prompt", "n"], ["#REF!", 1], ["#1 of 3", "#N/A"]):
        book.active.append(cell_row)
    book.save(tmp_path / "jobs.xlsx")

    assert [row.faults for row in read_file(tmp_path / "jobs.xlsx")] == [
        ('"prompt" is an error of Excel: #REF!',),
        ('"n" is an error of Excel: #N/A',),
    ]


def test_what_is_no_excel_file(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    (tmp_path / "jobs.xlsx").write_bytes(b"no zip")

    with pytest.raises(KieInputError, match=r"jobs\.xlsx is no Excel file that can be read"):
        list(read_file(tmp_path / "jobs.xlsx"))


def test_excel_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def without(name: str, package: Any = None) -> Any:
        if name == "openpyxl":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without)

    with pytest.raises(KieConfigError, match=r"pip install 'kie-sync\[excel\]'; or save it as CSV UTF-8"):
        list(read_file(tmp_path / "jobs.xlsx"))
