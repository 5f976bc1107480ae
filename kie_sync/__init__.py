"""kie_sync: a synchronous, declarative, config-driven client for KIE.ai.

    from kie_sync import KieClient, KieImageAdapter

    with KieClient() as client:
        KieImageAdapter(client, "some/model").generate(prompt="a cat").save("cat.png")

Everything is imported when it is first used; `__init__.pyi` tells editors what there is.
"""

__version__ = "0.1.0"

# Where each public name lives.
_HOMES = {
    "adapter": "KieAdapter",
    "calculate": "calculate_chat_cost calculate_image_cost calculate_video_cost",
    "catalog": "Catalog",
    "catalog_load": "load_catalog",
    "chat_stream": "ChatStream",
    "client": "KieClient",
    "completions": "ChatCompletion ChatCompletionChunk Usage",
    "conversation": "KieConversation",
    "errors": (
        "KieAPIError KieAccountError KieAnswerError KieAuthenticationError KieBudgetError KieCatalogError "
        "KieConfigError KieConnectionError KieError KieInputError KieInsufficientBalanceError KieJournalError "
        "KieLedgerError KieNotFoundError KieOutcomeUnknownError KieRateLimitError KieSaveError KieServerError "
        "KieStreamError KieTaskError KieTaskFailedError KieTaskTimeoutError KieToolRoundsError KieUnknownModelError "
        "KieValidationError"
    ),
    "kinds": "KieChatAdapter KieImageAdapter KieVideoAdapter",
    "messages": "ChatMessage",
    "pricing": "CostEstimate UsageRecord",
    "request": "Request",
    "response": "CreateTaskResponse QueryTaskResponse Response",
    "result": "Result",
    "task": "Task",
    "tool_run": "ToolRun",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)


def __getattr__(name):
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # importlib alone would double the time of `import kie_sync`.
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
