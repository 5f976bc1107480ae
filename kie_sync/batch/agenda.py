"""What is left to do of a plan: each of its rows held against what the journal has on record of it."""

from __future__ import annotations

import logging
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from ..client import KieClient
from ..errors import KieConfigError
from ..journal import SqliteJournal
from ..records import UNFINISHED, Record
from .planned import ModelTotal, Plan, PlannedRow, add_up
from .results import journal_key

logger = logging.getLogger("kie_sync")

# What is bought again while an earlier outcome stays unknown has a key of its own: `ROW+2`, `ROW+3`.
_AGAIN = re.compile(r"(.+)\+(\d+)", re.DOTALL)
# How long a model's tasks take, these days.
_RECENT_S = 7 * 86400.0
_WANTED = ("success", *UNFINISHED, "sending")
_PAID = (*_WANTED, "empty", "unknown", "charged")


@dataclass(frozen=True)
class Job:
    """A row to deal with.

    Attributes:
        key: below the batch's name; that of the row, or of its next purchase.
        call_id: the call on record that it goes on with; "" where there is none.
        is_retry: the call that owns the key ended without a result, and gives it up.
    """

    row: PlannedRow
    key: str
    call_id: str = ""
    is_retry: bool = False


@dataclass(frozen=True)
class Agenda:
    """What a run has to do.

    Attributes:
        to_buy: rows to be sent.
        on_record: rows of which a call is on record; they are waited for, fetched, or left as they are.
        later: rows that this run leaves alone, because of `limit` or `only_failed`.
        states: how many rows are on record in each state.
        spent: what the rows have taken so far, or may have: unknown outcomes count as paid. Platform credits.
        others: how many rows were bought under the batch's name that are none of the plan's, as it stands now.
        seconds: how long the purchases take at least, by the provider's limits, and what is on record of durations.
        is_least: nothing is on record of some model's durations, so that it takes longer than `seconds`.
    """

    to_buy: Tuple[Job, ...]
    on_record: Tuple[Job, ...] = ()
    later: Tuple[PlannedRow, ...] = ()
    states: Mapping[str, int] = field(default_factory=dict)
    spent: Decimal = Decimal(0)
    seconds: float = 0.0
    is_least: bool = False
    others: int = 0

    @property
    def totals(self) -> Tuple[ModelTotal, ...]:
        """What is to be bought, by model."""
        return add_up(job.row for job in self.to_buy)


class _Bought(NamedTuple):
    number: int
    call_id: str
    state: str
    taken: Optional[Decimal]
    price: Optional[Decimal]

    def counted(self, row: PlannedRow) -> Decimal:
        """What it counts against a limit: what it took; the most that it can cost, where nobody has said yet."""
        may_take = max(row.most or Decimal(0), self.price or Decimal(0))
        return may_take if self.taken is None else self.taken


def journal_of(client: KieClient) -> SqliteJournal:
    """The journal of a client, which a batch cannot do without.

    Raises:
        KieConfigError: it has none, or one that cannot list what a batch has bought.
    """
    journal = client.connection.journal
    if not isinstance(journal, SqliteJournal):
        raise KieConfigError(
            "a batch needs the journal, by which no row is paid twice: KieClient(journal=True), or a SqliteJournal; "
            "on the command line without --journal off"
        )
    return journal


def set_agenda(
    client: KieClient,
    plan: Plan,
    *,
    retry_failed: bool = False,
    only_failed: bool = False,
    rebuy_unknown: bool = False,
    limit: Optional[int] = None,
) -> Agenda:
    """Hold a plan against the journal; nothing is sent.

    Args:
        retry_failed: buy failed rows anew.
        only_failed: buy these alone.
        rebuy_unknown: buy rows anew of which it is not known whether they were paid.
        limit: buy at most so many.
    """
    known = _on_record(client, plan)
    to_buy: List[Job] = []
    on_record: List[Job] = []
    later: List[PlannedRow] = []
    states: Counter[str] = Counter()
    sending: Set[str] = set()
    spent = Decimal(0)
    for row in plan.rows:
        found = known.get((row.model, row.key), ())
        spent += sum((each.counted(row) for each in found), Decimal(0))
        job, state = _job_of(row, found, retry_failed or only_failed, rebuy_unknown and not only_failed)
        states.update([state] if state else [])
        sending.update([job.call_id] if state == "sending" else [])
        if job.call_id and not job.is_retry:
            on_record.append(job)
        elif (only_failed and not job.is_retry) or (limit is not None and len(to_buy) >= limit):
            later.append(row)
        else:
            to_buy.append(job)
    # Those that another process is sending just now are waited for, and hold up no other.
    on_record.sort(key=lambda job: job.call_id in sending)
    seconds, is_least = _forecast(client, [job.row for job in to_buy])
    named = {(row.model, row.key) for row in plan.rows}
    others = sum(place not in named and any(each.state in _PAID for each in calls) for place, calls in known.items())
    return Agenda(tuple(to_buy), tuple(on_record), tuple(later), dict(states), spent, seconds, is_least, others)


