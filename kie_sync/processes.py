"""Which process this is, and whether another one is still at work."""

from __future__ import annotations

import os
import socket
import sys
from typing import Optional


def own_name() -> str:
    """This process by host, id and start, so that an id that is used again is not taken for it."""
    return f"{socket.gethostname()}|{os.getpid()}|{_started(os.getpid()) or ''}"


def is_alive(name: str) -> Optional[bool]:
    """Whether a process is still at work; None where that cannot be told, as from another host."""
    host, _, rest = name.partition("|")
    number, _, started = rest.partition("|")
    if host != socket.gethostname() or not number.isdigit() or sys.platform == "win32":
        # On Windows the question itself, os.kill, would end the process.
        return None
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return not started or _started(int(number)) in (started, None)


def _started(process: int) -> Optional[str]:
    """When a process started, in the kernel's own count; None where there is no /proc."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            # The name before it may hold spaces and brackets (proc(5)).
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return None
