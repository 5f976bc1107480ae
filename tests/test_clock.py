from __future__ import annotations

import re

from kie_sync.clock import SystemClock


def test_the_machines_clock() -> None:
    clock = SystemClock()
    start = clock.now()

    clock.sleep(0.01)

    assert clock.now() - start >= 0.009
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", clock.date())
