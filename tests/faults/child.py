"""A program that buys one picture and saves it, and kills itself at one step: `python child.py STEP PROMPT OUT`.

Key, host and journal come from the environment, as for every program.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, Callable, Mapping

from kie_sync import KieAdapter, KieClient
from kie_sync.events import CallDeferred, TaskCreated, TaskFinished, TaskSubmitting
from kie_sync.transport import HttpTransport

MODEL = "google/nano-banana"
# Told to listeners: the journal is asked last, and told first.
_AT_EVENT: Mapping[str, Any] = {
    "before the row": TaskSubmitting,
    "in the pause after a 429": CallDeferred,
    "after the id is on record": TaskCreated,
    "after the end is on record": TaskFinished,
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def listener(step: str) -> Callable[[Any], None]:
    def hear(event: Any) -> None:
        if isinstance(event, _AT_EVENT.get(step, ())):
            die()

    return hear


class Transport(HttpTransport):
    """The usual one, around which a program can die."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step = step

    def __call__(self, request: Any, **about: Any) -> Any:
        if request.is_paid and self.step == "after the row, before the send":
            die()
        answer = super().__call__(request, **about)
        if request.is_paid and self.step == "after the answer, before its id is written":
            die()
        return answer


def main(step: str, prompt: str, out: str) -> None:
    with KieClient(journal=True, transport=Transport(step), on_event=listener(step)) as client:
        result = KieAdapter(client, MODEL).generate(prompt, key="row-1", poll_interval=0.01)
        paths = result.save(out)
        if step == "after the file is there":
            die()
        print(result.task_id, *paths)


if __name__ == "__main__":
    main(*sys.argv[1:])
