"""The commands that call: against a sandbox over real HTTP, with files, faults and Ctrl-C."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List, Optional

import pytest
from click.testing import CliRunner, Result
from PIL import Image
from wire import chunk, event, pieces

import kie_sync
from kie_sync.cli import main
from kie_sync.cli.chat import as_message
from kie_sync.cli.demo import find_model
from kie_sync.pricing import estimate
from kie_sync.response import Response
from kie_sync.sandbox import Sandbox
from kie_sync.transport import HttpTransport

IMAGE, EDIT, CHAT = "google/nano-banana", "google/nano-banana-edit", "gemini-3-flash"
QUICK = ("--poll-interval", "0.01")
PNG = b"\x89PNG\r\n\x1a\n"


def run(*args: str, stdin: str = "") -> Result:
    """Run a command in this process, stdout and stderr apart (click before 8.2 mixes them unless told)."""
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**apart).invoke(main, list(args), input=stdin, catch_exceptions=False)


def error_of(result: Result) -> Any:
    """The error that a command with `--json` ends in."""
    return json.loads(result.stderr.splitlines()[-1])["error"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def environment(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A sandbox whose tasks do not end while a test runs."""
    with Sandbox(speed=0.001) as sandbox:
        for name, value in sandbox.environment().items():
            monkeypatch.setenv(name, value)
        yield sandbox


# generate


def test_generate_saves_to_a_file() -> None:
    result = run("generate", IMAGE, "a cat", "-o", "new folder/cat.png", *QUICK)

    assert (result.exit_code, result.stdout) == (0, "new folder/cat.png\n")
    assert Path("new folder/cat.png").read_bytes().startswith(PNG)
    task_id = result.stderr.split()[1]
    assert result.stderr.splitlines()[0] == f"task {task_id} created"
    assert result.stderr.splitlines()[-1] == (
        f"task {task_id} done; price (cost_plus_one): 5 credits, US$ 0.025; the platform took 4 credits"
    )


def test_generate_without_a_place_prints_the_url(sandbox: Sandbox) -> None:
    result = run("generate", IMAGE, "a cat", "--tariff", "reference", *QUICK)

    assert result.exit_code == 0
    assert result.stdout.startswith(f"{sandbox.url}/files/")
    assert "price (reference): 5 credits" in result.stderr


def test_generate_as_json() -> None:
    result = run("generate", IMAGE, "a cat", "-o", "here/", "--json", *QUICK)

    found, told = json.loads(result.stdout), json.loads(result.stderr)
    assert told == {"task": {"task_id": found["task_id"], "model": IMAGE, "state": "created"}}
    assert (found["state"], found["cost"]["credits"], found["credits_consumed"]) == ("success", "5", "4.0")
    assert [Path(file).parent for file in found["files"]] == [Path("here")]
    assert len(found["urls"]) == 1


def test_generate_with_a_model_of_ones_own(here: Path) -> None:
    """A model that only a user's file knows works to the end, against a sandbox that knows it."""
    (here / "my.yaml").write_text(
        "models: {my/model: {title: Mine, kind: image, endpoint: kie-task, source: t, checked: 2026-11-22,\n"
        "  parameters: {prompt: {type: text, required: true}, size: {wire: dims, values: [1:1, 16:9]}},\n"
        "  price: {unit: image, credits: 2, source: t, checked: 2026-11-22}}}\n",
        encoding="utf-8",
    )
    with Sandbox(speed=1000, catalog=kie_sync.load_catalog("my.yaml")) as own:
        os.environ["KIE_BASE_URL"] = own.url  # restored by `environment`
        words = ("--catalog", "my.yaml", "generate", "my/model", "a cat", "-p", "size=16:9", "-o", "cat.png")
        result = run(*words, *QUICK)

    assert (result.exit_code, result.stdout) == (0, "cat.png\n")


