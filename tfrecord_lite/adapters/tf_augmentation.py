"""Images changed at random, in TensorFlow: what `augmentation.augment` does in numpy, pixel for pixel.

Which numbers an image draws and what they are for stands there. They come from `tf.random.stateless_uniform` by the
Philox algorithm, which gives the same on every device; but not under XLA (`jit_compile=True`), where TensorFlow itself
may draw other numbers from the same seed, and so change images in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tfrecord_lite.adapters.augmentation import (
    BRIGHTNESS,
    DRAWS,
    LEFT_RIGHT,
    UP_DOWN,
    check_brightness,
    check_images,
    check_mask,
)
from tfrecord_lite.adapters.draws import checked_part, checked_seed
from tfrecord_lite.adapters.tensorflow_import import import_tensorflow

if TYPE_CHECKING:
    import tensorflow as tf

_ROWS, _COLUMNS = 1, 2


def augment(
    images: Any, *, brightness: float = 0.0, flip_left_right: bool = False, flip_up_down: bool = False, seed: Any
) -> tf.Tensor:
    """A batch of images, each changed at random for itself; works on eager tensors and inside `Dataset.map`.

    Args:
        images: uint8 or floating [n, rows, columns, channels], also of bfloat16, which numpy has not. Floats are taken
            to be in 0 ... 1, and may leave it by the brightness.
        brightness: the largest change of brightness, where 1 is from black to white.
        flip_left_right, flip_up_down: whether every second image, about, is flipped.
        seed: two integers of 64 bits, or an integer tensor [2]: the same, the same changes. Give every batch another:

            dataset.enumerate().map(lambda step, batch: augment(batch["img"], brightness=0.1, seed=[7, step]))

    Returns:
        As many images of the same shape and dtype: those of `augmentation.augment`.

    Raises:
        ImportError: TensorFlow is not installed.
        TypeError, ValueError: as `augmentation.augment`.
        tf.errors.InvalidArgumentError: while a graph runs, of what shows only there: a seed that is not two integers,
            or holds one of 2^63 or more, or images of another number of dimensions.
    """
    tf = import_tensorflow()
    check_mask(images)
    images = tf.convert_to_tensor(images)
    check_images(images.dtype.name, images.dtype.is_floating, images.shape.rank)
    check_brightness(brightness)
    draws = tf.random.stateless_uniform([tf.shape(images)[0], DRAWS], _seed_tensor(tf, seed), alg="philox")
    changed = images
    if brightness:
        most = np.float32(brightness)
        deltas = _per_image(tf, draws[:, BRIGHTNESS] * (most + most) - most)
        brighter = tf.image.convert_image_dtype(images, tf.float32) + deltas
        changed = tf.image.convert_image_dtype(brighter, images.dtype, saturate=True)
    for is_asked_for, draw, axis in ((flip_left_right, LEFT_RIGHT, _COLUMNS), (flip_up_down, UP_DOWN, _ROWS)):
        if is_asked_for:
            changed = tf.where(_per_image(tf, draws[:, draw] < 0.5), tf.reverse(changed, [axis]), changed)
    return tf.ensure_shape(changed, images.shape)


def _per_image(tf: Any, values: tf.Tensor) -> tf.Tensor:
    """[n] as [n, 1, 1, 1]."""
    return tf.reshape(values, [-1, 1, 1, 1])


def _seed_tensor(tf: Any, seed: Any) -> tf.Tensor:
    """An int64 tensor [2]. A list may hold tensors. Raises TypeError, ValueError: as `checked_seed`."""
    if not isinstance(seed, (list, tuple)):
        return _int64(tf, seed, [2], checked_seed)
    if len(seed) != 2:
        raise ValueError(f"a seed is two integers, not {seed!r}")
    return tf.stack([_int64(tf, part, [], checked_part) for part in seed])


def _int64(tf: Any, value: Any, shape: list[int], check: Callable[[Any], Any]) -> tf.Tensor:
    """A seed, or a part of one: checked as numpy's where it is known, else as far as it is known, and when it runs."""
    if not isinstance(value, (tf.Tensor, tf.Variable)):
        return tf.constant(check(value), tf.int64)
    tensor = tf.convert_to_tensor(value)
    known = tf.get_static_value(tensor)
    if known is not None:
        return tf.constant(check(known), tf.int64)
    if not tensor.dtype.is_integer:
        raise TypeError(f"a seed is two integers of 64 bits, not of {tensor.dtype.name}")
    if not tensor.shape.is_compatible_with(shape):
        error = ValueError if shape else TypeError  # as numpy: it is not two, or a part is no integer
        raise error(f"a seed is two integers: a tensor of it has the shape {shape}, not {tensor.shape}")
    number = tf.cast(tf.ensure_shape(tensor, shape), tf.int64)
    if tensor.dtype != tf.uint64:
        return number
    problem = "a seed is two integers of 64 bits with a sign, and one of them is 2^63 or more"
    with tf.control_dependencies([tf.debugging.assert_non_negative(number, problem)]):  # it would wrap around
        return tf.identity(number)
