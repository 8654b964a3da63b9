"""Inputs that broke a target once, or stand for a class of them: (target, name) -> bytes."""

from __future__ import annotations

VECTORS: dict[tuple[str, str], bytes] = {
    ("example", "a group that is never closed"): b"\x0b",
    ("example", "the end of a group that was never opened"): b"\x0c",
    ("example", "field number 0"): b"\x02\x00",
    ("example", "field number 0 in an unknown group, which upb passes"): b"\x7b\x05AAAA\x7c",
    ("example", "a varint of eleven bytes"): b"\x0a" + b"\x80" * 10 + b"\x00",
    ("sequence_example", "a list that claims 2 GiB"): b"\x12\xff\xff\xff\xff\x07",
    ("frames", "a length of all ones"): b"\x04" + b"\xff" * 16,
    ("frames", "a small ZLIB stream whose checksum is wrong"): (
        b"\x03x\x01c`\x80\x00M\xe6\x19\x00\x00\x00\x005-b\x84\xf2&V="
    ),
    ("index", "numbers of a hundred digits"): b"9" * 100 + b" " + b"9" * 100 + b"\n",
    ("index", "a companion of nested lists"): b"0 21\n\n---\n" + b"[" * 5000,
    ("command", "JSON Lines of nested lists"): b"\x03" + b'{"a":' + b"[" * 5000,
    ("command", "JSON Lines with a number of five thousand digits"): b'\x03{"a":' + b"9" * 5000 + b"}\n",
}