def test_bad_input_buys_nothing(sandbox: Sandbox) -> None:
    before = len(sandbox.tasks)

    result = run("generate", IMAGE, "a cat", "-p", "size=17:9", "--json")

    assert (result.exit_code, result.stdout, len(sandbox.tasks)) == (2, "", before)
    assert error_of(result)["type"] == "KieInputError"


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("file/cat.png", "-o file/cat.png: nothing can be written there: "),
        ("file/", "-o file/: nothing can be written there: "),
        ("locked/cat.png", "-o locked/cat.png: nothing can be written there: Permission denied"),
        ("locked/a/b/", "-o locked/a/b/: nothing can be written there: Permission denied"),
        ("locked/{n}.png", "-o locked/{n}.png: nothing can be written there: Permission denied"),
        ("", "-o: the place is empty"),
        ("-", "-o -: files are not written to stdout"),
        ("/dev/null", "is a device or a pipe"),
        ("{name}.png", "-o knows no {name}; there are: {model}, {task_id}, {n}, {ext}"),
        ("{n", "-o has a brace too many or too few"),
    ],
)
def test_a_place_that_cannot_be_written_to_buys_nothing(
    sandbox: Sandbox, here: Path, monkeypatch: pytest.MonkeyPatch, output: str, told: str
) -> None:
    (here / "file").write_text("")
    (here / "locked").mkdir()
    real = Path.open, Path.mkdir

    def refuse(which: int) -> Any:
        # Root may write anywhere, so the test says itself what may not be written to.
        def call(path: Path, *args: Any, **named: Any) -> Any:
            if "locked" in path.parts[:-1]:
                raise PermissionError(13, "Permission denied", str(path))
            return real[which](path, *args, **named)

        return call

    monkeypatch.setattr(Path, "open", refuse(0))
    monkeypatch.setattr(Path, "mkdir", refuse(1))
    before = len(sandbox.tasks)

    result = run("generate", IMAGE, "a cat", "-o", output)

    assert (result.exit_code, len(sandbox.tasks)) == (2, before)
    assert told in result.stderr
    assert sorted(path.name for path in here.rglob("*")) == ["file", "locked"]


@pytest.mark.parametrize(
    ("fault", "code", "error"),
    [
        ("fail=Upstream is down", 4, "KieTaskFailedError"),
        ("result-empty", 4, "KieTaskError"),
        ("accept-then-drop", 5, "KieOutcomeUnknownError"),
        ("create:html", 5, "KieOutcomeUnknownError"),
        ("code=401", 3, "KieAuthenticationError"),
        ("code=402", 3, "KieInsufficientBalanceError"),
        ("credits-500", 3, "KieInsufficientBalanceError"),
        ("code=422", 3, "KieValidationError"),
        ("code=455", 3, "KieServerError"),
    ],
)
def test_faults_end_in_their_exit_codes(fault: str, code: int, error: str) -> None:
    result = run("generate", IMAGE, f"a cat [[fault:{fault}]]", "--json", *QUICK)

    assert (result.exit_code, result.stdout) == (code, "")
    assert (error_of(result)["type"], error_of(result)["exit_code"]) == (error, code)


def test_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KIE_API_KEY")

    result = run("credits")

    assert result.exit_code == 2
    assert result.stderr.startswith("error: no API key for KIE.ai: set KIE_API_KEY")


def test_wrong_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_API_KEY", "wrong")

    result = run("credits", "--json")

    assert (result.exit_code, error_of(result)["type"]) == (3, "KieAuthenticationError")


def test_deadline_says_how_to_go_on(slow: Sandbox) -> None:
    result = run("generate", IMAGE, "a cat", "--max-wait", "0.05", "-o", "my cat.png", *QUICK)

    task_id = slow.tasks[0].id
    assert result.exit_code == 6
    assert result.stderr.endswith(
        f"the task goes on, and is paid; wait for it with:\n  kie-sync task {task_id} --wait -o 'my cat.png'\n"
    )


