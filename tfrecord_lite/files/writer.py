"""TFRecordWriter: records -> a file that appears whole or not at all.

One record's way: `write` collects small records, `gaps.frame_group` frames many at once, a sink stores them.
Large records go straight from the caller's buffer to the file.

What becomes of the file:

    with-block ends, close()                         published
    exception in or at the end of it, discard()      what was there before stays (atomic=False: what was written so far)
    mode="a"                                         as it goes; what was there before stays in every case
    writer dropped, or the interpreter ends          published, with a ResourceWarning; a URL when the interpreter ends:
                                                     perhaps not, with an error, for no new connections can be made
    the interpreter dies of an uncaught exception    as discard()
    a write failed (disk full, or Ctrl-C in it)      the writer stays failed, as discard()
    fork                                             the child's copy writes nothing
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.append import open_append_sink
from tfrecord_lite.files.index import PendingIndex
from tfrecord_lite.files.open_writers import open_writers
from tfrecord_lite.files.options import TFRecordOptions, as_options
from tfrecord_lite.files.streams import open_sink
from tfrecord_lite.format.blocks import LARGE_FRAME
from tfrecord_lite.format.columns.encode import FeatureRule, encode_frames
from tfrecord_lite.format.columns.row_block import RowBlock
from tfrecord_lite.format.example import Message, encode_pieces, record_bytes
from tfrecord_lite.format.frame_group import FrameGroup
from tfrecord_lite.format.gaps import frame_group
from tfrecord_lite.format.pieces import total_size

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Buffer, Self

#: What records may take before they are framed: enough to spread the cost of a block, little enough for a cache.
_ROOM = 1 << 20
#: What a record takes besides its bytes, so that tiny ones stay few.
_RECORD_ROOM = _ROOM // 4096
_CLOSED = "the writer is closed"
_FAILED = "the writer failed earlier"


class TFRecordWriter:
    """Writes records to a TFRecord file, byte for byte as tf.io.TFRecordWriter does.

    Args:
        path: a path, a URL that fsspec knows, or a binary file object (written to, flushed, not closed).
        options: None, a compression type ("", "GZIP", "ZLIB"), or TFRecordOptions, TensorFlow's included.
        atomic: write to a hidden sibling (see `writing_path`) and give it its name on a clean close. False writes
            in place, as TensorFlow does. What cannot be renamed (FIFO, device, /dev/stdout, file object) is written
            directly; a URL is always published on a clean close.
        mode: "w" writes a new file. "a" goes on behind the records of a regular file, or makes one: its tail is looked
            at first, then records go into the file itself: those that were flushed survive a killed process, which may
            leave a torn tail. An exception or `discard` takes away what was written (atomic=False: it stays). GZIP is
            continued by seekable members, ZLIB cannot be. Options without a compression type mean that of the file.
            One writer at a time (where the system has flock).
        repair_tail: for "a": a torn last record is cut off instead of being an error. Never one behind whose beginning
            there are whole records: see `salvage`.
        index: keep an index beside the file (see RecordIndex.save) when it has been published; for "a" it is made from
            the headers of the whole file.

    A writer is for one thread at a time.

    Raises:
        OSError: the path cannot be written, with the path in the error; or later, when the disk is full.
        ValueError: the options name no compression; or, for "a", the file cannot be continued with them.
        TruncatedRecordError, CorruptRecordError: for "a": the file is damaged.
        IndexMismatchError: another program's file has the name of the index.
        PublishedError: (at the close) all that was written is there, and only its index could not be saved.
    """

    def __init__(
        self,
        path: Any,
        options: Any = None,
        *,
        mode: str = "w",
        atomic: bool = True,
        repair_tail: bool = False,
        index: bool = False,
    ) -> None:
        if mode not in ("w", "a") or (repair_tail and mode != "a"):
            text = f"mode is 'w' or 'a', and repair_tail for 'a': not {mode!r} with repair_tail={repair_tail}"
            raise ValueError(text)
        checked_options = as_options(options)
        self._index = PendingIndex(path, checked_options.compression_type, continues=mode == "a") if index else None
        self._path = path
        self._room = _ROOM
        self._rows = RowBlock()  # either records are pending or examples are, never both
        self._why_unusable = ""
        self._has_stored = self._is_in_block = False
        if mode == "a":
            self._sink = open_append_sink(path, checked_options, atomic, repair_tail)
        else:
            self._sink = self._open_sink(path, checked_options, atomic)
        try:
            open_writers.add(self)
            self._pending: list[bytes] | None = []  # None: nothing more can be written, see _why_unusable
        except BaseException:  # Ctrl-C
            self._sink.discard()
            raise

    @property
    def writing_path(self) -> str | None:
        """Where the bytes are while they are being written: after `flush`, whole records can be read there."""
        return self._sink.writing_path

    def write(self, record: Buffer | NDArray[Any] | Message) -> None:
        """Write one record: anything bytes-like and contiguous, or a protobuf message, which is serialized.

        The record may be changed by the caller afterwards. A large one is written from the caller's buffer without
        a copy.
        """
        data = record if type(record) is bytes else record_bytes(record)
        size = len(data)
        if size > LARGE_FRAME:
            TFRecordWriter.write_frames(self, FrameGroup.of_record([data]))
            return
        room = self._room - size - _RECORD_ROOM
        if room < 0:
            self._make_room()
            room = self._room - size - _RECORD_ROOM
        # For a list that is not there, there is no room.
        self._pending.append(data if type(data) is bytes else bytes(data))  # type: ignore[union-attr]
        self._room = room

    def write_example(self, example: Mapping[str, Any] | Message) -> None:
        """Write one example: a mapping {name: value} as for `encode_example`, or a message such as tf.train.Example."""
        if self._pending is not None and not self._pending and type(example) is dict:
            self._room = 0  # for a record, as long as there are examples; first: Ctrl-C may come behind `add`
            if self._rows.add(example):
                if self._rows.room <= 0:
                    self._write_pending()
                return
        pieces = encode_pieces(example)
        if total_size(pieces) > LARGE_FRAME:
            TFRecordWriter.write_frames(self, FrameGroup.of_record(pieces))  # not a subclass' own: it is counted
        else:
            TFRecordWriter.write(self, b"".join(pieces))

    def write_columns(self, columns: Mapping[str, Any], schema: Mapping[str, FeatureRule | str] | None = None) -> int:
        """Write many examples at once, given as {name: values with one entry per example}; see `encode_columns`.

        The file is the same as after `write_example` for each; it takes a fraction of the time.

        Returns:
            How many were written.

        Raises:
            FeatureError: as `encode_columns`; nothing has been written then.
        """
        self._write_pending()
        count = 0
        for frames in encode_frames(columns, schema):
            self._store(self._add_each, frames.portions())
            count += len(frames)
        return count

    def write_frames(self, frames: FrameGroup) -> None:
        """Write frames as they are: nothing is computed or checked again."""
        self._write_pending()
        self._store(self._add, frames)

    def flush(self) -> None:
        """Hand all records so far to the operating system. Another process then reads them at `writing_path`."""
        self._write_pending()
        self._store(self._sink.flush)

    def close(self) -> None:
        """Write what is left and publish the file. Closing again does nothing, but what Ctrl-C kept it from."""
        if self._pending is not None:
            self._write_pending()
            if self._index is not None:
                self._index.will_be_published(self._sink.writing_path)
            self._store(self._sink.close, is_last=True)
        elif self._why_unusable.startswith(_FAILED):
            raise OSError(self._why_unusable)
        if self._index is not None and self._why_unusable == _CLOSED:
            try:
                self._index.save()
            except Exception:  # which is told once
                self._index = None
                raise
            self._index = None

    def discard(self) -> None:
        """Give up: what was there before stays. Where nothing is atomic, what was written so far stays."""
        if self._pending is not None:
            self._end("the writer was discarded")
            self._sink.discard()

    def __enter__(self) -> Self:
        self._is_in_block = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.close if kind is None else self._give_up)()

    def __del__(self) -> None:
        if getattr(self, "_pending", None) is not None:
            self.close_forgotten()

    def __reduce__(self) -> Any:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: open one in each process")

    def _give_up(self) -> None:
        if self._sink.is_atomic:
            self.discard()
        elif self._pending is not None:
            self.close()

    def _make_room(self) -> None:
        """Room for a record that is not large: a few examples become pending records, everything else is written."""
        if self._rows and self._rows.is_small:
            records = self._rows.records()
            room = _ROOM - sum(map(len, records)) - _RECORD_ROOM * len(records)
            self._pending, self._rows, self._room = records, RowBlock(), room  # no Ctrl-C comes between these
        else:
            self._write_pending()

    def _write_pending(self) -> None:
        """Store all records that were collected."""
        if self._pending is None:
            raise ValueError(self._why_unusable)
        if self._rows and not self._rows.is_small:
            self._store(self._add_each, self._rows.encode().portions())
        elif records := self._pending or self._rows.records():
            self._store(self._add_each, [frame_group(records)])
        else:
            self._room = _ROOM

    def _open_sink(self, path: Any, options: TFRecordOptions, atomic: bool) -> Any:
        """A Sink, or what a subclass stores frames in."""
        return open_sink(path, options, atomic)

    def _store(self, action: Any, *arguments: Any, is_last: bool = False) -> None:
        """Run one action of the sink, behind which nothing is collected any more.

        After an error, or Ctrl-C at any moment, there is no telling what was stored, so nothing more is.
        """
        self._has_stored = True
        try:
            self._pending, self._room, self._why_unusable = None, 0, _FAILED
            action(*arguments)
            if is_last:
                self._end(_CLOSED)
            else:
                self._pending, self._room = [], _ROOM
        except BaseException as error:
            self._end(f"{_FAILED}: {str(error) or type(error).__name__}")
            with contextlib.suppress(OSError, TFRecordError):  # what came first is to be known
                self._sink.discard()
            raise

    def _add_each(self, groups: Iterable[FrameGroup]) -> None:
        """Of all that was collected."""
        for frames in groups:
            self._add(frames)
        self._rows.clear()

    def _add(self, frames: FrameGroup) -> None:
        """Store whole frames: everything that is written comes through here, in order."""
        self._sink.write(frames.pieces)
        if self._index is not None:
            self._index.add(frames.lengths)

    def _end(self, why: str) -> None:
        self._pending, self._room = None, 0
        self._rows = RowBlock()
        self._why_unusable = why
        open_writers.discard(self)

    def close_forgotten(self) -> None:
        """Publish what nobody closed, with a warning; nothing where nothing was written.

        Ctrl-C may come when the writer is there and its with-block has not begun: what is there already stays.
        """
        if self._is_in_block:
            self._give_up()
        elif self._pending or self._rows or self._has_stored:
            self.close()  # first: a warning may be an error, and the records must not suffer for it
        else:
            self.discard()
        warnings.warn(f"unclosed {type(self).__name__} for {self._path!r}", ResourceWarning, source=self, stacklevel=2)

    def abandon(self) -> None:
        """Let go of a file that another process is writing."""
        self._end("the writer was opened by another process, which goes on writing")
        self._sink.abandon()
