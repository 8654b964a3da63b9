"""pack: a folder of images becomes shards, whole, the same for any number of workers, and goes on after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import MEMORY
from photographs import check_upright, folder_of_photographs, photographs, pixels, png_of_size, turned_photographs

from tfrecord_lite import TFRecordOptions, read_examples, read_records
from tfrecord_lite.adapters.image_files import Rendition, Size
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.cardchecker.images import ImageError
from tfrecord_lite.cli import pack as pack_command
from tfrecord_lite.cli.main import main
from tfrecord_lite.files.journal import journal_path

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "tfrecord_lite", "pack"]
needs_signals = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and FIFOs")


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*COMMAND, *map(str, arguments)], env=environment, capture_output=True, text=True, **options)


def names_in(paths: Any) -> list[str]:
    return [os.fsdecode(example["image/filename"][0]) for example in read_examples(paths, keys=None)]


def shards_in(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.name[0] not in "._"}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_photographs(tmp_path / "in", 4)


# What is in the shards.


def test_tensorflow_reads_the_files_as_they_are(folder: Path, out: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    summary = pack(folder, out / "photos", workers=0)
    assert (summary.records, summary.labels) == (12, {"china": 4, "flower": 4, "grace_hopper": 4})
    features = {
        name: tf.io.FixedLenFeature([], kind)
        for kind, names in {
            tf.string: ("encoded", "format", "colorspace", "filename", "class/text"),
            tf.int64: ("height", "width", "channels", "class/label"),
        }.items()
        for name in (f"image/{name}" for name in names)
    }
    paths = [info.path for info in summary.parts[""]]
    found = []
    for record in tf.data.TFRecordDataset(paths):
        example = tf.io.parse_single_example(record, features)
        name = example["image/filename"].numpy().decode()
        data = example["image/encoded"].numpy()
        assert data == (folder / name).read_bytes()
        image = tf.io.decode_image(data)
        assert image.shape == tuple(int(example[f"image/{side}"]) for side in ("height", "width", "channels"))
        exact = tf.io.decode_jpeg(data, dct_method="INTEGER_ACCURATE").numpy()
        np.testing.assert_array_equal(exact, pixels(data))
        assert example["image/class/text"].numpy().decode() == name.split("/")[0]
        found.append((name, int(example["image/class/label"])))
    numbers = {"china": 0, "flower": 1, "grace_hopper": 2}
    expected = [path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")]
    assert sorted(found) == sorted((name, numbers[name.split("/")[0]]) for name in expected)
    assert json.loads((out / "_photos.labels.json").read_text()) == {"0": "china", "1": "flower", "2": "grace_hopper"}


@pytest.mark.parametrize("options", [["--encode", "png"], ["--resize", "32x64"]])
def test_images_of_any_kind_are_turned_as_they_say(out: Path, tmp_path: Path, options: list[str]) -> None:
    upright = turned_photographs(tmp_path / "in")
    assert main(["pack", str(tmp_path / "in"), "-o", f"{out}/p", "--workers", "1", *options]) == 0
    check_upright(read_examples(f"{out}/p-*"), upright if "--encode" in options else upright.resize((32, 38)))


def test_the_file_of_labels_is_no_data(folder: Path, out: Path) -> None:
    pack(folder, out / "photos", workers=0)
    assert len(list(read_records(out))) == len(list(read_records(f"{out}/photos*"))) == 12


def test_labels_of_an_older_set_go_with_it(folder: Path, out: Path, tmp_path: Path) -> None:
    pack(folder, out / "photos", workers=0)
    pack(folder / "china", out / "photos", workers=0)
    assert sorted(path.name for path in out.iterdir()) == ["_MANIFEST.json", "_SUCCESS", "photos-00000-of-00001"]
    labels = tmp_path / "labels.csv"
    labels.write_text("filename,label\n000.jpg,x\n001.jpg,y\n002.jpg,x\n003.jpg,x\n")
    assert pack(folder / "china", out / "photos", labels=labels, workers=0).labels == {"x": 3, "y": 1}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [{"num_shards": 5}, {"max_bytes": 20_000}, {"max_bytes": 20_000, "options": "GZIP"}])
def test_any_number_of_workers_gives_the_same_shards(folder: Path, out: Path, shape: dict[str, Any]) -> None:
    (folder / "china" / "broken.jpg").write_bytes(photographs()["china"][:5000])
    found = []
    for workers in (0, 1, 2):
        directory = out / str(workers)
        directory.mkdir()
        rendition = Rendition(Size(100, 100), "crop")
        summary = pack(folder, directory / "p", rendition=rendition, workers=workers, on_error="skip", **shape)
        assert [skip.name for skip in summary.skipped] == ["china/broken.jpg"]
        found.append(shards_in(directory))
    assert len(found[0]) > 2
    assert found[0] == found[1] == found[2]


def test_records_are_mixed_unless_they_are_to_be_in_order(folder: Path, out: Path) -> None:
    ordered = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg"))
    pack(folder, out / "a", order="name", workers=0)
    pack(folder, out / "b", workers=0)
    assert names_in(f"{out}/a-*") == ordered
    mixed = names_in(f"{out}/b-*")
    assert sorted(mixed) == ordered
    assert len({name.split("/")[0] for name in mixed[:4]}) > 1


def test_files_stay_in_their_part_when_others_come(tmp_path: Path, out: Path) -> None:
    folder = tmp_path / "in"
    data = png_of_one_pixel()
    split = {"train": 0.5, "val": 0.3, "test": 0.2}
    before: dict[str, set[str]] = {}
    for count in (100, 400):
        for number in range(count):
            path = folder / f"class{number % 3}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        pack(folder, out / "p", split=split, workers=0)
        found = {part: set(names_in(f"{out}/p-{part}-*")) for part in split}
        assert sum(map(len, found.values())) == count
        for part, names in found.items():
            assert names >= before.get(part, set())
            assert abs(len(names) / count - split[part]) < 0.1
        before = found


def test_the_parts_of_a_split_are_what_they_have_always_been(tmp_path: Path, out: Path) -> None:
    # Another hash would put files that a model was trained on into what it is tested on.
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.png").write_bytes(png_of_one_pixel())
    pack(folder, out / "p", split={"train": 0.5, "val": 0.5}, workers=0)
    assert names_in(f"{out}/p-train-*") == TRAIN
    assert names_in(f"{out}/p-val-*") == VAL


TRAIN = ["4.png", "11.png", "10.png", "6.png"]
VAL = ["9.png", "5.png", "0.png", "3.png", "7.png", "2.png", "8.png", "1.png"]


def png_of_one_pixel() -> bytes:
    from photographs import encoded
    from PIL import Image

    return encoded(Image.new("L", (1, 1)), "PNG")


@pytest.mark.parametrize(
    "arguments",
    [
        {"split": {"train": 0.5, "val": 0.4}},
        {"split": {"train": 1.5, "val": -0.5}},
        {"split": {"a/b": 1.0}},
        {"split": {"": 1.0}},
        {"order": "random"},
        {"on_error": "ignore"},
        {"num_shards": 2, "max_bytes": 1000},
        {"num_shards": 0},
        {"max_bytes": 0},
        {"workers": -1},
    ],
    ids=str,
)
def test_arguments_that_cannot_be_right_are_refused(folder: Path, out: Path, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        pack(folder, out / "p", **arguments)
    assert os.listdir(out) == []


def test_shards_are_not_written_into_the_folder(folder: Path) -> None:
    for prefix in (folder / "p", folder / "china" / "p"):
        with pytest.raises(ValueError, match="outside of the folder"):
            pack(folder, prefix)


# Hostile folders.


def make_hostile(folder: Path) -> dict[str, str]:
    """What is to be told of each."""
    cat = folder / "cat"
    cat.mkdir()
    china = photographs()["china"]
    (cat / "good.jpg").write_bytes(china)
    (cat / "a\n\x1b[31mb.jpg").write_bytes(china)
    Path(os.fsdecode(os.fsencode(cat) + b"/\xff\xfe.jpg")).write_bytes(china)
    (cat / "really.png").write_bytes(china)
    (cat / "no extension").write_bytes(china)
    (cat / "directory.jpg").mkdir()
    (cat / "directory.jpg" / "deep.jpg").write_bytes(china)
    (cat / "bomb.png").write_bytes(png_of_size(50_000, 50_000))
    (cat / "none.png").write_bytes(png_of_size(0, 0))
    (cat / "cut.jpg").write_bytes(china[:40_000])
    (cat / "empty.jpg").touch()
    (cat / "page.jpg").write_text("<html>404</html>")
    (cat / "notes.txt").write_text("not an image")
    (cat / "huge.tif").touch()
    os.truncate(cat / "huge.tif", 1 << 40)
    os.mkfifo(cat / "fifo.jpg")
    (cat / "null.jpg").symlink_to("/dev/null")
    (cat / "zero.jpg").symlink_to("/dev/zero")
    (cat / "itself.jpg").symlink_to("itself.jpg")
    (cat / "up").symlink_to("..")
    (cat / "memory.jpg").symlink_to("/proc/self/mem")
    return {
        "cat/bomb.png": "pixels",
        "cat/none.png": "",
        "cat/cut.jpg": "cannot be decoded",
        "cat/empty.jpg": "is empty",
        "cat/page.jpg": "is not an image",
        "cat/notes.txt": "is not an image",
        "cat/huge.tif": "bytes, which are the limit",
        "cat/fifo.jpg": "is a FIFO",
        "cat/null.jpg": "is a device",
        "cat/zero.jpg": "is a device",
        "cat/itself.jpg": "Too many levels",
        "cat/up": "a directory",
        "cat/memory.jpg": "Input/output error",
    }


@needs_signals
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
@pytest.mark.parametrize("options", [[], ["--resize", "64x64", "--encode", "jpeg"]], ids=["kept", "resized"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_hostile_folder_ends_with_a_list(folder: Path, out: Path, options: list[str], workers: int) -> None:
    expected = make_hostile(folder)
    result = run(folder, "-o", out / "p", "--on-error", "skip", "--workers", workers, "--json", *options, timeout=100)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["records"] == 12 + 6 == len(list(read_records(out)))
    found = {skip["name"]: skip["reason"] for skip in told["skipped"]}
    assert set(found) == set(expected)
    assert all(reason in found[name] for name, reason in expected.items())
    result = run(folder, "-o", out / "p", "--on-error", "skip", "--workers", workers, *options, timeout=100)
    lines = result.stdout.splitlines()
    assert len([line for line in lines if line.startswith("skipped ")]) == len(expected)
    assert "\x1b" not in result.stdout + result.stderr


@needs_signals
def test_without_skip_a_hostile_folder_is_one_line_and_nothing_is_written(folder: Path, out: Path) -> None:
    make_hostile(folder)
    result = run(folder, "-o", out / "p", timeout=100)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"tfrecord-lite: {folder}/cat/fifo.jpg: is a FIFO\n"
    assert os.listdir(out) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_image_is_named_and_nothing_is_written(folder: Path, out: Path, workers: int) -> None:
    broken = folder / "flower" / "001.jpg"
    broken.write_bytes(broken.read_bytes()[:9000])
    result = run(folder, "-o", out / "p", "--workers", workers)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"tfrecord-lite: {broken}: cannot be decoded: image file is truncated")
    assert result.stderr.count("\n") == 1
    assert os.listdir(out) == []


def test_a_folder_without_images_is_exit_code_1_with_the_list_and_keeps_what_was_there(folder: Path, out: Path) -> None:
    pack(folder, out / "p", workers=0)
    before = shards_in(out)
    for path in folder.rglob("*.jpg"):
        path.write_bytes(b"")
    result = run(folder, "-o", out / "p", "--on-error", "skip")
    assert result.returncode == 1
    assert result.stdout.count("is empty\n") == 12
    assert "nothing was written" in result.stderr
    assert shards_in(out) == before
    assert not [name for name in os.listdir(out) if name.startswith(".")]


def test_an_empty_folder_is_one_line(tmp_path: Path, out: Path) -> None:
    (tmp_path / "nothing").mkdir()
    result = run(tmp_path / "nothing", "-o", out / "p")
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1


# The command.


def test_the_example_of_the_help_makes_what_it_says(tmp_path: Path) -> None:
    (example,) = (example for example in pack_command.EXAMPLES if "--split" in example)
    folder_of_photographs(tmp_path / "photos", 4)
    program, command, *arguments = example.split()
    assert (program, command) == ("tfrecord-lite", "pack")
    result = run(*arguments, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    sizes = [(int(e["image/width"][0]), int(e["image/height"][0])) for e in read_examples(tmp_path / "packed-*")]
    assert len(sizes) == 12
    assert all(max(size) == 512 for size in sizes)
    assert {path.name.rsplit("-", 3)[0] for path in tmp_path.glob("packed-*")} == {
        "packed-train",
        "packed-val",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["--split", "train"],
        ["--split", "train=x"],
        ["--split", "train=0.5,train=0.5"],
        ["--split", "train=0.5"],
        ["--resize", "512"],
        ["--resize", "0x10"],
        ["--resize", "100000x100000"],
        ["--encode", "gif"],
        ["--quality", "101"],
        ["--quality", "90"],
        ["--quality", "90", "--encode", "png"],
        ["--shards", "2", "--max-bytes", "1M"],
        ["--workers", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(
    folder: Path, out: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        code = main(["pack", str(folder), "-o", str(out / "p"), *arguments])
    except SystemExit as error:
        code = error.code  # type: ignore[assignment]
    assert code == 2
    assert capsys.readouterr().out == ""
    assert os.listdir(out) == []


@pytest.mark.parametrize("arguments", ["nosuch -o out/p", "in -o nosuch/p", "in -o out/p --labels nosuch"])
def test_what_is_not_there_is_exit_code_1(tmp_path: Path, folder: Path, out: Path, arguments: str) -> None:
    result = run(*arguments.split(), cwd=tmp_path)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert result.stderr.startswith("tfrecord-lite: ")
    assert result.stderr.endswith("No such file or directory\n")
    assert os.listdir(out) == []


# Ends in the middle.


def start(folder: Path, out: Path, *arguments: object) -> subprocess.Popen[str]:
    """A pack whose shards are finished one after the other, stopped when some are."""
    command = [*COMMAND, str(folder), "-o", str(out / "p"), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    journal = Path(journal_path(str(out / "p")))
    limit = time.monotonic() + 100
    while not journal.exists() or journal.read_bytes().count(b'"finished"') < 5:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < limit
        time.sleep(0.01)
    return process


@pytest.fixture
def many(tmp_path: Path) -> Path:
    return folder_of_photographs(tmp_path / "in", 60)


OPTIONS = ("--resize", "300x300", "--max-bytes", 60_000)


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_that_was_ended_is_taken_up(many: Path, out: Path, end: signal.Signals, workers: int) -> None:
    with start(many, out, "--workers", workers, *OPTIONS) as process:
        os.killpg(process.pid, end)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if end == signal.SIGKILL else 130)
    assert shards_in(out) == {}
    if end == signal.SIGINT:
        assert errors == "tfrecord-lite: what is finished is kept, hidden: the same command goes on from there\n"
    result = run(many, "-o", out / "p", "--json", "--workers", 3 - workers, *OPTIONS)
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["records"] == 180
    assert told["resumed"] >= 5
    assert not [name for name in os.listdir(out) if name.startswith(".")]
    fresh = out.with_name("fresh")
    fresh.mkdir()
    assert run(many, "-o", fresh / "p", *OPTIONS).returncode == 0
    assert shards_in(out) == shards_in(fresh)


@needs_signals
@pytest.mark.slow
@pytest.mark.parametrize("change", ["file", "option"])
def test_a_run_with_other_files_or_options_starts_anew(many: Path, out: Path, change: str) -> None:
    with start(many, out, "--workers", 1, *OPTIONS) as process:
        process.kill()
    if change == "file":
        os.utime(many / "china" / "000.jpg", (0, 0))
    options = ("--resize", "200x200", *OPTIONS[2:]) if change == "option" else OPTIONS
    told = json.loads(run(many, "-o", out / "p", "--json", "--workers", 1, *options).stdout)
    assert (told["records"], told["resumed"]) == (180, 0)
    assert not [name for name in os.listdir(out) if name.startswith(".")]


@pytest.mark.slow
def test_what_was_skipped_by_a_run_before_is_told_again_or_an_error(folder: Path, out: Path) -> None:
    (folder / "flower" / "001.jpg").write_bytes(b"broken")
    (folder / "grace_hopper" / "003.jpg").write_bytes(b"broken")
    arguments: dict[str, Any] = {"order": "name", "max_bytes": 1, "workers": 0}

    class Enough(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done >= 7:
            raise Enough

    with pytest.raises(Enough):
        pack(folder, out / "p", on_error="skip", progress=progress, **arguments)
    with pytest.raises(ImageError, match=r"flower/001\.jpg"):
        pack(folder, out / "p", **arguments)
    summary = pack(folder, out / "p", on_error="skip", **arguments)
    assert summary.resumed > 5
    assert [skip.name for skip in summary.skipped] == ["flower/001.jpg", "grace_hopper/003.jpg"]
    assert summary.labels == {"china": 4, "flower": 3, "grace_hopper": 3}


@needs_signals
@pytest.mark.slow
def test_a_killed_worker_ends_it_with_the_image_named(many: Path, out: Path) -> None:
    script = """
