"""The entries of an Example's or SequenceExample's maps as written: where each value lies, and behind which tags.

For saying what is unusual about them. The record is one that protobuf reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tfrecord_lite.format.wire_format import LEN, split_fields

FIELD_1, FIELD_2 = 1 << 3 | LEN, 2 << 3 | LEN


class WrittenEntry(NamedTuple):
    """An entry of the map as it is written.

    Attributes:
        key: the name.
        values: spans of its Feature, or FeatureList.
        tags: of all fields.
        span: its own.
    """

    key: str
    values: list[tuple[int, int]]
    tags: list[int]
    span: tuple[int, int]

    @property
    def is_lost(self) -> bool:
        """Whether protobuf takes the entry for none."""
        return not set(self.tags) <= {FIELD_1, FIELD_2}


def written_entries(record: bytes, part: int = FIELD_1) -> Iterator[WrittenEntry]:
    """All entries of a record, in order: of its features or, with FIELD_2, of its feature lists."""
    for start, end in payloads(record, 0, len(record), part):
        for at, stop in payloads(record, start, end, FIELD_1):
            yield _written_entry(record, at, stop)


def _written_entry(record: bytes, start: int, end: int) -> WrittenEntry:
    """The entry that lies there."""
    key, values, tags = "", [], []
    for tag, at, stop in split_fields(record, start, end):
        tags.append(tag)
        if tag == FIELD_1:
            key = record[at:stop].decode("utf-8")
        elif tag == FIELD_2:
            values.append((at, stop))
    return WrittenEntry(key, values, tags, (start, end))


def payloads(record: bytes, start: int, end: int, wanted: int) -> list[tuple[int, int]]:
    """The spans of the fields of one tag."""
    return [(at, stop) for tag, at, stop in split_fields(record, start, end) if tag == wanted]


def has_overlong_tag(record: bytes, start: int, end: int) -> bool:
    """Whether a field there has a tag in more bytes than it needs."""
    begin = start
    for tag, _, stop in split_fields(record, start, end):
        if tag < 0x80 and record[begin] != tag:
            return True
        begin = stop
    return False
