"""kie_sync: a synchronous, declarative, config-driven client for KIE.ai.

    from kie_sync import KieClient, KieImageAdapter
    with KieClient() as client:
        KieImageAdapter(client, "some/model").generate(prompt="a cat").save("cat.png")

Everything is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from .adapter import KieAdapter, KieChatAdapter, KieImageAdapter, KieVideoAdapter
    from .calculate import calculate_chat_cost, calculate_image_cost, calculate_video_cost
    from .catalog import Catalog
    from .chat import ChatStream
    from .client import KieClient
    from .completions import ChatCompletion, ChatCompletionChunk, ChatMessage, Usage
    from .config import load_catalog
    from .errors import (
        KieAPIError, KieAuthenticationError, KieBudgetError, KieCatalogError, KieConfigError, KieConnectionError, KieError,
        KieInputError, KieInsufficientBalanceError, KieNotFoundError, KieOutcomeUnknownError, KieRateLimitError, KieServerError,
        KieStreamError, KieTaskError, KieTaskFailedError, KieTaskTimeoutError, KieUnknownModelError, KieValidationError,
    )
    from .pricing import CostEstimate, UsageRecord
    from .request import Request
    from .response import CreateTaskResponse, QueryTaskResponse, Response, Result
    from .task import Task

__version__ = "0.1.0"

_HOMES = {
    "adapter": "KieAdapter KieChatAdapter KieImageAdapter KieVideoAdapter",
    "calculate": "calculate_chat_cost calculate_image_cost calculate_video_cost",
    "catalog": "Catalog",
    "chat": "ChatStream",
    "client": "KieClient",
    "completions": "ChatCompletion ChatCompletionChunk ChatMessage Usage",
    "config": "load_catalog",
    "errors": "KieAPIError KieAuthenticationError KieBudgetError KieCatalogError KieConfigError KieConnectionError KieError "
              "KieInputError KieInsufficientBalanceError KieNotFoundError KieOutcomeUnknownError KieRateLimitError "
              "KieServerError KieStreamError KieTaskError KieTaskFailedError KieTaskTimeoutError KieUnknownModelError "
              "KieValidationError",
    "pricing": "CostEstimate UsageRecord",
    "request": "Request",
    "response": "CreateTaskResponse QueryTaskResponse Response Result",
    "task": "Task",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [
    "Catalog", "ChatCompletion", "ChatCompletionChunk", "ChatMessage", "ChatStream", "CostEstimate", "CreateTaskResponse",
    "KieAPIError", "KieAdapter", "KieAuthenticationError", "KieBudgetError", "KieCatalogError", "KieChatAdapter", "KieClient",
    "KieConfigError", "KieConnectionError", "KieError", "KieImageAdapter", "KieInputError", "KieInsufficientBalanceError",
    "KieNotFoundError", "KieOutcomeUnknownError", "KieRateLimitError", "KieServerError", "KieStreamError", "KieTaskError",
    "KieTaskFailedError", "KieTaskTimeoutError", "KieUnknownModelError", "KieValidationError", "KieVideoAdapter",
    "QueryTaskResponse", "Request", "Response", "Result", "Task", "Usage", "UsageRecord", "calculate_chat_cost",
    "calculate_image_cost", "calculate_video_cost", "load_catalog",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> List[str]:
    return sorted([*globals(), *__all__])
