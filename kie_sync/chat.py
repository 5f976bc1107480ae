"""The chat call: for a whole answer, or for a stream of pieces."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from .budget import check_price, parse_max_credits, with_chat_bound
from .catalog import Catalog
from .chat_files import stage_messages
from .chat_stream import ChatStream, read_completion
from .completions import ChatCompletion, Usage, empty_answer, unexplained, unexplained_warning
from .connection import Connection
from .definitions import Model
from .errors import KieAPIError, KieInputError, Problem
from .events import ChatFinished, ChatSubmitting
from .functions import plain_tools
from .local_files import Staged, resolve_staged, with_urls
from .messages import message_faults, plain_messages
from .params import Arguments
from .payonce import parse_payer
from .pricing import CostEstimate, price_on, quote, unknown_cost
from .records import PaidCall
from .request import Request, build_chat
from .response import Response
from .shapes import codec_for
from .typed import AnswerForm, read_form
from .uploads import Uploads

logger = logging.getLogger("kie_sync")


@dataclass(frozen=True)
class Question:
    """A chat call that was checked, and not sent yet; its files have placeholders."""

    entry: Model
    arguments: Arguments
    staged: Staged
    form: Optional[AnswerForm] = None


@dataclass(frozen=True)
class ChatTerms:
    """How a caller wants to pay for a chat, and to see its price; see `KieAdapter.chat`."""

    tariff: Optional[str] = None
    max_credits: Any = None
    allow_unknown_price: bool = False
    context: Optional[Mapping[str, Any]] = None
    account: Any = None
    hold: Any = None


def read_question(
    catalog: Catalog, model: str, messages: Any, parameters: Mapping[str, Any], *, under: Optional[Path] = None
) -> Question:
    """Check a call: the model, the conversation with its files, and the parameters.

    Raises:
        KieInputError: it is no chat model, or the arguments do not fit.
    """
    entry = catalog[model]
    check_is_chat(entry)
    given = {name: value for name, value in parameters.items() if name not in ("system", "media")}
    form = read_form(model, given.get("response_format"))
    if form is not None:
        given["response_format"] = form.wire
    if given.get("tools") is not None:
        given["tools"] = plain_tools(model, given["tools"])
    conversation = _checked(entry, messages, parameters.get("media"), parameters.get("system"))
    staged = stage_messages(entry, conversation, parameters.get("media"), under=under)
    staged = replace(staged, given={**given, **staged.given})
    return Question(entry, resolve_staged(entry, staged), staged, form)


def _checked(entry: Model, messages: Any, media: Any, system: Optional[str] = None) -> List[Any]:
    """The conversation as mappings, where each says who speaks, and something: an empty question is paid like any."""
    if isinstance(messages, Iterator):
        messages = list(messages)
    faults = message_faults(messages, items_of_its_own=entry.endpoint.shape == "openai-responses")
    # A file alone is a question.
    faults = [fault for fault in faults if not (media and fault[2])]
    if faults:
        raise KieInputError(entry.id, [Problem("messages", where, text) for where, text, _ in faults])
    return plain_messages(messages, system)


def check_is_chat(entry: Model) -> None:
    """See that a model can be talked to.

    Raises:
        KieInputError: it makes something else.
    """
    if entry.endpoint.shape == "task":
        sentence = f"this is a model of kind {entry.kind}; make it with `KieAdapter.generate`, or `kie-sync generate`"
        raise KieInputError(entry.id, [Problem("kind", "model", sentence)])


def settle_files(
    connection: Connection,
    uploads: Uploads,
    model: Model,
    messages: Any,
    media: Any = None,
    *,
    under: Optional[Path] = None,
) -> List[Any]:
    """Messages as mappings that JSON can hold: their local files are in them now, or uploaded.

    Raises:
        KieInputError: a file cannot be read, or the model does not take it.
        KieAPIError: a file could not be uploaded.
    """
    if not messages and not media:
        raise KieInputError(model.id, [Problem("required", "messages", "messages is empty: there is nothing to ask")])
    staged = stage_messages(model, _checked(model, messages, media), media, under=under)
    if staged.problems:
        raise KieInputError(model.id, staged.problems)
    urls = uploads.upload_all(connection, model.id, model.endpoint.provider, staged) if staged.files else {}
    settled: List[Any] = with_urls(staged.given["messages"], urls)
    return settled


def complete(connection: Connection, uploads: Uploads, question: Question, terms: ChatTerms) -> ChatCompletion:
    """One call that blocks until the whole answer is there."""
    entry, context = question.entry, terms.context or {}
    request, response, call = _send(connection, uploads, question, terms, is_stream=False)
    try:
        completion = read_completion(response, codec_for(entry.endpoint.shape), model=entry.slug)
    except KieAPIError as error:
        connection.sender.hide_key(error, entry.endpoint.provider)
        connection.tell_failure(error, request, call, context)
        raise
    cost = _price(connection, question, terms.tariff, completion.usage)
    consumed = completion.credits_consumed
    connection.listeners.tell(
        ChatFinished(entry.id, context, completion.usage, cost, call_id=call.id, credits_consumed=consumed)
    )
    if completion.is_empty:
        logger.warning("%s", empty_answer(entry.id, completion.finish_reason, consumed, cost))
    _warn_of_difference(connection, entry, consumed, cost)
    return replace(completion, cost=cost, form=question.form)


def stream(connection: Connection, uploads: Uploads, question: Question, terms: ChatTerms) -> ChatStream:
    """One call whose answer comes in pieces."""
    entry = question.entry
    _, response, call = _send(connection, uploads, question, terms, is_stream=True)

    def price(usage: Optional[Usage]) -> CostEstimate:
        return _price(connection, question, terms.tariff, usage)

    def on_end(ended: ChatStream, error: Optional[KieAPIError]) -> None:
        if error is not None:
            connection.sender.hide_key(error, entry.endpoint.provider)
        cost = ended.cost
        if error is None and ended.is_empty:
            logger.warning("%s", empty_answer(entry.id, ended.finish_reason, ended.credits_consumed, cost))
        is_complete = error is None and ended.is_complete
        if is_complete:
            _warn_of_difference(connection, entry, ended.credits_consumed, cost)
        told = ChatFinished(
            entry.id,
            terms.context or {},
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
    return ChatStream(response, codec, model=entry.slug, price=price, on_end=on_end, form=question.form)


def _send(
    connection: Connection, uploads: Uploads, question: Question, terms: ChatTerms, *, is_stream: bool
) -> Tuple[Request, Response, PaidCall]:
    entry, arguments = question.entry, question.arguments
    provider = entry.endpoint.provider
    # A tariff that does not exist must be found before the call is paid.
    price = quote(entry, arguments, tariff=terms.tariff, on=connection.clock.date())
    request = build_chat(entry, arguments, connection.settings.base_url(provider), stream=is_stream)
    call = connection.new_call(
        entry.id,
        entry.endpoint,
        arguments.given,
        max_credits=parse_max_credits(entry.id, terms.max_credits),
        allow_unknown_price=terms.allow_unknown_price,
        payer=parse_payer(entry.id, terms.account),
        hold=parse_max_credits(entry.id, terms.hold, "hold"),
    )
    body, day = request.json or {}, connection.clock.date()
    price = with_chat_bound(entry, arguments, body, price, tariff=terms.tariff, on=day)
    if question.staged.files:
        # Not before now: what is refused costs no upload.
        check_price(call, price)
        urls = uploads.upload_all(connection, entry.id, provider, question.staged)
        request = replace(request, json=with_urls(request.json, urls))
    connection.ask(ChatSubmitting(entry.id, terms.context or {}, request, price, call))
    return request, connection.send_paid(request, provider, call, terms.context), call


def _price(connection: Connection, question: Question, tariff: Optional[str], usage: Optional[Usage]) -> CostEstimate:
    entry = question.entry
    if usage is None:
        return unknown_cost(entry, tariff, "the platform did not say how many tokens were used")
    try:
        day = connection.clock.date()
        used = usage.billed(with_thinking=entry.endpoint.bills_thinking)
        return quote(entry, question.arguments, tariff=tariff, quantities=used, on=day)
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
