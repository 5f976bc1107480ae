"""The chat calls of an adapter: what may be asked of a model, unified over the shapes of its API."""

from __future__ import annotations

from typing import Any, Mapping, Optional, Sequence

from . import chat
from .client import KieClient
from .definitions import Model
from .messages import history_messages, media_message, text_message


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
            tools: functions that the model may call, in OpenAI's form.
            tool_choice: `auto`, `none`, `required`, or the function to call.
            response_format: the form of the answer, as JSON Schema or in OpenAI's form.
            max_credits, allow_unknown_price: as for `generate`; the price of text is bounded where `max_tokens` is.
            given, arguments: the model's other parameters.

        Returns:
            A `ChatCompletion`; with `stream`, a `ChatStream` of `ChatCompletionChunk`.

        Raises:
            KieInputError: the model does not take one of them; nothing was sent.
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
        terms = chat.ChatTerms(tariff, max_credits, allow_unknown_price, context)
        client, call = self.client, chat.stream if stream else chat.complete
        question = chat.read_question(client.catalog, self.model.id, messages, parameters, under=client.files_under)
        return call(client.connection, client.uploads, question, terms)

    def chat_simple(
        self, user_message: str, system_prompt: Optional[str] = None, stream: bool = False, **given: Any
    ) -> Any:
        """Ask with one message, and perhaps a system prompt."""
        return self.chat(user_message, stream, system=system_prompt, **given)

    format_text_message = staticmethod(text_message)
    format_multimodal_message = staticmethod(media_message)
    format_messages_from_history = staticmethod(history_messages)
