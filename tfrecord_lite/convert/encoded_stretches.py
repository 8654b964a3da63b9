"""Records of TFRecord files -> what an encoder makes of them in worker processes, in order.

    files --stretches of records, cut where a shard ends--> workers: encoded parts, and what was left out

Stretches are taken in their order, so that what comes of them is the same for any number of workers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfrecord_lite.adapters.written_folder import check_one_feature
from tfrecord_lite.convert.column_kinds import check_written
from tfrecord_lite.convert.skipped import SkippedRow
from tfrecord_lite.errors import SkippedRegion, TFRecordError
from tfrecord_lite.files.ordered_map import map_ordered
from tfrecord_lite.files.records import open_readers
from tfrecord_lite.files.stretches import BlockDecoder, Where, decoded, stretches
from tfrecord_lite.format.columns.window import Records
from tfrecord_lite.format.json_kinds import Column
from tfrecord_lite.format.recovery import Recovery


def encoded_stretches(
    sources: list[Any],
    encoder: BlockDecoder[Any],
    skipped: list[SkippedRow],
    workers: int,
    skips: bool,
    num_shards: int | None = None,
    total: int = 0,
) -> Generator[Encoded]:
    """What an encoder makes of all records, in order; of `total` ones each shard holds as many as any other."""
    report = None if not skips else lambda region: skipped.append(SkippedRow.of_region(region))
    items = _items(record_stretches(sources, skips, report), _Position(sources), num_shards, total)
    found: set[str] = set()
    kinds: set[tuple[Column, str]] = set()
    with closing(map_ordered(_Encode(encoder, skips), items, workers)) as results:
        for encoded in results:
            skipped += encoded.skipped
            check_one_feature(found := found | encoded.found)
            check_written(kinds := kinds | encoded.kinds)
            yield encoded


def record_stretches(
    sources: list[Any], skips: bool, report: Callable[[SkippedRegion], object] | None = None
) -> Generator[tuple[Where, Records]]:
    """All records, and where they come from; with `skips` those behind damage, too, of which `report` is told."""

    def recovery(region: SkippedRegion) -> bool:
        if report is not None:
            report(region)
        return True

    recovers: Recovery | None = recovery if skips else None
    with closing(open_readers(sources, None, True, None, None, recovers)) as readers:
        yield from stretches(readers)


@dataclass
class _Stretch:
    """Records on their way to a worker.

    Attributes:
        where: they come from.
        records: they themselves.
        shard: that they go to, where that is settled.
        progress: (bytes done, bytes in all) when they are done.
    """

    where: Where
    records: Records
    shard: int
    progress: tuple[int, int]

    def __repr__(self) -> str:
        begin = self.where.number
        return f"{self.where.path}, records {begin} to {begin + len(self.where.offsets) - 1}"


@dataclass
class Encoded:
    """What became of a stretch: parts and how many records each holds, what was left out, see Rewrite; and the kinds of
    features where these are asked for.
    """

    parts: list[tuple[int, Any]]
    skipped: list[SkippedRow]
    shard: int
    progress: tuple[int, int]
    found: set[str]
    kinds: set[tuple[Column, str]]


class _Encode:
    """What a worker does."""

    def __init__(self, encoder: BlockDecoder[Any], skips: bool) -> None:
        self._encoder = encoder
        self._skips = skips

    def __call__(self, stretch: _Stretch) -> Encoded:
        errors: list[TFRecordError] = []
        skip = errors.append if self._skips else None
        found = decoded(stretch.where, stretch.records, self._encoder, skip)
        parts = [(len(where.offsets), part) for where, part in found]
        rewritten = set(getattr(self._encoder, "found", ()))
        kinds = set(getattr(self._encoder, "kinds", ()))
        skipped = [SkippedRow.of_error(error) for error in errors]
        return Encoded(parts, skipped, stretch.shard, stretch.progress, rewritten, kinds)


class _Position:
    """How far the sources are read: bytes of plain files, whole files of others."""

    def __init__(self, sources: list[Any]) -> None:
        self._sizes = {
            source: os.path.getsize(source) for source in sources if isinstance(source, str) and os.path.isfile(source)
        }
        self._total = sum(self._sizes.values())
        self._path: str | None = None
        self._before = 0

    def after(self, where: Where) -> tuple[int, int]:
        """(bytes done, bytes in all) when these records are done."""
        if where.path != self._path:
            self._before += self._sizes.get(self._path or "", 0)
            self._path = where.path
        size = self._sizes.get(where.path or "", 0)
        return self._before + min(int(where.offsets[-1]), size), self._total


def _items(
    given: Generator[tuple[Where, Records]], position: _Position, num_shards: int | None, total: int
) -> Generator[_Stretch]:
    """The stretches, cut where a shard ends; with num_shards each holds as many of `total` records as any other."""
    ends = [] if num_shards is None else [(shard + 1) * total // num_shards for shard in range(num_shards)]
    shard, number = 0, 0
    with closing(given):
        for where, records in given:
            kept, begin, progress = records.copy(), 0, position.after(where)
            while begin < len(where.offsets):
                while shard < len(ends) - 1 and ends[shard] <= number:
                    shard += 1
                end = len(where.offsets)
                if shard < len(ends) - 1:
                    end = min(end, begin + ends[shard] - number)
                yield _Stretch(where.part(begin, end), kept.take(np.arange(begin, end)), shard, progress)
                number, begin = number + end - begin, end
