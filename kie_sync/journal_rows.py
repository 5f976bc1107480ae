"""The journal's tables, and how a row of them becomes a `Record`."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from decimal import ROUND_CEILING, Decimal
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from .budget import expected_credits
from .events import ChatSubmitting, TaskSubmitting
from .processes import is_alive, own_name
from .records import Record, canonical
from .response import QueryTaskResponse, read_param
from .values import to_json

# Where nobody can say whether the sender still lives, as on another host: by then it has surely ended.
_LONGEST_SENDING_S = 3600.0
# Beyond this, a payload and its arguments are kept as their hashes alone: a chat may carry whole pictures.
_LARGEST_PAYLOAD = 262_144
# After its row is written, a call may be sent again for minutes (429); and clocks differ.
_SAME_TIME_S = 600.0
# How the message of a call begins that was surely not accepted, and waits to be sent again.
DEFERRED = "not accepted, to be sent again"
# Calls that are read at a time.
_PAGE = 1000

TABLES = """
CREATE TABLE calls (
    id TEXT PRIMARY KEY, created_at REAL NOT NULL, finished_at REAL,
    model TEXT NOT NULL, kind TEXT NOT NULL, provider TEXT NOT NULL, endpoint TEXT NOT NULL, account TEXT NOT NULL,
    key TEXT, owns_key INTEGER NOT NULL, user TEXT NOT NULL,
    given TEXT NOT NULL, digest TEXT NOT NULL, url TEXT NOT NULL, payload TEXT, payload_hash TEXT NOT NULL,
    price TEXT, micro_credits INTEGER NOT NULL,
    state TEXT NOT NULL, sender TEXT NOT NULL, task_id TEXT, message TEXT NOT NULL DEFAULT '',
    fail_code TEXT, fail_msg TEXT, consumed TEXT,
    urls TEXT NOT NULL DEFAULT '[]', result TEXT NOT NULL DEFAULT '{}', duration_s REAL,
    files TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX calls_by_key ON calls (account, model, key) WHERE owns_key;
CREATE INDEX calls_by_task ON calls (task_id);
CREATE INDEX calls_by_day ON calls (account, created_at, state, micro_credits);
CREATE TABLE uploads (
    account TEXT NOT NULL, content TEXT NOT NULL, url TEXT NOT NULL, expires_at REAL NOT NULL,
    PRIMARY KEY (account, content)
);
CREATE TABLE balances (at REAL NOT NULL, provider TEXT NOT NULL, account TEXT NOT NULL, credits TEXT NOT NULL);
CREATE INDEX balances_by_account ON balances (account, at)
"""
VERSION = 1
# All that a `Record` needs: not the payload, which may be large.
COLUMNS = (
    "id, created_at, finished_at, model, kind, provider, account, key, user, given, digest, price, state, sender, "
    "task_id, message, fail_code, fail_msg, consumed, urls, result, duration_s, files"
)


def new_row(event: Union[TaskSubmitting, ChatSubmitting], now: float) -> Dict[str, Any]:
    """A call that is about to be sent, by column."""
    call, request = event.call, event.request
    payload = json.dumps(to_json(request.json if request is not None else None), ensure_ascii=False)
    given = canonical(call.given)
    price = event.price.platform_credits if event.price is not None else None
    return {
        "id": call.id,
        "created_at": now,
        "model": call.model,
        "kind": call.kind,
        "provider": call.provider,
        "endpoint": call.endpoint,
        "account": call.account,
        "key": call.key or None,
        "owns_key": bool(call.key),
        "user": call.user,
        "given": given if len(given) <= _LARGEST_PAYLOAD else "{}",
        "digest": call.digest,
        "url": request.url if request is not None else "",
        "payload": payload if len(payload) <= _LARGEST_PAYLOAD else None,
        "payload_hash": hashlib.sha256(payload.encode()).hexdigest(),
        "price": as_text(price),
        "micro_credits": millionths(expected_credits(event.price)),
        "state": "sending",
        "sender": own_name(),
    }


def read_row(row: sqlite3.Row, now: float) -> Record:
    """A call on record; one whose sender is gone without a word is unknown, unless it was refused when it went."""
    state, message = row["state"], row["message"]
    if state == "sending" and _is_abandoned(row, now):
        if message.startswith(DEFERRED):
            state = "refused"
        else:
            state, message = "unknown", "the process that sent it ended before it saw an answer"
    return Record(
        id=row["id"],
        model=row["model"],
        state=state,
        created_at=row["created_at"],
        account=row["account"],
        provider=row["provider"],
        kind=row["kind"],
        key=row["key"] or "",
        user=row["user"],
        given=row["given"],
        digest=row["digest"],
        price=as_amount(row["price"]),
        task_id=row["task_id"],
        message=message,
        fail_code=row["fail_code"],
        fail_msg=row["fail_msg"],
        consumed=as_amount(row["consumed"]),
        urls=tuple(json.loads(row["urls"])),
        result=json.loads(row["result"]),
        duration_s=row["duration_s"],
        files=json.loads(row["files"]),
        finished_at=row["finished_at"],
    )


def read_page(
    connection: sqlite3.Connection, after: int, since: float, prefix: str, now: float
) -> Tuple[List[Record], Optional[int]]:
    """Some calls, in the order in which they were written down, and where the next ones begin; None after the last.

    Args:
        after: the place to begin behind; 0 for the first.
        prefix: only calls whose key begins so.
    """
    where = "rowid > ? AND created_at >= ? AND substr(coalesce(key, ''), 1, ?) = ?"
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    statement = f"SELECT rowid AS place, {COLUMNS} FROM calls WHERE {where} ORDER BY rowid LIMIT {_PAGE}"
    found = cursor.execute(statement, [after, since, len(prefix), prefix]).fetchall()
    return [read_row(row, now) for row in found], found[-1]["place"] if len(found) == _PAGE else None


def find_maker(found: Sequence[sqlite3.Row], state: QueryTaskResponse, now: float) -> Optional[str]:
    """The id of the call of unknown outcome that made a task: the same model and input, at the same time."""
    wire_input = read_param(state.raw)
    if not wire_input or state.created_ms is None:
        return None
    fitting = []
    for row in found:
        body = json.loads(row["payload"] or "{}")
        is_same = body.get("model") == state.model and body.get("input") == wire_input
        if is_same and abs(state.created_ms / 1000 - row["created_at"]) < _SAME_TIME_S:
            fitting.append((row["id"], read_row(row, now).state))
    # Of two that fit, either may have made it; and one that is being sent hears of its task by itself.
    return str(fitting[0][0]) if [outcome for _, outcome in fitting] == ["unknown"] else None


def _is_abandoned(row: sqlite3.Row, now: float) -> bool:
    lives = is_alive(row["sender"])
    return now - row["created_at"] > _LONGEST_SENDING_S if lives is None else not lives


def as_written(value: Any) -> Any:
    """A value as SQLite takes it: JSON can hold half characters, and no file's text does."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def as_text(amount: Optional[Decimal]) -> Optional[str]:
    return None if amount is None else format(amount, "f")


def as_amount(text: Optional[str]) -> Optional[Decimal]:
    return None if text is None else Decimal(text)


def millionths(credits: Optional[Decimal]) -> int:
    """Millionths of a credit, for sums that the database makes; an unknown price counts nothing."""
    # Clamped to what the file can hold; no true figure comes near.
    return 0 if credits is None else min(int((credits * 1_000_000).to_integral_value(ROUND_CEILING)), 2**62)


def what_it_took(credits: Optional[Decimal]) -> Dict[str, Any]:
    """What a call took; where nobody says, the estimate goes on counting."""
    return {} if credits is None else {"consumed": as_text(credits), "micro_credits": millionths(credits)}
