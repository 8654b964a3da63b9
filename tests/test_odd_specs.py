"""Features that make no sense, or only just: where TensorFlow raises or dies, ours raises an error of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import python

import tfrecord_lite as tfr

pytest.importorskip("tensorflow")
pytestmark = pytest.mark.slow

#: Features, and what is in the one list of the record, of which TensorFlow dies, or makes an array that cannot be.
IMPOSSIBLE: dict[str, tuple[str, Any]] = {
    "steps of 2^64 values": ("dies", "tf.io.FixedLenSequenceFeature([2**32, 2**32], tf.int64, True)"),
    "steps of 2^64 values, or none": ("dies", "tf.io.FixedLenSequenceFeature([2**32, 2**32, 0], tf.int64, True)"),
    "an array of 2^62 values": ("(1, 4611686018427387904)", "tf.io.FixedLenFeature([2**62], tf.int64)"),
    "steps of 2^62 values": ("(1, 0, 4611686018427387904)", "tf.io.FixedLenSequenceFeature([2**62], tf.int64, True)"),
    "rows of 2^40 values": (
        "(1, None, 0)",
        "tf.io.RaggedFeature(tf.int64, None, [tf.io.RaggedFeature.UniformRowLength(2**40)], tf.int64)",
    ),
    "an array of 254 dimensions": ("dies", "tf.io.FixedLenFeature([1] * 254, tf.int64)"),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_no_record_can_hold_is_an_error_here_whatever_tensorflow_does(name: str) -> None:
    tf = pytest.importorskip("tensorflow")
    outcome, feature = IMPOSSIBLE[name]
    record = tfr.encode_example({"k": np.empty(0, np.int64)})
    done = python(f"import tensorflow as tf\nprint(tf.io.parse_example([{record!r}], {{'k': {feature}}})['k'].shape)\n")
    assert ("dies" if done.returncode < 0 else done.stdout.decode().strip()) == outcome
    features = {"k": eval(feature, {"tf": tf})}
    for parse, given in [(tfr.parse_single_example, record), (tfr.parse_example, [record]), (tfr.decode_columns, [])]:
        with pytest.raises(tfr.FeatureError, match="k"):
            parse(given, features)  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(2))
def test_any_odd_specs_are_judged_as_tensorflow_does(seed: int) -> None:
    tests = str(Path(__file__).parent)
    script = f"import sys; sys.path.insert(0, {tests!r}); import odd_specs; odd_specs.main({seed}, 120)"
    done = python(script, timeout=600)
    assert (done.returncode, done.stdout.decode()) == (0, ""), done.stderr[-2000:]
