"""Find the catalog's files, read them, and hand out models.

The shipped `models.yaml` comes first, then a user's own files, each laid over what came before:
mappings merge, lists replace, null removes. An entry that extends another is completed when it is asked for.
One broken entry never hides the others: it is listed in `Catalog.problems`, and asking for it raises with
file, line and column. A fault of a base is listed once, for the base.
"""

from __future__ import annotations

from pathlib import Path
from typing import AbstractSet, Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from . import catalog_build as build
from .catalog_data import data_root as data_root
from .catalog_data import read_schema as read_schema
from .catalog_extends import BASES, MODELS, CannotExtend, Entries, Where, as_written
from .catalog_files import Sources, read_with_includes, unread
from .catalog_lookup import Faults
from .catalog_lookup import Path as DataPath
from .catalog_lookup import show_path as show_path
from .catalog_overlay import Overlaid, mended
from .catalog_problems import Problems
from .catalog_shapes import shape_faults
from .catalog_shipped import read_shipped
from .catalog_stored import StoredCatalog
from .definitions import Endpoint, Model, Money, Plan, Provider, Tariff
from .errors import CatalogProblem, KieCatalogError, KieUnknownModelError
from .params import nearest
from .yamlfile import Mark, YamlMap, mark_at

# The sections that no model can do without.
_NEEDED = ("money", "kinds", "providers", "endpoints", "tariffs")
_SHARED = (*_NEEDED, "names")


def read_catalog(*paths: Union[str, Path], check: bool = False, shipped: Optional[Path] = None) -> Catalog:
    """Read the shipped catalog, and lay these files over it.

    A user's files are always checked. The shipped files are when they are read from a checkout, where
    they may have been edited, or when `check` asks for it. The file `shipped` takes the shipped one's place.

    Raises:
        KieConfigError: a file cannot be read.
        KieCatalogError: the shipped catalog itself cannot be read.
    """
    root = data_root() if shipped is None else shipped.parent
    below = read_shipped(root.joinpath("models.yaml") if shipped is None else shipped, root)
    base, problems, sources = below.root, list(below.problems), [below.sources]
    if problems and not all(base.get(name) for name in _NEEDED):
        raise KieCatalogError(problems)
    every = set(base[MODELS]) if isinstance(base.get(MODELS), YamlMap) else set()
    must_check = check or (shipped is None and isinstance(root, Path) and root.name != "_data")
    if below.alone is None or (must_check and not below.is_sound):
        touched, sections = (every, set(base)) if must_check else (set(), set())
        below.alone = Catalog(base, (), touched=touched, sections=sections, problems=problems)
        below.alone.sources = (below.sources,)
        below.is_sound = must_check and not below.alone.problems
    if not paths:
        alone: Catalog = below.alone
        return alone
    is_known = below.is_sound or not must_check
    touched, sections = (set(), set()) if is_known else (set(every), set(base))
    layers: List[YamlMap] = []
    for path in map(Path, paths):
        sources.append(Sources())
        layer, found = read_with_includes(path, str(path), path.parent, sources[-1])
        problems += found
        layers.append(layer)
        sections |= set(layer)
        for section in (MODELS, BASES):
            touched |= set(layer[section]) if isinstance(layer.get(section), YamlMap) else set()
    known = below.alone if is_known else None
    catalog = Catalog(base, layers, touched=touched, sections=sections, problems=problems, below=known)
    catalog.sources = tuple(sources)
    return catalog


