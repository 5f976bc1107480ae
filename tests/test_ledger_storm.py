"""A small storm on an SQLite file; benchmarks/ledger_storm.py makes the whole one, on PostgreSQL, too."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL on Windows")
def test_threads_processes_and_kills_leave_the_books_right() -> None:
    script, environment = ROOT / "benchmarks" / "ledger_storm.py", {**os.environ, "PYTHONPATH": str(ROOT)}
    words = ["--holds", "400", "--processes", "2", "--threads", "16", "--accounts", "3", "--kills", "2"]

    done = subprocess.run(
        [sys.executable, script, *words], env=environment, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    # Everything was tried, and three accounts could not pay for all of it.
    assert told["last_runs"]["held"] + told["last_runs"]["refused"] == 400
    assert told["last_runs"]["refused"] > 0
    assert sum(told["states"].values()) >= told["last_runs"]["held"]
