"""The contact sheet: one `index.html` that shows what a batch made, with prompts, prices and errors.

It stands beside the files and links to them by relative names; it can be moved, zipped and served with its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping as AnyMapping
from html import escape
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import Any, Iterable, List, Tuple
from urllib.parse import quote

from ..values import to_json
from .page import FOOT, credits, head, instant, lasting, total, written
from .results import RowResult
from .tally import PAID, Tally

_KINDS = {
    "image": "png jpg jpeg webp gif avif bmp svg",
    "video": "mp4 webm mov m4v",
    "audio": "mp3 wav ogg oga opus m4a aac flac",
    "text": "txt md json jsonl csv srt vtt xml",
}
_KIND_OF = {ending: kind for kind, endings in _KINDS.items() for ending in endings.split()}
# Of a prompt on its card, and of a text file; the rest is behind "all of it" and the link.
_SHOWN_PROMPT = 400
_SHOWN_TEXT = 1200
# In this order where they are counted; a state that is not here comes after them.
_STATES = {
    "success": "good",
    "running": "odd",
    "accepted": "odd",
    "sending": "odd",
    "unknown": "odd",
    "failed": "bad",
    "refused": "bad",
    "bad": "bad",
    "charged": "odd",
    "skipped": "soft",
    "waiting": "soft",
}
_FREE = ("bad", "skipped", "refused")
# `content-visibility` lets a browser lay out only what is on the screen: ten thousand rows open at once.
_STYLE = """
.rows{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:.8rem}
.row{background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden;
content-visibility:auto;contain-intrinsic-size:auto 26rem}
.row>p,.row>details{margin:.35rem .8rem;overflow-wrap:anywhere}
.media{display:grid;grid-template-columns:repeat(auto-fit,minmax(7rem,1fr));gap:2px}
.media>*{min-width:0}
.media img,.media video{display:block;width:100%;height:13rem;object-fit:contain}
.media audio{width:100%;display:block;margin:.6rem 0}
.media pre{margin:0;padding:.6rem .8rem;max-height:13rem;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}
.media .none{margin:0;padding:2.5rem .8rem;text-align:center;color:var(--soft)}
.state{display:flex;flex-wrap:wrap;gap:.1rem .6rem;font-size:.9rem} .state b:last-child{margin-left:auto}
.prompt{white-space:pre-line;display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:5;overflow:hidden}
.facts,details{font-size:.82rem;color:var(--soft)}
summary{cursor:pointer;padding:.2rem 0} details dd{margin:0 0 .4rem;color:var(--ink);white-space:pre-wrap}
fieldset{border:0;padding:0;margin-top:0;margin-bottom:1rem;display:flex;flex-wrap:wrap;gap:.3rem 1rem}
legend{color:var(--soft);font-size:.85rem} label{padding:.25rem 0;cursor:pointer}
"""


def write_sheet(path: Path, results: Iterable[RowResult], *, title: str) -> Path:
    """Write the contact sheet of these rows; they are read once, one after the other, and not kept.

    Args:
        path: the page, such as `out/index.html`; links in it are relative to its folder.

    Raises:
        KieConfigError: it cannot be written.
    """
    tally = Tally()
    folder = Path(os.path.abspath(path)).parent
    # The totals stand at the top, and are known at the end.
    with written(path) as page, TemporaryFile("w+", dir=folder, encoding="utf-8", errors="replace") as rows:
        for row in results:
            tally.add(row)
            rows.write(_card(row, folder))
        rows.seek(0)
        states = sorted(tally.states, key=lambda state: [*_STATES, state].index(state))
        page.write(head(title, _STYLE + _filters(states)))
        page.write(_totals(tally))
        page.write(_choices(tally, states))
        page.write('<main class="rows">\n')
        copyfileobj(rows, page)
        page.write(f"</main>\n{FOOT}")
    return path


def _totals(tally: Tally) -> str:
    figures = total("rows", f"{tally.calls:,}", f"{tally.count('success'):,} done")
    unsaid = f"of {_rows(tally.unsaid)} not known yet" if tally.unsaid else ""
    figures += total("credits consumed", credits(tally.consumed), unsaid)
    unpriced = f"without {_rows(tally.unpriced)} of unknown price" if tally.unpriced else ""
    figures += total("credits estimated, of paid rows", credits(tally.estimated), unpriced)
    unknown = tally.count("unknown")
    if unknown:
        figures += total("outcome unknown", f"{unknown:,}", f"perhaps paid: {_at_stake(tally)}")
    return f'<dl class="totals">\n{figures}</dl>\n'


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _at_stake(tally: Tally) -> str:
    more = f", and {tally.at_stake_unpriced:,} of unknown price" if tally.at_stake_unpriced else ""
    return f"{credits(tally.at_stake)} credits{more}"


def _filters(states: List[str]) -> str:
    return "".join(
        f"body:has(#show-{_name(state)}:checked) .row:not(.is-{_name(state)}){{display:none}}\n" for state in states
    )


def _choices(tally: Tally, states: List[str]) -> str:
    choices = ['<label><input type="radio" name="show" id="show-all" checked> all</label>\n']
    for state in states:
        colour, count = _STATES.get(state, "soft"), tally.states[state]
        choices.append(
            f'<label><input type="radio" name="show" id="show-{_name(state)}"> '
            f'<span class="{colour}">{escape(state)}</span> {count:,}</label>\n'
        )
    return f"<fieldset>\n<legend>show</legend>\n{''.join(choices)}</fieldset>\n"


def _name(state: str) -> str:
    return "".join(letter for letter in state if letter.isalnum())


def _card(row: RowResult, folder: Path) -> str:
    # A row that is bad has no arguments, only what was written.
    prompt = _prompt(row.given or row.columns)
    parts = [f'<article class="row is-{_name(row.state)}" id="row-{row.number}">\n']
    about = " ".join(prompt.split())
    label = escape(f"row {row.number}: {about[:120]}" if about else f"row {row.number}: {row.model}")
    media = "".join(_medium(file, folder, label) for file in row.files) or _elsewhere(row) or _data(row)
    parts.append(f'<div class="media">{media}</div>\n' if media else "")
    line = "" if row.line is None else f' <span class="soft">line {row.line}</span>'
    colour = _STATES.get(row.state, "soft")
    parts.append(
        f'<p class="state"><b>{row.number}</b>{line} <span class="{colour}">{escape(row.state)}</span> '
        f"<b>{escape(_price(row))}</b></p>\n"
    )
    if prompt:
        short = prompt if len(prompt) <= _SHOWN_PROMPT else f"{prompt[:_SHOWN_PROMPT]}…"
        parts.append(f'<p class="prompt">{escape(short)}</p>\n')
    if row.error:
        parts.append(f'<p class="{"bad" if colour != "odd" else "odd"}">{escape(row.error)}</p>\n')
    task = f"<br>task {escape(row.task_id)}" if row.task_id else ""
    parts.append(f'<p class="facts">{escape(row.model)}{task}</p>\n')
    parts.append(f"<details><summary>all of it</summary><dl>{_details(row, folder)}</dl></details>\n</article>\n")
    return "".join(parts)


def _price(row: RowResult) -> str:
    if row.consumed is not None:
        return f"{credits(row.consumed)} credits"
    if row.state in PAID or row.state in ("unknown", "sending", "waiting"):
        return "price unknown" if row.price is None else f"~{credits(row.price)} credits"
    return ""


def _prompt(given: Any) -> str:
    """What a person asked for: the prompt, or what was said last."""
    for name in ("prompt", "text"):
        if isinstance(given.get(name), str):
            return str(given[name])
    return next((value for value in given.values() if isinstance(value, str) and " " in value), "")


def _medium(file: str, folder: Path, label: str) -> str:
    link, name = _link(file, folder), escape(os.path.basename(file))
    kind = _KIND_OF.get(os.path.splitext(file)[1][1:].lower(), "")
    if not os.path.exists(file):
        return f'<p class="none">{name} is not here any more</p>'
    if kind == "image":
        return f'<a href="{link}"><img src="{link}" alt="{label}" loading="lazy"></a>'
    if kind in ("video", "audio"):
        return f'<{kind} src="{link}" preload="none" controls aria-label="{label}"></{kind}>'
    if kind == "text":
        return f'<pre tabindex="0">{escape(_beginning(file))}</pre>'
    return f'<p class="none"><a href="{link}">{name}</a></p>'


def _beside(file: str, folder: Path) -> str:
    """A file's path from the page's folder: the page may be given away, and says nothing of this machine."""
    try:
        return os.path.relpath(os.path.abspath(file), folder).replace(os.sep, "/")
    except ValueError:  # pragma: no cover  (Windows: it lies on another drive)
        return os.path.basename(file)


def _link(file: str, folder: Path) -> str:
    # A name with a colon in front would be taken for a scheme.
    return escape("./" + quote(_beside(file, folder), errors="surrogateescape"))


def _beginning(file: str) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as text:
            shown = text.read(_SHOWN_TEXT + 1)
    except OSError as error:
        return f"{os.path.basename(file)} cannot be read: {error.strerror}"
    return shown if len(shown) <= _SHOWN_TEXT else f"{shown[:_SHOWN_TEXT]}…"


def _elsewhere(row: RowResult) -> str:
    """Links to what is not on disk: a page that loads nothing by itself does not show it."""
    links = []
    for number, url in enumerate(row.urls, 1):
        # Whatever the platform answers: only a web address is made a link.
        if url.lower().startswith(("https://", "http://")):
            links.append(f'<a href="{escape(url)}" rel="noreferrer noopener">file {number}</a>')
    if not links:
        return ""
    until = f" until {instant(row.expires_at)}" if row.expires_at is not None else ""
    return f'<p class="none">not fetched; at the platform{until}:<br>{" ".join(links)}</p>'


def _data(row: RowResult) -> str:
    """What was made where that is no file."""
    text = _text(row.data)[:_SHOWN_TEXT] if row.data else ""
    return f'<pre tabindex="0">{escape(text)}</pre>' if text else ""


def _details(row: RowResult, folder: Path) -> str:
    facts: List[Tuple[str, str]] = [(name, _text(value)) for name, value in (row.given or row.columns).items()]
    if row.state not in _FREE:
        facts.append(("credits estimated", credits(row.price)))
        facts.append(("credits consumed", credits(row.consumed)))
    facts += [("created", instant(row.created_at)), ("finished", instant(row.finished_at))]
    facts += [
        ("took", lasting(row.duration_s)),
        ("key", row.key),
        ("files", "\n".join(_beside(file, folder) for file in row.files)),
    ]
    return "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple, AnyMapping)):
        return json.dumps(to_json(value), ensure_ascii=False)
    return str(to_json(value))
