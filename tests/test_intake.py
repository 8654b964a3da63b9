"""What people give as the values of a column, and what becomes of each of its entries."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ids import stable

import tfrecord_lite as tfr
from tfrecord_lite.format.bytes_array import BytesArray
from tfrecord_lite.format.columns.intake import as_source
from tfrecord_lite.format.columns.sources import Arrays, Masked, Payloads, Ragged, Table
from tfrecord_lite.format.lists import Lists


def objects(*values: Any) -> Any:
    array = np.empty(len(values), object)
    array[:] = values
    return array


def blob(*values: bytes) -> BytesArray:
    return BytesArray.from_objects(objects(*values))


def lists(values: Any, lengths: list[int], *missing: int) -> Lists:
    is_missing = np.isin(np.arange(len(lengths)), missing)
    return Lists.of_lengths(values, np.array(lengths), is_missing)


def ragged(values: Any, splits: list[int]) -> Any:
    return SimpleNamespace(values=values, row_splits=splits)


class Series:
    """What pandas has of a column: values, and which of them are missing."""

    def __init__(self, values: list[Any], missing: list[bool], dtype: Any = object) -> None:
        self.dtype = np.dtype(dtype)
        self._values, self._missing = values, missing

    def isna(self) -> list[bool]:
        return self._missing

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array(self._values, self.dtype)


#: (values, the source they become, the same as a value for each record)
COLUMNS: list[tuple[Any, type[Any], list[Any]]] = [
    ([1, 2], Table, [1, 2]),
    ([True, 2], Table, [True, 2]),
    ([0.5, 1.5], Table, [0.5, 1.5]),
    ((1, 2), Table, [1, 2]),
    (range(2), Table, [0, 1]),
    (np.arange(6).reshape(2, 3), Table, [[0, 1, 2], [3, 4, 5]]),
    (np.array([1, 2], np.uint64), Table, [1, 2]),
    ([b"a", b""], Payloads, [b"a", b""]),
    ([b"a", None], Masked, [b"a", None]),
    ([b"a", "text"], Masked, [b"a", "text"]),
    ([None, None], Masked, [None, None]),
    ([[1], [2, 3]], Masked, [[1], [2, 3]]),
    ([1, None], Masked, [1, None]),
    ([1, 0.5], Masked, [1, 0.5]),
    ([np.arange(2), np.arange(3)], Arrays, [[0, 1], [0, 1, 2]]),
    ([np.arange(2, dtype=np.uint64), np.arange(3, dtype=np.uint64)], Arrays, [[0, 1], [0, 1, 2]]),
    ([np.arange(2), np.zeros(1)], Masked, [[0, 1], [0.0]]),
    ([np.arange(2), np.zeros((1, 1), int)], Masked, [[0, 1], [0]]),
    (np.empty((0, 3)), Masked, []),
    ([], Masked, []),
    (np.array(["a", "bc"]), Masked, ["a", "bc"]),
    (objects(1, 2), Table, [1, 2]),
    (blob(b"x", b""), Payloads, [b"x", b""]),
    (np.ma.array([1, 2], mask=[False, True]), Masked, [1, None]),
    (np.ma.array([1, 2], mask=[False, False]), Table, [1, 2]),
    (np.ma.array([1, 2**64 - 1], mask=[False, True], dtype=np.uint64), Masked, [1, None]),
    (np.ma.array([[1, 2], [3, 4]], mask=[[True, True], [False, False]]), Masked, [None, [3, 4]]),
    (np.ma.array(["a", "b"], mask=[True, False]), Masked, [None, "b"]),
    (Series(["a", float("nan")], [False, True]), Masked, ["a", None]),
    (Series([b"a", b"b"], [False, False]), Payloads, [b"a", b"b"]),
    (Series([0.5, float("nan")], [False, True], "f8"), Table, [0.5, float("nan")]),
    (ragged(np.arange(3), [0, 2, 2, 3]), Ragged, [[0, 1], np.empty(0, int), [2]]),
    (ragged(np.zeros(0, np.float32), [0, 0]), Ragged, [np.zeros(0, np.float32)]),
    (ragged(np.arange(6).reshape(3, 2), [0, 1, 3]), Masked, [[0, 1], [2, 3, 4, 5]]),
    (ragged(blob(b"a", b"b"), [0, 0, 2]), Masked, [objects(), [b"a", b"b"]]),
    (ragged(np.array(["a", "b"]), [0, 2]), Masked, [["a", "b"]]),
    (lists(np.arange(3), [2, 0, 1]), Ragged, [[0, 1], np.empty(0, int), [2]]),
    (lists(np.arange(3), [2, 0, 1], 1), Masked, [[0, 1], None, [2]]),
    (lists(blob(b"a", b"bc"), [1, 1]), Payloads, [b"a", b"bc"]),
    (lists(blob(b"a", b"bc"), [1, 0, 1], 1), Masked, [b"a", None, b"bc"]),
    (lists(blob(b"a", b"bc"), [2, 0], 1), Masked, [[b"a", b"bc"], None]),
    (lists(blob(b"a"), [0, 1]), Masked, [objects(), [b"a"]]),
]


@pytest.mark.parametrize(("values", "source", "rows"), COLUMNS, ids=stable)
def test_each_entry_becomes_what_it_is_by_itself(values: Any, source: type[Any], rows: list[Any]) -> None:
    assert type(as_source("k", values)) is source
    assert len(as_source("k", values)) == len(rows)
    assert tfr.encode_columns({"k": values}) == [tfr.encode_example({"k": row}) for row in rows]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (3, "an entry per record, but this is one int"),
        (b"bytes", "an entry per record, but this is one bytes"),
        (np.ma.array([[1, 2]], mask=[[True, False]]), "masked in part"),
        (ragged(ragged(np.arange(2), [0, 2]), [0, 1]), "ragged in one dimension"),
        (ragged(np.ma.array([1, 2], mask=[True, False]), [0, 2]), "masked in a ragged column"),
        (ragged(np.arange(2), []), "row_splits do not begin at 0"),
        (ragged(np.arange(2), [1, 2]), "row_splits do not begin at 0"),
        (ragged(np.arange(2), [0, 1]), "row_splits do not begin at 0"),
        (ragged(np.arange(2), [0, 2, 1, 2]), "row_splits do not begin at 0"),
        (tfr.SparseTensorValue(np.zeros((1, 2)), np.ones(1), np.array([1, 1])), "no entry per record"),
    ],
    ids=stable,
)
def test_what_is_no_column_is_an_error_that_names_the_feature(values: Any, message: str) -> None:
    with pytest.raises(tfr.FeatureError, match=message) as caught:
        as_source("the key", values)
    assert caught.value.key == "the key"


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ([1, 2**63], 1),
        ([1, -(2**64)], 1),
        (np.array([1, 2**63], np.uint64), 1),
        ([np.array([1], np.uint64), np.array([2**63], np.uint64)], 1),
        (np.ma.array([1, 2**63, 3], mask=[True, False, False], dtype=np.uint64), 1),
        (ragged(np.array([1, 2**63], np.uint64), [0, 1, 2]), 1),
        ([b"a", object()], 1),
        (np.array([1j]), 0),
    ],
    ids=stable,
)
def test_a_value_without_a_place_names_its_record(values: Any, number: int) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        as_source("k", values)
    assert (caught.value.key, caught.value.record_number) == ("k", number)
