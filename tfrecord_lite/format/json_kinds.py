"""Of what kinds the features are that JSON stands for, before they are read: see json_form.py."""

from __future__ import annotations

from collections.abc import Iterator
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


def kinds_in_form(given: dict[str, Any]) -> Iterator[tuple[Column, list[str]]]:
    """The same of what JSON says."""
    if is_record(given):
        return
    of_sequence = is_sequence(given)
    for name, value in (given["context"] if of_sequence else given).items():
        yield (name, False), kinds_to_unify(value)
    for name, steps in given["feature_lists"].items() if of_sequence else ():
        kinds = {kind for step in steps for kind in kinds_to_unify(step)} if isinstance(steps, list) else ()
        yield (name, True), sorted(kinds)


def kinds_of_json(value: Any) -> list[str]:
    """The kind of a value in JSON, and INEXACT; nothing if it is none, or has none."""
    said, items = _said(value)
    try:
        found = None if value is None or not items else kind_of_items(items, "")
    except FeatureError:
        return []
    kinds = [kind for kind in (said or found,) if kind is not None]
    if said is None and found != BYTES and not all(map(_is_float32, items)):
        kinds.append(INEXACT)
    return kinds


def kinds_to_unify(value: Any) -> list[str]:
    """The same, but nothing of an empty list, whose kind it says by itself, and of a number that is refused anyhow."""
    said, items = _said(value)
    if (said is not None and not items) or any(map(_is_beyond_float32, items)):
        return []
    return kinds_of_json(value)


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
