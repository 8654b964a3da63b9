"""URLs: memory:// and a server of files over HTTP; S3 in test_remote_s3.py."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import FileServer, file_server

import tfrecord_lite as tfr
from tfrecord_lite import (
    CorruptRecordError,
    TFRecordReader,
    TFRecordWriter,
    count_records,
    infer_schema,
    read_batches,
    read_examples,
    read_records,
    verify,
)
from tfrecord_lite.cli.main import main
from tfrecord_lite.files import remote
from tfrecord_lite.files.member_reader import MemberReader
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.files.remote import BLOCK_SIZE, RemoteSink, is_url
from tfrecord_lite.files.remote_ranges import RemoteRanges
from tfrecord_lite.files.remote_stream import RemoteStream

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def server() -> Iterator[FileServer]:
    pytest.importorskip("aiohttp")
    with file_server() as server:
        yield server


def write(path: Any, *records: bytes, options: Any = None) -> str:
    with TFRecordWriter(path, options) as writer:
        for record in records:
            writer.write(record)
    return str(path)


def fail_while_writing(url: str) -> None:
    with TFRecordWriter(url, atomic=False) as writer:
        writer.write(bytes(1 << 20))
        writer.flush()
        raise ZeroDivisionError


def content(tmp_path: Path, *records: bytes, options: Any = None) -> bytes:
    return Path(write(tmp_path / "content", *records, options=options)).read_bytes()


def many_records(total: int) -> list[bytes]:
    """Small and large ones, of so many bytes at least."""
    generator = np.random.default_rng(total)
    records: list[bytes] = []
    while total > 0:
        records += [generator.bytes(int(size)) for size in generator.integers(0, 2000, 50)]
        records.append(generator.bytes(100_000))
        total -= sum(map(len, records[-51:]))
    return records


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("s3://bucket/a", True),
        ("simplecache::s3://bucket/a", True),
        ("zip://a.tfrecord::http://host/a.zip", True),
        ("memory://a", True),
        ("C://windows/a", False),
        ("C:\\windows\\a", False),
        ("a/b://c", False),
        ("://a", False),
        ("s3:/bucket/a", False),
        ("train::a", False),
        ("-", False),
    ],
)
def test_what_is_a_url(text: str, answer: bool) -> None:
    assert is_url(text) == answer


@pytest.mark.parametrize("options", [None, "GZIP", "ZLIB"])
def test_what_is_written_to_a_url_is_what_a_file_holds(memory: str, tmp_path: Path, options: Any) -> None:
    records = [b"", b"a", bytes(100_000), b"b" * 3000]
    url = write(f"{memory}/a.tfrecord", *records, options=options)
    assert remote.read_bytes(url) == content(tmp_path, *records, options=options)
    with TFRecordReader(url) as reader:
        assert list(reader) == records
        assert reader.name == url
        assert reader.compression_type == (options or "")


def test_everything_that_reads_reads_urls(memory: str, capfd: pytest.CaptureFixture[str]) -> None:
    url = f"{memory}/a.tfrecord"
    with TFRecordWriter(url, "GZIP") as writer:
        writer.write_columns({"label": np.arange(3000)})
    assert len(list(read_records(url))) == count_records(url) == verify(url).records == 3000
    assert [example["label"].tolist() for example in read_examples(url)][2999] == [2999]
    batches = list(read_batches([url, url], batch_size=2000))
    assert np.array_equal(np.concatenate([batch["label"] for batch in batches]), [*range(3000)] * 2)
    assert list(infer_schema(url).features) == ["label"]
    assert main(["count", url]) == main(["verify", url]) == main(["head", "-n", "1", url]) == 0
    assert f"3000\t{url}\n" in capfd.readouterr().out
    assert main(["info", "--json", url]) == 0
    assert json.loads(capfd.readouterr().out)["files"][0]["bytes"] == remote.size(url) == len(remote.read_bytes(url))


def test_an_index_lies_beside_a_url_and_any_record_is_reached(memory: str) -> None:
    url = f"{memory}/a.tfrecord"
    records = [bytes([number]) * (number * 97) for number in range(200)]
    with tfr.TFRecordWriter(url, index=True) as writer:
        for record in records:
            writer.write(record)
    assert len(tfr.RecordIndex.load(url)) == 200
    assert list(tfr.read_records(memory)) == records  # the index is no data
    source = tfr.RecordSource(url)
    assert source[-1] == records[-1]
    assert source.__getitems__([150, 3, 77, 3, 0, 9, 11, 199, 5]) == [
        records[number] for number in (150, 3, 77, 3, 0, 9, 11, 199, 5)
    ]
    write(url, b"another")
    with pytest.raises(tfr.IndexMismatchError, match="made for a file of"):
        tfr.RecordIndex.load(url)
    assert tfr.RecordSource(url, save_index=True)[:] == [b"another"]
    assert len(tfr.RecordIndex.load(url)) == 1


@pytest.mark.parametrize("index", [True, False])
def test_seekable_gzip_at_a_url_is_entered_anywhere(memory: str, index: bool) -> None:
    generator = np.random.default_rng(2)
    records = [generator.bytes(int(size)) for size in [*generator.integers(0, 3000, 700), 6 << 20, 5]]
    url = f"{memory}/s.tfrecord"
    with TFRecordWriter(url, tfr.TFRecordOptions("GZIP", seekable=True), index=index) as writer:
        for record in records:
            writer.write(record)
    source = tfr.RecordSource(url)
    numbers = generator.permutation(len(records)).tolist()
    assert source.__getitems__(numbers) == [records[number] for number in numbers]
    again = pickle.loads(pickle.dumps(source))
    assert [again[number] for number in numbers[:20]] == [records[number] for number in numbers[:20]]
    assert again[-2] == records[-2]
    write(url, b"another", options=tfr.TFRecordOptions("GZIP", seekable=True))
    with pytest.raises(tfr.IndexMismatchError, match="changed after"):
        pickle.loads(pickle.dumps(source))[0]


@pytest.mark.parametrize("options", ["GZIP", "ZLIB"])
def test_what_is_compressed_in_one_piece_at_a_url_is_refused_with_what_is_needed(memory: str, options: str) -> None:
    url = write(f"{memory}/a", b"a record", options=options)
    with pytest.raises(io.UnsupportedOperation, match=f"{url}: .*plain file or seekable GZIP, and this is {options}"):
        tfr.RecordSource(url)


def test_members_at_a_url_are_found_and_fetched_with_few_requests(server: FileServer, tmp_path: Path) -> None:
    records = many_records(8 << 20)
    options = tfr.TFRecordOptions("GZIP", seekable=True)
    server.files["/a"] = content(tmp_path, *records, options=options)
    with MemberReader(tmp_path / "content") as local, MemberReader(server.url("/a")) as reader:
        assert reader.members == local.members
        assert len(server.ranges()) <= len(reader.members) + 1
        starts = [member.offset for member in reader.members[::2]]
        server.requests.clear()
        assert reader.read(starts[3] + 9, 100) == local.read(starts[3] + 9, 100)
        assert len(server.ranges()) == 1
        server.requests.clear()
        offsets, sizes = np.array(starts[::-1] * 2), np.array([70, 400_000, *[90] * (2 * len(starts) - 2)])
        assert reader.read_many(offsets, sizes) == local.read_many(offsets, sizes)
        fetched = sum(end - begin for begin, end in server.ranges())
        assert fetched < 0.7 * len(server.files["/a"])


def test_a_damaged_member_at_a_url_is_named_with_it(memory: str) -> None:
    url = f"{memory}/a"
    generator = np.random.default_rng(3)
    write(url, *[generator.bytes(3000) for _ in range(400)], options=tfr.TFRecordOptions("GZIP", seekable=True))
    source = tfr.RecordSource(url)
    store = fsspec.filesystem("memory").store
    store["/data/a"].getbuffer()[len(store["/data/a"].getbuffer()) // 2] ^= 1
    with pytest.raises(CorruptRecordError, match="compression") as caught:
        source[:]
    assert (caught.value.path, caught.value.part) == (url, "compression")
    assert len(source[0]) == len(source[-1]) == 3000


def test_an_empty_file_at_a_url_is_a_source_of_no_records(memory: str) -> None:
    url = write(f"{memory}/a")
    for _ in range(2):
        source = tfr.RecordSource(url, save_index=True)
        assert len(source) == 0
        assert source[:] == []
    assert RemoteRanges(url).read(0, 0) == b""
    assert RemoteRanges(write(f"{memory}/b", b"")).read_ranges([(3, 0), (16, 0)]) == [b"", b""]


def test_two_readers_of_one_url_do_not_disturb_each_other(memory: str) -> None:
    records = many_records(2_000_000)
    url = write(f"{memory}/a", *records)
    assert all(first == second for first, second in zip(read_records(url), read_records(url), strict=True))


def test_files_at_urls_are_divided_by_their_sizes(memory: str) -> None:
    urls = [write(f"{memory}/{number}", bytes(size)) for number, size in enumerate([10, 300, 200, 100])]
    assert tfr.plan_read(memory, 2) == [urls[:2], urls[2:]]


def test_an_exception_in_the_with_block_publishes_nothing(memory: str) -> None:
    before = write(f"{memory}/before", b"before")
    for url in (before, f"{memory}/new"):
        with pytest.raises(ZeroDivisionError):
            fail_while_writing(url)
    assert list(read_records(before)) == [b"before"]
    assert not remote.exists(f"{memory}/new")


def test_an_upload_that_cannot_be_given_up_does_not_hide_why_it_should_be(
    memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.memory import MemoryFile

    def fail(self: Any) -> None:
        raise RuntimeError("nobody answers")

    monkeypatch.setattr(MemoryFile, "discard", fail)
    with pytest.raises(ZeroDivisionError):
        fail_while_writing(f"{memory}/a")
    monkeypatch.setattr(MemoryFile, "commit", fail)
    with pytest.raises(OSError, match=f"nobody answers.*{memory}/a"):
        write(f"{memory}/a")
    assert not remote.exists(f"{memory}/a")


def test_discard_publishes_nothing_and_close_afterwards_neither(memory: str) -> None:
    writer = TFRecordWriter(f"{memory}/a")
    writer.write(b"a")
    writer.discard()
    writer.close()
    assert not remote.exists(f"{memory}/a")


def test_nothing_is_there_before_the_writer_is_closed(memory: str) -> None:
    with TFRecordWriter(f"{memory}/a") as writer:
        writer.write(b"a")
        writer.flush()
        assert not remote.exists(f"{memory}/a")
        assert writer.writing_path is None
    assert count_records(f"{memory}/a") == 1


def test_somebody_elses_transaction_does_not_publish_what_was_discarded(memory: str) -> None:
    with fsspec.filesystem("memory").transaction:
        TFRecordWriter(f"{memory}/a").discard()
        write(f"{memory}/b", b"b")
        assert remote.exists(f"{memory}/b")
    assert not remote.exists(f"{memory}/a")


def test_a_directory_is_its_data_files_sorted(memory: str) -> None:
    for name in ("b", "a", "_b", ".c", "below/d"):
        write(f"{memory}/{name}", name.encode())
    assert list(read_records(memory)) == list(read_records(f"{memory}/")) == [b"a", b"b"]
    with pytest.raises(IsADirectoryError):
        RemoteRanges(memory)


def test_a_glob_is_read_in_the_order_of_names(memory: str) -> None:
    for number in (2, 0, 1):
        write(f"{memory}/train-{number}", f"{number}".encode())
    write(f"{memory}/train-below/a", b"below")
    assert expand_paths(f"{memory}/train-*") == [f"{memory}/train-{number}" for number in range(3)]
    assert list(read_records([f"{memory}/train-[12]", f"{memory}/train-0"])) == [b"1", b"2", b"0"]


def test_chained_urls_are_listed_as_chained_urls(memory: str) -> None:
    write(f"{memory}/a", b"a")
    write(f"{memory}/b", b"b")
    assert expand_paths(f"simplecache::{memory}/*") == [f"simplecache::{memory}/a", f"simplecache::{memory}/b"]
    assert list(read_records(f"simplecache::{memory}/*")) == [b"a", b"b"]


def test_files_in_an_archive_are_read(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/a", content(tmp_path, b"a"))
        archive.writestr("data/b", content(tmp_path, b"b"))
        archive.writestr("data/_c", b"no records")
    for url in (f"zip://data/?::{tmp_path}/a.zip", f"zip://data::{tmp_path}/a.zip"):
        assert list(read_records(url)) == [b"a", b"b"]


def test_links_on_a_page_match_a_glob(server: FileServer, tmp_path: Path) -> None:
    for name in ("b", "a"):
        server.files[f"/data/{name}.tfrecord"] = content(tmp_path, name.encode())
    server.files["/data/"] = b'<a href="b.tfrecord">b</a> <a href="a.tfrecord">a</a> <a href="c.txt">c</a>'
    assert list(read_records(server.url("/data/*.tfrecord"))) == [b"a", b"b"]


def test_a_query_is_no_pattern(server: FileServer, tmp_path: Path) -> None:
    server.files["/a?signature=*"] = content(tmp_path, b"a")
    assert list(read_records(server.url("/a?signature=*"))) == [b"a"]
    with pytest.raises(FileNotFoundError):
        read_records(server.url("/b?signature=*"))


@pytest.mark.parametrize("name", ["a b", "ä%20#?.tfrecord", "a[1]", "a*", "new\nline", "-", "a:b", "a=b&c+d"])
def test_names_with_odd_characters(memory: str, tmp_path: Path, name: str) -> None:
    for folder in (memory, f"file://{tmp_path}"):
        url = write(f"{folder}/{name}", name.encode())
        assert list(read_records(url)) == list(read_records(folder)) == [name.encode()]
    assert os.listdir(tmp_path) == [name]


def test_file_urls_are_local_paths(tmp_path: Path) -> None:
    with TFRecordWriter(f"file://{tmp_path}/a") as writer:
        writer.write(b"a")
        assert writer.writing_path is not None
        assert os.path.dirname(writer.writing_path) == str(tmp_path)
    assert list(read_records(f"file://{tmp_path}/*")) == list(read_records(tmp_path)) == [b"a"]


@pytest.mark.parametrize("name", ["missing", "missing-*", "missing/"])
def test_what_is_missing_is_said_with_its_url_before_any_work(memory: str, name: str) -> None:
    write(f"{memory}/a", b"a")
    with pytest.raises(FileNotFoundError) as caught:
        read_records([f"{memory}/a", f"{memory}/{name}"])
    assert caught.value.filename == f"{memory}/{name}"


def test_an_unknown_protocol_is_an_oserror() -> None:
    for open_it in (read_records, TFRecordReader, TFRecordWriter):
        with pytest.raises(OSError, match="nonsense://a"):
            open_it("nonsense://a")


def test_without_fsspec_a_url_says_what_to_install_and_paths_work(tmp_path: Path) -> None:
    code = f"""
