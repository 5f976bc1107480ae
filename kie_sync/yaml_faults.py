"""What a fault of YAML means, and what to write instead: a repair is tried, and told when YAML can read it.

YAML notices many slips further down than where they were made, and in the words of its own grammar.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

Place = Tuple[int, int]  # line and column, from 0
Reads = Callable[[str], bool]

_KEY = re.compile(r"( *)(?:'([^']+)'|\"([^\"]+)\"|([^\s#:'\"\[\]{},-][^#]*?)):(?:\s|\Z)")
_SPACES = re.compile(r" *")
_PAIR = re.compile(r"(\s*(?:- )*)([^\s:#][^:#]*):[ ]+(?![\"'\[{|>&*])(\S.*)\Z")
_INDENTED_WRONGLY = ("mapping values are not allowed", "did not find expected key", "did not find expected '-'")


class Fault(NamedTuple):
    """What the reader says: where, in its own words, and where the part begins that it was reading."""

    line: int
    column: int
    problem: str
    begun: Optional[Place]


def explain(text: str, fault: Fault, reads: Reads) -> Tuple[int, int, str]:
    """The place of a fault, line and column from 0, and a sentence that says what to write."""
    lines = [*text.split("\n"), "", ""]
    for repair in (_tab, _colon_of_another_width, _quote, _bracket, _comma, _missing_colon, _indent, _text_with_colon):
        found = repair(lines, fault, reads)
        if found is not None:
            return found
    return fault.line, fault.column, _in_words(fault.problem, lines[fault.line][fault.column : fault.column + 1])


class Entry(NamedTuple):
    """Part of a file: the section, the entry's key, and its lines from 0, without the last."""

    section: str
    name: str
    first: int
    end: int


def entry_at(text: str, line: int) -> Optional[Entry]:
    """The entry in which a line stands (from 0).

    An entry begins with a key that stands as deep as the first one of its section, or one space deeper by a slip.
    Text that is no YAML is looked at, so this goes by the lines alone.
    """
    section, depth, found = "", 0, None
    lines = text.split("\n")
    for number, each in enumerate(lines):
        key = _KEY.match(each)
        if not key:
            continue
        indent, name = len(key.group(1)), key.group(2) or key.group(3) or key.group(4)
        is_entry = bool(section) and indent > 0 and (indent == (depth or indent) or _is_slipped(each, indent, depth))
        if not (indent == 0 or is_entry):
            continue
        if number > line:
            return found._replace(end=number) if found else None
        if indent == 0:
            section, depth, found = name, 0, None
        else:
            depth, found = depth or indent, Entry(section, name, number, len(lines))
    return found


def _is_slipped(line: str, indent: int, depth: int) -> bool:
    return depth > 1 and abs(indent - depth) == 1 and _opens(line)


def _trial(lines: List[str], number: int, instead: str, reads: Reads) -> bool:
    return reads("\n".join([*lines[:number], instead, *lines[number + 1 :]]))


def _depth(line: str) -> int:
    return len(_SPACES.match(line).group())  # type: ignore[union-attr]  # it matches nothing, too


