"""From the text of a documentation page, or a schema answer, to `Page`: one model's call as the platform tells it.

A page is Markdown with an OpenAPI document in a fenced block; a schema answer is JSON that holds one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..errors import KieCatalogError, KieConfigError
from ..yamlfile import read_yaml

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})[ \t]*([^\n`]*)$")
_HEADING = re.compile(r"^#[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_LINK = re.compile(r"([\w./-]+)\.json\b")
_DEEPEST = 40


@dataclass(frozen=True)
class Page:
    """One model's call.

    Attributes:
        where: the file or URL that it was read from.
        model_id: what goes into `model`.
        others: further ids that the same page names for the same input.
        path: where the call goes.
        title: the page's heading, "" without one.
        group: the folder of the documentation that it stands in, such as `Market/Video Models/Kling`.
        link: the page's own path in the documentation, where it says so.
        fields: the JSON schema of each field of the input.
        required: the fields that must be there.
        example: the page's sample of an input.
        shapes: how many alternative inputs the page has; they are taken together here.
        is_deprecated: the platform calls the call deprecated.
    """

    where: str
    model_id: str
    path: str
    others: Tuple[str, ...] = ()
    title: str = ""
    group: str = ""
    link: str = ""
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    required: Tuple[str, ...] = ()
    example: Mapping[str, Any] = field(default_factory=dict)
    shapes: int = 1
    is_deprecated: bool = False


def read_pages(text: str, where: str) -> List[Page]:
    """Every call of a model that the text describes.

    Raises:
        KieConfigError: it describes none; the message says what it holds instead.
    """
    title = _first(_HEADING.findall(_outside_fences(text)))
    seen: List[str] = []
    pages: List[Page] = []
    for document, model_id, link in _documents(text, where):
        for path, call in _calls(document):
            page = _page(document, call, where=where, path=path, model_id=model_id, title=title, link=link)
            if page is None:
                seen.append(f"POST {path}")
            else:
                pages.append(page)
    if pages:
        return pages
    found = f"it describes {', '.join(dict.fromkeys(seen))}" if seen else "there is no OpenAPI block in it"
    raise KieConfigError(
        f"{where}: no call with a model and an input in it; {found}. Give a page of the market in Markdown (its "
        "address with .md at the end), or the answer of GET /api/v1/models/MODEL/schema"
    )


def _documents(text: str, where: str) -> Iterator[Tuple[Mapping[str, Any], str, str]]:
    """Each OpenAPI document, with the model that it was asked for and the page's own path, where that is known."""
    stripped = text.lstrip("\ufeff \t\r\n")
    if stripped.startswith("{"):
        yield from _of_answer(_read_json(stripped, where), where)
        return
    blocks = list(_blocks(text))
    if not blocks and re.search(r"^openapi:", text, re.MULTILINE):
        blocks = [("", text, 1)]
    for info, block, line in blocks:
        if not re.search(r"(?:^|[{,])\s*[\"']?openapi[\"']?\s*:", block, re.MULTILINE):
            continue
        if block.lstrip().startswith("{"):
            document = _read_json(block, where)
        else:
            try:
                # So that a fault is told at its line of the page, not of the block.
                document = read_yaml("\n" * (line - 1) + block, where)
            except KieCatalogError as error:
                raise KieConfigError(f"{where}: its OpenAPI block cannot be read: {error.message}") from error
        if isinstance(document, Mapping):
            yield document, "", _first(_LINK.findall(info))


def _of_answer(answer: Any, where: str) -> Iterator[Tuple[Mapping[str, Any], str, str]]:
    if not isinstance(answer, Mapping):
        return
    data = answer.get("data", answer)
    code = answer.get("code", 200)
    if "openapi" in answer and isinstance(answer.get("paths"), Mapping):
        yield answer, "", ""
        return
    if code not in (200, "200") or not isinstance(data, Mapping):
        raise KieConfigError(f"{where}: the platform refused (code {code}): {answer.get('msg') or 'no reason given'}")
    model_id, document = str(data.get("model") or ""), data.get("openapi")
    if isinstance(document, str) and document.strip():
        document = _read_json(document, where) if document.lstrip().startswith("{") else read_yaml(document, where)
    if document is None and "openapi" in data:
        raise KieConfigError(f"{where}: the platform publishes no schema of {model_id or 'this model'}")
    if isinstance(document, Mapping):
        yield document, model_id, ""


