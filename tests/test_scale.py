"""What the driver of a large job does, with 100,000 shards: in seconds, and in memory that grows by the shard.

The shards are tiny, and the numbers of files, names and infos are those of 10 TB. The bounds are generous: they are
there to notice what grows with the square of the number.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from damage import MEMORY

#: Hundreds of thousands of files are made.
pytestmark = pytest.mark.slow

SHARDS = 100_000
SECONDS = 120
#: Of all steps together, beyond what the interpreter and numpy take: 4 KiB a shard.
MEGABYTES = 400

DRIVER = (
    MEMORY
    + """
import json, os, secrets, sys, time
from tfrecord_lite import ShardInfo, commit, plan_read
from tfrecord_lite.adapters.read_parts import plan_parts
from tfrecord_lite.format.framing import encode_footer, encode_header

directory, count = sys.argv[1], int(sys.argv[2])
prefix = os.path.join(directory, "train")
frame = encode_header(1) + b"x" + encode_footer(b"x")
base = peak()
seconds = {}

def timed(step, action, *arguments):
    begin = time.perf_counter()
    result = action(*arguments)
    seconds[step] = time.perf_counter() - begin
    return result

def write_set():
    infos = []
    for number in range(count):
        path = os.path.join(directory, f".shard-{secrets.token_hex(8)}.tmp")
        with open(path, "wb", buffering=0) as file:
            file.write(frame * (1 + number % 3))
        infos.append(ShardInfo(path, 1 + number % 3, len(frame) * (1 + number % 3), number))
    return infos

for step in ("commit", "commit in the place of another"):
    infos = write_set()
    finals = timed(step, commit, infos, prefix)
    assert len(finals) == count and finals[-1].path == f"{prefix}-{count - 1:0{max(5, len(str(count)))}}-of-{count}"
assert timed("commit again", commit, infos, prefix) == finals
parts = timed("plan_read of the directory", plan_read, directory, 1000)
assert timed("plan_read of infos", plan_read, finals, 1000) == parts
assert [part.path for part in timed("plan_parts", plan_parts, directory)] == [info.path for info in finals]
assert sorted(path for part in parts for path in part) == [info.path for info in finals]
records = {info.path: info.records for info in finals}
loads = [sum(records[path] for path in part) for part in parts]
assert max(loads) - min(loads) <= 3
assert len(os.listdir(directory)) == count + 2
print(json.dumps({"seconds": seconds, "megabytes": (peak() - base) / 2**20}))
"""
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has such: what is measured is what the driver does, and not a disk."""
    memory = Path("/dev/shm")
    is_there = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if is_there else tmp_path) as name:
        yield Path(name)


def test_the_driver_of_100_000_shards_is_done_in_seconds_and_bounded_memory(directory: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux tells how much memory was taken at most")
    command = [sys.executable, "-c", DRIVER, str(directory), str(SHARDS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    measured = json.loads(result.stdout)
    assert {step: took for step, took in measured["seconds"].items() if took > SECONDS} == {}
    assert measured["megabytes"] < MEGABYTES


def test_the_way_to_publish_on_an_object_store_that_is_told_of_works() -> None:
    pytest.importorskip("fsspec")
    text = (Path(__file__).parent.parent / "docs" / "SCALING.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
