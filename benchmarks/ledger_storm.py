"""A storm on a ledger: threads of several processes hold, capture, release and top up at random, and are killed.

Each process is killed with SIGKILL at random moments, started anew, and does everything again from its beginning, with
the same keys. Afterwards the books are checked by the ledger, and once more by this script, from the bare entries.

Usage: python ledger_storm.py                (64 threads in 4 processes, 10 accounts, 5,000 holds, on SQLite)
       python ledger_storm.py --postgres     (on a PostgreSQL that the script starts, and stops again)
       python ledger_storm.py --url URL      (on a database of yours; it is filled)
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from kie_sync.errors import KieAccountError
from kie_sync.ledger import open_ledger
from kie_sync.ledger.sql import SqlLedger

BONUS = 100
# What becomes of a hold: mostly it is used in part, as a call is held at the most that it can cost.
FATES = ("part", "part", "all", "release", "open")
# What a machine without PostgreSQL ends with: nothing was shown, and nothing is wrong.
SKIPPED = 77


def work(place: str, worker: int, threads: int, holds: int, accounts: int, seed: str) -> None:
    """One process: its share of the holds, in threads; prints what happened."""
    ledger = open_ledger(place)
    counts: List[Counter[str]] = [Counter() for _ in range(threads)]

    failed: List[str] = []

    def run(thread: int) -> None:
        try:
            for number in range(thread, holds, threads):
                one(ledger, f"{worker}-{number}", random.Random(f"{seed}/{worker}/{number}"), accounts, counts[thread])
        except Exception as error:
            failed.append(f"{type(error).__name__}: {error}")

    running = [threading.Thread(target=run, args=(thread,)) for thread in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    ledger.close()
    if failed:
        sys.exit("; ".join(failed))
    print(json.dumps(sum(counts, Counter())), flush=True)


def one(ledger: SqlLedger, key: str, dice: random.Random, accounts: int, count: Counter[str]) -> None:
    """One hold and its end, always the same for the same key."""
    account, credits = f"customer-{dice.randrange(accounts)}", Decimal(dice.randrange(1, 8_000_000)) / 1_000_000
    fate, share = dice.choice(FATES), Decimal(dice.randrange(0, 1000)) / 1000
    if dice.random() < 0.03:
        ledger.topup(account, 20, key=key)
        count["topup"] += 1
    try:
        ledger.hold(account, credits, key=key, ref=f"task-{key} some/model")
    except KieAccountError:
        count["refused"] += 1
        return
    count["held"] += 1
    if fate in ("part", "all"):
        used = credits if fate == "all" else (credits * share).quantize(Decimal("0.000001"))
        ledger.capture(key, used)
    elif fate == "release":
        ledger.release(key)
    count[fate] += 1


def storm(place: str, *, processes: int, threads: int, holds: int, accounts: int, kills: int) -> Dict[str, Any]:
    """Fill a ledger, with kills; what happened, and what is wrong with it (nothing should be)."""
    ledger = open_ledger(place)
    for number in range(accounts):
        ledger.create(f"customer-{number}", bonus=BONUS)
    seed, dice = str(random.random()), random.Random()
    shares = [holds // processes + (worker < holds % processes) for worker in range(processes)]
    each = [str(threads // processes), "", str(accounts), seed]

    def start(worker: int) -> subprocess.Popen[str]:
        each[1] = str(shares[worker])
        words = [sys.executable, __file__, "--work", place, str(worker), *each]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    began = time.monotonic()
    workers = [start(worker) for worker in range(processes)]
    killed, lowest = 0, Decimal(BONUS)
    while any(worker.poll() is None for worker in workers):
        time.sleep(dice.uniform(0.1, 1.0))
        # As a reader sees it in the middle of all.
        lowest = min([lowest, *(balance.available for balance in ledger.accounts())])
        running = [number for number, worker in enumerate(workers) if worker.poll() is None]
        if killed < kills and running:
            chosen = dice.choice(running)
            workers[chosen].send_signal(signal.SIGKILL)
            workers[chosen].communicate()
            workers[chosen], killed = start(chosen), killed + 1
    took_s = time.monotonic() - began
    ended = [worker.communicate()[0] for worker in workers]
    wrong = [
        f"process {number} ended with {worker.returncode}" for number, worker in enumerate(workers) if worker.returncode
    ]
    wrong += [str(finding) for finding in ledger.check()] + recount(ledger, accounts)
    wrong += [] if lowest >= 0 else [f"a reader saw an account at {lowest}"]
    counts: Counter[str] = sum((Counter(json.loads(text)) for text in ended if text), Counter())
    states = Counter(hold.state for hold in ledger.holds(states=("open", "captured", "released")))
    ledger.close()
    told = {"kills": killed, "took_s": round(took_s, 1), "last_runs": dict(counts), "states": dict(states)}
    return {**told, "lowest_seen": str(lowest), "wrong": wrong}


def recount(ledger: SqlLedger, accounts: int) -> List[str]:
    """The books once more, from the bare entries, by other code than the ledger's own."""
    with ledger._store.reading() as transaction:
        entries = transaction.rows(
            "SELECT e.*, m.kind FROM kie_entries e JOIN kie_movements m ON m.move_key = e.move_key ORDER BY e.number"
        )
    wrong, totals, per_move, seen = [], Counter(), Counter(), {}
    for entry in entries:
        micro, account, part = int(entry["micro"]), entry["account"], entry["part"]
        totals[account, part] += micro
        per_move[entry["move_key"]] += micro
        if entry["number"] is not None:
            if totals[account, part] != entry["balance"] or entry["number"] != seen.get(account, 0) + 1:
                wrong.append(
                    f"{entry['move_key']}: entry {entry['number']} of {account} does not follow the one before"
                )
            if totals[account, part] < 0:
                wrong.append(f"{entry['move_key']} takes {account} below zero")
            seen[account] = entry["number"]
    wrong += [f"{name} does not sum to zero" for name, total in per_move.items() if total]
    if sum(totals.values()):
        wrong.append(f"all entries sum to {sum(totals.values())}")
    for balance in ledger.accounts():
        found = [Decimal(totals[balance.account, part]) / 1_000_000 for part in ("available", "held")]
        if found != [balance.available, balance.held]:
            wrong.append(f"{balance} has entries of {found}")
    if totals["system:bonus", "available"] != -accounts * BONUS * 1_000_000:
        wrong.append("a bonus was given twice, or not")
    return wrong


