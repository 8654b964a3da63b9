"""Environments for packages that must not come near ours: made by venv and pip, and kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_DIRECTORY = Path("benchmarks/data/environments")
_TIMEOUT = 600  # seconds


class NotInstalled(Exception):
    """An environment could not be made; the text says why."""


def python_of(name: str, requirements: tuple[str, ...], build_constraint: str | None = None) -> Path:
    """The interpreter of an environment that has `requirements`, made if it is not there.

    Args:
        name: of the environment.
        requirements: as for pip.
        build_constraint: a requirement that holds for what builds them.

    Raises:
        NotInstalled: pip could not do it.
    """
    directory = (_DIRECTORY / name).absolute()
    python, stamp = directory / "bin" / "python", directory / "complete"
    if stamp.exists():
        return python
    shutil.rmtree(directory, ignore_errors=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", directory], check=True, capture_output=True, text=True)
        variables = dict(os.environ)
        if build_constraint is not None:
            constraints = directory / "constraints.txt"
            constraints.write_text(build_constraint + "\n")
            variables |= {"PIP_CONSTRAINT": str(constraints), "PIP_BUILD_CONSTRAINT": str(constraints)}
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT, env=variables)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"pip took more than {_TIMEOUT} seconds") from None
    except subprocess.CalledProcessError as error:
        errors = [line for line in str(error.stderr).splitlines() if line.strip().startswith("ERROR")]
        raise NotInstalled(errors[-1].strip() if errors else "pip failed") from None
    stamp.touch()
    return python


def version_in(python: Path, distribution: str) -> str:
    """The version of what an environment has."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
