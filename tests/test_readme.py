"""The README tells the truth: its Python blocks run, one after the other, and its commands exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)( \w+)?\n(.*?)```", README, re.DOTALL)


def test_python_blocks_run_in_order(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, "-m", "tfrecord_lite", "demo", "--out", "demo"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    elsewhere = (" torch", " grain", " spark", " ray", " dask", " beam")  # run by their own tests
    code = "\n".join(text for language, note, text in BLOCKS if language == "python" and note not in elsewhere)
    result = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "48 records" in result.stdout
    assert "(16, 320, 320, 1) (16, 1)" in result.stdout
    outputs = ("damaged.tfrecord: corrupted", "damaged.tfrecord: skipped", "3 features", "features")
    shown = [text for language, _, text in BLOCKS if language == "text" and text.startswith(outputs)]
    assert len(shown) == len(outputs)
    for text in shown:
        assert text in result.stdout


def test_blocks_without_tensorflow_run_where_there_is_none(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    command = [sys.executable, "-m", "tfrecord_lite", "demo", "--out", "demo"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    code = "import sys; sys.modules['tensorflow'] = None\n"
    code += "\n".join(text for language, note, text in BLOCKS if language == "python" and not note)
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_commands_in_the_readme_exist() -> None:
    text = "\n".join(text for language, _, text in BLOCKS if language == "console")
    for command in set(re.findall(r"tfrecord-lite (\w+)", text)):
        run = [sys.executable, "-m", "tfrecord_lite", command, "--help"]
        assert subprocess.run(run, capture_output=True).returncode == 0
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", text)):
        assert f"\n{target}:" in makefile


def test_what_the_readme_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert "benchmarks/results/speed.png" in links
    assert all((ROOT / link).is_file() for link in links)


def test_the_map_of_rooms_is_complete() -> None:
    rooms = next(text for language, _, text in BLOCKS if language == "text" and text.startswith("tfrecord_lite/"))
    for path in (ROOT / "tfrecord_lite").iterdir():
        if path.is_dir() and path.name != "__pycache__":
            assert f"{path.name}/" in rooms
    for path in (ROOT / "tfrecord_lite" / "format").glob("[a-z]*.py"):
        assert path.stem in rooms
    for path in (ROOT / "tfrecord_lite" / "files").glob("[a-z]*.py"):
        assert path.stem in rooms
