"""convert: every format both ways, value for value; bad rows; what is left behind when something goes wrong."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import tfrecord_lite as tfr
from tfrecord_lite.convert import convert, from_records
from tfrecord_lite.format.feature_schema import FeatureSchema
from tfrecord_lite.format.json_form import record_as_json, record_from_json

pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn import datasets

COMMAND = [sys.executable, "-m", "tfrecord_lite"]
#: Ends of names, and whether rows say by themselves what they are.
ENDS = {"parquet": True, "arrow": True, "npz": True, "jsonl": True, "tar": True, "csv": False}
LOSSLESS = ["jsonl", "tar"]

INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT32 = st.floats(width=32)
BYTES = st.one_of(
    st.binary(max_size=6), st.text(max_size=4).map(str.encode), st.sampled_from([b"base64:", b"nan", b'"'])
)
KINDS: dict[str, tuple[Any, Any]] = {
    "int64": (INT64, np.int64),
    "float32": (FLOAT32, np.float32),
    "bytes": (BYTES, object),
}
ABSENT = object()


def feature(kind: str, sizes: Any) -> Any:
    """Values of one kind: of one size, or of any; or none, or no kind."""
    elements, dtype = KINDS[kind]
    low, high = sizes
    values = st.lists(elements, min_size=low, max_size=high).map(lambda items: _array(items, dtype))
    return st.one_of(values, values, st.none(), st.just(ABSENT))


def _array(items: list[Any], dtype: Any) -> Any:
    array = np.empty(len(items), dtype)
    array[:] = items
    return array


@st.composite
def record_sets(draw: Any) -> list[bytes]:
    names = draw(
        st.lists(st.sampled_from(["a", "image/encoded", "é.x", 'q"', "__key__"]), min_size=1, max_size=4, unique=True)
    )
    shapes = st.sampled_from([(1, 1), (2, 2), (0, 3)])
    features = {name: feature(draw(st.sampled_from(list(KINDS))), draw(shapes)) for name in names}
    examples = draw(st.lists(st.fixed_dictionaries(features), max_size=12))
    return [
        tfr.encode_example({name: value for name, value in example.items() if value is not ABSENT})
        for example in examples
    ]


def write(path: Path, records: list[bytes], options: Any = None) -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


def values(records: Any, *, keeps_absent: bool = False) -> list[dict[str, Any]]:
    """Examples with lists that can be compared; what is absent is as what has no kind, unless that is kept apart."""
    found = []
    for record in records:
        example = {name: _comparable(value) for name, value in tfr.decode_example(record).items()}
        found.append(example if keeps_absent else {name: value for name, value in example.items() if value is not None})
    return found


def _comparable(value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    return (str(value.dtype), ["nan" if item != item else item for item in value.tolist()])


def there_and_back(
    directory: Path, records: list[bytes], end: str, *, declares: bool = False, **options: Any
) -> list[bytes]:
    source, middle, back = directory / "a.tfrecord", directory / f"a.{end}", directory / "back.tfrecord"
    write(source, records)
    schema = tfr.infer_schema(source) if declares or not ENDS[end] else None
    convert(source, middle, schema=schema if declares else None, **options)
    convert(middle, back, schema=schema, **options)
    return list(tfr.read_records(back))


@pytest.mark.parametrize("end", ENDS)
@given(records=record_sets(), declares=st.booleans())
@example(records=[tfr.encode_example({})] * 3, declares=True)
@example(
    records=[tfr.encode_example({"x": np.empty(0, object)}), tfr.encode_example({"x": [b"a", b"b"]})], declares=True
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_value_survives_there_and_back(
    end: str, tmp_path_factory: pytest.TempPathFactory, records: list[bytes], declares: bool
) -> None:
    directory = tmp_path_factory.mktemp("convert")
    if end not in LOSSLESS and not any(tfr.decode_example(record) for record in records) and (records or end == "csv"):
        with pytest.raises(tfr.FeatureError, match="the records hold no features"):
            there_and_back(directory, records, end, declares=declares)
        assert os.listdir(directory) == ["a.tfrecord"]
        return
    back = there_and_back(directory, records, end, declares=declares)
    assert values(back, keeps_absent=end in LOSSLESS) == values(records, keeps_absent=end in LOSSLESS)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("load", [datasets.load_iris, datasets.load_wine, datasets.load_digits])
def test_real_tables_survive_value_for_value(load: Any, end: str, tmp_path: Path) -> None:
    frame = load(as_frame=True).frame
    records = tfr.encode_columns(tfr.from_pandas(frame))
    assert there_and_back(tmp_path, records, end) == records


@pytest.mark.parametrize("end", ENDS)
def test_images_survive_byte_for_byte(end: str, tmp_path: Path) -> None:
    records = []
    for number, image in enumerate(datasets.load_sample_images().images):
        for image_format in ("PNG", "JPEG", "WEBP", "BMP", "GIF"):
            data = io.BytesIO()
            Image.fromarray(image[::9, ::9]).save(data, image_format)
            records.append(tfr.encode_example({"image/encoded": data.getvalue(), "label": number}))
    assert there_and_back(tmp_path, records, end) == records


@pytest.mark.parametrize("end", ENDS)
def test_workers_write_the_same(end: str, tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    records = [
        tfr.encode_example({"n": number, "v": generator.random(number % 5, np.float32), "b": generator.bytes(9)})
        for number in range(3000)
    ]
    (tmp_path / "0").mkdir()
    (tmp_path / "2").mkdir()
    assert there_and_back(tmp_path / "0", records, end) == records
    assert there_and_back(tmp_path / "2", records, end, workers=2) == records
    assert (tmp_path / "0" / f"a.{end}").read_bytes() == (tmp_path / "2" / f"a.{end}").read_bytes()


def test_tensorflow_reads_what_was_written(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    frame = datasets.load_wine(as_frame=True).frame
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "wine.parquet")
    done = convert(tmp_path / "wine.parquet", tmp_path / "wine", num_shards=3)
    assert done.records == len(frame)
    files = sorted(map(str, tmp_path.glob("wine-*-of-*")))
    assert [file.path for file in done.files] == files
    dataset = tf.data.TFRecordDataset(files)
    features = {name: tf.io.FixedLenFeature([], tf.float32) for name in frame.columns if name != "target"}
    features["target"] = tf.io.FixedLenFeature([], tf.int64)
    found = [tf.io.parse_single_example(record, features) for record in dataset]
    for name in frame.columns:
        expected = frame[name].to_numpy().astype(np.int64 if name == "target" else np.float32)
        assert sorted(float(example[name]) for example in found) == sorted(expected.tolist())


# Each format in its own terms


def test_json_lines_are_what_cat_prints(tmp_path: Path) -> None:
    records = [
        tfr.encode_example({"a": 1, "b": [0.1, float("nan")], "c": b"\xff", "d": None, "e": np.array([], np.int64)}),
        tfr.encode_example({"b": [float("nan")], "e": np.array([], np.float32), "f": np.array([], object), "": "nan"}),
        tfr.encode_sequence_example({"id": 1}, {"words": ["a", "b"], "none": []}),
        b"\xff\xfe",
        tfr.encode_example({}),
        tfr.encode_example({"context": np.array([], np.int64), "feature_lists": np.array([], np.int64)}),
        tfr.encode_example({"record": "x"}),
    ]
    path = write(tmp_path / "a.tfrecord", records)
    convert(path, tmp_path / "a.jsonl")
    cat = subprocess.run([*COMMAND, "cat", str(path)], capture_output=True, check=True)
    assert (tmp_path / "a.jsonl").read_bytes() == cat.stdout
    convert(tmp_path / "a.jsonl", tmp_path / "back.tfrecord")
    assert list(tfr.read_records(tmp_path / "back.tfrecord")) == records
    lines = [json.loads(line) for line in cat.stdout.splitlines()]
    assert lines[0] == {"a": [1], "b": [0.1, "nan"], "c": [{"base64": "/w=="}], "d": None, "e": {"int64": []}}
    assert lines[1] == {"b": {"float32": ["nan"]}, "e": {"float32": []}, "f": {"bytes": []}, "": ["nan"]}


@given(record=st.one_of(st.binary(max_size=30), record_sets().map(lambda records: b"".join(records[:1]))))
@settings(max_examples=300, deadline=None)
def test_any_record_survives_json(record: bytes) -> None:
    back = record_from_json(json.dumps(record_as_json(record)))
    try:
        expected = tfr.decode_sequence_example(record)
    except tfr.DecodeError:
        assert back == record
        return
    found = tfr.decode_sequence_example(back)
    assert repr(found[0].keys() ^ expected[0].keys()) == "set()"
    assert values([back], keeps_absent=True) == values([record], keeps_absent=True)
    assert {name: list(map(_comparable, steps)) for name, steps in found[1].items()} == {
        name: list(map(_comparable, steps)) for name, steps in expected[1].items()
    }


@given(values=st.lists(st.floats(width=32), min_size=1, max_size=5))
@settings(max_examples=300)
def test_floats_in_json_are_the_same_floats(values: list[float]) -> None:
    array = np.array(values, np.float32)
    back = tfr.decode_example(record_from_json(json.dumps(record_as_json(tfr.encode_example({"a": array})))))["a"]
    assert back.dtype == np.float32
    assert np.array_equal(back, array, equal_nan=True)
    finite = ~np.isnan(array)
    assert np.array_equal(np.signbit(back)[finite], np.signbit(array)[finite])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"a": 3, "b": "x", "c": true, "d": 1.5}', {"a": 3, "b": "x", "c": True, "d": 1.5}),
        ('{"a": [1, 2.5]}', {"a": [1.0, 2.5]}),
        ('{"a": {"float32": [1, 2]}}', {"a": [1.0, 2.0]}),
        ('{"a": {"base64": "/w=="}}', {"a": b"\xff"}),
        ("{}", {}),
    ],
)
def test_json_by_hand_is_understood(line: str, expected: dict[str, Any]) -> None:
    assert record_from_json(line) == tfr.encode_example(expected)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ('{"a": 1, "a": 2}', "'a': stands twice in one object"),
        ('{"a": ' + "9" * 10_000 + "}", "not JSON that is read here: an integer of too many digits"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "a record is an object, not a list"),
        ('{"a": []}', "'a': an empty list has no kind"),
        ('{"a": [1, "x"]}', "'a': a feature is a list of integers, of floats or of texts, not of int, str"),
        ('{"a": [[1]]}', "not of list"),
        ('{"a": {"b": 1}}', "not of dict"),
        ('{"a": 9223372036854775808}', "9223372036854775808 is outside int64"),
        ('{"a": {"base64": "?"}}', "'a': what is called base64 is not"),
        ('{"a": "\\ud800"}', "'a': text with a lone surrogate"),
        (b'{"a": "\xff"}', "not JSON"),
        ('{"context": {}, "feature_lists": {"a": 1}}', "'a': a feature list is a list of features"),
        ('{"record": {"base64": "?"}}', "base64"),
        ("1" * 10_000, "not JSON"),
    ],
)
def test_what_is_no_record_in_json_is_refused(line: str | bytes, problem: str) -> None:
    with pytest.raises(tfr.FeatureError) as caught:
        record_from_json(line)
    assert problem in str(caught.value)


def test_a_schema_says_what_json_does_not(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": [], "b": [1], "c": ["nan"]}\n')
    schema = tfr.Schema([FeatureSchema("a", "bytes", None), *(FeatureSchema(n, "float32", ()) for n in "bc")])
    convert(tmp_path / "a.jsonl", tmp_path / "a.tfrecord", schema=schema)
    assert values(tfr.read_records(tmp_path / "a.tfrecord")) == [
        {"a": [], "b": ("float32", [1.0]), "c": ("float32", ["nan"])}
    ]


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz", "csv"])
def test_of_columns_only_those_of_the_schema_are_taken(end: str, tmp_path: Path) -> None:
    path = write(tmp_path / "in.tfrecord", [tfr.encode_example({"a": [n], "b": [b"x"], "c": [0.5]}) for n in range(3)])
    convert(path, tmp_path / f"t.{end}")
    schema = tfr.Schema(
        [FeatureSchema("c", "float32", ()), FeatureSchema("a", "int64", ()), FeatureSchema("none", "int64", ())]
    )
    convert(tmp_path / f"t.{end}", tmp_path / "out.tfrecord", schema=schema)
    examples = list(tfr.read_examples(tmp_path / "out.tfrecord"))
    assert [sorted(example) for example in examples] == [["a", "c"]] * 3
    assert [example["a"].tolist() for example in examples] == [[0], [1], [2]]
    with pytest.raises(tfr.FeatureError, match="no column is a feature of the schema"):
        convert(tmp_path / f"t.{end}", tmp_path / "no.tfrecord", schema=tfr.Schema([FeatureSchema("d", "int64", ())]))
    assert not (tmp_path / "no.tfrecord").exists()


def test_a_column_of_a_type_that_has_no_place_can_be_left_out(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "day": pa.array([0, 1], pa.date32())})
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(tfr.FeatureError, match="day"):
        convert(tmp_path / "t.parquet", tmp_path / "out.tfrecord")
    convert(tmp_path / "t.parquet", tmp_path / "out.tfrecord", schema=tfr.Schema([FeatureSchema("a", "int64", ())]))
    assert [example["a"].tolist() for example in tfr.read_examples(tmp_path / "out.tfrecord")] == [[1], [2]]


def test_a_csv_is_one_that_others_read(tmp_path: Path) -> None:
    examples = [
        {"i": -(2**63), "f": 0.1, "t": 'say "é"\n,', "v": [1, 2]},
        {"i": 2**63 - 1, "f": 3.0, "t": "", "v": np.array([], np.int64)},
        {"t": b"\xff", "f": float("-inf")},
    ]
    convert(write(tmp_path / "a.tfrecord", list(map(tfr.encode_example, examples))), tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["f", "i", "t", "v"],
            ["0.1", "-9223372036854775808", 'say "é"\n,', "[1, 2]"],
            ["3.0", "9223372036854775807", "", '{"int64": []}'],
            ["-inf", "", "base64:/w==", ""],
        ]


def test_without_a_schema_the_kinds_of_a_csv_are_judged_by_all_cells_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "0.csv").write_text('\ufeffi,f,t,zip,big,none\n1,1,x,007,9223372036854775808,\n,2,"",1,1,\n')
    (tmp_path / "1.csv").write_text("f,i\n1e-3,-5\n")
    convert(str(tmp_path / "*.csv"), tmp_path / "a.tfrecord")
    assert values(tfr.read_records(tmp_path / "a.tfrecord")) == [
        {"i": ("int64", [1]), "f": ("float32", [1.0]), "t": [b"x"], "zip": [b"007"], "big": [b"9223372036854775808"]},
        {"f": ("float32", [2.0]), "t": [b""], "zip": [b"1"], "big": [b"1"]},
        {"f": ("float32", [float(np.float32(1e-3))]), "i": ("int64", [-5])},
    ]


def test_a_csv_of_one_column_keeps_its_empty_cells(tmp_path: Path) -> None:
    records = [tfr.encode_example({"a": 1}), tfr.encode_example({"a": None}), tfr.encode_example({"a": 2})]
    assert there_and_back(tmp_path, records, "csv") == records


def test_parquet_and_arrow_have_the_types_of_the_schema(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [tfr.encode_example({"t": "é", "p": [1.0, 2.0]})] * 3)
    schema = tfr.Schema(
        [FeatureSchema("p", "float32", (2,)), FeatureSchema("t", "bytes", ()), FeatureSchema("l", "int64", None)]
    )
    convert(path, tmp_path / "a.parquet", schema=schema, text=["t"])
    assert pq.read_schema(tmp_path / "a.parquet").types == [pa.list_(pa.float32()), pa.string(), pa.list_(pa.int64())]
    convert(path, tmp_path / "a.arrow", schema=schema)
    with pa.ipc.open_file(tmp_path / "a.arrow") as reader:
        assert reader.schema.types == [pa.list_(pa.float32(), 2), pa.binary(), pa.list_(pa.int64())]


class Interrupting:
    """Whatever one wants of it."""

    def __getattr__(self, name: str) -> Any:
        raise KeyboardInterrupt

    def __iter__(self) -> Iterator[Any]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("read", "options"), [("_examples", {}), ("record_stretches", {"schema": tfr.Schema([]), "num_shards": 2})]
)
def test_files_that_are_read_ahead_are_closed_before_an_interrupt_leaves(
    read: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the garbage collector does it, and prints that it was interrupted when a second one comes."""
    closed = []

    def reading(*arguments: Any) -> Iterator[Any]:
        try:
            yield Interrupting()
        finally:
            closed.append(True)

    monkeypatch.setattr(from_records, read, reading)
    source = write(tmp_path / "a.tfrecord", [tfr.encode_example({"n": 1})])
    with pytest.raises(KeyboardInterrupt) as caught:
        convert(source, tmp_path / "out.csv", **options)
    assert closed, caught.traceback  # which holds all that has not been closed


