"""Messages of a chat: what a caller writes, in OpenAI's shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

_ROLES = ("developer", "system", "user", "assistant", "tool")
Content = Union[str, Sequence[Mapping[str, Any]], None]


@dataclass(frozen=True)
class ChatMessage:
    """A message of a conversation; `content` is text or a list of parts.

    Attributes:
        native: an answer in its maker's own form (`shape`, `model`, `content`): with it the signatures of thoughts and
            the ids of calls go back as they came. It counts where the same model is asked again; other models get the
            message without it.
    """

    role: str
    content: Content = None
    reasoning_content: Optional[str] = None
    tool_calls: Tuple[Mapping[str, Any], ...] = ()
    tool_call_id: Optional[str] = None
    name: Optional[str] = None
    native: Optional[Mapping[str, Any]] = field(default=None, compare=False, repr=False)

    def to_dict(self) -> Dict[str, Any]:
        """As a mapping that `chat` takes, without what is empty; JSON can hold it."""
        content: Content = self.content
        if content is not None and not isinstance(content, str):
            content = [dict(part) for part in content]
        full = {
            "role": self.role,
            "content": content,
            "tool_calls": [dict(call) for call in self.tool_calls] or None,
            "tool_call_id": self.tool_call_id,
            "name": self.name,
            "native": None if self.native is None else dict(self.native),
        }
        return {
            key: value for key, value in full.items() if value is not None or (key == "content" and not self.tool_calls)
        }


def text_message(text: str, role: str = "user") -> Dict[str, Any]:
    """A message of text."""
    return {"role": role, "content": text}


def media_message(text: str, media_urls: Union[str, Sequence[str]], role: str = "user") -> Dict[str, Any]:
    """A message of text and files by URL (images, video, audio, PDF); all go in as `image_url` parts."""
    urls = [media_urls] if isinstance(media_urls, str) else list(media_urls)
    parts: List[Dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    return {"role": role, "content": parts + [{"type": "image_url", "image_url": {"url": url}} for url in urls]}


def with_media(messages: Sequence[Any], media: Any) -> List[Any]:
    """Files put into the last message of the user, in front of its text; into one of their own where there is none."""
    urls = [media] if isinstance(media, str) else list(media or ())
    if not urls:
        return list(messages)
    shown = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    said = list(messages)
    if not said or not isinstance(said[-1], Mapping) or said[-1].get("role") != "user":
        return [*said, {"role": "user", "content": shown}]
    content = said[-1].get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
    return [*said[:-1], {**said[-1], "content": [*shown, *parts]}]


def plain_messages(messages: Any, system: Optional[str] = None) -> List[Any]:
    """Messages as mappings: text becomes a user's message; `system` is put in front."""
    before = [text_message(system, "system")] if system else []
    if messages is None:
        return before
    if isinstance(messages, str):
        return [*before, text_message(messages)]
    if isinstance(messages, (ChatMessage, Mapping)):
        messages = [messages]
    return before + [message.to_dict() if isinstance(message, ChatMessage) else message for message in messages]


def history_messages(
    history: Iterable[Any], user_message: Optional[str] = None, system_prompt: Optional[str] = None
) -> List[Any]:
    """A conversation as messages.

    Args:
        history: messages (mappings or `ChatMessage`), or pairs: (role, text), or (what the user said, the answer).
        user_message: what the user says now.
        system_prompt: put in front.
    """
    messages: List[Any] = [text_message(system_prompt, "system")] if system_prompt else []
    for turn in history:
        if isinstance(turn, (tuple, list)) and len(turn) == 2:
            first, second = turn
            if first in _ROLES:
                messages.append(text_message(second, first))
            else:
                messages += [text_message(first), text_message(second, "assistant")]
        else:
            messages += plain_messages(turn)
    return messages if user_message is None else [*messages, text_message(user_message)]
