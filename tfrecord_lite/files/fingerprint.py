"""What tells one state of a file from another without reading all of it: its size, and a hash of either end.

A companion keeps the fingerprint of a data file beside an index of it, as JSON:

    format               "tfrecord_lite index"
    version              1
    file_size            bytes of the data file
    head_sha256          of its first 64 KiB, or of all of it
    tail_sha256          of its last 64 KiB, or of all of it
    compression_type     "", "GZIP" or "ZLIB"
    records              lines in the index
    index_sha256         of the text of the index
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from tfrecord_lite.files.compression_types import COMPRESSION_TYPES
from tfrecord_lite.files.streams import read_ends

_ENDS = 64 << 10

_FORMAT = {"format": "tfrecord_lite index", "version": 1}


@dataclass(frozen=True)
class Fingerprint:
    """Of one state of a file.

    Attributes:
        file_size: in bytes.
        head_sha256, tail_sha256: of its first and its last 64 KiB, hexadecimal.
    """

    file_size: int
    head_sha256: str
    tail_sha256: str

    @classmethod
    def of(cls, path: str) -> Fingerprint:
        """That of the file as it is now."""
        size, head, tail = read_ends(path, _ENDS)
        return cls(size, hashlib.sha256(head).hexdigest(), hashlib.sha256(tail).hexdigest())

    def difference(self, other: Fingerprint) -> str | None:
        """How the file that `other` is of differs from ours, or None."""
        if self.file_size != other.file_size:
            return f"of {self.file_size} bytes, this one has {other.file_size}"
        if self.head_sha256 != other.head_sha256:
            return "that begins differently"
        if self.tail_sha256 != other.tail_sha256:
            return "that ends differently"
        return None


@dataclass(frozen=True)
class Companion:
    """What is kept beside an index.

    Attributes:
        fingerprint: of the data file.
        compression_type: "", "GZIP" or "ZLIB".
        records: lines in the index.
        index_sha256: of its text, hexadecimal.
    """

    fingerprint: Fingerprint
    compression_type: str
    records: int
    index_sha256: str

    @classmethod
    def of(cls, fingerprint: Fingerprint, compression_type: str, records: int, text: bytes) -> Companion:
        """For an index whose text is `text`."""
        return cls(fingerprint, compression_type, records, hashlib.sha256(text).hexdigest())

    def check(self, fingerprint: Fingerprint, text: bytes, records: int) -> None:
        """Raise ValueError, with what differs, unless this is about that file, and an index of that text."""
        if self.index_sha256 != hashlib.sha256(text).hexdigest() or self.records != records:
            raise ValueError("not the index that its companion was made for")
        difference = self.fingerprint.difference(fingerprint)
        if difference is not None:
            raise ValueError(f"made for a file {difference}")

    def to_json(self) -> bytes:
        """As it is stored."""
        facts = {**_FORMAT, **asdict(self.fingerprint), "compression_type": self.compression_type}
        facts |= {"records": self.records, "index_sha256": self.index_sha256}
        return json.dumps(facts, indent=1).encode() + b"\n"

    @staticmethod
    def is_companion(data: bytes) -> bool:
        """Whether this is a companion, of any version."""
        try:
            facts = json.loads(data)
        except (ValueError, RecursionError):
            return False
        return isinstance(facts, dict) and facts.get("format") == _FORMAT["format"]

    @classmethod
    def from_json(cls, data: bytes) -> Companion:
        """What `to_json` gave.

        Raises:
            ValueError: it did not.
        """
        if not cls.is_companion(data):
            raise ValueError("not what is kept beside an index")
        facts = json.loads(data)
        if facts.get("version") != _FORMAT["version"]:
            raise ValueError(f"of a version that is not known here, {facts.get('version')!r:.20}")
        names = {"file_size": int, "head_sha256": str, "tail_sha256": str, "compression_type": str}
        names |= {"records": int, "index_sha256": str}
        for name, kind in names.items():
            if type(facts.get(name)) is not kind:
                raise ValueError(f"without {name}, or with one of another type")
        if facts["compression_type"] not in COMPRESSION_TYPES:
            raise ValueError("of a compression that does not exist")
        fingerprint = Fingerprint(facts["file_size"], facts["head_sha256"], facts["tail_sha256"])
        return cls(fingerprint, facts["compression_type"], facts["records"], facts["index_sha256"])
