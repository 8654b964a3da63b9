"""Real photographs, which scikit-learn and matplotlib carry in their wheels, and folders of them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Array = NDArray[Any]


@lru_cache
def photographs() -> dict[str, bytes]:
    """{name: JPEG file}: china and flower of 640 x 427 pixels, grace_hopper of 512 x 600, which is upright."""
    sklearn = pytest.importorskip("sklearn.datasets")
    matplotlib = pytest.importorskip("matplotlib")
    paths = [
        Path(sklearn.__file__).parent / "images" / "china.jpg",
        Path(sklearn.__file__).parent / "images" / "flower.jpg",
        Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
    ]
    return {path.stem: path.read_bytes() for path in paths}


def opened(data: bytes) -> Image.Image:
    """An image file, decoded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def pixels(data: bytes) -> Array:
    """The same as an array."""
    return np.asarray(opened(data))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """An image file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


#: {name of a kind of image file that can say how it is to be turned: (Pillow's name, options of its encoder)}.
WITH_ORIENTATION: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {"quality": 95}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 95, "method": 0}),
    "TIFF": ("TIFF", {}),
    "TIFF, compressed": ("TIFF", {"compression": "tiff_adobe_deflate"}),
}
#: What has to be done to an upright picture, so that doing what the orientation says gives it back.
_UNDONE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def with_orientation(upright: Image.Image, orientation: int, kind: str) -> bytes:
    """An image file, of a kind in WITH_ORIENTATION, that is `upright` once it is turned as it says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored_as = upright.transpose(_UNDONE[orientation]) if orientation in _UNDONE else upright
    form, options = WITH_ORIENTATION[kind]
    return encoded(stored_as, form, exif=exif, **options)


def turned_photographs(directory: Path) -> Image.Image:
    """A folder with a small photograph in every kind of file and orientation; the photograph, as it is upright."""
    upright = opened(photographs()["grace_hopper"]).resize((64, 75))
    directory.mkdir()
    for kind in WITH_ORIENTATION:
        for orientation in range(1, 9):
            (directory / f"{kind} {orientation}").write_bytes(with_orientation(upright, orientation, kind))
    return upright


def check_upright(examples: Iterable[dict[str, Any]], upright: Image.Image) -> None:
    """That the examples are all those photographs, and show what this shows."""
    names = set()
    for example in examples:
        name = example["image/filename"][0].decode()
        image = opened(example["image/encoded"][0])
        assert image.size == upright.size == (int(example["image/width"][0]), int(example["image/height"][0])), name
        # Of files that are lossy; turned otherwise it is above 50.
        assert np.abs(np.asarray(image, int) - np.asarray(upright, int)).mean() < 10, name
        names.add(name)
    assert len(names) == len(WITH_ORIENTATION) * 8


def png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header says so, with hardly any data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def folder_of_photographs(directory: Path, copies: int = 1, size: tuple[int, int] | None = None) -> Path:
    """A folder with a class for each photograph, of `copies` files that differ by a row of pixels."""
    for name, data in photographs().items():
        (directory / name).mkdir(parents=True)
        for number in range(copies):
            path = directory / name / f"{number:03}.jpg"
            if number == 0 and size is None:
                path.write_bytes(data)
                continue
            image = opened(data)
            image = image.crop((0, number % 100, *image.size))
            path.write_bytes(encoded(image if size is None else image.resize(size), "JPEG"))
    return directory
