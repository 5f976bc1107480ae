"""What the platforms say: KIE's envelope (usually under HTTP 200), Google's errors (with HTTP's own status)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Callable, Dict, Mapping, Optional

from werkzeug.wrappers import Response

MODEL_TEXT = (
    "The model name you specified is not supported. "
    "Please verify your input and use one of the supported models provided by KIE."
)
GOOGLE_MODEL_TEXT = (
    "models/{} is not found for API version v1main, or is not supported for generateContent. "
    "Call ListModels to see the list of available models and their supported methods."
)
GOOGLE_KEY_TEXT = "API key not valid. Please pass a valid API key."
RATE_TEXT = "Your call frequency is too high. Please try again later."
CREDITS_TEXT = "The current credits are insufficient. Please top up."
# The dash is an en dash, as recorded.
CHAT_KEY_TEXT = (
    "Unauthorized – Authentication failed. "
    "Please check that your Authorization and Content-Type headers are correctly set."
)

# What a code says when only the code was asked for.
CODE_TEXTS = {
    400: "Bad request",
    401: "You do not have access permissions",
    402: CREDITS_TEXT,
    404: "The requested resource or endpoint does not exist",
    408: "The upstream service gave no result",
    422: MODEL_TEXT,
    429: RATE_TEXT,
    433: "key usage limit exceeded",
    455: "The server is currently being maintained, please try again later~",
    500: "Server exception, please try again later",
    501: "Generation failed",
    505: "This feature is currently disabled",
}

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_GATEWAY_PAGE = """<html>
<head><title>{status} Bad Gateway</title></head>
<body>
<center><h1>{status} Bad Gateway</h1></center>
<hr><center>cloudflare</center>
</body>
</html>
"""


class Refused(Exception):
    """The platform says no: a code, its text, and HTTP's status where it differs from 200 by itself."""

    def __init__(
        self, code: int, text: str, *, http: int = 200, with_data: bool = True, retry_after: Optional[str] = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.http = http
        self.with_data = with_data
        self.retry_after = retry_after


class Dropped(Exception):
    """The connection is to close here and now, without another byte."""


def _default(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"cannot write {type(value).__name__} as JSON")


def dumps(value: Any) -> str:
    """JSON as the platform writes it: compact, with Chinese as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_default)


def json_answer(value: Any, *, status: int = 200, content_type: str = "application/json;charset=UTF-8") -> Response:
    return Response(dumps(value), status=status, content_type=content_type)


def kie_success(data: Any, faults: Mapping[str, str]) -> Response:
    """`{"code":200,"msg":"success","data":...}`."""
    word = "message" if "message-envelope" in faults else "msg"
    return json_answer({"code": 200, word: "success", "data": data})


def kie_refusal(refused: Refused, faults: Mapping[str, str]) -> Response:
    """The same envelope for an error; under HTTP 200 unless a fault or the platform's habit says otherwise."""
    word = "message" if "message-envelope" in faults else "msg"
    body: Dict[str, Any] = {"code": refused.code, word: refused.text}
    if refused.with_data:
        body["data"] = None
    status = refused.http
    if "http-errors" in faults and 400 <= refused.code <= 599:
        status = refused.code
    answer = json_answer(body, status=status)
    if refused.retry_after is not None:
        answer.headers["Retry-After"] = refused.retry_after
    return answer


def upload_refusal(refused: Refused, faults: Mapping[str, str]) -> Response:
    """The upload host's form, which has `success` beside the code."""
    status = refused.code if "http-errors" in faults else refused.http
    return json_answer({"success": False, "code": refused.code, "msg": refused.text}, status=status)


def google_refusal(refused: Refused, faults: Mapping[str, str]) -> Response:
    """An array with one error, under the true HTTP status."""
    error: Dict[str, Any] = {
        "code": refused.code,
        "message": refused.text,
        "status": _GOOGLE_STATUS.get(refused.code, "UNKNOWN"),
    }
    answer = json_answer([{"error": error}], status=refused.code if 400 <= refused.code <= 599 else 500)
    if refused.retry_after is not None:
        error["details"] = [
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{refused.retry_after}s"}
        ]
        answer = json_answer([{"error": error}], status=refused.code)
        answer.headers["Retry-After"] = refused.retry_after
    return answer


def gateway_page(status: int) -> Response:
    return Response(_GATEWAY_PAGE.format(status=status), status=status, content_type="text/html; charset=UTF-8")


Refusal = Callable[[Refused, Mapping[str, str]], Response]


def refuse_if_asked(faults: Mapping[str, str]) -> None:
    """Raise what the faults of any request ask for, before anything is accepted."""
    if "drop-before" in faults:
        raise Dropped
    if "retry-after" in faults:
        raise Refused(429, RATE_TEXT, http=429, retry_after=faults["retry-after"])
    if "rate-limit" in faults:
        raise Refused(429, RATE_TEXT, http=429)
    if "rate-limit-200" in faults:
        raise Refused(429, RATE_TEXT)
    if "credits-500" in faults:
        raise Refused(500, "Credits insufficient")
    if "code" in faults:
        code = int(float(faults["code"]))
        raise Refused(code, CODE_TEXTS.get(code, "Internal error, please try again later"))
