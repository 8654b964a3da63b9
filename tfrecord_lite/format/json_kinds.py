"""Of what kinds the features are that JSON stands for, before they are read: see json_form.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.json_form import (
    BYTES,
    FLOAT32,
    INT64,
    is_record,
    is_sequence,
    kind_of_items,
    object_from_json,
)

#: Name of a feature, or of a feature list (True).
Column = tuple[str, bool]
#: What `kinds_in_json` says of integers that are no float32.
INEXACT = "inexact"
#: The least number that rounds to an infinite float32.
_BEYOND = 2**128 - 2**103


def kinds_in_json(text: str | bytes) -> Iterator[tuple[Column, list[str]]]:
    """Of each feature of the record that a line of JSON stands for its kind, and INEXACT; nothing if it has none."""
    try:
        given = object_from_json(text)
    except FeatureError:
        return
    yield from kinds_in_form(given)


def kinds_in_form(given: dict[str, Any]) -> list[tuple[Column, list[str]]]:
    """The same of what JSON says."""
    if is_record(given):
        return []
    of_sequence = is_sequence(given)
    found = [
        ((name, False), kinds_to_unify(value)) for name, value in (given["context"] if of_sequence else given).items()
    ]
    for name, steps in given["feature_lists"].items() if of_sequence else ():
        of_steps = list(map(kinds_to_unify, steps)) if isinstance(steps, list) else [None]
        kinds = {kind for each in of_steps for kind in each or ()}
        found.append(((name, True), None if None in of_steps else sorted(kinds)))
    return of_a_row(found)


def of_a_row(kinds: Iterable[tuple[Column, list[str] | None]]) -> list[tuple[Column, list[str]]]:
    """What a row says of its columns: of none of them anything where one is refused, for which the row is."""
    found = list(kinds)
    is_refused = any(each is None for _, each in found)
    return [(column, [] if is_refused or each is None else each) for column, each in found]


def kinds_of_json(value: Any) -> list[str] | None:
    """The kind of a value in JSON, and INEXACT; nothing if it has none, None if it is refused."""
    said, items = _said(value)
    try:
        found = None if value is None or not items else kind_of_items(items, "")
    except FeatureError:
        return None
    kinds = [kind for kind in (said or found,) if kind is not None]
    if said is None and found != BYTES and not all(map(_is_float32, items)):
        kinds.append(INEXACT)
    return kinds


def kinds_to_unify(value: Any) -> list[str] | None:
    """The same, but nothing of an empty list, whose kind it says by itself, and None of a number that no kind holds."""
    said, items = _said(value)
    if any(map(_is_beyond_float32, items)):
        return None
    return [] if said is not None and not items else kinds_of_json(value)


def _said(value: Any) -> tuple[str | None, list[Any]]:
    """The kind that a value says by itself, and its items."""
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind in (INT64, FLOAT32, BYTES) and isinstance(inner, list):
            return kind, inner
    return None, value if isinstance(value, list) else [value]


def _is_beyond_float32(item: Any) -> bool:
    """Whether a number is finite, and no float32 is; a text or a SaidNonFinite that says "inf" is not."""
    return type(item) in (int, float) and not -_BEYOND < item < _BEYOND


def _is_float32(item: Any) -> bool:
    """Whether float32 holds an integer; of what is none, or beyond float32 (which is refused), it is not asked."""
    if not isinstance(item, int) or -(1 << 24) <= item <= 1 << 24 or _is_beyond_float32(item):
        return True
    return int(np.float32(item)) == item
