"""Sets of shards, appending and packing behind a URL: memory:// here, S3 in test_remote_s3.py."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from record_files import written

import tfrecord_lite as tfr
from tfrecord_lite import ShardedWriter, ShardError, TFRecordWriter, commit, plan_read, read_records, rollback
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.cli.main import main
from tfrecord_lite.files import remote
from tfrecord_lite.files.directory import split_path
from tfrecord_lite.files.remote_directory import RemoteDirectory

fsspec = pytest.importorskip("fsspec")

OLD, NEW = [b"old 0", b"old 1"], [b"new 0", b"new 1", b"new 2"]


def names(url: str) -> list[str]:
    return sorted(RemoteDirectory(url).sizes())


def contents(url: str) -> dict[str, bytes]:
    return {name: remote.read_bytes(f"{url}/{name}") for name in names(url)}


def shards(count: int, prefix: str = "train") -> list[str]:
    return [f"{prefix}-{number:05}-of-{count:05}" for number in range(count)]


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("s3://bucket/a/train", ("s3://bucket/a", "train")),
        ("s3://bucket/train", ("s3://bucket", "train")),
        ("memory://train", ("memory://", "train")),
        ("memory://a/", ("memory://a", "")),
        ("simplecache::s3://bucket/a/train", ("simplecache::s3://bucket/a", "train")),
        ("a/train", ("a", "train")),
        ("train", ("", "train")),
    ],
)
def test_a_path_is_a_directory_and_a_name(path: str, parts: tuple[str, str]) -> None:
    assert split_path(path) == parts


@pytest.mark.parametrize("place", ["memory://data", "memory://"])
@pytest.mark.parametrize("options", ["", "GZIP", tfr.TFRecordOptions("GZIP", seekable=True)])
@pytest.mark.parametrize("sizes", [{"num_shards": 3}, {"max_records": 40}, {"max_bytes": 4000}])
def test_a_set_behind_a_url_is_the_set_of_files(
    memory: str, tmp_path: Path, spool: Path, place: str, options: Any, sizes: dict[str, Any]
) -> None:
    prefix = place if place.endswith("/") else place + "/"
    for where in (f"{prefix}train", tmp_path / "train"):
        with ShardedWriter(where, options=options, **sizes) as writer:
            for number in range(100):
                writer.write(bytes([number]) * number)
    local = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    found = contents(place)
    assert {name for name in found if not name.startswith("_")} == {name for name in local if name[0] != "_"}
    for name in found:
        if not name.startswith("_MANIFEST"):
            assert found[name] == local[name]
    assert [info.path for info in writer.infos] == sorted(info.path for info in writer.infos)
    assert list(spool.iterdir()) == []
    assert sorted(read_records(place)) == [bytes([number]) * number for number in range(100)]


def test_until_it_is_closed_nothing_is_there_and_after_an_exception_what_was(memory: str, spool: Path) -> None:
    commit(written(f"{memory}/train", *[[record] for record in OLD]), f"{memory}/train")
    before = contents(memory)

    def fail() -> None:
        with ShardedWriter(f"{memory}/train", max_records=1) as writer:
            for record in NEW:
                writer.write(record)
            writer.flush()
            assert list(read_records(memory)) == OLD
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert contents(memory) == before
    assert list(spool.iterdir()) == []


def test_more_shards_than_files_may_be_open(memory: str, spool: Path) -> None:
    with ShardedWriter(f"{memory}/train", num_shards=300) as writer:
        for number in range(900):
            writer.write(str(number).encode())
    assert sorted(map(int, read_records(memory))) == [*range(900)]
    assert list(spool.iterdir()) == []


def test_a_server_that_only_gives_is_refused_before_anything_is_written(spool: Path) -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(OSError, match="reading only"):
        ShardedWriter("http://127.0.0.1:9/train", num_shards=2)
    assert list(spool.iterdir()) == []


def test_the_manifest_is_honoured(memory: str) -> None:
    prefix = f"{memory}/train"
    commit(written(prefix, [b"a", b"b"], [b"c"]), prefix)
    with TFRecordWriter(f"{memory}/train-00000-of-00009") as writer:
        writer.write(b"stray")
    with TFRecordWriter(f"{memory}/other.tfrecord") as writer:
        writer.write(b"other")
    assert list(read_records(memory)) == [b"other", b"a", b"b", b"c"]
    assert plan_read(f"{memory}/", 1) == [[f"{memory}/other.tfrecord", *(f"{memory}/{name}" for name in shards(2))]]
    assert plan_read([f"{memory}/{name}" for name in shards(2)], 2) == [[f"{memory}/{name}"] for name in shards(2)]
    with TFRecordWriter(f"{memory}/{shards(2)[1]}") as writer:
        writer.write(b"longer than it was")
    with pytest.raises(ShardError, match=r"train-00001-of-00002: 34 bytes long, but 17 bytes were written"):
        list(read_records(memory))
    fsspec.filesystem("memory").rm_file(f"/data/{shards(2)[1]}")
    with pytest.raises(FileNotFoundError, match="but it is missing"):
        list(read_records(memory))


def test_the_new_set_takes_the_place_of_the_older_one(memory: str) -> None:
    prefix = f"{memory}/train"
    for final in commit(written(prefix, *[[record] for record in OLD]), prefix):
        tfr.RecordIndex.build(final.path).save()
    commit(written(f"{memory}/val", [b"val"]), f"{memory}/val")
    infos = written(prefix, *[[record] for record in NEW])
    assert [info.path for info in commit(infos, prefix)] == [f"{memory}/{name}" for name in shards(3)]
    assert names(memory) == ["_MANIFEST.json", "_SUCCESS", *shards(3), *shards(1, "val")]
    assert commit(infos, prefix) == commit(None, prefix)
    commit(written(f"{memory}/all", [b"all"]), f"{memory}/all", others="replace")
    assert names(memory) == ["_MANIFEST.json", "_SUCCESS", *shards(1, "all")]
    with pytest.raises(FileExistsError, match="memory://data"):
        commit(written(prefix, NEW), prefix, others="refuse")


class Death(BaseException):
    """What a killed process does: nothing more, from here on."""


class Dying:
    """Every request that changes something may be the last one: at number `limit`, before or after it is done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.after = False
        memory = type(fsspec.filesystem("memory"))
        file = __import__("fsspec.implementations.memory", fromlist=["MemoryFile"]).MemoryFile
        for kind, name in ((memory, "cp_file"), (memory, "rm_file"), (file, "commit")):
            monkeypatch.setattr(kind, name, self._dying(getattr(kind, name)))

    def _dying(self, step: Any) -> Any:
        def patched(*arguments: Any, **options: Any) -> Any:
            self.left -= 1
            if not self.left and not self.after:
                raise Death
            result = step(*arguments, **options)
            if not self.left:
                raise Death
            return result

        return patched


