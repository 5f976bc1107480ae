"""The four shapes of chat, as their makers document them: a body read into a question, a reply written out.

Made without a look at the client's codecs (`kie_sync.shapes`), so that the two can catch each other's mistakes.
"""

from __future__ import annotations

from typing import Mapping

from . import anthropic_messages, chat_completions, gemini_contents, openai_responses
from .form import Answer, Event, Shape

__all__ = ["SHAPES", "Answer", "Event", "Shape"]

SHAPES: Mapping[str, Shape] = {
    "chat-completions": chat_completions,
    "anthropic-messages": anthropic_messages,
    "openai-responses": openai_responses,
    "gemini-contents": gemini_contents,
}
