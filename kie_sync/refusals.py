"""What a no of the platform means: code and text together choose the class.

The code alone misleads: parameter faults and empty balances arrive as 500, overload as 422,
maintenance as 400, and 422 is bad input, an unknown model or an unknown task.
"""

from __future__ import annotations

import email.utils
import re
from typing import Any, Dict, Mapping, Optional, Tuple, Type, Union

from .errors import (
    KieAPIError,
    KieAuthenticationError,
    KieConnectionError,
    KieInsufficientBalanceError,
    KieNotFoundError,
    KieOutcomeUnknownError,
    KieRateLimitError,
    KieServerError,
    KieValidationError,
)
from .response import Response

MAX_RETRY_AFTER_S = 60.0
REFUSED = "the platform refused: "
LOOK_FIRST = "Look at the balance (`kie-sync credits`) before you send it anew"

# In this order; each text was seen with several codes (kie.ai production answers of 2025-12 to 2026-10).
_BY_TEXT: Tuple[Tuple[str, Type[KieAPIError]], ...] = (
    (r"credits?\b.*\b(insufficient|depleted)|insufficient.*\bcredit|usage limit exceeded", KieInsufficientBalanceError),
    (r"recordInfo is null", KieNotFoundError),
    # Not a reason to send a paid call again: see `sender.may_send_again`.
    (r"frequency is too high", KieRateLimitError),
    (r"being maintained|high demand", KieServerError),
    (r"api key (not valid|expired)|API_KEY_INVALID", KieAuthenticationError),
)
_BY_CODE: Mapping[int, Type[KieAPIError]] = {
    401: KieAuthenticationError,
    403: KieAuthenticationError,
    402: KieInsufficientBalanceError,
    433: KieInsufficientBalanceError,
    404: KieNotFoundError,
    429: KieRateLimitError,
    430: KieRateLimitError,
    455: KieServerError,
    400: KieValidationError,
    405: KieValidationError,
    408: KieServerError,
    413: KieValidationError,
    422: KieValidationError,
    451: KieValidationError,
}
# Nobody answered the platform, or a gateway before it, in time; what a paid call came to there, they do not say.
_NO_ANSWER = (408, 504, 524)
_PARAMETER = re.compile(r"\bis required\b|not within the range|\bmust be an?\b", re.IGNORECASE)
_NEXT_STEP: Mapping[Type[KieAPIError], str] = {
    KieAuthenticationError: "check the key, and whether this address is on its white-list",
    KieInsufficientBalanceError: "top up, or raise the key's limit; `kie-sync credits` shows the balance",
    KieRateLimitError: "too many calls in a short time; wait a little",
}


def classify(code: int, text: str) -> Type[KieAPIError]:
    """The class of a refusal, from its code and text."""
    for pattern, kind in _BY_TEXT:
        if re.search(pattern, text, re.IGNORECASE):
            return kind
    if code == 500 and _PARAMETER.search(text):
        return KieValidationError
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code >= 500:
        return KieServerError
    return KieValidationError if code >= 400 else KieAPIError


def read_refusal(response: Response, *, is_paid: bool = False) -> Optional[KieAPIError]:
    """The refusal that an answer holds; None when it holds none.

    Args:
        is_paid: the request may have been paid, so that "no answer in time" is no refusal but an unknown outcome.

    Raises:
        ValueError: the body is not JSON, so that the answer says nothing either way.
    """
    try:
        refusal = _read_body(response)
    except ValueError:
        if response.status == 429:
            # Whatever the page says: HTTP's own word for this one is clear.
            return _build(response, 429, 429, "", _retry_after(response, None))
        raise
    is_silence = isinstance(refusal, KieServerError) and bool({refusal.status_code, response.status} & {*_NO_ANSWER})
    return _unanswered(refusal) if refusal is not None and is_paid and is_silence else refusal


