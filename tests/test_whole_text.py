from __future__ import annotations

from typing import Any

import pytest

from kie_sync.values import unsendable, whole_text


@pytest.mark.parametrize(
    ("value", "whole"),
    [
        ("2+2 \ud83d\ude00", "2+2 😀"),
        ("cut \ud83d", "cut \ufffd"),
        ("\ude00猫", "\ufffd猫"),
        ({"a\ud83d": ["\ud83d\ude00", 1, None]}, {"a\ufffd": ["😀", 1, None]}),
        (({"text": "\ud83d"},), ({"text": "\ufffd"},)),
        ("猫😀", "猫😀"),
        (None, None),
    ],
)
def test_text_of_whole_characters(value: Any, whole: Any) -> None:
    assert whole_text(value) == whole
    assert unsendable(whole_text(value)) is None
