"""The pages in docs/ tell the truth: their Python blocks run, and what they link to is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize("name", ["index.md", "how-to.md"])
def test_python_blocks_run_in_order(name: str, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    assert blocks
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_pages_link_to_is_there() -> None:
    for page in DOCS.glob("*.md"):
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert "://" in link or (DOCS / link).exists(), (page.name, link)


def test_contributing_says_where_each_module_is_tested() -> None:
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    package = ROOT / "tfrecord_lite"
    modules: dict[str, set[str]] = {}
    for path in package.rglob("*.py"):
        folder = "/".join(path.relative_to(package).parts[:-1])
        names = {path.stem, f"{folder}_{path.stem}", f"{path.parent.name}_{path.stem}"}
        if not path.stem.startswith("__") and not path.stem.endswith("_pb2") and not names & tests:
            modules.setdefault(folder, set()).add(path.stem)
    rows = re.findall(r"^\| (.*)\| ([a-z].*) \| `(\w+)` \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert rows
    for folder, names, test in rows:
        missing = modules[folder.strip(" `")]
        told = set(missing) if names == "all others" else set(names.split())
        assert told, (folder, names)
        assert told <= missing, (folder, told - missing)
        missing -= told
        assert test in tests, test
    assert not any(modules.values()), modules
