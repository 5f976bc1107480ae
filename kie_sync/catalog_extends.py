"""Entries that say only what differs: what `extends` names completes them.

An entry may extend a model, or one of the `bases`: entries that are no models themselves. It is completed when
it is first asked for. Every part keeps the place where it stands, so that a fault is told there.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Optional, Set, Tuple, Union

from .params import nearest
from .yamlfile import REMOVED, YamlMap, merge

Path = Tuple[Union[str, int], ...]
Where = Tuple[str, str]  # ("models", id) or ("bases", name)
MODELS, BASES = "models", "bases"

# What is one entry's own, and never comes from another: its names, its fate, what the customer takes for it, and what
# somebody read or tried about just this model.
OWN = ("extends", "title", "slug", "note", "retired_on", "replaced_by", "source", "checked", "tariffs", "examples")


class CannotExtend(Exception):
    """What an entry extends is not there, or leads back to it: the place of the word, and a sentence."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


class Entries:
    """The entries of `models` and `bases`, each completed when it is first asked for."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._raw = {section: _map(root.get(section)) for section in (MODELS, BASES)}
        self._whole: Dict[Where, Any] = {}

    def whole(self, where: Where) -> Any:
        """An entry with all that it takes from others.

        Raises:
            CannotExtend: it cannot be completed.
        """
        if where not in self._whole:
            own, above = self._own(where), self.above(where)
            parent = self.whole(above[0]) if above else None
            if isinstance(parent, YamlMap):
                own = merge(_inherited(parent), own)
            # What a layer removed, and nobody further up had either.
            self._whole[where] = _without(own, REMOVED) if "extends" in _map(own) else own
        return self._whole[where]

    def completed(self) -> Dict[str, Dict[str, Any]]:
        """Every model's entry with all that it takes from others, and no word of whom it takes it from.

        Raises:
            CannotExtend: one cannot be completed.
        """
        models = {model_id: self.whole((MODELS, model_id)) for model_id in self._raw[MODELS]}
        return {
            model_id: {word: part for word, part in entry.items() if word != "extends"}
            for model_id, entry in models.items()
        }

    def above(self, where: Where) -> List[Where]:
        """What an entry extends, the nearest first.

        Raises:
            CannotExtend: it cannot be completed.
        """
        chain = [where]
        while self.is_extending(chain[-1]):
            name = str(self._own(chain[-1])["extends"])
            step = next(((section, name) for section in (BASES, MODELS) if name in self._raw[section]), None)
            if step is None:
                raise CannotExtend((*chain[-1], "extends"), self._no_such(name))
            if step in chain:
                circle = chain[chain.index(step) :]
                first = circle.index(min(circle))
                circle = [*circle[first:], *circle[:first]]
                names = " extends ".join(name for _, name in [*circle, circle[0]])
                raise CannotExtend((*circle[0], "extends"), f"this is a circle: {names}")
            chain.append(step)
        return chain[1:]

    def is_extending(self, where: Where) -> bool:
        entry = self._own(where)
        return isinstance(entry, YamlMap) and isinstance(entry.get("extends"), str)

    def heirs(self, names: AbstractSet[str]) -> Set[str]:
        """These models, and every model that extends one of them."""
        found = set(names)
        for model_id in self._raw[MODELS]:
            try:
                found |= {model_id} if found & {name for _, name in self.above((MODELS, model_id))} else set()
            except CannotExtend:
                found.add(model_id)
        return found

    def unfinished(self, where: Where) -> Iterator[Tuple[Path, str, bool]]:
        """What an entry still lacks when all is taken together, and what of it leads to nothing.

        The schema has seen the entry's own words already, where nothing is required of them.
        """
        if not self.is_extending(where):
            return
        own, whole = self._own(where), self.whole(where)
        name = str(own["extends"])
        above = self.whole(self.above(where)[0])
        for word, what in (("kind", "what sort of model"), ("endpoint", "how it is called")):
            if whole.get(word) is None:
                yield (), f"{word} is missing, here and in {name}; say {what}", False
        prices = whole.get("price")
        for path, price in _each(prices, ("price",)):
            if isinstance(price, YamlMap) and price.get("unit") is None:
                yield path, f"unit is missing, here and in {name}; say what the amount is for", False
        for path in ((), ("parameters",)):
            mine, theirs = _at(own, path), _map(_at(above, path))
            for word in [word for word, value in _map(mine).items() if value is None and word not in theirs]:
                yield (*path, word), f"there is nothing to remove: {name} has no {word}", False
        stated, inherited = (_map(_at(entry, ("price", "credits"))) for entry in (own, above))
        kept = [word for word in inherited if word not in stated]
        if stated and kept:
            text = f"taken over from {name}, beside amounts that are not: {', '.join(kept)}; state them here, or null"
            yield ("price", "credits"), text, True
        for path in _repeated(own, _map(above)):
            yield path, f"it is the same in {name}; leave it out here, so that it is kept once", True

    def _own(self, where: Where) -> Any:
        section, name = where
        return self._raw[section][name]

    def _no_such(self, name: str) -> str:
        known = [*self._raw[BASES], *self._raw[MODELS]]
        hint = nearest(name, known) or ";"
        return f"there is no base and no model {name}{hint} the bases are: {', '.join(self._raw[BASES]) or 'none'}"


def lay(root: YamlMap, layer: YamlMap) -> YamlMap:
    """One catalog laid over another. What it removes from an entry that extends, it removes from what is inherited."""
    merged: YamlMap = merge(root, layer)
    for section in (MODELS, BASES):
        entries: Any = _map(merged.get(section))
        for name, over in _map(layer.get(section)).items():
            below = _map(root.get(section)).get(name)
            if any("extends" in _map(entry) for entry in (below, over)) and name in entries:
                entries[name] = merge(below, over, keep_removed=True) if below is not None else over
    return merged


def as_written(root: Mapping[str, Any]) -> Dict[str, Any]:
    """A catalog as the schema is to see it: an entry that extends without what it only removes."""
    shown = dict(root)
    for section in (MODELS, BASES):
        if isinstance(shown.get(section), YamlMap):
            shown[section] = {
                name: _without(entry, None, REMOVED) if section == BASES or "extends" in _map(entry) else entry
                for name, entry in shown[section].items()
            }
    return shown


def _map(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, YamlMap) else {}


# A table of amounts is stated whole, or not at all; where a figure was read, and when, is said for each.
_WHOLE = ("credits", "usd", "source", "checked", "note")


def _repeated(own: Mapping[str, Any], above: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """What an entry says again though it would be taken over."""
    for word, value in own.items():
        if word not in above or (not path and word in OWN):
            continue
        inherited = above[word]
        is_table = len(path) > 0 and path[0] == "price" and word in _WHOLE
        if isinstance(value, YamlMap) and isinstance(inherited, YamlMap) and value != inherited:
            if not is_table:
                yield from _repeated(value, inherited, (*path, word))
        elif value == inherited and not is_table:
            yield (*path, word)


def _at(entry: Any, path: Path) -> Any:
    for step in path:
        entry = _map(entry).get(str(step))
    return entry


def _each(found: Any, path: Path) -> Iterator[Tuple[Path, Any]]:
    if isinstance(found, list):
        yield from (((*path, position), part) for position, part in enumerate(found))
    else:
        yield path, found


def _inherited(entry: YamlMap) -> YamlMap:
    return _kept(entry, lambda name, _: name not in OWN)


def _without(entry: Any, *unwanted: Optional[object]) -> Any:
    """A copy without these, however deep; what `values` maps to null is sent as nothing, and stays."""
    if not isinstance(entry, YamlMap):
        return entry
    kept = _kept(entry, lambda name, value: not any(value is word for word in unwanted))
    for name, value in kept.items():
        if name != "values":
            kept[name] = _without(value, *unwanted)
    return kept


def _kept(entry: YamlMap, is_wanted: Any) -> YamlMap:
    kept = YamlMap()
    kept.mark = entry.mark
    for name, value in entry.items():
        if is_wanted(name, value):
            kept[name] = value
            kept.key_marks[name], kept.value_marks[name] = entry.key_marks[name], entry.value_marks[name]
    return kept