def restored(store: dict[str, Any], state: dict[str, Any]) -> Iterator[int]:
    """1, 2, and so on, before each of which the store is what it was."""
    for number in range(1, 100):
        store.clear()
        store.update(state)
        yield number


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("then", ["commit", "commit None", "rollback", "another"])
def test_a_commit_that_ended_at_any_request_is_finished_or_undone(
    memory: str, monkeypatch: pytest.MonkeyPatch, then: str, after: bool
) -> None:
    prefix, store = f"{memory}/train", fsspec.filesystem("memory").store
    commit(written(prefix, *[[record] for record in OLD], []), prefix)  # of as many shards
    older = contents(memory)
    infos = written(prefix, *[[record] for record in NEW])
    states = []
    with monkeypatch.context() as patches:
        dying = Dying(patches)
        begin = dict(store)
        for limit in restored(store, begin):
            dying.left, dying.after = limit, after
            try:
                commit(infos, prefix)
            except Death:
                states.append(dict(store))
            else:
                break
        dying.left = 0
    newer = contents(memory)
    assert len(states) > 15
    undone = 0
    for state in states:
        store.clear()
        store.update(state)
        has_plan = any(name.startswith("_PLAN") for name in names(memory))
        if has_plan:
            with pytest.raises(ShardError, match="was interrupted: if it still runs, wait until it is done"):
                list(read_records(memory))
        if then == "commit":
            commit(infos, prefix)
            assert contents(memory) == newer
        elif then == "commit None":
            commit(None, prefix)
            if has_plan:
                assert contents(memory) == newer
        elif then == "rollback":
            is_new = contents(memory)["_MANIFEST.json"] == newer["_MANIFEST.json"]
            assert rollback(prefix) is (has_plan and not is_new)
            if has_plan:
                assert contents(memory) == (newer if is_new else older)
                undone += not is_new
        else:
            commit(written(prefix, [b"another"]), prefix)
            assert list(read_records(memory)) == [b"another"]
    assert then != "rollback" or undone > 10


