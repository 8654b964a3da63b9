"""Lists of images -> file: what is drawn, what is checked, what is skipped, and what the summary says of it."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tfrecord_lite.cardchecker import ImageError, Skipped, Summary, crops, write_record_binary_cls
from tfrecord_lite.cardchecker.crops import Pixels
from tfrecord_lite.cardchecker.images import encode_pixels, resize
from tfrecord_lite.cardchecker.specimens import draw_background, draw_id_card, draw_licence
from tfrecord_lite.files.examples import read_examples
from tfrecord_lite.files.records import read_records

Lists = tuple[list[Any], list[Any], list[Any]]


@pytest.fixture(scope="module")
def pictures() -> Lists:
    random = np.random.default_rng(0)
    triples = [(draw_id_card(random), draw_licence(random), draw_background(random)) for _ in range(40)]
    return [t[0] for t in triples], [t[1] for t in triples], [t[2] for t in triples]


@pytest.fixture(scope="module")
def saved(pictures: Lists, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A directory with the first five triples as PNG files."""
    directory = tmp_path_factory.mktemp("saved")
    for images, name in zip(pictures, ("id", "dl", "bg"), strict=True):
        for number, image in enumerate(images[:5]):
            image.save(directory / f"{name}{number}.png")
    return directory


@pytest.fixture
def files(saved: pathlib.Path, tmp_path: pathlib.Path) -> Lists:
    """Paths of the first five triples, in copies of their files that a test may damage."""
    shutil.copytree(saved, tmp_path, dirs_exist_ok=True)
    cards, licences, backgrounds = ([tmp_path / f"{name}{n}.png" for n in range(5)] for name in ("id", "dl", "bg"))
    return cards, licences, backgrounds


def images_of(path: pathlib.Path) -> list[tuple[Pixels, int]]:
    """Pixels and label of each record of a raw file."""
    images = []
    for example in read_examples(path):
        (pixels,) = example["image/image_id_raw"]
        images.append((np.frombuffer(pixels, np.uint8).reshape(320, 320), int(example["image/label"][0])))
    return images


