"""Frames are moved as they are: to one file, to shards, some of them, each once."""

from __future__ import annotations

import errno
import io
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import collect, cut_at, flip_bit, frame, frames, theirs_v1
from hypothesis import given, settings
from hypothesis import strategies as st

import tfrecord_lite as tfr
from tfrecord_lite import surgery
from tfrecord_lite.files import remote
from tfrecord_lite.format import blocks
from tfrecord_lite.format.block import Block
from tfrecord_lite.format.blocks import BLOCK_SIZE, LARGE_FRAME, read_blocks
from tfrecord_lite.format.condition import Condition

COMPRESSIONS = ["", "GZIP", "ZLIB"]


def write(path: Path, records: list[bytes], options: Any = None) -> Path:
    with tfr.TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return path


@pytest.fixture
def records() -> list[bytes]:
    """Of every size that takes a way of its own, in several blocks."""
    generator = np.random.default_rng(1)
    sizes = [0, 1, 3000, LARGE_FRAME - 17, LARGE_FRAME, LARGE_FRAME + 1, 5, BLOCK_SIZE + 1, 0, *range(200, 1400)]
    return [generator.bytes(size) for size in sizes]


@pytest.fixture
def path(tmp_path: Path, records: list[bytes]) -> Path:
    return write(tmp_path / "data", records)


#: Every function that writes, by name: (paths, out, progress) -> what it says.
WRITERS: dict[str, Callable[..., surgery.Moved]] = {
    "merge": surgery.merge,
    "split": lambda paths, out, **rest: surgery.split(paths, out, max_records=100, **rest),
    "reshard": lambda paths, out, **rest: surgery.reshard(paths, out, 3, **rest),
    "shuffle": lambda paths, out, **rest: surgery.shuffle(paths, out, seed=1, memory=1 << 20, **rest),
    "shuffle to shards": lambda paths, out, **rest: surgery.shuffle(paths, out, seed=1, num_shards=3, **rest),
    "sample": lambda paths, out, **rest: surgery.sample(paths, out, fraction=0.5, seed=1, **rest),
    "filter": lambda paths, out, **rest: surgery.filter(paths, out, numbers=slice(0, None, 2), **rest),
    "dedupe": surgery.dedupe,
}
IN_TWO_PASSES = ["reshard", "sample", "dedupe"]


# Blocks give what was stored.