import sys
sys.modules["fsspec"] = None
import tfrecord_lite as tfr
with tfr.TFRecordWriter({str(tmp_path / "a")!r}) as writer:
    writer.write(b"a")
assert tfr.count_records("file://" + {str(tmp_path / "a")!r}) == 1
for attempt in (tfr.TFRecordWriter, tfr.TFRecordReader, tfr.read_records):
    try:
        attempt("s3://bucket/a")
    except ImportError as error:
        print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == 's3://bucket/a needs fsspec: pip install "tfrecord-lite-codec[fsspec]"\n' * 3


def test_a_damaged_record_is_named_with_its_url(memory: str) -> None:
    url = write(f"{memory}/a", b"a", b"b")
    data = bytearray(remote.read_bytes(url))
    data[17 + 12] ^= 1
    remote.write_bytes(url, bytes(data))
    records = read_records(url)
    assert next(records) == b"a"
    with pytest.raises(CorruptRecordError) as caught:
        next(records)
    assert (caught.value.path, caught.value.record_number, caught.value.offset) == (url, 1, 17)


def test_many_records_are_fetched_with_few_requests(server: FileServer, tmp_path: Path) -> None:
    records = [bytes([number]) * 1000 for number in range(250)]
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path, index=True) as writer:
        for record in records:
            writer.write(record)
    for name in ("a.tfrecord", "a.tfrecord.idx", "a.tfrecord.idx.json"):
        server.files[f"/{name}"] = (tmp_path / name).read_bytes()
    source = tfr.RecordSource(server.url("/a.tfrecord"))
    before = len(server.requests)
    assert source.__getitems__(list(range(0, 250, 10))) == records[::10]
    assert len(server.requests) - before <= 4


