from __future__ import annotations

import json
import logging
import pickle
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any, List

import pytest
from wire import (
    CHAT,
    CREATED,
    IMAGE,
    KEY,
    RETIRED,
    VIDEO,
    Script,
    answer,
    chunk,
    client,
    event,
    pieces,
    shipped,
    state,
    success,
)

from kie_sync import (
    ChatMessage,
    KieAdapter,
    KieChatAdapter,
    KieClient,
    KieImageAdapter,
    KieVideoAdapter,
    Request,
    connection,
)
from kie_sync.errors import (
    KieBudgetError,
    KieInputError,
    KieOutcomeUnknownError,
    KieTaskError,
    KieTaskFailedError,
    KieUnknownModelError,
)
from kie_sync.events import CallRefused, TaskCreated, TaskFinished, TaskPolled, TaskSubmitting

COMPLETION = {"choices": [{"finish_reason": "stop", "message": {"content": "Hi"}}]}


def image(clock: Any, *answers: Any, **more: Any) -> KieImageAdapter:
    return KieImageAdapter(client(Script(*answers), clock, **more), IMAGE)


def test_generate(clock: Any) -> None:
    told: List[Any] = []
    script = Script(CREATED, state("waiting"), success(createTime=1000, completeTime=13500))
    adapter = KieImageAdapter(client(script, clock, on_event=told.append), IMAGE)

    result = adapter.generate(prompt="一只可爱的橘猫", size="1:1", output_format="png", context={"who": 1})

    assert script.requests[0] == adapter.prepare(prompt="一只可爱的橘猫", size="1:1", output_format="png")
    assert script.requests[0].json == {
        "model": IMAGE,
        "input": {"prompt": "一只可爱的橘猫", "image_size": "1:1", "output_format": "png"},
    }
    assert (result["image_urls"], result.task_id, result.credits_consumed) == (
        ["https://files/1.png"],
        "t1",
        Decimal("4.0"),
    )
    assert (result.cost.credits, result.duration_s, result.state) == (5, 12.5, "success")
    assert [type(event) for event in told] == [TaskSubmitting, TaskCreated, TaskPolled, TaskFinished]
    assert told[0].price == told[-1].cost == result.cost and all(event.context == {"who": 1} for event in told)
    assert pickle.loads(pickle.dumps(result)) == result
    json.dumps(result.to_dict())


@pytest.mark.parametrize(
    "given",
    [
        {"size": "16:9"},
        {"aspect_ratio": "16:9"},
        {"image_size": "16:9"},
        {"arguments": {"size": "16:9"}},
        {"ratio": "16:9"},
    ],
)
def test_every_name_of_a_parameter_is_taken(clock: Any, given: Any) -> None:
    assert image(clock, CREATED).prepare(prompt="a", **given).json["input"] == {"prompt": "a", "image_size": "16:9"}


def test_what_does_not_fit_is_told_at_once_and_nothing_is_sent(clock: Any) -> None:
    script = Script(CREATED)
    adapter = KieImageAdapter(client(script, clock), IMAGE)

    with pytest.raises(KieInputError) as caught:
        adapter.generate(size="2:1", images="https://x/y.png", colour="red")
    with pytest.raises(KieInputError, match="poll_interval"):
        adapter.generate(prompt="a", poll_interval=0)
    with pytest.raises(KieInputError, match="no tariff"):
        adapter.generate(prompt="a", tariff="nosuch")

    assert {problem.kind for problem in caught.value.problems} >= {"required", "values", "unknown"}
    assert script.requests == []


