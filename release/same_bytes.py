"""A sdist and a wheel that are the same bytes wherever they are built: `python release/same_bytes.py DIRECTORY`.

setuptools takes the modes of files from the umask, and times and owners of the sdist from the machine. Here the sdist
is packed again with the time of SOURCE_DATE_EPOCH, or of the last commit, modes 644 and 755; the wheel is made of this
sdist and its modes are set in the same way. Where git knows of no commit the time is that of CHANGELOG.md, which in an
unpacked sdist is that of all files: the same sdist comes of it. The environment has to have `build`.
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def epoch() -> int:
    """The time that all files have."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "log", "-1", "--format=%ct"]
    try:
        return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return int((ROOT / "CHANGELOG.md").stat().st_mtime)


def build(kind: str, source: Path, out: Path, time: int) -> Path:
    """What setuptools makes of a source tree."""
    command = [sys.executable, "-m", "build", f"--{kind}", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "SOURCE_DATE_EPOCH": str(time)})
    (made,) = out.iterdir()
    return made


def pack_sdist(sdist: Path, target: Path, time: int) -> None:
    """The same members in order of their names."""
    packed = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mtime = member.type, member.size, time
            plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(plain, old.extractfile(member) if member.isfile() else None)
    target.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=time))


def pack_wheel(wheel: Path, target: Path) -> None:
    """The same members, which have their time already."""
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            plain = zipfile.ZipInfo(member.filename, member.date_time)
            plain.compress_type, plain.create_system, plain.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            new.writestr(plain, old.read(member))


def main(out: Path) -> None:
    """Both, into a directory."""
    time = epoch()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        made = build("sdist", ROOT, room / "sdist", time)
        sdist = out / made.name
        pack_sdist(made, sdist, time)
        with tarfile.open(sdist) as archive:
            archive.extractall(room / "source", filter="data")
        (source,) = (room / "source").iterdir()
        made = build("wheel", source, room / "wheel", time)
        pack_wheel(made, out / made.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
