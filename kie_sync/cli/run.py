"""One run of a command: what every command shares, and how it speaks.

Results go to stdout. Chatter, warnings and errors go to stderr: as lines for people or, with `--json`,
as one JSON object a line.
"""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Optional, Tuple, TypeVar

import click

if TYPE_CHECKING:
    from .. import KieClient
    from ..catalog import Catalog
    from ..events import Listener
    from ..journal import SqliteJournal
    from ..ledger import SqlLedger
    from ..records import Record

Command = TypeVar("Command", bound=Callable[..., Any])


OFF = "off"


@dataclass
class Run:
    """The state of one run.

    Attributes:
        catalogs: the files given with `--catalog`.
        is_shipped_only: the user's own folder and `KIE_CATALOG` are left aside.
        journal: the file given with `--journal`, or "off"; None for what `KIE_JOURNAL` says, or the user's own.
        ledger: the file or URL given with `--ledger`, or "off"; None for what `KIE_LEDGER` says, or the user's own.
        task_id: the task that this run made or looks at, as soon as it is known.
        output: where the user wants files, for the line that says how to go on.
        is_buying: a paid call is on its way, and nobody knows yet what became of it.
        call_id: the paid call whose outcome is unknown.
        is_known: the task surely exists: this run made it, has seen it, or has it on record.
        is_over: the task has ended, so that there is nothing left to wait for.
        is_unsaved: its files could not be saved, which is all that went wrong.
        is_answering: a chat's answer is coming, and is not whole.
    """

    as_json: bool = False
    catalogs: List[str] = field(default_factory=list)
    is_shipped_only: bool = False
    journal: Optional[str] = None
    ledger: Optional[str] = None
    task_id: Optional[str] = None
    call_id: Optional[str] = None
    output: Optional[str] = None
    is_buying: bool = False
    is_known: bool = False
    is_over: bool = False
    is_unsaved: bool = False
    _journal: Optional[SqliteJournal] = None
    is_answering: bool = False

    def load_catalog(self, *, asked: str = "", use_environment: bool = True) -> Catalog:
        """The catalog; warns of broken entries, but for the one `asked` for, which is an error of its own."""
        from ..catalog_load import load_catalog

        catalog = load_catalog(*self.catalogs, use_environment=use_environment and not self.is_shipped_only)
        for problem in catalog.errors:
            if not asked or problem.model != asked:
                self.warn(str(problem))
        return catalog

    @property
    def has_journal(self) -> bool:
        named = self.journal if self.journal is not None else os.environ.get("KIE_JOURNAL", "")
        return named.strip().lower() != OFF

    def open_journal(self) -> SqliteJournal:
        """The journal of this run.

        Raises:
            KieConfigError: it was switched off.
        """
        from ..errors import KieConfigError
        from ..journal import SqliteJournal

        if not self.has_journal:
            raise KieConfigError("the journal is switched off (--journal off, or KIE_JOURNAL=off)")
        if self._journal is None:
            self._journal = SqliteJournal(self.journal)
        return self._journal

    def open_ledger(self) -> SqlLedger:
        """The ledger of this run.

        Raises:
            KieConfigError: it was switched off.
        """
        from ..errors import KieConfigError
        from ..ledger import open_ledger

        if (self.ledger or "").strip().lower() == OFF:
            raise KieConfigError("the ledger is switched off (--ledger off)")
        return open_ledger(self.ledger)

    def find_ledger(self) -> Optional[SqlLedger]:
        """The ledger whose holds a command may end, where there is one: nobody is made to have accounts."""
        from ..config import LEDGER_VARIABLE, ledger_place

        named = self.ledger if self.ledger is not None else os.environ.get(LEDGER_VARIABLE, "")
        if named.strip().lower() == OFF or (not named.strip() and not os.path.exists(ledger_place())):
            return None
        return self.open_ledger()

    def open_client(
        self, *, catalog: Optional[Catalog] = None, on_event: Optional[Listener] = None, **settings: Any
    ) -> KieClient:
        """A client with this run's catalog and journal."""
        from .. import KieClient

        # Not the journal that commands read: the client's own counts the day's limit.
        journal = (self.journal or True) if self.has_journal else None
        catalog = self.load_catalog() if catalog is None else catalog

        def note(event: Any) -> None:
            from ..events import ChatSubmitting, TaskSubmitting

            if self.has_journal and isinstance(event, (TaskSubmitting, ChatSubmitting)):
                from ..recovery import note_balance

                # Before something is bought: `reconcile` compares with it.
                note_balance(client, self.open_journal())

        own = [] if on_event is None else [on_event]
        client = KieClient(
            catalog=catalog, journal=journal, limiter=self._limiter(catalog), on_event=[*own, note], **settings
        )
        return client

    def _limiter(self, catalog: Catalog) -> Optional[Path]:
        """The file in which commands keep the platform's rate together, for each is a process of its own.

        None where the user names one himself, keeps no record, or plays with a sandbox on this machine.
        """
        from urllib.parse import urlsplit

        from ..config import Settings, is_loopback, read_variable

        home = next(iter(catalog.providers.values()))
        host = urlsplit(Settings().with_home(home.name).base_url(home)).hostname or ""
        if not self.has_journal or read_variable("KIE_LIMITER") is not None or is_loopback(host):
            return None
        return self.open_journal().path.with_name("limiter.sqlite")

    def say(self, text: str) -> None:
        """Chatter for people; a program gets none."""
        if not self.as_json:
            click.echo(text, err=True)

    def found(self, record: Record) -> None:
        """Say that a task was bought before, so that nobody takes its price for paid once more."""
        if self.as_json:
            self.tell("task", {"task_id": record.task_id, "model": record.model, "state": "on record"})
        self.say(f"task {record.task_id} was bought before under this key; nothing is paid again")

    def warn(self, text: str) -> None:
        if self.as_json:
            self.tell("warning", text)
        else:
            click.echo(f"warning: {text}", err=True)

    def tell(self, what: str, about: Any) -> None:
        """A line of JSON on stderr."""
        click.echo(json.dumps({what: as_json(about)}, ensure_ascii=False), err=True)

    def resume_line(self, task_id: str) -> str:
        """The command that goes on with a task: waits for it, or fetches the files of one that is done."""
        words = ["kie-sync", "task", task_id, *([] if self.is_over else ["--wait"])]
        words += [word for path in self.catalogs for word in ("--catalog", path)]
        words += ["--no-user-catalog"] if self.is_shipped_only else []
        words += ["--journal", self.journal] if self.journal is not None else []
        # A URL may hold a password; KIE_LEDGER keeps it off the screen.
        words += ["--ledger", self.ledger] if self.ledger is not None and "://" not in self.ledger else []
        words += ["-o", self.output] if self.output else []
        return " ".join(shlex.quote(word) for word in words)


