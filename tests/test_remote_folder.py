"""Folders of images behind a URL, read and written: memory:// here, S3 and killed processes in test_remote_s3.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from photographs import folder_of_photographs, photographs
from servers import file_server

import tfrecord_lite as tfr
from tfrecord_lite.adapters import image_files
from tfrecord_lite.adapters.image_folder import list_image_folder
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.adapters.written_folder import write_image_folder
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.convert.image_folders import ImageOptions
from tfrecord_lite.files import remote
from tfrecord_lite.files.paths import UNFINISHED
from tfrecord_lite.files.remote import RemoteSink
from tfrecord_lite.files.remote_folder import list_remote_folder

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return folder_of_photographs(tmp_path / "photos", copies=3)


def names(url: str) -> list[str]:
    """Of all files below."""
    fs, path = remote.locate(url)
    return sorted(name.removeprefix(f"{path}/") for name in fs.find(path))


def upload(folder: Path, url: str) -> str:
    for path in folder.rglob("*"):
        if path.is_file():
            remote.write_bytes(f"{url}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return url


@pytest.mark.parametrize("workers", [0, 2])
def test_images_go_to_a_url_as_to_a_folder_and_back(
    memory: str, photos: Path, tmp_path: Path, spool: Path, workers: int
) -> None:
    source = str(tmp_path / "a.tfrecord")
    convert(photos, source, from_format="images")
    convert(source, tmp_path / "local", to_format="images")
    assert main(["convert", source, f"{memory}/out/", "--workers", str(workers)]) == 0
    local = {path.relative_to(tmp_path / "local").as_posix(): path for path in (tmp_path / "local").rglob("*.*")}
    assert names(f"{memory}/out") == sorted(local)
    assert all(remote.read_bytes(f"{memory}/out/{name}") == path.read_bytes() for name, path in local.items())
    assert list(spool.iterdir()) == []
    for options in (None, ImageOptions(labels=f"{memory}/out/labels.csv")):
        convert(f"{memory}/out/", tmp_path / "b.tfrecord", from_format="images", images=options)
        assert (tmp_path / "b.tfrecord").read_bytes() == Path(source).read_bytes()


def test_a_folder_behind_a_url_is_packed_as_one_that_is_here(memory: str, photos: Path, tmp_path: Path) -> None:
    (photos / "flower" / ".hidden.jpg").write_bytes(b"nobody's")
    (photos / "flower" / "notes.txt").write_text("no image")
    url = upload(photos, f"{memory}/photos")
    here = pack(photos, tmp_path / "here", workers=1, order="name", num_shards=2)
    assert main(["pack", url, "-o", str(tmp_path / "there"), "--workers=1", "--order=name", "--shards=2"]) == 0
    shards = [[Path(path).read_bytes() for path in sorted(tmp_path.glob(f"{name}-*"))] for name in ("here", "there")]
    assert shards[0] == shards[1]
    assert [skip.name for skip in here.skipped] == ["flower/notes.txt"]
    assert [skip.name for skip in pack(url, f"{memory}/packed", workers=1).skipped] == ["flower/notes.txt"]
    with pytest.raises(ValueError, match="outside of the folder"):
        pack(url, f"{url}/packed", workers=1)


def test_a_file_behind_a_url_has_another_version_when_it_is_replaced(memory: str) -> None:
    def version() -> int:
        (file,) = list_image_folder(f"{memory}/photos").files
        return file.version

    remote.write_bytes(f"{memory}/photos/a.png", b"a")
    before = version()
    assert version() == before
    remote.write_bytes(f"{memory}/photos/a.png", b"b")
    assert version() != before


def test_a_file_behind_a_url_that_is_too_large_is_refused(
    memory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_FILE_LIMIT", len(photographs()["china"]) - 1)
    remote.write_bytes(f"{memory}/photos/china.jpg", photographs()["china"])
    with pytest.raises(tfr.TFRecordError, match=r"photos/china\.jpg: has more than"):
        convert(f"{memory}/photos", tmp_path / "a", from_format="images")


def test_what_is_no_folder_is_named(memory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remote.write_bytes(f"{memory}/photos/china/a.jpg", photographs()["china"])
    out = str(tmp_path / "a")
    for url, problem in (("none", "No such file or directory"), ("photos/china/a.jpg", "Not a directory")):
        assert main(["convert", f"{memory}/{url}", out, "--from", "images"]) == 1
        assert capsys.readouterr().err == f"tfrecord-lite: {memory}/{url}: {problem}\n"
    assert main(["convert", f"{memory}/photos/", out]) == 1
    assert "a folder of images is read with --from images" in capsys.readouterr().err


def test_an_error_on_the_way_leaves_nothing_at_the_url(memory: str, photos: Path, tmp_path: Path, spool: Path) -> None:
    source = tmp_path / "a.tfrecord"
    convert(photos, source, from_format="images")
    data = bytearray(source.read_bytes())
    data[-1] ^= 1
    source.write_bytes(data)
    with pytest.raises(tfr.CorruptRecordError):
        convert(source, f"{memory}/out/")
    assert names(memory) == []
    assert list(spool.iterdir()) == []
    assert convert(source, f"{memory}/out/", on_error="skip").records == 8


@pytest.mark.parametrize("fails_at", [1, 2, 5, 10])
def test_a_server_that_refuses_a_file_is_left_without_any(
    memory: str, photos: Path, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    convert(photos, tmp_path / "a.tfrecord", from_format="images")
    close, calls = RemoteSink.close, 0

    def refused(self: RemoteSink) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            self.discard()
            raise OSError(28, "the bucket is full", "there")
        close(self)

    monkeypatch.setattr(RemoteSink, "close", refused)
    with pytest.raises(OSError, match=r"the bucket is full|No space left"):
        convert(tmp_path / "a.tfrecord", f"{memory}/out/")
    assert names(memory) == []
    assert list(spool.iterdir()) == []
    assert convert(tmp_path / "a.tfrecord", f"{memory}/out/").records == 9


@pytest.fixture
def unfinished(memory: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder whose writer can neither go on nor clean up."""
    convert(photos, tmp_path / "a.tfrecord", from_format="images")
    with monkeypatch.context() as patch:
        patch.setattr("tfrecord_lite.files.remote_directory.RemoteDirectory.remove", _gone)
        with pytest.raises(OSError, match="nobody answers"):
            convert(tmp_path / "a.tfrecord", f"{memory}/out/")
    return f"{memory}/out"


