"""Other processes that use the world's platform: `kie-sync`, and programs of the tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

from conftest import ROOT

from kie_sync.sandbox import Sandbox

CLI = (sys.executable, "-m", "kie_sync.cli")


def environment(sandbox: Sandbox, journal: Path, url: str = "") -> Dict[str, str]:
    """All that leads a program to the sandbox, or to a proxy before it, and to this journal."""
    led = {name: url or value for name, value in sandbox.environment().items() if value == sandbox.url}
    return {**os.environ, **sandbox.environment(), **led, "KIE_JOURNAL": str(journal), "PYTHONPATH": str(ROOT)}


def start(words: Sequence[str], environ: Dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(words), env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def kie_sync(environ: Dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """`kie-sync` in a process of its own."""
    done = subprocess.run([*CLI, *words], env=environ, capture_output=True, text=True, timeout=300, check=False)
    return done


def history(environ: Dict[str, str]) -> List[Dict[str, Any]]:
    """What `kie-sync history` lists."""
    listed: List[Dict[str, Any]] = json.loads(kie_sync(environ, "history", "--json", "--limit", "100000").stdout)
    return listed


def whole_pictures(folder: Path) -> List[Path]:
    """The PNG files that are there from the first byte to the last."""
    found = [path for path in folder.glob("*") if path.is_file() and not path.name.startswith(".")]
    return [path for path in found if _is_whole(path.read_bytes())]


def _is_whole(data: bytes) -> bool:
    return data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
