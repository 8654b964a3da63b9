"""One reader, in a process of its own: `python reader_process.py READER FILE`. Runs where benchmarks is not installed.

For each line of its input it prints one:

    digest   SHA-256 of all items, or "error" and the name of the exception
    time     seconds of wall time and of CPU time for all items, the mean of as many times as fill _TURN seconds: what a
             processor does at first after it was idle says little

An item is a record, or {name: values} of an example; "singly" and "256 at once" are about records in random order.
What is done before reading, such as an index, is not timed.
"""

from __future__ import annotations

import hashlib
import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

#: Gives all items, again at every call.
Reading = Callable[[], Iterable[Any]]
_AT_ONCE = 256
_TURN = 0.5


def our_records(path: str) -> Reading:
    import tfrecord_lite as tfr

    return lambda: tfr.read_records(path)


def our_examples(path: str) -> Reading:
    import tfrecord_lite as tfr

    return lambda: tfr.read_examples(path)


def tfrecord_records(path: str) -> Reading:
    from tfrecord.reader import tfrecord_iterator

    return lambda: tfrecord_iterator(path)


def tfrecord_examples(path: str) -> Reading:
    from tfrecord.reader import tfrecord_loader

    return lambda: tfrecord_loader(path, None)


def tfr_reader_records(path: str) -> Reading:
    from tfr_reader.cython.indexer import TFRecordFileReader

    reader = TFRecordFileReader(path, False)
    return lambda: map(reader.get_example, range(len(reader)))


def tfr_reader_examples(path: str) -> Reading:
    from tfr_reader.example import decode

    records = tfr_reader_records(path)
    return lambda: (decode(record).as_dict for record in records())


def shuffled(count: int) -> list[int]:
    numbers = list(range(count))
    random.Random(0).shuffle(numbers)
    return numbers


def batches(numbers: list[int]) -> list[list[int]]:
    return [numbers[begin : begin + _AT_ONCE] for begin in range(0, len(numbers), _AT_ONCE)]


def our_singly(path: str) -> Reading:
    import tfrecord_lite as tfr

    source = tfr.RecordSource(path)
    numbers = shuffled(len(source))
    return lambda: map(source.__getitem__, numbers)


def our_at_once(path: str) -> Reading:
    import tfrecord_lite as tfr

    source = tfr.RecordSource(path)
    some = batches(shuffled(len(source)))
    return lambda: chain.from_iterable(map(source.__getitems__, some))


def tfr_reader_singly(path: str) -> Reading:
    from tfr_reader.cython.indexer import TFRecordFileReader

    reader = TFRecordFileReader(path, False)
    numbers = shuffled(len(reader))
    return lambda: map(reader.get_example, numbers)


def tfr_reader_at_once(path: str) -> Reading:
    from tfr_reader.cython.indexer import TFRecordFileReader

    reader = TFRecordFileReader(path, False)
    some = batches(shuffled(len(reader)))
    return lambda: chain.from_iterable([reader.get_example(number) for number in numbers] for numbers in some)


def beam_records(path: str) -> Reading:
    from apache_beam.io.tfrecordio import _TFRecordUtil

    def read() -> Iterable[bytes]:
        with open(path, "rb") as file:
            while (record := _TFRecordUtil.read_record(file)) is not None:
                yield record

    return read


READERS = {
    "our-records": our_records,
    "our-examples": our_examples,
    "tfrecord-records": tfrecord_records,
    "tfrecord-examples": tfrecord_examples,
    "tfr-reader-records": tfr_reader_records,
    "tfr-reader-examples": tfr_reader_examples,
    "apache-beam-records": beam_records,
    "our-singly": our_singly,
    "our-256 at once": our_at_once,
    "tfr-reader-singly": tfr_reader_singly,
    "tfr-reader-256 at once": tfr_reader_at_once,
}


def digest(reading: Reading) -> str:
    sha = hashlib.sha256()
    try:
        for item in reading():
            sha.update(repr(sorted(map(_plain, item.items()))).encode() if isinstance(item, dict) else item)
    except Exception as error:  # noqa: BLE001  other people's code, which may raise anything
        return f"error {type(error).__name__}"
    return sha.hexdigest()


def _plain(entry: tuple[str, Any]) -> tuple[str, list[Any]]:
    name, values = entry
    if isinstance(values, bytes):
        return name, [values]
    return name, values.tolist() if hasattr(values, "tolist") else list(values)


def timed(reading: Reading) -> str:
    count = 0
    cpu, wall = time.process_time(), time.perf_counter()
    while not count or time.perf_counter() - wall < _TURN:
        deque(reading(), maxlen=0)
        count += 1
    return f"{(time.perf_counter() - wall) / count} {(time.process_time() - cpu) / count}"


def main() -> None:
    reader, path = sys.argv[1:]
    reading = READERS[reader](path)
    answers = {"digest": digest, "time": timed}
    for line in sys.stdin:
        print(answers[line.strip()](reading), flush=True)


if __name__ == "__main__":
    main()
