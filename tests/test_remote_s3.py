"""s3:// against moto's server, a real one on loopback."""

from __future__ import annotations

import errno
import itertools
import json
import os
import pickle
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import python, python_output
from photographs import folder_of_photographs
from PIL import Image
from record_files import written
from servers import s3_server

from tfrecord_lite import (
    ShardedWriter,
    ShardError,
    TFRecordError,
    TFRecordReader,
    TFRecordWriter,
    commit,
    count_records,
    read_batches,
    read_examples,
    read_records,
    rollback,
)
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.files import remote
from tfrecord_lite.files.remote_ranges import RemoteRanges

#: Processes are started and killed, real servers run: not under every Python.
pytestmark = pytest.mark.slow

fsspec = pytest.importorskip("fsspec")
pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytest.importorskip("flask_cors", reason="moto's server needs it")

#: Bytes that are uploaded at once, the fewest that S3 takes; s3fs has ten times as many.
PART_SIZE = 5 << 20

_numbers = itertools.count()


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Of a process that is to use the server."""
    with s3_server() as address:
        yield {
            "FSSPEC_S3": json.dumps({"endpoint_url": address, "default_block_size": PART_SIZE}),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@pytest.fixture
def bucket(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket's URL; fsspec here knows the server."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    # What FSSPEC_S3 does when fsspec is imported.
    monkeypatch.setitem(fsspec.config.conf, "s3", json.loads(environment["FSSPEC_S3"]))
    name = f"bucket-{next(_numbers)}"
    s3().mkdir(name)
    return f"s3://{name}"


def s3() -> Any:
    return fsspec.filesystem("s3")


def uploads(bucket: str) -> list[Any]:
    """Those that were begun and neither completed nor given up."""
    answer = s3().call_s3("list_multipart_uploads", Bucket=bucket.removeprefix("s3://"))
    return list(answer.get("Uploads", []))


def write(url: str, *records: bytes, options: Any = None) -> str:
    with TFRecordWriter(url, options) as writer:
        for record in records:
            writer.write(record)
    return url


def fail_while_writing(url: str, size: int) -> None:
    with TFRecordWriter(url) as writer:
        writer.write(bytes(size))
        raise ZeroDivisionError


@pytest.mark.parametrize("options", [None, "GZIP"])
@pytest.mark.parametrize("count", [0, 1, 12])
def test_an_object_holds_what_a_file_holds(bucket: str, tmp_path: Path, options: Any, count: int) -> None:
    records = [np.random.default_rng(number).bytes(1 << 20) for number in range(count)]
    url = write(f"{bucket}/a.tfrecord", *records, options=options)
    write(str(tmp_path / "a"), *records, options=options)
    assert remote.size(url) == (tmp_path / "a").stat().st_size
    assert remote.read_bytes(url) == (tmp_path / "a").read_bytes()
    for num_threads in (1, None):
        with TFRecordReader(url, num_threads=num_threads) as reader:
            assert list(reader) == records
    assert not uploads(bucket)


def test_everything_that_reads_reads_objects(bucket: str, capfd: pytest.CaptureFixture[str]) -> None:
    for shard in range(3):
        with TFRecordWriter(f"{bucket}/data/train-{shard:05}-of-00003") as writer:
            writer.write_columns({"label": np.arange(100) + 100 * shard})
    write(f"{bucket}/data/_SUCCESS")
    write(f"{bucket}/data/.hidden", b"hidden")
    write(f"{bucket}/data/below/a", b"below")
    for url in (f"{bucket}/data", f"{bucket}/data/", f"{bucket}/data/train-*", f"{bucket}/*/train-?????-of-00003"):
        assert count_records(url) == 300
        assert [example["label"][0] for example in read_examples(url)] == [*range(300)]
    batch = next(read_batches(f"{bucket}/data", batch_size=300))
    assert np.array_equal(batch["label"], np.arange(300))
    assert main(["head", "-n1", f"{bucket}/data/train-00002-of-00003"]) == 0
    assert capfd.readouterr().out == "#  label\n0  200\n"


@pytest.mark.parametrize("size", [1, 2 * PART_SIZE])
def test_an_exception_in_the_with_block_publishes_nothing(bucket: str, size: int) -> None:
    before = write(f"{bucket}/before", b"before")
    for url in (before, f"{bucket}/new"):
        with pytest.raises(ZeroDivisionError):
            fail_while_writing(url, size)
    assert list(read_records(before)) == [b"before"]
    assert not remote.exists(f"{bucket}/new")
    assert not uploads(bucket)


def test_a_killed_writer_publishes_nothing(bucket: str, environment: dict[str, str]) -> None:
    before = write(f"{bucket}/before", b"before")
    script = """
