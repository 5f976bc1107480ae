"""One purchase: from checked arguments to a task, found on record or made now."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Mapping, Optional, Tuple

from . import tasks
from .budget import check_price, parse_max_credits
from .client import KieClient
from .definitions import Model
from .errors import KieInputError, Problem
from .local_files import Staged, with_urls
from .params import Arguments
from .payonce import find_first, parse_key, parse_payer, parse_user
from .pricing import CostEstimate
from .records import KeyTaken, Record
from .request import build_create


@dataclass(frozen=True)
class Terms:
    """How a caller wants to buy.

    Attributes:
        key: a name for this purchase; the same key is never paid twice.
        retry_failed: buy anew where the key's first task failed.
        max_credits: refuse the call where it would cost more, in platform credits.
        allow_unknown_price: let a price that is not known pass the limits.
        user: which of the caller's own users it is for; None and "" are nobody in particular.
        account: the account in the client's ledger that pays; without it the client's own choice.
        hold: how many of the customer's credits to hold; without it the most that the call can cost.
        callback_url: where the platform tells the end of the task.
        context: handed to the listeners, untouched.
        last_check: asked once more when it is the call's turn to be sent; raises to refuse it.
    """

    key: Any = None
    retry_failed: bool = False
    max_credits: Any = None
    allow_unknown_price: bool = False
    user: Optional[str] = ""
    account: Optional[str] = None
    hold: Any = None
    callback_url: Optional[str] = None
    context: Mapping[str, Any] = field(default_factory=dict)
    last_check: Optional[Callable[[], None]] = None


def buy(
    client: KieClient, model: Model, staged: Staged, arguments: Arguments, price: CostEstimate, terms: Terms
) -> Tuple[str, Optional[Record]]:
    """The id of a task for these arguments; with its record, where it was bought before under the same key."""
    connection = client.connection
    endpoint = tasks.endpoint_of(client.catalog, model.id)
    call = connection.new_call(
        model.id,
        endpoint,
        arguments.given,
        key=parse_key(model.id, terms.key),
        user=parse_user(model.id, terms.user),
        max_credits=parse_max_credits(model.id, terms.max_credits),
        allow_unknown_price=terms.allow_unknown_price,
        payer=parse_payer(model.id, terms.account),
        hold=parse_max_credits(model.id, terms.hold, "hold"),
    )
    if terms.retry_failed and not call.key:
        message = "retry_failed goes with key, which names the purchase whose task failed"
        raise KieInputError(model.id, [Problem("key", "retry_failed", message)])
    base_url = connection.settings.base_url(endpoint.provider)
    while True:
        record = find_first(connection, call, retry_failed=terms.retry_failed)
        is_retry = record is not None and terms.retry_failed and (record.state == "failed" or record.is_empty)
        if record is not None and record.task_id is not None and not is_retry:
            return record.task_id, record
        call = replace(call, replaces=record.id if record is not None else "")
        check_price(call, price)
        # Not before now: what was bought before, or is refused, costs no upload.
        urls = client.uploads.upload_all(connection, model.id, endpoint.provider, staged)
        sent = replace(arguments, wire=with_urls(arguments.wire, urls))
        request = build_create(model, sent, base_url, callback_url=terms.callback_url)
        try:
            created = tasks.create(
                connection, request, endpoint, call, price=price, context=terms.context, last_check=terms.last_check
            )
        except KeyTaken:
            # A call of its own: what was held for the first one was given back, and a hold is not made twice.
            call = replace(call, id=uuid.uuid4().hex)
            continue
        return created.task_id, None
