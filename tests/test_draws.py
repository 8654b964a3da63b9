"""Random numbers from a seed: the very ones that the real TensorFlow draws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.adapters.draws import stateless_uniform

tf = pytest.importorskip("tensorflow")

INTEGERS = st.integers(-(1 << 63), (1 << 63) - 1)
SIZES = st.one_of(st.just(0.0), st.floats(2.0**-60, 2.0**60, width=32))


@settings(deadline=None)
@given(st.tuples(INTEGERS, INTEGERS), st.lists(st.integers(0, 40), max_size=3))
def test_numbers_are_those_of_tensorflow_bit_for_bit(seed: tuple[int, int], shape: list[int]) -> None:
    found = stateless_uniform(shape, seed)
    expected = tf.random.stateless_uniform(shape, tf.constant(seed, tf.int64), alg="philox").numpy()
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


@settings(deadline=None)
@given(st.tuples(INTEGERS, INTEGERS), SIZES.map(lambda size: -size), SIZES)
def test_a_range_is_scaled_as_tensorflow_does_it(seed: tuple[int, int], low: float, high: float) -> None:
    found = stateless_uniform([9], seed, low, high)
    expected = tf.random.stateless_uniform([9], tf.constant(seed, tf.int64), low, high, alg="philox").numpy()
    np.testing.assert_array_equal(found.view(np.uint32), expected.view(np.uint32))


def test_seeds_of_32_bits_are_extended_by_their_sign() -> None:
    for seed in ((-1, 5), (1 << 30, -(1 << 31))):
        expected = tf.random.stateless_uniform([50], tf.constant(seed, tf.int32), alg="philox").numpy()
        np.testing.assert_array_equal(stateless_uniform([50], np.array(seed, np.int32)), expected)


def test_many_numbers_in_several_threads_of_tensorflow_are_the_same() -> None:
    expected = tf.random.stateless_uniform([3, 333_331], (7, 8), alg="philox").numpy()
    np.testing.assert_array_equal(stateless_uniform([3, 333_331], (7, 8)), expected)


def test_a_longer_draw_begins_like_a_shorter_one() -> None:
    np.testing.assert_array_equal(stateless_uniform([100], (1, 2))[:33], stateless_uniform([33], (1, 2)))


@pytest.mark.parametrize(
    "seed",
    [
        (np.uint64(7), 3),
        [np.uint64(7), np.int8(3)],
        (np.array(7), 3),
        np.array([7, 3], np.uint8),
        np.array([7, 3], object),
    ],
    ids=repr,
)
def test_integers_of_any_kinds_are_the_same_seed(seed: Any) -> None:
    np.testing.assert_array_equal(stateless_uniform([9], seed), stateless_uniform([9], (7, 3)))


@pytest.mark.parametrize(
    "seed",
    [
        *(
            5,
            (1,),
            (1, 2, 3),
            (1.0, 2.0),
            ("1", "2"),
            (1 << 63, 0),
            (-(1 << 63) - 1, 0),
            None,
            [[1], [2]],
            (True, 1),
            [],
            "12",
        ),
        *(np.zeros((2, 2), int), np.zeros(2), np.array([1 << 63, 0], np.uint64), np.array(["1", "2"]), {1, 2}),
    ],
    ids=repr,
)
def test_a_seed_that_is_no_pair_of_64_bit_integers_is_an_error(seed: object) -> None:
    with pytest.raises((TypeError, ValueError), match="a seed is two integers"):
        stateless_uniform([1], seed)
