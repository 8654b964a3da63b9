"""Records that are rewritten on their way into another file, and encoded then."""

from __future__ import annotations

from typing import Any, Protocol

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.json_kinds import Column


class Rewrite(Protocol):
    """A serialized Example -> another; raises FeatureError and DecodeError.

    Attributes:
        found: the features that were rewritten so far; they have to be the same one for all records.
    """

    @property
    def found(self) -> set[str]: ...

    def __call__(self, record: bytes) -> bytes: ...


class RewritingEncoder:
    """A BlockDecoder that is given records as they are after they were rewritten.

    Args:
        rewrite: what becomes of each.
        encoder: the BlockDecoder; None gives them as a list.
    """

    def __init__(self, rewrite: Rewrite, encoder: Any = None) -> None:
        self._rewrite = rewrite
        self._encoder = encoder

    @property
    def found(self) -> set[str]:
        """See Rewrite."""
        return self._rewrite.found

    @property
    def kinds(self) -> set[tuple[Column, str]]:
        """Of the encoder, where it has them."""
        return getattr(self._encoder, "kinds", set())

    def decode(self, records: Records) -> Any:
        """Of all records, or None when something in them is an error."""
        try:
            rewritten = [self._rewrite(records.record(number)) for number in range(len(records.starts))]
        except TFRecordError:
            return None
        return rewritten if self._encoder is None else self._encoder.decode(Records.joined(rewritten))

    def decode_plain(self, records: list[bytes]) -> Any:
        """The same one by one. Raises FeatureError and DecodeError."""
        rewritten = list(map(self._rewrite, records))
        return rewritten if self._encoder is None else self._encoder.decode_plain(rewritten)
