"""What data from strangers must not do: run code, leave its directory, act on a terminal, take all memory."""

import ast
import io
import os
import pty
import re
import shutil
import subprocess
import sys
import tarfile
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from damage import HAS_PROC

import tfrecord_lite as tfr
from tfrecord_lite.convert.conversion import convert

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "tfrecord_lite").rglob("*.py"), *(ROOT / "pyspark_tfrecord_lite").rglob("*.py")])

# What is said in SECURITY.md is so.


def test_every_limit_is_where_the_page_says() -> None:
    limits = re.findall(r"`(\w+)` in `([\w/]+\.py)`", (ROOT / "SECURITY.md").read_text())
    assert len(limits) > 10
    for name, path in limits:
        assert re.search(rf"^{name}\b.* = ", (ROOT / "tfrecord_lite" / path).read_text(), re.MULTILINE), (name, path)


# No code comes from data.

#: Modules whose loaders run what they read, or which start a shell.
LOADERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "yaml", "joblib"}
#: encoding_pool moves chunks to its own worker processes in a directory that only their user can enter; Spark's driver
#: is told by its own tasks which shards they wrote.
ITS_OWN = {"tfrecord_lite/files/encoding_pool.py": {"pickle"}, "tfrecord_lite/adapters/spark.py": {"pickle"}}


def code_runners(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in LOADERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LOADERS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}:
                yield name
            for word in node.keywords:
                is_false = isinstance(word.value, ast.Constant) and word.value.value is False
                if word.arg in {"shell", "allow_pickle"} and not is_false:
                    yield f"{name}({word.arg})"
            if name in {"np.load", "numpy.load"} and "allow_pickle" not in {word.arg for word in node.keywords}:
                yield name


def test_nothing_in_the_package_runs_what_it_reads() -> None:
    assert len(MODULES) > 200
    for path in MODULES:
        name = path.relative_to(ROOT).as_posix()
        assert set(code_runners(ast.parse(path.read_text()))) == ITS_OWN.get(name, set()), name


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from yaml import load",
        "x = eval(text)",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "np.load(file, allow_pickle=given)",
        "subprocess.run(text, shell=True)",
        "exec(text)",
    ],
)
def test_the_search_for_what_runs_code_finds_it(code: str) -> None:
    assert list(code_runners(ast.parse(code)))


def test_there_are_no_notes_of_work_left_in_the_code() -> None:
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    folders = ("tfrecord_lite", "pyspark_tfrecord_lite", "tests", "examples", "benchmarks")
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        if (ROOT / "benchmarks" / "data") not in path.parents:  # what benchmarks install and write
            assert not words.search(path.read_text()), path


# Names stay in their directory.

NAMES = ["../escaped", "../../escaped", "/tmp/trust-escaped", "a/../../escaped", "..", "a\\..\\..\\escaped", "nul\0x"]


