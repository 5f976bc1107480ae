"""The pages that say what the suite found: `PYTHONPATH=.:tests python -m faults.report` runs it and writes them.

Each part stands between `<!-- found: NAME -->` and `<!-- /found -->`; `test_written` compares.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

from . import board
from .table import BODIES, CODES, OPERATIONS, TRANSPORT, Fault

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES: Mapping[str, str] = {"docs/reliability.md": "en", "docs/zh/reliability.md": "zh"}
# Set by this program; the tests write the pages then, and do not compare.
VARIABLE = "WRITE_FOUND"

_ZH: Mapping[str, str] = {
    "fault": "故障",
    "killed": "被杀死的时刻",
    "paid": "付费次数",
    "on record": "日志里的状态",
    "after resume": "resume 之后",
    "nothing": "没有记录",
}
_PART = re.compile(r"(<!-- found: (\w+) -->\n).*?(<!-- /found -->)", re.DOTALL)


def _say(text: str, lang: str) -> str:
    return _ZH.get(text, text) if lang == "zh" else text


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = rows
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rest))


def _matrix(faults: Sequence[Fault]) -> Callable[[str], str]:
    def write(lang: str) -> str:
        rows = [[_say("fault", lang), *(f"`{name}`" for name in OPERATIONS)]]
        for fault in faults:
            rows.append([fault.name, *(board.FOUND.get((fault.name, name), "") for name in OPERATIONS)])
        return _table(rows)

    return write


def _kills(lang: str) -> str:
    rows = [[_say(word, lang) for word in ("killed", "paid", "on record", "after resume")]]
    for step, (count, before, after) in board.KILLED.items():
        rows.append([step, str(count), *(_say(words[0] if words else "nothing", lang) for words in (before, after))])
    return _table(rows)


PARTS: Dict[str, Callable[[str], str]] = {
    "network": _matrix(TRANSPORT),
    "answers": _matrix(BODIES),
    "codes": _matrix(CODES),
    "kills": _kills,
}


def build(text: str, lang: str) -> str:
    """A page with what was found."""
    return _PART.sub(lambda found: f"{found[1]}{PARTS[found[2]](lang)}{found[3]}", text)


def write() -> None:
    for name, lang in PAGES.items():
        path = ROOT / name
        path.write_text(build(path.read_text(encoding="utf-8"), lang), encoding="utf-8")


def stale() -> List[str]:
    """The pages that say something else than what was found."""
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    return [name for name, lang in PAGES.items() if build(texts[name], lang) != texts[name]]


if __name__ == "__main__":
    import pytest

    os.environ[VARIABLE] = "1"
    sys.exit(pytest.main(["-q", str(Path(__file__).parent)]))
