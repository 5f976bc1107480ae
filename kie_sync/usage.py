"""What was really used: from results, answers and the platform's records back to quantities."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Union

from .chat_stream import ChatStream
from .completions import ChatCompletion, Usage
from .definitions import Model
from .errors import KieInputError
from .params import resolve
from .pricing import CostEstimate, UsageRecord, quote, split_quantities, unknown_cost
from .response import QueryTaskResponse, read_param
from .result import Result
from .shapes.chat_completions import parse_usage
from .values import find

Used = Union[Result, ChatCompletion, ChatStream, Usage, Mapping[str, Any], None]


def usage_record(
    model: Model, used: Used, given: Mapping[str, Any], *, tariff: Optional[str], on: Optional[str]
) -> UsageRecord:
    """The price of what was used, and the quantities themselves."""
    arguments, quantities = split_quantities(model, {**facts_of(used, model), **given})
    resolved = resolve(model, arguments, partial=True)
    price = quote(model, resolved, tariff=tariff, quantities=quantities, on=on)
    if model.result in ("image", "video") and "result_count" not in quantities:
        made = len(used.urls) if isinstance(used, Result) else (find("count", resolved.values) or [1])[0]
        quantities.setdefault(f"{model.result}_count", made)
    return UsageRecord(
        **price.__dict__,
        used={**resolved.given, **quantities},
        credits_consumed=getattr(used, "credits_consumed", None),
        task_id=getattr(used, "task_id", None),
    )


def cost_afterwards(
    model: Model, arguments: Mapping[str, Any], count: int, *, tariff: Optional[str], on: Optional[str]
) -> CostEstimate:
    """The price once the results are there; arguments that came from elsewhere must not cost the result."""
    quantities = {"result_count": count} if has_open_count(model) else {}
    try:
        return quote(model, resolve(model, arguments, partial=True), tariff=tariff, quantities=quantities, on=on)
    except KieInputError as error:
        return unknown_cost(model, tariff, str(error))


def arguments_of(model: Model, state: QueryTaskResponse) -> Mapping[str, Any]:
    """What a task was made with, read back from what the platform kept, where it fits the model."""
    try:
        return resolve(model, read_param(state.raw), partial=True).given
    except KieInputError:
        return {}


def facts_of(used: Any, model: Model) -> Dict[str, Any]:
    """What was used, under the names of `estimate_cost`."""
    if isinstance(used, Result):
        return {**used.arguments, **({"result_count": len(used.urls)} if has_open_count(model) else {})}
    if isinstance(used, Mapping):
        usage = parse_usage(used) if "prompt_tokens" in used else None
        return usage.billed(with_thinking=model.endpoint.bills_thinking) if usage is not None else dict(used)
    usage = used if isinstance(used, Usage) else getattr(used, "usage", None)
    return usage.billed(with_thinking=model.endpoint.bills_thinking) if usage is not None else {}


def has_open_count(model: Model) -> bool:
    """Whether the price goes by a number of results that is known only afterwards."""
    cases = [case for price in (*model.prices, *model.tariffs.values()) for case in (price, *price.cases)]
    return any(case.count is not None and case.count.parameter is None for case in cases)