def everything_in(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*")}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tar_members_and_arrays_name_no_files(name: str, tmp_path: Path) -> None:
    room = tmp_path / "a" / "b"
    room.mkdir(parents=True)
    with tarfile.open(room / "x.tar", "w") as archive:
        for file in (f"{name}/{name}.txt", "sound.txt"):  # of some names nothing is a sample
            header = tarfile.TarInfo(file)
            header.size = 3
            archive.addfile(header, io.BytesIO(b"abc"))
    np.savez(room / "x.npz", **{name.replace("\0", "?"): np.arange(3)})  # type: ignore[arg-type]
    before = everything_in(tmp_path)
    for source in ("x.tar", "x.npz"):
        convert(room / source, room / f"{source}.tfrecord")
        for target in ("jsonl", "npz", "tar"):
            convert(room / f"{source}.tfrecord", room / f"{source}.{target}")
    written = {f"a/b/{source}.{end}" for source in ("x.tar", "x.npz") for end in ("tfrecord", "jsonl", "npz", "tar")}
    assert everything_in(tmp_path) - before == written
    assert not Path("/tmp/trust-escaped").exists()
    with tarfile.open(room / "x.tar.tar") as archive:
        members = [member.name for member in archive]
    assert members
    assert all(re.fullmatch(r"[0-9]{9}\.[A-Za-z0-9%_.-]+", member) for member in members)


# Nothing acts on a terminal.

#: Escape, bell, the C1 controls CSI and OSC, marks that turn the direction of text, a line of its own.
EVIL = "a\x1b]0;x\x07\x1b[2J\x9b31m\x9d\u202e\u2066\u200f\nowned"
ACTING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
COMMANDS = [
    *("info IN", "head IN", "head IN --json", "cat IN", "cat IN --text", "schema IN", "schema IN --json", "stats IN"),
    *("stats IN --json", "count IN", "verify IN", "lint IN", "salvage IN OUT", "index IN", "merge IN -o OUT"),
    *("split IN -o OUT --max-records 1", "shuffle IN -o OUT", "sample IN", "filter IN -o OUT --records 0:1"),
    *("dedupe IN -o OUT", "diff IN other", "convert IN OUT --to jsonl", "convert IN OUT --to csv"),
    *("gallery IN -o OUT", "report IN -o OUT", "reshard IN -o OUT --shards 2"),
]


def on_a_terminal(arguments: list[str], directory: Path) -> str:
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:  # EIO: nobody holds the other end any more
                return
            if not data:
                return
            shown.append(data)

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "tfrecord_lite", *arguments]
    process = subprocess.Popen(
        command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(120) in {0, 1, 2}
    reader.join()
    os.close(ours)
    return b"".join(shown).decode()


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_hostile_names_and_values_do_not_act_on_a_terminal(command: str, tmp_path: Path) -> None:
    name = f"{EVIL}.tfrecord"
    with tfr.TFRecordWriter(tmp_path / name) as writer:
        writer.write_example({EVIL: EVIL, "text": [EVIL, EVIL.encode() + b"\xff"], "label": EVIL})
        writer.write_example({EVIL: 3, "text": EVIL})
    shutil.copyfile(tmp_path / name, tmp_path / "other")
    with (tmp_path / "other").open("r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(b"\xff")
    for source in (name, f"missing {EVIL}"):
        words = {"IN": source, "OUT": f"out {EVIL}"}
        shown = on_a_terminal([words.get(word, word) for word in command.split()], tmp_path)
        # What counts progress on a terminal goes back to the beginning of its line, and deletes to its end: no more.
        shown = shown.replace("\r\x1b[K", "\r").replace("\x1b[K", "")
        assert not ACTING.search(shown), shown
        assert not any(line.startswith("owned") for line in shown.splitlines())


# Bombs.


def gzip_of(path: Path, pieces: Iterator[bytes]) -> Path:
    compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        for piece in pieces:
            file.write(compressor.compress(piece))
        file.write(compressor.flush())
    return path


def limited(arguments: list[object], megabytes: int) -> "subprocess.CompletedProcess[str]":
    """A command in so much address space."""
    code = f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({megabytes << 20},) * 2)\n"
    code += "from tfrecord_lite.cli.main import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240)


needs_proc = pytest.mark.skipif(not HAS_PROC, reason="limits of memory are those of Linux")


def tar_of(kind: bytes, size: int) -> bytes:
    header = tarfile.TarInfo("000000000.bin")
    header.type, header.size = kind, size
    return header.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (tarfile.REGTYPE, "a member of 1099511627776 bytes; 2147483647 fit into a record"),
        (tarfile.GNUTYPE_SPARSE, "a member of|not a tar file"),
        (tarfile.XHDTYPE, "a header of 1099511627776 bytes; 1048576 are the limit"),
        (tarfile.XGLTYPE, "a header of 1099511627776 bytes"),
        (tarfile.GNUTYPE_LONGNAME, "a header of 1099511627776 bytes"),
        (tarfile.GNUTYPE_LONGLINK, "a header of 1099511627776 bytes"),
    ],
)
def test_sizes_in_a_tar_file_are_judged_before_anything_is_read(kind: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of(kind, 1 << 40) + bytes(4096))
    with pytest.raises(tfr.TFRecordError, match=problem):
        convert(tmp_path / "a.tar", tmp_path / "b.tfrecord")
    assert os.listdir(tmp_path) == ["a.tar"]