def _unanswered(refusal: KieAPIError) -> KieOutcomeUnknownError:
    """What a paid call's "no answer in time" is: not a no."""
    return KieOutcomeUnknownError(
        f"the platform got no answer in time ({refusal.message[len(REFUSED) :]}): it is not known whether the call was "
        f"accepted and paid; it was not sent again. {LOOK_FIRST}",
        status_code=refusal.status_code,
        code=refusal.code,
        http_status=refusal.http_status,
        method=refusal.method,
        url=refusal.url,
    )


def _read_body(response: Response) -> Optional[KieAPIError]:
    data = response.json()
    if isinstance(data, list) and data:
        # Google's: an error in a list, or an answer in pieces.
        data = data[0]
    if not isinstance(data, Mapping):
        raise ValueError("JSON, but neither an answer nor an error")
    error = data.get("error")
    # An answer of OpenAI's Responses that failed holds the reason itself; it was accepted, and may be charged.
    if isinstance(error, Mapping) and error and "output" not in data:
        return _from_error(response, error)
    code = as_code(data.get("code"))
    text = str(data.get("msg") or data.get("message") or (error if isinstance(error, str) else "") or "")
    if code is not None and code != 200:
        return _build(response, code, data.get("code"), text, _retry_after(response, None))
    if 400 <= response.status < 500:
        return _build(response, response.status, data.get("code"), text, _retry_after(response, None))
    if response.status >= 300 and code is None:
        raise ValueError(f"HTTP {response.status} without a code")
    return None


def _from_error(response: Response, error: Mapping[str, Any]) -> KieAPIError:
    """OpenAI's and Google's form: an error object under a true HTTP status."""
    code = as_code(error.get("code")) or (response.status if response.status >= 400 else 500)
    word = error.get("status") or error.get("type") or error.get("code")
    return _build(response, code, word, str(error.get("message") or ""), _retry_after(response, error))


def _build(
    response: Response, code: int, given: Union[int, str, None], text: str, retry_after: Optional[float]
) -> KieAPIError:
    kind = classify(code, text)
    step = _NEXT_STEP.get(kind)
    message = f"{REFUSED}{text.rstrip(' .') or 'it gave no reason'}" + (f"; {step}" if step else "")
    return kind(
        message,
        status_code=code,
        code=given,
        http_status=response.status,
        method=response.method,
        url=response.url,
        retry_after=retry_after,
    )


def as_code(value: Any) -> Optional[int]:
    """A code as the platform writes it: a number, sometimes text."""
    if isinstance(value, bool):
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _retry_after(response: Response, error: Optional[Mapping[str, Any]]) -> Optional[float]:
    """Seconds that the server asks for: the header, or Google's RetryInfo ("34s")."""
    wanted = response.header("Retry-After")
    details = (error or {}).get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and detail.get("retryDelay"):
            wanted = wanted or str(detail["retryDelay"]).rstrip("s")
    if not wanted:
        return None
    try:
        seconds = float(wanted)
    except ValueError:
        seconds = _until(wanted, response.header("Date"))
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None


def _until(wanted: str, now: str) -> float:
    """Seconds from the server's own Date to the date that it names."""
    try:
        return (email.utils.parsedate_to_datetime(wanted) - email.utils.parsedate_to_datetime(now)).total_seconds()
    except (TypeError, ValueError):
        return float("nan")


def unreadable(response: Response, *, is_paid: bool, reason: str) -> KieConnectionError:
    """The error for an answer that says nothing either way."""
    start = response.body[:60].decode("utf-8", "replace").strip()
    shown = f"; it begins {start!r}" if start else ""
    about: Dict[str, Any] = {"http_status": response.status, "method": response.method, "url": response.url}
    if is_paid:
        return KieOutcomeUnknownError(
            f"HTTP {response.status} with an answer that cannot be read ({reason}){shown}: it is not known whether "
            f"the call was accepted and paid; it was not sent again. {LOOK_FIRST}",
            **about,
        )
    return KieConnectionError(f"HTTP {response.status} with an answer that cannot be read ({reason}){shown}", **about)
