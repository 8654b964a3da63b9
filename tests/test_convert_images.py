"""convert: folders of images both ways, with real photographs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import (
    check_upright,
    encoded,
    folder_of_photographs,
    opened,
    photographs,
    pixels,
    turned_photographs,
)

import tfrecord_lite as tfr
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert
from tfrecord_lite.convert.image_folders import ImageOptions

CLASSES = ["china", "flower", "grace_hopper"]


def examples_of(path: Path) -> list[dict[str, Any]]:
    return list(tfr.read_examples(path))


def files_of(directory: Path) -> dict[str, bytes]:
    """{name: bytes} of all images below a folder."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.suffix != ".csv"]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What is said when it is refused as wrong use."""
    assert main(["convert", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_photographs_go_there_and_back_byte_for_byte(tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos", copies=3)
    assert main(["convert", str(photos), str(tmp_path / "a.tfrecord"), "--from", "images"]) == 0
    found = examples_of(tmp_path / "a.tfrecord")
    assert [example["image/class/text"][0].decode() for example in found] == [name for name in CLASSES for _ in "123"]
    assert [int(example["image/class/label"][0]) for example in found] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert main(["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / "back") + "/"]) == 0
    assert files_of(tmp_path / "back") == files_of(photos)
    labels = tmp_path / "back" / "labels.csv"
    convert(tmp_path / "back", tmp_path / "again.tfrecord", from_format="images")
    assert (tmp_path / "again.tfrecord").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()
    arguments = ["convert", tmp_path / "back", tmp_path / "c.tfrecord", "--from", "images", "--labels", labels]
    assert main(list(map(str, arguments))) == 0
    assert (tmp_path / "c.tfrecord").read_bytes() == (tmp_path / "a.tfrecord").read_bytes()


def test_the_labels_of_a_folder_are_not_taken_for_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos, back, out = folder_of_photographs(tmp_path / "photos"), tmp_path / "back", tmp_path / "a.tfrecord"
    convert(photos, out, from_format="images")
    convert(out, f"{back}/")
    for folder in (back, f"{back}/"):
        assert "back/labels.csv: are these labels of images, or a table?" in refusal(
            capsys, folder, tmp_path / "b.tfrecord"
        )
    assert not (tmp_path / "b.tfrecord").exists()
    assert convert(back, tmp_path / "b.tfrecord", from_format="csv").records == 3
    assert convert(back / "labels.csv", tmp_path / "c.tfrecord").records == 3
    assert convert(f"{back}/*.csv", tmp_path / "d.tfrecord").records == 3


def test_tensorflow_reads_the_photographs(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    photos = folder_of_photographs(tmp_path / "photos")
    convert(photos, tmp_path / "a.tfrecord", from_format="images", compression="GZIP")
    dataset = tf.data.TFRecordDataset(str(tmp_path / "a.tfrecord"), "GZIP")
    features = {
        "image/encoded": tf.io.FixedLenFeature([], tf.string),
        "image/class/label": tf.io.FixedLenFeature([], tf.int64),
        "image/height": tf.io.FixedLenFeature([], tf.int64),
    }
    for number, record in enumerate(dataset):
        example = tf.io.parse_single_example(record, features)
        image = tf.io.decode_jpeg(example["image/encoded"])
        assert image.shape[0] == example["image/height"]
        assert example["image/class/label"] == number
        assert np.abs(image.numpy().astype(int) - pixels(photographs()[CLASSES[number]])).mean() < 2


@pytest.mark.parametrize("workers", [0, 2])
def test_images_are_resized_and_encoded_on_the_way_in_and_out(tmp_path: Path, workers: int) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    options = ["--workers", str(workers), "--resize", "64x64", "--encode"]
    assert main(["convert", str(photos), str(tmp_path / "a"), "--from", "images", *options, "png"]) == 0
    for example in examples_of(tmp_path / "a"):
        image = opened(example["image/encoded"][0])
        assert (image.format, max(image.size)) == ("PNG", 64)
        assert example["image/format"] == [b"png"]
        assert (int(example["image/width"][0]), int(example["image/height"][0])) == image.size
    convert(photos, tmp_path / "b", from_format="images")
    assert main(["convert", str(tmp_path / "b"), str(tmp_path / "out"), "--to", "images", *options, "png"]) == 0
    assert files_of(tmp_path / "out") == {
        f"{example['image/class/text'][0].decode()}/000.png": example["image/encoded"][0]
        for example in examples_of(tmp_path / "a")
    }
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "jpeg"), "--to", "images", "--encode", "jpeg"]) == 0
    assert {opened(data).format for data in files_of(tmp_path / "jpeg").values()} == {"JPEG"}
    assert sorted(files_of(tmp_path / "jpeg")) == [f"{name}/000.jpg" for name in CLASSES]


def test_images_of_any_kind_are_turned_as_they_say(tmp_path: Path) -> None:
    upright = turned_photographs(tmp_path / "in")
    kept, first, second, third = (str(tmp_path / f"{name}.tfrecord") for name in ("kept", "a", "b", "c"))
    convert(tmp_path / "in", kept, from_format="images")
    for example in examples_of(Path(kept)):
        is_sideways = int(example["image/filename"][0][-1:]) > 4
        size = upright.size[::-1] if is_sideways else upright.size
        assert (int(example["image/width"][0]), int(example["image/height"][0])) == size  # as it is stored
    assert main(["convert", str(tmp_path / "in"), first, "--from", "images", "--encode", "png"]) == 0
    check_upright(examples_of(Path(first)), upright)
    assert main(["convert", kept, second, "--encode", "png"]) == 0
    check_upright(examples_of(Path(second)), upright)
    assert main(["convert", kept, third, "--resize", "32x64"]) == 0
    check_upright(examples_of(Path(third)), upright.resize((32, 38)))


def test_a_csv_gives_the_labels(tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    (tmp_path / "labels.csv").write_text(
        "filename,label,number\nchina/000.jpg,place,7\nflower/000.jpg,plant,3\ngrace_hopper/000.jpg,person,5\n"
    )
    arguments = ["--from", "images", "--labels", str(tmp_path / "labels.csv"), "--shards", "2"]
    assert main(["convert", str(photos), str(tmp_path / "out"), *arguments]) == 0
    found = list(tfr.read_examples(str(tmp_path / "out-*")))
    assert {(example["image/class/text"][0], int(example["image/class/label"][0])) for example in found} == {
        (b"place", 7),
        (b"plant", 3),
        (b"person", 5),
    }


def test_the_image_may_be_any_feature(tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    assert main(["convert", str(photos), str(tmp_path / "a"), "--from", "images", "--image-feature", "img"]) == 0
    assert [example["img"] for example in examples_of(tmp_path / "a")] == [[photographs()[name]] for name in CLASSES]
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "out"), "--to", "images"]) == 0
    assert files_of(tmp_path / "out") == files_of(photos)
    with tfr.TFRecordWriter(tmp_path / "b") as writer:
        writer.write_example({"left": photographs()["china"], "right": photographs()["flower"], "label": 4})
    arguments = ["convert", tmp_path / "b", tmp_path / "right", "--to", "images", "--image-feature", "right"]
    assert main(list(map(str, arguments))) == 0
    assert files_of(tmp_path / "right") == {"4/00000000.jpg": photographs()["flower"]}


def test_features_that_a_folder_cannot_hold_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = {"image/height": 7, "image/format": "jpeg", "image/class/text": "x", "image/class/label": 1}
    with tfr.TFRecordWriter(tmp_path / "a") as writer:
        writer.write_example({"image/encoded": photographs()["china"], **known, "image/filename": "a.jpg"})
        writer.write_example({"image/encoded": photographs()["china"], **known, "caption": "c", "label": 3})
        writer.write_example({"image/encoded": photographs()["china"], **known, "image/object/bbox/xmin": [0.5]})
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "out") + "/", "--json", "--quiet"]) == 0
    told = capsys.readouterr()
    assert told.err == (
        "tfrecord-lite: a folder of images has no place for these features, which are left out:"
        " caption, image/object/bbox/xmin, label\n"
    )
    assert json.loads(told.out)["left_out"] == ["caption", "image/object/bbox/xmin", "label"]
    photos = folder_of_photographs(tmp_path / "photos")
    convert(photos, tmp_path / "b", from_format="images")
    assert main(["convert", str(tmp_path / "b"), str(tmp_path / "back") + "/"]) == 0
    assert capsys.readouterr().err == ""


