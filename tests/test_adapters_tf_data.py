"""Reading the data set with the real TensorFlow: batches, formats, compression, augmentation, and what is refused."""

from __future__ import annotations

import io
import pathlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tfrecord_lite.adapters import tf_cardchecker
from tfrecord_lite.adapters.tf_data import apply_aug_single_cls, read_record_single_cls
from tfrecord_lite.cardchecker.crops import Pixels
from tfrecord_lite.cardchecker.images import encode_pixels

tf = pytest.importorskip("tensorflow")


def shades(number: int) -> Pixels:
    """An image that is smooth, so that JPEG keeps it nearly, and has `number` in its corner."""
    ramp = np.add.outer(np.arange(320) // 4, np.arange(320) // 3) + number
    return ramp.astype(np.uint8)


def serialized(image: bytes, label: int, image_format: str) -> bytes:
    """One record as TensorFlow code writes it."""
    feature = {
        "image/image_id_raw": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "image/format": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image_format.encode()])),
        "image/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
        "image/height": tf.train.Feature(int64_list=tf.train.Int64List(value=[320])),
        "image/width": tf.train.Feature(int64_list=tf.train.Int64List(value=[320])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return bytes(example.SerializeToString())


def write(path: pathlib.Path, records: Sequence[bytes], compression_type: str = "") -> str:
    with tf.io.TFRecordWriter(str(path), compression_type) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def raw_records(numbers: Sequence[int]) -> list[bytes]:
    return [serialized(shades(number).tobytes(), number % 2, "raw") for number in numbers]


def corners(dataset: Any) -> list[int]:
    """The number of every image in the dataset, in no particular order."""
    return sorted(int(image[0, 0, 0]) for batch in dataset.as_numpy_iterator() for image in batch["img"])


def test_batches_have_static_shapes_and_dtypes(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(4)))
    dataset = read_record_single_cls(path, batch_size=2, epoch=1)
    assert dataset.element_spec == {
        "img": tf.TensorSpec([2, 320, 320, 1], tf.uint8),
        "label": tf.TensorSpec([2], tf.int64),
    }
    batch = next(dataset.as_numpy_iterator())
    assert (batch["img"].shape, batch["img"].dtype) == ((2, 320, 320, 1), np.uint8)
    assert (batch["label"].shape, batch["label"].dtype) == ((2,), np.int64)


def test_images_come_with_their_labels(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(6)))
    for batch in read_record_single_cls(path, batch_size=3, epoch=1).as_numpy_iterator():
        for image, label in zip(batch["img"], batch["label"], strict=True):
            number = int(image[0, 0, 0])
            assert label == number % 2
            np.testing.assert_array_equal(image[:, :, 0], shades(number))


def test_defaults_are_batches_of_16_ten_times(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(17)))
    batches = list(read_record_single_cls(path).as_numpy_iterator())
    assert [batch["img"].shape[0] for batch in batches] == [16] * 10


def test_incomplete_batches_are_left_out_of_every_epoch(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(5)))
    batches = list(read_record_single_cls(path, batch_size=2, epoch=3).as_numpy_iterator())
    assert len(batches) == 3 * 2


def test_every_epoch_has_every_record_in_another_order(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(12)))
    dataset = read_record_single_cls(path, shuffle_buffer_size=12, batch_size=12, epoch=4)
    orders = [tuple(batch["img"][:, 0, 0, 0].tolist()) for batch in dataset.as_numpy_iterator()]
    assert [sorted(order) for order in orders] == [list(range(12))] * 4
    assert len(set(orders)) > 1


def test_epoch_none_is_without_end(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(2)))
    dataset = read_record_single_cls(path, batch_size=2, epoch=None)
    assert len(list(dataset.take(25).as_numpy_iterator())) == 25


def jpeg(pixels: Pixels) -> bytes:
    return encode_pixels(pixels, "jpeg")


def png(pixels: Pixels) -> bytes:
    return encode_pixels(pixels, "png")


