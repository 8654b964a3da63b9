"""The card checker's records as input for training with TensorFlow.

Takes files of `tfrecord_lite.cardchecker.write_record_binary_cls`, or older ones like them. Returns a
`tf.data.Dataset` of {"img": uint8 [batch, 320, 320, 1], "label": int64 [batch]}, and augments such batches.
Raises ImportError without TensorFlow (extra `[tf]`), which is imported when a function is called;
FileNotFoundError and ValueError for files that do not fit together, at the call;
`tf.errors.InvalidArgumentError` for a record that is not one of ours, when it is read.

What a record's pixels are depends on `image/format`, see `tfrecord_lite.cardchecker.pixels`, which gives the same
without TensorFlow.
"""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union

from tfrecord_lite.adapters.tensorflow_import import import_tensorflow
from tfrecord_lite.adapters.tf_augmentation import augment
from tfrecord_lite.cardchecker.examples import RAW_SIZE
from tfrecord_lite.cardchecker.images import SIDE
from tfrecord_lite.errors import printable
from tfrecord_lite.files.compression import HEAD_SIZE, recognise

if TYPE_CHECKING:
    import tensorflow as tf

Path = Union[str, "os.PathLike[str]"]

BRIGHTNESS_MAX_DELTA = 0.1


def read_record_single_cls(
    imageTFRecord: Path | Sequence[Path],  # noqa: N803  the name that existing training scripts use
    num_parallel_reads: int | None = 8,
    shuffle_buffer_size: int = 8,
    batch_size: int = 16,
    epoch: int | None = 10,
) -> tf.data.Dataset:
    """Batches of images and labels, shuffled, `epoch` times over.

    Compression is recognised from the files. Records that do not fill a batch at the end of an epoch are left
    out of it: a file of fewer than `batch_size` records gives no batch at all.

    How many batches there will be is not known before all is read. Tell Keras, whose metrics otherwise count one
    batch too many at the end: `model.fit(..., epochs=epoch, steps_per_epoch=records // batch_size)`.

    Args:
        imageTFRecord: a path, a pattern such as "train-*.tfrecords", or a list of these.
        num_parallel_reads: how many files are read at a time.
        shuffle_buffer_size: how many records the next one is drawn from; files are shuffled as well.
        batch_size: records per batch.
        epoch: how many times all records are read; None is without end.

    Returns:
        A dataset of {"img": uint8 [batch_size, 320, 320, 1], "label": int64 [batch_size]}.

    Raises:
        ImportError: TensorFlow is not installed.
        FileNotFoundError: a path or pattern without a file.
        ValueError: no paths at all, or files of different compression.
        tf.errors.InvalidArgumentError: while reading, a record that has another format, size or features.
    """
    tf = import_tensorflow()
    names = _matching_files(tf, imageTFRecord)
    compression_type = _common_compression(tf, names)
    # The names are final: what looks like a pattern in them is none.
    files = tf.data.Dataset.list_files([glob.escape(name) for name in names])
    records = files.interleave(
        lambda name: tf.data.TFRecordDataset(name, compression_type),
        cycle_length=num_parallel_reads,
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return (
        records.shuffle(shuffle_buffer_size)
        .map(_parse_record, num_parallel_calls=tf.data.AUTOTUNE)
        .batch(batch_size, drop_remainder=True)
        .repeat(epoch)
        .prefetch(tf.data.AUTOTUNE)
    )


def apply_aug_single_cls(image_features: Mapping[str, tf.Tensor], batch_size: int) -> dict[str, tf.Tensor]:
    """A batch with its images changed at random: brightness, left-right and up-down flips, each image for
    itself.

    Works on eager tensors and inside `Dataset.map`:

        dataset.map(lambda batch: apply_aug_single_cls(batch, 16))

    Args:
        image_features: {"img": [batch_size, 320, 320, 1], "label": [batch_size]}, as `read_record_single_cls`
            gives them. Images of a floating dtype are taken to be in 0 ... 1, and may leave it by the
            brightness.
        batch_size: images in the batch.

    Returns:
        {"img": [batch_size, 320, 320, 1], "label": [batch_size, 1]}, the dtypes as they came.

    Raises:
        ImportError: TensorFlow is not installed.
        ValueError: the tensors have another shape.
        tf.errors.InvalidArgumentError: the same, if it shows only when a graph runs.
    """
    tf = import_tensorflow()
    images = _with_shape(tf, "img", image_features["img"], (batch_size, SIDE, SIDE, 1))
    labels = _with_shape(tf, "label", image_features["label"], (batch_size,))
    # From the global generator, so that each call, and each run of a graph, draws another.
    seed = tf.random.uniform([2], tf.int64.min, tf.int64.max, tf.int64)
    augmented = augment(images, brightness=BRIGHTNESS_MAX_DELTA, flip_left_right=True, flip_up_down=True, seed=seed)
    return {"img": augmented, "label": tf.reshape(labels, [batch_size, 1])}


def _matching_files(tf: Any, paths: Path | Sequence[Path]) -> list[str]:
    """Names of all files that one path or pattern, or several, stand for."""
    patterns = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    names: list[str] = []
    for pattern in [os.fspath(pattern) for pattern in patterns]:
        matches = [pattern] if tf.io.gfile.exists(pattern) else sorted(tf.io.gfile.glob(pattern))
        if not matches:
            raise FileNotFoundError(errno.ENOENT, "no file matches", pattern)
        names += matches
    if not names:
        raise ValueError("imageTFRecord is an empty list")
    return names


def _common_compression(tf: Any, names: list[str]) -> str:
    """The compression type of all the files. One dataset of TensorFlow's can read only one."""
    found: dict[str, str] = {}
    for name in names:
        with tf.io.gfile.GFile(name, "rb") as file:
            head = file.read(HEAD_SIZE)
        if head:  # an empty file holds no records under any compression
            found.setdefault(recognise(head), name)
    if len(found) > 1:
        (first, first_name), (second, second_name) = list(found.items())[:2]
        raise ValueError(
            f"files of different compression cannot be read together: {printable(first_name)} is "
            f"{first or 'plain'}, {printable(second_name)} is {second or 'plain'}"
        )
    return next(iter(found), "")


def _parse_record(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    tf = import_tensorflow()
    example = tf.io.parse_single_example(
        serialized,
        {
            "image/image_id_raw": tf.io.FixedLenFeature([], tf.string),
            "image/format": tf.io.FixedLenFeature([], tf.string),
            "image/label": tf.io.FixedLenFeature([], tf.int64),
        },
    )
    pixels = _decode_pixels(tf, example["image/image_id_raw"], example["image/format"])
    return {"img": pixels, "label": example["image/label"]}


def _decode_pixels(tf: Any, image: tf.Tensor, image_format: tf.Tensor) -> tf.Tensor:
    """uint8 [320, 320, 1] from what is stored in `image/image_id_raw`."""
    size = tf.strings.length(image)
    is_raw = (image_format == "raw") | ((image_format == "jpg") & (size == RAW_SIZE))
    is_png = image_format == "png"
    is_jpeg = (image_format == "jpeg") | (image_format == "jpg")
    known = tf.debugging.Assert(
        is_raw | is_png | is_jpeg, ["image/format is not raw, png, jpeg or jpg but", image_format]
    )

    def decode_raw() -> tf.Tensor:
        whole = tf.debugging.Assert(size == RAW_SIZE, [f"a raw image/image_id_raw has not {RAW_SIZE} bytes but", size])
        with tf.control_dependencies([whole]):
            return tf.reshape(tf.io.decode_raw(image, tf.uint8), [SIDE, SIDE, 1])

    def decode_png() -> tf.Tensor:
        return tf.io.decode_png(image, channels=1)

    def decode_jpeg() -> tf.Tensor:
        # The method that Pillow uses: the default is faster and off by some grey levels.
        return tf.io.decode_jpeg(image, channels=1, dct_method="INTEGER_ACCURATE")

    with tf.control_dependencies([known]):
        pixels = tf.case([(is_raw, decode_raw), (is_png, decode_png)], default=decode_jpeg)
    shape = tf.shape(pixels)
    fitting = tf.debugging.Assert(
        tf.reduce_all(shape == [SIDE, SIDE, 1]),
        [f"the image in a record has not {SIDE} rows, {SIDE} columns and 1 channel but", shape],
    )
    with tf.control_dependencies([fitting]):
        return tf.ensure_shape(tf.identity(pixels), [SIDE, SIDE, 1])


def _with_shape(tf: Any, name: str, tensor: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
    """`tensor`, seen to have `shape`: at once where its own is known, else when the graph runs."""
    tensor = tf.convert_to_tensor(tensor)
    if not tensor.shape.is_compatible_with(shape):
        raise ValueError(f"{name} has shape {tensor.shape}; {shape} is needed")
    return tf.ensure_shape(tensor, shape)
