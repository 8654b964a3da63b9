"""infer_schema: which features do the files hold?

Takes paths, decodes every record or a sample of them, returns a Schema. What follows from what is in `format.infer`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tfrecord_lite.files.examples import read_examples
from tfrecord_lite.files.paths import expand_paths
from tfrecord_lite.format.infer import schema_of
from tfrecord_lite.format.schema import Schema


def infer_schema(
    paths: Any,
    *,
    sample: int | None = None,
    compression_type: str | None = None,
    verify: bool = True,
    max_record_size: int | None = None,
) -> Schema:
    """What is known of the features in one or many files after looking at every record, or at a sample of them.

    Of a SequenceExample its context is looked at, as by `read_examples`.

    Args:
        paths: as for `read_records`.
        sample: look at no more than this many records in all, 1 or more: an equal share of each file, from its
            beginning, so that little is read; what a short file lacks is taken from those after it. Values that
            only come later in a file are not seen. None looks at all.
        compression_type, verify, max_record_size: as for `read_records`.

    Raises:
        OSError: a file is missing or cannot be read.
        CorruptRecordError, TruncatedRecordError, RecordTooLargeError, DecodeError: as for `read_examples`.
    """
    if sample is not None and operator.index(sample) < 1:
        raise ValueError(f"a sample is 1 record or more, not {sample}")
    sources = expand_paths(paths)

    def examples() -> Iterator[dict[str, Any]]:
        seen = 0
        for number, source in enumerate(sources):
            limit = None if sample is None else sample * (number + 1) // len(sources) - seen
            if limit == 0:
                continue
            of_file = read_examples(
                source, compression_type=compression_type, verify=verify, max_record_size=max_record_size
            )
            for example in islice(of_file, limit):
                seen += 1
                yield example

    return schema_of(examples())
