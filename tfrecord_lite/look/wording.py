"""Facts as short texts for people, the same in a terminal and in a report. What comes from data is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tfrecord_lite.errors import printable
from tfrecord_lite.format.encodings import text_of

if TYPE_CHECKING:
    from tfrecord_lite.look.numbers import Histogram, Numbers
    from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, KindValues

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_LONGEST_TEXT = 40
_LONGEST_NAME = 48
#: So many different values are told by their shares, more by a histogram.
FEW_SHARES = 4
#: Heights of a bar a character wide, in Unicode and where there is no Unicode.
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.:-=+*#"


def number(value: float | None) -> str:
    """An integer with its thousands apart, another number with 4 significant digits."""
    if value is None:
        return ""
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e9):
        return f"{int(value):,}"
    return f"{value:.4g}"


def size(count: int) -> str:
    """Bytes with a unit that keeps the number short."""
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{count:,} bytes" if not unit else f"{value:.1f} {_UNITS[unit]}"


def percent(part: int, whole: int) -> str:
    """A part of a whole; neither all nor none unless it is."""
    if not whole:
        return ""
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    if 99.9 < share < 100:
        return ">99.9 %"
    return f"{share:.3g} %"


def span(numbers: Numbers) -> str:
    """From the least to the greatest."""
    if numbers.minimum is None:
        return ""
    low, high = number(numbers.minimum), number(numbers.maximum)
    return low if numbers.minimum == numbers.maximum else f"{low} to {high}"


def full_name(name: str) -> str:
    """The name of a feature so that it can be seen, should it be empty or hold what acts on a terminal."""
    return printable(name) or "(no name)"


def short_name(name: str) -> str:
    """The name of a feature for a table, shortened if it is very long."""
    shown = full_name(name)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 3]}..."


def label_of(value: object) -> str:
    """A value, shortened, so that it can be shown anywhere."""
    if isinstance(value, bytes):
        text = text_of(value)
        if text is None:
            return f"<{len(value):,} bytes>"
        shown = printable(text[:_LONGEST_TEXT]) + ("..." if len(text) > _LONGEST_TEXT else "")
        return f'"{shown}"'
    return f"{value:,}" if isinstance(value, int) else f"{value}"


def each_value(numbers: Numbers) -> list[tuple[str, int]]:
    """(label, count) of each value, ascending, where all are known."""
    return [(label_of(value), count) for value, count in sorted(numbers.frequent)]


def bars(numbers: Numbers) -> list[tuple[str, int]]:
    """(label, count) of what a chart shows side by side: few values that lie equally far apart, otherwise intervals."""
    if numbers.has_all_values and _are_even(sorted(value for value, _ in numbers.frequent)):
        return each_value(numbers)
    histogram = numbers.histogram
    if histogram is None:
        return []
    inner = [(_interval(histogram, at), count) for at, count in enumerate(histogram.counts)]
    first, last = number(histogram.low), number(histogram.edges(len(inner) - 1)[1])
    below = [(f"under {first}", histogram.below)] if histogram.below else []
    above = [(f"{last} and more", histogram.above)] if histogram.above else []
    return [*below, *inner, *above]


def _are_even(values: Sequence[float]) -> bool:
    """Whether ascending values lie equally far apart, as well as float32 tells it."""
    steps = [after - before for before, after in pairwise(values)]
    return not steps or max(steps) - min(steps) <= 1e-6 * (values[-1] - values[0])


def _interval(histogram: Histogram, at: int) -> str:
    begin, end = histogram.edges(at)
    if histogram.are_integers:
        return number(begin) if histogram.width == 1 else f"{number(begin)} to {number(end - 1)}"
    return f"{number(begin)} to {number(end)}"


def sparkline(counts: Sequence[int], blocks: str = BLOCKS) -> str:
    """Counts as characters of growing height; a blank for none."""
    highest = max(counts, default=0)
    return "".join(blocks[-(-count * len(blocks) // highest) - 1] if count else " " for count in counts).rstrip()


def shares(frequent: Sequence[tuple[object, int]], whole: int, distinct: int | None) -> str:
    """The most frequent values, each with its part of all, and how many more of the different ones there are."""
    shown = [f"{label_of(value)} {percent(count, whole)}" for value, count in frequent[:FEW_SHARES]]
    if distinct is None:
        shown.append("others")
    elif distinct > len(shown):
        shown.append(f"{distinct - len(shown):,} more")
    return ", ".join(shown)


def lengths(kind: KindValues) -> str:
    """How many values a record holds."""
    return span(kind.lengths)


def missing(feature: FeatureStatistics) -> str:
    """In how many records it is not there, without a kind, or empty."""
    counts = ((feature.absent, "absent"), (feature.kindless, "no kind"), (feature.empty, "empty"))
    return ", ".join(f"{count:,} {state}" for count, state in counts if count)


def values(found: Numbers | BytesValues) -> str:
    """What the values are."""
    from tfrecord_lite.look.statistics import BytesValues  # of which `info`, which tells sizes only, has no need

    if isinstance(found, BytesValues):
        if not found.count:
            return ""
        parts = []
        if found.images is not None:
            images = found.images
            if images.widths.count:
                one = images.widths.is_constant and images.heights.is_constant
                parts.append(f"{span(images.widths)}{'x' if one else ' x '}{span(images.heights)} px")
            if images.unreadable:
                parts.append(f"{images.unreadable:,} unreadable")
        smallest, largest = int(found.sizes.minimum or 0), int(found.sizes.maximum or 0)
        parts.append(size(smallest) if smallest == largest else f"{size(smallest)} to {size(largest)}")
        return ", ".join(parts)
    odd = [f"{count:,} {what}" for count, what in ((found.nan, "NaN"), (found.infinite, "infinite")) if count]
    return ", ".join([text for text in (span(found), *odd) if text])
