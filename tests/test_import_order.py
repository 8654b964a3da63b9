"""Imports point down only, and importing stays light."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tfrecord_lite as tfr

PACKAGE = Path(__file__).parent.parent / "tfrecord_lite"

#: The floors, from the ground up. A module may import from floors below its own and from its own folder.
FLOORS = [
    {"lazy", "errors"},
    {"proto"},
    {"format"},
    {"files"},
    {"io", "train", "python_io", "compat", "surgery"},
    {"cardchecker", "look"},
    {"adapters"},
    {"convert"},
    {"cli"},
    {"__main__", "__init__"},
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

#: In format/ there are bytes and arrays only.
WORLD = {
    "os",
    "pathlib",
    "logging",
    "threading",
    "subprocess",
    "socket",
    "tempfile",
    "shutil",
    "glob",
    "multiprocessing",
}
#: Loaded where they are first used, never with a module.
HEAVY = {
    *("tensorflow", "PIL", "google", "torch", "pyarrow", "pandas", "polars", "fsspec", "grain", "jax"),
    *("pyspark", "ray", "dask", "distributed", "apache_beam"),
}
#: Of frameworks that are called otherwise than the adapter that is named for them.
PACKAGE_OF = {"spark": "pyspark", "beam": "apache_beam"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.name.endswith("_pb2.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imports_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            if node.module == "tfrecord_lite":
                yield from (f"tfrecord_lite.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path: Path) -> None:
    room = room_of(path)
    tree = ast.parse(path.read_text())
    for name in imports_of(tree):
        parts = name.split(".")
        if parts[0] == "tfrecord_lite" and len(parts) > 1:
            target = parts[1]
            assert target == room or FLOOR_OF[target] < FLOOR_OF[room] or {room, target} <= FLOORS[FLOOR_OF[room]], name
        if room == "format":
            assert parts[0] not in WORLD, f"format/ does not touch the world, but imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_used(path: Path) -> None:
    top_level = ast.Module([node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.If)], [])
    # An adapter is named for its framework, and of no use without it.
    framework = path.stem.split("_")[0]
    own = {PACKAGE_OF.get(framework, framework)} if path.parent.name == "adapters" else set()
    for node in top_level.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            assert not {name.split(".")[0] for name in imports_of(node)} & (HEAVY - own)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in result.stdout.split()}


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import tfrecord_lite")
    assert not loaded & (HEAVY | {"crc32c", "argparse"})


def test_reading_and_writing_records_loads_neither_protobuf_nor_pillow() -> None:
    assert not loaded_by("from tfrecord_lite import TFRecordWriter, read_examples") & HEAVY


def test_the_card_checker_loads_neither_protobuf_nor_pillow_until_it_is_used() -> None:
    assert not loaded_by("import tfrecord_lite.cardchecker, tfrecord_lite.adapters.tf_data") & HEAVY


@pytest.mark.parametrize(
    ("adapter", "package", "name"),
    [
        ("torch", "torch", "PyTorch"),
        ("beam", "apache_beam", "Apache Beam"),
        ("dask", "dask", "Dask"),
        ("spark", "pyspark", "PySpark 4"),
        ("ray", "ray", "Ray Data"),
    ],
)
def test_an_adapter_says_what_to_install_where_its_framework_is_not(adapter: str, package: str, name: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import tfrecord_lite.adapters.{adapter}"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.endswith(f'ImportError: this needs {name}: pip install "tfrecord-lite-codec[{adapter}]"\n')


#: What commands have no need of on one small file that is plain, in no set of shards, and for people.
UNUSED_BY_ALL = {
    *("html", "secrets", "multiprocessing", "concurrent.futures", "logging", "urllib", "google", "PIL"),
    *("queue", "tempfile", "fsspec"),
    *(f"tfrecord_lite.files.{name}" for name in ("index", "options", "writer", "manifest", "read_ahead", "sinks")),
    *(f"tfrecord_lite.format.{name}" for name in ("messages", "index_text", "columns.encode")),
    "tfrecord_lite.look.page",
}
_RECOVERY = "tfrecord_lite.format.recovery"
_STATISTICS = {"tfrecord_lite.look.numbers", "tfrecord_lite.look.statistics"}
UNUSED = {
    "count": {_RECOVERY, "json", "hashlib", "tfrecord_lite.files.shards", "tfrecord_lite.format.example"},
    "verify": {_RECOVERY, "json", "hashlib", "tfrecord_lite.files.shards", "tfrecord_lite.format.example"},
    "head": {_RECOVERY, "json", "hashlib", "tfrecord_lite.format.schema", "tfrecord_lite.format.columns"},
    "cat": {_RECOVERY, "hashlib", "tfrecord_lite.format.columns"},
    "schema": {_RECOVERY, "json", "hashlib"},
    "stats": {"json", "hashlib"},
    "info": {_RECOVERY, "json", "hashlib", *_STATISTICS},
    "lint": {_RECOVERY, "json", "hashlib", "difflib", "ast", "tfrecord_lite.format.python_spec"},
}
#: And it needs a writer for what comes out.
UNUSED_BY_CONVERT = {"html", "multiprocessing", "concurrent.futures", "google", "PIL", "tfrecord_lite.adapters.arrow"}


@pytest.mark.parametrize("command", [*UNUSED, "convert"])
def test_a_command_loads_nothing_that_it_has_no_need_of(command: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        writer.write_example({"label": 1})
    out = [str(tmp_path / "a.jsonl"), "--workers", "1"] if command == "convert" else []
    # What these two load by themselves is theirs.
    code = (
        "import sys, numpy, crc32c; before = set(sys.modules); from tfrecord_lite.cli.main import main\n"
        "code = main(sys.argv[1:]); print(*set(sys.modules) - before, file=sys.stderr); sys.exit(code)"
    )
    arguments = [sys.executable, "-c", code, command, str(path), *out]
    result = subprocess.run(arguments, check=True, capture_output=True, text=True)
    unused = UNUSED_BY_CONVERT if command == "convert" else UNUSED_BY_ALL | UNUSED[command]
    assert set(result.stderr.split()) & unused == set()
