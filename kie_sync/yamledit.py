"""Change a YAML file in one place and leave every other byte of it alone: comments, order, layout.

A library that reads a file and writes it again (ruamel.yaml, at its most careful) changes a fifth of the lines of our
files, for it does not keep columns; so the places come from the parser, and only what is new is written.
Each function takes a whole text and gives a whole text. Whoever calls reads the result and compares.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Mapping, Optional, Sequence, Tuple, Union

from .errors import KieCatalogError
from .yamlfile import read_yaml

Path = Sequence[Union[str, int]]
WIDTH = 110


class CannotEdit(Exception):
    """The text is written in a way that cannot be changed in one place; the message says why."""


def put(text: str, path: Path, value: Any) -> str:
    """The text with `value` at `path`: what stands there is replaced, what is missing on the way is added."""
    root = _compose(text)
    if root is None:
        return text + ("" if not text or text.endswith("\n") else "\n") + _block(_nest(path, value), 0) + "\n"
    node = root
    for depth, step in enumerate(path):
        pair = _find(node, step)
        if pair is None:
            return _insert(text, node, str(step), _nest(path[depth + 1 :], value))
        key, found = pair
        is_nothing = found.id == "scalar" and not found.style and found.value in ("", "~", "null")
        is_empty = found.id != "scalar" and not found.value
        if depth == len(path) - 1 or is_nothing or (is_empty and not node.flow_style):
            return _replace(text, node, key, found, _nest(path[depth + 1 :], value))
        node = found
    raise CannotEdit("there is no place to write to")


def make_list(text: str, path: Path) -> str:
    """The text with the mapping at `path` as the one item of a list, word for word."""
    parent, key, node = _at(text, path)
    start, end = node.start_mark.index, _end(text, node)
    if parent.flow_style:
        return f"{text[:start]}[{text[start:end]}]{text[end:]}"
    indent = " " * (key.start_mark.column + 2)
    if node.flow_style:
        return f"{text[: key.end_mark.index]}:\n{indent}- {text[start:end]}{text[end:]}"
    first, *others = text[start:end].split("\n")
    moved = "\n".join([f"- {first}", *(f"  {line}" if line.strip() else line for line in others)])
    return text[:start] + moved + text[end:]


def insert_item(text: str, path: Path, position: int, value: Any) -> str:
    """The text with `value` as an item of the list at `path`, before the item that is at `position` now."""
    _, _, node = _at(text, path)
    if node.id != "sequence" or not node.value:
        raise CannotEdit("there is no list with something in it")
    if node.flow_style:
        if position < len(node.value):
            at = node.value[position].start_mark.index
            return f"{text[:at]}{_flow(value)}, {text[at:]}"
        at = _end(text, node.value[-1])
        return f"{text[:at]}, {_flow(value)}{text[at:]}"
    column = node.start_mark.column
    lines = _item(value, column)
    if position < len(node.value):
        at = text.rfind("\n", 0, text.rindex("-", 0, node.value[position].start_mark.index)) + 1
        return f"{text[:at]}{lines}\n{text[at:]}"
    at = _line_end(text, _end(text, node.value[-1]))
    return f"{text[:at]}\n{lines}{text[at:]}"


def rename_key(text: str, path: Path, name: str) -> str:
    """The text with the last key of `path` called otherwise."""
    _, key, _ = _at(text, path)
    return text[: key.start_mark.index] + name + text[key.end_mark.index :]


def as_yaml(value: Any) -> str:
    """A value as the lines of a file of its own."""
    return _block(value, 0) + "\n"


def _compose(text: str) -> Any:
    import yaml

    # The parser that reads catalogs, too: PyYAML's own differs from it in what it takes without quotes.
    return yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _find(node: Any, step: Union[str, int]) -> Optional[Tuple[Any, Any]]:
    if node.id == "mapping":
        return next(((key, value) for key, value in node.value if str(key.value) == str(step)), None)
    if node.id == "sequence" and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _at(text: str, path: Path) -> Tuple[Any, Any, Any]:
    """The node at a path, its key, and what it stands in."""
    parent = key = None
    node = _compose(text)
    for step in path:
        pair = None if node is None else _find(node, step)
        if pair is None:
            raise CannotEdit(f"there is no {step}")
        parent, (key, node) = node, pair
        if node.start_mark.index < key.start_mark.index:
            raise CannotEdit(f"{step} is an alias (*); write the value out first")
    return parent, key, node


def _end(text: str, node: Any) -> int:
    """Where a node ends; a block's own mark lies behind the comments that follow it."""
    start, end = int(node.start_mark.index), int(node.end_mark.index)
    if node.id == "scalar" or node.flow_style or not node.value:
        # The mark of a text after | or > lies behind its last line.
        return start + len(text[start:end].rstrip()) if node.id == "scalar" else end
    last = node.value[-1]
    return max(_end(text, part) for part in last) if node.id == "mapping" else _end(text, last)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _insert(text: str, node: Any, name: str, value: Any) -> str:
    if node.id != "mapping":
        raise CannotEdit(f"{name} cannot be added: there is no mapping to add it to")
    if node.flow_style:
        at = _end(text, node.value[-1][1]) if node.value else node.start_mark.index + 1
        return f"{text[:at]}{', ' if node.value else ''}{_key(name)}: {_flow(value)}{text[at:]}"
    last_key, last = node.value[-1]
    at = _line_end(text, max(_end(text, last_key), _end(text, last)))
    column = node.start_mark.column
    # Entries that are kept apart by empty lines stay so.
    before = text[: last_key.start_mark.index].rstrip(" ")
    gap = "\n" if column and len(node.value) > 1 and before.endswith("\n\n") else ""
    return f"{text[:at]}\n{gap}{_block({name: value}, column)}{text[at:]}"