def test_numbers_that_are_not_one_to_one_with_texts_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(labels: list[tuple[str, int]], name: str, feature: str = "image/class/label") -> str:
        with tfr.TFRecordWriter(tmp_path / name) as writer:
            for text, number in labels:
                image = photographs()["china"]
                writer.write_example({"image/encoded": image, "image/class/text": text, feature: number})
        assert main(["convert", str(tmp_path / name), str(tmp_path / name) + ".folder/", "--quiet"]) == 0
        return capsys.readouterr().err

    message = "tfrecord-lite: a folder of images has no place for these features, which are left out: {}\n"
    assert told([("cat", 1), ("cat", 2)], "a") == message.format("image/class/label")
    assert told([("cat", 1), ("dog", 1)], "b", "label") == message.format("label")
    assert told([("cat", 4), ("dog", 2), ("cat", 4)], "c") == ""
    folder = tmp_path / "c.folder"
    convert(folder, tmp_path / "d", from_format="images", images=ImageOptions(labels=folder / "labels.csv"))
    labels = [
        (example["image/class/text"], int(example["image/class/label"][0])) for example in examples_of(tmp_path / "d")
    ]
    assert labels == [([b"cat"], 4), ([b"cat"], 4), ([b"dog"], 2)]


def test_what_is_no_image_is_named_or_skipped_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    (photos / "china" / "cut.jpg").write_bytes(photographs()["china"][:5000])
    (photos / "flower" / "text.png").write_bytes(b"no image")
    command = ["convert", str(photos), str(tmp_path / "a"), "--from", "images"]
    assert main(command) == 1
    assert "photos/china/cut.jpg: cannot be decoded" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["photos"]
    assert main([*command, "--on-error", "skip", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["records"] == 3
    assert [os.path.relpath(row["path"], photos) for row in told["skipped"]] == ["china/cut.jpg", "flower/text.png"]
    assert "is not an image" in told["skipped"][1]["reason"]


def test_a_record_without_an_image_is_named_or_skipped_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = encoded(opened(photographs()["china"]), "JPEG")[:4000]
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        for value in (photographs()["china"], b"none", cut, photographs()["flower"]):
            writer.write_example({"image/encoded": value})
    command = ["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / "out") + "/"]
    assert main(command) == 1
    message = capsys.readouterr().err
    assert "a.tfrecord: record #1 at offset " in message
    assert "feature 'image/encoded': is no image file" in message
    assert os.listdir(tmp_path) == ["a.tfrecord"]
    assert main([*command, "--on-error", "skip", "--encode", "png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in told["skipped"]] == [1, 2]
    assert told["files"] == [{"path": str(tmp_path / "out") + "/", "records": 2, "bytes": told["files"][0]["bytes"]}]
    assert sorted(files_of(tmp_path / "out")) == ["00000000.png", "00000001.png"]


def test_a_damaged_file_leaves_no_folder_or_what_is_sound(tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    convert(photos, tmp_path / "a", from_format="images")
    data = bytearray((tmp_path / "a").read_bytes())
    data[20] ^= 1
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(tfr.CorruptRecordError):
        convert(tmp_path / "a", tmp_path / "out", to_format="images")
    assert sorted(os.listdir(tmp_path)) == ["a", "photos"]
    done = convert(tmp_path / "a", tmp_path / "out", to_format="images", on_error="skip")
    assert (done.records, len(done.skipped)) == (2, 1)
    assert sorted(files_of(tmp_path / "out")) == ["flower/000.jpg", "grace_hopper/000.jpg"]


def test_standard_input_and_output(tmp_path: Path) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    command = [sys.executable, "-m", "tfrecord_lite", "convert"]
    there = subprocess.run([*command, str(photos), "-", "--from", "images"], capture_output=True, check=True)
    assert len(list(tfr.read_records(io.BytesIO(there.stdout)))) == 3
    subprocess.run([*command, "-", str(tmp_path / "out"), "--to", "images"], input=there.stdout, check=True)
    assert files_of(tmp_path / "out") == files_of(photos)


def test_what_cannot_be_is_refused_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = folder_of_photographs(tmp_path / "photos")
    out = tmp_path / "out.tfrecord"
    convert(photos, tmp_path / "a", from_format="images")
    assert main(["convert", str(photos), str(out)]) == 1
    assert "no data files in the directory; a folder of images is read with --from images" in capsys.readouterr().err
    assert "say with --from or --to (from_format, to_format) what one is: " in refusal(capsys, photos / "china", out)
    assert "one folder" in refusal(capsys, photos, photos, out, "--from", "images")
    assert "this is none" in refusal(capsys, tmp_path / "a", out, "--from", "images")
    assert "outside of the folder" in refusal(capsys, photos, photos / "a.tfrecord", "--from", "images")
    assert "one side has to be TFRecord" in refusal(capsys, photos, tmp_path / "a.csv", "--from", "images")
    assert "both sides are images" in refusal(capsys, photos, tmp_path / "b", "--from", "images", "--to", "images")
    new = tmp_path / "new"
    for options in (["--shards", "2"], ["--compression", "GZIP"], ["--labels", "a.csv"], ["--text", "a"]):
        assert refusal(capsys, tmp_path / "a", new, "--to", "images", *options)
    assert "is no stream" in refusal(capsys, tmp_path / "a", "-", "--to", "images")
    assert "changes none of them" in refusal(capsys, tmp_path / "a", tmp_path / "a.csv", "--image-feature", "a")
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "nowhere" / "out") + "/"]) == 1
    assert capsys.readouterr().err == f"tfrecord-lite: {tmp_path / 'nowhere' / 'out'}: No such file or directory\n"
    assert main(["convert", str(tmp_path / "a"), str(photos)]) == 1
    assert "the folder is there already, and not empty" in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["a", "photos"]
