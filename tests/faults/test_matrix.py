"""Each fault meets each operation: what comes of it, what was paid, what is on record, and that no key gets out."""

from __future__ import annotations

from typing import Any, Optional, Tuple

import pytest

from faults import board
from faults.operations import OPERATIONS, Operation
from faults.table import CASES, DONE, FAULTS, PASSING, UNKNOWN, Fault
from faults.world import NOWHERE, World
from kie_sync import KieClient, errors
from kie_sync.errors import KieAPIError, KieError

# Of a client that meets silence; what is not silent gets all the time that a busy machine needs.
SILENT_S, PATIENT_S = 0.05, 20.0
# Operations about a task that was paid for beforehand.
OF_TASK = ("wait", "look", "save", "download_url")


def meet(world: World, fault: Fault, operation: Operation, *, times: Optional[int] = None) -> Tuple[Any, Any]:
    """Do it while this goes wrong; what it gave, or what it raised."""
    operation.prepare()
    timeout_s = (SILENT_S if times is None else 1.0) if fault.is_silent else PATIENT_S
    operation.base_url = address(world, fault)
    client = world.client(timeout_s=timeout_s, base_url=operation.base_url)
    break_it(world, fault, times)
    try:
        return operation.do(client), None
    except KieError as error:
        return None, error
    finally:
        world.proxy.reopen()
        world.proxy.disarm()


def address(world: World, fault: Fault) -> str:
    return f"https://{NOWHERE}" if fault.name == "the host has no address" else world.proxy.url


def break_it(world: World, fault: Fault, times: Optional[int]) -> None:
    if not fault.is_port:
        world.proxy.arm(fault.act, times=times)
    elif fault.name == "the port is closed":
        world.proxy.shut()
        if times is not None:
            world.clock.on_sleep = world.proxy.reopen


def check(world: World, operation: Operation, outcome: str, count: int, value: Any, error: Optional[KieError]) -> None:
    """All that has to be true, whatever went wrong."""
    if outcome == DONE:
        assert error is None
    else:
        assert isinstance(error, getattr(errors, outcome))
    if outcome != UNKNOWN:
        assert not isinstance(error, errors.KieOutcomeUnknownError)
    if error is None:
        operation.check_value(value)
    else:
        assert str(error).strip()
        # No half of a file, under any name.
        assert [path for path in (world.folder / "out").rglob("*") if path.is_file()] == []
    assert operation.count() == count
    assert [record.state for record in world.on_record()] == operation.states(outcome)
    task = operation.task
    if task is not None:
        # What is paid is never lost: it is on record, and named by whatever goes wrong with it.
        assert [record.task_id for record in world.on_record()] == [task.task_id]
        if isinstance(error, errors.KieTaskError):
            assert error.task_id == task.task_id
    assert world.leaks(error) == []


def cell(operation: Operation, outcome: str, count: int) -> str:
    word = outcome if outcome == DONE else outcome[len("Kie") : -len("Error")]
    return f"{word}, {count} paid" if operation.is_paid else word


@pytest.mark.parametrize(("fault", "name"), CASES, ids=[f"{name}: {fault.name}" for fault, name in CASES])
def test_a_fault_that_lasts(fault: Fault, name: str, world: World) -> None:
    operation = OPERATIONS[name](world, f"{name}: {fault.name}")
    outcome = fault.outcome(name)
    count = fault.count(name) if operation.is_paid else int(name in OF_TASK)

    value, error = meet(world, fault, operation)

    check(world, operation, outcome, count, value, error)
    board.FOUND[fault.name, name] = cell(operation, outcome, count)
    if name == "submit":
        pay_again(world, operation, outcome, count)


def pay_again(world: World, operation: Operation, outcome: str, count: int) -> None:
    """The same purchase once more, with all well again: it is never paid twice, and never sent where nobody knows."""
    client: KieClient = world.client()
    if outcome == UNKNOWN:
        with pytest.raises(errors.KieOutcomeUnknownError):
            operation.do(client)
        assert operation.count() == count
    else:
        operation.check_value(operation.do(client))
        assert operation.count() == 1


@pytest.mark.parametrize(("fault", "name"), PASSING, ids=[f"{name}: {fault.name}" for fault, name in PASSING])
def test_a_fault_that_passes(fault: Fault, name: str, world: World) -> None:
    """It is asked again, and then it is answered; what is paid is paid once."""
    operation = OPERATIONS[name](world, f"{name}, once: {fault.name}")
    outcome = fault.outcome(name) if operation.is_paid and not passes(fault, name) else DONE
    count = int(operation.is_paid and outcome == DONE) or int(name in OF_TASK)

    value, error = meet(world, fault, operation, times=1)

    check(world, operation, outcome, count, value, error)


def passes(fault: Fault, name: str) -> bool:
    """Whether a paid call is sent again: the platform has surely not taken it."""
    return fault.outcome(name) == "KieRateLimitError" or fault.is_port


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_key_would_be_found(world: World) -> None:
    """The suite's own eyes: a key that gets out anywhere is seen."""
    from faults.world import KEY

    error = KieAPIError("no", method="GET", url=f"http://x/?{KEY}")
    (world.folder / "file").write_text(KEY, encoding="utf-8")
    world.said.lines.append(KEY)

    assert sorted(world.leaks(error, KEY)) == ["error", "file", "log", "told", "traceback"]
    # The last test looks through all files.
    (world.folder / "file").unlink()
    world.said.lines.clear()
