"""Reading batches: columns of many records at a time, ours beside tf.data's, which uses all cores.

Lists of different lengths are ragged on our side, and on TensorFlow's ragged or dense, whichever it reads faster.
Features that some records do not have take a default. Bytes are objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

import tfrecord_lite as tfr
from benchmarks import reference
from benchmarks.measure import Contest, Difference, exhaust, take_turns
from benchmarks.workloads import Workload

BATCH_SIZE = 1024


def contest(workload: Workload, directory: Path, compression_type: str = "", batch_size: int = BATCH_SIZE) -> Contest:
    """All records of the workload's file, or of the same records compressed into `directory`."""
    path = workload.path
    if compression_type:
        path = str(directory / "compressed.tfrecord")
        reference.write_records(path, workload.records, compression_type)
    theirs = _fastest(
        [
            reference.read_batches(path, features, batch_size, compression_type)
            for features in ways_of_tensorflow(workload)
        ]
    )
    features = features_of(workload)

    def check() -> None:
        ours = tfr.read_batches(path, features, batch_size=batch_size)
        pairs: Iterable[tuple[dict[str, Any], dict[str, Any]]] = zip_longest(ours, theirs, fillvalue={})
        for number, (batch, their_batch) in enumerate(pairs):
            if batch.keys() != their_batch.keys() or not all(same(batch[name], their_batch[name]) for name in batch):
                raise Difference(f"batch {number} differs")

    return Contest(
        ours=lambda: exhaust(tfr.read_batches(path, features, batch_size=batch_size)),
        theirs=lambda: exhaust(theirs),
        count=len(workload.examples),
        check=check,
    )


def features_of(workload: Workload, module: Any = tfr, *, is_dense: bool = False) -> dict[str, Any]:
    """{name: feature} for `read_batches`, or of tf.io, if that is the module.

    Args:
        workload: whose features are wanted.
        module: has the classes of features.
        is_dense: whether lists of different lengths are padded.
    """
    return {name: _feature(workload, name, module, is_dense) for name in workload.examples[0]}


def ways_of_tensorflow(workload: Workload) -> list[dict[str, Any]]:
    """The features that tf.io.parse_example can be asked for: more than one where lists differ in length."""
    io = reference.tensorflow().io
    ways = [features_of(workload, io), features_of(workload, io, is_dense=True)]
    return ways if ways[0] != ways[1] else ways[:1]


def same(ours: Any, theirs: Any) -> bool:
    """Whether values are the same, bit by bit; TensorFlow's dense array is compared with our rows, padded."""
    if hasattr(theirs, "row_splits"):
        return _same_arrays(ours.values, theirs.values) and _same_arrays(ours.row_splits, theirs.row_splits)
    return _same_arrays(_padded(ours) if hasattr(ours, "row_splits") else ours, theirs)


def _feature(workload: Workload, name: str, module: Any, is_dense: bool) -> Any:
    like = workload.examples[0][name]
    if isinstance(like, np.ndarray):
        if len({example[name].shape for example in workload.examples}) == 1:
            return module.FixedLenFeature(like.shape, like.dtype.name)
        if is_dense:
            return module.FixedLenSequenceFeature([], like.dtype.name, allow_missing=True)
        return module.RaggedFeature(like.dtype.name)
    dtype = {bytes: "string", int: "int64", float: "float32"}[type(like)]
    return module.FixedLenFeature([], dtype, type(like)() if name in workload.optional else None)


def _fastest(ways: list[Any]) -> Any:
    """The one that takes the least wall time, of three turns each."""
    if len(ways) == 1:
        return ways[0]
    seconds = take_turns([partial(exhaust, way) for way in ways], 3)
    return ways[seconds.index(min(seconds))]


def _same_arrays(left: Any, right: Any) -> bool:
    left, right = np.asarray(left), np.asarray(right)
    if left.dtype != right.dtype or left.shape != right.shape:
        return False
    return bool(left.tolist() == right.tolist() if left.dtype == object else left.tobytes() == right.tobytes())


def _padded(ragged: Any) -> Any:
    lengths = np.diff(ragged.row_splits)
    is_value = np.arange(lengths.max(initial=0)) < lengths[:, np.newaxis]
    padded = np.zeros(is_value.shape, ragged.values.dtype)
    padded[is_value] = ragged.values
    return padded
