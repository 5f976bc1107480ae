"""`KieAdapter`, narrowed to models of one kind."""

from __future__ import annotations

from .adapter import KieAdapter


class KieImageAdapter(KieAdapter):
    """`KieAdapter` for models that make or improve images."""

    kinds = ("image", "upscale")


class KieVideoAdapter(KieAdapter):
    """`KieAdapter` for models that make videos."""

    kinds = ("video", "upscale")


class KieChatAdapter(KieAdapter):
    """`KieAdapter` for chat models."""

    kinds = ("chat",)