def test_npz_holds_plain_arrays(tmp_path: Path) -> None:
    examples: list[dict[str, Any]] = [{"n": 1, "v": [1.0, 2.0], "b": b"\0x\0"}, {"v": [3.0, 4.0], "b": b""}]
    convert(write(tmp_path / "a.tfrecord", [tfr.encode_example(example) for example in examples]), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        assert {key: archive[key].tolist() for key in archive} == {
            "b": list(b"\0x\0"),
            "b.offsets": [0, 3, 3],
            "n": [1, 0],
            "n.is_missing": [False, True],
            "v": [[1.0, 2.0], [3.0, 4.0]],
        }


def test_arrays_of_others_become_features(tmp_path: Path) -> None:
    digits = datasets.load_digits()
    np.savez_compressed(tmp_path / "d.npz", x=digits.images, y=digits.target, name=np.array(["a", "é"] * 898 + ["b"]))
    convert(tmp_path / "d.npz", tmp_path / "d.tfrecord")
    found = list(tfr.read_examples(tmp_path / "d.tfrecord"))
    assert np.array_equal([example["y"][0] for example in found], digits.target)
    assert np.array_equal(np.stack([example["x"] for example in found]), digits.data)
    assert found[1]["name"] == ["é".encode()]


@pytest.mark.parametrize(
    ("array", "dtype", "shape", "expected"),
    [
        ([1.0, 2.5, 3.0], "int64", (), {0: [1], 2: [3]}),
        ([[1, 2], [3, 4]], "float32", (2,), {0: [1.0, 2.0], 1: [3.0, 4.0]}),
        ([True, False], "float32", (), {0: [1.0], 1: [0.0]}),
        (["a", "b"], "bytes", (), {0: [b"a"], 1: [b"b"]}),
        ([[1, 2], [3, 4]], "int64", None, {0: [1, 2], 1: [3, 4]}),
    ],
)
def test_the_arrays_of_an_npz_become_what_the_schema_says(
    array: list[Any], dtype: str, shape: tuple[int, ...] | None, expected: dict[int, list[Any]], tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", x=np.array(array))
    schema = tfr.Schema([FeatureSchema("x", dtype, shape)])
    done = convert(tmp_path / "a.npz", tmp_path / "a.tfrecord", schema=schema, on_error="skip")
    assert [row.number for row in done.skipped] == [number for number in range(len(array)) if number not in expected]
    found = [example["x"] for example in tfr.read_examples(tmp_path / "a.tfrecord")]
    assert [list(values) for values in found] == list(expected.values())
    assert all(dtype == "bytes" or values.dtype == dtype for values in found)


def test_an_npz_that_would_run_code_is_refused(tmp_path: Path) -> None:
    evil = np.array([print], object)
    np.savez(tmp_path / "evil.npz", good=np.arange(1), a=evil)
    with pytest.raises(tfr.FeatureError, match=r"evil\.npz: feature 'a': holds Python objects, which are not read$"):
        convert(tmp_path / "evil.npz", tmp_path / "a.tfrecord")
    assert os.listdir(tmp_path) == ["evil.npz"]


def test_an_npz_that_says_to_hold_more_than_there_is_room_for_is_named(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (2**60,)})
    with zipfile.ZipFile(tmp_path / "lies.npz", "w") as archive:
        archive.writestr("a.npy", header.getvalue() + bytes(100))
    with pytest.raises(tfr.FeatureError, match=r"lies\.npz: feature 'a': cannot be read: "):
        convert(tmp_path / "lies.npz", tmp_path / "a.tfrecord")
    assert os.listdir(tmp_path) == ["lies.npz"]


def add_file(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    archive.addfile(header, io.BytesIO(data))


def test_a_feature_that_is_named_like_the_flags_of_another_survives_npz(tmp_path: Path) -> None:
    features: dict[str, Any] = {"a.is_missing": 1, "b.is_missing": b"x", "c.is_missing": [0.5, 1.0]}
    records = [tfr.encode_example(features), tfr.encode_example({**features, "b.is_missing": None})]
    convert(write(tmp_path / "a.tfrecord", records), tmp_path / "a.npz")
    convert(tmp_path / "a.npz", tmp_path / "b.tfrecord")
    assert list(tfr.read_records(tmp_path / "b.tfrecord")) == records


@pytest.mark.parametrize("name", ["a\0b", "é" * 32766])
def test_a_name_that_no_member_of_a_zip_has_is_refused(name: str, tmp_path: Path) -> None:
    write(tmp_path / "a.tfrecord", [tfr.encode_example({"a": 16, name: 14})])
    with pytest.raises(tfr.FeatureError) as caught:
        convert(tmp_path / "a.tfrecord", tmp_path / "a.npz")
    assert caught.value.key == name
    assert "a name in a ZIP" in str(caught.value)
    assert not (tmp_path / "a.npz").exists()


def test_a_feature_that_is_named_like_the_member_of_another_survives_npz(tmp_path: Path) -> None:
    records = [tfr.encode_example({"a": 1, "a.npy": 2, "a.npy.npy": [3, 4]})]
    convert(write(tmp_path / "a.tfrecord", records), tmp_path / "a.npz")
    convert(tmp_path / "a.npz", tmp_path / "b.tfrecord")
    assert list(tfr.read_records(tmp_path / "b.tfrecord")) == records


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("other", ["a.npy", "a"])
def test_an_array_that_stands_twice_in_an_npz_is_refused(other: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.arange(3))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr(other, archive.read("a.npy"))
    with pytest.raises(tfr.FeatureError, match=r"a\.npz: feature 'a': stands twice in the archive"):
        convert(tmp_path / "a.npz", tmp_path / "b.tfrecord")


def test_what_is_no_npz_is_said_to_be_none(tmp_path: Path) -> None:
    for data in (b"", b"\0" * 100, b"no archive"):
        (tmp_path / "x.npz").write_bytes(data)
        with pytest.raises(tfr.TFRecordError, match=r"x\.npz: no NPZ file: it does not begin as a ZIP archive does"):
            convert(tmp_path / "x.npz", tmp_path / "out")


def test_a_webdataset_of_others_is_understood(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add_file(archive, "train/cat01.jpg", b"\xff\xd8\xff")
        add_file(archive, "train/cat01.cls", b"7\n")
        add_file(archive, "train/cat01.left.png", b"\x89PNG")
        add_file(archive, "train/cat02.json", b'{"nested": {"x": 1}}')
        add_file(archive, "train/cat02.txt", "é".encode())
    convert(tmp_path / "a.tar", tmp_path / "a.tfrecord")
    assert values(tfr.read_records(tmp_path / "a.tfrecord")) == [
        {"__key__": [b"train/cat01"], "jpg": [b"\xff\xd8\xff"], "cls": ("int64", [7]), "left": [b"\x89PNG"]},
        {"__key__": [b"train/cat02"], "nested": [b'{"x": 1}'], "txt": ["é".encode()]},
    ]


def test_members_of_a_webdataset_are_named_for_its_decoders(tmp_path: Path) -> None:
    record = tfr.encode_example({"image/encoded": b"\xff\xd8\xff", "t": "text", "b": b"\0", "label": 3})
    convert(write(tmp_path / "a.tfrecord", [record]), tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz", "r:gz") as archive:
        names = archive.getnames()
        content = archive.extractfile(names[0])
        assert content is not None
        assert content.read() == b'{"label": [3]}'
    assert names == ["000000000.json", "000000000.b.bin", "000000000.image%2Fencoded.jpg", "000000000.t.txt"]


@pytest.mark.parametrize("end", ["csv", "jsonl", "tar"])
def test_what_is_text_is_compressed_by_its_name(end: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [tfr.encode_example({"a": number}) for number in range(1000)])
    convert(path, tmp_path / f"a.{end}")
    convert(path, tmp_path / f"a.{end}.gz")
    convert(path, tmp_path / f"b.{end}", compression="GZIP")
    assert gzip.decompress((tmp_path / f"a.{end}.gz").read_bytes()) == (tmp_path / f"a.{end}").read_bytes()
    assert gzip.decompress((tmp_path / f"b.{end}").read_bytes()) == (tmp_path / f"a.{end}").read_bytes()
    convert(tmp_path / f"a.{end}.gz", tmp_path / "b.tfrecord", compression="GZIP")
    assert list(tfr.read_records(tmp_path / "b.tfrecord", "GZIP")) == list(tfr.read_records(path))


# Files


@pytest.fixture
def thousand(tmp_path: Path) -> Path:
    return write(
        tmp_path / "a.tfrecord", [tfr.encode_example({"n": number, "b": bytes(100)}) for number in range(1000)]
    )


def numbers_of(paths: list[Path]) -> list[int]:
    found = []
    for path in paths:
        convert(path, path.with_name("one.tfrecord"))
        found += [int(example["n"][0]) for example in tfr.read_examples(path.with_name("one.tfrecord"))]
    return found


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz", "jsonl", "tar"])
def test_shards_of_a_number_hold_equal_parts_in_order(end: str, thousand: Path, tmp_path: Path) -> None:
    done = convert(thousand, tmp_path / f"out.{end}", num_shards=3)
    names = [tmp_path / f"out-0000{number}-of-00003.{end}" for number in range(3)]
    assert [file.path for file in done.files] == list(map(str, names))
    assert [file.records for file in done.files] == [333, 333, 334]
    assert sorted(os.listdir(tmp_path)) == ["a.tfrecord", *(name.name for name in names)]
    assert numbers_of(names) == list(range(1000))
    more = convert(thousand, tmp_path / f"many.{end}", num_shards=1003)
    assert sum(file.records for file in more.files) == 1000


def test_shards_of_a_size_end_when_they_reach_it(tmp_path: Path) -> None:
    records = [tfr.encode_example({"n": number, "b": bytes(2000)}) for number in range(10_000)]
    done = convert(write(tmp_path / "a.tfrecord", records), tmp_path / "out.jsonl", max_bytes=4 << 20)
    assert len(done.files) > 3
    assert all(file.size < 16 << 20 for file in done.files)
    assert numbers_of([Path(str(file.path)) for file in done.files]) == list(range(10_000))


def test_a_second_set_of_shards_is_not_mixed_with_a_first(thousand: Path, tmp_path: Path) -> None:
    convert(thousand, tmp_path / "out.csv", num_shards=3)
    with pytest.raises(FileExistsError, match="remove them first"):
        convert(thousand, tmp_path / "out.csv", num_shards=2)
    assert len(list(tmp_path.glob("out*"))) == 3


@pytest.mark.parametrize("end", ENDS)
def test_a_failure_leaves_what_was_there(end: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [tfr.encode_example({"a": 1})] * 9)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    (tmp_path / f"a.{end}").write_bytes(b"before")
    with pytest.raises(tfr.CorruptRecordError, match="record #8"):
        convert(path, tmp_path / f"a.{end}")
    with pytest.raises(tfr.CorruptRecordError, match="record #8"):
        convert(path, tmp_path / f"b.{end}", num_shards=2)
    assert (tmp_path / f"a.{end}").read_bytes() == b"before"
    assert sorted(os.listdir(tmp_path)) == sorted(["a.tfrecord", f"a.{end}"])


@pytest.mark.parametrize("end", ENDS)
def test_no_records_at_all_are_a_file_of_none(end: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tfrecord", [])
    schema = tfr.Schema([FeatureSchema("a", "int64", ()), FeatureSchema("b", "bytes", None)])
    assert convert(path, tmp_path / f"a.{end}", schema=schema).records == 0
    assert convert(tmp_path / f"a.{end}", tmp_path / "b.tfrecord").records == 0


# Bad rows


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("end", ENDS)
def test_bad_records_are_skipped_and_listed(end: str, workers: int, tmp_path: Path) -> None:
    good = [tfr.encode_example({"a": number}) for number in range(50)]
    records = [*good[:20], b"\xff", *good[20:30], tfr.encode_example({"a": 1.5}), *good[30:]]
    path = write(tmp_path / "a.tfrecord", records)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    schema = tfr.Schema([FeatureSchema("a", "int64", ())])
    done = convert(path, tmp_path / f"a.{end}", schema=schema, on_error="skip", workers=workers)
    assert done.records == 49
    assert len(done.skipped) == 3
    lines = str(done).splitlines()
    assert all(line.startswith(f"skipped {path}: ") for line in lines[: len(done.skipped)])
    assert "data CRC-32C" in str(done)
    assert f"skipped {path}: record #20 at offset" in str(done)
    assert "record #31" in str(done)
    assert "'a': is float32, not int64" in str(done)
    assert {row.path for row in done.skipped} == {str(path)}


BAD = {
    "a.jsonl": (b'{"n": 0}\n{"n": \n\n{"n": 2}\n{"n": []}\n{"n": 4}\n', {1: "not JSON", 3: "no kind"}),
    "a.csv": (b"n,m\n0,0\n1\n2,2\n3,x\n4,4\n", {1: "1 cells, not 2"}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_of_text_are_named_or_listed(name: str, tmp_path: Path) -> None:
    content, problems = BAD[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(tfr.TFRecordError) as caught:
        convert(path, tmp_path / "a.tfrecord")
    assert str(path) in str(caught.value)
    assert next(iter(problems.values())) in str(caught.value)
    assert os.listdir(tmp_path) == [name]
    done = convert(path, tmp_path / "a.tfrecord", on_error="skip")
    assert {row.number: True for row in done.skipped} == dict.fromkeys(problems, True)
    for row in done.skipped:
        assert row.number is not None
        assert row.path == str(path)
        assert row.reason.startswith("line ")
        assert problems[row.number] in row.reason
    assert [int(example["n"][0]) for example in tfr.read_examples(tmp_path / "a.tfrecord")] == [
        number for number in range(5) if number not in problems
    ]


def test_bad_cells_of_a_csv_are_skipped_row_by_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        'i,f,b,l\n0,0,x,[1]\nx,1,x,[1]\n2,y,x,[1]\n3,3,base64:?,[1]\n4,4,,"[1, 2"\n5,5,5,\n'
    )
    schema = tfr.Schema(
        [
            FeatureSchema("i", "int64", ()),
            FeatureSchema("f", "float32", ()),
            FeatureSchema("b", "bytes", ()),
            FeatureSchema("l", "int64", None),
        ]
    )
    done = convert(tmp_path / "a.csv", tmp_path / "a.tfrecord", schema=schema, on_error="skip")
    assert [(row.number, row.reason) for row in done.skipped] == [
        (1, "line 3: feature 'i': is no int64"),
        (2, "line 4: feature 'f': is no float32"),
        (3, "line 5: feature 'b': what is called base64 is not"),
        (4, "line 6: feature 'l': is no list in JSON"),
    ]
    with pytest.raises(tfr.FeatureError) as caught:
        convert(tmp_path / "a.csv", tmp_path / "b.tfrecord", schema=schema)
    assert str(caught.value) == f"{tmp_path}/a.csv: line 3: feature 'i': is no int64"
    assert [int(example["i"][0]) for example in tfr.read_examples(tmp_path / "a.tfrecord")] == [0, 5]


def test_bad_rows_of_a_table_are_skipped_one_by_one(tmp_path: Path) -> None:
    column = pa.array([[1], [None], [2], [3, None], [4]])
    other = pa.array([1, 2, 2**63, 4, 5], pa.uint64())
    pq.write_table(pa.table({"n": column, "m": other}), tmp_path / "a.parquet")
    with pytest.raises(tfr.FeatureError, match=r"a\.parquet: record #1: feature 'n': a null inside a list"):
        convert(tmp_path / "a.parquet", tmp_path / "a.tfrecord")
    done = convert(tmp_path / "a.parquet", tmp_path / "a.tfrecord", on_error="skip")
    assert [row.number for row in done.skipped] == [1, 2, 3]
    assert [row.reason.partition(": ")[0] for row in done.skipped] == ["record #1", "record #2", "record #3"]
    assert [example["n"].tolist() for example in tfr.read_examples(tmp_path / "a.tfrecord")] == [[1], [4]]


def test_a_sequence_example_is_not_cut_down_to_its_context(tmp_path: Path) -> None:
    records = [tfr.encode_example({"a": 1})] * 20
    path = write(tmp_path / "a.tfrecord", [*records, tfr.encode_sequence_example({"a": 1}, {"b": [[1]]})])
    for end in ("parquet", "arrow", "npz", "csv", "tar"):
        with pytest.raises(tfr.DecodeError, match=r"record #20 .*SequenceExample"):
            convert(path, tmp_path / f"a.{end}")


# Hostile files


@pytest.mark.parametrize("end", ENDS)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_files_are_errors_of_ours_or_of_the_system(
    end: str, tmp_path_factory: pytest.TempPathFactory, data: Any
) -> None:
    directory = tmp_path_factory.mktemp("damaged")
    examples = [{"a": number, "b": b"x" * number, "v": np.arange(number, dtype=np.float32)} for number in range(20)]
    convert(write(directory / "a.tfrecord", list(map(tfr.encode_example, examples))), directory / f"a.{end}")
    content = bytearray((directory / f"a.{end}").read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 4))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (directory / f"a.{end}").write_bytes(content)
    for on_error in ("raise", "skip"):
        try:
            convert(directory / f"a.{end}", directory / "b.tfrecord", on_error=on_error)
        except (tfr.TFRecordError, OSError):
            assert not (directory / "b.tfrecord").exists()
        else:
            (directory / "b.tfrecord").unlink()


def test_a_column_of_parquet_whose_name_is_no_utf_8_is_an_error_of_ours(tmp_path: Path) -> None:
    convert(write(tmp_path / "a.tfrecord", [tfr.encode_example({"some_name": 1})]), tmp_path / "a.parquet")
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "a.parquet").write_bytes(content.replace(b"some_name", b"\x80ome_name"))
    with pytest.raises(tfr.TFRecordError, match=r"a\.parquet: .*utf"):
        convert(tmp_path / "a.parquet", tmp_path / "b.tfrecord")
    assert not (tmp_path / "b.tfrecord").exists()


@pytest.mark.parametrize("text", [b"kindless", b"column"])
@pytest.mark.parametrize("byte", [b"\xff", b"?"])
def test_a_name_or_mark_of_arrow_that_is_damaged_is_an_error_or_another_name(
    text: bytes, byte: bytes, tmp_path: Path
) -> None:
    convert(write(tmp_path / "a.tfrecord", [tfr.encode_example({"column": 1})]), tmp_path / "a.arrow")
    data = (tmp_path / "a.arrow").read_bytes()
    assert text in data
    (tmp_path / "a.arrow").write_bytes(data.replace(text, byte + text[1:]))
    if (text, byte) == (b"column", b"?"):
        convert(tmp_path / "a.arrow", tmp_path / "b.tfrecord")
        return
    with pytest.raises(tfr.FeatureError, match=r"a\.arrow: "):
        convert(tmp_path / "a.arrow", tmp_path / "b.tfrecord")
    assert not (tmp_path / "b.tfrecord").exists()


@pytest.mark.parametrize("end", ENDS)
@given(content=st.binary(max_size=200))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_is_an_error_of_ours_or_of_the_system(
    end: str, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("anything")
    (directory / f"a.{end}").write_bytes(content)
    try:
        convert(directory / f"a.{end}", directory / "b.tfrecord")
    except (tfr.TFRecordError, OSError):
        assert not (directory / "b.tfrecord").exists()


def test_links_in_a_webdataset_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        link = tarfile.TarInfo("0.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(tfr.TFRecordError, match="is a link, a device or a pipe"):
        convert(tmp_path / "a.tar", tmp_path / "a.tfrecord")


# What is asked for


@pytest.mark.parametrize(
    ("source", "target", "options", "problem"),
    [
        ("a.tfrecord", "b.tfrecord", {}, "both sides are tfrecord: see merge"),
        ("a.csv", "b.parquet", {}, "csv to parquet: one side has to be TFRecord"),
        ("a.tfrecord", "b.csv", {"num_shards": 2, "max_bytes": 5}, "either a number"),
        ("a.tfrecord", "b.arrow", {"compression": "GZIP"}, "arrow has LZ4, ZSTD, not GZIP"),
        ("a.tfrecord", "b.x", {"to_format": "x"}, "there is no format 'x'"),
        ("a.tfrecord", "b.csv", {"on_error": "ignore"}, "on_error"),
        ("a.tfrecord", "a.tfrecord", {"to_format": "csv"}, "the output is an input"),
    ],
)
def test_what_is_not_possible_is_said_before_anything_is_written(
    source: str, target: str, options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    (tmp_path / source).touch()
    with pytest.raises(ValueError, match=problem):
        convert(tmp_path / source, tmp_path / target, **options)
    assert os.listdir(tmp_path) == [source]


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, "convert", *map(str, arguments)], input=stdin, capture_output=True)


def test_the_command_says_what_it_wrote_and_skipped(thousand: Path, tmp_path: Path) -> None:
    done = run(thousand, tmp_path / "a.parquet")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[-1] == "1000 records written"
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n\x1b[31m\n')
    done = run(tmp_path / "a.jsonl", tmp_path / "b", "--on-error", "skip", "--json")
    found = json.loads(done.stdout)
    assert found["records"] == 1
    assert found["skipped"] == [
        {"path": str(tmp_path / "a.jsonl"), "number": 1, "reason": found["skipped"][0]["reason"]}
    ]
    done = run(tmp_path / "a.jsonl", tmp_path / "c")
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"tfrecord-lite: {tmp_path}/a.jsonl: line 2: not JSON")
    assert not (tmp_path / "c").exists()
    assert run(thousand, tmp_path / "x.tfrecord").returncode == 2


def test_standard_input_and_output(thousand: Path, tmp_path: Path) -> None:
    lines = run(thousand, "-", "--to", "jsonl")
    assert lines.returncode == 0
    assert lines.stderr == b"standard output: 1000 records, %d bytes\n1000 records written\n" % len(lines.stdout)
    back = run("-", "-", "--from", "jsonl", stdin=lines.stdout)
    assert back.stdout == thousand.read_bytes()
    schema = tmp_path / "schema.json"
    schema.write_text(tfr.infer_schema(thousand).to_json())
    stream = run("-", "-", "--to", "arrow", "--schema", schema, stdin=thousand.read_bytes())
    assert pa.ipc.open_stream(stream.stdout).read_all().num_rows == 1000
    assert run("-", "-", "--from", "arrow", stdin=stream.stdout).stdout == thousand.read_bytes()
    refused = run("-", "-", "--to", "csv", stdin=thousand.read_bytes())
    assert refused.returncode == 2
    assert b"give a schema" in refused.stderr
    assert run("-", "-", "--from", "npz", stdin=b"PK").returncode == 1


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz"])
def test_a_format_read_from_both_ends_is_read_from_standard_input_that_is_a_file(
    end: str, thousand: Path, tmp_path: Path
) -> None:
    convert(thousand, tmp_path / f"a.{end}")
    command = [*COMMAND, "convert", "-", str(tmp_path / "back"), "--from", end]
    with open(tmp_path / f"a.{end}", "rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "back").read_bytes() == thousand.read_bytes()
    piped = subprocess.run(command, input=(tmp_path / f"a.{end}").read_bytes(), capture_output=True)
    assert piped.returncode == 1
    assert b"read from both ends: a regular file is needed" in piped.stderr
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command], capture_output=True)
    assert (closed.returncode, b"Traceback" in closed.stderr) == (1, False)


def test_a_table_without_pyarrow_says_what_to_install(thousand: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from tfrecord_lite.cli.main import main\n"
        "sys.exit(main(['convert', sys.argv[1], sys.argv[2]]))"
    )
    for end in ("parquet", "arrow", "csv"):
        done = subprocess.run(
            [sys.executable, "-c", code, thousand, tmp_path / f"a.{end}"], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert 'pip install "tfrecord-lite-codec[arrow]"' in done.stderr
    for end in ("jsonl", "npz", "tar"):
        done = subprocess.run(
            [sys.executable, "-c", code, thousand, tmp_path / f"a.{end}"], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(autouse=True)
def _no_files_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]


def _zip_of(entries: dict[str, Any]) -> bytes:
    """A ZIP file: of arrays an .npz, of bytes anything."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, value in entries.items():
            data = io.BytesIO(value if isinstance(value, bytes) else b"")
            if not isinstance(value, bytes):
                np.save(data, value)
            archive.writestr(name, data.getvalue())
    return file.getvalue()


def _npy_of(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _npy_saying(header: str, version: int = 1) -> bytes:
    data = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(data).to_bytes(2 if version == 1 else 4, "little") + data


NPY = "{'descr': '%s', 'fortran_order': False, 'shape': (%s,), }"
BYTE = np.arange(5, dtype=np.uint8)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (_npy_of(np.arange(3)), "one array, and no archive of several"),
        (_npy_of(np.array([print], object)), "one array, and no archive of several"),
        (_zip_of({"a.npy": _npy_of(np.arange(3))[:-8]}), "feature 'a': cannot be read: "),
        (_zip_of({"a.txt": b"hello"}), "feature 'a.txt': what the archive holds of this name is no array"),
        (_zip_of({"a.npy": b"hello"}), "feature 'a': what the archive holds of this name is no array"),
        (
            _zip_of({"a.npy": np.arange(5), "a.offsets.npy": np.array([0, 5])}),
            "feature 'a': has offsets, and is no blob",
        ),
        (_zip_of({"a.npy": BYTE, "a.is_missing.npy": np.array([True, False])}), "2 records, and not 5 as 'a'"),
        (_zip_of({"a.npy": BYTE[:2], "a.is_missing.npy": np.array([3, 4])}), "bool"),
        (
            _zip_of({"a.npy": BYTE, "a.row_splits.npy": np.array([0, 5]), "a.is_missing.npy": np.zeros(2, bool)}),
            "not 1",
        ),
        (_zip_of({"a.is_missing.npy": np.zeros((2, 2), bool)}), "bool"),
        (_zip_of({"a.npy": BYTE}).replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"), "is encrypted"),
        (_zip_of({"a.npy": _npy_saying("(" * 3000)}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying("[" * 3000, version=3)}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying("-" * 9000 + "1", version=3)}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying(NPY % ("<i8", "2**70"))}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying(NPY % ("<i8", 2**70))}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying(NPY % ("\\\x1b", 3))}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying(NPY % ("<i8", 1 << 40) + " 0")}), "feature 'a': cannot be read: "),
        (_zip_of({"a.npy": _npy_saying(NPY % ("<i8", f"{1 << 40}, 0"))}), "says to hold 1099511627776 rows"),
        (_zip_of({"a.npy": _npy_saying(NPY % ("|S0", 1 << 33))}), "says to hold 8589934592 rows, which take no bytes"),
        (
            _zip_of({"a.npy": _npy_saying(NPY % ("<U0", 1 << 33)), "b.npy": BYTE}),
            "says to hold 8589934592 rows, which take no bytes: 1048576 of them are read",
        ),
    ],
)
def test_arrays_that_do_not_belong_together_are_errors(data: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(tfr.TFRecordError, match=f"a.npz: .*{problem}"):
        convert(tmp_path / "a.npz", tmp_path / "out")
    assert os.listdir(tmp_path) == ["a.npz"]


def test_a_damaged_npz_of_any_sort_is_an_error_of_ours(tmp_path: Path) -> None:
    """One byte is changed everywhere, also to what a header in Python may have; and the archive cut everywhere."""
    data = _zip_of({"a.npy": BYTE[:2], "b.npy": _npy_saying(NPY % ("|S0", 2))})
    random = np.random.default_rng(0)
    damaged = [data[:end] for end in range(0, len(data), 3)]
    for at in range(len(data)):
        others = (random.integers(256), random.choice(list(b"([{'\\\"-,0*L#\n\t\0")))
        damaged += [data[:at] + bytes([byte]) + data[at + 1 :] for byte in others]
    problems = set()
    for each in damaged:
        (tmp_path / "a.npz").write_bytes(each)
        try:
            convert(tmp_path / "a.npz", tmp_path / "b")
        except tfr.TFRecordError as error:
            problems.add(str(error))
    assert len(problems) > 10
    assert all(problem.startswith(f"{tmp_path / 'a.npz'}: ") for problem in problems)


def test_rows_that_take_no_bytes_are_read_beside_others_that_do(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.zeros((2000, 0)), b=np.arange(2000))
    assert convert(tmp_path / "a.npz", tmp_path / "b.tfrecord").records == 2000
    np.savez(tmp_path / "a.npz", a=np.zeros((2000, 0)))
    assert convert(tmp_path / "a.npz", tmp_path / "b.tfrecord").records == 2000
    schema = tfr.Schema([FeatureSchema("a", "float32", (0,))])
    convert(tmp_path / "b.tfrecord", tmp_path / "a.npz", schema=schema)
    with np.load(tmp_path / "a.npz") as archive:  # what many of them can be read back from
        assert sorted(archive) == ["a", "a.row_splits"]
    assert convert(tmp_path / "a.npz", tmp_path / "c.tfrecord").records == 2000
    assert (tmp_path / "c.tfrecord").read_bytes() == (tmp_path / "b.tfrecord").read_bytes()


@pytest.mark.parametrize(
    "column",
    [
        pa.Array.from_buffers(pa.null(), 1234567, [None]),
        pa.Array.from_buffers(pa.binary(0), 1234567, [None, pa.py_buffer(b"")]),
        pa.Array.from_buffers(pa.list_(pa.int64(), 0), 1234567, [None], children=[pa.array([], pa.int64())]),
        pa.Array.from_buffers(
            pa.list_(pa.binary(0)),
            1,
            [None, pa.py_buffer(np.array([0, 1234567], np.int32))],
            children=[pa.Array.from_buffers(pa.binary(0), 1234567, [None, pa.py_buffer(b"")])],
        ),
    ],
    ids=lambda column: str(column.type),
)
def test_a_length_of_arrow_with_nothing_behind_it_is_refused(column: Any, tmp_path: Path) -> None:
    batch = pa.RecordBatch.from_arrays([column], ["a"])
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as file, pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(tfr.TFRecordError, match=r"a\.arrow: .*1234567 values, and has bytes for 1048576 at the most$"):
        convert(tmp_path / "a.arrow", tmp_path / "b.tfrecord")
    assert os.listdir(tmp_path) == ["a.arrow"]


@pytest.mark.parametrize("end", ["parquet", "arrow", "csv", "npz"])
def test_a_table_of_more_columns_than_pyarrow_takes_is_refused(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_records, "COLUMN_LIMIT", 10)
    records = [tfr.encode_example({f"a{number}": 1 for number in range(11)})]
    write(tmp_path / "a.tfrecord", records)
    with pytest.raises(tfr.FeatureError, match=r"11 features, of which each is a column; 10 are the limit: a schema"):
        convert(tmp_path / "a.tfrecord", tmp_path / f"a.{end}")
    assert os.listdir(tmp_path) == ["a.tfrecord"]
    schema = tfr.infer_schema(tmp_path / "a.tfrecord")
    ten = tfr.Schema([schema[f"a{number}"] for number in range(10)])
    assert convert(tmp_path / "a.tfrecord", tmp_path / f"a.{end}", schema=ten).records == 1
    assert convert(tmp_path / "a.tfrecord", tmp_path / "a.jsonl").records == 1


@pytest.mark.parametrize("end", ["csv.gz", "jsonl.gz", "tar.gz"])
@pytest.mark.parametrize("damage", ["cut", "not gzip"])
def test_a_damaged_gzip_file_is_named(end: str, damage: str, tmp_path: Path) -> None:
    convert(write(tmp_path / "a.tfrecord", [tfr.encode_example({"a": 1})] * 5), tmp_path / f"a.{end}")
    data = (tmp_path / f"a.{end}").read_bytes()
    (tmp_path / f"a.{end}").write_bytes(data[:-12] if damage == "cut" else b"a" + data)
    with pytest.raises(tfr.TFRecordError, match=f"/a.{end}: ") as caught:
        convert(tmp_path / f"a.{end}", tmp_path / "b.tfrecord")
    assert str(caught.value).count("a." + end) == 1


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz", "tar", "csv"])
def test_a_file_of_another_format_is_not_said_to_be_a_message(end: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{end}").write_bytes(b"\xff\xfe no such thing " * 100)
    with pytest.raises(tfr.TFRecordError, match=f"/a.{end}: ") as caught:
        convert(tmp_path / f"a.{end}", tmp_path / "b.tfrecord")
    assert "message" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32-le", "utf-32-be", "utf-32"])
def test_json_lines_are_utf_8_and_nothing_else(encoding: str, tmp_path: Path) -> None:
    """Of any two bytes json guesses what they are, so that it took some lines of a file and others not."""
    text = '{"a": 1}\n{"a": "\u00e9"}\n'
    (tmp_path / "a.jsonl").write_bytes(text.encode(encoding))
    with pytest.raises(tfr.FeatureError, match=r"a\.jsonl: line 1: not JSON: (not UTF-8|UTF-16 or UTF-32)"):
        convert(tmp_path / "a.jsonl", tmp_path / "b.tfrecord")
    (tmp_path / "a.jsonl").write_bytes('{"a": 1}\n'.encode("utf-8-sig"))
    assert convert(tmp_path / "a.jsonl", tmp_path / "b.tfrecord").records == 1


def test_lines_of_json_are_numbered_as_an_editor_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n   \n{"a": [1, "x"]}\n{"a": \n')
    with pytest.raises(tfr.FeatureError) as caught:
        convert(path, tmp_path / "out")
    assert str(caught.value).startswith(f"{path}: line 4: feature 'a': ")
    done = convert(path, tmp_path / "out", on_error="skip")
    assert [row.reason.partition(":")[0] for row in done.skipped] == ["line 4", "line 5"]


def test_text_is_refused_where_there_are_no_strings(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="text is for parquet and arrow"):
        convert(tmp_path / "a.csv", tmp_path / "a.tfrecord", text=["a"])
    convert(tmp_path / "a.csv", tmp_path / "a.tfrecord")
    with pytest.raises(ValueError, match="text is for parquet and arrow"):
        convert(tmp_path / "a.tfrecord", tmp_path / "b.csv", text=["a"])
    with pytest.raises((ValueError, tfr.FeatureError), match="NOSUCH"):
        convert(tmp_path / "a.tfrecord", tmp_path / "b.parquet", text=["NOSUCH"])
