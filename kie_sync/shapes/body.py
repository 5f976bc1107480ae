"""A call's body: which arguments a codec places itself, and where all others go."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..definitions import Model
from ..params import Arguments
from ..values import whole_text

# These go where the shape wants them, in the shape's own form; all others go to the place that the catalog names.
PLACED = ("messages", "tools", "tool_choice", "response_format")


def split_arguments(model: Model, arguments: Arguments) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """The arguments that a codec places, by name; and all others at their places in the body."""
    wires = {name: model.parameters[name].wire for name in PLACED if name in arguments.given}
    placed = {name: arguments.wire[wire] for name, wire in wires.items() if wire in arguments.wire}
    body: Dict[str, Any] = {}
    for place, value in arguments.wire.items():
        if place not in wires.values():
            put(body, place, value)
    return placed, body


def put(body: Dict[str, Any], place: str, value: Any) -> None:
    """Set a value at a dotted place, such as `reasoning.effort`."""
    *steps, last = place.split(".")
    for step in steps:
        # A copy: what stands there already may be the caller's own object.
        body[step] = dict(body[step]) if isinstance(body.get(step), Mapping) else {}
        body = body[step]
    body[last] = value


def native_content(message: Mapping[str, Any], shape: str, model: str) -> Optional[List[Any]]:
    """An earlier answer in this shape's own form, where this model gave it."""
    native = message.get("native")
    if not isinstance(native, Mapping) or (native.get("shape"), native.get("model")) != (shape, model):
        return None
    content = native.get("content")
    return list(content) if isinstance(content, (list, tuple)) and content else None


def split_system(messages: Sequence[Mapping[str, Any]]) -> Tuple[List[Mapping[str, Any]], List[Mapping[str, Any]]]:
    """What the model is told beforehand, which some shapes keep apart; and the conversation."""
    is_system = [message.get("role") in ("system", "developer") for message in messages]
    return (
        [message for message, is_apart in zip(messages, is_system) if is_apart],
        [message for message, is_apart in zip(messages, is_system) if not is_apart],
    )


def call_input(arguments: Any) -> Dict[str, Any]:
    """A call's arguments, JSON text, as the object that some shapes want.

    Text that holds no object is what a model wrote amiss: it is kept under a name, so that the conversation can go on
    and the model sees what it wrote.
    """
    if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
        return {}
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else arguments
    except (ValueError, RecursionError):
        found = None
    return dict(whole_text(found)) if isinstance(found, Mapping) else {"arguments": arguments}
