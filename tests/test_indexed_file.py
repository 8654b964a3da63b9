"""One file and where its records are: read by number, pickled without the open file, refused when it was changed."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from damage import flip_bit

import tfrecord_lite as tfr
from tfrecord_lite.files.indexed_file import IndexedFile

RECORDS = [bytes([number]) * (number * 7 % 50) for number in range(40)]


@pytest.fixture(params=["", "GZIP"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    options = tfr.TFRecordOptions(request.param, seekable=bool(request.param))
    with tfr.TFRecordWriter(tmp_path / "a", options) as writer:
        for record in RECORDS:
            writer.write(record)
    return str(tmp_path / "a")


@pytest.mark.parametrize("verify", [True, False])
def test_records_are_read_by_number(path: str, verify: bool) -> None:
    file = IndexedFile(path, verify=verify, save_index=False)
    assert len(file) == len(RECORDS)
    assert file.size == sum(len(record) + 16 for record in RECORDS)
    ranges = file.open()
    assert [file.record(ranges, number) for number in range(len(file))] == RECORDS
    for numbers in ([7], [39, 0], [*range(40)], [5, 5, 39, 0, 1, 2, 3, 4, 38]):
        found = file.records(ranges, np.array(numbers, np.int64))
        assert found == [RECORDS[number] for number in numbers]


def test_sound_records_of_a_mapped_file_take_the_fast_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        for record in RECORDS:
            writer.write(record)
    source = tfr.RecordSource(tmp_path / "a")
    source[0]
    monkeypatch.setattr(IndexedFile, "record", None)
    assert [source[number] for number in range(-len(RECORDS), len(RECORDS))] == 2 * RECORDS
    assert source.__getitems__([3, 0, -1]) == [RECORDS[3], RECORDS[0], RECORDS[-1]]
    source.rest()
    with pytest.raises(TypeError):  # a file that is not open is opened on the plain way
        source[0]


def test_an_index_is_saved_when_it_is_asked_for(path: str) -> None:
    IndexedFile(path, verify=True, save_index=False)
    assert not os.path.exists(f"{path}.idx")
    IndexedFile(path, verify=True, save_index=True)
    assert len(tfr.RecordIndex.load(path)) == len(RECORDS)


@pytest.mark.parametrize("text", [b"nonsense", b"0 17\n"])
def test_an_index_that_does_not_fit_is_made_anew(path: str, text: bytes) -> None:
    tfr.RecordIndex.build(path).save()
    Path(f"{path}.idx").write_bytes(text)
    file = IndexedFile(path, verify=True, save_index=False)
    assert file.record(file.open(), 39) == RECORDS[39]
    assert Path(f"{path}.idx").read_bytes() == text


def test_what_is_known_is_pickled_and_not_the_open_file(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(os.path.dirname(path))
    file = IndexedFile("a", verify=True, save_index=False)
    file.open()
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(file))
    assert again.ranges is None
    assert (again.name, len(again), again.size) == ("a", len(file), file.size)
    assert again.record(again.open(), 3) == RECORDS[3]


def test_a_file_that_was_changed_is_refused(path: str) -> None:
    file = IndexedFile(path, verify=True, save_index=False)
    os.utime(path, ns=(0, 0))
    with pytest.raises(tfr.IndexMismatchError, match="changed after") as caught:
        file.open()
    assert caught.value.path == path


def test_damage_names_the_record_however_many_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with tfr.TFRecordWriter(path, index=True) as writer:
        for record in RECORDS:
            writer.write(record)
    offset = int(tfr.RecordIndex.load(path).limits[13])
    status = path.stat()
    with open(path, "r+b") as stream:
        data = stream.read()
        stream.seek(0)
        stream.write(flip_bit(data, offset + 12))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    file = IndexedFile(str(path), verify=True, save_index=False)
    ranges = file.open()
    for numbers in ([13], [*range(10, 30)]):
        with pytest.raises(tfr.CorruptRecordError) as caught:
            file.records(ranges, np.array(numbers))
        assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(path), 13, offset)
    assert file.record(ranges, 12) == RECORDS[12]


def test_an_error_can_be_told_its_place(path: str) -> None:
    file = IndexedFile(path, verify=True, save_index=False)
    file.locate(error := tfr.DecodeError("odd"), 2)
    assert (error.path, error.record_number, error.offset) == (path, 2, 16 + 7 + 16)


def test_a_torn_file_cannot_be_numbered(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x01")
    with pytest.raises(tfr.TFRecordError) as caught:
        IndexedFile(str(tmp_path / "a"), verify=True, save_index=False)
    assert caught.value.path == str(tmp_path / "a")
