"""Limiter and journal: 8 processes of 25 threads, a file of each, 200 creates, against a server that counts itself.

Usage: python limiter.py            (takes 90 s and more: that is what the limit takes)
       python limiter.py --compare  (a few seconds; beside libraries, where they are installed)
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Callable, Deque, Dict, List, Tuple

from side_by_side import cpu_seconds

from kie_sync import KieAdapter, KieClient, load_catalog
from kie_sync.config import Settings
from kie_sync.events import TaskCreated, TaskSubmitting
from kie_sync.journal import SqliteJournal
from kie_sync.limiter import Limiter
from kie_sync.records import PaidCall
from kie_sync.sandbox import Sandbox

PROCESSES, THREADS = 8, 25
# For the comparison: 20 per 2 s, and up to 300 ms each way, as a busy platform takes.
CREATES, PER_S, RUNS, DELAY_S = 20, 2, 100, 0.3


def work(url: str, key: str, limiter: str, journal: str) -> None:
    """One process: a create from each of its threads, all at once; prints when each was answered."""
    catalog = load_catalog()
    model = next(entry.id for entry in catalog.values() if entry.kind == "image")
    made: List[float] = []

    def note(event: Any) -> None:
        if isinstance(event, TaskCreated):
            made.append(time.monotonic())

    with KieClient(key, url, catalog=catalog, limiter=limiter, journal=journal, on_event=note) as client:
        adapter = KieAdapter(client, model)
        threads = [threading.Thread(target=adapter.generate, args=("a cat",)) for _ in range(THREADS)]
        print("ready", flush=True)
        sys.stdin.readline()
        before = cpu_seconds()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(json.dumps({"made": made, "cpu_s": cpu_seconds() - before}), flush=True)


def full_scale() -> None:
    """Eight processes; the last create, 429s, and processor time."""
    with tempfile.TemporaryDirectory() as folder, Sandbox(speed=1, balance=100_000) as sandbox:
        limiter, journal = str(Path(folder) / "limiter.sqlite"), str(Path(folder) / "journal.sqlite")
        words = [sys.executable, __file__, "--work", sandbox.url, sandbox.key, limiter, journal]
        workers = [
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None and worker.stdout.readline() == "ready\n"
        began = time.monotonic()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        told = [json.loads(worker.communicate()[0]) for worker in workers]
        made = sorted(at - began for each in told for at in each["made"])
        provider = next(iter(load_catalog().providers.values()))
        sent = sum(request.method == "POST" and "createTask" in request.path for request in sandbox.requests)
        rows = SqliteJournal(journal).records(["success"])
        lost = {task.id for task in sandbox.tasks} ^ {row.task_id for row in rows}
    per_s, creates = float(provider.per_seconds), provider.creates
    least = (len(made) - 1) // creates * per_s
    print(f"{PROCESSES} processes x {THREADS} threads: {len(made)} creates, {sent - len(made)} of 429")
    print(f"  rows of the journal that are lost, or too many: {len(lost)}")
    print(f"  the last was answered after {made[-1]:.2f} s; the limit itself takes {least:g} s and a round trip")
    print(f"  x {made[-1] / least:.3f}  target <= 1.05: {'met' if made[-1] <= least * 1.05 else 'MISSED'}")
    print(f"  processor time, polling of tasks included: {sum(each['cpu_s'] for each in told):.2f} s in all")


class Server:
    """Counts creates as they come in, somewhere within the time that an answer takes."""

    def __init__(self) -> None:
        self._lock, self.refused = threading.Lock(), 0
        self._seen: Deque[float] = deque()

    def create(self) -> bool:
        time.sleep(random.uniform(0, DELAY_S))
        with self._lock:
            now = time.monotonic()
            while self._seen and self._seen[0] <= now - PER_S:
                self._seen.popleft()
            is_free = len(self._seen) < CREATES
            self._seen.extend([now] if is_free else [])
            self.refused += not is_free
        time.sleep(random.uniform(0, DELAY_S))
        return is_free


def measure(enter: Callable[[int], Any], leave: Callable[[Any], None]) -> Tuple[float, int]:
    """Seconds and 429s of all creates, from a thread each; what was refused tries again after a while."""
    server = Server()

    def run(number: int) -> None:
        while True:
            place = enter(number)
            is_done = server.create()
            leave(place)
            if is_done:
                return
            time.sleep(random.uniform(0.1, 0.3))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(RUNS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - began, server.refused


def ours() -> Tuple[float, int]:
    """Our limiter, told what the client tells it."""
    named = replace(next(iter(load_catalog().providers.values())), creates=CREATES, per_seconds=Decimal(PER_S))
    limiter = Limiter({named.name: named}, Settings(), True)

    def enter(number: int) -> str:
        call = PaidCall(f"{number} {time.monotonic()}", "m", provider=named.name, deadline_s=0.001)
        limiter(TaskSubmitting("m", call=call))
        return call.id

    return measure(enter, lambda call_id: limiter(TaskCreated("m", call_id=call_id)))


def pyrate_limiter() -> Tuple[float, int]:
    """pyrate-limiter's exact window; it blocks by itself."""
    library = importlib.import_module("pyrate_limiter")
    limiter = library.Limiter(library.Rate(CREATES, int(PER_S * 1000)))
    return measure(lambda number: limiter.try_acquire("create"), lambda place: None)


def limits() -> Tuple[float, int]:
    """limits' moving window; it says when the window has room, and we sleep until then."""
    library = importlib.import_module("limits")
    strategy = importlib.import_module("limits.strategies").MovingWindowRateLimiter(library.storage.MemoryStorage())
    item = library.RateLimitItemPerSecond(CREATES, int(PER_S))

    def enter(number: int) -> None:
        while not strategy.hit(item, "create"):
            time.sleep(max(strategy.get_window_stats(item, "create").reset_time - time.time(), 0.001))

    return measure(enter, lambda place: None)


def compare() -> None:
    contestants: Dict[str, Callable[[], Tuple[float, int]]] = {
        "kie_sync, stamped at the answer": ours,
        "pyrate-limiter": pyrate_limiter,
        "limits": limits,
    }
    least = (RUNS - 1) // CREATES * PER_S
    print(f"{RUNS} creates, {CREATES} per {PER_S:g} s, an answer takes 0 to {DELAY_S * 2000:g} ms; least {least:g} s")
    for name, run in contestants.items():
        try:
            before = cpu_seconds()
            seconds, refused = run()
        except ModuleNotFoundError as error:
            print(f"  {name:<34} not installed: {error.name}")
            continue
        cpu = cpu_seconds() - before
        print(f"  {name:<34} {seconds:6.2f} s  x {seconds / least:5.2f}  429s {refused:4}  processor {cpu:.2f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--compare", action="store_true")
    parser.add_argument("--work", nargs=4, metavar=("URL", "KEY", "LIMITER", "JOURNAL"))
    asked = parser.parse_args()
    if asked.work:
        work(*asked.work)
    elif asked.compare:
        compare()
    else:
        os.environ.pop("KIE_LIMITER", None)
        full_scale()