def _job_of(row: PlannedRow, found: Sequence[_Bought], retries: bool, rebuys: bool) -> Tuple[Job, str]:
    """What is to be done about a row, and its state on record; `found` is what was bought, the oldest first."""
    for state in _WANTED:
        for each in found:
            if each.state == state:
                return Job(row, _numbered(row, each.number), each.call_id), state
    # The others were refused, or settled by a person: such calls have given their keys up.
    left = [each for each in found if each.state in ("failed", "empty", "unknown")]
    if not left:
        return Job(row, row.key), ""
    last = left[-1]
    if last.state != "unknown":
        return Job(row, _numbered(row, last.number), last.call_id, is_retry=retries), "failed"
    if rebuys:
        return Job(row, _numbered(row, max(each.number for each in found) + 1)), "unknown"
    return Job(row, _numbered(row, last.number), last.call_id), "unknown"


def _numbered(row: PlannedRow, number: int) -> str:
    return row.key if number == 1 else f"{row.key}+{number}"


def _on_record(client: KieClient, plan: Plan) -> Dict[Tuple[str, str], List[_Bought]]:
    """What was bought for a batch, by model and row; what another API key paid for is told, and is not in it."""
    journal, wanted = journal_of(client), {(row.model, row.key) for row in plan.rows}
    models = sorted({row.model for row in plan.rows})
    accounts = {model: client.connection.account(client.catalog[model].endpoint.provider) for model in models}
    prefix = journal_key(plan.name, "")
    found: Dict[Tuple[str, str], List[_Bought]] = {}
    others: Set[Tuple[str, str]] = set()
    for record in journal.scan(prefix=prefix):
        key = record.key[len(prefix) :]
        again = _AGAIN.fullmatch(key)
        place = (record.model, again[1] if again else key)
        if accounts.get(record.model) == record.account:
            number, taken = int(again[2]) if again else 1, _taken(record)
            bought = _Bought(number, record.id, _state_of(record), taken, record.price)
            found.setdefault(place, []).append(bought)
        elif place in wanted and record.state in _PAID:
            others.add(place)
    count = len(others - set(found))
    if count:
        logger.warning(
            "batch %s: %d of its rows are on record under another API key, which counts as another account; with "
            "this key they are bought anew",
            plan.name,
            count,
        )
    return found


def _state_of(record: Record) -> str:
    return "empty" if record.is_empty else record.state


def _taken(record: Record) -> Optional[Decimal]:
    """What a call took; None where nobody has said, and it may have taken something."""
    return Decimal(0) if record.state in ("refused", "failed") else record.consumed


def _forecast(client: KieClient, rows: Sequence[PlannedRow]) -> Tuple[float, bool]:
    """Seconds that the limits alone ask for, and what is known of how long tasks take; and whether more is unknown."""
    durations = _durations(client, {row.model for row in rows})
    counts = Counter(row.model for row in rows)
    longest, is_least = 0.0, False
    by_provider: Dict[str, List[str]] = {}
    for model in counts:
        by_provider.setdefault(client.catalog[model].endpoint.provider.name, []).append(model)
        is_least |= model not in durations
    for name, models in by_provider.items():
        provider = client.catalog.providers[name]
        count = sum(counts[model] for model in models)
        window_s = (count - 1) // provider.creates * float(provider.per_seconds) if provider.creates else 0.0
        work_s = sum(counts[model] * durations.get(model, 0.0) for model in models)
        last_s = max(durations.get(model, 0.0) for model in models)
        running_s = work_s / provider.running if provider.running else 0.0
        longest = max(longest, window_s + last_s, running_s)
    return longest, is_least


def _durations(client: KieClient, models: Set[str]) -> Dict[str, float]:
    """How long a task of each model takes, in seconds: the median of what is on record."""
    journal, found = journal_of(client), {}
    taken: Dict[str, List[float]] = {}
    for record in journal.scan(since=journal.now() - _RECENT_S):
        if record.state == "success" and record.duration_s is not None and record.model in models:
            taken.setdefault(record.model, []).append(record.duration_s)
    for model, seconds in taken.items():
        found[model] = median(seconds)
    return found
