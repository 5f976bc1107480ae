"""What the HTML pages of a batch share: their head and colours, escaping, amounts, and the atomic writing.

A page is one file that needs no network and no script; it is readable on a phone, in light and in dark.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Iterator, Optional, Sequence, TextIO

from ..errors import KieConfigError
from ..figures import tidy
from ..targets import whole_file

# The eight hues keep apart for colour-blind eyes beside each other, on white and on black; the ninth is "others".
_LIGHT = ("#2a78d6", "#eb6834", "#1baf7a", "#eda100", "#4a3aa7", "#e87ba4", "#008300", "#e34948", "#8a8984")
_DARK = ("#3987e5", "#d95926", "#199e70", "#c98500", "#9085e9", "#d55181", "#00a300", "#e66767", "#7d7c78")
SERIES = len(_LIGHT) - 1


def _colours(listed: Sequence[str]) -> str:
    return "".join(f"--s{number}:{colour};" for number, colour in enumerate(listed))


STYLE = f"""
:root{{color-scheme:light dark;--page:#f4f4f2;--card:#fff;--ink:#16161a;--soft:#5b5b57;--line:#dcdcd8;
--good:#0a6b2d;--bad:#b3261e;--odd:#8a5300;--link:#1659b0;{_colours(_LIGHT)}}}
@media (prefers-color-scheme:dark){{:root{{--page:#121214;--card:#1d1d20;--ink:#f0f0ee;--soft:#a8a8a4;--line:#3a3a3e;
--good:#5fd38a;--bad:#ff9089;--odd:#f0b75a;--link:#8ab8ff;{_colours(_DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;padding:1rem;background:var(--page);color:var(--ink);font:16px/1.45 system-ui,sans-serif}}
body>*{{max-width:1500px;margin-left:auto;margin-right:auto}}
h1{{font-size:1.4rem;margin:.2rem auto .8rem;overflow-wrap:anywhere}} h2{{font-size:1.1rem;margin:2rem auto .6rem}}
a{{color:var(--link)}} .soft{{color:var(--soft)}} .good{{color:var(--good)}} .bad{{color:var(--bad)}}
.odd{{color:var(--odd)}}
.totals{{display:flex;flex-wrap:wrap;gap:.6rem;margin-top:0;margin-bottom:1rem}}
.totals div{{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.5rem .9rem}}
dt{{color:var(--soft);font-size:.85rem}} dd{{margin:0}}
.totals dd{{font-size:1.25rem;font-variant-numeric:tabular-nums}}
.totals small{{display:block;font-size:.8rem;color:var(--soft)}}
"""


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A text file to write into, which takes its place when it is whole, and leaves nothing behind when it is not.

    Raises:
        KieConfigError: it cannot be written.
    """
    try:
        # Half of a surrogate pair has no UTF-8, and JSON may hold one.
        with whole_file(path, errors="replace") as file:
            yield file
    except OSError as error:
        raise KieConfigError(f"{path} cannot be written: {error.strerror or error}") from error


def head(title: str, style: str = "") -> str:
    """The beginning of a page, up to its first heading."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width,initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
    )


FOOT = "</body>\n</html>\n"


def total(name: str, value: str, note: str = "") -> str:
    """One figure of the totals at the top."""
    small = f"<small>{escape(note)}</small>" if note else ""
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}{small}</dd></div>\n"


def credits(amount: Optional[Decimal]) -> str:
    """An amount for people: plain digits, or that it is not known."""
    short = tidy(amount)
    return "unknown" if short is None else format(short, ",f")


def instant(seconds: Optional[float]) -> str:
    """A Unix time for people, in UTC; "" for none."""
    if seconds is None:
        return ""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def lasting(seconds: Optional[float]) -> str:
    """A duration for people; "" for none."""
    return "" if seconds is None else f"{seconds:,.1f} s"
