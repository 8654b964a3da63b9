"""diff: which records differ, and in which features."""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import flip_bit, frame
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.files import difference


def file_of(records: Iterable[bytes], options: Any = None) -> io.BytesIO:
    out = io.BytesIO()
    with tfr.TFRecordWriter(out, options) as writer:
        for record in records:
            writer.write(record)
    return io.BytesIO(out.getvalue())


def places(a: list[bytes], b: list[bytes]) -> list[tuple[str, int | None, int | None]]:
    return [(d.what, d.number_a, d.number_b) for d in surgery.diff(file_of(a), file_of(b))]


RECORDS = [b"%d" % number * (1 + number % 50) for number in range(5000)]


@pytest.mark.parametrize("records", [[], RECORDS, [bytes(100_000)] * 5, [*RECORDS[:50], bytes(2_000_000), b""]])
@pytest.mark.parametrize("options", [None, "GZIP"])
def test_the_same_records_differ_in_nothing(tmp_path: Path, records: list[bytes], options: Any) -> None:
    assert list(surgery.diff(file_of(records), file_of(records, options))) == []
    half = len(records) // 3
    for number, part in enumerate((records[:half], records[half:])):
        (tmp_path / f"b-{number}").write_bytes(file_of(part).getvalue())
    assert list(surgery.diff(file_of(records), tmp_path / "b-*")) == []


def test_progress_grows_to_the_bytes_of_both_sides(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    a.write_bytes(file_of(RECORDS).getvalue())
    b.write_bytes(file_of(RECORDS[:-1]).getvalue())
    seen: list[tuple[int, int]] = []
    assert len(list(surgery.diff(a, b, progress=lambda done, total: seen.append((done, total))))) == 1
    total = a.stat().st_size + b.stat().st_size
    assert {of_both for _, of_both in seen[1:]} == {total}
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (total, total)


@pytest.mark.parametrize("number", [0, 1, 2500, 4999])
def test_a_record_that_was_removed_added_or_changed_is_found_by_itself(number: int) -> None:
    without = RECORDS[:number] + RECORDS[number + 1 :]
    assert places(RECORDS, without) == [("removed", number, None)]
    assert places(without, RECORDS) == [("added", None, number)]
    changed = [*RECORDS[:number], b"changed", *RECORDS[number + 1 :]]
    assert places(RECORDS, changed) == [("changed", number, number)]


def test_what_comes_behind_a_gap_is_the_same_again() -> None:
    other = [*RECORDS[:100], b"new", *RECORDS[100:2000], *RECORDS[2300:]]
    other[3000] = b"changed"
    assert places(RECORDS, other) == [
        ("added", None, 100),
        *(("removed", number, None) for number in range(2000, 2300)),
        ("changed", 3299, 3000),
    ]


def test_more_or_fewer_records_at_the_end_are_added_or_removed() -> None:
    assert places(RECORDS[:10], RECORDS[:2000]) == [("added", None, number) for number in range(10, 2000)]
    assert places(RECORDS[:3000], []) == [("removed", number, None) for number in range(3000)]


NUMBERED = [b"%010d" % number for number in range(20_000)]


@pytest.mark.parametrize("count", [600, 10_000])
def test_thousands_of_records_that_are_missing_make_nothing_else_different(count: int) -> None:
    gone = [("removed", number, None) for number in range(count)]
    assert places(NUMBERED, NUMBERED[count:]) == gone
    new = [("added", None, number) for number in range(100, 100 + count)]
    assert places([*NUMBERED[:100], *NUMBERED[100 + count :]], NUMBERED) == new


def test_a_shift_goes_on_from_window_to_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difference, "_WINDOW", 1000)
    other = [*NUMBERED[600:9000], *NUMBERED[9300:]]
    other[5000] = b"changed"
    assert places(NUMBERED, other) == [
        *(("removed", number, None) for number in range(600)),
        ("changed", 5600, 5000),
        *(("removed", number, None) for number in range(9000, 9300)),
    ]


def test_records_that_occur_often_do_not_hide_what_is_missing() -> None:
    records = [b"" if number % 10 == 0 else b"%d" % number for number in range(3000)]
    assert places(records, records[605:]) == [("removed", number, None) for number in range(605)]
    few = [b"%d" % value for value in np.random.default_rng(1).integers(0, 3, 5000)]
    found = places(few, [*few[:100], *few[101:1000], *few[1600:]])
    assert len(found) == 601
    assert {what for what, _, _ in found} == {"removed"}
    assert places([b"same"] * 3000, [b"same"] * 2000) == [("removed", number, None) for number in range(2000, 3000)]


def test_one_record_that_is_alike_by_chance_shifts_nothing_by_thousands() -> None:
    a, b = [b"a%d" % number for number in range(5000)], [b"b%d" % number for number in range(5000)]
    a[4000] = b[3] = b""
    assert places(a, b) == [("changed", number, number) for number in range(5000)]


def test_if_nothing_is_alike_records_of_the_same_number_are_compared() -> None:
    assert places(RECORDS[:2000], [b"x"] * 2000) == [("changed", number, number) for number in range(2000)]


