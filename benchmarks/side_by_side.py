"""Ratios that a noisy machine cannot spoil: contestants take turns in every round, and each round is one pair."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import Callable, Dict, List, Sequence

Run = Callable[[], float]


def rounds_asked_for(default: int) -> int:
    """The value of `--rounds`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=default)
    rounds: int = parser.parse_args().rounds
    return rounds


def interleave(contestants: Dict[str, Run], rounds: int) -> Dict[str, List[float]]:
    """Every contestant once a round, in an order that turns; one round before them is thrown away."""
    names = list(contestants)
    taken: Dict[str, List[float]] = {name: [] for name in names}
    for number in range(-1, rounds):
        for step in range(len(names)):
            name = names[(number + step) % len(names)]
            seconds = contestants[name]()
            if number >= 0:
                taken[name].append(seconds)
    return taken


def ratio(measured: Sequence[float], yardstick: Sequence[float]) -> float:
    """The median of the ratios of the pairs."""
    return statistics.median(one / other for one, other in zip(measured, yardstick))


def report(
    row: str, taken: Dict[str, List[float]], yardstick: str, targets: Dict[str, float], unit: str = "ms"
) -> None:
    """One line per contestant: its median, its ratio to the yardstick, and the target where there is one."""
    scale = {"s": 1, "ms": 1e3, "us": 1e6}[unit]
    print(f"\n{row} (yardstick: {yardstick}, {len(taken[yardstick])} rounds)")
    for name, seconds in taken.items():
        times = ratio(seconds, taken[yardstick])
        target = (
            f"  target <= {targets[name]:g}: {'met' if times <= targets[name] else 'MISSED'}" if name in targets else ""
        )
        print(f"  {name:<34} {statistics.median(seconds) * scale:9.2f} {unit}  x {times:6.2f}{target}")


def fresh_process(code: str, before: Callable[[], object] = lambda: None, **environ: str) -> Run:
    """Runs code in a Python of its own, and gives the seconds on the wall; `before` is not counted.

    Modules come from their bytecode, as an installed package's do.
    """
    surroundings = {**os.environ, **environ}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)

    def run() -> float:
        before()
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=surroundings)
        return time.perf_counter() - began

    return run


def cpu_seconds() -> float:
    """Processor time of this process so far, in the kernel too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