class Catalog(Mapping[str, Model]):
    """The models by id, and what they share. Looking up an unknown id says what is near.

    Args:
        touched: models and bases; they and all that extend them are checked at once, the others when asked for.
        sections: the parts that are held against the schema.
        below: the catalog of the base alone; the models that nothing touches are its models.

    Attributes:
        hidden: the models that a user's file takes away, and where it says so.
        bases: the entries that are no models themselves, and where each of them stands.
        sources: the files that it was read from, those of each layer together.
    """

    sources: Tuple[Sources, ...] = ()

    def __init__(
        self,
        base: YamlMap,
        layers: Sequence[YamlMap],
        *,
        touched: AbstractSet[str] = frozenset(),
        sections: AbstractSet[str] = frozenset(),
        problems: Sequence[CatalogProblem] = (),
        below: Optional[Catalog] = None,
    ) -> None:
        self._built: Dict[str, Model] = {}
        overlaid = Overlaid(base)
        for layer in layers:
            overlaid.add(layer)
        self.hidden: Dict[str, Mark] = overlaid.hidden
        self._problems = Problems((*problems, *overlaid.problems))
        root = overlaid.root
        if layers:
            touched = Entries(root).heirs(touched)
        if sections:
            root = self._check_shapes(root, base, touched, sections)
        # What models share was changed: each of them may be touched by it, but for its shape.
        if any(section in layer for layer in layers for section in _SHARED):
            touched, below = set(root.get(MODELS) or ()), None
        self._touched, self._below = touched, below
        self._raw = root
        self._entries = Entries(root)
        self.bases: Dict[str, Mark] = {name: mark_at(root, (BASES, name), key=True) for name in root.get(BASES) or ()}
        self._models: Mapping[str, Any] = root.get("models") or {}
        self._kinds: Mapping[str, Any] = root["kinds"]
        self.money: Money = build.build_money(root["money"])
        self.providers: Dict[str, Provider] = {
            name: build.build_provider(name, raw) for name, raw in root["providers"].items()
        }
        faults = Faults()
        self.endpoints: Dict[str, Endpoint] = build.build_endpoints(root["endpoints"], self.providers, faults)
        self.tariffs: Dict[str, Tariff] = {name: build.build_tariff(name, raw) for name, raw in root["tariffs"].items()}
        self.plans: Dict[str, Plan] = {
            name: build.build_plan(name, raw) for name, raw in (root.get("plans") or {}).items()
        }
        self.names: Mapping[str, Any] = {name: raw or {} for name, raw in (root.get("names") or {}).items()}
        self.aliases: Dict[str, str] = build.build_aliases(self.names, faults)
        for path, message, _ in faults.found:
            self._problems.report(path, mark_at(root, path), message)
        for model_id in sorted(name for name in touched & set(self._models) if not self._problems.of(name)):
            self._build(model_id)

    @property
    def default_tariff(self) -> str:
        """The first tariff of the catalog."""
        return next(iter(self.tariffs))

    @property
    def problems(self) -> Tuple[CatalogProblem, ...]:
        """Everything found wrong, with file, line and column; warnings as well."""
        return self._problems.found

    @property
    def errors(self) -> Tuple[CatalogProblem, ...]:
        """The problems that are not mere warnings."""
        return tuple(problem for problem in self.problems if not problem.is_warning)

    def __getitem__(self, model_id: str) -> Model:
        if model_id not in self._models and not self._problems.of(model_id):
            raise KieUnknownModelError(str(model_id), self._hint(str(model_id)))
        model = None if self._problems.of(model_id) else self._built.get(model_id) or self._build(model_id)
        if model is None:
            raise KieCatalogError(self._problems.of(model_id))
        return model

    def __contains__(self, model_id: object) -> bool:
        return model_id in self._models and not self._problems.of(str(model_id))

    def __iter__(self) -> Iterator[str]:
        return (model_id for model_id in self._models if not self._problems.of(model_id))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Catalog({len(self)} models)"

    def raw(self, model_id: str) -> Any:
        """A model's entry, completed by what it extends, with the places of its parts."""
        try:
            return self._entries.whole((MODELS, model_id))
        except CannotExtend:
            return self._models[model_id]

    def places(self, model_id: str) -> List[Tuple[str, Mark]]:
        """Where an entry stands, and then what it extends, the nearest first: names and places."""
        chain = [(MODELS, model_id), *self._entries.above((MODELS, model_id))]
        return [(where[1], mark_at(self._raw, where, key=True)) for where in chain]

    def resolved(self) -> Dict[str, Any]:
        """All of it as one mapping, each entry completed by what it extends: for whoever stores it.

        Raises:
            CannotExtend: an entry cannot be completed.
        """
        shared = {name: part for name, part in self._raw.items() if name != BASES}
        return {**shared, MODELS: self._entries.completed()}

    def _hint(self, model_id: str) -> str:
        if model_id in self.hidden:
            return f"it is hidden by {self.hidden[model_id].file}:{self.hidden[model_id].line}"
        if model_id in self.bases:
            return f"it is a base, which models extend; `kie-sync catalog explain {model_id}` explains it"
        short = {known.rpartition("/")[2]: known for known in self}
        close = f'did you mean "{short[model_id]}"?' if model_id in short else nearest(model_id, self)
        return (close.lstrip("; ") or "`kie-sync models` lists them all") + unread(self.problems)

    def _check_shapes(
        self, root: YamlMap, base: YamlMap, touched: AbstractSet[str], sections: AbstractSet[str]
    ) -> YamlMap:
        schema = read_schema()
        wrong_sections = set()
        looked_at = as_written({name: part for name, part in root.items() if name in sections})
        for path, message, at_key in shape_faults(looked_at, touched, schema):
            self._problems.report(path, mark_at(root, path, key=at_key), message)
            if path and (path[0] not in (MODELS, BASES) or len(path) == 1):
                wrong_sections.add(str(path[0]))
        if not isinstance(root.get(MODELS), YamlMap):
            wrong_sections.add(MODELS)
        bases, models = root.get(BASES), root.get(MODELS)
        for name in bases if isinstance(bases, YamlMap) else ():
            if isinstance(models, YamlMap) and name in models:
                path = (BASES, name)
                message = "a model has this name; call the base otherwise"
                self._problems.report(path, mark_at(root, path, key=True), message)
        for name in _NEEDED:
            if not root.get(name):
                wrong_sections.add(name)
                message = "nothing is left of this section; it counts as shipped"
                self._problems.report((name,), mark_at(root, (name,)), message)
        # A section that is wrong is replaced by the shipped one, so that the other models go on working.
        own = {path[0] for path, _, _ in shape_faults(as_written(base), set(), schema)} if wrong_sections else set()
        if wrong_sections & own or not all(base.get(name) for name in _NEEDED):
            raise KieCatalogError(self.errors)
        return mended(root, base, wrong_sections)

    def _build(self, model_id: str) -> Optional[Model]:
        if self._below is not None and model_id not in self._touched:
            return self._below[model_id]
        where = (MODELS, model_id)
        try:
            above, raw = self._entries.above(where), self._entries.whole(where)
        except CannotExtend as fault:
            self._problems.report(fault.path, mark_at(self._raw, fault.path), fault.message + unread(self.problems))
            above, raw = [(str(fault.path[0]), str(fault.path[1]))], None
        self._problems.take_over(model_id, above)
        if self._problems.of(model_id):
            return None
        model, found = self._try(where, raw)
        for path, message, is_warning in found:
            mark, owner = mark_at(raw, path), where
            for higher in above:
                if (path, message, is_warning) not in self._faults_of(higher, raw):
                    break
                if mark_at(self._entries.whole(higher), path) == mark:
                    owner = higher
            self._problems.report((*owner, *path), mark, message, is_warning=is_warning)
        self._problems.take_over(model_id, above)
        if model is None or self._problems.of(model_id):
            return None
        self._built[model_id] = model
        return model

    def _try(self, where: Where, raw: Any) -> Tuple[Optional[Model], List[Tuple[DataPath, str, bool]]]:
        """An entry built, or what is wrong with it."""
        faults = Faults()
        faults.found += self._entries.unfinished(where)
        if any(not is_warning for _, _, is_warning in faults.found):
            return None, faults.found
        for word, known in (("endpoint", self.endpoints), ("kind", self._kinds)):
            if raw[word] not in known:
                hint = nearest(raw[word], known) or ";"
                faults.error((word,), f"there is no {word} {raw[word]}{hint} there are: {', '.join(known)}")
        if not faults.found and (raw["kind"] == "chat") is (self.endpoints[raw["endpoint"]].shape == "task"):
            faults.error(("endpoint",), f"a model of kind {raw['kind']} cannot be called by {raw['endpoint']}")
        if any(not is_warning for _, _, is_warning in faults.found):
            return None, faults.found
        model = build.build_model(
            where[1],
            raw,
            endpoint=self.endpoints[raw["endpoint"]],
            kind=self._kinds[raw["kind"]],
            money=self.money,
            tariffs=self.tariffs,
            aliases=self.aliases,
            faults=faults,
        )
        return model, faults.found

    def _faults_of(self, where: Where, heir: Mapping[str, Any]) -> List[Tuple[DataPath, str, bool]]:
        """What is wrong with an entry by itself, called as its heir is where it does not say how."""
        filled = {**{word: heir.get(word) for word in ("kind", "endpoint")}, **self._entries.whole(where)}
        if not (filled["kind"] and filled["endpoint"]):
            return []
        if isinstance(filled.get("price"), YamlMap) and "unit" not in filled["price"]:
            del filled["price"]
        return self._try(where, filled)[1]


# What stands for one is one.
Catalog.register(StoredCatalog)
