"""A folder of images: which files it holds, and what their labels are.

    DIR/cat/1.jpg    class folders: the first folder of a name is its label
    DIR/dog/2.jpg
    DIR/1.jpg        no folders: no labels

or a CSV with a header that has the columns `filename`, relative to DIR and with slashes, and `label`; perhaps `number`.

A label is a text and a number: that of the CSV; where all texts are numbers as Python writes them ("7"), that number;
otherwise the text's place in the order of all texts' bytes, from 0.

Nothing is opened but directories and the CSV. Names that begin with a dot are nobody's data and passed over. Links are
followed; a directory is entered once, so that links cannot lead in circles. All else that is not a regular file is told
of, and so is what cannot be looked at. DIR may be a URL: then it holds what is below that, as the server lists it.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tfrecord_lite.cardchecker.images import EXTENSIONS
from tfrecord_lite.errors import TFRecordError, printable
from tfrecord_lite.files.directory import open_directory
from tfrecord_lite.files.paths import NOT_COMPLETE, UNFINISHED
from tfrecord_lite.files.remote import is_url
from tfrecord_lite.files.streams import read_whole

#: The columns of a CSV of labels.
FILENAME, LABEL, NUMBER = "filename", "label", "number"
#: What a folder that was written here has its labels in.
LABELS_CSV = "labels.csv"

_EXTENSIONS = tuple(extension for of_format in EXTENSIONS.values() for extension in of_format)
_UNASKED = "is read when it is named, with --labels (labels); labels are those of the class folders"
_SEEN = "a directory that is in the folder already"
_KINDS = {
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True)
class ImageFile:
    """A file that may be an image. Shown by its name.

    Attributes:
        name: its path from the folder on, with slashes; what is not UTF-8 in it as os.fsdecode has it.
        size: bytes.
        version: another one when it is changed: of a local file when that was, in nanoseconds.
        label: the number of its class; None in a folder without labels.
        text: the name of its class.
    """

    name: str
    size: int
    version: int
    label: int | None = None
    text: str | None = None

    def __repr__(self) -> str:
        return repr(self.name)


@dataclass(frozen=True)
class Skipped:
    """What was not taken.

    Attributes:
        name: as of an ImageFile.
        reason: why.
        is_problem: False for what does not claim to be an image, such as a text among them.
    """

    name: str
    reason: str
    is_problem: bool = True

    def __str__(self) -> str:
        return f"skipped {printable(self.name)}: {printable(self.reason)}"


@dataclass(frozen=True)
class ImageFolder:
    """What is in a folder.

    Attributes:
        directory: its path or URL.
        files: by name.
        labels: {number: text}; empty when there are none.
        skipped: what was not taken.
    """

    directory: str
    files: list[ImageFile]
    labels: dict[int, str]
    skipped: list[Skipped]

    def path(self, name: str) -> str:
        """Where a file of that name is."""
        return open_directory(self.directory).join(name)


def has_image_extension(name: str) -> bool:
    """Whether a file of that name claims to be an image."""
    return name.lower().endswith(_EXTENSIONS)


def list_image_folder(directory: Any, labels: Any = None) -> ImageFolder:
    """What is in a folder.

    Args:
        directory: its path or URL.
        labels: path or URL of a CSV file; None takes class folders.

    Raises:
        OSError: the directory or the CSV cannot be read.
        TFRecordError: the CSV is none, or gives a file two labels; or the folder is not complete.
    """
    directory = os.fsdecode(directory)
    files: list[ImageFile] = []
    skipped: list[Skipped] = []
    for name, found in _list(directory) if is_url(directory) else _walk(directory):
        if isinstance(found, str):
            skipped.append(
                Skipped(name, found, has_image_extension(name) or os.path.isdir(os.path.join(directory, name)))
            )
        else:
            files.append(found)
    if any(file.name == UNFINISHED for file in files):
        raise _error(directory, NOT_COMPLETE)
    files.sort(key=lambda file: os.fsencode(file.name))
    if labels is None:
        reason = "has no label: it is in no class folder"
        text_of = _class_folders([file.name for file in files])
        if not text_of:
            return ImageFolder(directory, files, {}, skipped)
        number_of = _number_labels(text_of.values())
        skipped += [Skipped(LABELS_CSV, _UNASKED, False) for file in files if file.name == LABELS_CSV]
        files = [file for file in files if file.name != LABELS_CSV]
    else:
        labels = os.fsdecode(labels)
        reason = "has no label in the CSV"
        text_of, number_of = _read_labels(labels)
        itself = _name_in(directory, labels)
        files = [file for file in files if file.name != itself]
        names = {file.name for file in files} | {skip.name for skip in skipped}
        skipped += [Skipped(name, "is in the CSV, but not in the folder") for name in text_of if name not in names]
    skipped += [
        Skipped(file.name, reason, has_image_extension(file.name)) for file in files if file.name not in text_of
    ]
    labelled = [
        replace(file, label=number_of[text], text=text)
        for file in files
        if (text := text_of.get(file.name)) is not None
    ]
    return ImageFolder(directory, labelled, {number: text for text, number in number_of.items()}, skipped)


def _class_folders(names: list[str]) -> dict[str, str]:
    """{name: its class folder}: where anything claims to be an image, a folder that holds such a thing."""
    folder_of = {name: name.split("/")[0] for name in names if "/" in name}
    classes = {folder for name, folder in folder_of.items() if has_image_extension(name)}
    if not any(map(has_image_extension, names)):
        return folder_of
    return {name: folder for name, folder in folder_of.items() if folder in classes}


def _name_in(directory: str, path: str) -> str:
    """The name of a file in a directory; some other text if it is elsewhere."""
    if is_url(directory) or is_url(path):
        return path.removeprefix(open_directory(directory).join(""))
    return os.path.relpath(os.path.realpath(path), os.path.realpath(directory)).replace(os.sep, "/")


def _list(url: str) -> Iterator[tuple[str, ImageFile]]:
    from tfrecord_lite.files.remote_folder import list_remote_folder

    for name, facts in list_remote_folder(url).items():
        if not any(part.startswith(".") for part in name.split("/")):
            yield name, ImageFile(name, facts.size, facts.version)


def _walk(directory: str) -> Iterator[tuple[str, ImageFile | str]]:
    """(name, a regular file, or what is wrong with anything else) of all that is below a directory."""
    entered = {_identity(os.stat(directory))}
    folders = deque([""])
    # What links lead to comes last: a directory has the name under which it really is here.
    links: deque[tuple[str, tuple[int, int]]] = deque()
    while folders or links:
        if folders:
            folder = folders.popleft()
        else:
            folder, identity = links.popleft()
            if identity in entered:
                yield folder, _SEEN
                continue
            entered.add(identity)
        try:
            with os.scandir(os.path.join(directory, folder)) as found:
                entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            if not folder:
                raise
            yield folder, error.strerror or type(error).__name__
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = f"{folder}/{entry.name}" if folder else entry.name
            try:
                status = os.stat(entry.path)  # that of the entry knows no identity on Windows
            except OSError as error:
                yield name, "a link to nothing" if isinstance(error, FileNotFoundError) else str(error.strerror)
                continue
            if stat.S_ISREG(status.st_mode):
                yield name, ImageFile(name, status.st_size, status.st_mtime_ns)
            elif not stat.S_ISDIR(status.st_mode):
                yield name, f"is {_KINDS.get(stat.S_IFMT(status.st_mode), 'no regular file')}"
            elif entry.is_symlink():
                links.append((name, _identity(status)))
            elif _identity(status) in entered:  # by a link to it, from elsewhere
                yield name, _SEEN
            else:
                entered.add(_identity(status))
                folders.append(name)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _read_labels(path: str) -> tuple[dict[str, str], dict[str, int]]:
    """({filename: label}, {label: number}) of a CSV."""
    text = read_whole(path).decode("utf-8-sig", "surrogateescape")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines = [1]  # in which a row begins, as an editor counts them; the last is that behind the end
    try:
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num + 1)
    except csv.Error as error:
        raise _error(path, f"not a CSV: {error}") from error
    header = rows[0] if rows else []
    if FILENAME not in header or LABEL not in header:
        raise _error(
            path, f"the first line of a CSV of labels names its columns, '{FILENAME}' and '{LABEL}' among them"
        )
    labels: dict[str, str] = {}
    numbers: dict[str, str] = {}
    for line, row in zip(lines[1:], rows[1:], strict=False):
        if not row:
            continue
        if len(row) != len(header):
            raise _error(path, f"line {line} has {len(row)} columns, the header has {len(header)}")
        columns = dict(zip(header, row, strict=True))
        if not columns[LABEL]:
            raise _error(path, f"line {line} has no label")
        if labels.setdefault(columns[FILENAME], columns[LABEL]) != columns[LABEL]:
            raise _error(path, f"line {line} gives a file another label than a line before")
        if numbers.setdefault(columns[LABEL], columns.get(NUMBER, "")) != columns.get(NUMBER, ""):
            raise _error(path, f"line {line} gives a label another number than a line before")
    if NUMBER not in header:
        return labels, _number_labels(labels.values())
    if len(set(numbers.values())) < len(numbers) or not all(map(_is_number, numbers.values())):
        raise _error(path, f"'{NUMBER}' is to be a number for each label, and another for each")
    return labels, {label: int(number) for label, number in numbers.items()}


def _number_labels(texts: Iterable[str]) -> dict[str, int]:
    """{text: number}."""
    distinct = sorted(set(texts), key=os.fsencode)
    if all(map(_is_number, distinct)):
        return {text: int(text) for text in sorted(distinct, key=int)}
    return {text: number for number, text in enumerate(distinct)}


def _is_number(text: str) -> bool:
    """Whether a text is an int64 as Python writes them."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
        return False
    return str(int(text)) == text and -(1 << 63) <= int(text) < 1 << 63


def _error(path: str, problem: str) -> TFRecordError:
    error = TFRecordError(problem)
    error.path = path
    return error