import sys, time, tfrecord_lite as tfr
writers = [tfr.TFRecordWriter(url) for url in sys.argv[1:]]
for writer in writers:
    writer.write(bytes(6 << 20))
    writer.flush()
print("written", flush=True)
time.sleep(600)
"""
    arguments = [sys.executable, "-c", script, before, f"{bucket}/new"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, env=os.environ | environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"written\n"
        child.send_signal(signal.SIGKILL)
    assert len(uploads(bucket)) == 2  # it had begun
    assert list(read_records(before)) == [b"before"]
    assert not remote.exists(f"{bucket}/new")
    assert list(read_records(write(f"{bucket}/new", b"again"))) == [b"again"]


@pytest.mark.parametrize("ending", ["del writer", "", "1/0", "writer.discard()"])
@pytest.mark.parametrize("size", [1, 2 * PART_SIZE])
def test_a_dropped_writer_publishes_and_a_dying_program_does_not(bucket: str, ending: str, size: int) -> None:
    script = f"""
import sys, tfrecord_lite as tfr
writer = tfr.TFRecordWriter(sys.argv[1])
writer.write(bytes({size}))
{ending}
"""
    done = python(script, f"{bucket}/a")
    published = remote.exists(f"{bucket}/a")
    if ending:
        assert published == (ending == "del writer")
    else:  # the interpreter ends: connections may not be made any more, and then there is an error
        assert published != (f"{bucket}/a'".encode() in done.stderr.partition(b"OSError")[2])
    assert not published or [*map(len, read_records(f"{bucket}/a"))] == [size]


def test_a_forked_child_leaves_its_parents_upload_alone(bucket: str, environment: dict[str, str]) -> None:
    del environment
    script = """
import os, sys, tfrecord_lite as tfr
writer = tfr.TFRecordWriter(sys.argv[1])
writer.write(bytes(6 << 20))
writer.flush()
child = os.fork()
if child == 0:
    try:
        writer.write(b"in the child")
    except ValueError:
        sys.exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
writer.write(b"a")
writer.close()
print(tfr.count_records(sys.argv[1]))
"""
    assert python_output(script, f"{bucket}/a") == "2\n"


def test_random_access_goes_on_in_a_forked_child_and_in_a_pickle(bucket: str) -> None:
    script = """
import os, pickle, sys
from tfrecord_lite.files.remote import write_bytes
from tfrecord_lite.files.remote_ranges import RemoteRanges
write_bytes(sys.argv[1], bytes(range(256)) * 4096)
ranges = RemoteRanges(sys.argv[1])
assert ranges.read(256, 3) == b"\\0\\1\\2"
child = os.fork()
if child == 0:
    assert ranges.read(5, 2) == b"\\5\\6"
    assert pickle.loads(pickle.dumps(ranges)).read_ranges([(700000, 5), (3, 1)]) == [ranges.read(700000, 5), b"\\3"]
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
assert ranges.read(1, 1) == b"\\1"
"""
    python_output(script, f"{bucket}/a")


def test_an_object_that_was_changed_has_another_state(bucket: str) -> None:
    url = f"{bucket}/a"
    remote.write_bytes(url, b"before")
    state = RemoteRanges(url).state
    assert RemoteRanges(url).state == state
    remote.write_bytes(url, b"behind")
    assert RemoteRanges(url).state != state


def test_an_object_that_is_replaced_while_it_is_read_is_an_oserror(bucket: str) -> None:
    record = bytes(1 << 20)
    url = write(f"{bucket}/a", *[record] * 20)
    with TFRecordReader(url) as reader:
        assert next(reader) == record
        write(url, *[record] * 20, b"more")
        with pytest.raises(OSError, match=url):
            list(reader)
        assert reader.record_number >= 7


def test_what_others_write_and_remove_is_seen(bucket: str, environment: dict[str, str]) -> None:
    write(f"{bucket}/data/a", b"a")
    assert list(read_records(f"{bucket}/data")) == list(read_records(f"{bucket}/data/*")) == [b"a"]
    script = """