@pytest.mark.parametrize(
    ("image_format", "store"),
    [("raw", np.ndarray.tobytes), ("jpg", np.ndarray.tobytes), ("png", png), ("jpeg", jpeg), ("jpg", jpeg)],
    ids=["raw", "jpg over raw pixels", "png", "jpeg", "jpg over a JPEG file"],
)
def test_every_format_gives_the_pixels_that_pillow_reads(
    image_format: str, store: Callable[[Pixels], bytes], tmp_path: pathlib.Path
) -> None:
    stored = store(shades(9))
    expected = shades(9)
    if store is jpeg:
        with Image.open(io.BytesIO(stored)) as picture:
            expected = np.asarray(picture)
    path = write(tmp_path / "a.tfrecords", [serialized(stored, 1, image_format)])
    (batch,) = read_record_single_cls(path, batch_size=1, epoch=1).as_numpy_iterator()
    np.testing.assert_array_equal(batch["img"][0, :, :, 0], expected)
    # And what the pipeline's graph is made of, step by step.
    parsed = tf_cardchecker._parse_record(tf.constant(serialized(stored, 1, image_format)))
    np.testing.assert_array_equal(parsed["img"][:, :, 0], expected)
    assert int(parsed["label"]) == 1


def test_formats_may_be_mixed_in_one_file(tmp_path: pathlib.Path) -> None:
    records = [
        serialized(shades(1).tobytes(), 1, "raw"),
        serialized(shades(2).tobytes(), 1, "jpg"),
        serialized(png(shades(3)), 1, "png"),
    ]
    path = write(tmp_path / "a.tfrecords", records)
    assert corners(read_record_single_cls(path, batch_size=3, epoch=1)) == [1, 2, 3]


@pytest.mark.parametrize(
    ("image", "image_format", "found"),
    [
        (shades(0).tobytes(), "bmp", r"image/format is not raw, png, jpeg or jpg but\] \[bmp\]"),
        (shades(0).tobytes(), "RAW", r"\[RAW\]"),
        (bytes(102_399), "raw", r"has not 102400 bytes but\] \[102399\]"),
        (bytes(307_200), "raw", r"\[307200\]"),
        (png(shades(0)[:319]), "png", r"has not 320 rows, 320 columns and 1 channel but\] \[319 320 1\]"),
        (jpeg(shades(0)[:, :64]), "jpeg", r"\[320 64 1\]"),
        (jpeg(shades(0)[:, :64]), "jpg", r"\[320 64 1\]"),
        (b"no image", "png", "image|PNG"),
        (bytes(1000), "jpg", "JPEG|image"),
    ],
)
def test_record_of_another_format_or_size_is_an_error_saying_what_was_found(
    image: bytes, image_format: str, found: str, tmp_path: pathlib.Path
) -> None:
    path = write(tmp_path / "a.tfrecords", [serialized(image, 1, image_format)])
    with pytest.raises(tf.errors.InvalidArgumentError, match=found):
        list(read_record_single_cls(path, batch_size=1, epoch=1))


