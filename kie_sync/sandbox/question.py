"""What was asked, in no maker's form: each shape's body is read into one `Question`, which gets one `Reply`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .answers import dumps

_WIDE = re.compile(r"[\u2e80-\uffef]")
# What a file among the input counts for; about what Gemini's documentation says of a picture.
MEDIA_TOKENS = 258


@dataclass(frozen=True)
class Call:
    """One function that the model wants called; `arguments` is JSON text."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True)
class ToolAnswer:
    """What a function gave back."""

    text: str
    name: str = ""
    id: str = ""


@dataclass(frozen=True)
class Turn:
    """What one side said: `user`, `assistant` or `tool`; `media` are the kinds of the files with it."""

    role: str
    text: str = ""
    media: Tuple[str, ...] = ()
    calls: Tuple[Call, ...] = ()
    answers: Tuple[ToolAnswer, ...] = ()

    @property
    def tokens(self) -> int:
        """What this turn counts for, its files included."""
        said = tokens_of(self.text) + 3 if self.role != "tool" else 0
        called = sum(tokens_of(call.name + call.arguments) for call in self.calls)
        answered = sum(tokens_of(answer.text) + 3 for answer in self.answers)
        return said + called + answered + len(self.media) * MEDIA_TOKENS


@dataclass(frozen=True)
class Question:
    """A whole request for an answer.

    Attributes:
        tools: the caller's own functions: name to the JSON Schema of its parameters.
        choice: which may be called: `auto`, `none`, `required`, or the name of one.
        one_at_a_time: no two calls in one answer.
        schema: what a structured answer has to fit; None for plain text.
        wants_search: the platform's own search was asked for.
        effort: how hard to think; `none` is not at all.
        shows_thoughts: whether thoughts are to be told.
        counts_thoughts: whether thoughts are among the tokens that `max_tokens` limits.
        cached_tokens: so many of the input tokens are read from a cache that the caller keeps.
        cache_write_tokens, cache_write_1h_tokens: so many are written to it, for 5 minutes or an hour.
    """

    turns: Tuple[Turn, ...]
    system: str = ""
    tools: Mapping[str, Any] = field(default_factory=dict)
    choice: str = "auto"
    one_at_a_time: bool = False
    schema: Optional[Any] = None
    wants_search: bool = False
    max_tokens: Optional[int] = None
    effort: str = ""
    shows_thoughts: bool = False
    counts_thoughts: bool = field(default=False, compare=False)
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def text(self) -> str:
        """What the user said last."""
        said = [turn for turn in self.turns if turn.role == "user"]
        return said[-1].text if said else ""

    @property
    def media(self) -> Tuple[str, ...]:
        return tuple(kind for turn in self.turns for kind in turn.media)

    @property
    def answers(self) -> Tuple[ToolAnswer, ...]:
        """What functions answered, if that is what came last; each with its function's name."""
        return self._named(self.turns[-1].answers) if self.turns else ()

    @property
    def answered_since(self) -> Tuple[ToolAnswer, ...]:
        """All that functions answered since the user spoke last."""
        found: List[ToolAnswer] = []
        for turn in self.turns:
            found = [] if turn.role == "user" else found + list(turn.answers)
        return self._named(found)

    def _named(self, answers: Sequence[ToolAnswer]) -> Tuple[ToolAnswer, ...]:
        names = {call.id: call.name for turn in self.turns for call in turn.calls if call.id}
        return tuple(ToolAnswer(one.text, one.name or names.get(one.id, ""), one.id) for one in answers)

    @property
    def prompt_tokens(self) -> int:
        system = tokens_of(self.system) + 3 if self.system else 0
        return system + sum(turn.tokens for turn in self.turns)

    @property
    def audio_tokens(self) -> int:
        """Those of them that are sound."""
        return MEDIA_TOKENS * self.media.count("audio")


def tokens_of(text: str) -> int:
    """One for each wide character, one for each four others."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


def pairing_faults(turns: Sequence[Turn]) -> Tuple[List[str], List[str]]:
    """Ids of calls without an answer right after them, and of answers without a call right before them."""
    unanswered: List[str] = []
    unasked: List[str] = []
    before: List[str] = []
    for turn in (*turns, Turn("end")):
        answered = [answer.id for answer in turn.answers]
        unanswered += [asked for asked in before if asked not in answered]
        unasked += [id for id in answered if id not in before]
        before = [call.id for call in turn.calls]
    return unanswered, unasked


def joined(turns: Sequence[Turn]) -> Tuple[Turn, ...]:
    """Turns with what belongs together in one: answers of several functions, calls after a text."""
    found: List[Turn] = []
    for turn in turns:
        last = found[-1] if found else None
        if last is not None and last.role == turn.role and turn.role in ("tool", "assistant"):
            text = "\n".join(part for part in (last.text, turn.text) if part)
            found[-1] = Turn(
                turn.role, text, last.media + turn.media, last.calls + turn.calls, last.answers + turn.answers
            )
        else:
            found.append(turn)
    return tuple(found)


def last_words(body: Any) -> List[str]:
    """The texts of the user's last message, in whatever shape, before anything is known to be right."""
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    said = next((fields[word] for word in ("messages", "input", "contents") if word in fields), None)
    if isinstance(said, str):
        return [said]
    items = said if isinstance(said, list) else []
    for item in reversed(items):
        if isinstance(item, Mapping) and item.get("role", "user" if "parts" in item else None) == "user":
            parts = item.get("content", item.get("parts"))
            if isinstance(parts, str):
                return [parts]
            inner = [part for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
            texts = [str(part["text"]) for part in inner if isinstance(part.get("text"), str)]
            if texts or not inner or not all(_is_answer(part) for part in inner):
                return texts
    return []


def _is_answer(part: Mapping[str, Any]) -> bool:
    return part.get("type") == "tool_result" or "functionResponse" in part or "function_response" in part


def compact(arguments: Any) -> str:
    """A call's arguments, text or object, as JSON text of one form."""
    if isinstance(arguments, str):
        try:
            return dumps(json.loads(arguments or "{}"))
        except ValueError:
            return arguments
    return dumps(arguments if arguments is not None else {})


def kind_of_media(name: str) -> str:
    """What sort of file a media type, a data URL or another URL is."""
    found = name.partition(";")[0].rpartition("data:")[2].lower()
    for kind in ("image", "video", "audio"):
        if found.startswith(kind + "/"):
            return kind
    ending = found.partition("?")[0].rpartition(".")[2]
    endings: Dict[str, Tuple[str, ...]] = {
        "video": ("mp4", "mov", "webm"),
        "audio": ("mp3", "wav", "m4a", "ogg", "flac"),
        "pdf": ("pdf",),
    }
    if found.endswith("/pdf"):
        return "pdf"
    return next((kind for kind, known in endings.items() if ending in known), "image")
