"""`batch run`: the rows of a table, planned, agreed to, and made."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import click

from ... import KieClient
from ...batch import Agenda, Plan, set_agenda
from ...batch import plan as make_plan
from ...batch import run as make_rows
from ...batch.planned import fit_name
from ...batch.rows import FORMATS, Row, read_file, read_stream
from ...errors import KieConfigError, KieInputError, KieJournalError
from ..arguments import check_output, files_under_option
from ..delivery import waiting_options
from ..limits import read_credits
from ..payers import account_options, payer
from ..run import Run, common_options, journal_option
from .shown import code_of, say_end, show_plan
from .view import View

STDIN = "-"


def _pairs(ctx: click.Context, parameter: click.Parameter, given: Sequence[str]) -> List[Tuple[str, str]]:
    found = []
    for pair in given:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip() or not text.strip():
            example = "colour=style" if parameter.name == "columns" else "output_format=png"
            raise click.BadParameter(f"{pair!r}: write it as NAME=VALUE, as in {example}", ctx, parameter)
        found.append((name.strip(), text))
    return found


def _check_folder(ctx: click.Context, parameter: click.Parameter, output: Optional[str]) -> Optional[str]:
    if output is not None:
        check_output(output if "{" in output or not output.strip() else os.path.join(output, ""))
    return output


@click.command()
@click.argument("source", metavar="ROWS")
@click.option("--model", "model_id", metavar="MODEL", help="The model of every row without an @model of its own.")
@click.option("-o", "--output", metavar="DIR", callback=_check_folder, help="A folder for files and results.")
@click.option("--map", "columns", metavar="COLUMN=NAME", multiple=True, callback=_pairs, help="What a column means.")
@click.option("-p", "constants", metavar="NAME=VALUE", multiple=True, callback=_pairs, help="An argument of every row.")
@click.option("--prompt", metavar="TEMPLATE", help='The prompt, with columns in braces: "a {colour} {animal}".')
@click.option("--key", metavar="COLUMN", help="The column that names a row; else its content does.")
@click.option("--ignore", metavar="COLUMN", multiple=True, help="A column that means nothing here; may be repeated.")
@click.option("--name", metavar="NAME", help="What the journal knows the batch by; the file's name without it.")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="What ROWS is, where its ending does not say.")
@click.option("--dry-run", is_flag=True, help="Check and price every row, and stop there.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--skip-bad", is_flag=True, help="Make the others where some rows are wrong.")
@click.option("--max-credits", metavar="N", callback=read_credits, help="Send no row that would pass so many in all.")
@click.option("--max-per-row", metavar="N", callback=read_credits, help="A row that can cost more is wrong.")
@click.option("--allow-unknown-price", is_flag=True, help="Let a price that is not known pass these limits.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), help="Buy at most so many rows this time.")
@click.option("--retry-failed", is_flag=True, help="Buy failed rows anew.")
@click.option("--only-failed", is_flag=True, help="Buy failed rows anew, and nothing else.")
@click.option("--rebuy-unknown", is_flag=True, help="Buy rows anew that may have been paid already.")
@account_options
@files_under_option
@waiting_options
@journal_option
@common_options
@click.pass_obj
def run(
    run: Run,
    source: str,
    model_id: Optional[str],
    output: Optional[str],
    columns: List[Tuple[str, str]],
    constants: List[Tuple[str, str]],
    prompt: Optional[str],
    key: Optional[str],
    ignore: Tuple[str, ...],
    name: Optional[str],
    format_: Optional[str],
    dry_run: bool,
    yes: bool,
    skip_bad: bool,
    max_credits: Optional[Decimal],
    max_per_row: Optional[Decimal],
    allow_unknown_price: bool,
    limit: Optional[int],
    retry_failed: bool,
    only_failed: bool,
    rebuy_unknown: bool,
    account: Optional[str],
    hold: Optional[Decimal],
    files_under: Optional[str],
    poll_interval: Optional[float],
    max_wait: Optional[float],
) -> int:
    """Make every row of a table; the word `run` may be left out.

    \b
    kie-sync batch jobs.csv --model MODEL -o out/
    kie-sync batch animals.csv --model MODEL --prompt "a {colour} {animal}" --key sku -o out/

    ROWS is CSV, TSV, JSON lines or Excel (extra `excel`), or - for standard input. Columns are parameters, by
    any of their names; a column @model mixes models; an empty cell is not given. First comes the plan: every
    row is checked and priced, and nothing is sent before you agree.

    The same command again buys only what is missing: a row is known by its content, and among equal rows by
    which of them it is; with --key by that and its content. A changed row is a new row. Rows that failed are
    bought anew with --retry-failed, and those of which it is not known whether they were paid with
    --rebuy-unknown. Ctrl-C once sends no row more and waits for those on their way; twice leaves at once.

    The folder of -o gets the files, results.csv, results.jsonl and index.html. Paths of files, or URLs without
    -o, go to stdout; with --json a line for each row, and a summary. The exit code is that of the worst row.
    """
    if not run.has_journal:
        raise KieConfigError(
            "a batch needs the journal, by which no row is paid twice; take --journal off (KIE_JOURNAL=off) away"
        )
    run.output = output
    is_piped = source == STDIN
    if name is None and not is_piped:
        name = fit_name(os.path.splitext(os.path.basename(source))[0])
    if name is None:
        raise click.UsageError("rows from standard input need a name, by which the same batch is known again: --name")
    catalog = run.load_catalog(asked=model_id or "")
    with View(run) as view, run.open_client(catalog=catalog, files_under=files_under, **payer(run, account)) as client:
        plan = make_plan(
            _rows(source, format_ or ""),
            client=client,
            name=name,
            model=model_id,
            columns=dict(columns),
            constants=_together(constants),
            prompt=prompt,
            key=key,
            ignore=ignore,
            max_per_row=max_per_row,
            allow_unknown_price=allow_unknown_price,
        )
        for notice, count in plan.notices.items():
            run.warn(f"{notice} ({count:,} rows)" if count > 1 else notice)
        _check(plan, skip_bad=skip_bad)
        choice = {"retry_failed": retry_failed, "only_failed": only_failed, "rebuy_unknown": rebuy_unknown}
        agenda = _agenda(client, plan, limit, choice, needs_key=not dry_run)
        if dry_run or not run.as_json:
            show_plan(run, plan, agenda, max_credits, is_all=dry_run)
        if dry_run:
            return 0
        _ask(agenda, yes=yes, is_piped=is_piped)
        try:
            done = make_rows(
                plan,
                client=client,
                agenda=agenda,
                out=output,
                max_credits=max_credits,
                max_per_row=max_per_row,
                allow_unknown_price=allow_unknown_price,
                account=account,
                hold=hold,
                skip_bad=skip_bad,
                poll_interval=poll_interval,
                max_wait_time=max_wait,
                on_result=view.take,
                on_progress=view.watch(agenda),
            )
        except KeyboardInterrupt:
            run.say("left; what is on its way goes on, and is on record: the same command waits for it")
            raise
    say_end(run, done, output)
    return code_of(done)


def _rows(source: str, format: str) -> Iterator[Row]:
    return read_stream(sys.stdin.buffer, format=format) if source == STDIN else read_file(source, format=format)


def _together(pairs: Sequence[Tuple[str, str]]) -> Dict[str, Any]:
    """Constants by name; one that is repeated makes a list."""
    found: Dict[str, Any] = {}
    for name, text in pairs:
        found[name] = [*_listed(found[name]), text] if name in found else text
    return found


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]


def _check(plan: Plan, *, skip_bad: bool) -> None:
    try:
        plan.check(skip_bad=skip_bad)
    except KieInputError as error:
        if plan.problems or not plan.rows or not plan.bad:
            raise
        error.message += f"\nnothing was sent; --skip-bad makes the other {len(plan.rows):,}"
        raise


def _agenda(client: KieClient, plan: Plan, limit: Optional[int], choice: Dict[str, bool], *, needs_key: bool) -> Agenda:
    try:
        return set_agenda(client, plan, limit=limit, **choice)
    except KieConfigError as error:
        if needs_key or isinstance(error, KieJournalError):
            raise
        # Without a key nobody can say which rows on record are one's own; the plan is the same.
        return Agenda((), later=plan.rows)


def _ask(agenda: Agenda, *, yes: bool, is_piped: bool) -> None:
    """Have the plan agreed to, where it costs something.

    Raises:
        click.UsageError: there is nobody to ask.
        click.Abort: it was not.
    """
    if yes or not agenda.to_buy:
        return
    if is_piped or not sys.stdin.isatty():
        raise click.UsageError("nothing was sent: there is nobody to ask; say --yes to buy these rows")
    click.confirm("Buy them?", abort=True, err=True)
