"""KIE.ai played over real HTTP on the loopback: for demos, tests, and trying things without a key.

    with Sandbox(speed=20) as sandbox:
        client = KieClient(api_key=sandbox.key, base_url=sandbox.url)

Needs the extra `sandbox`; only this door is light, so that `FAULTS` can be shown without it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ..errors import KieConfigError
from .faults import FAULTS, parse_fault

if TYPE_CHECKING:
    from .server import DEFAULT_KEY, Sandbox, serve

__all__ = ["DEFAULT_KEY", "FAULTS", "Sandbox", "parse_fault", "serve"]

_EXTRA = ("werkzeug", "PIL", "imageio_ffmpeg", "noto_cjk_sans_otc")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        server = importlib.import_module(".server", __name__)
    except ModuleNotFoundError as err:
        if (err.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise KieConfigError(
            f'the sandbox needs {err.name}, which is not installed: pip install "kie-sync[sandbox]"'
        ) from err
    return getattr(server, name)
