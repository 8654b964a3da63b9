"""The commands `cardchecker write` and `demo`: results, messages, exit codes, and files."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tfrecord_lite.cardchecker import write_record_binary_cls
from tfrecord_lite.cardchecker.images import IMAGE_FORMATS
from tfrecord_lite.cli.main import main
from tfrecord_lite.files.examples import read_examples
from tfrecord_lite.files.records import read_records
from tfrecord_lite.files.verification import verify


@pytest.fixture
def directories(tmp_path: pathlib.Path) -> list[pathlib.Path]:
    """Three images each of identity cards, licences and backgrounds."""
    random = np.random.default_rng(3)
    made = []
    for name, (rows, columns) in {"id": (160, 400), "dl": (80, 130), "background": (20, 30)}.items():
        made.append(tmp_path / name)
        made[-1].mkdir()
        for number in range(3):
            pixels = random.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(made[-1] / f"{number}.png")
    return made


def write(directories: list[pathlib.Path], *options: str) -> int:
    """Run `cardchecker write` on the directories and return its exit code."""
    names = [str(directory) for directory in directories]
    paths = ["--id", names[0], "--dl", names[1], "--background", names[2]]
    try:
        return main(["cardchecker", "write", *paths, *options])
    except SystemExit as leaving:  # how argparse reports a usage error
        return int(str(leaving.code))


def test_write_makes_the_file_that_the_function_makes(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "images.tfrecords"
    options = ["--seed", "4", "--format", "png", "--compression", "GZIP"]
    assert write(directories, "-o", str(out), *options) == 0
    lists = [sorted(directory.iterdir()) for directory in directories]
    expected = tmp_path / "expected.tfrecords"
    summary = write_record_binary_cls(
        lists[0], lists[1], lists[2], expected, seed=4, image_format="png", options="GZIP"
    )
    assert out.read_bytes() == expected.read_bytes()
    printed = capsys.readouterr()
    assert printed.out == str(summary).replace("expected", "images") + "\n"
    assert printed.err == ""


def test_write_takes_images_in_the_order_of_their_names(
    directories: list[pathlib.Path], tmp_path: pathlib.Path
) -> None:
    for directory in directories:
        (directory / "0.png").rename(directory / "3.png")
    assert write(directories, "-o", str(tmp_path / "out"), "--seed", "1") == 0
    lists = [[directory / f"{number}.png" for number in (1, 2, 3)] for directory in directories]
    write_record_binary_cls(lists[0], lists[1], lists[2], tmp_path / "expected", seed=1)
    assert (tmp_path / "out").read_bytes() == (tmp_path / "expected").read_bytes()


def test_write_without_output_writes_images_tfrecords_here(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert write(directories) == 0
    assert len(list(read_records(tmp_path / "images.tfrecords"))) == 3


def test_write_json_is_one_object_on_stdout(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write(directories, "-o", str(tmp_path / "out"), "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["records"] == 3 == sum(summary["kinds"].values()) == sum(summary["labels"].values())
    assert summary["path"] == str(tmp_path / "out")
    assert summary["skipped"] == []


@pytest.mark.parametrize("image_format", IMAGE_FORMATS)
def test_write_knows_every_format(image_format: str, directories: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    assert write(directories, "-o", str(tmp_path / "out"), "--format", image_format) == 0
    assert {example["image/format"][0] for example in read_examples(tmp_path / "out")} == {image_format.encode()}


def test_files_that_are_no_images_are_left_out_and_counted(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directories[0] / "notes.txt").touch()
    (directories[0] / "Thumbs.db").touch()
    (directories[0] / ".hidden.png").touch()
    (directories[0] / "more.png").mkdir()
    (directories[1] / "0.png").rename(directories[1] / "0.PNG")
    assert write(directories, "-o", str(tmp_path / "out")) == 0
    assert capsys.readouterr().err == (
        f"tfrecord-lite: {directories[0]}: 2 files left out that have no image's extension\n"
    )


def test_different_counts_are_a_usage_error_naming_all_three(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directories[1] / "0.png").unlink()
    (directories[2] / "0.png").unlink()
    (directories[2] / "1.png").unlink()
    assert write(directories, "-o", str(tmp_path / "out")) == 2
    printed = capsys.readouterr()
    for directory, count in zip(directories, (3, 2, 1), strict=True):
        assert f"{directory} {count}" in printed.err
    assert printed.out == ""
    assert not (tmp_path / "out").exists()


def test_directories_without_images_are_a_usage_error(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert write([tmp_path] * 3, "-o", str(tmp_path / "out")) == 2
    assert f"no images in {tmp_path}" in capsys.readouterr().err


@pytest.mark.parametrize("position", [0, 1, 2])
def test_missing_directory_is_a_usage_error_naming_it(
    position: int, directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directories[position] = tmp_path / "nowhere\x1b[2J"
    assert write(directories, "-o", str(tmp_path / "out")) == 2
    assert rf"{tmp_path}/nowhere\x1b[2J is not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--seed", "-1"], ["--seed", "x"], ["--format", "gif"], ["--compression", "gzip"], ["--on-error", "ignore"]],
    ids=" ".join,
)
def test_impossible_options_are_usage_errors(
    options: list[str],
    directories: list[pathlib.Path],
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert write(directories, "-o", str(tmp_path / "out"), *options) == 2
    assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_image_is_exit_code_1_and_no_file(
    directories: list[pathlib.Path], tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directories[2] / "1.png").write_bytes(b"damaged")
    assert write(directories, "-o", str(tmp_path / "out")) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"tfrecord-lite: {directories[2] / '1.png'}: is not an image that is read here")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("as_json", [False, True])
def test_skipped_images_are_in_the_summary_and_exit_code_0(
    as_json: bool,
    directories: list[pathlib.Path],
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (directories[2] / "1.png").write_bytes(b"damaged")
    options = ["--on-error", "skip", *(["--json"] if as_json else [])]
    assert write(directories, "-o", str(tmp_path / "out"), *options) == 0
    printed = capsys.readouterr().out
    if as_json:
        assert [skipped["number"] for skipped in json.loads(printed)["skipped"]] == [1]
    else:
        assert f"triple 1 skipped: {directories[2] / '1.png'}: " in printed
    assert len(list(read_records(tmp_path / "out"))) == 2


def test_all_images_skipped_is_exit_code_1(directories: list[pathlib.Path], tmp_path: pathlib.Path) -> None:
    for path in directories[0].iterdir():
        path.write_bytes(b"damaged")
    assert write(directories, "-o", str(tmp_path / "out"), "--on-error", "skip") == 1


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The output directory of one run of the demo."""
    out = tmp_path_factory.mktemp("demo") / "out"
    assert main(["demo", "--out", str(out)]) == 0
    return out


