"""What may go wrong between the client and the platform, and what has to come of it.

A fault says what it does to a connection, and what comes of a paid call and of a question that meet it. Outcomes are
names of errors, or `done`. A paid call's outcome and the sandbox's books must agree: `is_accepted` says whether the
platform saw the call.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any, Callable, List, Mapping, Tuple

from .proxy import Act, Answer, Exchange, relay

DONE = "done"
UNKNOWN, CONNECTION, SERVER, LIMIT = (
    "KieOutcomeUnknownError",
    "KieConnectionError",
    "KieServerError",
    "KieRateLimitError",
)
INPUT, NOT_FOUND, STREAM = "KieValidationError", "KieNotFoundError", "KieStreamError"
RUNNING, FAILED = "KieTaskTimeoutError", "KieTaskFailedError"

PAID = ("submit", "chat", "stream")
ASKED = ("wait", "look", "credits", "upload", "download_url", "save")
# Their answers are JSON; a file may be anything.
JSON_ONLY = (*PAID, "wait", "look", "credits", "upload", "download_url")
# They read codes as `credits` does.
CODED = tuple(each for each in JSON_ONLY if each not in ("upload", "download_url"))


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, every time until the test is over.

    Attributes:
        paid: what comes of a paid call.
        asked: what comes of a question that costs nothing.
        is_accepted: the platform saw the request, and did what was asked.
        but: operations for which something else comes of it.
        where: the operations that can meet it.
        is_silent: nothing comes for ever, so that the client needs a short timeout.
        is_port: the port itself is closed, or its name unknown; there is nothing to do to a connection.
    """

    name: str
    act: Act = relay
    paid: str = UNKNOWN
    asked: str = CONNECTION
    is_accepted: bool = False
    but: Mapping[str, str] = field(default_factory=dict)
    where: Tuple[str, ...] = (*PAID, *ASKED)
    is_silent: bool = False
    is_port: bool = False

    def outcome(self, operation: str) -> str:
        """What has to come of an operation that meets it every time."""
        if operation in self.but:
            return self.but[operation]
        if operation in PAID:
            return self.paid
        # A wait rides out what may pass, until its deadline; the task goes on.
        return RUNNING if operation == "wait" and self.asked in (CONNECTION, SERVER, LIMIT) else self.asked

    def count(self, operation: str) -> int:
        """How many calls are paid for."""
        return int(operation in PAID and (self.is_accepted or self.outcome(operation) == DONE))


def answering(answer: Answer) -> Act:
    """This in place of the platform's answer; it never sees the request."""

    def act(exchange: Exchange) -> None:
        assert exchange.request
        exchange.send(answer.framed())

    return act


def spoiling(change: Callable[[Answer], bytes]) -> Act:
    """The platform does what is asked, and its answer is spoiled on the way back."""

    def act(exchange: Exchange) -> None:
        exchange.send(change(exchange.forward()))

    return act


def page(status: str) -> Answer:
    return Answer(status, {"Content-Type": "text/html"}, b"<html><body><h1>Bad Gateway</h1></body></html>")


def as_json(data: Any, status: str = "200 OK", **headers: str) -> Answer:
    answer = Answer(status, body=data if isinstance(data, bytes) else json.dumps(data).encode())
    return answer.but(**headers)


# Before the platform has the request


def reset_at_once(exchange: Exchange) -> None:
    exchange.reset()


def reset_in_request(exchange: Exchange) -> None:
    exchange.connection.recv(60)
    exchange.reset()


def reset_unheard(exchange: Exchange) -> None:
    assert exchange.request
    exchange.reset()


def close_unheard(exchange: Exchange) -> None:
    assert exchange.request


def silence(exchange: Exchange) -> None:
    assert exchange.request
    exchange.hang()


# After it


def reset_after(exchange: Exchange) -> None:
    exchange.forward()
    exchange.reset()


def close_after(exchange: Exchange) -> None:
    exchange.forward()


def silence_after(exchange: Exchange) -> None:
    exchange.forward()
    exchange.hang()


