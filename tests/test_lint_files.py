"""What lint says about files is what TensorFlow does with them: shown with its readers, before and after `fix`."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import (
    append_garbage,
    cut_at,
    flip_bit,
    frame,
    frames,
    gzip_member,
    gzip_member_of_size,
    python,
    set_length,
    theirs,
    theirs_v1,
    zlib_stream,
)

import tfrecord_lite as tfr
from tfrecord_lite.files.file_problems import named_compressions
from tfrecord_lite.format.python_spec import Compression

tf = pytest.importorskip("tensorflow")

RECORDS = [tfr.encode_example({"n": number}) for number in range(5)]
DATA = frames(RECORDS)
OFFSETS = [sum(len(frame(record)) for record in RECORDS[:number]) for number in range(6)]
EMPTY = gzip_member(b"")
BLOCK = 262144
FILLER = [tfr.encode_example({"n": 7, "blob": random.Random(7).randbytes(4000)})] * 60


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    numbers = itertools.count()

    def write(data: bytes, name: str = "") -> Path:
        path = tmp_path / (name or f"data{next(numbers)}.tfrecord")
        path.write_bytes(data)
        return path

    return write


def rules(findings: Any) -> list[str]:
    return [finding.rule for finding in findings]


#: (data, compression type, rule, records that TensorFlow reads before it ends without an error)
SILENT = {
    "cut header": (cut_at(DATA, OFFSETS[3] + 7), "", "cut-header", 3),
    "zeros at the end": (DATA + bytes(11), "", "cut-header", 5),
    "GZIP cut between records": (gzip_member(DATA, level=0)[: 15 + OFFSETS[3]], "GZIP", "cut-compression", 3),
    "GZIP without its trailer": (gzip_member(DATA)[:-8], "GZIP", "cut-compression", 5),
    "ZLIB without its trailer": (zlib_stream(DATA)[:-2], "ZLIB", "cut-compression", 5),
    "ZLIB twice": (zlib_stream(DATA) * 2, "ZLIB", "zlib-trailing", 5),
    "garbage behind ZLIB": (append_garbage(zlib_stream(DATA)), "ZLIB", "zlib-trailing", 5),
}


@pytest.mark.parametrize("name", SILENT)
def test_what_tensorflow_loses_without_a_word_at_the_end_of_a_file_is_a_finding(
    name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    data, compression, rule, read = SILENT[name]
    path = write(data)
    assert theirs(path, compression) == (RECORDS[:read], None)
    (finding,) = tfr.lint(path)
    assert (finding.rule, finding.record_number, finding.offset) == (rule, read, OFFSETS[read])
    assert "without an error" in finding.tensorflow
    assert not finding.is_fixable
    out = tmp_path / "out"
    assert rules(tfr.lint(path, fix=out)) == [rule]
    assert list(tfr.lint(out)) == []
    assert theirs(out, compression) == (RECORDS[:read], None)


#: (data, rule, record, what TensorFlow says)
LOUD = {
    "flip in a length": (flip_bit(DATA, OFFSETS[2]), "corrupted", 2, f"corrupted record at {OFFSETS[2]}"),
    "flip in a record": (flip_bit(DATA, OFFSETS[2] + 13), "corrupted", 2, f"corrupted record at {OFFSETS[2] + 12}"),
    "cut in a record": (cut_at(DATA, OFFSETS[4] + 14), "truncated", 4, f"truncated record at {OFFSETS[4]}"),
}


@pytest.mark.parametrize("name", LOUD)
def test_damage_is_a_finding_with_what_tensorflow_raises(name: str, write: Callable[..., Path], tmp_path: Path) -> None:
    data, rule, number, said = LOUD[name]
    path = write(data)
    records, error = theirs(path)
    assert records == RECORDS[:number]
    assert said in str(error)
    (finding,) = tfr.lint(path)
    assert (finding.rule, finding.record_number, finding.offset) == (rule, number, OFFSETS[number])
    assert f"DataLossError: {said}" in finding.tensorflow
    out = tmp_path / "out"
    assert rules(tfr.lint(path, fix=out)) == [rule]
    assert list(tfr.lint(out)) == []
    assert theirs(out) == (RECORDS[:number] + RECORDS[number + 1 :], None)


#: The values of records, which are cut at many places.
CUT = {
    "short records": [b"", b"abc", random.Random(1).randbytes(20), b"", b"x" * 300],
    "long records": [random.Random(size).randbytes(size) for size in (300_000, 0, 5, BLOCK - 16, 90_000)],
    "long records that are easily compressed": [bytes(700_000), b"ab" * 200_000, b"", bytes(10)],
}


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
@pytest.mark.parametrize("name", CUT)
def test_what_tensorflow_does_at_the_cut_of_a_compressed_stream_is_said(
    name: str, compression: str, level: int, write: Callable[..., Path]
) -> None:
    records = [tfr.encode_example({"b": value}) for value in CUT[name]]
    data = frames(records)
    whole = gzip_member(data, level=level) if compression == "GZIP" else zlib_stream(data, level=level)
    starts = [len(frames(records[:number])) for number in range(len(records) + 1)]
    cuts = {len(whole) - past for past in range(1, 40)} | {BLOCK + past for past in range(-8, 9)}
    if level == 0:
        cuts |= {start + past for start in starts for past in range(30)}
    cuts |= set(range(2, len(whole), 1 + len(whole) // 60))
    outcomes = set()
    for cut in sorted(cuts):
        if not 2 <= cut < len(whole):
            continue
        path = write(cut_at(whole, cut), "cut")
        read, error = theirs_v1(path, compression)
        (finding,) = (each for each in tfr.lint(path, compression_type=compression) if each.rule != "no-records")
        assert read == records[: len(read)]
        assert (finding.record_number, finding.offset) == (len(read), starts[len(read)]), cut
        if error is None:
            assert finding.tensorflow.startswith("takes this for the end of the file, without an error"), cut
        else:
            assert finding.tensorflow in f"raises {type(error).__name__}: {error}", cut
        outcomes.add(error is None)
    assert outcomes == {True, False}


def test_all_damage_is_found_and_records_keep_their_numbers(write: Callable[..., Path], tmp_path: Path) -> None:
    odd = b"not an example"
    records = [*RECORDS, odd, *RECORDS, odd, *RECORDS]
    data = flip_bit(frames(records), OFFSETS[2] + 13)
    data = flip_bit(data, len(frames(records[:9])) + 13)
    findings = list(tfr.lint(write(data)))
    assert [(finding.rule, finding.record_number) for finding in findings] == [
        ("corrupted", 2),
        ("not-an-example", 4),
        ("corrupted", 8),
        ("not-an-example", 9),
    ]
    assert "does not come as far" in findings[2].tensorflow
    assert [finding.offset for finding in findings] == [len(frames(records[:n])) for n in (2, 5, 9, 11)]


def test_damage_to_a_gzip_file_is_data_loss(write: Callable[..., Path]) -> None:
    path = write(flip_bit(gzip_member(DATA), 20))
    assert isinstance(theirs(path, "GZIP")[1], tf.errors.DataLossError)
    findings = list(tfr.lint(path))
    assert rules(findings)[0] == "corrupted"
    assert "raises DataLossError" in findings[0].tensorflow


def test_a_lying_length_crashes_tensorflow(write: Callable[..., Path]) -> None:
    path = write(set_length(DATA, 1 << 40))
    script = "import sys, tensorflow as tf\nfor _ in tf.data.TFRecordDataset(sys.argv[1]): pass"
    assert python(script, path).returncode < 0
    (finding,) = tfr.lint(path)
    assert (finding.rule, finding.tensorflow) == ("truncated", "crashes")


MEMBERS = {
    "empty member first": (EMPTY + gzip_member(DATA), "empty-member", 0),
    "empty member between": (gzip_member(DATA) + EMPTY + gzip_member(DATA), "empty-member", 5),
    "empty member inside a record": (
        gzip_member(DATA[: OFFSETS[2] + 5]) + EMPTY + gzip_member(DATA[OFFSETS[2] + 5 :]),
        "empty-member",
        2,
    ),
    "straddling": (gzip_member_of_size(frames(FILLER), BLOCK + 4) + gzip_member(DATA), "straddling-member", 60),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_members_that_tensorflow_does_not_get_past_are_found_and_fixed(
    name: str, write: Callable[..., Path], tmp_path: Path
) -> None:
    data, rule, read = MEMBERS[name]
    path = write(data)
    there = list(tfr.read_records(path))
    assert theirs(path, "GZIP") == (there[:read], None)
    (finding,) = tfr.lint(path)
    assert (finding.rule, finding.record_number) == (rule, read)
    assert finding.offset == len(frames(there[:read]))
    assert finding.what.startswith(f"{len(there) - read} records, from #{read} on, ")
    assert "without an error" in finding.tensorflow
    out = tmp_path / "out"
    assert rules(tfr.lint(path, fix=out)) == [rule]
    assert list(tfr.lint(out)) == []
    assert theirs(out, "GZIP") == (there, None)


#: (data, records that TensorFlow reads before it fails)
PADDED = {
    "two zeros at the end": (gzip_member(DATA) + bytes(2), 5),
    "a block of zeros at the end": (gzip_member(DATA) * 2 + bytes(4096), 10),
    "more zeros than a buffer holds": (gzip_member(DATA) + bytes(2 * BLOCK), 5),
    "zeros behind a member that straddles": (gzip_member_of_size(frames(FILLER), BLOCK + 4) + bytes(BLOCK), 60),
    "a zero between": (gzip_member(DATA) + bytes(1) + gzip_member(DATA), 5),
    "zeros between": (gzip_member(DATA) + bytes(20) + gzip_member(DATA) + bytes(20), 5),
    "zeros inside a record": (gzip_member(DATA[: OFFSETS[2] + 5]) + bytes(9) + gzip_member(DATA[OFFSETS[2] + 5 :]), 2),
}


@pytest.mark.parametrize("name", PADDED)
def test_zeros_behind_a_member_are_data_loss_and_fixed(name: str, write: Callable[..., Path], tmp_path: Path) -> None:
    data, read = PADDED[name]
    path = write(data)
    there = list(tfr.read_records(path))
    records, error = theirs(path, "GZIP")
    assert records == there[:read]
    assert isinstance(error, tf.errors.DataLossError)
    (finding,) = tfr.lint(path)
    assert (finding.rule, finding.record_number, finding.is_fixable) == ("zero-padding", read, True)
    assert finding.offset == len(frames(there[:read]))
    assert str(error).endswith(finding.tensorflow.rpartition("raises DataLossError: ")[2])
    behind = f", and {len(there) - read} records, from #{read} on, behind them" if len(there) > read else ""
    assert finding.what == f"zeros stand behind a GZIP member{behind}"
    out = tmp_path / "out"
    assert rules(tfr.lint(path, fix=out)) == ["zero-padding"]
    assert list(tfr.lint(out)) == []
    assert theirs(out, "GZIP") == (there, None)


_FLIPPED = flip_bit(DATA, OFFSETS[3] + 13)  # in record 3
_STRADDLING = gzip_member_of_size(frames(FILLER), BLOCK + 4)
#: (data, rules): damage to a file that has a member which TensorFlow does not get past, before the damage or behind it.
DAMAGED_MEMBERS = {
    "garbage": (EMPTY + gzip_member(DATA) + b"garbage", ["empty-member", "corrupted"]),
    "garbage, the empty one between": (
        gzip_member(DATA) + EMPTY + gzip_member(DATA) + b"xy",
        ["empty-member", "corrupted"],
    ),
    "garbage behind the empty one": (gzip_member(DATA) + EMPTY + b"garbage", ["empty-member", "corrupted"]),
    "CRC": (EMPTY + flip_bit(gzip_member(DATA), len(gzip_member(DATA)) - 6), ["empty-member", "corrupted"]),
    "cut trailer": (EMPTY + gzip_member(DATA)[:-3], ["empty-member", "cut-compression"]),
    "cut": (gzip_member(DATA) + EMPTY + gzip_member(DATA, level=0)[:90], ["empty-member", "truncated"]),
    "frame": (EMPTY + gzip_member(_FLIPPED), ["empty-member", "corrupted"]),
    "length": (EMPTY + gzip_member(flip_bit(DATA, OFFSETS[3])), ["empty-member", "corrupted"]),
    "frame before": (gzip_member(_FLIPPED) + EMPTY + gzip_member(DATA), ["corrupted"]),
    "length before": (gzip_member(flip_bit(DATA, OFFSETS[3])) + EMPTY + gzip_member(DATA), ["corrupted"]),
    "compression before": (gzip_member(DATA)[:-8] + bytes(8) + EMPTY + gzip_member(DATA), ["corrupted"]),
    "frame around": (
        gzip_member(_FLIPPED[: OFFSETS[3] + 14]) + EMPTY + gzip_member(_FLIPPED[OFFSETS[3] + 14 :]),
        ["empty-member", "corrupted"],
    ),
    "straddling, garbage": (_STRADDLING + b"garbage", ["straddling-member", "corrupted"]),
    "straddling, frame": (_STRADDLING + gzip_member(_FLIPPED), ["straddling-member", "corrupted"]),
    "zeros, garbage": (gzip_member(DATA) + bytes(9) + gzip_member(DATA) + b"garbage", ["zero-padding", "corrupted"]),
}


@pytest.mark.parametrize("name", DAMAGED_MEMBERS)
def test_what_tensorflow_meets_first_is_said_of_a_damaged_file_of_members(
    name: str, write: Callable[..., Path]
) -> None:
    data, expected = DAMAGED_MEMBERS[name]
    path = write(data)
    records, error = theirs(path, "GZIP")
    first, *others = (finding for finding in tfr.lint(path) if finding.rule != "no-records")
    assert rules([first, *others])[: len(expected)] == expected
    assert all("does not come as far" in finding.tensorflow for finding in others)
    if error is None:
        assert "without an error" in first.tensorflow
    else:
        assert first.tensorflow.startswith("raises DataLossError")
    if len(expected) > 1:
        assert first.what.endswith(
            f"all from record #{len(records)} on lies behind a GZIP member that holds nothing"
        ) or (first.rule != "empty-member")
        assert (first.record_number, first.is_fixable) == (len(records), True)


def test_members_of_ours_are_not_believed_where_a_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "seekable"
    with tfr.TFRecordWriter(path, tfr.TFRecordOptions("GZIP", seekable=True)) as writer:
        for record in FILLER:
            writer.write(record)
    whole = path.read_bytes()
    path.write_bytes(flip_bit(whole, len(whole) - 6) + EMPTY + gzip_member(DATA))
    assert isinstance(theirs(path, "GZIP")[1], tf.errors.DataLossError)
    first, *_ = tfr.lint(path)
    assert (first.rule, "raises DataLossError" in first.tensorflow) == ("corrupted", True)


def test_a_single_byte_behind_a_member_is_passed_over_and_lint_says_so(write: Callable[..., Path]) -> None:
    path, longer = write(gzip_member(DATA) + b"x"), write(gzip_member(DATA) + b"xy")
    assert theirs(path, "GZIP") == (RECORDS, None)
    assert isinstance(theirs(longer, "GZIP")[1], tf.errors.DataLossError)
    for each in (path, longer):
        (finding,) = tfr.lint(each)
        assert finding.tensorflow == "raises DataLossError, or, where it is a single byte, passes over it"


@pytest.mark.parametrize(
    "data",
    [
        gzip_member(DATA) + bytes(1),
        gzip_member(DATA) * 2 + bytes(1),
        gzip_member_of_size(frames(FILLER), BLOCK + 4) + bytes(20),
    ],
)
def test_zeros_that_tensorflow_does_not_come_to_are_no_finding(data: bytes, write: Callable[..., Path]) -> None:
    path = write(data)
    assert theirs(path, "GZIP") == (list(tfr.read_records(path)), None)
    assert list(tfr.lint(path)) == []


def test_zeros_behind_a_member_that_tensorflow_does_not_get_past_hide_no_loss(write: Callable[..., Path]) -> None:
    data = gzip_member(DATA) + EMPTY + bytes(20)
    path, silent = write(data + gzip_member(DATA)), write(data)
    assert theirs(path, "GZIP") == theirs(silent, "GZIP") == (RECORDS, None)
    assert rules(tfr.lint(path)) == ["empty-member"]
    assert list(tfr.lint(silent)) == []


def test_a_member_that_ends_in_a_record_is_data_loss(write: Callable[..., Path]) -> None:
    cut = OFFSETS[2] + 14
    path = write(gzip_member(DATA[:cut]) + EMPTY + gzip_member(DATA[cut:]))
    records, error = theirs(path, "GZIP")
    assert records == RECORDS[:2]
    (finding,) = tfr.lint(path)
    assert finding.tensorflow in f"raises {type(error).__name__}: {error}"


@pytest.mark.parametrize("past", [*range(-1, 12), 40])
@pytest.mark.parametrize("behind", [[DATA], [DATA, DATA], [b"", DATA], [frames(FILLER)] * 2])
def test_a_member_is_found_exactly_when_tensorflow_loses_what_follows(
    past: int, behind: list[bytes], write: Callable[..., Path]
) -> None:
    members = [gzip_member_of_size(frames(FILLER), BLOCK + past), *(gzip_member(data, level=0) for data in behind)]
    path = write(b"".join(members))
    records, error = theirs_v1(path, "GZIP")
    there = list(tfr.read_records(path))
    assert records == there[: len(records)]
    findings = [finding for finding in tfr.lint(path) if finding.rule != "no-records"]
    if len(records) == len(there):
        assert (findings, error) == ([], None)
    else:
        assert [finding.record_number for finding in findings] == [len(records)]
        assert ("raises" in findings[0].tensorflow) == (error is not None)


def test_seekable_files_and_files_of_tensorflow_are_clean(tmp_path: Path) -> None:
    path = tmp_path / "seekable"
    with tfr.TFRecordWriter(path, tfr.TFRecordOptions("GZIP", seekable=True)) as writer:
        for record in FILLER * 20:
            writer.write(record)
    assert list(tfr.lint(path)) == []
    for compression in ("", "GZIP", "ZLIB"):
        with tf.io.TFRecordWriter(str(tmp_path / f"theirs{compression}"), compression) as theirs_writer:
            for record in RECORDS:
                theirs_writer.write(record)
        assert list(tfr.lint(tmp_path / f"theirs{compression}")) == []


def test_a_stream_of_members_cannot_be_looked_at_and_says_so(write: Callable[..., Path]) -> None:
    path = write(EMPTY + gzip_member(DATA))
    with open(path, "rb") as file:
        (finding,) = tfr.lint(file)
    assert (finding.rule, finding.severity) == ("unknown-members", "note")


def test_one_dataset_does_not_read_files_of_several_compressions(write: Callable[..., Path]) -> None:
    paths = [write(DATA), write(gzip_member(DATA))]
    dataset = tf.data.TFRecordDataset([str(path) for path in paths])
    with pytest.raises(tf.errors.DataLossError):
        list(dataset)
    (finding,) = tfr.lint(paths)
    assert finding.rule == "mixed-compression"
    assert str(paths[1]) in finding.what


def test_a_dataset_takes_a_compression_type_that_it_does_not_know_for_none(write: Callable[..., Path]) -> None:
    path = write(DATA)
    assert len(list(tf.data.TFRecordDataset(str(path), "gzip"))) == 5
    with pytest.raises(tf.errors.DataLossError):
        list(tf.data.TFRecordDataset(str(write(gzip_member(DATA))), "gzip"))
    with pytest.raises(ValueError, match="gzip"):
        tf.io.TFRecordOptions("gzip")
    (finding,) = named_compressions([Compression("gzip", 3)], {"": str(path)}, "train.py")
    assert (finding.rule, finding.path) == ("compression-name", "train.py")
    assert "takes it for none" in finding.tensorflow


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_of_all_kinds_are_findings_and_nothing_else(seed: int, write: Callable[..., Path]) -> None:
    generator = random.Random(seed)
    for number in range(120):
        data = generator.choice([DATA, gzip_member(DATA), EMPTY + gzip_member(DATA) * 2, zlib_stream(DATA) * 2])
        data = flip_bit(data, generator.randrange(len(data)), generator.randrange(8))
        if number % 3 == 0:
            data = cut_at(data, generator.randrange(len(data)))
        path = write(data)
        out = path.with_name(f"{path.name}.out")
        list(tfr.lint(path))
        list(tfr.lint(path, fix=out))
        assert not [finding for finding in tfr.lint(out) if finding.is_fixable]


def test_a_missing_file_is_a_finding_and_the_others_are_looked_at(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(frame(b"no example"))
    findings = list(tfr.lint([tmp_path / "missing", tmp_path / "none*", path]))
    assert rules(findings) == ["unreadable", "unreadable", "not-an-example"]
    assert {finding.path for finding in findings} == {str(tmp_path / "missing"), str(tmp_path / "none*"), str(path)}


def test_a_file_without_records_is_a_note(write: Callable[..., Path]) -> None:
    (finding,) = tfr.lint(write(b""))
    assert (finding.rule, finding.severity) == ("no-records", "note")


def test_urls_are_looked_at_and_fixed_like_files() -> None:
    fsspec = pytest.importorskip("fsspec")
    files = {"cut": (DATA + b"cut", "cut-header"), "members": (EMPTY + gzip_member(DATA), "empty-member")}
    for name, (data, rule) in files.items():
        url, out = f"memory://lint/{name}", f"memory://lint-out/{name}"
        fsspec.filesystem("memory").pipe(f"/lint/{name}", data)
        (finding,) = tfr.lint(url, fix=out)
        assert (finding.rule, finding.path) == (rule, url)
        assert list(tfr.lint(out)) == []
        assert list(tfr.read_records(out)) == RECORDS
        with pytest.raises(ValueError, match="the output is an input"):
            tfr.lint(url, fix=url)
    assert rules(tfr.lint("memory://lint/missing")) == ["unreadable"]


# Names.


def names_that_tensorflow_finds(pattern: Path) -> set[str]:
    return {os.path.basename(name) for name in tf.io.gfile.glob(str(pattern))}


def test_names_that_tensorflows_globs_take_and_we_do_not_are_found(write: Callable[..., Path], tmp_path: Path) -> None:
    names = ["a.tfrecord", ".b.tfrecord.12.partial", "_c.tfrecord", "a.tfrecord.idx", "notes.txt", ".d.txt"]
    for name in names:
        write(DATA, name)
    taken = names_that_tensorflow_finds(tmp_path / "*.tfrecord*")
    assert taken == set(names[:4])
    # What else does not begin with a dot or underscore is data in a directory.
    findings = list(tfr.lint(tmp_path))
    assert {os.path.basename(finding.path or "") for finding in findings} == taken - {"a.tfrecord"}
    assert sorted(rules(findings)) == ["hidden-name", "hidden-name", "index-name"]
    findings = list(tfr.lint(tmp_path / "*.tfrecord"))
    assert names_that_tensorflow_finds(tmp_path / "*.tfrecord") == {"a.tfrecord", "_c.tfrecord"}
    assert rules(findings) == []
    assert rules(tfr.lint(tmp_path / "_c.tfrecord")) == ["hidden-name"]
    assert rules(tfr.lint(tmp_path / "a.tfrecord")) == []


def test_shards_that_are_missing_or_of_another_set_are_found(write: Callable[..., Path], tmp_path: Path) -> None:
    for number in (0, 1, 3):
        write(DATA, f"train-{number:05}-of-00004")
    (finding,) = tfr.lint(tmp_path)
    assert finding.rule == "missing-shard"
    assert "1 of 4 shards are not there, train-00002-of-00004" in finding.what
    assert len(names_that_tensorflow_finds(tmp_path / "train-*")) == 3
    assert rules(tfr.lint(tmp_path / "train-00000-of-00004")) == ["missing-shard"]
    assert rules(tfr.lint(sorted(tmp_path.iterdir()))) == ["missing-shard"]
    write(DATA, "train-00002-of-00004")
    assert rules(tfr.lint(tmp_path / "train-*")) == []
    for number in range(2):
        write(DATA, f"train-{number:05}-of-00002")
    (finding,) = tfr.lint(tmp_path)
    assert finding.rule == "two-sets"
    assert len(names_that_tensorflow_finds(tmp_path / "train-*")) == 6


def test_a_shard_that_the_manifest_does_not_list_is_found(write: Callable[..., Path], tmp_path: Path) -> None:
    with tfr.ShardedWriter(tmp_path / "train", num_shards=2) as writer:
        for record in RECORDS:
            writer.write(record)
    assert rules(tfr.lint(tmp_path)) == []
    write(DATA, "train-00002-of-00003")
    (finding,) = tfr.lint(tmp_path)
    assert (finding.rule, finding.path) == ("stale-shard", str(tmp_path / "train-00002-of-00003"))
    assert len(names_that_tensorflow_finds(tmp_path / "train-*")) == 3


# fix: where it writes.


def test_several_files_are_fixed_into_a_directory_under_their_names(write: Callable[..., Path], tmp_path: Path) -> None:
    write(DATA + b"cut", "a")
    write(EMPTY + gzip_member(DATA), "b")
    out = tmp_path / "out"
    out.mkdir()
    with tfr.lint([tmp_path / "a", tmp_path / "b"], fix=out) as findings:
        assert sorted(rules(findings)) == ["cut-header", "empty-member", "mixed-compression"]
        assert [file.records for file in findings.written] == [5, 5]
    assert sorted(os.listdir(out)) == ["a", "b"]
    assert theirs(out / "a") == theirs(out / "b", "GZIP") == (RECORDS, None)


def test_fix_refuses_an_output_that_cannot_be(write: Callable[..., Path], tmp_path: Path) -> None:
    first, second = write(DATA), write(DATA)
    (tmp_path / "other").mkdir()
    same_name = write(DATA, f"other/{first.name}")
    for paths, out, match in (
        ([first, second], tmp_path / "out", "for 2 files the output is a directory"),
        ([first], first, "the output is an input"),
        ([first], tmp_path, "the output is an input"),
        ([first, same_name], tmp_path / "other", "same name"),
    ):
        with pytest.raises(ValueError, match=match):
            tfr.lint(paths, fix=out)
    assert first.read_bytes() == DATA
    with open(first, "rb") as file, pytest.raises(ValueError, match="a stream has no name"):
        tfr.lint(file, fix=tmp_path / "other")


def test_what_is_given_up_halfway_leaves_nothing(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(frames([b"no example"] * 10))
    with tfr.lint(path, fix=tmp_path / "out") as findings:
        next(findings)
    assert os.listdir(tmp_path) == [path.name]


def test_nothing_is_done_before_iterating_but_looking_up(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(DATA)
    tfr.lint(path, fix=tmp_path / "out")
    assert os.listdir(tmp_path) == [path.name]


def test_many_findings_take_no_more_memory(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for count in (2_000, 20_000):
        path = tmp_path / "many"
        path.write_bytes(frame(b"no example at all") * count)
        tracemalloc.start()
        assert sum(1 for _ in tfr.lint(path)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0] + (4 << 20)


def test_a_compression_that_does_not_exist_is_refused_when_called(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="LZMA"):
        tfr.lint(tmp_path, compression_type="LZMA")