def _read_json(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise KieConfigError(f"{where}: it begins as JSON, but is not JSON: {error}") from error


def _blocks(text: str) -> Iterator[Tuple[str, str, int]]:
    """Fenced blocks: what stands behind the fence, the text, and its first line."""
    lines, fence, info, first = text.splitlines(), "", "", 0
    for number, line in enumerate(lines, 1):
        found = _FENCE.match(line)
        if not fence and found:
            fence, info, first = found[1], found[2], number + 1
        elif fence and found and not found[2].strip() and found[1].startswith(fence):
            yield info, "\n".join(lines[first - 1 : number - 1]) + "\n", first
            fence = ""
    if fence:
        yield info, "\n".join(lines[first - 1 :]) + "\n", first


def _outside_fences(text: str) -> str:
    for _, block, _ in _blocks(text):
        text = text.replace(block, "", 1)
    return text


def _calls(document: Mapping[str, Any]) -> Iterator[Tuple[str, Mapping[str, Any]]]:
    paths = document.get("paths")
    for path, methods in paths.items() if isinstance(paths, Mapping) else ():
        call = methods.get("post") if isinstance(methods, Mapping) else None
        if isinstance(call, Mapping):
            yield str(path), call


def _page(
    document: Mapping[str, Any], call: Mapping[str, Any], *, where: str, path: str, model_id: str, title: str, link: str
) -> Optional[Page]:
    content = _mapping(_mapping(call.get("requestBody")).get("content"))
    media = _mapping(content.get("application/json") or next(iter(content.values()), None))
    body = _resolved(document, media.get("schema"))
    properties = _mapping(body.get("properties"))
    named = _ids(_mapping(properties.get("model")))
    ids = list(dict.fromkeys([*([model_id] if model_id else []), *named]))
    if not ids or "input" not in properties:
        return None
    fields, required, shapes = _input(_mapping(properties["input"]))
    info = _mapping(document.get("info"))
    return Page(
        where=where,
        model_id=ids[0],
        others=tuple(ids[1:]),
        path=path,
        title=title or str(info.get("title") or "") or str(call.get("summary") or ""),
        group=next((tag for tag in call.get("tags") or [] if isinstance(tag, str)), ""),
        link=link,
        fields=fields,
        required=required,
        example=_example(media, body, fields, required),
        shapes=shapes,
        is_deprecated=call.get("deprecated") is True,
    )


def _ids(schema: Mapping[str, Any]) -> List[str]:
    listed = schema.get("enum") or [schema.get("const") or schema.get("default") or schema.get("example")]
    return [name for name in listed if isinstance(name, str) and name]


def _input(schema: Mapping[str, Any]) -> Tuple[Dict[str, Mapping[str, Any]], Tuple[str, ...], int]:
    """Fields, which of them every shape needs, and how many shapes there are."""
    shapes = [_mapping(shape) for word in ("oneOf", "anyOf") for shape in schema.get(word) or []]
    shapes = [shape for shape in shapes if shape.get("properties") or shape.get("required")]
    fields: Dict[str, Mapping[str, Any]] = {}
    for part in (schema, *shapes):
        for name, value in _mapping(part.get("properties")).items():
            # Some pages have stray spaces in names; the wire has none.
            fields.setdefault(str(name).strip(), _mapping(value))
    needed = {str(name).strip() for name in schema.get("required") or []}
    if shapes:
        needed |= set.intersection(*({str(name).strip() for name in shape.get("required") or []} for shape in shapes))
    return fields, tuple(name for name in fields if name in needed), max(len(shapes), 1)


def _example(
    media: Mapping[str, Any], body: Mapping[str, Any], fields: Mapping[str, Mapping[str, Any]], required: Sequence[str]
) -> Dict[str, Any]:
    """The input of the page's sample body; put together from the samples of the fields where there is none."""
    samples = [media.get("example"), body.get("example")]
    samples += [_mapping(sample).get("value", sample) for sample in _mapping(media.get("examples")).values()]
    for sample in samples:
        if isinstance(sample, str):
            try:
                sample = json.loads(sample, parse_float=Decimal)
            except (ValueError, RecursionError):
                continue
        given = _mapping(_mapping(sample).get("input"))
        if given and all(name in given for name in required):
            return dict(given)
    found: Dict[str, Any] = {}
    for name, schema in fields.items():
        several = schema.get("examples")
        value = several[0] if isinstance(several, list) and several else schema.get("example")
        if value not in (None, "", [], {}):
            found[name] = value
    return found


def _resolved(document: Mapping[str, Any], node: Any, depth: int = 0) -> Dict[str, Any]:
    """A schema with its references followed and its `allOf` laid together."""
    found = _follow(document, node, depth)
    return found if isinstance(found, dict) else {}


def _follow(document: Mapping[str, Any], node: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return {}
    if isinstance(node, (list, tuple)):
        return [_follow(document, item, depth + 1) for item in node]
    if not isinstance(node, Mapping):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        target: Any = document
        for step in reference.lstrip("#/").split("/"):
            target = _mapping(target).get(step.replace("~1", "/").replace("~0", "~"))
        return {**_resolved(document, target, depth + 1), **{k: v for k, v in node.items() if k != "$ref"}}
    found = {str(key): _follow(document, value, depth + 1) for key, value in node.items() if key != "allOf"}
    for part in node.get("allOf") or []:
        part = _resolved(document, part, depth + 1)
        properties = {**_mapping(found.get("properties")), **_mapping(part.get("properties"))}
        required = [*(found.get("required") or []), *(part.get("required") or [])]
        found = {**found, **part}
        if properties:
            found["properties"] = properties
        if required:
            found["required"] = list(dict.fromkeys(required))
    return found


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _first(found: Sequence[str]) -> str:
    return found[0].strip() if found else ""
