"""Everything that can be wrong with the data, in one tree.

    TFRecordError
    ├── CorruptRecordError   a stored CRC does not match, or a compressed stream is damaged
    ├── TruncatedRecordError the stream ends inside a frame (also an EOFError)
    ├── RecordTooLargeError  a record is longer than the reader allows
    ├── DecodeError          a record is not a valid Example or SequenceExample
    ├── FeatureError         a value cannot be a feature, or is not what the features ask for
    ├── IndexMismatchError   an index belongs to another file, or to another state of it
    ├── ShardError           shards are not the set that was written, or not committed
    │   ├── PublishedError   it is published, and something behind that failed: do not write it again
    │   └── UncertainCommitError  nobody knows whether they are published: commit again, then it is known
    └── ItemError            an item of a data set could not be made into records

All but TruncatedRecordError are also ValueErrors. Decoding arbitrary bytes raises one of these, or an OSError from the
file system, and nothing else; any other exception is a bug. (MemoryError stays what it is: there is no room for a
record of an allowed length. A smaller `max_record_size` makes it a RecordTooLargeError.) A SkippedRegion is no error:
it is what a reader that was told to go on after damage has passed over.

The facts are attributes, the text is made when it is asked for. Whoever knows a fact adds it: framing knows the offset,
the reader adds path and record number. Payload is never part of the text, and names that come from data or from a
directory are escaped. Every error survives pickling.
"""

from __future__ import annotations

from typing import NamedTuple


def printable(text: str) -> str:
    """`text` with everything that a terminal might act on (control characters, lone surrogates) as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def noun(count: int, name: str) -> str:
    """The name of what there are so many of: "record" of 1, "records" of all other numbers."""
    return name if count == 1 else f"{name}s"


def counted(count: int, name: str) -> str:
    """So many of them: "1 record", "20 records"."""
    return f"{count} {noun(count, name)}"


def add_path(error: OSError, path: str | None) -> None:
    """Tell an error of the system's about an open file which one that is; a text of ours says it already."""
    if error.errno is not None and error.filename is None:
        error.filename = path


class TFRecordError(Exception):
    """Base of all errors about data.

    Attributes:
        path: name of the file, or None when the bytes came from elsewhere.
        record_number: how many records came before the one in question, or None.
        offset: position of the frame's first byte in the uncompressed stream, or None.
    """

    path: str | None = None
    record_number: int | None = None
    offset: int | None = None

    def __str__(self) -> str:
        problem = self._problem()
        return problem if self.path is None else f"{printable(self.path)}: {problem}"

    def __repr__(self) -> str:
        facts = {"path": self.path, "record_number": self.record_number, "offset": self.offset}
        known = [f"{name}={fact!r}" for name, fact in facts.items() if fact is not None]
        return f"{type(self).__name__}({', '.join([*map(repr, self.args), *known])})"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        facts = {"path": self.path, "record_number": self.record_number, "offset": self.offset}
        return {"kind": type(self).__name__, "text": str(self), **facts}

    def _problem(self) -> str:
        return "; ".join(str(fact) for fact in self.args)

    def _record(self) -> str:
        number = "" if self.record_number is None else f" #{self.record_number}"
        offset = "" if self.offset is None else f" at offset {self.offset}"
        return f"record{number}{offset}"


class CorruptRecordError(TFRecordError, ValueError):
    """Stored bytes do not match their checksum.

    Attributes:
        part: "length" or "data", whichever CRC failed, or "compression" for the GZIP or ZLIB stream around them.
        stored, computed: the CRC-32C values, unmasked; None for "compression".
        reason: what is known besides, such as what kind of file this seems to be.
    """

    def __init__(self, part: str, stored: int | None = None, computed: int | None = None, reason: str = "") -> None:
        super().__init__(part, stored, computed, reason)
        self.part = part
        self.stored = stored
        self.computed = computed
        self.reason = reason

    def _problem(self) -> str:
        if self.stored is None or self.computed is None:
            return f"corrupted {self._record()}: {self.part}: {self.reason}"
        note = f" ({self.reason})" if self.reason else ""
        crcs = f"{self.part} CRC-32C stored {self.stored:#010x}, computed {self.computed:#010x}"
        return f"corrupted {self._record()}: {crcs}{note}"


class TruncatedRecordError(TFRecordError, EOFError):
    """The stream ends before the frame, or the compressed stream around it, is complete.

    Attributes:
        expected: bytes that the frame needs, counted from `offset`: 12 while its header is incomplete, else length
        + 16.
            None when a compressed stream lacks its end although no frame is open.
        available: bytes of it that are there.
        reason: what is known besides.
    """

    def __init__(self, expected: int | None, available: int | None, reason: str = "") -> None:
        super().__init__(expected, available, reason)
        self.expected = expected
        self.available = available
        self.reason = reason

    def _problem(self) -> str:
        if self.expected is None:
            return f"truncated {self._record()}: {self.reason}"
        note = f" ({self.reason})" if self.reason else ""
        return f"truncated {self._record()}: {self.expected} bytes expected, {self.available} available{note}"