@given(
    a=st.lists(st.integers(0, 5), max_size=60),
    b=st.lists(st.integers(0, 5), max_size=60),
    window=st.sampled_from([1, 2, 7, 512]),
)
@settings(max_examples=300, deadline=None)
def test_the_differences_turn_the_one_into_the_other(a: list[int], b: list[int], window: int) -> None:
    records_a, records_b = ([bytes([number]) * (number % 3) for number in numbers] for numbers in (a, b))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(difference, "_WINDOW", window)
        found = places(records_a, records_b)
    gone = {number for what, number, _ in found if what != "added"}
    new = {number for what, _, number in found if what != "removed"}
    kept_a = [record for number, record in enumerate(records_a) if number not in gone]
    kept_b = [record for number, record in enumerate(records_b) if number not in new]
    assert kept_a == kept_b
    assert (found == []) == (records_a == records_b)
    for what, number_a, number_b in found:
        if what == "changed":
            assert number_a is not None
            assert number_b is not None
            assert records_a[number_a] != records_b[number_b]
    numbers_a = [number for _, number, _ in found if number is not None]
    numbers_b = [number for _, _, number in found if number is not None]
    assert numbers_a == sorted(set(numbers_a))
    assert numbers_b == sorted(set(numbers_b))


BASE = {
    "same": 1,
    "ints": [1, 2],
    "bytes": b"x",
    "floats": np.array([np.nan, 0.0], np.float32),
    "none": None,
    "gone": 3,
}


def features(a: bytes, b: bytes) -> Any:
    (found,) = surgery.diff(file_of([a]), file_of([b]))
    assert found.what == "changed"
    if found.features is None:
        return None
    return {f.key: (f.what, f.a, f.b) for f in found.features}


def test_the_features_that_differ_are_named() -> None:
    other = {**BASE, "ints": [1, 3], "bytes": [b"x", b"y"], "none": 7, "new": b"n"}
    del other["gone"]
    found = features(tfr.encode_example(BASE), tfr.encode_example(other))
    assert list(found) == ["bytes", "gone", "ints", "new", "none"]
    assert found["bytes"] == ("values", [b"x"], [b"x", b"y"])
    assert found["ints"][0] == "values"
    assert found["ints"][2].tolist() == [1, 3]
    assert found["gone"][0] == "removed"
    assert found["gone"][2] is None
    assert found["new"] == ("added", None, [b"n"])
    assert found["none"][:2] == ("kind", None)


def test_numbers_are_the_same_if_their_bits_are() -> None:
    other = {**BASE, "floats": np.array([np.nan, -0.0], np.float32)}
    assert list(features(tfr.encode_example(BASE), tfr.encode_example(other))) == ["floats"]
    other = {**BASE, "ints": np.array([1, 2], np.float32)}
    assert features(tfr.encode_example(BASE), tfr.encode_example(other))["ints"][0] == "kind"


def test_the_same_features_in_other_bytes_are_a_change_without_features() -> None:
    a, b = tfr.encode_example({"a": 1}), tfr.encode_example({"b": 2})
    assert features(a + b, tfr.encode_example({"a": 1, "b": 2})) == {}


def test_records_that_are_no_examples_are_a_change_without_more() -> None:
    assert features(b"\xff", tfr.encode_example(BASE)) is None
    assert features(tfr.encode_example(BASE), b"\xff\xfe") is None


def test_feature_lists_are_compared_behind_the_context() -> None:
    a = tfr.encode_sequence_example({"id": 1, "x": 1}, {"words": ["a", "b"], "same": [1], "old": []})
    b = tfr.encode_sequence_example({"id": 2, "x": 1}, {"words": ["a", "c"], "same": [1], "new": [[1, 2]]})
    found = features(a, b)
    assert list(found) == ["id", "new", "old", "words"]
    assert found["words"] == ("values", [[b"a"], [b"b"]], [[b"a"], [b"c"]])
    assert found["old"] == ("removed", [], None)


def test_damage_is_an_error_after_what_came_before_it(tmp_path: Path) -> None:
    data = file_of(RECORDS).getvalue()
    (tmp_path / "b").write_bytes(flip_bit(frame(b"other") + data[len(frame(RECORDS[0])) :], len(data) - 1))
    found = surgery.diff(file_of(RECORDS), tmp_path / "b")
    assert next(found).number_a == 0
    with pytest.raises(tfr.CorruptRecordError) as caught:
        next(found)
    assert caught.value.path == str(tmp_path / "b")


def test_what_only_damage_hides_is_neither_added_nor_removed() -> None:
    damaged = flip_bit(file_of(NUMBERED).getvalue(), 26 * 500 + 13)
    found = surgery.diff(file_of(NUMBERED[100:]), io.BytesIO(damaged))
    numbers = []
    with pytest.raises(tfr.CorruptRecordError):
        numbers += [(d.what, d.number_b) for d in found]
    assert numbers == []
    found = surgery.diff(file_of(NUMBERED[100:]), io.BytesIO(damaged))
    assert [next(found).number_b for _ in range(100)] == list(range(100))
    with pytest.raises(tfr.CorruptRecordError):
        next(found)


def test_a_missing_file_is_an_error_when_called(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        surgery.diff(file_of([]), tmp_path / "missing")


def test_differences_pickle() -> None:
    (found,) = surgery.diff(file_of([tfr.encode_example({"a": b"1"})]), file_of([tfr.encode_example({"a": b"2"})]))
    assert pickle.loads(pickle.dumps(found)) == found