def _replace(text: str, parent: Any, key: Any, node: Any, value: Any) -> str:
    start, end = node.start_mark.index, _end(text, node)
    if parent.id == "sequence":
        if not parent.flow_style and not _fits(value, node.start_mark.column):
            return text[:start] + _block(value, node.start_mark.column).lstrip() + text[end:]
        return text[:start] + _flow(value) + text[end:]
    if start < key.start_mark.index:
        # An alias: its node stands where its anchor does.
        raise CannotEdit(f"{key.value} is an alias (*); write the value out first")
    column = key.start_mark.column
    if parent.flow_style:
        return f"{text[: key.end_mark.index]}: {_flow(value)}{text[max(end, key.end_mark.index + 1) :]}"
    rest = _block({str(key.value): value}, column).lstrip()[len(_key(str(key.value))) :]
    return text[: key.end_mark.index] + rest + text[max(end, text.index(":", key.end_mark.index) + 1) :]


def _nest(path: Path, value: Any) -> Any:
    for step in reversed(path):
        value = {str(step): value}
    return value


# ---- writing values ----


def _block(value: Any, column: int) -> str:
    """A mapping or list as lines that begin at a column."""
    indent = " " * column
    if isinstance(value, Mapping) and value:
        lines = []
        for name, part in value.items():
            head = f"{indent}{_key(str(name))}:"
            if _fits(part, len(head)) and not (isinstance(part, (Mapping, list)) and part and column == 0):
                lines.append(f"{head} {_short(part)}")
            else:
                lines.append(f"{head}\n{_block(part, column + 2)}" if _is_long(part) else f"{head} {_short(part)}")
        return "\n".join(lines)
    if isinstance(value, list) and value:
        return "\n".join(_item(part, column) for part in value)
    return indent + _flow(value)


def _item(value: Any, column: int) -> str:
    indent = " " * column
    if not _is_long(value) or _fits(value, column + 2):
        return f"{indent}- {_short(value)}"
    return f"{indent}- {_block(value, column + 2).lstrip()}"


def _is_long(value: Any) -> bool:
    return isinstance(value, (Mapping, list)) and bool(value)


def _fits(value: Any, column: int) -> bool:
    """Whether a value goes on one line: short, and with no more than a table in it."""
    return not _is_long(value) or (column + 1 + len(_flow(value)) <= WIDTH and _depth(value) <= 2)


def _depth(value: Any) -> int:
    parts = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else None
    return 0 if parts is None else 1 + max((_depth(part) for part in parts), default=0)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(str(name))}: {_flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(part) for part in value) + "]"
    return _scalar(value, is_flow=True)


def _short(value: Any) -> str:
    """A value on one line, outside of brackets."""
    return _flow(value) if isinstance(value, (Mapping, list)) else _scalar(value)


def _key(name: str) -> str:
    return _first_that_reads(name, "{{{0}: 1}}", {name: 1})


def _scalar(value: Any, *, is_flow: bool = False) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, (int, Decimal)):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    text = str(value)
    return _first_that_reads(text, "[{0}, {{a: {0}}}]" if is_flow else "a: {0}", [text, {"a": text}], {"a": text})


def _first_that_reads(text: str, frame: str, *meant: Any) -> str:
    """Plain where that is read as it is meant, else in quotes."""
    for shown in (text, "'" + text.replace("'", "''") + "'"):
        try:
            if read_yaml(frame.format(shown), "") in meant:
                return shown
        except KieCatalogError:
            continue
    return json.dumps(text, ensure_ascii=False)