def test_a_file_that_cannot_be_fetched_still_gives_its_url(sandbox: Sandbox) -> None:
    sandbox.add_fault("expired")
    try:
        result = run("generate", IMAGE, "a cat", "-o", "cat.png", "--json", *QUICK)
    finally:
        sandbox.clear_faults()

    found = json.loads(result.stdout)
    assert (result.exit_code, len(found["urls"]), found["files"]) == (7, 1, [])
    assert error_of(result)["go_on"] == f"kie-sync task {found['task_id']} -o cat.png"
    assert (error_of(result)["type"], error_of(result)["exit_code"]) == ("KieNotFoundError", 7)


def test_a_full_disk_still_gives_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("os.link", "os.replace"):
        monkeypatch.setattr(name, full_disk)

    result = run("generate", IMAGE, "a cat", "-o", "cat.png", *QUICK)

    task_id = result.stdout.split("/")[-2]
    assert (result.exit_code, result.stdout.count("/files/")) == (7, 1)
    assert "error: the files could not be saved: No space left on device; the result is paid" in result.stderr
    assert result.stderr.endswith(f"the task is done; fetch its files with:\n  kie-sync task {task_id} -o cat.png\n")


def test_a_task_of_a_model_outside_the_catalog_that_cannot_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("generate", IMAGE, "a cat", "--json", *QUICK).stdout)
    monkeypatch.setattr("kie_sync.cli.task._choose_model", lambda *_: None)
    for name in ("os.link", "os.replace"):
        monkeypatch.setattr(name, full_disk)

    result = run("task", made["task_id"], "-o", "cat.png", "--json")

    assert (result.exit_code, error_of(result)["type"]) == (7, "KieSaveError")
    assert error_of(result)["task_id"] == made["task_id"]


def full_disk(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


# files


@pytest.fixture
def photo(here: Path) -> Path:
    Image.new("RGB", (8, 8), "red").save(here / "photo.png")
    return here / "photo.png"


@pytest.mark.parametrize(
    "pairs",
    [
        ["images=./photo.png"],
        ["images=@photo.png"],
        ["image_input=photo.png"],
        ['images=["photo.png", "https://x/y.png"]'],
        ["images=photo.png", "images=https://x/y.png"],
    ],
)
def test_local_files_are_uploaded(sandbox: Sandbox, photo: Path, pairs: List[str]) -> None:
    words = [word for pair in pairs for word in ("-p", pair)]

    result = run("generate", "nano-banana-pro", "x", *words, "-o", "out/", "--json", *QUICK)

    found = json.loads(result.stdout)
    sent = next(task for task in sandbox.tasks if task.id == found["task_id"]).input["image_input"]
    assert (result.exit_code, sent[0].startswith(f"{sandbox.url}/kieai/"), sent[1:]) == (
        0,
        True,
        ["https://x/y.png"] if "https" in str(pairs) else [],
    )
    assert found["files"] == [f"out/nano-banana-pro-{found['task_id']}-1.png"]
    assert sandbox.leaks == ()


def test_a_pattern_for_results(photo: Path) -> None:
    result = run("generate", IMAGE, "a cat", "-o", "{model}/{n:03}.{ext}", *QUICK)

    assert (result.exit_code, result.stdout) == (0, "google-nano-banana/001.png\n")


def test_a_local_file_that_does_not_fit_buys_nothing(sandbox: Sandbox, here: Path) -> None:
    (here / "page.png").write_text("<html>")
    before = len(sandbox.requests)

    result = run("generate", EDIT, "x", "-p", "images=page.png", "-p", "images=none.png", "--json")

    assert (result.exit_code, len(sandbox.requests)) == (2, before)
    assert [problem["where"] for problem in error_of(result)["problems"]] == ["images[0]", "images[1]"]


def test_paths_are_confined(sandbox: Sandbox, photo: Path, here: Path) -> None:
    (here / "inbox").mkdir()

    for command in ("generate", "preview"):
        result = run(command, EDIT, "x", "-p", "images=photo.png", "--files-under", "inbox")
        assert (result.exit_code, result.stdout) == (2, "")
        assert 'images must be a file under "inbox"; "photo.png" leads out of it' in result.stderr
    assert run("preview", EDIT, "x", "-p", "images=photo.png", "--files-under", ".").exit_code == 0


def test_preview_and_price_upload_nothing(sandbox: Sandbox, photo: Path) -> None:
    before = len(sandbox.requests)

    shown = json.loads(run("preview", EDIT, "x", "-p", "images=photo.png", "--json").stdout)
    price = run("price", EDIT, "-p", "images=photo.png", "--json")

    assert shown["json"]["input"]["image_urls"][0].startswith("https://upload.invalid/")
    assert (json.loads(price.stdout)["credits"], len(sandbox.requests)) == ("5", before)


def test_upload_prints_urls(sandbox: Sandbox, photo: Path, here: Path) -> None:
    (here / "b.txt").write_text("words")

    lines = run("upload", "photo.png", "b.txt").stdout.splitlines()
    found = json.loads(run("upload", "photo.png", "--way", "base64", "--json").stdout)
    copied = run("upload", lines[0], "--way", "url").stdout

    assert len(lines) == 2 and all(line.startswith(f"{sandbox.url}/kieai/") for line in lines)
    assert [each["file"] for each in found] == ["photo.png"]
    assert len({*lines, found[0]["url"], copied.strip()}) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["photo.png", "none.png", "."], ['there is no file "none.png"', '"." is a folder']),
        (["https://x/y.png"], ['way="url" has the platform fetch a URL']),
        (["photo.png", "--way", "url"], ['way="url" takes a URL']),
        ([], ["Missing argument 'FILE...'"]),
    ],
)
def test_upload_refuses_all_or_nothing(sandbox: Sandbox, photo: Path, words: List[str], told: List[str]) -> None:
    before = len(sandbox.requests)

    result = run("upload", *words)

    assert (result.exit_code, result.stdout, len(sandbox.requests)) == (2, "", before)
    assert all(text in result.stderr for text in told)


