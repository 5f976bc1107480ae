"""A checked catalog into a file, and back: what `catalog_load` finds at the next start.

Written whole or not at all, for this user only; where that cannot be done, the next start reads the YAML again.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Dict, List, Mapping

from . import __version__
from .catalog import Catalog
from .catalog_data import SCHEMA_FILE, data_root
from .catalog_stored import DECIMAL, digest, pack
from .yamlfile import YamlMap

# Each set of a user's files has a stored form of its own; those of long ago are of no use.
_KEPT = 20


class CannotStore(ValueError):
    """A catalog has errors, or something in it that JSON does not give back as it was."""


def pack_catalog(catalog: Catalog) -> bytes:
    """A catalog as it is stored.

    Raises:
        CannotStore: it has errors, or holds what cannot be stored.
    """
    if catalog.errors:
        raise CannotStore("it has errors")
    sections = catalog.resolved()
    models = sections.pop("models")
    schema = data_root().joinpath(SCHEMA_FILE).read_bytes()
    head = {
        "version": __version__,
        "schema": digest(schema),
        "sources": [asdict(source) for source in catalog.sources],
        "models": list(models),
        "problems": [asdict(problem) for problem in catalog.problems],
    }
    return pack(head, _to_text(sections), [_to_text(entry) for entry in models.values()])


def build_catalog(ids: List[str], lines: List[bytes]) -> Catalog:
    """The catalog of stored lines. Models are read and built when they are asked for; nothing knows its place."""
    root = YamlMap()
    root.update(_from_text(lines[0]))
    root["models"] = _Later(dict(zip(ids, lines[1:])))
    return Catalog(root, [])


def store_catalog(catalog: Catalog, file: str) -> bool:
    """Put a catalog into a file of the user's own, whole or not at all; whether it was possible."""
    folder = os.path.dirname(file)
    try:
        data = pack_catalog(catalog)
    except CannotStore:
        return False
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".catalog-", dir=folder)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.replace(name, file)
    except OSError:
        _remove(name)
        return False
    _tidy(folder)
    return True


def _tidy(folder: str) -> None:
    try:
        found = [entry for entry in os.scandir(folder) if entry.name.startswith(("catalog-", ".catalog-"))]
        found.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
    except OSError:
        return  # another process tidies as well
    for entry in found[_KEPT:]:
        _remove(entry.path)


def _remove(file: str) -> None:
    with suppress(OSError):  # another process was quicker
        os.unlink(file)


class _Later(YamlMap):
    """Entries by id, each read from its line when it is asked for."""

    def __init__(self, lines: Mapping[str, bytes]) -> None:
        super().__init__()
        self.update(lines)

    def __getitem__(self, name: str) -> Any:
        found = super().__getitem__(name)
        if isinstance(found, bytes):
            found = _from_text(found)
            self[name] = found
        return found

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  (this is `get`)


def _to_text(part: Any) -> str:
    return json.dumps(_plain(part), separators=(",", ":"), allow_nan=False)


def _from_text(text: bytes) -> Any:
    return json.loads(text, object_hook=_number)


def _number(found: Dict[str, Any]) -> Any:
    return Decimal(found[DECIMAL]) if DECIMAL in found else found


def _plain(part: Any) -> Any:
    if isinstance(part, Mapping):
        if DECIMAL in part:
            raise CannotStore(f"the word {DECIMAL} is taken")
        return {name: _plain(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_plain(value) for value in part]
    if isinstance(part, Decimal):
        return {DECIMAL: str(part)}
    if part is None or isinstance(part, (str, bool, int)):
        return part
    raise CannotStore(f"{type(part).__name__} cannot be stored")