def test_undoing_can_end_at_any_request_too(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix, store = f"{memory}/train", fsspec.filesystem("memory").store
    commit(written(prefix, *[[record] for record in OLD], []), prefix)
    RemoteDirectory(memory).remove(shards(3)[1:2])  # by whomever: one name is new
    older = contents(memory)
    infos = written(prefix, *[[record] for record in NEW])
    for step in (4, 6, 8, 10, 12):  # the plan, the mark, two away, three new ones, each copied and deleted
        with monkeypatch.context() as patches:
            dying = Dying(patches)
            begin = dict(store)
            for limit in restored(store, begin):
                dying.left, dying.after = step, False
                with pytest.raises(Death):
                    commit(infos, prefix)
                dying.left, dying.after = limit, bool(limit % 2)
                try:
                    rollback(prefix)
                except Death:
                    dying.left = 0
                    rollback(prefix)
                    assert {name: data for name, data in contents(memory).items() if name[0] != "."} == older
                else:
                    assert limit > 5
                    break
            store.clear()
            store.update(begin)


def test_functions_that_make_sets_make_them_behind_urls(memory: str, capfd: pytest.CaptureFixture[str]) -> None:
    with TFRecordWriter(f"{memory}/in.tfrecord") as writer:
        writer.write_columns({"n": np.arange(60)})
    summary = tfr.write_sharded(range(50), int_example, f"{memory}/ints", num_shards=4, workers=2)
    assert summary.records == 50
    assert main(["reshard", f"{memory}/in.tfrecord", "-o", f"{memory}/out/again", "--shards", "3"]) == 0
    assert sorted(int(e["n"][0]) for e in tfr.read_examples(f"{memory}/out")) == [*range(60)]
    assert main(["convert", f"{memory}/out", f"{memory}/rows.jsonl", "--shards", "2"]) == 0
    assert [name for name in names(memory) if "rows" in name] == [f"rows-0000{n}-of-00002.jsonl" for n in range(2)]
    assert main(["verify", f"{memory}/out", f"{memory}/ints-*"]) == 0
    assert capfd.readouterr().err.count("Traceback") == 0


def int_example(number: int) -> dict[str, Any]:
    return {"n": number}


def test_a_folder_is_packed_to_a_url_and_gone_on_with_after_a_crash(
    memory: str, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 8), (number * 40, 0, 0)).save(folder / name / f"{number}.png")
    expected = pack(folder, tmp_path / "local", num_shards=4, workers=1)
    taken = 0

    def stop(done: int, total: int) -> None:
        nonlocal taken
        taken = done
        if done >= 7:
            raise Death

    with pytest.raises(Death):
        pack(folder, f"{memory}/packed", num_shards=4, workers=1, progress=stop)
    assert list(spool.iterdir()) == []
    assert [name for name in names(memory) if not name.startswith(".")] == []
    summary = pack(folder, f"{memory}/packed", num_shards=4, workers=1)
    assert 0 < summary.resumed <= taken
    assert summary.records == 12
    assert names(memory) == ["_MANIFEST.json", "_SUCCESS", "_packed.labels.json", *shards(4, "packed")]
    assert json.loads(remote.read_bytes(f"{memory}/_packed.labels.json")) == {"0": "cat", "1": "dog"}
    for mine, theirs in zip(summary.parts[""], expected.parts[""], strict=True):
        assert remote.read_bytes(mine.path) == Path(theirs.path).read_bytes()


@pytest.mark.parametrize("options", [None, "GZIP"])
def test_appending_goes_on_with_what_is_there(memory: str, spool: Path, options: Any) -> None:
    url = f"{memory}/log.tfrecord"
    for batch in range(3):
        with TFRecordWriter(url, options, mode="a", index=True) as writer:
            for number in range(100):
                writer.write(b"%d" % (100 * batch + number))
            writer.flush()
            assert (tfr.count_records(url) if batch else remote.exists(url)) == 100 * batch
        assert [int(record) for record in read_records(url)] == [*range(100 * batch + 100)]
    assert tfr.RecordSource(url)[250] == b"250"
    assert list(spool.iterdir()) == []


def test_an_append_that_fails_leaves_what_was_there(memory: str, spool: Path) -> None:
    url = f"{memory}/log.tfrecord"
    with TFRecordWriter(url) as writer:
        writer.write(b"first")
    before = remote.read_bytes(url)

    def fail() -> None:
        with TFRecordWriter(url, mode="a", atomic=False) as writer:
            writer.write(b"second")
            writer.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert remote.read_bytes(url) == before
    writer = TFRecordWriter(url, mode="a")
    writer.write(b"second")
    with TFRecordWriter(url, mode="a") as other:
        other.write(b"faster")
    with pytest.raises(OSError, match="replaced or removed while it was appended to") as caught:
        writer.close()
    assert caught.value.filename == url
    assert list(read_records(url)) == [b"first", b"faster"]
    assert list(spool.iterdir()) == []


