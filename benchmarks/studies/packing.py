"""A folder of photographs to 512-pixel JPEGs in shards, by us and by the same job written with TensorFlow.

The photographs have 12 megapixels, as those of telephones and cameras, or 2, as on the web: scikit-learn's two,
enlarged, with grain, so that their files have the usual size.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import tfrecord_lite as tfr
from benchmarks import reference
from benchmarks.measure import Contest, Difference, measure
from benchmarks.table import Entry, Report
from tfrecord_lite.adapters.image_files import Rendition, Size
from tfrecord_lite.adapters.packing import pack

_REPOSITORY = Path(__file__).parent.parent.parent
#: Each photograph is a file of several names: the disk is not to be filled.
_NAMES_OF_A_FILE = 4
#: {width and height: how many for each processor that is at work}.
_PHOTOGRAPHS = {(4000, 3000): 96, (1600, 1200): 384}
_GRAIN = 7
_SIDE = 512
_QUALITY = 90
#: Photographs a minute and core that are asked for.
_BAR = 2000
#: Of 255: what two ways of resizing differ by on average.
_TOLERANCE = 10


def study(directory: Path, scratch: Path, rounds: int, scale: float) -> Report:
    """In one process and in as many as there are processors; TensorFlow as everybody writes it, and with care."""
    rows = [
        row
        for size, count in _PHOTOGRAPHS.items()
        for workers in dict.fromkeys((1, os.cpu_count() or 1))
        for row in _rows(
            scratch / f"{size[0]}-{workers}",
            size,
            max(_NAMES_OF_A_FILE, round(count * workers * scale)),
            workers,
            min(rounds, 3),
        )
    ]
    return Report(
        "packing",
        f"`pack --resize {_SIDE}x{_SIDE} --encode jpeg` of a folder of photographs, beside `tf.io.decode_jpeg`,"
        " `tf.image.resize` (bilinear and not smoothed: its default, and the fastest), `encode_jpeg` and"
        " `TFRecordWriter`, in a loop or by `tf.data` with as many parallel calls. Photographs a minute and core, and"
        " TensorFlow's time divided by ours. For several cores, starting our processes is included. With `ratio`,"
        f" TensorFlow decodes fewer pixels, as we do; its user has to know how many. At least {_BAR:,} are asked for.",
        ("photographs", "at work", "TensorFlow's", "ours", "theirs", "wall", "CPU", "met"),
        rows,
    )


def _rows(scratch: Path, size: tuple[int, int], count: int, workers: int, rounds: int) -> Iterator[tuple[Entry, ...]]:
    folder, ours, theirs = scratch / "photographs", scratch / "ours", scratch / "theirs"
    for path in (ours, theirs):
        path.mkdir(parents=True)
    megabytes = _make_photographs(folder, count, size) / count / 1e6
    for ratio in dict.fromkeys((1, next(ratio for ratio in (8, 4, 2, 1) if size[0] >= ratio * _SIDE))):
        contest = Contest(
            partial(_pack, folder, ours / "train", workers),
            partial(_pack_with_tensorflow, folder, theirs / "train", workers, ratio),
            count,
            partial(_check, ours, theirs, count),
            cpu_clock=lambda: sum(os.times()[:4]),  # with that of processes that have ended
        )
        taken = measure(contest, rounds)
        a_minute = [60 / figures.wall / workers for figures in (taken.ours, taken.theirs)]
        way = "decode_jpeg" if ratio == 1 else f"decode_jpeg(ratio={ratio})"
        photographs = f"{size[0]} x {size[1]}, {megabytes:.1f} MB"
        processes = f"{workers} core{'s' if workers > 1 else ''}"
        yield photographs, processes, way, *a_minute, *taken.ratio, a_minute[0] >= _BAR


def _make_photographs(folder: Path, count: int, size: tuple[int, int]) -> int:
    """Photographs in class folders; bytes in all."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    grain = random.integers(-_GRAIN, _GRAIN + 1, (size[1], size[0], 3), np.int16)
    large = [Image.fromarray(image).resize(size) for image in load_sample_images().images]
    paths: list[Path] = []
    for number in range(count):
        kind = number // _NAMES_OF_A_FILE % len(large)
        paths.append(folder / f"class{kind}" / f"{number:04}.jpg")
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        if number % _NAMES_OF_A_FILE:
            os.link(paths[-2], paths[-1])
            continue
        grained = np.asarray(large[kind], np.int16) + np.roll(grain, number * 997, axis=(0, 1))
        Image.fromarray(grained.clip(0, 255).astype(np.uint8)).save(paths[-1], quality=_QUALITY)
    return sum(path.stat().st_size for path in paths)


