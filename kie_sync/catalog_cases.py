"""Holes in a price that is stated in cases: calls that the model takes, and that no case fits."""

from __future__ import annotations

import itertools
from typing import Any, Dict, Iterator, List, Optional, Sequence

from .conditions import holds
from .definitions import FILE_TYPES, UNSET, Condition, Model, Parameter, Price
from .errors import KieInputError
from .params import resolve
from .values import key_of

# More combinations than this are not tried.
_MOST = 2000
_NOT_GIVEN = "not given"


def uncovered(model: Model, price: Price) -> Iterator[str]:
    """A sentence about the calls that no case of a price fits; nothing where that cannot be tried out."""
    if not price.cases or price.cases[-1].when is None:
        return
    leaves = [leaf for case in price.cases if case.when is not None for leaf in _leaves(case.when)]
    choices: Dict[str, List[Any]] = {}
    for name in dict.fromkeys(leaf.path for leaf in leaves):
        found = _choices(model, name, [leaf for leaf in leaves if leaf.path == name])
        if found is None:
            return
        choices[name] = found
    total = 1
    for values in choices.values():
        total *= len(values)
    if total > _MOST:
        return
    missing = list(_unfit(model, price, choices))
    if missing:
        shown = "; or ".join(missing[:3]) + ("; and more" if len(missing) > 3 else "")
        yield f"no case fits {shown}; add a case for it, or a last one without when (unknown: why, if need be)"


def _unfit(model: Model, price: Price, choices: Dict[str, List[Any]]) -> Iterator[str]:
    for combination in itertools.product(*choices.values()):
        given = {name: value for name, value in zip(choices, combination) if value is not UNSET}
        try:
            arguments = resolve(model, given, partial=True)
        except KieInputError:
            continue
        if not any(case.when is None or holds(case.when, arguments.given, arguments.values) for case in price.cases):
            yield ", ".join(f"{name} {_shown(value)}" for name, value in zip(choices, combination))


def _shown(value: Any) -> str:
    if value is UNSET:
        return _NOT_GIVEN
    if isinstance(value, list):
        return f"with {len(value)} items" if len(value) != 1 else "given"
    return "given" if isinstance(value, str) and "://" in value else key_of(value)


def _leaves(condition: Condition) -> Iterator[Condition]:
    inner = [*condition.all, *condition.any, *([condition.negated] if condition.negated is not None else [])]
    for part in inner:
        yield from _leaves(part)
    if not inner:
        yield condition


def _choices(model: Model, name: str, leaves: Sequence[Condition]) -> Optional[List[Any]]:
    """Values of a parameter that differ for these tests; None where they cannot be listed."""
    parameter = model.parameters.get(name)
    if parameter is None or any(leaf.where is not None or leaf.matches is not None for leaf in leaves):
        return None
    found = _given(parameter, leaves)
    if found is None or parameter.constant is not UNSET:
        return None if parameter.constant is UNSET else [UNSET]
    return found if parameter.required else [UNSET, *found]


def _given(parameter: Parameter, leaves: Sequence[Condition]) -> Optional[List[Any]]:
    if parameter.values is not None:
        return [choice.value for choice in parameter.values]
    if parameter.type == "boolean":
        return [False, True]
    if parameter.type in ("integer", "number"):
        bounds = [bound for leaf in leaves for bound in (leaf.min, leaf.max) if bound is not None]
        near = [bound + step for bound in bounds for step in (-1, 0, 1)]
        named = [value for leaf in leaves for value in (*(leaf.values or ()), *(leaf.not_values or ()))]
        ends = [end for end in (parameter.min, parameter.max) if end is not None]
        return list(dict.fromkeys([*near, *named, *ends, *parameter.also])) or [1]
    if parameter.type in FILE_TYPES:
        url = f"{parameter.schemes[0]}://example.com/a"
        if not parameter.is_list:
            return [url]
        counts = [count for leaf in leaves for count in (leaf.count_min, leaf.count_max) if count is not None]
        around = sorted({1, *(count + step for count in counts for step in (-1, 0, 1) if count + step > 0)})
        return [[f"{url}{number}" for number in range(count)] for count in around if count <= 20]
    return ["text"] if parameter.type == "text" and parameter.pattern is None else None
