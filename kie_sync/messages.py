"""Messages of a chat: what a caller writes, in OpenAI's shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .values import show

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


def message_faults(messages: Any, *, items_of_its_own: bool = False) -> List[Tuple[str, str, bool]]:
    """What is wrong with a conversation: where, a sentence, and whether it is only that nothing is said there.

    Args:
        items_of_its_own: what has no role is an item of the API's own, and is not looked at.
    """
    if isinstance(messages, str):
        return [] if messages.strip() else [("messages", "messages is empty: there is nothing to ask", True)]
    listed = [messages] if isinstance(messages, (ChatMessage, Mapping)) else messages
    if listed is None or not isinstance(listed, Iterable) or isinstance(listed, (bytes, bytearray)):
        return [] if listed is None else [("messages", _WANTED.format("messages", show(messages)), False)]
    faults: List[Tuple[str, str, bool]] = []
    for place, message in enumerate(listed):
        where = f"messages[{place}]"
        raw = vars(message) if isinstance(message, ChatMessage) else message
        if not isinstance(raw, Mapping):
            faults.append((where, _WANTED.format(where, show(message)), False))
        elif "role" in raw or not items_of_its_own:
            faults += _message_faults(raw, where)
    return faults


_WANTED = '{} must be text, or messages such as {{"role": "user", "content": "..."}}; got {}'


def _message_faults(message: Mapping[str, Any], where: str) -> List[Tuple[str, str, bool]]:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        return [(f"{where}.role", f"{where}.role must be one of {', '.join(_ROLES)}; got {show(role)}", False)]
    is_parts = isinstance(content, (list, tuple)) and all(isinstance(p, Mapping) and "type" in p for p in content)
    if content is not None and not isinstance(content, str) and not is_parts:
        text = f'{where}.content must be text, or parts such as {{"type": "text", "text": "..."}}; got {show(content)}'
        return [(f"{where}.content", text, False)]
    is_silent = not (content.strip() if isinstance(content, str) else content)
    if role == "user" and is_silent:
        return [(f"{where}.content", f"{where}.content is empty: there is nothing to ask", True)]
    return []
