"""The sandbox's tasks, account, key and limits, over real HTTP on the loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from types import SimpleNamespace

import pytest
import requests

from kie_sync.catalog import read_catalog
from kie_sync.errors import KieConfigError
from kie_sync.pricing import estimate
from kie_sync.sandbox import FAULTS, Sandbox, parse_fault, serve

CATALOG = read_catalog()
TASKS = [model for model in CATALOG.values() if model.endpoint.shape == "task"]
PRO = CATALOG["nano-banana-pro"]
CREATE, QUERY = PRO.endpoint.path, PRO.endpoint.status_path
CREDITS = PRO.endpoint.provider.paths["credits"]


class Caller:
    """A client of one sandbox, as plain as can be."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {sandbox.key}"

    def create(self, model="nano-banana-pro", /, *, header="", **given):
        body = {"model": model, "input": given}
        return self.session.post(self.sandbox.url + CREATE, json=body, headers={"X-Sandbox-Fault": header}, timeout=10)

    def query(self, task_id):
        return self.session.get(self.sandbox.url + QUERY, params={"taskId": task_id}, timeout=10).json()

    def finish(self, task_id):
        while True:
            data = self.query(task_id)["data"]
            if data["state"] in ("success", "fail"):
                return data
            time.sleep(0.01)

    def credits(self):
        return self.session.get(self.sandbox.url + CREDITS, timeout=10).json()


@contextmanager
def calling(**settings):
    """A sandbox and a client of it."""
    with Sandbox(**{"catalog": CATALOG, "speed": 50, **settings}) as sandbox:
        caller = Caller(sandbox)
        with caller.session:
            yield caller


@pytest.fixture()
def caller():
    with calling() as caller:
        yield caller


def test_a_task_goes_from_waiting_to_success_with_the_recorded_fields():
    with calling(speed=4) as caller:
        created = caller.create(prompt="一只猫", resolution="2K")
        task_id = created.json()["data"]["taskId"]
        first = caller.query(task_id)
        time.sleep(0.25)
        second = caller.query(task_id)["data"]["state"]
        last = caller.finish(task_id)

        assert created.json() == {"code": 200, "msg": "success", "data": {"taskId": task_id, "recordId": task_id}}
        assert len(task_id) == 32 and set(task_id) <= set("0123456789abcdef")
        assert first == {
            "code": 200,
            "msg": "success",
            "data": {
                "taskId": task_id,
                "model": "nano-banana-pro",
                "state": "waiting",
                "param": last["param"],
                "resultJson": "",
                "failCode": None,
                "failMsg": None,
                "costTime": None,
                "completeTime": None,
                "createTime": last["createTime"],
                "creditsConsumed": 36.0,
            },
        }
        assert second == "generating"
        assert last == {
            **first["data"],
            "state": "success",
            "costTime": 2,
            "completeTime": last["createTime"] + 2000,
            "resultJson": f'{{"resultUrls":["{caller.sandbox.url}/files/{task_id}/1.png"]}}',
        }
        param = json.loads(last["param"])
        assert {**param, "input": json.loads(param["input"])} == {
            "model": "nano-banana-pro",
            "input": {"prompt": "一只猫", "resolution": "2K"},
        }


def test_the_golden_examples_of_every_task_model_are_accepted_and_priced():
    # So fast that the limit of creates does not count.
    with calling(speed=100_000, balance=1_000_000) as caller:
        for model in TASKS:
            for example in model.examples:
                before = caller.sandbox.balance

                answer = caller.create(model.slug, **json.loads(json.dumps(example.sends, default=float))).json()

                assert (model.id, answer["code"]) == (model.id, 200), answer
                taken, price = caller.sandbox.tasks[-1].credits, estimate(model, example.call).platform_credits
                assert before - caller.sandbox.balance == taken
                # Nothing is taken where nothing is asked; a price that is unknown is not free.
                assert (taken > 0) is (price != 0), model.id


