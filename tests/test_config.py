from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Dict

import pytest
from wire import KEY, everything_in

from kie_sync.config import ApiKey, Settings, check_url, is_loopback, load_catalog, origin
from kie_sync.errors import KieAPIError, KieConfigError


@pytest.fixture
def kie(catalog: Any) -> Any:
    return catalog.providers["kie"]


@pytest.fixture
def google(catalog: Any) -> Any:
    return catalog.providers["google"]


@pytest.mark.parametrize(
    "url",
    [
        "https://api.kie.ai",
        "https://proxy.corp:8443/kie",
        "HTTPS://API.KIE.AI",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:80",
        "http://127.8.9.1",
        "http://kie.localhost:1",
    ],
)
def test_a_key_may_go_to_https_and_to_this_machine(url: str) -> None:
    check_url(url, "base_url")


@pytest.mark.parametrize(
    "url",
    [
        "http://api.kie.ai",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "ftp://x",
        "api.kie.ai",
        "//api.kie.ai",
        "https://",
        "https://user:pw@x",
        "https://user@x",
        "https://x?y=1",
        "https://x#y",
        "https://x:99999",
        "https://[::1",
        "file:///etc/passwd",
        "https://api.kie.ai\\@evil.com",
        "http://localhost@evil.com",
    ],
)
def test_a_key_goes_nowhere_else(url: str) -> None:
    with pytest.raises(KieConfigError):
        check_url(url, "base_url")


