from __future__ import annotations

from typing import Any

import pytest

from kie_sync.messages import ChatMessage, history_messages, media_message, plain_messages

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