# task, credits


def test_task_shows_a_task_that_is_done() -> None:
    made = json.loads(run("generate", EDIT, "night", "-p", "images=https://x/y.png", "--json", *QUICK).stdout)

    found = json.loads(run("task", made["task_id"], "--json").stdout)

    assert {**found, "cost": None} == {**made, "cost": None}
    assert (made["cost"]["credits"], found["cost"]["credits"]) == ("5", "5")


def test_task_saves_the_files_of_a_task_that_is_done() -> None:
    made = json.loads(run("generate", IMAGE, "a cat", "--json", *QUICK).stdout)

    result = run("task", made["task_id"], "-o", "cat.png")

    assert (result.exit_code, result.stdout) == (0, "cat.png\n")


def test_task_that_failed(sandbox: Sandbox) -> None:
    task_id = error_of(run("generate", IMAGE, "a [[fault:fail=501|Too dark]]", "--json", *QUICK))["task_id"]

    result = run("task", task_id, "--wait", "--json")

    assert result.exit_code == 4
    assert {"state": "fail", "fail_msg": "Too dark", "files": []}.items() <= json.loads(result.stdout).items()
    assert error_of(result)["fail_msg"] == "Too dark"


def test_task_that_goes_on(slow: Sandbox) -> None:
    run("generate", IMAGE, "a cat", "--max-wait", "0.05", *QUICK)
    task_id = slow.tasks[0].id

    once, waited = run("task", task_id), run("task", task_id, "--wait", "--max-wait", "0.05", *QUICK)

    assert (once.exit_code, once.stdout) == (0, "")
    assert once.stderr.startswith(f"task {task_id}: waiting")
    assert waited.exit_code == 6


