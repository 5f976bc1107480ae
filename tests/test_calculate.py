from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kie_sync import calculate_chat_cost, calculate_image_cost, calculate_video_cost
from kie_sync.errors import KieInputError, KieUnknownModelError


@pytest.mark.parametrize(
    ("model", "count", "resolution", "own", "reference"),
    [
        ("google/nano-banana", 1, None, 5, 5),
        ("google/nano-banana", 3, None, 15, 15),
        ("google/nano-banana-edit", 1, None, 5, 6),
        ("nano-banana-pro", 1, None, 25, 25),
        ("nano-banana-pro", 1, "2K", 37, 36),
        ("nano-banana-pro", 2, "4K", 98, 96),
    ],
)
def test_images(catalog: Any, model: str, count: int, resolution: Any, own: int, reference: int) -> None:
    assert calculate_image_cost(model, count, resolution, catalog=catalog).credits == own
    assert calculate_image_cost(model, count, resolution, tariff="reference", catalog=catalog).credits == reference


@pytest.mark.parametrize(
    ("model", "seconds", "own", "reference"),
    [
        ("sora-2-text-to-video", 10, 31, 40),
        ("sora-2-image-to-video", 15, 46, 60),
        ("sora-2-pro-storyboard", 25, 226, 250),
    ],
)
def test_videos(catalog: Any, model: str, seconds: int, own: int, reference: int) -> None:
    assert calculate_video_cost(model, seconds, catalog=catalog).credits == own
    assert (
        calculate_video_cost(model, duration_seconds=seconds, tariff="reference", catalog=catalog).credits == reference
    )


def test_chats(catalog: Any) -> None:
    cost = calculate_chat_cost("gemini-3-pro", 1_000_000, 1_000_000, catalog=catalog)

    assert (cost.credits, cost.platform_credits) == (Decimal(802), Decimal(800))
    assert calculate_chat_cost("gemini-3-flash", 1000, 2000, tariff="reference", catalog=catalog).credits == Decimal(
        "3.9"
    )


def test_the_shipped_catalog_when_none_is_given() -> None:
    assert calculate_image_cost("google/nano-banana").credits == 5


def test_a_model_of_another_kind_is_refused(catalog: Any) -> None:
    with pytest.raises(KieInputError, match="of kind video; its price is not by image"):
        calculate_image_cost("sora-2-text-to-video", catalog=catalog)
    with pytest.raises(KieUnknownModelError):
        calculate_chat_cost("gpt-9", catalog=catalog)
