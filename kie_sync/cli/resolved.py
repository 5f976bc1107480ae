"""An entry as it is when all that it extends is taken together, each value with the place where it stands."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, Dict, Iterator, List, Set, Tuple, Union

from ..catalog import Catalog, read_schema
from ..catalog_lookup import show_path
from ..yamlfile import Mark, YamlList, YamlMap, read_yaml

_PLAIN = re.compile(r"[\w/][\w ./+()-]*(:[\w./+()-]+)*\Z", re.ASCII)
Path = Tuple[Union[str, int], ...]


def resolved_yaml(catalog: Catalog, model_id: str) -> str:
    """The entry as a YAML file, with FILE:LINE as a comment beside each value."""
    lines = [("models:", ""), (f"  {_text(model_id)}:", "")]
    entry = catalog.raw(model_id)
    order = list(read_schema()["$defs"]["model"]["properties"])
    for name in sorted(entry, key=lambda name: order.index(name) if name in order else len(order)):
        lines += _line(entry, name, 4)
    width = min(max(len(text) for text, place in lines if place), 80)
    return "".join(f"{text.ljust(width)}  # {place}\n" if place else f"{text}\n" for text, place in lines)


def resolved_facts(catalog: Catalog, model_id: str) -> List[Dict[str, Any]]:
    """The same for a program: path, value, file, line."""
    return [
        {"path": show_path(path), "value": value, "file": mark.file, "line": mark.line}
        for path, value, mark in _leaves(catalog.raw(model_id), ())
    ]


def _leaves(found: YamlMap, path: Path) -> Iterator[Tuple[Path, Any, Mark]]:
    for name, value in found.items():
        if isinstance(value, YamlMap) and value:
            yield from _leaves(value, (*path, name))
        else:
            yield (*path, name), value, found.value_marks[name]


def _block(found: YamlMap, indent: int) -> Iterator[Tuple[str, str]]:
    for name in found:
        yield from _line(found, name, indent)


def _line(found: YamlMap, name: str, indent: int) -> Iterator[Tuple[str, str]]:
    value, start = found[name], " " * indent
    places = _places(value, found.value_marks[name])
    if len(places) == 1:
        yield f"{start}{_text(name)}: {_flow(value)}", places.pop()
    elif isinstance(value, YamlMap):
        yield f"{start}{_text(name)}:", ""
        yield from _block(value, indent + 2)
    else:
        yield f"{start}{_text(name)}:", ""
        for item, mark in zip(value, value.marks):
            places = _places(item, mark)
            if isinstance(item, YamlMap) and len(places) > 1:
                yield f"{start}  -", ""
                yield from _block(item, indent + 4)
            else:
                yield f"{start}  - {_flow(item)}", _place(mark)


def _places(value: Any, mark: Mark) -> Set[str]:
    """Where the parts of a value stand; what stands in one line is written in one."""
    if isinstance(value, YamlMap) and value:
        return {place for name, part in value.items() for place in _places(part, value.value_marks[name])}
    if isinstance(value, YamlList) and value:
        return {place for part, where in zip(value, value.marks) for place in _places(part, where)}
    return {_place(mark)}


def _place(mark: Mark) -> str:
    return f"{mark.file}:{mark.line}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_text(name)}: {_flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool) or value is None:
        return "null" if value is None else str(value).lower()
    if isinstance(value, (int, Decimal)):
        return str(value) if isinstance(value, int) else format(value, "f")
    return _text(value)


def _text(text: str) -> str:
    """Text as YAML, quoted where it would be read as something else."""
    if _PLAIN.match(text) and not text.endswith(" ") and read_yaml(f"[{text}]", "") == [text]:
        return text
    # What JSON escapes, YAML reads between double quotes in the same way.
    return json.dumps(text, ensure_ascii=False) if re.search(r"[\x00-\x1f\x7f-\xa0']", text) else f"'{text}'"
