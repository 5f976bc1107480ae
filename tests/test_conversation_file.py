from __future__ import annotations

import json
import os
import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kie_sync.conversation_file import VERSION, Saved, read_conversation, write_conversation
from kie_sync.errors import KieConfigError, KieInputError

USAGE = {
    "prompt_tokens": 1,
    "completion_tokens": 2,
    "total_tokens": 3,
    "cached_tokens": 0,
    "cache_write_tokens": 0,
    "cache_write_1h_tokens": 0,
    "audio_tokens": 0,
    "reasoning_tokens": 4,
}
SAVED = Saved(
    "m",
    "Be brief.",
    [{"role": "user", "content": "你好 \ud800"}, {"role": "assistant", "content": "hi"}],
    [1],
    USAGE,
    Decimal("0.10000000000000000001"),
    Decimal("0.17"),
    True,
)
BARE = {"kie_sync_conversation": VERSION, "model": "m", "messages": []}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_conversation(tmp_path / "a.json", SAVED)

    assert read_conversation(tmp_path / "a.json") == SAVED


def test_only_this_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("{}")
    path.chmod(0o644)

    write_conversation(path, SAVED)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_link_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")

    write_conversation(tmp_path / "link.json", SAVED)

    assert (tmp_path / "link.json").is_symlink()
    assert read_conversation(tmp_path / "a.json") == SAVED


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_conversation(path, SAVED)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(KieConfigError, match="the conversation cannot be saved: No space left on device"):
        write_conversation(path, Saved("other"))

    assert read_conversation(path) == SAVED
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(KieConfigError, match="cannot be saved: No such file or directory"):
        write_conversation(tmp_path / "no" / "a.json", SAVED)


def test_what_json_cannot_hold_is_named(tmp_path: Path) -> None:
    part = {"type": "image_url", "image_url": {"url": b"\x89PNG"}}
    saved = Saved("m", messages=[{"role": "user", "content": "a"}, {"role": "user", "content": [part]}])

    with pytest.raises(KieInputError, match=r"message 1 cannot be saved: .*bytes.*; upload the file, and give its URL"):
        write_conversation(tmp_path / "a.json", saved)
    assert os.listdir(tmp_path) == []


def test_little_is_enough(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(BARE))

    assert read_conversation(tmp_path / "a.json") == Saved("m", usage=dict.fromkeys(USAGE, 0))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "cannot be read: it is not UTF-8 text"),
        (b"hello", "this is no saved conversation: "),
        (b"[]", 'there is no "kie_sync_conversation" with a version in it'),
        (b"{}", 'there is no "kie_sync_conversation" with a version in it'),
        (b"[" * 100_000, "this is no saved conversation: "),
        ({"kie_sync_conversation": True}, 'there is no "kie_sync_conversation" with a version in it'),
        ({**BARE, "kie_sync_conversation": 2}, "is of version 2, and this kie_sync reads version 1; update kie_sync"),
        ({**BARE, "model": 4}, "is damaged: model"),
        ({**BARE, "messages": {}}, "is damaged: messages"),
        ({**BARE, "messages": [{"content": "a"}]}, "is damaged: messages"),
        ({**BARE, "system": 1, "partial": [-1]}, "is damaged: system, partial"),
        ({**BARE, "usage": []}, "is damaged: usage"),
        ({**BARE, "usage": {"prompt_tokens": "1"}}, "is damaged: usage"),
        ({**BARE, "credits": "NaN", "credits_consumed": None}, "is damaged: credits, credits_consumed"),
        ({**BARE, "has_unknown_cost": "no"}, "is damaged: has_unknown_cost"),
    ],
)
def test_what_is_no_conversation_is_told(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    with pytest.raises(KieConfigError) as raised:
        read_conversation(path)
    assert message in str(raised.value)
    assert str(raised.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KieConfigError, match="cannot be read: No such file or directory"):
        read_conversation(tmp_path / "a.json")
