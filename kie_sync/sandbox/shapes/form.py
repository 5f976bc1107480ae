"""What every shape has to know, and what it is given to write: an answer with its ids, tokens and credits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Protocol

from ...definitions import Endpoint
from ..answers import Refused, dumps
from ..question import Question
from ..replies import Reply
from ..signatures import sign, signed_id

MAINTAINED_TEXT = "The server is currently being maintained"
FAILED_TEXT = "The server had an error while processing your request. Sorry about that!"


@dataclass(frozen=True)
class Event:
    """One event of a stream. `is_delta`: it carries a part of the answer, and not its frame."""

    data: Any
    name: str = ""
    is_delta: bool = False

    def __str__(self) -> str:
        data = self.data if isinstance(self.data, str) else dumps(self.data)
        return (f"event: {self.name}\n" if self.name else "") + f"data: {data}\n\n"


@dataclass(frozen=True)
class Answer:
    """A reply, and all that a shape needs to write it.

    Attributes:
        slug: the model's name on the wire.
        id: 32 hex digits; the ids on the wire are made from it.
        credits: what it takes; None where the provider does not say.
        is_google: Google's own endpoint, which differs from KIE's in the chat-completions shape.
        in_one: the whole text in one event.
        has_usage: tokens (and credits) are told.
        fails: the maker's own words for a failure, where it has them in an answer.
    """

    reply: Reply
    question: Question
    body: Mapping[str, Any]
    slug: str
    id: str
    created: int
    credits: Optional[float] = None
    is_google: bool = False
    in_one: bool = False
    has_usage: bool = True
    fails: bool = False

    @property
    def thoughts(self) -> str:
        """The thoughts to tell; empty when none were asked for."""
        return self.reply.thoughts if self.question.shows_thoughts else ""

    def signed_id(self, number: int, shape: str) -> str:
        """The id of the n-th call, which says that a signature belongs to it."""
        return signed_id(f"{self.id}/{number}", shape)

    @property
    def signature(self) -> str:
        """What vouches for the thoughts."""
        return sign(self.reply.thoughts)

    def pieces(self, text: str, count: int = 8) -> List[str]:
        """A text in about so many pieces of equal length; in one if that was asked for."""
        if self.in_one:
            return [text] if text else []
        length = max(1, -(-len(text) // count))
        return [text[at : at + length] for at in range(0, len(text), length)]


class Shape(Protocol):
    """A shape of chat, as a module of this package."""

    def skeleton(self) -> Dict[str, Any]:
        """JSON Schema of what every body of this shape has to look like."""

    def read(self, body: Mapping[str, Any]) -> Question:
        """The question in a body that fits the skeleton.

        Raises:
            Refused: as the maker refuses what a schema cannot tell.
        """

    def parameters(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body as the catalog's wires name it: structural fields under their canonical names."""

    def streams(self, body: Mapping[str, Any], endpoint: Endpoint, path: str) -> bool:
        """Whether the answer is to be streamed."""

    def charged(self, reply: Reply) -> int:
        """The output tokens that are charged: hidden thinking is, or is not."""

    def whole(self, answer: Answer) -> Dict[str, Any]:
        """The answer as one JSON object."""

    def events(self, answer: Answer) -> List[Event]:
        """The answer as a stream."""

    def failure(self, answer: Answer, sent: List[Event]) -> List[Event]:
        """How the maker says in a stream that it cannot go on, after these events."""


def refused(text: str) -> Refused:
    """A no in the maker's words; it comes in the platform's envelope."""
    return Refused(400, text, with_data=False)


def mappings(value: Any) -> List[Mapping[str, Any]]:
    """The objects in a list; nothing for what is no list."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """An object; an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def whole_number(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
