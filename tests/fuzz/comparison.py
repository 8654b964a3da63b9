"""Outcomes that == compares: bit by bit, and errors of ours by their kind. Any other error passes through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tfrecord_lite as tfr


def exact(value: Any) -> Any:
    if isinstance(value, tfr.BytesArray):
        return exact(value.to_objects())
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f":  # protobuf 4 makes quiet NaNs of signalling ones
            value = np.where(np.isnan(value), value.dtype.type(np.nan), value)
        return value.dtype.str, value.shape, value.tolist() if value.dtype == object else value.tobytes()
    if isinstance(value, tfr.RaggedTensorValue):
        return "ragged", exact(value.values), exact(value.row_splits)
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(item) for item in value]
    return value


def outcome(run: Callable[[], Any]) -> Any:
    """What came, or the error with its facts."""
    try:
        return exact(run())
    except tfr.TFRecordError as error:
        return type(error), str(error), error.record_number


def collected(records: Any) -> tuple[list[bytes], Any]:
    """The records in front of the error, and that."""
    out: list[bytes] = []
    try:
        for record in records:
            out.append(record)  # noqa: PERF402 - what came before an error counts
    except tfr.TFRecordError as error:
        return out, (type(error), error.args, error.offset)
    return out, None
