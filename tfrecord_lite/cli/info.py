"""tfrecord-lite info FILE..."""

from __future__ import annotations

import argparse
import os
from typing import Any

from tfrecord_lite.cli.output import add_files, add_json, print_json, print_line

NAME = "info"
HELP = "Say what each file is: size, compression, records, state of the CRCs, and the features of its first example."


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `info`."""
    add_files(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a paragraph a file. Damage is part of what is said, and exit code 1."""
    from tfrecord_lite.files.paths import expand_paths

    files = [_describe(path, arguments.compression) for path in expand_paths(arguments.files)]
    if arguments.json:
        print_json({"files": files})
    else:
        for file in files:
            _print_file(file)
    return 0 if all(file["sound"] for file in files) else 1


def _describe(path: Any, compression_type: str | None) -> dict[str, Any]:
    from tfrecord_lite.errors import TFRecordError
    from tfrecord_lite.files.reader import TFRecordReader

    features: dict[str, str] = {}
    error = None
    with TFRecordReader(path, compression_type) as reader:
        compression = reader.compression_type
        try:
            for number, block in enumerate(reader.blocks()):
                if number == 0:
                    features = _features(block.records()[0])
        except TFRecordError as damage:
            error = damage.as_dict()
    return {
        "path": reader.name,
        "bytes": _size(path),
        "compression": compression,
        "records": reader.record_number,
        "uncompressed_bytes": reader.offset,
        "sound": error is None,
        "error": error,
        "features": features,
    }


def _size(path: Any) -> int | None:
    from tfrecord_lite.files import remote

    if remote.is_url(path):
        return remote.size(path)
    return os.path.getsize(path) if os.path.isfile(path) else None


def _features(record: bytes) -> dict[str, str]:
    """{name: kind and count} of an example; empty when the record is none."""
    from tfrecord_lite.errors import DecodeError
    from tfrecord_lite.format.example import decode_example

    try:
        example = decode_example(record)
    except DecodeError:
        return {}
    return {name: _kind(value) for name, value in sorted(example.items())}


def _kind(value: Any) -> str:
    if value is None:
        return "no kind"
    kind = "bytes" if isinstance(value, list) else str(value.dtype)
    return kind if len(value) == 1 else f"{kind}[{len(value)}]"


def _print_file(file: dict[str, Any]) -> None:
    from tfrecord_lite.errors import printable

    print_line(printable(file["path"] or "<file object>"))
    size = "" if file["bytes"] is None else f", {file['bytes']} bytes"
    print_line(f"  {file['compression'] or 'not compressed'}{size}, {file['uncompressed_bytes']} bytes of frames")
    print_line(
        f"  {file['records']} records, " + ("all CRCs sound" if file["sound"] else "then: " + file["error"]["text"])
    )
    if file["features"]:
        print_line("  first example:")
        width = max(len(printable(name)) for name in file["features"])
        for name, kind in file["features"].items():
            print_line(f"    {printable(name):{width}}  {kind}")
