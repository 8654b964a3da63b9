"""One loader of tensors, in a process of its own: `python -m benchmarks.studies.loader_process LOADER FILE FEATURES`.

FEATURES is JSON, {name: [dtype, shape]}, the shape null for lists of different lengths. For each line of its input it
prints one:

    digest   of all records, whatever the order and the batches in which they come
    time     as `reader_process` prints it

All give {name: values of _BATCH_SIZE records}: numbers as tensors, bytes as PyTorch's uint8 or TensorFlow's strings.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from benchmarks.studies.reader_process import Reading, timed

_BATCH_SIZE = 1024
#: {name: (dtype, shape or None)}
Features = Mapping[str, tuple[str, list[int] | None]]


def our_loader(path: str, features: Features, *, shuffle: bool = False) -> Reading:
    from torch.utils.data import DataLoader

    import tfrecord_lite as tfr
    from tfrecord_lite.adapters.torch import TFRecordDataset

    asked = _asked(features, tfr)
    dataset = TFRecordDataset(path, asked, batch_size=_BATCH_SIZE, shuffle=shuffle, bytes_as="blob")
    return lambda: DataLoader(dataset, batch_size=None)


def our_shuffled(path: str, features: Features) -> Reading:
    return our_loader(path, features, shuffle=True)


def tfrecord_loader(path: str, features: Features) -> Reading:
    from tfrecord.torch.dataset import TFRecordDataset
    from torch.utils.data import DataLoader

    kinds = {"string": "byte", "int64": "int", "float32": "float"}
    dataset = TFRecordDataset(path, None, {name: kinds[dtype] for name, (dtype, _) in features.items()})
    return lambda: DataLoader(dataset, batch_size=_BATCH_SIZE, collate_fn=_collated)


def tensorflow_loader(path: str, features: Features) -> Reading:
    from benchmarks import reference

    batches = reference.read_batches(path, _asked(features, reference.tensorflow().io), _BATCH_SIZE)
    return lambda: batches


LOADERS = {
    "tfrecord_lite": our_loader,
    "tfrecord_lite, shuffled": our_shuffled,
    "tfrecord": tfrecord_loader,
    "tf.data": tensorflow_loader,
}


def _asked(features: Features, module: Any) -> dict[str, Any]:
    return {
        name: module.RaggedFeature(dtype) if shape is None else module.FixedLenFeature(shape, dtype)
        for name, (dtype, shape) in features.items()
    }


def _collated(examples: list[dict[str, Any]]) -> dict[str, Any]:
    """What torch's own collate function does, in one copy, and for lists of different lengths as well."""
    return {name: _joined([example[name] for example in examples]) for name in examples[0]}


def _joined(values: list[Any]) -> Any:
    import torch

    lengths = np.fromiter(map(len, values), np.int64, len(values))
    is_bytes = isinstance(values[0], bytes)
    octets = np.frombuffer(bytearray().join(values), np.uint8) if is_bytes else None
    tensor = torch.from_numpy(np.concatenate(values) if octets is None else octets)
    if (lengths == lengths[0]).all():
        return tensor.reshape(len(values), -1)
    return torch.nested.nested_tensor_from_jagged(tensor, torch.from_numpy(np.append(0, np.cumsum(lengths))))


def digest(reading: Reading) -> str:
    total = 0
    try:
        for batch in reading():
            for values in zip(*(_rows(batch[name]) for name in sorted(batch)), strict=True):
                total += int.from_bytes(hashlib.sha256(repr(values).encode()).digest(), "little")
    except Exception as error:  # noqa: BLE001  other people's code, which may raise anything
        return f"error {type(error).__name__}"
    return f"{total % 2**256:x}"


def _rows(values: Any) -> Iterable[bytes]:
    """The bytes of what each record has."""
    if getattr(values, "is_nested", False):
        return [row.numpy().tobytes() for row in values.unbind()]
    if hasattr(values, "row_splits"):
        return [row.numpy().tobytes() for row in values]
    array = values.numpy()
    return array.tolist() if array.dtype == object else [row.tobytes() for row in array]


def main() -> None:
    loader, path, features = sys.argv[1:]
    reading = LOADERS[loader](path, json.loads(features))
    answers = {"digest": digest, "time": timed}
    for line in sys.stdin:
        print(answers[line.strip()](reading), flush=True)


if __name__ == "__main__":
    main()
