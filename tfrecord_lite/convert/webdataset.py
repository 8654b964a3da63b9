"""WebDataset: a tar file in which members that follow each other and share a key are one sample.

    000000017.json                 the features that are no single bytes value, as `tfrecord-lite cat` prints them
    000000017.image%2Fencoded.jpg  a feature of one bytes value: its name, then what it seems to be (jpg, png, gif,
                                   webp, bmp, txt, otherwise bin). In a name all but A-Z a-z 0-9 _ - is percent-encoded

So webdataset's own decoders know what the members are, and nothing is lost. The key is the number of the record.

Back, the key of a member ends at the first dot of its name, and becomes the feature "__key__" unless it is just that
number. What a member becomes is said by its name, and never by what other samples hold:

    cls            an integer
    json           of an object each name a feature, as in JSON Lines; a value in which other objects or lists are is
                   bytes, its JSON. What is no object is the feature `json`
    anything else  a feature of bytes, whose name is what stands between the key and the last dot, or else the
                   extension (`jpg`, `txt`; `meta` for meta.json)

Integers are floats where floats are in the same feature of other samples (`column_kinds`); so records with a feature of
several kinds are not written. With a schema its features alone are taken. A sample with a link, a device or a pipe
among its members is no example. Members that are of no sample (see `tar_members`), such as README or ._0.jpg, are named
in a note.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from tfrecord_lite.convert.column_kinds import Found, found_in
from tfrecord_lite.convert.declared import declared_example
from tfrecord_lite.convert.formats import Rows, Skip
from tfrecord_lite.convert.inflated import open_inflated
from tfrecord_lite.convert.lines import TextOutput
from tfrecord_lite.convert.tar_members import Others, read_members
from tfrecord_lite.errors import DecodeError, FeatureError
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.encodings import UTF8, image_encoding, share_encoding
from tfrecord_lite.format.example import check_no_sequence_examples, decode_example, encode_example, encode_key
from tfrecord_lite.format.json_form import example_as_json, features_from_json, is_nested, parse_json
from tfrecord_lite.format.json_kinds import Column, kinds_to_unify, of_a_row
from tfrecord_lite.format.schema import Schema

NAME = "webdataset"
NEEDS_SCHEMA = False
COMPRESSIONS = ("GZIP",)
WRAPS = True
SAYS_KINDS = True

#: (extension, data) of one, without data where it is no file.
_Member = tuple[str, bytes | None]

_EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "GIF": "gif", "WebP": "webp", "BMP": "bmp"}
_BLOCK = 512
_KEY = "__key__"
_PART_BYTES, _PART_SAMPLES = 4 << 20, 1024
_INTEGER = re.compile(rb"\s*-?[0-9]+\s*")


class Encoder:
    """Records -> samples without their keys, which are numbered when they are written.

    Attributes:
        kinds: of which kinds the features were so far.
    """

    def __init__(self, schema: Schema | None, text: Collection[str]) -> None:
        self._schema = schema
        self.kinds: set[tuple[Column, str]] = set()

    def decode(self, records: Records) -> list[list[tuple[str, bytes]]] | None:
        """Of all records, or None when one of them is no Example."""
        try:
            return self.decode_plain([records.record(number) for number in range(len(records.starts))])
        except (DecodeError, FeatureError):
            return None

    def decode_plain(self, records: list[bytes]) -> list[list[tuple[str, bytes]]]:
        """(extension, data) of the members of each sample. Raises DecodeError, and FeatureError by a schema."""
        check_no_sequence_examples(records)
        examples: list[Any] = [decode_example(record) for record in records]
        if self._schema is not None:
            examples = [declared_example(example, self._schema) for example in examples]
        for example in examples:
            filled = ((name, value) for name, value in example.items() if value is not None and len(value))
            self.kinds.update(
                ((name, False), "bytes" if isinstance(value, list) else value.dtype.name) for name, value in filled
            )
        return [_members(example) for example in examples]


class Output(TextOutput):
    """Samples -> a file."""

    _number = 0

    def write(self, part: Any) -> None:
        """Add samples."""
        pieces = []
        for members in part:
            key = f"{self._number:09d}"
            self._number += 1
            for extension, data in members:
                header = tarfile.TarInfo(f"{key}.{extension}")
                header.size = len(data)
                pieces += [header.tobuf(tarfile.PAX_FORMAT), data, bytes(-len(data) % _BLOCK)]
        self._file.write(b"".join(pieces))

    def close(self) -> None:
        """Write the end of the archive."""
        self._file.write(bytes(2 * _BLOCK))


class Decoder:
    """Samples -> records."""

    def __init__(self, schema: Schema | None) -> None:
        self._schema = schema

    def __call__(self, rows: Rows, skip: Skip | None) -> list[bytes]:
        records = []
        for number, (key, members) in enumerate(rows.data):
            try:
                records.append(encode_example(self._example(_forms(key, members, rows.begin + number))))
            except FeatureError as error:
                if skip is None:
                    error.record_number = number
                    raise
                skip(number, str(error))
        return records

    def _example(self, forms: dict[str, Any]) -> dict[str, Any]:
        said = {name: form for name, form in forms.items() if not isinstance(form, bytes)}
        example = features_from_json(said, self._schema)
        example |= {name: [form] for name, form in forms.items() if isinstance(form, bytes)}
        return example if self._schema is None else declared_example(example, self._schema)


def found(rows: Rows) -> Found:
    """Of what kinds the features in the samples are."""
    return found_in(_kinds(key, members, rows.begin + number) for number, (key, members) in enumerate(rows.data))


def _kinds(key: str, members: list[_Member], number: int) -> list[tuple[Column, list[str]]]:
    try:
        forms = _forms(key, members, number)
    except FeatureError:  # which is raised when it is decoded
        return []
    return of_a_row(
        ((name, False), ["bytes"] if isinstance(form, bytes) else kinds_to_unify(form)) for name, form in forms.items()
    )


def _forms(key: str, members: list[_Member], number: int) -> dict[str, Any]:
    """{name: bytes, or what stands in JSON} of the features of a sample."""
    forms: dict[str, Any] = {} if key == f"{number:09d}" else {_KEY: key}
    for extension, data in members:
        features = _features(extension, data)
        for name in features.keys() & forms.keys():
            raise FeatureError("two members of a sample become this feature", name)
        forms |= features
    return forms


def _features(extension: str, data: bytes | None) -> dict[str, Any]:
    """The same of one member."""
    if data is None:
        raise FeatureError("is a link, a device or a pipe: there is no data of it in the archive", extension)
    if extension == "json":
        return _from_json(data)
    if extension == "cls":
        try:
            if _INTEGER.fullmatch(data) is not None:
                return {extension: int(data)}
        except ValueError:  # of very many digits
            pass
        raise FeatureError("is no integer", extension)
    base = extension.rpartition(".")[0]
    try:
        return {unquote(base, errors="strict") if base else extension: data}
    except UnicodeDecodeError:
        raise FeatureError("is no name in UTF-8", extension) from None


def _from_json(data: bytes) -> dict[str, Any]:
    given = parse_json(data)
    features = given if isinstance(given, dict) else {"json": given}
    for name in features:
        encode_key(name)
    return {name: json.dumps(form) if is_nested(form) else form for name, form in features.items()}


def read_parts(source: str, compression_type: str, schema: Schema | None, skip: Skip | None) -> Iterator[Rows]:
    """The samples of a file, some megabytes at a time."""
    file, path = open_inflated(source, compression_type)
    with file:
        samples: list[tuple[str, list[_Member]]] = []
        begin = size = 0
        others = Others()
        for key, extension, data in read_members(file, path, others):
            if not samples or samples[-1][0] != key:
                if size >= _PART_BYTES or len(samples) == _PART_SAMPLES:
                    yield Rows(path, begin, len(samples), samples)
                    begin, samples, size = begin + len(samples), [], 0
                samples.append((key, []))
            samples[-1][1].append((extension, data))
            size += len(data or b"")
        yield Rows(path, begin, len(samples), samples, notes=others.notes(path))


def _members(example: Mapping[str, Any]) -> list[tuple[str, bytes]]:
    others = {}
    members = []
    for name, value in example.items():
        if isinstance(value, list) and len(value) == 1 and name:
            members.append((f"{_escaped(name)}.{_extension(value[0])}", value[0]))
        else:
            others[name] = value
    return [("json", json.dumps(example_as_json(others)).encode("ascii")), *members]


def _extension(value: bytes) -> str:
    encoding = image_encoding(value)
    if encoding is not None:
        return _EXTENSIONS[encoding]
    return "txt" if share_encoding([value], UTF8) else "bin"


def _escaped(name: str) -> str:
    return quote(name, safe="").replace(".", "%2E").replace("~", "%7E")
