"""Row 4a: the catalog, ready in a fresh process; and 4b: one input checked against a model."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Mapping

from side_by_side import fresh_process, interleave, report, rounds_asked_for

from kie_sync.catalog_data import data_folder
from kie_sync.catalog_load import STORED_FILE

ROUNDS = rounds_asked_for(15)
CHECKS = 500


def timed(check: Callable[[], Any]) -> Callable[[], float]:
    """Seconds for one check, over many."""

    def run() -> float:
        began = time.perf_counter()
        for _ in range(CHECKS):
            check()
        return (time.perf_counter() - began) / CHECKS

    return run


def check_one_input() -> None:
    """The catalog's own check beside a cached jsonschema validator of the same model."""
    from jsonschema import Draft202012Validator

    from kie_sync import load_catalog
    from kie_sync.params import resolve

    model = max((m for m in load_catalog().values() if m.examples), key=lambda m: len(m.parameters))
    call: Mapping[str, Any] = model.examples[0].call
    wire = json.loads(json.dumps(dict(resolve(model, call).wire)))
    validator = Draft202012Validator(model.input_schema)
    report(
        f"4b one input of {model.id} ({len(model.parameters)} parameters)",
        interleave(
            {
                "cached jsonschema validator": timed(lambda: validator.is_valid(wire)),
                "kie_sync.params.resolve": timed(lambda: resolve(model, call)),
            },
            ROUNDS,
        ),
        "cached jsonschema validator",
        {"kie_sync.params.resolve": 1.5},
        unit="us",
    )


def start_processes(folder: Path) -> None:
    """`load_catalog()` in fresh processes: with what is stored, without it, and after an edit of a user's file."""
    cache, own, edited = folder / "cache", folder / "own.yaml", folder / "edited.yaml"
    kept = folder / "kept"
    stored = Path(data_folder() or "", STORED_FILE)
    own.write_text("money: {usd_cny: 7.1}\n", encoding="utf-8")
    shipped = "from kie_sync import load_catalog; catalog = load_catalog(use_environment=False); "
    with_own, with_edited = (
        f"from kie_sync import load_catalog; catalog = load_catalog({str(file)!r}, use_environment=False)"
        for file in (own, edited)
    )
    first = "catalog[next(iter(catalog))]"
    place = {"KIE_CATALOG_CACHE": str(kept)}

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    def edit() -> None:
        edited.write_text(f"money: {{usd_cny: {7 + time.time() % 1:.6f}}}\n", encoding="utf-8")

    contestants = {
        "bare python": fresh_process("pass"),
        "import yaml, json": fresh_process("import yaml, json"),
        "load_catalog()": fresh_process(shipped, **place),
        "... and one model": fresh_process(shipped + first, **place),
        "... and every model": fresh_process(shipped + "dict(catalog)", **place),
        "load_catalog(), no cache yet": fresh_process(shipped, forget, KIE_CATALOG_CACHE=str(cache)),
        "load_catalog(own file)": fresh_process(with_own, **place),
        "load_catalog(own file), just edited": fresh_process(with_edited, edit, **place),
        "load_catalog(), KIE_CATALOG_CACHE=off": fresh_process(shipped, KIE_CATALOG_CACHE="off"),
    }
    where = "stored in the package" if stored.is_file() else "a checkout: stored in the user's cache"
    report(
        f"4a catalog ready in a fresh process ({where})",
        interleave(contestants, ROUNDS),
        "bare python",
        {"load_catalog()": 2.5, "load_catalog(own file)": 2.5, "load_catalog(), no cache yet": 8},
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        start_processes(Path(name))
    check_one_input()
