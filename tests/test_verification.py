"""verify: every file is looked at, whatever is wrong with the others."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from damage import cut_at, flip_bit, frames, gzip_member

from tfrecord_lite import (
    CorruptRecordError,
    DecodeError,
    ShardedWriter,
    ShardError,
    TFRecordWriter,
    TruncatedRecordError,
    encode_example,
    verify,
)

RECORDS = [b"record %d" % number for number in range(100)]
STORED = frames(RECORDS)


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tfrecord_lite", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for number in range(12):
        (tmp_path / f"{number:02}").write_bytes(STORED)
    (tmp_path / "03").write_bytes(flip_bit(flip_bit(STORED, 1000), 2000))
    (tmp_path / "07").write_bytes(cut_at(STORED, 100))
    return tmp_path


@pytest.mark.parametrize("workers", [None, 1, 3, 50])
def test_the_report_has_every_file_in_order(directory: Path, workers: int | None) -> None:
    seen: list[tuple[int, int]] = []
    report = verify(directory, workers=workers, progress=lambda done, total: seen.append((done, total)))
    assert [Path(str(file.path)).name for file in report.files] == [f"{number:02}" for number in range(12)]
    assert [number for number, file in enumerate(report.files) if not file.sound] == [3, 7]
    assert isinstance(report.files[3].error, CorruptRecordError)
    assert isinstance(report.files[7].error, TruncatedRecordError)
    assert not report.sound
    assert report.files[3].records < 100
    assert report.files[0].records == 100
    assert seen == [(number, 12) for number in range(1, 13)]


def test_all_damage_is_listed_when_it_is_asked_for(directory: Path) -> None:
    file = verify(directory / "03", regions=True).files[0]
    assert file.error is None
    assert not file.sound
    assert file.records == 98
    assert [region.begin <= at < region.end for region, at in zip(file.regions, (1000, 2000), strict=True)] == [
        True
    ] * 2
    assert file.size == len(STORED)
    assert str(file).splitlines()[-1] == f"{directory}/03: 98 sound records, 2 damaged regions"
    assert len(json.loads(json.dumps(file.as_dict()))["regions"]) == 2
    assert verify(directory / "00", regions=True).sound


def test_a_file_that_cannot_be_read_is_a_finding(directory: Path) -> None:
    report = verify([directory / "missing", directory / "00", directory / "no*match", directory / "01"])
    assert [type(file.error) for file in report.files] == [FileNotFoundError, type(None), FileNotFoundError, type(None)]
    assert report.records == 200
    assert not report.sound
    assert str(report).splitlines()[0] == f"{directory}/missing: No such file or directory"
    assert report.as_dict()["files"][0]["error"]["kind"] == "FileNotFoundError"


def test_every_listed_shard_has_a_report_whatever_is_wrong_with_others(tmp_path: Path) -> None:
    with ShardedWriter(tmp_path / "train", num_shards=7) as writer:
        for number in range(700):
            writer.write(b"record %03d" % number)
    (tmp_path / "other").write_bytes(STORED)
    assert verify(tmp_path).sound
    assert verify(tmp_path, examples=True, regions=True).files[0].regions
    shards = sorted(tmp_path.glob("train-*"))
    data = shards[0].read_bytes()
    shards[1].unlink()
    shards[2].write_bytes(data[:-26])  # cut between two records
    shards[3].write_bytes(cut_at(shards[3].read_bytes(), 100))
    shards[4].write_bytes(data)  # sound, of that size, and another one
    shards[5].write_bytes(frames([b"x" * 1284, b"x" * 1284]))
    report = verify(tmp_path)
    assert [file.path for file in report.files] == [str(tmp_path / "other"), *map(str, shards)]
    kinds = [type(file.error).__name__ for file in report.files]
    assert kinds[:3] == ["NoneType", "NoneType", "FileNotFoundError"]
    assert kinds[3:] == ["ShardError", "TruncatedRecordError", "ShardError", "ShardError", "NoneType"]
    texts = [str(file) for file in report.files]
    assert texts[2] == f"{shards[1]}: _MANIFEST.json lists this shard, but it is missing"
    assert texts[3].startswith(f"{shards[2]}: 2574 bytes long, but 2600 bytes were written")
    assert texts[5].startswith(f"{shards[4]}: other records than were written: checksum 0x")
    assert texts[6].startswith(f"{shards[5]}: 2 records, but 100 were written")
    assert report.files[3].records == 99
    result = run(tmp_path, "--json")
    assert result.returncode == 1
    assert len(json.loads(result.stdout)["files"]) == 8


def test_a_directory_whose_commit_was_cut_short_is_a_finding(directory: Path, tmp_path: Path) -> None:
    other = tmp_path / "committing"
    other.mkdir()
    (other / "_PLAN-0.json").write_bytes(b"")
    report = verify([other, directory / "00"])
    assert [type(file.error) for file in report.files] == [ShardError, type(None)]
    assert str(report.files[0]).endswith("`tfrecord-lite rollback PREFIX`, or rollback(prefix), undoes it")


class Failing(io.BytesIO):
    def read1(self, size: int | None = -1) -> bytes:
        data = super().read1(size)
        if not data:
            raise OSError(5, "the disk is broken")
        return data


def test_a_file_that_fails_while_it_is_read_is_a_finding(directory: Path) -> None:
    report = verify([Failing(STORED), directory / "00"])
    assert report.files[0].records == 100
    assert isinstance(report.files[0].error, OSError)
    assert str(report.files[0]) == "<file object>: the disk is broken"
    assert report.files[1].sound


def test_records_that_are_no_examples_are_found_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with TFRecordWriter(path) as writer:
        for number in range(1000):
            writer.write(b"\xff" if number in (500, 501, 900) else encode_example({"a": number, "b": b"x" * number}))
    assert verify(path).sound
    (file,) = verify(path, examples=True).files
    assert isinstance(file.error, DecodeError)
    assert (file.records, file.error.record_number) == (500, 500)
    assert file.error.offset == file.size
    (file,) = verify(path, examples=True, regions=True).files
    assert file.records == 997
    assert len(file.regions) == 3
    assert file.regions[0].begin == sum(len(encode_example({"a": n, "b": b"x" * n})) + 16 for n in range(500))
    assert file.regions[0].size == 17
    assert file.regions[0].path == str(path)
    assert file.regions[0].reason.startswith("record #500 at offset ")
    path.write_bytes(flip_bit(path.read_bytes(), 40))
    (file,) = verify(path, examples=True, regions=True).files
    assert len(file.regions) == 4
    assert [region.begin for region in file.regions] == sorted(region.begin for region in file.regions)


def test_wrong_arguments_are_errors_before_anything_is_read() -> None:
    with pytest.raises(ValueError, match="workers"):
        verify("/missing", workers=0)
    with pytest.raises(ValueError, match="'gzip'"):
        verify("/missing", "gzip")
    with pytest.raises(TypeError):
        verify(3)


def test_what_a_callback_raises_ends_it(directory: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(directory, workers=2, progress=stop)


def test_the_command_goes_on_behind_a_missing_file_and_says_so(directory: Path) -> None:
    done = run(directory / "missing", directory / "00", "--workers", 2)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{directory}/missing: No such file or directory",
        f"{directory}/00: 100 records, {len(STORED)} bytes, sound",
    ]
    assert done.stderr == ""
    report = json.loads(run(directory / "missing", directory / "00", "--json").stdout)
    assert [file["sound"] for file in report["files"]] == [False, True]


def test_the_command_lists_all_damage_and_looks_at_examples(directory: Path) -> None:
    assert len(run("--all", directory / "03").stdout.splitlines()) == 3
    done = run("--examples", directory / "00")
    assert done.returncode == 1
    assert "not a valid message" in done.stdout
    assert run("--workers", 0, directory / "00").returncode == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_finding(directory: Path) -> None:
    (directory / "00").chmod(0)
    assert isinstance(verify(directory / "00").files[0].error, PermissionError)


LIMITED = """
import resource, sys
import tfrecord_lite as tfr
room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (400 << 20)
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for file in tfr.verify(sys.argv[1:]).files:
    print(file.path[-4:], file.records, type(file.error).__name__, file.error)
