from __future__ import annotations

import os
import pickle
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest
from wire import CHAT, CREATED, IMAGE, KEY, Script, client, shipped

from kie_sync import Catalog, KieAdapter, KieClient
from kie_sync.account import provider_with
from kie_sync.errors import KieConfigError, KieConnectionError, KieInputError
from kie_sync.events import TaskCreated

MINE = """
schema_version: 1
models:
  mine/painter:
    title: Mine
    kind: image
    endpoint: kie-task
    source: me
    checked: 2026-11-22
    parameters:
      prompt: {type: text, required: true}
    price: {unit: image, credits: 2, source: me, checked: 2026-11-22}
"""


def test_nothing_is_needed_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    kie = KieClient(catalog=shipped())
    request = KieAdapter(kie, IMAGE).prepare(prompt="a")

    assert KEY not in repr(request)
    with pytest.raises(KieConfigError, match="KIE_API_KEY"):
        kie.credits()
    monkeypatch.setenv("KIE_API_KEY", KEY)
    script = Script({"code": 200, "data": 5916.25})
    assert (client(script, api_key=None).credits(), script.keys) == (Decimal("5916.25"), [KEY])


@pytest.mark.parametrize("blank", [{"api_key": ""}, {"api_key": " "}, {"base_url": ""}, {"api_keys": {"google": " "}}])
def test_a_client_with_a_blank_setting_is_not_made(monkeypatch: pytest.MonkeyPatch, blank: Any) -> None:
    """It took the environment's key, and the real host, without a word."""
    monkeypatch.setenv("KIE_API_KEY", KEY)

    with pytest.raises(KieConfigError, match="is given, but empty"):
        KieClient(**blank)


def test_the_balance_may_be_nought_and_may_be_missing(clock: Any) -> None:
    assert client(Script({"code": 200, "data": 0}), clock).credits() == 0
    with pytest.raises(KieConnectionError, match="without a balance"):
        client(Script({"code": 200, "data": {}}), clock).credits()


def test_a_fresh_link(clock: Any) -> None:
    script = Script({"code": 200, "data": "https://temp/fresh"}, {"code": 200, "data": None})
    kie = client(script, clock)

    assert kie.download_url("https://temp/old") == "https://temp/fresh"
    assert (script.requests[0].json, script.requests[0].is_paid) == ({"url": "https://temp/old"}, False)
    with pytest.raises(KieConnectionError, match="without a link"):
        kie.download_url("https://temp/old")


def test_neither_shows_nor_pickles_its_key() -> None:
    kie = client(Script(CREATED), api_keys={"google": KEY})
    kie.create_task(IMAGE, {"prompt": "a"})

    assert repr(kie) == "KieClient()" and KEY not in str(vars(kie)) + str(vars(kie.connection))
    with pytest.raises(TypeError):
        pickle.dumps(kie)


@pytest.mark.parametrize("name", ["timeout_s", "chat_timeout_s"])
@pytest.mark.parametrize("value", [0, -1, None, "60", True, float("inf"), float("nan")])
def test_a_wrong_timeout_is_found_at_once(name: str, value: Any) -> None:
    """It was found at the send, as a ValueError of urllib3, after the listeners had been told."""
    with pytest.raises(KieConfigError, match=name):
        KieClient(**{name: value})


@pytest.mark.parametrize("how", ["path", "text", "list", "Catalog"])
def test_a_catalog_of_ones_own(tmp_path: Path, how: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(MINE, encoding="utf-8")
    given: Dict[str, Any] = {"path": file, "text": str(file), "list": [file], "Catalog": shipped(file)}

    kie = KieClient(catalog=given[how])

    assert isinstance(kie.catalog, Catalog) and "mine/painter" in kie.catalog and IMAGE in kie.catalog
    assert kie.catalog is kie.catalog and kie.connection is kie.connection


def test_a_catalog_without_a_path_for_a_call(clock: Any) -> None:
    with pytest.raises(KieConfigError, match="has a path for dance"):
        provider_with(client(Script(CREATED), clock).catalog, "dance")


def test_closing_a_transport_that_needs_none() -> None:
    with client(Script(CREATED)) as kie:
        pass
    kie.close()

    assert kie.create_task(IMAGE, {"prompt": "a"}).task_id == "t1"


def test_sixteen_threads_share_one_client(sandbox: Any) -> None:
    told: List[Any] = []
    found: List[Any] = []
    with KieClient(sandbox.key, sandbox.url, on_event=told.append) as kie:

        def work(number: int) -> None:
            result = KieAdapter(kie, IMAGE).generate(prompt=f"cat {number}", poll_interval=0.02)
            found.append((result.task_id, result.arguments["prompt"]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)

    made = {task.id for task in sandbox.tasks}
    assert len(dict(found)) == 16 and set(dict(found)) <= made
    assert sorted(prompt for _, prompt in found) == sorted(f"cat {number}" for number in range(16))
    assert {event.task_id for event in told if isinstance(event, TaskCreated)} == set(dict(found))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_client_goes_on_after_a_fork(sandbox: Any) -> None:
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as kie:
        before = kie.credits()
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if kie.credits() == before else 1)
            finally:
                os._exit(2)
        _, status = os.waitpid(child, 0)

        assert (status, kie.credits()) == (0, before)


def test_a_fault_of_the_sandbox_ends_as_it_should(sandbox: Any) -> None:
    """Accepted, paid, and then the connection is gone: never sent again."""
    from kie_sync.errors import KieOutcomeUnknownError, KieStreamError

    before = len(sandbox.tasks)
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as kie:
        with pytest.raises(KieOutcomeUnknownError):
            kie.create_task(IMAGE, {"prompt": "a [[fault:accept-then-drop]]"})
        with pytest.raises(KieStreamError) as caught:
            list(kie.chat_completions_stream(CHAT, "tell me a story [[fault:silent-close]]"))

    assert len(sandbox.tasks) == before + 1 and caught.value.partial


def test_a_bare_create_sends_no_half_characters(clock: Any) -> None:
    script = Script(CREATED)

    with pytest.raises(KieInputError, match=r"input\.shots\[0\] holds characters that are no text"):
        client(script, clock).create_task(IMAGE, {"shots": ["caf\udce9"]})
    assert script.requests == []