@pytest.mark.parametrize(
    ("model", "given", "code", "text"),
    [
        (
            "no-such-model",
            {"prompt": "a"},
            422,
            "The model name you specified is not supported. Please verify your input "
            "and use one of the supported models provided by KIE.",
        ),
        (
            "gemini-3-pro",
            {"prompt": "a"},
            422,
            "The model name you specified is not supported. Please verify your input "
            "and use one of the supported models provided by KIE.",
        ),
        ("nano-banana-pro", {}, 500, "This field is required"),
        (
            "nano-banana-pro",
            {"prompt": "a", "resolution": "9K"},
            500,
            "resolution is not within the range of allowed options",
        ),
        ("nano-banana-pro", {"prompt": 7}, 500, "prompt it must be a string"),
        ("nano-banana-pro", {"prompt": "a" * 10001}, 500, "The length of prompt must be less than or equal to 10000"),
        ("nano-banana-pro", {"prompt": "a", "images": []}, 500, "images is not a supported field"),
        (
            "nano-banana-pro",
            {"prompt": "a", "image_input": ["https://x/y.png"] * 9},
            500,
            "image_input must be at most 8 items",
        ),
        (
            "sora-2-text-to-video",
            {"prompt": "a", "n_frames": 10},
            500,
            "n_frames is not within the range of allowed options",
        ),
        (
            "sora-2-text-to-video",
            {"prompt": "a", "remove_watermark": "yes"},
            500,
            "remove_watermark it must be a boolean",
        ),
        ("sora-2-pro-storyboard", {"n_frames": "10", "shots": [{"Scene": "a"}]}, 500, "This field is required"),
        (
            "sora-2-pro-storyboard",
            {"n_frames": "10", "shots": [{"Scene": "a", "duration": 16}]},
            500,
            "duration is not within the range of allowed options",
        ),
    ],
)
def test_wrong_input_is_refused_in_the_platforms_words(caller, model, given, code, text):
    answer = caller.create(model, **given)

    assert answer.status_code == 200
    assert answer.json() == {"code": code, "msg": text, "data": None}
    assert caller.sandbox.tasks == ()


def test_a_rule_between_fields_is_checked(caller):
    answer = caller.create("sora-2-pro-storyboard", n_frames="10", shots=[{"Scene": "a", "duration": 11}]).json()

    assert answer["code"] == 500
    assert caller.sandbox.tasks == ()


def test_an_unknown_task_is_a_null_record_and_a_missing_id_a_bad_request(caller):
    assert caller.query("0" * 32) == {"code": 422, "msg": "recordInfo is null", "data": None}
    assert caller.query("") == {"code": 400, "msg": "taskId parameter is required", "data": None}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", CREATE, {"code": 401, "msg": "You do not have access permissions", "data": None}),
        ("GET", CREDITS, {"code": 401, "msg": "Unauthorized", "data": None}),
        (
            "POST",
            "/api/file-base64-upload",
            {"success": False, "code": 401, "msg": "You do not have access permissions"},
        ),
        (
            "POST",
            "/gemini-3-pro/v1/chat/completions",
            {
                "code": 401,
                "msg": "Unauthorized – Authentication failed. Please check that your Authorization and "
                "Content-Type headers are correctly set.",
            },
        ),
        (
            "POST",
            "/v1beta/openai/chat/completions",
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API key not valid. Please pass a valid API key.",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
        ),
    ],
)
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}], ids=["no key", "wrong key"])
def test_a_wrong_key_is_refused(caller, method, path, body, headers):
    answer = requests.request(method, caller.sandbox.url + path, headers=headers, json={}, timeout=10)

    assert answer.json() == body
    assert answer.status_code == (400 if isinstance(body, list) else 200)


def test_credits_are_taken_at_once_and_come_back_when_the_task_fails(caller):
    task_id = caller.create(prompt="a [[fault:fail=No cats today]]").json()["data"]["taskId"]
    taken = caller.sandbox.balance
    last = caller.finish(task_id)

    assert taken == Decimal(10000 - 24)
    assert (last["failCode"], last["failMsg"], last["creditsConsumed"]) == ("500", "No cats today", 0.0)
    assert caller.credits() == {"code": 200, "msg": "success", "data": 10000.0}


def test_too_few_credits_are_refused_with_402():
    with calling(balance=Decimal("23.5")) as caller:
        answer = caller.create(prompt="a")

        assert answer.json() == {
            "code": 402,
            "msg": "The current credits are insufficient. Please top up.",
            "data": None,
        }
        assert caller.credits()["data"] == 23.5


