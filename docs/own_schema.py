"""Writes schemas/own.schema.json: the schema for files that are laid over others, from that of whole catalogs.

Such a file says only what differs, so nothing is required of it, and `null` removes what stands below.
Run by `make docs`; tests/test_schema.py compares.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict

from kie_sync.catalog import read_schema

OWN = Path(__file__).resolve().parent.parent / "schemas" / "own.schema.json"
# Parts of a file whose entries are named: each may be there below, and then any of its words may be left out.
_NAMED = ("kinds", "providers", "endpoints", "tariffs", "plans")


def own_schema() -> Dict[str, Any]:
    schema = read_schema()
    schema["title"] = "A catalog file of your own"
    schema["description"] = "What is laid over the catalog: only what differs; null removes."
    parts, words = schema["properties"], schema["$defs"]["extending"]["properties"]
    parts["money"].pop("required")
    for name in _NAMED:
        entry = parts[name]["additionalProperties"]
        entry.pop("required")
        entry.pop("allOf", None)
        entry["properties"] = {word: _or_nothing(about) for word, about in entry["properties"].items()}
        parts[name]["additionalProperties"] = _or_nothing(entry)
    for name in ("bases", "models"):
        about = {"title": "An entry", "description": "A model, or what changes in one; null hides it."}
        parts[name]["additionalProperties"] = _or_nothing({"$ref": "#/$defs/extending", **about})
    tariffs = schema["$defs"]["model"]["properties"]["tariffs"]
    words["tariffs"] = {**tariffs, "additionalProperties": _or_nothing({"$ref": "#/$defs/price"})}
    for part in (words, schema["$defs"]["parameter"]["properties"], schema["$defs"]["price"]["properties"]):
        part.update({word: _or_nothing(about) for word, about in part.items()})
    return schema


def _or_nothing(part: Dict[str, Any]) -> Dict[str, Any]:
    """The same, or null; as a choice that names the fault of the one side only."""
    if part.get("if") == {"type": "null"}:
        return part
    about = {word: part[word] for word in ("title", "description", "examples") if word in part}
    # Editors offer no values from inside a choice, but for those that stand as examples.
    values = [True, False] if part.get("type") == "boolean" else part.get("enum")
    about.update({"examples": values} if values else {})
    return {**about, "if": {"type": "null"}, "else": part}


def text() -> str:
    return json.dumps(own_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    OWN.write_text(text(), encoding="utf-8")
