"""A price that changes: which amounts an entry states, and the dated price that is added beside the old one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

from .definitions import NOT_OFFERED, UNKNOWN
from .params import nearest
from .values import key_of

Path = Tuple[Union[str, int], ...]
_CURRENCIES = ("credits", "usd")
_WORDS = (UNKNOWN, NOT_OFFERED)
_FIGURE = re.compile(r"[0-9]+(\.[0-9]+)?\Z|\.[0-9]+\Z")
# What was said of the old figure only.
_OLD = ("valid_from", "valid_until", "observed")


class CannotReprice(Exception):
    """What was asked for does not fit the price; the message says what does."""


@dataclass(frozen=True)
class Cell:
    """One amount of a price: its name, such as `1080p/10`, and where it stands inside the price."""

    name: str
    path: Path
    amount: Any


def cells(price: Mapping[str, Any]) -> List[Cell]:
    """Every amount that a price states."""
    found = list(_cells_of(price, "", ()))
    for position, case in enumerate(price.get("cases") or ()):
        found += _cells_of(case, f"case{position + 1}", ("cases", position))
    return found


def _cells_of(price: Mapping[str, Any], prefix: str, where: Path) -> Iterator[Cell]:
    currency = next((word for word in _CURRENCIES if price.get(word) is not None), None)
    if currency is not None:
        for path, amount in _leaves(price[currency]):
            name = "/".join([*([prefix] if prefix else []), *map(str, path)])
            yield Cell(name if path else prefix or currency, (*where, currency, *path), amount)
    surcharges = price.get("surcharges") or ()
    for position, surcharge in enumerate(surcharges):
        name = "surcharge" if len(surcharges) == 1 else f"surcharge{position + 1}"
        path = (*where, "surcharges", position, "credits")
        yield Cell(f"{prefix}/{name}" if prefix else name, path, surcharge.get("credits"))


def _leaves(table: Any) -> Iterator[Tuple[Path, Any]]:
    if isinstance(table, Mapping):
        for key, inner in table.items():
            yield from (((str(key), *path), amount) for path, amount in _leaves(inner))
    else:
        yield (), table


def change(price: Mapping[str, Any], wanted: Sequence[str]) -> Dict[str, Any]:
    """A copy of a price with other amounts; each of `wanted` is NAME=AMOUNT.

    Raises:
        CannotReprice: a name or an amount that does not fit; all of them in one message.
    """
    changed: Dict[str, Any] = _copy(price)
    faults: List[str] = []
    known = cells(price)
    for pair in wanted:
        name, _, text = (part.strip() for part in pair.partition("="))
        amount = _read(text)
        if amount is None:
            faults.append(f'{pair}: write a figure, such as {name or "credits"}=20, or "unknown" or "not_offered"')
            continue
        if not known and name in _CURRENCIES:
            changed.pop("unknown", None)
            changed[name] = amount
            continue
        fitting = _fitting(name, known)
        if len(fitting) != 1:
            faults.append(f"{pair}: {_choice(name, fitting, known)}")
            continue
        if isinstance(amount, str) and len(fitting[0].path) == 1:
            faults.append(f"{pair}: a price that is one figure cannot be {amount}; write `unknown: why` by hand")
            continue
        _set(changed, fitting[0].path, amount)
    if faults:
        raise CannotReprice("; ".join(faults))
    return changed


def _read(text: str) -> Any:
    if text in _WORDS:
        return text
    if not _FIGURE.match(text):
        return None
    return int(text) if text.isdigit() else Decimal(text)


def _fitting(name: str, known: Sequence[Cell]) -> List[Cell]:
    exact = [cell for cell in known if cell.name == name]
    if exact:
        return exact
    wanted = name.split("/")
    found = []
    for cell in known:
        steps = iter(cell.name.split("/"))
        if name and all(step in steps for step in wanted):
            found.append(cell)
    return found


def _choice(name: str, fitting: Sequence[Cell], known: Sequence[Cell]) -> str:
    if fitting:
        return f"several amounts fit {name}: {', '.join(cell.name for cell in fitting)}"
    if not known:
        return "the price states no amount; write credits=20"
    shown = ", ".join(f"{cell.name} ({key_of(cell.amount)})" for cell in known)
    hint = nearest(name, [cell.name for cell in known]) or ";"
    return f"the price has no {name or 'name'}{hint} its amounts are: {shown}"


def _set(price: Any, path: Path, amount: Any) -> None:
    for step in path[:-1]:
        price = price[step]
    price[path[-1]] = amount


def dated(
    old: Sequence[Mapping[str, Any]], at: int, changed: Mapping[str, Any], *, day: str, source: str, checked: str
) -> Tuple[List[Dict[str, Any]], int, bool]:
    """All prices with one more that begins on a day; where it stands, and whether it took another's place.

    A price that began on that very day is put right instead: two cannot begin at once.
    """
    prices = [_copy(price) for price in old]
    new = {word: value for word, value in _copy(changed).items() if word not in (*_OLD, "source", "checked")}
    new.update(valid_from=day, source=source, checked=checked)
    if old[at].get("valid_from") == day:
        until = {"valid_until": old[at]["valid_until"]} if old[at].get("valid_until") else {}
        prices[at] = {**new, **until}
        return prices, at, True
    prices.insert(at + 1, new)
    return prices, at + 1, False


def in_force(prices: Sequence[Mapping[str, Any]], instant: str) -> int:
    """Which price is in force at an instant, or was the last to be; -1 when none has begun."""
    begun = [at for at, price in enumerate(prices) if not price.get("valid_from") or price["valid_from"] <= instant]
    return begun[-1] if begun else -1


def plain(value: Any) -> Any:
    """What was read from YAML, without the places of its parts."""
    return _copy(value)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copy(part) for key, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value