def test_more_than_twenty_creates_in_ten_seconds_are_refused_and_not_queued():
    with calling(speed=8) as caller:
        began = time.monotonic()
        answers = [caller.create(prompt="a") for _ in range(22)]
        assert time.monotonic() - began < 1.25, "this machine is too slow for this test"
        time.sleep(1.25)
        later = caller.create(prompt="a")

        assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
        assert answers[-1].json() == {
            "code": 429,
            "msg": "Your call frequency is too high. Please try again later.",
            "data": None,
        }
        assert "Retry-After" not in answers[-1].headers
        assert later.json()["code"] == 200
        assert len(caller.sandbox.tasks) == 21


def test_a_model_added_by_a_users_file_works(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        """
schema_version: 1
models:
  acme/song:
    title: Song
    kind: audio
    endpoint: kie-task
    source: mine
    checked: 2026-11-22
    parameters:
      prompt:   {type: text, required: true}
      duration: {wire: secs, type: integer, min: 1, max: 20, default: 3}
    price: {unit: audio, credits: 7, source: mine, checked: 2026-11-22}
""",
        encoding="utf-8",
    )
    with calling(catalog=read_catalog(mine), speed=200) as caller:
        last = caller.finish(caller.create("acme/song", prompt="la", secs=2).json()["data"]["taskId"])
        sound = requests.get(json.loads(last["resultJson"])["resultUrls"][0], timeout=10)

        assert last["creditsConsumed"] == 7.0
        assert (sound.headers["Content-Type"], sound.content[:4], len(sound.content)) == (
            "audio/wav",
            b"RIFF",
            44 + 2 * 16000 * 2,
        )


MINE = """
schema_version: 1
models:
  acme/four:
    title: Four pictures
    kind: image
    endpoint: kie-task
    source: mine
    checked: 2026-11-22
    parameters:
      prompt: {type: text, required: true}
      count:  {wire: num, type: integer, min: 1, max: 4, default: 2}
    price: {unit: image, credits: 3, count: count, source: mine, checked: 2026-11-22}
  acme/tool:
    title: A tool
    kind: tool
    endpoint: kie-task
    source: mine
    checked: 2026-11-22
    parameters:
      text: {type: text, required: true}
    price: {unit: request, unknown: nobody has told, source: mine, checked: 2026-11-22}
"""


@pytest.fixture()
def mine(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINE, encoding="utf-8")
    return read_catalog(path)


@pytest.mark.parametrize(("given", "numbers"), [({}, "12"), ({"num": 4}, "1234")])
def test_so_many_results_as_were_asked_for(mine, given, numbers):
    with calling(catalog=mine) as caller:
        last = caller.finish(caller.create("acme/four", prompt="a", **given).json()["data"]["taskId"])
        urls = json.loads(last["resultJson"])["resultUrls"]

        assert urls == [f"{caller.sandbox.url}/files/{last['taskId']}/{number}.png" for number in numbers]
        assert last["creditsConsumed"] == 3.0 * len(numbers)
        assert len({requests.get(url, timeout=10).content for url in urls}) == len(urls)


def test_a_model_that_makes_no_files_gives_an_object_and_an_unknown_price_is_made_up(mine):
    with calling(catalog=mine) as caller:
        last = caller.finish(caller.create("acme/tool", text="count these words").json()["data"]["taskId"])

        assert json.loads(last["resultJson"]) == {"resultObject": {"text": "count these words", "model": "acme/tool"}}
        assert last["creditsConsumed"] == 10.0


def test_a_user_starts_and_stops_at_will():
    sandbox = Sandbox(catalog=CATALOG)

    assert repr(sandbox) == "Sandbox(not started)"
    assert sandbox.start() is sandbox.start()
    assert repr(sandbox) == f"Sandbox({sandbox.url})"
    sandbox.stop()


def test_other_paths_and_methods_are_refused(caller):
    def ask(method, path):
        answer = caller.session.request(method, caller.sandbox.url + path, json={}, timeout=10)
        return answer.status_code, answer.json()["code"]

    assert ask("GET", CREATE) == (405, 405)
    assert ask("GET", "/api/v1/nothing") == (404, 404)
    assert ask("POST", "/no-such-slug/v1/chat/completions") == (200, 500)
    assert requests.get(caller.sandbox.url, timeout=10).text.startswith("kie-sync sandbox")


