"""A batch of 10,000 instant tasks with the limit raised: threads, and memory that stays flat.

Usage: python batch_many.py [--rows N]

The sandbox is a process of its own here, and gives the same small picture for every task: to draw 10,000 takes it a
quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List

from batch_makespan import image_model
from side_by_side import cpu_seconds

from kie_sync import KieClient, batch, load_catalog
from kie_sync.batch import Progress
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox.pictures import Picture, encode
from kie_sync.sandbox.works import Works

MOST_THREADS, MOST_MB = 32, 150


def resident_mb() -> float:
    """What this process has in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def work(url: str, key: str, rows: int, folder: str) -> None:
    """The process that is measured."""
    catalog = load_catalog()
    for name, provider in catalog.providers.items():
        catalog.providers[name] = replace(provider, creates=provider.creates * 1000, running=provider.running * 2)
    threads: List[int] = []
    memory: Dict[int, float] = {}

    def note(progress: Progress) -> None:
        tenth = progress.bought * 10 // rows
        if tenth not in memory:
            memory[tenth] = round(resident_mb(), 1)
            threads.append(threading.active_count())

    with KieClient(key, url, catalog=catalog, limiter=True, journal=f"{folder}/journal.sqlite") as client:
        made = ({"prompt": f"picture {number}"} for number in range(rows))
        began = time.monotonic()
        plan = batch.plan(made, client=client, name="many", model=image_model())
        planned_s, before = time.monotonic() - began, cpu_seconds()
        done = batch.run(plan, client=client, out=f"{folder}/out", on_progress=note, poll_interval=0.2)
    told = {
        "planned_s": planned_s,
        "seconds": time.monotonic() - began - planned_s,
        "cpu_s": cpu_seconds() - before,
        "states": done.states,
        "threads": max(threads),
        "memory": memory,
        # In units of 1,024 bytes on Linux.
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    print(json.dumps(told), flush=True)


def measure(rows: int) -> None:
    small = encode(Picture("a picture", "", (64, 64))), "image/png"
    setattr(Works, "file", lambda self, task, number: small)  # noqa: B010
    with tempfile.TemporaryDirectory() as folder, Sandbox(speed=100_000, balance=10_000_000) as sandbox:
        words = [sys.executable, __file__, "--work", sandbox.url, sandbox.key, str(rows), folder]
        told: Dict[str, Any] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
        made, files = len(sandbox.tasks), len(list(Path(folder, "out").glob("*.png")))
    print(f"{rows:,} rows: {told['states']}; {made:,} tasks, {files:,} files")
    print(f"  planned in {told['planned_s']:.1f} s, made in {told['seconds']:.1f} s, processor {told['cpu_s']:.1f} s")
    print("  MB by tenth: " + ", ".join(f"{mb:g}" for mb in told["memory"].values()))
    is_met = told["threads"] < MOST_THREADS and told["peak_mb"] < MOST_MB
    print(f"  {told['threads']} threads (< {MOST_THREADS}), peak {told['peak_mb']:.0f} MB (< {MOST_MB}): ", end="")
    print("met" if is_met else "MISSED")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--work", nargs=4, metavar=("URL", "KEY", "ROWS", "FOLDER"))
    asked = parser.parse_args()
    if asked.work:
        url, key, rows, folder = asked.work
        work(url, key, int(rows), folder)
    else:
        os.environ.pop("KIE_LIMITER", None)
        measure(asked.rows)
