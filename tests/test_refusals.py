from __future__ import annotations

from typing import Any, Dict, Optional, Type

import pytest
from wire import answer

from kie_sync.errors import (
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
from kie_sync.refusals import as_code, classify, read_refusal, unreadable

NO_MODEL = (
    "The model name you specified is not supported. Please verify your input and use one of the supported models "
    "provided by KIE."
)


@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (400, "taskId parameter is required", KieValidationError),
        (400, "The server is currently being maintained, please try again later~", KieServerError),
        (401, "Unauthorized", KieAuthenticationError),
        (401, "You do not have access permissions", KieAuthenticationError),
        (402, "The current credits are insufficient. Please top up.", KieInsufficientBalanceError),
        (402, "Credits insufficient", KieInsufficientBalanceError),
        (402, "", KieInsufficientBalanceError),
        (403, "", KieAuthenticationError),
        (404, "", KieNotFoundError),
        (405, "", KieValidationError),
        (408, "", KieServerError),
        (413, "", KieValidationError),
        (422, NO_MODEL, KieValidationError),
        (422, "The page does not exist or is not published", KieValidationError),
        (422, "Each reference audio must be between 2 and 30 seconds", KieValidationError),
        (422, "Service is currently unavailable due to high demand. Please try again later. (E003)", KieServerError),
        (422, "recordInfo is null", KieNotFoundError),
        (422, "url is wrong", KieValidationError),
        (429, "", KieRateLimitError),
        (429, "Your call frequency is too high. Please try again later.", KieRateLimitError),
        (430, "Your call frequency is too high. Please try again later.", KieRateLimitError),
        (430, "", KieRateLimitError),
        (433, "key usage limit exceeded", KieInsufficientBalanceError),
        (433, "", KieInsufficientBalanceError),
        (451, "", KieValidationError),
        (455, "", KieServerError),
        (500, "This field is required", KieValidationError),
        (500, "aspect_ratio is required", KieValidationError),
        (500, "text is required", KieValidationError),
        (500, "resolution is not within the range of allowed options", KieValidationError),
        (500, "enable_safety_checker it must be a boolean", KieValidationError),
        (500, "Credits insufficient", KieInsufficientBalanceError),
        (500, "Server exception, please try again later", KieServerError),
        (500, "The server is currently being maintained, please try again later~", KieServerError),
        (500, "Internal error, please try again later", KieServerError),
        (500, "The page does not exist", KieServerError),
        (501, "", KieServerError),
        (505, "", KieServerError),
        (531, "", KieServerError),
        (418, "", KieValidationError),
        (0, "", KieAPIError),
        (400, "API key not valid. Please pass a valid API key.", KieAuthenticationError),
    ],
)
def test_code_and_text_choose_the_class(code: int, text: str, kind: Type[KieAPIError]) -> None:
    assert classify(code, text) is kind


def google(code: Any, status: str, message: str = "no", **more: Any) -> Dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **more}}