@pytest.mark.parametrize("command", ["generate", "task"])
def test_a_refused_look_at_a_task_that_goes_on_is_no_refusal(
    slow: Sandbox, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """It ended in 3, "refused": a script would have bought the task anew."""
    real = HttpTransport.__call__
    looks: List[Any] = []

    def refuse_second_look(self: Any, request: Any, **about: Any) -> Any:
        if not request.is_paid:
            looks.append(request)
            if command == "generate" or len(looks) > 1:
                return Response(401, b'{"code": 401, "msg": "Unauthorized"}', {}, request.method, request.url)
        return real(self, request, **about)

    if command == "task":
        run("generate", IMAGE, "a cat", "--max-wait", "0.05", *QUICK)
    asked = ["generate", IMAGE, "a cat"] if command == "generate" else ["task", slow.tasks[0].id, "--wait"]
    monkeypatch.setattr(HttpTransport, "__call__", refuse_second_look)

    result = run(*asked, "--json", *QUICK)

    told = error_of(result)
    assert (result.exit_code, told["type"], told["task_id"]) == (6, "KieAuthenticationError", slow.tasks[0].id)
    assert "Only this look was refused; " in told["message"] and told["go_on"].endswith("--wait")


def test_task_of_a_model_outside_the_catalog_is_saved(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(run("generate", IMAGE, "a cat", "--json", *QUICK).stdout)
    monkeypatch.setattr("kie_sync.cli.task.find_model", lambda catalog, name: None)

    result = run("task", made["task_id"], "--wait", "-o", "cat.png")

    assert (result.exit_code, result.stdout) == (0, "cat.png\n")


def test_the_platforms_word_for_a_tasks_model_counts() -> None:
    """With --model X, a task of another model was read and priced as one of X."""
    made = json.loads(run("generate", IMAGE, "a cat", "--json", *QUICK).stdout)

    result = run("task", made["task_id"], "--model", "nano-banana-pro", "--json")

    assert (result.exit_code, json.loads(result.stdout)["cost"]) == (0, made["cost"])
    assert json.loads(result.stderr) == {
        "warning": f"the task is of {IMAGE}, as the platform says, not of nano-banana-pro; its own entry is used"
    }


def test_task_that_nobody_knows() -> None:
    result = run("task", "no-such-task", "--json")

    assert (result.exit_code, error_of(result)["type"]) == (3, "KieNotFoundError")
    assert "go_on" not in error_of(result)


def test_status_question_that_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)

    result = run("task", "some-task", "--json")

    assert (result.exit_code, error_of(result)["type"]) == (3, "KieConnectionError")


def test_credits(monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(balance=Decimal("12.5")) as poor:
        monkeypatch.setenv("KIE_BASE_URL", poor.url)

        text, found = run("credits"), run("credits", "--json")

    assert text.stdout == "12.5\n"
    assert json.loads(found.stdout) == {"credits": "12.5", "usd": "0.0625"}


# chat


def test_chat_streams_to_stdout() -> None:
    result = run("chat", CHAT, "hello")

    assert result.exit_code == 0
    assert result.stdout.startswith("You said: “hello”")
    assert result.stdout.endswith("\n")
    assert " tokens in, " in result.stderr
    assert "price (cost_plus_one): " in result.stderr


def test_chat_in_one_piece_is_the_same_answer() -> None:
    assert run("chat", CHAT, "hello", "--no-stream").stdout == run("chat", CHAT, "hello").stdout


def test_chat_reads_stdin_and_prints_json() -> None:
    result = run("chat", CHAT, "--json", "--system", "Be brief.", stdin="你好\n")

    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr, lines[-1]["model"]) == (0, "", CHAT)
    assert [line["object"] for line in lines] == ["chat.completion.chunk"] * (len(lines) - 1) + ["chat.completion"]
    pieces_of = [line["choices"][0]["delta"].get("content") or "" for line in lines[:-1]]
    assert "你好" in "".join(pieces_of)
    assert lines[-1]["choices"][0]["message"]["content"] == "".join(pieces_of)


def test_chat_sends_files_along(here: Path) -> None:
    (here / "dot.png").write_bytes(PNG)

    assert as_message("what is it?", ["https://x/y.png", "dot.png"]) == {
        "role": "user",
        "content": [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "image_url", "image_url": {"url": Path("dot.png")}},
        ],
    }
    assert run("chat", CHAT, "what is it?", "--image", "dot.png", "-p", "reasoning_effort=low").exit_code == 0