@pytest.mark.parametrize(
    ("given", "environment", "home", "upload"),
    [
        (None, {}, "https://api.kie.ai", "https://kieai.redpandaai.co"),
        ("https://a.test/", {}, "https://a.test", "https://a.test"),
        (None, {"KIE_BASE_URL": " https://b.test// "}, "https://b.test", "https://b.test"),
        ("https://a.test", {"KIE_BASE_URL": "https://b.test"}, "https://a.test", "https://a.test"),
    ],
)
def test_a_base_url_replaces_the_upload_host_too(
    kie: Any, monkeypatch: pytest.MonkeyPatch, given: Any, environment: Dict[str, str], home: str, upload: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = Settings(url=given).with_home("kie")

    assert (settings.base_url(kie), settings.upload_url(kie)) == (home, upload)
    assert settings.is_real(kie) is (home == "https://api.kie.ai")


def test_each_provider_has_its_own_variable(google: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_BASE_URL", "http://127.0.0.1:1")

    settings = Settings(url="https://a.test").with_home("kie")

    assert (settings.base_url(google), settings.upload_url(google)) == ("http://127.0.0.1:1", "http://127.0.0.1:1")


def test_a_bad_variable_is_named(kie: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIE_BASE_URL", "http://api.kie.ai")

    with pytest.raises(KieConfigError, match="KIE_BASE_URL must use https"):
        Settings().base_url(kie)


@pytest.mark.parametrize("blank", ["", " ", "/", " // "])
def test_an_empty_variable_is_not_the_real_host(
    kie: Any, google: Any, monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    """`KIE_BASE_URL=` of a script that found no sandbox went to the real host, and bought there."""
    for provider in (kie, google):
        monkeypatch.setenv(provider.base_url_env, blank)

        with pytest.raises(
            KieConfigError, match=f"^{provider.base_url_env} is set, but empty; unset it for the real host"
        ):
            Settings(home="kie").base_url(provider)

    assert Settings(url="https://a.test", home="kie").base_url(kie) == "https://a.test"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
@pytest.mark.parametrize(
    ("name", "shown"), [("api_key", "api_key"), ("url", "base_url"), ("api_keys", 'api_keys["google"]')]
)
def test_what_is_given_and_blank_is_not_taken_from_the_environment(name: str, shown: str, blank: str) -> None:
    with pytest.raises(KieConfigError) as caught:
        Settings(**{name: {"google": blank} if name == "api_keys" else blank})

    assert caught.value.message == f"{shown} is given, but empty; leave it out (or None) to use the environment"


def test_a_key_that_is_no_text_is_refused_and_not_shown() -> None:
    with pytest.raises(KieConfigError, match=r"^api_key must be text; it is of type int$"):
        Settings(api_key=12345)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "environment", "key"),
    [
        ({}, {"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b"}, "a"),
        ({}, {"GOOGLE_API_KEY": "", "GEMINI_API_KEY": "b"}, "b"),
        ({}, {"GOOGLE_API_KEY": "  ", "GEMINI_API_KEY": " b\n"}, "b"),
        ({"api_keys": {"google": "c"}}, {"GOOGLE_API_KEY": "a"}, "c"),
        ({"api_key": "d"}, {"GOOGLE_API_KEY": "a"}, "a"),
        ({"api_key": "d", "home": "google"}, {"GOOGLE_API_KEY": "a"}, "d"),
    ],
)
def test_where_the_key_comes_from(
    google: Any, monkeypatch: pytest.MonkeyPatch, given: Any, environment: Dict[str, str], key: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert Settings(**{"home": "kie", **given}).key(google).reveal() == key


def test_without_a_key_the_message_says_what_to_set(kie: Any, google: Any) -> None:
    settings = Settings(home="kie")

    with pytest.raises(
        KieConfigError, match=r"KIE_API_KEY in the .* or give api_key=\.\.\..*kie\.ai/api-key.*kie-sync demo"
    ):
        settings.key(kie)
    with pytest.raises(
        KieConfigError, match=r'GOOGLE_API_KEY or GEMINI_API_KEY .* or give api_keys=\{"google": \.\.\.\}'
    ):
        settings.key(google)


@pytest.mark.parametrize("key", ["sk\nX-Evil: 1", "sk 1", "sk-é", "sk-\u200b1", "sk\x00"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(kie: Any, key: str) -> None:
    with pytest.raises(KieConfigError) as caught:
        Settings(api_key=key, home="kie").key(kie)

    assert key not in str(caught.value)


def test_a_key_does_not_show_itself() -> None:
    settings = Settings(KEY, "https://a.test", {"google": KEY})

    assert KEY not in repr(ApiKey(KEY)) + repr(settings) + str(settings)
    for held in (ApiKey(KEY), settings):
        with pytest.raises(TypeError, match="not written anywhere"):
            pickle.dumps(held)


def test_a_key_is_masked_all_through_an_error() -> None:
    inner = ValueError(f"sent {KEY}", f"Bearer {KEY}".encode(), 7, KeyError(KEY))
    inner.doc = bytearray(f"<{KEY}>".encode())  # type: ignore[attr-defined]
    error = KieAPIError(f"echo: {KEY}", code=KEY, url=f"https://x?k={KEY}")
    error.__cause__ = inner
    error.__context__ = OSError(KEY)
    inner.__context__ = error

    ApiKey(KEY).hide_in(error)

    assert KEY not in everything_in(error)
    assert (str(error), inner.args[:3]) == ("echo: ***", ("sent ***", b"Bearer ***", 7))


def test_a_short_key_is_masked_where_it_stands_alone() -> None:
    error = KieAPIError("task: Bearer k refused, k.")

    ApiKey("k").hide_in(error)

    assert error.message == "task: Bearer *** refused, ***."


@pytest.mark.parametrize(
    ("host", "is_here"), [("localhost", True), ("127.0.0.1", True), ("::1", True), ("kie.ai", False), ("", False)]
)
def test_this_machine(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin("HTTPS://API.kie.ai/x") == ("https", "api.kie.ai", 443)
    assert origin("http://x:8080/y") == ("http", "x", 8080)
    assert origin("x") == ("", "", None)


def test_the_catalog_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("schema_version: 1\nmodels:\n  mine:\n    like: nano-banana-pro\n", encoding="utf-8")
    monkeypatch.setenv("KIE_CATALOG", str(mine))

    assert len(load_catalog(use_environment=False)) >= 10
    monkeypatch.setenv("KIE_CATALOG", str(tmp_path / "none.yaml"))
    with pytest.raises((KieConfigError, Exception), match=r"none\.yaml"):
        load_catalog()
