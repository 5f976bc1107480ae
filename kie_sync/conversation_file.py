"""A conversation as a file: JSON of one version, written whole or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Union

from .errors import KieConfigError, KieInputError, Problem
from .targets import whole_file
from .values import number_of

_MARK = "kie_sync_conversation"
VERSION = 1
_COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "audio_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True)
class Saved:
    """What a file holds; `partial` are the numbers of the messages that were closed early."""

    model: str
    system: Optional[str] = None
    messages: List[Any] = field(default_factory=list)
    partial: List[int] = field(default_factory=list)
    usage: Mapping[str, Any] = field(default_factory=dict)
    credits: Decimal = Decimal(0)
    credits_consumed: Decimal = Decimal(0)
    has_unknown_cost: bool = False


def write_conversation(path: Union[str, Path], saved: Saved) -> None:
    """Write a file that only this user can read.

    Raises:
        KieInputError: a message holds what JSON cannot, such as bytes or an open file.
        KieConfigError: it cannot be written.
    """
    for number, message in enumerate(saved.messages):
        try:
            json.dumps(message)
        except (TypeError, ValueError) as error:
            sentence = f"message {number} cannot be saved: {error}; upload the file, and give its URL in its place"
            raise KieInputError(saved.model, [Problem("type", f"messages[{number}]", sentence)]) from error
    told = {_MARK: VERSION, **vars(saved)}
    told.update(credits=format(saved.credits, "f"), credits_consumed=format(saved.credits_consumed, "f"))
    target = Path(os.path.realpath(Path(path).expanduser()))
    try:
        # A folder that is misspelt is not made.
        target.parent.stat()
        with whole_file(target, mode=0o600) as file:
            # Half of a surrogate pair has no UTF-8; JSON's own escapes hold it.
            json.dump(told, file, ensure_ascii=True, indent=1)
            file.write("\n")
    except OSError as error:
        raise _unwritable(path, error) from error


def read_conversation(path: Union[str, Path]) -> Saved:
    """What a file holds.

    Raises:
        KieConfigError: it cannot be read, is no conversation, or is of a newer version.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise KieConfigError(f"{path}: the conversation cannot be read: {reason}") from error
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise KieConfigError(f"{path}: this is no saved conversation: {error}") from error
    version = told.get(_MARK) if isinstance(told, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise KieConfigError(f'{path}: this is no saved conversation: there is no "{_MARK}" with a version in it')
    if version != VERSION:
        raise KieConfigError(
            f"{path}: this conversation is of version {version}, and this kie_sync reads "
            f"version {VERSION}; update kie_sync"
        )
    faults = [name for name, is_right in _checks(told).items() if not is_right]
    if faults:
        raise KieConfigError(f"{path}: this conversation is damaged: {', '.join(faults)}")
    return Saved(
        told["model"],
        told.get("system"),
        told["messages"],
        told.get("partial", []),
        {name: told.get("usage", {}).get(name, 0) for name in _COUNTS},
        _amount(told, "credits"),
        _amount(told, "credits_consumed"),
        told.get("has_unknown_cost", False),
    )


def _checks(told: Dict[str, Any]) -> Dict[str, bool]:
    messages, usage = told.get("messages"), told.get("usage", {})
    return {
        "model": isinstance(told.get("model"), str),
        "system": isinstance(told.get("system"), (str, type(None))),
        "messages": isinstance(messages, list)
        and all(isinstance(each, dict) and isinstance(each.get("role"), str) for each in messages),
        "partial": _are_counts(told.get("partial", [])),
        "usage": isinstance(usage, dict) and _are_counts([usage.get(name, 0) for name in _COUNTS]),
        "credits": number_of(told.get("credits", 0)) is not None,
        "credits_consumed": number_of(told.get("credits_consumed", 0)) is not None,
        "has_unknown_cost": isinstance(told.get("has_unknown_cost", False), bool),
    }


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int) and not isinstance(value, bool) and value >= 0 for value in values
    )


def _amount(told: Mapping[str, Any], name: str) -> Decimal:
    return number_of(told.get(name, 0)) or Decimal(0)


def _unwritable(path: Union[str, Path], error: OSError) -> KieConfigError:
    return KieConfigError(f"{path}: the conversation cannot be saved: {error.strerror or error}")
