"""Whose callback it is: the task id in its body, the signature over id and time, and its age.

The platform sends `X-Webhook-Timestamp`, Unix seconds, and `X-Webhook-Signature`: the Base64 of an HMAC-SHA256 over
task id, a dot and the timestamp, under the key that its settings page makes (docs.kie.ai, common-api,
webhook-verification). Nothing else of the body is signed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import KieConfigError, KieError
from ..response import dig

SIGNATURE, TIMESTAMP = "X-Webhook-Signature", "X-Webhook-Timestamp"
MAX_AGE_S = 300.0

Secret = Union[str, bytes, Sequence[Union[str, bytes]], None]
Headers = Union[Mapping[str, Any], Iterable[Tuple[Any, Any]]]

REASONS: Mapping[str, str] = {
    "not-json": "its body is not a JSON object",
    "no-task-id": "its body names no task",
    "no-signature": "it is not signed",
    "wrong-timestamp": "its timestamp is not a number of seconds",
    "wrong-signature": "its signature does not fit",
    "too-old": "it is too old",
    "from-the-future": "its time has not come yet",
}
"""Why a callback is refused: what `WebhookError.reason` can be."""

# The text of the documentation says taskId, its sample reads data.task_id; other products of the platform send that.
_TASK_ID = ("data.taskId", "data.task_id", "taskId", "task_id")
# Opaque, but printable and short: it goes into logs and into a URL.
_ID = re.compile(r"[\x21-\x7e]{1,200}")
_SECONDS = re.compile(r"[0-9]{1,12}")


class WebhookError(KieError):
    """A callback that is refused.

    Attributes:
        reason: one of `REASONS`.
        task_id: what it claims to be about, "" where it does not say.
    """

    def __init__(self, reason: str, hint: str = "", *, task_id: str = "") -> None:
        self.reason, self.task_id = reason, task_id
        about = f" about task {task_id}" if task_id else ""
        super().__init__(f"a callback{about} was refused: {REASONS[reason]}{f'; {hint}' if hint else ''}")


def verify(
    body: Union[bytes, str],
    headers: Headers,
    secret: Secret,
    *,
    max_age_s: float = MAX_AGE_S,
    now: Optional[float] = None,
) -> str:
    """The id of the task that a callback is about, when its signature holds. Believe nothing else that it says.

    Args:
        body: as it came, before anything has read it.
        headers: a mapping, pairs, or a WSGI environ; upper and lower case are the same.
        secret: the key of the platform's settings page; several while one replaces another.
        max_age_s: how far its time may be from ours, in seconds, before or after.
        now: our time, Unix seconds; the machine's clock when not given.

    Raises:
        WebhookError: it is forged, replayed late, or no callback at all.
        KieConfigError: there is no secret to check it with.
    """
    secrets = read_secrets(secret)
    if isinstance(max_age_s, bool) or not 0 < max_age_s < float("inf"):
        raise KieConfigError(f"max_age_s must be a number of seconds above 0; got {max_age_s!r}")
    task_id = read_task_id(body)
    found = _find(headers, SIGNATURE, TIMESTAMP)
    for name, values in found.items():
        if not values:
            raise WebhookError("no-signature", f"there is no {name}", task_id=task_id)
        if len(values) > 1:
            raise WebhookError("wrong-signature", f"{name} was sent with several values", task_id=task_id)
    (given,), (timestamp,) = found[SIGNATURE], found[TIMESTAMP]
    if not _SECONDS.fullmatch(timestamp):
        raise WebhookError("wrong-timestamp", task_id=task_id)
    # Every secret is tried, so that the time taken does not tell which one fits.
    fits = [hmac.compare_digest(sign(task_id, timestamp, each).encode(), given.encode()) for each in secrets]
    if not any(fits):
        raise WebhookError("wrong-signature", "is the secret that of the platform's settings page?", task_id=task_id)
    age_s = (time.time() if now is None else now) - int(timestamp)
    if abs(age_s) > max_age_s:
        reason = "too-old" if age_s > 0 else "from-the-future"
        hint = f"its time is {abs(age_s):.0f} s from ours, and {max_age_s:g} s are allowed"
        raise WebhookError(reason, hint, task_id=task_id)
    return task_id


def sign(task_id: str, timestamp: Union[int, str], secret: Union[str, bytes]) -> str:
    """The signature that the platform would send."""
    key = secret.encode() if isinstance(secret, str) else bytes(secret)
    return base64.b64encode(hmac.new(key, f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()).decode()


def read_task_id(body: Union[bytes, str]) -> str:
    """The task that a body claims to be about; it proves nothing.

    Raises:
        WebhookError: it is no JSON object, or names no task.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WebhookError("not-json") from error
    if not isinstance(data, Mapping):
        raise WebhookError("not-json")
    task_id = dig(data, _TASK_ID)
    if isinstance(task_id, int) and not isinstance(task_id, bool):
        task_id = str(task_id)
    if not isinstance(task_id, str) or not _ID.fullmatch(task_id):
        raise WebhookError("no-task-id", f"it is looked for at {', '.join(_TASK_ID)}")
    return task_id


def read_secrets(secret: Secret) -> List[Union[str, bytes]]:
    """One secret, or several, as a list.

    Raises:
        KieConfigError: there is none, or one is empty: anybody could sign with that.
    """
    listed: List[Any] = [secret]
    if not isinstance(secret, (str, bytes)):
        listed = list(secret or ()) if secret is None or hasattr(secret, "__iter__") else [secret]
    if not listed or any(not isinstance(each, (str, bytes)) or not each.strip() for each in listed):
        raise KieConfigError(
            "callbacks need the secret that signs them, as text, and not empty (the platform's settings page makes "
            "one); without one, say unsigned=True: then anybody can make us look at a task, and nothing more"
        )
    return listed


def _find(headers: Headers, *names: str) -> Dict[str, List[str]]:
    """The different values of some headers; a WSGI environ calls them HTTP_X_..."""
    wanted = {name.upper().replace("-", "_"): name for name in names}
    found: Dict[str, List[str]] = {name: [] for name in names}
    pairs: Any = headers.items() if hasattr(headers, "items") else headers
    for key, value in pairs:
        plain = _text(key).upper().replace("-", "_")
        name = wanted.get(plain[len("HTTP_") :] if plain.startswith("HTTP_") else plain)
        if name is None:
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            text = _text(each).strip()
            if text and text not in found[name]:
                found[name].append(text)
    return found


def _text(value: Any) -> str:
    # Headers are latin-1; a character beyond it fits no signature.
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return text.encode("ascii", "backslashreplace").decode()
