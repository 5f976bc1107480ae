"""Tables: drawn on a terminal, plain aligned lines anywhere else."""

from __future__ import annotations

import sys
import unicodedata
from decimal import Decimal
from typing import List, Optional, Sequence

import click

from ..figures import tidy

Row = Sequence[str]


def print_table(columns: Row, rows: Sequence[Row], *, numbers: Sequence[str] = ()) -> None:
    """Print rows under their columns; those in `numbers` stand to the right."""
    if sys.stdout.isatty():
        _draw(columns, rows, numbers)
        return
    for line in plain_lines([columns, *rows], [column in numbers for column in columns]):
        click.echo(line)


def plain_lines(rows: Sequence[Row], to_right: Sequence[bool]) -> List[str]:
    """Rows as lines, each column as wide as its widest cell."""
    widths = [max(_width(cell) for cell in column) for column in zip(*rows)]
    lines = []
    for row in rows:
        cells = []
        for cell, width, is_right in zip(row, widths, to_right):
            gap = " " * (width - _width(cell))
            cells.append(gap + cell if is_right else cell + gap)
        lines.append("  ".join(cells).rstrip())
    return lines


def _draw(columns: Row, rows: Sequence[Row], numbers: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        # As `Text`, so that a value such as [image] is not taken for markup.
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def amount(number: Optional[Decimal]) -> str:
    """An amount as a cell: plain digits, or that it is not known."""
    short = tidy(number)
    return "unknown" if short is None else format(short, "f")


def counted(number: Optional[Decimal], unit: str) -> str:
    """An amount of something: 1 image, 15 seconds, unknown images."""
    plural = unit if number == 1 or unit.endswith("s") else f"{unit}s"
    return f"{amount(number)} {plural}"


def span(likely: Optional[Decimal], low: Optional[Decimal], high: Optional[Decimal]) -> str:
    """An amount with its range, where there is one."""
    if low is not None and high is None and likely is None:
        return f"{amount(low)} or more"
    if low is None or high is None or low == high:
        return amount(likely)
    return f"{amount(low)} to {amount(high)}" + (f", likely {amount(likely)}" if likely is not None else "")


def wrapped(text: str, start: str = "", width: int = 100) -> List[str]:
    """Text in lines; the first begins with `start`, and those after it stand below its end."""
    import textwrap

    return textwrap.wrap(
        text,
        width,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )
