"""Tensors in pinned memory. Torch pins for a device only; one that can do nothing else is made: locked_memory.cpp."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tfrecord_lite as tfr

torch = pytest.importorskip("torch")

from tfrecord_lite.adapters.torch import TFRecordDataset  # noqa: E402

HERE = Path(__file__).parent

PROGRAM = """
import json, sys, types, warnings
warnings.simplefilter("ignore")  # of what the device cannot do
import torch
import tfrecord_lite as tfr
from tfrecord_lite.adapters.torch import TFRecordDataset
from torch.utils.data import DataLoader

library, path = sys.argv[1:]
device = types.ModuleType("torch.locked")
device.is_available = lambda: True
device.device_count = lambda: 1
device.current_device = lambda: 0
device.set_device = lambda number: None
device._is_in_bad_fork = lambda: False
device.manual_seed_all = lambda seed: None
torch.utils.rename_privateuse1_backend("locked")
torch._register_device_module("locked", device)
torch.ops.load_library(library)

FEATURES = {
    "number": tfr.FixedLenFeature([], "int64"),
    "ragged": tfr.RaggedFeature("float32"),
    "sparse": tfr.VarLenFeature("int64"),
    "text": tfr.FixedLenFeature([], bytes),
    "texts": tfr.VarLenFeature(bytes),
}

def pinned(value):
    if isinstance(value, torch.Tensor):
        return value.is_pinned()
    return list(map(pinned, value)) if isinstance(value, tuple) else type(value).__name__

def read(is_of_loader, **settings):
    dataset = TFRecordDataset(path, FEATURES, batch_size=30, pin_memory=not is_of_loader, **settings)
    batches = DataLoader(dataset, batch_size=None, num_workers=2, pin_memory=True) if is_of_loader else dataset
    batches = list(batches)
    assert [number for batch in batches for number in batch["number"].tolist()] == list(range(100))
    return [{name: pinned(value) for name, value in batch.items()} for batch in batches]

assert not torch.arange(3).is_pinned()
print(json.dumps([
    [read(is_of_loader, **settings) for is_of_loader in (False, True)]
    for settings in ({}, {"ragged": "padded", "bytes_as": "blob"}, {"bytes_as": "blob"})
]))
"""


def test_tensors_are_in_memory_that_the_system_does_not_move(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed")
    from torch.utils import cpp_extension

    library = str(tmp_path / "locked_memory.so")
    found = [f"-I{path}" for path in cpp_extension.include_paths()]
    found += [f"-L{path}" for path in cpp_extension.library_paths()]
    command = [compiler, "-std=c++20", "-shared", "-fPIC", str(HERE / "locked_memory.cpp"), "-o", library]
    subprocess.run([*command, *found, "-ltorch_cpu", "-lc10"], check=True)
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        for number in range(100):
            some = np.full(number % 3, number)
            ragged = some.astype(np.float32)
            writer.write_example({"number": number, "ragged": ragged, "sparse": some, "text": b"t", "texts": [b"u"]})
    process = subprocess.run([sys.executable, "-c", PROGRAM, library, str(path)], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "Exception ignored" not in process.stderr
    numbers = {"number": True, "ragged": True, "sparse": True}
    of_objects, of_rows, of_nested = json.loads(process.stdout)
    for of_dataset, of_loader in (of_rows, of_nested):
        expected = [numbers | {"text": True, "texts": [True, True, True]}] * 4
        assert of_dataset == of_loader == expected
    for batches in of_objects:
        assert [{name: batch[name] for name in numbers} for batch in batches] == [numbers] * 4
        assert [batch["text"] for batch in batches] == ["list"] * 4
        assert [[batch["texts"][0], batch["texts"][2]] for batch in batches] == [[True, True]] * 4


@pytest.mark.skipif(torch.cuda.is_available(), reason="here memory can be pinned")
def test_without_an_accelerator_it_is_what_torch_says(tmp_path: Path) -> None:
    with tfr.TFRecordWriter(tmp_path / "a.tfrecord") as writer:
        writer.write_example({"number": 1})
    with pytest.raises(RuntimeError) as expected:
        torch.zeros(1).pin_memory()
    with pytest.raises(RuntimeError, match=re.escape(str(expected.value).splitlines()[0])):
        next(iter(TFRecordDataset(tmp_path, pin_memory=True)))