def test_an_append_looks_last_of_all_whether_somebody_else_was_faster(
    memory: str, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{memory}/log.tfrecord"
    with TFRecordWriter(url) as writer:
        writer.write(b"first")
    complete = remote.RemoteSink.complete

    def beaten(sink: remote.RemoteSink) -> None:
        complete(sink)
        monkeypatch.setattr(remote.RemoteSink, "complete", complete)
        with TFRecordWriter(url, mode="a") as other:
            other.write(b"faster")

    writer = TFRecordWriter(url, mode="a")
    writer.write(b"second")
    monkeypatch.setattr(remote.RemoteSink, "complete", beaten)
    with pytest.raises(OSError, match="replaced or removed while it was appended to"):
        writer.close()
    assert list(read_records(url)) == [b"first", b"faster"]
    assert list(spool.iterdir()) == []


def test_a_torn_tail_behind_a_url_is_cut_off_when_told_to(memory: str, spool: Path) -> None:
    url = f"{memory}/log.tfrecord"
    with TFRecordWriter(url) as writer:
        writer.write(b"first")
        writer.write(b"second")
    torn = remote.read_bytes(url)[:-3]
    remote.write_bytes(url, torn)
    with pytest.raises(tfr.TruncatedRecordError, match="repair_tail=True") as caught:
        TFRecordWriter(url, mode="a")
    assert (caught.value.path, caught.value.record_number) == (url, 1)
    assert remote.read_bytes(url) == torn
    with TFRecordWriter(url, mode="a", repair_tail=True) as writer:
        writer.write(b"third")
    assert list(read_records(url)) == [b"first", b"third"]
    with TFRecordWriter(f"{memory}/z", "ZLIB") as writer:
        writer.write(b"zlib")
    with pytest.raises(ValueError, match="memory://data/z' is ZLIB"):
        TFRecordWriter(f"{memory}/z", mode="a")
    assert os.listdir(spool) == []


def test_tables_are_read_from_urls(memory: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with TFRecordWriter(tmp_path / "in.tfrecord") as writer:
        writer.write_columns({"n": np.arange(3000), "text": [str(number).encode() for number in range(3000)]})
    for extension in ("parquet", "arrow", "npz", "csv", "jsonl"):
        assert main(["convert", str(tmp_path / "in.tfrecord"), f"{memory}/{extension}/table.{extension}"]) == 0
        back = f"{memory}/back.tfrecord"
        assert main(["convert", f"{memory}/{extension}/table.{extension}", back]) == 0
        assert [int(example["n"][0]) for example in tfr.read_examples(back)] == [*range(3000)]


def test_a_pattern_of_directories_stands_for_them(memory: str) -> None:
    for day in ("mon", "tue", "_wed"):
        commit(written(f"{memory}/{day}/train", [day.encode()]), f"{memory}/{day}/train")
    assert list(read_records(f"{memory}/*")) == [b"mon", b"tue"]


def test_missing_shards_are_looked_for_beside_those_that_are_named(memory: str) -> None:
    from tfrecord_lite.look.shard_sets import shard_sets

    commit(written(f"{memory}/train", [b"a"], [b"b"], [b"c"]), f"{memory}/train")
    RemoteDirectory(memory).remove(shards(3)[1:2])
    (facts,) = shard_sets([f"{memory}/{shards(3)[0]}"])
    assert (facts.found, facts.others, facts.missing) == (1, 1, ((1, 1),))


def test_lint_finds_what_is_missing_behind_a_url(memory: str, capfd: pytest.CaptureFixture[str]) -> None:
    for name in (shards(3)[0], shards(3)[2], shards(2)[1]):
        with TFRecordWriter(f"{memory}/{name}") as writer:
            writer.write_example({"n": 1})
    assert main(["lint", "--json", f"{memory}/train-*-of-00003"]) == 1
    *findings, _summary = map(json.loads, capfd.readouterr().out.splitlines())
    assert [(finding["rule"], finding["path"]) for finding in findings] == [("missing-shard", f"{memory}/train")]
    assert "1 of 3 shards are not there, train-00001-of-00003" in findings[0]["what"]
