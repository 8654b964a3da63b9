"""Other readers and writers of TFRecord files, each in a process of its own: theirs read by us, ours by them.

`make test-peers` installs them. What each does wrong is a test, too: it fails when the fault is mended, and then goes
out of docs/DIFFERENCES.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import cut_at, flip_bit, frame, frames
from peers.talk import Feature, from_line, to_line

import tfrecord_lite as tfr

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv-peers" / "bin" / "python"
NODE = ROOT / ".venv-peers-node"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON.exists(), reason="make test-peers installs other readers and writers"),
]

Example = dict[str, Feature]


@cache
def installed() -> set[str]:
    """Names of the distributions of Python that are there."""
    command = [str(PYTHON), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]
    listed = subprocess.run(command, capture_output=True, check=True).stdout
    return {distribution["name"].replace("_", "-") for distribution in json.loads(listed)}


#: Module in tests/peers: distribution.
DISTRIBUTIONS = {"tfrecord": "tfrecord", "tfr_reader": "tfr-reader", "beam": "apache-beam", "grain": "grain"}


def run(peer: str, verb: str, *arguments: Any, items: Any = ()) -> subprocess.CompletedProcess[str]:
    """A peer's process: what tests/peers/talk.py says. Skips if the peer is not installed."""
    if peer == "node":
        if shutil.which("node") is None or not (NODE / "node_modules" / "tfrecord").exists():
            pytest.skip("node, or npm's tfrecord, is not installed")
        command = ["node", str(ROOT / "tests" / "peers" / "node.js")]
    else:
        if DISTRIBUTIONS[peer] not in installed():
            pytest.skip(f"{DISTRIBUTIONS[peer]} is not installed")
        command = [str(PYTHON), "-m", f"peers.{peer}"]
    return subprocess.run(
        [*command, verb, *map(os.fspath, arguments)],
        input="".join(json.dumps(to_line(item)) + "\n" for item in items),
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests"), "PEERS_NODE": str(NODE)},
    )


def ask(peer: str, verb: str, *arguments: Any, items: Any = ()) -> tuple[list[Any], str]:
    """What it answers, as lines of talk.py, and the error that came behind them or ""."""
    done = run(peer, verb, *arguments, items=items)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if lines and isinstance(lines[-1], dict) and isinstance(lines[-1].get("error"), str):
        return lines[:-1], lines[-1]["error"]
    return lines, ""


def answer(peer: str, verb: str, *arguments: Any, items: Any = ()) -> list[Any]:
    lines, error = ask(peer, verb, *arguments, items=items)
    assert error == ""
    return lines


# What is written and read.


def random_examples(seed: int, bits: int) -> list[Example]:
    """Of every kind, with integers of so many bits. A list of several bytes has none that end with a NUL."""
    random = np.random.default_rng(seed)
    examples: list[Example] = [{}]
    for _ in range(60):
        example: Example = {}
        for name in random.permutation(["label", "image/encoded", "ünï", "", "x" * 200])[: random.integers(1, 6)]:
            count = int(random.choice([0, 1, 1, 2, 5, 40]))
            kind = str(random.choice(["bytes_list", "float_list", "int64_list"]))
            values: list[Any]
            if kind == "bytes_list":
                end = b"" if count < 2 else b"."
                values = [random.bytes(int(random.integers(0, 300))) + end for _ in range(count)]
            elif kind == "float_list":
                values = np.frombuffer(random.bytes(4 * count), "<f4").tolist()
                values = [value if value == value else float("nan") for value in values]
            else:
                shift = random.integers(0, bits, count)
                values = [int(value) >> int(by) for value, by in zip(int64s(random, count, bits), shift, strict=True)]
            example[str(name)] = kind, values
        examples.append(example)
    return examples


def int64s(random: np.random.Generator, count: int, bits: int) -> list[int]:
    return random.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), count, np.int64).tolist()  # type: ignore[no-any-return]


LIMITS: Example = {
    "int64": ("int64_list", [0, -1, 127, 128, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)]),
    "float": ("float_list", [0.0, -0.0, float("inf"), float("-inf"), float("nan"), 2.0**-149, 3.4028234663852886e38]),
    "bytes": ("bytes_list", [b"\0\xff" * 1000]),
}
#: What every peer can read, and what all but tfr-reader can, which cuts integers.
NARROW = random_examples(1, 32)
WIDE = [LIMITS, *random_examples(2, 64)]
RECORDS = [b"", b"a", bytes(range(256)), np.random.default_rng(3).bytes(3_000_000), b"", b"\0" * 70_000, b"end"]

