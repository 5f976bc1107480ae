"""Faults that the sandbox can show on request, and who asked for them.

A fault is written `[WHERE:]NAME[=ARGUMENT][*TIMES]`: `fail=Upstream generation error`, `rate-limit*2`,
`query:html*1`. WHERE moves it to another sort of request (create, query, chat, credits, upload, files);
TIMES is for how many requests it lasts, else it lasts for ever.

It is asked for
- of the server: `Sandbox(faults=[...])`, `add_fault`;
- of one request: the header `X-Sandbox-Fault` (several with `;`);
- of one task or answer: `[[fault:...]]` in the prompt, which clients can send that add no headers.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..errors import KieConfigError

HEADER = "X-Sandbox-Fault"
PLACES = ("create", "query", "chat", "credits", "upload", "files")
# Tasks keep these from their creation on, so they have a place of their own.
TASK = "task"
API = ("create", "query", "chat", "credits", "upload")
PAID = ("create", "chat")

_MAGIC = re.compile(r"\s*\[\[fault:(.*?)\]\]\s*", re.DOTALL)
_TIMES = re.compile(r"^(.*?)\*(\d+)$", re.DOTALL)


@dataclass(frozen=True)
class _Kind:
    """Where a fault shows by itself, its argument (`""` none, `number`, `text`; with `?` optional), its meaning."""

    where: Tuple[str, ...]
    argument: str
    meaning: str


_KINDS: Mapping[str, _Kind] = {
    "http-errors": _Kind(API, "", "errors come with their true HTTP status instead of 200"),
    "message-envelope": _Kind(API, "", "the envelope says `message` instead of `msg`"),
    "queuing": _Kind((TASK,), "", "the task is `queuing` between waiting and generating"),
    "skip-states": _Kind((TASK,), "", "the task has ended at the first look"),
    "unknown-state": _Kind((TASK,), "text?", "the task shows a state that no document names, then ends well"),
    "result-null": _Kind((TASK,), "", "resultJson is null, also on success"),
    "result-object": _Kind((TASK,), "", "resultJson is an object, not a text"),
    "result-malformed": _Kind((TASK,), "", "resultJson is a text that is not JSON"),
    "result-empty": _Kind((TASK,), "", "resultUrls is empty on success"),
    "cost-ms": _Kind((TASK,), "", "costTime is milliseconds, as the documentation says"),
    "fail": _Kind((TASK,), "text?", "the task fails with this message (or CODE|MESSAGE); its credits come back"),
    "null-first": _Kind((TASK,), "number", "the task is unknown (recordInfo is null) for so many sandbox seconds"),
    "code": _Kind(("create",), "number", "refused with this code in the body"),
    "credits-500": _Kind(("create",), "", "refused with code 500 `Credits insufficient`"),
    "rate-limit": _Kind(PAID, "", "refused with HTTP 429 and code 429"),
    "rate-limit-200": _Kind(PAID, "", "refused with HTTP 200 and code 429"),
    "retry-after": _Kind(PAID, "number", "refused with HTTP 429 and Retry-After: so many seconds"),
    "html": _Kind(API, "number?", "a gateway's HTML page with this HTTP status (502), nothing accepted"),
    "drop-before": _Kind(PAID, "", "the connection closes without an answer, nothing accepted"),
    "accept-then-drop": _Kind(("create",), "", "the task is accepted and paid, then the connection closes"),
    "slow": _Kind(API, "number", "the answer comes so many real seconds late; the request counts"),
    "expired": _Kind(("files",), "", "result files answer 403"),
    "cut": _Kind(("files", "chat"), "", "a file's body ends half-way; a chat stream breaks off"),
    "no-range": _Kind(("files",), "", "a file is sent whole, also where a part was asked for"),
    "wrong-type": _Kind(("files",), "", "an HTML page with HTTP 200 in the place of a file"),
    "wrong-length": _Kind(("files",), "", "Content-Length says 100 bytes more than come"),
    "envelope": _Kind(("chat",), "number?", "a JSON envelope with this code (500) where a stream was asked for"),
    "event-error": _Kind(("chat",), "", "an `event: error` in the middle of the stream"),
    "silent-close": _Kind(("chat",), "", "the stream ends without finish_reason, usage or [DONE]"),
    "stall": _Kind(("chat",), "number", "so many real seconds of silence in the stream"),
    "one-delta": _Kind(("chat",), "", "the whole answer in one chunk"),
    "no-usage": _Kind(("chat",), "", "no usage in the answer"),
    "empty": _Kind(("chat",), "", "an answer without text, which is charged"),
}

_SHOWN = {"": "", "number": "=NUMBER: ", "number?": "[=NUMBER]: ", "text?": "[=TEXT]: "}

FAULTS: Mapping[str, str] = {name: _SHOWN[kind.argument] + kind.meaning for name, kind in _KINDS.items()}
"""Every fault by name, with one line of what it does, for `--help`."""


@dataclass(frozen=True)
class Fault:
    """One fault as asked for; `times` None means without end."""

    name: str
    argument: str = ""
    where: Tuple[str, ...] = ()
    times: Optional[int] = None


def parse_fault(text: str) -> Fault:
    """Read `[WHERE:]NAME[=ARGUMENT][*TIMES]`.

    Raises:
        KieConfigError: no such fault or place, or an argument missing or wrong.
    """
    rest, times = text.strip(), None
    counted = _TIMES.match(rest)
    if counted:
        rest, times = counted.group(1), int(counted.group(2))
    head, equals, argument = rest.partition("=")
    place, colon, name = head.rpartition(":")
    kind = _KINDS.get(name)
    if kind is None:
        raise KieConfigError(f"unknown sandbox fault {name!r}; there are: {', '.join(sorted(_KINDS))}")
    if colon and place not in PLACES:
        raise KieConfigError(f"sandbox fault {text!r}: unknown place {place!r}; there are: {', '.join(PLACES)}")
    if equals and not kind.argument:
        raise KieConfigError(f"sandbox fault {name!r} takes no argument; got {argument!r}")
    if kind.argument == "number" and not argument:
        raise KieConfigError(f"sandbox fault {name!r} needs a number: {name}=5")
    if kind.argument.startswith("number") and argument and not re.fullmatch(r"\d+(\.\d+)?", argument):
        raise KieConfigError(f"sandbox fault {name!r} needs a number; got {argument!r}")
    return Fault(name, argument, (place,) if colon else kind.where, times)


def faults_in(value: Any) -> List[str]:
    """The texts of all `[[fault:...]]` in a prompt, or in any text inside a list or an object."""
    return [found for text in texts_in(value) for found in _MAGIC.findall(text)]


def without_faults(text: str) -> str:
    """The prompt without its `[[fault:...]]`."""
    return _MAGIC.sub(" ", text).strip()


def texts_in(value: Any) -> Iterator[str]:
    """Every text inside a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from texts_in(inner)


