"""The command line on any file: an exit code of 0, 1 or 2, no traceback, nothing half under the final name.

The first byte says which command, the rest is the file.
"""

from __future__ import annotations

import contextlib
import io
import os

from fuzz.folder import file, folder
from tfrecord_lite.cli.main import main

#: parquet is pyarrow's and only there where that is.
FORMATS = ("jsonl", "csv", "webdataset", "npz", "parquet")
LOOKS = ("cat", "info", "lint")
NUMBER = len(LOOKS) + len(FORMATS)


def run(*arguments: str) -> int:
    """The exit code; what is printed goes nowhere."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as leaving:
            code = leaving.code if isinstance(leaving.code, int) else 1
    assert "Traceback" not in err.getvalue()
    return code


def check_command(data: bytes) -> None:
    if not data:
        return
    which, content = data[0] % NUMBER, data[1:]
    if which < len(LOOKS):
        assert run(LOOKS[which], file("looked.tfrecord", content)) in (0, 1, 2)
        return
    source, out = file("converted", content), folder() / "out.tfrecord"
    code = run("convert", "--quiet", "--from", FORMATS[which - len(LOOKS)], source, str(out))
    assert code in (0, 1, 2)
    assert out.exists() == (code == 0)
    if out.exists():
        os.unlink(out)
