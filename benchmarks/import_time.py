"""Rows 1a-1c: what `import kie_sync`, a client that can send, and the command line cost in a fresh process."""

from __future__ import annotations

from side_by_side import fresh_process, interleave, report, rounds_asked_for

ROUNDS = rounds_asked_for(21)

PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
READY = "import kie_sync, requests; client = kie_sync.KieClient(api_key='k'); client.catalog.providers"
CLI = "import sys; sys.argv = ['kie-sync', {}]; from kie_sync.cli import main; main()"


def in_cli(*arguments: str) -> str:
    """Code that runs the command line as its console script does."""
    return CLI.format(", ".join(repr(argument) for argument in arguments))


if __name__ == "__main__":
    report(
        "1a import",
        interleave(
            {
                "bare python": fresh_process("pass"),
                "import kie_sync": fresh_process("import kie_sync"),
                "import typing, importlib": fresh_process("import typing, importlib"),
                "import argparse": fresh_process("import argparse"),
            },
            ROUNDS,
        ),
        "bare python",
        {"import kie_sync": 2.0},
    )
    report(
        "1b able to send",
        interleave(
            {"import requests": fresh_process("import requests"), "kie_sync, client ready": fresh_process(READY)},
            ROUNDS,
        ),
        "import requests",
        {"kie_sync, client ready": 1.15},
    )
    report(
        "1c command line",
        interleave(
            {
                "bare python": fresh_process("pass"),
                "import click": fresh_process("import click"),
                "kie-sync --help": fresh_process(in_cli("--help")),
                "kie-sync models": fresh_process(in_cli("models")),
            },
            ROUNDS,
        ),
        "bare python",
        {"kie-sync --help": 4, "kie-sync models": 4},
    )
