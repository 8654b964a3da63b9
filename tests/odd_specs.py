"""Features that make no sense, or only just, and what the real TensorFlow does with each of them.

    python odd_specs.py SEED COUNT

makes as many specs from the seed, parses a few fixed records with each, by TensorFlow and by the package, and prints
a line for each difference. TensorFlow may abort, and so it parses in a process of its own for each spec.
"""

from __future__ import annotations

import os
import pickle
import random
import resource
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

import tfrecord_lite as tfr

RF = tfr.RaggedFeature

NO_INTS = np.empty(0, np.int64)
RECORDS = [
    tfr.encode_example(example)
    for example in (
        {"k": [5, 6], "i": [0, 1], "j": [1, 0], "f": [0.5, 1.5], "s": [b"a", b"b"]},
        {"k": 7, "i": 0, "j": 3, "f": 0.5, "s": b"a"},
        {"k": NO_INTS, "i": NO_INTS, "j": NO_INTS, "f": np.empty(0, np.float32), "s": np.empty(0, object)},
        {"k": None, "f": None},
        {"other": 1},
    )
]

NUMBERS: list[Any] = [0, 1, 2, 3, -1, -5, None, True, 2.0, "2", b"2", [2], np.int64(2), np.uint8(2), np.float64(2)]
LARGE: list[Any] = [2**31, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, np.uint64(2**63), -(2**31), -(2**63)]
DTYPES: list[Any] = ["int64", "float32", "string", np.int64, np.float32, np.dtype(">i8"), float, object]
ODD_DTYPES: list[Any] = [
    None,
    int,
    str,
    bool,
    "int32",
    "int65",
    "(",
    "",
    5,
    np.float64,
    np.uint64,
    [],
    {"k": 1},
    "i8,i8",
]
KEYS: list[Any] = ["k", "i", "j", "f", "s", "missing"]
ODD_KEYS: list[Any] = ["", None, 5, ["k"], 2.5, []]
DEFAULTS: list[Any] = [
    *(0, -1, 1.5, "a", b"\xff", "\ud800", True, [], [1, 2], [[1], [2]], [[1], [2, 3]], {}),
    *(2**63, -(2**63), 10**400, 1e40, float("nan"), np.float64("nan"), np.float64(2), np.array([1, 2], np.int16)),
    *(np.array(["a", "b"]), np.array([1.5, 2.5]), [None], [1, "a"], 1j, [np.zeros((2, 3)), np.zeros((2, 4))], ...),
]
#: What is refused here and taken by TensorFlow: each a line in docs/DIFFERENCES.md.
DIFFERENCES = (
    "no record can hold them",
    "more than an array can have",
    "a uniform row length is 1 or more",
    "hold no values and cannot be counted",
    "it would be cut",
    "is no int64: cannot convert float NaN",
    "is outside int64",
    "row ids ask for",
    " values in '",  # positions and values of a SparseFeature that differ in number
)


