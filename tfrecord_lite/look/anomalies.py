"""Anomalies: what in a data set is worth a look before somebody trains with it.

what was found out  ->  Anomaly, Anomaly, ...    problems first: data that is lost or will stop a training;
                                                 then notices: what may be meant, or may be a mistake
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tfrecord_lite.errors import noun
from tfrecord_lite.look import wording
from tfrecord_lite.look.file_facts import FileFacts
from tfrecord_lite.look.numbers import Numbers
from tfrecord_lite.look.pictures import Picture
from tfrecord_lite.look.shard_sets import ShardSetFacts
from tfrecord_lite.look.statistics import BytesValues, FeatureStatistics, KindValues, Statistics

PROBLEM, NOTICE = "problem", "notice"
#: A feature in a smaller part of the records than this is nearly empty.
_NEARLY_EMPTY = 0.05
#: Constants are none in so few records.
_FEW_RECORDS = 10


@dataclass(frozen=True)
class Anomaly:
    """Something worth a look.

    Attributes:
        severity: "problem" or "notice".
        subject: the file, the set of shards or the feature that it is about, as it is named there; "" for all.
        text: what is the matter, for people. What comes from data is escaped for a terminal.
    """

    severity: str
    subject: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return {"severity": self.severity, "subject": self.subject, "text": self.text}


def find_anomalies(
    files: Sequence[FileFacts], sets: Sequence[ShardSetFacts], statistics: Statistics, pictures: Sequence[Picture]
) -> list[Anomaly]:
    """All of them, problems first, otherwise in the order of files and features."""
    found = [*_of_files(files), *_of_sets(sets)]
    if not statistics.records:
        found.append(Anomaly(NOTICE, "", "There are no examples."))
    if statistics.left_out:
        kept = len(statistics.features)
        found.append(Anomaly(PROBLEM, "", f"There are more than {kept:,} features; further ones were not looked at."))
    for feature in statistics.features:
        found += _of_feature(feature, statistics.records, pictures)
    return sorted(found, key=lambda anomaly: anomaly.severity != PROBLEM)


def _of_files(files: Sequence[FileFacts]) -> Iterator[Anomaly]:
    for facts in files:
        name = facts.path or "<file object>"
        if not facts.is_sound:
            yield Anomaly(PROBLEM, name, facts.state())
        if others := facts.others():
            yield Anomaly(PROBLEM, name, f"{others}.")
        if sequences := facts.sequences():
            severity = PROBLEM if facts.is_mixed else NOTICE
            yield Anomaly(severity, name, f"{sequences}: only their context was looked at.")
        if facts.is_complete and facts.is_sound and not facts.records:
            yield Anomaly(NOTICE, name, "holds no records.")


def _of_sets(sets: Sequence[ShardSetFacts]) -> Iterator[Anomaly]:
    prefixes = [shards.prefix for shards in sets]
    for shards in sets:
        if shards.missing:
            yield Anomaly(PROBLEM, shards.prefix, f"{shards.missing_count:,} of {shards.count:,} shards are missing.")
        if shards.others:
            yield Anomaly(NOTICE, shards.prefix, f"{shards.others:,} more {noun(shards.others, 'shard')} beside these.")
    for prefix in sorted({prefix for prefix in prefixes if prefixes.count(prefix) > 1}):
        counts = ", ".join(f"{shards.count:,}" for shards in sets if shards.prefix == prefix)
        yield Anomaly(PROBLEM, prefix, f"there are several sets of shards of this name: of {counts} shards.")


def _of_feature(feature: FeatureStatistics, records: int, pictures: Sequence[Picture]) -> Iterator[Anomaly]:
    if len(feature.kinds) > 1:
        counts = ", ".join(
            f"{dtype} in {kind.records:,} {noun(kind.records, 'record')}" for dtype, kind in feature.kinds.items()
        )
        yield Anomaly(PROBLEM, feature.name, f"is of several kinds, which cannot be parsed: {counts}.")
    for kind in feature.kinds.values():
        yield from _of_values(feature.name, kind)
    bad = [picture for picture in pictures if picture.feature == feature.name and picture.image is None]
    if bad:
        drawn = sum(picture.feature == feature.name for picture in pictures)
        first = f"record #{bad[0].record_number}: {bad[0].problem}"
        yield Anomaly(PROBLEM, feature.name, f"{len(bad):,} of {drawn:,} images drawn cannot be shown ({first}).")
    if feature.present < _NEARLY_EMPTY * records:
        text = f"is nearly empty: it holds something in {feature.present:,} of {records:,} examples."
        yield Anomaly(NOTICE, feature.name, text)
    elif feature.present < records:
        yield Anomaly(NOTICE, feature.name, f"is missing from some examples: {wording.missing(feature)}.")
    if feature.absent and feature.kindless:
        yield Anomaly(NOTICE, feature.name, "is missing in two ways: absent here, without a kind there.")
    if feature.empty:
        yield Anomaly(
            NOTICE, feature.name, f"is a list without values in {feature.empty:,} {noun(feature.empty, 'example')}."
        )
    if len(feature.kinds) == 1 and feature.present == records >= _FEW_RECORDS:
        [kind] = feature.kinds.values()
        if kind.values.is_constant:
            [(value, _), *_] = kind.values.frequent or ((None, 0),)
            shown = "" if value is None else f": {wording.label_of(value)}"
            yield Anomaly(NOTICE, feature.name, f"is the same everywhere{shown}.")


def _of_values(name: str, kind: KindValues) -> Iterator[Anomaly]:
    values = kind.values
    if isinstance(values, Numbers):
        odd = [f"{count:,} {what}" for count, what in ((values.nan, "NaN"), (values.infinite, "infinite")) if count]
        if odd:
            total = values.count + values.nan + values.infinite
            yield Anomaly(PROBLEM, name, f"{' and '.join(odd)} among {total:,} values.")
        return
    yield from _of_bytes(name, values)


def _of_bytes(name: str, values: BytesValues) -> Iterator[Anomaly]:
    empty, images = values.sizes.zeros, values.images
    if empty:
        yield Anomaly(NOTICE, name, f"{empty:,} of {values.count:,} values are empty.")
    if images is None:
        return
    if images.unreadable:
        text = f"the headers of {images.unreadable:,} of {images.count:,} images cannot be read."
        yield Anomaly(PROBLEM, name, text)
    if len(values.encodings) > 1:
        counts = ", ".join(f"{count:,} {encoding}" for encoding, count in values.encodings)
        yield Anomaly(NOTICE, name, f"values are not all alike: {counts}.")
    if len(images.modes) > 1:
        counts = ", ".join(f"{count:,} {mode}" for mode, count in images.modes)
        yield Anomaly(NOTICE, name, f"images have different colours: {counts}.")
