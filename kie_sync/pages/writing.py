"""An entry as YAML, in the layout of the catalog's own files, with what to look at as comments."""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from typing import Any, Dict, List, Mapping, Tuple

from ..errors import KieCatalogError
from ..values import plain
from ..yamlfile import read_yaml

_WIDTH = 118
Doubts = Mapping[Tuple[str, ...], List[str]]
TODO = "TODO"


def entry_lines(model_id: str, entry: Mapping[str, Any], doubts: Doubts) -> List[str]:
    """The lines of an entry, as they stand under `models:`."""
    lines = [f"  {scalar(model_id)}:"]
    lines += _comments(doubts.get((), []), "    ")
    lines += _block(entry, (), doubts, "    ")
    return lines


def scalar(value: Any) -> str:
    """A single value; quoted only where a reader of YAML would take it for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal)):
        return plain(Decimal(str(value)))
    text = str(value)
    if text.isprintable() and _is_read_back(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def _block(mapping: Mapping[str, Any], path: Tuple[str, ...], doubts: Doubts, indent: str) -> List[str]:
    lines: List[str] = []
    for key, value in mapping.items():
        here = (*path, str(key))
        lines += _comments(doubts.get(here, []), indent)
        name = scalar(str(key))
        short = f"{indent}{name}: {flow(value)}"
        is_short = len(short) <= _WIDTH and not any(other[: len(here)] == here and other != here for other in doubts)
        if not isinstance(value, (Mapping, list, tuple)) or (is_short and key not in ("parameters", "examples")):
            lines.append(short)
        elif isinstance(value, Mapping):
            lines.append(f"{indent}{name}:")
            lines += _block(value, here, doubts, indent + "  ")
        else:
            lines += _listed(name, value, indent)
    return lines


def _listed(name: str, items: Any, indent: str) -> List[str]:
    if not any(isinstance(item, (Mapping, list)) for item in items):
        return _wrapped(f"{indent}{name}: [", [flow(item) for item in items], indent + "  ")
    lines = [f"{indent}{name}:"]
    for item in items:
        if isinstance(item, Mapping):
            inner = _block(item, ("",), {}, indent + "    ")
            inner[0] = f"{indent}  - {inner[0].lstrip()}"
            lines += inner
        else:
            lines.append(f"{indent}  - {flow(item)}")
    return lines


def _wrapped(head: str, words: List[str], indent: str) -> List[str]:
    lines, line = [], head
    for position, word in enumerate(words):
        piece = word + ("," if position < len(words) - 1 else "]")
        if len(line) + len(piece) + 1 > _WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += piece if line.endswith(("[", "  ")) else f" {piece}"
    return [*lines, line]


def _comments(words: List[str], indent: str) -> List[str]:
    lines: List[str] = []
    for sentence in words:
        line = f"{indent}# {TODO}:"
        for word in sentence.split():
            if len(line) + 1 + len(word) > _WIDTH:
                lines.append(line)
                line = f"{indent}#  "
            line += f" {word}"
        lines.append(line)
    return lines


@functools.cache
def _is_read_back(text: str) -> bool:
    if text != text.strip():
        return False
    try:
        return bool(read_yaml(f"{{k: {text}, l: [{text}], {text}: 1}}\n", "") == _as_read(text))
    except (KieCatalogError, ValueError):
        return False


def _as_read(text: str) -> Dict[str, Any]:
    return {"k": text, "l": [text], text: 1}
