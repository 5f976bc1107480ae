from __future__ import annotations

from typing import Any

import pytest

from kie_sync.messages import ChatMessage, history_messages, media_message, message_faults, plain_messages

TEXT = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        (None, []),
        ("hi", [TEXT]),
        (TEXT, [TEXT]),
        (ChatMessage("user", "hi"), [TEXT]),
        ([ChatMessage("user", "hi"), TEXT], [TEXT, TEXT]),
        (
            ChatMessage("user", [{"type": "text", "text": "hi"}]),
            [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
        ),
        (
            ChatMessage("tool", "5", tool_call_id="c", name="f"),
            [{"role": "tool", "content": "5", "tool_call_id": "c", "name": "f"}],
        ),
        (ChatMessage("assistant"), [{"role": "assistant", "content": None}]),
    ],
)
def test_messages_in_every_form(given: Any, messages: Any) -> None:
    assert plain_messages(given) == messages


def test_all_media_go_in_as_image_url() -> None:
    part = {"type": "image_url", "image_url": {"url": "https://x/a.mp4"}}

    assert media_message("what?", "https://x/a.mp4") == {
        "role": "user",
        "content": [{"type": "text", "text": "what?"}, part],
    }
    assert media_message("", ["https://x/a.mp4"], "system") == {"role": "system", "content": [part]}


def test_history_from_pairs_and_messages() -> None:
    history = [("system", "be short"), ("hi", "hello"), ["user", "how?"], ChatMessage("assistant", "so"), TEXT]

    assert history_messages(history) == [
        {"role": "system", "content": "be short"},
        TEXT,
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "how?"},
        {"role": "assistant", "content": "so"},
        TEXT,
    ]


USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "where", "text"),
    [
        ("", "messages", "is empty: there is nothing to ask"),
        (" \n", "messages", "is empty"),
        (5, "messages", "must be text, or messages such as"),
        (b"hi", "messages", "must be text, or messages such as"),
        ([USER, 5], "messages[1]", "must be text, or messages such as"),
        ([{"type": "text", "text": "a"}], "messages[0].role", "must be one of developer, system, user"),
        ([{"role": "bot", "content": "a"}], "messages[0].role", 'got "bot"'),
        ([{"role": "user"}], "messages[0].content", "is empty"),
        ([{"role": "user", "content": []}], "messages[0].content", "is empty"),
        ([{"role": "user", "content": ["x"]}], "messages[0].content", "must be text, or parts such as"),
        ([ChatMessage("user", 5)], "messages[0].content", "must be text, or parts such as"),  # type: ignore[arg-type]
    ],
)
def test_a_conversation_that_is_none_is_told_before_it_is_paid(messages: Any, where: str, text: str) -> None:
    [(found, sentence, _)] = message_faults(messages)

    assert found == where and text in sentence


@pytest.mark.parametrize(
    "messages",
    [
        "hi",
        USER,
        ChatMessage("user", "hi"),
        [USER, ChatMessage("assistant", None, tool_calls=({"id": "c"},)), {"role": "tool", "content": ""}],
        [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}]}],
        (USER,),
    ],
)
def test_a_conversation_in_every_form_is_fine(messages: Any) -> None:
    assert message_faults(messages) == []


def test_items_of_the_apis_own_are_not_looked_at() -> None:
    item = {"type": "item_reference", "id": "rs_1"}

    assert message_faults([item, USER], items_of_its_own=True) == []
    assert message_faults([item, USER])[0][0] == "messages[0].role"
