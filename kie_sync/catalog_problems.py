"""What is wrong with a catalog, and which of its entries are broken by it."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Iterable, List, Sequence, Tuple

from .catalog_extends import BASES, MODELS, Where
from .catalog_lookup import Path, show_path
from .errors import CatalogProblem
from .yamlfile import Mark


class Problems:
    """Everything found wrong, each once, in the order of finding; and by entry, where an entry is broken by it.

    Attributes:
        found: errors and warnings.
    """

    def __init__(self, found: Iterable[CatalogProblem]) -> None:
        self.found: Tuple[CatalogProblem, ...] = ()
        self._broken: Dict[str, Dict[str, List[CatalogProblem]]] = {MODELS: {}, BASES: {}}
        for problem in found:
            self.found += (problem,)
            section, name = (MODELS, problem.model) if problem.model else (BASES, problem.path[len("bases.") :])
            if not problem.is_warning and (problem.model or problem.path.startswith("bases.")):
                self._broken[section].setdefault(name, []).append(problem)

    def of(self, model_id: str) -> List[CatalogProblem]:
        """Why a model cannot be used; nothing where it can."""
        return self._broken[MODELS].get(model_id, [])

    def report(self, path: Path, mark: Mark, message: str, *, is_warning: bool = False) -> None:
        """Add what is wrong at a place; the entry that the place is in is broken, but for a warning."""
        model_id = str(path[1]) if len(path) > 1 and path[0] == MODELS else ""
        shown = ": ".join(part for part in (model_id, show_path(path[2:] if model_id else path)) if part)
        problem = CatalogProblem(mark.file, mark.line, mark.column, shown, message, model_id, is_warning)
        if problem not in self.found:
            self.found += (problem,)
        if is_warning or len(path) < 2 or path[0] not in self._broken:
            return
        broken = self._broken[str(path[0])].setdefault(str(path[1]), [])
        if problem not in broken:
            broken.append(problem)

    def take_over(self, model_id: str, above: Sequence[Where]) -> None:
        """What an entry extends is broken, so it is broken itself; the fault is listed where it stands."""
        for section, name in above:
            for problem in self._broken[section].get(name, ()) if (section, name) != (MODELS, model_id) else ():
                taken = replace(problem, path=f"{model_id}: {problem.path}", model=model_id)
                self._broken[MODELS].setdefault(model_id, []).append(taken)
