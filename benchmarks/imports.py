"""What `python -c "import tfrecord_lite"` costs, as a whole process, beside other imports."""

from __future__ import annotations

import resource
import subprocess
import sys

from benchmarks.measure import Contest

#: {name of the operation: the module beside which we are measured, processes in one turn at scale 1}
IMPORTS = {"import": ("numpy", 10), "import TensorFlow": ("tensorflow", 1)}


def contest(operation: str, scale: float) -> Contest:
    """Processes that do nothing but import tfrecord_lite, and as many that import the other module."""
    module, full_count = IMPORTS[operation]
    count = max(1, round(full_count * scale))
    return Contest(
        ours=lambda: _run(count, "tfrecord_lite"),
        theirs=lambda: _run(count, module),
        count=count,
        check=None,  # a process that failed has raised already
        cpu_clock=cpu_of_children,
    )


def _run(count: int, module: str) -> None:
    for _ in range(count):
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, capture_output=True)


def cpu_of_children() -> float:
    """Seconds of CPU time that ended child processes took."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