def test_a_result_saves_under_a_name_of_its_own(tmp_path: Path, clock: Any) -> None:
    file = pieces([b"file"])
    result = image(clock, CREATED, success(), file, pieces([b"file"])).generate(prompt="a")

    assert result.save(tmp_path / "cat.png") == [tmp_path / "cat.png"]
    assert result.save(tmp_path) == [tmp_path / "google-nano-banana-t1-1.png"]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([CREATED, state("fail", failCode="501", failMsg="no")], KieTaskFailedError),
        ([CREATED, state("success", resultJson="")], KieTaskError),
        ([{"code": 200}], KieOutcomeUnknownError),
    ],
)
def test_what_goes_wrong_has_its_class(clock: Any, answers: Any, kind: Any) -> None:
    with pytest.raises(kind) as caught:
        image(clock, *answers).generate(prompt="a")

    assert type(caught.value) is kind and caught.value.model == IMAGE


def test_the_kinds_are_kept_apart() -> None:
    kie = client(Script(CREATED))

    for adapter, model in ((KieImageAdapter, VIDEO), (KieVideoAdapter, CHAT), (KieChatAdapter, IMAGE)):
        with pytest.raises(KieInputError, match="KieAdapter takes any kind"):
            adapter(kie, model)
        assert repr(KieAdapter(kie, model)) == f"KieAdapter({model!r})"
    with pytest.raises(KieUnknownModelError, match="nano-banana"):
        KieAdapter(kie, "google/nano-bananna")
    with pytest.raises(KieInputError, match="this is a chat model; chat with it"):
        KieAdapter(kie, CHAT).generate(prompt="a")


@pytest.mark.parametrize(
    "param", [None, "not JSON", '{"input": {"prompt": 7, "image_size": "weird", "extra": []}}', {"input": []}]
)
def test_what_the_platform_kept_does_not_cost_the_result(clock: Any, param: Any) -> None:
    result = image(clock, success(param=param)).task("t1").wait()

    assert (result.urls, dict(result.arguments), result.cost.credits) == (("https://files/1.png",), {}, 5)


def test_the_prompt_may_come_first(clock: Any) -> None:
    adapter = image(clock)

    assert adapter.prepare("a cat") == adapter.prepare(prompt="a cat")


ODD = """
models:
  my/odd:
    kind: image
    endpoint: kie-task
    parameters:
      images: {type: images}
      aspect_ratio: {values: [1:1, 16:9], default: 1:1}
      resolution: {values: [1K, 2K], default: 1K}
    rules:
      - {when: {images: {present: true}}, then: {aspect_ratio: {ignored: true}}, say: the first image decides}
    price: {unit: image, by: resolution, credits: {1K: 1, 2K: not_offered}, source: s, checked: 2026-01-01}
"""


def test_what_has_no_effect_is_told(tmp_path: Path, clock: Any, caplog: Any) -> None:
    (tmp_path / "my.yaml").write_text(ODD, encoding="utf-8")
    adapter = KieAdapter(client(Script(CREATED), clock, catalog=tmp_path / "my.yaml"), "my/odd")
    notice = "aspect_ratio has no effect when images is given: the first image decides"

    with caplog.at_level("WARNING", logger="kie_sync"):
        adapter.prepare(images="https://x.example/i.png", aspect_ratio="16:9")

    assert [record.getMessage() for record in caplog.records] == [f"my/odd: {notice}"]
    assert notice in adapter.estimate_cost(images="https://x.example/i.png", aspect_ratio="16:9").notes


def test_what_is_not_offered_is_not_even_shown(tmp_path: Path, clock: Any) -> None:
    (tmp_path / "my.yaml").write_text(ODD, encoding="utf-8")
    adapter = KieAdapter(client(Script(CREATED), clock, catalog=tmp_path / "my.yaml"), "my/odd")

    with pytest.raises(KieInputError, match="resolution 2K is not offered"):
        adapter.prepare(resolution="2K")


