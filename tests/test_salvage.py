"""salvage, the function and the command: the survivors, and the list of what was lost."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import append_garbage, cut_at, flip_bit, frame, frames, gzip_member

from tfrecord_lite import Salvage, TFRecordWriter, count_records, read_records, salvage

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

RECORDS = [b"record %d" % number for number in range(100)]
STORED = frames(RECORDS)
FRAME = len(frame(RECORDS[10]))
LOST = len(frames(RECORDS[:50]))


def run(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tfrecord_lite", "salvage", *map(str, arguments)],
        input=stdin,
        cwd=cwd,
        capture_output=True,
    )


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    path = tmp_path / "damaged.tfrecord"
    path.write_bytes(cut_at(flip_bit(STORED, LOST + 14), len(STORED) - 1))
    return path


def test_survivors_and_what_was_lost(damaged: Path) -> None:
    with salvage(damaged) as survivors:
        assert isinstance(survivors, Salvage)
        assert survivors.sound
        assert list(survivors) == RECORDS[:50] + RECORDS[51:99]
    assert not survivors.sound
    assert [(region.begin, region.end) for region in survivors.regions] == [
        (LOST, LOST + FRAME),
        (len(STORED) - FRAME, len(STORED) - 1),
    ]
    assert (survivors.records, survivors.bytes_lost) == (98, 2 * FRAME - 1)
    assert survivors.bytes_read == len(STORED) - 1
    assert survivors.regions[0].path == str(damaged)
    assert json.loads(json.dumps(survivors.as_dict()))["regions"][0]["begin"] == LOST
    lines = str(survivors).splitlines()
    assert len(lines) == 3
    assert lines[-1] == f"98 records, {2 * FRAME - 1} bytes lost"


def test_a_sound_file_loses_nothing() -> None:
    survivors = salvage(io.BytesIO(STORED))
    assert list(survivors) == RECORDS
    assert survivors.sound
    assert (survivors.regions, survivors.bytes_lost, survivors.path) == ([], 0, None)


def test_what_could_not_be_inflated_is_counted_as_it_is_in_the_file(tmp_path: Path) -> None:
    members = [gzip_member(frames(RECORDS[begin : begin + 25])) for begin in range(0, 100, 25)]
    (tmp_path / "in").write_bytes(members[0] + b"\0" * 20 + b"".join(members[1:])[20:])
    done = run(tmp_path / "in", tmp_path / "out", "--json")
    assert list(read_records(tmp_path / "out")) == RECORDS[:25] + RECORDS[50:]
    report = json.loads(done.stdout)
    lost = len(members[1]) - 20  # less the zeros, which are padding
    assert (report["bytes_lost"], report["compressed_bytes_lost"]) == (0, lost)
    assert report["regions"][0]["compressed_bytes"] == lost
    done = run(tmp_path / "in", tmp_path / "out")
    first, last = done.stdout.decode().splitlines()
    assert f"skipped 0 bytes, {len(frames(RECORDS[:25]))} to" in first
    assert f", and {lost} compressed bytes that could not be inflated: corrupted" in first
    assert last == f"75 records, 0 bytes lost, and what {lost} compressed bytes held"


def test_frames_stored_in_a_damaged_record_are_skipped_with_it_where_its_header_is_sound(tmp_path: Path) -> None:
    path, inner = tmp_path / "a", frames([b"planted", b"too"])
    for behind in ([b"after"], []):
        stored = frames([b"before", inner, *behind])
        begin = len(frame(b"before"))
        for position in range(begin + 12, begin + 12 + len(inner) + 4):  # record and footer
            path.write_bytes(flip_bit(stored, position))
            with salvage(path) as survivors:
                assert list(survivors) == [b"before", *behind]
            assert [(region.begin, region.size) for region in survivors.regions] == [(begin, len(inner) + 16)]
        # What follows is damaged, too: where the record ends is not known for sure, and what is sound is given.
        path.write_bytes(flip_bit(flip_bit(frames([b"before", inner, b"after"]), begin + 13), begin + len(inner) + 30))
        assert list(salvage(path)) == [b"before", b"too"]


@pytest.mark.parametrize("sort", ["GZIP", "ZLIB"])
def test_damage_inside_a_compressed_stream_loses_what_follows_it(tmp_path: Path, sort: Any) -> None:
    with TFRecordWriter(tmp_path / "in", sort) as writer:
        for record in np.random.default_rng(0).bytes(300_000), *RECORDS:
            writer.write(record)
    stored = (tmp_path / "in").read_bytes()
    at = len(stored) // 2
    # A block of the type that does not exist, at a place where none need begin: somewhere soon zlib gives up.
    (tmp_path / "in").write_bytes(stored[:at] + b"\xff" * 40_000 + stored[at + 40_000 :])
    with salvage(tmp_path / "in", sort) as survivors:
        left = len(list(survivors))
    lost = survivors.compressed_bytes_lost
    assert (left < 101) == (not survivors.sound)
    assert 0 < lost <= len(stored) - at
    assert survivors.as_dict()["compressed_bytes_lost"] == lost


@pytest.mark.parametrize("sort", ["", "GZIP"])
@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_survivors_go_to_standard_output_and_the_list_to_stderr(tmp_path: Path, sort: Any, output: str) -> None:
    if os.name != "posix":
        pytest.skip("needs /dev/stdout")
    (tmp_path / "in").write_bytes(cut_at(STORED, len(STORED) - 1) if not sort else gzip_member(STORED) + b"#")
    done = run(tmp_path / "in", output, cwd=tmp_path)
    assert done.returncode == 1
    assert list(read_records(io.BytesIO(done.stdout))) == (RECORDS if sort else RECORDS[:99])
    assert done.stderr.decode().splitlines()[-1].startswith(f"{100 if sort else 99} records, ")
    assert os.listdir(tmp_path) == ["in"]
    report = json.loads(run(tmp_path / "in", output, "--json", cwd=tmp_path).stderr)
    assert (report["sound"], report["output"]) == (False, output)


def test_a_missing_file_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        salvage(tmp_path / "missing")


@pytest.mark.parametrize("sort", ["", "GZIP", "ZLIB"])
def test_the_command_writes_a_sound_file_of_the_same_compression(tmp_path: Path, sort: Any) -> None:
    with TFRecordWriter(tmp_path / "in", sort) as writer:
        for record in RECORDS:
            writer.write(record)
    stored = (tmp_path / "in").read_bytes()
    (tmp_path / "in").write_bytes(cut_at(stored, len(stored) - 20))
    done = run(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr == b""
    survivors = list(read_records(tmp_path / "out", sort))
    assert 50 < len(survivors) <= 100
    assert survivors == RECORDS[: len(survivors)]
    assert f"{tmp_path}/in: skipped ".encode() in done.stdout
    assert b" records, " in done.stdout


def test_the_command_lists_what_was_lost_as_json(damaged: Path, tmp_path: Path) -> None:
    done = run(damaged, tmp_path / "out", "--json")
    assert done.returncode == 1
    report = json.loads(done.stdout)
    assert (report["records"], report["bytes_lost"], report["sound"]) == (98, 2 * FRAME - 1, False)
    assert [region["begin"] for region in report["regions"]] == [LOST, len(STORED) - FRAME]
    assert report["output"] == str(tmp_path / "out")


def test_the_command_ends_with_0_when_nothing_was_lost(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(STORED)
    done = run(tmp_path / "in", tmp_path / "out")
    assert done.returncode == 0
    assert (tmp_path / "out").read_bytes() == STORED
    assert done.stdout == b"100 records, 0 bytes lost\n"


def test_the_command_reads_standard_input(tmp_path: Path) -> None:
    assert run("-", tmp_path / "out", stdin=append_garbage(STORED)).returncode == 1
    assert (tmp_path / "out").read_bytes() == STORED


def test_the_command_takes_the_compression_of_a_file_that_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"####" + gzip_member(STORED)[4:] + gzip_member(STORED))
    assert run(tmp_path / "in", tmp_path / "out", "--compression", "GZIP").returncode == 1
    assert list(read_records(tmp_path / "out")) == 2 * RECORDS


@pytest.mark.parametrize("alias", ["same", "link", "hard link"])
def test_the_evidence_is_not_overwritten(damaged: Path, tmp_path: Path, alias: str) -> None:
    output = {"same": damaged, "link": tmp_path / "link", "hard link": tmp_path / "hard"}[alias]
    if alias == "link":
        output.symlink_to(damaged)
    elif alias == "hard link":
        output.hardlink_to(damaged)
    before = damaged.read_bytes()
    done = run(damaged, output)
    assert done.returncode == 2
    assert b"the same file" in done.stderr
    assert damaged.read_bytes() == before


def test_nothing_is_written_when_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "text").write_bytes(b"this is no TFRecord file\n" * 20)
    (tmp_path / "out").write_bytes(STORED)
    result = run(tmp_path / "text", tmp_path / "out")
    assert result.returncode == 1
    assert b"0 records" in result.stdout
    assert (tmp_path / "out").read_bytes() == STORED


def test_a_failure_leaves_no_half_file(damaged: Path, tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    done = run(damaged, tmp_path / "directory")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert run(tmp_path / "missing", tmp_path / "out").returncode == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged.tfrecord", "directory"]


def test_survivors_of_a_file_with_other_data_between_are_a_sound_file(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pieces = [piece for record in RECORDS for piece in (frame(record), generator.bytes(int(generator.integers(1, 50))))]
    (tmp_path / "in").write_bytes(b"".join(pieces))
    assert run(tmp_path / "in", tmp_path / "out").returncode == 1
    assert count_records(tmp_path / "out") == 100