def _gone(self: Any, names: Any) -> None:
    raise OSError(5, "nobody answers", self.path)


def test_a_folder_that_is_not_complete_is_neither_read_nor_written_to(
    unfinished: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert UNFINISHED in names(unfinished)
    problem = "the folder is not complete: if nothing writes it any more, delete all that is in it\n"
    assert main(["convert", unfinished, str(tmp_path / "b"), "--from", "images"]) == 1
    assert main(["pack", unfinished, "-o", str(tmp_path / "b"), "--workers", "1"]) == 1
    assert main(["convert", str(tmp_path / "a.tfrecord"), unfinished + "/"]) == 1
    assert capsys.readouterr().err == (
        f"tfrecord-lite: {unfinished}: {problem}" * 2 + f"tfrecord-lite: {unfinished}/: {problem}"
    )
    local = tmp_path / "fetched"
    local.mkdir()
    (local / UNFINISHED).write_bytes(remote.read_bytes(f"{unfinished}/{UNFINISHED}"))
    with pytest.raises(tfr.TFRecordError, match="fetched: the folder is not complete"):
        list_image_folder(local)
    fs, path = remote.locate(unfinished)
    fs.rm(path, recursive=True)
    assert convert(tmp_path / "a.tfrecord", unfinished + "/").records == 9


def test_a_folder_that_is_not_empty_is_not_written_to(memory: str) -> None:
    remote.write_bytes(f"{memory}/out/below/a", b"a")
    with pytest.raises(FileExistsError, match="the folder is there already, and not empty") as caught:
        write_image_folder([{"image/encoded": [photographs()["china"]]}], f"{memory}/out")
    assert caught.value.filename == f"{memory}/out"
    assert names(memory) == ["out/below/a"]


def test_a_folder_is_made_where_a_server_has_such_things(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/out"
    write_image_folder([{"image/encoded": [photographs()["china"]], "image/class/text": [b"china"]}], url)
    assert (tmp_path / "out" / "china" / "00000000.jpg").read_bytes() == photographs()["china"]
    assert sorted(list_remote_folder(url)) == ["china/00000000.jpg", "labels.csv"]


def test_a_protocol_that_only_reads_is_refused_before_anything_is_read() -> None:
    pytest.importorskip("aiohttp")

    def examples() -> Iterator[dict[str, Any]]:
        raise AssertionError("read")
        yield {}

    with file_server() as server, pytest.raises(OSError, match="this protocol is for reading only"):
        write_image_folder(examples(), server.url("/out"))
