"""A run with tools: ask, call the functions that the model wants, tell it what they gave back, and ask again.

The loop is a value that holds what was said so far; `run_tools` and a conversation drive it, each in its own way.
"""

from __future__ import annotations

import contextlib
import json
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .budget import parse_max_credits
from .completions import ChatCompletion, Usage
from .errors import KieBudgetError, KieInputError, KieToolRoundsError, Problem
from .functions import Tool, cut_off, read_tools, unknown_name
from .pricing import CostEstimate
from .totals import taken, total_consumed, total_cost, total_usage
from .values import plain, show, whole_text

MAX_ROUNDS = 10
OnCall = Callable[[str, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class ToolRun:
    """What came of a run: the last answer, and all that led to it.

    Attributes:
        completions: the answers, one for each time the model was asked.
        messages: the whole conversation, as `chat` and `run_tools` take it and JSON can hold it; signatures and ids of
            the model's own are kept.
    """

    completions: Tuple[ChatCompletion, ...] = ()
    messages: Tuple[Mapping[str, Any], ...] = ()

    @property
    def completion(self) -> Optional[ChatCompletion]:
        """The last answer; None where the first one has not come."""
        return self.completions[-1] if self.completions else None

    @property
    def text(self) -> str:
        """The last answer's text."""
        return self.completions[-1].text if self.completions else ""

    @property
    def parsed(self) -> Any:
        """The last answer's `ChatCompletion.parsed`."""
        return self.completions[-1].parsed if self.completions else None

    @property
    def usage(self) -> Optional[Usage]:
        """The tokens of all answers; None where one did not tell."""
        return total_usage([completion.usage for completion in self.completions])

    @property
    def cost(self) -> Optional[CostEstimate]:
        """The price of all answers; its figures are None where one is unknown. None where there is no answer."""
        return total_cost([completion.cost for completion in self.completions])

    @property
    def credits_consumed(self) -> Optional[Decimal]:
        """What the platform says that it took in all; None where it did not say so of one answer."""
        return total_consumed(self.completions)


class ToolLoop:
    """A run while it goes on.

    Args:
        messages: the conversation so far; calls in it that nobody has answered are answered first.
        max_rounds: how often the model is asked at most.
        max_credits: what all of it may cost at most, in platform credits.
    """

    def __init__(
        self,
        model: str,
        messages: Sequence[Any],
        tools: Any,
        *,
        max_rounds: int = MAX_ROUNDS,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        on_call: Optional[OnCall] = None,
    ) -> None:
        if isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 1:
            sentence = f"max_rounds must be a whole number, 1 or more; got {show(max_rounds)}"
            raise KieInputError(model, [Problem("type", "max_rounds", sentence)])
        self.model = model
        self.messages: List[Any] = list(messages)
        self.completions: List[ChatCompletion] = []
        self.tools: List[Tool] = read_tools(model, tools) if tools is not None else []
        self._own: Dict[str, Tool] = {tool.name: tool for tool in self.tools if tool.function is not None}
        self._others = {tool.name for tool in self.tools if tool.function is None}
        self._max_rounds, self._on_call = max_rounds, on_call
        self._max_credits = parse_max_credits(model, max_credits)
        self._allow_unknown_price = allow_unknown_price

    @property
    def has_functions(self) -> bool:
        """Whether there is a function here that can be called."""
        return bool(self._own)

    @property
    def run(self) -> ToolRun:
        """What has come of it so far."""
        return ToolRun(tuple(self.completions), tuple(self.messages))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Give every error inside the run so far, as `run`: what was paid must not be lost with it."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(AttributeError):
                error.run = self.run  # type: ignore[attr-defined]  # Ctrl-C carries it, too.
            raise

    def terms(self) -> Dict[str, Any]:
        """What the next question is asked with: the tools, and what it may cost.

        Raises:
            KieToolRoundsError: it was asked often enough.
            KieBudgetError: nothing is left, or what was taken is not known.
        """
        asked = len(self.completions)
        if asked >= self._max_rounds:
            raise KieToolRoundsError(
                f"{self.model}: the model still calls tools after {_answers(asked)} (max_rounds={self._max_rounds}), "
                "which are paid. error.run has them all, and run_tools(error.run.messages, ...) goes on from there"
            )
        terms: Dict[str, Any] = {"allow_unknown_price": self._allow_unknown_price}
        if self._max_credits is not None:
            terms["max_credits"] = self._left(self._max_credits)
        return {**terms, "tools": [tool.wire for tool in self.tools]} if self.tools else terms

    def answer_waiting(self) -> None:
        """Answer the calls at the end of the conversation that nobody has answered, such as those of an earlier run."""
        answered: List[Any] = []
        for message in reversed(self.messages):
            if not isinstance(message, Mapping):
                return
            if message.get("role") != "tool":
                calls = message.get("tool_calls") or () if message.get("role") == "assistant" else ()
                self._answer([call for call in calls if not _is_among(call, answered)])
                return
            answered.append(message.get("tool_call_id") or "")

    def take(self, completion: ChatCompletion) -> bool:
        """Add an answer, and answer its calls; whether the model is to be asked again."""
        self.completions.append(completion)
        self.messages.append(completion.message.to_dict())
        # Arguments that were cut off before they began read as none: a function would run with all its defaults.
        is_cut = completion.finish_reason == "length"
        return bool(completion.tool_calls) and self._answer(completion.tool_calls, is_cut=is_cut)

    def _answer(self, calls: Sequence[Mapping[str, Any]], *, is_cut: bool = False) -> bool:
        """Answer calls; none at all where one of them is the caller's to answer. The last one may be cut off."""
        if not self._own or any(_function_of(call).get("name") in self._others for call in calls):
            return False
        for number, call in enumerate(calls, 1):
            if is_cut and number == len(calls):
                self._tell(call, cut_off(str(_function_of(call).get("name") or "")))
                break
            function = _function_of(call)
            name, arguments = str(function.get("name") or ""), function.get("arguments") or "{}"
            if self._on_call is not None:
                self._on_call(name, _decoded(arguments))
            tool = self._own.get(name)
            text = unknown_name(name, list(self._own)) if tool is None else tool.answer(arguments)
            # Each at once, so that nothing is called twice when the next one is interrupted.
            self._tell(call, text)
        return bool(calls)

    def _tell(self, call: Mapping[str, Any], text: str) -> None:
        self.messages.append({"role": "tool", "tool_call_id": call.get("id") or "", "content": whole_text(text)})

    def _left(self, limit: Decimal) -> Decimal:
        known = [taken(completion) for completion in self.completions]
        spent = sum((credits for credits in known if credits is not None), Decimal(0))
        whole = f"max_credits={plain(limit)} for the whole run"
        if None in known and not self._allow_unknown_price:
            raise KieBudgetError(
                f"{self.model}: it is not known what the answers so far took, which counts as over {whole}; nothing "
                "more was sent. allow_unknown_price=True lets it pass; error.run has what was said",
                limit=limit,
            )
        if known and spent >= limit:
            raise KieBudgetError(
                f"{self.model}: {plain(spent)} credits are gone after {_answers(len(known))}, and {whole} leaves no "
                "more; nothing more was sent. error.run has what was said",
                limit=limit,
            )
        return limit - spent


def _answers(number: int) -> str:
    return f"{number} answer{'s' if number != 1 else ''}"


def _is_among(call: Mapping[str, Any], answered: List[Any]) -> bool:
    """Whether a call is answered; each answer is of one call, for ids may be empty."""
    id = call.get("id") or ""
    if id not in answered:
        return False
    answered.remove(id)
    return True


def _function_of(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    return function if isinstance(function, Mapping) else {}


def _decoded(arguments: Any) -> Mapping[str, Any]:
    """Arguments for who is told of a call; empty where they cannot be read."""
    try:
        value = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}
