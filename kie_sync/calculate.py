"""The three price functions by model id: no client, no key, nothing sent."""

from __future__ import annotations

import time
from typing import Any, Optional, Union

from .catalog import Catalog
from .catalog_load import load_catalog
from .errors import KieInputError, Problem
from .pricing import CostEstimate, estimate


def calculate_chat_cost(
    model: str,
    input_tokens: int = 0,
    output_tokens: int = 0,
    *,
    tariff: Optional[str] = None,
    catalog: Optional[Catalog] = None,
) -> CostEstimate:
    """What so many tokens cost on a chat model."""
    return _calculate("text", model, tariff, catalog, input_tokens=input_tokens, output_tokens=output_tokens)


def calculate_image_cost(
    model: str,
    image_count: int = 1,
    resolution: Optional[str] = None,
    *,
    tariff: Optional[str] = None,
    catalog: Optional[Catalog] = None,
    **given: Any,
) -> CostEstimate:
    """What so many images cost, at a resolution where the model has several."""
    return _calculate("image", model, tariff, catalog, image_count=image_count, resolution=resolution, **given)


def calculate_video_cost(
    model: str,
    duration_seconds: Union[int, float, None] = None,
    *,
    tariff: Optional[str] = None,
    catalog: Optional[Catalog] = None,
    **given: Any,
) -> CostEstimate:
    """What a video of so many seconds costs."""
    return _calculate("video", model, tariff, catalog, duration_seconds=duration_seconds, **given)


def _calculate(
    result: str, model: str, tariff: Optional[str], catalog: Optional[Catalog], **given: Any
) -> CostEstimate:
    entry = (catalog if catalog is not None else load_catalog())[model]
    if entry.result != result:
        sentence = f"this is a model of kind {entry.kind}; its price is not by {result}"
        raise KieInputError(model, [Problem("kind", "model", sentence)])
    stated = {name: value for name, value in given.items() if value is not None}
    return estimate(entry, stated, tariff=tariff, on=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
