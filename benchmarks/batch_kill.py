"""The same 500 rows, killed with SIGKILL five times at random and started again: the sandbox's books beside our own.

Usage: python batch_kill.py [--rows N] [--kills N] [--seed N]     (500 rows take 5 minutes)
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import List

from batch_makespan import image_model

from kie_sync import KieClient, batch, load_catalog
from kie_sync.journal import SqliteJournal
from kie_sync.sandbox import Sandbox

# A real create takes a third to five sixths of a second: so that kills find calls on their way.
_SLOW = "create:slow=0.5"


def work(url: str, key: str, rows: int, folder: str) -> None:
    """One life of the process that is killed."""
    # A limiter in a file: it remembers what an earlier life has sent.
    with KieClient(key, url, limiter=f"{folder}/limiter.sqlite", journal=f"{folder}/journal.sqlite") as client:
        made = ({"prompt": f"picture {number}"} for number in range(rows))
        batch.run(made, client=client, name="kill", model=image_model(), out=f"{folder}/out")


def measure(rows: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    provider = next(iter(load_catalog().providers.values()))
    least = (rows - 1) // provider.creates * float(provider.per_seconds)
    moments = sorted(chance.uniform(0.02, 0.95) * max(least, 10.0) for _ in range(kills))
    with tempfile.TemporaryDirectory() as folder, Sandbox(speed=1, balance=1_000_000, faults=[_SLOW]) as sandbox:
        began = time.monotonic()
        words = [sys.executable, __file__, "--work", sandbox.url, sandbox.key, str(rows), folder]
        print(f"{rows} rows, seed {seed}; killed after " + ", ".join(f"{moment:.1f}" for moment in moments) + " s")
        for moment in moments:
            child = subprocess.Popen(words)
            time.sleep(max(moment - (time.monotonic() - began), 0.0))
            child.kill()
            child.wait()
        subprocess.run(words, check=True)
        seconds = time.monotonic() - began
        tell(sandbox, Path(folder), rows, seconds)


def tell(sandbox: Sandbox, folder: Path, rows: int, seconds: float) -> None:
    """Hold the sandbox's books against journal and files."""
    prompts = Counter(str(task.input["prompt"]) for task in sandbox.tasks)
    records = SqliteJournal(folder / "journal.sqlite").records()
    by_task = {record.task_id: record for record in records if record.task_id}
    states = Counter(record.state for record in records)
    twice = [prompt for prompt, count in prompts.items() if count > 1]
    unsaved = [
        record.task_id
        for record in by_task.values()
        if record.state != "success" or not all(_is_whole(record.files.get(url, "")) for url in record.urls)
    ]
    unknown = [record for record in records if record.state == "unknown"]
    strays: List[str] = [str(task.input["prompt"]) for task in sandbox.tasks if task.id not in by_task]
    unlisted = [prompt for prompt in strays if not any(f'"{prompt}"' in record.given for record in unknown)]
    results = (folder / "out" / "results.csv").read_text(encoding="utf-8-sig").splitlines()
    creates = sum(request.path.endswith("/createTask") for request in sandbox.requests)
    refused = creates - len(sandbox.tasks)
    print(f"  {seconds:.1f} s; {len(sandbox.tasks)} tasks paid, {refused} creates of 429; on record: {dict(states)}")
    print(f"  rows paid twice: {len(twice)}")
    print(f"  rows whose answer reached us, and that are not done or not on disk: {len(unsaved)}")
    print(f"  rows of unknown outcome, listed: {len(unknown)}, of which really paid: {len(strays)}")
    print(f"  tasks that are paid, and neither on record nor listed as unknown: {len(unlisted)}")
    print(f"  rows in results.csv: {len(results) - 1} of {rows}")
    is_met = not (twice or unsaved or unlisted) and len(results) - 1 == rows
    print(f"  {'met' if is_met else 'MISSED'}")


def _is_whole(path: str) -> bool:
    return bool(path) and os.path.isfile(path) and os.path.getsize(path) > 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--work", nargs=4, metavar=("URL", "KEY", "ROWS", "FOLDER"))
    asked = parser.parse_args()
    if asked.work:
        url, key, rows, folder = asked.work
        work(url, key, int(rows), folder)
    else:
        os.environ.pop("KIE_LIMITER", None)
        measure(asked.rows, asked.kills, asked.seed)
