"""The chat call: for a whole answer, or for a stream of pieces."""

from __future__ import annotations

import functools
import logging
from dataclasses import replace
from decimal import Decimal
from typing import Any, Mapping, Optional, Tuple

from .budget import parse_max_credits, with_chat_bound
from .catalog import Catalog
from .chat_stream import ChatStream, read_completion
from .completions import ChatCompletion, Usage, empty_answer, unexplained, unexplained_warning
from .connection import Connection, Context
from .definitions import Model
from .errors import KieAPIError, KieInputError, Problem
from .events import ChatFinished, ChatSubmitting
from .functions import plain_tools
from .messages import plain_messages, with_media
from .params import Arguments, resolve
from .pricing import CostEstimate, price_on, quote, unknown_cost
from .records import PaidCall
from .request import Request, build_chat
from .response import Response
from .shapes import codec_for
from .typed import AnswerForm, read_form

logger = logging.getLogger("kie_sync")


def complete(
    connection: Connection,
    model: str,
    messages: Any,
    parameters: Mapping[str, Any],
    *,
    context: Context,
    tariff: Optional[str],
    max_credits: Any = None,
    allow_unknown_price: bool = False,
) -> ChatCompletion:
    """One call that blocks until the whole answer is there."""
    limits = {"max_credits": parse_max_credits(model, max_credits), "allow_unknown_price": allow_unknown_price}
    entry, arguments, form = resolve_chat(connection.catalog, model, messages, parameters)
    # A tariff that does not exist must be found before the call is paid.
    price = quote(entry, arguments, tariff=tariff, on=connection.clock.date())
    request, response, call = _send(connection, entry, arguments, price, limits, is_stream=False, context=context)
    try:
        completion = read_completion(response, codec_for(entry.endpoint.shape), model=entry.slug)
    except KieAPIError as error:
        connection.sender.hide_key(error, entry.endpoint.provider)
        connection.tell_failure(error, request, call, context)
        raise
    cost = _price(connection, entry, arguments, tariff, completion.usage)
    connection.listeners.tell(
        ChatFinished(
            model, context or {}, completion.usage, cost, call_id=call.id, credits_consumed=completion.credits_consumed
        )
    )
    if completion.is_empty:
        logger.warning("%s", empty_answer(model, completion.finish_reason, completion.credits_consumed, cost))
    _warn_of_difference(connection, entry, completion.credits_consumed, cost)
    return replace(completion, cost=cost, form=form)


def stream(
    connection: Connection,
    model: str,
    messages: Any,
    parameters: Mapping[str, Any],
    *,
    context: Context,
    tariff: Optional[str],
    max_credits: Any = None,
    allow_unknown_price: bool = False,
) -> ChatStream:
    """One call whose answer comes in pieces."""
    limits = {"max_credits": parse_max_credits(model, max_credits), "allow_unknown_price": allow_unknown_price}
    entry, arguments, form = resolve_chat(connection.catalog, model, messages, parameters)
    expected = quote(entry, arguments, tariff=tariff, on=connection.clock.date())
    _, response, call = _send(connection, entry, arguments, expected, limits, is_stream=True, context=context)
    price = functools.partial(_price, connection, entry, arguments, tariff)

    def on_end(ended: ChatStream, error: Optional[KieAPIError]) -> None:
        if error is not None:
            connection.sender.hide_key(error, entry.endpoint.provider)
        cost = ended.cost
        if error is None and ended.is_empty:
            logger.warning("%s", empty_answer(model, ended.finish_reason, ended.credits_consumed, cost))
        is_complete = error is None and ended.is_complete
        if is_complete:
            _warn_of_difference(connection, entry, ended.credits_consumed, cost)
        told = ChatFinished(
            model,
            context or {},
            ended.usage,
            cost,
            error,
            call.id,
            ended.credits_consumed,
            is_complete,
            ended.is_dropped,
        )
        connection.listeners.tell(told)

    codec = codec_for(entry.endpoint.shape)
    return ChatStream(response, codec, model=entry.slug, price=price, on_end=on_end, form=form)


def resolve_chat(
    catalog: Catalog, model: str, messages: Any, parameters: Mapping[str, Any]
) -> Tuple[Model, Arguments, Optional[AnswerForm]]:
    """The model, the checked arguments of a call to it, and the form that its answer is asked for in.

    Raises:
        KieInputError: it is no chat model, or the arguments do not fit.
    """
    entry = catalog[model]
    check_is_chat(entry)
    others = {name: value for name, value in parameters.items() if name not in ("system", "media")}
    form = read_form(model, others.get("response_format"))
    if form is not None:
        others["response_format"] = form.wire
    if others.get("tools") is not None:
        others["tools"] = plain_tools(model, others["tools"])
    conversation = with_media(plain_messages(messages, parameters.get("system")), parameters.get("media"))
    return entry, resolve(entry, {**others, "messages": conversation}), form


def check_is_chat(entry: Model) -> None:
    """See that a model can be talked to.

    Raises:
        KieInputError: it makes something else.
    """
    if entry.endpoint.shape == "task":
        sentence = f"this is a model of kind {entry.kind}; make it with `KieAdapter.generate`, or `kie-sync generate`"
        raise KieInputError(entry.id, [Problem("kind", "model", sentence)])


def _send(
    connection: Connection,
    entry: Model,
    arguments: Arguments,
    price: CostEstimate,
    limits: Mapping[str, Any],
    *,
    is_stream: bool,
    context: Context,
) -> Tuple[Request, Response, PaidCall]:
    provider = entry.endpoint.provider
    request = build_chat(entry, arguments, connection.settings.base_url(provider), stream=is_stream)
    call = connection.new_call(entry.id, entry.endpoint, arguments.given, **limits)
    price = with_chat_bound(entry, arguments, request.json or {}, price, on=connection.clock.date())
    connection.ask(ChatSubmitting(entry.id, context or {}, request, price, call))
    return request, connection.send_paid(request, provider, call, context), call


def _price(
    connection: Connection, entry: Model, arguments: Arguments, tariff: Optional[str], usage: Optional[Usage]
) -> CostEstimate:
    if usage is None:
        return unknown_cost(entry, tariff, "the platform did not say how many tokens were used")
    try:
        return quote(entry, arguments, tariff=tariff, quantities=usage.quantities, on=connection.clock.date())
    except KieInputError as error:
        # A price that cannot be told must not cost the answer, which is paid.
        return unknown_cost(entry, tariff, str(error))


def _warn_of_difference(connection: Connection, entry: Model, consumed: Optional[Decimal], cost: CostEstimate) -> None:
    """Say where the platform took another sum than the catalog's price for the tokens used."""
    if consumed is None or not unexplained(consumed, cost):
        return
    price = price_on(entry.prices, connection.clock.date())
    read = [price.source.source, price.source.checked] if price is not None else []
    source = ", ".join(part for part in read if part) or "no source"
    logger.warning("%s", unexplained_warning(entry.id, consumed, cost, source))
