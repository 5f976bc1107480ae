"""kill -9 at random moments: `PYTHONPATH=.:tests python -m faults.kill_storm [RUNS]`.

So many runs of `kie-sync generate --key row-N` in processes of their own are killed, each at a random moment of its
life; then `resume` and `collect` go on; then all of it is run again with the same keys. The sandbox's books say what
was paid.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

from kie_sync.journal import SqliteJournal
from kie_sync.records import Record
from kie_sync.sandbox import Sandbox

from .programs import CLI, environment, kie_sync, start, whole_pictures
from .world import KEY

MODEL = "google/nano-banana"
AT_ONCE = 4
# Of a hundred runs, so many are left alone.
_SPARED = 15
# Tasks end after half a second; answers to creates are late by this, so that many are killed while one is out.
_SPEED, _SLOW = 4.0, "create:slow=0.15"


@dataclass
class Found:
    """What a storm came to; `problems` says what must not be, and is empty."""

    runs: int
    killed: int = 0
    ended: int = 0
    unknown: int = 0
    unknown_paid: int = 0
    never_sent: int = 0
    on_disk: int = 0
    paid: int = 0
    paid_in_the_end: int = 0
    problems: List[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.killed} killed, {self.ended} ended by themselves; {self.paid} paid, each once; "
            f"{self.on_disk} with an answer, all on disk; {self.unknown} unknown, listed and not sent again "
            f"({self.unknown_paid} of them paid); {self.never_sent} never begun; run again with the same keys: "
            f"{self.paid_in_the_end} paid in all; {len(self.problems)} problems"
        )


class _Storm:
    def __init__(self, folder: Path, runs: int, seed: int, sandbox: Sandbox) -> None:
        self.sandbox, self.runs = sandbox, runs
        self.random = random.Random(seed)
        self.out = folder / "out"
        self.journal = SqliteJournal(folder / "journal.sqlite")
        self.environ = environment(sandbox, self.journal.path)
        self.found = Found(runs)
        self.lock = threading.Lock()

    def paid(self) -> Dict[str, List[str]]:
        """The ids of tasks by their prompt."""
        books: Dict[str, List[str]] = {}
        for task in self.sandbox.tasks:
            books.setdefault(str(task.input["prompt"]), []).append(task.id)
        return books

    def records(self) -> Dict[str, Record]:
        """What is on record, by key."""
        return {record.key: record for record in self.journal.records()}

    def words(self, number: int) -> List[str]:
        place = ["--key", f"row-{number}", "-o", f"{self.out}/", "--poll-interval", "0.05"]
        return [*CLI, "generate", MODEL, f"prompt {number}", *place]

    def run(self, number: int, dies_after_s: float) -> None:
        """One run; it dies after so many seconds, unless it was quicker."""
        process = start(self.words(number), self.environ)
        try:
            said = process.communicate(timeout=dies_after_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            said = process.communicate()
        self.check_said(*said)
        with self.lock:
            self.found.killed += process.returncode == -signal.SIGKILL
            self.found.ended += process.returncode != -signal.SIGKILL

    def check_said(self, *texts: str) -> None:
        if any(KEY in text for text in texts):
            self.found.problems.append("the key was printed")

    def life_s(self) -> float:
        """How long a run lives when it is left alone, among as many others as later."""
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: self.run(-1 - number, 120.0), range(AT_ONCE)))
        self.found.ended -= AT_ONCE
        return time.monotonic() - began

    def go(self) -> Found:
        life_s = self.life_s()
        moments = [
            120.0 if self.random.randrange(100) < _SPARED else self.random.uniform(0, life_s) for _ in range(self.runs)
        ]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.run, range(self.runs), moments))
        before = self.paid()
        for words in (("resume", "--poll-interval", "0.05"), ("collect", "-o", f"{self.out}/")):
            done = kie_sync(self.environ, *words)
            self.check_said(done.stdout, done.stderr)
            # 5: calls of unknown outcome are left.
            if done.returncode not in (0, 5):
                self.found.problems.append(f"{words[0]} ended with {done.returncode}: {done.stderr}")
        self.check(before)
        self.run_again(before)
        return self.found

    def check(self, before: Dict[str, List[str]]) -> None:
        """What was paid is on record, and what is on record as paid is on disk."""
        books, records, found = self.paid(), self.records(), self.found
        found.problems += [] if books == before else ["resume or collect bought something"]
        names = " ".join(path.name for path in whole_pictures(self.out))
        for number in range(self.runs):
            prompt, record = f"prompt {number}", records.get(f"row-{number}")
            ids = books.get(prompt, [])
            found.paid += len(ids)
            if len(ids) > 1:
                found.problems.append(f"{prompt} was paid {len(ids)} times")
            if record is None:
                found.never_sent += 1
                found.problems += [f"{prompt} was paid, and nothing is on record of it"] if ids else []
            elif record.state == "unknown":
                found.unknown += 1
                found.unknown_paid += len(ids)
                is_told = record.model == MODEL and record.price == Decimal(4) and record.created_at > 0
                found.problems += [] if is_told else [f"too little is on record of {prompt}: {record}"]
            elif record.state != "success" or [record.task_id] != ids:
                found.problems.append(f"{prompt}: {ids} were paid, and on record is {record.state} {record.task_id}")
            elif record.task_id and record.task_id in names and _is_saved(record):
                found.on_disk += 1
            else:
                found.problems.append(f"{prompt}: task {record.task_id} is paid, and not on disk")

    def run_again(self, before: Dict[str, List[str]]) -> None:
        """The same words with the same keys: only what is missing is paid, and what nobody knows is not."""
        states = {key: record.state for key, record in self.records().items()}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            codes = list(pool.map(self.run_whole, range(self.runs)))
        books = self.paid()
        self.found.paid_in_the_end = sum(len(books.get(f"prompt {number}", [])) for number in range(self.runs))
        for number, code in enumerate(codes):
            prompt, state = f"prompt {number}", states.get(f"row-{number}")
            ids = books.get(prompt, [])
            expected = before.get(prompt, []) if state is not None else ids[:1]
            if ids != expected or (state != "unknown" and len(ids) != 1):
                self.found.problems.append(f"{prompt} ({state}) was paid {len(ids)} times after it was run again")
            if code != (5 if state == "unknown" else 0):
                self.found.problems.append(f"{prompt} ({state}) ended with {code} when it was run again")

    def run_whole(self, number: int) -> int:
        done: Any = subprocess.run(
            self.words(number), env=self.environ, capture_output=True, text=True, timeout=300, check=False
        )
        self.check_said(done.stdout, done.stderr)
        return int(done.returncode)


def _is_saved(record: Record) -> bool:
    """Whether the journal knows where each file is, and it is there."""
    return all(Path(record.files.get(url, "nowhere")).is_file() for url in record.urls)


def storm(folder: Path, *, runs: int = 200, seed: int = 0) -> Found:
    """Kill so many runs at random moments, go on with what is left of them, and look at the books."""
    with Sandbox(speed=_SPEED, key=KEY, balance=Decimal(1_000_000), faults=[_SLOW]) as sandbox:
        made = _Storm(folder, runs, seed, sandbox)
        try:
            return made.go()
        finally:
            made.journal.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        result = storm(Path(place), runs=int(sys.argv[1]) if sys.argv[1:] else 200, seed=int(time.time()))
    print(result, *result.problems, sep="\n")
    sys.exit(bool(result.problems))
