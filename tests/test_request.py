"""What is sent: every request, whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kie_sync.definitions import Endpoint
from kie_sync.errors import KieConfigError
from kie_sync.params import resolve
from kie_sync.request import (
    Request,
    build_chat,
    build_create,
    build_credits,
    build_download,
    build_download_url,
    build_raw_create,
    build_status,
    join,
)

API = "https://api.kie.ai"
JSON = {"Content-Type": "application/json"}
STREAM = {**JSON, "Accept": "text/event-stream"}
MESSAGES = [{"role": "user", "content": "2+2?"}]


def test_a_create_call(catalog: Any) -> None:
    model = catalog["nano-banana-pro"]
    arguments = resolve(model, {"prompt": "a cat", "size": "16:9", "resolution": "2K"})

    assert build_create(model, arguments, API, callback_url="https://me.example/done") == Request(
        "POST",
        "https://api.kie.ai/api/v1/jobs/createTask",
        json={
            "model": "nano-banana-pro",
            "input": {"prompt": "a cat", "aspect_ratio": "16:9", "resolution": "2K"},
            "callBackUrl": "https://me.example/done",
        },
        headers=JSON,
        provider="kie",
        is_paid=True,
    )


def test_a_create_call_without_a_callback_says_nothing_of_it(catalog: Any) -> None:
    request = build_raw_create(catalog.endpoints["kie-task"], "any/model", {"a": 1}, API)

    assert request.json == {"model": "any/model", "input": {"a": 1}}


def test_an_endpoint_without_callbacks_leaves_the_url_out(catalog: Any) -> None:
    endpoint = replace(catalog.endpoints["kie-task"], callback="", body={"tag": "x"})

    request = build_raw_create(endpoint, "any/model", {}, API, callback_url="https://me.example")

    assert request.json == {"model": "any/model", "tag": "x", "input": {}}


def test_a_chat_call_with_the_model_in_the_path(catalog: Any) -> None:
    model = catalog["gemini-3-pro"]
    arguments = resolve(model, {"messages": MESSAGES, "reasoning_effort": "low"})

    assert build_chat(model, arguments, API, stream=False) == Request(
        "POST",
        "https://api.kie.ai/gemini-3-pro/v1/chat/completions",
        json={"messages": MESSAGES, "reasoning_effort": "low", "stream": False},
        headers=JSON,
        provider="kie",
        is_paid=True,
        is_chat=True,
    )


def test_a_streamed_chat_call_with_the_model_in_the_body(catalog: Any) -> None:
    model = catalog["gemini-3-flash-preview"]

    request = build_chat(model, resolve(model, {"messages": MESSAGES}), "https://google.example", stream=True)

    assert request == Request(
        "POST",
        "https://google.example/v1beta/openai/chat/completions",
        json={
            "model": "gemini-3-flash-preview",
            "messages": MESSAGES,
            "stream": True,
            "stream_options": {"include_usage": True},
        },
        headers=STREAM,
        provider="google",
        is_paid=True,
        wants_stream=True,
        is_chat=True,
    )


def test_a_models_name_is_made_fit_for_a_path(catalog: Any) -> None:
    model = replace(catalog["gemini-3-pro"], slug="a b?c")

    request = build_chat(model, resolve(model, {"messages": MESSAGES}), API, stream=False)

    assert request.url == "https://api.kie.ai/a%20b%3Fc/v1/chat/completions"


def test_a_status_question(catalog: Any) -> None:
    endpoint: Endpoint = catalog.endpoints["kie-task"]

    assert build_status(endpoint, "t/1 &x", API) == Request(
        "GET", "https://api.kie.ai/api/v1/jobs/recordInfo?taskId=t%2F1+%26x", provider="kie"
    )


def test_the_question_after_the_balance(catalog: Any) -> None:
    assert build_credits(catalog.providers["kie"], API) == Request(
        "GET", "https://api.kie.ai/api/v1/chat/credit", provider="kie"
    )


def test_the_question_after_a_fresh_link(catalog: Any) -> None:
    assert build_download_url(catalog.providers["kie"], API, "https://files.example/a.png") == Request(
        "POST",
        "https://api.kie.ai/api/v1/common/download-url",
        json={"url": "https://files.example/a.png"},
        headers=JSON,
        provider="kie",
    )


def test_a_download_has_no_key_and_comes_unpacked() -> None:
    assert build_download("https://files.example/a.png") == Request(
        "GET", "https://files.example/a.png", headers={"Accept-Encoding": "identity"}, wants_stream=True
    )


def test_a_download_goes_on_where_it_broke_off() -> None:
    about = {"Accept-Encoding": "identity", "Range": "bytes=100-"}

    assert build_download("https://files.example/a.png", first_byte=100).headers == about
    assert build_download("https://files.example/a.png", first_byte=100, version='"abc"').headers == {
        **about,
        "If-Range": '"abc"',
    }
    assert "If-Range" not in build_download("https://files.example/a.png", version='"abc"').headers


def test_a_request_shows_where_the_key_goes_and_not_the_key() -> None:
    shown = Request("POST", API, json={"a": 1}, headers=JSON, provider="kie").to_dict()

    assert shown == {"method": "POST", "url": API, "headers": {**JSON, "Authorization": "Bearer ***"}, "json": {"a": 1}}


def test_a_request_without_a_provider_shows_no_key() -> None:
    assert Request("GET", API).to_dict() == {"method": "GET", "url": API, "headers": {}, "json": None}


@pytest.mark.parametrize(
    ("base", "path", "url"),
    [
        ("https://a.example", "/v1/x", "https://a.example/v1/x"),
        ("https://a.example/v1", "/v1/x", "https://a.example/v1/x"),
        ("https://a.example/proxy", "/v1/x", "https://a.example/proxy/v1/x"),
        ("https://a.example/v1", "/v10/x", "https://a.example/v1/v10/x"),
    ],
)
def test_a_path_is_put_on_a_base_url_once(base: str, path: str, url: str) -> None:
    assert join(base, path) == url


@pytest.mark.parametrize(
    "build",
    [
        lambda provider: build_credits(provider, "https://x"),
        lambda provider: build_download_url(provider, "https://x", "u"),
    ],
)
def test_a_call_that_a_provider_does_not_have_is_named(catalog: Any, build: Any) -> None:
    """It was a bare KeyError."""
    with pytest.raises(
        KieConfigError, match=r"^Google has no path for (credits|download_url) in the catalog; it has: none$"
    ):
        build(catalog.providers["google"])
