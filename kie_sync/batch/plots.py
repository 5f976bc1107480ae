"""Plots as plain SVG, drawn into a page: bars of days, stacked; bars of models, side by side; spans of time.

Each says in words what it shows (`title`, `desc`, and a title for each bar); the figures stand in a table beside it.
Colours are the page's own, so that light and dark follow it.
"""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import List, Optional, Sequence, Tuple

from .page import credits

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 760, 300, 64, 34, 14
_BAR, _GAP, _NAMES = 13, 16, 230
_LINES = 4
# About so wide is a character of the plots' letters.
_LETTER = 6.6

STYLE = """
.plot{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem}
.plot svg{display:block;width:100%;min-width:34rem;max-width:60rem;height:auto}
.late{direction:rtl} .late svg{direction:ltr}
.plot text{font:12px system-ui,sans-serif;fill:var(--soft)} .plot .line{stroke:var(--line);stroke-width:1}
.plot .segment{stroke:var(--card);stroke-width:1}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;list-style:none;font-size:.85rem}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.4em}
"""

Series = Tuple[str, Sequence[Decimal]]


def stacked(labels: Sequence[str], series: Sequence[Series], *, name: str, title: str, about: str) -> str:
    """A bar for each label, in which the series stand on each other; amounts are credits, 0 or more."""
    heights = [sum(values, Decimal(0)) for values in zip(*(values for _, values in series))]
    top = nice(max(heights, default=Decimal(0)))
    inner, step = _HEIGHT - _BOTTOM - _TOP, (_WIDTH - _LEFT) / max(len(labels), 1)
    parts = _rules(top, inner)
    every = -(-len(labels) * 80 // (_WIDTH - _LEFT)) or 1
    width = max(min(step - 2, 48), 1)
    for at, label in enumerate(labels):
        left, base = _LEFT + at * step + (step - width) / 2, float(_TOP + inner)
        for number, (what, values) in enumerate(series):
            height = float(values[at] / top) * inner
            if height:
                base -= height
                said = escape(f"{label}, {what}: {credits(values[at])} credits")
                parts.append(
                    f'<rect class="segment" x="{left:.1f}" y="{base:.1f}" width="{width:.1f}" height="{height:.1f}" '
                    f'fill="var(--s{number})"><title>{said}</title></rect>'
                )
        middle = _LEFT + (at + 0.5) * step
        if at % every == 0 and middle + len(label) * _LETTER / 2 < _WIDTH:
            parts.append(f'<text x="{middle:.1f}" y="{_HEIGHT - 12}" text-anchor="middle">{escape(label)}</text>')
    # Where it is wider than the screen, it begins at its end: the last days.
    drawn = _figure(_HEIGHT, parts, name=name, title=title, about=about, place="plot late")
    return drawn + legend([what for what, _ in series])


def _rules(top: Decimal, inner: float) -> List[str]:
    parts = []
    for number in range(_LINES + 1):
        y = _TOP + inner * (1 - number / _LINES)
        value = credits(top * number / _LINES)
        parts.append(f'<line class="line" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>')
    return parts


Bar = Tuple[Optional[Decimal], str]
"""How long, and what stands behind it; None where that is not known, and no bar is drawn."""


def side_by_side(
    rows: Sequence[Tuple[str, Sequence[Bar]]], series: Sequence[str], *, name: str, title: str, about: str
) -> str:
    """Lying bars: for each row one of every series, with its figure behind it."""
    longest = max((bar[0] for _, bars in rows for bar in bars if bar[0] is not None), default=Decimal(0)) or Decimal(1)
    room = _WIDTH - _NAMES - 110
    parts, y = [], _TOP
    for label, bars in rows:
        middle = y + len(bars) * _BAR / 2 + 4
        parts.append(f'<text x="{_NAMES - 8}" y="{middle:.1f}" text-anchor="end">{escape(_short(label))}</text>')
        for number, (value, text) in enumerate(bars):
            width = 0.0 if value is None else max(float(value / longest) * room, 1.0)
            if value is not None:
                said = escape(f"{label}, {series[number]}: {text}")
                parts.append(
                    f'<rect x="{_NAMES}" y="{y + 1}" width="{width:.1f}" height="{_BAR - 2}" rx="2" '
                    f'fill="var(--s{number})"><title>{said}</title></rect>'
                )
            parts.append(f'<text x="{_NAMES + width + 6:.1f}" y="{y + _BAR - 2}">{escape(text)}</text>')
            y += _BAR
        y += _GAP
    return _figure(y, parts, name=name, title=title, about=about) + legend(series)


def _figure(height: float, parts: Sequence[str], *, name: str, title: str, about: str, place: str = "plot") -> str:
    drawn = "\n".join(parts)
    return (
        f'<div class="{place}" tabindex="0">\n<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" '
        f'aria-labelledby="{name}-title {name}-about">\n<title id="{name}-title">{escape(title)}</title>\n'
        f'<desc id="{name}-about">{escape(about)}</desc>\n{drawn}\n</svg>\n</div>\n'
    )


def legend(series: Sequence[str]) -> str:
    """Which colour is which."""
    items = "".join(
        f'<li><i style="background:var(--s{number})"></i>{escape(name)}</li>' for number, name in enumerate(series)
    )
    return f'<ul class="legend">{items}</ul>\n'


def _short(label: str) -> str:
    most = int((_NAMES - 12) / _LETTER)
    return label if len(label) <= most else f"…{label[-most + 1 :]}"


def nice(value: Decimal) -> Decimal:
    """The next figure above that four lines divide well; 1 where there is nothing to show."""
    if value <= 0:
        return Decimal(1)
    power = Decimal(1).scaleb(value.adjusted())
    return next(power * step for step in map(Decimal, ("1", "1.2", "2", "4", "6", "8", "10")) if power * step >= value)
