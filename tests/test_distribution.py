"""What is published: exactly the package, from a source that can be built again, the same bytes anywhere."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("build") is None, reason="needs build: pip install -e .[dev]"),
]
LEFT_OUT = (
    ".git",
    ".coverage*",
    ".venv*",
    "dist",
    "build",
    "site",
    "*.egg-info",
    "__pycache__",
    "data",
    ".*_cache",
    "results",
)


def built(source: Path, umask: int) -> dict[str, Path]:
    """{"gz" or "whl": file} of a copy of the repository."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "release/same_bytes.py", "dist"]
    subprocess.run(command, cwd=source, check=True, env=environment, umask=umask, capture_output=True)
    return {path.suffix[1:]: path for path in (source / "dist").iterdir()}


def test_two_builds_are_the_same_bytes_and_hold_what_they_should(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "deep" / "er"
    shutil.copytree(ROOT, first, ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copytree(ROOT, second, ignore=shutil.ignore_patterns(*LEFT_OUT))
    subprocess.run(["chmod", "-R", "go-rwx", second], check=True)
    made, again = built(first, 0o022), built(second, 0o077)
    assert made.keys() == again.keys() == {"gz", "whl"}
    for end, path in made.items():
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(again[end].read_bytes()).digest(), end

    with zipfile.ZipFile(made["whl"]) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        others = {name.partition("/")[2] for name in archive.namelist() if ".dist-info/" in name}
    packages = ("tfrecord_lite", "pyspark_tfrecord_lite")
    modules = {path.relative_to(ROOT).as_posix() for package in packages for path in (ROOT / package).rglob("*.py")}
    assert names == modules | {"tfrecord_lite/py.typed", "tfrecord_lite/proto/example_pb2.pyi"}
    assert others >= {"METADATA", "RECORD", "entry_points.txt"}
    assert any(name.endswith("LICENSE") for name in others)

    with tarfile.open(made["gz"]) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("README.md", "LICENSE", "SECURITY.md", "proto/example.proto", "tests/damage.py", "tests/conftest.py"):
        assert name in inside
    assert {"noxfile.py", ".ci/run"} <= inside  # of which CONTRIBUTING tells
    assert modules <= inside
