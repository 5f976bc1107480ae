"""How the commands of `account` print: a table, CSV, or JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any, Dict, List, Sequence

import click

from ...holds import Balance
from ..run import Command, Run, as_json, print_json
from ..tables import print_table

Row = Dict[str, Any]


def csv_option(command: Command) -> Command:
    """`--csv`."""
    return click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")(command)


def show_rows(run: Run, rows: List[Row], columns: Sequence[str], *, is_csv: bool, numbers: Sequence[str] = ()) -> None:
    """Print rows by column; JSON has all that is in them.

    Raises:
        click.UsageError: two forms at once.
    """
    if is_csv and run.as_json:
        raise click.UsageError("--csv and --json: choose one")
    if run.as_json:
        print_json(rows)
        return
    cells = [[_cell(row[column]) for column in columns] for row in rows]
    if is_csv:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([columns, *cells])
        click.echo(text.getvalue(), nl=False)
        return
    print_table(columns, cells, numbers=numbers)


def _cell(value: Any) -> str:
    return "" if value is None else str(as_json(value))


def balance_facts(balance: Balance) -> Row:
    """A balance by column."""
    return {**asdict(balance), "total": balance.total, "state": "overdrawn" if balance.is_overdrawn else ""}


def time_of(seconds: float) -> str:
    """A moment, in UTC, to the second."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
