"""Records of any numbers, decoded: as columns of all of them, or as the example that each one is.

    numbers -> RecordSource: records -> ColumnDecoder: rows -> columns, or one example each

Whatever is wrong with a record says where it lies: path, number and offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfrecord_lite.errors import TFRecordError
from tfrecord_lite.files.inference import infer_schema
from tfrecord_lite.files.source import RecordSource
from tfrecord_lite.format.bytes_array import as_blobs
from tfrecord_lite.format.columns.batch_rows import BatchRows
from tfrecord_lite.format.columns.decode import BytesAs, ColumnDecoder
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.parsing import example_plan
from tfrecord_lite.format.plan import Plan
from tfrecord_lite.format.rows import Rows, results

#: Records that are looked at when the features are to be inferred.
_INFERRED_RECORDS = 1024
#: Bytes of records that are decoded together: large values are copied out of what is read, which is in the cache and
#: the memory of the portion before. New memory costs more than copying.
_PORTION = 8 << 20


class DecodedRecords:
    """The records of many files, decoded as they are asked for. Can be pickled.

    Args:
        paths: as for `RecordSource`: plain files or seekable GZIP, local or URLs.
        features: {name: FixedLenFeature(...) or another feature}, or a Schema. None infers them from 1,024 records of
            all files; a record that does not fit, or holds values of a feature of which those held none, is then an
            error.
        bytes_as: as for `read_batches`.
        verify: as for `RecordSource`.

    Attributes:
        source: the records.
        features: as they were given or found.

    Raises:
        OSError, TFRecordError: as `RecordSource` and, without features, `infer_schema`.
    """

    def __init__(
        self,
        paths: Any,
        features: Mapping[str, Any] | None = None,
        *,
        bytes_as: BytesAs = "objects",
        verify: bool = True,
    ) -> None:
        self.source = RecordSource(paths, verify=verify)
        self._together = max(_PORTION * len(self.source) // max(self.source.size, 1), 1)
        self._is_inferred = features is None
        self.features = infer_schema(paths, sample=_INFERRED_RECORDS, verify=verify) if features is None else features
        self._bytes_as = bytes_as
        self._decoder: ColumnDecoder | None = self._new_decoder()

    def columns(self, numbers: Any) -> dict[str, Any]:
        """The values of the records of these numbers, 0 or more, as `read_batches` gives them.

        Raises:
            TFRecordError: a record is damaged or not what the features ask for, with path, number and offset.
            IndexError: there is no such record.
        """
        decoder = self._used_decoder()
        batch = BatchRows(decoder.plan.columns, len(numbers))
        for begin in range(0, max(len(numbers), 1), self._together):
            some = numbers[begin : begin + self._together]
            batch.add(self._rows(decoder, some), len(some))
        try:
            return decoder.results(batch.rows())
        except TFRecordError:
            self._raise_first(decoder, numbers)
            raise

    def examples(self, numbers: Any) -> list[dict[str, Any]]:
        """Each of the records of these numbers, 0 or more, as `parse_single_example` gives it.

        Raises:
            TFRecordError, IndexError: as for `columns`.
        """
        decoder = self._used_decoder()
        rows = {key: column.collected() for key, column in self._rows(decoder, numbers).items()}
        try:
            return [self._example(decoder, rows, at) for at in range(len(numbers))]
        except TFRecordError:
            self._raise_first(decoder, numbers)
            raise

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_decoder": None}  # what it knows of layouts is soon learnt again

    def _example(self, decoder: ColumnDecoder, rows: Mapping[str, Rows], at: int) -> dict[str, Any]:
        parts = {key: column.part(at, at + 1) for key, column in rows.items()}
        found = results(decoder.plan, parts, is_single=True)
        return found if self._bytes_as == "objects" else {key: as_blobs(value) for key, value in found.items()}

    def _rows(self, decoder: ColumnDecoder, numbers: Any) -> dict[str, Rows]:
        records = self.source.together(numbers)
        try:
            return _decoded(decoder, records)
        except TFRecordError:
            self._raise_first(decoder, numbers)
            raise

    def _raise_first(self, decoder: ColumnDecoder, numbers: Any) -> None:
        """The error of the first record that is one by itself."""
        for number in numbers:
            try:
                decoder.results(_decoded(decoder, self.source.together([number])))
            except TFRecordError as error:
                self.source.locate(error, int(number))
                raise error from None

    def _used_decoder(self) -> ColumnDecoder:
        if self._decoder is None:
            self._decoder = self._new_decoder()
        return self._decoder

    def _new_decoder(self) -> ColumnDecoder:
        is_nothing = self._is_inferred and not self.features  # the records of empty files
        plan = Plan({}, {}) if is_nothing else example_plan(self.features)
        return ColumnDecoder(plan, self._bytes_as, names_all=self._is_inferred)


def _decoded(decoder: ColumnDecoder, records: Records) -> dict[str, Rows]:
    rows = decoder.decode(records)
    return decoder.decode_plain(records.each()) if rows is None else rows
