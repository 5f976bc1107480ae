"""Which process this is, on a machine that may be shared, and whether another one is still at work."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Optional


def own_name() -> str:
    """What names this process, and no later one of the same number."""
    return name_of(os.getpid())


def name_of(pid: int) -> str:
    """What names a process of this machine: where its number counts, the number, its start."""
    return f"{_realm()}|{pid}|{_started(pid)}"


def is_alive(name: str) -> Optional[bool]:
    """Whether a process is still at work; None where that cannot be told, as from another machine or container."""
    realm, _, rest = name.partition("|")
    pid, _, started = rest.partition("|")
    if not pid.isdigit() or realm != _realm():
        return None
    if started:
        return _started(int(pid)) == started
    if sys.platform == "win32":
        # There, the question itself, os.kill, would end the process.
        return None
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # Something has that number; without a start time it may be another.
    return None


def boot_id() -> str:
    """What names this machine's time since it was started; "" where the system does not tell."""
    return _read("/proc/sys/kernel/random/boot_id")


def _realm() -> str:
    """Where process numbers mean the same: a container has its own, and they begin anew with the machine."""
    boot = boot_id()
    return f"{boot} {link_of('/proc/self/ns/pid')}" if boot else socket.gethostname()


def _started(pid: int) -> str:
    """When a process began, in ticks; "" where it has ended, or nobody can say."""
    # Fields 3 and 22 of proc(5); the name before them may hold spaces and brackets.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if not fields or fields[0] in "ZX" else fields[19]


def link_of(path: str) -> str:
    """Where a link of the system leads; "" where there is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