def as_json(value: Any) -> Any:
    """A value as JSON holds it; amounts are text, so that no digit is lost."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    return [as_json(item) for item in value] if isinstance(value, (list, tuple)) else value


def print_line(value: Any) -> None:
    """A line of JSON, where a command goes on printing."""
    click.echo(json.dumps(as_json(value), ensure_ascii=False))


def print_json(value: Any) -> None:
    """The one JSON document of a command."""
    click.echo(json.dumps(as_json(value), ensure_ascii=False, indent=2))


def _add_catalogs(ctx: click.Context, parameter: click.Parameter, paths: Tuple[str, ...]) -> None:
    ctx.ensure_object(Run).catalogs.extend(paths)


def _leave_own_aside(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        ctx.ensure_object(Run).is_shipped_only = True


def _want_json(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    # Only a flag that was given counts: a group and its command may both have it.
    if wanted:
        ctx.ensure_object(Run).as_json = True


def _set_journal(ctx: click.Context, parameter: click.Parameter, path: Optional[str]) -> None:
    if path is not None:
        if not path.strip():
            raise click.BadParameter('name a file, or say "off"')
        ctx.ensure_object(Run).journal = path


def journal_option(command: Command) -> Command:
    """`--journal`."""
    return click.option(
        "--journal",
        metavar="FILE",
        expose_value=False,
        callback=_set_journal,
        help='Where paid calls are on record; "off" keeps no record.',
    )(command)


def catalog_option(command: Command) -> Command:
    """`--catalog` and `--no-user-catalog`: they stand before or after the command's name, or both."""
    without = click.option(
        "--no-user-catalog",
        is_flag=True,
        expose_value=False,
        callback=_leave_own_aside,
        help="Leave your own folder of catalog files, and KIE_CATALOG, aside.",
    )
    named = click.option(
        "--catalog",
        metavar="FILE",
        multiple=True,
        expose_value=False,
        callback=_add_catalogs,
        help="Models and prices of your own, laid over ours; may be repeated.",
    )
    return named(without(command))


def common_options(command: Command) -> Command:
    """What every command that prints data takes."""
    wants_json = click.option("--json", is_flag=True, expose_value=False, callback=_want_json, help="Print JSON.")
    return wants_json(catalog_option(command))
