"""Tar files of samples: what members become, and which samples and archives are refused."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert, tar_members, webdataset


def tar(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            header = tarfile.TarInfo(name)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return path


def examples(path: Path, **options: Any) -> list[dict[str, Any]]:
    out = path.with_suffix(".tfrecord")
    convert(path, out, **options)
    return [
        {name: value if isinstance(value, list) else value.tolist() for name, value in example.items()}
        for example in tfr.read_examples(out)
    ]


def test_members_become_features_by_their_extensions(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tar",
        ("000000000.png", b"no image"),
        ("000000000.cls", b"-7"),
        ("000000000.json", b'{"a": 1, "b": ["x"]}'),
        ("cats/7.left.txt", b"text"),
        ("cats/7.json", b"[1, 2]"),
        ("cats/8.json", b'{"c": {"odd": 1}}'),
        ("cats/9.json", b'{"a": [3, 4], "b": [[1], {"c": null}], "d": {"base64": "/w=="}, "e": {"int64": []}}'),
        ("cats/9.meta.json", b'{"a": 1}'),
        ("cats/10.a%2Fb.bin", b""),
    )
    assert examples(path) == [
        {"png": [b"no image"], "cls": [-7], "a": [1], "b": [b"x"]},
        {"__key__": [b"cats/7"], "left": [b"text"], "json": [1, 2]},
        {"__key__": [b"cats/8"], "c": [b'{"odd": 1}']},
        {
            "__key__": [b"cats/9"],
            "a": [3, 4],
            "b": [b'[[1], {"c": null}]'],
            "d": [b"\xff"],
            "e": [],
            "meta": [b'{"a": 1}'],
        },
        {"__key__": [b"cats/10"], "a/b": [b""]},
    ]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("k.cls", b"seven")], "feature 'cls': is no integer"),
        ([("k.txt", b"a"), ("k.txt", b"b")], "feature 'txt': two members of a sample become this feature"),
        ([("k.a.txt", b"a"), ("k.json", b'{"a": 1}')], "feature 'a': two members of a sample become this feature"),
        ([("0.left.jpg", b"a"), ("0.left.txt", b"b")], "feature 'left': two members of a sample become this feature"),
        ([("k.%FF.bin", b"a")], "feature '%FF.bin': is no name in UTF-8"),
        ([("k.json", b"{")], "not JSON: "),
        ([("k.json", b"[" * 100_000)], "not JSON that is read here"),
        ([("k.json", b'{"a": 1, "a": 2}')], "feature 'a': stands twice in one object"),
        ([("k.json", b'{"a": [1, "b"]}')], "feature 'a': a feature is a list of integers, of floats or of texts"),
    ],
)
def test_a_sample_that_is_no_example_is_named_or_skipped(tmp_path: Path, members: Any, message: str) -> None:
    path = tar(tmp_path / "a.tar", ("a.txt", b"1"), *members, ("z.txt", b"2"))
    with pytest.raises(tfr.FeatureError) as caught:
        examples(path)
    assert message in str(caught.value)
    assert (caught.value.path, caught.value.record_number) == (str(path), 1)
    assert [example["txt"] for example in examples(path, on_error="skip")] == [[b"1"], [b"2"]]


def test_images_of_one_sample_and_a_text_about_one_have_names_of_their_own(tmp_path: Path) -> None:
    members = [("0.left.jpg", b"l"), ("0.right.jpg", b"r"), ("0.left_text.txt", b"t"), ("1_left.jpg", b"o")]
    assert examples(tar(tmp_path / "a.tar", *members)) == [
        {"__key__": [b"0"], "left": [b"l"], "right": [b"r"], "left_text": [b"t"]},
        {"__key__": [b"1_left"], "jpg": [b"o"]},
    ]


def test_directories_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("d", "d/e.txt"):
            directory = tarfile.TarInfo(name)
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
    assert examples(tmp_path / "a.tar") == []


@pytest.mark.parametrize("workers", [0, 2])
def test_members_of_no_sample_are_passed_over_and_told(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = ("._0.jpg", "README", "__idx__", "__meta__/0.txt", "d/.hidden.txt")
    members = [("d.x/0.txt", b"0"), ("__0.txt", b"1"), ("0.", b"2")]
    path = tar(tmp_path / "a.tar", (others[0], b""), members[0], *((name, b"") for name in others[1:]), *members[1:])
    done = convert(path, tmp_path / "out", workers=workers)
    assert [dict(example) for example in tfr.read_examples(tmp_path / "out")] == [
        {"__key__": [b"d.x/0"], "txt": [b"0"]},
        {"__key__": [b"__0"], "txt": [b"1"]},
        {"__key__": [b"0"], "": [b"2"]},
    ]
    told = "passed over 5 members, of no sample by their names: ._0.jpg, README, __idx__, ..."
    assert done.notes == (f"{path}: {told}",)
    assert (done.skipped, done.records) == ((), 3)
    assert main(["convert", str(path), str(tmp_path / "again")]) == 0
    assert done.notes[0] in capsys.readouterr().err
    path = tar(tmp_path / "b.tar", ("README", b""))
    assert convert(path, tmp_path / "none").notes == (
        f"{path}: passed over 1 member, of no sample by its name: README",
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_sample_with_a_member_that_is_no_file_is_named_or_skipped(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for key in ("a", "b", "c"):
            for name in (f"{key}.txt", f"{key}.cls"):
                header = tarfile.TarInfo(name)
                header.size = 1
                if name == "b.cls":
                    header.type, header.linkname, header.size = kind, "a.cls", 0
                archive.addfile(header, io.BytesIO(b"1"))
    with pytest.raises(tfr.FeatureError, match="record #1: feature 'cls': is a link, a device or a pipe"):
        examples(path)
    assert [example["__key__"] for example in examples(path, on_error="skip")] == [[b"a"], [b"c"]]
    (skipped,) = convert(path, tmp_path / "out", on_error="skip").skipped
    assert (skipped.path, skipped.number) == (str(path), 1)


def test_large_members_are_refused_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tar(tmp_path / "a.tar", ("k.txt", bytes(2000)))
    monkeypatch.setattr(tar_members, "MAX_MESSAGE_SIZE", 1999)
    with pytest.raises(tfr.TFRecordError, match="a member of 2000 bytes; 1999 fit into a record"):
        examples(path)


@pytest.mark.parametrize("end", [512 + 100, 512 + 1024])
def test_an_archive_that_ends_in_a_member_is_no_shorter_one(tmp_path: Path, end: int) -> None:
    path = tar(tmp_path / "a.tar", ("k.txt", bytes(2000)))
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(tfr.TFRecordError):
        examples(path)
    assert not path.with_suffix(".tfrecord").exists()


def test_many_samples_come_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webdataset, "_PART_SAMPLES", 3)
    path = tar(tmp_path / "a.tar", *((f"{number:09d}.cls", b"%d" % number) for number in range(10)))
    assert [example["cls"] for example in examples(path)] == [[number] for number in range(10)]