class FaultBook:
    """The faults now in force; counts those that last for a number of requests. Safe between threads."""

    def __init__(self, faults: Sequence[str] = ()) -> None:
        self._lock = threading.Lock()
        self._server: List[Fault] = []
        self._used: Counter[Tuple[str, Fault]] = Counter()
        self._added = 0
        for text in faults:
            self.add(text)

    def add(self, text: str) -> None:
        fault = parse_fault(text)
        with self._lock:
            # Adding a fault anew makes its count start anew.
            self._used.pop(("", fault), None)
            self._server.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._server.clear()
            self._used.clear()

    def misfits(self, texts: Sequence[str], places: Sequence[str]) -> List[str]:
        """Those of these faults that never show in any of these places."""
        faults = [parse_fault(text) for text in texts if text.strip()]
        return [fault.name for fault in faults if not set(_KINDS[fault.name].where) & set(places)]

    def take(self, place: str, *, header: str = "", magic: Sequence[str] = (), owner: str = "") -> Dict[str, str]:
        """The faults for one request (name -> argument), counting them as used.

        Args:
            place: the sort of request, or `task` for what a new task keeps.
            header: what the request's own header asks for; it counts wherever it is sent.
            magic: what the prompt asks for.
            owner: whose prompt it is, so that counts of different prompts stay apart.
        """
        taken: Dict[str, str] = {}
        for fault in [parse_fault(text) for text in magic]:
            self._use(fault, place, f"prompt {owner}", taken)
        with self._lock:
            server = list(self._server)
        for fault in server:
            self._use(fault, place, "", taken)
        for text in filter(str.strip, header.split(";")):
            fault = parse_fault(text)
            taken[fault.name] = fault.argument
        return taken

    def _use(self, fault: Fault, place: str, owner: str, taken: Dict[str, str]) -> None:
        if place not in fault.where:
            return
        if fault.times is not None:
            with self._lock:
                if self._used[(owner, fault)] >= fault.times:
                    return
                self._used[(owner, fault)] += 1
        taken[fault.name] = fault.argument
