import array
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ids import stable

from tfrecord_lite import FeatureError, decode_example, encode_example


def round_trip(value: Any) -> Any:
    return decode_example(encode_example({"key": value}))["key"]


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (b"a\0", [b"a\0"]),
        (bytearray(b"ab"), [b"ab"]),
        (memoryview(b"abcd")[::2], [b"ac"]),
        ("é", ["é".encode()]),
        (["a", b"b", bytearray(b"c")], [b"a", b"b", b"c"]),
        ((b"a", [b"b", (b"c",)]), [b"a", b"b", b"c"]),
        (np.array([b"a\0", b""], object), [b"a\0", b""]),
        (np.array(["a", "bc"]), [b"a", b"bc"]),
        (np.bytes_(b"a"), [b"a"]),
        (np.array([], object), []),
        (None, None),
    ],
)
def test_bytes_and_text_become_a_bytes_list(value: Any, decoded: Any) -> None:
    assert round_trip(value) == decoded


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (3, [3]),
        (True, [1]),
        (np.bool_(True), [1]),
        (np.uint8(200), [200]),
        ([1, True, np.int32(-5)], [1, 1, -5]),
        (range(3), [0, 1, 2]),
        ([[1, 2], [3, 4]], [1, 2, 3, 4]),
        (np.arange(6, dtype=np.uint16).reshape(2, 3).T, [0, 3, 1, 4, 2, 5]),
        (np.array([2**63 - 1], np.uint64), [2**63 - 1]),
        (np.array([1, 2], ">i4"), [1, 2]),
        (np.array([], np.int8), []),
        (np.array(7), [7]),
        (array.array("h", [1, -2]), [1, -2]),
        (np.ma.masked_array([1, 2], mask=[False, False]), [1, 2]),
        ([np.array([1, 2]), 3], [1, 2, 3]),
        ([-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
    ],
)
def test_integers_become_an_int64_list(value: Any, numbers: list[int]) -> None:
    decoded = round_trip(value)
    assert decoded.dtype == np.int64
    assert decoded.tolist() == numbers


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (1.5, [1.5]),
        ([1.5, np.float64(2), np.float32(3)], [1.5, 2, 3]),
        (np.array([1, 2], np.float16), [1, 2]),
        (np.array([], np.float64), []),
        (1e39, [np.inf]),
        (np.array([-1e39, 0.1]), [-np.inf, np.float32(0.1)]),
        (array.array("d", [0.5]), [0.5]),
    ],
)
def test_floats_become_a_float_list(value: Any, numbers: list[float]) -> None:
    decoded = round_trip(value)
    assert decoded.dtype == np.float32
    assert decoded.tolist() == numbers


def test_a_signalling_nan_keeps_its_payload() -> None:
    bits = np.array([0x7FA00001, 0xFFC12345], np.uint32)
    assert round_trip(bits.view(np.float32)).view(np.uint32).tolist() == bits.tolist()


def test_a_mapped_file_is_one_value(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"x" * 10000)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert round_trip(mapped) == [b"x" * 10000]


def test_decoded_arrays_belong_to_the_caller() -> None:
    decoded = decode_example(encode_example({"a": [1.0, 2.0], "b": [3]}))
    decoded["a"][0] = decoded["b"][0] = 9


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    "value",
    [
        [],
        [[], []],
        [1, 2.0],
        [b"a", 1],
        [None],
        {1, 2},
        {"a": 1},
        object(),
        1j,
        2**63,
        [-(2**63) - 1],
        np.array([2**63], np.uint64),
        np.uint64(2**63),
        np.array([b"abc"]),
        np.array(["2020-01-01"], "datetime64[D]"),
        np.ma.masked_array([1, 2], mask=[False, True]),
        np.array([1, "a"], object),
        "\ud800",
        iter([1]),
        RECURSIVE,
    ],
    ids=stable,
)
def test_what_has_no_kind_is_an_error_that_names_the_key(value: Any) -> None:
    with pytest.raises(FeatureError, match="the key") as caught:
        encode_example({"the key": value})
    assert caught.value.key == "the key"
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("key", [1, b"a", None, "\udc80"])
def test_names_that_are_no_utf8_text_are_errors(key: Any) -> None:
    with pytest.raises(FeatureError):
        encode_example({key: 1})


@pytest.mark.parametrize("example", [b"bytes", "text", None, 3, [("a", 1)]])
def test_what_is_no_example_is_a_type_error(example: Any) -> None:
    with pytest.raises(TypeError):
        encode_example(example)


def test_an_example_beyond_protobufs_limit_is_refused_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**31)
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        with pytest.raises(FeatureError, match=r"'large': 21474836\d\d bytes"):
            encode_example({"large": mapped})


def test_float_features_take_integers_of_any_size() -> None:
    from tfrecord_lite import bytes_feature, float_feature, int64_feature

    assert list(float_feature([1, 2.5]).float_list.value) == [1, 2.5]
    assert list(float_feature(2**63).float_list.value) == [2.0**63]
    assert list(float_feature([2**70, 1]).float_list.value) == [2.0**70, 1]
    assert list(int64_feature([True, np.int8(2)]).int64_list.value) == [1, 2]
    assert list(bytes_feature(["a", b"b"]).bytes_list.value) == [b"a", b"b"]
    for feature, kind in ((float_feature, "float_list"), (int64_feature, "int64_list"), (bytes_feature, "bytes_list")):
        assert feature([]).WhichOneof("kind") == kind
        for value in ("1.5", 1j, object()):
            if not (feature is bytes_feature and value == "1.5"):
                with pytest.raises(FeatureError):
                    feature(value)
    for bad in (1.5, [1, 2.5]):
        with pytest.raises(FeatureError):
            int64_feature(bad)


def test_keys_are_a_collection_of_names() -> None:
    with pytest.raises(TypeError, match="not one name"):
        decode_example(encode_example({"label": 1, "l": 2}), "label")


def test_a_feature_list_is_no_text_and_a_context_is_a_mapping() -> None:
    from tfrecord_lite import encode_sequence_example

    for steps in ("abc", b"abc", bytearray(b"abc")):
        with pytest.raises(FeatureError, match="'x': a feature list has a value per step"):
            encode_sequence_example({}, {"x": steps})
    with pytest.raises(TypeError, match="mappings"):
        encode_sequence_example([], {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="mappings"):
        encode_sequence_example({}, [1])  # type: ignore[arg-type]


def test_an_empty_bytes_list_is_an_empty_array_of_objects_or_bytes() -> None:
    for empty in (np.array([], object), np.array([], "S1"), np.array([], "U1")):
        assert round_trip(empty) == []
