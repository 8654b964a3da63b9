"""What pyarrow raises about a file, as errors of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from tfrecord_lite.adapters.arrow_columns import import_pyarrow
from tfrecord_lite.errors import TFRecordError


@contextmanager
def arrow_errors(path: str) -> Iterator[None]:
    """Around all that pyarrow reads of a file: what it finds wrong is a TFRecordError about that file.

    The first line of its text is enough; further ones may show what the file holds.
    """
    pa = import_pyarrow()
    try:
        yield
    except TFRecordError as error:  # what is beneath pyarrow has no name: damaged compression, bytes that are no text
        error.path = error.path or path
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:  # the latter of names that are no UTF-8
        problem = TFRecordError((str(error).splitlines() or [type(error).__name__])[0][:200])
        problem.path = path
        raise problem from None
    except OSError as error:
        # pyarrow raises these for damage in a compressed page, too, without a number of the system's.
        if error.errno is not None:
            raise
        problem = TFRecordError((str(error).splitlines() or ["damaged"])[0][:200])
        problem.path = path
        raise problem from None


@contextmanager
def lengths_in_file() -> Iterator[None]:
    """Around what pyarrow alone does: it asks for all the memory that a length in a file says, also a damaged one."""
    try:
        yield
    except MemoryError:
        raise TFRecordError("holds, or says to hold, more than there is memory for") from None


def batches_in_file(batches: Iterable[Any]) -> Iterator[Any]:
    """The same, which are read one by one, for what is read; what is done with them meanwhile is not looked at."""
    iterator = iter(batches)
    while True:
        with lengths_in_file():
            batch = next(iterator, None)
        if batch is None:
            return
        yield batch