def test_chat_with_tools_shows_the_calls() -> None:
    """As lines of JSON, after the text."""
    tools = '[{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]'

    result = run("chat", CHAT, "what is the weather?", "-p", f"tools={tools}")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["function"] == {"name": "weather", "arguments": "{}"}
    assert run("chat", CHAT, "what is the weather?", "-p", f"tools={tools}", "--no-stream").exit_code == 0


def test_chat_refuses_what_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    apart = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}

    result = CliRunner(**apart).invoke(main, ["chat", CHAT], input=b"\xff\xfe")

    assert result.exit_code == 2
    assert "what came on stdin is not UTF-8 text" in result.stderr


def test_chat_without_a_question_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kie_sync.cli.chat.is_terminal", lambda: True)

    result = run("chat", CHAT)

    assert result.exit_code == 2
    assert "there is no PROMPT; write it in quotes, or pipe it in" in result.stderr


def test_chat_takes_a_whole_conversation() -> None:
    messages = json.dumps([{"role": "user", "content": "hello"}])

    assert run("chat", CHAT, "-p", f"messages={messages}").stdout == run("chat", CHAT, "hello").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image", "no.png", "hi"], "--image no.png: there is no such file, and it is no URL"),
        (["--image", "notes.png", "hi"], "error: --image notes.png must be a picture, a video, a sound or a PDF file"),
        (["  "], "the prompt is empty"),
        (["-"], "the prompt is empty"),
        (["hi", "-p", 'messages=[{"role": "user", "content": "a"}]'], "-p messages= is the whole conversation"),
    ],
)
def test_chat_refuses(here: Path, words: List[str], message: str) -> None:
    (here / "notes.png").write_text("hello")

    result = run("chat", CHAT, *words)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_chat_of_a_model_that_makes_pictures() -> None:
    result = run("chat", IMAGE, "hello")

    assert result.exit_code == 2
    assert "this is a model of kind image; make it with `KieAdapter.generate`, or `kie-sync generate`" in result.stderr


@pytest.mark.parametrize(
    ("fault", "code", "error"),
    [
        ("silent-close", 5, "the stream ended without a finish reason"),
        ("event-error", 5, "the platform broke the stream off"),
        ("envelope=402", 3, "(code 402; "),
    ],
)
def test_chat_that_breaks_off(fault: str, code: int, error: str) -> None:
    result = run("chat", CHAT, f"hello [[fault:{fault}]]")

    assert result.exit_code == code
    assert result.stdout == "" or result.stdout.endswith("\n")
    assert "error: " in result.stderr
    assert error in result.stderr


def test_ctrl_c_in_an_answer_says_that_it_may_be_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    """It said "interrupted", as if nothing had been bought."""
    cut = pieces([event(chunk("Once upon"))], error=KeyboardInterrupt())  # type: ignore[arg-type]
    monkeypatch.setattr(HttpTransport, "__call__", lambda *_, **about: cut)

    result = run("chat", CHAT, "hello", "--journal", "off")

    assert (result.exit_code, result.stdout) == (130, "Once upon\n")
    assert result.stderr.endswith("error: interrupted; the answer so far may be charged\n")


# demo