def test_record_with_other_features_is_an_error_naming_the_missing(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", [tf.train.Example().SerializeToString()])
    with pytest.raises(tf.errors.InvalidArgumentError, match="image/"):
        list(read_record_single_cls(path, batch_size=1, epoch=1))


@pytest.mark.parametrize("compression_type", ["", "GZIP", "ZLIB"])
def test_compression_is_recognised(compression_type: str, tmp_path: pathlib.Path) -> None:
    for part in range(2):
        write(tmp_path / f"part{part}", raw_records([2 * part, 2 * part + 1]), compression_type)
    assert corners(read_record_single_cls(str(tmp_path / "part*"), batch_size=2, epoch=1)) == [0, 1, 2, 3]


def test_file_without_records_goes_with_any_compression(tmp_path: pathlib.Path) -> None:
    (tmp_path / "part0").touch()
    write(tmp_path / "part1", raw_records([5]), "GZIP")
    assert corners(read_record_single_cls(str(tmp_path / "part*"), batch_size=1, epoch=1)) == [5]


def test_mixed_compression_is_an_error_naming_two_files(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "a", raw_records([1]))
    write(tmp_path / "b", raw_records([2]))
    write(tmp_path / "c", raw_records([3]), "GZIP")
    with pytest.raises(ValueError, match=r"/a is plain, .*/c is GZIP"):
        read_record_single_cls(str(tmp_path / "*"))


def test_paths_patterns_and_lists_are_taken(tmp_path: pathlib.Path) -> None:
    for number in range(3):
        write(tmp_path / f"part{number}.tfrecords", raw_records([number]))
    paths: list[Any] = [tmp_path / "part0.tfrecords", str(tmp_path / "part1.tfrecords")]
    for argument, expected in [
        (paths[0], [0]),
        (paths[1], [1]),
        (str(tmp_path / "*.tfrecords"), [0, 1, 2]),
        (tmp_path / "part[12].tfrecords", [1, 2]),
        (paths, [0, 1]),
        ([*paths, str(tmp_path / "*2.tfrecords")], [0, 1, 2]),
        (tuple(paths), [0, 1]),
    ]:
        assert corners(read_record_single_cls(argument, batch_size=1, epoch=1)) == expected


def test_file_whose_name_looks_like_a_pattern_is_read(tmp_path: pathlib.Path) -> None:
    write(tmp_path / "cards[1].tfrecords", raw_records([1]))
    write(tmp_path / "cards1.tfrecords", raw_records([2]))
    assert corners(read_record_single_cls(tmp_path / "cards[1].tfrecords", batch_size=1, epoch=1)) == [1]


def test_many_files_are_all_read(tmp_path: pathlib.Path) -> None:
    for number in range(20):
        write(tmp_path / f"{number:02}.tfrecords", raw_records([2 * number, 2 * number + 1]))
    dataset = read_record_single_cls(str(tmp_path / "*.tfrecords"), num_parallel_reads=4, batch_size=8, epoch=1)
    assert corners(dataset) == list(range(40))


@pytest.mark.parametrize("several", [False, True])
def test_pattern_without_files_is_an_error_naming_it(several: bool, tmp_path: pathlib.Path) -> None:
    write(tmp_path / "a.tfrecords", raw_records([1]))
    pattern = str(tmp_path / "b*.tfrecords")
    with pytest.raises(FileNotFoundError, match=r"no file matches: .*b\*\.tfrecords"):
        read_record_single_cls([str(tmp_path / "a.tfrecords"), pattern] if several else pattern)


def test_empty_list_is_an_error() -> None:
    with pytest.raises(ValueError, match="empty list"):
        read_record_single_cls([])


def batch_of(count: int, image: Pixels, dtype: Any = np.uint8) -> dict[str, Any]:
    images = np.repeat(image[None, :, :, None], count, axis=0).astype(dtype)
    return {"img": tf.constant(images), "label": tf.range(count, dtype=tf.int64) % 2}


def eagerly(batch: dict[str, Any], size: int) -> dict[str, Any]:
    return apply_aug_single_cls(batch, size)


def in_map(batch: dict[str, Any], size: int) -> dict[str, Any]:
    dataset = tf.data.Dataset.from_tensors(batch)
    return next(iter(dataset.map(lambda features: apply_aug_single_cls(features, size))))


def in_map_of_unknown_batch(batch: dict[str, Any], size: int) -> dict[str, Any]:
    dataset = tf.data.Dataset.from_tensor_slices(batch).batch(size)
    assert dataset.element_spec["img"].shape[0] is None
    mapped = dataset.map(lambda features: apply_aug_single_cls(features, size))
    assert mapped.element_spec["img"].shape == [size, 320, 320, 1]
    return next(iter(mapped))


WAYS = [eagerly, in_map, in_map_of_unknown_batch]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_augmented_batch_keeps_shape_dtype_and_labels(way: Callable[..., dict[str, Any]], dtype: Any) -> None:
    augmented = way(batch_of(5, shades(3), dtype), 5)
    assert set(augmented) == {"img", "label"}
    assert (augmented["img"].shape, augmented["img"].dtype) == ([5, 320, 320, 1], dtype)
    assert (augmented["label"].shape, augmented["label"].dtype) == ([5, 1], tf.int64)
    assert augmented["label"].numpy().ravel().tolist() == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("way", WAYS)
def test_each_image_draws_its_own_flips_and_brightness(way: Callable[..., dict[str, Any]]) -> None:
    tf.random.set_seed(4)
    image = np.full((320, 320), 90, np.uint8)
    image[:160, :160], image[:160, 160:], image[160:, :160] = 100, 120, 160
    augmented = way(batch_of(64, image), 64)["img"].numpy().astype(int)[..., 0]
    flips, deltas = Counter[tuple[int, ...]](), set[int]()
    for found in augmented:
        quarters = [int(found[row, column]) for row in (0, -1) for column in (0, -1)]
        deltas.add(min(quarters) - 90)
        # The order of the quarters by brightness says how they lie; rounding may move each by one grey level.
        flips[tuple(np.argsort(quarters).tolist())] += 1
    upright = np.arange(4).reshape(2, 2)
    image_quarters = np.array([100, 120, 160, 90])
    assert set(flips) == {
        tuple(np.argsort(image_quarters[places.ravel()]).tolist())
        for places in (upright, upright[:, ::-1], upright[::-1], upright[::-1, ::-1])
    }
    assert min(flips.values()) >= 4
    assert len(deltas) > 20
    assert -26 <= min(deltas) < -10  # at most a tenth of 255
    assert 10 < max(deltas) <= 26


def test_brightness_stops_at_black_and_white() -> None:
    for shade in (0, 255):
        augmented = apply_aug_single_cls(batch_of(16, np.full((320, 320), shade, np.uint8)), 16)["img"].numpy()
        assert np.abs(augmented.astype(int) - shade).max() <= 26


def test_augmentation_differs_from_batch_to_batch() -> None:
    batch = batch_of(4, shades(3))
    mapped = tf.data.Dataset.from_tensors(batch).repeat(6).map(lambda b: apply_aug_single_cls(b, 4))
    assert len({images["img"].tobytes() for images in mapped.as_numpy_iterator()}) > 1


def replaced(batch: dict[str, Any], name: str, shape: Sequence[int]) -> dict[str, Any]:
    return {**batch, name: tf.zeros(shape, batch[name].dtype)}


@pytest.mark.parametrize("way", [eagerly, in_map])
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("img", (3, 320, 320, 1)),
        ("img", (4, 320, 320, 3)),
        ("img", (4, 320, 319, 1)),
        ("img", (4, 320, 320)),
        ("label", (3,)),
        ("label", (4, 1)),
        ("label", ()),
    ],
)
def test_wrong_shape_is_an_error_naming_it(
    way: Callable[..., dict[str, Any]], name: str, shape: tuple[int, ...]
) -> None:
    batch = replaced(batch_of(4, shades(0)), name, shape)
    with pytest.raises(ValueError, match=rf"{name} has shape \({', '.join(map(str, shape))},?\)"):
        way(batch, 4)


