"""Row 4a: the catalog, ready in a fresh process; and 4b: one input checked against a model."""

from __future__ import annotations

import json
import time
from typing import Any, Callable, Mapping

from side_by_side import fresh_process, interleave, report, rounds_asked_for

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


if __name__ == "__main__":
    report(
        "4a catalog ready in a fresh process",
        interleave(
            {
                "bare python": fresh_process("pass"),
                "import yaml, json": fresh_process("import yaml, json"),
                "load_catalog(), one model": fresh_process(
                    "from kie_sync import load_catalog; catalog = load_catalog(); catalog[next(iter(catalog))]"
                ),
                "load_catalog(), every model": fresh_process("from kie_sync import load_catalog; dict(load_catalog())"),
            },
            ROUNDS,
        ),
        "bare python",
        {"load_catalog(), one model": 8},
    )
    check_one_input()