def test_demo_makes_one_of_each_kind(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the environment says: keys, hosts, catalogs and proxies are not looked at."""
    for name in ("KIE_BASE_URL", "GEMINI_BASE_URL", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("KIE_API_KEY", "a real key")
    monkeypatch.setenv("KIE_CATALOG", "/no/such/file.yaml")

    result = run("demo")

    assert result.exit_code == 0
    # What a chat costs depends on the words of the sandbox's answer.
    assert re.sub(r"0\.\d{4,}", "0.0...", result.stdout) == (
        "image: kie-demo/image.png\n"
        "  google/nano-banana, 5 credits, US$ 0.025\n"
        "video: kie-demo/video.mp4\n"
        "  grok-imagine-video-1-5-preview, 20.2 credits, US$ 0.101\n"
        "chat: kie-demo/answer.txt\n"
        "  gemini-3-pro, 0.0... credits, US$ 0.0...\n"
        f"{result.stdout.splitlines()[-1]}\n"
    )
    assert re.fullmatch(r"99\d\d(\.\d+)? credits are left in the sandbox\.", result.stdout.splitlines()[-1])
    assert (here / "kie-demo/image.png").read_bytes().startswith(PNG)
    assert (here / "kie-demo/video.mp4").read_bytes()[4:8] == b"ftyp"
    assert (here / "kie-demo/answer.txt").read_text(encoding="utf-8").strip() in result.stderr


@pytest.mark.parametrize("kind", ["image", "video", "chat"])
def test_the_demo_takes_what_is_in_use_and_has_a_price(kind: str, catalog: Any) -> None:
    found = find_model(catalog, kind)

    assert (found.kind, found.retired_on, bool(found.prices)) == (kind, "", True)
    if kind != "chat":
        assert estimate(found, {"prompt": "a cat"}).credits is not None


def test_demo_as_json_overwrites_nothing() -> None:
    run("demo", "-o", "made")

    found = json.loads(run("demo", "-o", "made", "--json").stdout)

    assert {thing["kind"]: thing["files"] for thing in found["made"]} == {
        "image": ["made/image-2.png"],
        "video": ["made/video-2.mp4"],
        "chat": ["made/answer-2.txt"],
    }


def test_demo_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    load = importlib.import_module

    def without_werkzeug(name: str, package: Optional[str] = None) -> Any:
        if name == ".server":
            raise ModuleNotFoundError("No module named 'werkzeug'", name="werkzeug")
        return load(name, package)

    monkeypatch.setattr(importlib, "import_module", without_werkzeug)

    result = run("demo")

    assert result.exit_code == 2
    assert 'pip install "kie-sync[sandbox]"' in result.stderr


# In a process of its own


def start(*args: str, **environment: str) -> subprocess.Popen[str]:
    root = str(Path(kie_sync.__file__).parent.parent)
    code = "from kie_sync.cli import main; main(prog_name='kie-sync')"
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": root, **environment},
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_says_how_to_go_on(slow: Sandbox) -> None:
    with start("generate", IMAGE, "a cat", *QUICK) as process:
        assert process.stderr is not None
        task_id = process.stderr.readline().split()[1]
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)

    assert (process.returncode, stdout) == (130, "")
    assert stderr.endswith(
        f"error: interrupted\nthe task goes on, and is paid; wait for it with:\n  kie-sync task {task_id} --wait\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_sandbox_prints_its_environment_until_ctrl_c() -> None:
    with start("sandbox", "--balance", "7", "--fault", "code=433") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(7)]
        variables = dict(line.partition(" ")[2].split("=", 1) for line in lines)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            left, refused = run("credits"), run("generate", IMAGE, "a cat", "--json")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)

    assert (process.returncode, left.stdout, refused.exit_code) == (0, "7\n", 3)
    own = [Path(variables.pop(name)) for name in ("KIE_JOURNAL", "KIE_LEDGER")]
    assert sorted(variables) == ["GEMINI_API_KEY", "GEMINI_BASE_URL", "GOOGLE_API_KEY", "KIE_API_KEY", "KIE_BASE_URL"]
    assert [path.name for path in own] == ["journal.sqlite", "ledger.sqlite"]
    assert len({path.parent for path in own}) == 1 and not own[0].parent.exists()


def test_a_reader_that_goes_away_is_no_error() -> None:
    with start("models") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.wait(timeout=20)
        assert process.stderr is not None
        assert process.stderr.read() == ""
