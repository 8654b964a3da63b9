"""Feature lists in many serialized records: those of the SequenceExamples among them. An Example has no field 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tfrecord_lite.errors import DecodeError
from tfrecord_lite.format.columns.parts import bodies
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.example import decode_sequence_example


def feature_lists(records: Records) -> Iterator[dict[str, list[Any]]]:
    """The feature lists of each record that has any, in order. Only what is more than one `features` is decoded."""
    _, are_other = bodies(records.buffer, records.starts, records.ends)
    for number in np.flatnonzero(are_other).tolist():
        try:
            _, lists = decode_sequence_example(records.record(number))
        except DecodeError:  # messages of other kinds have a field 2 as well
            continue
        if lists:
            yield lists
