"""The chat calls of an adapter: what may be asked of a model, unified over the shapes of its API."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from . import chat
from .client import KieClient
from .definitions import Model
from .errors import KieInputError, Problem
from .messages import history_messages, media_message, plain_messages, text_message
from .tool_run import MAX_ROUNDS, OnCall, ToolLoop, ToolRun


class ChatCalls:
    """The part of `KieAdapter` that chats."""

    client: KieClient
    model: Model

    def chat(
        self,
        messages: Any,
        stream: bool = False,
        *,
        system: Optional[str] = None,
        media: Any = None,
        tools: Optional[Sequence[Any]] = None,
        tool_choice: Any = None,
        google_search: Optional[bool] = None,
        response_format: Any = None,
        reasoning_effort: Optional[str] = None,
        include_thoughts: Optional[bool] = None,
        max_tokens: Optional[int] = None,
        temperature: Optional[float] = None,
        arguments: Optional[Mapping[str, Any]] = None,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        account: Optional[str] = None,
        hold: Any = None,
        tariff: Optional[str] = None,
        context: Optional[Mapping[str, Any]] = None,
        **given: Any,
    ) -> Any:
        """Ask a chat model, whatever the shape of its API.

        Args:
            messages: a list of messages (mappings or `ChatMessage`), or text.
            stream: give the pieces as they come.
            system: what the model is told beforehand.
            media: pictures and other files to look at: URLs, paths, bytes, open files. Small pictures go along in the
                request, other files are uploaded.
            tools: what the model may call: Python functions, or mappings in OpenAI's form. `chat` hands its calls to
                you; `run_tools` makes them.
            tool_choice: `auto`, `none`, `required`, or the function to call.
            response_format: the form of the answer: a JSON Schema, a dataclass, a TypedDict, a pydantic class, a type
                hint, or OpenAI's own form. `completion.parsed` is the object.
            max_credits, allow_unknown_price: as for `generate`; the price of text is bounded where `max_tokens` is.
            account: the account in the client's ledger that pays; without it the client's own choice.
            hold: how many of its credits to hold; without it the most that the call can cost, which is known for text
                with `max_tokens`, or where the catalog knows how much the model can write.
            given, arguments: the model's other parameters.

        Returns:
            A `ChatCompletion`; with `stream`, a `ChatStream` of `ChatCompletionChunk`.

        Raises:
            KieInputError: the model does not take one of them; nothing was sent.
            KieConfigError: a class or a function was given, and pydantic is not installed.
        """
        unified = {
            "system": system,
            "media": media,
            "tools": tools,
            "tool_choice": tool_choice,
            "google_search": google_search,
            "response_format": response_format,
            "reasoning_effort": reasoning_effort,
            "include_thoughts": include_thoughts,
            "max_tokens": max_tokens,
            "temperature": temperature,
        }
        asked = {name: value for name, value in unified.items() if value is not None}
        parameters = {**(arguments or {}), **given, **asked}
        terms = chat.ChatTerms(tariff, max_credits, allow_unknown_price, context, account, hold)
        client, call = self.client, chat.stream if stream else chat.complete
        question = chat.read_question(client.catalog, self.model.id, messages, parameters, under=client.files_under)
        return call(client.connection, client.uploads, question, terms)

    def chat_simple(
        self, user_message: str, system_prompt: Optional[str] = None, stream: bool = False, **given: Any
    ) -> Any:
        """Ask with one message, and perhaps a system prompt."""
        return self.chat(user_message, stream, system=system_prompt, **given)

    def run_tools(
        self,
        messages: Any,
        tools: Any,
        *,
        max_rounds: int = MAX_ROUNDS,
        max_credits: Any = None,
        allow_unknown_price: bool = False,
        on_call: Optional[OnCall] = None,
        system: Optional[str] = None,
        media: Any = None,
        tool_choice: Any = None,
        **asked: Any,
    ) -> ToolRun:
        """Ask, call the functions that the model wants, and ask again, until it has no more calls.

        Arguments that do not fit, a name that is not there, and what a function raises go back to the model in few
        words; the run goes on.

        Args:
            messages: as for `chat`; those of an earlier run go on where it stopped.
            tools: Python functions with type hints, or mappings in OpenAI's form with a function under `call`. A
                mapping without one may stand among them: a call of it ends the run, and is yours to answer.
            max_rounds: how often the model is asked at most.
            max_credits: what the whole run may cost at most; each round may take what is left. A call with tools has no
                price that is known beforehand, so that this needs `allow_unknown_price`.
            on_call: told of each call before it is made, with the function's name and its arguments; raise to end the
                run.
            tool_choice: of the first round; afterwards the model chooses.
            asked: whatever else `chat` takes, but `stream`.

        Raises:
            KieToolRoundsError: the model still calls tools after `max_rounds` answers.
            KieError: as for `chat`. The `run` of every error here is the `ToolRun` so far: nothing paid is lost.
        """
        client = self.client
        if asked.pop("stream", False):
            sentence = "run_tools does not stream; KieConversation(adapter).say(..., stream=True, tools=[...]) does"
            raise KieInputError(self.model.id, [Problem("unknown", "stream", sentence)])
        # Each round sends them again.
        said = plain_messages(messages, system)
        settled = chat.settle_files(
            client.connection, client.uploads, self.model, said, media, under=client.files_under
        )
        loop = ToolLoop(
            self.model.id,
            settled,
            tools,
            max_rounds=max_rounds,
            max_credits=max_credits,
            allow_unknown_price=allow_unknown_price,
            on_call=on_call,
        )
        if not loop.has_functions:
            sentence = 'tools has no function to call; give Python functions, or one under "call" of a mapping'
            raise KieInputError(self.model.id, [Problem("required", "tools", sentence)])
        with loop.kept():
            loop.answer_waiting()
            while True:
                choice = tool_choice if not loop.completions else None
                if not loop.take(self.chat(loop.messages, tool_choice=choice, **loop.terms(), **asked)):
                    return loop.run

    format_text_message = staticmethod(text_message)
    format_multimodal_message = staticmethod(media_message)
    format_messages_from_history = staticmethod(history_messages)
