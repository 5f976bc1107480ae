"""Whether a condition holds, and how it reads in words.

`given` is what the caller gave; `values` has the defaults as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, List, Optional, Set

from .definitions import Condition
from .values import Values, find, is_given, numbers_of, show


def holds(condition: Condition, given: Values, values: Values) -> bool:
    """Whether a condition holds."""
    if condition.all:
        return all(holds(part, given, values) for part in condition.all)
    if condition.any:
        return any(holds(part, given, values) for part in condition.any)
    if condition.negated is not None:
        return not holds(condition.negated, given, values)
    return _test(condition, given, values)


def _test(test: Condition, given: Values, values: Values) -> bool:
    if test.where is not None:
        number = len(kept(test.path, test.where, values))
        open_below = test.present is False or test.count_max is not None
        least = test.count_min if test.count_min is not None else 0 if open_below else 1
        most = 0 if test.present is False else test.count_max
        return number >= least and (most is None or number <= most)
    found = find(test.path, values)
    if test.present is not None and is_given(test.path, given) is not test.present:
        return False
    if test.values is not None and not any(value in test.values for value in found):
        return False
    if test.not_values is not None and any(value in test.not_values for value in found):
        return False
    if test.count_min is not None or test.count_max is not None:
        count = count_of(test.path, values)
        if count < (test.count_min or 0) or (test.count_max is not None and count > test.count_max):
            return False
    if test.min is not None or test.max is not None:
        numbers = numbers_of(found)
        if not numbers or len(numbers) < len(found):
            return False
        if (test.min is not None and min(numbers) < test.min) or (test.max is not None and max(numbers) > test.max):
            return False
    return test.matches is None or any(re.search(test.matches, str(value)) for value in found)


def kept(path: str, where: Condition, values: Values) -> List[Any]:
    """The items of a list for which `where` holds."""
    items = find(path if path.endswith("[]") else path + "[]", values)
    return [item for item in items if isinstance(item, Mapping) and holds(where, item, item)]


def count_of(path: str, values: Values) -> int:
    """How many items the lists have that a path leads to; a path that ends with [] counts what it finds."""
    found = find(path, values)
    if path.endswith("[]"):
        return len(found)
    return sum(len(value) if isinstance(value, (list, tuple)) else 1 for value in found)


def describe(condition: Optional[Condition]) -> str:
    """A condition in words, for messages that have no sentence of their own."""
    if condition is None:
        return ""
    if condition.all:
        return " and ".join(describe(part) for part in condition.all)
    if condition.any:
        return " or ".join(describe(part) for part in condition.any)
    if condition.negated is not None:
        return f"not ({describe(condition.negated)})"
    words = []
    if condition.where is not None:
        words.append(
            f"has an item whose {describe(condition.where)}"
            if condition.present is not False
            else f"has no item whose {describe(condition.where)}"
        )
    elif condition.present is not None:
        words.append("is given" if condition.present else "is not given")
    if condition.values is not None:
        words.append(f"is {' or '.join(show(value) for value in condition.values)}")
    if condition.not_values is not None:
        words.append(f"is not {' or '.join(show(value) for value in condition.not_values)}")
    if condition.count_min is not None and condition.count_min == condition.count_max:
        words.append(f"has {count_items(condition.count_min)}")
    else:
        if condition.count_min is not None:
            words.append(f"has {count_items(condition.count_min)} or more")
        if condition.count_max is not None:
            words.append(f"has at most {count_items(condition.count_max)}")
    if condition.min is not None:
        words.append(f"is {show(condition.min)} or more")
    if condition.max is not None:
        words.append(f"is {show(condition.max)} or less")
    if condition.matches is not None:
        words.append(f"matches {condition.matches}")
    return f"{condition.path} {' and '.join(words)}"


def count_items(number: int) -> str:
    return "1 item" if number == 1 else f"{number} items"


def mentioned(condition: Optional[Condition]) -> Set[str]:
    if condition is None:
        return set()
    parts = [*condition.all, *condition.any, *([condition.negated] if condition.negated else [])]
    own = {root_of(condition.path)} if condition.path else set()
    return own.union(*(mentioned(part) for part in parts))


def root_of(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