"""


def test_a_record_that_needs_too_much_memory_is_a_finding_about_its_file(tmp_path: Path) -> None:
    with TFRecordWriter(tmp_path / "bomb", "GZIP") as writer:
        writer.write(b"small")
        writer.write(bytes(700 << 20))
    (tmp_path / "good").write_bytes(STORED)
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "bomb"), str(tmp_path / "good")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.stderr == ""
    bomb, good = result.stdout.splitlines()
    assert bomb.startswith("bomb 1 OSError [Errno 12] not enough memory")
    assert good == "good 100 NoneType None"


@pytest.mark.parametrize("regions", [False, True])
def test_zeros_where_a_member_may_have_been_are_told(tmp_path: Path, regions: bool) -> None:
    members = [gzip_member(frames([b"%d" % number])) for number in range(3)]
    size = len(members[1])
    path = tmp_path / "f.gz"
    path.write_bytes(members[0] + bytes(size) + members[2])
    (file,) = verify(path, regions=regions).files
    assert file.sound  # padding is legal
    assert (file.records, file.padding, file.as_dict()["padding"]) == (2, size, size)
    assert str(file).splitlines()[1] == f"{path}: {size} zeros behind GZIP members: padding, or members that are gone"
    path.write_bytes(b"".join(members) + bytes(19))
    (file,) = verify(path, regions=regions).files
    assert (file.sound, file.padding, len(str(file).splitlines())) == (True, 19, 1)


def test_the_command_tells_of_zeros_where_a_member_may_have_been(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(gzip_member(frames([b"one"])) + bytes(512))
    done = run(path)
    assert done.returncode == 0
    assert "512 zeros behind GZIP members" in done.stdout
    assert json.loads(run("--json", path).stdout)["files"][0]["padding"] == 512
    path.write_bytes(gzip_member(frames([b"one"])) + bytes(512) + b"garbage")
    (file,) = verify(path).files
    assert not file.sound
    assert "512 zeros behind GZIP members" in str(file)
