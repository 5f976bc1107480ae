"""Many calls as one piece of work: checked and priced before anything is sent, run once, gone on with after a stop.

Example:
    with KieClient(journal=True) as client:
        for row in kie_sync.batch.run("jobs.csv", client=client, model="nano-banana-pro", out="out/"):
            print(row.number, row.state, *row.files)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agenda import Agenda as Agenda
    from .agenda import Job as Job
    from .agenda import set_agenda as set_agenda
    from .course import BatchResult as BatchResult
    from .course import Progress as Progress
    from .planned import BadRow as BadRow
    from .planned import ModelTotal as ModelTotal
    from .planned import Plan as Plan
    from .planned import PlannedRow as PlannedRow
    from .results import RowResult as RowResult
    from .running import plan as plan
    from .running import run as run

# Where each public name lives: who reads a report loads no engine.
_HOMES = {
    "Agenda": "agenda",
    "BadRow": "planned",
    "BatchResult": "course",
    "Job": "agenda",
    "ModelTotal": "planned",
    "Plan": "planned",
    "PlannedRow": "planned",
    "Progress": "course",
    "RowResult": "results",
    "plan": "running",
    "run": "running",
    "set_agenda": "agenda",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
