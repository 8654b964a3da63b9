"""Real photographs, which scikit-learn and matplotlib carry in their wheels, and folders of them."""

from __future__ import annotations

import io
import struct
import zlib
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