def test_demo_makes_a_sound_file_of_records_of_both_labels(demo: pathlib.Path) -> None:
    report = verify(demo / "images.tfrecords")
    assert report.sound
    labels = [int(example["image/label"][0]) for example in read_examples(demo / "images.tfrecords")]
    assert len(labels) == 48
    # A model that always says the same must be wrong about as often as right.
    assert 20 <= sum(labels) <= 28


def test_demo_leaves_specimens_from_which_the_command_makes_the_same_file(
    demo: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    directories = [demo / name for name in ("id", "dl", "background")]
    assert write(directories, "-o", str(tmp_path / "out"), "--seed", "2") == 0
    assert (tmp_path / "out").read_bytes() == (demo / "images.tfrecords").read_bytes()


def test_demo_makes_a_contact_sheet(demo: pathlib.Path) -> None:
    with Image.open(demo / "contact_sheet.png") as sheet:
        sheet.load()
        assert sheet.width > 800
        assert sheet.height > 600


def test_demo_says_what_it_made_and_can_run_again(demo: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (demo / "images.tfrecords").read_bytes()
    assert main(["demo", "--out", str(demo)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for text in (
        "images.tfrecords: 48 records",
        "by label: 0: ",
        "by kind: id: ",
        "48 records, every CRC is sound",
        '  0  image/format "raw"  image/height 320  image/image_id_raw <102,400 bytes>  image/label ',
        "contact_sheet.png",
        "tfrecord-lite cardchecker write",
    ):
        assert text in printed.out
    assert max(map(len, printed.out.splitlines())) < 160
    assert (demo / "images.tfrecords").read_bytes() == before


def test_demo_that_cannot_write_is_exit_code_1(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert main(["demo", "--out", str(tmp_path / "file")]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_small_model_learns_from_the_demo(demo: pathlib.Path) -> None:
    tf = pytest.importorskip("tensorflow")
    from tfrecord_lite.adapters.tf_data import read_record_single_cls

    tf.keras.utils.set_random_seed(0)
    layers: Any = tf.keras.layers
    model = tf.keras.Sequential(
        [
            layers.Input((320, 320, 1)),
            layers.Rescaling(1 / 255),
            layers.AveragePooling2D(8),
            layers.Conv2D(8, 5, activation="relu"),
            layers.MaxPooling2D(4),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(tf.keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    epochs = 24
    batches = read_record_single_cls(demo / "images.tfrecords", batch_size=16, epoch=epochs)
    pairs = batches.map(lambda batch: (batch["img"], batch["label"][:, tf.newaxis]))
    history = model.fit(pairs, epochs=epochs, steps_per_epoch=48 // 16, verbose=0)
    assert max(history.history["accuracy"]) > 0.85


@pytest.mark.parametrize("output", ["-", "/dev/stdout"])
def test_records_on_standard_output_are_not_mixed_with_the_summary(tmp_path: pathlib.Path, output: str) -> None:
    command = [sys.executable, "-m", "tfrecord_lite"]
    subprocess.run([*command, "demo", "--out", tmp_path / "demo"], check=True, capture_output=True)
    folders = [
        f"--{option}={tmp_path / 'demo' / name}"
        for option, name in (("id", "id"), ("dl", "dl"), ("background", "background"))
    ]
    result = subprocess.run(
        [*command, "cardchecker", "write", *folders, "-o", output, "--seed", "2"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert result.stdout == (tmp_path / "demo" / "images.tfrecords").read_bytes()
    assert b"48 records" in result.stderr
