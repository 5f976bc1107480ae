"""The report as one HTML page: plots of spend, of estimate against consumption and of durations, with their tables."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from . import plots
from .page import FOOT, SERIES, credits, head, lasting, total, written
from .report import Report
from .tally import Tally

# More days than this are drawn as months, and more models than this only stand in the table.
_MOST_DAYS, _MOST_MODELS = 120, 15
# A table of more rows is folded.
_MOST_ROWS = 31
_STYLE = """
.wide{overflow-x:auto} table{border-collapse:collapse;font-size:.9rem;background:var(--card)}
th,td{padding:.3rem .7rem;border:1px solid var(--line);text-align:right;white-space:nowrap;
font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left} summary{cursor:pointer;padding:.4rem 0}
"""
_COLUMNS = (
    "calls",
    "success",
    "failed",
    "refused",
    "unknown",
    "success rate",
    "estimated",
    "consumed",
    "not said",
    "difference",
    "p50",
    "p95",
)


def write_report(path: Path, report: Report, *, title: str, stale: Sequence[str] = ()) -> Path:
    """Write the report's page.

    Args:
        stale: a sentence for each price of the catalog that is wrong.

    Raises:
        KieConfigError: it cannot be written.
    """
    with written(path) as page:
        page.write(head(title, plots.STYLE + _STYLE))
        page.write(_totals(report.total))
        page.write(f"<h2>Credits consumed over time (UTC)</h2>\n{_spend(report)}")
        page.write(_table("day", report.tallies("day")))
        page.write(f"<h2>Estimate and consumption by model</h2>\n{_estimates(report)}")
        if stale:
            listed = "".join(f"<li>{escape(sentence)}</li>\n" for sentence in stale)
            page.write(
                f'<p class="bad">These prices of the catalog are not what the platform takes:</p>\n<ul>{listed}</ul>'
            )
        page.write(_table("model", report.tallies("model")))
        page.write(f"<h2>Durations by model</h2>\n{_durations(report)}")
        page.write("<h2>Batches</h2>\n")
        page.write(_table("batch", [(name or "(none)", tally) for name, tally in report.tallies("batch")]))
        page.write(_LEGEND + FOOT)
    return path


_LEGEND = """<p class="soft">Amounts are platform credits. Estimated: what the paid calls were expected to cost.
Not said: paid calls of which nobody has said what they took; they add nothing.
Difference: taken beyond the estimate, over the calls of which both are known.
Calls of unknown outcome add nothing until the platform has said what they took.
p50, p95: within this time half, and 95 %, of the successes were done.</p>
"""


def _totals(tally: Tally) -> str:
    figures = total("calls", f"{tally.calls:,}", rate(tally) and f"{rate(tally)} of what has ended succeeded")
    unsaid = f"without {tally.unsaid:,} calls of which nobody has said it" if tally.unsaid else ""
    figures += total("credits consumed", credits(tally.consumed), unsaid)
    unpriced = f"without {tally.unpriced:,} calls of unknown price" if tally.unpriced else ""
    figures += total("credits estimated", credits(tally.estimated), unpriced)
    if tally.count("unknown"):
        figures += total(
            "outcome unknown", f"{tally.count('unknown'):,}", f"perhaps paid: {credits(tally.at_stake)} credits"
        )
    return f'<dl class="totals">\n{figures}</dl>\n'


def rate(tally: Tally) -> str:
    """The success rate as people write it; "" where no task has ended."""
    return "" if tally.success_rate is None else f"{tally.success_rate * 100:.1f} %"


def _spend(report: Report) -> str:
    if not report.spent:
        return "<p>Nothing was consumed.</p>\n"
    days = sorted({day for day, _ in report.spent})
    every = _days(days[0], days[-1])
    length = 7 if len(every) > _MOST_DAYS else 10
    labels = list(dict.fromkeys(day[:length] for day in every))
    models = _largest(report)
    sums: Dict[str, Dict[str, Decimal]] = {}
    for (day, model), amount in report.spent.items():
        values = sums.setdefault(model if model in models else _OTHERS, {})
        values[day[:length]] = values.get(day[:length], Decimal(0)) + amount
    order = [*models, _OTHERS]
    series = [(model, [sums[model].get(label, Decimal(0)) for label in labels]) for model in order if model in sums]
    about = f"{credits(report.total.consumed)} credits from {days[0]} to {days[-1]}; the table below has every figure."
    title = f"Credits consumed, by {'day' if length > 7 else 'month'} and model"
    return plots.stacked(labels, series, name="spend", title=title, about=about)


_OTHERS = "other models"


def _days(first: str, last: str) -> List[str]:
    """Every day from the first to the last: a day without spend has a place, too."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    return [(begin + timedelta(days=number)).isoformat() for number in range((end - begin).days + 1)]


def _largest(report: Report) -> List[str]:
    """The models with a colour of their own."""
    spent = [model for model, tally in report.tallies("model") if tally.consumed]
    return spent[:SERIES]


def _estimates(report: Report) -> str:
    found = [(model, tally) for model, tally in report.tallies("model") if tally.compared][:_MOST_MODELS]
    rows = [(model, [_amount(tally.compared_estimated), _amount(tally.compared_consumed)]) for model, tally in found]
    if not rows:
        return "<p>There is no call of which both are known.</p>\n"
    about = "; ".join(f"{model}: {bars[0][1]} expected, {bars[1][1]} taken" for model, bars in rows)
    title = "Credits estimated and consumed, by model, over the calls of which both are known"
    return plots.side_by_side(rows, ("estimated", "consumed"), name="estimates", title=title, about=about)


def _amount(value: Decimal) -> Tuple[Optional[Decimal], str]:
    return value, credits(value)


def _durations(report: Report) -> str:
    rows = []
    for model, tally in report.tallies("model"):
        half, most = tally.duration(0.5), tally.duration(0.95)
        if half is not None and most is not None:
            rows.append((model, [(Decimal(str(half)), lasting(half)), (Decimal(str(most)), lasting(most))]))
    if not rows:
        return "<p>Of no call it is known how long it took.</p>\n"
    rows = rows[:_MOST_MODELS]
    about = "; ".join(f"{model}: half within {bars[0][1]}, 95 % within {bars[1][1]}" for model, bars in rows)
    title = "Durations of successful tasks, by model"
    return plots.side_by_side(rows, ("p50", "p95"), name="durations", title=title, about=about)


def _table(by: str, tallies: Sequence[Tuple[str, Tally]]) -> str:
    names = "".join(f'<th scope="col">{name}</th>' for name in (by, *_COLUMNS))
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in _cells(tally))}</tr>\n'
        for name, tally in tallies
    )
    is_open = " open" if len(tallies) <= _MOST_ROWS else ""
    return (
        f"<details{is_open}><summary>table by {by}</summary>\n"
        f'<div class="wide" tabindex="0"><table>\n<tr>{names}</tr>\n{rows}</table></div></details>\n'
    )


def _cells(tally: Tally) -> Tuple[str, ...]:
    counts = (tally.calls, *(tally.count(state) for state in ("success", "failed", "refused", "unknown")))
    beyond = "" if tally.difference is None else credits(tally.difference)
    return (
        *(f"{count:,}" for count in counts),
        rate(tally),
        credits(tally.estimated),
        credits(tally.consumed),
        f"{tally.unsaid:,}",
        beyond,
        lasting(tally.duration(0.5)),
        lasting(tally.duration(0.95)),
    )
