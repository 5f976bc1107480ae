"""From a page to a draft of an entry, with a word about everything that was guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from ..catalog_lookup import FITTING, LIMITS
from ..definitions import TYPES, UNSET
from .fields import Field, read_fields
from .naming import Names, canonical_value, guess_names
from .reading import Page

# What a model of a kind is most likely sold by.
UNITS: Mapping[str, str] = {
    "image": "image",
    "video": "video",
    "audio": "request",
    "music": "request",
    "upscale": "image",
    "tool": "request",
}
# In this order: what a word in the page's folder, or in the model's id, says of the kind.
_KINDS = (
    ("upscale", r"upscal"),
    ("tool", r"isolation|to-text|remov|recognition|detection|lyrics|separat"),
    ("music", r"\bmusic\b|suno"),
    ("audio", r"audio|speech|\btts\b|voice|sound"),
    ("video", r"video"),
    ("image", r"image"),
)
_RULE_WORDS = re.compile(
    r"\b(?:require[ds]?|only|must|cannot|can't|not (?:be )?supported|mutually|ignored|takes? effect|when|if"
    r"|together)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+")
_LONGEST_QUOTE = 200


@dataclass(frozen=True)
class Draft:
    """An entry to be reviewed.

    Attributes:
        entry: what goes under the model's id, in the order of the catalog's own files.
        doubts: what to look at, by the path of what it is about; () for the whole.
        names: our names by the wire's.
        fields: the fields that it was made from, by the wire's names.
    """

    model_id: str
    entry: Dict[str, Any]
    names: Mapping[str, str]
    fields: Mapping[str, Field]
    doubts: Dict[Tuple[str, ...], List[str]] = field(default_factory=dict)


def draft_entry(
    page: Page, names: Names, *, endpoint: str, source: str, checked: str, kind: Optional[str] = None
) -> Draft:
    """The draft of a model's entry; its price is unknown, and it has no example."""
    fields = read_fields(page.fields, page.required)
    ours = guess_names(names, fields)
    doubts: Dict[Tuple[str, ...], List[str]] = {(): []}
    named_kind = kind or kind_of(page)
    kind_word = named_kind or _kind_by_fields(ours)
    if named_kind is None:
        doubts["kind",] = ["guessed by its parameters; no word of the page says what it makes"]
    parameters: Dict[str, Any] = {}
    for wire, each in fields.items():
        path = ("parameters", ours[wire])
        parameters[ours[wire]] = _parameter(each, ours[wire], path, doubts)
        doubts.setdefault(path, []).extend(_rules_in(each, fields))
    _let_text_be_prompt(parameters)
    if page.shapes > 1:
        doubts[()].append(
            f"the page has {page.shapes} alternative inputs; they stand together here, without their rules"
        )
    if page.is_deprecated:
        doubts[()].append("the page calls this deprecated; say retired_on and replaced_by")
    if not fields:
        doubts[()].append("the page names no parameter")
    entry: Dict[str, Any] = {
        "title": title_of(page),
        "kind": kind_word,
        "endpoint": endpoint,
        "source": source,
        "checked": checked,
        **({"parameters": parameters} if parameters else {}),
        "price": {"unit": UNITS[kind_word], "unknown": "it is not on the page", "source": source, "checked": checked},
    }
    doubts["price",] = ["write credits in place of unknown, and what they go by, with the price list as source"]
    kept = {path: words for path, words in doubts.items() if words}
    return Draft(page.model_id, entry, ours, fields, kept)


def title_of(page: Page) -> str:
    """A name for people: the page's heading; the id in words where that is none."""
    title = re.sub(r"\s+(?:API(?: Documentation)?|OpenAPI)$", "", page.title.strip(), flags=re.IGNORECASE)
    if title and not re.match(r"generate|create|openapi\b|query\b", title, re.IGNORECASE):
        return title
    return " ".join(word if word.isupper() else word.capitalize() for word in re.split(r"[/_-]+", page.model_id))


def kind_of(page: Page) -> Optional[str]:
    """What it makes, by the id, the title and the page's folder; None where nothing tells."""
    model_id = page.model_id.lower()
    # image-to-video makes a video: what stands last counts.
    last = re.split(r"[-_ /]to[-_ ]", model_id)[-1] if re.search(r"[-_ ]to[-_ ]", model_id) else ""
    # A tool stands in the folder of what it works on.
    looks = (
        (model_id, _KINDS[:2]),
        *((text, _KINDS) for text in (last, page.group.lower(), model_id, page.title.lower())),
    )
    for text, kinds in looks:
        found = next((kind for kind, pattern in kinds if text and re.search(pattern, text)), None)
        if found:
            return found
    return None


