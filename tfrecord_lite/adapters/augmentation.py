"""Images changed at random, in numpy: what `tf_data.augment` does in TensorFlow, pixel for pixel, given the same seed.
(Not where TensorFlow compiles with XLA, `jit_compile=True`: its stateless_uniform may draw other numbers there.)

Each image draws four numbers in 0 ... 1 from the seed and its number in the batch alone, whatever is done with them, so
that a piece of the augmentation does not change when another is turned on, nor an image when the batch is longer:

    0   brightness    delta, the same for all its pixels: -brightness + 2 * brightness * number
    1   left-right    flipped where the number is below a half
    2   up-down       the same
    3   not used yet

Brightness is changed as tf.image.adjust_brightness does it: uint8 becomes float32 in 0 ... 1, the delta is added, and
of 255.5 times that, held to 0 ... 255, the fraction is cut off.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.adapters.draws import Floats, stateless_uniform

Array = NDArray[Any]

#: Numbers that each image draws, and which of them is for what.
DRAWS = 4
BRIGHTNESS, LEFT_RIGHT, UP_DOWN = 0, 1, 2


def augment(
    images: Any, *, brightness: float = 0.0, flip_left_right: bool = False, flip_up_down: bool = False, seed: Any
) -> Array:
    """A batch of images, each changed at random for itself.

    Args:
        images: uint8 or floating [n, rows, columns, channels]. Floats are taken to be in 0 ... 1, and may leave it by
            the brightness.
        brightness: the largest change of brightness, where 1 is from black to white.
        flip_left_right, flip_up_down: whether every second image, about, is flipped.
        seed: two integers of 64 bits: the same, the same changes. Give every batch another, such as (epoch, step).

    Returns:
        As many images of the same shape and dtype; what was given stays as it is.

    Raises:
        TypeError: images of another dtype or with masked pixels, or a seed that is no pair of integers.
        ValueError: images of another shape, a brightness that is negative or no number, or a seed beyond 64 bits.
    """
    check_mask(images)
    given = np.asarray(images)
    check_images(given.dtype.name, given.dtype.kind == "f", given.ndim)
    check_brightness(brightness)
    draws = stateless_uniform([len(given), DRAWS], seed)
    changed = _brightened(given, draws, brightness) if brightness else given.copy()
    if flip_left_right:
        flipped = draws[:, LEFT_RIGHT] < np.float32(0.5)
        changed[flipped] = changed[flipped, :, ::-1]
    if flip_up_down:
        flipped = draws[:, UP_DOWN] < np.float32(0.5)
        changed[flipped] = changed[flipped, ::-1]
    return changed


def check_mask(images: Any) -> None:
    """Raise TypeError where pixels are masked: they would come out as if they were not."""
    if any(map(np.ma.is_masked, images if isinstance(images, (list, tuple)) else [images])):
        raise TypeError("images have no masked pixels: fill them first")


def check_images(dtype: str, is_floating: bool, dimensions: int | None) -> None:
    """Raise TypeError or ValueError where images have another dtype or number of dimensions (None: not known yet)."""
    if dtype != "uint8" and not is_floating:
        raise TypeError(f"images are uint8 or floating, not {dtype}")
    if dimensions not in (None, 4):
        raise ValueError(f"images have 4 dimensions, [n, rows, columns, channels], not {dimensions}")


def check_brightness(brightness: Any) -> None:
    """Raise ValueError where it is no largest change of brightness."""
    try:
        is_one = bool(0 <= brightness < math.inf) and float(brightness) < math.inf
    except (TypeError, ValueError, OverflowError):  # of text, of several numbers, of an integer beyond all floats
        is_one = False
    if not is_one:
        raise ValueError(f"brightness is a number, 0 or more, not {brightness!r}")


def _brightened(images: Array, draws: Floats, brightness: float) -> Array:
    """All images, a delta added to each."""
    most = np.float32(brightness)
    deltas = (draws[:, BRIGHTNESS] * (most + most) - most)[:, None, None, None]
    changed = images.astype(np.float32)
    if images.dtype == np.uint8:
        changed *= np.float32(1 / 255)
    changed += deltas
    if images.dtype == np.uint8:
        changed *= np.float32(255.5)
        np.clip(changed, np.float32(0), np.float32(255), out=changed)
    with np.errstate(over="ignore"):  # what is beyond float16 becomes infinite
        finished: Array = changed.astype(images.dtype)
    return finished