import sys, fsspec, tfrecord_lite as tfr
for name, record in (("a", b"other"), ("b", b"b")):
    with tfr.TFRecordWriter(f"{sys.argv[1]}/{name}") as writer:
        writer.write(record)
"""
    subprocess.run([sys.executable, "-c", script, f"{bucket}/data"], env=os.environ | environment, check=True)
    assert list(read_records(f"{bucket}/data")) == list(read_records(f"{bucket}/data/*")) == [b"other", b"b"]


@pytest.mark.parametrize("name", ["a b", "ä%20+.tfrecord", "a[1]", "a=b&c", "a'b"])
def test_names_with_odd_characters(bucket: str, name: str) -> None:
    url = write(f"{bucket}/data/{name}", name.encode())
    assert list(read_records(url)) == list(read_records(f"{bucket}/data")) == [name.encode()]


@pytest.mark.parametrize("name", ["missing", "missing-*", "missing/"])
def test_what_is_missing_is_said_with_its_url(bucket: str, name: str) -> None:
    write(f"{bucket}/a", b"a")
    for url in (f"{bucket}/{name}", f"s3://no-such-bucket/{name}"):
        with pytest.raises(FileNotFoundError) as caught:
            read_records([f"{bucket}/a", url])
        assert caught.value.filename == url


def test_a_bucket_that_is_not_there_is_an_oserror_when_something_is_sent(bucket: str) -> None:
    writer = TFRecordWriter(f"{bucket}-not/a")
    writer.write(b"a")
    for message in (f"NoSuchBucket.*{bucket}-not/a", "failed earlier"):
        with pytest.raises(OSError, match=message):
            writer.close()


@pytest.mark.parametrize("sizes", [{"num_shards": 2}, {"max_records": 1}, {"publish": False}])
def test_a_bucket_is_no_prefix_and_that_is_said_before_anything_is_written(bucket: str, sizes: dict[str, Any]) -> None:
    with pytest.raises(OSError, match="behind the bucket a prefix needs a name") as caught:
        ShardedWriter(bucket, **sizes)
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, bucket)


def test_packing_into_a_bucket_without_a_name_is_refused(
    bucket: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images" / "cat").mkdir(parents=True)
    Image.new("L", (2, 2)).save(tmp_path / "images" / "cat" / "a.png")
    assert main(["pack", str(tmp_path / "images"), "-o", bucket, "--workers", "1"]) == 1
    output = capfd.readouterr()
    assert "behind the bucket a prefix needs a name" in output.err


def test_a_folder_of_images_goes_to_a_bucket_and_back(bucket: str, tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos", copies=9)
    source = tmp_path / "a.tfrecord"
    convert(photos, source, from_format="images")
    s3().pipe_file(f"{bucket}/out/", b"")  # how a console makes an empty folder
    assert main(["convert", str(source), f"{bucket}/out/"]) == 0
    for url in (f"{bucket}/out/", f"{bucket}/out"):
        convert(url, tmp_path / "b.tfrecord", from_format="images", workers=2)
        assert (tmp_path / "b.tfrecord").read_bytes() == source.read_bytes()
    assert main(["convert", str(source), f"{bucket}/out/"]) == 1
    for folder, name in ((photos, "a"), (f"{bucket}/out", "b")):
        pack(folder, f"{bucket}/packed/{name}", num_shards=2, workers=2)
    for shard in ("00000-of-00002", "00001-of-00002"):
        assert remote.read_bytes(f"{bucket}/packed/a-{shard}") == remote.read_bytes(f"{bucket}/packed/b-{shard}")
    assert not uploads(bucket)


def test_an_image_folder_in_a_bucket_that_is_not_there_is_an_error_and_makes_none(bucket: str, tmp_path: Path) -> None:
    convert(folder_of_photographs(tmp_path / "photos"), tmp_path / "a.tfrecord", from_format="images")
    with pytest.raises(OSError, match=f"NoSuchBucket.*{bucket}-not/out/"):
        convert(tmp_path / "a.tfrecord", f"{bucket}-not/out/")
    with pytest.raises(FileNotFoundError):
        convert(f"{bucket}-not/out/", tmp_path / "b.tfrecord", from_format="images")
    assert not s3().exists(f"{bucket}-not")


@pytest.mark.parametrize("uploads_done", [0, 1, 20, 28])
def test_a_folder_of_images_whose_writer_is_killed_says_that_it_is_not_complete(
    bucket: str, environment: dict[str, str], tmp_path: Path, uploads_done: int
) -> None:
    convert(folder_of_photographs(tmp_path / "photos", copies=9), tmp_path / "a.tfrecord", from_format="images")
    script = """