def _kind_by_fields(names: Mapping[str, str]) -> str:
    """The likeliest kind: what has a length and a shape is a video, what has a shape is an image."""
    ours = set(names.values())
    if ours & {"duration", "first_frame", "videos"} and ours & {"aspect_ratio", "resolution", "first_frame", "images"}:
        return "video"
    return "image" if ours & {"aspect_ratio", "resolution", "images"} else "tool"


def _parameter(
    each: Field, name: str, path: Tuple[str, ...], doubts: Dict[Tuple[str, ...], List[str]]
) -> Dict[str, Any]:
    entry: Dict[str, Any] = {}
    if name != each.wire:
        entry["wire"] = each.wire
    limits = dict(each.limits)
    words = doubts.setdefault(path, [])
    words += each.doubts
    values, send_as = _values(each, name)
    if each.sort:
        entry["type"] = f"{each.sort}s" if each.is_list else each.sort
    elif values is None:
        entry["type"] = each.type
    if each.type == "any":
        words.append("the page states no type; anything is sent as it is")
    has_default = each.default is not UNSET and (
        each.values is not None or each.type in ("boolean", "integer", "number")
    )
    if each.is_required and not has_default:
        entry["required"] = True
    if values is not None:
        entry["values"] = values
        limits = {}
    if has_default:
        entry["default"] = _our_default(each, name, send_as)
        if each.is_required:
            entry["send_always"] = True
    if send_as:
        entry["send_as"] = send_as
    # A page may state the length of a number; the catalog knows no such thing.
    fitting = [word for word in LIMITS if word in limits and entry.get("type", "text") in FITTING.get(word, TYPES)]
    entry.update({word: limits[word] for word in fitting})
    if each.item is not None and not each.sort:
        entry["items"] = _part(each.item, (*path, "items"), doubts)
    elif each.fields:
        entry["fields"] = _parts(each, path, doubts)
    guessed = [f"the name, for {each.wire}"] if name != each.wire else []
    if each.guessed and values is None:
        guessed.append(f"{', '.join(sorted(each.guessed, key=LIMITS.index))}, from the page's words")
    if guessed:
        words.insert(0, f"guessed: {'; '.join(guessed)}")
    return entry


def _part(item: Field, path: Tuple[str, ...], doubts: Dict[Tuple[str, ...], List[str]]) -> Dict[str, Any]:
    """What a list holds."""
    entry = _parameter(item, item.wire, path, doubts)
    entry.pop("required", None)
    return entry


def _parts(each: Field, path: Tuple[str, ...], doubts: Dict[Tuple[str, ...], List[str]]) -> Dict[str, Any]:
    """The parts of an object, under their own names: the table of names is about whole inputs."""
    return {wire: _parameter(part, wire, (*path, "fields", wire), doubts) for wire, part in each.fields.items()}


def _values(each: Field, name: str) -> Tuple[Any, Optional[str]]:
    """The allowed values in our words, and how they are cast for the wire."""
    if each.values is None:
        return None, None
    if each.type == "text" and all(re.fullmatch(r"-?(?:0|[1-9]\d*)", str(value)) for value in each.values):
        return [int(value) for value in each.values], "text"
    ours = {canonical_value(name, value): value for value in each.values}
    is_plain = len(ours) < len(each.values) or all(our == wire for our, wire in ours.items())
    return (list(each.values) if is_plain else ours), None


def _our_default(each: Field, name: str, send_as: Optional[str]) -> Any:
    if send_as == "text":
        return int(each.default)
    values, _ = _values(each, name)
    if isinstance(values, dict):
        return next(our for our, wire in values.items() if str(wire) == str(each.default))
    return each.default


def _let_text_be_prompt(parameters: Dict[str, Any]) -> None:
    """Where the one text that must be given is not called prompt, let callers call it so."""
    texts = [name for name, entry in parameters.items() if entry.get("required") and entry.get("type") == "text"]
    if len(texts) == 1 and "prompt" not in parameters:
        entry = parameters[texts[0]]
        kept = {word: entry.pop(word) for word in list(entry) if word != "wire"}
        entry.update({"aliases": ["prompt"], **kept})


def _rules_in(each: Field, fields: Mapping[str, Field]) -> Iterator[str]:
    """Sentences of a description that name another field and sound like a rule."""
    others = [wire for wire in fields if wire != each.wire and (len(wire) > 4 or "_" in wire)]
    for sentence in _SENTENCE.split(each.words):
        if _RULE_WORDS.search(sentence) and any(re.search(rf"\b{re.escape(wire)}\b", sentence) for wire in others):
            shown = sentence if len(sentence) <= _LONGEST_QUOTE else sentence[: _LONGEST_QUOTE - 3] + "..."
            yield f'a rule? The page says: "{shown}"'
