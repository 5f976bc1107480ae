"""The course of a run: results as they come, told and written down; Ctrl-C; and what it all came to."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from ..errors import KieConfigError, KieError
from .agenda import Agenda
from .engine import Engine
from .outcomes import bad, not_sent
from .planned import Plan
from .purchasing import Buyer
from .results import RowResult
from .tables import ResultFiles, flat

INTERRUPTED = "interrupted"
SHEET_NAME = "index.html"


@dataclass(frozen=True)
class Progress:
    """How far a run is. Amounts are platform credits.

    Attributes:
        rows: all rows of the batch.
        states: rows that are dealt with, by what became of them.
        in_air: tasks on the platform just now.
        spent: what the batch has taken, earlier runs included.
        reserved: what it may take for rows that have not ended, or of which that is not known.
        limit: the most that it may take; None for no limit.
        bought: rows that this run has sent and dealt with, of `to_buy`.
        stopped: why no row more is sent; "" as long as they are.
    """

    rows: int
    states: Mapping[str, int]
    in_air: int
    spent: Decimal
    reserved: Decimal
    limit: Optional[Decimal]
    bought: int
    to_buy: int
    stopped: str

    @property
    def done(self) -> int:
        return self.states.get("success", 0)


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch: its rows, in their order; iterates over them.

    Attributes:
        stopped: why rows were left unsent; "" where none were for that reason.
        error: what stopped it, where an error did.
    """

    name: str
    rows: List[RowResult]
    stopped: str = ""
    error: Optional[KieError] = field(default=None, compare=False)

    def __iter__(self) -> Iterator[RowResult]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def states(self) -> Dict[str, int]:
        """How many rows became what."""
        return dict(Counter(row.state for row in self.rows))

    @property
    def credits_consumed(self) -> Decimal:
        """What the platform says the rows took, in all runs; what it has not said is not in it."""
        return sum((row.consumed for row in self.rows if row.consumed is not None), Decimal(0))

    def to_rows(self) -> List[Dict[str, Any]]:
        """Flat mappings, as `results.csv` has them; see `kie_sync.batch.tables.flat`."""
        return [flat(row) for row in self.rows]

    def to_frame(self) -> Any:
        """A frame of pandas.

        Raises:
            KieConfigError: pandas is not installed.
        """
        import importlib

        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise KieConfigError("to_frame() needs pandas: pip install pandas; to_rows() needs nothing") from error
        return pandas.DataFrame(self.to_rows())


class Course:
    """One run, from the first result to the files.

    Args:
        files: the results' files; None to write none.
    """

    def __init__(
        self,
        plan: Plan,
        agenda: Agenda,
        engine: Engine,
        buyer: Buyer,
        files: Optional[ResultFiles],
        on_result: Optional[Callable[[RowResult], None]],
        on_progress: Optional[Callable[[Progress], None]],
    ) -> None:
        self._plan, self._agenda, self._engine, self._buyer = plan, agenda, engine, buyer
        self._files, self._on_result, self._on_progress = files, on_result, on_progress
        self._sending = {job.row.number for job in agenda.to_buy}
        self._rows: List[RowResult] = []
        self._states: Counter[str] = Counter()
        self._bought = 0

    def run(self) -> BatchResult:
        """Deal with every row.

        Raises:
            KieConfigError: a file cannot be written.
            KeyboardInterrupt: Ctrl-C came twice.
        """
        if self._files is not None:
            self._files.open()
        try:
            for wrong in self._plan.bad:
                self._take(bad(wrong))
            for row in self._agenda.later:
                self._take(not_sent(row, "waiting", "left for another run"))
            with _listening(self._engine), closing(self._engine.run()) as coming:
                for result in coming:
                    if result is not None:
                        self._take(result)
                    self._tell()
        except KeyboardInterrupt:
            raise
        except BaseException:
            # The process may end now, and what is on its way would be of unknown outcome.
            self._engine.leave()
            self._buyer.wait_for_answers()
            raise
        finally:
            if self._files is not None:
                self._files.close()
        self._rows.sort(key=lambda row: row.number)
        found = BatchResult(self._plan.name, self._rows, self._buyer.reason, self._buyer.error)
        if self._files is not None:
            self._files.finish(found.rows)
            self._write_sheet(self._files, found)
        return found

    def _take(self, result: RowResult) -> None:
        self._rows.append(result)
        self._states[result.state] += 1
        self._bought += result.number in self._sending
        if self._files is not None:
            self._files.add(result)
        if self._on_result is not None:
            self._on_result(result)

    def _tell(self) -> None:
        if self._on_progress is not None:
            purse = self._buyer.purse
            self._on_progress(
                Progress(
                    rows=len(self._plan.rows) + len(self._plan.bad),
                    states=dict(self._states),
                    in_air=self._engine.in_air,
                    spent=purse.spent,
                    reserved=purse.reserved,
                    limit=purse.limit,
                    bought=self._bought,
                    to_buy=len(self._sending),
                    stopped=self._buyer.reason,
                )
            )

    @staticmethod
    def _write_sheet(files: ResultFiles, found: BatchResult) -> None:
        from .sheet import write_sheet

        write_sheet(files.folder / SHEET_NAME, found.rows, title=found.name)


@contextmanager
def _listening(engine: Engine) -> Iterator[None]:
    """Ctrl-C once stops the sending, twice leaves; where somebody else listens to it already, it stays theirs."""
    is_ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not is_ours:
        yield
        return
    is_second = False

    def interrupt(number: int, frame: Any) -> None:
        nonlocal is_second
        if is_second:
            raise KeyboardInterrupt
        is_second = True
        engine.stop(INTERRUPTED)

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