# PostgreSQL


class Missing(Exception):
    """PostgreSQL cannot be started here, and why."""


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server of our own, in a temporary folder, on a socket in it; stopped, and gone, afterwards."""
    programs = find_programs()
    as_user = unprivileged()
    with tempfile.TemporaryDirectory(prefix="ledger-storm-", dir="/tmp") as name:
        folder = Path(name)
        if as_user:
            shutil.chown(folder, as_user, as_user)
            folder.chmod(0o755)
        who: Dict[str, Any] = {"user": as_user, "group": as_user, "extra_groups": []} if as_user else {}
        data = folder / "data"
        words = [programs / "initdb", "-D", data, "-U", "storm", "-A", "trust", "--locale=C", "-E", "UTF8"]
        made = subprocess.run(words, capture_output=True, text=True, cwd=folder, **who)
        if made.returncode:
            raise Missing(f"initdb ended with {made.returncode}: {made.stderr.strip()}")
        # Only a socket; as durable as it is out of the box.
        words = [programs / "postgres", "-D", data, "-h", "", "-k", folder, "-N", "300"]
        with open(folder / "log", "w", encoding="utf-8") as log:
            server = subprocess.Popen(words, stdout=log, stderr=log, cwd=folder, **who)
        try:
            wait_for(server, programs, folder)
            yield f"postgresql+psycopg://storm@/postgres?host={folder}"
        finally:
            # SIGINT: a fast shutdown.
            server.send_signal(signal.SIGINT)
            server.wait(60)


def find_programs() -> Path:
    """The folder of PostgreSQL's programs; Debian keeps them out of the PATH."""
    found = shutil.which("initdb")
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda folder: int(folder.split("/")[4]))
    folders += [str(Path(found).resolve().parent)] if found else []
    for folder in reversed(folders):
        if all(os.access(Path(folder, name), os.X_OK) for name in ("initdb", "postgres", "pg_isready")):
            return Path(folder)
    raise Missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")


def unprivileged() -> Optional[str]:
    """Whom the server runs as: PostgreSQL refuses to be root; None for ourselves."""
    if os.geteuid() != 0:
        return None
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            pwd.getpwnam(name)
            return name
    raise Missing("PostgreSQL refuses to run as root, and there is no other user")


def wait_for(server: subprocess.Popen[bytes], programs: Path, folder: Path) -> None:
    for _ in range(300):
        ready = subprocess.run([programs / "pg_isready", "-h", folder, "-q"], check=False)
        if ready.returncode == 0:
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise Missing(f"PostgreSQL did not start: {(folder / 'log').read_text(encoding='utf-8')[-500:]}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--postgres", action="store_true", help="start a PostgreSQL of our own, and use it")
    parser.add_argument("--url", help="a database, or a file, to use")
    for name, default in (("processes", 4), ("threads", 64), ("holds", 5000), ("accounts", 10), ("kills", 8)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"how many ({default})")
    parser.add_argument("--work", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        place, worker, threads, holds, accounts, seed = given.work
        work(place, int(worker), int(threads), int(holds), int(accounts), seed)
        return 0
    asked = {name: getattr(given, name) for name in ("processes", "threads", "holds", "accounts", "kills")}
    with contextlib.ExitStack() as stack:
        try:
            if given.postgres:
                place = stack.enter_context(postgres())
            else:
                place = given.url or str(Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ledger.sqlite")
        except Missing as reason:
            print(f"skipped: {reason}")
            return SKIPPED
        told = storm(place, **asked)
    print(json.dumps({**asked, **told}, indent=2))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
