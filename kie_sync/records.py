"""One paid call, and what is on record of it: the values, and the journal as the core sees it.

What became of a call is one of these states:

- `sending`: on its way just now;
- `refused`: surely not accepted, and not paid;
- `unknown`: it may or may not have been accepted;
- `accepted`: the task exists, and is paid;
- `running`: the same, and we stopped watching at our deadline;
- `failed`: the platform says that it failed;
- `success`: it is done; its files live about a day;
- `charged`: it was unknown, and a person has settled that it was paid, with no task to fetch.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Mapping, Optional, Protocol, Tuple

from .values import to_json

STATES = ("sending", "refused", "unknown", "accepted", "running", "failed", "success", "charged")
UNFINISHED = ("accepted", "running")
SETTLED = "settled by hand"


@dataclass(frozen=True)
class PaidCall:
    """A call that costs money, as all who guard or record it see it.

    Attributes:
        id: ours; every event about the call carries it.
        account: the fingerprint of the API key, never the key.
        given: the arguments under canonical names; a local file stands there by its content.
        key: the caller's own name for this purchase; "" when there is none.
        user: which of the caller's own users it is for.
        max_credits: the caller's limit for this call, in platform credits.
        allow_unknown_price: whether a price that is not known may pass the limits.
        deadline_s: seconds after which a task of this kind is given up.
        payer: the account in the ledger that pays; "" for the client's own choice.
        hold: what to hold of it, in the customer's credits; None for the most that the call can cost.
        replaces: the id of the call that owned the key, ended without a result, and gives it up to this one.
    """

    id: str
    model: str
    kind: str = ""
    provider: str = ""
    endpoint: str = ""
    account: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    user: str = ""
    max_credits: Optional[Decimal] = None
    allow_unknown_price: bool = False
    deadline_s: float = 0.0
    replaces: str = ""
    payer: str = ""
    hold: Optional[Decimal] = None

    @property
    def digest(self) -> str:
        """A hash of the arguments: the same for the same purchase, however it was written."""
        return hashlib.sha256(canonical(self.given).encode()).hexdigest()


def canonical(given: Any) -> str:
    """Arguments as text: one text for all ways to write the same values."""
    return json.dumps(to_json(given), sort_keys=True, ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True)
class Record:
    """What is on record of one paid call. Times are Unix seconds.

    Attributes:
        given: the arguments as `canonical` wrote them.
        price: what it was expected to cost, in platform credits; None when that was not known.
        consumed: what the platform says it took, in credits; None where it has not said.
        files: where each result was saved, by its URL.
    """

    id: str
    model: str
    state: str
    created_at: float
    account: str = ""
    provider: str = ""
    kind: str = ""
    key: str = ""
    user: str = ""
    given: str = "{}"
    digest: str = ""
    price: Optional[Decimal] = None
    task_id: Optional[str] = None
    message: str = ""
    fail_code: Optional[str] = None
    fail_msg: Optional[str] = None
    consumed: Optional[Decimal] = None
    urls: Tuple[str, ...] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    duration_s: Optional[float] = None
    files: Mapping[str, str] = field(default_factory=dict)
    finished_at: Optional[float] = None

    @property
    def is_empty(self) -> bool:
        """Whether it is a success with nothing in it."""
        return self.state == "success" and not self.urls and not any(self.result.values())


class KeyTaken(Exception):
    """Another call took the key since it was looked for; look again."""


class Journal(Protocol):
    """A listener that keeps a record of each paid call, and finds it again.

    It is told `TaskSubmitting` and `ChatSubmitting` last of all listeners, so that its row is the last thing before
    the send, and everything later first of all.
    """

    def __call__(self, event: Any) -> None:
        """Write down what happened; raise where a call about to be sent cannot be written down.

        Raises:
            KeyTaken: the call's key belongs to another call.
        """

    def find(self, *, model: str, account: str, key: str) -> Optional[Record]:
        """The call that owns a key."""

    def find_task(self, task_id: str) -> Optional[Record]:
        """The call that made a task."""

    def find_upload(self, *, account: str, content: str) -> Optional[str]:
        """Where a file of this content was uploaded, while that lives."""

    def keep_upload(self, *, account: str, content: str, url: str, lives_s: float) -> None:
        """Note where a file of this content was uploaded."""