#: How a file is stored: the options of our writer, and the name that peers are told.
STORED: dict[str, tuple[Any, str]] = {
    "plain": (None, ""),
    "gzip": ("GZIP", "gzip"),
    "seekable gzip": (tfr.TFRecordOptions("GZIP", seekable=True), "gzip"),
    "zlib": ("ZLIB", "zlib"),
}
READ_RECORDS = [
    *(("tfrecord", stored) for stored in ("plain", "gzip", "seekable gzip")),
    *(("beam", stored) for stored in STORED),
    *((peer, "plain") for peer in ("tfr_reader", "grain", "node")),
]
READ_EXAMPLES = [
    *(("tfrecord", stored) for stored in ("plain", "gzip", "seekable gzip")),
    ("tfr_reader", "plain"),
    ("node", "plain"),
]


def told(stored: str) -> list[str]:
    return [name for name in [STORED[stored][1]] if name]


def encoded(example: Example) -> bytes:
    return tfr.encode_example({name: our_value(feature) for name, feature in example.items()})


def our_value(feature: Feature) -> Any:
    if feature is None:
        return None
    kind, values = feature
    if kind == "bytes_list":
        return values or np.array([], object)
    return np.array(values, np.float32 if kind == "float_list" else np.int64)


def feature_of(value: Any) -> Feature:
    """Of what our decoder gives."""
    if value is None:
        return None
    if isinstance(value, list):
        return "bytes_list", value
    return ("float_list" if value.dtype == np.float32 else "int64_list"), value.tolist()


def examples_in(path: Path) -> list[Any]:
    """As our reader finds them, as lines of talk.py."""
    return [to_line({name: feature_of(value) for name, value in one.items()}) for one in tfr.read_examples(path)]


def write(path: Path, records: list[bytes], options: Any = None) -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


def as_lines(items: Any) -> list[Any]:
    """As they come out of JSON."""
    return [to_line(item) for item in items]


# They read what we wrote.


