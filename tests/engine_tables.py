"""The table that the examples of the engines convert: small JPEGs, each with an id, a label and an embedding."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

#: How many values an embedding has.
WIDTH = 16


def photo_table(count: int) -> Any:
    """A pyarrow table of so many rows, no two of them the same."""
    import pyarrow as pa

    rng = np.random.default_rng(7)
    columns = {"id": pa.string(), "label": pa.int64(), "image": pa.binary(), "embedding": pa.list_(pa.float32())}
    return pa.table(
        {
            "id": [f"photo-{number:04}" for number in range(count)],
            "label": rng.integers(-(2**62), 2**62, count),
            "image": [_jpeg(rng) for _ in range(count)],
            "embedding": [row.tolist() for row in rng.normal(size=(count, WIDTH)).astype(np.float32)],
        },
        pa.schema(columns),
    )


def write_photos(path: Path, count: int) -> list[dict[str, Any]]:
    """The same as a Parquet file of several row groups; its rows."""
    import pyarrow.parquet as pq

    table = photo_table(count)
    pq.write_table(table, path, row_group_size=max(1, count // 5))
    return list(table.to_pylist())


def rows_of(directory: Path) -> list[dict[str, Any]]:
    """The rows of all Parquet files there, by id."""
    import pyarrow.parquet as pq

    rows = [row for path in directory.glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: str(row["id"]))


def _jpeg(rng: np.random.Generator) -> bytes:
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()
