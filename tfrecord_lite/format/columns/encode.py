"""Columns -> the serialized Examples of all records, and their frames.

Takes {name: values with one entry per record}; gives what `encode_example` gives for each record, byte for byte.
The sizes are computed from the inside out, then the parts are written from left to right, each for all records (see
`scatter`). Records that hold no kind or an empty list somewhere have other parts: records are grouped by what they
hold, and each group is written for itself.

Raises FeatureError: a value has no place in a feature, or columns of different length.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import FeatureError
from tfrecord_lite.format.columns.column import ABSENT, KINDLESS, Column
from tfrecord_lite.format.columns.entry import Entry, field_sizes
from tfrecord_lite.format.columns.frames import Frames, Scratch
from tfrecord_lite.format.columns.intake import as_source
from tfrecord_lite.format.columns.scatter import Scatter
from tfrecord_lite.format.columns.sources import Source
from tfrecord_lite.format.columns.spans import spans
from tfrecord_lite.format.example import encode_key
from tfrecord_lite.format.wire_format import MAX_MESSAGE_SIZE

Array = NDArray[Any]

#: Records that are encoded together: enough that numpy's calls cost little, few enough that their bytes stay in the
#: cache.
_BLOCK_RECORDS = 4096
#: Fewer when records are long.
_BLOCK_BYTES = 2 << 20
#: Bytes around a payload, apart from the name: no more than this.
_AROUND = 32

_FIELD_1 = b"\x0a"


class FeatureRule(Protocol):
    """What a schema says of one feature."""

    #: What becomes of a record that has no value: "absent", no such feature, or "kindless", a feature without a kind.
    @property
    def missing(self) -> str: ...


def encode_columns(columns: Mapping[str, Any], schema: Mapping[str, FeatureRule | str] | None = None) -> list[bytes]:
    """The serialized Example of each record of `columns` {name: values with one entry per record}.

    Values are arrays (the first axis is that of the records, the others are flattened), lists of bytes-like
    objects, ragged columns (a list of arrays, or an object with values and row_splits), or lists of anything
    `encode_example` takes. An entry that is None or masked becomes a feature without a kind, or no feature at all where
    `schema[name]`, or its `missing`, is "absent": a Schema, or a mapping such as {"label": "absent"}.

    Raises:
        FeatureError: a value has no place in a feature, with its key and record_number; or columns of different length.
    """
    return [record for frames in encode_frames(columns, schema) for record in frames.records()]


def encode_frames(
    columns: Mapping[str, Any], schema: Mapping[str, FeatureRule | str] | None = None
) -> Iterator[Frames]:
    """The same as frames, block by block, each valid until the next one is asked for. Errors come before the first."""
    if not hasattr(columns, "items"):
        raise TypeError(f"columns are {{name: values}}, not a {type(columns).__name__}")
    sources = {key: as_source(key, values) for key, values in columns.items()}
    counts = {key: len(source) for key, source in sources.items()}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{key!r} has {count}" for key, count in counts.items())
        raise FeatureError(f"columns must be equally long: {found}")
    encoded_keys = {key: encode_key(key) for key in sources}
    keys = sorted(encoded_keys)  # in the order of their UTF-8, which is that of code points
    absent = {key for key in keys if schema is not None and key in schema and _is_absent(key, schema[key])}

    def groups(records: slice) -> list[Group]:
        return grouped([(encoded_keys[key], sources[key].take(records), key in absent) for key in keys])

    blocks = list(_blocks(list(sources.values())))
    if sum(source.largest() + len(encoded_keys[key]) + _AROUND for key, source in sources.items()) > MAX_MESSAGE_SIZE:
        for records in blocks:
            _lengths(groups(records))
    scratch = Scratch()
    for records in blocks:
        yield encode_groups(groups(records), scratch)


def _is_absent(key: str, rule: FeatureRule | str) -> bool:
    missing = rule if isinstance(rule, str) else rule.missing
    if missing not in ("absent", "kindless"):
        raise FeatureError(f"what is missing is 'absent' or 'kindless', not {missing!r}", key)
    return missing == "absent"


class Group:
    """Records of a block that have the same features in the same states.

    Attributes:
        entries: of all features, in the order of their keys.
        records: their numbers in the block, int64 [n]; None are all of them.
        features_sizes: bytes of all entries together, int64 [n].
        outer_sizes: those of them that do not lie in the buffer of the frames; an int when all are equal.
    """

    def __init__(self, entries: list[Entry], records: Array | None, count: int) -> None:
        self.entries = entries
        self.records = records
        self.features_sizes: Array = np.zeros(count, np.int64)
        self.outer_sizes: Array | int = 0
        for entry in entries:
            self.features_sizes += entry.sizes
            self.outer_sizes = self.outer_sizes + entry.outer_sizes


def grouped(features: Sequence[tuple[bytes, Column, bool]], records: Array | None = None) -> list[Group]:
    """Groups of records with the same features: (encoded key, column, whether no value is no feature) of each.

    `records` are their numbers in the block; None are all of them.
    """
    all_states = [_states(column, is_absent) for _, column, is_absent in features]
    count = len(features[0][1])
    if all(isinstance(states, int) for states in all_states):
        entries = [Entry(key, column, int(state)) for (key, column, _), state in zip(features, all_states, strict=True)]
        return [Group(entries, records, count)]
    rows = np.stack([np.broadcast_to(np.asarray(states, np.uint8), count) for states in all_states], axis=1)
    kinds, group_of = np.unique(rows, axis=0, return_inverse=True)
    group_of = group_of.reshape(-1)
    groups = []
    for group, states in enumerate(kinds.tolist()):
        some = np.flatnonzero(group_of == group)
        entries = [
            Entry(key, column.take(some), state) for (key, column, _), state in zip(features, states, strict=True)
        ]
        groups.append(Group(entries, some if records is None else records[some], len(some)))
    return groups


def encode_groups(groups: Sequence[Group], scratch: Scratch) -> Frames:
    """The frames of one block, in memory that `scratch` gives."""
    lengths = _lengths(groups)
    inner_sizes = lengths.copy()
    for group in groups:
        inner_sizes[_index(group)] -= group.outer_sizes
    frames = Frames(lengths, inner_sizes, scratch)
    for group in groups:
        rows = Scatter(frames, group.records)
        rows.constant(_FIELD_1)
        rows.varint(group.features_sizes)
        for entry in group.entries:
            entry.write(rows)
        rows.flush()
    return frames


def _blocks(sources: Sequence[Source]) -> Iterator[slice]:
    """The records, block by block."""
    weights = sum(np.asarray(source.weights()) for source in sources)
    count = len(sources[0]) if sources else 0
    ends = np.cumsum(np.broadcast_to(weights + len(sources) * _AROUND, count))
    return spans(ends, _BLOCK_BYTES, _BLOCK_RECORDS)


def _lengths(groups: Sequence[Group]) -> Array:
    """Bytes in each record of a block, int64 [n]."""
    features_sizes: Array = np.empty(sum(len(group.features_sizes) for group in groups), np.int64)
    for group in groups:
        features_sizes[_index(group)] = group.features_sizes
    lengths = field_sizes(features_sizes)
    if int(lengths.max()) > MAX_MESSAGE_SIZE:
        raise FeatureError(f"{lengths.max()} bytes are more than protobuf's limit of {MAX_MESSAGE_SIZE}")
    return lengths


def _index(group: Group) -> Any:
    return slice(None) if group.records is None else group.records


def _states(column: Column, is_absent: bool) -> Array | int:
    """Of each record, when it is settled whether no value is no feature."""
    states = column.states()
    if is_absent or isinstance(states, int):
        return states
    return np.where(states == ABSENT, np.uint8(KINDLESS), states)