def test_wrong_shape_that_shows_only_in_the_graph_is_an_error() -> None:
    dataset = tf.data.Dataset.from_tensor_slices(batch_of(5, shades(0))).batch(4)
    batches = iter(dataset.map(lambda batch: apply_aug_single_cls(batch, 4)))
    next(batches)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[1[],].* not compatible with expected shape \[4[],]"):
        next(batches)


def test_batches_as_they_are_read_can_be_augmented(tmp_path: pathlib.Path) -> None:
    path = write(tmp_path / "a.tfrecords", raw_records(range(4)))
    dataset = read_record_single_cls(path, batch_size=4, epoch=1)
    (batch,) = dataset.map(lambda features: apply_aug_single_cls(features, 4)).as_numpy_iterator()
    assert (batch["img"].shape, batch["label"].shape) == ((4, 320, 320, 1), (4, 1))


CALLS = [
    "read_record_single_cls('images.tfrecords')",
    "apply_aug_single_cls({}, 1)",
    "make_dataset('images.tfrecords', batch_size=1)",
    "augment([], seed=(0, 0))",
]


@pytest.mark.parametrize("call", CALLS)
def test_without_tensorflow_the_error_names_the_extra(call: str) -> None:
    script = f"""
import sys
sys.modules["tensorflow"] = None
from tfrecord_lite.adapters.tf_data import *
try:
    {call}
except ImportError as error:
    sys.exit('pip install "tfrecord-lite-codec[tf]"' not in str(error))
sys.exit("no ImportError")
"""
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
