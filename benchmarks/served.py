"""Starts `server.py` on a port of this machine, and stops it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator


@contextmanager
def served() -> Iterator[int]:
    """The port of a server in a process of its own; on another core than ours where there are two."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("server.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        port = int(process.stdout.readline())
        if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
            first, *rest = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(process.pid, {first})
            os.sched_setaffinity(0, set(rest))
        yield port
    finally:
        process.stdin.close()
        process.wait(timeout=10)