import os, signal, sys, threading
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.files.remote import RemoteSink
close, lock, left = RemoteSink.close, threading.Lock(), int(sys.argv[1])
def dying(self):
    global left
    with lock:
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
    close(self)
RemoteSink.close = dying
main(["convert", *sys.argv[2:]])
"""
    spool = tmp_path / "spool"
    spool.mkdir()
    arguments = [str(uploads_done), str(tmp_path / "a.tfrecord"), f"{bucket}/out/"]
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, env=os.environ | environment | {"TMPDIR": str(spool)}, check=False)
    assert done.returncode == -signal.SIGKILL
    if uploads_done:
        with pytest.raises(TFRecordError, match="the folder is not complete"):
            convert(f"{bucket}/out", tmp_path / "b.tfrecord", from_format="images")
        with pytest.raises(FileExistsError, match="the folder is not complete"):
            convert(tmp_path / "a.tfrecord", f"{bucket}/out/")
        s3().rm(f"{bucket}/out", recursive=True)
    assert convert(tmp_path / "a.tfrecord", f"{bucket}/out/").records == 27
    convert(f"{bucket}/out", tmp_path / "b.tfrecord", from_format="images")
    assert (tmp_path / "b.tfrecord").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()


def test_a_directory_is_no_file(bucket: str) -> None:
    write(f"{bucket}/data/a", b"a")
    for open_it in (TFRecordReader, RemoteRanges):
        with pytest.raises(IsADirectoryError):
            open_it(f"{bucket}/data")


WRITER = """
import os, pickle, sys, threading, time, signal
import tfrecord_lite as tfr
def die():
    time.sleep(float(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=die, daemon=True).start()
with tfr.ShardedWriter(sys.argv[1], num_shards=8) as writer:
    for number in range(800):
        writer.write(b"new %d" % number)
os._exit(0)
"""


def test_a_set_is_there_whole_or_not_at_all_whenever_its_writer_is_killed(
    bucket: str, environment: dict[str, str]
) -> None:
    prefix = f"{bucket}/data/train"
    old, new = [b"old %d" % number for number in range(80)], {b"new %d" % number for number in range(800)}
    with ShardedWriter(prefix, num_shards=8) as writer:
        for record in old:
            writer.write(record)
    generator, ends, seconds = random.Random(7), set(), 2.5
    for _ in range(12):
        before = set(read_records(f"{bucket}/data"))
        started = subprocess.run(
            [sys.executable, "-c", WRITER, prefix, str(generator.uniform(0.2, 1) * seconds)],
            env=os.environ | environment,
            check=False,
        )
        has_died = started.returncode == -signal.SIGKILL
        assert has_died or started.returncode == 0
        try:
            found = set(read_records(f"{bucket}/data"))
            ends.add("whole" if found == new else "old")
        except ShardError:
            ends.add("middle")
            if generator.random() < 0.5:
                commit(None, prefix)
            else:
                rollback(prefix)
            found = set(read_records(f"{bucket}/data"))
        assert found in (before, new)
        if found == new and not has_died:
            seconds *= 0.8  # the machine is fast
        with ShardedWriter(prefix, num_shards=8) as writer:
            for record in old:
                writer.write(record)
        assert sorted(read_records(f"{bucket}/data")) == sorted(old)
    assert "old" in ends or "middle" in ends


def test_a_commit_is_finished_by_another_process(bucket: str, environment: dict[str, str]) -> None:
    prefix = f"{bucket}/data/train"
    commit(written(prefix, *([b"old %d" % number] for number in range(30))), prefix)
    infos = written(prefix, *([b"new %d" % number] for number in range(30)))
    script = """
import os, pickle, signal, sys
import s3fs, tfrecord_lite as tfr
rm, count = s3fs.S3FileSystem._rm_file, 0
async def dying(self, path, **options):
    global count
    count += 1
    if count == 45:
        os.kill(os.getpid(), signal.SIGKILL)
    return await rm(self, path, **options)
s3fs.S3FileSystem._rm_file = dying
tfr.commit(pickle.load(sys.stdin.buffer), sys.argv[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, prefix], input=pickle.dumps(infos), env=os.environ | environment, check=False
    )
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(ShardError, match="was interrupted: if it still runs, wait until it is done"):
        read_records(f"{bucket}/data")
    finals = commit(None, prefix)
    assert [info.path for info in finals] == [f"{prefix}-{number:05}-of-00030" for number in range(30)]
    assert list(read_records(f"{bucket}/data")) == [b"new %d" % number for number in range(30)]
    assert not [name for name in s3().ls(f"{bucket}/data".removeprefix("s3://")) if "/." in name or "_PLAN" in name]


def test_appending_to_an_object(bucket: str) -> None:
    url = write(f"{bucket}/log", *[bytes(1 << 20)] * 12)
    for mode, more in (("a", b"a"), ("a", b"b")):
        with TFRecordWriter(url, mode=mode) as writer:
            writer.write(more)
    assert list(read_records(url)) == [*[bytes(1 << 20)] * 12, b"a", b"b"]
    assert not uploads(bucket)


INTERRUPTED = """
import asyncio, os, signal, sys
from aiobotocore.client import AioBaseClient
import tfrecord_lite as tfr
call, count, at = AioBaseClient._make_api_call, 0, int(sys.argv[2])
async def interrupted(self, name, arguments):
    global count
    is_one = name in ("PutObject", "CompleteMultipartUpload")
    count += is_one
    number = count
    answer = await call(self, name, arguments)
    if is_one and number == at:
        os.kill(os.getpid(), signal.SIGINT)  # it is done, and the answer takes a while
        await asyncio.sleep(0.1)
    return answer
AioBaseClient._make_api_call = interrupted
with tfr.ShardedWriter(sys.argv[1], num_shards=3) as writer:
    for number in range(9):
        writer.write(b"new %d" % number)
"""


def test_ctrl_c_while_an_object_gets_its_name_leaves_no_hidden_one(bucket: str, environment: dict[str, str]) -> None:
    new, old = {b"new %d" % number for number in range(9)}, {b"old"}
    ends = []
    for at in itertools.count(1):
        prefix = f"{bucket}/data{at}/train"
        commit(written(prefix, [b"old"]), prefix)
        done = python(INTERRUPTED, prefix, str(at), env=environment, timeout=120)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGINT, done.stderr
        names = [name.rpartition("/")[2] for name in s3().find(f"{bucket}/data{at}".removeprefix("s3://"))]
        assert not [name for name in names if name.startswith(".") or "_PLAN" in name]
        ends.append(set(read_records(f"{bucket}/data{at}")))
        assert ends[-1] in (old, new)
    assert old in ends  # while shards are sent
    assert new in ends  # behind the manifest
    assert not uploads(bucket)
