"""A base of the catalog in sentences: what it holds, where it stands, and which models extend it.

A base need not be whole, so it is read through a model that extends it and says only what it lacks.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Set, Tuple

from ...catalog import Catalog
from ...definitions import Model
from ...errors import KieCatalogError
from ...yamlfile import mark_at
from ..run import Run
from .sentences import about_rules
from .writing import read_with

Path = Tuple[str, ...]
# For a base that does not say them, and that no model extends yet; neither is then told.
_STAND_IN: Mapping[str, str] = {"kind": "image", "endpoint": "kie-task"}
_CALLED = {"kind": "Its kind is", "endpoint": "It is called by the endpoint"}


def as_model(run: Run, catalog: Catalog, name: str) -> Tuple[Catalog, Model, List[str]]:
    """A base as a model, the catalog that has it, and what is to be told about the base as a whole.

    Raises:
        KieCatalogError: the base is broken.
    """
    faults = [problem for problem in catalog.errors if f"{problem.path}.".startswith(f"bases.{name}.")]
    if faults:
        raise KieCatalogError(faults)
    heirs = _heirs(catalog, name)
    model_id = f"{name}/as-it-is"
    own: Dict[str, Any] = {"extends": name, "parameters": {}}
    extended = read_with(run, {"models": {model_id: own}})
    stated = extended.raw(model_id)
    known = catalog.raw(heirs[0]) if heirs else _STAND_IN
    lacking = {word: known[word] for word in _CALLED if word not in stated}
    if lacking:
        own.update(lacking)
        extended = read_with(run, {"models": {model_id: own}})
    left_out: List[Path] = []
    while model_id not in extended:
        parts = _unfinished(extended, model_id) - set(left_out)
        if not parts:
            break
        left_out += sorted(parts)
        for part in parts:
            (own["parameters"] if len(part) > 1 else own)[part[-1]] = None
        extended = read_with(run, {"models": {model_id: own}})
    model = extended[model_id]
    told = _places(extended, model_id, heirs)
    told += [f"{what} {stated[word]}." for word, what in _CALLED.items() if word in stated]
    told += about_rules(model)
    for part in left_out:
        mark = mark_at(stated, part, key=True)
        told.append(f"{_called(part)}, in {mark.file}:{mark.line}, can be told only of a model that extends it.")
    return extended, model, told


def _unfinished(extended: Catalog, model_id: str) -> Set[Path]:
    """What is whole only in the models: a price without amounts, limits of no type, a rule about what they add."""
    owners = [f"{model_id}: ", *(f"bases.{name}." for name, _ in extended.places(model_id)[1:])]
    found: Set[Path] = set()
    for problem in extended.errors:
        owner = next((owner for owner in owners if problem.path.startswith(owner)), None)
        if owner is not None:
            steps = [step.partition("[")[0] for step in problem.path[len(owner) :].split(".")]
            found.add(tuple(steps[:2] if steps[0] == "parameters" else steps[:1]))
    return found


def _called(part: Path) -> str:
    return f"Its parameter {part[1]}" if len(part) > 1 else f"Its {part[0]}"


def _heirs(catalog: Catalog, name: str) -> List[str]:
    return [model_id for model_id in catalog if name in (above for above, _ in catalog.places(model_id)[1:])]


def _places(extended: Catalog, model_id: str, heirs: List[str]) -> List[str]:
    _, (name, own), *above = extended.places(model_id)
    told = [
        f"{name} is a base: no model, and nobody can call it; it completes the models that extend it.",
        f"It stands in {own.file}:{own.line}.",
    ]
    for higher, mark in above:
        told.append(f"What it does not say itself comes from {higher}, in {mark.file}:{mark.line}.")
    number = "1 model extends it" if len(heirs) == 1 else f"{len(heirs)} models extend it"
    return [*told, f"{number}: {', '.join(heirs)}." if heirs else "No model extends it."]