def _is_said(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _near(lines: List[str], number: int, step: int) -> int:
    """The next line with something in it, up or down; -1 where there is none."""
    number += step
    while 0 <= number < len(lines) and not _is_said(lines[number]):
        number += step
    return number if 0 <= number < len(lines) else -1


def _opens(line: str) -> bool:
    return re.search(r":\s*(#.*)?\Z", line) is not None


def _tab(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    line = lines[fault.line]
    start = line[: len(line) - len(line.lstrip())]
    if "\t" not in start and line[fault.column : fault.column + 1] != "\t" and "tab character" not in fault.problem:
        return None
    said = "a tab stands where YAML wants spaces; "
    if "\t" in start:
        above, below = _near(lines, fault.line, -1), _near(lines, fault.line, 1)
        depths = [_depth(lines[below])] if below >= 0 and "\t" not in lines[below] else []
        upper = _depth(lines[above]) if above >= 0 else 0
        depths = [*depths, upper + 2] if above >= 0 and _opens(lines[above]) else [upper, *depths]
        for depth in depths:
            if _trial(lines, fault.line, " " * depth + line.lstrip(), reads):
                return fault.line, start.index("\t"), f"{said}begin this line with {_spaces(depth)}"
    return fault.line, fault.column, f"{said}indent with spaces"


def _colon_of_another_width(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    is_colon = any(word in fault.problem for word in ("mapping values", "expected ':'", "expected ',' or"))
    if is_colon and "\uff1a" in lines[fault.line - 1 if fault.line else 0] + lines[fault.line]:
        said = "a full-width colon (\uff1a) stands here or in the line above; YAML wants : and a space"
        return fault.line, fault.column, said
    return None


def _quote(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    if "quoted scalar" not in fault.problem or "unexpected end of stream" not in fault.problem or fault.begun is None:
        return None
    line, column = fault.begun
    mark = lines[line][column : column + 1]
    return line, column, f"the quote that opens here is not closed; write {mark} where the text ends"


def _bracket(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    """A bracket that another kind of bracket, or another line's key, closes."""
    if "expected ',' or" not in fault.problem or fault.begun is None:
        return None
    line, column = fault.begun
    opened = lines[line][column : column + 1]
    closing = {"[": "]", "{": "}"}.get(opened)
    found = lines[fault.line][fault.column : fault.column + 1]
    if closing is None or not (found in ("]", "}", "") or fault.line > line):
        return None
    place = "the line" if fault.line > line else "what belongs to it"
    return line, column, f"the {opened} that opens here is not closed; write {closing} where {place} ends"


def _comma(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    if "expected ',' or" not in fault.problem:
        return None
    line = lines[fault.line]
    before, after = line[: fault.column].rstrip(), line[fault.column :]
    words = re.match(r"(.*\S)\s+(\S+)\Z", before)
    trials = [(before, line[fault.column :])] + ([(words.group(1), f"{words.group(2)}{after}")] if words else [])
    for left, right in trials:
        if _trial(lines, fault.line, f"{left}, {right}", reads):
            left_word = re.split(r"[\s,{\[]", left)[-1]
            right_word = re.split(r"[\s,:}\]]", right)[0]
            return fault.line, len(left), f"a comma is missing here; write {left_word}, {right_word}"
    return None


def _indent(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    """A line that stands too deep or not deep enough: this one, that before it, or the one that all this is under."""
    if not any(word in fault.problem for word in _INDENTED_WRONGLY):
        return None
    above = owner = _near(lines, fault.line, -1)
    while owner >= 0 and _depth(lines[owner]) >= _depth(lines[fault.line]):
        owner = _near(lines, owner, -1)
    if not any(_is_said(line) and _depth(line) == _depth(lines[fault.line]) for line in lines[: max(owner, 0)]):
        owner = -1
    for number in dict.fromkeys((owner, fault.line, above)):
        if number >= 0:
            depths = [depth for depth in _depths(lines, number) if _fits(lines, number, depth, reads)]
            if depths:
                now = _depth(lines[number])
                said = f"this line begins with {_spaces(now)}; write {' or '.join(map(str, depths))}"
                return number, now, f"{said}, as the lines that it belongs with"
    if above >= 0 and _depth(lines[fault.line]) > _depth(lines[above]) and not _opens(lines[above]):
        said = f"this line stands deeper than line {above + 1}, which has its value already"
        return (
            fault.line,
            _depth(lines[fault.line]),
            f"{said}; write it as deep as that one, or put back the line that it belongs under",
        )
    return None


def _depths(lines: List[str], number: int) -> Iterator[int]:
    """The depths of the lines around, without this one's own; the nearest first."""
    mine, seen = _depth(lines[number]), set()
    for distance in range(1, 40):
        for near in (number - distance, number + distance):
            if 0 <= near < len(lines) and _is_said(lines[near]):
                depth = _depth(lines[near])
                if depth != mine and depth not in seen and abs(depth - mine) <= 3:
                    seen.add(depth)
                    yield depth


def _fits(lines: List[str], number: int, depth: int, reads: Reads) -> bool:
    line, below = lines[number], _near(lines, number, 1)
    if _opens(line) and below >= 0 and not lines[below].lstrip().startswith("- ") and _depth(lines[below]) <= depth:
        return False
    return _trial(lines, number, " " * depth + line.lstrip(), reads)


def _missing_colon(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    if not any(word in fault.problem for word in ("could not find expected ':'", "mapping values are not allowed")):
        return None
    for number in dict.fromkeys((_near(lines, fault.line, -1), fault.line)):
        words = re.match(r"( *(?:- )*)([^\s:]+):?(?:[ ]*(\S.*))?\Z", lines[number]) if number >= 0 else None
        if words and not re.search(r":(\s|\Z)", lines[number]):
            write = f"{words.group(2)}: {words.group(3) or ''}".rstrip()
            if _trial(lines, number, f"{words.group(1)}{write}", reads):
                return number, len(words.group(1)), f"a colon, or the space after it, is missing; write {write}"
    return None


def _text_with_colon(lines: List[str], fault: Fault, reads: Reads) -> Optional[Tuple[int, int, str]]:
    pair = _PAIR.match(lines[fault.line]) if "mapping values are not allowed" in fault.problem else None
    if pair is None:
        return None
    start, key, value = pair.groups()
    quoted = "'" + value.replace("'", "''") + "'"
    if not _trial(lines, fault.line, f"{start}{key}: {quoted}", reads):
        return None
    return fault.line, pair.start(3), f"text that holds a colon and a space needs quotes; write {key}: {quoted}"


def _spaces(count: int) -> str:
    return f"{count or 'no'} space{'' if count == 1 else 's'}"


def _in_words(problem: str, found: str) -> str:
    if "cannot start any token" in problem:
        return f"text that begins with {found} needs quotes"
    if "mapping values are not allowed" in problem:
        hint = (
            "is a line indented wrongly, the space after a colon missing, or does text that holds a colon need quotes?"
        )
        return f"{problem}: {hint}"
    if "unexpected ':'" in problem:
        return "between braces a space must follow the colon"
    if "did not find expected key" in problem or "did not find expected '-'" in problem:
        return f"{problem}: is this line, or the one above, indented wrongly?"
    if "could not find expected ':'" in problem:
        return f"{problem}: is a colon, or the space after it, missing in the line above?"
    if "unexpected end of stream" in problem:
        return f"{problem}: a quote that was opened further up is not closed"
    if "undefined alias" in problem:
        return "text that begins with * needs quotes"
    if "expected ',' or" in problem:
        return f"{problem}: a comma or a closing bracket is missing here or just before"
    return problem
