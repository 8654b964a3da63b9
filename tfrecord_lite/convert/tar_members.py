"""A tar file as a stream -> the members of samples, as webdataset names them; and what tarfile is kept from.

    cats/7.left.txt    the member `left.txt` of the sample `cats/7`: the key ends at the first dot of a name

What webdataset passes over is of no sample here, either: a name without a dot, or that begins with one, and what is
called, or lies in a directory that is called, __*__. Directories are no members.

Raises TFRecordError for what is no tar file, ends inside a member, or has one that fits into no record. Headers that
tarfile would take for the end of the archive, or hold whole however long they are, are such errors, too.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tfrecord_lite.errors import TFRecordError, counted, printable
from tfrecord_lite.format.wire_format import MAX_MESSAGE_SIZE

if TYPE_CHECKING:
    from typing_extensions import Self

#: So many members of no sample are named.
_NAMED = 3
#: Names that are of webdataset itself, not of samples.
_META = re.compile(r"__[^/]*__($|/)")
#: What tarfile holds whole before anybody sees a member: long names and the headers of PAX.
_HEADER_LIMIT = 1 << 20
_EXTENDED = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Header(tarfile.TarInfo):
    """A header. tarfile takes a damaged one behind the first for the end of the archive; here it is an error."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        try:
            header = super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError) as error:  # type: ignore[attr-defined]
            raise tarfile.ReadError(str(error)) from None
        if header.type in _EXTENDED and header.size > _HEADER_LIMIT:
            raise tarfile.ReadError(f"a header of {header.size} bytes; {_HEADER_LIMIT} are the limit")
        if header.size > MAX_MESSAGE_SIZE:  # tarfile would step over so much in small pieces, also behind the end
            raise tarfile.ReadError(f"a member of {header.size} bytes; {MAX_MESSAGE_SIZE} fit into a record")
        return header


class Others:
    """Members that are of no sample: how many, and what the first are called."""

    def __init__(self) -> None:
        self._count = 0
        self._names: list[str] = []

    def add(self, name: str) -> None:
        self._count += 1
        if self._count <= _NAMED:
            self._names.append(printable(name))

    def notes(self, path: str) -> tuple[str, ...]:
        if not self._count:
            return ()
        names = ", ".join(self._names) + (", ..." if self._count > _NAMED else "")
        whose = "its name" if self._count == 1 else "their names"
        passed_over = f"passed over {counted(self._count, 'member')}, of no sample by {whose}"
        return (f"{printable(path)}: {passed_over}: {names}",)


def read_members(file: io.BufferedReader, path: str, others: Others) -> Iterator[tuple[str, str, bytes | None]]:
    """(key, extension, data) of all members of samples, no data of what is no file; the rest is told to `others`."""
    try:
        with tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as archive:
            for member in archive:
                if member.isdir():
                    continue
                if member.size > MAX_MESSAGE_SIZE:  # of PAX, or sparse
                    raise TFRecordError(f"a member of {member.size} bytes; {MAX_MESSAGE_SIZE} fit into a record")
                directory, _, name = member.name.rpartition("/")
                key, dot, extension = name.partition(".")
                if not key or not dot or _META.match(member.name):
                    others.add(member.name)
                    continue
                data = None
                if member.isreg():
                    if member.issparse():  # holes take no bytes of the file, and all of their size in memory
                        raise TFRecordError("a member is stored as a sparse file (tar --sparse), which is not read")
                    content = archive.extractfile(member)
                    assert content is not None
                    data = content.read()
                    if len(data) < member.size:
                        raise TFRecordError("ends inside a member")
                yield f"{directory}/{key}" if directory else key, extension, data
    except (tarfile.TarError, EOFError, UnicodeError, OverflowError) as error:
        problem = TFRecordError(f"not a tar file: {error}"[:200])
        problem.path = path
        raise problem from None
