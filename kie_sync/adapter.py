"""`KieAdapter`: the one generic blocking adapter. It joins the steps; it knows no model."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Dict, Mapping, Optional, Tuple

from . import chat, tasks
from .chat_calls import ChatCalls
from .client import KieClient
from .definitions import Model
from .errors import KieInputError, Problem
from .local_files import Staged, resolve_staged, stage
from .params import Arguments
from .pricing import CostEstimate, UsageRecord, estimate, quote
from .purchase import Terms, buy
from .records import Record
from .request import Request, build_chat, build_create
from .response import QueryTaskResponse
from .result import Result
from .saving import save_result
from .task import Task
from .usage import Used, arguments_of, cost_afterwards, has_open_count, usage_record
from .waiter import check_times

logger = logging.getLogger("kie_sync")


class KieAdapter(ChatCalls):
    """One model, ready to use.

    Args:
        client: shared by any number of adapters.
        model: an id of the catalog.

    Raises:
        KieUnknownModelError: no such model; the message says what is near.
    """

    kinds: Tuple[str, ...] = ()

    def __init__(self, client: KieClient, model: str) -> None:
        self.client = client
        self.model: Model = client.catalog[model]
        if self.kinds and self.model.kind not in self.kinds:
            wanted = " or ".join(self.kinds)
            message = f"this is a model of kind {self.model.kind}, not {wanted}; KieAdapter takes any kind"
            raise KieInputError(model, [Problem("kind", "model", message)])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model.id!r})"

    # Tasks

    def generate(
        self,
        prompt: Any = None,
        *,
        arguments: Optional[Mapping[str, Any]] = None,
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        key: Optional[str] = None,
        retry_failed: bool = False,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        user: str = "",
        account: Optional[str] = None,
        hold: Any = None,
        tariff: Optional[str] = None,
        callback_url: Optional[str] = None,
        context: Optional[Mapping[str, Any]] = None,
        **given: Any,
    ) -> Result:
        """Make it, and block until it is there.

        Args:
            prompt: what to make, in words, for models that take a prompt.
            given: the model's parameters, by canonical name, wire name or alias.
            arguments: the same as a mapping, for names that are taken here.
            poll_interval, max_wait_time: seconds; the catalog's figures for the kind when not given.
            key, retry_failed, max_credits, allow_unknown_price, user, account, hold, callback_url, context: the terms
                of the purchase; see `kie_sync.purchase.Terms`.
            tariff: whose price `result.cost` is; the catalog's first tariff when not given.

        Raises:
            KieInputError: the arguments do not fit; nothing was sent.
            KieBudgetError: a limit would be passed; nothing was sent.
            KieAccountError: the account cannot pay; nothing was sent.
            KieOutcomeUnknownError: the task may or may not exist; nothing was sent again.
            KieTaskFailedError, KieTaskTimeoutError: with `task_id`.
        """
        check_times(poll_interval, max_wait_time)
        task = self.submit(
            prompt,
            arguments=arguments,
            key=key,
            retry_failed=retry_failed,
            max_credits=max_credits,
            allow_unknown_price=allow_unknown_price,
            user=user,
            account=account,
            hold=hold,
            tariff=tariff,
            callback_url=callback_url,
            context=context,
            **given,
        )
        return task.wait(poll_interval, max_wait_time)

    def submit(
        self,
        prompt: Any = None,
        *,
        arguments: Optional[Mapping[str, Any]] = None,
        poll_interval: Optional[float] = None,
        max_wait_time: Optional[float] = None,
        key: Optional[str] = None,
        retry_failed: bool = False,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        user: str = "",
        account: Optional[str] = None,
        hold: Any = None,
        tariff: Optional[str] = None,
        callback_url: Optional[str] = None,
        context: Optional[Mapping[str, Any]] = None,
        **given: Any,
    ) -> Task:
        """Make it, and return at once with the task, which can `wait()`."""
        check_times(poll_interval, max_wait_time)
        endpoint = tasks.endpoint_of(self.client.catalog, self.model.id)
        tasks.check_callback(self.client.connection, self.model.id, endpoint, callback_url)
        staged, resolved, price = self._checked(_together(prompt, arguments, given), tariff)
        terms = Terms(
            key, retry_failed, max_credits, allow_unknown_price, user, account, hold, callback_url, context or {}
        )
        task_id, record = buy(self.client, self.model, staged, resolved, price, terms)
        return Task(
            task_id,
            self.model.id,
            price,
            resolved.given,
            poll_interval,
            max_wait_time,
            record=record,
            context=context or {},
            _home=self,
        )

    def _checked(self, given: Mapping[str, Any], tariff: Optional[str]) -> Tuple[Staged, Arguments, CostEstimate]:
        """Files, arguments and price; what is not offered is refused here, what has no effect is told."""
        staged = stage(self.model, given, under=self.client.files_under)
        resolved = resolve_staged(self.model, staged)
        for notice in resolved.notices:
            logger.warning("%s: %s", self.model.id, notice)
        return staged, resolved, quote(self.model, resolved, tariff=tariff, on=self.client.connection.clock.date())

    def task(self, task_id: str) -> Task:
        """A task that was made before, perhaps by another process."""
        return Task(task_id, self.model.id, record=self._on_record(task_id), _home=self)

    def _on_record(self, task_id: str) -> Optional[Record]:
        journal = self.client.connection.journal
        return None if journal is None else journal.find_task(task_id)

    def query_task(self, task_id: str) -> QueryTaskResponse:
        """One look at a task."""
        return self.client.query_task(task_id, model=self.model.id)

    def finish(self, task: Task, poll_interval: Optional[float], max_wait_time: Optional[float]) -> Result:
        """Wait for a task, and read its result."""
        if task.record is not None and task.record.state == "success":
            state = tasks.recall(self.client.connection, task.record, model=self.model.id)
        else:
            if task.record is not None:
                self.client.connection.remember_record(task.record)
            state = tasks.wait_for(
                self.client.connection,
                task.task_id,
                poll_interval,
                max_wait_time,
                model=self.model.id,
                cost=task.price,
                context=task.context,
                is_ours=task.price is not None or task.record is not None,
            )
        arguments = task.arguments or arguments_of(self.model, state)
        cost = task.price
        if cost is None or has_open_count(self.model):
            tariff = task.price.tariff if task.price else None
            cost = cost_afterwards(
                self.model, arguments, len(state.result_urls), tariff=tariff, on=self.client.connection.clock.date()
            )
        return Result(
            model=self.model.id,
            task_id=task.task_id,
            result=self.model.result,
            urls=state.result_urls,
            cost=cost,
            credits_consumed=state.credits_consumed,
            duration_s=state.duration_s,
            state=state.state,
            data=state.result,
            arguments=arguments,
            _save=partial(save_result, self.client, task.context),
        )

    # Without sending

    def prepare(
        self,
        prompt: Any = None,
        *,
        arguments: Optional[Mapping[str, Any]] = None,
        stream: bool = False,
        callback_url: Optional[str] = None,
        **given: Any,
    ) -> Request:
        """The exact request, not sent; there is no key in it."""
        merged = _together(prompt, arguments, given)
        base_url = self.client.connection.settings.base_url(self.model.endpoint.provider)
        tasks.check_callback(self.client.connection, self.model.id, self.model.endpoint, callback_url)
        if self.model.endpoint.shape == "task":
            resolved = self._checked(merged, None)[1]
            return build_create(self.model, resolved, base_url, callback_url=callback_url)
        messages, under = merged.pop("messages", None), self.client.files_under
        question = chat.read_question(self.client.catalog, self.model.id, messages, merged, under=under)
        return build_chat(self.model, question.arguments, base_url, stream=stream)

    def estimate_cost(
        self, *, tariff: Optional[str] = None, arguments: Optional[Mapping[str, Any]] = None, **given: Any
    ) -> CostEstimate:
        """What a call would cost; it need not be complete.

        Args:
            given: parameters as for `generate`, and quantities: `image_count`, `duration_seconds`, `input_tokens`,
                `output_tokens`, `input_seconds`, and what a price asks for.
            tariff: a name from the catalog; its first when not given.
        """
        known = stage(self.model, {**(arguments or {}), **given}, under=self.client.files_under).given
        return estimate(self.model, known, tariff=tariff, on=self.client.connection.clock.date())

    def calculate_usage(self, used: Used = None, *, tariff: Optional[str] = None, **given: Any) -> UsageRecord:
        """What a call cost, from what was really used.

        Args:
            used: a result, an answer, a finished stream, or the `usage` of one.
            given: parameters and quantities as for `estimate_cost`, in place of `used` or beside it.
        """
        return usage_record(self.model, used, given, tariff=tariff, on=self.client.connection.clock.date())


def _together(prompt: Any, arguments: Optional[Mapping[str, Any]], given: Mapping[str, Any]) -> Dict[str, Any]:
    """What was given in three ways, as one mapping."""
    return {**({} if prompt is None else {"prompt": prompt}), **(arguments or {}), **given}