class RecordTooLargeError(TFRecordError, ValueError):
    """A record is longer than allowed. Nothing was allocated for it.

    Attributes:
        length: bytes in the record, as its header says.
        limit: the largest length allowed.
    """

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(length, limit)
        self.length = length
        self.limit = limit

    def _problem(self) -> str:
        return f"{self._record()} is {self.length} bytes long, more than the limit of {self.limit}"


class DecodeError(TFRecordError, ValueError):
    """The bytes are not the protobuf message that was asked for. protobuf rejects them too.

    Attributes:
        reason: what is wrong.
        position: where in the serialized message, in bytes from its start.
    """

    def __init__(self, reason: str, position: int | None = None) -> None:
        super().__init__(reason, position)
        self.reason = reason
        self.position = position

    def _problem(self) -> str:
        record = "" if self.record_number is None else f"{self._record()}: "
        position = "" if self.position is None else f" at byte {self.position}"
        return f"{record}not a valid message: {self.reason}{position}"


class FeatureError(TFRecordError, ValueError):
    """A value has no place in a feature, or a feature is not what was asked for.

    Attributes:
        reason: what is wrong.
        key: name of the feature, or None when it is not about one.
        names_key: whether the reason names the feature itself, as TensorFlow's texts do.
    """

    def __init__(self, reason: str, key: str | None = None, names_key: bool = False) -> None:
        super().__init__(reason, key, names_key)
        self.reason = reason
        self.key = key
        self.names_key = names_key

    def _problem(self) -> str:
        # TensorFlow's texts name the record themselves; in a file it has a place, in a column its number.
        record = "" if self.offset is None and (self.names_key or self.record_number is None) else f"{self._record()}: "
        if self.key is None or self.names_key:
            return f"{record}{printable(self.reason)}"
        return f"{record}feature '{printable(self.key)}': {self.reason}"


class IndexMismatchError(TFRecordError, ValueError):
    """An index does not describe the file it was given for."""


class ShardError(TFRecordError, ValueError):
    """Shards are not the set that was written: another size, a manifest that cannot be read, a commit cut short."""


class PublishedError(ShardError):
    """What was written is published, and what is done behind that failed. What was raised is the cause.

    Who writes the records again, or appends them, has them twice. Of a set, older files, marks or hidden files are
    still there: `commit` with the same infos, or with None, finishes it; where a plan is left, readers of the directory
    get a ShardError until then. Of a file, its index is not there: `RecordIndex.build(path).save()` makes it.
    """


class UncertainCommitError(ShardError):
    """The manifest of a set could neither be written nor read back: whether the set is published is not known.

    Say, a server was gone when it was to answer. Who writes the records again may have them twice, and who does not may
    have lost them. `commit` with the same infos, or with None, finishes the set, or raises a FileNotFoundError where
    whoever wrote it could undo it meanwhile: then it is to be written again. What was raised first is the cause.
    """


class ItemError(TFRecordError, ValueError):
    """An item could not be made into records. What was raised is the cause (`__cause__`).

    Attributes:
        begin, end: the numbers of the items in question, [begin, end), counted from 0. One, unless a process died and
            it cannot be told which item it was at.
        item: the first of them, shortened.
        reason: what is wrong.
    """

    def __init__(self, begin: int, end: int, item: str, reason: str) -> None:
        super().__init__(begin, end, item, reason)
        self.begin = begin
        self.end = end
        self.item = item
        self.reason = reason

    def _problem(self) -> str:
        item = printable(self.item)
        if self.end - self.begin == 1:
            return f"item #{self.begin} ({item}): {printable(self.reason)}"
        return f"one of the items #{self.begin} to #{self.end - 1} (the first is {item}): {printable(self.reason)}"


class SkippedRegion(NamedTuple):
    """Bytes that were passed over because of damage: those in [begin, end) of the uncompressed stream.

    In a compressed file, bytes that could not be inflated are not part of the stream: nobody knows how much they held.
    A region may then be empty.

    Attributes:
        begin: offset of the frame that could not be read.
        end: offset of the next sound frame, or of the end of the stream.
        reason: what is wrong at `begin`.
        path: name of the file, or None when the bytes came from elsewhere.
        compressed_bytes: bytes of the compressed file that were passed over, too, because they could not be inflated.
    """

    begin: int
    end: int
    reason: str
    path: str | None = None
    compressed_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes in the region."""
        return self.end - self.begin

    def __str__(self) -> str:
        path = "" if self.path is None else f"{printable(self.path)}: "
        compressed = ""
        if self.compressed_bytes:
            compressed = f", and {self.compressed_bytes} compressed bytes that could not be inflated"
        return f"{path}skipped {self.size} bytes, {self.begin} to {self.end}{compressed}: {self.reason}"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        region = {"path": self.path, "begin": self.begin, "end": self.end, "reason": self.reason}
        return {**region, "compressed_bytes": self.compressed_bytes}
