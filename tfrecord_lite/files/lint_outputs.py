"""Where what lint mends is written: one file for one, or files of the same names in a directory."""

from __future__ import annotations

import os
from typing import Any

from tfrecord_lite.files.paths import STDIN, as_path


def outputs_of(sources: list[Any], out: Any) -> list[Any]:
    """Where each source is to be written: `out` itself, or files of their names in the directory `out`.

    Raises:
        ValueError: there are several sources and `out` is a file; two of them have one name, or one has none; there is
            such a file in the directory already; or a source would be replaced.
    """
    is_directory = isinstance(out, (str, os.PathLike)) and os.path.isdir(out)
    if len(sources) == 1 and not is_directory:
        outputs = [out]
    elif not is_directory:
        raise ValueError(f"for {len(sources)} files the output is a directory that is there, not {os.fsdecode(out)!r}")
    else:
        outputs = []
        for source in sources:
            if not isinstance(source, str) or source == STDIN:
                raise ValueError("a stream has no name to be written under in a directory: give a file for the output")
            outputs.append(os.path.join(out, os.path.basename(source)))
        if len(set(outputs)) < len(outputs):
            raise ValueError("two files have the same name, and would be written to one")
        for output in outputs:
            if os.path.lexists(output) and not any(_are_same(source, output) for source in sources):
                raise ValueError(
                    f"{os.fsdecode(output)!r} is there already: take a directory without files of these names"
                )
    for source in sources:
        for output in outputs:
            if _are_same(source, output):
                raise ValueError(f"the output is an input: {os.fsdecode(output)!r}")
    return outputs


def _are_same(source: Any, output: Any) -> bool:
    if not isinstance(source, str) or not isinstance(output, (str, os.PathLike)):
        return False
    are_there = os.path.exists(source) and os.path.exists(output)
    return source == as_path(output) or (are_there and os.path.samefile(source, output))
