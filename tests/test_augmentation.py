"""Augmentation in numpy and in TensorFlow: the same images, pixel for pixel, and each image for itself."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfrecord_lite.adapters import tf_data
from tfrecord_lite.adapters.augmentation import augment

tf = pytest.importorskip("tensorflow")

ALL: dict[str, Any] = {"brightness": 0.3, "flip_left_right": True, "flip_up_down": True}


def eagerly(images: Any, seed: Any, **pieces: Any) -> Any:
    return tf_data.augment(tf.constant(images), seed=seed, **pieces).numpy()


def in_map(images: Any, seed: Any, **pieces: Any) -> Any:
    """Inside a graph, where neither the seed nor the size of the batch is known when it is traced."""
    dataset = tf.data.Dataset.from_tensor_slices(images).batch(len(images) or 1)
    dataset = tf.data.Dataset.zip((dataset, tf.data.Dataset.from_tensors(tf.constant(seed, tf.int64))))
    batches = list(dataset.map(lambda batch, pair: tf_data.augment(batch, seed=pair, **pieces)))
    return batches[0].numpy() if batches else images


@settings(deadline=None, max_examples=20)
@given(
    st.tuples(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.sampled_from(["uint8", "float16", "float32", "float64"]),
    st.tuples(*[st.integers(0, 7)] * 3, st.integers(1, 3)),
    st.one_of(st.just(0.0), st.floats(2.0**-60, 2)),
    st.booleans(),
    st.booleans(),
)
def test_numpy_and_tensorflow_give_the_same_pixels(
    seed: tuple[int, int], dtype: str, shape: tuple[int, ...], brightness: float, left_right: bool, up_down: bool
) -> None:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, shape, np.uint8) if dtype == "uint8" else random.random(shape).astype(dtype)
    pieces: dict[str, Any] = {"brightness": brightness, "flip_left_right": left_right, "flip_up_down": up_down}
    before = images.copy()
    found = augment(images, seed=seed, **pieces)
    assert (found.dtype, found.shape) == (images.dtype, shape)
    np.testing.assert_array_equal(images, before)
    for way in (eagerly, in_map):
        np.testing.assert_array_equal(found, way(images, seed, **pieces))


def test_every_grey_level_with_every_brightness_is_the_same() -> None:
    images = np.tile(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), (500, 1, 1, 1))
    found = augment(images, brightness=1.2, seed=(3, 4))
    np.testing.assert_array_equal(found, eagerly(images, (3, 4), brightness=1.2))
    np.testing.assert_array_equal(found, in_map(images, (3, 4), brightness=1.2))
    assert found.min() == 0
    assert found.max() == 255


def test_brightness_is_what_tf_image_makes_of_the_delta() -> None:
    images = np.random.default_rng(1).integers(0, 256, (5, 8, 8, 3), np.uint8)
    numbers = tf.random.stateless_uniform([5, 4], (1, 2), alg="philox").numpy()
    for image, found, number in zip(images, augment(images, brightness=0.4, seed=(1, 2)), numbers, strict=True):
        delta = number[0] * np.float32(0.8) - np.float32(0.4)
        np.testing.assert_array_equal(found, tf.image.adjust_brightness(image, delta).numpy())


@pytest.mark.parametrize("way", [lambda images, seed, **pieces: augment(images, seed=seed, **pieces), eagerly, in_map])
def test_pieces_do_not_depend_on_each_other(way: Callable[..., Any]) -> None:
    images = np.random.default_rng(2).random((64, 6, 6, 1)).astype(np.float32)
    seed = (5, 6)
    brighter = way(images, seed, brightness=0.3) - images
    deltas = brighter.mean(axis=(1, 2, 3))
    assert len(set(np.round(deltas, 4))) > 50
    assert -0.3 <= deltas.min() < -0.2
    assert 0.2 < deltas.max() <= 0.3
    is_mirrored = flipped(images, way(images, seed, flip_left_right=True), np.s_[:, :, ::-1])
    is_upside_down = flipped(images, way(images, seed, flip_up_down=True), np.s_[:, ::-1])
    pairs = set(zip(is_mirrored.tolist(), is_upside_down.tolist(), (deltas > 0).tolist(), strict=True))
    assert len(pairs) == 8  # every combination, so none of the draws says what another is
    step = way(images, seed, brightness=0.3)
    step[is_mirrored] = step[is_mirrored, :, ::-1]
    step[is_upside_down] = step[is_upside_down, ::-1]
    np.testing.assert_array_equal(way(images, seed, **ALL), step)


def flipped(images: Any, found: Any, how: Any) -> Any:
    """Which of the images are flipped; all others must be as they were."""
    is_flipped = (found == images[how]).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(found[~is_flipped], images[~is_flipped])
    assert 0 < is_flipped.sum() < len(images)
    return is_flipped


def test_an_image_does_not_change_with_the_length_of_its_batch() -> None:
    images = np.random.default_rng(3).integers(0, 256, (9, 5, 5, 1), np.uint8)
    np.testing.assert_array_equal(augment(images, seed=(1, 1), **ALL)[:4], augment(images[:4], seed=(1, 1), **ALL))


def test_another_seed_gives_other_images() -> None:
    images = np.random.default_rng(4).integers(0, 256, (9, 5, 5, 1), np.uint8)
    results = {augment(images, seed=seed, **ALL).tobytes() for seed in [(1, 1), (1, 2), (2, 1)]}
    assert len(results) == 3


def test_nothing_asked_for_gives_the_images_as_they_are_in_an_array_of_their_own() -> None:
    images = np.ones((2, 3, 3, 1), np.uint8)
    found = augment(images, seed=(0, 0))
    np.testing.assert_array_equal(found, images)
    assert not np.shares_memory(found, images)


@pytest.mark.parametrize("way", [lambda images, seed, **pieces: augment(images, seed=seed, **pieces), eagerly])
@pytest.mark.parametrize(
    ("images", "pieces", "problem"),
    [
        (np.zeros((2, 3, 3, 1), np.int32), {}, "images are uint8 or floating, not int32"),
        (np.zeros((3, 3, 1), np.uint8), {}, "images have 4 dimensions, .*, not 3"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": -0.1}, "brightness is a number, 0 or more, not -0.1"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": float("nan")}, "brightness is a number, 0 or more, not nan"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": "3"}, "brightness is a number, 0 or more, not '3'"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": None}, "brightness is a number, 0 or more, not None"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": [0.1]}, r"brightness is a number, 0 or more, not \[0.1\]"),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": np.ones(2)}, "brightness is a number, 0 or more, not array"),
        (
            np.zeros((2, 3, 3, 1), np.uint8),
            {"brightness": tf.ones(2)},
            "brightness is a number, 0 or more, not <tf.Tensor",
        ),
        (np.zeros((2, 3, 3, 1), np.uint8), {"brightness": 10**400}, "brightness is a number, 0 or more, not 10000"),
    ],
)
def test_what_cannot_be_augmented_is_an_error(way: Any, images: Any, pieces: Any, problem: str) -> None:
    with pytest.raises((TypeError, ValueError), match=problem):
        way(images, (0, 0), **pieces)


def test_a_seed_may_be_a_tensor_or_hold_one() -> None:
    images = np.random.default_rng(5).integers(0, 256, (4, 5, 5, 1), np.uint8)
    dataset = tf.data.Dataset.from_tensors(images).repeat(3).enumerate(start=8)
    batches = list(dataset.map(lambda step, batch: tf_data.augment(batch, seed=[7, step], **ALL)))
    for found, step in zip(batches, (8, 9, 10), strict=True):
        np.testing.assert_array_equal(found, augment(images, seed=(7, step), **ALL))
        eager = tf_data.augment(images, seed=[7, tf.constant(step, tf.int32)], **ALL)
        np.testing.assert_array_equal(eager, found)
    for dtype in (tf.int32, tf.int64):
        found = tf_data.augment(images, seed=tf.constant([-3, 4], dtype), **ALL)
        np.testing.assert_array_equal(found, augment(images, seed=(-3, 4), **ALL))


def test_integers_of_several_kinds_are_the_seed_of_pythons() -> None:
    images = np.random.default_rng(6).integers(0, 256, (9, 5, 5, 1), np.uint8)
    expected = augment(images, seed=(7, 3), **ALL)
    seed: Any
    for seed in ([np.uint64(7), 3], (np.uint64(7), np.int8(3))):
        np.testing.assert_array_equal(augment(images, seed=seed, **ALL), expected)
        np.testing.assert_array_equal(tf_data.augment(images, seed=seed, **ALL), expected)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        (lambda step: tf.cast([step, step], tf.float32), TypeError),
        (lambda step: tf.as_string([step, step]), TypeError),
        (lambda step: tf.stack([step, step, step]), ValueError),
        (lambda step: step, ValueError),
        (lambda step: [7, tf.cast(step, tf.float64)], TypeError),
        (lambda step: [1.5, step], TypeError),
        (lambda step: [7, 8, step], ValueError),
        (lambda step: [7, [step, step]], TypeError),
        (lambda step: (7, tf.stack([step, step])), TypeError),
        (lambda step: (1 << 63, step), ValueError),
    ],
)
def test_a_seed_of_tensors_that_is_none_is_refused_before_it_runs(parts: Any, error: Any) -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    with pytest.raises(error, match="a seed is two integers"):
        tf_data.augment(images, seed=parts(tf.constant(3, tf.int64)))
    dataset = tf.data.Dataset.from_tensors(images).enumerate()
    with pytest.raises(error, match="a seed is two integers"):
        dataset.map(lambda step, batch: tf_data.augment(batch, seed=parts(step)))


def with_any_seed(images: Any, seed: Any) -> Any:
    """Inside a graph, where neither the seed's shape nor its numbers are known when it is traced."""
    signature = [tf.TensorSpec(None, seed.dtype)]
    return tf.function(lambda pair: tf_data.augment(images, seed=pair, **ALL), input_signature=signature)(seed)


