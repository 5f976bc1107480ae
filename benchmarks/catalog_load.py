"""Row 4a: the catalog, ready in a fresh process; and 4b: one input checked against a model."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Sequence, Tuple

from side_by_side import fresh_process, interleave, report, rounds_asked_for

from kie_sync.catalog_data import data_folder
from kie_sync.catalog_load import STORED_FILE

ROUNDS = rounds_asked_for(15)
CHECKS = 500


def timed(check: Callable[[], Any], each: int) -> Callable[[], float]:
    """Seconds for one check, over many; one call does `each` of them."""
    times = max(1, CHECKS // each)

    def run() -> float:
        began = time.perf_counter()
        for _ in range(times):
            check()
        return (time.perf_counter() - began) / times / each

    return run


TEN = """\
models:
  ten/properties:
    kind: image
    endpoint: kie-task
    parameters:
      prompt:        {required: true, max_length: 5000}
      images:        {type: images, max_items: 8}
      aspect_ratio:  {values: [1:1, 16:9, 9:16, 4:3, 3:4]}
      resolution:    {values: [1K, 2K, 4K]}
      output_format: {values: [png, jpeg]}
      seed:          {type: integer, min: 0, max: 2147483647}
      strength:      {type: number, min: 0, max: 1}
      safe:          {type: boolean}
      count:         {type: integer, min: 1, max: 4}
      style:         {max_length: 100}
"""
CALL = {
    "prompt": "a lighthouse at dusk, oil on canvas",
    "images": ["https://example.com/a.png", "https://example.com/b.png"],
    "aspect_ratio": "16:9",
    "resolution": "2K",
    "output_format": "png",
    "seed": 42,
    "strength": 0.7,
    "safe": True,
    "count": 2,
    "style": "calm",
}


def check_one_input(folder: Path) -> None:
    """The catalog's own check beside a cached jsonschema validator of the same model."""
    from kie_sync import load_catalog

    file = folder / "ten.yaml"
    file.write_text(TEN, encoding="utf-8")
    model = load_catalog(file, use_environment=False)["ten/properties"]
    compare_checks("4b one input of 10 properties", [(model, CALL)], {"kie_sync.params.resolve": 1.5})
    tasks = [model for model in load_catalog(use_environment=False).values() if model.kind != "chat"]
    calls = [(model, example.call) for model in tasks for example in model.examples]
    compare_checks(f"the examples of all {len(tasks)} task models, rules over several parameters included", calls, {})


def compare_checks(row: str, calls: Sequence[Tuple[Any, Mapping[str, Any]]], targets: Dict[str, float]) -> None:
    """Each call checked, and mapped to the wire, beside its wire input held against its schema."""
    from jsonschema import Draft202012Validator

    from kie_sync.params import resolve

    wires = [json.loads(json.dumps(dict(resolve(model, call).wire))) for model, call in calls]
    validators = [Draft202012Validator(model.input_schema) for model, _ in calls]
    report(
        row,
        interleave(
            {
                "cached jsonschema validator": timed(
                    lambda: [validator.is_valid(wire) for validator, wire in zip(validators, wires)], len(calls)
                ),
                "kie_sync.params.resolve": timed(lambda: [resolve(model, call) for model, call in calls], len(calls)),
            },
            ROUNDS,
        ),
        "cached jsonschema validator",
        targets,
        unit="us",
    )


def start_processes(folder: Path) -> None:
    """`load_catalog()` in fresh processes: with what is stored, without it, and after an edit of a user's file."""
    cache, own, edited = folder / "cache", folder / "own.yaml", folder / "edited.yaml"
    kept = folder / "kept"
    stored = Path(data_folder() or "", STORED_FILE)
    own.write_text("money: {cny_per_usd: 7.1}\n", encoding="utf-8")
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
        edited.write_text(f"models: {{google/nano-banana: {{title: {time.time()} s}}}}\n", encoding="utf-8")

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
        check_one_input(Path(name))