WAIT_34 = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}]


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"code": 402, "msg": "Credits insufficient"}, 200, (KieInsufficientBalanceError, 402, 402, 200)),
        ({"code": "402", "message": "no"}, 200, (KieInsufficientBalanceError, 402, "402", 200)),
        ({"code": 422, "msg": "no"}, 422, (KieValidationError, 422, 422, 422)),
        ({"msg": "no"}, 403, (KieAuthenticationError, 403, 403, 403)),
        ({"code": 200, "msg": "no"}, 404, (KieNotFoundError, 404, 200, 404)),
        ([google(429, "RESOURCE_EXHAUSTED")], 429, (KieRateLimitError, 429, "RESOURCE_EXHAUSTED", 429)),
        (google(400, "INVALID_ARGUMENT"), 400, (KieValidationError, 400, "INVALID_ARGUMENT", 400)),
        (google(403, "PERMISSION_DENIED"), 403, (KieAuthenticationError, 403, "PERMISSION_DENIED", 403)),
        (google(503, "UNAVAILABLE"), 503, (KieServerError, 503, "UNAVAILABLE", 503)),
        (
            {"error": {"message": "no", "type": "insufficient_quota"}},
            500,
            (KieServerError, 500, "insufficient_quota", 500),
        ),
        ({"error": {"message": "no"}}, 200, (KieServerError, 500, 500, 200)),
        (
            google(429, "RESOURCE_EXHAUSTED", "Your prepaid credits are depleted."),
            429,
            (KieInsufficientBalanceError, 429, "RESOURCE_EXHAUSTED", 429),
        ),
        ({"code": 429, "msg": "slow"}, 429, (KieRateLimitError, 429, 429, 429)),
        (b"<html>slow down</html>", 429, (KieRateLimitError, 429, 429, 429)),
        (b"", 429, (KieRateLimitError, 429, 429, 429)),
        ([1], 429, (KieRateLimitError, 429, 429, 429)),
    ],
)
def test_a_refusal_is_read_in_each_form(body: Any, status: int, expected: Any) -> None:
    error = read_refusal(answer(body, status))

    assert error is not None
    assert (type(error), error.status_code, error.code, error.http_status) == expected


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        ({"code": 408, "msg": "no"}, 200, (KieOutcomeUnknownError, 408, 408, 200)),
        ({"code": 504, "msg": "no"}, 200, (KieOutcomeUnknownError, 504, 504, 200)),
        ({"code": "524", "msg": "no"}, 200, (KieOutcomeUnknownError, 524, "524", 200)),
        ({"msg": "no"}, 408, (KieOutcomeUnknownError, 408, None, 408)),
        (google(504, "DEADLINE_EXCEEDED"), 504, (KieOutcomeUnknownError, 504, "DEADLINE_EXCEEDED", 504)),
        # A gateway's own word for it, whatever stands in its page.
        ({"code": 500, "msg": "no"}, 504, (KieOutcomeUnknownError, 500, 500, 504)),
        # Clear words are clear, under any code.
        ({"code": 408, "msg": "Credits insufficient"}, 200, (KieInsufficientBalanceError, 408, 408, 200)),
        ({"code": 422, "msg": "no"}, 504, (KieValidationError, 422, 422, 504)),
        ({"code": 500, "msg": "no"}, 200, (KieServerError, 500, 500, 200)),
        ({"code": 501, "msg": "no"}, 200, (KieServerError, 501, 501, 200)),
        ({"code": 455, "msg": "no"}, 200, (KieServerError, 455, 455, 200)),
    ],
)
def test_no_answer_in_time_leaves_a_paid_calls_outcome_unknown(body: Any, status: int, expected: Any) -> None:
    """It was classed as refused, and its key was free, so that the same purchase could be paid twice."""
    paid, free = (read_refusal(answer(body, status), is_paid=is_paid) for is_paid in (True, False))

    assert paid is not None and free is not None
    kind, status_code, code, http_status = expected
    assert (type(paid), paid.status_code, paid.http_status) == (kind, status_code, http_status)
    assert paid.code == (status_code if code is None else code)
    assert type(free) is (KieServerError if kind is KieOutcomeUnknownError else kind)


def test_no_answer_in_time_says_to_look_first() -> None:
    error = read_refusal(answer({"code": 504, "msg": "Gateway timeout."}), is_paid=True)

    assert error is not None
    assert error.message == (
        "the platform got no answer in time (Gateway timeout): it is not known whether the call was accepted and "
        "paid; it was not sent again. Look at the balance (`kie-sync credits`) before you send it anew"
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"code": 200, "data": None}, 200),
        ({"code": "200"}, 200),
        ({"choices": []}, 200),
        ({"code": 200}, 500),
        ({"code": True}, 200),
        ({"code": "OK"}, 200),
        ({"error": {}, "code": 200}, 200),
        ({"error": None}, 200),
    ],
)
def test_what_is_no_refusal_gives_none(body: Any, status: int) -> None:
    assert read_refusal(answer(body, status)) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>", 200),
        (b"", 200),
        (b"", 204),
        (b"<html>bad gateway", 502),
        (b"<html>login", 401),
        (b"[]", 200),
        (b"7", 200),
        (b'"text"', 200),
        (b"null", 200),
        (b"\xff\xfe\xff", 200),
        ({"oops": 1}, 500),
        ({"moved": 1}, 302),
        (b"[" * 100000, 200),
    ],
)
def test_what_says_nothing_either_way_is_a_value_error(body: Any, status: int) -> None:
    with pytest.raises(ValueError):
        read_refusal(answer(body, status))