def test_a_sparse_file_in_a_tar_file_is_refused(tmp_path: Path) -> None:
    """It would be held whole in memory, its holes, too."""
    (tmp_path / "holes.bin").touch()
    os.truncate(tmp_path / "holes.bin", 1 << 28)
    command = ["tar", "--sparse", "--format=gnu", "-cf", "a.tar", "holes.bin"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert os.path.getsize(tmp_path / "a.tar") < 1 << 20
    with pytest.raises(tfr.TFRecordError, match=r"a\.tar: a member is stored as a sparse file"):
        convert(tmp_path / "a.tar", tmp_path / "b.tfrecord")


def test_a_damaged_header_in_a_tar_file_is_not_its_end(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for number in range(5):
            header = tarfile.TarInfo(f"{number:09d}.txt")
            header.size = 3
            archive.addfile(header, io.BytesIO(b"abc"))
    data = bytearray((tmp_path / "a.tar").read_bytes())
    data[2 * 1024 + 3] ^= 1  # the header of the third
    (tmp_path / "a.tar").write_bytes(data)
    with pytest.raises(tfr.TFRecordError, match="bad checksum"):
        convert(tmp_path / "a.tar", tmp_path / "b.tfrecord")
    (tmp_path / "a.tar").write_bytes(data[: 2 * 1024 + 100])
    with pytest.raises(tfr.TFRecordError, match="not a tar file"):
        convert(tmp_path / "a.tar", tmp_path / "b.tfrecord")
    assert os.listdir(tmp_path) == ["a.tar"]


def test_a_csv_of_too_many_columns_or_too_long_a_head_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "a.csv").write_text(",".join(f"c{number}" for number in range(200_000)) + "\n" + "," * 199_999 + "\n")
    with pytest.raises(tfr.TFRecordError, match="200000 columns; 100000 are the limit"):
        convert(tmp_path / "a.csv", tmp_path / "b.tfrecord")
    (tmp_path / "a.csv").write_text("a" * (17 << 20) + "\n1\n")
    with pytest.raises(tfr.TFRecordError, match="a line of names of more than 16777216 bytes"):
        convert(tmp_path / "a.csv", tmp_path / "b.tfrecord")


@pytest.fixture(scope="module")
def ten_gigabytes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 GiB of zeros in 10 MB of GZIP: one member of 1 GiB, ten times."""
    directory = tmp_path_factory.mktemp("bomb")
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(16 << 20)
    member = b"".join([*(compressor.compress(chunk) for _ in range(64)), compressor.flush()])
    (directory / "bomb.tfrecord").write_bytes(member * 10)
    return directory / "bomb.tfrecord"


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("command", ["cat IN", "info IN", "verify IN", "salvage IN OUT", "convert IN OUT --to jsonl"])
def test_a_bomb_of_gzip_is_damage_in_bounded_memory(command: str, ten_gigabytes: Path, tmp_path: Path) -> None:
    source = ten_gigabytes
    if command.startswith("salvage"):  # which looks at every byte for sound records: one member is enough
        source = tmp_path / "bomb.tfrecord"
        source.write_bytes(ten_gigabytes.read_bytes()[: ten_gigabytes.stat().st_size // 10])
    words = {"IN": source, "OUT": tmp_path / "out"}
    done = limited([words.get(word, word) for word in command.split()], 800)
    assert done.returncode == 1, done.stderr
    assert "orrupted record #0" in done.stdout + done.stderr or "skipped" in done.stdout + done.stderr
    assert "memory" not in done.stderr


def field(data: bytes) -> bytes:
    """Field 1 of these bytes."""
    size, length = b"", len(data)
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return b"\n" + size + bytes([length]) + data


ODD = {
    "a million empty features": field(field(b"") * 1_000_000),
    "groups in groups": b"\x1b" * 500_000 + b"\x1c" * 500_000,
    "a million groups": b"\x1b\x1c" * 500_000,
}


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("command", ["schema", "info", "lint", "stats", "cat"])
@pytest.mark.parametrize("kind", ODD)
def test_odd_records_of_two_megabytes_take_bounded_time_and_memory(kind: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    with tfr.TFRecordWriter(path) as writer:
        writer.write(ODD[kind])
    done = limited([command, path], 1000)
    assert done.returncode in {0, 1}
    assert "memory" not in done.stderr
    assert "Traceback" not in done.stderr
