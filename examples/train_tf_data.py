"""A card checker trained with Keras: specimens are drawn, written, read by tf.data, augmented, learned.

    python examples/train_tf_data.py [DIRECTORY]

Needs `pip install "tfrecord-lite-codec[tf]"`. Prints how many of the specimens the model tells right, those that it has
learned from and others. A minute on two cores.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

import tfrecord_lite as tfr
from tfrecord_lite.adapters.tf_data import augment, make_dataset
from tfrecord_lite.cardchecker import write_record_binary_cls
from tfrecord_lite.cardchecker.specimens import draw_background, draw_id_card, draw_licence

FEATURES = {
    "image/image_id_raw": tfr.FixedLenFeature([], bytes),
    "image/label": tfr.FixedLenFeature([], "int64"),
}
BATCH_SIZE = 16
EPOCHS = 20


def write_specimens(path: Path, count: int, seed: int) -> None:
    """So many records of cards that belong to nobody, of other parts of them, and of landscapes."""
    cards, licences, backgrounds = (
        [draw(np.random.default_rng([seed, number])) for number in range(count)]
        for draw in (draw_id_card, draw_licence, draw_background)
    )
    write_record_binary_cls(cards, licences, backgrounds, path, seed=seed)


def images_and_labels(path: Path, *, shuffle: bool) -> tf.data.Dataset:
    """Batches of uint8 [n, 320, 320, 1] and int64 [n]. This reader tells Keras how many there will be."""

    def decoded(batch: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        images = tf.reshape(tf.io.decode_raw(batch["image/image_id_raw"], tf.uint8), [-1, 320, 320, 1])
        return images, batch["image/label"]

    batches = make_dataset(path, FEATURES, batch_size=BATCH_SIZE, shuffle=shuffle, seed=1, reader="tfrecord_lite")
    return batches.map(decoded)


def training_data(path: Path) -> tf.data.Dataset:
    """Images changed at random, in every epoch in another way."""
    seeds = tf.data.Dataset.random(seed=1, rerandomize_each_iteration=True).batch(2, drop_remainder=True)

    def changed(pair: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = pair
        return augment(images, brightness=0.1, flip_left_right=True, flip_up_down=True, seed=seed), labels

    return tf.data.Dataset.zip((images_and_labels(path, shuffle=True), seeds)).map(changed)


def new_model(steps: int) -> tf.keras.Model:
    """Small enough for two cores; it is to learn in so many steps, ever more slowly."""
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((320, 320, 1)),
            layers.Rescaling(1 / 127.5, -1),
            layers.AveragePooling2D(4),
            layers.Conv2D(16, 5, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Conv2D(32, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    rate = tf.keras.optimizers.schedules.CosineDecay(1e-3, steps)
    model.compile(tf.keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def main(directory: Path) -> dict[str, Any]:
    """Accuracy on the specimens that were learned from, and on others."""
    tf.keras.utils.set_random_seed(1)
    learned, others = directory / "learned.tfrecords", directory / "others.tfrecords"
    write_specimens(learned, count=256, seed=1)
    write_specimens(others, count=64, seed=2)
    data = training_data(learned)
    model = new_model(steps=EPOCHS * len(data))
    model.fit(data, epochs=EPOCHS, shuffle=False, verbose=2)  # they come shuffled
    return {
        path.stem: model.evaluate(images_and_labels(path, shuffle=False), verbose=0, return_dict=True)["accuracy"]
        for path in (learned, others)
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        accuracies = main(Path(sys.argv[1] if len(sys.argv) > 1 else scratch))
    for name, accuracy in accuracies.items():
        print(f"{name}: {accuracy:.3f}")
