"""What the suite found: which outcome each case had, for the page that says so, and everything that was said."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

# (fault, operation) -> what came of it, and how many calls were paid for.
FOUND: Dict[Tuple[str, str], str] = {}
# When a program was killed -> how many calls were paid for, and the journal's states before and after `resume`.
KILLED: Dict[str, Tuple[int, List[str], List[str]]] = {}
# Where what was said is kept, below pytest's folder for temporary files.
SAID = "said.txt"


def keep(folder: Path, *texts: str) -> None:
    """Keep what a case printed and logged, for the last test, which looks for the key in all of it."""
    with (folder / SAID).open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(f"{text}\n" for text in texts if text)