import os, signal, sys
from tfrecord_lite.adapters import images
from tfrecord_lite.cli.main import main
read = images.read_image_file
def killed(path, rendition):
    if path.endswith("flower/007.jpg"):
        os.kill(os.getpid(), signal.SIGKILL)
    return read(path, rendition)
images.read_image_file = killed
import multiprocessing
multiprocessing.set_start_method("fork")
sys.exit(main(["pack", *sys.argv[1:]]))
"""
    command = [sys.executable, "-Wignore", "-c", script, str(many), "-o", str(out / "p"), "--workers", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert result.returncode == 1
    assert "('flower/007.jpg'): a worker process died" in result.stderr
    assert shards_in(out) == {}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how much memory was taken at most")
def test_memory_does_not_grow_with_the_number_of_images(tmp_path: Path, out: Path) -> None:
    script = f"""{MEMORY}
import sys
from tfrecord_lite.adapters.packing import pack
from tfrecord_lite.adapters.image_files import Rendition, Size
for workers in (0, 2):
    assert pack(sys.argv[1], sys.argv[2], rendition=Rendition(Size(256, 256)), workers=workers).records > 100
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss if workers else peak() >> 10)
"""
    taken = []
    for copies in (50, 200):
        folder = folder_of_photographs(tmp_path / str(copies), copies)
        result = subprocess.run(
            [sys.executable, "-c", script, str(folder), str(out / "p")],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        taken.append([int(line) for line in result.stdout.split()])
    for few, many in zip(*taken, strict=True):
        assert many < few * 1.15


def test_compression_and_number_of_shards(folder: Path, out: Path) -> None:
    summary = pack(folder, out / "p", num_shards=5, options=TFRecordOptions("GZIP"), workers=0)
    assert [info.records for info in summary.parts[""]] == [2, 2, 3, 2, 3]
    assert (out / "p-00000-of-00005").read_bytes()[:2] == b"\x1f\x8b"
    assert len(list(read_records(out))) == 12
