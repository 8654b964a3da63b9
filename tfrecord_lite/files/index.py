"""RecordIndex: where each frame of a file is. Built from the file, kept beside it, refused where it does not belong.

    train.tfrecord
    train.tfrecord.idx         the text that DALI reads, see format/index_text.py
    train.tfrecord.idx.json    its companion, which binds it to the file, see fingerprint.py

Frames follow each other without a gap, so an index is the list of their limits, and one in which they do not is none.
The two files are published one after the other, each whole or not at all, and where the second fails the first goes;
an index that does not belong to its file, or to its companion, is noticed when it is loaded. Another program's index is
loaded when it is such text and fits the file; anything else under that name is neither read nor overwritten.

Raises IndexMismatchError, with the path of the index and the fact that differs.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tfrecord_lite.errors import IndexMismatchError, PublishedError, TFRecordError, counted, printable
from tfrecord_lite.files.compression_types import check_compression_type
from tfrecord_lite.files.fingerprint import Companion, Fingerprint
from tfrecord_lite.files.paths import COMPANION_SUFFIX, INDEX_SUFFIX, as_path, check_readable
from tfrecord_lite.files.reader import TFRecordReader
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.streams import publish, read_ends, read_range, read_whole
from tfrecord_lite.format.framing import FRAME_OVERHEAD, HEADER_SIZE, encode_header
from tfrecord_lite.format.index_text import decode_index_text, encode_index_text, is_index_text

if TYPE_CHECKING:
    from typing_extensions import Self

Array = NDArray[np.int64]

#: Enough of a file to tell an index from what is none.
_HEAD = 64 << 10


class RecordIndex:
    """Where each frame of one file is; made by `build` or `load`.

    Attributes:
        path: of the file.
        compression_type: of the file, "", "GZIP" or "ZLIB".
        limits: int64 [n + 1], where each frame begins in the uncompressed stream, and where the last one ends.
        offsets: int64 [n], where each frame begins.
        sizes: int64 [n], bytes in each frame (length + 16).
    """

    def __init__(self, path: str, sizes: Sequence[Array], compression_type: str, fingerprint: Fingerprint) -> None:
        self.path = path
        self.compression_type = compression_type
        self.sizes: Array = sizes[0] if len(sizes) == 1 else np.concatenate([np.zeros(0, np.int64), *sizes])
        self.limits: Array = np.zeros(len(self.sizes) + 1, np.int64)
        np.cumsum(self.sizes, out=self.limits[1:])
        for array in (self.sizes, self.limits):
            array.flags.writeable = False
        self.offsets = self.limits[:-1]
        self._fingerprint = fingerprint
        if not compression_type and self.limits[-1] != fingerprint.file_size:
            raise _mismatch(
                path,
                f"its frames have {self.limits[-1]} bytes, the file {fingerprint.file_size}: it was changed meanwhile",
            )

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        return f"RecordIndex({self.path!r}, {counted(len(self), 'record')})"

    @classmethod
    def build(cls, path: Any, compression_type: str | None = None, *, verify: bool | str = True) -> Self:
        """The index of a file, made by reading it.

        Args:
            path: of a regular file, or a URL.
            compression_type: as for TFRecordReader.
            verify: True checks every CRC; "headers" those of the headers, and passes long records over; False none.

        Raises:
            OSError: the file cannot be read, or is no regular file.
            CorruptRecordError, TruncatedRecordError, RecordTooLargeError: as for TFRecordReader.
            IndexMismatchError: the file was changed meanwhile.
        """
        if verify not in (True, False, "headers"):
            raise ValueError(f"verify is True, False or 'headers', not {verify!r}")
        name = as_path(path)
        _check_regular(name)
        fingerprint = Fingerprint.of(name)
        with TFRecordReader(name, compression_type, verify=bool(verify)) as reader:
            if verify is True:
                sizes = [block.ends - block.starts + FRAME_OVERHEAD for block in reader.blocks()]
            else:
                sizes = list(reader.frame_sizes())
            if Fingerprint.of(name) != fingerprint:
                raise _mismatch(name, "the file was changed while it was read")
            return cls(name, sizes, reader.compression_type, fingerprint)

    def save(self, path: Any = None) -> str:
        """Keep the index, as `path` or as FILE.idx beside its file, and its companion beside that (".json" appended).

        Returns:
            Where it is.

        Raises:
            OSError: it cannot be written, and no half of it is there.
            IndexMismatchError: there is another program's file under that name, which is left as it is.
        """
        name = self.path + INDEX_SUFFIX if path is None else as_path(path)
        check_replaceable(name)
        text = encode_index_text(self.offsets, self.sizes)
        companion = Companion.of(self._fingerprint, self.compression_type, len(self), text)
        publish(name, text)
        try:
            publish(name + COMPANION_SUFFIX, companion.to_json())
        except BaseException:
            with contextlib.suppress(OSError):  # what came first is to be known
                _remove(name)
            raise
        return name

    @classmethod
    def load(cls, path: Any, index_path: Any = None) -> Self:
        """The saved index of the file `path`: `index_path`, or what is beside it.

        An index without a companion, as other programs write it, must fit the file: frames from its start to its end
        without a gap, and headers where the first and the last one begin. Every header is looked at when its record is.

        Raises:
            FileNotFoundError: there is none, or no file.
            OSError: the file or the index cannot be read.
            IndexMismatchError: it does not belong to the file as it is now, or is damaged, or is no such index.
        """
        name = as_path(path)
        index_name = name + INDEX_SUFFIX if index_path is None else as_path(index_path)
        _check_regular(name)
        fingerprint = Fingerprint.of(name)
        try:
            text = read_whole(index_name)
            if not is_index_text(text[:_HEAD]):
                raise ValueError("not the text of an index, perhaps another program's binary one")
            offsets, sizes = decode_index_text(text)
            _check_chain(offsets, sizes)
            companion = _companion(index_name)
            if companion is None:
                _check_fits(name, offsets, sizes, fingerprint)
                compression_type = ""
            else:
                companion.check(fingerprint, text, len(offsets))
                compression_type = companion.compression_type
        except ValueError as error:
            raise _mismatch(index_name, str(error)) from None
        return cls(name, [sizes], compression_type, fingerprint)


class PendingIndex:
    """The index of a file while it is written; kept beside the file when that is there under its name.

    Args:
        path: of the file.
        compression_type: as in TFRecordOptions.
        continues: whether it is written behind what is there: then the index is made when that is done, from the
            headers of the whole file.

    Raises:
        io.UnsupportedOperation: this is no regular file.
        IndexMismatchError: another program's file has the name of the index.
    """

    def __init__(self, path: Any, compression_type: Any, *, continues: bool = False) -> None:
        if hasattr(path, "write") and not isinstance(path, os.PathLike):
            raise io.UnsupportedOperation("only a regular file has an index, no file object")
        name = as_path(path)
        self._path = name if is_url(name) else os.path.abspath(name)
        if os.path.exists(self._path):
            _check_regular(self._path)
        check_replaceable(self._path + INDEX_SUFFIX)
        self._compression_type = check_compression_type(compression_type)
        self._continues = continues
        self._sizes: list[Array] = []
        self._written: os.stat_result | None = None

    def add(self, lengths: Array) -> None:
        """Records have been written, of these lengths."""
        self._sizes.append(lengths + FRAME_OVERHEAD)

    def will_be_published(self, writing_path: str | None) -> None:
        """The file, all but complete, is here now, and will get its name next."""
        self._written = None if writing_path is None else os.stat(writing_path)

    def save(self) -> None:
        """Keep the index: the file has its name.

        Raises:
            IndexMismatchError: by now another file has it.
            FileNotFoundError: by now none has.
            PublishedError: in the place of another OSError, which would be taken for one that there is no file; or of
                one of damage to the part that was there before.
        """
        try:
            self._save()
        except (FileNotFoundError, IndexMismatchError):
            raise
        except (OSError, TFRecordError) as cause:
            cure = "RecordIndex.build(path).save() makes it" if isinstance(cause, OSError) else "the file is damaged"
            error = PublishedError(
                f"published; only its index is not saved: {cure}, and nothing is to be written again "
                f"({printable(str(cause))})"
            )
            error.path = self._path
            raise error from cause

    def _save(self) -> None:
        fingerprint = Fingerprint.of(self._path)
        if self._written is not None and not os.path.samestat(self._written, os.stat(self._path)):
            raise _mismatch(self._path, "another file has taken the place of the one that was written")
        if self._continues:
            RecordIndex.build(self._path, verify="headers").save()
            return
        RecordIndex(self._path, self._sizes, self._compression_type, fingerprint).save()


def check_replaceable(index_path: str) -> None:
    """Raise IndexMismatchError unless an index may take this name, and its companion that beside it."""
    for name, is_ours in ((index_path, is_index_text), (index_path + COMPANION_SUFFIX, Companion.is_companion)):
        with contextlib.suppress(FileNotFoundError):
            if not is_ours(read_ends(name, _HEAD)[1]):
                raise _mismatch(name, "another program's file, which is not overwritten")


def _remove(index_path: str) -> None:
    """Delete an index and its companion; not what was written to a FIFO or device."""
    from tfrecord_lite.files.directory import open_directory, split_path  # only where something went wrong

    for path in (index_path, index_path + COMPANION_SUFFIX):
        if is_url(path) or os.path.isfile(path):
            directory, name = split_path(path if is_url(path) else os.path.realpath(path))
            open_directory(directory).remove([name])


def _check_regular(path: str) -> None:
    """Raise OSError when this is neither a regular file nor a URL, of which the server will tell."""
    if is_url(path):
        return
    check_readable(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise io.UnsupportedOperation(f"{printable(path)}: only a regular file has an index")


def _check_chain(offsets: Array, sizes: Array) -> None:
    """Raise ValueError unless the frames begin at 0 and follow each other."""
    if (sizes < FRAME_OVERHEAD).any():
        number = int((sizes < FRAME_OVERHEAD).argmax())
        raise ValueError(f"frame #{number} has {sizes[number]} bytes, fewer than a frame can have")
    expected = np.zeros_like(offsets)
    np.add(offsets[:-1], sizes[:-1], out=expected[1:])
    if not np.array_equal(offsets, expected):
        number = int((offsets != expected).argmax())
        raise ValueError(
            f"frame #{number} is at offset {offsets[number]} where one before it ends at {expected[number]}"
        )


def _check_fits(path: str, offsets: Array, sizes: Array, fingerprint: Fingerprint) -> None:
    """Raise ValueError where frames without a companion are not those of a plain file."""
    end = int(offsets[-1] + sizes[-1]) if len(offsets) else 0
    if end != fingerprint.file_size:
        raise ValueError(f"made for a plain file of {end} bytes, {printable(path)} has {fingerprint.file_size}")
    for number in sorted({0, len(offsets) - 1} & set(range(len(offsets)))):
        expected = encode_header(int(sizes[number]) - FRAME_OVERHEAD)
        if read_range(path, int(offsets[number]), HEADER_SIZE) != expected:
            raise ValueError(f"{printable(path)} has no header of frame #{number} at offset {offsets[number]}")


def _companion(index_path: str) -> Companion | None:
    try:
        data = read_whole(index_path + COMPANION_SUFFIX)
    except FileNotFoundError:
        return None
    try:
        return Companion.from_json(data)
    except ValueError as error:
        raise ValueError(
            f"its companion {printable(os.path.basename(index_path))}{COMPANION_SUFFIX}: {error}"
        ) from None


def _mismatch(path: str, text: str) -> IndexMismatchError:
    error = IndexMismatchError(text)
    error.path = path
    return error