def test_a_few_neighbours_are_fetched_together(server: FileServer, tmp_path: Path) -> None:
    records = [bytes([number]) * 20_000 for number in range(20)]
    server.files["/a"] = content(tmp_path, *records)
    source = tfr.RecordSource(server.url("/a"))
    assert source[0] == records[0]
    before = len(server.requests)
    assert source[10:13] == records[10:13]
    assert len(server.requests) - before == 1


@pytest.mark.parametrize("num_threads", [1, 2, None])
def test_a_large_file_is_read_with_few_requests(server: FileServer, tmp_path: Path, num_threads: int | None) -> None:
    records = many_records(20_000_000)
    data = server.files["/a"] = content(tmp_path, *records)
    with TFRecordReader(server.url("/a"), num_threads=num_threads) as reader:
        assert list(reader) == records
    assert len(server.requests) <= len(data) // BLOCK_SIZE + 3
    ranges = server.ranges()
    assert [begin for begin, _ in ranges] == [*range(0, len(data), BLOCK_SIZE)]
    assert sum(end - begin for begin, end in ranges) == len(data)


def test_recognising_the_compression_costs_no_request(server: FileServer, tmp_path: Path) -> None:
    server.files["/plain"] = content(tmp_path, b"a")
    server.files["/gzip"] = content(tmp_path, b"a", options="GZIP")
    counts = []
    for path, compression in (("/plain", None), ("/plain", ""), ("/gzip", None), ("/gzip", "GZIP")):
        server.requests.clear()
        with TFRecordReader(server.url(path), compression) as reader:
            assert list(reader) == [b"a"]
        counts.append(len(server.requests))
    assert counts == [2] * 4  # how large is it, and its bytes


