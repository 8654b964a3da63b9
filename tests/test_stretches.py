"""Stretches of records: each says where it is, and what cannot be decoded says where it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

import tfrecord_lite as tfr
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.stretches import Where, decoded, stretches
from tfrecord_lite.format.columns.window import Records


class Lengths:
    """Decodes records to their lengths; b"bad" is an error, and b"odd" is left to the plain way."""

    def __init__(self) -> None:
        self.plain: list[bytes] = []

    def decode(self, records: Records) -> list[int] | None:
        found = [records.record(number) for number in range(len(records.starts))]
        return None if {b"bad", b"odd"} & set(found) else [len(record) for record in found]

    def decode_plain(self, records: list[bytes]) -> list[int]:
        self.plain += records
        if b"bad" in records:
            raise tfr.DecodeError("bad")
        return [len(record) for record in records]


def stretch(records: list[bytes]) -> tuple[Where, Records]:
    offsets = np.array([100, *accumulate(len(record) + 16 for record in records[:-1])])
    offsets[1:] += 100
    return Where("file", 7, offsets[: len(records)]), Records.joined(records)


def test_a_sound_stretch_is_decoded_at_once() -> None:
    decoder = Lengths()
    where, records = stretch([b"a", b"bb", b""])
    assert list(decoded(where, records, decoder)) == [(where, [1, 2, 0])]
    assert decoder.plain == []


def test_what_is_odd_is_decoded_record_by_record() -> None:
    where, records = stretch([b"a", b"odd", b"bb"])
    found = list(decoded(where, records, Lengths()))
    assert [lengths for _, lengths in found] == [[1], [3], [2]]
    assert [(part.path, part.number, part.offsets.tolist()) for part, _ in found] == [
        ("file", 7, [100]),
        ("file", 8, [117]),
        ("file", 9, [136]),
    ]


def test_the_records_before_an_error_come_first_and_the_error_says_where_it_is() -> None:
    where, records = stretch([b"a", b"bb", b"bad", b"c"])
    found = decoded(where, records, Lengths())
    assert [next(found)[1], next(found)[1]] == [[1], [2]]
    with pytest.raises(tfr.DecodeError) as caught:
        next(found)
    assert (caught.value.path, caught.value.record_number, caught.value.offset) == ("file", 9, 135)


def test_what_cannot_be_decoded_is_left_out_when_somebody_is_told() -> None:
    where, records = stretch([b"bad", b"a", b"bad", b"bb"])
    told: list[tfr.TFRecordError] = []
    found = list(decoded(where, records, Lengths(), told.append))
    assert [lengths for _, lengths in found] == [[1], [2]]
    assert [(error.record_number, error.offset) for error in told] == [(7, 100), (9, 136)]


def test_a_part_of_a_stretch_is_numbered_as_the_whole() -> None:
    where, _ = stretch([b"a", b"bb", b"ccc"])
    part = where.part(1, 3)
    assert (part.path, part.number, part.offsets.tolist()) == ("file", 8, [117, 135])
    part.locate(error := tfr.DecodeError("x"), 1)
    assert (error.record_number, error.offset) == (9, 135)


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_stretches_of_files_say_where_each_record_is(tmp_path: Path, compression: str) -> None:
    generator = np.random.default_rng(0)
    files = [[generator.bytes(int(size)) for size in generator.integers(0, 3000, count)] for count in (900, 0, 40)]
    paths = [str(tmp_path / str(number)) for number in range(len(files))]
    for path, records in zip(paths, files, strict=True):
        with tfr.TFRecordWriter(path, compression) as writer:
            for record in records:
                writer.write(record)

    def everything() -> Iterator[tuple[str | None, int, int, bytes]]:
        for where, records in stretches(open_readers(paths, None, True, None, None)):
            for number, offset in enumerate(where.offsets.tolist()):
                yield where.path, where.number + number, offset, records.record(number)

    expected = []
    for path, records in zip(paths, files, strict=True):
        offset = 0
        for number, record in enumerate(records):
            expected.append((path, number, offset, record))
            offset += len(record) + 16
    assert list(everything()) == expected