@pytest.mark.parametrize(("peer", "stored"), READ_RECORDS)
def test_it_reads_the_records_that_we_wrote(peer: str, stored: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a", RECORDS, STORED[stored][0])
    assert answer(peer, "read-records", path, *told(stored)) == as_lines(RECORDS)


@pytest.mark.parametrize(("peer", "stored"), READ_EXAMPLES)
def test_it_reads_the_examples_that_we_wrote(peer: str, stored: str, tmp_path: Path) -> None:
    examples = NARROW if peer == "tfr_reader" else NARROW + WIDE
    path = write(tmp_path / "a", list(map(encoded, examples)), STORED[stored][0])
    assert answer(peer, "read-examples", path, *told(stored)) == as_lines(examples)


@pytest.mark.parametrize("peer", [*DISTRIBUTIONS, "node"])
def test_it_reads_a_file_without_records(peer: str, tmp_path: Path) -> None:
    assert answer(peer, "read-records", write(tmp_path / "a", [])) == []


SEQUENCES: list[tuple[Example, dict[str, list[Feature]]]] = [
    ({"id": ("int64_list", [2**40])}, {"words": [("bytes_list", [b"a"]), ("bytes_list", [b"b", b"cc"])]}),
    ({}, {"none": [], "frames": [("float_list", [0.5, -1.5]), ("float_list", [])], "n": [("int64_list", [-1])]}),
]


def test_tfrecord_reads_the_sequence_examples_that_we_wrote(tmp_path: Path) -> None:
    records = [
        tfr.encode_sequence_example(
            {name: our_value(feature) for name, feature in context.items()},
            {name: list(map(our_value, features)) for name, features in lists.items()},
        )
        for context, lists in SEQUENCES
    ]
    assert answer("tfrecord", "read-sequences", write(tmp_path / "a", records)) == as_lines(SEQUENCES)


def test_tfrecord_reads_shards_by_our_index(tmp_path: Path) -> None:
    path = write(tmp_path / "a", RECORDS)
    index = tfr.RecordIndex.build(path).save()
    shards = [answer("tfrecord", "read-shard", path, index, str(number), "3") for number in range(3)]
    assert list(chain.from_iterable(shards)) == as_lines(RECORDS)


def test_grain_goes_on_in_our_file_from_a_checkpoint(tmp_path: Path) -> None:
    path = write(tmp_path / "a", RECORDS)
    assert answer("grain", "read-from-checkpoint", path, "3") == as_lines(RECORDS[3:])


# We read what they wrote.


@pytest.mark.parametrize(
    ("peer", "stored"), [*(("beam", stored) for stored in ("plain", "gzip", "zlib")), ("node", "plain")]
)
def test_we_read_the_records_that_it_wrote(peer: str, stored: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    records = [record for record in RECORDS if peer == "node" or len(record) < 10**6]  # which Beam writes slowly
    answer(peer, "write-records", path, *told(stored), items=records)
    found = list(tfr.read_records(path))
    assert tfr.verify(path).sound
    if peer == "beam":  # whose elements have no order
        assert sorted(found) == sorted(records)
    else:
        assert found == records
    if stored == "plain":
        assert path.read_bytes() == frames(found)
        source = tfr.RecordSource(path)
        assert source.__getitems__([3, 0, -1]) == [found[3], found[0], found[-1]]


@pytest.mark.parametrize("peer", ["tfrecord", "node"])
def test_we_read_the_examples_that_it_wrote(peer: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    answer(peer, "write-examples", path, items=NARROW + WIDE)
    assert examples_in(path) == as_lines(NARROW + WIDE)
    assert tfr.verify(path).sound
    assert [to_line(from_line(line)) for line in examples_in(path)] == examples_in(path)


def test_we_read_the_sequence_examples_that_tfrecord_wrote(tmp_path: Path) -> None:
    path = tmp_path / "a"
    answer("tfrecord", "write-sequences", path, items=SEQUENCES)
    found = []
    for record in tfr.read_records(path):
        context, lists = tfr.decode_sequence_example(record)
        features = {name: feature_of(value) for name, value in context.items()}
        found.append((features, {name: list(map(feature_of, values)) for name, values in lists.items()}))
    assert as_lines(found) == as_lines(SEQUENCES)


@pytest.mark.parametrize("peer", ["beam", "tfrecord", "node"])
def test_we_read_a_file_without_records_that_it_wrote(peer: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    answer(peer, "write-records" if peer == "beam" else "write-examples", path)
    assert list(tfr.read_records(path)) == []


def test_the_index_that_tfrecord_makes_is_ours(tmp_path: Path) -> None:
    path = write(tmp_path / "a", RECORDS)
    answer("tfrecord", "index", path, f"{path}.idx")
    index = tfr.RecordIndex.load(path)
    assert len(index) == len(RECORDS)
    assert tfr.RecordSource(path)[3] == RECORDS[3]
    assert Path(f"{path}.idx").read_text() == Path(index.save(tmp_path / "ours")).read_text()


# What they do not notice, all of which is an error to us.

SOUND = [encoded({"k": ("int64_list", [number])}) for number in range(3)]
FILE = frames(SOUND)
SIZE = len(FILE) // 3
DAMAGES = {
    "a bit of a length's CRC": flip_bit(FILE, SIZE + 9),
    "a bit of a record's CRC": flip_bit(FILE, 2 * SIZE - 1),
    "a header of 3 bytes at the end": cut_at(FILE + frame(SOUND[0]), 3 * SIZE + 3),
    "a header of 9 bytes at the end": cut_at(FILE + frame(SOUND[0]), 3 * SIZE + 9),
    "a record that is cut": cut_at(FILE, 3 * SIZE - 6),
    "a footer that is cut": cut_at(FILE, 3 * SIZE - 1),
}
CRCS = {"a bit of a length's CRC", "a bit of a record's CRC"}
UNNOTICED = {
    "tfrecord": CRCS,
    "grain": CRCS,
    "tfr_reader": CRCS | {"a header of 3 bytes at the end", "a footer that is cut"},
    "beam": set[str](),
    "node": set[str](),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("peer", UNNOTICED)
def test_damage_that_it_notices_and_that_it_does_not(peer: str, damage: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(DAMAGES[damage])
    with pytest.raises(tfr.TFRecordError):
        list(tfr.read_records(path))
    lines, error = ask(peer, "read-records", path)
    assert bool(error) == (damage not in UNNOTICED[peer])
    if not error:
        assert lines == as_lines(SOUND)


@pytest.mark.parametrize("peer", ["tfrecord", "grain", "tfr_reader"])
def test_it_gives_a_value_that_nobody_wrote(peer: str, tmp_path: Path) -> None:
    """A bit of the record itself: there are three who do not check its CRC."""
    path = tmp_path / "a"
    path.write_bytes(flip_bit(FILE, 2 * SIZE - 5))
    with pytest.raises(tfr.CorruptRecordError):
        list(tfr.read_records(path))
    assert answer(peer, "read-records", path)[1] == to_line(encoded({"k": ("int64_list", [0])}))


def test_beam_does_not_notice_a_gzip_file_without_its_checksum(tmp_path: Path) -> None:
    path = write(tmp_path / "a", SOUND, "GZIP")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(tfr.TruncatedRecordError):
        list(tfr.read_records(path))
    assert answer("beam", "read-records", path, "gzip") == as_lines(SOUND)


# What they read otherwise than it is there.


def test_tfrecord_gives_views_that_the_next_record_overwrites(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"one", b"two"])
    assert answer("tfrecord", "read-records-together", path) == as_lines([b"two", b"two"])


def test_tfrecord_cuts_nuls_off_the_ends_of_several_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [encoded({"k": ("bytes_list", [b"a\0", b"\0", b"bb"])})])
    assert answer("tfrecord", "read-examples", path) == as_lines([{"k": ("bytes_list", [b"a", b"", b"bb"])}])


def test_tfrecord_cannot_read_a_feature_without_a_kind(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [encoded({"k": None})])
    assert ask("tfrecord", "read-examples", path) == ([], "IndexError: list index out of range")


def test_tfrecord_cannot_read_by_an_index_of_one_record(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"alone"])
    index = tfr.RecordIndex.build(path).save()
    lines, error = ask("tfrecord", "read-shard", path, index, "0", "1")
    assert not lines
    assert error.startswith("IndexError")


def test_tfr_reader_cuts_integers_to_32_bits(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [encoded({"k": ("int64_list", [2**31, 2**40 + 7, -(2**63)])})])
    found = answer("tfr_reader", "read-examples", path)
    assert found == as_lines([{"k": ("int64_list", [-(2**31), 7, 0])}])


def test_tfr_reader_dies_of_a_feature_without_a_kind(tmp_path: Path) -> None:
    """It looks at the first of no fields: what comes of that is up to the memory, but never the example."""
    path = write(tmp_path / "a", [encoded({"k": None})])
    done = run("tfr_reader", "read-examples", path)
    assert done.returncode < 0 or "error" in done.stdout


def test_tfr_reader_cannot_read_integers_that_are_not_packed(tmp_path: Path) -> None:
    record = b"\n\x0b\n\x09\n\1k\x12\4\x1a\2\x08\5"
    assert tfr.decode_example(record)["k"].tolist() == [5]
    lines, error = ask("tfr_reader", "read-examples", write(tmp_path / "a", [record]))
    assert (lines, error) == ([], "Exception: Unsupported wire type: 0")


@pytest.mark.parametrize("older", ["the file", "the index"])
def test_tfr_reader_takes_the_name_of_our_index_for_its_own(older: str, tmp_path: Path) -> None:
    """Ours is written over; what it wrote is no index to us, and the headers are read instead."""
    path = write(tmp_path / "a", SOUND)
    index = Path(tfr.RecordIndex.build(path).save())
    os.utime(index if older == "the index" else path, (1, 1))
    assert answer("tfr_reader", "read-records", path, "save_index") == as_lines(SOUND)
    assert len(index.read_bytes()) == 8 + 24 * len(SOUND)
    with pytest.raises(tfr.IndexMismatchError):
        tfr.RecordIndex.load(path)
    assert list(tfr.RecordSource(path)) == SOUND


def test_npm_loses_a_feature_called_proto(tmp_path: Path) -> None:
    example: Example = {"__proto__": ("int64_list", [1]), "k": ("int64_list", [2])}
    path = write(tmp_path / "a", [encoded(example)])
    assert answer("node", "read-examples", path) == as_lines([{"k": ("int64_list", [2])}])


@pytest.mark.parametrize("peer", ["grain", "node", "tfr_reader"])
def test_it_cannot_read_gzip(peer: str, tmp_path: Path) -> None:
    lines, error = ask(peer, "read-records", write(tmp_path / "a", SOUND, "GZIP"))
    assert not lines
    assert error
