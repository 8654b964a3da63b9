"""`make endurance`: each case in a process of its own, with seconds and memory of each step.

    python -m endurance.run FOLDER [CASE]...

FOLDER takes up to 6 GB, and is as empty afterwards as it was. Exits with 1 when a case failed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from endurance import cases

CASES: dict[str, Callable[[Path], None]] = {
    "100,000,000 records": partial(cases.records, count=10**8),
    "64 records of 1 GiB": partial(cases.sparse, count=64),
    "100,000 shards": partial(cases.shards, count=100_000),
}


def run_all(folder: str, names: list[str]) -> int:
    Path(folder).mkdir(parents=True, exist_ok=True)
    failed = []
    for name in names:
        print(f"== {name}", flush=True)  # noqa: T201
        with tempfile.TemporaryDirectory(dir=folder) as place:
            command = [sys.executable, "-c", _ONE, name, place]
            if subprocess.run(command, check=False).returncode:
                failed.append(name)
    print("\n".join(f"failed: {name}" for name in failed) or "all is well")  # noqa: T201
    return 1 if failed else 0


_ONE = "import sys; from pathlib import Path; from endurance.run import CASES; CASES[sys.argv[1]](Path(sys.argv[2]))"

if __name__ == "__main__":
    sys.exit(run_all(sys.argv[1], sys.argv[2:] or list(CASES)))
