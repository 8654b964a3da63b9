"""Charts as inline SVG, and as tables for who cannot see them. Everything in them is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tfrecord_lite.errors import printable
from tfrecord_lite.look.wording import percent

Bars = Sequence[tuple[str, int]]

#: Units of a drawing, which is stretched to the width that there is.
_WIDTH, _HEIGHT, _GAP = 480, 120, 1.5


def text(value: object) -> str:
    """Anything as text of a page, or as the value of an attribute in double quotes."""
    return escape(printable(str(value)))


def histogram(bars: Bars, about: str, least: str, greatest: str) -> str:
    """Columns side by side, with the least and the greatest value below, and the counts as a table to be opened."""
    highest, total = max(count for _, count in bars), sum(count for _, count in bars)
    step = _WIDTH / len(bars)
    columns = []
    for at, (label, count) in enumerate(bars):
        height = max(_HEIGHT * count / highest, 1.5) if count else 0
        place = f'x="{at * step + _GAP / 2:.2f}" y="{_HEIGHT - height:.2f}" width="{max(step - _GAP, 1):.2f}"'
        title = f"<title>{text(label)}: {count:,} ({percent(count, total)})</title>"
        columns.append(f'<rect {place} height="{height:.2f}">{title}</rect>')
    most = max(bars, key=lambda bar: bar[1])
    summary = f"{about}: {len(bars)} bars from {bars[0][0]} to {bars[-1][0]}, the highest at {most[0]} with {most[1]:,}"
    ends = f"<span>{text(least)}</span><span>{text(greatest)}</span>"
    return (
        f'<div class="chart"><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{text(summary)}">{"".join(columns)}</svg><p class="ends" aria-hidden="true">{ends}</p></div>'
        f"<details><summary>Counts</summary>{table(bars, total, about)}</details>"
    )


def table(bars: Bars, total: int, caption: str) -> str:
    """Values, each with a bar, its count and its share of `total`."""
    highest = max((count for _, count in bars), default=0) or 1
    rows = []
    for label, count in bars:
        width = 100 * count / highest
        bar = (
            '<svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{width:.1f}" height="10"/></svg>'
        )
        cells = f'<td class="n">{count:,}</td><td class="n">{text(percent(count, total))}</td>'
        rows.append(f'<tr><th scope="row">{text(label)}</th><td aria-hidden="true">{bar}</td>{cells}</tr>')
    head = (
        '<tr><th scope="col">Value</th><td aria-hidden="true"></td>'
        '<th scope="col" class="n">Count</th><th scope="col" class="n">Share</th></tr>'
    )
    return (
        f'<table class="bars"><caption>{text(caption)}</caption><thead>{head}</thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
