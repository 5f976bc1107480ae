"""New entries at the end of a person's own catalog file: as text, so that nothing in it is laid out anew."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence

from ...catalog import data_root
from ...errors import KieCatalogError, KieConfigError
from ...yamlfile import YamlMap, read_yaml
from .writing import HEADER, Draft, is_installed, read_text

HEAD = ["models:"]


def append_entries(path: Path, entries: Sequence[Sequence[str]], ids: Sequence[str]) -> None:
    """Add entries, as lines, to a file that may not be there yet; whole, or not at all.

    Raises:
        KieConfigError: the file cannot take them; nothing was written.
    """
    if is_installed(path) or path.resolve() == Path(str(data_root().joinpath("models.yaml"))).resolve():
        raise KieConfigError(f"{path} is the shipped catalog; name a file of your own, or one beside it in models/")
    before = read_text(path)
    text = "\n\n".join("\n".join(lines) for lines in entries) + "\n"
    if not before.strip() or before == HEADER:
        after = "\n".join([*HEAD, text])
    else:
        root = _read(before, path)
        models = root.get("models")
        if "models" not in root:
            after = f"{before.rstrip()}\n\n{HEAD[0]}\n{text}"
        elif list(root)[-1] == "models" and isinstance(models, YamlMap) and _indent(models) == 2:
            known = [name for name in ids if name in models]
            if known:
                raise KieConfigError(f"{path} has {', '.join(known)} already")
            after = f"{before.rstrip()}\n\n{text}"
        else:
            raise KieConfigError(
                f"{path}: models: must be the last section, with its entries indented by two spaces; write to another "
                "file, or without --file and paste the entries"
            )
    if not all(name in (_read(after, path).get("models") or {}) for name in ids):
        raise KieConfigError(f"{path}: the entries would not stand under models: there; write to another file")
    Draft(path, before, after).write()


def _read(text: str, path: Path) -> YamlMap:
    try:
        root = read_yaml(text, str(path))
    except KieCatalogError as error:
        raise KieConfigError(f"{path} has a fault; put it right first: {error.message}") from error
    if not isinstance(root, YamlMap):
        raise KieConfigError(f"{path} is no catalog file: a mapping, with models: at its top")
    return root


def _indent(models: YamlMap) -> int:
    """How far the entries stand to the right; 0 for a mapping in braces, or an empty one."""
    columns: List[int] = [mark.column - 1 for mark in models.key_marks.values()]
    lines = [mark.line for mark in models.key_marks.values()]
    return columns[0] if columns and len(set(columns)) == 1 and len(set(lines)) == len(lines) else 0
