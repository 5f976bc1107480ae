# Written by docs/model_ids.py (`make docs`) from models.yaml; edit that instead.
from typing import Literal

ModelId = Literal[
    "gemini-2.5-flash-preview",
    "gemini-3-flash",
    "gemini-3-flash-preview",
    "gemini-3-pro",
    "google/nano-banana",
    "google/nano-banana-edit",
    "nano-banana-pro",
    "sora-2-image-to-video",
    "sora-2-pro-storyboard",
    "sora-2-text-to-video",
]
