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
    said = None
    if isinstance(value, dict) and len(value) == 1:
        [(kind, inner)] = value.items()
        if kind in (INT64, FLOAT32, BYTES) and isinstance(inner, list):
            value, said = inner, kind
    items = value if isinstance(value, list) else [value]
    try:
        found = None if value is None or not items else kind_of_items(items, "")
    except FeatureError:
        return []
    kinds = [kind for kind in (said or found,) if kind is not None]
    if said is None and found != BYTES and not all(map(_is_float32, items)):
        kinds.append(INEXACT)
    return kinds


def kinds_to_unify(value: Any) -> list[str]:
    """The same, but nothing of an empty list: of which kind it is it says by itself."""
    return [] if isinstance(value, dict) and [] in value.values() else kinds_of_json(value)


def _is_float32(item: Any) -> bool:
    """Whether float32 holds an integer; of what is none, or beyond float32 (which is refused), it is not asked."""
    if not isinstance(item, int) or -(1 << 24) <= item <= 1 << 24 or not -(2**128) < item < 2**128:
        return True
    with np.errstate(over="ignore"):
        number = np.float32(item)
    return bool(np.isinf(number)) or int(number) == item
