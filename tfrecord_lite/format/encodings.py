"""Likely encodings of bytes, told by how the values begin or by whether they can be read as text.

    PNG    89 50 4e 47
    JPEG   ff d8 ff
    GIF    "GIF87a" or "GIF89a"
    WebP   "RIFF", 4 bytes, "WEBP"
    BMP    "BM", then the number of bytes as u32 little-endian (many a text begins with BM)
    UTF-8  valid, and without control characters but white space: raw numbers below 128 are valid UTF-8 too

A first look, not a check: what begins as a PNG may still be a damaged one.
"""

from __future__ import annotations

from collections.abc import Sequence

UTF8 = "UTF-8"
#: What values are that are none of the ENCODINGS, and all of one size.
RAW = "raw"
#: In the order in which they are preferred; no value is two of them in practice.
ENCODINGS = ("PNG", "JPEG", "GIF", "WebP", "BMP", UTF8)

#: All but tab, line feed, vertical tab, form feed and carriage return.
_CONTROL_CHARACTERS = bytes([*range(9), *range(14, 32), 127])


def share_encoding(values: Sequence[bytes], encoding: str) -> bool:
    """Whether all values seem to have one of the ENCODINGS."""
    if encoding == UTF8:
        return _are_text(values)
    return all(image_encoding(value) == encoding for value in values)


def image_encoding(value: bytes) -> str | None:
    """Which kind of image file a value begins as; None when it is none of those above."""
    if value.startswith(b"\x89PNG"):
        return "PNG"
    if value.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if value.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if value.startswith(b"RIFF") and value[8:12] == b"WEBP":
        return "WebP"
    if value.startswith(b"BM") and int.from_bytes(value[2:6], "little") == len(value):
        return "BMP"
    return None


def text_of(value: bytes) -> str | None:
    """The text that a value is; None if it is none, or has control characters but tabs and line ends."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if text.isprintable() or all(character.isprintable() or character in "\t\n\r" for character in text):
        return text
    return None


def _are_text(values: Sequence[bytes]) -> bool:
    # All at once: no character reaches over a line feed, so the whole is UTF-8 if and only if each part is.
    text = values[0] if len(values) == 1 else b"\n".join(values)
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(text.translate(None, _CONTROL_CHARACTERS)) == len(text)
