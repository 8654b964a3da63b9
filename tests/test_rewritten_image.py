"""Images of records stored otherwise: what becomes of the image, and of what the record says of it."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photographs import encoded, folder_of_photographs, opened, photographs

import tfrecord_lite as tfr
from tfrecord_lite.adapters.image_files import Rendition, Size
from tfrecord_lite.adapters.rewritten_image import ImageRewriter
from tfrecord_lite.cli.main import main
from tfrecord_lite.convert import convert

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.parquet as pq

PHOTO = photographs()["china"]
SMALL_PNG = ImageRewriter(None, Rendition(Size(64, 64), encoding="png"))


def rewritten(example: dict[str, Any], rewrite: ImageRewriter = SMALL_PNG) -> dict[str, Any]:
    return tfr.decode_example(rewrite(tfr.encode_example(example)))


def write(path: Path, examples: list[dict[str, Any]]) -> Path:
    with tfr.TFRecordWriter(path) as writer:
        for example in examples:
            writer.write_example(example)
    return path


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["convert", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_what_stands_beside_the_image_says_what_it_is_now() -> None:
    found = rewritten(
        {
            "image/encoded": PHOTO,
            "image/format": "JPEG",
            "image/height": 9999,
            "image/width": opened(PHOTO).width,
            "image/channels": 3,
            "image/colorspace": "RGB",
            "image/filename": "china.jpg",
            "image/key/sha256": hashlib.sha256(PHOTO).hexdigest(),
            "image/object/bbox/xmin": [0.25],
            "label": 7,
        }
    )
    [data] = found["image/encoded"]
    image = opened(data)
    assert (image.format, max(image.size)) == ("PNG", 64)
    assert (int(found["image/width"][0]), int(found["image/height"][0])) == image.size
    assert found["image/format"] == [b"PNG"]  # in upper case, as it was
    assert found["image/key/sha256"] == [hashlib.sha256(data).hexdigest().encode()]
    assert found["image/filename"] == [b"china.jpg"]
    assert (found["image/object/bbox/xmin"].tolist(), found["label"].tolist()) == ([0.25], [7])


def test_nothing_is_added() -> None:
    assert rewritten({"image/encoded": PHOTO, "n": 1}).keys() == {"image/encoded", "n"}


def test_empty_lists_and_features_without_a_kind_stay_what_they_are() -> None:
    others = {"names": np.empty(0, object), "numbers": np.empty(0, np.int64), "rates": np.empty(0, "<f4"), "none": None}
    record = SMALL_PNG(tfr.encode_example({"image/encoded": PHOTO} | others))
    image = tfr.decode_example(record)["image/encoded"]
    assert record == tfr.encode_example({"image/encoded": image} | others)


def test_a_grey_image_is_of_one_channel() -> None:
    grey = encoded(opened(PHOTO).convert("L"), "PNG")
    found = rewritten({"image/encoded": grey, "image/channels": 3, "image/colorspace": "RGB"})
    assert (found["image/channels"].tolist(), found["image/colorspace"]) == ([1], [b"grayscale"])


def test_features_without_a_folder_are_told_where_they_were_about_the_image() -> None:
    width, height = opened(PHOTO).size
    example = {"photo": PHOTO, "height": height, "width": np.array([width], np.float32), "format": "jpg", "depth": 3}
    found = rewritten(example)
    image = opened(found["photo"][0])
    assert (found["height"].tolist(), found["width"].tolist()) == ([image.height], [image.width])
    assert found["width"].dtype == np.float32
    assert (found["format"], found["depth"].tolist()) == ([b"png"], [3])
    person = {"photo": PHOTO, "height": 181, "format": "letter", "depth": 40}
    assert {name: value for name, value in rewritten(person).items() if name != "photo"} == {
        "height": 181,
        "format": [b"letter"],
        "depth": 40,
    }


def test_a_record_whose_image_has_no_kind_stays_and_one_without_is_an_error() -> None:
    record = tfr.encode_example({"image/encoded": None, "image/height": 5})
    assert SMALL_PNG(record) == record
    with pytest.raises(tfr.FeatureError, match="'picture': is no image file"):
        rewritten({"image/encoded": PHOTO}, ImageRewriter("picture", SMALL_PNG.rendition))
    with pytest.raises(tfr.FeatureError, match="2 features are images: 'left', 'right'; name"):
        rewritten({"left": PHOTO, "right": PHOTO})
    with pytest.raises(tfr.DecodeError, match="SequenceExample"):
        SMALL_PNG(tfr.encode_sequence_example({"image/encoded": PHOTO}, {"words": ["a"]}))


@pytest.mark.parametrize("workers", [0, 2])
def test_tfrecord_files_become_tfrecord_files(tmp_path: Path, workers: int) -> None:
    photos = folder_of_photographs(tmp_path / "photos", copies=3)
    convert(photos, tmp_path / "a.tfrecord", from_format="images")
    options = ["--resize", "64x64", "--encode", "png", "--workers", str(workers)]
    assert main(["convert", str(tmp_path / "a.tfrecord"), str(tmp_path / "b.tfrecord"), *options]) == 0
    assert main(["convert", str(photos), str(tmp_path / "c.tfrecord"), "--from", "images", *options]) == 0
    assert (tmp_path / "b.tfrecord").read_bytes() == (tmp_path / "c.tfrecord").read_bytes()
    arguments = [tmp_path / "a.tfrecord", tmp_path / "set", "--shards", 2, "--compression", "GZIP", *options]
    assert main(["convert", *map(str, arguments)]) == 0
    assert sorted(tfr.read_records(str(tmp_path / "set-*"))) == sorted(tfr.read_records(tmp_path / "b.tfrecord"))


@pytest.mark.parametrize("end", ["parquet", "arrow", "npz", "jsonl", "tar", "csv"])
def test_images_are_stored_otherwise_into_tables_and_out_of_them(end: str, tmp_path: Path) -> None:
    examples = [{"image/encoded": image, "image/height": 1, "n": n} for n, image in enumerate(photographs().values())]
    source = write(tmp_path / "a.tfrecord", examples)
    table = tmp_path / f"t.{end}"
    assert main(["convert", str(source), str(table), "--resize", "32x32", "--encode", "png"]) == 0
    schema = [] if end != "csv" else ["--schema", str(tmp_path / "schema.json")]
    (tmp_path / "schema.json").write_text(tfr.infer_schema(source).to_json())
    assert main(["convert", str(table), str(tmp_path / "b.tfrecord"), *schema]) == 0
    found = list(tfr.read_examples(tmp_path / "b.tfrecord"))
    rewrite = ImageRewriter(None, Rendition(Size(32, 32), encoding="png"))
    assert [tfr.encode_example(example) for example in found] == [rewrite(r) for r in tfr.read_records(source)]
    assert main(["convert", str(table), str(tmp_path / "c.tfrecord"), "--encode", "jpeg", *schema]) == 0
    for number, example in enumerate(tfr.read_examples(tmp_path / "c.tfrecord")):
        image = opened(example["image/encoded"][0])
        assert (image.format, max(image.size)) == ("JPEG", 32)
        assert (int(example["image/height"][0]), int(example["n"][0])) == (image.height, number)


def test_a_row_whose_image_cannot_be_used_is_named_or_skipped_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = pa.table({"image/encoded": [PHOTO, b"none", None, PHOTO[:4000], PHOTO], "n": range(5)})
    pq.write_table(table, tmp_path / "t.parquet")
    command = ["convert", str(tmp_path / "t.parquet"), str(tmp_path / "out"), "--encode", "png"]
    assert main(command) == 1
    assert "t.parquet: record #1: feature 'image/encoded': is no image file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert main([*command, "--on-error", "skip", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["number"] for row in told["skipped"]] == [1, 3]
    assert [int(example["n"][0]) for example in tfr.read_examples(tmp_path / "out")] == [0, 2, 4]


def test_a_record_whose_image_cannot_be_used_is_named_or_skipped_and_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "a.tfrecord", [{"image/encoded": image} for image in (PHOTO, b"none", PHOTO)])
    for out in ("b.tfrecord", "b.parquet"):
        command = ["convert", str(source), str(tmp_path / out), "--encode", "png"]
        assert main(command) == 1
        assert "a.tfrecord: record #1 at offset " in capsys.readouterr().err
        assert not (tmp_path / out).exists()
        assert main([*command, "--on-error", "skip", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["records"], [row["number"] for row in told["skipped"]]) == (2, [1])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("out", ["b.tfrecord", "b.parquet", "b/"])
def test_the_image_is_the_same_feature_in_all_records_of_all_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, workers: int
) -> None:
    first = write(tmp_path / "1.tfrecord", [{"photo": PHOTO, "thumb": b""}] * 3)
    second = write(tmp_path / "2.tfrecord", [{"photo": b"", "thumb": PHOTO}])
    command = ["convert", str(first), str(second), str(tmp_path / out), "--encode", "png", "--workers", str(workers)]
    assert main(command) == 1
    assert "the images are in 'photo', 'thumb', by record; name the one to write" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.tfrecord", "2.tfrecord"]
    assert main([*command, "--image-feature", "photo", "--on-error", "skip"]) == 0


def test_the_image_is_the_same_feature_in_all_rows_of_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pq.write_table(pa.table({"photo": [PHOTO, b""], "thumb": [b"", PHOTO]}), tmp_path / "t.parquet")
    assert main(["convert", str(tmp_path / "t.parquet"), str(tmp_path / "out"), "--encode", "png"]) == 1
    assert "the images are in 'photo', 'thumb', by record" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_image_that_is_too_large_is_said_to_be_so(bomb: bytes) -> None:
    for example in ({"photo": bomb}, {"image/encoded": bomb}):
        with pytest.raises(tfr.FeatureError, match=r"'(photo|image/encoded)': (is too large|is larger|.*limit)"):
            rewritten(example)
    with pytest.raises(tfr.FeatureError, match="no feature is an image"):
        rewritten({"n": 1})


@pytest.fixture
def bomb() -> bytes:
    """A PNG that says it has 2**32 pixels."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", 1 << 16, 1 << 16, 8, 2, 0, 0, 0)
    data = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x89PNG\r\n\x1a\n" + data + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "a.tfrecord", [{"image/encoded": PHOTO}])
    assert "both sides are tfrecord" in refusal(capsys, source, tmp_path / "b.tfrecord")
    assert "changes none of them" in refusal(capsys, source, tmp_path / "b.tfrecord", "--image-feature", "x")
    labels = ["--labels", "a.csv", "--encode", "png"]
    assert "labels are for a folder" in refusal(capsys, source, tmp_path / "b.csv", *labels)
    text = ["--text", "a", "--encode", "png"]
    assert "for parquet and arrow" in refusal(capsys, source, tmp_path / "b.tfrecord", *text)
    (tmp_path / "a.csv").touch()
    assert "both sides are csv" in refusal(capsys, tmp_path / "a.csv", tmp_path / "b.csv", "--encode", "png")
