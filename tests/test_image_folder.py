"""Folders of images: what is in them, labels, and both ways between folders and examples."""

from __future__ import annotations

import csv
import io
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import encoded, folder_of_photographs, opened, photographs, pixels
from PIL import Image

from tfrecord_lite import FeatureError, TFRecordError, decode_example, encode_example
from tfrecord_lite.adapters.image_files import Rendition, Size
from tfrecord_lite.adapters.image_folder import Skipped, list_image_folder
from tfrecord_lite.adapters.images import read_image_folder
from tfrecord_lite.adapters.written_folder import write_image_folder
from tfrecord_lite.cardchecker.images import ImageError

posix = pytest.mark.skipif(os.name != "posix" or sys.platform == "darwin", reason="needs names of any bytes, and FIFOs")


def touch(directory: Path, *names: str) -> Path:
    for name in names:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return directory


def labels_of(directory: Path, labels: Path | None = None) -> dict[str, tuple[int | None, str | None]]:
    return {file.name: (file.label, file.text) for file in list_image_folder(directory, labels).files}


def problems(directory: Path, labels: Path | None = None) -> dict[str, str]:
    return {skip.name: skip.reason for skip in list_image_folder(directory, labels).skipped if skip.is_problem}


def decoded(example: Any) -> dict[str, Any]:
    return decode_example(encode_example(example))


# Labels.


def test_class_folders_give_labels_in_the_order_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "dog/1.jpg", "cat/deep/down/1.jpg", "cat/2.png", "Zebra/1.jpg")
    assert labels_of(tmp_path) == {
        "Zebra/1.jpg": (0, "Zebra"),
        "cat/2.png": (1, "cat"),
        "cat/deep/down/1.jpg": (1, "cat"),
        "dog/1.jpg": (2, "dog"),
    }
    assert list_image_folder(tmp_path).labels == {0: "Zebra", 1: "cat", 2: "dog"}


def test_a_folder_without_class_folders_has_no_labels(tmp_path: Path) -> None:
    touch(tmp_path, "1.jpg", "2.jpg", "notes/readme.txt")
    found = list_image_folder(tmp_path)
    assert [(file.name, file.label) for file in found.files] == [
        ("1.jpg", None),
        ("2.jpg", None),
        ("notes/readme.txt", None),
    ]
    assert found.labels == {}


def test_beside_class_folders_an_image_without_a_label_is_a_problem_and_a_text_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "2.jpg", "readme.txt")
    assert problems(tmp_path) == {"2.jpg": "has no label: it is in no class folder"}
    assert [skip.name for skip in list_image_folder(tmp_path).skipped] == ["2.jpg", "readme.txt"]


def test_a_labels_csv_that_was_not_asked_for_says_how_it_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.jpg", "labels.csv")
    (skip,) = list_image_folder(tmp_path).skipped
    assert skip.name == "labels.csv"
    assert skip.reason == "is read when it is named, with --labels (labels); labels are those of the class folders"
    assert not skip.is_problem


def test_files_without_extensions_have_the_labels_of_their_folders(tmp_path: Path) -> None:
    touch(tmp_path / "a", "x/1", "y/2")
    assert labels_of(tmp_path / "a") == {"x/1": (0, "x"), "y/2": (1, "y")}
    touch(tmp_path / "b", "x/1", "x/2.jpg", "docs/2")
    assert labels_of(tmp_path / "b") == {"x/1": (0, "x"), "x/2.jpg": (0, "x")}


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["10", "9", "0"], {0: "0", 9: "9", 10: "10"}),
        (["-1", "1"], {-1: "-1", 1: "1"}),
        (["01", "2"], {0: "01", 1: "2"}),
        (["10", "9", "x"], {0: "10", 1: "9", 2: "x"}),
        (["9223372036854775808", "1"], {0: "1", 1: "9223372036854775808"}),
        (["²", "1"], {0: "1", 1: "²"}),
    ],
)
def test_labels_that_are_numbers_are_these_numbers(tmp_path: Path, texts: list[str], numbers: dict[int, str]) -> None:
    touch(tmp_path, *(f"{text}/1.jpg" for text in texts))
    assert list_image_folder(tmp_path).labels == numbers


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("filename,label\na.jpg,cat\nsub/b.jpg,dog\n", {"a.jpg": (0, "cat"), "sub/b.jpg": (1, "dog")}),
        ("\ufefffilename,label\r\na.jpg,cat\r\nsub/b.jpg,dog\r\n", {"a.jpg": (0, "cat"), "sub/b.jpg": (1, "dog")}),
        ('x,label,filename\n1,"a,\nb",a.jpg\n\n,c,sub/b.jpg', {"a.jpg": (0, "a,\nb"), "sub/b.jpg": (1, "c")}),
        ("filename,label\na.jpg,7\nsub/b.jpg,3\n", {"a.jpg": (7, "7"), "sub/b.jpg": (3, "3")}),
        ("filename,label,number\na.jpg,cat,5\nsub/b.jpg,dog,-2\n", {"a.jpg": (5, "cat"), "sub/b.jpg": (-2, "dog")}),
        ("filename,label\na.jpg,cat\na.jpg,cat\nsub/b.jpg,dog\n", {"a.jpg": (0, "cat"), "sub/b.jpg": (1, "dog")}),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_a_csv_gives_labels(tmp_path: Path, text: str, labels: dict[str, tuple[int, str]], inside: bool) -> None:
    folder = touch(tmp_path / "folder", "a.jpg", "sub/b.jpg")
    path = (folder if inside else tmp_path) / "labels.csv"
    path.write_bytes(text.encode())
    assert labels_of(folder, path) == labels
    assert list_image_folder(folder, path).skipped == []