@given(
    sizes=st.lists(st.sampled_from([0, 1, 20, 500, LARGE_FRAME - 16, LARGE_FRAME + 1, 70_000]), max_size=40),
    seed=st.integers(0, 99),
    verify=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_block_gives_its_frames_as_they_were_stored(sizes: list[int], seed: int, verify: bool) -> None:
    generator = np.random.default_rng(seed)
    data = b"".join(frame(bytes(size)) for size in sizes)
    out, chosen_out, expected, each, crcs = [], [], [], [], []
    for block in read_blocks(io.BytesIO(data), verify=verify):
        chosen = generator.random(len(block)) < 0.5
        # CRCs first or frames first: the buffer is put in order once.
        crcs.append(block.stored_crcs().copy())
        chosen_out += [bytes(piece) for piece in block.chosen_frames(chosen).pieces]
        out += [bytes(piece) for piece in block.frames().pieces]
        expected += [one for one, is_chosen in zip(block.each_frame(), chosen, strict=True) if is_chosen]
        each += block.each_frame()
        assert not len(block.frames(1, 1))
    assert b"".join(out) == b"".join(each) == data
    assert each == [frame(bytes(size)) for size in sizes]
    assert b"".join(chosen_out) == b"".join(expected)
    assert [int(crc) for part in crcs for crc in part] == [
        int.from_bytes(frame(bytes(size))[-4:], "little") for size in sizes
    ]


def test_without_verification_a_block_gives_damaged_frames_as_they_are() -> None:
    data = flip_bit(frames([b"abc", b"defg"]), 14)
    assert (
        b"".join(bytes(p) for block in read_blocks(io.BytesIO(data), verify=False) for p in block.frames().pieces)
        == data
    )


def test_good_frames_before_damage_are_given_as_they_were_stored() -> None:
    data = frames([b"abc"] * 100)
    each = (frame for block in read_blocks(io.BytesIO(flip_bit(data, 19 * 60 + 13))) for frame in block.each_frame())
    found, error = collect(each, tfr.CorruptRecordError)
    assert b"".join(found) == data[: 19 * 60]
    assert error is not None


def test_records_can_still_be_read_from_a_block_that_gave_its_frames() -> None:
    for block in read_blocks(io.BytesIO(frames([b"abc", b"", b"defg"]))):
        block.frames()
        assert block.records() == [b"abc", b"", b"defg"]
    assert Block.of_record(b"xyz").each_frame() == [frame(b"xyz")]


# merge, split, reshard


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_merge_gives_the_frames_of_all_files_in_order(
    tmp_path: Path, path: Path, records: list[bytes], compression: str
) -> None:
    second = write(tmp_path / "second", records[:7], compression)
    write(tmp_path / "glob-1", [b"one"])
    write(tmp_path / "glob-2", [b"two"])
    moved = surgery.merge([path, second, tmp_path / "glob-*"], tmp_path / "out")
    everything = [*records, *records[:7], b"one", b"two"]
    plain = write(tmp_path / "plain", everything).read_bytes()
    assert (tmp_path / "out").read_bytes() == plain
    assert moved.read == moved.written == len(everything)
    assert moved.files == (surgery.WrittenFile(str(tmp_path / "out"), len(everything), len(plain)),)
    assert theirs_v1(tmp_path / "out") == (everything, None)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_outputs_are_compressed_if_asked_for(
    tmp_path: Path, path: Path, records: list[bytes], compression: str
) -> None:
    surgery.merge(path, tmp_path / "out", options=compression)
    assert theirs_v1(tmp_path / "out", compression) == (records, None)
    surgery.split(path, tmp_path / "shard", num_shards=2, options=compression)
    for shard in sorted(tmp_path.glob("shard-*")):
        with tfr.TFRecordReader(shard) as reader:
            assert reader.compression_type == compression
    assert list(tfr.read_records(tmp_path / "shard-*")) == records


@pytest.mark.parametrize("num_shards", [1, 2, 7, 1300])
def test_shards_follow_each_other_and_are_equally_long(
    tmp_path: Path, path: Path, records: list[bytes], num_shards: int
) -> None:
    moved = surgery.reshard(path, tmp_path / "s", num_shards)
    names = [f"s-{number:05}-of-{num_shards:05}" for number in range(num_shards)]
    assert sorted(file.name for file in tmp_path.glob("s-*")) == names
    assert [file.path for file in moved.files] == [str(tmp_path / name) for name in names]
    assert b"".join((tmp_path / name).read_bytes() for name in names) == path.read_bytes()
    counts = [tfr.count_records(tmp_path / name) for name in names]
    assert max(counts) - min(counts) <= 1
    assert counts == [file.records for file in moved.files]
    assert [file.size for file in moved.files] == [(tmp_path / name).stat().st_size for name in names]


def test_shards_are_full_before_the_next_one_begins(tmp_path: Path, path: Path, records: list[bytes]) -> None:
    moved = surgery.split(path, tmp_path / "s", max_records=100)
    assert [file.records for file in moved.files] == [100] * 12 + [len(records) - 1200]
    moved = surgery.split(path, tmp_path / "b", max_bytes=50_000)
    sizes = [len(record) + 16 for record in records]
    for file, following in zip(moved.files, moved.files[1:], strict=False):
        done = sum(other.records for other in moved.files[: moved.files.index(file) + 1])
        assert file.size <= 50_000 or file.records == 1
        assert file.size + sizes[done] > 50_000, following
    assert list(tfr.read_records(tmp_path / "b-*")) == records
    both = surgery.split(path, tmp_path / "c", max_records=100, max_bytes=50_000)
    assert all(file.records <= 100 and (file.size <= 50_000 or file.records == 1) for file in both.files)
    assert list(tfr.read_records(tmp_path / "c-*")) == records


@pytest.mark.parametrize(
    "arguments", [{}, {"num_shards": 2, "max_records": 1}, {"num_shards": 0}, {"max_bytes": -1}, {"max_records": 0}]
)
def test_a_split_that_is_not_clear_is_refused_before_any_work(
    tmp_path: Path, path: Path, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError):
        surgery.split(path, tmp_path / "s", **arguments)
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("prefix", ["", "directory/"])
def test_a_prefix_without_a_name_is_refused(path: Path, prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        surgery.split(path, prefix, max_records=1)


# What holds for all of them.


@pytest.mark.parametrize("name", WRITERS)
def test_tensorflow_reads_what_was_written(tmp_path: Path, path: Path, records: list[bytes], name: str) -> None:
    moved = WRITERS[name](path, tmp_path / "out")
    read = [record for file in moved.files for record in theirs_v1(str(file.path))[0]]
    assert len(read) == moved.written
    assert not set(read) - set(records)
    assert moved.read == len(records)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_damage_raises_and_leaves_nothing(tmp_path: Path, records: list[bytes], name: str, compression: str) -> None:
    data = write(tmp_path / "whole", records, compression).read_bytes()
    damaged = tmp_path / "damaged"
    for harmed in (cut_at(data, len(data) - 3), flip_bit(data, len(data) // 2)):
        damaged.write_bytes(harmed)
        with pytest.raises(tfr.TFRecordError) as caught:
            WRITERS[name]([tmp_path / "whole", damaged], tmp_path / "out")
        assert caught.value.path == str(damaged)
        assert caught.value.record_number is not None
        assert caught.value.offset is not None
        assert sorted(os.listdir(tmp_path)) == ["damaged", "whole"]


@pytest.mark.parametrize("name", WRITERS)
def test_no_records_make_sound_outputs(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").write_bytes(b"")
    moved = WRITERS[name](tmp_path / "empty", tmp_path / "out")
    assert (moved.read, moved.written) == (0, 0)
    assert moved.files
    for file in moved.files:
        assert theirs_v1(str(file.path)) == ([], None)


@pytest.mark.parametrize("name", WRITERS)
def test_an_output_may_be_an_input(tmp_path: Path, path: Path, records: list[bytes], name: str) -> None:
    elsewhere = WRITERS[name](path, tmp_path / "elsewhere")
    out = tmp_path / "out"
    first = path.rename(str(elsewhere.files[0].path).replace("elsewhere", "out"))
    moved = WRITERS[name](first, out)
    for file, other in zip(moved.files, elsewhere.files, strict=True):
        assert Path(str(file.path)).read_bytes() == Path(str(other.path)).read_bytes()


@pytest.mark.parametrize("name", WRITERS)
def test_an_output_that_cannot_be_written_is_known_by_its_name(tmp_path: Path, path: Path, name: str) -> None:
    with pytest.raises(OSError, match="missing") as caught:
        WRITERS[name](path, tmp_path / "missing" / "out")
    assert caught.value.errno == errno.ENOENT
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_input_leaves_the_output_alone(tmp_path: Path, path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        WRITERS[name]([path, tmp_path / "missing"], tmp_path / "out")
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
def test_an_interruption_leaves_nothing(tmp_path: Path, path: Path, name: str) -> None:
    def interrupt(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        WRITERS[name](path, tmp_path / "out", progress=interrupt)
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_progress_grows_to_all(tmp_path: Path, records: list[bytes], name: str, compression: str) -> None:
    sources = [write(tmp_path / f"{number}", records, compression) for number in range(2)]
    seen: list[tuple[int, int]] = []
    WRITERS[name](sources, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    done = [number for number, _ in seen]
    assert done == sorted(done)
    assert len({total for _, total in seen}) == 1
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("name", sorted(set(WRITERS) - set(IN_TWO_PASSES)))
def test_a_stream_is_an_input_like_any_other(tmp_path: Path, path: Path, name: str) -> None:
    WRITERS[name](path, tmp_path / "from a file")
    moved = WRITERS[name](io.BytesIO(path.read_bytes()), tmp_path / "from a stream")
    for file in moved.files:
        same = Path(str(file.path).replace("a stream", "a file"))
        assert Path(str(file.path)).read_bytes() == same.read_bytes()


@pytest.mark.parametrize("name", IN_TWO_PASSES)
@pytest.mark.parametrize("source", [io.BytesIO(), "-"], ids=["object", "stdin"])
def test_what_has_to_be_read_twice_is_no_stream(tmp_path: Path, name: str, source: Any) -> None:
    with pytest.raises(ValueError, match="read twice"):
        WRITERS[name](source, tmp_path / "out")
    assert os.listdir(tmp_path) == []


@pytest.fixture
def bucket() -> Iterator[str]:
    """A directory in memory, by its URL."""
    fsspec = pytest.importorskip("fsspec")
    yield "memory://surgery"
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_urls_are_read_as_often_as_files(
    tmp_path: Path, bucket: str, records: list[bytes], name: str, compression: str
) -> None:
    for number, part in enumerate((records, records[::2])):
        path = write(tmp_path / f"data-{number}", part, compression)
        remote.write_bytes(f"{bucket}/data-{number}", path.read_bytes())
    seen: list[tuple[int, int]] = []
    moved = WRITERS[name](f"{bucket}/data-*", tmp_path / "out", progress=lambda *facts: seen.append(facts))
    same = WRITERS[name](tmp_path / "data-*", tmp_path / "same")
    for file, other in zip(moved.files, same.files, strict=True):
        assert Path(str(file.path)).read_bytes() == Path(str(other.path)).read_bytes()
    assert seen[-1][0] == seen[-1][1] > 0


@pytest.mark.parametrize("name", [name for name in WRITERS if name not in ("split", "reshard", "shuffle to shards")])
def test_an_output_may_be_a_file_object(tmp_path: Path, path: Path, name: str) -> None:
    out = io.BytesIO()
    moved = WRITERS[name](path, out)
    WRITERS[name](path, tmp_path / "out")
    assert out.getvalue() == (tmp_path / "out").read_bytes()
    assert moved.files[0].path is None


def test_a_file_is_not_written_while_it_is_read(tmp_path: Path, path: Path) -> None:
    before = path.read_bytes()
    with open(path, "ab") as out, pytest.raises(ValueError, match="the output is an input"):
        surgery.merge(path, out)
    assert path.read_bytes() == before


def test_an_input_that_changes_between_two_passes_is_an_error(tmp_path: Path, path: Path) -> None:
    size = path.stat().st_size

    def grow(done: int, total: int) -> None:
        if done > total / 2 and path.stat().st_size == size:
            with open(path, "ab") as file:
                file.write(frame(b"more"))

    with pytest.raises(tfr.TFRecordError, match="read again"):
        surgery.reshard([path], tmp_path / "s", 2, progress=grow)
    assert os.listdir(tmp_path) == ["data"]


def test_what_was_moved_is_told_to_people_and_programs(tmp_path: Path, path: Path, records: list[bytes]) -> None:
    moved = surgery.filter(path, tmp_path / "out\n", numbers=[0])
    assert str(moved).endswith(f"out\\n: 1 record, 16 bytes\n1 of {len(records)} records written")
    assert moved.as_dict() == {
        "read": len(records),
        "written": 1,
        "files": [{"path": str(tmp_path / "out\n"), "records": 1, "bytes": 16}],
    }
    assert pickle.loads(pickle.dumps(moved)) == moved


# filter


@pytest.mark.parametrize(
    "numbers",
    [slice(5), slice(3, 1000), slice(None, None, 7), slice(1200, 99999), range(10, 0, -3), {3, 1100, 0}, [5, 5, 4], []],
    ids=str,
)
def test_records_are_chosen_by_their_numbers(tmp_path: Path, path: Path, records: list[bytes], numbers: Any) -> None:
    second = write(tmp_path / "second", records)
    everything = records + records
    surgery.filter([path, second], tmp_path / "out", numbers=numbers)
    wanted = set(range(len(everything))[numbers] if isinstance(numbers, slice) else numbers)
    expected = [record for number, record in enumerate(everything) if number in wanted]
    assert list(tfr.read_records(tmp_path / "out")) == expected


@pytest.mark.parametrize("numbers", [slice(-3, None), slice(None, -1), slice(None, None, -1), [-1]], ids=str)
def test_numbers_from_the_end_are_refused(tmp_path: Path, path: Path, numbers: Any) -> None:
    with pytest.raises(ValueError, match="counted from 0"):
        surgery.filter(path, tmp_path / "out", numbers=numbers)


@pytest.mark.parametrize("mask", [np.ones(5, bool), [True, False]], ids=["array", "list"])
def test_a_mask_is_refused_with_the_way_to_numbers(tmp_path: Path, path: Path, mask: Any) -> None:
    with pytest.raises(TypeError, match=r"not a mask: np\.flatnonzero"):
        surgery.filter(path, tmp_path / "out", numbers=mask)


@pytest.mark.parametrize("number", [1209, 2**70])
def test_a_record_that_is_not_there_cannot_be_chosen(
    tmp_path: Path, path: Path, records: list[bytes], number: int
) -> None:
    with pytest.raises(IndexError, match=f"there are {len(records)}"):
        surgery.filter(path, tmp_path / "out", numbers=[0, number])
    assert os.listdir(tmp_path) == ["data"]


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    path = tmp_path / "examples"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(500):
            example: dict[str, Any] = {
                "label": number % 10,
                "score": np.float32(number % 7 / 10),
                "image/class/text": ["cat", "dog", "köttur"][number % 3],
                "ids": [number, number + 1],
                "image/height": number,
            }
            if number % 5 == 0:
                example["rare"] = [None, np.empty(0, np.int64), 1][number % 3]
            writer.write_example(example)
    return path


CONDITIONS: dict[str, Callable[[int], bool]] = {
    "label == 3": lambda n: n % 10 == 3,
    "label != 3": lambda n: n % 10 != 3,
    "label < 3 and label >= 1": lambda n: 1 <= n % 10 < 3,
    "label > 8.5": lambda n: n % 10 > 8.5,
    "label <= 0": lambda n: n % 10 <= 0,
    "label in (1, 2)": lambda n: n % 10 in (1, 2),
    "label not in [1, 2]": lambda n: n % 10 not in (1, 2),
    "label >= -1": lambda n: True,
    "score == 0.3": lambda n: n % 7 == 3,
    "score in (0.3, 0.6)": lambda n: n % 7 in (3, 6),
    "'image/class/text' == 'cat'": lambda n: n % 3 == 0,
    '"image/class/text" in ("dog", b"k\\xc3\\xb6ttur")': lambda n: n % 3 != 0,
    "image/height < 20": lambda n: n < 20,
    "7 in ids": lambda n: n in (6, 7),
    "7 not in ids": lambda n: n not in (6, 7),
    "ids == 7": lambda n: n == 7,
    "rare == 1": lambda n: n % 15 == 5,
    "rare != 1": lambda n: False,
    "1 in rare": lambda n: n % 15 == 5,
    "1 not in rare": lambda n: n % 15 != 5,
    "label == 3 and image/height > 100 and score < 0.45": lambda n: n % 10 == 3 and n > 100 and n % 7 < 4.5,
}


@pytest.mark.parametrize("text", CONDITIONS)
def test_records_are_chosen_by_a_condition(tmp_path: Path, examples: Path, text: str) -> None:
    moved = surgery.filter(examples, tmp_path / "out", text)
    numbers = [int(example["image/height"][0]) for example in tfr.read_examples(tmp_path / "out")]
    assert numbers == [number for number in range(500) if CONDITIONS[text](number)]
    assert moved.read == 500
    surgery.filter(examples, tmp_path / "by number", numbers=numbers)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "by number").read_bytes()


def test_records_are_chosen_by_a_function(tmp_path: Path, examples: Path) -> None:
    seen: list[set[str]] = []

    def is_wanted(example: Any) -> bool:
        seen.append(set(example))
        return bool(sum(example["ids"]) % 3 == 0)

    surgery.filter(examples, tmp_path / "out", is_wanted, keys=["ids"], numbers=range(100))
    assert [int(e["ids"][0]) for e in tfr.read_examples(tmp_path / "out")] == [n for n in range(100) if n % 3 == 1]
    assert all(keys == {"ids"} for keys in seen)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "label",
        "label == ",
        "label = 3",
        "label == 3 or label == 4",
        "not label == 3",
        "0 < label < 3",
        "label == other",
        "label == __import__('os')",
        "f(label) == 3",
        "label[0] == 3",
        "label is 3",
        "label == None",
        "label == (1, 2)",
        "label in (1, 'a')",
        "label in ()",
        "3 == label",
        "label == 1j",
        "class == 3",
        "label == 1" + "0" * 400,
        "label == 3\0",
        "(" * 10_000 + "label" + ")" * 10_000,
        "a == " + "-" * 100_000 + "1",
    ],
    ids=lambda text: text[:30].replace("\0", "NUL"),
)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_no_condition_is_refused_before_any_work(tmp_path: Path, examples: Path, text: str) -> None:
    with pytest.raises(ValueError):
        surgery.filter(examples, tmp_path / "out", text)
    assert os.listdir(tmp_path) == ["examples"]


def test_a_condition_knows_its_features() -> None:
    assert Condition("a.b/c == 1 and 'x y' in ('1',) and 3 in d").keys == {"a.b/c", "x y", "d"}


@pytest.mark.parametrize("text", ["nosuch == 3", "label == 3 and nosuch != 1", "1 not in nosuch"])
def test_a_feature_that_no_record_has_is_an_error(tmp_path: Path, examples: Path, text: str) -> None:
    with pytest.raises(tfr.FeatureError, match=r"^no record has a feature 'nosuch'$"):
        surgery.filter(examples, tmp_path / "out", text)
    assert os.listdir(tmp_path) == ["examples"]
    (tmp_path / "empty").write_bytes(b"")
    assert surgery.filter(tmp_path / "empty", tmp_path / "out", text).written == 0


def test_what_a_function_raises_is_the_cause_of_an_error_that_names_the_record(tmp_path: Path, examples: Path) -> None:
    with pytest.raises(tfr.FeatureError, match=r"record #1 at offset .*KeyError") as caught:
        surgery.filter(examples, tmp_path / "out", lambda example: example["rare"] is None)
    assert (caught.value.path, caught.value.record_number) == (str(examples), 1)
    assert isinstance(caught.value.__cause__, KeyError)
    assert os.listdir(tmp_path) == ["examples"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("label == 'cat'", "int64, and is compared with text"), ("'image/class/text' > 3", "bytes, and is compared with")],
)
def test_a_comparison_with_another_kind_names_the_record(
    tmp_path: Path, examples: Path, text: str, message: str
) -> None:
    with pytest.raises(tfr.FeatureError, match=message) as caught:
        surgery.filter(examples, tmp_path / "out", text)
    assert (caught.value.path, caught.value.record_number, caught.value.offset) == (str(examples), 0, 0)
    assert os.listdir(tmp_path) == ["examples"]


def test_a_record_that_is_no_example_cannot_be_compared(tmp_path: Path, examples: Path) -> None:
    with open(examples, "ab") as file:
        file.write(frame(b"\xff"))
    with pytest.raises(tfr.DecodeError, match="record #500 at offset") as caught:
        surgery.filter(examples, tmp_path / "out", "label == 3")
    assert caught.value.path == str(examples)
    surgery.filter(examples, tmp_path / "out", "label == 3", numbers=slice(0, 10))


@pytest.mark.parametrize("arguments", [{}, {"where": "a == 1", "keys": ["a"]}, {"numbers": [1], "keys": ["a"]}])
def test_a_filter_that_is_not_clear_is_refused(tmp_path: Path, path: Path, arguments: Any) -> None:
    with pytest.raises(ValueError):
        surgery.filter(path, tmp_path / "out", **arguments)


# sample


@pytest.mark.parametrize(("arguments", "count"), [({"count": 10}, 10), ({"fraction": 0.25}, 302), ({"count": 0}, 0)])
def test_a_sample_is_exact_repeatable_and_in_order(
    tmp_path: Path, path: Path, records: list[bytes], arguments: dict[str, Any], count: int
) -> None:
    numbered = write(tmp_path / "numbered", [b"%d" % number for number in range(len(records))])
    samples = []
    for seed in (1, 1, 2):
        surgery.sample(numbered, tmp_path / "out", seed=seed, **arguments)
        samples.append([int(record) for record in tfr.read_records(tmp_path / "out")])
    assert samples[0] == samples[1] == sorted(set(samples[0]))
    assert len(samples[0]) == len(samples[2]) == count
    assert samples[0] != samples[2] or not count


def test_every_choice_is_as_likely_as_any_other(tmp_path: Path) -> None:
    path = write(tmp_path / "a", [b"a", b"b", b"c", b"d"])
    counts: dict[bytes, int] = {}
    for seed in range(600):
        out = io.BytesIO()
        surgery.sample(path, out, count=2, seed=seed)
        counts[out.getvalue()] = counts.get(out.getvalue(), 0) + 1
    assert len(counts) == 6
    assert all(60 <= count <= 140 for count in counts.values()), counts


@pytest.mark.parametrize(
    "arguments", [{}, {"count": 1, "fraction": 0.5}, {"count": -1}, {"fraction": 1.5}, {"count": 99_999}]
)
def test_a_sample_that_cannot_be_drawn_is_refused(tmp_path: Path, path: Path, arguments: Any) -> None:
    with pytest.raises(ValueError):
        surgery.sample(path, tmp_path / "out", **arguments)
    assert os.listdir(tmp_path) == ["data"]


# dedupe


@pytest.mark.parametrize("compressions", [["", ""], ["GZIP", ""], ["", "ZLIB"], ["GZIP", "GZIP"]])
def test_each_record_is_kept_once_at_its_first_place(
    tmp_path: Path, records: list[bytes], compressions: list[str]
) -> None:
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(records)), 2)).tolist()
    repeated = [records[number] for number in order]
    half = len(repeated) // 3
    write(tmp_path / "1", repeated[:half], compressions[0])
    write(tmp_path / "2", repeated[half:], compressions[1])
    moved = surgery.dedupe([tmp_path / "1", tmp_path / "2"], tmp_path / "out")
    expected = list(dict.fromkeys(repeated))
    assert list(tfr.read_records(tmp_path / "out")) == expected
    assert (moved.read, moved.written) == (len(repeated), len(expected))


def same_crc(count: int) -> list[bytes]:
    """Different records of 8 bytes with the same CRC-32C: the last four bytes make up for the first."""
    from tfrecord_lite.format.crc32c import value

    # A CRC is affine: find what each bit of the last four bytes does to it, and solve for the target.
    base = value(bytes(8))
    effects = [value(bytes(4) + (1 << bit).to_bytes(4, "little")) ^ base for bit in range(32)]
    found = []
    for first in range(count):
        head = first.to_bytes(4, "little")
        wanted, tail = value(head + bytes(4)) ^ base, 0
        rows = [(effect, 1 << bit) for bit, effect in enumerate(effects)]
        for bit in reversed(range(32)):
            pivot = next((row for row in rows if row[0] >> bit & 1), None)
            if pivot is None:
                continue
            rows.remove(pivot)
            rows = [(e ^ pivot[0], m ^ pivot[1]) if e >> bit & 1 else (e, m) for e, m in rows]
            if wanted >> bit & 1:
                wanted, tail = wanted ^ pivot[0], tail ^ pivot[1]
        found.append(head + tail.to_bytes(4, "little"))
    assert len({value(record) for record in found}) == 1
    assert len(set(found)) == count
    return found


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_with_the_same_crc_and_length_are_compared(tmp_path: Path, compression: str) -> None:
    alike = same_crc(4)
    order = [0, 1, 0, 2, 1, 1, 3, 3, 2, 0]
    path = write(tmp_path / "a", [alike[number] for number in order], compression)
    surgery.dedupe(path, tmp_path / "out")
    assert list(tfr.read_records(tmp_path / "out")) == alike


def test_blocks_of_all_sizes_are_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(3)
    records = [generator.bytes(int(size)) for size in generator.integers(0, 400, 300)]
    path = write(tmp_path / "a", records)
    monkeypatch.setattr(blocks, "BLOCK_SIZE", 1024)
    surgery.merge(path, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    surgery.split(path, tmp_path / "s", max_bytes=3000)
    assert list(tfr.read_records(tmp_path / "s-*")) == records
    surgery.shuffle(path, tmp_path / "once", seed=1)
    monkeypatch.undo()
    surgery.shuffle(path, tmp_path / "again", seed=1)
    assert (tmp_path / "once").read_bytes() == (tmp_path / "again").read_bytes()
