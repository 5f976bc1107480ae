"""Files in a conversation: small pictures in the request, others uploaded once, and nothing read by somebody's text."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any, List

import pytest
from PIL import Image
from wire import CHAT, Script, answer, client

from kie_sync import KieChatAdapter
from kie_sync.catalog import Catalog
from kie_sync.chat_files import MOST_INLINE, MOST_WITHOUT_UPLOAD, stage_messages
from kie_sync.config import load_catalog
from kie_sync.errors import KieAPIError, KieBudgetError, KieInputError
from kie_sync.local_files import placeholder_of
from kie_sync.values import show

GOOGLE = "gemini-3-flash-preview"
ANSWER = answer({"choices": [{"message": {"content": "a cat"}, "finish_reason": "stop"}]})
UPLOADED = answer({"success": True, "code": 200, "msg": "ok", "data": {"downloadUrl": "https://temp/x.mp4"}})
ASKED = {"role": "user", "content": "What is it?"}
LOOKS_ONLY = """
models:
  my/looks:
    kind: chat
    endpoint: kie-chat
    media: [text, image]
    parameters: {messages: {type: list, required: true, items: {type: object}}}
    price: {unit: 1m_tokens, credits: {input: 1, output: 1}, source: s, checked: 2026-01-01}
"""


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


PNG, MP4, PDF = png(), b"\0\0\0\x18ftypmp42" + b"x" * 50, b"%PDF-1.7 x"
INLINE = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def shown(url: Any) -> Any:
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    path = tmp_path_factory.mktemp("own") / "my.yaml"
    path.write_text(LOOKS_ONLY, encoding="utf-8")
    return load_catalog(path)


def staged(catalog: Catalog, media: Any, messages: Any = (ASKED,), model: str = CHAT, **more: Any) -> Any:
    return stage_messages(catalog[model], list(messages), media, **more)


@pytest.mark.parametrize("given", [PNG, io.BytesIO(PNG), Image.open(io.BytesIO(PNG))], ids=["bytes", "file", "picture"])
def test_a_small_picture_goes_along_in_the_request(catalog: Catalog, given: Any) -> None:
    found = staged(catalog, given)
    url = found.given["messages"][0]["content"][0]["image_url"]["url"]

    assert (url.partition(",")[0], found.files, found.problems) == ("data:image/png;base64", {}, ())
    assert found.given["messages"][0]["content"][1] == {"type": "text", "text": "What is it?"}


def test_what_is_large_or_no_picture_gets_a_placeholder(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(PNG + b"x" * MOST_INLINE)
    (tmp_path / "film.mp4").write_bytes(MP4)

    found = staged(catalog, [str(tmp_path / "large.png"), tmp_path / "film.mp4", PDF, "https://a.example/b.png"])
    urls = [part["image_url"]["url"] for part in found.given["messages"][0]["content"][:-1]]

    assert urls == [*found.files, "https://a.example/b.png"]
    assert [(placeholder_of(file), file.format) for file in found.files.values()] == [
        (url, name) for url, name in zip(urls, ("png", "mp4", "pdf"))
    ]
    assert found.problems == ()


def test_a_path_in_a_message_must_be_meant(catalog: Catalog, tmp_path: Path) -> None:
    """The text of a message may have been written by somebody else; it must not read this machine's files."""
    (tmp_path / "secret.png").write_bytes(PNG)
    message = {"role": "user", "content": [shown(str(tmp_path / "secret.png")), shown(tmp_path / "secret.png")]}

    found = staged(catalog, None, [message])

    where, given = "messages[0].content[0].image_url.url", show(str(tmp_path / "secret.png"))
    text = f"{where} must be a URL; got {given}; a local file is given as Path(...), or with media="
    assert [(problem.where, problem.message) for problem in found.problems] == [(where, text)]
    assert found.given["messages"][0]["content"][1] == shown(INLINE)


def test_paths_stay_under_the_folder(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out.png").write_bytes(PNG)

    found = staged(catalog, tmp_path / "out.png", under=tmp_path / "in")

    assert "leads out of it" in found.problems[0].message


@pytest.mark.parametrize(
    ("media", "where", "text"),
    [
        ([MP4], "media[0]", "this model does not take videos; it takes: pictures"),
        (["https://a.example/x.mp3"], "media[0]", "this model does not take sounds"),
        (["data:application/pdf;base64,AAAA"], "media[0]", "this model does not take PDF files"),
        ([b"hello world"], "media[0]", "must be a picture, a video, a sound or a PDF file; what was given is none"),
        ([7], "media[0]", "must be a URL, a path, bytes, an open file or a picture; got 7"),
        (["no-such.png"], "media[0]", "there is no file"),
    ],
)
def test_what_the_model_does_not_take_is_said(catalog: Catalog, media: Any, where: str, text: str) -> None:
    problem = staged(catalog, media, model="my/looks").problems[0]

    assert problem.where == where and text in problem.message


def test_all_faults_in_one_error(catalog: Catalog) -> None:
    with pytest.raises(KieInputError) as caught:
        KieChatAdapter(client(Script(), catalog=catalog), "my/looks").chat(ASKED, media=[MP4, 7], max_token=3)

    assert [problem.where for problem in caught.value.problems] == ["max_token", "media[0]", "media[1]"]


def test_a_url_without_an_ending_may_be_anything(catalog: Catalog) -> None:
    assert staged(catalog, "https://a.example/picture", model="my/looks").problems == ()


def test_without_uploads_all_goes_along_up_to_a_limit(catalog: Catalog) -> None:
    found = staged(catalog, [MP4], model=GOOGLE)
    large = staged(catalog, [PNG + b"x" * MOST_WITHOUT_UPLOAD], model=GOOGLE)

    assert found.given["messages"][0]["content"][0]["image_url"]["url"].startswith("data:video/mp4;base64,")
    assert "takes no uploads here: give a URL" in large.problems[0].message


def test_files_go_up_once_and_after_the_budget_was_asked(tmp_path: Path) -> None:
    transport = Script(UPLOADED, ANSWER, ANSWER)
    chat = KieChatAdapter(client(transport), CHAT)

    with pytest.raises(KieBudgetError):
        chat.chat(ASKED, media=MP4, max_credits=1)
    assert transport.requests == []

    answers = [chat.chat(ASKED, media=MP4).text, chat.chat(ASKED, media=MP4).text]

    sent: List[Any] = [request.json["messages"] for request in transport.requests if request.is_paid]
    assert answers == ["a cat", "a cat"] and len(transport.requests) == 3
    assert (
        sent
        == [[{"role": "user", "content": [shown("https://temp/x.mp4"), {"type": "text", "text": "What is it?"}]}]] * 2
    )


def test_an_upload_that_fails_buys_nothing(clock: Any) -> None:
    transport = Script(answer({"success": False, "code": 500, "msg": "no"}))

    with pytest.raises(KieAPIError, match="could not be uploaded, and nothing was bought"):
        KieChatAdapter(client(transport, clock), CHAT).chat(ASKED, media=MP4)

    assert not [request for request in transport.requests if request.is_paid]


def test_prepare_shows_the_request_with_its_placeholders() -> None:
    request = KieChatAdapter(client(Script()), CHAT).prepare(messages=[ASKED], media=[MP4])

    assert request.json["messages"][0]["content"][0]["image_url"]["url"].startswith("https://upload.invalid/")
