"""`KieConversation`: what was said to a chat model, what it answered, and what that cost."""

from __future__ import annotations

import weakref
from dataclasses import fields
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from .adapter import KieAdapter
from .chat import check_is_chat, settle_files
from .chat_stream import ChatStream
from .client import KieClient
from .completions import ChatCompletion, Usage
from .conversation_file import Saved, read_conversation, write_conversation
from .errors import KieError, KieInputError, KieOutcomeUnknownError, KieStreamError, Problem
from .tool_run import MAX_ROUNDS, ToolLoop
from .totals import total_usage
from .turns import TurnStream

# What the loop of a turn takes; all else goes to `KieAdapter.chat`.
_TERMS = ("tools", "max_credits", "allow_unknown_price", "on_call")


class KieConversation:
    """A conversation with a chat model. It belongs to one thread at a time.

    Args:
        home: an adapter; or a client, with the id of a model.
        system: what the model is told beforehand; it may be changed later.
        defaults: what every `say` asks for, such as `reasoning_effort`, `tools` or `tariff`.

    Attributes:
        system: what the model is told beforehand.
        usage: the tokens of all answers that told them.
        credits: the price of everything that was charged, by the tariff, as far as it is known.
        credits_consumed: what the platform said that it took.
        has_unknown_cost: something was charged, or may have been, whose price is not known: an answer that broke off or
            was closed early, a call of unknown outcome, a model without a price.
    """

    def __init__(
        self,
        home: Union[KieAdapter, KieClient],
        model: Optional[str] = None,
        *,
        system: Optional[str] = None,
        **defaults: Any,
    ) -> None:
        self._adapter = _adapter(home, model)
        self.system = system
        self.defaults: Dict[str, Any] = defaults
        self._messages: List[Any] = []
        self._partial: List[int] = []
        self.usage = Usage()
        self.credits = self.credits_consumed = Decimal(0)
        self.has_unknown_cost = False
        self._open: Optional[weakref.ref[TurnStream]] = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r}, {len(self._messages)} messages)"

    @property
    def model(self) -> str:
        """The model that is asked next. Another one gets what was said, without the thoughts of the one before."""
        return self._adapter.model.id

    @model.setter
    def model(self, model: str) -> None:
        self._adapter = _adapter(self._adapter, model)

    @property
    def messages(self) -> List[Mapping[str, Any]]:
        """What was said and answered, without `system`; as `chat` takes it."""
        return list(self._messages)

    @property
    def is_partial(self) -> bool:
        """Whether the last answer was closed early, so that only a part of it is here."""
        return bool(self._partial) and self._partial[-1] == len(self._messages) - 1

    def say(self, text: Any, media: Any = None, stream: bool = False, **options: Any) -> Any:
        """Say something, and get the answer. A turn that fails leaves the conversation as it was.

        Args:
            text: what the user says; or messages, such as the answers to calls that are yours to make.
            media: files to look at, as for `chat`; what does not go along is uploaded now, and kept as its URL.
            stream: give the pieces as they come. An answer that is closed early is kept as far as it came; one that is
                still open is closed by the next `say`.
            options: as for `chat` and `run_tools`, over the defaults. Functions among `tools` are called, and the model
                is asked again with what they gave.

        Returns:
            A `ChatCompletion`; with `stream`, a `TurnStream` of `ChatCompletionChunk`.

        Raises:
            KieError: as for `chat` and `run_tools`; its cost counts, where it is known.
        """
        self.close()
        asked = {**self.defaults, **options}
        terms = {name: asked.pop(name) for name in _TERMS if name in asked}
        said = [*self._messages, *self._settled(text, media)]
        loop = ToolLoop(
            self.model,
            said,
            terms.get("tools"),
            max_rounds=asked.pop("max_rounds", MAX_ROUNDS),
            max_credits=terms.get("max_credits"),
            allow_unknown_price=bool(terms.get("allow_unknown_price")),
            on_call=terms.get("on_call"),
        )
        if stream:
            turn = TurnStream(loop, partial(self._ask, loop, asked, True), self._count, partial(self._end, loop))
            self._open = weakref.ref(turn)
            return turn
        with loop.kept():
            while True:
                completion = self._ask(loop, asked, False)
                self._count(completion)
                if not loop.take(completion):
                    self._messages = loop.messages
                    return completion

    def close(self) -> None:
        """Close the answer that is still coming, if one is; its part is kept."""
        turn = self._open() if self._open is not None else None
        self._open = None
        if turn is not None:
            turn.close()

    def clear(self) -> None:
        """Forget what was said; the totals stay."""
        self.close()
        self._messages, self._partial = [], []

    def save(self, path: Union[str, Path]) -> None:
        """Write the conversation to a file, whole or not at all, for this user's eyes alone; there is no key in it.

        What is in it: model, system, messages, totals. The defaults are given anew to `load`.

        Raises:
            KieInputError: a message holds what JSON cannot.
            KieConfigError: the file cannot be written.
        """
        self.close()
        write_conversation(
            path,
            Saved(
                self.model,
                self.system,
                self._messages,
                self._partial,
                {each.name: getattr(self.usage, each.name) for each in fields(Usage) if each.name != "raw"},
                self.credits,
                self.credits_consumed,
                self.has_unknown_cost,
            ),
        )

    @classmethod
    def load(
        cls, path: Union[str, Path], home: Union[KieAdapter, KieClient], model: Optional[str] = None, **defaults: Any
    ) -> KieConversation:
        """Go on with a conversation from a file.

        Args:
            home: a client, or an adapter, whose model then counts.
            model: asked instead of the one in the file.

        Raises:
            KieConfigError: the file cannot be read, holds no conversation, or is of a newer kie_sync.
        """
        saved = read_conversation(path)
        named = model or (None if isinstance(home, KieAdapter) else saved.model)
        conversation = cls(home, named, **{"system": saved.system, **defaults})
        conversation._messages, conversation._partial = list(saved.messages), list(saved.partial)
        conversation.usage = Usage(**dict(saved.usage))
        conversation.credits, conversation.credits_consumed = saved.credits, saved.credits_consumed
        conversation.has_unknown_cost = saved.has_unknown_cost
        return conversation

    def _settled(self, text: Any, media: Any) -> List[Any]:
        """Files as URLs, so that what was said can be saved, and is sent again without them."""
        client, model = self._adapter.client, self._adapter.model
        under = client.files_under
        return settle_files(client.connection, client.uploads, model, text, media, under=under)

    def _ask(self, loop: ToolLoop, asked: Dict[str, Any], is_stream: bool) -> Any:
        terms = loop.terms()
        if loop.completions:
            # A choice is of the first round: a model that must call something would never come to an end.
            asked.pop("tool_choice", None)
        try:
            return self._adapter.chat(loop.messages, is_stream, system=self.system, **terms, **asked)
        except KieError as error:
            self.has_unknown_cost = self.has_unknown_cost or isinstance(error, KieOutcomeUnknownError)
            raise
        except BaseException:
            # An interrupt while the call was on its way: it may be out.
            self.has_unknown_cost = True
            raise

    def _count(self, answer: Union[ChatCompletion, ChatStream, KieStreamError]) -> None:
        """Add what an answer took to the totals."""
        self.usage = total_usage([self.usage, answer.usage or Usage()]) or self.usage
        self.credits_consumed += getattr(answer, "credits_consumed", None) or 0
        credits = None if answer.cost is None else answer.cost.credits
        if credits is None:
            self.has_unknown_cost = True
        else:
            self.credits += credits

    def _end(self, loop: ToolLoop, closed: Optional[ChatStream], error: Optional[BaseException]) -> None:
        """Keep a turn that streamed: whole, or what came of it; not where it failed."""
        self._open = None
        if isinstance(error, KieStreamError):
            self._count(error)
        elif isinstance(error, KieOutcomeUnknownError):
            self.has_unknown_cost = True
        if error is not None:
            return
        if closed is not None:
            self._count(closed)
            if closed.is_complete and not closed.completion.tool_calls:
                loop.messages.append(closed.completion.message.to_dict())
            elif closed.text:
                # Half a call of a tool, or thoughts without their signature, cannot be sent again.
                self._partial.append(len(loop.messages))
                loop.messages.append({"role": "assistant", "content": closed.text})
            else:
                return
        self._messages = loop.messages


def _adapter(home: Union[KieAdapter, KieClient], model: Optional[str]) -> KieAdapter:
    """An adapter for a chat model.

    Raises:
        KieInputError: no model, or one that makes something else.
    """
    if isinstance(home, KieAdapter):
        adapter = home if model is None else type(home)(home.client, model)
    elif model is None:
        raise KieInputError(
            "", [Problem("required", "model", "a conversation needs an adapter, or a client and a model")]
        )
    else:
        adapter = KieAdapter(home, model)
    check_is_chat(adapter.model)
    return adapter
