"""What a Schema is as a table, for a terminal and for a notebook: a line for each kind of each feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tfrecord_lite.errors import printable
from tfrecord_lite.format.feature_list_schema import FeatureListSchema
from tfrecord_lite.format.feature_schema import FeatureSchema, KindStatistics

HEADINGS = ("name", "dtype", "shape", "records", "missing", "values", "encoding")
#: Of feature lists: all but the numbers of steps and records is what a step holds.
LIST_HEADINGS = ("feature list", "dtype", "shape", "steps", "records", "missing", "values", "encoding")
_WIDEST_COLUMN = 60

Row = tuple[str, ...]


def feature_rows(features: Iterable[FeatureSchema]) -> list[Row]:
    """The lines about features."""
    return [row for feature in features for row in _rows(feature)]


def list_rows(lists: Iterable[FeatureListSchema]) -> list[Row]:
    """The lines about feature lists."""
    found: list[Row] = []
    for each in lists:
        steps = _span(each.min_steps, each.max_steps)
        for name, dtype, shape, _, missing, values, encoding in _rows(each.step):
            states = ([f"{each.absent} absent"] if each.absent else []) + ([f"steps: {missing}"] if missing else [])
            found.append((name, dtype, shape, steps, str(each.records), ", ".join(states), values, encoding))
    return found


def table(headings: Row, rows: list[Row]) -> list[str]:
    """Its lines. A very long name moves what stands behind it in its own line, not in all."""
    all_rows = [headings, *rows]
    widths = [min(max(map(len, column)), _WIDEST_COLUMN) for column in zip(*all_rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in all_rows]


def html_table(caption: str, headings: Row, rows: list[Row]) -> str:
    """The same for a notebook."""
    from html import escape  # which commands have no need of

    head = "".join(f'<th scope="col">{name}</th>' for name in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _rows(feature: FeatureSchema) -> list[Row]:
    """One for each kind that was seen."""
    name = printable(feature.name) or "(no name)"
    declared = None if feature.shape is None else str(list(feature.shape))
    counts = ((feature.absent, "absent"), (feature.kindless, "kindless"))
    missing = ", ".join(f"{count} {state}" for count, state in counts if count)
    if not feature.kinds:
        return [(name, feature.dtype or "no kind", declared or ("" if missing else "any"), "", missing, "", "")]
    return [
        (
            name,
            f"{dtype} (mixed)" if feature.is_mixed else dtype,
            declared or f"[{_span(seen.min_length, seen.max_length)}]",
            str(seen.records),
            missing,
            _values(dtype, seen),
            seen.encoding or "",
        )
        for dtype, seen in feature.kinds.items()
    ]


def _values(dtype: str, seen: KindStatistics) -> str:
    parts = []
    if seen.min_size is not None:
        parts.append(f"{_span(seen.min_size, seen.max_size)} bytes")
    if seen.min_value is not None:
        # The shortest decimals that are these float32, not the digits of the doubles beside them.
        shown = (np.float32(value) if dtype == "float32" else value for value in (seen.min_value, seen.max_value))
        parts.append(_span(*shown))
    if seen.non_finite:
        parts.append(f"{seen.non_finite} NaN or infinite")
    return ", ".join(parts)


def _span(low: Any, high: Any) -> str:
    return str(low) if low == high else f"{low!s} to {high!s}"