@pytest.mark.parametrize(
    ("body", "headers", "seconds"),
    [
        ({"code": 429}, {}, None),
        ({"code": 429}, {"Retry-After": "7"}, 7.0),
        ({"code": 429}, {"retry-after": "0"}, 0.0),
        ({"code": 429}, {"Retry-After": "-3"}, 0.0),
        ({"code": 429}, {"Retry-After": "86400"}, 60.0),
        ({"code": 429}, {"Retry-After": "inf"}, 60.0),
        ({"code": 429}, {"Retry-After": "nan"}, None),
        ({"code": 429}, {"Retry-After": "soon"}, None),
        (
            {"code": 429},
            {"Retry-After": "Sun, 22 Nov 2026 10:00:20 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"},
            20.0,
        ),
        ({"code": 429}, {"Retry-After": "Sun, 22 Nov 2026 10:00:20 GMT"}, None),
        ([google(429, "RESOURCE_EXHAUSTED", details=WAIT_34)], {}, 34.0),
        ([google(429, "RESOURCE_EXHAUSTED", details=WAIT_34)], {"Retry-After": "5"}, 5.0),
        ([google(429, "RESOURCE_EXHAUSTED", details=7)], {}, None),
        ([google(429, "RESOURCE_EXHAUSTED", details=["x", {}])], {}, None),
    ],
)
@pytest.mark.parametrize("status", [200, 429])
def test_the_wait_that_the_server_asks_for(status: int, body: Any, headers: Any, seconds: Optional[float]) -> None:
    """Under a true HTTP 429, Google's RetryInfo was passed over."""
    error = read_refusal(answer(body, status, headers))

    assert error is not None
    assert (type(error), error.retry_after) == (KieRateLimitError, seconds)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (200, 200),
        ("402", 402),
        (200.0, 200),
        (None, None),
        (True, None),
        ("OK", None),
        (float("inf"), None),
        (float("nan"), None),
        ([], None),
    ],
)
def test_a_code_is_a_number_or_nothing(value: Any, code: Optional[int]) -> None:
    assert as_code(value) == code


def test_the_message_says_the_platforms_words_and_the_next_step() -> None:
    error = read_refusal(answer({"code": 402, "msg": "Credits insufficient."}))
    silent = read_refusal(answer({"code": 500}))

    assert error is not None and silent is not None
    assert error.message == (
        "the platform refused: Credits insufficient; top up, or raise the key's limit; "
        "`kie-sync credits` shows the balance"
    )
    assert silent.message == "the platform refused: it gave no reason"


def test_an_unreadable_answer_to_a_paid_call_leaves_its_outcome_unknown() -> None:
    paid = unreadable(answer(b"<html>bad gateway</html>", 502), is_paid=True, reason="not JSON")
    free = unreadable(answer(b"", 502), is_paid=False, reason="not JSON")

    assert (type(paid), paid.http_status, paid.status_code) == (KieOutcomeUnknownError, 502, None)
    assert "it begins '<html>bad gateway</html>'" in paid.message and paid.message.endswith(
        "it was not sent again. Look at the balance (`kie-sync credits`) before you send it anew"
    )
    assert (type(free), free.message) == (KieConnectionError, "HTTP 502 with an answer that cannot be read (not JSON)")