def reset_in_answer(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.send(answer.framed()[: -max(1, len(answer.body) // 2)])
    exchange.reset()


def stall_in_answer(exchange: Exchange) -> None:
    answer = exchange.forward()
    exchange.send(answer.framed()[: -max(1, len(answer.body) // 2)])
    exchange.hang()


def trickle(exchange: Exchange) -> None:
    exchange.trickle(exchange.forward().framed())


def early_hints(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n" + exchange.forward().framed())


def go_on_then_answer(exchange: Exchange) -> None:
    exchange.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    relay(exchange)


def answer_twice(exchange: Exchange) -> None:
    answer = exchange.forward()
    second = Answer(body=b'{"code":200,"msg":"success","data":{"taskId":"not-yours","recordId":"not-yours"}}')
    exchange.send(answer.framed() + second.framed())


def redirect(status: str) -> Act:
    """To the same path of another host."""

    def act(exchange: Exchange) -> None:
        where = exchange.proxy.elsewhere + exchange.path
        exchange.send(Answer(status, {"Location": where, "Content-Type": "text/html"}, b"gone").framed())

    return act


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def chunks(answer: Answer, tail: bytes) -> bytes:
    """The first half of a body in one chunk, and then this."""
    piece = half(answer.body)
    head = answer.but(Transfer_Encoding="chunked").framed(length="")
    return head[: len(head) - len(answer.body)] + b"%x\r\n%b\r\n" % (len(piece), piece) + tail


def packed(answer: Answer) -> Answer:
    return Answer(answer.status, {**answer.headers, "Content-Encoding": "gzip"}, gzip.compress(answer.body))


BROKEN_STREAM: Mapping[str, str] = {"stream": STREAM}
# The answer's end is there, and what comes after it does not count.
WHOLE_STREAM: Mapping[str, str] = {"stream": DONE}
NO_FILE = tuple(each for each in (*PAID, *ASKED) if each != "save")

TRANSPORT: List[Fault] = [
    Fault("the port is closed", paid=CONNECTION, is_port=True),
    Fault("the host has no address", paid=CONNECTION, is_port=True),
    Fault("reset before the request", reset_at_once),
    Fault("reset in the request", reset_in_request),
    Fault("reset after the request, not passed on", reset_unheard),
    Fault("closed after the request, not passed on", close_unheard),
    Fault("silence, not passed on", silence, is_silent=True),
    Fault("reset after the platform had it", reset_after, is_accepted=True),
    Fault("closed after the platform had it", close_after, is_accepted=True),
    Fault("silence after the platform had it", silence_after, is_accepted=True, is_silent=True),
    Fault("closed in the answer's head", spoiling(lambda a: a.framed()[:40]), is_accepted=True),
    Fault(
        "closed in the answer's body",
        spoiling(lambda a: a.framed()[: -len(half(a.body))]),
        is_accepted=True,
        but=BROKEN_STREAM,
    ),
    Fault("reset in the answer's body", reset_in_answer, is_accepted=True, but=BROKEN_STREAM),
    Fault("silence in the answer's body", stall_in_answer, is_accepted=True, is_silent=True, but=BROKEN_STREAM),
    Fault("slow bytes", trickle, paid=DONE, asked=DONE),
    Fault("100 Continue first", go_on_then_answer, paid=DONE, asked=DONE),
    Fault("103 Early Hints first", early_hints, is_accepted=True),
    Fault("two answers at once", answer_twice, paid=DONE, asked=DONE),
]

BODIES: List[Fault] = [
    Fault(
        "Content-Length too long",
        spoiling(lambda a: a.framed(str(len(a.body) + 100))),
        is_accepted=True,
        but=WHOLE_STREAM,
    ),
    Fault(
        "Content-Length too short",
        spoiling(lambda a: a.framed(str(len(a.body) // 2))),
        is_accepted=True,
        but=BROKEN_STREAM,
        where=NO_FILE,
    ),
    Fault("Content-Length is no number", spoiling(lambda a: a.framed("many")), paid=DONE, asked=DONE),
    Fault("no Content-Length", spoiling(lambda a: a.framed("")), paid=DONE, asked=DONE),
    Fault("chunks without an end", spoiling(lambda a: chunks(a, b"")), is_accepted=True, but=BROKEN_STREAM),
    Fault("chunks of no size", spoiling(lambda a: chunks(a, b"zz\r\nx\r\n")), is_accepted=True, but=BROKEN_STREAM),
    Fault("gzip", spoiling(lambda a: packed(a).framed()), paid=DONE, asked=DONE),
    Fault("gzip that is none", spoiling(lambda a: a.but(Content_Encoding="gzip").framed()), is_accepted=True),
    # Not of a file: it asks for none, and no length would show it.
    Fault(
        "gzip that is cut",
        spoiling(lambda a: Answer(a.status, packed(a).headers, half(packed(a).body)).framed()),
        is_accepted=True,
        but=BROKEN_STREAM,
        where=NO_FILE,
    ),
    Fault("not HTTP at all", spoiling(lambda a: b"\x15\x03\x01\x00\x02\x02\x28 SSH-2.0-x\r\n\r\n"), is_accepted=True),
    Fault("a header without an end", spoiling(lambda a: b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000), is_accepted=True),
    Fault("an empty body", spoiling(lambda a: as_json(b"").framed()), is_accepted=True),
    Fault("HTTP 204", spoiling(lambda a: as_json(b"", "204 No Content").framed()), is_accepted=True),
    Fault("HTML with HTTP 200", spoiling(lambda a: page("200 OK").framed()), is_accepted=True, where=NO_FILE),
    Fault("HTML with HTTP 404", answering(page("404 Not Found")), but={"save": NOT_FOUND}),
    Fault("HTML with HTTP 502, not passed on", answering(page("502 Bad Gateway"))),
    Fault("HTML with HTTP 502, passed on", spoiling(lambda a: page("502 Bad Gateway").framed()), is_accepted=True),
    Fault("HTML with HTTP 503", answering(page("503 Service Unavailable"))),
    Fault(
        "HTML with HTTP 429",
        answering(page("429 Too Many Requests")),
        paid=LIMIT,
        asked=LIMIT,
        but={"save": CONNECTION},
    ),
    Fault("text with HTTP 504", answering(Answer("504 Gateway Timeout", {"Content-Type": "text/plain"}, b"timeout"))),
    *(
        Fault(
            f"{kind or 'no type'} on the right answer",
            spoiling(lambda a, kind=kind: a.but(Content_Type=kind).framed()),  # type: ignore[misc]
            paid=DONE,
            asked=DONE,
            where=JSON_ONLY,
        )
        for kind in ("text/html", "text/plain; charset=latin-1", "application/octet-stream", "")
    ),
    *(
        Fault(
            f"JSON that is {shown}",
            spoiling(lambda a, data=data: as_json(data).framed()),
            is_accepted=True,  # type: ignore[misc]
            where=JSON_ONLY,
            but=BROKEN_STREAM if shown in ("null", "a text", "a number") else {},
        )
        for shown, data in (
            ("null", None),
            ("a text", "ok"),
            ("a number", 7),
            ("a list", [1]),
            ("cut", b'{"code":200,"data":{"ta'),
            ("nested too deeply", b"[" * 100000),
            ("not UTF-8", b'{"code":200,"msg":"\xff\xfe"}'),
        )
    ),
    *(
        Fault(
            f"JSON that is {shown}",
            spoiling(lambda a, data=data: as_json(data).framed()),
            is_accepted=True,  # type: ignore[misc]
            where=JSON_ONLY,
            but={"look": NOT_FOUND, "wait": RUNNING},
        )
        for shown, data in (("{}", {}), ("code 200 without data", {"code": 200, "msg": "success", "data": None}))
    ),
    *(
        # A state that nobody knows is not the end: look and wait go on.
        Fault(
            f"data that is {shown}",
            spoiling(lambda a, data=data: as_json({"code": 200, "data": data}).framed()),  # type: ignore[misc]
            is_accepted=True,
            where=JSON_ONLY,
            but={"look": DONE, "wait": RUNNING, **but},
        )
        for shown, data, but in (
            ("an empty object", {}, {}),
            ("a list", [[]], {}),
            ("a text", "ok", {"download_url": DONE}),
            ("true", True, {}),
            ("an id that is null", {"taskId": None, "recordId": ""}, {}),
        )
    ),
]

_CODES = (
    (400, INPUT),
    (401, "KieAuthenticationError"),
    (402, "KieInsufficientBalanceError"),
    (404, NOT_FOUND),
    (405, INPUT),
    (408, SERVER),
    (413, INPUT),
    (422, INPUT),
    (429, LIMIT),
    (430, LIMIT),
    (433, "KieInsufficientBalanceError"),
    (451, INPUT),
    (455, SERVER),
    (500, SERVER),
    (501, SERVER),
    (504, SERVER),
    (505, SERVER),
    (524, SERVER),
    (531, SERVER),
)
# They say that nobody answered the platform in time, and not that nothing was made.
_NO_ANSWER = (408, 504, 524)
# Under HTTP 200 a failed task's own envelope carries these.
_FAILED = {408: {"wait": FAILED, "look": DONE}, 501: {"wait": FAILED, "look": DONE}}
# A task that the journal knows as new may be unknown to the platform for a moment; here the deadline comes first.
_NEW = {404: {"wait": RUNNING}}
_TRUE = {
    401: "401 Unauthorized",
    402: "402 Payment Required",
    404: "404 Not Found",
    422: "422 Unprocessable Entity",
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    503: "503 Service Unavailable",
    504: "504 Gateway Timeout",
}

CODES: List[Fault] = [
    *(
        Fault(
            f"HTTP 200 with code {code}",
            answering(as_json({"code": code, "msg": "no", "data": None})),
            paid=UNKNOWN if code in _NO_ANSWER else kind,
            asked=kind,
            but={**_FAILED.get(code, {}), **_NEW.get(code, {})},
            where=CODED,
        )
        for code, kind in _CODES
    ),
    *(
        Fault(
            f"HTTP {code} with code {code}",
            answering(as_json({"code": code, "msg": "no"}, status)),
            paid=UNKNOWN if code in _NO_ANSWER else kind,
            asked=kind,
            but={"save": NOT_FOUND if code in (401, 404) else CONNECTION, **_NEW.get(code, {})},
        )
        for code, status in _TRUE.items()
        for kind in (dict(_CODES).get(code, SERVER),)
    ),
    Fault(
        "HTTP 429 with Retry-After: 2",
        answering(as_json({"code": 429}, _TRUE[429], Retry_After="2")),
        paid=LIMIT,
        asked=LIMIT,
        but={"save": CONNECTION},
    ),
    Fault(
        "HTTP 429 with Retry-After of no sense",
        answering(as_json({"code": 429}, _TRUE[429], Retry_After="soon")),
        paid=LIMIT,
        asked=LIMIT,
        but={"save": CONNECTION},
    ),
    *(
        # A file is fetched without a key, so that it may be fetched from anywhere.
        Fault(f"HTTP {status[:3]} to another host", redirect(status), but={"save": DONE})
        for status in (
            "301 Moved Permanently",
            "302 Found",
            "303 See Other",
            "307 Temporary Redirect",
            "308 Permanent Redirect",
        )
    ),
    Fault("HTTP 500 without JSON", answering(Answer("500 Internal Server Error", {}, b"oops"))),
]

FAULTS: List[Fault] = [*TRANSPORT, *BODIES, *CODES]
OPERATIONS = (*PAID, *ASKED)
CASES = [(fault, operation) for fault in FAULTS for operation in OPERATIONS if operation in fault.where]
# What passes is asked again, and then answered; a paid call only where the platform has surely not taken it.
_PASSING = (
    *(fault.name for fault in TRANSPORT if not fault.is_accepted),
    "HTML with HTTP 502, not passed on",
    "Content-Length too long",
    "HTML with HTTP 429",
    "text with HTTP 504",
    "HTTP 200 with code 429",
    "HTTP 200 with code 455",
    "HTTP 200 with code 500",
    "HTTP 503 with code 503",
    "HTTP 429 with Retry-After: 2",
)
PASSING = [
    (fault, operation)
    for fault in FAULTS
    for operation in fault.where
    if fault.name in _PASSING
    and fault.outcome(operation) in (CONNECTION, SERVER, LIMIT, RUNNING)
    and not (operation in PAID and fault.is_accepted)
    and not (fault.is_silent and operation not in ("wait", "save"))
    # A name that nobody knows now is known later: that is the resolver's business.
    and fault.name != "the host has no address"
]
