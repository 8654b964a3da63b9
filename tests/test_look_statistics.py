"""Statistics of examples: what is there, what is missing, what it is."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.look.numbers import Numbers
from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, Statistics
from tfrecord_lite.look.statistics_sketch import statistics_of

pytest.importorskip("sklearn")
from sklearn.datasets import load_digits, load_iris


def statistics_of_all(examples: list[dict[str, Any]]) -> Statistics:
    return statistics_of(tfr.decode_example(tfr.encode_example(example)) for example in examples)


def feature_of(examples: list[dict[str, Any]], name: str) -> FeatureStatistics:
    return next(feature for feature in statistics_of_all(examples).features if feature.name == name)


def numbers_in(feature: FeatureStatistics) -> Numbers:
    [kind] = feature.kinds.values()
    assert isinstance(kind.values, Numbers)
    return kind.values


def bytes_in(feature: FeatureStatistics) -> BytesValues:
    [kind] = feature.kinds.values()
    assert isinstance(kind.values, BytesValues)
    return kind.values


def encoded(image: Image.Image, image_format: str) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format)
    return file.getvalue()


def test_absent_kindless_and_empty_are_three_things() -> None:
    feature = feature_of([{}, {"x": None}, {"x": np.array([], np.int64)}, {"x": [1, 2]}], "x")
    assert (feature.absent, feature.kindless, feature.empty, feature.present) == (1, 1, 1, 2)
    assert feature.kinds["int64"].lengths.maximum == 2


def test_each_kind_has_its_own_numbers() -> None:
    feature = feature_of([{"x": 1}, {"x": 2.5}, {"x": "three"}, {"x": 4}], "x")
    assert {dtype: kind.records for dtype, kind in feature.kinds.items()} == {"bytes": 1, "float32": 1, "int64": 2}


def test_a_real_table_is_described_as_numpy_describes_it(tmp_path: Path) -> None:
    table = load_iris()
    with tfr.TFRecordWriter(tmp_path / "iris") as writer:
        writer.write_columns({"petal": table.data[:, 2].astype(np.float32), "species": table.target})
    petal, species = statistics_of(tfr.read_examples(tmp_path / "iris")).features
    found = numbers_in(petal)
    assert (found.minimum, found.maximum, found.count) == (1.0, 6.9, 150)
    assert (found.mean, found.deviation) == pytest.approx((table.data[:, 2].mean(), table.data[:, 2].std()), rel=1e-6)
    assert numbers_in(species).frequent == ((0, 50), (1, 50), (2, 50))


def test_more_records_than_wait_to_be_judged_are_all_counted() -> None:
    statistics = statistics_of({"n": np.array([number % 3])} for number in range(20_000))
    [feature] = statistics.features
    assert statistics.records == feature.present == numbers_in(feature).count == 20_000
    assert dict(numbers_in(feature).frequent) == {0: 6667, 1: 6667, 2: 6666}


def test_classes_as_text_are_counted_and_long_values_are_not() -> None:
    examples: list[dict[str, Any]] = [{"c": name, "long": "x" * 200} for name in ("cat", "dog", "cat")]
    found = bytes_in(feature_of(examples, "c"))
    assert found.frequent == ((b"cat", 2), (b"dog", 1))
    assert (found.distinct, found.encodings) == (2, (("UTF-8", 3),))
    long = bytes_in(feature_of(examples, "long"))
    assert (long.distinct, long.frequent, long.sizes.maximum) == (None, (), 200)


def test_images_are_told_by_their_headers() -> None:
    digit = Image.fromarray(load_digits().images[0].astype(np.uint8))
    wide = Image.new("RGB", (64, 8))
    files = [
        encoded(digit, "PNG"),
        encoded(wide, "JPEG"),
        encoded(wide, "PNG"),
        b"\x89PNG no more",
        b"\xff\x00",
        b"text",
    ]
    found = bytes_in(feature_of([{"image": file} for file in files], "image"))
    assert dict(found.encodings) == {"PNG": 3, "JPEG": 1, "other": 1, "UTF-8": 1}
    images = found.images
    assert images is not None
    assert (images.count, images.unreadable) == (4, 1)
    assert images.sizes == (("64x8", 2), ("8x8", 1))
    assert dict(images.modes) == {"RGB": 2, "gray": 1}
    assert (images.widths.maximum, images.heights.minimum) == (64, 8)


def test_statistics_are_json_that_loses_no_value(tmp_path: Path) -> None:
    examples: list[dict[str, Any]] = [{"a": float("nan"), "b": b"\xff", "c": "é", "d": 2**63 - 1}]
    found = json.loads(json.dumps(statistics_of_all(examples).as_dict(), allow_nan=False))
    assert found["records"] == 1
    assert found["features"]["a"]["kinds"]["float32"]["values"]["nan"] == 1
    assert found["features"]["b"]["kinds"]["bytes"]["values"]["frequent"] == [[{"base64": "/w=="}, 1]]
    assert found["features"]["c"]["kinds"]["bytes"]["values"]["frequent"] == [["é", 1]]
    assert found["features"]["d"]["kinds"]["int64"]["values"]["maximum"] == 2**63 - 1


def test_made_up_names_do_not_take_all_memory() -> None:
    statistics = statistics_of({f"{record}/{number}": None for number in range(500)} for record in range(30))
    assert (len(statistics.features), statistics.left_out) == (10_000, 5_000)
