"""RecordSource in the loaders of torch and grain, as it is. `make test-loaders` runs this where both are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tfrecord_lite import CorruptRecordError, RecordSource, TFRecordWriter, decode_example, read_records

COUNTS = [40, 1, 0, 59]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    number = 0
    for shard, count in enumerate(COUNTS):
        with TFRecordWriter(tmp_path / f"train-{shard:05}-of-00004", index=shard == 0) as writer:
            for _ in range(count):
                writer.write_example({"label": number, "image": bytes([number]) * (number * 50)})
                number += 1
    return tmp_path


@pytest.fixture
def records(folder: Path) -> list[bytes]:
    return list(read_records(folder))


def in_a_program(code: str, folder: Path) -> str:
    """What a program of its own prints: workers that are spawned import its main module."""
    script = folder / "_program.py"
    script.write_text(code)
    result = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def test_torch_takes_it_as_a_dataset(folder: Path, records: list[bytes]) -> None:
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Subset

    source: Any = RecordSource(folder)
    assert list(DataLoader(source, batch_size=None)) == records
    assert [record for batch in DataLoader(source, batch_size=7) for record in batch] == records
    shuffled = [record for batch in DataLoader(source, batch_size=7, shuffle=True) for record in batch]
    assert shuffled != records
    assert sorted(shuffled) == sorted(records)
    assert list(DataLoader(Subset(source, [99, 0, 41]), batch_size=3)) == [[records[99], records[0], records[41]]]


WORKERS = """
import sys
from torch.utils.data import DataLoader
from tfrecord_lite import RecordSource, decode_example, read_records

def labels(records):
    return [decode_example(record)["label"].item() for record in records]

if __name__ == "__main__":
    source = RecordSource(sys.argv[1])
    if {is_open}:
        source[:]
    loader = DataLoader(
        source, batch_size=8, num_workers=2, collate_fn=labels, multiprocessing_context={method!r},
        persistent_workers=True,
    )
    for _ in range(2):
        print(sum(loader, []) == list(range(100)))
"""


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_torch_read_from_it(folder: Path, method: str, is_open: bool) -> None:
    pytest.importorskip("torch")
    assert in_a_program(WORKERS.format(method=method, is_open=is_open), folder) == "True\nTrue\n"


def test_torch_hands_on_the_error_of_a_damaged_record(folder: Path) -> None:
    pytest.importorskip("torch")
    from torch.utils.data import DataLoader

    path = folder / "train-00003-of-00004"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    source: Any = RecordSource(folder)
    with pytest.raises(CorruptRecordError) as caught:
        list(DataLoader(source, batch_size=16))
    assert (caught.value.path, caught.value.record_number) == (str(path), 58)


def test_grain_takes_it_as_a_source(folder: Path, records: list[bytes]) -> None:
    grain = pytest.importorskip("grain")
    dataset = grain.MapDataset.source(RecordSource(folder))
    assert len(dataset) == 100
    assert [dataset[number] for number in range(100)] == records
    batches = dataset.shuffle(seed=1).map(lambda record: decode_example(record)["label"].item()).batch(10)
    labels = [label for batch in batches.to_iter_dataset() for label in batch.tolist()]
    assert labels != list(range(100))
    assert sorted(labels) == list(range(100))


GRAIN_WORKERS = """
import sys
import grain
from absl import flags
from tfrecord_lite import RecordSource, decode_example

if __name__ == "__main__":
    flags.FLAGS.mark_as_parsed()  # grain 0.2.18 wants that before it starts workers where jax is installed
    dataset = grain.MapDataset.source(RecordSource(sys.argv[1]))
    dataset = dataset.map(lambda record: decode_example(record)["label"].item()).to_iter_dataset()
    dataset = dataset.mp_prefetch(grain.MultiprocessingOptions(num_workers=2))
    print(list(dataset) == list(range(100)))
"""


def test_workers_of_grain_read_from_it(folder: Path) -> None:
    pytest.importorskip("grain")
    script = folder / "_program.py"
    script.write_text(GRAIN_WORKERS)
    result = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, timeout=300)
    assert result.stdout == "True\n", result.stderr
