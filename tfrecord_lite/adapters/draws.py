"""Random numbers that are a function of a seed: in numpy the very ones that TensorFlow draws from the same seed.

`tf.random.stateless_uniform(shape, seed, minval, maxval, alg="philox")` is Philox 4x32-10 (Salmon, Moraes, Dror and
Shaw, "Parallel random numbers: as easy as 1, 2, 3"), which makes of a counter and a key four words, whatever came
before:

    counter  4 words of 32 bits  -- 10 rounds with the key -->  4 words
    key      2 words

TensorFlow compiled by XLA (`jit_compile=True`) may make other numbers of the same seed; those are not given here.

Seed and results (tensorflow/core/kernels/stateless_random_ops.cc, xla/tsl/lib/random/random_distributions.h):

    scrambled        the four words of the counter (seed[0], seed[1]), low halves first, and a fixed key
    key              words 0 and 1 of it
    counter          group number, 64 bits, then words 2 and 3 of it
    number i         word i % 4 of group i // 4: its low 23 bits are the fraction of a float32 in 1 ... 2, less 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.adapters.whole_number import whole_number

Floats = NDArray[np.float32]
Words = NDArray[np.uint64]

_ROUNDS = 10
#: What the counter's words are multiplied by, and what is added to the key's words after each round.
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
#: The key under which TensorFlow scrambles a seed.
_SCRAMBLING_KEY = (0x3EC8F720, 0x02461E29)
_MASK_32 = 0xFFFFFFFF
_LOW, _HALF = np.uint64(_MASK_32), np.uint64(32)


def stateless_uniform(shape: Sequence[int], seed: Any, minval: float = 0.0, maxval: float = 1.0) -> Floats:
    """What `tf.random.stateless_uniform(shape, seed, minval, maxval, alg="philox")` gives, bit for bit.

    Results that float32 holds as subnormals (below 1.2e-38) are 0 to TensorFlow.

    Args:
        shape: of the result.
        seed: two integers of 64 bits, signed.
        minval, maxval: the numbers are at least this and less than that, but for rounding.

    Returns:
        float32 of that shape.

    Raises:
        TypeError, ValueError: the seed is not two such integers.
    """
    size = math.prod(shape)
    groups = np.arange(-(-size // 4), dtype=np.uint64)
    first, second = checked_seed(seed)
    start = [np.array([word], np.uint64) for number in (first, second) for word in _words(number)]
    key_0, key_1, high_0, high_1 = _philox(start, _SCRAMBLING_KEY)
    counter = [groups & _LOW, groups >> _HALF, *(np.broadcast_to(word, groups.shape) for word in (high_0, high_1))]
    words = np.stack(_philox(counter, (int(key_0[0]), int(key_1[0]))), axis=-1).reshape(-1)[:size]
    in_one_to_two = (words & np.uint64(0x7FFFFF) | np.uint64(127 << 23)).astype(np.uint32).view(np.float32)
    low, high = np.float32(minval), np.float32(maxval)
    numbers: Floats = (in_one_to_two - np.float32(1)) * (high - low) + low
    return numbers.reshape(shape)


def checked_seed(seed: Any) -> tuple[int, int]:
    """A seed as two integers of Python's.

    Raises:
        TypeError, ValueError: it is not two integers of 64 bits.
    """
    # Of a list of uint64 and int8 numpy would make floats.
    parts = seed if isinstance(seed, (list, tuple)) else np.atleast_1d(seed)
    if len(parts) != 2:
        raise ValueError(f"a seed is two integers, not {seed!r}")
    first, second = map(checked_part, parts)
    return first, second


def checked_part(part: Any) -> int:
    """One of a seed's two integers as Python's.

    Raises:
        TypeError, ValueError: it is no integer of 64 bits.
    """
    try:
        return whole_number(part, "seed", -(1 << 63), (1 << 63) - 1)
    except TypeError:
        raise TypeError(f"a seed is two integers of 64 bits, and one of them is {part!r}") from None
    except ValueError:
        raise ValueError(f"a seed is two integers of 64 bits with a sign, and one of them is {part!r}") from None


def _words(number: int) -> tuple[int, int]:
    """The low and the high half of an integer of 64 bits."""
    return number & _MASK_32, number >> 32 & _MASK_32


def _philox(counter: Sequence[Words], key: tuple[int, int]) -> list[Words]:
    """Ten rounds over many counters, each word of 32 bits in a uint64."""
    word_0, word_1, word_2, word_3 = counter
    key_0, key_1 = key
    for _ in range(_ROUNDS):
        product_0 = word_0 * np.uint64(_MULTIPLIERS[0])
        product_1 = word_2 * np.uint64(_MULTIPLIERS[1])
        word_0, word_2 = (
            product_1 >> _HALF ^ word_1 ^ np.uint64(key_0),
            product_0 >> _HALF ^ word_3 ^ np.uint64(key_1),
        )
        word_1, word_3 = product_1 & _LOW, product_0 & _LOW
        key_0, key_1 = key_0 + _KEY_STEPS[0] & _MASK_32, key_1 + _KEY_STEPS[1] & _MASK_32
    return [word_0, word_1, word_2, word_3]