def test_every_triple_becomes_a_record_of_one_of_its_four_crops(pictures: Lists, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "images.tfrecords"
    summary = write_record_binary_cls(*pictures, path, seed=1)
    found = dict.fromkeys(crops.KINDS, 0)
    written = images_of(path)
    assert len(written) == 40
    for number, (pixels, label) in enumerate(written):
        card, licence, background = (np.asarray(images[number])[:, :, 0] for images in pictures)
        fixed = {"id": card[27:90, 90:368], "licence": licence[10:40, 20:120], "background": background}
        matching = [kind for kind, crop in fixed.items() if np.array_equal(resize(crop), pixels)]
        if not matching and is_window_below(pixels, card, 90, (63, 278)):
            matching = ["non_match"]
        if not matching and is_window_below(pixels, licence, 40, (30, 100)):
            matching = ["non_match"]
        (kind,) = matching
        assert label == (1 if kind in ("id", "licence") else 0)
        found[kind] += 1
    assert summary.kinds == found
    assert min(found.values()) > 0


def is_window_below(pixels: Pixels, channel: Pixels, first_row: int, shape: tuple[int, int]) -> bool:
    """Whether `pixels` are a resized window of `shape` of `channel`, from `first_row` down."""
    windows = np.lib.stride_tricks.sliding_window_view(channel[first_row:], shape)
    # Only where the corners agree is the whole compared: the corners of the result are the window's, nearly.
    near = np.ones(windows.shape[:2], bool)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        near &= np.abs(windows[:, :, row, column].astype(int) - int(pixels[row, column])) <= 1
    return any(np.array_equal(resize(windows[top, left]), pixels) for top, left in np.argwhere(near))


def test_features_are_exactly_these(pictures: Lists, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "images.tfrecords"
    write_record_binary_cls(*pictures, path)
    for example in read_examples(path):
        assert list(example) == [
            "image/format",
            "image/height",
            "image/image_id_raw",
            "image/label",
            "image/width",
        ]
        assert example["image/format"] == [b"raw"]
        assert (example["image/height"][0], example["image/width"][0]) == (320, 320)


def test_same_seed_and_images_give_the_same_bytes(pictures: Lists, tmp_path: pathlib.Path) -> None:
    first, second, other = (tmp_path / name for name in ("first", "second", "other"))
    write_record_binary_cls(*pictures, first, seed=7)
    write_record_binary_cls(*pictures, second, seed=7)
    write_record_binary_cls(*pictures, other, seed=8)
    assert first.read_bytes() == second.read_bytes()
    assert first.read_bytes() != other.read_bytes()


def test_without_seed_every_run_draws_anew(pictures: Lists, tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_record_binary_cls(*pictures, first)
    write_record_binary_cls(*pictures, second)
    assert first.read_bytes() != second.read_bytes()


def test_paths_pictures_and_arrays_give_the_same_bytes(files: Lists, pictures: Lists, tmp_path: pathlib.Path) -> None:
    pictures = tuple(images[:5] for images in pictures)  # type: ignore[assignment]
    arrays = [[np.asarray(image) for image in images] for images in pictures]
    strings = [[str(path) for path in paths] for paths in files]
    contents = set()
    for number, (cards, licences, backgrounds) in enumerate((files, strings, pictures, arrays)):
        path = tmp_path / f"{number}.tfrecords"
        write_record_binary_cls(cards, licences, backgrounds, path, seed=3)
        contents.add(path.read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize("image_format", ["png", "jpeg"])
def test_encoded_records_hold_the_raw_records_pixels(
    image_format: str, pictures: Lists, tmp_path: pathlib.Path
) -> None:
    raw, encoded = tmp_path / "raw", tmp_path / "encoded"
    write_record_binary_cls(*pictures, raw, seed=2)
    write_record_binary_cls(*pictures, encoded, seed=2, image_format=image_format)
    for (pixels, label), example in zip(images_of(raw), read_examples(encoded), strict=True):
        assert example["image/format"] == [image_format.encode()]
        assert example["image/image_id_raw"] == [encode_pixels(pixels, image_format)]
        assert example["image/label"][0] == label


@pytest.mark.parametrize("compression", ["GZIP", "ZLIB"])
def test_compressed_file_holds_the_same_records(compression: str, pictures: Lists, tmp_path: pathlib.Path) -> None:
    plain, compressed = tmp_path / "plain", tmp_path / "compressed"
    write_record_binary_cls(*pictures, plain, seed=2)
    write_record_binary_cls(*pictures, compressed, seed=2, options=compression)
    assert compressed.stat().st_size < plain.stat().st_size
    assert list(read_records(compressed)) == list(read_records(plain))


def test_lists_of_different_length_are_an_error_naming_them(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "images.tfrecords"
    with pytest.raises(ValueError) as caught:
        write_record_binary_cls(["nowhere"] * 3, ["nowhere"] * 2, ["nowhere"] * 4, path)
    message = str(caught.value)
    for fact in ("target_images_id has 3", "target_images_dl has 2", "target_bg_natural has 4"):
        assert fact in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_format": "gif"}, "image_format is 'gif'; raw, png, jpeg are possible"),
        ({"on_error": "ignore"}, "on_error is 'ignore'; raise, skip are possible"),
        ({"options": "gzip"}, "gzip"),
        ({"seed": -1}, "non-negative"),
    ],
)
def test_impossible_arguments_are_an_error_before_any_work(
    arguments: dict[str, Any], message: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(ValueError, match=message):
        write_record_binary_cls(["nowhere"], ["nowhere"], ["nowhere"], tmp_path / "images", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_one_path_instead_of_a_list_is_a_type_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(TypeError, match="target_images_dl is a list of images, not one str"):
        write_record_binary_cls(["a.png"], "b.png", ["c.png"], tmp_path / "images")


def test_no_images_give_an_empty_file(tmp_path: pathlib.Path) -> None:
    summary = write_record_binary_cls([], [], [], tmp_path / "images")
    assert (tmp_path / "images").read_bytes() == b""
    assert summary == Summary(
        str(tmp_path / "images"),
        0,
        {0: 0, 1: 0},
        {"id": 0, "licence": 0, "non_match": 0, "background": 0},
        [],
    )


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_each_image_is_checked_whichever_becomes_the_record(
    position: int, seed: int, files: Lists, tmp_path: pathlib.Path
) -> None:
    files[position][4].write_bytes(b"damaged")
    path = tmp_path / "images.tfrecords"
    with pytest.raises(ImageError) as caught:
        write_record_binary_cls(*files, path, seed=seed)
    assert caught.value.image == str(files[position][4])
    assert not path.exists()


@pytest.mark.parametrize(
    ("position", "size", "needed"),
    [
        (0, (152, 368), "at least 153 rows x 368 columns are needed"),
        (0, (153, 367), "at least 153 rows x 368 columns are needed"),
        (1, (69, 120), "at least 70 rows x 120 columns are needed"),
        (1, (70, 119), "at least 70 rows x 120 columns are needed"),
        (2, (0, 4), "at least 1 rows x 1 columns are needed"),
    ],
)
def test_too_small_images_are_named_with_what_is_needed(
    position: int, size: tuple[int, int], needed: str, tmp_path: pathlib.Path
) -> None:
    smallest = [np.zeros(least, np.uint8) for least in ((153, 368), (70, 120), (1, 1))]
    lists: Lists = ([smallest[0]] * 2, [smallest[1]] * 2, [smallest[2]] * 2)
    write_record_binary_cls(*lists, tmp_path / "images")
    lists[position][1] = np.zeros(size, np.uint8)
    name = ("target_images_id", "target_images_dl", "target_bg_natural")[position]
    with pytest.raises(ImageError) as caught:
        write_record_binary_cls(*lists, tmp_path / "images")
    assert str(caught.value) == f"{name}[1]: has {size[0]} rows x {size[1]} columns; {needed}"


def test_what_was_there_before_stays_when_an_image_fails(files: Lists, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "images.tfrecords"
    path.write_bytes(b"before")
    files[1][2].write_bytes(b"damaged")
    with pytest.raises(ImageError):
        write_record_binary_cls(*files, path)
    assert path.read_bytes() == b"before"


def test_missing_file_is_file_not_found_with_its_path(files: Lists, tmp_path: pathlib.Path) -> None:
    files[2][3].unlink()
    with pytest.raises(FileNotFoundError) as caught:
        write_record_binary_cls(*files, tmp_path / "images")
    assert caught.value.filename == str(files[2][3])


def test_skip_leaves_out_bad_triples_and_says_why(files: Lists, tmp_path: pathlib.Path) -> None:
    files[0][1].write_bytes(b"damaged")
    files[2][3].unlink()
    Image.new("RGB", (30, 20)).save(files[1][4])
    summary = write_record_binary_cls(*files, tmp_path / "images", on_error="skip")
    assert summary.records == 2 == len(list(read_records(tmp_path / "images")))
    assert [(skipped.number, skipped.image) for skipped in summary.skipped] == [
        (1, str(files[0][1])),
        (3, str(files[2][3])),
        (4, str(files[1][4])),
    ]
    reasons = [skipped.reason for skipped in summary.skipped]
    assert reasons[0].startswith("is not an image that is read here")
    assert reasons[1] == os.strerror(errno.ENOENT)
    assert reasons[2] == "has 20 rows x 30 columns; at least 70 rows x 120 columns are needed"


def test_skipped_triple_does_not_change_the_others(files: Lists, tmp_path: pathlib.Path) -> None:
    write_record_binary_cls(*files, tmp_path / "all", seed=5)
    files[1][2].write_bytes(b"damaged")
    write_record_binary_cls(*files, tmp_path / "rest", seed=5, on_error="skip")
    records = list(read_records(tmp_path / "all"))
    assert list(read_records(tmp_path / "rest")) == records[:2] + records[3:]


def test_skip_does_not_hide_mistakes_in_the_program(files: Lists, tmp_path: pathlib.Path) -> None:
    files[0][1] = 17
    with pytest.raises(TypeError, match=r"target_images_id\[1\]: .* not int"):
        write_record_binary_cls(*files, tmp_path / "images", on_error="skip")


def test_skip_does_not_hide_an_output_that_cannot_be_written(files: Lists, tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError) as caught:
        write_record_binary_cls(*files, tmp_path / "no such directory" / "images", on_error="skip")
    assert caught.value.errno == errno.ENOENT


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_skip_does_not_hide_a_full_disk(files: Lists) -> None:
    with pytest.raises(OSError) as caught:
        write_record_binary_cls(*files, "/dev/full", on_error="skip")
    assert caught.value.errno == errno.ENOSPC


def test_progress_is_told_after_every_triple_skipped_or_not(files: Lists, tmp_path: pathlib.Path) -> None:
    files[0][1].write_bytes(b"damaged")
    calls: list[tuple[int, int]] = []
    write_record_binary_cls(*files, tmp_path / "images", on_error="skip", progress=lambda *call: calls.append(call))
    assert calls == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_one_triple_is_open_at_a_time(tmp_path: pathlib.Path) -> None:
    """The images of a triple are asked for one after the other, after the triple before is done."""
    log: list[str] = []

    class Images(list[Any]):
        def __getitem__(self, number: Any) -> Any:
            log.append(f"open {number}")
            return np.zeros((200, 400), np.uint8)

    lists = (Images([None] * 3), Images([None] * 3), Images([None] * 3))
    write_record_binary_cls(*lists, tmp_path / "images", progress=lambda done, _: log.append(f"done {done}"))
    assert log == [line for n in range(3) for line in [f"open {n}"] * 3 + [f"done {n + 1}"]]


def test_summary_reads_well_and_escapes_names() -> None:
    summary = Summary(
        "out\x1b[2J.tfrecords",
        3,
        {0: 1, 1: 2},
        {"id": 1, "licence": 1, "non_match": 0, "background": 1},
        [Skipped(2, "card\n.png", "is blue")],
    )
    assert str(summary).splitlines() == [
        r"out\x1b[2J.tfrecords: 3 records",
        "  by label: 0: 1, 1: 2",
        "  by kind: id: 1, licence: 1, non_match: 0, background: 1",
        r"  triple 2 skipped: card\n.png: is blue",
    ]


def test_summary_goes_through_json_unchanged(files: Lists, tmp_path: pathlib.Path) -> None:
    files[0][1].unlink()
    summary = write_record_binary_cls(*files, tmp_path / "images", on_error="skip").as_dict()
    assert json.loads(json.dumps(summary)) == summary
    assert list(summary) == ["path", "records", "labels", "kinds", "skipped"]
    assert list(summary["labels"]) == ["0", "1"]
    assert summary["skipped"][0]["image"] == str(files[0][1])
