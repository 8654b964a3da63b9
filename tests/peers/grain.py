"""TFRecordIterDataset of grain."""

from __future__ import annotations

from collections.abc import Iterator

from grain.experimental import TFRecordIterDataset

from peers.talk import serve


def read_records(path: str) -> Iterator[bytes]:
    yield from TFRecordIterDataset(path)


def read_from_checkpoint(path: str, count: str) -> Iterator[bytes]:
    """What follows `count` records, by another iterator that gets the state of the one that read them."""
    dataset = TFRecordIterDataset(path)
    first, second = iter(dataset), iter(dataset)
    for _ in range(int(count)):
        next(first)
    second.set_state(first.get_state())
    yield from second


if __name__ == "__main__":
    serve({"read-records": read_records, "read-from-checkpoint": read_from_checkpoint})