@pytest.mark.parametrize("seed", [[7], [7, 8, 9], 7, [[7], [8]], [[7, 8]]], ids=repr)
def test_a_seed_whose_length_only_a_running_graph_knows_is_an_error_there(seed: Any) -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected shape \[2\]"):
        with_any_seed(images, tf.constant(seed, tf.int64))
    with pytest.raises((TypeError, ValueError), match="a seed is two integers"):
        augment(images, seed=np.array(seed), **ALL)


def test_a_part_of_a_seed_that_a_running_graph_finds_to_be_several_is_an_error_there() -> None:
    run = tf.function(
        lambda part: tf_data.augment(np.zeros((2, 3, 3, 1), np.uint8), seed=[7, part], **ALL),
        input_signature=[tf.TensorSpec(None, tf.int64)],
    )
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected shape \[\]"):
        run(tf.constant([8, 9], tf.int64))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_seeds_of_every_type_of_integers_are_the_same_in_numpy_and_in_a_graph(dtype: str) -> None:
    images = np.random.default_rng(7).integers(0, 256, (9, 5, 5, 1), np.uint8)
    limits = np.iinfo(dtype)
    seed = np.array([limits.min, min(limits.max, (1 << 63) - 1)], dtype)
    expected = augment(images, seed=seed, **ALL)
    tensor = tf.constant(seed)
    for found in (
        tf_data.augment(images, seed=seed, **ALL),
        tf_data.augment(images, seed=tensor, **ALL),
        tf_data.augment(images, seed=[tensor[0], int(seed[1])], **ALL),
        with_any_seed(images, tensor),
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("large", [1 << 63, (1 << 64) - 1])
def test_a_seed_of_2_to_the_63_or_more_is_refused_and_does_not_wrap_around(large: int) -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    seed = np.array([3, large], np.uint64)
    given: Any
    for given in (seed, list(seed), (3, large), tf.constant(seed), [3, tf.constant(seed)[1]]):
        with pytest.raises(ValueError, match=f"^a seed is two integers of 64 bits with a sign, .* is .*{large}"):
            tf_data.augment(images, seed=given)
    with pytest.raises(ValueError, match=f"^a seed is two integers of 64 bits with a sign, .* is .*{large}"):
        augment(images, seed=seed)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a seed is two integers of 64 bits with a sign, "):
        with_any_seed(images, tf.constant(seed))
    steps = tf.data.Dataset.from_tensors(tf.constant(large, tf.uint64))
    with pytest.raises(tf.errors.InvalidArgumentError, match="one of them is 2\\^63 or more"):
        list(steps.map(lambda step: tf_data.augment(images, seed=[3, step])))


def test_an_error_about_a_part_of_a_seed_shows_that_part_and_nothing_that_is_not_known() -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    steps = tf.data.Dataset.range(3)
    with pytest.raises(TypeError, match=r"a seed is two integers of 64 bits, and one of them is 1\.5"):
        steps.map(lambda step: tf_data.augment(images, seed=[1.5, step]))
    with pytest.raises(ValueError, match=r"a seed is two integers, not \[7, 8, <tf\.Tensor "):
        steps.map(lambda step: tf_data.augment(images, seed=[7, 8, step]))


@pytest.mark.parametrize("way", [augment, tf_data.augment])
def test_masked_pixels_and_masked_seeds_are_refused(way: Any) -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    masked: Any = np.ma.array([7, 8], mask=[False, True])
    for seed in (masked, list(masked), [7, np.ma.array(8, mask=True)]):
        with pytest.raises(TypeError, match="a seed is two integers of 64 bits, and one of them is masked"):
            way(images, seed=seed)
    for pixels in (np.ma.array(images, mask=images == 0), [np.ma.array(image, mask=True) for image in images]):
        with pytest.raises(TypeError, match="images have no masked pixels"):
            way(pixels, seed=(7, 8))
    unmasked: Any = np.ma.array([7, 8], mask=[False, False])
    np.testing.assert_array_equal(way(np.ma.array(images), seed=unmasked, **ALL), augment(images, seed=(7, 8), **ALL))


@pytest.mark.parametrize("seed", [5, None, 1.5, (1, 2, 3), ("a", "b"), "ab"])
def test_a_seed_of_augment_that_is_none_is_the_error_of_numpys(seed: Any) -> None:
    images = np.zeros((2, 3, 3, 1), np.uint8)
    with pytest.raises((TypeError, ValueError), match="a seed is two integers") as expected:
        augment(images, seed=seed)
    with pytest.raises(expected.type) as found:
        tf_data.augment(images, seed=seed)
    assert str(found.value) == str(expected.value)


def test_what_is_beyond_float16_becomes_infinite_without_a_warning() -> None:
    images = np.full((1, 2, 2, 1), 0.5, np.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isinf(augment(images, brightness=1e30, seed=(1, 2))).all()
