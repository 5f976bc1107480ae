"""The shapes of chat: from one kind of conversation to each maker's body, and from each maker's answer back.

A codec is a module with `build_body`, `parse_completion` and `Reader`; an endpoint of the catalog names it.
Inside, a conversation is always OpenAI's: messages, tool calls, finish reasons.
"""

from __future__ import annotations

import importlib
from typing import Any, Dict, Mapping, Optional, Protocol, Sequence, cast

from ..completions import ChatCompletion, ChatCompletionChunk
from ..definitions import Model
from ..params import Arguments


class StreamFault(ValueError):
    """The platform says inside a stream that it will not go on; `last` is what it says beside that, such as usage."""

    def __init__(self, text: str, code: Any = None, *, last: Optional[ChatCompletionChunk] = None) -> None:
        super().__init__(text)
        self.text, self.code, self.last = text, code, last


class StreamReader(Protocol):
    """Reads the events of one streamed answer, in order.

    Attributes:
        is_over: the shape's own end mark has come.
        native: the answer's content in the shape's own form so far; see `ChatMessage.native`.
    """

    is_over: bool

    @property
    def native(self) -> Optional[Mapping[str, Any]]: ...

    def read(self, event: str, data: Mapping[str, Any]) -> Sequence[ChatCompletionChunk]:
        """The pieces in one event; none in one that adds nothing.

        Raises:
            StreamFault: the event says that the answer has failed.
        """
        ...


class Codec(Protocol):
    """What a module of this package is."""

    def build_body(self, model: Model, arguments: Arguments) -> Dict[str, Any]:
        """The body of a call, without `model` and `stream`, which are the endpoint's."""
        ...

    def parse_completion(self, raw: Any, *, model: str) -> ChatCompletion:
        """A whole answer.

        Raises:
            ValueError: there is no answer in it.
        """
        ...

    def Reader(self, *, model: str) -> StreamReader: ...


def codec_for(shape: str) -> Codec:
    """The codec of a shape of chat, such as `chat-completions`; loaded when it is first asked for."""
    return cast(Codec, importlib.import_module(f".{shape.replace('-', '_')}", __name__))
