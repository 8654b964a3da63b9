"""`make fuzz`: every target under atheris, one after the other, in a process of its own with a limit of memory.

    python -m fuzz.run [FOLDER [SECONDS]]    all targets, sharing the seconds
    python -m fuzz.run FOLDER SECONDS NAME   one target

FOLDER/NAME keeps the corpus, FOLDER/crashes what broke a target. Exits with 1 when there was something.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

#: Of address space: a target that wants more has found something.
MEMORY = 4 << 30
#: Seconds for one input.
TIMEOUT = 20


def fuzz(folder: Path, seconds: int, name: str) -> None:
    """Does not return: libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["tfrecord_lite"]):
        from fuzz.targets import TARGETS
    target, corpus = TARGETS[name], folder / name
    for directory in (corpus, folder / "crashes"):
        directory.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    options = [f"-max_total_time={seconds}", f"-timeout={TIMEOUT}", "-max_len=4096", "-print_final_stats=1"]
    if "CI" in os.environ:  # what fails there is to fail again
        options.append("-seed=1")
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/crashes/{name}-", str(corpus)], target.check)
    atheris.Fuzz()


def fuzz_all(folder: Path, seconds: int) -> int:
    from fuzz.targets import TARGETS

    crashes = folder / "crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in TARGETS:
        print(f"== {name}", flush=True)  # noqa: T201
        share = max(seconds // len(TARGETS), 1)
        command = [sys.executable, "-m", "fuzz.run", str(folder), str(share), name]
        done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
        lines = done.stderr.decode(errors="replace").splitlines()
        if done.returncode:
            failed.append(name)
        kept = lines[-60:] if done.returncode else [line for line in lines if line.startswith("stat::")]
        print("\n".join(kept), flush=True)  # noqa: T201
    for path in sorted(crashes.iterdir()):
        name = path.name.partition("-")[0]
        print(f"    ({name!r}, 'what it is'): {path.read_bytes()!r},")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "fuzzing").resolve()
    time = int(sys.argv[2]) if len(sys.argv) > 2 else 3600
    if len(sys.argv) > 3:
        fuzz(place, time, sys.argv[3])
    sys.exit(fuzz_all(place, time))
