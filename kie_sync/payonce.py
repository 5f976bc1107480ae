"""Pay once: which earlier call a key belongs to, and what that means for the call at hand."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Mapping, Optional

from .connection import Connection
from .errors import KieConfigError, KieInputError, KieOutcomeUnknownError, KieTaskFailedError, Problem
from .records import PaidCall, Record, canonical
from .values import NOT_UTF8, show, unsendable

# Between two looks at a call that another thread or process is sending just now.
_LOOK_S = 0.25
_SHOWN = 3


def find_first(connection: Connection, call: PaidCall, *, retry_failed: bool) -> Optional[Record]:
    """The call that was paid under this call's key; None when there is none.

    With `retry_failed` it may be one that ended without a result; then this one may be sent in its place.

    Raises:
        KieInputError: the key was used with other arguments.
        KieOutcomeUnknownError: it is not known what became of the first call, until a person settles it.
        KieTaskFailedError: the first one failed, and `retry_failed` was not given.
    """
    if not call.key:
        return None
    journal = connection.journal
    if journal is None:
        raise KieConfigError(
            "key= needs a journal, which remembers what was paid: KieClient(journal=True), or no --journal off"
        )
    record = journal.find(model=call.model, account=call.account, key=call.key)
    waited_s = 0.0
    while (
        record is not None and record.state == "sending" and record.digest == call.digest and waited_s < call.deadline_s
    ):
        connection.clock.sleep(_LOOK_S)
        waited_s += _LOOK_S
        record = journal.find(model=call.model, account=call.account, key=call.key)
    # Refused, and its sender has ended since: it still has the key, which may go to anything.
    if record is None or record.state == "refused":
        return record
    if record.digest != call.digest:
        message = (
            f"key {show(call.key)} was used on {_day(record)} with other arguments ({_differences(record, call)}); "
            "use another key for them"
        )
        raise KieInputError(call.model, [Problem("key", "key", message)])
    if record.state in ("unknown", "sending"):
        raise KieOutcomeUnknownError(
            f"key {show(call.key)} was sent on {_day(record)}, and it is not known whether it was accepted and paid "
            f"({record.message or 'no answer was seen'}); it was not sent again. Settle it with "
            f"`kie-sync settle {record.id} --charged` or `--not-charged`",
            model=call.model,
        )
    if record.state == "failed" and not retry_failed:
        raise KieTaskFailedError(
            f"the task of key {show(call.key)} failed on {_day(record)}: {record.fail_msg or record.message}; "
            "retry_failed=True (--retry-failed) buys anew",
            fail_code=record.fail_code,
            fail_msg=record.fail_msg,
            task_id=record.task_id,
            model=call.model,
        )
    return record


def _differences(record: Record, call: PaidCall) -> str:
    then, now = json.loads(record.given), json.loads(canonical(call.given))
    if not then:
        # Too much to be kept (see the journal), or nothing.
        return "it had none, or too many to be shown"
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    shown = [f"{name}: {_shown(then, name)} then, {_shown(now, name)} now" for name in names[:_SHOWN]]
    return "; ".join(shown + (["..."] if len(names) > _SHOWN else []))


def _shown(given: Mapping[str, Any], name: str) -> str:
    return show(given[name]) if name in given else "not given"


def _day(record: Record) -> str:
    return datetime.fromtimestamp(record.created_at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def parse_key(model: str, key: object) -> str:
    """A key as the caller gave it: text, or a number as text.

    Raises:
        KieInputError: it is empty, or no text.
    """
    if key is None:
        return ""
    text = str(key) if isinstance(key, (str, int)) and not isinstance(key, bool) else ""
    if not text.strip():
        message = f"key must be text that names this purchase; got {show(key)}"
        raise KieInputError(model, [Problem("type", "key", message)])
    if unsendable(text) is not None:
        raise KieInputError(model, [Problem("type", "key", f"key {NOT_UTF8}")])
    if len(text) > 500:
        message = f"key may have 500 characters; it has {len(text):,}"
        raise KieInputError(model, [Problem("max_length", "key", message)])
    return text


def parse_user(model: str, user: object) -> str:
    """A user's name as the caller gave it; "" for nobody in particular.

    Raises:
        KieInputError: it is no text.
    """
    if user is None:
        return ""
    if not isinstance(user, str):
        raise KieInputError(model, [Problem("type", "user", f"user must be text; got {show(user)}")])
    if unsendable(user) is not None:
        raise KieInputError(model, [Problem("type", "user", f"user {NOT_UTF8}")])
    return user


def parse_payer(model: str, account: object) -> str:
    """The account that pays, as the caller gave it; "" for the client's own choice.

    Raises:
        KieInputError: it is no name.
    """
    if account is None:
        return ""
    if not isinstance(account, str) or not account.strip():
        message = f"account must be the name of an account in the ledger; got {show(account)}"
        raise KieInputError(model, [Problem("type", "account", message)])
    return account