def _pack(folder: Path, prefix: Path, workers: int) -> None:
    if workers == 1:
        rendition = Rendition(Size(_SIDE, _SIDE), encoding="jpeg", quality=_QUALITY)
        pack(folder, prefix, rendition=rendition, order="name", num_shards=1, workers=1)
        return
    # TensorFlow has threads in this process, which its fork would not survive.
    command = [sys.executable, "-m", "tfrecord_lite", "pack", os.path.abspath(folder), "-o", os.path.abspath(prefix)]
    command += ["--resize", f"{_SIDE}x{_SIDE}", "--encode", "jpeg", "--quality", str(_QUALITY)]
    command += ["--order", "name", "--shards", "1", "--workers", str(workers)]
    subprocess.run(command, cwd=_REPOSITORY, check=True, stdout=subprocess.DEVNULL)


def _pack_with_tensorflow(folder: Path, prefix: Path, workers: int, ratio: int) -> None:
    tf = reference.tensorflow()
    classes = sorted(path.name for path in folder.iterdir())
    paths = sorted(folder.glob("*/*.jpg"))

    def smaller(path: Any) -> Any:
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio)
        image = tf.image.resize(image, (_SIDE, _SIDE), preserve_aspect_ratio=True)
        image = tf.cast(tf.clip_by_value(tf.round(image), 0, 255), tf.uint8)
        return tf.io.encode_jpeg(image, quality=_QUALITY), tf.shape(image)

    names = [str(path) for path in paths]
    done: Iterable[Any]
    if workers == 1:
        done = map(smaller, names)
    else:
        done = tf.data.Dataset.from_tensor_slices(names).map(smaller, num_parallel_calls=workers, deterministic=True)
    with tf.io.TFRecordWriter(f"{prefix}-00000-of-00001") as writer:
        for path, (encoded, shape) in zip(paths, done, strict=True):
            height, width, channels = shape.numpy().tolist()
            text = path.parent.name
            features = {
                "image/encoded": _bytes(encoded.numpy()),
                "image/format": _bytes(b"jpeg"),
                "image/height": _integer(height),
                "image/width": _integer(width),
                "image/channels": _integer(channels),
                "image/colorspace": _bytes(b"RGB"),
                "image/filename": _bytes(path.relative_to(folder).as_posix().encode()),
                "image/class/label": _integer(classes.index(text)),
                "image/class/text": _bytes(text.encode()),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(example.SerializeToString())


def _bytes(value: bytes) -> Any:
    tf = reference.tensorflow()
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def _integer(value: int) -> Any:
    tf = reference.tensorflow()
    return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))


def _check(ours: Path, theirs: Path, count: int) -> None:
    """Everything is the same but the pixels, which are nearly."""
    from PIL import Image

    pairs = list(zip(tfr.read_examples(ours), tfr.read_examples(theirs), strict=True))
    if len(pairs) != count:
        raise Difference(f"{len(pairs)} of {count} photographs")
    for number, pair in enumerate(pairs):
        images = []
        for example in pair:
            with Image.open(io.BytesIO(example.pop("image/encoded")[0])) as image:
                images.append(np.asarray(image, np.int16))
        if repr(sorted(pair[0].items())) != repr(sorted(pair[1].items())):
            raise Difference(f"photograph {number}: other features")
        if images[0].shape != images[1].shape or np.abs(images[0] - images[1]).mean() > _TOLERANCE:
            raise Difference(f"photograph {number}: other pixels")