def test_what_is_only_in_the_csv_or_only_in_the_folder_is_told(tmp_path: Path) -> None:
    folder = touch(tmp_path / "folder", "a.jpg", "b.jpg", "notes.txt")
    path = tmp_path / "labels.csv"
    path.write_text("filename,label\na.jpg,cat\nc.jpg,cat\n")
    assert labels_of(folder, path) == {"a.jpg": (0, "cat")}
    assert problems(folder, path) == {
        "b.jpg": "has no label in the CSV",
        "c.jpg": "is in the CSV, but not in the folder",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the first line"),
        ("a.jpg,cat\n", "the first line"),
        ("filename,label\na.jpg\n", "line 2 has 1 columns"),
        ("filename,label\na.jpg,cat,extra\n", "line 2 has 3 columns"),
        ("filename,label\na.jpg,cat\na.jpg,dog\n", "line 3 gives a file another label"),
        ('filename,label\na.jpg,"cat\n', "not a CSV"),
        ("filename,label,number\na.jpg,cat,1\nb.jpg,cat,2\n", "line 3 gives a label another number"),
        ("filename,label\na.jpg,cat\nb.jpg,\n", "line 3 has no label"),
        ('filename,label,note\na.jpg,cat,"two\nlines"\n\nb.jpg,,\n', "line 5 has no label"),
        ("filename,label,number\na.jpg,cat,1\nb.jpg,dog,1\n", "a number for each label"),
        ("filename,label,number\na.jpg,cat,one\n", "a number for each label"),
    ],
)
def test_a_csv_that_is_none_is_an_error_with_its_name(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(TFRecordError, match=problem) as caught:
        list_image_folder(tmp_path, path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("arguments", [("nosuch",), (".", "nosuch.csv")])
def test_what_is_not_there_is_the_systems_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(FileNotFoundError):
        list_image_folder(*(tmp_path / argument for argument in arguments))


# What is in a folder.


def test_hidden_files_are_passed_over_and_names_with_an_underscore_are_not(tmp_path: Path) -> None:
    touch(tmp_path, "._1.jpg", ".git/2.jpg", ".DS_Store", "_MG_1.jpg", "cat.jpg/1.jpg")
    found = list_image_folder(tmp_path)
    assert [file.name for file in found.files] == ["cat.jpg/1.jpg"]
    assert [skip.name for skip in found.skipped] == ["_MG_1.jpg"]


@posix
def test_what_is_no_file_is_told_and_a_problem_if_it_claims_to_be_an_image(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.jpg")
    os.mkfifo(tmp_path / "a" / "fifo.jpg")
    os.mkfifo(tmp_path / "a" / "fifo")
    (tmp_path / "a" / "null.png").symlink_to("/dev/null")
    (tmp_path / "a" / "gone.png").symlink_to("nosuch")
    (tmp_path / "a" / "itself.png").symlink_to("itself.png")
    before = os.getcwd()
    os.chdir(tmp_path)  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a/socket.jpg")
    os.chdir(before)
    found = list_image_folder(tmp_path)
    assert [file.name for file in found.files] == ["a/1.jpg"]
    assert {skip.name: (skip.reason, skip.is_problem) for skip in found.skipped} == {
        "a/fifo": ("is a FIFO", False),
        "a/fifo.jpg": ("is a FIFO", True),
        "a/gone.png": ("a link to nothing", True),
        "a/itself.png": ("Too many levels of symbolic links", True),
        "a/null.png": ("is a device", True),
        "a/socket.jpg": ("is a socket", True),
    }


@posix
def test_links_are_followed_and_do_not_lead_in_circles(tmp_path: Path) -> None:
    elsewhere = touch(tmp_path / "elsewhere", "3.jpg", "4.jpg")
    folder = touch(tmp_path / "folder", "a/1.jpg", "b/2.jpg")
    (folder / "c").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(folder)
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "aside").symlink_to("../b")
    (folder / "a" / "file.jpg").symlink_to("../b/2.jpg")
    assert list(labels_of(folder)) == ["a/1.jpg", "a/file.jpg", "b/2.jpg", "c/3.jpg", "c/4.jpg"]
    reason = "a directory that is in the folder already"
    assert problems(folder) == {"a/aside": reason, "a/up": reason, "c/back": reason}


@posix
def test_a_directory_is_entered_once_whichever_of_its_links_comes_first(tmp_path: Path) -> None:
    outer = touch(tmp_path / "outer", "inner/1.jpg", "2.jpg").resolve()
    for number, (first, second) in enumerate([("outer", "outer/inner"), ("outer/inner", "outer")]):
        folder = touch(tmp_path / f"folder{number}", "real/0.jpg")
        (folder / "a").symlink_to(outer.parent / first)
        (folder / "b").symlink_to(outer.parent / second)
        assert len(list_image_folder(folder).files) == 3
        assert len(problems(folder)) == 1


@posix
def test_many_links_between_directories_are_no_explosion(tmp_path: Path) -> None:
    for number in range(12):
        touch(tmp_path, f"d{number}/1.jpg")
    for number in range(12):
        for other in range(12):
            (tmp_path / f"d{number}" / f"to{other}").symlink_to(f"../d{other}")
    assert len(list_image_folder(tmp_path).files) == 12
    assert len(list_image_folder(tmp_path).skipped) == 144


@posix
def test_any_name_is_kept(tmp_path: Path) -> None:
    names = [b"\xff\xfe.jpg", b"a\nb.jpg", b"\x1b[31m.jpg", "ä".encode() + b".jpg", b" .jpg", b"a\\b.jpg"]
    (tmp_path / "cat").mkdir()
    for name in names:
        Path(os.fsdecode(os.fsencode(tmp_path / "cat") + b"/" + name)).write_bytes(photographs()["china"])
    examples = list(read_image_folder(tmp_path))
    assert sorted(example["image/filename"] for example in examples) == sorted(b"cat/" + name for name in names)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become somebody else")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = folder_of_photographs(tmp_path / "folder", 2)
    secret = folder / "china" / "000.jpg"
    secret.chmod(0)
    (folder / "flower").chmod(0)
    allowed = [tmp_path, *list(tmp_path.parents)[:-1]]
    modes = [path.stat().st_mode for path in allowed]
    told: list[Skipped] = []
    try:
        for path, mode in zip(allowed, modes, strict=True):
            path.chmod(mode | 0o055)
        os.seteuid(65534)
        examples = list(read_image_folder(folder, on_error="skip", skipped=told.append))
        with pytest.raises(ImageError, match="Permission denied"):
            list(read_image_folder(folder))
    finally:
        os.seteuid(0)
        for path, mode in zip(allowed, modes, strict=True):
            path.chmod(mode)
    assert len(examples) == 3
    assert {(skip.name, skip.reason) for skip in told} == {
        ("flower", "Permission denied"),
        ("china/000.jpg", "Permission denied"),
    }


# Examples of a folder.


def test_an_example_has_the_features_that_tensorflow_programs_expect(tmp_path: Path) -> None:
    folder = folder_of_photographs(tmp_path / "folder")
    first = next(read_image_folder(folder))
    assert first == {
        "image/encoded": photographs()["china"],
        "image/format": "jpeg",
        "image/height": 427,
        "image/width": 640,
        "image/channels": 3,
        "image/colorspace": "RGB",
        "image/filename": b"china/000.jpg",
        "image/class/label": 0,
        "image/class/text": b"china",
    }
    small = next(read_image_folder(folder, rendition=Rendition(Size(64, 64), "crop", "png")))
    assert (small["image/height"], small["image/width"], small["image/format"]) == (64, 64, "png")
    assert opened(small["image/encoded"]).size == (64, 64)


def test_content_decides_and_not_the_extension(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(photographs()["china"])
    (tmp_path / "a" / "2.txt").write_bytes(photographs()["flower"])
    (tmp_path / "a" / "3.txt").write_text("no image")
    told: list[Skipped] = []
    examples = list(read_image_folder(tmp_path, skipped=told.append))
    assert [(example["image/filename"], example["image/format"]) for example in examples] == [
        (b"a/1.png", "jpeg"),
        (b"a/2.txt", "jpeg"),
    ]
    assert [(skip.name, skip.is_problem) for skip in told] == [("a/3.txt", False)]


def test_an_image_that_cannot_be_used_is_an_error_or_skipped(tmp_path: Path) -> None:
    folder = folder_of_photographs(tmp_path / "folder", 2)
    broken = folder / "flower" / "000.jpg"
    broken.write_bytes(broken.read_bytes()[:9000])
    with pytest.raises(ImageError, match=f"{broken}: cannot be decoded"):
        list(read_image_folder(folder))
    told: list[Skipped] = []
    assert len(list(read_image_folder(folder, on_error="skip", skipped=told.append))) == 5
    assert [skip.name for skip in told] == ["flower/000.jpg"]
    with pytest.raises(ValueError, match="on_error is 'ignore'"):
        next(read_image_folder(folder, on_error="ignore"))


# And back.


def test_a_folder_of_a_folders_examples_has_the_same_files_and_labels(tmp_path: Path) -> None:
    folder = folder_of_photographs(tmp_path / "folder", 2)
    (folder / "china" / "deep").mkdir()
    (folder / "china" / "000.jpg").rename(folder / "china" / "deep" / "0.jpg")
    examples = [decoded(example) for example in read_image_folder(folder)]
    assert write_image_folder(iter(examples), tmp_path / "out") == (6, ())
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.jpg")}
    assert {
        path.relative_to(tmp_path / "out"): path.read_bytes() for path in (tmp_path / "out").rglob("*.jpg")
    } == files
    for labels in (None, tmp_path / "out" / "labels.csv"):
        again = [decoded(example) for example in read_image_folder(tmp_path / "out", labels)]
        assert again == examples
    assert sorted(os.listdir(tmp_path)) == ["folder", "out"]


def test_labels_that_are_not_in_the_order_of_their_names_survive(tmp_path: Path) -> None:
    images = list(photographs().values())
    examples = [
        {"image/encoded": image, "image/class/label": label, "image/class/text": text}
        for image, label, text in zip(images, (7, -3, 7), ("b", "a", "b"), strict=True)
    ]
    assert write_image_folder(map(decoded, examples), tmp_path / "out").left_out == ()
    found = list(read_image_folder(tmp_path / "out", tmp_path / "out" / "labels.csv"))
    assert [(example["image/class/label"], example["image/class/text"]) for example in found] == [
        (-3, b"a"),
        (7, b"b"),
        (7, b"b"),
    ]


@pytest.mark.parametrize(
    ("labels", "left_out"),
    [
        ([("cat", 1), ("cat", 2)], ("image/class/label",)),
        ([("cat", 1), ("dog", 1)], ("image/class/label",)),
        ([("cat", 1), ("dog", None)], ("image/class/label",)),
        ([("cat", 1), (None, 2), (None, None)], ()),
        ([("cat", None), (None, 2)], ()),
        ([("7", 7), ("dog", None)], ()),
        ([("cat", None), ("dog", None)], ()),
    ],
)
def test_numbers_of_labels_are_in_the_csv_or_named_as_left_out(
    tmp_path: Path, labels: list[tuple[str | None, int | None]], left_out: tuple[str, ...]
) -> None:
    image = photographs()["flower"]
    examples = [
        {"image/encoded": image}
        | ({} if text is None else {"image/class/text": text})
        | ({} if number is None else {"image/class/label": number})
        for text, number in labels
    ]
    assert write_image_folder(map(decoded, examples), tmp_path / "out") == (len(labels), left_out)
    with (tmp_path / "out" / "labels.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    expected = [(text, number) for text, number in labels if (text, number) != (None, None)]
    assert len(rows) == len(expected)
    for row, (text, number) in zip(rows, expected, strict=True):
        assert row[1] == str(number if text is None else text)
        assert left_out or number is None or str(number) in row[1:]
    # What was written is read again in any case.
    assert len(list_image_folder(tmp_path / "out", tmp_path / "out" / "labels.csv").files) == len(expected)


def test_examples_of_others_become_a_folder(tmp_path: Path) -> None:
    png = encoded(opened(photographs()["china"]).resize((30, 20)), "PNG")
    write_image_folder([decoded({"img": png, "label": 3, "name": "x"})], tmp_path / "a")
    assert (tmp_path / "a" / "3" / "00000000.png").read_bytes() == png
    assert (tmp_path / "a" / "labels.csv").read_text() == "filename,label,number\n3/00000000.png,3,3\n"
    write_image_folder([decoded({"img": png, "other": png})], tmp_path / "b", image_feature="other")
    assert os.listdir(tmp_path / "b") == ["00000000.png"]
    write_image_folder([], tmp_path / "c")
    assert os.listdir(tmp_path / "c") == []


HARMFUL = [
    b"../../escaped.jpg",
    b"/etc/passwd",
    b"..",
    b".",
    b"",
    b".hidden.jpg",
    b"a/../../b.jpg",
    b"nul\0.jpg",
    b"c:\\x.jpg",
    b"labels.csv",
    b"x" * 5000,
    b"a.jpg",
    b"A.JPG",
    b"a.jpg",
    b"a.jpg/b.jpg",
    b"d/e.jpg",
    b"d",
    b"\xff\n.jpg",
    b"photo.tiff",
]


@posix
def test_names_from_data_lead_nowhere_and_overwrite_nothing(tmp_path: Path) -> None:
    image = photographs()["flower"]
    for texts in ([text.replace(b"\0", b"") for text in HARMFUL], [b"class"] * len(HARMFUL)):
        base = tmp_path / texts[0].hex()
        base.mkdir()
        examples = [
            decoded({"image/encoded": image, "image/filename": name, "image/class/text": text})
            for name, text in zip(HARMFUL, texts, strict=True)
        ]
        write_image_folder(examples, base / "out")
        assert os.listdir(base) == ["out"]
        files = [path for path in (base / "out").rglob("*") if path.is_file() and path.name != "labels.csv"]
        assert len(files) == len(HARMFUL)
        assert {path.suffix.lower() for path in files} == {".jpg"}
        assert all(path.read_bytes() == image for path in files)
        assert len({str(path).casefold() for path in files}) == len(files)
        with (base / "out" / "labels.csv").open(newline="", errors="surrogateescape") as file:
            rows = list(csv.reader(file))[1:]
        labels = [text for text in texts if text]  # an empty one is none
        assert [os.fsencode(label) for _, label in rows] == labels
        assert {base / "out" / name for name, _ in rows} <= set(files)
        assert len(list_image_folder(base / "out", base / "out" / "labels.csv").files) == len(labels) >= len(files) - 1


@pytest.mark.parametrize(
    ("example", "problem"),
    [
        ({"image/encoded": b"no image"}, "feature 'image/encoded': is no image file"),
        ({"label": 3}, "no feature is an image"),
        (
            {"image/encoded": photographs, "image/class/text": b"a\0b"},
            "feature 'image/class/text': has a NUL, which not every reader of CSV takes",
        ),
        ({"a": photographs, "b": photographs}, "2 features are images"),
        ({"image/encoded": np.zeros(3, np.float32)}, "feature 'image/encoded': is no image file"),
    ],
)
def test_a_record_without_an_image_is_an_error_and_no_folder(
    tmp_path: Path, example: dict[str, Any], problem: str
) -> None:
    image = photographs()["china"]
    example = {key: image if value is photographs else value for key, value in example.items()}
    with pytest.raises(FeatureError, match=f"record #1: {problem}"):
        write_image_folder([decoded({"image/encoded": image}), decoded(example)], tmp_path / "out")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_not_empty_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    touch(tmp_path / "full", "a")
    write_image_folder([decoded({"image/encoded": photographs()["china"]})], tmp_path / "empty")
    assert os.listdir(tmp_path / "empty") == ["00000000.jpg"]
    for name in ("full", "full/a"):
        with pytest.raises(FileExistsError):
            write_image_folder([], tmp_path / name)
    assert os.listdir(tmp_path / "full") == ["a"]


def test_pixels_survive_both_ways(tmp_path: Path) -> None:
    folder = folder_of_photographs(tmp_path / "folder")
    rendition = Rendition(encoding="png")
    write_image_folder(
        (decoded(example) for example in read_image_folder(folder, rendition=rendition)), tmp_path / "out"
    )
    for name, data in photographs().items():
        np.testing.assert_array_equal(pixels((tmp_path / "out" / name / "000.png").read_bytes()), pixels(data))
    assert (
        json.dumps(list_image_folder(tmp_path / "out").labels) == '{"0": "china", "1": "flower", "2": "grace_hopper"}'
    )


def test_images_are_those_of_one_feature(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (4, 3)).save(file, "PNG")
    examples: list[dict[str, Any]] = [
        {"photo": [file.getvalue()], "mask": None},
        {"photo": [b"damaged"], "mask": [file.getvalue()]},
    ]
    with pytest.raises(FeatureError, match="the images are in 'mask', 'photo', by record; name the one"):
        write_image_folder(examples, tmp_path / "out")
    assert os.listdir(tmp_path) == []