def test_a_body_that_is_no_object_is_refused(caller):
    answer = caller.session.post(caller.sandbox.url + CREATE, data=b"[1]", timeout=10)

    assert answer.json() == {"code": 400, "msg": "The request body must be a JSON object", "data": None}


def test_connections_stay_open_and_stop_closes_them():
    sandbox = Sandbox(catalog=CATALOG).start()
    port = int(sandbox.url.rpartition(":")[2])
    request = (f"GET {CREDITS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sandbox.key}\r\n\r\n").encode()

    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        sandbox.stop()
        assert connection.recv(4096) == b""

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    sandbox.stop()


def test_the_environment_leads_everything_to_the_sandbox(caller):
    url, key = caller.sandbox.url, caller.sandbox.key

    assert caller.sandbox.environment() == {
        "KIE_BASE_URL": url,
        "KIE_API_KEY": key,
        "GEMINI_BASE_URL": url,
        "GOOGLE_API_KEY": key,
        "GEMINI_API_KEY": key,
    }


def test_the_log_keeps_every_request(caller):
    caller.credits()
    requests.get(caller.sandbox.url + "/", timeout=10)

    assert [(entry.method, entry.path, entry.authorized) for entry in caller.sandbox.requests] == [
        ("GET", CREDITS, True),
        ("GET", "/", False),
    ]


def test_a_seed_makes_ids_the_same():
    def first_id():
        with calling(seed=7) as caller:
            return caller.create(prompt="a").json()["data"]["taskId"]

    assert first_id() == first_id()


def test_a_taken_port_is_a_setting_to_change(caller):
    port = int(caller.sandbox.url.rpartition(":")[2])

    with pytest.raises(KieConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
        Sandbox(catalog=CATALOG, port=port).start()


@pytest.mark.parametrize("settings", [{"speed": 0}, {"speed": float("inf")}, {"key": ""}, {"faults": ["nonsense"]}])
def test_wrong_settings_are_refused(settings):
    with pytest.raises(KieConfigError):
        Sandbox(catalog=CATALOG, **settings)


def test_there_is_no_url_before_the_start():
    with pytest.raises(KieConfigError, match="before it is started"):
        print(Sandbox(catalog=CATALOG).url)


def test_serve_runs_until_it_is_stopped():
    seen = SimpleNamespace()
    ready = threading.Event()

    def on_ready(sandbox):
        seen.sandbox = sandbox
        ready.set()

    thread = threading.Thread(target=lambda: serve(catalog=CATALOG, on_ready=on_ready), daemon=True)
    thread.start()
    ready.wait(10)
    requests.get(seen.sandbox.url, timeout=10)
    seen.sandbox.stop()
    thread.join(10)

    assert not thread.is_alive()


def test_a_missing_extra_is_named_with_the_way_to_get_it():
    code = (
        "import sys\n"
        "sys.modules['noto_cjk_sans_otc'] = None\n"
        "from kie_sync.errors import KieConfigError\n"
        "from kie_sync.sandbox import FAULTS\n"
        "assert not any(name.startswith('werkzeug') for name in sys.modules)\n"
        "try:\n"
        "    from kie_sync.sandbox import Sandbox\n"
        "except KieConfigError as err:\n"
        "    print(err)\n"
    )

    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == (
        'the sandbox needs noto_cjk_sans_otc, which is not installed: pip install "kie-sync[sandbox]"'
    )


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_listed_fault_can_be_read(name):
    needs = FAULTS[name].startswith("=NUMBER")

    assert parse_fault(f"{name}=3" if needs else name).name == name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nonsense", "unknown sandbox fault 'nonsense'; there are: accept-then-drop, "),
        ("nowhere:html", "unknown place 'nowhere'; there are: create, query, chat, credits, upload, files"),
        ("slow", "needs a number"),
        ("slow=soon", "needs a number; got 'soon'"),
        ("queuing=1", "takes no argument; got '1'"),
    ],
)
def test_a_wrong_fault_is_told_with_what_there_is(text, told):
    with pytest.raises(KieConfigError) as caught:
        parse_fault(text)

    assert told in str(caught.value)