@pytest.mark.parametrize("tells_size", [True, False])
def test_a_server_that_gives_whole_files_only_is_read_all_the_same(
    server: FileServer, tmp_path: Path, tells_size: bool
) -> None:
    records = many_records(20_000_000)
    server.files["/a"] = content(tmp_path, *records)
    server.honours_range, server.tells_size = False, tells_size
    assert list(read_records(server.url("/a"))) == records


def test_what_a_stream_opened_first_is_closed_when_it_asks_for_the_whole_file(server: FileServer) -> None:
    server.files["/a"] = bytes(BLOCK_SIZE + 5)
    server.honours_range = False
    with RemoteStream(server.url("/a")) as stream:
        first = stream._file
        assert len(stream.read()) == BLOCK_SIZE
        assert not first.closed
        assert len(stream.read()) == 5
        assert first.closed
        assert stream._file is not first


def test_a_stream_is_closed_also_where_its_backend_cannot_close(
    server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ConnectionError("gone")

    server.files["/a"] = b"data"
    stream = RemoteStream(server.url("/a"))
    monkeypatch.setattr(stream._file, "close", fail)
    with pytest.raises(OSError, match="gone"):
        stream.close()
    assert stream.closed
    stream.close()


def test_random_access_to_a_server_that_gives_whole_files_only_is_an_error(server: FileServer) -> None:
    server.files["/a"] = bytes(1000)
    server.honours_range = False
    ranges = RemoteRanges(server.url("/a"))
    with pytest.raises(OSError, match="gives whole ones"):
        ranges.read(5, 10)
    server.tells_size = False
    with pytest.raises(OSError, match="does not tell"):
        RemoteRanges(server.url("/a"))


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("honours_range", [True, False])
@pytest.mark.parametrize("options", [None, "GZIP"])
def test_a_server_that_dies_gives_the_records_before_and_then_an_oserror(
    server: FileServer, tmp_path: Path, num_threads: int, honours_range: bool, options: Any
) -> None:
    records = many_records(20_000_000)
    data = server.files["/a"] = content(tmp_path, *records, options=options)
    server.honours_range, server.dies_after = honours_range, BLOCK_SIZE + BLOCK_SIZE // 2
    if not honours_range:
        server.dies_after += BLOCK_SIZE  # for the first attempt
    url, read = server.url("/a"), list[bytes]()
    with TFRecordReader(url, num_threads=num_threads) as reader:  # noqa: SIM117
        with pytest.raises(OSError, match="127") as caught:
            read.extend(reader)  # list.extend keeps what came
    assert caught.value.filename == url
    assert records[: len(read)] == read
    assert reader.offset > BLOCK_SIZE * 0.98 - 100_100
    assert len(data) > BLOCK_SIZE * 2


def test_a_file_that_became_shorter_while_it_is_read_is_no_clean_end(server: FileServer, tmp_path: Path) -> None:
    frame_size = 16 + (1 << 20) - 16
    data = content(tmp_path, *[bytes(frame_size - 16)] * 20)
    server.files["/a"] = data
    with TFRecordReader(server.url("/a")) as reader:
        for _ in range(2):
            next(reader)
        server.files["/a"] = data[:BLOCK_SIZE]  # at a record's end
        with pytest.raises(OSError, match="ended after"):
            list(reader)


def test_http_is_for_reading(server: FileServer) -> None:
    server.files["/a"] = b""
    for path in ("/a", "/missing"):
        for mode in ("w", "a"):
            with pytest.raises(OSError, match="for reading only"):
                TFRecordWriter(server.url(path), mode=mode)


@pytest.mark.parametrize(("status", "kind"), [(500, OSError), (503, OSError), (403, PermissionError)])
def test_a_server_that_does_not_give_a_file_is_an_oserror_that_says_so(
    server: FileServer, status: int, kind: type[OSError]
) -> None:
    server.files["/a"] = b""
    server.dies_after, server.failure = 0, status
    for read in (read_records, count_records, tfr.RecordSource):
        with pytest.raises(kind, match=str(status)) as caught:
            read(server.url("/a"))
        assert not isinstance(caught.value, FileNotFoundError)
    with pytest.raises(FileNotFoundError, match="404"):
        TFRecordReader(server.url("/b"))


def test_a_server_that_is_not_there_is_no_missing_file() -> None:
    pytest.importorskip("aiohttp")
    with pytest.raises(OSError, match="Connect") as caught:
        read_records("http://127.0.0.1:9/a")
    assert not isinstance(caught.value, FileNotFoundError)


def test_random_access_fetches_only_what_it_needs(server: FileServer) -> None:
    data = server.files["/a"] = np.random.default_rng(1).bytes(2_000_000)
    ranges = RemoteRanges(server.url("/a"))
    assert ranges.size == ranges.state.size == len(data)
    server.requests.clear()
    assert ranges.read(1_000_000, 10) == data[1_000_000:1_000_010]
    assert server.requests == [("GET", 1_000_000, 1_000_009)]
    server.requests.clear()
    wanted = [(1_500_000, 100), (7, 100), (107, 5), (60_000, 1), (1_500_050, 10), (1_999_999, 1), (900_000, 0)]
    assert ranges.read_ranges(wanted) == [data[offset : offset + size] for offset, size in wanted]
    assert sorted(server.ranges()) == [(7, 60_001), (1_500_000, 1_500_100), (1_999_999, 2_000_000)]
    assert ranges.read_ranges([]) == []


def test_random_access_to_much_at_once_is_cut_into_blocks(server: FileServer) -> None:
    data = server.files["/a"] = np.random.default_rng(1).bytes(2 * BLOCK_SIZE + 5)
    ranges = RemoteRanges(server.url("/a"))
    assert ranges.read(0, len(data)) == data
    assert ranges.read_ranges([(BLOCK_SIZE, BLOCK_SIZE + 1), (0, BLOCK_SIZE)]) == [
        data[BLOCK_SIZE : 2 * BLOCK_SIZE + 1],
        data[:BLOCK_SIZE],
    ]
    assert all(end - begin <= BLOCK_SIZE for begin, end in server.ranges())


@pytest.mark.parametrize(("offset", "size"), [(-1, 2), (95, 6), (101, 0), (1 << 70, 1), (5, -1)])
def test_random_access_beyond_the_end_is_an_oserror(memory: str, offset: int, size: int) -> None:
    remote.write_bytes(f"{memory}/a", bytes(100))
    ranges = RemoteRanges(f"{memory}/a")
    with pytest.raises(OSError, match="100 bytes"):
        ranges.read(offset, size)


def test_random_ranges_are_what_the_file_holds(memory: str) -> None:
    generator = np.random.default_rng(3)
    data = generator.bytes(1_000_000)
    remote.write_bytes(f"{memory}/a", data)
    ranges = pickle.loads(pickle.dumps(RemoteRanges(f"{memory}/a")))
    for count in (1, 2, 30, 300):
        offsets = generator.integers(0, len(data), count)
        sizes = np.minimum(generator.integers(0, 3000, count), len(data) - offsets)
        buffer, positions = ranges.at_many(offsets, sizes)
        for offset, size, position in zip(offsets, sizes, positions, strict=True):
            assert buffer[position : position + size] == data[offset : offset + size]


def test_a_file_that_was_changed_has_another_state(memory: str, server: FileServer) -> None:
    del server
    remote.write_bytes(f"{memory}/a", b"before")
    state = RemoteRanges(f"{memory}/a").state
    assert RemoteRanges(f"{memory}/a").state == state
    remote.write_bytes(f"{memory}/a", b"behind")
    assert RemoteRanges(f"{memory}/a").state != state


def test_a_protocol_that_publishes_as_it_goes_is_refused(memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem
    from fsspec.spec import AbstractBufferedFile

    class Uploads(AbstractBufferedFile):  # type: ignore[misc]
        def _initiate_upload(self) -> None: ...
        def _upload_chunk(self, final: bool = False) -> None:
            raise AssertionError("uploaded")

    monkeypatch.setattr(MemoryFileSystem, "_open", lambda self, path, mode, **kwargs: Uploads(self, path, mode))
    with pytest.raises(OSError, match="cannot publish"):
        RemoteSink(f"{memory}/a")
