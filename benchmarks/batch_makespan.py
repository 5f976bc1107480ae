"""A batch of 500 rows against a sandbox with the platform's limits: 429s, and the time it takes beside the least.

Usage: python batch_makespan.py [--rows N]     (500 rows take 4 minutes: that is what the limit takes)
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

from side_by_side import cpu_seconds

from kie_sync import KieClient, batch, load_catalog
from kie_sync.sandbox import Sandbox
from kie_sync.sandbox.tasks import DURATIONS

TARGET = 1.03


def image_model() -> str:
    """The first model of the catalog that makes a picture from a prompt."""
    return next(entry.id for entry in load_catalog().values() if entry.kind == "image")


def work(url: str, key: str, rows: int, folder: str) -> None:
    """The process that is measured: it runs the batch, and prints how long that took."""
    with KieClient(key, url, limiter=True, journal=str(Path(folder) / "journal.sqlite")) as client:
        plan = batch.plan(
            ({"prompt": f"picture {number}"} for number in range(rows)),
            client=client,
            name="makespan",
            model=image_model(),
        )
        before, began = cpu_seconds(), time.monotonic()
        done = batch.run(plan, client=client, out=str(Path(folder) / "out"))
        seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "cpu_s": cpu_seconds() - before, "states": done.states}), flush=True)


def most_at_once(sandbox: Sandbox) -> int:
    """How many tasks ran at the same time, by the sandbox's own clock."""
    changes = sorted([(task.created, 1) for task in sandbox.tasks] + [(task.ends, -1) for task in sandbox.tasks])
    running, most = 0, 0
    for _, change in changes:
        running += change
        most = max(most, running)
    return most


def measure(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, Sandbox(speed=1, balance=1_000_000) as sandbox:
        words = [sys.executable, __file__, "--work", sandbox.url, sandbox.key, str(rows), folder]
        told: Dict[str, Any] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
        creates: List[str] = [request.path for request in sandbox.requests if request.path.endswith("/createTask")]
        made, at_once = len(sandbox.tasks), most_at_once(sandbox)
    provider = next(iter(load_catalog().providers.values()))
    # The last window opens, and a task takes its time in it.
    least = (rows - 1) // provider.creates * float(provider.per_seconds) + DURATIONS["image"]
    ratio = told["seconds"] / least
    print(f"{rows} rows: {told['states']}; {made} tasks, {len(creates) - made} of 429, {at_once} at once at most")
    print(f"  {told['seconds']:.2f} s; the limit itself takes {least:g} s; processor {told['cpu_s']:.1f} s")
    print(f"  x {ratio:.3f}  target <= {TARGET}: {'met' if ratio <= TARGET else 'MISSED'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--work", nargs=4, metavar=("URL", "KEY", "ROWS", "FOLDER"))
    asked = parser.parse_args()
    if asked.work:
        url, key, rows, folder = asked.work
        work(url, key, int(rows), folder)
    else:
        os.environ.pop("KIE_LIMITER", None)
        measure(asked.rows)
