"""What a layer does to the models below it: which it hides, and which of its entries have nothing to change.

A user's file survives an upgrade: an entry that changes a model which is not there any more is left out with a
warning, and the nearest id beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Collection, Dict, List, Mapping

from .catalog_extends import BASES, MODELS, lay
from .errors import CatalogProblem
from .params import nearest
from .yamlfile import Mark, YamlMap

# An entry with one of these is a model of its own; one without only changes what stands below it.
_MAKES_A_MODEL = ("kind", "endpoint", "extends", "title")


@dataclass
class Overlaid:
    """Layers laid over each other.

    Attributes:
        root: the result.
        hidden: the models that a layer took away, and where it says so.
        problems: what a layer says about models that are not there.
    """

    root: YamlMap
    hidden: Dict[str, Mark] = field(default_factory=dict)
    problems: List[CatalogProblem] = field(default_factory=list)

    def add(self, layer: YamlMap) -> None:
        """Lay one more file over the others."""
        below = _map(self.root.get(MODELS))
        layer = self._without_strays(layer, below)
        given: Any = _map(layer.get(MODELS))
        before = self.root
        self.root = lay(self.root, layer)
        for name, entry in given.items():
            if entry is not None:
                self.hidden.pop(name, None)
            elif name in below:
                self.hidden[name] = given.value_marks[name]
                self._keep_for_heirs(name, before)

    def _without_strays(self, layer: YamlMap, below: Mapping[str, Any]) -> YamlMap:
        given = layer.get(MODELS)
        if not isinstance(given, YamlMap):
            return layer
        strays = [name for name, entry in given.items() if name not in below and _changes_only(entry)]
        if not strays:
            return layer
        kept, entries = _copy(layer), _copy(given)
        for name in strays:
            self._warn(name, given.key_marks[name], is_removal=given[name] is None, known=list(below))
            del entries[name]
        kept[MODELS] = entries
        return kept

    def _warn(self, name: str, mark: Mark, *, is_removal: bool, known: List[str]) -> None:
        if is_removal and name in self.hidden:
            return
        message = f"there is no model {name} to {'hide' if is_removal else 'change'}{nearest(name, known)}"
        if not is_removal:
            message += "; the entry is left out (a new model needs title, kind and endpoint)"
        self.problems.append(CatalogProblem(mark.file, mark.line, mark.column, name, message, name, is_warning=True))

    def _keep_for_heirs(self, name: str, before: YamlMap) -> None:
        """A hidden model stays as a base where others extend it: they are not hidden with it."""
        entries = [entry for section in (MODELS, BASES) for entry in _map(self.root.get(section)).values()]
        if not any(_map(entry).get("extends") == name for entry in entries):
            return
        models, bases = before[MODELS], _copy(_map(before.get(BASES)))
        bases[name] = models[name]
        bases.key_marks[name], bases.value_marks[name] = models.key_marks[name], models.value_marks[name]
        root = _copy(self.root)
        root[BASES] = bases
        mark = models.value_marks[name]
        root.key_marks.setdefault(BASES, mark)
        root.value_marks.setdefault(BASES, mark)
        self.root = root


def mended(root: YamlMap, base: YamlMap, wrong: Collection[str]) -> YamlMap:
    """A catalog whose sections that are wrong count as shipped."""
    usable = YamlMap()
    for name in dict.fromkeys((*base, *root)):
        source = base if name in wrong else root
        if name in source:
            usable[name] = source[name]
            usable.key_marks[name], usable.value_marks[name] = source.key_marks[name], source.value_marks[name]
    return usable


def _changes_only(entry: Any) -> bool:
    return entry is None or (isinstance(entry, YamlMap) and bool(entry) and not any(w in entry for w in _MAKES_A_MODEL))


def _map(found: Any) -> Any:
    return found if isinstance(found, YamlMap) else YamlMap()


def _copy(found: YamlMap) -> YamlMap:
    copied = YamlMap()
    copied.update(found)
    copied.mark = found.mark
    copied.key_marks, copied.value_marks = dict(found.key_marks), dict(found.value_marks)
    return copied
