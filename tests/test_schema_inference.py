"""infer_schema and Schema: what was seen, what is declared of it, and that it parses the records it came from."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.features
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.format.feature_schema import FeatureSchema, KindStatistics
from tfrecord_lite.format.infer import schema_of

NO_INTS, NO_FLOATS, NO_BYTES = np.array([], np.int64), np.array([], np.float32), np.array([], object)
INT64, FLOAT32 = np.iinfo(np.int64), np.finfo(np.float32)


def seen_in(*values: Any) -> FeatureSchema:
    """What is known of a feature with these values, one a record; ... is no feature at all."""
    return inferred([{} if value is ... else {"k": value} for value in values])["k"]


def inferred(examples: Sequence[dict[str, Any]]) -> tfr.Schema:
    return schema_of(map(tfr.decode_example, map(tfr.encode_example, examples)))


def statistics(*values: Any) -> KindStatistics:
    [of_kind] = seen_in(*values).kinds.values()
    return of_kind


def image(image_format: str, shade: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (shade, 7, 9)).save(file, image_format)
    return file.getvalue()


# What was seen


@pytest.mark.parametrize(
    ("values", "dtype", "shape"),
    [
        ([1, 2], "int64", ()),
        ([1.0, 2.0], "float32", ()),
        (["a", b"b"], "bytes", ()),
        ([[1, 2], [3, 4]], "int64", (2,)),
        ([[1, 2], [3]], "int64", None),
        ([NO_INTS, 1], "int64", None),
        ([NO_FLOATS, NO_FLOATS], "float32", None),
        ([NO_BYTES], "bytes", None),
        ([5, ...], "int64", ()),
        ([None, 5], "int64", ()),
        ([None, None], None, None),
        ([1, 2.0], None, None),
    ],
)
def test_dtype_and_shape_follow_from_the_lists_that_were_seen(
    values: list[Any], dtype: str | None, shape: tuple[int, ...] | None
) -> None:
    feature = seen_in(*values)
    assert (feature.dtype, feature.shape) == (dtype, shape)


@pytest.mark.parametrize(
    ("values", "kindless", "absent", "missing"),
    [
        ([1, 1, 1], 0, 0, "kindless"),
        ([1, ..., ...], 0, 2, "absent"),
        ([1, None], 1, 0, "kindless"),
        ([..., None, 1], 1, 1, "kindless"),
    ],
)
def test_a_missing_value_is_written_as_it_was_seen(values: list[Any], kindless: int, absent: int, missing: str) -> None:
    feature = seen_in(*values)
    assert (feature.kindless, feature.absent, feature.missing) == (kindless, absent, missing)


def test_mixed_kinds_are_counted_apart() -> None:
    feature = seen_in([1, 2], [3, 4, 5], "text", None, NO_FLOATS, ...)
    assert feature.is_mixed
    assert feature.kinds == {
        "bytes": KindStatistics(1, 1, 1, min_size=4, max_size=4, encoding="UTF-8"),
        "float32": KindStatistics(1, 0, 0),
        "int64": KindStatistics(2, 2, 3, 1, 5),
    }
    assert (feature.kindless, feature.absent) == (1, 1)


def test_integers_have_a_range_up_to_the_limits() -> None:
    of_kind = statistics([INT64.min, 0], INT64.max)
    assert (of_kind.min_value, of_kind.max_value) == (INT64.min, INT64.max)
    assert (of_kind.records, of_kind.min_length, of_kind.max_length) == (2, 1, 2)


@pytest.mark.parametrize(
    ("values", "low", "high", "non_finite"),
    [
        ([0.5, -2.0], -2.0, 0.5, 0),
        ([np.nan, 1.0, [np.inf, -np.inf, 3.0]], 1.0, 3.0, 3),
        ([np.nan], None, None, 1),
        ([NO_FLOATS], None, None, 0),
        ([float(FLOAT32.max), float(FLOAT32.smallest_subnormal)], FLOAT32.smallest_subnormal, FLOAT32.max, 0),
    ],
)
def test_floats_have_a_range_of_those_that_are_finite(
    values: list[Any], low: float | None, high: float | None, non_finite: int
) -> None:
    of_kind = statistics(*values)
    assert (of_kind.min_value, of_kind.max_value, of_kind.non_finite) == (low, high, non_finite)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "GIF", "WebP", "BMP"])
def test_image_files_are_recognised(image_format: str) -> None:
    if image_format == "WebP" and not PIL.features.check("webp"):
        pytest.skip("a Pillow without WebP")
    values = [image(image_format, shade) for shade in (0, 90, 200)]
    of_kind = statistics(values[0], values[1:])
    assert of_kind.encoding == image_format
    assert (of_kind.min_size, of_kind.max_size) == (min(map(len, values)), max(map(len, values)))


@pytest.mark.parametrize(
    ("values", "encoding"),
    [
        (["plain", "grün\n", ""], "UTF-8"),
        (["BMW", "GIF", "RIFF of a guitar"], "UTF-8"),
        ([b"\xe2\x82", b"\xac"], None),  # a character cut in two is text in neither
        ([b"\xff\x00\xfe", b"\x00\x01\x02"], "raw"),
        ([bytes(100), b"\x01" * 100], "raw"),  # valid UTF-8, but no text
        ([b"\xff", b"\xff\xfe"], None),
        ([image("PNG"), image("JPEG")], None),
        ([image("PNG"), b""], None),
        ([image("PNG"), "text"], None),
        (["", ""], None),
        ([NO_BYTES], None),
    ],
)
def test_an_encoding_is_one_that_all_values_share(values: list[Any], encoding: str | None) -> None:
    assert statistics(*values).encoding == encoding
    assert statistics(*values[::-1]).encoding == encoding


def test_one_value_among_thousands_is_not_overlooked() -> None:
    numbers: list[Any] = [np.array([1], np.int64)] * 3000
    texts: list[Any] = [[b"text"]] * 3000
    numbers[1717] = np.array([-5, 6], np.int64)
    texts[1717] = [b"\xff" * 100_000]
    feature = schema_of({"k": number} for number in numbers)["k"]
    assert feature.kinds["int64"] == KindStatistics(3000, 1, 2, -5, 6)
    feature = schema_of({"k": text} for text in texts)["k"]
    assert feature.kinds["bytes"] == KindStatistics(3000, 1, 1, min_size=4, max_size=100_000)


# Files


def write(path: Path, examples: Sequence[dict[str, Any]], options: str = "") -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for example in examples:
            writer.write_example(example)
    return path


def test_all_records_of_all_files_are_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "a", [{"label": number} for number in range(10)])
    write(tmp_path / "b", [{"label": number, "late": 1.0} for number in range(10, 13)], "GZIP")
    schema = tfr.infer_schema(tmp_path)
    assert schema.records == 13
    assert list(schema) == ["label", "late"]
    assert schema["label"].kinds == {"int64": KindStatistics(13, 1, 1, 0, 12)}
    assert schema["late"].absent == 10


@pytest.mark.parametrize(
    ("sample", "looked_at"),
    [
        (1, [0, 0, 0, 1]),
        (2, [0, 1, 0, 1]),
        (4, [1, 1, 1, 1]),
        (20, [5, 2, 8, 5]),
        (26, [6, 2, 10, 8]),
        (99, [10, 2, 10, 10]),
    ],
)
def test_a_sample_is_an_equal_share_of_each_file(sample: int, looked_at: list[int], tmp_path: Path) -> None:
    for name, count in zip("abcd", (10, 2, 10, 10), strict=True):
        write(tmp_path / name, [{name: number} for number in range(count)])
    schema = tfr.infer_schema(tmp_path, sample=sample)
    assert schema.records == sum(looked_at)
    seen = [schema[name].kinds["int64"].records if name in schema else 0 for name in "abcd"]
    assert seen == looked_at
    assert all(feature.kinds["int64"].min_value == 0 for feature in schema.values())


def test_a_sample_does_not_read_the_rest(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [{"label": number} for number in range(50_000)])
    with path.open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"\xff\xff\xff")
    assert tfr.infer_schema(path, sample=5).records == 5
    with pytest.raises(tfr.CorruptRecordError) as caught:
        tfr.infer_schema(path)
    assert (caught.value.path, caught.value.record_number) == (str(path), 49_999)
    assert tfr.infer_schema(path, verify=False).records == 50_000


def test_a_sample_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 record or more, not 0"):
        tfr.infer_schema(write(tmp_path / "a", []), sample=0)


def test_no_records_are_an_empty_schema(tmp_path: Path) -> None:
    schema = tfr.infer_schema(write(tmp_path / "a", []))
    assert schema == tfr.Schema([])
    assert (len(schema), schema.records, schema.features) == (0, 0, {})
    assert str(schema) == "0 features, 0 records looked at"


def test_empty_examples_are_records_without_features(tmp_path: Path) -> None:
    schema = tfr.infer_schema(write(tmp_path / "a", [{}, {}]))
    assert (len(schema), schema.records) == (0, 2)
    assert schema != tfr.Schema([])


def test_a_record_that_is_no_example_is_named(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example({"k": 1})
        writer.write(b"\xff\xff")
    with pytest.raises(tfr.DecodeError) as caught:
        tfr.infer_schema(tmp_path / "a")
    assert (caught.value.path, caught.value.record_number) == (str(tmp_path / "a"), 1)


def test_a_missing_file_is_an_error_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tfr.infer_schema([write(tmp_path / "a", [{"k": 1}]), tmp_path / "missing"], sample=1)


def test_file_objects_are_read(tmp_path: Path) -> None:
    data = write(tmp_path / "a", [{"k": 1}]).read_bytes()
    assert tfr.infer_schema([io.BytesIO(data), io.BytesIO(data)]).records == 2


# As features

EXAMPLES: list[dict[str, Any]] = [
    {
        "label": 1,
        "pair": [1.0, 2.0],
        "tokens": [1, 2, 3],
        "note": "a",
        "none": None,
        "": b"x",
        "a\"b'c\\\n": 1,
        "ü": ["x", "y"],
    },
    {"label": 2, "pair": [3.0, np.nan], "tokens": NO_INTS, "none": None, "": b"", "a\"b'c\\\n": 2, "ü": ["z", b"\xff"]},
    {"label": 3, "pair": [5.0, np.inf], "tokens": [4], "note": None, "": b"zz", "a\"b'c\\\n": 3, "ü": ["", ""]},
]


def test_features_are_fixed_where_every_record_has_as_many_values_and_ragged_elsewhere() -> None:
    assert inferred(EXAMPLES).features == {
        "": tfr.FixedLenFeature([], "bytes"),
        "a\"b'c\\\n": tfr.FixedLenFeature([], "int64"),
        "label": tfr.FixedLenFeature([], "int64"),
        "note": tfr.RaggedFeature("bytes"),
        "pair": tfr.FixedLenFeature([2], "float32"),
        "tokens": tfr.RaggedFeature("int64"),
        "ü": tfr.FixedLenFeature([2], "bytes"),
    }


def test_features_parse_the_records_they_came_from() -> None:
    batch = tfr.parse_example(list(map(tfr.encode_example, EXAMPLES)), inferred(EXAMPLES).features)
    assert batch["label"].tolist() == [1, 2, 3]
    assert batch["pair"].shape == (3, 2)
    assert batch["tokens"].row_splits.tolist() == [0, 3, 3, 4]
    assert batch["note"].values.tolist() == [b"a"]
    assert batch["note"].row_splits.tolist() == [0, 1, 1, 1]


def test_mixed_kinds_have_no_features() -> None:
    schema = inferred([{"a": 1, "k\x1b": 1}, {"k\x1b": 1.0}, {"k\x1b": 2}])
    for features in (lambda: schema.features, schema.to_tensorflow):
        with pytest.raises(tfr.FeatureError) as caught:
            features()
        assert caught.value.key == "k\x1b"
        assert str(caught.value) == (
            "feature 'k\\x1b': met in several kinds, which cannot be parsed: float32 in 1 record, int64 in 2 records"
        )


def test_tensorflow_parses_the_same_with_the_text_for_it() -> None:
    tf = pytest.importorskip("tensorflow")
    schema = inferred(EXAMPLES)
    scope = {"tf": tf}
    exec(schema.to_tensorflow(), scope)
    features: Any = scope["features"]
    records = list(map(tfr.encode_example, EXAMPLES))
    theirs, ours = tf.io.parse_example(records, features), tfr.parse_example(records, schema.features)
    assert theirs.keys() == ours.keys() == schema.keys() - {"none"}
    for name, value in ours.items():
        assert type(features[name]).__name__ == type(schema.features[name]).__name__
        if isinstance(value, tfr.RaggedTensorValue):
            np.testing.assert_array_equal(theirs[name].values.numpy(), value.values)
            np.testing.assert_array_equal(theirs[name].row_splits.numpy(), value.row_splits)
            assert theirs[name].row_splits.dtype.name == value.row_splits.dtype
        else:
            np.testing.assert_array_equal(theirs[name].numpy(), value)


def test_the_text_for_tensorflow_is_formatted() -> None:
    schema = tfr.Schema(
        [FeatureSchema("a", "int64", [2, 3]), FeatureSchema("b'", bytes, None), FeatureSchema("\x1b", np.float32, ())]  # type: ignore[arg-type]
    )
    assert schema.to_tensorflow().splitlines() == [
        "features = {",
        '    "a": tf.io.FixedLenFeature([2, 3], tf.int64),',
        '    "b\'": tf.io.RaggedFeature(tf.string),',
        '    "\\x1b": tf.io.FixedLenFeature([], tf.float32),',
        "}",
    ]


INTS = st.integers(INT64.min, INT64.max)
VALUES = st.sampled_from(
    [
        st.lists(INTS, max_size=3).map(lambda values: np.array(values, np.int64)),
        st.tuples(INTS, INTS).map(lambda values: np.array(values, np.int64)),
        npst.arrays(np.float32, st.integers(0, 3)),
        npst.arrays(np.float32, 1),
        st.lists(st.binary(max_size=5) | st.text().map(str.encode) | st.just(image("PNG")), max_size=3),
        st.tuples(st.binary(min_size=3, max_size=3)).map(list),
    ]
)


@st.composite
def example_sets(draw: st.DrawFn, mixed: bool = False) -> list[dict[str, Any]]:
    """Decoded examples with up to four features, of one kind each unless mixed."""
    kinds = draw(st.dictionaries(st.text(max_size=3), VALUES, max_size=4))
    count = draw(st.integers(0, 5))
    examples: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, kind in kinds.items():
        may_be_missing = draw(st.booleans())
        for example in examples:
            state = draw(st.sampled_from(["present"] * 3 + ["absent", "kindless"])) if may_be_missing else "present"
            if state != "absent":
                value = draw(draw(VALUES) if mixed else kind)
                example[name] = value if state == "present" else None
    return examples


def as_encodable(value: Any) -> Any:
    """A decoded value for encode_example, to which an empty list has no kind."""
    return NO_BYTES if isinstance(value, list) and not value else value


@settings(deadline=None)
@given(example_sets())
def test_features_of_any_examples_parse_them(examples: list[dict[str, Any]]) -> None:
    schema = schema_of(examples)
    features = schema.features
    assert features.keys() == {name for example in examples for name, value in example.items() if value is not None}
    if features:
        encodable = [{name: as_encodable(value) for name, value in example.items()} for example in examples]
        batch = tfr.parse_example(list(map(tfr.encode_example, encodable)), features)
        for name in features:
            values = batch[name].values if isinstance(batch[name], tfr.RaggedTensorValue) else batch[name].reshape(-1)
            there = [item for example in examples if example.get(name) is not None for item in example[name]]
            np.testing.assert_array_equal(values, np.array(there, values.dtype))


# As JSON


@settings(deadline=None)
@given(example_sets(mixed=True))
def test_json_gives_an_equal_schema(examples: list[dict[str, Any]]) -> None:
    schema = schema_of(examples)
    text = schema.to_json()
    assert text.isascii()
    json.loads(text, parse_constant=pytest.fail)  # no NaN, no Infinity: that would not be JSON
    assert "Infinity" not in text
    assert tfr.Schema.from_json(text) == schema
    assert json.loads(text)["schema_version"] == 1


def test_json_stays_as_it_is() -> None:
    schema = inferred([{"label": 1, "score": 0.5, "image": image("PNG")}, {"label": 2}])
    size = len(image("PNG"))
    once, twice = (f'{{"records": {records}, "min_length": 1, "max_length": 1, ' for records in (1, 2))
    bytes_list = f'{once}"min_size": {size}, "max_size": {size}, "encoding": "PNG"}}'
    int64_list = f'{twice}"min_value": 1, "max_value": 2}}'
    float_list = f'{once}"min_value": 0.5, "max_value": 0.5}}'
    absent, kindless = '"shape": [], "missing": "absent"', '"shape": [], "missing": "kindless"'
    assert schema.to_json().splitlines() == [
        '{"schema_version": 1, "records": 2, "features": {',
        f'  "image": {{"dtype": "bytes", {absent}, "kinds": {{"bytes": {bytes_list}}}, "absent": 1}},',
        f'  "label": {{"dtype": "int64", {kindless}, "kinds": {{"int64": {int64_list}}}}},',
        f'  "score": {{"dtype": "float32", {absent}, "kinds": {{"float32": {float_list}}}, "absent": 1}}',
        "}}",
    ]


def test_a_declaration_alone_is_a_schema() -> None:
    schema = tfr.Schema.from_json(
        """
        {"features": {
            "image": {"dtype": "float32", "shape": [28, 28]},
            "label": {"dtype": "int64", "shape": [], "missing": "absent"},
            "words": {"dtype": "bytes", "shape": null}
        }}
        """
    )
    assert schema == tfr.Schema(
        [
            FeatureSchema("image", np.float32, (28, 28)),
            FeatureSchema("label", "int64", (), "absent"),
            FeatureSchema("words", bytes, None),
        ]
    )
    assert schema["image"].missing == "kindless"
    assert schema.features == {
        "image": tfr.FixedLenFeature([28, 28], "float32"),
        "label": tfr.FixedLenFeature([], "int64"),
        "words": tfr.RaggedFeature("bytes"),
    }
    assert tfr.Schema.from_json(schema.to_json()) == schema


FEATURE = '{"dtype": "int64", "shape": []}'
KIND = '"records": 1, "min_length": 1, "max_length": 1'


def with_feature(text: str) -> str:
    return f'{{"features": {{"k": {text}}}}}'


def with_kind(text: str) -> str:
    return with_feature(f'{{"dtype": "int64", "shape": [], "kinds": {text}}}')


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        "[" * 100_000,
        "1" * 5000,
        "{}",
        '{"features": []}',
        '{"features": {}, "records": -1}',
        '{"features": {}, "records": true}',
        '{"features": {}, "records": 1.0}',
        '{"features": {}, "records": null}',
        '{"features": {}, "extra": 1}',
        '{"features": {}, "schema_version": 2}',
        '{"features": {}, "schema_version": "1"}',
        '{"features": {}, "schema_version": null}',
        f'{{"features": {{"k": {FEATURE}, "k": {FEATURE}}}}}',
        f'{{"features": {{"\\ud800": {FEATURE}}}}}',
        with_feature("null"),
        with_feature("{}"),
        with_feature('{"dtype": "int64"}'),
        with_feature('{"shape": []}'),
        with_feature('{"dtype": "int32", "shape": []}'),
        with_feature('{"dtype": ["int64"], "shape": []}'),
        with_feature('{"dtype": "<f4", "shape": []}'),
        with_feature('{"dtype": "int64", "shape": 3}'),
        with_feature('{"dtype": "int64", "shape": "3"}'),
        with_feature('{"dtype": "int64", "shape": [null]}'),
        with_feature('{"dtype": "int64", "shape": [-1]}'),
        with_feature('{"dtype": "int64", "shape": [true]}'),
        with_feature('{"dtype": "int64", "shape": [[1]]}'),
        with_feature('{"dtype": "int64", "shape": [], "missing": null}'),
        with_feature('{"dtype": "int64", "shape": [], "missing": ["absent"]}'),
        with_feature('{"dtype": "int64", "shape": [], "name": "k"}'),
        with_feature('{"dtype": "int64", "shape": [], "mising": "absent"}'),
        with_feature('{"dtype": "int64", "shape": [], "absent": -1}'),
        with_feature('{"dtype": "int64", "shape": [], "kindless": null}'),
        with_kind("null"),
        with_kind("[]"),
        with_kind('{"int32": {}}'),
        with_kind('{"int64": null}'),
        with_kind('{"int64": {}}'),
        with_kind(f'{{"int64": {{{KIND}, "extra": 1}}}}'),
        with_kind('{"int64": {"records": "1", "min_length": 1, "max_length": 1}}'),
        with_kind(f'{{"int64": {{{KIND}, "min_value": 0.5}}}}'),
        with_kind(f'{{"int64": {{{KIND}, "max_value": {2**63}}}}}'),
        with_kind(f'{{"int64": {{{KIND}, "max_value": true}}}}'),
        with_kind(f'{{"float32": {{{KIND}, "max_value": NaN}}}}'),
        with_kind(f'{{"float32": {{{KIND}, "max_value": -Infinity}}}}'),
        with_kind(f'{{"float32": {{{KIND}, "max_value": 1e999}}}}'),
        with_kind(f'{{"float32": {{{KIND}, "max_value": 1e39}}}}'),
        with_kind(f'{{"float32": {{{KIND}, "max_value": 1{"0" * 400}}}}}'),
        with_kind(f'{{"bytes": {{{KIND}, "encoding": 3}}}}'),
        with_kind(f'{{"bytes": {{{KIND}, "encoding": "\\u001b[2J"}}}}'),
    ],
)
def test_malformed_json_is_a_feature_error(text: str) -> None:
    with pytest.raises(tfr.FeatureError):
        tfr.Schema.from_json(text)


KEYS = st.sampled_from(["features", "records", "dtype", "shape", "missing", "kinds", "int64", "absent", "min_length"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["int64", "absent"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(JSON, st.sampled_from(["{}", '{"features": {}}', with_feature("{}"), with_kind('{"float32": {}}')]))
def test_any_json_is_a_schema_or_a_feature_error(value: Any, frame: str) -> None:
    text = frame.replace("{}", json.dumps(value), 1)
    try:
        schema = tfr.Schema.from_json(text)
    except tfr.FeatureError:
        pass
    else:
        assert str(schema)
        assert tfr.Schema.from_json(schema.to_json()) == schema


# As an object


def test_a_schema_is_a_mapping() -> None:
    schema = inferred(EXAMPLES)
    assert list(schema) == sorted(EXAMPLES[0])
    assert schema["label"].name == "label"
    assert "missing" not in schema
    with pytest.raises(KeyError):
        schema["missing"]
    assert repr(schema) == "<Schema: 8 features, 3 records>"
    assert schema == inferred(EXAMPLES)
    assert schema != inferred(EXAMPLES[:2])
    assert schema != dict(schema)
    assert pickle.loads(pickle.dumps(schema)) == schema


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("k", "int32", ()), "int32"),
        (("k", "int64", (-1,)), "a shape is"),
        (("k", "int64", "ab"), "a shape is"),
        (("k", "int64", (), "gone"), "'gone'"),
        (("\ud800", "int64", ()), "UTF-8"),
    ],
)
def test_a_declaration_that_cannot_be_is_a_feature_error(arguments: tuple[Any, ...], text: str) -> None:
    with pytest.raises(tfr.FeatureError, match=text):
        FeatureSchema(*arguments)


def test_two_features_of_one_name_are_an_error() -> None:
    with pytest.raises(tfr.FeatureError, match="two features of this name"):
        tfr.Schema([FeatureSchema("k", "int64", ()), FeatureSchema("k", "int64", None)])


def test_printed_it_is_a_table() -> None:
    schema = inferred(
        [
            {"tokens": [0, 50256], "score": 0.1, "png": image("PNG"), "mix": 1, "\x1b[2J": "é", "none": None},
            {"tokens": NO_INTS, "score": np.nan, "png": image("PNG"), "mix": "abc"},
            {"tokens": [7], "score": 2.0, "mix": 5},
        ]
    )
    size = len(image("PNG"))
    assert str(schema).splitlines() == [
        "6 features, 3 records looked at",
        "name     dtype          shape     records  missing               values                         encoding",
        "\\x1b[2J  bytes          []        1        2 absent              2 bytes                        UTF-8",
        "mix      bytes (mixed)  [1]       1                              3 bytes                        UTF-8",
        "mix      int64 (mixed)  [1]       2                              1 to 5",
        "none     no kind                           2 absent, 1 kindless",
        f"png      bytes          []        2        1 absent              {size} bytes                       PNG",
        "score    float32        []        3                              0.1 to 2.0, 1 NaN or infinite",
        "tokens   int64          [0 to 2]  3                              0 to 50256",
    ]


def test_a_declaration_is_printed_too() -> None:
    schema = tfr.Schema([FeatureSchema("image", "float32", (28, 28)), FeatureSchema("words", "bytes", None)])
    assert str(schema).splitlines()[2:] == ["image  float32  [28, 28]", "words  bytes    any"]


def test_the_text_for_tensorflow_works_with_this_package_under_its_name() -> None:
    records = [tfr.encode_example({"label": n, "scores": [0.5] * 3, "name": "x"}) for n in range(4)]
    schema = schema_of(map(tfr.decode_example, records))
    names: dict[str, Any] = {"tf": tfr}
    exec(schema.to_tensorflow(), names)
    parsed = tfr.io.parse_example(records, names["features"])
    assert parsed["label"].tolist() == [0, 1, 2, 3]
    assert (parsed["scores"].shape, parsed["name"].tolist()) == ((4, 3), [b"x"] * 4)


def test_a_very_long_name_does_not_push_the_table_apart() -> None:
    schema = schema_of([{"a": np.arange(3), "": np.arange(2), "x" * 3000: np.arange(1)}])
    lines = str(schema).splitlines()[1:]
    assert max(map(len, lines[:3])) < 120
    assert lines[3].startswith("x" * 3000 + "  int64 ")
    assert lines[1].startswith("(no name)  ")
