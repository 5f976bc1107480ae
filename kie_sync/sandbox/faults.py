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

import logging
import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..errors import KieConfigError

_log = logging.getLogger("kie_sync.sandbox")

HEADER = "X-Sandbox-Fault"
PLACES = ("create", "query", "chat", "credits", "upload", "files")
# Tasks keep these from their creation on, so they have a place of their own.
TASK = "task"
API = ("create", "query", "chat", "credits", "upload")
PAID = ("create", "chat")

_MAGIC = re.compile(r"\s*\[\[fault:(.*?)\]\]\s*", re.DOTALL)
_TIMES = re.compile(r"^(.*?)\*(\d+)$", re.DOTALL)
# What may be asked for in one go: of a task (its creation, then all that is asked about it), and of a chat.
_WITH_TASK = ("create", TASK, "query", "files")


@dataclass(frozen=True)
class _Kind:
    """Where a fault shows by itself, its argument (`""` none, `number`, `text`; with `?` optional), its meaning.

    `also` is where else it can be moved to, with WHERE: or in a header.
    """

    where: Tuple[str, ...]
    argument: str
    meaning: str
    also: Tuple[str, ...] = ()


_KINDS: Mapping[str, _Kind] = {
    "http-errors": _Kind(API, "", "errors come with their true HTTP status instead of 200"),
    "message-envelope": _Kind(API, "", "the envelope says `message` instead of `msg`"),
    "queuing": _Kind((TASK,), "", "the task is `queuing` between waiting and generating", ("query",)),
    "skip-states": _Kind((TASK,), "", "the task has ended at the first look", ("query",)),
    "unknown-state": _Kind(
        (TASK,), "text?", "the task shows a state that no document names, then ends well", ("query",)
    ),
    "result-null": _Kind((TASK,), "", "resultJson is null, also on success", ("query",)),
    "result-object": _Kind((TASK,), "", "resultJson is an object, not a text", ("query",)),
    "result-malformed": _Kind((TASK,), "", "resultJson is a text that is not JSON", ("query",)),
    "result-empty": _Kind((TASK,), "", "resultUrls is empty on success", ("query",)),
    "cost-ms": _Kind((TASK,), "", "costTime is milliseconds, as the documentation says", ("query",)),
    "fail": _Kind(
        (TASK,), "text?", "the task fails with this message (or CODE|MESSAGE); its credits come back", ("query",)
    ),
    "null-first": _Kind((TASK,), "number", "the task is unknown (recordInfo is null) for so many sandbox seconds"),
    "callback-twice": _Kind((TASK,), "", "the callback comes twice"),
    "callback-lost": _Kind((TASK,), "", "no callback comes"),
    "callback-forged": _Kind((TASK,), "", "the callback is signed with another secret"),
    "callback-early": _Kind((TASK,), "", "a callback comes at once, too, and tells of a success that there is not yet"),
    "callback-snake": _Kind((TASK,), "", "the callback says `task_id` instead of `taskId`"),
    "callback-old": _Kind((TASK,), "", "the callback's timestamp is an hour old"),
    "code": _Kind(("create",), "number", "refused with this code in the body", API),
    "credits-500": _Kind(("create",), "", "refused with code 500 `Credits insufficient`", API),
    "rate-limit": _Kind(PAID, "", "refused with HTTP 429 and code 429", API),
    "rate-limit-200": _Kind(PAID, "", "refused with HTTP 200 and code 429", API),
    "retry-after": _Kind(PAID, "number", "refused with HTTP 429 and Retry-After: so many seconds", API),
    "html": _Kind(API, "number?", "a gateway's HTML page with this HTTP status (502), nothing accepted"),
    "drop-before": _Kind(PAID, "", "the connection closes without an answer, nothing accepted", API),
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
    "server-error": _Kind(("chat",), "", "an event of type server_error in the middle, in the place of the rest"),
    "maker-error": _Kind(("chat",), "", "the same in the form of the shape's maker: an `error` event or chunk"),
    "failed": _Kind(("chat",), "", "OpenAI's response.failed, also whole; in other shapes as maker-error"),
    "blocked": _Kind(("chat",), "", "the maker's filter blocks: finish content_filter, refusal, or a blockReason"),
    "pace": _Kind(("chat",), "number", "so many real seconds between two events of a stream"),
    "cached": _Kind(("chat",), "number", "so many of the input tokens were read from a cache"),
    "cache-write": _Kind(("chat",), "number", "so many were written to one, for 5 minutes"),
    "cache-write-1h": _Kind(("chat",), "number", "so many were written to one, for an hour"),
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
    if kind is None and name.partition("*")[0] in _KINDS:
        wrong = name.partition("*")[2]
        raise KieConfigError(f"sandbox fault {text!r}: TIMES must be a whole number, as in rate-limit*3; got {wrong!r}")
    if kind is None:
        raise KieConfigError(f"unknown sandbox fault {name!r}; there are: {', '.join(sorted(_KINDS))}")
    if colon and place not in PLACES:
        raise KieConfigError(f"sandbox fault {text!r}: unknown place {place!r}; there are: {', '.join(PLACES)}")
    if times == 0:
        raise KieConfigError(f"sandbox fault {text!r}: TIMES must be 1 or more")
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
        _warn_unless(fault.where, fault, "the server", "")
        with self._lock:
            # Adding a fault anew makes its count start anew.
            self._used.pop(("", fault), None)
            self._server.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._server.clear()
            self._used.clear()

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
            if place in ("create", "chat"):
                _warn_unless(_WITH_TASK if place == "create" else (place,), fault, "the prompt", place)
            self._use(fault, place, f"prompt {owner}", taken)
        with self._lock:
            server = list(self._server)
        for fault in server:
            self._use(fault, place, "", taken)
        for text in filter(str.strip, header.split(";")):
            fault = parse_fault(text)
            # A task that is created takes what is its own from the same header.
            if place != TASK:
                kind, reached = _KINDS[fault.name], ("create", TASK) if place == "create" else (place,)
                _warn_unless(reached, Fault(fault.name, where=kind.where + kind.also), "the header", place)
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


def _warn_unless(reached: Tuple[str, ...], fault: Fault, who: str, call: str) -> None:
    """Warn of a fault that can have no effect: it works elsewhere, or was moved where nothing heeds it."""
    kind = _KINDS[fault.name]
    works = kind.where + kind.also
    if set(reached) & set(fault.where) & set(works):
        return
    at = f" at a {call} call" if call else ""
    places = ", ".join(dict.fromkeys("create (its task)" if place == TASK else place for place in works))
    _log.warning("fault %s, asked for by %s, has no effect%s; it applies to: %s", fault.name, who, at, places)
