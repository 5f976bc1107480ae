"""Writes kie_sync/model_ids.pyi: the ids of the shipped models as a `Literal`, for editors.

Run by `make docs`; tests/test_public_surface.py compares.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Iterable

from kie_sync.catalog import read_catalog

STUB = Path(__file__).resolve().parent.parent / "kie_sync" / "model_ids.pyi"


def stub(ids: Iterable[str]) -> str:
    """The text of the stub; ids stay `str` at run time, this only helps while typing."""
    lines = "".join(f'    "{model_id}",\n' for model_id in sorted(ids))
    return (
        "# Written by docs/model_ids.py (`make docs`) from models.yaml; edit that instead.\n"
        "from typing import Literal\n\n"
        f"ModelId = Literal[\n{lines}]\n"
    )


if __name__ == "__main__":
    STUB.write_text(stub(read_catalog()), encoding="utf-8")
    # The rest of what `make docs` writes: the schema of users' own files, and the generated parts of the pages.
    for script in ("own_schema.py", "generate.py"):
        runpy.run_path(str(Path(__file__).with_name(script)), run_name="__main__")
