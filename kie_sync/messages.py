"""Messages of a chat: what a caller writes, in OpenAI's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

_ROLES = ("developer", "system", "user", "assistant", "tool")
Content = Union[str, Sequence[Mapping[str, Any]], None]


@dataclass(frozen=True)
class ChatMessage:
    """A message of a conversation; `content` is text or a list of parts."""

    role: str
    content: Content = None
    reasoning_content: Optional[str] = None
    tool_calls: Tuple[Mapping[str, Any], ...] = ()
    tool_call_id: Optional[str] = None
    name: Optional[str] = None

    def to_dict(self) -> Dict[str, Any]:
        """As the wire wants it, without what is empty."""
        content: Content = self.content
        if content is not None and not isinstance(content, str):
            content = [dict(part) for part in content]
        full = {
            "role": self.role,
            "content": content,
            "tool_calls": [dict(call) for call in self.tool_calls] or None,
            "tool_call_id": self.tool_call_id,
            "name": self.name,
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


def plain_messages(messages: Any) -> List[Any]:
    """Messages as the wire wants them: text becomes a user's message, `ChatMessage`s become mappings."""
    if messages is None:
        return []
    if isinstance(messages, str):
        return [text_message(messages)]
    if isinstance(messages, (ChatMessage, Mapping)):
        messages = [messages]
    return [message.to_dict() if isinstance(message, ChatMessage) else message for message in messages]


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
