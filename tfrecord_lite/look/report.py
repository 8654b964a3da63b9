"""Report: everything that can be said about some files after reading them once. `page` makes a web page of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tfrecord_lite.look.anomalies import Anomaly, find_anomalies
from tfrecord_lite.look.file_facts import FileFacts, has_no_examples
from tfrecord_lite.look.pictures import Picture, PictureSketch
from tfrecord_lite.look.shard_sets import ShardSetFacts, shard_sets
from tfrecord_lite.look.statistics import Statistics
from tfrecord_lite.look.statistics_sketch import StatisticsSketch
from tfrecord_lite.look.survey import Survey

#: Images of each feature, and the pixels of the square that each fits into.
_PICTURES, _SIDE = 24, 160


@dataclass(frozen=True)
class Report:
    """What is known of some files.

    Attributes:
        files: what each is, and what is wrong with it.
        sets: the sets of shards of which they are part.
        statistics: of all examples that were looked at.
        pictures: some images.
        anomalies: what is worth a look.
    """

    files: tuple[FileFacts, ...]
    sets: tuple[ShardSetFacts, ...]
    statistics: Statistics
    pictures: tuple[Picture, ...]
    anomalies: tuple[Anomaly, ...]

    @property
    def has_no_examples(self) -> bool:
        """Whether there are records, and none of those that were tried is an Example."""
        return has_no_examples(self.files)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with any file, and no shard is missing."""
        return all(facts.is_sound for facts in self.files) and not any(shards.missing for shards in self.sets)

    @property
    def is_complete(self) -> bool:
        """Whether all of every file was looked at."""
        return all(facts.is_complete for facts in self.files)


def make_report(
    paths: Any,
    compression_type: str | None = None,
    *,
    sample: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """Read the files once, in bounded memory, and say what they are. What is wrong with them is in the report.

    Args:
        paths, compression_type: as for `read_records`.
        sample: look at no more than this many records in all, an equal share of each file from its beginning.
        progress: called with (bytes read, size of all files) every now and then.
    """
    survey = Survey(paths, compression_type, sample=sample, progress=progress)
    statistics_sketch, picture_sketch = StatisticsSketch(), PictureSketch(_PICTURES, _SIDE)
    for example in survey.examples():
        statistics_sketch.add(example)
        picture_sketch.add(example)
    names = [facts.path for facts in survey.files if facts.path and not isinstance(facts.error, FileNotFoundError)]
    sets, statistics, pictures = shard_sets(names), statistics_sketch.statistics(), picture_sketch.pictures()
    anomalies = find_anomalies(survey.files, sets, statistics, pictures)
    return Report(tuple(survey.files), tuple(sets), statistics, pictures, tuple(anomalies))
