"""Every fault of the sandbox, asked of the server, by header, and in the prompt."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest
import requests

from kie_sync.catalog import read_catalog
from kie_sync.sandbox import Sandbox

CATALOG = read_catalog()
MODEL = CATALOG["nano-banana-pro"]
CREATE, QUERY = MODEL.endpoint.path, MODEL.endpoint.status_path
RATE = {"code": 429, "msg": "Your call frequency is too high. Please try again later.", "data": None}


class Caller:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.key}"

    def create(self, prompt="a cat", header="", **given):
        body = {"model": MODEL.slug, "input": {"prompt": prompt, **given}}
        headers = {"X-Sandbox-Fault": header} if header else {}
        return self.session.post(self.sandbox.url + CREATE, json=body, headers=headers, timeout=10)

    def query(self, task_id, header=""):
        headers = {"X-Sandbox-Fault": header} if header else {}
        return self.session.get(self.sandbox.url + QUERY, params={"taskId": task_id}, headers=headers, timeout=10)

    def states(self, fault):
        """Every state that a task with this fault shows, once each, and its last record."""
        task_id = self.create(f"a cat [[fault:{fault}]]").json()["data"]["taskId"]
        seen = []
        while not seen or seen[-1] not in ("success", "fail"):
            data = self.query(task_id).json()["data"]
            if not seen or data["state"] != seen[-1]:
                seen.append(data["state"])
            time.sleep(0.005)
        return seen, data


@contextmanager
def calling(**settings):
    with Sandbox(**{"catalog": CATALOG, "speed": 50, **settings}) as sandbox:
        caller = Caller(sandbox)
        with caller.session:
            yield caller


@pytest.fixture()
def caller():
    with calling() as caller:
        yield caller


@pytest.fixture()
def slower():
    """Slow enough to see every state of a task."""
    with calling(speed=8) as caller:
        yield caller


def ask(caller, way, fault):
    """Create a task with a fault that was asked for in one of three ways."""
    if way == "server":
        caller.sandbox.add_fault(fault)
        return caller.create()
    return caller.create(header=fault) if way == "header" else caller.create(f"a cat [[fault:{fault}]]")


@pytest.mark.parametrize("way", ["server", "header", "prompt"])
@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("code=433", 200, {"code": 433, "msg": "key usage limit exceeded", "data": None}),
        ("credits-500", 200, {"code": 500, "msg": "Credits insufficient", "data": None}),
        ("rate-limit", 429, RATE),
        ("rate-limit-200", 200, RATE),
        ("retry-after=2", 429, RATE),
    ],
)
def test_a_create_can_be_refused(caller, way, fault, status, body):
    answer = ask(caller, way, fault)

    assert (answer.status_code, answer.json()) == (status, body)
    assert answer.headers.get("Retry-After") == ("2" if fault.startswith("retry") else None)
    assert caller.sandbox.tasks == ()


@pytest.mark.parametrize("way", ["server", "header", "prompt"])
def test_a_gateways_page_accepts_nothing(caller, way):
    answer = ask(caller, way, "html=503")

    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=UTF-8")
    assert caller.sandbox.tasks == ()


@pytest.mark.parametrize("way", ["server", "header", "prompt"])
@pytest.mark.parametrize(("fault", "paid"), [("drop-before", 0), ("accept-then-drop", 1)])
def test_the_connection_can_close_before_and_after_the_task_is_paid(caller, way, fault, paid):
    with pytest.raises(requests.ConnectionError):
        ask(caller, way, fault)

    assert len(caller.sandbox.tasks) == paid
    assert caller.sandbox.balance == Decimal(10000 - 24 * paid)


def test_a_slow_answer_counts_though_nobody_waits_for_it(caller):
    body = {"model": MODEL.slug, "input": {"prompt": "a [[fault:create:slow=0.4]]"}}

    with pytest.raises(requests.ReadTimeout):
        caller.session.post(caller.sandbox.url + CREATE, json=body, timeout=0.15)

    assert len(caller.sandbox.tasks) == 1


def test_errors_can_have_their_true_status(caller):
    answer = caller.create(resolution="9K", header="http-errors")

    assert (answer.status_code, answer.json()["code"]) == (500, 500)


def test_the_envelope_can_say_message(caller):
    caller.sandbox.add_fault("message-envelope")

    created = caller.create().json()
    refused = caller.create(resolution="9K").json()

    assert set(created) == set(refused) == {"code", "message", "data"}


def test_the_usual_states(slower):
    assert slower.states("slow=0")[0] == ["waiting", "generating", "success"]


@pytest.mark.parametrize(
    ("fault", "states"),
    [
        ("queuing", ["waiting", "queuing", "generating", "success"]),
        ("skip-states", ["success"]),
        ("unknown-state", ["waiting", "archiving", "success"]),
        ("unknown-state=polishing", ["waiting", "polishing", "success"]),
        ("fail", ["waiting", "generating", "fail"]),
    ],
)
def test_states_can_be_other(slower, fault, states):
    assert slower.states(fault)[0] == states


@pytest.mark.parametrize(
    ("fault", "result"),
    [("result-null", None), ("result-empty", '{"resultUrls":[]}'), ("result-malformed", '{"resultUrls":["http')],
)
def test_a_success_can_have_a_bad_result(caller, fault, result):
    assert caller.states(fault)[1]["resultJson"] == result


def test_a_result_can_be_an_object(caller):
    record = caller.states("result-object")[1]

    assert record["resultJson"] == {"resultUrls": [f"{caller.sandbox.url}/files/{record['taskId']}/1.png"]}


def test_a_fault_of_a_query_can_come_by_header(caller):
    task_id = caller.states("cost-ms")[1]["taskId"]

    plain = caller.query(task_id).json()["data"]
    empty = caller.query(task_id, header="result-empty; message-envelope").json()

    assert plain["costTime"] == 2000
    assert (empty["data"]["resultJson"], empty["message"]) == ('{"resultUrls":[]}', "success")


def test_a_failure_has_the_asked_code_and_message(caller):
    record = caller.states("fail=SENSITIVE_WORD_ERROR|Your prompt was caught: try again")[1]

    assert (record["failCode"], record["failMsg"], record["resultJson"]) == (
        "SENSITIVE_WORD_ERROR",
        "Your prompt was caught: try again",
        "",
    )


def test_a_new_task_can_be_unknown_for_a_while(caller):
    task_id = caller.create("a [[fault:null-first=3]]").json()["data"]["taskId"]

    first = caller.query(task_id).json()
    time.sleep(0.1)
    later = caller.query(task_id).json()

    assert first == {"code": 422, "msg": "recordInfo is null", "data": None}
    assert later["data"]["state"] == "success"


def test_a_fault_can_last_for_some_requests(caller):
    caller.sandbox.add_fault("rate-limit*2")

    codes = [caller.create().json()["code"] for _ in range(3)]
    caller.sandbox.add_fault("rate-limit*1")
    again = [caller.create().json()["code"] for _ in range(2)]
    caller.sandbox.add_fault("rate-limit")
    caller.sandbox.clear_faults()

    assert codes == [429, 429, 200]
    assert again == [429, 200]
    assert caller.create().json()["code"] == 200


def test_a_prompts_fault_can_last_for_some_requests(caller):
    assert [caller.create("a [[fault:html*1]]").status_code for _ in range(3)] == [502, 200, 200]
    assert [caller.create("b [[fault:html*1]]").status_code for _ in range(2)] == [502, 200]


def test_a_fault_can_be_moved_to_another_sort_of_request(caller):
    created = caller.create("a [[fault:query:html=504*1]]")
    task_id = created.json()["data"]["taskId"]

    assert [caller.query(task_id).status_code for _ in range(2)] == [504, 200]


def test_a_task_fault_for_some_tasks_lasts_as_long_as_these_tasks(caller):
    caller.sandbox.add_fault("fail*1")

    ends = [caller.states("slow=0")[0][-1] for _ in range(2)]

    assert ends == ["fail", "success"]


def test_a_scene_of_a_storyboard_can_ask_for_a_fault(caller):
    body = {
        "model": "sora-2-pro-storyboard",
        "input": {"n_frames": "10", "shots": [{"Scene": "rain [[fault:code=455]]", "duration": 5}]},
    }

    answer = caller.session.post(caller.sandbox.url + CREATE, json=body, timeout=10).json()

    assert answer == {
        "code": 455,
        "msg": "The server is currently being maintained, please try again later~",
        "data": None,
    }


@pytest.mark.parametrize("way", ["header", "prompt"])
def test_an_unknown_fault_is_told(caller, way):
    answer = ask(caller, way, "nonsense").json()

    assert answer["code"] == 400
    assert answer["msg"].startswith("unknown sandbox fault 'nonsense'; there are: accept-then-drop, ")


@pytest.mark.parametrize("fault", ["expired", "cut"])
@pytest.mark.parametrize("way", ["server", "prompt"])
def test_result_files_can_be_gone_or_cut_short(caller, way, fault):
    if way == "server":
        caller.sandbox.add_fault(fault)
    record = caller.states(fault if way == "prompt" else "slow=0")[1]
    url = json.loads(record["resultJson"])["resultUrls"][0]

    if fault == "expired":
        assert requests.get(url, timeout=10).status_code == 403
    else:
        with requests.get(url, stream=True, timeout=10) as answer:
            got = answer.raw.read(10**8, decode_content=False) if hasattr(answer.raw, "read") else b""
            assert answer.status_code == 200
            assert 0 < len(got) == int(answer.headers["Content-Length"]) // 2


def test_an_unknown_fault_for_a_file_is_told(caller):
    answer = requests.get(caller.sandbox.url + "/files/x", headers={"X-Sandbox-Fault": "nonsense"}, timeout=10)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fault", "warned"),
    [("stall=3", True), ("silent-close", True), ("expired", False), ("fail=no", False), ("result-null", False),
     ("html", False), ("query:html", False), ("slow=0", False)],
)  # fmt: skip
def test_a_fault_that_never_shows_is_told(caller, caplog, fault, warned):
    """In the prompt of a task: one of chats has no effect there."""
    with caplog.at_level("WARNING", logger="kie_sync.sandbox"):
        caller.create(f"a cat [[fault:{fault}]]")

    told = f"fault {fault.partition('=')[0]}, asked for by the prompt, has no effect at a create call"
    assert (told in caplog.text) is warned


@pytest.mark.parametrize(("fault", "warned"), [("expired", True), ("stall=1; slow=0", True), ("slow=0", False)])
def test_a_header_counts_for_its_own_request(caller, caplog, fault, warned):
    with caplog.at_level("WARNING", logger="kie_sync.sandbox"):
        caller.create(header=fault)

    assert ("has no effect at a create call" in caplog.text) is warned
