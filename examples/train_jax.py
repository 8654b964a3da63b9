"""Trains a small model to tell identity cards and driver licences from everything else, in about a minute.

    python examples/train_jax.py --directory cards

Draws specimens, which are cards that belong to nobody, makes records of them, reads these through grain, where they are
augmented by numpy, and trains with nothing but jax (`pip install "tfrecord-lite-codec[grain]"`). The last line is the
accuracy on specimens that the model has not seen.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np

import tfrecord_lite as tfr
from tfrecord_lite.adapters.augmentation import augment
from tfrecord_lite.adapters.grain import ColumnDataset
from tfrecord_lite.adapters.jax import to_jax
from tfrecord_lite.adapters.ordered_batches import OrderedBatches
from tfrecord_lite.cardchecker import decode_pixels, write_record_binary_cls
from tfrecord_lite.cardchecker.specimens import draw_background, draw_id_card, draw_licence

FEATURES = {
    "image/image_id_raw": tfr.FixedLenFeature([], bytes),
    "image/format": tfr.FixedLenFeature([], bytes),
    "image/label": tfr.FixedLenFeature([], "int64"),
}
EPOCHS = 6
BATCH_SIZE = 32
CHANNELS = (1, 16, 32, 64)
RATE = 3e-3
READ_AHEAD = grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)


def write_specimens(path: Path, first: int, count: int) -> None:
    """Records made of the specimens number `first` to `first + count`, which are the same at every call."""
    lists = [
        [draw(np.random.default_rng([kind, number])) for number in range(first, first + count)]
        for kind, draw in enumerate((draw_id_card, draw_licence, draw_background))
    ]
    write_record_binary_cls(*lists, path, seed=first)


def prepared(columns: dict[str, Any]) -> dict[str, Any]:
    """{"image": uint8 [n, 320, 320, 1], "label": int64 [n]}."""
    images = decode_pixels(columns["image/image_id_raw"], columns["image/format"])
    return {"image": images, "label": columns["image/label"]}


def augmented(index: int, batch: dict[str, Any]) -> dict[str, Any]:
    """The same, each image changed at random, in another way in every batch."""
    images = augment(batch["image"], brightness=0.1, flip_left_right=True, flip_up_down=True, seed=(0, index))
    return {"image": images, "label": batch["label"]}


def new_model(key: jax.Array) -> dict[str, Any]:
    """The parameters: three convolutions, and a layer that looks at all that is left."""
    keys = jax.random.split(key, len(CHANNELS))
    convolutions = []
    for one, before, after in zip(keys, CHANNELS[:-1], CHANNELS[1:], strict=False):
        weights = jax.random.normal(one, (3, 3, before, after)) * (2 / (9 * before)) ** 0.5
        convolutions.append({"weights": weights, "scale": jnp.ones(after), "shift": jnp.zeros(after)})
    last = jax.random.normal(keys[-1], (CHANNELS[-1] * 25,)) * 0.01
    return {"convolutions": convolutions, "last": last, "bias": jnp.zeros(())}


def logits_of(model: dict[str, Any], images: jax.Array) -> jax.Array:
    """[n] of images [n, 320, 320, 1]."""
    values = images.reshape(-1, 80, 4, 80, 4).mean((2, 4))[..., None] / 255
    for layer in model["convolutions"]:
        values = jax.lax.conv_general_dilated(
            values, layer["weights"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        # Each channel of an image has a mean of 0 and a deviation of 1 before it is scaled and shifted.
        values = (values - values.mean((1, 2), keepdims=True)) / (values.std((1, 2), keepdims=True) + 1e-3)
        values = jax.nn.relu(values * layer["scale"] + layer["shift"])
    values = values.reshape(-1, 5, 2, 5, 2, CHANNELS[-1]).max((2, 4))
    return values.reshape(len(values), -1) @ model["last"] + model["bias"]


def loss_of(model: dict[str, Any], batch: dict[str, Any]) -> jax.Array:
    """The mean of the cross entropy."""
    logits, labels = logits_of(model, batch["image"]), batch["label"]
    return (jax.nn.softplus(logits) - logits * labels).mean()


@jax.jit
def trained(state: Any, batch: dict[str, Any], rate: jax.Array) -> Any:
    """One step of Adam: (state after it, loss before it)."""
    model, means, squares, steps = state
    loss, slopes = jax.value_and_grad(loss_of)(model, batch)
    steps += 1
    means = jax.tree.map(lambda mean, slope: 0.9 * mean + 0.1 * slope, means, slopes)
    squares = jax.tree.map(lambda square, slope: 0.99 * square + 0.01 * slope**2, squares, slopes)
    step = partial(_step, rate=rate, steps=steps)
    return (jax.tree.map(step, model, means, squares), means, squares, steps), loss


def _step(value: jax.Array, mean: jax.Array, square: jax.Array, *, rate: jax.Array, steps: jax.Array) -> jax.Array:
    return value - rate * (mean / (1 - 0.9**steps)) / (jnp.sqrt(square / (1 - 0.99**steps)) + 1e-8)


def train(model: dict[str, Any], path: Path) -> dict[str, Any]:
    """EPOCHS times over all records, in another order each time."""
    batches = OrderedBatches(path, FEATURES, batch_size=BATCH_SIZE, shuffle=True, remainder="drop")
    dataset = ColumnDataset(batches).map(prepared).repeat(EPOCHS).map_with_index(augmented)
    nothing = jax.tree.map(jnp.zeros_like, model)
    state = (model, nothing, nothing, jnp.zeros(()))
    losses: list[float] = []
    for number, batch in enumerate(dataset.to_iter_dataset(READ_AHEAD)):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * number / len(dataset)))
        state, loss = trained(state, to_jax(batch), rate)
        losses.append(float(loss))
        if len(losses) == len(batches):
            print(f"epoch {number // len(batches)}: loss {np.mean(losses):.3f}")
            losses = []
    trained_model: dict[str, Any] = state[0]
    return trained_model


def accuracy_of(model: dict[str, Any], path: Path) -> float:
    """The share of records that the model labels as they are."""
    right = count = 0
    dataset = ColumnDataset(OrderedBatches(path, FEATURES, batch_size=BATCH_SIZE)).map(prepared)
    for batch in map(to_jax, dataset.to_iter_dataset(READ_AHEAD)):
        right += int(((jax.jit(logits_of)(model, batch["image"]) > 0) == (batch["label"] > 0)).sum())
        count += len(batch["label"])
    return right / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, default=Path("cards"), help="where the records go (%(default)s)")
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    training, unseen = directory / "train.tfrecord", directory / "unseen.tfrecord"
    write_specimens(training, 0, 480)
    write_specimens(unseen, 480, 160)
    model = train(new_model(jax.random.key(0)), training)
    print(f"accuracy {accuracy_of(model, unseen):.3f}")


if __name__ == "__main__":
    main()
