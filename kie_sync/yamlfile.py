"""YAML as people mean it, with the place of everything.

YAML 1.1 reads an unquoted `16:9` as 969, `on` as true and `2.10` as 2.1. Here a plain scalar is

* `null`, `~` or nothing: None;  `true` / `false`: a boolean;
* `12`, `-3`: an integer;  `2.10`, `1e3`: a `Decimal` that keeps its digits;
* anything else (`16:9`, `on`, `yes`, `007`, `2026-01-21`, `1K`): text.

Keys of a mapping are always text. A key given twice is an error. Every mapping and list knows
the file, line and column of its parts (`mark_at`), and so does every error.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import partial
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from .errors import CatalogProblem, KieCatalogError
from .yaml_faults import Fault, explain

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]{1,3})?\Z")
_LONGEST_NUMBER = 100
# Deeper than any catalog; libyaml 0.2.5 ends the process at some 100,000 open brackets.
_TOO_DEEP = re.compile(r"(?:[\[{]\s*){200}")


class Mark(NamedTuple):
    """A place in a file; line and column count from 1. A tuple, for a catalog has thousands of them."""

    file: str
    line: int
    column: int


_NOWHERE = Mark("", 1, 1)


class YamlMap(Dict[str, Any]):
    """A mapping read from YAML; `key_marks` and `value_marks` say where its parts stand."""

    def __init__(self) -> None:
        super().__init__()
        self.mark = _NOWHERE
        self.key_marks: Dict[str, Mark] = {}
        self.value_marks: Dict[str, Mark] = {}


class YamlList(List[Any]):
    """A list read from YAML; `marks` says where its items stand."""

    def __init__(self) -> None:
        super().__init__()
        self.mark = _NOWHERE
        self.marks: List[Mark] = []


def read_yaml(text: str, file: str, faults: Optional[List[CatalogProblem]] = None) -> Any:
    """Read one YAML document.

    With `faults`, slips that leave the rest readable, such as a key that stands twice, are put there, and what
    can be read is given back: of two equal keys the first counts.

    Raises:
        KieCatalogError: it is not YAML; or, without `faults`, a key stands twice. With line and column.
    """
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    deep = _TOO_DEEP.search(text)
    if deep:
        raise _syntax_error(file, *_place(text, deep.start()), "the brackets stand too deep inside each other")
    try:
        node = yaml.compose(text, Loader=loader)
        return YamlMap() if node is None else _Builder(file, faults).build(node)
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(file, *explain(text, _fault(error), partial(_reads, loader))) from error
    except yaml.reader.ReaderError as error:
        raise _syntax_error(
            file, *_place(text, error.position), f"{error.reason} (character {error.character!r})"
        ) from error
    except RecursionError as error:
        raise _syntax_error(file, 0, 0, "lists and mappings stand too deep inside each other") from error


def mark_at(root: Any, path: Iterable[Union[str, int]], *, key: bool = False) -> Mark:
    """The place of what `path` leads to (of its key, when asked), or of the nearest thing above it."""
    here, mark = root, getattr(root, "mark", _NOWHERE)
    for step in path:
        if isinstance(here, YamlMap) and step in here:
            mark = here.key_marks[str(step)] if key else here.value_marks[str(step)]
            here = here[str(step)]
        elif isinstance(here, YamlList) and isinstance(step, int) and step < len(here):
            mark, here = here.marks[step], here[step]
        else:
            break
    return mark


class _Removed:
    """The type of `REMOVED`."""

    def __repr__(self) -> str:
        return "REMOVED"


# Stands where a null took something away, for whoever lays the result over something else.
REMOVED = _Removed()


def merge(base: Any, over: Any, *, keep_removed: bool = False) -> Any:
    """`over` laid on `base`: mappings merge, lists and values replace, null removes a key.

    With `keep_removed`, `REMOVED` stays where a key was, so that the result removes it elsewhere, too.
    """
    if not (isinstance(base, YamlMap) and isinstance(over, YamlMap)):
        return over
    merged = YamlMap()
    merged.mark = over.mark
    for source in (base, over):
        for name, value in source.items():
            is_removal = source is over and name in merged and (value is None or value is REMOVED)
            if is_removal and not keep_removed:
                del merged[name]
                continue
            if is_removal:
                merged[name] = REMOVED
            else:
                merged[name] = merge(merged[name], value, keep_removed=keep_removed) if name in merged else value
            merged.key_marks[name] = source.key_marks[name]
            merged.value_marks[name] = source.value_marks[name]
    return merged


def _syntax_error(file: str, line: int, column: int, message: str) -> KieCatalogError:
    return KieCatalogError([CatalogProblem(file, line + 1, column + 1, "", message)])


def _place(text: str, position: int) -> Tuple[int, int]:
    before = text[:position]
    return before.count("\n"), position - (before.rfind("\n") + 1)


def _fault(error: Any) -> Fault:
    """What the reader says, at the place that it noticed."""
    mark, begun = error.problem_mark or error.context_mark, error.context_mark
    problem = " ".join(part for part in (error.context, error.problem) if part)
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    return Fault(line, column, problem, (begun.line, begun.column) if begun is not None else None)


def _reads(loader: Any, text: str) -> bool:
    import yaml

    try:
        yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, RecursionError):
        return False
    return True


class _Builder:
    def __init__(self, file: str, faults: Optional[List[CatalogProblem]]) -> None:
        self.file, self.faults = file, faults
        self.done: Dict[int, Any] = {}
        self.open: Set[int] = set()

    def mark(self, node: Any) -> Mark:
        return Mark(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def fail(self, node: Any, message: str) -> None:
        """Tell a slip; whoever wants all of them goes on."""
        error = _syntax_error(self.file, node.start_mark.line, node.start_mark.column, message)
        if self.faults is None:
            raise error
        self.faults.extend(error.problems)

    def build(self, node: Any) -> Any:
        if id(node) in self.done:
            return self.done[id(node)]
        if id(node) in self.open:
            self.fail(node, "this anchor contains itself")
            return None
        if not node.tag.startswith("tag:yaml.org,2002:") or "python" in node.tag:
            self.fail(node, f"the tag {node.tag} is not allowed here; remove it")
        self.open.add(id(node))
        if node.id == "scalar":
            value = self.scalar(node)
        elif node.id == "sequence":
            value = self.sequence(node)
        else:
            value = self.mapping(node)
        self.open.discard(id(node))
        self.done[id(node)] = value
        return value

    def scalar(self, node: Any) -> Any:
        text = str(node.value)
        if node.style in ("'", '"', "|", ">"):
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return text.lower() == "true"
        if len(text) > _LONGEST_NUMBER:
            return text
        if _INTEGER.match(text):
            return text if node.tag.endswith(":str") else int(text)
        return Decimal(text) if _NUMBER.match(text) else text

    def sequence(self, node: Any) -> YamlList:
        found = YamlList()
        found.mark = self.mark(node)
        for item in node.value:
            found.append(self.build(item))
            found.marks.append(self.mark(item))
        return found

    def mapping(self, node: Any) -> YamlMap:
        found = YamlMap()
        found.mark = self.mark(node)
        twice: List[Tuple[Any, str]] = []
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                self.fail(key_node, "a key must be plain text")
                continue
            key = str(key_node.value)
            if not key_node.style:
                slip = _slip(key, value_node, is_flow=bool(node.flow_style))
                if slip:
                    self.fail(key_node, slip)
                    continue
                key = key.lower() if key.lower() in ("true", "false") else key
            if key in found:
                twice.append((key_node, key))
                continue
            found[key] = self.build(value_node)
            found.key_marks[key] = self.mark(key_node)
            found.value_marks[key] = self.mark(value_node)
        if twice:
            self.fail(twice[0][0], _said_twice([key for _, key in twice], found))
        return found


def _said_twice(keys: Sequence[str], found: YamlMap) -> str:
    first = found.key_marks[keys[0]].line
    if len(keys) == 1:
        return f"the key {keys[0]} stands twice; the first is in line {first}; remove one of them"
    listed = f"{', '.join(keys[:-1])} and {keys[-1]}"
    hint = "is the line missing that another entry begins with?"
    return f"the keys {listed} stand twice; the first is in line {first}; {hint}"


def _slip(key: str, value_node: Any, *, is_flow: bool) -> str:
    """Two slips that YAML itself lets pass."""
    if key == "<<":
        return "<< does not merge here; write the words out, or give a whole value by its anchor"
    is_empty = value_node.id == "scalar" and not value_node.value and not value_node.style
    if is_flow and is_empty and ":" in key:
        return f"{key} has no value; between braces a space must follow the colon"
    return ""
