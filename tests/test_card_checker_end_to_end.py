"""The main job on real photographs: written without TensorFlow, read, augmented and trained on with it.

The photographs come inside the wheels of scikit-learn and matplotlib. None of them shows a card, but pixels are pixels:
what is cut out of them and what becomes of it is the same.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import pathlib
from typing import Any

import numpy as np
import pytest

from tfrecord_lite.adapters.tf_data import apply_aug_single_cls, read_record_single_cls
from tfrecord_lite.cardchecker import write_record_binary_cls

tf = pytest.importorskip("tensorflow")

Lists = tuple[list[str], list[str], list[str]]


def photograph(package: str, *place: str) -> str:
    """A file that lies inside an installed package, which is not imported for it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package}, which has the photograph inside, is not installed")
    return os.path.join(os.path.dirname(spec.origin), *place)


@pytest.fixture(scope="module")
def photographs() -> Lists:
    """Three lists of 24: every order of three photographs, four times."""
    three = (
        photograph("sklearn", "datasets", "images", "china.jpg"),
        photograph("sklearn", "datasets", "images", "flower.jpg"),
        photograph("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg"),
    )
    cards, licences, backgrounds = zip(*itertools.permutations(three), strict=True)
    return list(cards) * 4, list(licences) * 4, list(backgrounds) * 4


def write_by_tensorflow(photographs: Lists, path: str, compression: str, seed: int) -> None:
    """The same file by other means: decoded by Keras, sliced here, made an Example and framed by TensorFlow."""
    with tf.io.TFRecordWriter(path, compression) as writer:
        for number, triple in enumerate(zip(*photographs, strict=True)):
            card, licence, background = (np.asarray(tf.keras.utils.load_img(image))[..., 0] for image in triple)
            random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(number,))))
            drawn = random.integers(0, 4)
            label = 0
            if drawn == 0:
                crop, label = card[27:90, 90:368], 1
            elif drawn == 1:
                crop, label = licence[10:40, 20:120], 1
            elif drawn == 2:
                image, first, height, width = ((card, 90, 63, 278), (licence, 40, 30, 100))[random.integers(0, 2)]
                top = random.integers(first, image.shape[0] - height + 1)
                left = random.integers(0, image.shape[1] - width + 1)
                crop = image[top : top + height, left : left + width]
            else:
                crop = background
            small = tf.keras.utils.array_to_img(crop[..., None], scale=False).resize((320, 320), resample=2)
            feature = {
                "image/image_id_raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[small.tobytes()])),
                "image/format": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"raw"])),
                "image/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
                "image/height": tf.train.Feature(int64_list=tf.train.Int64List(value=[320])),
                "image/width": tf.train.Feature(int64_list=tf.train.Int64List(value=[320])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=feature))
            writer.write(example.SerializeToString(deterministic=True))


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_file_is_byte_for_byte_the_one_tensorflow_code_writes(
    compression: str, photographs: Lists, tmp_path: pathlib.Path
) -> None:
    ours, theirs = tmp_path / "ours.tfrecords", tmp_path / "theirs.tfrecords"
    summary = write_record_binary_cls(*photographs, ours, seed=20, options=compression)
    assert min(summary.kinds.values()) > 0
    write_by_tensorflow(photographs, str(theirs), compression, seed=20)
    if compression:
        # Which bytes a compressor gives depends on the zlib it was built with; what is inside does not.
        ours_inside, theirs_inside = (
            [bytes(record) for record in tf.data.TFRecordDataset(str(path), compression).as_numpy_iterator()]
            for path in (ours, theirs)
        )
        assert ours_inside == theirs_inside
    else:
        assert ours.read_bytes() == theirs.read_bytes()


def small_model() -> Any:
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((320, 320, 1)),
            layers.Rescaling(1 / 255),
            layers.AveragePooling2D(8),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("image_format", ["raw", "png", "jpeg"])
def test_written_file_trains_a_model_for_an_epoch(
    image_format: str, photographs: Lists, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "images.tfrecords"
    summary = write_record_binary_cls(*photographs, path, seed=21, image_format=image_format, options="GZIP")
    batches = (
        read_record_single_cls(path, batch_size=8, epoch=1)
        .map(lambda batch: apply_aug_single_cls(batch, 8))
        .map(lambda batch: (batch["img"], batch["label"]))
    )
    labels = np.concatenate([label for _, label in batches.as_numpy_iterator()])
    assert labels.shape == (24, 1)
    assert int(labels.sum()) == summary.labels[1]

    model = small_model()
    before = [weights.copy() for weights in model.get_weights()]
    history = model.fit(batches, epochs=1, steps_per_epoch=24 // 8, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))