class Specs:
    """Makes features from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def made(self, count: int) -> Iterator[dict[str, Any]]:
        """So many specs of one feature each. What a class refuses itself is left out: TensorFlow's is another."""
        while count:
            make = self._random.choice([self._fixed, self._sequence, self._sparse, self._ragged, self._var_len])
            try:
                feature = make()
            except (tfr.FeatureError, TypeError):
                continue
            yield {self._random.choice(KEYS): feature}
            count -= 1

    def _fixed(self) -> Any:
        return tfr.FixedLenFeature(self._shape(), self._dtype(), self._default())

    def _sequence(self) -> Any:
        return tfr.FixedLenSequenceFeature(self._shape(), self._dtype(), self._mostly([True], [False]), self._default())

    def _sparse(self) -> Any:
        count = self._random.choice([None, 1, 2])
        index_key: Any = self._key()
        size: Any = self._number()
        if count is not None:
            index_key = [self._key() for _ in range(count)]
            size = [self._number() for _ in range(self._mostly([count], [0, 1, 2]))]
        is_sorted = self._random.choice([True, False])
        return tfr.SparseFeature(index_key, self._key(), self._dtype(), size, is_sorted)

    def _ragged(self) -> Any:
        partitions = [self._partition() for _ in range(self._random.choice([0, 1, 1, 2]))]
        splits_dtype = self._mostly([np.int32, np.int64], [np.float32, None, "x"])
        value_key, validate = self._mostly([None, *KEYS], ODD_KEYS), self._mostly([False, True], [1])
        return RF(self._dtype(), value_key, partitions, splits_dtype, validate)

    def _partition(self) -> Any:
        if self._random.random() < 0.5:
            return RF.UniformRowLength(self._number())
        return self._random.choice([RF.RowSplits, RF.RowLengths, RF.RowStarts, RF.RowLimits, RF.ValueRowIds])(
            self._key()
        )

    def _var_len(self) -> Any:
        return tfr.VarLenFeature(self._dtype())

    def _shape(self) -> Any:
        odd: list[Any] = [None, ..., 2, 2.0, True, "2", "", np.array([2]), np.array([2.0]), {2: 1}, [1] * 70, [[2]]]
        shape = [self._number() for _ in range(self._random.choice([0, 1, 1, 2, 2, 3]))]
        return self._mostly([shape], odd)

    def _number(self) -> Any:
        return self._mostly([1, 2], [*NUMBERS, *LARGE])

    def _dtype(self) -> Any:
        return self._mostly(DTYPES, ODD_DTYPES)

    def _key(self) -> Any:
        return self._mostly(KEYS, ODD_KEYS)

    def _default(self) -> Any:
        return self._mostly([None], DEFAULTS)

    def _mostly(self, usual: list[Any], odd: list[Any]) -> Any:
        return self._random.choice(usual if self._random.random() < 0.75 else odd)


GIVEN: list[Any] = [*RECORDS, *([record] for record in RECORDS), RECORDS, RECORDS[2:]]


def result(module: Any, features: Any, given: Any) -> tuple[str, Any]:
    """What comes of a record by itself, or of a batch, in tf.io or the package."""
    from test_parsing_tensorflow import outcome

    parse = module.parse_single_example if isinstance(given, bytes) else module.parse_example
    try:
        return "value", outcome(parse(given, features))
    except Exception as error:  # noqa: BLE001  whatever it is
        is_ours = isinstance(error, (tfr.TFRecordError, TypeError))
        return "raises" if is_ours or module is not tfr else "raises another", f"{type(error).__name__}: {error}"


def of_tensorflow(features: dict[str, Any]) -> list[tuple[str, Any]]:
    """What comes of all that is given, in TensorFlow, which may die of it."""
    found: list[tuple[str, Any]] = []
    while len(found) < len(GIVEN):
        told = _of_the_rest(features, len(found))
        found += told
        if len(found) < len(GIVEN):
            found.append(("dies", None))
    return found


def _of_the_rest(features: dict[str, Any], begin: int) -> list[tuple[str, Any]]:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))  # what is asked for beyond is not there
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it prints its stack when it dies
            _tell(writing, features, begin)
        finally:
            os._exit(0)
    os.close(writing)
    found = []
    with os.fdopen(reading, "rb") as pipe:
        while True:
            try:
                found.append(pickle.load(pipe))
            except EOFError:
                break
    os.waitpid(child, 0)
    return found


def _tell(writing: int, features: dict[str, Any], begin: int) -> None:
    import tensorflow as tf
    from test_parsing_tensorflow import all_tensorflows

    with os.fdopen(writing, "wb") as pipe:
        try:
            theirs = all_tensorflows(features)
        except Exception as error:  # noqa: BLE001  whatever it is
            pickle.dump(("raises", str(error)), pipe)  # for whatever is given
            return
        for given in GIVEN[begin:]:
            pickle.dump(result(tf.io, theirs, given), pipe)
            pipe.flush()


def differences(features: dict[str, Any]) -> Iterator[str]:
    """What is otherwise here than in TensorFlow, and nobody is told of."""
    for number, (theirs, given) in enumerate(zip(of_tensorflow(features), GIVEN, strict=True)):
        ours = result(tfr, features, given)
        is_refused = ours[0] == "raises" and (theirs[0] != "value" or any(text in ours[1] for text in DIFFERENCES))
        if ours != theirs and not is_refused:
            yield f"{features}, given #{number}: {ours}, TensorFlow {theirs}"


def main(seed: int, count: int) -> None:
    """Print every difference of so many specs."""
    import tensorflow  # noqa: F401  once for all children

    for features in Specs(seed).made(count):
        for difference in differences(features):
            print(difference)  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