def test_prepare_holds_no_key_and_sends_nothing(clock: Any) -> None:
    script = Script(CREATED)
    kie = client(script, clock)

    request = KieAdapter(kie, IMAGE).prepare(prompt="a", callback_url="https://x/hook")
    chat = KieAdapter(kie, CHAT).prepare(messages="hi", stream=True, reasoning_effort="low")

    assert isinstance(request, Request) and request.json["callBackUrl"] == "https://x/hook"
    assert (request.method, request.url) == ("POST", "https://api.kie.ai/api/v1/jobs/createTask")
    assert chat.json == {"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "low", "stream": True}
    assert KEY not in f"{request!r}{request.to_dict()}{chat!r}" and script.requests == []
    assert request.to_dict()["headers"]["Authorization"] == "Bearer ***"


@pytest.mark.parametrize(
    ("model", "given", "own", "reference"),
    [
        (IMAGE, {}, 5, 5), (IMAGE, {"image_count": 3}, 15, 15), ("nano-banana-pro", {"resolution": "4K"}, 49, 48),
        ("nano-banana-pro", {"image_count": 2, "resolution": "2K"}, 74, 72),
        (VIDEO, {"duration_seconds": 15}, 46, 60), (VIDEO, {"n_frames": "15"}, 46, 60),
        (VIDEO, {"duration": 15}, 46, 60),
        ("sora-2-pro-storyboard", {"duration_seconds": 25}, 226, 250),
        (CHAT, {"input_tokens": 1_000_000, "output_tokens": 1_000_000}, 212, 2100),
    ],
)  # fmt: skip
def test_estimates_take_the_customers_names(clock: Any, model: str, given: Any, own: int, reference: int) -> None:
    adapter = KieAdapter(client(Script(CREATED), clock), model)

    assert adapter.estimate_cost(**given).credits == adapter.estimate_cost(arguments=given).credits == own
    assert adapter.estimate_cost(tariff="reference", **given).credits == reference
    assert adapter.calculate_usage(given).credits == adapter.calculate_usage(**given).credits == own


def test_usage_of_what_was_made(clock: Any) -> None:
    adapter = KieAdapter(client(Script(CREATED, success()), clock), "nano-banana-pro")

    record = adapter.calculate_usage(adapter.generate(prompt="a", resolution="2K"))

    assert (record.credits, record.task_id, record.credits_consumed) == (37, "t1", 4)
    assert record.used == {"prompt": "a", "resolution": "2K", "image_count": 1}


def test_chat_whole_and_in_pieces(clock: Any) -> None:
    script = Script(COMPLETION, pieces([event(chunk("Hi", "stop"))]))
    adapter = KieChatAdapter(client(script, clock), CHAT)

    whole = adapter.chat_simple("hi", "be short", reasoning_effort="low")
    parts = list(adapter.chat([ChatMessage("user", "hi")], stream=True, arguments={"include_thoughts": False}))

    messages = [{"role": "system", "content": "be short"}, {"role": "user", "content": "hi"}]
    assert (whole.text, parts[0].choices[0].delta.content) == ("Hi", "Hi")
    assert script.requests[0].json == {"messages": messages, "reasoning_effort": "low", "stream": False}
    assert script.requests[1].json["include_thoughts"] is False


def test_messages_are_made() -> None:
    user = {"role": "user", "content": "hi"}

    assert KieAdapter.format_text_message("hi") == user
    assert KieAdapter.format_multimodal_message("what?", ["https://x/a.png"])["content"][1]["type"] == "image_url"
    assert KieAdapter.format_messages_from_history([("a", "b")], "hi", "be short") == [
        {"role": "system", "content": "be short"}, {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        user,
    ]  # fmt: skip
    assert KieAdapter.format_messages_from_history([user]) == [user]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model has been warned about yet."""
    monkeypatch.setattr(connection, "_warned_about", set())


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("call", ["generate", "submit", "create_task"])
def test_a_withdrawn_model_warns_once_where_the_caller_stands(clock: Any, call: str) -> None:
    kie = client(Script(CREATED, success()), clock)
    adapter = KieAdapter(kie, RETIRED)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            if call == "create_task":
                kie.create_task(RETIRED, {"prompt": "a"})
            else:
                getattr(adapter, call)(prompt="a")

    assert [(str(found.message).partition(" by")[0], found.category) for found in caught] == [
        (f"{RETIRED} was withdrawn", FutureWarning)
    ]
    assert caught[0].filename == __file__


@pytest.mark.usefixtures("fresh")
def test_a_warning_that_is_an_error_comes_before_anything_is_told_or_sent(clock: Any) -> None:
    told: List[Any] = []
    script = Script(CREATED)

    with pytest.raises(FutureWarning):
        KieAdapter(client(script, clock, on_event=told.append), RETIRED).submit(prompt="a")

    assert (told, script.requests) == ([], [])


@pytest.mark.usefixtures("fresh")
def test_the_sandbox_and_looks_do_not_warn(clock: Any) -> None:
    adapter = KieAdapter(client(Script(CREATED, success()), clock, base_url="http://127.0.0.1:1"), RETIRED)

    assert adapter.generate(prompt="a").task_id == "t1"
    assert KieAdapter(client(Script(success()), clock), RETIRED).task("t1").wait().task_id == "t1"


def test_a_replacement_is_named(clock: Any, monkeypatch: pytest.MonkeyPatch, fresh: None) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "g")

    with pytest.warns(FutureWarning, match="gemini-2.5-flash-preview was withdrawn"):
        client(Script(COMPLETION), clock).chat_completions("gemini-2.5-flash-preview", "hi")


def test_a_refused_call_is_told(clock: Any) -> None:
    told: List[Any] = []

    def refuse(event: Any) -> None:
        raise KieBudgetError("too much", credits=event.price.credits, limit=Decimal(1))

    with pytest.raises(KieBudgetError) as caught:
        image(clock, CREATED, on_event=[told.append, refuse]).generate(prompt="a")

    assert [type(event) for event in told] == [TaskSubmitting, CallRefused] and caught.value.credits == 5


def test_nothing_of_the_key_anywhere(clock: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    told: List[Any] = []
    with caplog.at_level(logging.DEBUG):
        adapter = image(clock, CREATED, state("waiting"), success(), answer(b"file"), on_event=told.append)
        result = adapter.generate(prompt="a")
        result.save(tmp_path)

    held = [told, result, adapter, vars(adapter), adapter.client, vars(adapter.client), result.to_dict(), caplog.text]
    assert KEY not in repr(held) and KEY not in str(held)


def test_the_path_against_the_sandbox(sandbox: Any, tmp_path: Path) -> None:
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as kie:
        result = KieImageAdapter(kie, IMAGE).generate(prompt="a cat", poll_interval=0.02)
        saved = result.save(tmp_path)
        text = "".join(
            part.choices[0].delta.content or ""
            for part in KieChatAdapter(kie, CHAT).chat_simple(user_message="what is 2+2?", stream=True)
        )

    assert saved[0].read_bytes().startswith(b"\x89PNG") and "4" in text and sandbox.leaks == ()


@pytest.mark.parametrize(
    "fault",
    ["skip-states", "queuing", "unknown-state=brewing", "result-object", "cost-ms", "null-first=2", "query:html*2"],
)
def test_the_sandboxs_oddities_of_a_task_are_lived_with(sandbox: Any, fault: str) -> None:
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as kie:
        adapter = KieImageAdapter(kie, IMAGE)
        assert adapter.generate(prompt=f"a cat [[fault:{fault}]]", poll_interval=0.01, max_wait_time=10).urls


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("result-null", KieTaskError), ("result-malformed", KieTaskError), ("result-empty", KieTaskError),
     ("fail=no", KieTaskFailedError), ("accept-then-drop", KieOutcomeUnknownError),
     ("drop-before", KieOutcomeUnknownError), ("create:html", KieOutcomeUnknownError)],
)  # fmt: skip
def test_the_sandboxs_faults_end_in_their_class(sandbox: Any, fault: str, kind: Any) -> None:
    with KieClient(sandbox.key, sandbox.url, catalog=shipped()) as kie, pytest.raises(kind) as caught:
        KieImageAdapter(kie, IMAGE).generate(prompt=f"a cat [[fault:{fault}]]", poll_interval=0.01, max_wait_time=10)

    assert type(caught.value) is kind
