"""Callbacks: the platform tells us that a task has ended, and we look for ourselves.

    from kie_sync.webhooks import application, handle, verify

The platform signs a task's id and the time, and not the body. So a callback is a hint: who believes its body believes
anybody who has seen one. Here its id is taken, and the task is read again with the client's own key.

- `verify` says whose task it is, or raises `WebhookError`; it touches no network.
- `reread` looks at that task, and gives a `Delivery`; `handle` is both.
- `application` is a whole WSGI receiver.
"""

from .delivery import Delivery, handle, reread
from .signature import REASONS, WebhookError, read_task_id, sign, verify
from .wsgi import Application, application

__all__ = [
    "REASONS",
    "Application",
    "Delivery",
    "WebhookError",
    "application",
    "handle",
    "read_task_id",
    "reread",
    "sign",
    "verify",
]
