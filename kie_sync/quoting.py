"""From a price of the catalog and checked values to figures: amounts, ranges, and what is not known.

A sum with something unknown in it is unknown; what is known only as a range keeps its two ends.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Union

from .conditions import count_of, holds
from .definitions import NOT_OFFERED, TOKEN_KINDS, UNKNOWN, Model, Price, Seconds, Tariff
from .errors import KieInputError, Problem
from .figures import CostItem, Figure, exactly, tidy, unknown
from .params import Arguments, nearest
from .values import find, is_given, key_of, number_of

MILLION = Decimal(1_000_000)
_TOKEN_UNITS = ("1k_tokens", "1m_tokens")
# Quantities that are no parameters of a call: what was, or will be, used.
COUNTS = ("image_count", "video_count", "result_count")
SECONDS = ("duration_seconds", "input_seconds")
TOKENS = tuple(f"{kind}_tokens" for kind in TOKEN_KINDS)


class Quoter:
    def __init__(self, model: Model, arguments: Arguments, quantities: Mapping[str, Any]) -> None:
        self.model, self.quantities = model, quantities
        self.given, self.values = arguments.given, arguments.values
        self.items: List[CostItem] = []
        self.notes: List[str] = []

    def price(self, price: Optional[Price]) -> Figure:
        if price is None:
            return unknown("the catalog has no price for this model")
        self.notes += [price.note] if price.note else []
        self.notes += [
            f"seen {seen.seen}: {seen.text} credits ({seen.source}); not the price in force" for seen in price.observed
        ]
        case = self.case(price)
        if case is None:
            return unknown("no case of the price fits these arguments")
        self.notes += [case.note] if case.note else []
        if case.unknown:
            return unknown(case.unknown)
        if case.unit in _TOKEN_UNITS:
            return self.tokens(case)
        amount, label = self.amount(case)
        quantity = self.quantity(case)
        total = self.in_credits(amount.times(quantity), case)
        self.item(label or self.model.title, quantity, case.unit, total)
        for surcharge in case.surcharges:
            number = max(0, sum(count_of(path, self.values) for path in surcharge.per) - surcharge.free)
            extra = exactly(number).times(exactly(surcharge.amount)).times(exactly(self.calls(case)))
            if number:
                self.item(
                    f"surcharge for {' and '.join(surcharge.per)} beyond {surcharge.free}",
                    exactly(number),
                    "item",
                    extra,
                )
            total = total.plus(extra)
        return total

    def in_credits(self, figure: Figure, price: Price) -> Figure:
        if price.currency == "credits":
            return figure
        return figure.each(lambda usd: usd / self.model.money.usd_per_credit)

    def item(self, text: str, quantity: Figure, unit: str, total: Figure) -> None:
        self.items.append(CostItem(text, tidy(quantity.likely), unit, tidy(total.likely)))

    def case(self, price: Price) -> Optional[Price]:
        if not price.cases:
            return price
        return next(
            (case for case in price.cases if case.when is None or holds(case.when, self.given, self.values)), None
        )

    def amount(self, price: Price) -> Tuple[Figure, str]:
        """The amount per unit, and the cell that it stands in."""
        cells, label, missing = self.cells(price)
        if missing:
            whys = [
                f"{name}, {price.asks[name]}; say {name}=" if name in price.asks else f"{name}, which was not given"
                for name in missing
            ]
            numbers = [cell for cell in cells if isinstance(cell, Decimal)]
            is_known = bool(numbers) and not any(cell == UNKNOWN for cell in cells)
            low, high = (min(numbers), max(numbers)) if is_known else (None, None)
            return Figure(None, low, high, f"the price goes by {' and by '.join(whys)}"), label
        if cells == [UNKNOWN]:
            return unknown(f"no price is published for {label}" if label else "no price is published"), label
        return exactly(cells[0]), label

    def cells(self, price: Price) -> Tuple[List[Any], str, List[str]]:
        """The cells that the arguments lead to, in words, and the factors that are not known."""
        cells: List[Any] = [price.amounts]
        words: List[str] = []
        missing: List[str] = []
        for name in price.by:
            if not any(self.is_table(price, cell) for cell in cells):
                break
            value = self.quantities.get(name) if name in price.asks else self.first(name)
            if value is None:
                missing.append(name)
                cells = [part for cell in cells for part in (cell.values() if self.is_table(price, cell) else [cell])]
                continue
            if name in price.asks:
                self.check_fact(name, key_of(value), cells)
            words.append(f"{name} {key_of(value)}")
            cells = [cell.get(key_of(value), UNKNOWN) if self.is_table(price, cell) else cell for cell in cells]
        label = ", ".join(words)
        if all(cell == NOT_OFFERED for cell in cells):
            raise KieInputError(
                self.model.id,
                [Problem("not_offered", price.by[-1] if price.by else "model", f"{label or 'this'} is not offered")],
            )
        return cells, label, missing

    def check_fact(self, name: str, key: str, cells: Sequence[Any]) -> None:
        """A fact that the price asks for must be one that the table knows."""
        known = list(dict.fromkeys(word for cell in cells if isinstance(cell, Mapping) for word in cell))
        if known and key not in known:
            message = f"{name} must be one of {', '.join(known)}; got {key}{nearest(key, known)}"
            raise KieInputError(self.model.id, [Problem("values", name, message)])

    def is_table(self, price: Price, cell: Any) -> bool:
        """Whether a factor leads on from here; a map of token kinds is an end."""
        return isinstance(cell, Mapping) and not (price.unit in _TOKEN_UNITS and set(cell) <= set(TOKEN_KINDS))

    def first(self, path: str) -> Any:
        found = find(path, self.values)
        return found[0] if found else None

    def calls(self, price: Price) -> int:
        """How many calls the stated number of results takes."""
        wanted = self.wanted()
        if wanted is None or price.count is not None:
            return 1
        return math.ceil(wanted / price.results)

    def wanted(self) -> Optional[Decimal]:
        return next((self.quantities[name] for name in COUNTS if name in self.quantities), None)

    def results(self, price: Price) -> Figure:
        """How many results there will be."""
        wanted = self.wanted()
        if wanted is not None:
            return exactly(wanted)
        count = price.count
        if count is None:
            return exactly(price.results)
        if count.parameter is not None:
            value = self.first(count.parameter)
            number = _amount_of(value)
            if value is not None and number is None:
                return unknown(f"{count.parameter} {key_of(value)} does not say how many results there will be")
            return exactly(1 if number is None else number)
        low, high = self.bound(count.min), self.bound(count.max)
        if high is None:
            why = "" if count.likely is not None else "the number of results is known only afterwards"
            return Figure(count.likely, low, None, why)
        low = high if low is None else min(low, high)
        return Figure(high if count.likely is None else min(max(count.likely, low), high), low, high)

    def bound(self, bound: Union[Decimal, str, None]) -> Optional[Decimal]:
        return _amount_of(self.first(bound)) if isinstance(bound, str) else bound

    def quantity(self, price: Price) -> Figure:
        results = self.results(price)
        charges = results.each(lambda number: Decimal(math.ceil(number / price.results)))
        if price.unit == "second" and price.seconds is not None:
            return charges.times(self.seconds(price.seconds))
        if price.unit == "megapixel":
            preset = self.first(price.pixels_by)
            area = price.pixels.get(key_of(preset)) if preset is not None else None
            if area is None:
                named = price.pixels_by if preset is None else f"{price.pixels_by} {key_of(preset)}"
                return unknown(f"the size of {named} in pixels is not known")
            return charges.times(exactly(math.ceil(area / MILLION)))
        if price.unit == "1k_characters":
            texts = [text for path in price.characters for text in find(path, self.values)]
            if not texts:
                return unknown(f"the price goes by the length of {', '.join(price.characters)}, which was not given")
            return exactly(Decimal(sum(len(str(text)) for text in texts)) / 1000)
        return charges

    def seconds(self, seconds: Seconds) -> Figure:
        figure = self.own_seconds(seconds)
        if not seconds.media:
            return figure
        if not any(is_given(path, self.given) for path in seconds.media) and seconds.parameter is not None:
            return figure
        given = self.quantities.get("input_seconds")
        if given is None and seconds.parameter is None:
            given = self.quantities.get("duration_seconds")
        if given is None:
            names = ", ".join(seconds.media)
            return figure.plus(
                Figure(
                    None,
                    seconds.min,
                    seconds.max,
                    f"the length of {names} is not known before the run; say input_seconds=",
                )
            )
        return figure.plus(exactly(given))

    def own_seconds(self, seconds: Seconds) -> Figure:
        if seconds.parameter is None:
            return exactly(0)
        stated = self.quantities.get("duration_seconds")
        if stated is not None:
            return exactly(stated)
        value = self.first(seconds.parameter)
        number = None if value in seconds.unknown_at else _amount_of(value)
        if number is None:
            is_open = f"the seconds go by {seconds.parameter}, which was not given"
            why = is_open if value is None else f"{seconds.parameter} {key_of(value)} leaves the length open"
            return Figure(None, seconds.min, seconds.max, why)
        if seconds.divided_by is not None:
            divisor = _amount_of(self.first(seconds.divided_by))
            if not divisor:
                return unknown(f"the seconds go by {seconds.divided_by}, which was not given")
            number = number / divisor
        return exactly(number)

    def tokens(self, price: Price) -> Figure:
        per = MILLION if price.unit == "1m_tokens" else Decimal(1000)
        cells, label, missing = self.cells(price)
        if missing:
            return self.amount(price)[0]
        table = cells[0]
        counted = {name: self.quantities[name] for name in TOKENS if name in self.quantities}
        if not counted or not isinstance(table, Mapping):
            kinds = " and ".join(f"{kind}_tokens" for kind in list(table)[:2]) if isinstance(table, Mapping) else ""
            return unknown(f"say {kinds}" if kinds and not counted else "no price is published")
        total = exactly(0)
        for name, number in counted.items():
            kind = name[: -len("_tokens")]
            word, rate, way = f"{kind.replace('_', ' ')} tokens", table.get(kind), _way(name)
            if kind not in table and isinstance(table.get(way), Decimal):
                rate = table[way]
                if number:
                    self.notes.append(
                        f"{word} count at the rate of {way} tokens: the published price makes no distinction"
                    )
            if not isinstance(rate, Decimal):
                part = unknown(f"no price is known for {word}") if number else exactly(0)
            else:
                part = exactly(rate * number / per)
            part = self.in_credits(part, price)
            self.item(f"{label}: {word}" if label else word, exactly(number), "token", part)
            total = total.plus(part)
        return total

    def margin(self, tariff: Tariff, price: Optional[Price]) -> Figure:
        margins = tariff.margins or {}
        case = self.case(price) if price is not None else None
        if case is None:
            return exactly(0)
        total = exactly(0)
        if case.unit in _TOKEN_UNITS:
            for way in ("input", "output"):
                number = sum(
                    (self.quantities.get(name, Decimal(0)) for name in TOKENS if _way(name) == way), Decimal(0)
                )
                each = margins.get(f"1m_{way}_tokens", Decimal(0))
                if number and each:
                    total = total.plus(
                        self.add(f"{tariff.title}: {way} tokens", exactly(number / MILLION), each, "1m_tokens")
                    )
            return total
        each = margins.get(self.model.result, Decimal(0))
        return self.add(tariff.title, self.results(case), each, self.model.result) if each else total

    def add(self, text: str, quantity: Figure, each: Decimal, unit: str) -> Figure:
        amount = quantity.times(exactly(each))
        self.item(text, quantity, unit, amount)
        return amount


def _amount_of(value: Any) -> Optional[Decimal]:
    number = number_of(value)
    return None if number is None or number < 0 else number


def _way(name: str) -> str:
    return "output" if "output" in name else "input"
